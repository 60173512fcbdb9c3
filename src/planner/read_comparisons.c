/* What a number is compared to: a column, a count of rows, a measure, a unit. */
#include "planner/reader.h"

#include <string.h>

static bool is_column_number(const struct reader *r, size_t i)
{
        return i < r->n && reader_is_number(r, r->atoms[i]);
}

/* The stem of the unit of time behind the number, or NULL. */
static const char *time_unit(const struct reader *r, const struct comparison *c)
{
        static const char *const units[] = {
                [UNIT_MINUTE] = "minut", [UNIT_HOUR] = "hour",   [UNIT_DAY] = "day",
                [UNIT_WEEK] = "week",    [UNIT_MONTH] = "month", [UNIT_YEAR] = "year"};
        if (c->unit < r->n && r->atoms[c->unit]->arg <= UNIT_YEAR)
                return units[r->atoms[c->unit]->arg];
        return NULL;
}

/* True when a word of the column's name, one of those in brackets, is the unit. */
static bool is_unit_word(const struct comparison *c, const char *unit, const char *word)
{
        return (unit && strcmp(word, unit) == 0) ||
               (c->unit_stem && strcmp(word, c->unit_stem) == 0) ||
               (unit && strcmp(unit, "minut") == 0 && strcmp(word, "minimum") == 0) || /* "_min" */
               (c->percent && strcmp(word, "percent") == 0) ||
               (c->money && (strcmp(word, "usd") == 0 || strcmp(word, "eur") == 0));
}

static bool has_unit(const struct column_facts *facts, const struct comparison *c, const char *unit)
{
        const char *said = facts->column->unit;
        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++) {
                if (is_unit_word(c, unit, facts->words[w]))
                        return true;
        }
        return said && ((c->money && (strcmp(said, "USD") == 0 || strcmp(said, "EUR") == 0)) ||
                        (c->percent && strcmp(said, "percent") == 0) ||
                        (unit && strncmp(said, unit, strlen(unit)) == 0));
}

/* Columns whose unit is what is said: any of "hours", of money, of percent. "orders above $500" are
 * of the orders' own columns, unless those of any table are asked for. */
static bool find_by_unit(struct reader *r, const struct comparison *c, bool of_any,
                         struct refs *refs)
{
        const struct concepts *concepts = r->question->concepts;
        const char *unit = time_unit(r, c);
        int table = c->left != NO_ATOM && r->atoms[c->left]->kind == ATOM_TABLE && !of_any
                            ? r->atoms[c->left]->index
                            : -1;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                if (table >= 0 && table != (int)t)
                        continue;
                for (size_t k = 0; k < concepts->dataset->tables[t].n_columns; k++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[k];
                        if (facts->is_number && !facts->is_id && has_unit(facts, c, unit))
                                refs_add(refs, (int)t, (int)k);
                }
        }
        return refs->n > 0;
}

static void fill(struct cond *cond, const struct comparison *c)
{
        memcpy(cond->more, c->more, sizeof(cond->more));
        cond->n_more = c->n_more;
        cond->op = c->op == FILTER_NONE ? FILTER_EQ : c->op;
        cond->a = c->a;
        cond->b = c->b;
        if (c->op == FILTER_BETWEEN && cond->kind == COND_COMPARE)
                cond->kind = COND_BETWEEN;
}

static void add_compare(struct reader *r, const struct comparison *c, const struct refs *refs)
{
        struct cond *cond = reader_cond(r, COND_COMPARE, c->number);
        cond->refs = *refs;
        fill(cond, c);
}

/* "low stock (under 20)": the number is about what the segment is about. */
static bool compare_segment(struct reader *r, const struct comparison *c)
{
        struct refs refs = {.n = 0};
        if (c->left == NO_ATOM || c->op == FILTER_NONE || r->atoms[c->left]->kind != ATOM_SEGMENT)
                return false;
        const struct dataset *dataset = r->question->concepts->dataset;
        const struct segment *segment = &dataset->segments[r->atoms[c->left]->index];
        const json_t *filter = json_array_get(segment->filters, 0);
        const char *name = json_string_value(json_object_get(filter, "column"));
        int column = name ? table_find_column(&dataset->tables[segment->table], name) : -1;
        if (column < 0)
                return false;
        refs_add(&refs, (int)segment->table, column);
        if (!reader_facts(r, &refs)->is_number)
                return false;
        add_compare(r, c, &refs);
        return true;
}

