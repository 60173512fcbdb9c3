/* Superlatives: "top 10", "the most expensive", "latest", "which has the most". */
#include "planner/reader.h"

#include <string.h>

/* "busiest", and not "common", which needs "most" before it. */
static bool ends_in_est(const struct reader *r, const struct atom *atom)
{
        const char *text = r->question->tokens[atom->first].text;
        size_t n = strlen(text);
        return n > 4 && strcmp(text + n - 3, "est") == 0;
}

static bool is_superlative(const struct reader *r, const struct atom *atom)
{
        return atom_is(atom, WORD_TOP) || atom_is(atom, WORD_SUPER) || atom_is(atom, WORD_MOST) ||
               atom_is(atom, WORD_LATE) ||
               (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_SUPER) ||
               (atom_is(atom, WORD_COMMON) && ends_in_est(r, atom));
}

static bool is_plain_number(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_NUMBER && !r->used[i] &&
               !r->atoms[i]->money && !r->atoms[i]->percent && !r->atoms[i]->ordinal &&
               r->atoms[i]->number >= 1 && r->atoms[i]->number <= 1000;
}

/* The number beside a superlative: "top 10", "the 10 cheapest". */
static int take_count(struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        if (is_plain_number(r, i + 1) && !reader_is(r, i + 2, WORD_PERCENT)) {
                r->used[i + 1] = true;
                return (int)r->atoms[i + 1]->number;
        }
        if (before != NO_ATOM && before + 1 == i && is_plain_number(r, before)) {
                r->used[before] = true;
                return (int)r->atoms[before]->number;
        }
        return 0;
}

static void set_head(struct reader *r, size_t i)
{
        const struct atom *atom = r->atoms[i];
        struct head *head = &r->intent->head;
        if (head->kind != HEAD_NONE)
                return;
        head->at = i;
        head->plural = atom->plural;
        head->refs = atom->refs;
        head->table = atom->index;
        head->kind = atom->kind == ATOM_TABLE    ? HEAD_TABLE
                     : atom->kind == ATOM_ENTITY ? HEAD_ENTITY
                                                 : HEAD_COLUMN;
        r->used[i] = true;
}

static bool is_head_noun(const struct reader *r, size_t i)
{
        if (i >= r->n || r->used[i] || !atom_is_noun(r->atoms[i]) ||
            (r->atoms[i]->is_verb && r->atoms[i]->kind == ATOM_COLUMN))
                return false;
        return !reader_is_number(r, r->atoms[i]) ||
               (reader_facts(r, &r->atoms[i]->refs)->is_dimension &&
                !reader_facts(r, &r->atoms[i]->refs)->is_flag);
}

/* The noun that is asked for: right behind the superlative ("top 10 products"), behind "which", or
 * before "with the most". */
static void find_head(struct reader *r, const struct rank *rank, size_t behind,
                      size_t superlative)
{
        struct intent *intent = r->intent;
        if (intent->head.kind != HEAD_NONE)
                return;
        while (behind < r->n && (r->atoms[behind]->kind == ATOM_VALUE ||
                                 r->atoms[behind]->kind == ATOM_SEGMENT ||
                                 reader_is_flag(r, r->atoms[behind])) &&
               is_head_noun(r, behind + 1))
                behind++; /* "the best rated horror film" */
        if (behind < r->n && !r->used[behind] && rank->by == RANK_COLUMN &&
            (r->atoms[behind]->kind == ATOM_VALUE || reader_is_flag(r, r->atoms[behind]))) {
                /* "the oldest survivor", "the cheapest condo": the rows that are one */
                r->intent->head = (struct head){.kind = HEAD_TABLE,
                                                .table = rank->refs.at[0].table,
                                                .plural = r->atoms[behind]->plural,
                                                .at = behind};
                return;
        }
        if (is_head_noun(r, behind)) {
                size_t last = behind; /* "order items": the last of several */
                while (is_head_noun(r, last + 1) && r->atoms[last]->kind != ATOM_COLUMN)
                        r->used[last++] = true;
                set_head(r, last);
                return;
        }
        for (size_t i = 0; i < superlative; i++) {
                bool asks = reader_is(r, i, WORD_WHICH) || reader_is(r, i, WORD_WHAT) ||
                            reader_is(r, i, WORD_LIST);
                size_t noun = asks ? i + 1 : r->n;
                while (noun < superlative && r->atoms[noun]->kind == ATOM_LIGHT)
                        noun++;
                if (asks && noun + 1 < superlative && is_head_noun(r, noun) &&
                    is_head_noun(r, noun + 1)) {
                        r->intent->cost += r->atoms[noun]->kind == ATOM_COLUMN ? 0.6 : 0;
                        r->used[noun++] = true;
                }
                if (noun < superlative && is_head_noun(r, noun)) {
                        set_head(r, noun);
                        return;
                }
        }
        size_t before = reader_before(r, superlative);
        if (before != NO_ATOM && before + 1 < superlative && is_head_noun(r, before))
                set_head(r, before); /* "products with the highest stock" */
        for (size_t i = 0; i < superlative && r->intent->head.kind == HEAD_NONE &&
                           rank->by == RANK_UNSAID;
             i++)
                if (is_head_noun(r, i) && r->atoms[i]->kind != ATOM_COLUMN)
                        set_head(r, i); /* "the 5 customers that spent the most" */
}

