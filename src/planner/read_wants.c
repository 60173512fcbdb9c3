/* What is to be counted or computed, by what it is grouped, and what the remaining nouns are for. */
#include "planner/reader.h"

#include <string.h>

static struct want no_want(enum want_kind kind)
{
        return (struct want){.kind = kind, .index = -1, .table = -1, .segment = -1};
}

static bool is_moment(const struct reader *r, const struct atom *atom)
{
        return atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_moment;
}

/* The last noun of several side by side ("customer orders"), from i on. */
static size_t last_noun(struct reader *r, size_t i)
{
        while (i + 1 < r->n && !r->used[i + 1] &&
               (atom_is_noun(r->atoms[i + 1]) || r->atoms[i + 1]->kind == ATOM_SEGMENT) &&
               !reader_is_flag(r, r->atoms[i + 1]) && !r->atoms[i + 1]->is_verb &&
               !is_moment(r, r->atoms[i + 1]) &&
               !(r->atoms[i]->kind != ATOM_COLUMN && reader_is_number(r, r->atoms[i + 1]))) {
                if (r->atoms[i]->kind == ATOM_SEGMENT)
                        break;
                r->used[i++] = true;
        }
        return i;
}

/* Words that may stand between "how many" and what is counted: "open critical phone tickets". */
static bool may_describe(const struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        return atom_is_soft(atom) || atom->kind == ATOM_VALUE || atom->kind == ATOM_SEGMENT ||
               reader_is_flag(r, atom) || atom_is(atom, WORD_NOT) || atom_is(atom, WORD_DISTINCT) ||
               atom_is(atom, WORD_AND) || atom_is(atom, WORD_OR) || atom->kind == ATOM_TIME ||
               atom_is(atom, WORD_COMMA) || (atom->kind == ATOM_NUMBER && r->used[i]) ||
               (atom->kind == ATOM_COLUMN && r->used[i]);
}

static bool is_countable(const struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        if (r->used[i])
                return false;
        if ((atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY) && atom->is_verb)
                return false;
        return atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
               atom_is(atom, WORD_ROWS) ||
               (atom->kind == ATOM_COLUMN && !reader_is_flag(r, atom) && !is_moment(r, atom)) ||
               atom->kind == ATOM_MEASURE ||
               (atom_is(atom, WORD_UNIT) && atom->arg == UNIT_DAY);
}

static void count_noun(struct reader *r, const struct atom *atom, bool distinct, struct want *want)
{
        const struct concepts *concepts = r->question->concepts;
        if (atom->kind == ATOM_MEASURE) {
                *want = no_want(WANT_MEASURE);
                want->index = atom->index;
        } else if (atom->kind == ATOM_TABLE) {
                *want = no_want(WANT_ROWS);
                want->table = atom->index;
        } else if (atom_is(atom, WORD_ROWS)) {
                *want = no_want(WANT_ROWS);
        } else if (atom_is(atom, WORD_UNIT)) {
                *want = no_want(WANT_DISTINCT);
                want->op = EXPR_DATE_TRUNC;
                want->func = FUNC_COUNT_DISTINCT;
        } else {
                const struct column_facts *facts = concept_column(concepts, atom->refs.at[0]);
                bool sum = !distinct && facts->is_number && !facts->is_id && !facts->is_year;
                *want = no_want(sum ? WANT_COLUMN : WANT_DISTINCT);
                want->func = sum ? FUNC_SUM : FUNC_COUNT_DISTINCT;
                want->refs = atom->refs;
                /* Rows that the column is the key of. */
                if (!sum && !distinct && facts->is_key) {
                        *want = no_want(WANT_ROWS);
                        want->table = atom->refs.at[0].table;
                }
        }
}

/* A segment's rows: it is a condition like any other, and names what is counted. */
static void count_segment(struct reader *r, size_t i, struct want *want)
{
        *want = no_want(WANT_ROWS);
        want->segment = r->atoms[i]->index;
        want->table = (int)r->question->concepts->dataset->segments[want->segment].table;
        if (!r->used[i]) {
                struct cond *cond = reader_cond(r, COND_SEGMENT, i);
                cond->index = want->segment;
        }
        r->used[i] = true;
}

/* What is counted behind i ("how many"): its noun, or the rows that are described. */
static bool read_count(struct reader *r, size_t i, struct want *want, size_t *end)
{
        bool distinct = false;
        size_t segment = r->n;
        size_t described = r->n;
        size_t at = i + 1;
        for (; at < r->n && !is_countable(r, at) && may_describe(r, at); at++) {
                distinct = distinct || reader_is(r, at, WORD_DISTINCT);
                if (reader_is(r, at, WORD_DISTINCT))
                        r->used[at] = true;
                if (r->atoms[at]->kind == ATOM_SEGMENT)
                        segment = at;
                if (r->atoms[at]->kind == ATOM_VALUE || reader_is_flag(r, r->atoms[at]))
                        described = at;
                /* "how many churned": the verb ends what is counted */
                if (segment < r->n &&
                    (reader_is(r, at, WORD_IN) || reader_is(r, at, WORD_FROM) ||
                     reader_is(r, at, WORD_FOR) || reader_is(r, at, WORD_OF)))
                        break;
                if ((segment < r->n || described < r->n) &&
                    (reader_is(r, at, WORD_IS) || reader_is(r, at, WORD_HAVE) ||
                     reader_is(r, at, WORD_DO)))
                        break;
        }
        if (at < r->n && is_countable(r, at)) {
                size_t noun = r->atoms[at]->kind == ATOM_COLUMN && reader_is_number(r, r->atoms[at])
                                      ? at
                                      : last_noun(r, at);
                r->used[noun] = r->atoms[noun]->kind != ATOM_SEGMENT;
                *end = noun;
                if (r->atoms[noun]->kind == ATOM_SEGMENT) {
                        count_segment(r, noun, want);
                        return true;
                }
                count_noun(r, r->atoms[noun], distinct, want);
                return true;
        }
        *want = no_want(WANT_ROWS);
        *end = i;
        if (segment < r->n) {
                *end = segment;
                count_segment(r, segment, want);
                return true;
        }
        return described < r->n;
}

static bool is_arithmetic(const struct reader *r, size_t i, enum expr_op *op)
{
        static const struct {
                enum word word;
                enum expr_op op;
        } words[] = {{WORD_PLUS, EXPR_ADD}, {WORD_MINUS, EXPR_SUB}, {WORD_TIMES, EXPR_MUL},
                     {WORD_DIVIDED, EXPR_DIV}};
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
                if (!reader_is(r, i, words[w].word))
                        continue;
                *op = words[w].op;
                return true;
        }
        return false;
}

/* "+" and "-" are also other things; between two columns they compute. */
static bool is_sign(const struct reader *r, size_t i, enum expr_op *op)
{
        if (reader_is(r, i, WORD_TO) && r->atoms[i]->arg == 1)
                *op = EXPR_SUB;
        else if (reader_is(r, i, WORD_OR_MORE) && r->atoms[i]->n == 1)
                *op = EXPR_ADD;
        else
                return false;
        return true;
}

