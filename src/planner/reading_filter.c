#include "planner/reading_parts.h"

#include "base/json.h"

#include <string.h>

static void write_filter(struct reading *r, const json_t *filter, bool is_alone);

/* What is tested: {"column": ...} stands in the filter itself. */
static const json_t *left_of(const json_t *filter)
{
        return json_object_get(filter, "column") ? filter : json_object_get(filter, "expr");
}

/* Dates are before and after one another; times of day and all else is < and >. */
static bool is_day(struct reading *r, const json_t *expr)
{
        enum column_kind kind = reading_kind(r, expr);
        return reading_is_temporal(kind) && kind != COLUMN_TIME;
}

static void write_operand(struct reading *r, const json_t *value, enum reading_bind least,
                          const char *unit)
{
        if (json_is_object(value))
                reading_expr(r, value, least);
        else
                reading_value(r, value, true, unit);
}

static void write_in(struct reading *r, const json_t *filter, bool is_not)
{
        const json_t *list = json_object_get(filter, "value");
        const char *one = is_not ? " is not " : " is ";
        const char *several = is_not ? " is none of " : " is ";
        buf_puts(r->out, json_array_size(list) > 1 ? several : one);
        reading_values(r, list, " or ", reading_unit(r, left_of(filter)));
}

static void write_between(struct reading *r, const json_t *filter)
{
        const json_t *two = json_object_get(filter, "value");
        const char *unit = reading_unit(r, left_of(filter));
        if (json_array_size(two) != 2)
                reading_wrong(r, "\"between\"");
        buf_puts(r->out, " is from ");
        write_operand(r, json_array_get(two, 0), READ_SUM, NULL);
        buf_puts(r->out, " to ");
        write_operand(r, json_array_get(two, 1), READ_SUM, unit);
}

static void write_pattern(struct reading *r, const json_t *filter, const char *said)
{
        buf_puts(r->out, said);
        reading_value(r, json_object_get(filter, "value"), true, NULL);
        if (json_is_true(json_object_get(filter, "ignore_case")))
                buf_puts(r->out, " in any case");
}

static void write_last(struct reading *r, const json_t *filter)
{
        const json_t *value = json_object_get(filter, "value");
        json_int_t n = reading_integer(json_object_get(value, "n"), 0);
        const char *unit = json_get_string(value, "unit");
        if (n < 1 || !unit) {
                reading_wrong(r, "\"last\"");
                return;
        }
        buf_puts(r->out, " is within the last ");
        if (n == 1)
                buf_puts(r->out, unit);
        else
                buf_printf(r->out, "%lld %ss", (long long)n, unit);
}

static bool write_comparison(struct reading *r, const json_t *filter, const char *op)
{
        static const struct {
                const char *op;
                const char *said;
                const char *of_days;
        } comparisons[] = {
                {"=", " is ", " is "},       {"!=", " is not ", " is not "},
                {"<", " < ", " is before "}, {"<=", " <= ", " is on or before "},
                {">", " > ", " is after "},  {">=", " >= ", " is on or after "},
        };
        const json_t *left = left_of(filter);
        for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
                if (strcmp(comparisons[i].op, op) != 0)
                        continue;
                buf_puts(r->out, is_day(r, left) ? comparisons[i].of_days : comparisons[i].said);
                write_operand(r, json_object_get(filter, "value"), READ_PHRASE,
                              reading_unit(r, left));
                return true;
        }
        return false;
}

static void write_test(struct reading *r, const json_t *filter)
{
        const char *op = json_get_string(filter, "op");
        reading_expr(r, left_of(filter), READ_PHRASE);
        if (!op)
                reading_wrong(r, "a filter");
        else if (strcmp(op, "in") == 0 || strcmp(op, "not_in") == 0)
                write_in(r, filter, op[0] == 'n');
        else if (strcmp(op, "between") == 0)
                write_between(r, filter);
        else if (strcmp(op, "contains") == 0)
                write_pattern(r, filter, " contains ");
        else if (strcmp(op, "startswith") == 0)
                write_pattern(r, filter, " starts with ");
        else if (strcmp(op, "endswith") == 0)
                write_pattern(r, filter, " ends with ");
        else if (strcmp(op, "is_null") == 0)
                buf_puts(r->out, " is empty");
        else if (strcmp(op, "is_not_null") == 0)
                buf_puts(r->out, " is not empty");
        else if (strcmp(op, "last") == 0)
                write_last(r, filter);
        else if (!write_comparison(r, filter, op))
                reading_wrong(r, "a filter's \"op\"");
}

static void write_group(struct reading *r, const json_t *list, const char *word, bool is_alone)
{
        bool is_one = json_array_size(list) == 1;
        if (json_array_size(list) == 0)
                reading_wrong(r, "a list of filters");
        buf_puts(r->out, is_alone || is_one ? "" : "(");
        for (size_t i = 0; i < json_array_size(list); i++) {
                buf_puts(r->out, i ? word : "");
                write_filter(r, json_array_get(list, i), is_alone && is_one);
        }
        buf_puts(r->out, is_alone || is_one ? "" : ")");
}

/* Alone: nothing stands beside it that could be taken to belong to it. */
static void write_filter(struct reading *r, const json_t *filter, bool is_alone)
{
        const json_t *any = json_object_get(filter, "or");
        const json_t *all = json_object_get(filter, "and");
        const json_t *not = json_object_get(filter, "not");
        if (!reading_enter(r))
                return;
        if (any) {
                write_group(r, any, " or ", is_alone);
        } else if (all) {
                write_group(r, all, " and ", is_alone);
        } else if (not ) {
                buf_puts(r->out, "not (");
                write_filter(r, not, true);
                buf_putc(r->out, ')');
        } else {
                write_test(r, filter);
        }
        reading_leave(r);
}

void reading_filters(struct reading *r, const json_t *filters)
{
        write_group(r, filters, " and ", true);
}
