/* Numbers: "over 100", "between 1 and 2 stars", "order 1500", "more than 5 orders". */
#include "planner/reader.h"

#include <stdio.h>
#include <string.h>

/* A number with what stands around it. */
struct comparison {
        size_t number;         /* the atom; or a date's */
        size_t second;         /* of "between"; NO_ATOM */
        enum filter_op op;     /* FILTER_NONE: nothing said */
        const struct atom *adjective; /* "older": its columns are meant */
        size_t left, right;    /* the atoms beside it all, or NO_ATOM and r->n */
        const char *a, *b;
        const char *more[8]; /* "1, 2 or 3": the others */
        size_t n_more;
        bool money, percent;
        size_t unit; /* an atom that is a unit: hours, percent; or r->n */
        const char *unit_stem; /* of a unit that some column has: "hPa" */
};

static const char *multiply(struct reader *r, const char *digits, double by)
{
        char text[64];
        (void)snprintf(text, sizeof(text), "%.15g", strtod(digits, NULL) * by);
        return arena_strdup(r->question->arena, text);
}

/* The number's digits, with "million" behind it multiplied; *end is the last atom of it. */
static const char *take_digits(struct reader *r, size_t i, size_t *end)
{
        const struct atom *atom = r->atoms[i];
        const char *digits = atom->digits;
        *end = i;
        r->used[i] = true;
        if (reader_is(r, i + 1, WORD_MILLION)) {
                static const double times[] = {1, 1e3, 1e6, 1e9};
                digits = multiply(r, digits, times[r->atoms[i + 1]->arg]);
                r->used[i + 1] = true;
                *end = i + 1;
        }
        return digits ? digits : "0";
}

static bool is_number(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_NUMBER && !r->used[i];
}

/* What is said before the number: "over", "older than", "more expensive than", "between". */
static void take_operator(struct reader *r, struct comparison *c)
{
        size_t i = reader_before(r, c->number);
        c->left = i;
        if (i == NO_ATOM || r->used[i])
                return;
        const struct atom *atom = r->atoms[i];
        if (atom_is(atom, WORD_NOT) && i + 1 == c->number) {
                c->op = FILTER_NE; /* "not in third class" */
                r->used[i] = true;
                c->left = reader_before(r, i);
        } else if (atom_is(atom, WORD_COMPARE_OP)) {
                c->op = (enum filter_op)atom->arg;
                r->used[i] = true;
                c->left = reader_before(r, i);
                if (c->left != NO_ATOM && atom_is(r->atoms[c->left], WORD_NOT)) {
                        /* "not over 5" */
                        c->op = c->op == FILTER_GT ? FILTER_LE : FILTER_GE;
                        r->used[c->left] = true;
                        c->left = reader_before(r, c->left);
                }
        } else if (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_COMPARE_OP) {
                c->op = (enum filter_op)atom->arg;
                c->adjective = atom;
                r->used[i] = true;
                c->left = reader_before(r, i);
        } else if (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_NONE) {
                size_t before = reader_before(r, i);
                if (before != NO_ATOM && atom_is(r->atoms[before], WORD_COMPARATIVE)) {
                        bool more = r->atoms[before]->arg == FILTER_GT;
                        c->op = more == (atom->arg == 1) ? FILTER_GT : FILTER_LT;
                        c->adjective = atom;
                        r->used[i] = r->used[before] = true;
                        c->left = reader_before(r, before);
                }
        }
}

/* "1 and 2" behind "between", "1-2", "1 to 2". */
static void take_second(struct reader *r, struct comparison *c, size_t *end)
{
        size_t joint = *end + 1;
        bool between = c->left != NO_ATOM && atom_is(r->atoms[c->left], WORD_BETWEEN);
        if (!between && !reader_is(r, joint, WORD_TO))
                return;
        if (between && !reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_TO))
                return;
        if (!is_number(r, joint + 1))
                return;
        c->second = joint + 1;
        c->b = take_digits(r, c->second, end);
        r->used[joint] = true;
        c->op = FILTER_BETWEEN;
        if (between) {
                r->used[c->left] = true;
                c->left = reader_before(r, c->left);
        }
}

