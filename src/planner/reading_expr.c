#include "planner/reading_parts.h"

#include "base/json.h"
#include "plan/plan.h"

#include <string.h>

#define DIGITS_MAX 15 /* of round, either way */

static void write_operands(struct reading *r, const json_t *list, const char *sign,
                           enum reading_bind bind)
{
        if (json_array_size(list) < 2)
                reading_wrong(r, "operands");
        for (size_t i = 0; i < json_array_size(list); i++) {
                if (i)
                        buf_puts(r->out, sign);
                /* Behind the first an equal operator gets parentheses too: a - (b - c). */
                reading_expr(r, json_array_get(list, i), i ? bind + 1 : bind);
        }
}

static void write_add(struct reading *r, const json_t *expr)
{
        write_operands(r, json_object_get(expr, "add"), " + ", READ_SUM);
}

static void write_sub(struct reading *r, const json_t *expr)
{
        write_operands(r, json_object_get(expr, "sub"), " - ", READ_SUM);
}

static void write_mul(struct reading *r, const json_t *expr)
{
        write_operands(r, json_object_get(expr, "mul"), " * ", READ_PRODUCT);
}

static void write_div(struct reading *r, const json_t *expr)
{
        write_operands(r, json_object_get(expr, "div"), " / ", READ_PRODUCT);
}

static void write_neg(struct reading *r, const json_t *expr)
{
        buf_putc(r->out, '-');
        reading_expr(r, json_object_get(expr, "neg"), READ_ATOM);
}

static void write_abs(struct reading *r, const json_t *expr)
{
        buf_puts(r->out, "absolute value of ");
        reading_expr(r, json_object_get(expr, "abs"), READ_PHRASE);
}

static void write_lower(struct reading *r, const json_t *expr)
{
        buf_puts(r->out, "lower case of ");
        reading_expr(r, json_object_get(expr, "lower"), READ_PHRASE);
}

static void write_upper(struct reading *r, const json_t *expr)
{
        buf_puts(r->out, "upper case of ");
        reading_expr(r, json_object_get(expr, "upper"), READ_PHRASE);
}

void reading_rounded(struct reading *r, const json_t *expr)
{
        json_int_t digits = reading_integer(json_object_get(expr, "digits"), 0);
        if (digits < -DIGITS_MAX || digits > DIGITS_MAX)
                reading_wrong(r, "digits");
        else if (digits == 0)
                buf_puts(r->out, "rounded to a whole number");
        else if (digits > 0)
                buf_printf(r->out, "rounded to %d decimal%s", (int)digits, digits > 1 ? "s" : "");
        else
                buf_printf(r->out, "rounded to the nearest 1%.*s", -(int)digits, "000000000000000");
}

static void write_round(struct reading *r, const json_t *expr)
{
        buf_putc(r->out, '(');
        reading_expr(r, json_object_get(expr, "round"), READ_SUM);
        buf_putc(r->out, ' ');
        reading_rounded(r, expr);
        buf_putc(r->out, ')');
}

static void write_coalesce(struct reading *r, const json_t *expr)
{
        const json_t *list = json_object_get(expr, "coalesce");
        if (json_array_size(list) < 2)
                reading_wrong(r, "operands");
        buf_putc(r->out, '(');
        for (size_t i = 0; i < json_array_size(list); i++) {
                buf_puts(r->out, i ? ", or " : "");
                reading_expr(r, json_array_get(list, i), READ_SUM);
                buf_puts(r->out, i ? " if empty" : "");
        }
        buf_putc(r->out, ')');
}

static void write_case(struct reading *r, const json_t *expr)
{
        const json_t *list = json_object_get(expr, "case");
        const json_t *otherwise = json_object_get(expr, "else");
        if (json_array_size(list) == 0)
                reading_wrong(r, "a case");
        buf_putc(r->out, '(');
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *branch = json_array_get(list, i);
                buf_puts(r->out, i ? ", " : "");
                reading_expr(r, json_object_get(branch, "then"), READ_PHRASE);
                buf_puts(r->out, " if ");
                reading_filters(r, json_object_get(branch, "when"));
        }
        buf_puts(r->out, ", otherwise ");
        if (otherwise)
                reading_expr(r, otherwise, READ_PHRASE);
        else
                buf_puts(r->out, "empty");
        buf_putc(r->out, ')');
}