/* "or" between two values: "15 High or Critical tickets". */
static bool joins_values(const struct reader *r, size_t i)
{
        return (reader_is(r, i, WORD_OR) || reader_is(r, i, WORD_AND)) && i + 1 < r->n &&
               (r->atoms[i + 1]->kind == ATOM_VALUE || r->atoms[i + 1]->kind == ATOM_SEGMENT);
}

/* "more than 5 times" */
static bool compare_times(struct reader *r, const struct comparison *c)
{
        if (!reader_is(r, c->right, WORD_TIME) || r->atoms[c->right]->arg != 1)
                return false;
        struct cond *often = reader_cond(r, COND_HAVING, c->number);
        often->want.kind = WANT_ROWS;
        fill(often, c);
        r->used[c->right] = true;
        return true;
}

static bool is_value(const struct reader *r, size_t i)
{
        return r->atoms[i]->kind == ATOM_VALUE || r->atoms[i]->kind == ATOM_SEGMENT;
}

/* "more than 15 townhouse sales": what is counted, behind what describes it. */
static size_t skip_described(const struct reader *r, size_t i)
{
        while (i + 1 < r->n && (is_value(r, i) || reader_is_flag(r, r->atoms[i])) &&
               (r->atoms[i + 1]->kind == ATOM_TABLE || is_value(r, i + 1) ||
                joins_values(r, i + 1)))
                i += joins_values(r, i + 1) ? 2 : 1;
        return i;
}

static bool may_be_counted(const struct reader *r, const struct atom *atom)
{
        if (atom->kind == ATOM_COLUMN)
                return !reader_is_number(r, atom) && !reader_is_flag(r, atom);
        return atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
               atom->kind == ATOM_SEGMENT || atom_is(atom, WORD_ROWS);
}

/* True for "at least one": whoever has none is in no row. */
static bool is_any(const struct comparison *c)
{
        return (c->op == FILTER_GE && strcmp(c->a, "1") == 0) ||
               (c->op == FILTER_GT && strcmp(c->a, "0") == 0);
}

/* "more than 5 orders": groups with that many rows. */
static bool compare_count(struct reader *r, const struct comparison *c)
{
        struct want want = {.kind = WANT_NONE};
        size_t end;
        if (c->op == FILTER_NONE || c->op == FILTER_NE || c->right >= r->n)
                return false;
        if (compare_times(r, c))
                return true;
        size_t right = skip_described(r, c->right);
        if (r->atoms[right]->kind == ATOM_SEGMENT && right == c->right) {
                struct comparison about = *c;
                about.left = right; /* "more than 100 in stock" */
                if (compare_segment(r, &about)) {
                        r->used[right] = true;
                        return true;
                }
        }
        if (!may_be_counted(r, r->atoms[right]) || !read_operand(r, right, FUNC_COUNT, &want, &end))
                return false;
        if (is_any(c)) {
                r->intent->any_row = true;
                return true;
        }
        struct cond *cond = reader_cond(r, COND_HAVING, c->number);
        cond->want = want;
        fill(cond, c);
        return true;
}

/* "revenue over 1000", "an average salary above 50000". */
static bool compare_want(struct reader *r, const struct comparison *c)
{
        size_t i = c->left;
        if (i == NO_ATOM || r->used[i] || c->op == FILTER_NONE)
                return false;
        const struct atom *atom = r->atoms[i];
        size_t func = reader_before(r, i);
        bool has_func = func != NO_ATOM && atom_is(r->atoms[func], WORD_FUNC) && !r->used[func];
        struct want want = want_of(WANT_NONE);
        if (atom->kind == ATOM_MEASURE) {
                want.kind = WANT_MEASURE;
                want.index = atom->index;
        } else if (has_func && reader_is_number(r, atom)) {
                want.kind = WANT_COLUMN;
                want.func = (enum plan_func)r->atoms[func]->arg;
                want.refs = atom->refs;
                r->used[func] = true;
        } else {
                return false;
        }
        r->used[i] = true;
        struct cond *cond = reader_cond(r, COND_HAVING, c->number);
        cond->want = want;
        fill(cond, c);
        return true;
}

