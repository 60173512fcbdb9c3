/* Numbers that are made of a whole column, its first rows, or the rows that the sentence names. */
#include "grounding/match.h"

#include <math.h>

#define FIRST_ROWS_MAX 20 /* "the top 5 together" */
#define SHARE_ROWS_MAX 50 /* with more rows only those that are named have shares */

struct summed {
        struct target *target;
        const struct fact_table *table;
        const struct context_table *context;
        const struct fact_column *column;
        struct fact_place place; /* of the column */
};

static long double value_at(const struct summed *s, size_t row)
{
        return s->table->values[row * s->table->n_columns + s->place.column];
}

/* A part of the column's sum: itself, as a share in percent, and what is left of the sum without
 * it. */
static bool takes_part(const struct summed *s, long double part, bool itself)
{
        struct target *target = s->target;
        bool rest = target->context->cues & CUE_REST;
        long double total = s->column->sum;
        if (!target->mention->percent)
                return (itself && target_takes(target, part, true, "sum", &s->place)) ||
                       (rest && s->table->whole &&
                        target_takes(target, total - part, true, "sum", &s->place));
        if (!s->table->whole || total <= 0 || s->column->min < 0 || target->mention->points)
                return false;
        return target_takes(target, part / total * 100, true, "share", &s->place) ||
               (rest && target_takes(target, 100 - part / total * 100, true, "share", &s->place));
}

static bool takes_shares(const struct summed *s)
{
        if (!s->target->mention->percent)
                return false;
        if (s->context->any) {
                for (size_t i = 0; i < s->context->n_named; i++)
                        if (takes_part(s, value_at(s, s->context->named[i]), false))
                                return true;
                return false;
        }
        for (size_t i = 0; s->table->n_rows <= SHARE_ROWS_MAX && i < s->table->n_rows; i++)
                if (takes_part(s, value_at(s, i), false))
                        return true;
        return false;
}

static bool takes_named(const struct summed *s)
{
        long double sum = 0;
        for (size_t i = 0; i < s->context->n_named; i++)
                sum += value_at(s, s->context->named[i]);
        return s->context->any && s->context->n_named > 0 &&
               s->context->n_named < CONTEXT_NAMED_MAX &&
               takes_part(s, sum, s->context->n_named > 1);
}

static bool takes_first(const struct summed *s)
{
        long double sum = 0;
        if (!(s->target->context->cues & (CUE_COMBINE | CUE_REST)))
                return false;
        for (size_t i = 0; i < s->table->n_rows && i < FIRST_ROWS_MAX; i++) {
                sum += value_at(s, i);
                if (i > 0 && takes_part(s, sum, true))
                        return true;
        }
        return false;
}

static bool takes_mean(const struct summed *s)
{
        const struct fact_column *column = s->column;
        const struct mention *mention = s->target->mention;
        if (!(s->target->context->cues & CUE_MEAN) || column->id || column->n < 2 ||
            (mention->percent && !column->percent))
                return false;
        return target_takes(s->target, column->sum / (long double)column->n, true, "mean",
                            &s->place);
}

/* What is not 89.55 % is 10.45 %. */
static bool takes_remainder(const struct summed *s)
{
        if (!s->target->mention->percent || !s->column->percent ||
            s->table->n_rows > SHARE_ROWS_MAX || !(s->target->context->cues & CUE_REST))
                return false;
        for (size_t i = 0; i < s->table->n_rows; i++)
                if ((!s->context->any || s->context->allowed[i]) &&
                    target_takes(s->target, 100 - value_at(s, i), true, "share", &s->place))
                        return true;
        return false;
}

static bool takes_column(const struct summed *s)
{
        bool percent = s->target->mention->percent;
        bool whole = s->table->whole && s->column->n > 1 && s->column->additive;
        if (whole && !percent && target_takes(s->target, s->column->sum, true, "sum", &s->place))
                return true;
        if ((s->table->whole && takes_mean(s)) || takes_remainder(s))
                return true;
        return s->column->additive && s->column->n > 1 &&
               (takes_shares(s) || takes_named(s) || takes_first(s));
}

bool match_sums(struct target *target)
{
        const struct facts *facts = target->context->facts;
        if (target->mention->times)
                return false;
        for (size_t t = 0; t < facts->n_tables; t++) {
                const struct fact_table *table = &facts->tables[t];
                for (size_t c = 0; c < table->n_columns; c++) {
                        const struct summed s = {.target = target,
                                                 .table = table,
                                                 .context = &target->context->tables[t],
                                                 .column = &table->columns[c],
                                                 .place = {.origin = FACT_COLUMN,
                                                           .table = (uint32_t)t,
                                                           .column = (uint32_t)c}};
                        if (s.column->n > 0 && takes_column(&s))
                                return true;
                }
        }
        return false;
}