/* "1 or 2", "first and second class". */
static void take_list(struct reader *r, struct comparison *c, size_t *end)
{
        while (c->op == FILTER_NONE && c->n_more < 8 && c->second == NO_ATOM) {
                size_t joint = *end + 1;
                bool joins = reader_is(r, joint, WORD_OR) || reader_is(r, joint, WORD_COMMA) ||
                             (reader_is(r, joint, WORD_AND) && r->atoms[joint]->arg == 0);
                size_t next = joint + 1;
                if (joins && (reader_is(r, next, WORD_OR) || reader_is(r, next, WORD_AND)))
                        next++;
                if (!joins || !is_number(r, next) || r->atoms[next]->money != c->money)
                        return;
                size_t unit = next + 1;
                if (unit < r->n && r->atoms[unit]->kind != ATOM_COLUMN &&
                    !(c->left != NO_ATOM && r->atoms[c->left]->kind == ATOM_COLUMN))
                        return;
                for (size_t k = joint; k < next; k++)
                        r->used[k] = true;
                c->more[c->n_more++] = take_digits(r, next, end);
        }
}

/* Behind it: "or more", a unit. */
static void take_tail(struct reader *r, struct comparison *c, size_t end)
{
        size_t i = end + 1;
        c->unit = r->n;
        if (reader_is(r, i, WORD_PERCENT) || reader_is(r, i, WORD_MONEY)) {
                c->percent = c->percent || reader_is(r, i, WORD_PERCENT);
                c->money = c->money || reader_is(r, i, WORD_MONEY);
                r->used[i++] = true;
        } else if (reader_is(r, i, WORD_UNIT)) {
                c->unit = i;
                r->used[i++] = true;
        }
        while (i < r->n && r->atoms[i]->kind == ATOM_LIGHT && r->atoms[i]->arg == UNIT_OF_COLUMN) {
                c->unit_stem = r->question->tokens[r->atoms[i]->first].stem;
                i++;
        }
        if (reader_is(r, i, WORD_OR_MORE)) {
                c->op = (enum filter_op)r->atoms[i]->arg;
                r->used[i++] = true;
        }
        if (i + 1 < r->n && r->atoms[i]->kind == ATOM_COLUMN && reader_is(r, i + 1, WORD_OR_MORE) &&
            c->op == FILTER_NONE) {
                c->op = (enum filter_op)r->atoms[i + 1]->arg; /* "5 awards or more" */
                r->used[i + 1] = true;
        }
        while (i < r->n && (r->atoms[i]->kind == ATOM_LIGHT || reader_is(r, i, WORD_OF) ||
                            reader_is(r, i, WORD_A) || (c->percent && reader_is(r, i, WORD_IS))))
                i++;
        c->right = i;
}

static bool is_column_number(const struct reader *r, size_t i)
{
        return i < r->n && reader_is_number(r, r->atoms[i]);
}