/* "more than $15,000 in revenue" */
static bool compare_measure(struct reader *r, const struct comparison *c)
{
        size_t right = c->right;
        if (right < r->n && atom_is_soft(r->atoms[right]))
                right = reader_next(r, right);
        if (c->op == FILTER_NONE || right >= r->n || r->used[right] ||
            r->atoms[right]->kind != ATOM_MEASURE)
                return false;
        struct cond *cond = reader_cond(r, COND_HAVING, c->number);
        cond->want.kind = WANT_MEASURE;
        cond->want.index = r->atoms[right]->index;
        fill(cond, c);
        r->used[right] = true;
        return true;
}

/* "customer 777": which one it is. */
static bool compare_identity(struct reader *r, const struct comparison *c)
{
        size_t i = c->left;
        if (i == NO_ATOM || c->op != FILTER_NONE || c->money || c->percent || c->unit < r->n ||
            i + 1 != c->number)
                return false;
        const struct atom *atom = r->atoms[i];
        const struct concepts *concepts = r->question->concepts;
        struct refs refs = {.n = 0};
        if (atom->kind == ATOM_ENTITY)
                refs = atom->refs;
        else if (atom->kind == ATOM_TABLE && concepts->tables[atom->index].key >= 0)
                refs_add(&refs, atom->index, concepts->tables[atom->index].key);
        if (refs.n == 0)
                return false;
        r->used[i] = true;
        size_t by = reader_before(r, i);
        if (by != NO_ATOM && by > 0 && reader_is(r, by, WORD_BY))
                r->used[by] = true; /* "handled by agent 104" */
        add_compare(r, c, &refs);
        return true;
}

static bool may_equal(const struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        if (atom->kind != ATOM_COLUMN)
                return false;
        const struct column_facts *facts = reader_facts(r, &atom->refs);
        return facts->is_number || facts->is_id;
}

static bool find_only_number(const struct reader *r, size_t i, struct refs *refs)
{
        const struct concepts *concepts = r->question->concepts;
        if (i == NO_ATOM || r->atoms[i]->kind != ATOM_TABLE)
                return false;
        const struct table_facts *table = &concepts->tables[r->atoms[i]->index];
        for (size_t k = 0; k < table->table->n_columns; k++) {
                const struct column_facts *facts = &table->columns[k];
                if (facts->is_number && !facts->is_id && !facts->is_year && !facts->is_flag)
                        refs_add(refs, r->atoms[i]->index, (int)k);
        }
        return refs->n == 1;
}

/* "women over 80": their age, if it is known. */
static bool find_age(const struct reader *r, struct refs *refs)
{
        const struct concepts *concepts = r->question->concepts;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t k = 0; k < concepts->dataset->tables[t].n_columns; k++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[k];
                        if (facts->is_number && facts->n_words - facts->n_unit == 1 &&
                            strcmp(facts->words[0], "age") == 0)
                                refs_add(refs, (int)t, (int)k);
                }
        return refs->n == 1;
}

/* The column before the number is what is compared: "price over 5". */
static bool is_left_meant(const struct reader *r, const struct comparison *c)
{
        if (c->left == NO_ATOM || !may_equal(r, c->left))
                return false;
        for (size_t i = c->left; c->op == FILTER_NONE && i < c->number; i++) {
                if (reader_is(r, i, WORD_IN) || reader_is(r, i, WORD_FOR))
                        return false; /* "in stock on 1 December", "price for all 5-bedroom homes"
                                       */
        }
        return true;
}

static bool is_free_column(const struct reader *r, size_t i)
{
        return i != NO_ATOM && !r->used[i] && r->atoms[i]->kind == ATOM_COLUMN &&
               !reader_is_flag(r, r->atoms[i]);
}