/* "5 products with the highest stock" */
static int count_of_head(struct reader *r)
{
        const struct head *head = &r->intent->head;
        if (head->kind == HEAD_NONE || head->at == 0)
                return 0;
        size_t i = reader_before(r, head->at);
        while (i != NO_ATOM && i > 0 &&
               (r->atoms[i]->kind == ATOM_VALUE || r->atoms[i]->kind == ATOM_SEGMENT))
                i--;
        if (i == NO_ATOM || !is_plain_number(r, i))
                return 0;
        r->used[i] = true;
        return (int)r->atoms[i]->number;
}

/* A unit of time that is asked for: "which month had". */
static bool find_time_head(struct reader *r, size_t superlative)
{
        for (size_t i = 0; i < superlative && i < r->n; i++) {
                if (!reader_is(r, i, WORD_WHICH) && !reader_is(r, i, WORD_WHAT))
                        continue;
                size_t unit = i + 1;
                while (unit < r->n && r->atoms[unit]->kind == ATOM_LIGHT)
                        unit++;
                bool is_part = reader_is(r, unit, WORD_PART);
                bool is_date = reader_is(r, unit, WORD_TIME);
                if (r->used[unit] || (!is_part && !is_date && !reader_is(r, unit, WORD_UNIT)))
                        continue;
                struct intent *intent = r->intent;
                r->used[unit] = true;
                intent->head.kind = HEAD_TIME;
                intent->head.at = unit;
                intent->head.plural = r->atoms[unit]->plural;
                if (intent->n_groups < GROUPS_MAX)
                        intent->groups[intent->n_groups++] = (struct group){
                                .unit = is_date ? UNIT_DAY : (enum plan_unit)r->atoms[unit]->arg,
                                .is_part = is_part,
                                .at = unit};
                return true;
        }
        return false;
}

/* What it is ranked by, at i: a column, a measure, a count. */
static bool take_rank(struct reader *r, size_t i, struct rank *rank, size_t *end)
{
        if (i >= r->n || r->used[i])
                return false;
        const struct atom *atom = r->atoms[i];
        *end = i;
        if (r->rate_at == i) { /* "the highest churn rate" */
                rank->by = RANK_WANT;
                rank->want = (struct want){.kind = WANT_ROWS, .index = -1, .table = -1,
                                           .segment = -1};
                return true;
        }
        if (reader_is_number(r, atom)) {
                rank->by = RANK_COLUMN;
                rank->refs = atom->refs;
                r->used[i] = true;
                return true;
        }
        if (atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_moment) {
                rank->by = RANK_COLUMN;
                rank->refs = atom->refs;
                r->used[i] = true;
                return true;
        }
        if (read_operand(r, i, FUNC_NONE, &rank->want, end)) {
                rank->by = RANK_WANT;
                return true;
        }
        return false;
}

