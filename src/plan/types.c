#include "plan/query.h"

#include <string.h>
#include <strings.h>

static const struct type unknown = {.state = TYPE_UNKNOWN};

static struct type type_make(enum column_kind kind)
{
        return (struct type){.state = TYPE_KNOWN, .kind = kind};
}

const char *type_words(enum column_kind kind)
{
        switch (kind) {
        case COLUMN_INTEGER:
                return "a whole number";
        case COLUMN_DECIMAL:
        case COLUMN_FLOAT:
                return "a number";
        case COLUMN_TEXT:
                return "text";
        case COLUMN_BOOLEAN:
                return "true or false";
        case COLUMN_DATE:
                return "a date";
        case COLUMN_TIMESTAMP:
                return "a timestamp";
        case COLUMN_TIME:
                return "a time of day";
        case COLUMN_OTHER:
        default:
                return "of a type that can only be shown, counted or tested with is_null";
        }
}

bool type_is_number(struct type type)
{
        return type.state == TYPE_KNOWN &&
               (type.kind == COLUMN_INTEGER || type.kind == COLUMN_DECIMAL ||
                type.kind == COLUMN_FLOAT);
}

bool type_is_moment(struct type type)
{
        return type.state == TYPE_KNOWN &&
               (type.kind == COLUMN_DATE || type.kind == COLUMN_TIMESTAMP);
}

static bool is_text_literal(const struct expr *expr)
{
        return expr->op == EXPR_LITERAL && json_is_string(expr->value);
}

static const char *expr_word(const struct expr *expr)
{
        static const char *const words[] = {
                [EXPR_ADD] = "add",
                [EXPR_SUB] = "sub",
                [EXPR_MUL] = "mul",
                [EXPR_DIV] = "div",
                [EXPR_NEG] = "neg",
                [EXPR_ABS] = "abs",
                [EXPR_ROUND] = "round",
                [EXPR_COALESCE] = "coalesce",
                [EXPR_CASE] = "case",
                [EXPR_LOWER] = "lower",
                [EXPR_UPPER] = "upper",
                [EXPR_DATE_TRUNC] = "date_trunc",
                [EXPR_DATE_PART] = "date_part",
                [EXPR_DATE_DIFF] = "date_diff",
                [EXPR_TOTAL] = "total",
        };
        return words[expr->op];
}

static void inherit(struct query *q, const struct expr *expr, const struct expr *arg)
{
        struct info *info = query_info(q, expr);
        const struct info *from = query_info(q, arg);
        info->has_column |= from->has_column;
        info->has_aggregate |= from->has_aggregate;
}

static struct type type_of_arg(struct query *q, struct expr *expr, size_t i, enum scope scope)
{
        struct type type = type_of_expr(q, expr->args[i], scope);
        inherit(q, expr, expr->args[i]);
        return type;
}

/* The type of one operand that must be a number. */
static struct type number_arg(struct query *q, struct expr *expr, size_t i, enum scope scope)
{
        struct type type = type_of_arg(q, expr, i, scope);
        if (type.state == TYPE_UNKNOWN || type_is_number(type))
                return type;
        const struct expr *arg = expr->args[i];
        const char *word = expr_word(expr);
        if (type_is_moment(type))
                report_fault(&q->report, arg->at,
                             "\"%s\" works on numbers and this is %s; for the time between two "
                             "moments use \"date_diff\"",
                             word, type_words(type.kind));
        else if (is_text_literal(arg))
                report_fault(&q->report, arg->at,
                             "\"%s\" works on numbers and this is text; write a number without "
                             "quotes",
                             word);
        else
                report_fault(&q->report, arg->at, "\"%s\" works on numbers and this is %s", word,
                             type_words(type.kind));
        return unknown;
}

static struct type number_combine(enum expr_op op, struct type a, struct type b)
{
        if (op == EXPR_MUL)
                return number_product(a, b);
        return op == EXPR_DIV ? number_quotient(a, b) : number_sum(a, b);
}