/* "older than 30" */
static bool compare_adjective(struct reader *r, const struct comparison *c, bool left)
{
        bool said = c->left != NO_ATOM && r->atoms[c->left]->kind == ATOM_ADJECTIVE &&
                    r->atoms[c->left]->word == WORD_NONE && !r->used[c->left];
        if (!c->adjective && said) { /* "sold for under 500000" */
                r->used[c->left] = true;
                add_compare(r, c, &r->atoms[c->left]->refs);
                return true;
        }
        if (!c->adjective)
                return false;
        if (!left && is_free_column(r, c->left) && reader_is(r, c->left + 1, WORD_IS))
                r->intent->cost += COST_SENSELESS; /* "whose ticket is older than 30" */
        add_compare(r, c, &c->adjective->refs);
        return true;
}

/* "more than 20 awards in total" */
static bool compare_total(struct reader *r, const struct comparison *c)
{
        if (!r->intent->in_total || !is_column_number(r, c->right) || c->op == FILTER_NONE ||
            r->used[c->right])
                return false;
        struct cond *sum = reader_cond(r, COND_HAVING, c->number);
        sum->want.kind = WANT_COLUMN;
        sum->want.func = FUNC_SUM;
        sum->want.refs = r->atoms[c->right]->refs;
        fill(sum, c);
        r->used[c->right] = true;
        return true;
}

/* Amounts: no share of anything. */
static bool counts_things(const struct column_facts *facts)
{
        const char *unit = facts->column->unit;
        if (facts->nature != NATURE_ADDED || (unit && strcmp(unit, "percent") == 0))
                return false;
        for (size_t w = 0; w < facts->n_words; w++)
                if (strcmp(facts->words[w], "percent") == 0 || strcmp(facts->words[w], "pct") == 0)
                        return false;
        return true;
}

/* "more than 100 overtime hours", "30 percent discount", "price over 5" */
static bool compare_column(struct reader *r, const struct comparison *c, bool left)
{
        bool free_left = left && !r->used[c->left];
        bool right = is_column_number(r, c->right) && (!free_left || c->op == FILTER_NONE) &&
                     !(free_left && c->left + 1 == c->number);
        if (!right && !left)
                return false;
        size_t column = right ? c->right : c->left;
        size_t not = right ? NO_ATOM : reader_before(r, column);
        struct comparison said = *c;
        if (c->op == FILTER_NONE && not != NO_ATOM && reader_is(r, not, WORD_NOT) &&
            !r->used[not ]) {
                said.op = FILTER_NE; /* "not in class 3" */
                r->used[not ] = true;
        }
        if (c->percent && counts_things(reader_facts(r, &r->atoms[column]->refs)))
                r->intent->cost += COST_SENSELESS; /* "fewer than 40% of people" */
        r->used[column] = true;
        add_compare(r, &said, &r->atoms[column]->refs);
        return true;
}

/* "readmitted within 90 days", where a column says "Readmitted 30d". */
static bool has_number(const struct reader *r, const struct atom *atom)
{
        if (atom->kind != ATOM_COLUMN)
                return false;
        const struct column_facts *facts = reader_facts(r, &atom->refs);
        for (size_t w = 0; w < facts->n_words; w++)
                if (facts->words[w][0] >= '0' && facts->words[w][0] <= '9')
                        return true;
        return false;
}

/* "over 10 hours", "above $500": the columns of that unit. */
static bool compare_unit(struct reader *r, const struct comparison *c)
{
        struct refs refs = {.n = 0};
        bool has_unit = c->money || c->percent || c->unit < r->n || c->unit_stem;
        if (!has_unit || c->op == FILTER_NONE ||
            !(find_by_unit(r, c, false, &refs) || find_by_unit(r, c, true, &refs)))
                return false;
        add_compare(r, c, &refs);
        r->intent->cost += COST_BY_UNIT;
        if (is_free_column(r, c->left) && !r->atoms[c->left]->is_verb)
                r->intent->cost += COST_SENSELESS; /* "a priority over 10 hours" */
        if (c->left != NO_ATOM && has_number(r, r->atoms[c->left]))
                r->intent->cost += COST_SENSELESS;
        return true;
}