static void write_date_trunc(struct reading *r, const json_t *expr)
{
        const char *unit = json_get_string(expr, "unit");
        if (!unit) {
                reading_wrong(r, "a unit");
                return;
        }
        buf_printf(r->out, "%s of ", unit);
        reading_expr(r, json_object_get(expr, "date_trunc"), READ_PHRASE);
}

/* "month of the year" is a number, where "month" is the month of one year. */
static void write_date_part(struct reading *r, const json_t *expr)
{
        static const struct {
                const char *unit;
                const char *said;
        } parts[] = {
                {"year", "calendar year"},          {"quarter", "quarter of the year"},
                {"month", "month of the year"},     {"week", "week of the year"},
                {"day", "day of the month"},        {"hour", "hour of the day"},
                {"minute", "minute of the hour"},   {"day_of_week", "day of the week"},
                {"day_of_year", "day of the year"},
        };
        const char *unit = json_get_string(expr, "unit");
        const char *said = NULL;
        for (size_t i = 0; unit && i < ARRAY_SIZE(parts); i++)
                if (strcmp(parts[i].unit, unit) == 0)
                        said = parts[i].said;
        if (!said) {
                reading_wrong(r, "a unit");
                return;
        }
        buf_printf(r->out, "%s of ", said);
        reading_expr(r, json_object_get(expr, "date_part"), READ_PHRASE);
}

static void write_date_diff(struct reading *r, const json_t *expr)
{
        const json_t *two = json_object_get(expr, "date_diff");
        const char *unit = json_get_string(expr, "unit");
        if (!unit || json_array_size(two) != 2) {
                reading_wrong(r, "a difference of dates");
                return;
        }
        buf_printf(r->out, "whole %ss from ", unit);
        reading_expr(r, json_array_get(two, 0), READ_SUM);
        buf_puts(r->out, " to ");
        reading_expr(r, json_array_get(two, 1), READ_SUM);
}

static void write_as_of(struct reading *r, const json_t *expr)
{
        (void)expr;
        buf_puts(r->out, "the moment of asking");
}

static void write_literal(struct reading *r, const json_t *expr)
{
        reading_value(r, json_object_get(expr, "literal"), false, NULL);
}

static void write_column(struct reading *r, const json_t *expr)
{
        const char *name = json_get_string(expr, "column");
        if (name)
                reading_name(r, name);
        else
                reading_wrong(r, "a column");
}

static void write_total(struct reading *r, const json_t *expr)
{
        reading_expr(r, json_object_get(expr, "total"), READ_CLAUSE);
        buf_puts(r->out, " over all groups");
}

/* "highest" and "lowest" are "latest" and "earliest" of moments. */
static const char *aggregate_said(struct reading *r, const json_t *expr, const char *func)
{
        static const struct {
                const char *func;
                const char *said;
                const char *of_moments;
        } aggregates[] = {
                {"count_distinct", "number of different ", NULL},
                {"sum", "sum of ", NULL},
                {"avg", "average of ", NULL},
                {"min", "lowest ", "earliest "},
                {"max", "highest ", "latest "},
                {"median", "median of ", NULL},
                {"stddev", "standard deviation of ", NULL},
        };
        for (size_t i = 0; i < ARRAY_SIZE(aggregates); i++) {
                if (strcmp(aggregates[i].func, func) != 0)
                        continue;
                if (!aggregates[i].of_moments)
                        return aggregates[i].said;
                bool is_temporal = reading_is_temporal(reading_kind(r, expr));
                return is_temporal ? aggregates[i].of_moments : aggregates[i].said;
        }
        return NULL;
}

static void write_argument(struct reading *r, const json_t *expr)
{
        if (json_object_get(expr, "column"))
                write_column(r, expr);
        else
                reading_expr(r, json_object_get(expr, "expr"), READ_PHRASE);
}

static bool has_argument(const json_t *aggregate)
{
        return json_object_get(aggregate, "column") || json_object_get(aggregate, "expr");
}

