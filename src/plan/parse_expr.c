#include "plan/shape.h"

#include <string.h>

#define EXPR_EXAMPLE "{\"column\": \"price\"} or {\"literal\": 100}"

/* How the value under the operator's key is read. */
enum operands {
        OPERAND_NAME,    /* a column's name */
        OPERAND_SCALAR,  /* a literal */
        OPERAND_TRUE,    /* true, and nothing else */
        OPERAND_ONE,     /* one expression */
        OPERAND_TWO,     /* a list of two */
        OPERAND_SEVERAL, /* a list of two or more */
        OPERAND_CASES,
        OPERAND_AGGREGATE, /* the object itself: {"func": ...} */
        OPERAND_TOTAL,
};

static const char *const units_trunc[] = {"minute", "hour",    "day",  "week",
                                          "month",  "quarter", "year", NULL};
static const char *const units_part[] = {"year", "quarter", "month",       "week",        "day",
                                         "hour", "minute",  "day_of_week", "day_of_year", NULL};
static const char *const units_diff[] = {"second", "minute",  "hour", "day", "week",
                                         "month",  "quarter", "year", NULL};

/* The operators. A "unit" is needed when units is set; option is one more key. */
static const struct expr_form {
        const char *key;
        enum expr_op op;
        enum operands operands;
        const char *const *units;
        const char *option;
} expr_forms[] = {
        {"column", EXPR_COLUMN, OPERAND_NAME, NULL, NULL},
        {"literal", EXPR_LITERAL, OPERAND_SCALAR, NULL, NULL},
        {"func", EXPR_AGGREGATE, OPERAND_AGGREGATE, NULL, NULL},
        {"add", EXPR_ADD, OPERAND_SEVERAL, NULL, NULL},
        {"sub", EXPR_SUB, OPERAND_TWO, NULL, NULL},
        {"mul", EXPR_MUL, OPERAND_SEVERAL, NULL, NULL},
        {"div", EXPR_DIV, OPERAND_TWO, NULL, NULL},
        {"neg", EXPR_NEG, OPERAND_ONE, NULL, NULL},
        {"abs", EXPR_ABS, OPERAND_ONE, NULL, NULL},
        {"round", EXPR_ROUND, OPERAND_ONE, NULL, "digits"},
        {"coalesce", EXPR_COALESCE, OPERAND_SEVERAL, NULL, NULL},
        {"case", EXPR_CASE, OPERAND_CASES, NULL, "else"},
        {"lower", EXPR_LOWER, OPERAND_ONE, NULL, NULL},
        {"upper", EXPR_UPPER, OPERAND_ONE, NULL, NULL},
        {"date_trunc", EXPR_DATE_TRUNC, OPERAND_ONE, units_trunc, NULL},
        {"date_part", EXPR_DATE_PART, OPERAND_ONE, units_part, NULL},
        {"date_diff", EXPR_DATE_DIFF, OPERAND_TWO, units_diff, NULL},
        {"as_of", EXPR_AS_OF, OPERAND_TRUE, NULL, NULL},
        {"total", EXPR_TOTAL, OPERAND_TOTAL, NULL, NULL},
};

static const char *const aggregate_keys[] = {"func", "column", "expr", "where", NULL};

struct expr *parse_name(struct shape *s, const json_t *json, const struct place *at)
{
        const char *name = shape_text(s, json, at, PLAN_NAME_MAX, "a name");
        struct expr *expr = name ? shape_expr(s, EXPR_COLUMN, at) : NULL;
        if (expr)
                expr->name = name;
        return expr;
}

struct expr *parse_scalar(struct shape *s, const json_t *json, const struct place *at)
{
        const char *text = json_string_value(json);
        if (json_is_null(json)) {
                report_fault(&s->report, at,
                             "null is not a value; to ask for empty values use the ops is_null and "
                             "is_not_null");
                return NULL;
        }
        if (!text && !json_is_number(json) && !json_is_boolean(json)) {
                report_fault(&s->report, at, "a value is a string, a number, true or false");
                return NULL;
        }
        if (text && *text && strlen(text) > PLAN_TEXT_MAX) {
                size_t length = 0;
                for (const char *p = text; *p; p++)
                        length += ((unsigned char)*p & 0xC0) != 0x80;
                if (length > PLAN_TEXT_MAX) {
                        report_fault(&s->report, at,
                                     "this value has %zu characters; the most is %d", length,
                                     PLAN_TEXT_MAX);
                        return NULL;
                }
        }
        struct expr *expr = shape_expr(s, EXPR_LITERAL, at);
        if (expr)
                expr->value = json;
        return expr;
}