/* Columns whose unit is what is said: any of "hours", of money, of percent. */
static bool find_by_unit(struct reader *r, const struct comparison *c, bool only,
                         struct refs *refs)
{
        const struct concepts *concepts = r->question->concepts;
        const char *unit = NULL;
        static const char *const units[] = {[UNIT_MINUTE] = "minut", [UNIT_HOUR] = "hour",
                                            [UNIT_DAY] = "day",      [UNIT_WEEK] = "week",
                                            [UNIT_MONTH] = "month",  [UNIT_YEAR] = "year"};
        if (c->unit < r->n && r->atoms[c->unit]->arg <= UNIT_YEAR)
                unit = units[r->atoms[c->unit]->arg];
        /* "orders above $500": of the orders' own columns, if any */
        int table = c->left != NO_ATOM && r->atoms[c->left]->kind == ATOM_TABLE && !only
                            ? r->atoms[c->left]->index
                            : -1;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                for (size_t k = 0; k < concepts->dataset->tables[t].n_columns; k++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[k];
                        const char *said = facts->column->unit;
                        bool meets = false;
                        if (!facts->is_number || facts->is_id)
                                continue;
                        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++) {
                                const char *word = facts->words[w];
                                meets = meets || (unit && strcmp(word, unit) == 0) ||
                                        (c->unit_stem && strcmp(word, c->unit_stem) == 0) ||
                                        (unit && strcmp(unit, "minut") == 0 &&
                                         strcmp(word, "minimum") == 0) || /* "_min" */
                                        (c->percent && strcmp(word, "percent") == 0) ||
                                        (c->money && (strcmp(word, "usd") == 0 ||
                                                      strcmp(word, "eur") == 0));
                        }
                        if (said)
                                meets = meets || (c->money && (strcmp(said, "USD") == 0 ||
                                                               strcmp(said, "EUR") == 0)) ||
                                        (c->percent && strcmp(said, "percent") == 0) ||
                                        (unit && strncmp(said, unit, strlen(unit)) == 0);
                        if (meets && (table < 0 || table == (int)t))
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
        if (c->left == NO_ATOM || c->op == FILTER_NONE ||
            r->atoms[c->left]->kind != ATOM_SEGMENT)
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

/* "more than 5 orders": groups with that many rows. */
static bool compare_count(struct reader *r, const struct comparison *c)
{
        struct want want = {.kind = WANT_NONE};
        size_t end;
        if (c->op == FILTER_NONE || c->op == FILTER_NE || c->right >= r->n)
                return false;
        size_t right = c->right;
        if (reader_is(r, right, WORD_TIME) && r->atoms[right]->arg == 1) {
                struct cond *often = reader_cond(r, COND_HAVING, c->number);
                often->want.kind = WANT_ROWS; /* "more than 5 times" */
                fill(often, c);
                r->used[right] = true;
                return true;
        }
        while (right + 1 < r->n && (r->atoms[right]->kind == ATOM_VALUE ||
                                    r->atoms[right]->kind == ATOM_SEGMENT ||
                                    reader_is_flag(r, r->atoms[right])) &&
               (r->atoms[right + 1]->kind == ATOM_TABLE || r->atoms[right + 1]->kind == ATOM_VALUE ||
                r->atoms[right + 1]->kind == ATOM_SEGMENT || joins_values(r, right + 1))) {
                right += joins_values(r, right + 1) ? 2 : 1;
        } /* "more than 15 townhouse sales" */
        if (r->atoms[right]->kind == ATOM_SEGMENT && right == c->right) {
                struct comparison about = *c;
                about.left = right; /* "more than 100 in stock" */
                if (compare_segment(r, &about)) {
                        r->used[right] = true;
                        return true;
                }
        }
        const struct atom *atom = r->atoms[right];
        bool counted = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
                       atom->kind == ATOM_SEGMENT || atom_is(atom, WORD_ROWS);
        if (atom->kind == ATOM_COLUMN)
                counted = !reader_is_number(r, atom) && !reader_is_flag(r, atom);
        if (!counted || !read_operand(r, right, FUNC_COUNT, &want, &end))
                return false;
        bool any = (c->op == FILTER_GE && strcmp(c->a, "1") == 0) ||
                   (c->op == FILTER_GT && strcmp(c->a, "0") == 0);
        r->intent->any_row |= any;
        if (any)
                return true; /* "at least one order": whoever has none is in no row */
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
        struct want want = {.kind = WANT_NONE, .index = -1, .table = -1, .segment = -1};
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
        r->used[i] = atom->kind == ATOM_ENTITY || atom->n > 0;
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

static void decide(struct reader *r, struct comparison *c)
{
        struct refs refs = {.n = 0};
        bool left = c->left != NO_ATOM && may_equal(r, c->left);
        for (size_t i = c->left; left && c->op == FILTER_NONE && i < c->number; i++)
                if (reader_is(r, i, WORD_IN))
                        left = false; /* "in stock on 1 December" */
        if (c->adjective && c->left != NO_ATOM && !r->used[c->left] && !left &&
            r->atoms[c->left]->kind == ATOM_COLUMN && !reader_is_flag(r, r->atoms[c->left]) &&
            reader_is(r, c->left + 1, WORD_IS))
                r->intent->cost += 60; /* "whose ticket is older than 30" */
        if (c->adjective) {
                add_compare(r, c, &c->adjective->refs);
                return;
        }
        if (compare_count(r, c) || compare_want(r, c) || compare_identity(r, c) ||
            compare_measure(r, c))
                return;
        /* "more than 100 overtime hours", "30 percent discount" */
        if (r->intent->in_total && is_column_number(r, c->right) && c->op != FILTER_NONE &&
            !r->used[c->right]) {
                struct cond *sum = reader_cond(r, COND_HAVING, c->number);
                sum->want.kind = WANT_COLUMN; /* "more than 20 awards in total" */
                sum->want.func = FUNC_SUM;
                sum->want.refs = r->atoms[c->right]->refs;
                fill(sum, c);
                r->used[c->right] = true;
                return;
        }
        if (is_column_number(r, c->right) && (!left || c->op == FILTER_NONE || r->used[c->left]) &&
            !(left && !r->used[c->left] && c->left + 1 == c->number)) {
                r->used[c->right] = true;
                add_compare(r, c, &r->atoms[c->right]->refs);
                return;
        }
        if (left) {
                r->used[c->left] = true;
                add_compare(r, c, &r->atoms[c->left]->refs);
                return;
        }
        if (compare_segment(r, c))
                return;
        if ((c->money || c->percent || c->unit < r->n || c->unit_stem) && c->op != FILTER_NONE &&
            (find_by_unit(r, c, false, &refs) || find_by_unit(r, c, true, &refs))) {
                add_compare(r, c, &refs);
                r->intent->cost += 0.1;
                if (c->left != NO_ATOM && !r->used[c->left] &&
                    r->atoms[c->left]->kind == ATOM_COLUMN &&
                    !reader_is_flag(r, r->atoms[c->left]) && !r->atoms[c->left]->is_verb)
                        r->intent->cost += 60; /* "a priority over 10 hours" */
                return;
        }
        refs.n = 0;
        if (c->op != FILTER_NONE && c->unit == r->n && find_only_number(r, c->left, &refs)) {
                add_compare(r, c, &refs);
                r->intent->cost += 0.3; /* "orders over 500": there is but one number */
                return;
        }
        refs.n = 0;
        if (c->op != FILTER_NONE && !c->money && !c->percent && find_age(r, &refs)) {
                add_compare(r, c, &refs);
                r->intent->cost += 0.2;
                return;
        }
        r->used[c->number] = false; /* nobody knows what it is a number of */
}

static void read_number(struct reader *r, size_t i)
{
        struct comparison c = {.number = i, .second = NO_ATOM, .op = FILTER_NONE};
        size_t end;
        c.money = r->atoms[i]->money;
        c.percent = r->atoms[i]->percent;
        c.a = take_digits(r, i, &end);
        take_operator(r, &c);
        take_second(r, &c, &end);
        take_list(r, &c, &end);
        take_tail(r, &c, end);
        decide(r, &c);
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
        size_t n = name_words(r->question->arena, facts->table->name, words, PHRASE_WORDS_MAX,
                              &unit);
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
static void read_columns_compared(struct reader *r, size_t i)
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

void read_numbers(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (is_number(r, i))
                        read_number(r, i);
        for (size_t i = 0; i < r->n; i++)
                if (reader_is(r, i, WORD_COMPARE_OP) && !r->used[i])
                        read_columns_compared(r, i);
}
