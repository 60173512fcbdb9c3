/* One number divided by another: "items per order", "bonus as a percentage of salary". */
#include "planner/reader.h"

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
bool reads_as_ratio(struct reader *r, size_t per, size_t noun)
{
        const struct atom *atom = r->atoms[noun];
        size_t before = per == 0 ? NO_ATOM : per - 1;
        bool averaged = false;
        bool counted = false;
        size_t begin = per;
        bool column = atom->kind == ATOM_COLUMN && !reader_is_flag(r, atom) &&
                      (!reader_is_number(r, atom) || reader_facts(r, &atom->refs)->is_dimension);
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
        averaged = averaged || r->intent->on_average;
        if (averaged)
                return rows && !number && (!column || counted || r->intent->on_average);
        if (column)
                return false;
        if (is_few(r, atom) && !r->intent->on_average)
                return false; /* "tickets per agent" */
        bool other = false;   /* "revenue per order for each category" */
        for (size_t i = noun + 1; i < r->n; i++)
                other = other || reader_is(r, i, WORD_EACH) || reader_is(r, i, WORD_BY);
        if (what->kind == ATOM_MEASURE && other && !counted)
                return true;
        return rows && !counted && !atom_is(atom, WORD_UNIT) && what->kind != ATOM_MEASURE &&
               what->kind != ATOM_SEGMENT && r->intent->rank.by == RANK_NONE &&
               !r->intent->is_which;
}

/* "average number of calls per customer", where a row is a customer: the average. */
bool averages_rows(const struct reader *r, size_t per, size_t noun)
{
        bool averaged = r->intent->on_average;
        if (!reader_is(r, per, WORD_PER) || noun >= r->n || per == 0 ||
            !reader_is_number(r, r->atoms[per - 1]))
                return false;
        const struct atom *atom = r->atoms[noun];
        bool bare = true;
        for (size_t i = 0; i < per; i++) {
                averaged = averaged || (reader_is(r, i, WORD_FUNC) && r->atoms[i]->arg == FUNC_AVG);
                bare = bare && !reader_is(r, i, WORD_FUNC) && !reader_is(r, i, WORD_COUNT) &&
                       !reader_is(r, i, WORD_HOW_MANY) && !reader_is(r, i, WORD_HOW_MUCH);
        }
        averaged = averaged ||
                   (bare && r->intent->rank.by == RANK_NONE && r->intent->sort == SORT_NONE);
        bool row = atom->kind == ATOM_TABLE ||
                   (atom->kind == ATOM_ENTITY && reader_facts(r, &atom->refs)->is_key);
        int table = atom->kind == ATOM_TABLE ? atom->index : atom->refs.at[0].table;
        return averaged && row && r->atoms[per - 1]->refs.at[0].table == table;
}

/* "sick days per employee": nothing else says that they are averaged. */
void average_number(struct reader *r, size_t per)
{
        for (size_t i = 0; i < per; i++)
                if (reader_is(r, i, WORD_FUNC) || r->intent->on_average)
                        return;
        struct want *want = reader_want(r, WANT_COLUMN);
        want->func = FUNC_AVG;
        want->refs = r->atoms[per - 1]->refs;
        r->used[per - 1] = true;
}

void ratio_set_per(struct reader *r, size_t i)
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
void take_ratio_noun(struct reader *r, size_t per)
{
        for (size_t i = 0; i < per; i++)
                if (reader_is(r, i, WORD_FUNC) || reader_is(r, i, WORD_COUNT))
                        return;
        struct want want;
        if (r->atoms[per - 1]->kind == ATOM_MEASURE)
                return;
        read_noun_count(r, r->atoms[per - 1], false, &want);
        *reader_want(r, want.kind) = want;
        r->used[per - 1] = true;
}

/* "How many items does an order have on average": items for each order. */
void read_average_of_counts(struct reader *r)
{
        struct intent *intent = r->intent;
        if (!intent->on_average || intent->ratio || intent->n_wants != 1 ||
            (intent->wants[0].kind != WANT_ROWS && intent->wants[0].kind != WANT_DISTINCT &&
             !(intent->wants[0].kind == WANT_COLUMN && intent->wants[0].func == FUNC_SUM)))
                return;
        for (size_t g = 0; g < intent->n_groups; g++) {
                /* "how many items per order on average" */
                const struct atom *atom = r->atoms[intent->groups[g].at];
                bool day = atom_is(atom, WORD_UNIT) && atom->arg == UNIT_DAY;
                if (intent->groups[g].per_each &&
                    (atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY ||
                     atom->kind == ATOM_COLUMN || day)) {
                        ratio_set_per(r, intent->groups[g].at);
                        for (size_t k = g + 1; k < intent->n_groups; k++)
                                intent->groups[k - 1] = intent->groups[k];
                        intent->n_groups--;
                        return;
                }
        }
        for (size_t i = 0; i < r->n && intent->n_groups == 0; i++) {
                const struct atom *atom = r->atoms[i];
                bool thing = atom->kind == ATOM_TABLE || atom->kind == ATOM_ENTITY;
                if (r->used[i] || !thing || atom->is_verb)
                        continue;
                ratio_set_per(r, i);
                return;
        }
        if (intent->wants[0].kind == WANT_COLUMN)
                intent->wants[0].func = FUNC_AVG; /* "how many calls do they make on average" */
}

/* "bonus as a percentage of salary": one want divided by another. */
void read_quotients(struct reader *r)
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
