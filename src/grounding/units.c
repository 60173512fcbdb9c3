/* Times in another unit than the column's: 171.18 hours are 7 days. */
#include "grounding/match.h"

#include "base/cleanup.h"

#include <math.h>
#include <string.h>

/* Seconds of a unit of time; 0 when token i is none. "min" is rather a minimum. */
static long double unit_at(const struct tokens *tokens, size_t i)
{
        static const struct {
                const char *const words[6];
                long double seconds;
        } units[] = {{{"millisecond", "milliseconds", "ms", NULL}, 0.001L},
                     {{"second", "seconds", "sec", "secs", "s", NULL}, 1},
                     {{"minute", "minutes", "mins", NULL}, 60},
                     {{"hour", "hours", "hrs", "h", NULL}, 3600},
                     {{"day", "days", NULL}, 86400},
                     {{"week", "weeks", NULL}, 604800}};
        for (size_t k = 0; k < ARRAY_SIZE(units); k++)
                if (tokens_is(tokens, i, units[k].words))
                        return units[k].seconds;
        return 0;
}

static long double unit_of(const char *name)
{
        struct token token;
        long double unit = 0;
        for (size_t at = 0; unit == 0 && token_next(name, strlen(name), &at, &token);) {
                struct tokens one = {.text = name, .items = &token, .n = 1};
                unit = unit_at(&one, 0);
        }
        return unit;
}

static bool match_column(struct target *target, uint32_t t, uint32_t c, long double scale)
{
        const struct fact_table *table = &target->context->facts->tables[t];
        const struct context_table *context = &target->context->tables[t];
        for (size_t i = 0; i < table->n_rows; i++) {
                const struct fact_place place = {
                        .origin = FACT_CELL, .table = t, .column = c, .row = (uint32_t)i};
                if ((!context->any || context->allowed[i]) &&
                    target_takes(target, table->values[i * table->n_columns + c] * scale, true,
                                 "unit", &place))
                        return true;
        }
        return false;
}

bool match_units(struct target *target)
{
        const struct facts *facts = target->context->facts;
        const struct mention *mention = target->mention;
        if (mention->currency || mention->percent || mention->times)
                return false;
        long double said = unit_at(target->context->tokens, mention->last + 1);
        for (size_t t = 0; said > 0 && t < facts->n_tables; t++)
                for (size_t c = 0; c < facts->tables[t].n_columns; c++) {
                        const struct fact_column *column = &facts->tables[t].columns[c];
                        long double unit = column->n > 0 ? unit_of(column->name) : 0;
                        if (unit > 0 && unit != said &&
                            match_column(target, (uint32_t)t, (uint32_t)c, unit / said))
                                return true;
                }
        return false;
}