/* Reads list.n expressions into expr->args; those that are none are left out (reported). */
static void parse_operands(struct shape *s, struct expr *expr, const struct shape_list *list)
{
        expr->args = shape_alloc(s, list->n, sizeof(*expr->args));
        if (!expr->args)
                return;
        for (size_t i = 0; i < list->n; i++) {
                const json_t *json = json_array_get(list->json, i);
                struct expr *arg = parse_expr(s, json, shape_element(s, list->at, i));
                if (arg)
                        expr->args[expr->n_args++] = arg;
        }
}

static void parse_one(struct shape *s, struct expr *expr, const json_t *json,
                      const struct place *at)
{
        expr->args = shape_alloc(s, 1, sizeof(*expr->args));
        if (!expr->args)
                return;
        expr->args[0] = parse_expr(s, json, at);
        expr->n_args = expr->args[0] ? 1 : 0;
}

static void parse_branch(struct shape *s, const json_t *json, const struct place *at,
                         struct branch *branch)
{
        static const char *const keys[] = {"when", "then", NULL};
        if (!shape_object(s, json, at, "a case",
                          "{\"when\": [{\"column\": \"stock\", \"op\": \"<\", \"value\": 20}], "
                          "\"then\": {\"literal\": \"low\"}}"))
                return;
        shape_keys(s, json, at, keys);
        if (!json_object_get(json, "when"))
                report_fault(&s->report, at, "\"when\" is missing; write a list of filters");
        branch->when = parse_filters(s, json, at, "when", 1);
        const json_t *then = json_object_get(json, "then");
        if (then)
                branch->then = parse_expr(s, then, shape_member(s, at, "then"));
        else
                report_fault(&s->report, at, "\"then\" is missing; write an expression");
}

static void parse_case(struct shape *s, struct expr *expr, const json_t *object,
                       const struct place *at)
{
        struct shape_list list = shape_list(s, object, at, "case", 1, PLAN_BRANCHES_MAX);
        expr->branches = shape_alloc(s, list.n, sizeof(*expr->branches));
        if (!expr->branches)
                return;
        for (size_t i = 0; i < list.n; i++)
                parse_branch(s, json_array_get(list.json, i), shape_element(s, list.at, i),
                             &expr->branches[expr->n_branches++]);
        const json_t *otherwise = json_object_get(object, "else");
        if (otherwise)
                parse_one(s, expr, otherwise, shape_member(s, at, "else"));
}

struct expr *parse_aggregate(struct shape *s, const json_t *object, const struct place *at)
{
        struct expr *expr = shape_expr(s, EXPR_AGGREGATE, at);
        if (!expr)
                return NULL;
        const char *word = shape_word(s, object, at, "func", func_words);
        const json_t *column = json_object_get(object, "column");
        const json_t *of = json_object_get(object, "expr");
        expr->func = word ? func_from_word(word) : FUNC_NONE;
        if (column && of)
                report_fault(&s->report, shape_member(s, at, "expr"),
                             "an aggregate takes \"column\" or \"expr\", not both");
        else if (of)
                parse_one(s, expr, of, shape_member(s, at, "expr"));
        if (!column && !of && word && expr->func != FUNC_COUNT)
                report_fault(&s->report, at,
                             "\"%s\" needs a \"column\" (or an \"expr\") to work on", word);
        if (column) {
                expr->args = shape_alloc(s, 1, sizeof(*expr->args));
                if (!expr->args)
                        return NULL;
                expr->args[0] = parse_name(s, column, shape_member(s, at, "column"));
                expr->n_args = expr->args[0] ? 1 : 0;
        }
        expr->where = parse_filters(s, object, at, "where", 1);
        return expr;
}

static void parse_total(struct shape *s, struct expr *expr, const json_t *json,
                        const struct place *at)
{
        static const char *const example = "{\"func\": \"count\"}";
        if (!shape_object(s, json, at, "\"total\"", example))
                return;
        shape_keys(s, json, at, aggregate_keys);
        expr->args = shape_alloc(s, 1, sizeof(*expr->args));
        if (!expr->args)
                return;
        expr->args[0] = parse_aggregate(s, json, at);
        expr->n_args = expr->args[0] ? 1 : 0;
}