/* "orders over 500": there is but one number. */
static bool compare_only_number(struct reader *r, const struct comparison *c)
{
        struct refs refs = {.n = 0};
        if (c->op == FILTER_NONE || c->unit != r->n || !find_only_number(r, c->left, &refs))
                return false;
        add_compare(r, c, &refs);
        r->intent->cost += COST_ONLY_NUMBER;
        return true;
}

static bool compare_age(struct reader *r, const struct comparison *c)
{
        struct refs refs = {.n = 0};
        if (c->op == FILTER_NONE || c->money || c->percent || !find_age(r, &refs))
                return false;
        add_compare(r, c, &refs);
        r->intent->cost += COST_AGE;
        return true;
}

/* "below 4 or above 12": of the same column. */
static bool compare_again(struct reader *r, const struct comparison *c)
{
        struct intent *intent = r->intent;
        bool joined = c->left != NO_ATOM &&
                      (reader_is(r, c->left, WORD_OR) || reader_is(r, c->left, WORD_AND));
        if (!joined || c->op == FILTER_NONE || intent->n_conds == 0 || c->left == 0)
                return false;
        const struct cond *last = &intent->conds[intent->n_conds - 1];
        if (last->kind != COND_COMPARE || !last->a || last->at + 1 != c->left)
                return false;
        const struct refs refs = last->refs;
        add_compare(r, c, &refs);
        return true;
}

void compare_number(struct reader *r, const struct comparison *c)
{
        bool left = is_left_meant(r, c);
        if (compare_adjective(r, c, left) || compare_count(r, c) || compare_want(r, c) ||
            compare_identity(r, c) || compare_measure(r, c) || compare_total(r, c) ||
            compare_column(r, c, left) || compare_segment(r, c) || compare_again(r, c) ||
            compare_unit(r, c) || compare_only_number(r, c) || compare_age(r, c))
                return;
        r->used[c->number] = false; /* nobody knows what it is a number of */
}

/* The column of the table's own name that is of the same kind as another: of "sales above list
 * price" the sale price. */
static bool find_counterpart(const struct reader *r, const struct atom *table,
                             const struct atom *other, struct refs *refs)
{
        const struct concepts *concepts = r->question->concepts;
        const struct column_facts *known = reader_facts(r, &other->refs);
        const struct table_facts *facts = &concepts->tables[table->index];
        const char *words[PHRASE_WORDS_MAX];
        size_t unit;
        size_t n =
                name_words(r->question->arena, facts->table->name, words, PHRASE_WORDS_MAX, &unit);
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                const struct column_facts *column = &facts->columns[c];
                bool same = false;
                bool named = false;
                for (size_t w = 0; w < column->n_words - column->n_unit; w++) {
                        for (size_t k = 0; k < n; k++) {
                                const char *stem = stem_of(concepts->stemmer, words[k]);
                                named = named || (stem && strcmp(column->words[w], stem) == 0);
                        }
                        for (size_t k = 0; k < known->n_words - known->n_unit; k++)
                                same = same || strcmp(column->words[w], known->words[k]) == 0;
                }
                if (same && named && column != known && column->is_number)
                        refs_add(refs, table->index, (int)c);
        }
        return refs->n == 1;
}

/* "sale price above list price": two columns compared. */
void read_columns_compared(struct reader *r, size_t i)
{
        size_t left = reader_before(r, i);
        size_t right = reader_next(r, i);
        struct refs refs = {.n = 0};
        if (left == NO_ATOM || !is_column_number(r, right) || r->used[right] || r->used[left])
                return;
        if (is_column_number(r, left))
                refs = r->atoms[left]->refs;
        else if (r->atoms[left]->kind != ATOM_TABLE ||
                 !find_counterpart(r, r->atoms[left], r->atoms[right], &refs))
                return;
        struct cond *cond = reader_cond(r, COND_COMPARE, i);
        cond->refs = refs;
        cond->refs2 = r->atoms[right]->refs;
        cond->op = (enum filter_op)r->atoms[i]->arg;
        r->used[i] = r->used[right] = true;
        if (r->atoms[left]->kind == ATOM_COLUMN)
                r->used[left] = true;
}
