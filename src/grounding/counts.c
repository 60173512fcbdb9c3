/* Numbers of rows: those that the sentence names, that share a value, or that lie above or below
 * another number of the sentence; and their parts of all rows, in percent. */
#include "grounding/match.h"

#include <math.h>

#define LIMITS_MAX 4                 /* other numbers of the sentence */
#define COMPARED_MAX ((size_t)20000) /* cells that are compared with them */

struct counted {
        struct target *target;
        const struct fact_table *table;
        struct fact_place place;
};

static bool takes_count(const struct counted *c, size_t count)
{
        if (count == 0 || c->table->n_rows == 0)
                return false;
        long double n = (long double)count;
        return target_takes(c->target,
                            c->target->mention->percent ? n * 100 / (long double)c->table->n_rows
                                                        : n,
                            false, "count", &c->place);
}

static bool takes_named(const struct counted *c)
{
        const struct context_table *context = &c->target->context->tables[c->place.table];
        size_t count = 0;
        for (size_t i = 0; context->any && i < c->table->n_rows; i++)
                count += context->allowed[i];
        return takes_count(c, count);
}

static bool takes_shared(const struct counted *c)
{
        const struct fact_column *column = &c->table->columns[c->place.column];
        for (size_t i = 0; i < column->n_counts; i++)
                if (column->counts[i] > 1 && takes_count(c, column->counts[i]))
                        return true;
        return false;
}

/* "3 are above 50": with and without what is 50. */
static bool takes_limit(const struct counted *c, const struct mention *limit)
{
        long double value = decimal_value(&limit->value);
        bool over = limit->hedge == HEDGE_OVER;
        size_t beyond = 0;
        size_t at = 0;
        for (size_t i = 0; i < c->table->n_rows; i++) {
                long double x = c->table->values[i * c->table->n_columns + c->place.column];
                beyond += over ? x > value : x < value;
                at += x == value;
        }
        return takes_count(c, beyond) || takes_count(c, beyond + at);
}

static size_t find_limits(const struct target *target, const struct mention **ret)
{
        const struct context *context = target->context;
        size_t n = 0;
        for (const struct mention *m = target->mention; m > context->mentions->items; m--)
                if (m[-1].last < context->first)
                        break;
                else if (n < LIMITS_MAX && m[-1].readable && m[-1].hedge > HEDGE_ABOUT)
                        ret[n++] = &m[-1];
        const struct mention *end = context->mentions->items + context->mentions->n;
        for (const struct mention *m = target->mention + 1; m < end && m->first < context->end; m++)
                if (n < LIMITS_MAX && m->readable && m->hedge > HEDGE_ABOUT)
                        ret[n++] = m;
        return n;
}

static bool match_table(struct target *target, uint32_t t, const struct mention *const *limits,
                        size_t n_limits)
{
        const struct fact_table *table = &target->context->facts->tables[t];
        struct counted c = {
                .target = target, .table = table, .place = {.origin = FACT_COLUMN, .table = t}};
        if (!table->whole)
                return false;
        if (table->n_rows * table->n_columns > COMPARED_MAX)
                n_limits = 0;
        for (; c.place.column < table->n_columns; c.place.column++) {
                if (takes_shared(&c))
                        return true;
                for (size_t k = 0; k < n_limits; k++)
                        if (table->columns[c.place.column].n > 0 && takes_limit(&c, limits[k]))
                                return true;
        }
        c.place.column = 0;
        return takes_named(&c);
}

bool match_rows(struct target *target)
{
        const struct mention *limits[LIMITS_MAX];
        const struct mention *mention = target->mention;
        if (mention->currency || mention->times || mention->points || target->value < 0 ||
            (!mention->percent && target->half != 0.5L))
                return false;
        size_t n = find_limits(target, limits);
        for (size_t t = 0; t < target->context->facts->n_tables; t++)
                if (match_table(target, (uint32_t)t, limits, n))
                        return true;
        return false;
}