static void take_column(struct reader *r, size_t i, enum plan_func func, struct want *want,
                        size_t *end)
{
        enum expr_op op;
        *want = no_want(WANT_COLUMN);
        want->func = func;
        want->refs = r->atoms[i]->refs;
        r->used[i] = true;
        *end = i;
        size_t joint = reader_next(r, i);
        size_t second = reader_next(r, joint);
        if (joint < r->n && second < r->n && reader_is_number(r, r->atoms[second]) &&
            !r->used[joint] && !r->used[second] &&
            (is_arithmetic(r, joint, &op) || is_sign(r, joint, &op)) &&
            !(op == EXPR_DIV && r->atoms[joint]->arg == 100)) {
                want->op = op;
                want->refs2 = r->atoms[second]->refs;
                r->used[joint] = r->used[second] = true;
                *end = second;
        }
}

bool read_operand(struct reader *r, size_t i, enum plan_func func, struct want *want, size_t *end)
{
        if (i >= r->n || r->used[i])
                return false;
        const struct atom *atom = r->atoms[i];
        *end = i;
        if (atom->kind == ATOM_MEASURE) {
                *want = no_want(WANT_MEASURE);
                want->index = atom->index;
                want->func = func == FUNC_COUNT ? FUNC_NONE : func;
                r->used[i] = true;
                return true;
        }
        if (atom_is(atom, WORD_COUNT) || atom_is(atom, WORD_HOW_MANY) ||
            atom_is(atom, WORD_DISTINCT)) {
                if (!read_count(r, atom_is(atom, WORD_DISTINCT) ? i - 1 : i, want, end))
                        return false;
                r->used[i] = true;
                if (want->kind == WANT_COLUMN && func != FUNC_NONE && func != FUNC_COUNT)
                        want->func = func;
                return true;
        }
        if (atom_is(atom, WORD_DIFFERENCE)) {
                size_t first = reader_next(r, i);
                size_t joint = reader_next(r, first);
                size_t second = reader_next(r, joint);
                if (second >= r->n || !reader_is_number(r, r->atoms[first]) ||
                    !reader_is(r, joint, WORD_AND) || !reader_is_number(r, r->atoms[second]))
                        return false;
                *want = no_want(WANT_COLUMN);
                want->func = func;
                want->op = EXPR_SUB;
                want->refs = r->atoms[first]->refs;
                want->refs2 = r->atoms[second]->refs;
                r->used[i] = r->used[first] = r->used[joint] = r->used[second] = true;
                *end = second;
                return true;
        }
        if (atom_is(atom, WORD_FUNC)) {
                if (!read_operand(r, reader_next(r, i), (enum plan_func)atom->arg, want, end))
                        return false;
                r->used[i] = true;
                return true;
        }
        if (reader_is_number(r, atom) && !(func == FUNC_COUNT)) {
                take_column(r, i, func, want, end);
                return true;
        }
        if (atom_is_noun(atom) || atom->kind == ATOM_SEGMENT || atom_is(atom, WORD_ROWS) ||
            atom->kind == ATOM_VALUE) {
                if (func != FUNC_NONE && func != FUNC_COUNT && func != FUNC_SUM &&
                    func != FUNC_AVG)
                        return false;
                if (atom->kind == ATOM_COLUMN && func == FUNC_SUM)
                        return false;
                if (atom->kind == ATOM_VALUE && func != FUNC_COUNT)
                        r->intent->cost += 0.8; /* "total rain" is no number of rainy days */
                return read_count(r, i - 1, want, end);
        }
        return false;
}

/* Shares: "what share of X is Y". */
void read_shares(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (atom_is(atom, WORD_SHARE) && atom->arg == 0 && r->share_at == r->n) {
                        r->share_at = i;
                        r->used[i] = true;
                        r->intent->share = SHARE_OF_ROWS;
                } else if (atom_is(atom, WORD_SHARE) && r->share_at == r->n && i > 0 &&
                           r->atoms[i - 1]->kind != ATOM_NUMBER && !reader_is(r, i - 1, WORD_IN)) {
                        r->share_at = i;
                        r->used[i] = true;
                        r->intent->share = SHARE_OF_ROWS;
                } else if (atom_is(atom, WORD_RATE) && i > 0) {
                        size_t before = reader_before(r, i);
                        bool flag = before != NO_ATOM && before + 1 == i &&
                                    (reader_is_flag(r, r->atoms[before]) ||
                                     r->atoms[before]->kind == ATOM_VALUE);
                        if (!flag)
                                continue;
                        r->used[i] = true;
                        r->share_at = before;
                        r->share_noun = before;
                        r->rate_at = before;
                        r->intent->share = SHARE_OF_ROWS;
                }
        }
}

/* A verb parts what a share is among from what it is of: "of the tickets in January | were
 * closed". */
static bool is_verb(const struct atom *atom)
{
        return atom_is(atom, WORD_IS) || atom_is(atom, WORD_HAVE) || atom_is(atom, WORD_DO) ||
               atom_is(atom, WORD_THAT) || (atom->kind == ATOM_LIGHT && atom->cost > 0.55);
}

/* "What share of the orders does each category make up": parts of the total. */
static bool asks_does_each(const struct reader *r, size_t i)
{
        while (i > 0 && !reader_is(r, i, WORD_EACH))
                i--;
        return i > 0 && reader_is(r, i - 1, WORD_DO);
}

void read_share_conditions(struct reader *r)
{
        struct intent *intent = r->intent;
        size_t verb = r->n;
        size_t n_marked = 0;
        if (intent->share != SHARE_OF_ROWS)
                return;
        size_t noun = r->share_noun < r->n ? r->share_noun : r->share_at;
        for (size_t i = 0; i < intent->n_conds; i++) {
                struct cond *cond = &intent->conds[i];
                for (size_t k = noun + 1; k < cond->at && verb == r->n; k++)
                        if (is_verb(r->atoms[k]) && cond->kind != COND_TIME)
                                verb = k;
        }
        bool each = false;
        for (size_t g = 0; g < intent->n_groups; g++)
                each = each || asks_does_each(r, intent->groups[g].at) ||
                       (r->share_noun < r->n && r->atoms[r->share_noun]->kind == ATOM_SEGMENT);
        for (int pass = 0; pass < (each ? 2 : 3) && n_marked == 0; pass++) {
                for (size_t i = 0; i < intent->n_conds; i++) {
                        struct cond *cond = &intent->conds[i];
                        bool is_of = pass == 0   ? verb < r->n && cond->at > verb
                                     : pass == 1 ? cond->at > noun
                                                 : cond->at > r->share_at && cond->at <= noun;
                        if (r->rate_at < r->n)
                                is_of = cond->at == r->rate_at;
                        if (cond->kind == COND_TIME || cond->kind == COND_HAVING ||
                            cond->dropped || (cond->negated && cond->excepted))
                                continue;
                        cond->is_share = is_of;
                        n_marked += is_of;
                }
        }
        if (n_marked == 0)
                intent->share = SHARE_OF_TOTAL;
}

static bool begins_group(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_PER) || reader_is(r, i, WORD_EACH) ||
               reader_is(r, i, WORD_ACROSS) || reader_is(r, i, WORD_BY) ||
               reader_is(r, i, WORD_DISTRIBUTION);
}

