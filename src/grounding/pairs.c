/* Numbers that are made of two cells. With many cells some pair gives almost any number, so few are
 * looked at: pairs of the rows that the sentence names; of the one that it names with its
 * neighbours, the first, the last, the least and the most; and where it names none, of the first
 * with the next and the last, and of the least with the most, or of all when there are four or
 * fewer. Two columns are paired within such rows, and the only rows of two results. The sentence
 * must speak of a comparison, or name both rows. */
#include "grounding/match.h"

#include "base/cleanup.h"

#include <math.h>

#define COLUMNS_MAX 12 /* numbers' columns that are paired with each other */
#define FEW_ROWS 4
#define ROWS_MAX 10    /* whose columns are paired when none is named */
#define SINGLES_MAX 32 /* values of results with one row */

struct pair {
        struct target *target;
        struct fact_place place;
        long double a;
        long double b;
        bool compared; /* the sentence speaks of it */
        bool row;      /* two columns of one row */
};

static bool takes_change(const struct pair *pair, long double from, long double to)
{
        long double change = (to - from) / fabsl(from) * 100;
        return from != 0 && (target_takes(pair->target, change, false, "percent", &pair->place) ||
                             target_takes(pair->target, -change, false, "percent", &pair->place));
}

static bool takes_ratio(const struct pair *pair, long double a, long double b)
{
        return b != 0 && target_takes(pair->target, a / b, false, "ratio", &pair->place);
}

static bool takes_pair(const struct pair *pair)
{
        struct target *target = pair->target;
        const struct mention *mention = target->mention;
        long double a = pair->a;
        long double b = pair->b;
        if (isnan(a) || isnan(b) || *target->context->pairs_left == 0)
                return false;
        --*target->context->pairs_left;
        if (mention->times)
                return takes_ratio(pair, a, b) || takes_ratio(pair, b, a);
        if (mention->percent) {
                long double part = fabsl(a) < fabsl(b) ? a / b : b / a;
                if (pair->row && !mention->points &&
                    target_takes(target, part * 100, false, "percent", &pair->place))
                        return true;
                return pair->compared &&
                       ((!mention->points &&
                         (takes_change(pair, a, b) || takes_change(pair, b, a))) ||
                        target_takes(target, fabsl(a - b), false, "difference", &pair->place));
        }
        if (pair->compared && (target_takes(target, a - b, false, "difference", &pair->place) ||
                               target_takes(target, b - a, false, "difference", &pair->place)))
                return true;
        return pair->row && (target->context->cues & CUE_MEAN) &&
               (takes_ratio(pair, a, b) || takes_ratio(pair, b, a));
}

/* Of one column. A difference in percent needs percentages. */

struct columned {
        struct target *target;
        const struct fact_table *table;
        const struct context_table *context;
        struct fact_place place;
};

static long double value_at(const struct columned *c, size_t row)
{
        return c->table->values[row * c->table->n_columns + c->place.column];
}

static bool takes_rows(const struct columned *c, size_t i, size_t j)
{
        const struct context *context = c->target->context;
        bool named = c->context->any && c->context->allowed[i] && c->context->allowed[j];
        struct pair pair = {.target = c->target,
                            .place = c->place,
                            .a = value_at(c, i),
                            .b = value_at(c, j),
                            .compared = named || (context->cues & (CUE_COMPARE | CUE_EXTREME))};
        return i != j && i < c->table->n_rows && j < c->table->n_rows && takes_pair(&pair);
}

static bool takes_all_rows(const struct columned *c, const uint32_t *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++)
                        if (takes_rows(c, rows ? rows[i] : i, rows ? rows[j] : j))
                                return true;
        return false;
}

/* A row with those that it is likely to be compared with. */
static bool takes_row(const struct columned *c, size_t i)
{
        const struct fact_column *column = &c->table->columns[c->place.column];
        const size_t others[] = {i + 1,           i ? i - 1 : 0,  0, c->table->n_rows - 1,
                                 column->min_row, column->max_row};
        for (size_t k = 0; k < ARRAY_SIZE(others); k++)
                if (others[k] < c->table->n_rows && takes_rows(c, i, others[k]))
                        return true;
        return false;
}

/* "8 % above average" */
static bool takes_mean(const struct columned *c, size_t i)
{
        const struct fact_column *column = &c->table->columns[c->place.column];
        struct pair pair = {.target = c->target,
                            .place = c->place,
                            .a = value_at(c, i),
                            .b = column->sum / (long double)column->n,
                            .compared = true};
        unsigned int wanted = CUE_MEAN | CUE_COMPARE;
        return (c->target->context->cues & wanted) == wanted && c->table->whole &&
               takes_pair(&pair);
}

