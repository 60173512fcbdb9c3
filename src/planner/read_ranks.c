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

/* The number beside a superlative: "top 10", "the 10 cheapest". */
static int take_count(struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        if (reader_is_row_count(r, i + 1) && !reader_is(r, i + 2, WORD_PERCENT)) {
                r->used[i + 1] = true;
                return (int)r->atoms[i + 1]->number;
        }
        bool names = before != NO_ATOM && before > 0 &&
                     (r->atoms[before - 1]->kind == ATOM_ENTITY ||
                      r->atoms[before - 1]->kind == ATOM_TABLE) &&
                     !r->atoms[before - 1]->plural; /* "customer 777 last ordered" */
        if (before != NO_ATOM && before + 1 == i && !names && reader_is_row_count(r, before)) {
                r->used[before] = true;
                return (int)r->atoms[before]->number;
        }
        return 0;
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
                rank->want = want_of(WANT_ROWS);
                return true;
        }
        if (reader_is_number(r, atom)) {
                take_column(r, i, FUNC_NONE, &rank->want, end);
                rank->by = rank->want.op == EXPR_NONE ? RANK_COLUMN : RANK_COMPUTED;
                rank->refs = atom->refs;
                return true;
        }
        if (atom->kind == ATOM_COLUMN && reader_facts(r, &atom->refs)->is_moment) {
                rank->by = RANK_COLUMN;
                rank->refs = atom->refs;
                r->used[i] = true;
                return true;
        }
        if (read_operand(r, i, FUNC_NONE, &rank->want, end)) {
                bool computed = atom_is(atom, WORD_DIFFERENCE);
                rank->by = computed ? RANK_COMPUTED : RANK_WANT;
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
        if (r->rate_at == i || (reader_is_flag(r, atom) && atom->plural))
                return true; /* "the most EU members" */
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
               atom_is(atom, WORD_DISTINCT) || atom_is(atom, WORD_DIFFERENCE) ||
               reader_is_number(r, atom);
}

/* "by revenue" behind "top 10 products". */
static bool take_by(struct reader *r, size_t from, struct rank *rank)
{
        for (size_t i = from; i < r->n; i++) {
                size_t end;
                bool for_number = reader_is(r, i, WORD_FOR) && i + 1 < r->n &&
                                  reader_is_number(r, r->atoms[i + 1]);
                if ((!reader_is(r, i, WORD_BY) && !for_number) || r->used[i])
                        continue;
                size_t operand = reader_next(r, i);
                if (reader_is(r, operand, WORD_COMMA)) /* "by profit, that is gross minus budget" */
                        operand = reader_next(r, operand);
                if (may_count(r, operand) && take_rank(r, operand, rank, &end)) {
                        r->used[i] = true;
                        return true;
                }
        }
        return false;
}