/* "each factory floor": the column that the segment, or the value, is about. */
static bool find_segment_column(const struct reader *r, const struct atom *atom,
                                struct refs *refs)
{
        const struct dataset *dataset = r->question->concepts->dataset;
        if (atom->kind == ATOM_VALUE && (atom->is_part || atom->n_values > 1)) {
                *refs = atom->refs;
                return true;
        }
        if (atom->kind != ATOM_SEGMENT)
                return false;
        const struct segment *segment = &dataset->segments[atom->index];
        const char *name = json_string_value(
                json_object_get(json_array_get(segment->filters, 0), "column"));
        int column = name ? table_find_column(&dataset->tables[segment->table], name) : -1;
        if (column < 0 || json_array_size(segment->filters) != 1)
                return false;
        refs_add(refs, (int)segment->table, column);
        return true;
}

static bool add_group(struct reader *r, size_t i, bool each)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        struct group group = {.at = i, .per_each = each};
        const struct concepts *concepts = r->question->concepts;
        if (intent->n_groups >= GROUPS_MAX || r->used[i])
                return false;
        if (each && reader_is_flag(r, atom))
                intent->cost += 60; /* "per returned" */
        if (atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY)
                group.refs = atom->refs;
        else if (atom->kind == ATOM_TABLE && concepts->tables[atom->index].key >= 0)
                refs_add(&group.refs, atom->index, concepts->tables[atom->index].key);
        else if (atom->kind == ATOM_VALUE && reader_is(r, i - 1, WORD_ACROSS)) {
                group.refs = atom->refs; /* "across Email, Chat and Phone" */
                intent->groups[intent->n_groups++] = group;
                return true; /* and it stays a condition */
        } else if (each && find_segment_column(r, atom, &group.refs)) {
                intent->groups[intent->n_groups++] = group;
                return true; /* and it stays a condition */
        } else if (atom_is(atom, WORD_UNIT))
                group.unit = (enum plan_unit)atom->arg;
        else if (atom_is(atom, WORD_TIME) && atom->arg == 0)
                group.unit = UNIT_DAY;
        else if (atom_is(atom, WORD_PART)) {
                group.unit = (enum plan_unit)atom->arg;
                group.is_part = true;
        } else
                return false;
        r->used[i] = true;
        intent->groups[intent->n_groups++] = group;
        return true;
}

/* "each zone's readings", "per product category": the noun before the column says whose it is. */
static size_t skip_owner(struct reader *r, size_t i)
{
        if (i + 1 < r->n && (r->atoms[i]->kind == ATOM_ENTITY || r->atoms[i]->kind == ATOM_TABLE) &&
            r->atoms[i + 1]->kind == ATOM_COLUMN && !r->used[i + 1] && !r->used[i]) {
                r->used[i] = true;
                return i + 1;
        }
        return i;
}

/* Things of which there are so few that each is looked at. */
static bool is_few(const struct reader *r, const struct atom *atom)
{
        const struct concepts *concepts = r->question->concepts;
        int64_t n = -1;
        if (atom->kind == ATOM_ENTITY)
                n = reader_facts(r, &atom->refs)->n_distinct;
        else if (atom->kind == ATOM_TABLE)
                n = concepts->tables[atom->index].n_rows;
        return n >= 0 && n <= 200;
}

/* "average X per Y": one number, X by the count of Y, and not a group for each. */
static bool reads_as_ratio(struct reader *r, size_t per, size_t noun)
{
        const struct atom *atom = r->atoms[noun];
        size_t before = per == 0 ? NO_ATOM : per - 1;
        bool averaged = false;
        bool counted = false;
        size_t begin = per;
        bool column = atom->kind == ATOM_COLUMN && !reader_is_number(r, atom) &&
                      !reader_is_flag(r, atom);
        bool thing = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
                     atom_is(atom, WORD_UNIT) || column;
        if (!thing || !reader_is(r, per, WORD_PER) || before == NO_ATOM ||
            r->intent->sort != SORT_NONE)
                return false;
        for (size_t i = per; i < r->n; i++)
                if (reader_is(r, i, WORD_DIRECTION))
                        return false;
        while (begin > 0) {
                const struct atom *at = r->atoms[begin - 1];
                if (atom_is(at, WORD_FUNC) && at->arg == FUNC_AVG)
                        averaged = true;
                if (atom_is(at, WORD_COUNT) || atom_is(at, WORD_HOW_MANY))
                        counted = true;
                begin--;
        }
        /* A number that can be averaged itself is: "average total per customer". */
        const struct atom *what = r->atoms[before];
        bool number = reader_is_number(r, what);
        bool rows = what->kind == ATOM_TABLE || what->kind == ATOM_ENTITY ||
                    what->kind == ATOM_SEGMENT ||
                    (what->kind == ATOM_MEASURE && atom->kind != ATOM_WORD);
        if (averaged)
                return rows && !number && (!column || counted);
        if (column)
                return false;
        if (is_few(r, atom))
                return false; /* "tickets per agent" */
        bool other = false; /* "revenue per order for each category" */
        for (size_t i = noun + 1; i < r->n; i++)
                other = other || reader_is(r, i, WORD_EACH) || reader_is(r, i, WORD_BY);
        if (what->kind == ATOM_MEASURE && other && !counted)
                return true;
        return rows && !counted && !atom_is(atom, WORD_UNIT) && what->kind != ATOM_MEASURE &&
               what->kind != ATOM_SEGMENT && r->intent->rank.by == RANK_NONE &&
               !r->intent->is_which;
}

/* "average number of calls per customer", where a row is a customer: the average. */
static bool averages_rows(const struct reader *r, size_t per, size_t noun)
{
        bool averaged = r->intent->on_average;
        if (!reader_is(r, per, WORD_PER) || noun >= r->n || per == 0 ||
            !reader_is_number(r, r->atoms[per - 1]))
                return false;
        const struct atom *atom = r->atoms[noun];
        bool bare = true;
        for (size_t i = 0; i < per; i++) {
                averaged = averaged ||
                           (reader_is(r, i, WORD_FUNC) && r->atoms[i]->arg == FUNC_AVG);
                bare = bare && !reader_is(r, i, WORD_FUNC) && !reader_is(r, i, WORD_COUNT) &&
                       !reader_is(r, i, WORD_HOW_MANY) && !reader_is(r, i, WORD_HOW_MUCH);
        }
        averaged = averaged || (bare && r->intent->rank.by == RANK_NONE &&
                                r->intent->sort == SORT_NONE);
        bool row = atom->kind == ATOM_TABLE ||
                   (atom->kind == ATOM_ENTITY && reader_facts(r, &atom->refs)->is_key);
        int table = atom->kind == ATOM_TABLE ? atom->index : atom->refs.at[0].table;
        return averaged && row && r->atoms[per - 1]->refs.at[0].table == table;
}

