#include "plan/query.h"

#include <string.h>

static bool is_literal(const struct expr *expr)
{
        return expr->op == EXPR_LITERAL;
}

static bool op_is_order(enum filter_op op)
{
        return op == FILTER_LT || op == FILTER_LE || op == FILTER_GT || op == FILTER_GE ||
               op == FILTER_BETWEEN;
}

static bool op_is_pattern(enum filter_op op)
{
        return op == FILTER_CONTAINS || op == FILTER_STARTSWITH || op == FILTER_ENDSWITH;
}

/* The op may be used on the type. */
static bool op_takes(struct query *q, const struct filter *filter, struct type type)
{
        enum filter_op op = filter->op;
        if (op == FILTER_IS_NULL || op == FILTER_IS_NOT_NULL)
                return true;
        const char *needs = NULL;
        if (type.kind == COLUMN_OTHER)
                needs = "a simple type; only is_null and is_not_null work here";
        else if (op_is_pattern(op) && type.kind != COLUMN_TEXT)
                needs = "text";
        else if (op == FILTER_LAST && !type_is_moment(type))
                needs = "a date or a timestamp";
        else if (op_is_order(op) && type.kind == COLUMN_BOOLEAN)
                needs = "something with an order; use \"=\" with true or false";
        if (!needs)
                return true;
        report_fault(&q->report, filter->op_at, "\"%s\" needs %s, and this is %s",
                     filter_op_word(op), needs, type_words(type.kind));
        return false;
}

static void value_check(struct query *q, const struct filter *filter, struct expr *value,
                        struct type left, enum scope scope)
{
        if (is_literal(value)) {
                if (left.state == TYPE_KNOWN)
                        (void)value_fit(q, value, left, filter_op_word(filter->op));
                return;
        }
        struct type type = type_of_expr(q, value, scope);
        if (left.state == TYPE_KNOWN && type.state == TYPE_KNOWN &&
            (!types_meet(left, type) || type.kind == COLUMN_OTHER))
                report_fault(&q->report, value->at, "\"%s\" compares %s with %s",
                             filter_op_word(filter->op), type_words(left.kind),
                             type_words(type.kind));
}

/* Dates in a list that meets timestamps mean whole days: all of them, or none. Beside an
 * expression a date means its midnight. */
static void values_check_days(struct query *q, const struct filter *filter)
{
        bool has_expr = false;
        for (size_t i = 0; i < filter->n_values; i++)
                has_expr |= !is_literal(filter->values[i]);
        for (size_t i = 0; i < filter->n_values; i++) {
                struct expr *value = filter->values[i];
                struct type *type = &query_info(q, value)->type;
                const struct type *first = &query_info(q, filter->values[0])->type;
                if (has_expr) {
                        type->date_only = false;
                } else if (type->state == TYPE_KNOWN && first->state == TYPE_KNOWN &&
                           type->date_only != first->date_only) {
                        report_fault(&q->report, value->at,
                                     "some of these values have a time and some have not; write "
                                     "all as dates (whole days) or all with a time");
                        return;
                }
        }
}

static bool is_after(const struct query *q, const struct expr *a, const struct expr *b)
{
        const struct info *x = query_info(q, a);
        const struct info *y = query_info(q, b);
        if (x->type.state == TYPE_UNKNOWN || y->type.state == TYPE_UNKNOWN)
                return false;
        if (x->moment && y->moment)
                return strcmp(x->moment, y->moment) > 0;
        if (json_is_integer(a->value) && json_is_integer(b->value))
                return json_integer_value(a->value) > json_integer_value(b->value);
        return json_number_value(a->value) > json_number_value(b->value);
}

static void between_check(struct query *q, const struct filter *filter)
{
        if (filter->op != FILTER_BETWEEN || filter->n_values != 2)
                return;
        const struct expr *low = filter->values[0];
        const struct expr *high = filter->values[1];
        if (is_literal(low) && is_literal(high) && is_after(q, low, high))
                report_fault(&q->report, low->at,
                             "\"between\" wants the lower value first; no row is between these");
}

static void test_check(struct query *q, struct filter *filter, enum scope scope)
{
        struct type left = type_of_expr(q, filter->left, scope);
        const struct info *info = query_info(q, filter->left);
        if (left.state == TYPE_KNOWN && !info->has_column && !info->has_aggregate)
                report_fault(&q->report, filter->left->at,
                             "this condition is the same for every row; name a column");
        if (left.state == TYPE_KNOWN && !op_takes(q, filter, left))
                left.state = TYPE_UNKNOWN;
        for (size_t i = 0; i < filter->n_values; i++)
                value_check(q, filter, filter->values[i], left, scope);
        values_check_days(q, filter);
        between_check(q, filter);
}

void filters_check(struct query *q, const struct filters *filters, enum scope scope)
{
        for (size_t i = 0; i < filters->n; i++) {
                struct filter *filter = filters->items[i];
                if (filter->left)
                        test_check(q, filter, scope);
                else
                        filters_check(q, &filter->inner, scope);
        }
}