/* "by living area": a number, and nothing that is counted. */
static bool take_by_number(struct reader *r, size_t from, struct rank *rank)
{
        for (size_t i = from; i < r->n; i++) {
                size_t number = reader_next(r, i);
                if (!reader_is(r, i, WORD_BY) || r->used[i] || number >= r->n || r->used[number])
                        continue;
                const struct atom *atom = r->atoms[number];
                if (atom->kind == ATOM_MEASURE) { /* "best selling by revenue" */
                        rank->by = RANK_WANT;
                        rank->want = want_of(WANT_MEASURE);
                        rank->want.index = atom->index;
                } else if (reader_is_number(r, atom)) {
                        rank->refs = atom->refs;
                } else {
                        continue;
                }
                r->used[i] = r->used[number] = true;
                return true;
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
        rank->want = want_of(WANT_ROWS);
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

static bool is_day(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_UNIT) && r->atoms[i]->arg == UNIT_DAY &&
               r->intent->head.kind == HEAD_NONE;
}

/* "the wettest day" is a row, where rows are days. */
static void rank_days(struct reader *r, size_t day, const struct rank *rank)
{
        if (!is_day(r, day))
                return;
        r->used[day] = true;
        r->intent->show_time = true;
        r->intent->head = (struct head){.kind = HEAD_TABLE,
                                        .table = rank->refs.at[0].table,
                                        .plural = r->atoms[day]->plural,
                                        .at = day};
}

static void rank_by_column(struct reader *r, size_t column, struct rank *rank)
{
        rank->by = RANK_COLUMN;
        rank->refs = r->atoms[column]->refs;
        r->used[column] = true;
}

/* "latest", and "the earliest hires" */
static void rank_by_time(struct reader *r, size_t next, struct rank *rank)
{
        rank->by = RANK_TIME;
        if (next < r->n && !r->used[next] && reader_is_moment(r, r->atoms[next]))
                rank_by_column(r, next, rank);
}

/* What is ranked by, from the superlative at i; *behind is the atom where its noun may stand. */
static void rank_superlative(struct reader *r, size_t i, struct rank *rank, size_t *behind)
{
        const struct atom *atom = r->atoms[i];
        size_t next = reader_next(r, i);
        size_t end = i;
        if (next == i + 1 && reader_is(r, next, WORD_TO) && r->atoms[next]->arg == 1) {
                r->used[next] = true; /* "best-selling" */
                next = reader_next(r, next);
        }
        while (next < r->n && r->used[next] && r->atoms[next]->kind == ATOM_NUMBER)
                next = reader_next(r, next);
        bool number = next < r->n && !r->used[next] && reader_is_number(r, r->atoms[next]);
        *behind = next;
        rank->descending = atom->arg == 1;
        if (atom->kind == ATOM_ADJECTIVE && number) {
                rank_by_column(r, next, rank); /* "the longest commute" */
                *behind = r->n;
        } else if (atom->kind == ATOM_ADJECTIVE) {
                rank_by_adjective(r, i, true, rank);
                rank->descending = atom->arg == 1;
                rank_days(r, next, rank);
        } else if (atom_is(atom, WORD_LATE)) {
                rank_by_time(r, next, rank);
        } else if (atom_is(atom, WORD_COMMON)) {
                rank_by_frequency(r, i, atom->arg == 1, rank);
        } else if (adjective_behind(r, next)) {
                rank_by_adjective(r, next, atom->arg == 1, rank);
                *behind = reader_next(r, next);
        } else if (atom_is(atom, WORD_MOST) && reader_is(r, next, WORD_COMMON)) {
                rank_by_frequency(r, next, (atom->arg == 1) == (r->atoms[next]->arg == 1), rank);
                *behind = reader_next(r, next);
        } else if (atom_is(atom, WORD_TOP) && next + 1 < r->n && !r->used[next] &&
                   r->atoms[next]->kind == ATOM_MEASURE && atom_is_noun(r->atoms[next + 1]) &&
                   take_rank(r, next, rank, &end)) {
                *behind = next + 1; /* "best selling products" */
        } else if (!atom_is(atom, WORD_TOP) && may_count(r, next) &&
                   take_rank(r, next, rank, &end)) {
                if (atom_is(atom, WORD_SUPER) && r->atoms[next]->kind == ATOM_TABLE &&
                    rank->by == RANK_WANT)
                        r->intent->cost +=
                                COST_RARELY_MEANT; /* "the largest homes": not their number */
                /* "the largest total order": what it is by, then what it is */
                *behind = reader_next(r, end) == end + 1 ? end + 1 : r->n;
        } else if (atom_is(atom, WORD_TOP) && number && rank->n > 0) {
                rank_by_column(r, next, rank); /* "top 2 earners" */
                *behind = r->n;
        } else {
                rank->by = RANK_UNSAID;
        }
        if (rank->by == RANK_UNSAID && rank->n > 0 && is_day(r, next)) {
                r->used[next] = true; /* "top 3 days for rain" */
                r->intent->show_time = true;
        }
}

/* "the best 3" alone says not by what: by "by ...", another superlative, or the only number. */
static void complete(struct reader *r, size_t i, struct rank *rank)
{
        if (rank->by == RANK_WANT && rank->want.kind == WANT_MEASURE) {
                struct rank said = *rank;
                if (take_by(r, i, &said)) /* "best selling products by revenue" */
                        *rank = said;
                return;
        }
        size_t next = reader_next(r, i);
        if (rank->by == RANK_COLUMN && (r->atoms[i]->kind == ATOM_ADJECTIVE ||
                                        (next < r->n && r->atoms[next]->kind == ATOM_ADJECTIVE))) {
                struct rank said = *rank;
                if (take_by_number(r, i, &said))
                        *rank = said; /* "the largest homes by living area" */
                return;
        }
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

/* "the highest price", where a number is asked for and nothing ranked, is a maximum. */
static bool is_function(const struct reader *r, const struct rank *rank)
{
        return (rank->by == RANK_COLUMN || rank->by == RANK_COMPUTED) &&
               r->intent->head.kind == HEAD_NONE && rank->n == 0 && !r->intent->is_when;
}

static void become_function(struct reader *r, const struct rank *rank)
{
        struct want *want = reader_want(r, WANT_COLUMN);
        if (rank->by == RANK_COMPUTED)
                *want = rank->want;
        else
                want->refs = rank->refs;
        want->func = rank->descending ? FUNC_MAX : FUNC_MIN;
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

/* "top 4 days by number of orders": days are what is ranked. */
static void rank_units(struct reader *r, size_t unit, const struct rank *rank)
{
        struct intent *intent = r->intent;
        if (rank->by != RANK_WANT || intent->head.kind != HEAD_NONE ||
            !(reader_is(r, unit, WORD_UNIT) || reader_is(r, unit, WORD_PART)) ||
            intent->n_groups >= GROUPS_MAX)
                return;
        r->used[unit] = true;
        intent->show_time = false;
        intent->head =
                (struct head){.kind = HEAD_TIME, .at = unit, .plural = r->atoms[unit]->plural};
        intent->groups[intent->n_groups++] =
                (struct group){.unit = (enum plan_unit)r->atoms[unit]->arg,
                               .is_part = reader_is(r, unit, WORD_PART),
                               .at = unit};
}

static void read_rank(struct reader *r, size_t i)
{
        struct rank rank = {.by = RANK_NONE, .want = want_of(WANT_NONE), .at = i};
        size_t behind;
        rank.n = take_count(r, i);
        r->used[i] = true;
        rank_superlative(r, i, &rank, &behind);
        if (!find_time_head(r, i))
                find_head(r, &rank, behind, i);
        if (rank.n == 0)
                rank.n = count_of_head(r);
        complete(r, i, &rank);
        rank_units(r, behind, &rank);
        if (is_function(r, &rank) && !asks_who(r)) {
                become_function(r, &rank);
                return;
        }
        if (rank.n == 0 && r->intent->rank.by == RANK_UNSAID)
                rank.n = r->intent->rank.n; /* "top 2 best paid" */
        rank.is_most = reader_is(r, i, WORD_MOST) || reader_is(r, i, WORD_TOP);
        rank.plural = r->intent->head.plural;
        r->intent->rank = rank;
}

void read_ranks(struct reader *r)
{
        const struct rank *found = &r->intent->rank;
        read_spreads(r);
        read_first(r);
        read_extremes(r);
        for (size_t i = 0; i < r->n; i++) {
                bool open = found->by == RANK_NONE || found->by == RANK_UNSAID;
                if (open && !r->used[i] && is_superlative(r, r->atoms[i]))
                        read_rank(r, i);
        }
}
