/* What is counted or computed: "how many open tickets", "price times quantity". */
#include "planner/reader.h"

#include <string.h>

/* "films streaming on Netflix": the column says what its value is. */
static bool has_value_behind(const struct reader *r, size_t i)
{
        size_t next = reader_next(r, i);
        return r->atoms[i]->kind == ATOM_COLUMN && next < r->n &&
               r->atoms[next]->kind == ATOM_VALUE &&
               refs_meet(&r->atoms[i]->refs, &r->atoms[next]->refs);
}

/* The last noun of several side by side ("customer orders"), from i on. */
size_t reader_last_noun(struct reader *r, size_t i)
{
        while (i + 1 < r->n && !r->used[i + 1] &&
               (atom_is_noun(r->atoms[i + 1]) || r->atoms[i + 1]->kind == ATOM_SEGMENT) &&
               !reader_is_flag(r, r->atoms[i + 1]) && !r->atoms[i + 1]->is_verb &&
               !reader_is_moment(r, r->atoms[i + 1]) && !has_value_behind(r, i + 1) &&
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

/* "how many different dates" */
static bool is_dates(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_TIME) && r->atoms[i]->arg == 0 &&
               strcmp(r->question->tokens[r->atoms[i]->first].text, "dates") == 0;
}

static bool is_countable(const struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        if (r->used[i])
                return false;
        if ((atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY) && atom->is_verb)
                return false;
        return atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY || atom_is(atom, WORD_ROWS) ||
               (atom->kind == ATOM_COLUMN && !reader_is_flag(r, atom) &&
                !reader_is_moment(r, atom)) ||
               atom->kind == ATOM_MEASURE || (atom_is(atom, WORD_UNIT) && atom->arg == UNIT_DAY) ||
               is_dates(r, i);
}

void read_noun_count(struct reader *r, const struct atom *atom, bool distinct, struct want *want)
{
        const struct concepts *concepts = r->question->concepts;
        if (atom->kind == ATOM_MEASURE) {
                *want = want_of(WANT_MEASURE);
                want->index = atom->index;
        } else if (atom->kind == ATOM_TABLE) {
                *want = want_of(WANT_ROWS);
                want->table = atom->index;
        } else if (atom_is(atom, WORD_ROWS)) {
                *want = want_of(WANT_ROWS);
        } else if (atom_is(atom, WORD_UNIT) || atom_is(atom, WORD_TIME)) {
                *want = want_of(WANT_DISTINCT);
                want->op = EXPR_DATE_TRUNC;
                want->func = FUNC_COUNT_DISTINCT;
        } else {
                const struct column_facts *facts = concept_column(concepts, atom->refs.at[0]);
                bool sum = !distinct && facts->is_number && !facts->is_id && !facts->is_year;
                if (sum && facts->nature == NATURE_AVERAGED)
                        r->intent->cost += COST_RARELY_MEANT; /* ratings are not added up */
                *want = want_of(sum ? WANT_COLUMN : WANT_DISTINCT);
                want->func = sum ? FUNC_SUM : FUNC_COUNT_DISTINCT;
                want->refs = atom->refs;
                /* Rows that the column is the key of. */
                if (!sum && !distinct && facts->is_key) {
                        *want = want_of(WANT_ROWS);
                        want->table = atom->refs.at[0].table;
                }
        }
}

/* A segment's rows: it is a condition like any other, and names what is counted. */
static void count_segment(struct reader *r, size_t i, struct want *want)
{
        *want = want_of(WANT_ROWS);
        want->segment = r->atoms[i]->index;
        want->table = (int)r->question->concepts->dataset->segments[want->segment].table;
        if (!r->used[i]) {
                struct cond *cond = reader_cond(r, COND_SEGMENT, i);
                cond->index = want->segment;
        }
        r->used[i] = true;
}

/* "How many times its budget did it gross": a ratio of numbers. */
static bool asks_multiple(const struct reader *r, size_t i)
{
        if (!reader_is(r, i + 1, WORD_TIMES) && !reader_is(r, i + 1, WORD_TIME))
                return false;
        size_t number = reader_next(r, i + 1);
        return number < r->n && reader_is_number(r, r->atoms[number]);
}

/* What is counted behind i ("how many"): its noun, or the rows that are described. */
bool read_count(struct reader *r, size_t i, struct want *want, size_t *end)
{
        bool distinct = false;
        if (asks_multiple(r, i))
                r->intent->cost += COST_SENSELESS;
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
                if (segment < r->n && (reader_is(r, at, WORD_IN) || reader_is(r, at, WORD_FROM) ||
                                       reader_is(r, at, WORD_FOR) || reader_is(r, at, WORD_OF)))
                        break;
                if ((segment < r->n || described < r->n) &&
                    (reader_is(r, at, WORD_IS) || reader_is(r, at, WORD_HAVE) ||
                     reader_is(r, at, WORD_DO)))
                        break;
        }
        if (at < r->n && is_countable(r, at)) {
                bool number =
                        r->atoms[at]->kind == ATOM_COLUMN && reader_is_number(r, r->atoms[at]);
                size_t noun = number ? at : reader_last_noun(r, at);
                if (number && at > i + 1 && at + 1 < r->n &&
                    (r->atoms[at + 1]->kind == ATOM_TABLE || r->atoms[at + 1]->kind == ATOM_ENTITY))
                        r->intent->cost += COST_SENSELESS; /* "how many R rated films" */
                r->used[noun] = r->atoms[noun]->kind != ATOM_SEGMENT;
                *end = noun;
                if (r->atoms[noun]->kind == ATOM_SEGMENT) {
                        count_segment(r, noun, want);
                        return true;
                }
                read_noun_count(r, r->atoms[noun], distinct, want);
                return true;
        }
        *want = want_of(WANT_ROWS);
        *end = i;
        if (distinct)
                r->intent->cost += COST_SENSELESS; /* different what? */
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
        } words[] = {{WORD_PLUS, EXPR_ADD},
                     {WORD_MINUS, EXPR_SUB},
                     {WORD_TIMES, EXPR_MUL},
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

void take_column(struct reader *r, size_t i, enum plan_func func, struct want *want, size_t *end)
{
        enum expr_op op;
        *want = want_of(WANT_COLUMN);
        want->func = func;
        want->refs = r->atoms[i]->refs;
        r->used[i] = true;
        *end = i;
        size_t joint = reader_next(r, i);
        if (reader_is(r, joint, WORD_PERCENT))
                joint = reader_next(r, joint); /* "literacy % minus ..." */
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

static bool read_measure_operand(struct reader *r, size_t i, enum plan_func func, struct want *want)
{
        *want = want_of(WANT_MEASURE);
        want->index = r->atoms[i]->index;
        want->func = func == FUNC_COUNT ? FUNC_NONE : func;
        r->used[i] = true;
        return true;
}

/* "number of customers", "different customers" */
static bool read_counted_operand(struct reader *r, size_t i, enum plan_func func, struct want *want,
                                 size_t *end)
{
        size_t before = reader_is(r, i, WORD_DISTINCT) ? i - 1 : i;
        if (!read_count(r, before, want, end))
                return false;
        r->used[i] = true;
        if (want->kind == WANT_COLUMN && func != FUNC_NONE && func != FUNC_COUNT)
                want->func = func;
        return true;
}

/* 1: a highest, -1: a lowest. */
static int extreme_at(const struct reader *r, size_t i)
{
        if (i >= r->n || r->used[i])
                return 0;
        if (reader_is(r, i, WORD_SUPER))
                return r->atoms[i]->arg == 1 ? 1 : -1;
        if (!reader_is(r, i, WORD_FUNC))
                return 0;
        return r->atoms[i]->arg == FUNC_MAX ? 1 : r->atoms[i]->arg == FUNC_MIN ? -1 : 0;
}

/* "difference between the highest and the lowest temperature", also "... highest temperature and
 * lowest temperature". */
static bool read_spread(struct reader *r, size_t i, struct want *want, size_t *end)
{
        size_t parts[6] = {i, reader_next(r, i)};
        size_t n = 2;
        size_t at = reader_next(r, parts[1]);
        if (at < r->n && reader_is_number(r, r->atoms[at])) {
                parts[n++] = at;
                at = reader_next(r, at);
        }
        size_t last = reader_next(r, at);
        size_t number = reader_next(r, last);
        if (!reader_is(r, at, WORD_AND) || number >= r->n || r->used[number] ||
            extreme_at(r, parts[1]) * extreme_at(r, last) != -1 ||
            !reader_is_number(r, r->atoms[number]) ||
            (n == 3 && !refs_meet(&r->atoms[parts[2]]->refs, &r->atoms[number]->refs)))
                return false;
        parts[n++] = at;
        parts[n++] = last;
        parts[n++] = number;
        for (size_t p = 0; p < n; p++)
                r->used[parts[p]] = true;
        *want = want_of(WANT_COLUMN);
        want->func = FUNC_MAX;
        want->spread = true;
        want->refs = r->atoms[number]->refs;
        *end = number;
        return true;
}

void read_spreads(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                struct want want;
                size_t end;
                size_t before = reader_before(r, i);
                bool ranked = before != NO_ATOM && reader_is(r, before, WORD_SUPER);
                if (reader_is(r, i, WORD_DIFFERENCE) && !ranked && read_spread(r, i, &want, &end))
                        *reader_want(r, want.kind) = want;
        }
}

/* "difference between list price and sale price" */
static bool read_difference(struct reader *r, size_t i, enum plan_func func, struct want *want,
                            size_t *end)
{
        size_t first = reader_next(r, i);
        size_t joint = reader_next(r, first);
        size_t second = reader_next(r, joint);
        if (second >= r->n || !reader_is_number(r, r->atoms[first]) ||
            !reader_is(r, joint, WORD_AND) || !reader_is_number(r, r->atoms[second]))
                return false;
        *want = want_of(WANT_COLUMN);
        want->func = func;
        want->op = EXPR_SUB;
        want->refs = r->atoms[first]->refs;
        want->refs2 = r->atoms[second]->refs;
        r->used[i] = r->used[first] = r->used[joint] = r->used[second] = true;
        *end = second;
        return true;
}

static bool read_noun_operand(struct reader *r, size_t i, enum plan_func func, struct want *want,
                              size_t *end)
{
        const struct atom *atom = r->atoms[i];
        if (func != FUNC_NONE && func != FUNC_COUNT && func != FUNC_SUM && func != FUNC_AVG)
                return false;
        if (atom->kind == ATOM_COLUMN && func == FUNC_SUM)
                return false;
        if (atom->kind == ATOM_VALUE && func != FUNC_COUNT)
                r->intent->cost += COST_RARELY_MEANT; /* "total rain" is no number of rainy days */
        return read_count(r, i - 1, want, end);
}

bool read_operand(struct reader *r, size_t i, enum plan_func func, struct want *want, size_t *end)
{
        if (i >= r->n || r->used[i])
                return false;
        const struct atom *atom = r->atoms[i];
        *end = i;
        if (atom->kind == ATOM_MEASURE)
                return read_measure_operand(r, i, func, want);
        if (atom_is(atom, WORD_COUNT) || atom_is(atom, WORD_HOW_MANY) ||
            atom_is(atom, WORD_DISTINCT))
                return read_counted_operand(r, i, func, want, end);
        if (atom_is(atom, WORD_DIFFERENCE))
                return read_difference(r, i, func, want, end);
        if (atom_is(atom, WORD_FUNC)) {
                if (!read_operand(r, reader_next(r, i), (enum plan_func)atom->arg, want, end))
                        return false;
                r->used[i] = true;
                return true;
        }
        if (reader_is_number(r, atom) && func != FUNC_COUNT) {
                take_column(r, i, func, want, end);
                return true;
        }
        if (atom_is_noun(atom) || atom->kind == ATOM_SEGMENT || atom_is(atom, WORD_ROWS) ||
            atom->kind == ATOM_VALUE)
                return read_noun_operand(r, i, func, want, end);
        return false;
}
