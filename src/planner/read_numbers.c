/* Numbers: "over 100", "between 1 and 2 stars", "order 1500", "more than 5 orders". */
#include "planner/reader.h"

#include <stdio.h>
#include <string.h>

static const char *multiply(struct reader *r, const char *digits, double by)
{
        char text[64];
        (void)snprintf(text, sizeof(text), "%.15g", strtod(digits, NULL) * by);
        return arena_strdup(r->question->arena, text);
}

/* The number's digits, with "million" behind it multiplied; *end is the last atom of it. */
static const char *take_digits(struct reader *r, size_t i, size_t *end)
{
        const struct atom *atom = r->atoms[i];
        const char *digits = atom->digits;
        *end = i;
        r->used[i] = true;
        if (reader_is(r, i + 1, WORD_MILLION)) {
                static const double times[] = {1, 1e3, 1e6, 1e9};
                digits = multiply(r, digits, times[r->atoms[i + 1]->arg]);
                r->used[i + 1] = true;
                *end = i + 1;
        }
        return digits ? digits : "0";
}

static bool is_number(const struct reader *r, size_t i)
{
        return i < r->n && r->atoms[i]->kind == ATOM_NUMBER && !r->used[i];
}

/* What is said before the number: "over", "older than", "more expensive than", "between". */
static void take_operator(struct reader *r, struct comparison *c)
{
        size_t i = reader_before(r, c->number);
        c->left = i;
        if (i == NO_ATOM || r->used[i])
                return;
        const struct atom *atom = r->atoms[i];
        if (atom_is(atom, WORD_NOT) && i + 1 == c->number) {
                c->op = FILTER_NE; /* "not in third class" */
                r->used[i] = true;
                c->left = reader_before(r, i);
        } else if (atom_is(atom, WORD_COMPARE_OP)) {
                c->op = (enum filter_op)atom->arg;
                r->used[i] = true;
                c->left = reader_before(r, i);
                if (c->left != NO_ATOM && atom_is(r->atoms[c->left], WORD_NOT)) {
                        /* "not over 5" */
                        c->op = c->op == FILTER_GT ? FILTER_LE : FILTER_GE;
                        r->used[c->left] = true;
                        c->left = reader_before(r, c->left);
                }
        } else if (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_COMPARE_OP) {
                c->op = (enum filter_op)atom->arg;
                c->adjective = atom;
                r->used[i] = true;
                c->left = reader_before(r, i);
        } else if (atom->kind == ATOM_ADJECTIVE && atom->word == WORD_NONE) {
                size_t before = reader_before(r, i);
                if (before != NO_ATOM && atom_is(r->atoms[before], WORD_COMPARATIVE)) {
                        bool more = r->atoms[before]->arg == FILTER_GT;
                        c->op = more == (atom->arg == 1) ? FILTER_GT : FILTER_LT;
                        c->adjective = atom;
                        r->used[i] = r->used[before] = true;
                        c->left = reader_before(r, before);
                }
        }
}

/* "1 and 2" behind "between", "1-2", "1 to 2". */
static void take_second(struct reader *r, struct comparison *c, size_t *end)
{
        size_t joint = *end + 1;
        bool between = c->left != NO_ATOM && atom_is(r->atoms[c->left], WORD_BETWEEN);
        if (!between && !reader_is(r, joint, WORD_TO))
                return;
        if (between && !reader_is(r, joint, WORD_AND) && !reader_is(r, joint, WORD_TO))
                return;
        if (!is_number(r, joint + 1))
                return;
        c->second = joint + 1;
        c->b = take_digits(r, c->second, end);
        r->used[joint] = true;
        c->op = FILTER_BETWEEN;
        if (between) {
                r->used[c->left] = true;
                c->left = reader_before(r, c->left);
        }
}

/* "1 or 2", "first and second class". */
static void take_list(struct reader *r, struct comparison *c, size_t *end)
{
        while (c->op == FILTER_NONE && c->n_more < 8 && c->second == NO_ATOM) {
                size_t joint = *end + 1;
                bool joins = reader_is(r, joint, WORD_OR) || reader_is(r, joint, WORD_COMMA) ||
                             (reader_is(r, joint, WORD_AND) && r->atoms[joint]->arg == 0);
                size_t next = joint + 1;
                if (joins && (reader_is(r, next, WORD_OR) || reader_is(r, next, WORD_AND)))
                        next++;
                if (!joins || !is_number(r, next) || r->atoms[next]->money != c->money)
                        return;
                size_t unit = next + 1;
                if (unit < r->n && r->atoms[unit]->kind != ATOM_COLUMN &&
                    !(c->left != NO_ATOM && r->atoms[c->left]->kind == ATOM_COLUMN))
                        return;
                for (size_t k = joint; k < next; k++)
                        r->used[k] = true;
                c->more[c->n_more++] = take_digits(r, next, end);
        }
}

/* Behind it: "or more", a unit. */
static void take_tail(struct reader *r, struct comparison *c, size_t end)
{
        size_t i = end + 1;
        c->unit = r->n;
        if (reader_is(r, i, WORD_PERCENT) || reader_is(r, i, WORD_MONEY)) {
                c->percent = c->percent || reader_is(r, i, WORD_PERCENT);
                c->money = c->money || reader_is(r, i, WORD_MONEY);
                r->used[i++] = true;
        } else if (reader_is(r, i, WORD_UNIT)) {
                c->unit = i;
                r->used[i++] = true;
        }
        if (c->op == FILTER_NONE && reader_is(r, i, WORD_TO) && r->atoms[i]->arg == 1 &&
            i + 1 < r->n && reader_is_number(r, r->atoms[i + 1]))
                r->used[i++] = true; /* "5-bedroom" */
        while (i < r->n && r->atoms[i]->kind == ATOM_LIGHT && r->atoms[i]->arg == UNIT_OF_COLUMN) {
                c->unit_stem = r->question->tokens[r->atoms[i]->first].stem;
                i++;
        }
        if (reader_is(r, i, WORD_OR_MORE)) {
                c->op = (enum filter_op)r->atoms[i]->arg;
                r->used[i++] = true;
        }
        if (i + 1 < r->n && (atom_is_noun(r->atoms[i]) || reader_is(r, i, WORD_TIME)) &&
            reader_is(r, i + 1, WORD_OR_MORE) && c->op == FILTER_NONE) {
                c->op = (enum filter_op)r->atoms[i + 1]->arg; /* "5 awards or more" */
                r->used[i + 1] = true;
        }
        while (i < r->n && (r->atoms[i]->kind == ATOM_LIGHT || reader_is(r, i, WORD_OF) ||
                            reader_is(r, i, WORD_A) || (c->percent && reader_is(r, i, WORD_IS))))
                i++;
        c->right = i;
}

static void read_number(struct reader *r, size_t i)
{
        struct comparison c = {.number = i, .second = NO_ATOM, .op = FILTER_NONE};
        size_t end;
        c.money = r->atoms[i]->money;
        c.percent = r->atoms[i]->percent;
        c.a = take_digits(r, i, &end);
        take_operator(r, &c);
        take_second(r, &c, &end);
        take_list(r, &c, &end);
        take_tail(r, &c, end);
        compare_number(r, &c);
}

void read_numbers(struct reader *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (is_number(r, i))
                        read_number(r, i);
        for (size_t i = 0; i < r->n; i++)
                if (reader_is(r, i, WORD_COMPARE_OP) && !r->used[i])
                        read_columns_compared(r, i);
}
