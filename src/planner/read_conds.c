/* Conditions that are not numbers: values, flags, times, what is missing. */
#include "planner/reader.h"

#include <string.h>

static bool is_negation(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_NOT) || reader_is(r, i, WORD_EXCEPT) ||
               reader_is(r, i, WORD_WITHOUT) || reader_is(r, i, WORD_NEVER) ||
               reader_is(r, i, WORD_NEITHER);
}

/* A negation before i that is i's: nothing but soft atoms, or a noun that i describes, between. */
static bool take_negation(struct reader *r, size_t i)
{
        size_t before = reader_before(r, i);
        if (before != NO_ATOM && before + 1 == i && reader_is(r, before, WORD_TO) &&
            r->atoms[before]->arg == 1) {
                r->used[before] = true; /* "non-diabetic" */
                before = reader_before(r, before);
        }
        if (before != NO_ATOM && reader_is(r, before, WORD_BY) && !r->used[before]) {
                r->used[before] = true; /* "by email" */
                before = reader_before(r, before);
        }
        while (before != NO_ATOM &&
               (reader_is(r, before, WORD_THOSE) || reader_is(r, before, WORD_ROWS)))
                before = reader_before(r, before); /* "excluding those that" */
        if (before != NO_ATOM && atom_is_noun(r->atoms[before]) && r->used[before]) {
                size_t of = before > 0 && reader_is(r, before - 1, WORD_OF) ? before - 1 : before;
                if (of > 0 && is_negation(r, of - 1))
                        before = of - 1; /* "not of type A" */
        }
        if (before == NO_ATOM || !is_negation(r, before))
                return false;
        r->used[before] = true;
        return true;
}

/* A column right beside its value only says which column it is: "category Books", "Books
 * category", "the zone is North". */
static void take_column_of_value(struct reader *r, size_t i)
{
        const struct atom *value = r->atoms[i];
        size_t before = reader_before(r, i);
        size_t after =
                i + 1 < r->n && atom_is_soft(r->atoms[i + 1]) && r->atoms[i + 1]->kind != ATOM_LIGHT
                        ? r->n
                        : reader_next(r, i);
        size_t behind = reader_is(r, i + 1, WORD_IN) ? reader_next(r, i) : r->n;
        if (behind < r->n && value->is_part && r->atoms[behind]->kind == ATOM_COLUMN)
                after = behind; /* "Garden in the title" */
        const size_t beside[] = {before, after};
        for (size_t k = 0; k < 2; k++) {
                size_t noun = beside[k];
                if (noun == NO_ATOM || noun >= r->n || r->used[noun])
                        continue;
                const struct atom *atom = r->atoms[noun];
                if ((atom->kind == ATOM_COLUMN || atom->kind == ATOM_ENTITY) &&
                    refs_meet(&atom->refs, &value->refs)) {
                        r->used[noun] = true;
                        r->intent->cost -= GAIN_SAME_COLUMN;
                }
        }
}

/* Which word negates what stands at i. */
static void note_negation(const struct reader *r, size_t i, struct cond *cond)
{
        size_t before = reader_before(r, i);
        while (before != NO_ATOM && before > 0 && !is_negation(r, before) &&
               (atom_is_noun(r->atoms[before]) || reader_is(r, before, WORD_THOSE) ||
                reader_is(r, before, WORD_ROWS) || reader_is(r, before, WORD_BY)))
                before--;
        if (before == NO_ATOM)
                return;
        cond->lacks = reader_is(r, before, WORD_WITHOUT) || reader_is(r, before, WORD_NEVER);
        cond->excepted = reader_is(r, before, WORD_EXCEPT) || cond->lacks;
}

static void add_value(struct reader *r, size_t i)
{
        size_t sign = reader_before(r, i);
        if (sign != NO_ATOM && sign > 0 && reader_is(r, sign, WORD_COMPARE_OP) && !r->used[sign] &&
            r->atoms[sign]->arg == FILTER_EQ && r->atoms[sign - 1]->kind == ATOM_COLUMN &&
            refs_meet(&r->atoms[sign - 1]->refs, &r->atoms[i]->refs))
                r->used[sign] = r->used[sign - 1] = true; /* "conditions = Storm" */
        if (sign != NO_ATOM && reader_is(r, sign, WORD_BETWEEN) && sign + 1 == i)
                for (size_t k = 0; k < sign; k++)
                        if (reader_is(r, k, WORD_COMPARE))
                                r->used[sign] = true; /* "compare between Email and Phone" */
        take_column_of_value(r, i);
        struct cond *cond = reader_cond(r, COND_VALUES, i);
        cond->refs = r->atoms[i]->refs;
        cond->value = r->atoms[i];
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
}

