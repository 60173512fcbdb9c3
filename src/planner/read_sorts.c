/* Orders of the answer: "sorted by price", "newest first", "by price". */
#include "planner/reader.h"

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
bool read_by_number(struct reader *r, size_t i, size_t at)
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

void read_sort(struct reader *r, size_t i)
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

void read_direction(struct reader *r, size_t i)
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

/* "lowest total first", "most common genre first": an order, and nothing ranked. */
void read_first(struct reader *r)
{
        struct intent *intent = r->intent;
        for (size_t i = 0; i + 1 < r->n; i++) {
                const struct atom *atom = r->atoms[i];
                bool adjective = atom->kind == ATOM_ADJECTIVE && atom->word == WORD_SUPER;
                size_t at = i + 1;
                const struct atom *column = NULL;
                if (atom_is(atom, WORD_LATE) && i + 2 < r->n &&
                    atom_is(r->atoms[i + 1], WORD_UNIT) && atom_is(r->atoms[i + 2], WORD_LATE) &&
                    r->atoms[i + 2]->arg == 0) {
                        intent->sort = SORT_TIME; /* "oldest month first" */
                        intent->sort_descending = atom->arg == 1;
                        r->used[i] = r->used[i + 1] = r->used[i + 2] = true;
                        continue;
                }
                if (!atom_is(atom, WORD_SUPER) && !atom_is(atom, WORD_MOST) && !adjective)
                        continue;
                if (reader_is(r, at, WORD_COMMON) ||
                    (at < r->n && r->atoms[at]->kind == ATOM_ADJECTIVE))
                        column = r->atoms[at++]->kind == ATOM_ADJECTIVE ? r->atoms[at - 1] : NULL;
                bool groups = at < r->n && atom_is_noun(r->atoms[at]) &&
                              !reader_is_number(r, r->atoms[at]) && computes(r);
                if (at < r->n && atom_is_noun(r->atoms[at]))
                        column =
                                reader_is_number(r, r->atoms[at]) ? r->atoms[at++] : (at++, column);
                else if (at < r->n && r->atoms[at]->kind == ATOM_MEASURE)
                        at++;
                if (!(at < r->n && atom_is(r->atoms[at], WORD_LATE) && r->atoms[at]->arg == 0))
                        continue;
                intent->sort = SORT_NUMBER;
                if (adjective && !column)
                        column = atom;
                if (column && column->refs.n > 0 && !groups) { /* "fastest channel first" */
                        intent->sort = SORT_COLUMN;
                        intent->sort_refs = column->refs;
                }
                intent->sort_descending = atom->arg == 1;
                for (size_t k = i; k <= at; k++)
                        r->used[k] = true;
        }
}
