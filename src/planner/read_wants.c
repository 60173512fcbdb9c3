/* The numbers that are asked for: "how many", a measure, a function. */
#include "planner/reader.h"

/* True when i is one of several things that are asked for: "revenue and orders by month". */
bool reader_is_joined(const struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        while (before != NO_ATOM &&
               (atom_is(r->atoms[before], WORD_FUNC) || atom_is(r->atoms[before], WORD_COUNT)))
                before = reader_before(r, before);
        return before == NO_ATOM || atom_is(r->atoms[before], WORD_AND) ||
               atom_is(r->atoms[before], WORD_COMMA) || atom_is(r->atoms[before], WORD_DIVIDED) ||
               atom_is(r->atoms[before], WORD_VERSUS) || atom_is(r->atoms[before], WORD_PLUS);
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
                bool unit = r->intent->rank.by == RANK_COLUMN && reader_is(r, k, WORD_UNIT);
                if (!ranked && !unit && r->atoms[k]->kind != ATOM_LIGHT &&
                    !atom_is_soft(r->atoms[k]) && !reader_is(r, k, WORD_THOSE))
                        return false;
        }
        for (size_t k = 0; k < r->intent->n_conds; k++)
                if (r->intent->conds[k].kind == COND_COMPARE)
                        return true;
        return r->intent->rank.by == RANK_COLUMN;
}

/* "..., and how many are left of each": a column of theirs, to be shown. */
static bool shows_of_each(struct reader *r, size_t i)
{
        size_t column = reader_next(r, i);
        size_t each = r->n;
        for (size_t k = i + 1; k < r->n; k++)
                if (reader_is(r, k, WORD_EACH))
                        each = k;
        if (i == 0 || !reader_is(r, i - 1, WORD_AND) || column >= r->n || r->used[column] ||
            each >= r->n || reader_next(r, each) < r->n || !reader_is(r, each - 1, WORD_OF) ||
            !reader_is_number(r, r->atoms[column]) || r->intent->n_shown >= SHOWN_MAX)
                return false;
        r->intent->shown[r->intent->n_shown++] = r->atoms[column]->refs;
        r->used[column] = r->used[each] = r->used[i - 1] = true;
        return true;
}

/* The last of the values right behind i, or i. */
static size_t last_value(const struct reader *r, size_t i)
{
        while (i + 1 < r->n &&
               (r->atoms[i + 1]->kind == ATOM_VALUE || r->atoms[i + 1]->kind == ATOM_LIGHT))
                i++;
        return i;
}

static void read_how_many(struct reader *r, size_t i)
{
        struct want want;
        size_t end;
        r->used[i] = true;
        if (is_afterthought(r, i))
                return;
        if (shows_of_each(r, i))
                return;
        if (atom_is(r->atoms[i], WORD_HOW_MANY) && i > 2 && reader_is(r, 0, WORD_LIST) &&
            reader_is(r, i - 1, WORD_WITH))
                r->intent->cost += COST_SENSELESS; /* "list the tickets with how many hours ..." */
        if (reader_is(r, i, WORD_COUNT) && r->atoms[i]->arg == 2) {
                want = want_of(WANT_ROWS);
                *reader_want(r, WANT_ROWS) = want;
                return;
        }
        if (!read_count(r, i, &want, &end)) {
                /* "customers with neither A nor B - how many?" */
                for (size_t k = 0; k < i; k++)
                        if (r->atoms[k]->kind == ATOM_TABLE && !r->used[k]) {
                                r->used[k] = true;
                                read_noun_count(r, r->atoms[k], false, &want);
                                *reader_want(r, want.kind) = want;
                                return;
                        }
                want = want_of(WANT_ROWS);
        }
        size_t behind = reader_next(r, last_value(r, i));
        if (want.kind == WANT_ROWS && want.table < 0 && behind < r->n && !r->used[behind] &&
            r->atoms[behind]->kind == ATOM_MEASURE)
                return; /* "how many books did we sell" */
        for (size_t k = i; r->intent->n_wants > 0 && k <= end && end < r->n; k++)
                if (r->atoms[k]->kind == ATOM_SEGMENT || r->atoms[k]->kind == ATOM_VALUE)
                        r->intent->cost += COST_SENSELESS; /* a condition of this number alone */
        *reader_want(r, want.kind) = want;
}

static void read_measure(struct reader *r, size_t i)
{
        if (r->intent->n_wants > 0 && !reader_is_joined(r, i))
                r->intent->cost += COST_SENSELESS; /* a second number, out of nowhere */
        struct want *want = reader_want(r, WANT_MEASURE);
        want->index = r->atoms[i]->index;
        r->used[i] = true;
}

/* "distinct customers per month" */
static void read_distinct(struct reader *r, size_t i)
{
        struct want want;
        size_t end;
        if (read_operand(r, i, FUNC_NONE, &want, &end))
                *reader_want(r, want.kind) = want;
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
                else if (atom_is(atom, WORD_HOW_MUCH) && i + 1 < r->n && r->atoms[i + 1]->plural &&
                         (r->atoms[i + 1]->kind == ATOM_TABLE ||
                          r->atoms[i + 1]->kind == ATOM_ENTITY)) {
                        r->intent->how_much = false; /* "how much orders" */
                        read_how_many(r, i);
                } else if (atom_is(atom, WORD_HOW_MUCH))
                        r->used[i] = true;
                else if (atom->kind == ATOM_MEASURE)
                        read_measure(r, i);
                else if (atom_is(atom, WORD_DISTINCT) && r->intent->n_groups > 0 &&
                         r->intent->n_wants == 0)
                        read_distinct(r, i);
        }
        read_quotients(r);
        read_average_of_counts(r);
        if (!reader_asks_one_row(r))
                read_whole(r);
}