/* The date column that a time belongs to: the noun right before it ("hired in 2023", "the
 * discharge date is in May"), if it is one. */
static void find_time_column(struct reader *r, size_t i, struct refs *refs)
{
        size_t before = reader_before(r, i);
        if (before == NO_ATOM || r->atoms[before]->kind != ATOM_COLUMN)
                return;
        const struct column_facts *facts = reader_facts(r, &r->atoms[before]->refs);
        if (!facts->is_moment && !facts->is_year && facts->text_date == TEXT_DATE_NONE)
                return;
        *refs = r->atoms[before]->refs;
        r->used[before] = true;
}

static void add_time(struct reader *r, size_t i)
{
        struct refs refs = {.n = 0};
        size_t before = reader_before(r, i);
        struct timex time = r->atoms[i]->time;
        if (before != NO_ATOM && reader_is(r, before, WORD_COMPARE_OP) && !r->used[before] &&
            time.kind == TIME_RANGE) {
                enum filter_op op = (enum filter_op)r->atoms[before]->arg;
                bool later = op == FILTER_GT || op == FILTER_GE;
                if (op == FILTER_GT)
                        (void)memcpy(time.from, time.to, sizeof(time.from));
                if (op == FILTER_LT)
                        (void)memcpy(time.to, time.from, sizeof(time.to));
                time.from_open = op == FILTER_GT;
                time.to_open = op == FILTER_LT;
                if (op != FILTER_EQ)
                        (later ? time.to : time.from)[0] = '\0';
                r->used[before] = true;
                size_t column = reader_before(r, before);
                if (column != NO_ATOM && r->atoms[column]->kind == ATOM_COLUMN) {
                        r->used[column] = true;
                        refs = r->atoms[column]->refs;
                }
        } else {
                find_time_column(r, i, &refs);
        }
        struct cond *cond = reader_cond(r, COND_TIME, i);
        cond->time = time;
        cond->refs = refs;
        size_t negation = reader_before(r, i);
        cond->negated = take_negation(r, i);
        if (cond->negated && refs.n > 0 && negation != NO_ATOM &&
            !reader_is(r, negation, WORD_EXCEPT))
                r->intent->cost +=
                        COST_SENSELESS; /* "not ordered in the last month": by none of its orders */
        r->used[i] = true;
}

static void add_segment(struct reader *r, size_t i)
{
        struct cond *cond = reader_cond(r, COND_SEGMENT, i);
        cond->index = r->atoms[i]->index;
        size_t joint = reader_before(r, i);
        if (joint != NO_ATOM && joint > 0 && reader_is(r, joint, WORD_AND) &&
            r->atoms[joint - 1]->kind == ATOM_TABLE && r->intent->n_wants > 0 && i > joint &&
            r->atoms[i]->n > 2)
                r->intent->cost +=
                        COST_SENSELESS; /* "tickets and tickets that missed": two counts */
        if (joint != NO_ATOM && joint > 1 && atom_is_noun(r->atoms[joint]) &&
            reader_is(r, joint - 1, WORD_AND) && atom_is_noun(r->atoms[joint - 2]) &&
            r->intent->n_wants > 0)
                r->intent->cost += COST_SENSELESS;
        size_t list = i;
        while (list > 0 && r->atoms[list - 1]->kind == ATOM_LIGHT)
                list--;
        if (list > 0 && reader_is(r, list - 1, WORD_LIST) && r->atoms[i]->plural)
                r->intent->lists_rows = true;
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
}

/* A flag is a condition where no noun is wanted: "returned orders", "smokers". */
static void add_flag(struct reader *r, size_t i)
{
        struct cond *cond = reader_cond(r, COND_FLAG, i);
        r->intent->cost += COST_FLAG;
        cond->refs = r->atoms[i]->refs;
        note_negation(r, i, cond);
        cond->negated = take_negation(r, i);
        r->used[i] = true;
        /* "PhoneService = Yes" */
        size_t after = reader_next(r, i);
        if (after < r->n && r->atoms[after]->kind == ATOM_VALUE &&
            refs_meet(&r->atoms[after]->refs, &cond->refs)) {
                r->intent->n_conds--;
                add_value(r, after);
        }
}

void read_conditions(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                if (r->used[i])
                        continue;
                if (atom->kind == ATOM_VALUE)
                        add_value(r, i);
                else if (atom->kind == ATOM_TIME)
                        add_time(r, i);
                else if (atom->kind == ATOM_SEGMENT)
                        add_segment(r, i);
                else if (reader_is_flag(r, atom))
                        add_flag(r, i);
        }
}
