/* What is missing or there: "without a rating", "missing A", "products without orders". */
#include "planner/facts.h"
#include "planner/reader.h"

#include <string.h>

static bool has_nulls(const struct reader *r, const struct refs *refs)
{
        if (refs->n == 0)
                return false;
        const struct column_facts *facts = reader_facts(r, refs);
        return facts->values ? facts->values->n_nulls > 0 : facts->column->nullable;
}

static bool is_null_word(const struct reader *r, size_t i)
{
        return reader_is(r, i, WORD_NULL) && !r->used[i];
}

/* No value, no such property, or nothing of a number: what "without a discount" means depends on
 * the column. */
static struct cond *add_absence(struct reader *r, size_t column, bool present)
{
        const struct atom *atom = r->atoms[column];
        const struct column_facts *facts = reader_facts(r, &atom->refs);
        const char *nothing = facts_value_of_nothing(facts);
        struct cond *cond;
        if (!facts->is_flag && !nothing && !has_nulls(r, &atom->refs))
                r->intent->cost += facts->is_number ? COST_SUPPOSED : COST_SENSELESS;
        if (facts->is_flag) {
                cond = reader_cond(r, COND_FLAG, column);
                cond->negated = !present;
        } else if (facts->is_number && facts->values && facts->values->n_nulls == 0) {
                cond = reader_cond(r, COND_COMPARE, column);
                cond->op = present ? FILTER_GT : FILTER_EQ;
                cond->a = "0";
        } else if (nothing) {
                cond = reader_cond(r, COND_TEXT, column);
                cond->op = FILTER_EQ;
                cond->text = nothing;
                cond->negated = present;
        } else {
                cond = reader_cond(r, COND_NULL, column);
                cond->negated = present;
        }
        cond->refs = atom->refs;
        cond->lacks = !present && cond->kind != COND_NULL && cond->kind != COND_TEXT;
        r->used[column] = true;
        return cond;
}

/* "products without orders": none of theirs. */
static void add_no_rows(struct reader *r, size_t noun)
{
        struct cond *cond = reader_cond(r, COND_NO_ROWS, noun);
        cond->index = r->atoms[noun]->index;
        r->used[noun] = true;
}

static bool is_free_column(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_COLUMN && !r->used[i];
}

/* "without A", "no A", "never A", and the same for "or B" behind it. */
static void read_without(struct reader *r, size_t i)
{
        size_t at = reader_next(r, i);
        bool neither = reader_is(r, i, WORD_NEITHER);
        while (at < r->n && !r->used[at]) {
                const struct atom *atom = r->atoms[at];
                size_t next;
                if (atom->kind == ATOM_TABLE && !neither)
                        add_no_rows(r, at);
                else if (atom->kind == ATOM_COLUMN) {
                        add_absence(r, at, false)->apart = true;
                } else
                        return;
                r->used[i] = true;
                next = reader_next(r, at);
                /* "without a score value recorded" */
                if (!reader_is(r, next, WORD_OR) && !(neither && reader_is(r, next, WORD_AND)))
                        return;
                at = reader_next(r, next);
                if (at >= r->n || r->atoms[at]->kind != ATOM_COLUMN)
                        return;
                r->used[next] = true;
        }
}

/* "A is missing", "missing A", "have not A". */
static void read_missing(struct reader *r, size_t i)
{
        size_t after = reader_next(r, i);
        size_t before = reader_before(r, i);
        bool negated = before != NO_ATOM && reader_is(r, before, WORD_NOT);
        if (negated) {
                r->used[before] = true;
                before = reader_before(r, before);
        }
        size_t column = r->n;
        if (is_free_column(r, after))
                column = after;
        else if (before != NO_ATOM && is_free_column(r, before))
                column = before;
        if (column == r->n)
                return;
        r->used[i] = true;
        add_absence(r, column, negated);
}

/* "were discounted": where the discount is a number, and none is said. */
static bool is_done(const struct reader *r, size_t i)
{
        if (!is_free_column(r, i) || !reader_is_number(r, r->atoms[i]))
                return false;
        const char *said = r->question->tokens[r->atoms[i]->first].text;
        size_t n = strlen(said);
        const struct atom *after = reader_atom(r, reader_next(r, i));
        bool compared = after && (after->kind == ATOM_NUMBER || atom_is(after, WORD_COMPARE_OP) ||
                                  atom_is(after, WORD_BETWEEN));
        return n > 4 && strcmp(said + n - 2, "ed") == 0 && !compared;
}

/* "with a rating": one that is there. */
static void read_with(struct reader *r, size_t i)
{
        size_t column = i + 2;
        if (is_free_column(r, i + 1) && i + 2 < r->n &&
            (atom_is(r->atoms[i + 2], WORD_ROWS) || r->atoms[i + 2]->kind == ATOM_TABLE) &&
            has_nulls(r, &r->atoms[i + 1]->refs)) {
                r->used[i + 2] = true; /* "have vibration readings" */
                add_absence(r, i + 1, true);
                return;
        }
        if (!reader_is(r, i + 1, WORD_A) || !is_free_column(r, column) ||
            !has_nulls(r, &r->atoms[column]->refs))
                return;
        const struct atom *after = reader_atom(r, reader_next(r, column));
        if (after && (after->kind == ATOM_VALUE || after->kind == ATOM_NUMBER ||
                      atom_is(after, WORD_COMPARE_OP) || atom_is(after, WORD_CONTAINS) ||
                      atom_is(after, WORD_BETWEEN)))
                return;
        add_absence(r, column, true);
}

void read_absences(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++) {
                if (reader_is(r, i, WORD_WITHOUT) || reader_is(r, i, WORD_NEVER) ||
                    reader_is(r, i, WORD_NEITHER))
                        read_without(r, i);
                else if (is_null_word(r, i))
                        read_missing(r, i);
                else if (reader_is(r, i, WORD_IS) && is_done(r, i + 1))
                        add_absence(r, i + 1, true);
                else if (reader_is(r, i, WORD_WITH) || reader_is(r, i, WORD_HAVE))
                        read_with(r, i);
                else if (reader_is(r, i, WORD_NOT) && !r->used[i]) {
                        size_t column = reader_next(r, i);
                        bool has = reader_is(r, i + 1, WORD_HAVE) ||
                                   (column < r->n && column > i + 2 &&
                                    reader_is(r, column - 1, WORD_A) &&
                                    has_nulls(r, &r->atoms[column]->refs));
                        if (has && is_free_column(r, column)) {
                                r->used[i] = true;
                                add_absence(r, column, false);
                        }
                }
        }
}