static void write_aggregate(struct reading *r, const json_t *expr)
{
        const char *func = json_get_string(expr, "func");
        const json_t *where = json_object_get(expr, "where");
        bool is_count = func && strcmp(func, "count") == 0;
        const char *said = is_count ? "number of rows"
                           : func   ? aggregate_said(r, expr, func)
                                    : NULL;
        if (!said) {
                reading_wrong(r, "an aggregate");
                return;
        }
        bool in_having = r->in_having; /* inside an aggregate names are those of columns */
        r->in_having = false;
        buf_puts(r->out, said);
        if (is_count && has_argument(expr))
                buf_puts(r->out, " with ");
        if (!is_count || has_argument(expr))
                write_argument(r, expr);
        if (where) {
                buf_puts(r->out, " where ");
                reading_filters(r, where);
        }
        r->in_having = in_having;
}

/* "func" comes first: beside it "column" is what the aggregate is of. */
static const struct form {
        const char *key;
        enum reading_bind bind;
        void (*write)(struct reading *r, const json_t *expr);
} forms[] = {
        {"func", READ_PHRASE, write_aggregate},
        {"column", READ_ATOM, write_column},
        {"literal", READ_ATOM, write_literal},
        {"as_of", READ_ATOM, write_as_of},
        {"add", READ_SUM, write_add},
        {"sub", READ_SUM, write_sub},
        {"mul", READ_PRODUCT, write_mul},
        {"div", READ_PRODUCT, write_div},
        {"neg", READ_SUM, write_neg},
        {"abs", READ_PHRASE, write_abs},
        {"round", READ_ATOM, write_round},
        {"coalesce", READ_ATOM, write_coalesce},
        {"case", READ_ATOM, write_case},
        {"lower", READ_PHRASE, write_lower},
        {"upper", READ_PHRASE, write_upper},
        {"date_trunc", READ_PHRASE, write_date_trunc},
        {"date_part", READ_PHRASE, write_date_part},
        {"date_diff", READ_PHRASE, write_date_diff},
        {"total", READ_CLAUSE, write_total},
};

static const struct form *find_form(const json_t *expr)
{
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
                if (json_object_get(expr, forms[i].key))
                        return &forms[i];
        return NULL;
}

static enum reading_bind bind_of(const struct form *form, const json_t *expr)
{
        if (form->write == write_literal && json_number_value(json_object_get(expr, "literal")) < 0)
                return READ_SUM;
        if (form->write != write_aggregate)
                return form->bind;
        if (json_object_get(expr, "where"))
                return READ_CLAUSE;
        return has_argument(expr) ? READ_PHRASE : READ_ATOM;
}

/* In having a name may be that of an aggregate without an alias: then that is written. */
static const json_t *aggregate_named(const struct reading *r, const json_t *expr)
{
        const char *name = json_get_string(expr, "column");
        int i = r->in_having && name && !json_object_get(expr, "func") ? reading_find_item(r, name)
                                                                       : -1;
        const json_t *item = i < 0 ? NULL : json_array_get(r->select, (size_t)i);
        return json_object_get(item, "func") && !json_object_get(item, "alias") ? item : NULL;
}

void reading_expr(struct reading *r, const json_t *expr, enum reading_bind least)
{
        if (!reading_enter(r))
                return;
        const json_t *named = aggregate_named(r, expr);
        const json_t *said = named ? named : expr;
        const struct form *form = find_form(said);
        if (form) {
                bool is_loose = bind_of(form, said) < least;
                buf_puts(r->out, is_loose ? "(" : "");
                form->write(r, said);
                buf_puts(r->out, is_loose ? ")" : "");
        } else {
                reading_wrong(r, "an expression");
        }
        reading_leave(r);
}

bool reading_has_aggregate(struct reading *r, const json_t *json)
{
        bool found = json_object_get(json, "func") != NULL;
        if (found || !reading_enter(r))
                return found;
        const char *key;
        json_t *value;
        size_t i;
        json_object_foreach((json_t *)json, key, value)
        {
                found = found || reading_has_aggregate(r, value);
        }
        json_array_foreach(json, i, value)
        {
                found = found || reading_has_aggregate(r, value);
        }
        reading_leave(r);
        return found;
}