static struct type type_of_arithmetic(struct query *q, struct expr *expr, enum scope scope)
{
        struct type result = unknown;
        bool is_known = true;
        for (size_t i = 0; i < expr->n_args; i++) {
                struct type type = number_arg(q, expr, i, scope);
                if (type.state == TYPE_UNKNOWN)
                        is_known = false;
                else
                        result = i ? number_combine(expr->op, result, type) : type;
        }
        const struct expr *last = expr->args[expr->n_args - 1];
        if (expr->op == EXPR_DIV && last->op == EXPR_LITERAL && json_is_number(last->value) &&
            json_number_value(last->value) == 0)
                report_fault(&q->report, last->at, "this divides by zero, always");
        return is_known ? result : unknown;
}

/* round() of a number computed from exact ones gives DECIMAL(38, digits): see docs/PLAN.md. */
static struct type type_of_round(struct query *q, struct expr *expr, enum scope scope)
{
        struct type type = number_arg(q, expr, 0, scope);
        return type.state == TYPE_KNOWN ? number_rounded(type, expr->digits) : unknown;
}

bool types_meet(struct type a, struct type b)
{
        return (type_is_number(a) && type_is_number(b)) ||
               (type_is_moment(a) && type_is_moment(b)) || a.kind == b.kind;
}

/* A literal as an operand of expr: a date beside timestamps is its midnight here. */
static struct type literal_fit(struct query *q, struct expr *literal, struct type wanted,
                               const struct expr *expr)
{
        struct type type = value_fit(q, literal, wanted, expr_word(expr));
        type.date_only = query_info(q, literal)->type.date_only = false;
        return type;
}

/* Takes one more alternative of a coalesce or case into *joined. */
static void alternative_add(struct query *q, struct expr *expr, struct expr *arg, enum scope scope,
                            struct type *joined)
{
        struct type type = type_of_expr(q, arg, scope);
        inherit(q, expr, arg);
        if (type.state == TYPE_UNKNOWN)
                return;
        if (type.kind == COLUMN_OTHER) {
                report_fault(&q->report, arg->at, "this column is %s", type_words(type.kind));
                return;
        }
        if (joined->state == TYPE_UNKNOWN) {
                *joined = type;
                return;
        }
        if (is_text_literal(arg) && joined->kind != COLUMN_TEXT)
                type = literal_fit(q, arg, *joined, expr);
        if (type.state == TYPE_UNKNOWN)
                return;
        if (!types_meet(*joined, type)) {
                report_fault(&q->report, arg->at,
                             "the results of \"%s\" must be of one type; this is %s and the first "
                             "is %s",
                             expr_word(expr), type_words(type.kind), type_words(joined->kind));
                return;
        }
        bool convert = joined->convert || type.convert;
        if (type_is_number(type))
                *joined = number_sum(*joined, type);
        else if (type.kind == COLUMN_TIMESTAMP)
                joined->kind = COLUMN_TIMESTAMP;
        joined->convert = convert;
}

static struct type type_of_coalesce(struct query *q, struct expr *expr, enum scope scope)
{
        struct type joined = unknown;
        for (size_t i = 0; i < expr->n_args; i++)
                alternative_add(q, expr, expr->args[i], scope, &joined);
        return joined;
}

static void inherit_filters(struct query *q, const struct expr *expr, const struct filters *filters)
{
        for (size_t i = 0; i < filters->n; i++) {
                const struct filter *filter = filters->items[i];
                inherit_filters(q, expr, &filter->inner);
                if (filter->left)
                        inherit(q, expr, filter->left);
                for (size_t j = 0; j < filter->n_values; j++)
                        inherit(q, expr, filter->values[j]);
        }
}

static struct type type_of_case(struct query *q, struct expr *expr, enum scope scope)
{
        struct type joined = unknown;
        for (size_t i = 0; i < expr->n_branches; i++) {
                filters_check(q, &expr->branches[i].when, scope);
                inherit_filters(q, expr, &expr->branches[i].when);
                alternative_add(q, expr, expr->branches[i].then, scope, &joined);
        }
        if (expr->n_args)
                alternative_add(q, expr, expr->args[0], scope, &joined);
        return joined;
}