/* "sick days per employee": nothing else says that they are averaged. */
static void average_number(struct reader *r, size_t per)
{
        for (size_t i = 0; i < per; i++)
                if (reader_is(r, i, WORD_FUNC) || r->intent->on_average)
                        return;
        struct want *want = reader_want(r, WANT_COLUMN);
        want->func = FUNC_AVG;
        want->refs = r->atoms[per - 1]->refs;
        r->used[per - 1] = true;
}

static void set_per(struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        struct head *per = &r->intent->per;
        per->kind = atom->kind == ATOM_TABLE ? HEAD_TABLE
                    : atom->refs.n > 0       ? HEAD_ENTITY
                                             : HEAD_TIME;
        per->table = atom->index;
        per->refs = atom->refs;
        per->at = (size_t)(atom->kind == ATOM_WORD ? atom->arg : 0);
        r->used[i] = true;
        r->intent->ratio = true;
}

/* "items per order": nothing else says that items are counted. */
static void take_ratio_noun(struct reader *r, size_t per)
{
        for (size_t i = 0; i < per; i++)
                if (reader_is(r, i, WORD_FUNC) || reader_is(r, i, WORD_COUNT))
                        return;
        struct want want;
        if (r->atoms[per - 1]->kind == ATOM_MEASURE)
                return;
        count_noun(r, r->atoms[per - 1], false, &want);
        *reader_want(r, want.kind) = want;
        r->used[per - 1] = true;
}

static void read_group_list(struct reader *r, size_t i, size_t at)
{
        bool each = reader_is(r, i, WORD_EACH) || reader_is(r, i, WORD_PER);
        bool any = false;
        while (at < r->n) {
                at = skip_owner(r, at);
                if (!add_group(r, at, each))
                        break;
                any = true;
                size_t joint = at + 1;
                while (joint < r->n && r->atoms[joint]->kind == ATOM_LIGHT)
                        joint++;
                if (!reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_COMMA) &&
                    !reader_is(r, joint, WORD_PER) && !reader_is(r, joint, WORD_BY))
                        break;
                size_t next = reader_next(r, joint);
                if (joint + 1 < r->n && (reader_is(r, joint + 1, WORD_WITH) ||
                                         reader_is(r, joint + 1, WORD_THAT)))
                        break;
                if (next >= r->n || !(r->atoms[next]->kind == ATOM_COLUMN ||
                                      r->atoms[next]->kind == ATOM_ENTITY ||
                                      atom_is(r->atoms[next], WORD_UNIT) ||
                                      atom_is(r->atoms[next], WORD_PART) ||
                                      reader_is(r, next, WORD_PER)))
                        break;
                if (reader_is_number(r, r->atoms[next]) &&
                    !reader_facts(r, &r->atoms[next]->refs)->is_dimension)
                        break;
                /* what a condition follows is no group: "by zone and priority High" */
                r->used[joint] = true;
                at = next;
                if (reader_is(r, at, WORD_PER)) {
                        r->used[at] = true;
                        at = reader_next(r, at);
                }
        }
        r->used[i] = r->used[i] || any;
}

/* True when numbers are asked for: then "by job level" names groups. */
static bool computes(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (atom_is(r->atoms[i], WORD_FUNC) || atom_is(r->atoms[i], WORD_COUNT) ||
                    atom_is(r->atoms[i], WORD_HOW_MANY) || r->atoms[i]->kind == ATOM_MEASURE ||
                    atom_is(r->atoms[i], WORD_SHARE) || atom_is(r->atoms[i], WORD_DISTRIBUTION))
                        return true;
        return r->intent->share != SHARE_NONE;
}

/* "by price": an order and no groups, when it is a number. */
static bool read_by_number(struct reader *r, size_t i, size_t at)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[at];
        if (!reader_is_number(r, atom) || !reader_is(r, i, WORD_BY) ||
            reader_facts(r, &atom->refs)->is_dimension || computes(r))
                return false;
        intent->sort = SORT_COLUMN;
        intent->sort_refs = atom->refs;
        intent->sort_descending = false;
        r->used[i] = r->used[at] = true;
        return true;
}

static void read_sort(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        size_t at = reader_next(r, i);
        if (atom->arg == 1 && reader_is(r, at, WORD_BY)) {
                r->used[at] = true;
                at = reader_next(r, at);
        }
        r->used[i] = true;
        if (at < r->n && r->atoms[at]->kind == ATOM_COLUMN && !r->used[at]) {
                intent->sort = SORT_COLUMN;
                intent->sort_refs = r->atoms[at]->refs;
                r->used[at] = true;
        } else if (reader_is(r, at, WORD_TIME)) {
                intent->sort = SORT_TIME;
                r->used[at] = true;
        } else if (at < r->n && r->atoms[at]->kind == ATOM_MEASURE) {
                intent->sort = SORT_NUMBER;
                intent->sort_descending = true;
        } else if (reader_is(r, at, WORD_COUNT) || reader_is(r, at, WORD_FUNC)) {
                intent->sort = SORT_NUMBER;
                intent->sort_descending = true;
                r->used[at] = true;
                size_t noun = reader_next(r, at);
                if (noun < r->n && (atom_is_noun(r->atoms[noun])))
                        r->used[noun] = true;
        } else if (intent->sort == SORT_NONE) {
                intent->sort = SORT_NUMBER;
        }
}

static void read_direction(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        r->used[i] = true;
        switch (r->atoms[i]->arg) {
        case 3:
        case 4:
                intent->sort = SORT_TIME;
                intent->sort_descending = r->atoms[i]->arg == 3;
                break;
        case 5:
                intent->sort = SORT_NAME;
                break;
        default:
                if (intent->sort == SORT_NONE)
                        intent->sort = SORT_NUMBER;
                intent->sort_descending = r->atoms[i]->arg != 0;
        }
}

static void read_unitly(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        if (intent->n_groups >= GROUPS_MAX)
                return;
        intent->groups[intent->n_groups++] =
                (struct group){.unit = (enum plan_unit)r->atoms[i]->arg, .at = i};
        r->used[i] = true;
}

/* What is distributed: the column behind, or right before ("wind direction distribution"). */
static bool distributes(const struct reader *r, size_t i, size_t *at)
{
        bool by = false;
        for (size_t k = *at; k < r->n; k++)
                by = by || reader_is(r, k, WORD_BY);
        if (by && *at < r->n && reader_is_flag(r, r->atoms[*at]))
                return false; /* "breakdown of the survivors by class" */
        if (*at < r->n && r->atoms[*at]->kind == ATOM_COLUMN && !r->used[*at])
                return true;
        if (i > 0 && r->atoms[i - 1]->kind == ATOM_COLUMN && !r->used[i - 1]) {
                *at = i - 1;
                return true;
        }
        return false;
}

/* A measure, a function or the count of things. */
static bool is_number_said(const struct reader *r, size_t i)
{
        if (i >= r->n)
                return false;
        if (r->atoms[i]->kind == ATOM_MEASURE || atom_is(r->atoms[i], WORD_FUNC))
                return true;
        size_t next = reader_next(r, i);
        return atom_is(r->atoms[i], WORD_COUNT) && next < r->n &&
               (r->atoms[next]->kind == ATOM_TABLE || r->atoms[next]->kind == ATOM_ENTITY ||
                r->atoms[next]->kind == ATOM_SEGMENT || atom_is(r->atoms[next], WORD_ROWS));
}

