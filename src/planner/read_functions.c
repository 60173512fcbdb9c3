/* Functions: "the average, min and max price", "how warm is it on average". */
#include "planner/reader.h"

#include <string.h>

#define FUNCS_MAX 6 /* said together */

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
                                r->intent->cost +=
                                        COST_SENSELESS; /* "the median of the averages" */
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

/* "average daily temperature": by day, which was read already. */
static size_t skip_unitly(const struct reader *r, size_t at, enum plan_func func)
{
        if (!reader_is(r, at, WORD_UNITLY) || at + 1 >= r->n)
                return at;
        const struct atom *of = r->atoms[at + 1];
        bool computed = reader_is_number(r, of) || (of->kind == ATOM_MEASURE && func == FUNC_SUM);
        return computed ? at + 1 : at;
}

/* Rows are added up or, per something, averaged; nothing else. */
static void add_counted(struct reader *r, size_t at, enum plan_func func, const struct want *want)
{
        struct intent *intent = r->intent;
        if (at + 1 < r->n && reader_is_moment(r, r->atoms[at + 1]))
                intent->cost += COST_SENSELESS; /* "sum of order dates" */
        if (func != FUNC_SUM && !(func == FUNC_AVG && intent->ratio))
                intent->cost += COST_SENSELESS;
        if (want->kind == WANT_DISTINCT && !atom_is(r->atoms[at], WORD_COUNT) && want->refs.n > 0 &&
            !reader_facts(r, &want->refs)->is_id)
                intent->cost += COST_SENSELESS; /* "sum of the names" */
        *reader_want(r, want->kind) = *want;
}

void read_function(struct reader *r, size_t i)
{
        enum plan_func funcs[FUNCS_MAX];
        size_t n;
        struct want want;
        size_t end;
        size_t at = take_functions(r, i, funcs, FUNCS_MAX, &n);
        r->used[i] = n > 0;
        if (n == 0)
                return;
        if (at >= r->n) {
                r->intent->new_func = funcs[0];
                return;
        }
        at = skip_unitly(r, at, funcs[0]);
        if (funcs[0] == FUNC_AVG && n == 1 && r->intent->n_wants == 1 &&
            (r->atoms[at]->kind == ATOM_TABLE || r->atoms[at]->kind == ATOM_ENTITY) && i > 0 &&
            (reader_is(r, i - 1, WORD_A) || r->atoms[i - 1]->kind == ATOM_LIGHT) &&
            !r->atoms[at]->plural) {
                r->intent->on_average = true; /* "how many items does an average order have" */
                return;
        }
        if (!read_operand(r, at, funcs[0], &want, &end)) {
                r->intent->new_func = funcs[0];
                bool adds = funcs[0] == FUNC_SUM || funcs[0] == FUNC_AVG || funcs[0] == FUNC_MEDIAN;
                bool moment = reader_is_moment(r, r->atoms[at]); /* "sum of order dates" */
                if (r->intent->n_wants > 0 || n > 1 || (adds && moment))
                        r->intent->cost += COST_SENSELESS;
                return;
        }
        if (want.kind == WANT_ROWS || want.kind == WANT_DISTINCT) {
                add_counted(r, at, funcs[0], &want);
                return;
        }
        add_wants(r, &want, funcs, n);
        read_more_columns(r, end, funcs, n);
}

/* "how much does X cost" asks for what one row says, and not for a sum. */
bool reader_asks_one_row(const struct reader *r)
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
        } words[] = {{"total", FUNC_SUM},     {"average", FUNC_AVG}, {"mean", FUNC_AVG},
                     {"median", FUNC_MEDIAN}, {"maximum", FUNC_MAX}, {"minimum", FUNC_MIN}};
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
                if (strcmp(words[w].word, word) == 0)
                        return words[w].func;
        return FUNC_NONE;
}

/* "total cost of the admissions", where a column is called "Total Cost": the sum of it, as long as
 * no row is asked for. */
void read_named_functions(struct reader *r)
{
        bool lists = r->n > 0 && (reader_is(r, 0, WORD_LIST) || reader_is(r, 0, WORD_WHICH));
        if (lists || r->intent->n_wants > 0 || r->intent->rank.by != RANK_NONE ||
            reader_asks_one_row(r))
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

/* Functions that are said of the whole: "how warm is it on average", "what did it cost in total".
 */
void read_whole(struct reader *r)
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

static bool says_extreme(const struct reader *r, size_t i, enum plan_func *func)
{
        if (i >= r->n || r->used[i])
                return false;
        const struct atom *atom = r->atoms[i];
        if (atom_is(atom, WORD_FUNC))
                *func = (enum plan_func)atom->arg;
        else if (atom_is(atom, WORD_SUPER) ||
                 (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_SUPER))
                *func = atom->arg == 1 ? FUNC_MAX : FUNC_MIN;
        else
                return false;
        return true;
}

/* "the highest and the lowest fare", "shortest, average and longest time": functions. */
void read_extremes(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                enum plan_func funcs[6];
                size_t places[12];
                size_t n = 0;
                size_t n_places = 0;
                size_t at = i;
                bool extreme = false;
                while (n < 6 && says_extreme(r, at, &funcs[n])) {
                        extreme = extreme || !reader_is(r, at, WORD_FUNC);
                        places[n_places++] = at;
                        n++;
                        size_t joint = reader_next(r, at);
                        at = joint;
                        while (reader_is(r, at, WORD_AND) || reader_is(r, at, WORD_COMMA)) {
                                if (n_places < 12)
                                        places[n_places++] = at;
                                at = reader_next(r, at);
                        }
                        if (at == joint || n_places > 10)
                                break;
                }
                if (n < 2 || !extreme || at >= r->n || r->used[at] ||
                    !reader_is_number(r, r->atoms[at]))
                        continue;
                for (size_t k = 0; k < n; k++) {
                        struct want *want = reader_want(r, WANT_COLUMN);
                        want->func = funcs[k];
                        want->refs = r->atoms[at]->refs;
                }
                for (size_t k = 0; k < n_places; k++)
                        r->used[places[k]] = true;
                r->used[at] = true;
        }
}