static bool takes_column(const struct columned *c)
{
        const struct fact_column *column = &c->table->columns[c->place.column];
        if (column->n < 2 || column->id)
                return false;
        if (!c->context->any) {
                bool few = c->table->n_rows <= FEW_ROWS;
                return (few && takes_all_rows(c, NULL, c->table->n_rows)) || takes_rows(c, 0, 1) ||
                       takes_rows(c, 0, c->table->n_rows - 1) ||
                       takes_rows(c, column->min_row, column->max_row);
        }
        if (takes_all_rows(c, c->context->named, c->context->n_named))
                return true;
        for (size_t k = 0; k < c->context->n_named; k++)
                if ((c->context->n_named == 1 && takes_row(c, c->context->named[k])) ||
                    takes_mean(c, c->context->named[k]))
                        return true;
        return false;
}

/* Of one row. */

static size_t paired_columns(const struct fact_table *table, uint32_t *ret)
{
        size_t n = 0;
        for (size_t c = 0; n < COLUMNS_MAX && c < table->n_columns; c++)
                if (table->columns[c].n > 0 && !table->columns[c].id)
                        ret[n++] = (uint32_t)c;
        return n;
}

static bool takes_columns(struct target *target, uint32_t t, const long double *values,
                          const uint32_t *columns, size_t n)
{
        const struct context *context = target->context;
        bool few = context->tables[t].any || context->facts->tables[t].n_rows <= FEW_ROWS;
        bool compared = (context->cues & CUE_COMPARE) || (few && !target->mention->percent);
        const struct fact_column *known = target->context->facts->tables[t].columns;
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                        struct pair pair = {
                                .target = target,
                                .place = {.origin = FACT_COLUMN, .table = t, .column = columns[i]},
                                .a = values[columns[i]],
                                .b = values[columns[j]],
                                .compared = compared,
                                .row = true};
                        if (known[columns[i]].additive == known[columns[j]].additive &&
                            takes_pair(&pair))
                                return true;
                }
        return false;
}

static bool takes_totals(struct target *target, uint32_t t, const uint32_t *columns, size_t n)
{
        const struct fact_table *table = &target->context->facts->tables[t];
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                        const struct fact_column *a = &table->columns[columns[i]];
                        const struct fact_column *b = &table->columns[columns[j]];
                        struct pair pair = {
                                .target = target,
                                .place = {.origin = FACT_COLUMN, .table = t, .column = columns[i]},
                                .a = a->sum,
                                .b = b->sum,
                                .compared = true,
                                .row = true};
                        if (a->additive && b->additive && takes_pair(&pair))
                                return true;
                }
        return false;
}

static bool takes_table(struct target *target, uint32_t t)
{
        const struct fact_table *table = &target->context->facts->tables[t];
        const struct context_table *context = &target->context->tables[t];
        uint32_t columns[COLUMNS_MAX];
        size_t n = paired_columns(table, columns);
        size_t n_rows = context->any               ? context->n_named
                        : table->n_rows < ROWS_MAX ? table->n_rows
                                                   : ROWS_MAX;
        for (size_t k = 0; k < n; k++) {
                const struct columned c = {
                        .target = target,
                        .table = table,
                        .context = context,
                        .place = {.origin = FACT_COLUMN, .table = t, .column = columns[k]}};
                if (takes_column(&c))
                        return true;
        }
        for (size_t k = 0; k < n_rows; k++) {
                size_t row = context->any ? context->named[k] : k;
                if (takes_columns(target, t, &table->values[row * table->n_columns], columns, n))
                        return true;
        }
        return table->whole && !context->any && takes_totals(target, t, columns, n);
}

/* Of two results with one row each: "this month" and "the month before". */
static bool takes_singles(struct target *target)
{
        const struct facts *facts = target->context->facts;
        struct pair pairs[SINGLES_MAX];
        size_t n = 0;
        for (size_t t = 0; t < facts->n_tables; t++)
                for (size_t c = 0; facts->tables[t].n_rows == 1 && n < SINGLES_MAX &&
                                   c < facts->tables[t].n_columns;
                     c++)
                        if (facts->tables[t].columns[c].n > 0 && !facts->tables[t].columns[c].id)
                                pairs[n++] = (struct pair){.target = target,
                                                           .place = {.origin = FACT_COLUMN,
                                                                     .table = (uint32_t)t,
                                                                     .column = (uint32_t)c},
                                                           .a = facts->tables[t].values[c],
                                                           .compared = target->context->cues &
                                                                       CUE_COMPARE,
                                                           .row = true};
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                        pairs[i].b = pairs[j].a;
                        if (pairs[i].place.table != pairs[j].place.table && takes_pair(&pairs[i]))
                                return true;
                }
        return false;
}

bool match_pairs(struct target *target)
{
        for (size_t t = 0; t < target->context->facts->n_tables; t++)
                if (takes_table(target, (uint32_t)t))
                        return true;
        return takes_singles(target);
}