static bool lists(const struct reader *r, size_t i)
{
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i == 0 || reader_is(r, i - 1, WORD_LIST);
}

/* "which months had": a unit of time that is asked for. "months in which" too. */
static void read_asked_units(struct reader *r)
{
        struct intent *intent = r->intent;
        for (size_t i = 0; i < r->n; i++) {
                bool unit = reader_is(r, i, WORD_UNIT) || reader_is(r, i, WORD_PART);
                size_t before = i;
                while (before > 0 && r->atoms[before - 1]->kind == ATOM_LIGHT)
                        before--;
                bool asked = before > 0 && (reader_is(r, before - 1, WORD_WHICH) ||
                                            reader_is(r, before - 1, WORD_WHAT));
                bool first = before == 0 && r->atoms[i]->plural;
                if (r->used[i] || !unit || (!asked && !first) || intent->n_groups >= GROUPS_MAX)
                        continue;
                intent->groups[intent->n_groups++] =
                        (struct group){.unit = (enum plan_unit)r->atoms[i]->arg,
                                       .is_part = reader_is(r, i, WORD_PART),
                                       .at = i};
                r->used[i] = true;
                if (reader_is(r, i + 1, WORD_IN) && reader_is(r, i + 2, WORD_WHICH))
                        r->used[i + 2] = true;
        }
}

void read_groups(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (r->used[i])
                        continue;
                if (reader_is(r, i, WORD_SORT))
                        read_sort(r, i);
                else if (reader_is(r, i, WORD_DIRECTION))
                        read_direction(r, i);
                else if (reader_is(r, i, WORD_UNITLY))
                        read_unitly(r, i);
                else if (begins_group(r, i)) {
                        size_t at = reader_next(r, i);
                        if (reader_is(r, at, WORD_DISTINCT)) {
                                r->used[at] = true;
                                at = reader_next(r, at);
                        }
                        if (reader_is(r, i, WORD_BY) && at < r->n &&
                            atom_is(r->atoms[at], WORD_COMPARE_OP)) {
                                r->used[i] = true; /* "held by at least 15 people" */
                                continue;
                        }
                        if (reader_is(r, i, WORD_BY) && is_number_said(r, at)) {
                                r->used[i] = true; /* "compare A and B by revenue" */
                                continue;
                        }
                        if (reader_is(r, i, WORD_EACH) && reader_is(r, at, WORD_ROWS)) {
                                r->used[i] = true; /* "for every reading" */
                                continue;
                        }
                        if (reader_is(r, i, WORD_EACH) && i > 0 && lists(r, i)) {
                                r->used[i] = true; /* "list every anomaly" */
                                continue;
                        }
                        if (reader_is(r, at, WORD_COUNT)) { /* "by number of beds" */
                                r->used[at] = true;
                                at = reader_next(r, at);
                        }
                        if (reader_is(r, i, WORD_DISTRIBUTION))
                                at = skip_owner(r, at);
                        if (reader_is(r, i, WORD_DISTRIBUTION) && !distributes(r, i, &at))
                                continue;
                        if (at >= r->n || read_by_number(r, i, at))
                                continue;
                        if (averages_rows(r, i, at)) {
                                r->used[i] = r->used[at] = true;
                                average_number(r, i);
                                continue;
                        }
                        if (reads_as_ratio(r, i, at)) {
                                r->used[i] = true;
                                take_ratio_noun(r, i);
                                set_per(r, at);
                                continue;
                        }
                        read_group_list(r, i, at);
                }
        }
        read_asked_units(r);
        for (size_t i = 0; i < r->n; i++)
                if (reader_is(r, i, WORD_DISTRIBUTION) && r->intent->share == SHARE_NONE)
                        r->intent->share = SHARE_OF_TOTAL;
}

/* The functions said together: "the average, min and max". */
static size_t take_functions(struct reader *r, size_t i, enum plan_func *funcs, size_t max,
                             size_t *n)
{
        *n = 0;
        while (i < r->n && *n < max) {
                if (!reader_is(r, i, WORD_FUNC) || r->used[i])
                        break;
                funcs[(*n)++] = (enum plan_func)r->atoms[i]->arg;
                r->used[i] = true;
                size_t joint = reader_next(r, i);
                if (!reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_COMMA)) {
                        /* "total average": the second decides; "sum total" is one */
                        if (!reader_is(r, joint, WORD_FUNC))
                                return joint;
                        i = joint;
                        if (r->atoms[joint]->arg == (int)funcs[*n - 1] || funcs[*n - 1] == FUNC_SUM)
                                (*n)--;
                        else
                                r->intent->cost += 60; /* "the median of the averages" */
                        continue;
                }
                size_t next = reader_next(r, joint);
                if (reader_is(r, next, WORD_COMMA) || reader_is(r, next, WORD_AND)) {
                        joint = next;
                        next = reader_next(r, joint);
                }
                if (!reader_is(r, next, WORD_FUNC))
                        return joint;
                r->used[joint] = true;
                i = next;
        }
        return i;
}

static void add_wants(struct reader *r, const struct want *want, const enum plan_func *funcs,
                      size_t n)
{
        for (size_t f = 0; f < n; f++) {
                struct want *added = reader_want(r, want->kind);
                *added = *want;
                if (want->kind == WANT_COLUMN || want->kind == WANT_MEASURE)
                        added->func = funcs[f];
        }
}

/* More columns under the same functions: "average temperature and humidity". */
static void read_more_columns(struct reader *r, size_t end, const enum plan_func *funcs, size_t n)
{
        while (true) {
                struct want want;
                size_t joint = end + 1;
                while (joint < r->n && r->atoms[joint]->kind == ATOM_LIGHT)
                        joint++;
                if (!reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_COMMA))
                        return;
                size_t next = reader_next(r, joint);
                if (reader_is(r, next, WORD_AND))
                        next = reader_next(r, next);
                if (next >= r->n || r->used[next] || !reader_is_number(r, r->atoms[next]))
                        return;
                size_t after = reader_next(r, next);
                if (reader_is(r, after, WORD_COMPARE_OP) || reader_is(r, after, WORD_BETWEEN))
                        return;
                take_column(r, next, funcs[0], &want, &end);
                r->used[joint] = true;
                add_wants(r, &want, funcs, n);
        }
}