/* The one operator of an expression, or NULL (reported). */
static const struct expr_form *form_find(struct shape *s, const json_t *json,
                                         const struct place *at)
{
        const struct expr_form *found = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(expr_forms); i++) {
                const struct expr_form *form = &expr_forms[i];
                /* "column" beside "func" is what the aggregate works on. */
                if (!json_object_get(json, form->key) ||
                    (form->op == EXPR_COLUMN && json_object_get(json, "func")))
                        continue;
                if (found) {
                        report_fault(&s->report, at,
                                     "an expression has one operator; this one has \"%s\" and "
                                     "\"%s\"",
                                     found->key, form->key);
                        return NULL;
                }
                found = form;
        }
        if (found)
                return found;
        const char *names[ARRAY_SIZE(expr_forms) + 1] = {NULL};
        for (size_t i = 0; i < ARRAY_SIZE(expr_forms); i++)
                names[i] = expr_forms[i].key;
        if (json_object_size(json) == 0)
                report_fault(&s->report, at, "an expression needs an operator: one of %s",
                             shape_join(s, names));
        else
                shape_keys(s, json, at, names);
        return NULL;
}

static void form_check_keys(struct shape *s, const struct expr_form *form, const json_t *json,
                            const struct place *at)
{
        if (form->op == EXPR_AGGREGATE) {
                shape_keys(s, json, at, aggregate_keys);
                return;
        }
        const char *keys[4] = {form->key};
        size_t n = 1;
        if (form->units)
                keys[n++] = "unit";
        if (form->option)
                keys[n++] = form->option;
        shape_keys(s, json, at, keys);
}

static void parse_operator(struct shape *s, const struct expr_form *form, struct expr *expr,
                           const json_t *json, const struct place *at)
{
        const json_t *value = json_object_get(json, form->key);
        struct shape_list list;
        switch (form->operands) {
        case OPERAND_ONE:
                parse_one(s, expr, value, shape_member(s, at, form->key));
                break;
        case OPERAND_TWO:
                list = shape_list(s, json, at, form->key, 2, 2);
                parse_operands(s, expr, &list);
                break;
        case OPERAND_SEVERAL:
                list = shape_list(s, json, at, form->key, 2, PLAN_OPERANDS_MAX);
                parse_operands(s, expr, &list);
                break;
        case OPERAND_CASES:
                parse_case(s, expr, json, at);
                break;
        case OPERAND_TOTAL:
                parse_total(s, expr, value, shape_member(s, at, form->key));
                break;
        case OPERAND_TRUE:
                if (!json_is_true(value))
                        report_fault(&s->report, shape_member(s, at, form->key),
                                     "write {\"%s\": true}", form->key);
                break;
        default:
                break;
        }
        if (form->units) {
                const char *unit = shape_word(s, json, at, "unit", form->units);
                expr->unit = unit ? unit_from_word(unit) : UNIT_NONE;
        }
        if (form->op == EXPR_ROUND)
                expr->digits =
                        shape_integer(s, json, at, "digits", -PLAN_DIGITS_MAX, PLAN_DIGITS_MAX, 0);
}

static struct expr *parse_form(struct shape *s, const struct expr_form *form, const json_t *json,
                               const struct place *at)
{
        const json_t *value = json_object_get(json, form->key);
        form_check_keys(s, form, json, at);
        if (form->operands == OPERAND_NAME)
                return parse_name(s, value, shape_member(s, at, form->key));
        if (form->operands == OPERAND_SCALAR)
                return parse_scalar(s, value, shape_member(s, at, form->key));
        if (form->operands == OPERAND_AGGREGATE)
                return parse_aggregate(s, json, at);
        struct expr *expr = shape_expr(s, form->op, at);
        if (expr)
                parse_operator(s, form, expr, json, at);
        return expr;
}

struct expr *parse_expr(struct shape *s, const json_t *json, const struct place *at)
{
        if (json_is_string(json)) {
                report_fault(&s->report, at,
                             "a bare string is no expression; write {\"column\": ...} for a column "
                             "or {\"literal\": ...} for a text");
                return NULL;
        }
        if (json_is_number(json) || json_is_boolean(json)) {
                report_fault(&s->report, at,
                             "a bare value is no expression; write {\"literal\": ...}");
                return NULL;
        }
        if (!shape_object(s, json, at, "an expression", EXPR_EXAMPLE) || !shape_enter(s, at))
                return NULL;
        const struct expr_form *form = form_find(s, json, at);
        struct expr *expr = form ? parse_form(s, form, json, at) : NULL;
        shape_leave(s);
        return expr;
}