static bool may_count(const struct reader *r, size_t i)
{
        if (i >= r->n || r->used[i])
                return false;
        const struct atom *atom = r->atoms[i];
        size_t noun = i;
        if (r->rate_at == i)
                return true;
        while (noun < r->n && noun < i + 3 &&
               (r->atoms[noun]->kind == ATOM_VALUE || reader_is_flag(r, r->atoms[noun]) ||
                (noun > i && r->atoms[noun]->kind == ATOM_COLUMN)))
                noun++; /* "the most emergency admissions" */
        if (noun > i && noun < r->n &&
            (r->atoms[noun]->kind == ATOM_TABLE || r->atoms[noun]->kind == ATOM_ENTITY ||
             r->atoms[noun]->kind == ATOM_SEGMENT || atom_is(r->atoms[noun], WORD_ROWS)))
                return true;
        if (atom->kind == ATOM_VALUE && atom->plural)
                return true; /* "the most storms" */
        return atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
               atom->kind == ATOM_SEGMENT || atom->kind == ATOM_MEASURE ||
               atom_is(atom, WORD_COUNT) || atom_is(atom, WORD_FUNC) || atom_is(atom, WORD_ROWS) ||
               atom_is(atom, WORD_DISTINCT) || reader_is_number(r, atom);
}

/* "by revenue" behind "top 10 products". */
static bool take_by(struct reader *r, size_t from, struct rank *rank)
{
        for (size_t i = from; i < r->n; i++) {
                size_t end;
                bool for_number = reader_is(r, i, WORD_FOR) &&
                                  i + 1 < r->n && reader_is_number(r, r->atoms[i + 1]);
                if ((!reader_is(r, i, WORD_BY) && !for_number) || r->used[i])
                        continue;
                size_t operand = reader_next(r, i);
                if (may_count(r, operand) && take_rank(r, operand, rank, &end)) {
                        r->used[i] = true;
                        return true;
                }
        }
        return false;
}

static bool adjective_behind(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_ADJECTIVE && r->atoms[i]->word == WORD_NONE &&
               !r->used[i];
}

static void rank_by_adjective(struct reader *r, size_t i, bool high, struct rank *rank)
{
        const struct atom *atom = r->atoms[i];
        rank->by = RANK_COLUMN;
        rank->refs = atom->refs;
        rank->descending = high == (atom->arg == 1);
        r->used[i] = true;
}

static void rank_by_frequency(struct reader *r, size_t i, bool high, struct rank *rank)
{
        rank->by = RANK_WANT;
        rank->want = (struct want){.kind = WANT_ROWS, .index = -1, .table = -1, .segment = -1};
        rank->descending = high;
        r->used[i] = true;
}

/* Another superlative behind "top 5 customers": "with the most orders". */
static bool take_second_superlative(struct reader *r, size_t from, struct rank *rank)
{
        for (size_t i = from; i < r->n; i++) {
                size_t end;
                const struct atom *atom = r->atoms[i];
                if (r->used[i] || !(atom_is(atom, WORD_MOST) || atom_is(atom, WORD_SUPER)))
                        continue;
                size_t next = reader_next(r, i);
                if (adjective_behind(r, next)) { /* "top 3 most expensive" */
                        rank_by_adjective(r, next, atom->arg == 1, rank);
                        r->used[i] = true;
                        return true;
                }
                if (!may_count(r, next) || !take_rank(r, next, rank, &end))
                        continue;
                rank->descending = atom->arg == 1;
                r->used[i] = true;
                return true;
        }
        return false;
}

static bool is_late_time(const struct reader *r, size_t i)
{
        return atom_is(r->atoms[i], WORD_LATE);
}