static void read_function(struct reader *r, size_t i)
{
        enum plan_func funcs[6];
        size_t n;
        struct want want;
        size_t end;
        size_t at = take_functions(r, i, funcs, 6, &n);
        bool counted = false;
        if (n == 0 || at >= r->n) {
                r->used[i] = false;
                if (at >= r->n && n > 0)
                        r->intent->new_func = funcs[0];
                r->used[i] = n > 0;
                return;
        }
        /* "average daily temperature": by day, which was read already */
        if (reader_is(r, at, WORD_UNITLY) && at + 1 < r->n) {
                const struct atom *of = r->atoms[at + 1];
                if (reader_is_number(r, of) || (of->kind == ATOM_MEASURE && funcs[0] == FUNC_SUM))
                        at++;
        }
        /* "average number of X" */
        if (reader_is(r, at, WORD_COUNT))
                counted = true;
        if (!read_operand(r, at, funcs[0], &want, &end)) {
                r->intent->new_func = funcs[0];
                if (r->intent->n_wants == 0 && n == 1)
                        return;
                r->intent->cost += 60;
                return;
        }
        (void)counted;
        if (want.kind == WANT_ROWS || want.kind == WANT_DISTINCT) {
                /* Rows are added up or, per something, averaged; nothing else. */
                if (funcs[0] != FUNC_SUM && !(funcs[0] == FUNC_AVG && r->intent->ratio))
                        r->intent->cost += 60;
                if (want.kind == WANT_DISTINCT && !atom_is(r->atoms[at], WORD_COUNT) &&
                    want.refs.n > 0 && !reader_facts(r, &want.refs)->is_id)
                        r->intent->cost += 60; /* "sum of the names" */
                *reader_want(r, want.kind) = want;
                return;
        }
        add_wants(r, &want, funcs, n);
        if (want.kind == WANT_COLUMN)
                read_more_columns(r, end, funcs, n);
        else if (want.kind == WANT_MEASURE)
                read_more_columns(r, end, funcs, n);
}

/* "customers with 9 or more calls and how many they made": it is shown anyway. */
static bool is_afterthought(const struct reader *r, size_t i)
{
        if (i == 0 || !atom_is(r->atoms[i], WORD_HOW_MANY) || !reader_is(r, i - 1, WORD_AND))
                return false;
        for (size_t k = i + 1; k < r->n; k++) {
                bool ranked = r->atoms[k]->kind == ATOM_COLUMN &&
                              r->intent->rank.by == RANK_COLUMN &&
                              refs_meet(&r->atoms[k]->refs, &r->intent->rank.refs);
                if (!ranked && r->atoms[k]->kind != ATOM_LIGHT && !atom_is_soft(r->atoms[k]))
                        return false;
        }
        for (size_t k = 0; k < r->intent->n_conds; k++)
                if (r->intent->conds[k].kind == COND_COMPARE)
                        return true;
        return r->intent->rank.by == RANK_COLUMN;
}

static void read_how_many(struct reader *r, size_t i)
{
        struct want want;
        size_t end;
        r->used[i] = true;
        if (is_afterthought(r, i))
                return;
        if (reader_is(r, i, WORD_COUNT) && r->atoms[i]->arg == 2) {
                want = no_want(WANT_ROWS);
                *reader_want(r, WANT_ROWS) = want;
                return;
        }
        if (!read_count(r, i, &want, &end)) {
                /* "customers with neither A nor B - how many?" */
                for (size_t k = 0; k < i; k++)
                        if (r->atoms[k]->kind == ATOM_TABLE && !r->used[k]) {
                                r->used[k] = true;
                                count_noun(r, r->atoms[k], false, &want);
                                *reader_want(r, want.kind) = want;
                                return;
                        }
                want = no_want(WANT_ROWS);
        }
        for (size_t k = i; r->intent->n_wants > 0 && k <= end && end < r->n; k++)
                if (r->atoms[k]->kind == ATOM_SEGMENT || r->atoms[k]->kind == ATOM_VALUE)
                        r->intent->cost += 60; /* a condition of this number alone */
        *reader_want(r, want.kind) = want;
}

/* "How many items does an order have on average": items for each order. */
static void read_average_of_counts(struct reader *r)
{
        struct intent *intent = r->intent;
        if (!intent->on_average || intent->ratio || intent->n_wants != 1 ||
            (intent->wants[0].kind != WANT_ROWS && intent->wants[0].kind != WANT_DISTINCT))
                return;
        for (size_t g = 0; g < intent->n_groups; g++) {
                /* "how many items per order on average" */
                const struct atom *atom = r->atoms[intent->groups[g].at];
                bool day = atom_is(atom, WORD_UNIT) && atom->arg == UNIT_DAY;
                if (intent->groups[g].per_each &&
                    (atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY || day)) {
                        set_per(r, intent->groups[g].at);
                        for (size_t k = g + 1; k < intent->n_groups; k++)
                                intent->groups[k - 1] = intent->groups[k];
                        intent->n_groups--;
                        return;
                }
        }
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                bool thing = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
                if (r->used[i] || !thing || atom->is_verb)
                        continue;
                set_per(r, i);
                return;
        }
}

/* Functions that are said of the whole: "how warm is it on average", "what did it cost in total". */
static void read_whole(struct reader *r)
{
        struct intent *intent = r->intent;
        bool asks = intent->on_average || intent->in_total || intent->how_much;
        if (!asks || intent->n_wants > 0 || intent->rank.by != RANK_NONE)
                return;
        for (size_t k = 0; k < intent->n_conds; k++)
                if (intent->conds[k].kind == COND_HAVING)
                        return;
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                bool number = reader_is_number(r, atom) ||
                              (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_NONE);
                if (r->used[i] || !number)
                        continue;
                struct want *want = reader_want(r, WANT_COLUMN);
                want->refs = atom->refs;
                want->func = intent->on_average ? FUNC_AVG
                             : intent->in_total ? FUNC_SUM
                                                : FUNC_NONE;
                r->used[i] = true;
                return;
        }
}

/* True when i is one of several things that are asked for: "revenue and orders by month". */
static bool is_joined(const struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        while (before != NO_ATOM && (atom_is(r->atoms[before], WORD_FUNC) ||
                                     atom_is(r->atoms[before], WORD_COUNT)))
                before = reader_before(r, before);
        return before == NO_ATOM || atom_is(r->atoms[before], WORD_AND) ||
               atom_is(r->atoms[before], WORD_COMMA) || atom_is(r->atoms[before], WORD_DIVIDED) ||
               atom_is(r->atoms[before], WORD_VERSUS) || atom_is(r->atoms[before], WORD_PLUS);
}

static void read_measure(struct reader *r, size_t i)
{
        if (r->intent->n_wants > 0 && !is_joined(r, i))
                r->intent->cost += 60; /* a second number, out of nowhere */
        struct want *want = reader_want(r, WANT_MEASURE);
        want->index = r->atoms[i]->index;
        r->used[i] = true;
}

/* "bonus as a percentage of salary": one want divided by another. */
static void read_quotients(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (r->used[i] || !reader_is(r, i, WORD_DIVIDED))
                        continue;
                if (r->intent->n_wants == 2) {
                        r->intent->quotient = true;
                        r->intent->percent = r->atoms[i]->arg == 100;
                        r->used[i] = true;
                }
        }
}