/* One operand that must be a date or a timestamp; a literal becomes one. */
static struct type moment_arg(struct query *q, struct expr *expr, size_t i, enum scope scope)
{
        struct type type = type_of_arg(q, expr, i, scope);
        if (type.state == TYPE_UNKNOWN || type_is_moment(type))
                return type;
        if (is_text_literal(expr->args[i]))
                return literal_fit(q, expr->args[i], type_make(COLUMN_TIMESTAMP), expr);
        report_fault(&q->report, expr->args[i]->at,
                     "\"%s\" works on dates and timestamps and this is %s", expr_word(expr),
                     type_words(type.kind));
        return unknown;
}

static struct type type_of_date_part(struct query *q, struct expr *expr, enum scope scope)
{
        struct type type = moment_arg(q, expr, 0, scope);
        bool is_trunc = expr->op == EXPR_DATE_TRUNC;
        if (type.state == TYPE_KNOWN && type.kind == COLUMN_DATE &&
            (expr->unit == UNIT_HOUR || expr->unit == UNIT_MINUTE))
                report_fault(&q->report, expr->at, "a date has no %ss; use a unit from day to year",
                             unit_word(expr->unit));
        if (!is_trunc)
                return type_make(COLUMN_INTEGER);
        return type_make(expr->unit == UNIT_HOUR || expr->unit == UNIT_MINUTE ? COLUMN_TIMESTAMP
                                                                              : COLUMN_DATE);
}

static struct type type_of_date_diff(struct query *q, struct expr *expr, enum scope scope)
{
        (void)moment_arg(q, expr, 0, scope);
        (void)moment_arg(q, expr, 1, scope);
        return type_make(COLUMN_INTEGER);
}

static struct type type_of_text(struct query *q, struct expr *expr, enum scope scope)
{
        struct type type = type_of_arg(q, expr, 0, scope);
        if (type.state == TYPE_KNOWN && type.kind != COLUMN_TEXT)
                report_fault(&q->report, expr->args[0]->at, "\"%s\" works on text and this is %s",
                             expr_word(expr), type_words(type.kind));
        return type_make(COLUMN_TEXT);
}

static struct type type_of_column(struct query *q, struct expr *expr, enum scope scope)
{
        struct info *info = query_info(q, expr);
        info->alias = info->table = info->column = -1;
        if (scope == SCOPE_HAVING) {
                info->alias = name_find_output(q, expr->name);
                if (info->alias >= 0) {
                        const struct output *output = &q->outputs[info->alias];
                        const struct info *of = query_info(q, output->expr);
                        info->has_column = of->has_column;
                        info->has_aggregate = of->has_aggregate;
                        return of->type;
                }
        }
        if (!name_resolve(q, expr, scope))
                return unknown;
        const struct column *column = &q->dataset->tables[info->table].columns[info->column];
        struct type type = type_make(column->kind);
        info->has_column = true;
        if (type_is_number(type))
                return number_of_column(column);
        type.convert =
                column->kind == COLUMN_TIMESTAMP && strcasecmp(column->type, "TIMESTAMP") != 0;
        return type;
}

static struct type type_of_literal(const struct expr *expr)
{
        if (json_is_string(expr->value))
                return type_make(COLUMN_TEXT);
        if (json_is_boolean(expr->value))
                return type_make(COLUMN_BOOLEAN);
        return number_of_literal(expr->value);
}