/* Fills rank from the superlative at i; *behind is the atom where its noun may stand. */
static void rank_superlative(struct reader *r, size_t i, struct rank *rank, size_t *behind)
{
        const struct atom *atom = r->atoms[i];
        size_t next = reader_next(r, i);
        size_t end = i;
        while (next < r->n && r->used[next] && r->atoms[next]->kind == ATOM_NUMBER)
                next = reader_next(r, next);
        *behind = next;
        rank->descending = atom->arg == 1;
        if (atom->kind == ATOM_ADJECTIVE && next < r->n && !r->used[next] &&
            reader_is_number(r, r->atoms[next])) {
                rank->by = RANK_COLUMN; /* "the longest commute" */
                rank->refs = r->atoms[next]->refs;
                r->used[next] = true;
                *behind = r->n;
        } else if (atom->kind == ATOM_ADJECTIVE) {
                rank_by_adjective(r, i, true, rank);
                rank->descending = atom->arg == 1;
                if (reader_is(r, next, WORD_UNIT) && r->atoms[next]->arg == UNIT_DAY &&
                    r->intent->head.kind == HEAD_NONE) {
                        /* "the wettest day" is a row, where rows are days */
                        r->used[next] = true;
                        r->intent->show_time = true;
                        r->intent->head = (struct head){.kind = HEAD_TABLE,
                                                        .table = rank->refs.at[0].table,
                                                        .plural = r->atoms[next]->plural,
                                                        .at = next};
                }
        } else if (is_late_time(r, i)) {
                rank->by = RANK_TIME;
                if (next < r->n && r->atoms[next]->kind == ATOM_COLUMN && !r->used[next] &&
                    reader_facts(r, &r->atoms[next]->refs)->is_moment) {
                        rank->by = RANK_COLUMN; /* "the earliest hires" */
                        rank->refs = r->atoms[next]->refs;
                        r->used[next] = true;
                }
        } else if (atom_is(atom, WORD_COMMON)) {
                rank_by_frequency(r, i, atom->arg == 1, rank);
        } else if (adjective_behind(r, next)) {
                rank_by_adjective(r, next, atom->arg == 1, rank);
                *behind = reader_next(r, next);
        } else if (atom_is(r->atoms[i], WORD_MOST) && reader_is(r, next, WORD_COMMON)) {
                rank_by_frequency(r, next, (atom->arg == 1) == (r->atoms[next]->arg == 1), rank);
                *behind = reader_next(r, next);
        } else if (!atom_is(atom, WORD_TOP) && may_count(r, next) &&
                   take_rank(r, next, rank, &end)) {
                *behind = reader_next(r, end);
                /* "the largest total order": what it is by, then what it is */
                if (*behind != end + 1)
                        *behind = r->n;
        } else if (atom_is(atom, WORD_TOP) && next < r->n && !r->used[next] &&
                   reader_is_number(r, r->atoms[next]) && rank->n > 0) {
                rank->by = RANK_COLUMN; /* "top 2 earners" */
                rank->refs = r->atoms[next]->refs;
                r->used[next] = true;
                *behind = r->n;
        } else {
                rank->by = RANK_UNSAID;
        }
        if (rank->by == RANK_UNSAID && reader_is(r, next, WORD_UNIT) &&
            r->atoms[next]->arg == UNIT_DAY && r->intent->head.kind == HEAD_NONE && rank->n > 0) {
                r->used[next] = true; /* "top 3 days for rain" */
                r->intent->show_time = true;
        }
}

/* "the best 3" alone says not by what: by "by ...", another superlative, or the only number. */
static void complete(struct reader *r, size_t i, struct rank *rank)
{
        if (rank->by != RANK_UNSAID)
                return;
        if (take_by(r, i, rank) || take_second_superlative(r, i + 1, rank))
                return;
        size_t before = reader_before(r, i);
        if (before != NO_ATOM && !r->used[before] && reader_is_number(r, r->atoms[before]) &&
            !atom_is(r->atoms[i], WORD_TOP)) {
                rank->by = RANK_COLUMN; /* "which sensor's battery is the lowest" */
                rank->refs = r->atoms[before]->refs;
                r->used[before] = true;
        }
}

/* "most", where a number is asked for and nothing ranked: "the highest price" is a maximum. */
static bool is_function(const struct reader *r, const struct rank *rank)
{
        const struct intent *intent = r->intent;
        if (rank->by != RANK_COLUMN || intent->head.kind != HEAD_NONE || rank->n > 0 ||
            intent->is_when)
                return false;
        return true;
}

static void become_function(struct reader *r, const struct rank *rank)
{
        struct want *want = reader_want(r, WANT_COLUMN);
        want->func = rank->descending ? FUNC_MAX : FUNC_MIN;
        want->refs = rank->refs;
        r->intent->rank = (struct rank){.by = RANK_NONE};
}