/* What a share is of: the noun behind "share of". */
static void read_share_noun(struct reader *r)
{
        if (r->share_at >= r->n || r->share_noun < r->n)
                return;
        for (size_t i = r->share_at + 1; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (r->used[i] && atom->kind != ATOM_COLUMN)
                        continue;
                if (atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
                    atom_is(atom, WORD_ROWS)) {
                        size_t noun = last_noun(r, i);
                        struct want want;
                        size_t end;
                        if (r->atoms[noun]->kind == ATOM_SEGMENT)
                                noun = i;
                        count_noun(r, r->atoms[noun], false, &want);
                        *reader_want(r, want.kind) = want;
                        r->used[noun] = true;
                        r->share_noun = noun;
                        (void)end;
                        return;
                }
                if (atom->kind == ATOM_SEGMENT || atom->kind == ATOM_VALUE ||
                    reader_is_flag(r, atom)) {
                        size_t next = i + 1;
                        r->share_noun = i;
                        while (reader_is(r, next, WORD_OR) || reader_is(r, next, WORD_AND) ||
                               reader_is(r, next, WORD_COMMA))
                                next++;
                        if (next < r->n && (r->atoms[next]->kind == ATOM_TABLE ||
                                            r->atoms[next]->kind == ATOM_ENTITY ||
                                            r->atoms[next]->kind == ATOM_SEGMENT ||
                                            r->atoms[next]->kind == ATOM_VALUE ||
                                            atom_is(r->atoms[next], WORD_ROWS)))
                                continue;
                        return;
                }
                if (atom->kind == ATOM_MEASURE || reader_is_number(r, atom) ||
                    atom_is(atom, WORD_FUNC) || atom_is(atom, WORD_COUNT)) {
                        r->share_noun = i;
                        return; /* a want is made of it below */
                }
        }
}

/* "how much does X cost" asks for what one row says, and not for a sum. */
static bool asks_one_row(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                const struct concepts *concepts = r->question->concepts;
                if (atom->kind == ATOM_VALUE && !atom->is_part) {
                        const struct colref ref = atom->refs.at[0];
                        if (concept_column(concepts, ref)->is_unique ||
                            concepts->tables[ref.table].label == ref.column)
                                return true;
                }
        }
        for (size_t k = 0; k < r->intent->n_conds; k++)
                if (r->intent->conds[k].kind == COND_COMPARE &&
                    reader_facts(r, &r->intent->conds[k].refs)->is_key)
                        return true;
        return false;
}

static enum plan_func func_of_word(const char *word)
{
        static const struct {
                const char *word;
                enum plan_func func;
        } words[] = {{"total", FUNC_SUM},   {"average", FUNC_AVG}, {"mean", FUNC_AVG},
                     {"median", FUNC_MEDIAN}, {"maximum", FUNC_MAX}, {"minimum", FUNC_MIN}};
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
                if (strcmp(words[w].word, word) == 0)
                        return words[w].func;
        return FUNC_NONE;
}

/* "total cost of the admissions", where a column is called "Total Cost": the sum of it, as long as
 * no row is asked for. */
static void read_named_functions(struct reader *r)
{
        bool lists = r->n > 0 && (reader_is(r, 0, WORD_LIST) || reader_is(r, 0, WORD_WHICH));
        if (lists || r->intent->n_wants > 0 || r->intent->rank.by != RANK_NONE || asks_one_row(r))
                return;
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                enum plan_func func = func_of_word(r->question->tokens[atom->first].text);
                if (r->used[i] || atom->n < 2 || func == FUNC_NONE || !reader_is_number(r, atom))
                        continue;
                size_t before = reader_before(r, i);
                if (before != NO_ATOM)
                        return;
                struct want *want = reader_want(r, WANT_COLUMN);
                want->func = func;
                want->refs = atom->refs;
                r->used[i] = true;
                return;
        }
}

void read_wants(struct reader *r)
{
        read_share_noun(r);
        read_named_functions(r);
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (r->used[i])
                        continue;
                if (atom_is(atom, WORD_FUNC))
                        read_function(r, i);
                else if (atom_is(atom, WORD_HOW_MANY) || atom_is(atom, WORD_COUNT))
                        read_how_many(r, i);
                else if (atom_is(atom, WORD_HOW_MUCH))
                        r->used[i] = true;
                else if (atom->kind == ATOM_MEASURE)
                        read_measure(r, i);
        }
        read_quotients(r);
        read_average_of_counts(r);
        if (!asks_one_row(r))
                read_whole(r);
}

static bool is_asked_for(const struct reader *r, size_t i)
{
        while (i > 0 && r->atoms[i - 1]->kind == ATOM_LIGHT)
                i--;
        return i > 0 && (reader_is(r, i - 1, WORD_WHICH) || reader_is(r, i - 1, WORD_WHAT));
}

static void show(struct reader *r, const struct refs *refs)
{
        struct intent *intent = r->intent;
        for (size_t s = 0; s < intent->n_shown; s++)
                if (refs_meet(&intent->shown[s], refs))
                        return;
        if (intent->n_shown < SHOWN_MAX)
                intent->shown[intent->n_shown++] = *refs;
}

/* "orders and revenue by month": two numbers. */
static bool stands_beside(const struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        bool first = before == NO_ATOM && reader_is(r, i + 1, WORD_AND) && i + 2 < r->n &&
                     r->atoms[i + 2]->kind == ATOM_MEASURE;
        bool last = before != NO_ATOM && before > 0 && atom_is(r->atoms[before], WORD_AND) &&
                    r->atoms[before - 1]->kind == ATOM_MEASURE;
        return first || last;
}

static bool may_be_empty(const struct reader *r, const struct refs *refs)
{
        const struct column_facts *facts = reader_facts(r, refs);
        return facts->values && facts->values->n_nulls > 0;
}