/* What the aggregate works on is of a type that it can work on. */
static bool aggregate_takes(struct query *q, const struct expr *expr, struct type type)
{
        const struct expr *arg = expr->args[0];
        const char *word = func_word(expr->func);
        if (type.kind == COLUMN_OTHER && expr->func != FUNC_COUNT) {
                report_fault(&q->report, arg->at, "\"%s\" cannot work on this column: it is %s",
                             word, type_words(type.kind));
                return false;
        }
        bool needs_number = expr->func == FUNC_SUM || expr->func == FUNC_AVG ||
                            expr->func == FUNC_MEDIAN || expr->func == FUNC_STDDEV;
        if (!needs_number || type_is_number(type))
                return true;
        if (type.kind == COLUMN_BOOLEAN)
                report_fault(&q->report, arg->at,
                             "\"%s\" works on numbers and this is true or false; count the true "
                             "ones with {\"func\": \"count\", \"where\": [{\"column\": ..., "
                             "\"op\": \"=\", \"value\": true}]}",
                             word);
        else
                report_fault(&q->report, arg->at,
                             "\"%s\" works on numbers and this is %s; on other types use count, "
                             "count_distinct, min or max",
                             word, type_words(type.kind));
        return false;
}

static struct type aggregate_result(enum plan_func func, struct type type)
{
        if (func == FUNC_MIN || func == FUNC_MAX) {
                type.date_only = false;
                return type;
        }
        return number_aggregated(func, type);
}

static void aggregate_note(struct query *q, struct expr *expr)
{
        struct aggregate *aggregate = query_alloc(q, 1, sizeof(*aggregate));
        if (!aggregate)
                return;
        aggregate->expr = expr;
        aggregate->next = q->aggregates;
        q->aggregates = aggregate;
        q->is_aggregated = true;
}

static struct type type_of_aggregate(struct query *q, struct expr *expr, enum scope scope)
{
        struct info *info = query_info(q, expr);
        if (scope == SCOPE_FILTER || scope == SCOPE_AGGREGATE) {
                report_fault(&q->report, expr->at,
                             scope == SCOPE_FILTER
                                     ? "an aggregate cannot be in a filter of rows; put the "
                                       "condition into \"having\""
                                     : "an aggregate cannot be inside another one");
                return unknown;
        }
        aggregate_note(q, expr);
        struct type type = unknown;
        if (expr->n_args) {
                type = type_of_expr(q, expr->args[0], SCOPE_AGGREGATE);
                if (type.state == TYPE_KNOWN && !aggregate_takes(q, expr, type))
                        type = unknown;
        }
        filters_check(q, &expr->where, SCOPE_AGGREGATE);
        info->has_aggregate = true;
        if (expr->func == FUNC_COUNT || expr->func == FUNC_COUNT_DISTINCT)
                return type_make(COLUMN_INTEGER);
        return type.state == TYPE_KNOWN ? aggregate_result(expr->func, type) : unknown;
}

static struct type infer(struct query *q, struct expr *expr, enum scope scope)
{
        switch (expr->op) {
        case EXPR_COLUMN:
                return type_of_column(q, expr, scope);
        case EXPR_LITERAL:
                return type_of_literal(expr);
        case EXPR_AS_OF:
                return type_make(COLUMN_TIMESTAMP);
        case EXPR_ADD:
        case EXPR_SUB:
        case EXPR_MUL:
        case EXPR_DIV:
                return type_of_arithmetic(q, expr, scope);
        case EXPR_NEG:
        case EXPR_ABS:
                return number_arg(q, expr, 0, scope);
        case EXPR_ROUND:
                return type_of_round(q, expr, scope);
        case EXPR_COALESCE:
                return type_of_coalesce(q, expr, scope);
        case EXPR_CASE:
                return type_of_case(q, expr, scope);
        case EXPR_LOWER:
        case EXPR_UPPER:
                return type_of_text(q, expr, scope);
        case EXPR_DATE_TRUNC:
        case EXPR_DATE_PART:
                return type_of_date_part(q, expr, scope);
        case EXPR_DATE_DIFF:
                return type_of_date_diff(q, expr, scope);
        case EXPR_AGGREGATE:
                return type_of_aggregate(q, expr, scope);
        case EXPR_TOTAL:
                return type_of_arg(q, expr, 0, scope);
        case EXPR_NONE:
        default:
                return unknown;
        }
}

struct type type_of_expr(struct query *q, struct expr *expr, enum scope scope)
{
        struct type type = infer(q, expr, scope);
        query_info(q, expr)->type = type;
        return type;
}