/* "who" asks for the persons that the question speaks of. */
static bool asks_who(const struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (reader_is(r, i, WORD_WHO))
                        return true;
        return false;
}

/* "lowest total first", "most common genre first": an order, and nothing ranked. */
static void read_first(struct reader *r)
{
        struct intent *intent = r->intent;
        for (size_t i = 0; i + 1 < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                bool adjective = atom->kind == ATOM_ADJECTIVE && atom->word == WORD_SUPER;
                size_t at = i + 1;
                const struct atom *column = NULL;
                if (atom_is(atom, WORD_LATE) && i + 2 < r->n && atom_is(r->atoms[i + 1], WORD_UNIT) &&
                    atom_is(r->atoms[i + 2], WORD_LATE) && r->atoms[i + 2]->arg == 0) {
                        intent->sort = SORT_TIME; /* "oldest month first" */
                        intent->sort_descending = atom->arg == 1;
                        r->used[i] = r->used[i + 1] = r->used[i + 2] = true;
                        continue;
                }
                if (!atom_is(atom, WORD_SUPER) && !atom_is(atom, WORD_MOST) && !adjective)
                        continue;
                if (reader_is(r, at, WORD_COMMON) || (at < r->n && r->atoms[at]->kind ==
                                                                           ATOM_ADJECTIVE))
                        column = r->atoms[at++]->kind == ATOM_ADJECTIVE ? r->atoms[at - 1] : NULL;
                if (at < r->n && atom_is_noun(r->atoms[at]))
                        column = reader_is_number(r, r->atoms[at]) ? r->atoms[at++]
                                                                   : (at++, column);
                else if (at < r->n && r->atoms[at]->kind == ATOM_MEASURE)
                        at++;
                if (!(at < r->n && atom_is(r->atoms[at], WORD_LATE) && r->atoms[at]->arg == 0))
                        continue;
                intent->sort = SORT_NUMBER;
                if (adjective && !column)
                        column = atom;
                if (column && column->refs.n > 0) {
                        intent->sort = SORT_COLUMN;
                        intent->sort_refs = column->refs;
                }
                intent->sort_descending = atom->arg == 1;
                for (size_t k = i; k <= at; k++)
                        r->used[k] = true;
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
static void read_extremes(struct reader *r)
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

void read_ranks(struct reader *r)
{
        struct intent *intent = r->intent;
        read_first(r);
        read_extremes(r);
        for (size_t i = 0; i < r->n; i++) {
                struct rank rank = {.by = RANK_NONE, .at = i};
                size_t behind;
                if (r->used[i] || !is_superlative(r, r->atoms[i]))
                        continue;
                if (intent->rank.by != RANK_NONE && intent->rank.by != RANK_UNSAID)
                        continue;
                rank.n = take_count(r, i);
                rank.want.index = rank.want.table = rank.want.segment = -1;
                r->used[i] = true;
                rank_superlative(r, i, &rank, &behind);
                if (!find_time_head(r, i))
                        find_head(r, &rank, behind, i);
                if (rank.n == 0)
                        rank.n = count_of_head(r);
                complete(r, i, &rank);
                if (rank.by == RANK_WANT && intent->head.kind == HEAD_NONE &&
                    behind < r->n && atom_is(r->atoms[behind], WORD_UNIT) &&
                    intent->n_groups < GROUPS_MAX) {
                        r->used[behind] = true; /* "top 4 days by number of orders" */
                        intent->show_time = false;
                        intent->head = (struct head){.kind = HEAD_TIME,
                                                     .at = behind,
                                                     .plural = r->atoms[behind]->plural};
                        intent->groups[intent->n_groups++] =
                                (struct group){.unit = (enum plan_unit)r->atoms[behind]->arg,
                                               .at = behind};
                }
                if (is_function(r, &rank) && !asks_who(r)) {
                        become_function(r, &rank);
                        continue;
                }
                rank.is_most = atom_is(r->atoms[i], WORD_MOST) || atom_is(r->atoms[i], WORD_TOP);
                rank.plural = intent->head.plural;
                intent->rank = rank;
        }
}