/* A noun that is left, when numbers are asked for: it names a group, or only the context. */
static void place_noun_of_number(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        struct group group = {.refs = atom->refs, .at = i};
        bool group_it = atom->kind != ATOM_TABLE && intent->n_groups < GROUPS_MAX;
        r->used[i] = true;
        if ((atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY) && intent->n_wants > 0 &&
            stands_beside(r, i)) {
                struct want want;
                count_noun(r, atom, false, &want);
                *reader_want(r, want.kind) = want;
                return;
        }
        size_t joint = reader_before(r, i);
        if (atom->kind == ATOM_TABLE && joint != NO_ATOM && atom_is(r->atoms[joint], WORD_AND) &&
            intent->n_wants > 0)
                intent->cost += 60; /* "tickets and tickets that ..." */
        if (atom->kind == ATOM_TABLE) {
                if (is_asked_for(r, i) && intent->head.kind == HEAD_NONE) {
                        intent->head = (struct head){.kind = HEAD_TABLE,
                                                     .table = atom->index,
                                                     .plural = atom->plural,
                                                     .at = i};
                }
                return;
        }
        if (atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_moment) {
                /* "signups per quarter": the time that is meant */
                bool meant = false;
                for (size_t g = 0; g < intent->n_groups; g++)
                        if (intent->groups[g].unit != UNIT_NONE && intent->groups[g].refs.n == 0) {
                                intent->groups[g].refs = atom->refs;
                                meant = true;
                        }
                for (size_t k = 0; k < intent->n_conds; k++)
                        if (intent->conds[k].kind == COND_TIME && intent->conds[k].refs.n == 0) {
                                intent->conds[k].refs = atom->refs;
                                meant = true;
                        }
                intent->cost += meant ? 0 : 0.5;
                return;
        }
        for (size_t k = 0; k < intent->n_conds; k++)
                if (atom->kind == ATOM_COLUMN && refs_meet(&intent->conds[k].refs, &atom->refs))
                        return; /* what a condition is about */
        for (size_t w = 0; w < intent->n_wants; w++)
                if (refs_meet(&intent->wants[w].refs, &atom->refs))
                        return; /* the same once more: "length of stay (LOS)" */
        if (reader_is_number(r, atom) && intent->n_wants > 0 && !is_joined(r, i) &&
            (intent->wants[0].kind == WANT_ROWS || intent->wants[0].kind == WANT_DISTINCT) &&
            may_be_empty(r, &atom->refs)) {
                /* "how many sensors measure vibration": those that have a number for it */
                struct cond *cond = reader_cond(r, COND_NULL, i);
                cond->refs = atom->refs;
                cond->negated = true;
                intent->cost += 0.4;
                return;
        }
        if (reader_is_number(r, atom)) {
                /* a number that nobody said what to do with */
                bool alone = intent->n_wants > 0 || intent->rank.by == RANK_WANT;
                struct want *want = reader_want(r, WANT_COLUMN);
                want->refs = atom->refs;
                intent->cost += alone && !is_joined(r, i) ? 60 : 0.5;
                return;
        }
        bool having = false;
        for (size_t k = 0; k < intent->n_conds; k++)
                having = having || intent->conds[k].kind == COND_HAVING;
        if (is_asked_for(r, i) || intent->head.kind == HEAD_NONE || having) {
                if (group_it && (atom->kind == ATOM_COLUMN || is_asked_for(r, i) || having)) {
                        intent->groups[intent->n_groups++] = group;
                        intent->cost += is_asked_for(r, i) || having ? 0
                                        : is_joined(r, i)            ? 0.4
                                                                     : 60;
                        return;
                }
        }
        bool own = atom->kind == ATOM_ENTITY &&
                   (reader_facts(r, &atom->refs)->is_key ||
                    r->question->concepts->dataset->n_tables == 1);
        intent->cost += own ? 0.5 : 60; /* what it is there for is not understood */
}

static void place_noun_of_list(struct reader *r, size_t i)
{
        struct intent *intent = r->intent;
        const struct atom *atom = r->atoms[i];
        if (i > 0 && reader_is(r, i - 1, WORD_WHICH) && reader_is_number(r, atom) &&
            atom->plural && reader_facts(r, &atom->refs)->nature != NATURE_AVERAGED &&
            !reader_facts(r, &atom->refs)->is_year)
                intent->cost += 60; /* "which languages", of which only the number is known */
        struct head *head = &intent->head;
        r->used[i] = true;
        bool ids = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
        if (ids && (head->kind == HEAD_NONE || head->kind == HEAD_COLUMN)) {
                if (head->kind == HEAD_COLUMN)
                        show(r, &head->refs);
                intent->head_with = reader_is(r, i + 1, WORD_WITH) &&
                                    r->question->tokens[r->atoms[i + 1]->first].text[0] == 'w';
                *head = (struct head){.kind = atom->kind == ATOM_TABLE ? HEAD_TABLE : HEAD_ENTITY,
                                      .table = atom->index,
                                      .refs = atom->refs,
                                      .plural = atom->plural,
                                      .at = i};
                return;
        }
        if (i + 1 < r->n && reader_is_number(r, atom) && reader_is_number(r, r->atoms[i + 1]))
                intent->cost += 0.5; /* "total stock" */
        if (atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY)
                show(r, &atom->refs);
}

/* True when the question asks for a number, and not for rows. */
static bool asks_number(const struct reader *r)
{
        const struct intent *intent = r->intent;
        if (intent->n_wants > 0 || intent->share != SHARE_NONE)
                return true;
        if (intent->rank.by == RANK_WANT)
                return true;
        for (size_t k = 0; k < intent->n_conds; k++)
                if (intent->conds[k].kind == COND_HAVING)
                        return true;
        return intent->n_groups > 0 && intent->rank.by == RANK_NONE;
}

/* "most" without saying of what: of the one number that is asked for. */
static void complete_rank(struct reader *r)
{
        struct intent *intent = r->intent;
        if (intent->rank.by == RANK_UNSAID && intent->n_wants == 1) {
                intent->rank.by = RANK_WANT;
                intent->rank.want = intent->wants[0];
                intent->n_wants = 0;
        }
}

static void read_time_nouns(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (r->used[i])
                        continue;
                if (reader_is(r, i, WORD_UNIT) && r->atoms[i]->plural && i > 1 &&
                    (reader_is(r, i - 1, WORD_WITH) || reader_is(r, i - 2, WORD_WITH)) &&
                    r->intent->n_conds > 0)
                        r->used[i] = true; /* "..., with the hours": they were compared, and show */
                else if (reader_is(r, i, WORD_TIME) ||
                    (reader_is(r, i, WORD_UNIT) && r->atoms[i]->arg == UNIT_DAY)) {
                        r->used[i] = true;
                        r->intent->show_time = true;
                }
        }
}

/* "In which months did it rain more than 80 mm": the month's sum. */
static void sum_by_asked_time(struct reader *r)
{
        struct intent *intent = r->intent;
        bool asked = false;
        for (size_t g = 0; g < intent->n_groups; g++)
                asked = asked || (intent->groups[g].unit != UNIT_NONE &&
                                  !intent->groups[g].per_each);
        if (!asked || intent->n_wants > 0 || intent->rank.by != RANK_NONE ||
            intent->share != SHARE_NONE)
                return;
        for (size_t k = 0; k < intent->n_conds; k++) {
                struct cond *cond = &intent->conds[k];
                if (cond->kind != COND_COMPARE || cond->op == FILTER_EQ || !cond->a ||
                    reader_facts(r, &cond->refs)->nature != NATURE_ADDED)
                        continue;
                cond->kind = COND_HAVING;
                cond->want = no_want(WANT_COLUMN);
                cond->want.func = FUNC_SUM;
                cond->want.refs = cond->refs;
        }
}

void read_nouns(struct reader *r)
{
        struct intent *intent = r->intent;
        complete_rank(r);
        sum_by_asked_time(r);
        for (size_t k = 0; k < intent->n_conds; k++) {
                const struct segment *segment =
                        intent->conds[k].kind == COND_SEGMENT
                                ? &r->question->concepts->dataset
                                           ->segments[intent->conds[k].index]
                                : NULL;
                if (segment && segment->limit > 0 && intent->is_what && intent->n_groups > 0 &&
                    intent->n_wants == 0)
                        intent->cost += 60; /* "the oldest open ticket in each category" */
        }
        bool number = asks_number(r);
        for (size_t i = 0; i < r->n; i++)
                if (!r->used[i] && atom_is_noun(r->atoms[i])) {
                        if (number)
                                place_noun_of_number(r, i);
                        else
                                place_noun_of_list(r, i);
                }
        read_time_nouns(r);
        size_t first = 0;
        while (first < r->n && atom_is_soft(r->atoms[first]))
                first++;
        intent->names_number = first < r->n && reader_is_number(r, r->atoms[first]) &&
                               !r->atoms[first]->plural;
        intent->is_list = !asks_number(r);
}
