#include "plan/shape.h"

#include <string.h>

#define FILTER_EXAMPLE "{\"column\": \"status\", \"op\": \"=\", \"value\": \"completed\"}"

static const char *const units_last[] = {"minute", "hour",    "day",  "week",
                                         "month",  "quarter", "year", NULL};

static struct filter *parse_filter(struct shape *s, const json_t *json, const struct place *at);

static struct filters parse_filter_list(struct shape *s, const struct shape_list *list)
{
        struct filters filters = {0};
        filters.items = shape_alloc(s, list->n, sizeof(struct filter *));
        if (!filters.items)
                return filters;
        for (size_t i = 0; i < list->n; i++) {
                const json_t *json = json_array_get(list->json, i);
                struct filter *filter = parse_filter(s, json, shape_element(s, list->at, i));
                if (filter)
                        filters.items[filters.n++] = filter;
        }
        return filters;
}

struct filters parse_filters(struct shape *s, const json_t *object, const struct place *at,
                             const char *key, size_t min)
{
        struct shape_list list = shape_list(s, object, at, key, min, PLAN_FILTERS_MAX);
        return parse_filter_list(s, &list);
}

static void parse_logic(struct shape *s, struct filter *filter, const json_t *json,
                        const struct place *at, const char *key)
{
        const char *keys[] = {key, NULL};
        shape_keys(s, json, at, keys);
        if (filter->op != FILTER_NOT) {
                filter->inner = parse_filters(s, json, at, key, 1);
                return;
        }
        filter->inner.items = shape_alloc(s, 1, sizeof(struct filter *));
        if (!filter->inner.items)
                return;
        struct filter *inner =
                parse_filter(s, json_object_get(json, key), shape_member(s, at, key));
        if (inner)
                filter->inner.items[filter->inner.n++] = inner;
}

static void filter_set_values(struct shape *s, struct filter *filter, size_t n)
{
        filter->values = shape_alloc(s, n, sizeof(struct expr *));
        filter->n_values = 0;
}

static void filter_add_value(struct filter *filter, struct expr *value)
{
        if (value && filter->values)
                filter->values[filter->n_values++] = value;
}

/* A scalar, or an object: an expression. */
static struct expr *parse_value(struct shape *s, const json_t *json, const struct place *at)
{
        return json_is_object(json) ? parse_expr(s, json, at) : parse_scalar(s, json, at);
}

static void parse_comparison(struct shape *s, struct filter *filter, const json_t *value,
                             const struct place *at)
{
        if (json_is_null(value)) {
                report_near(&s->report, at, filter->op == FILTER_NE ? "is_not_null" : "is_null",
                            "nothing compares with null; write \"op\": \"%s\" without a \"value\"",
                            filter->op == FILTER_NE ? "is_not_null" : "is_null");
                return;
        }
        if (json_is_array(value)) {
                report_near(&s->report, at, filter->op == FILTER_NE ? "not_in" : "in",
                            "\"%s\" takes one value; for a list use the op \"%s\"",
                            filter_op_word(filter->op), filter->op == FILTER_NE ? "not_in" : "in");
                return;
        }
        filter_set_values(s, filter, 1);
        filter_add_value(filter, parse_value(s, value, at));
}

static void parse_list(struct shape *s, struct filter *filter, const json_t *object,
                       const struct place *at)
{
        if (!json_is_array(json_object_get(object, "value"))) {
                report_fault(&s->report, shape_member(s, at, "value"),
                             "\"%s\" needs a list of values, such as [\"a\", \"b\"]",
                             filter_op_word(filter->op));
                return;
        }
        struct shape_list list = shape_list(s, object, at, "value", 1, PLAN_IN_MAX);
        filter_set_values(s, filter, list.n);
        for (size_t i = 0; i < list.n; i++)
                filter_add_value(filter, parse_scalar(s, json_array_get(list.json, i),
                                                      shape_element(s, list.at, i)));
}

static void parse_between(struct shape *s, struct filter *filter, const json_t *value,
                          const struct place *at)
{
        if (!json_is_array(value) || json_array_size(value) != 2) {
                report_fault(&s->report, at,
                             "\"between\" needs a list of two values: [lowest, highest]");
                return;
        }
        filter_set_values(s, filter, 2);
        for (size_t i = 0; i < 2; i++) {
                const json_t *end = json_array_get(value, i);
                const struct place *end_at = shape_element(s, at, i);
                if (json_is_boolean(end))
                        report_fault(&s->report, end_at, "true and false have no order; use \"=\"");
                else
                        filter_add_value(filter, parse_value(s, end, end_at));
        }
}

static void parse_pattern(struct shape *s, struct filter *filter, const json_t *value,
                          const struct place *at)
{
        if (!json_is_string(value) || json_string_length(value) == 0) {
                report_fault(&s->report, at, "\"%s\" needs a text of at least one character",
                             filter_op_word(filter->op));
                return;
        }
        filter_set_values(s, filter, 1);
        filter_add_value(filter, parse_scalar(s, value, at));
}

static void parse_last(struct shape *s, struct filter *filter, const json_t *value,
                       const struct place *at)
{
        static const char *const keys[] = {"n", "unit", NULL};
        if (!shape_object(s, value, at, "the value of \"last\"", "{\"n\": 30, \"unit\": \"day\"}"))
                return;
        shape_keys(s, value, at, keys);
        if (!json_object_get(value, "n"))
                report_fault(&s->report, at, "\"n\" is missing: how many units?");
        filter->n = shape_integer(s, value, at, "n", 1, PLAN_LAST_MAX, 1);
        const char *unit = shape_word(s, value, at, "unit", units_last);
        filter->unit = unit ? unit_from_word(unit) : UNIT_NONE;
}

static void parse_test_value(struct shape *s, struct filter *filter, const json_t *object,
                             const struct place *at)
{
        const json_t *value = json_object_get(object, "value");
        const struct place *value_at = value ? shape_member(s, at, "value") : at;
        if (filter->op == FILTER_IS_NULL || filter->op == FILTER_IS_NOT_NULL) {
                if (value)
                        report_fault(&s->report, value_at, "\"%s\" takes no \"value\"; remove it",
                                     filter_op_word(filter->op));
                return;
        }
        if (!value) {
                report_fault(&s->report, at, "\"value\" is missing; \"%s\" compares with one",
                             filter_op_word(filter->op));
                return;
        }
        switch (filter->op) {
        case FILTER_IN:
        case FILTER_NOT_IN:
                parse_list(s, filter, object, at);
                break;
        case FILTER_BETWEEN:
                parse_between(s, filter, value, value_at);
                break;
        case FILTER_CONTAINS:
        case FILTER_STARTSWITH:
        case FILTER_ENDSWITH:
                parse_pattern(s, filter, value, value_at);
                break;
        case FILTER_LAST:
                parse_last(s, filter, value, value_at);
                break;
        default:
                parse_comparison(s, filter, value, value_at);
                break;
        }
}

static void parse_left(struct shape *s, struct filter *filter, const json_t *json,
                       const struct place *at)
{
        const json_t *column = json_object_get(json, "column");
        const json_t *expr = json_object_get(json, "expr");
        if (column && expr)
                report_fault(&s->report, shape_member(s, at, "expr"),
                             "a filter takes \"column\" or \"expr\", not both");
        else if (column)
                filter->left = parse_name(s, column, shape_member(s, at, "column"));
        else if (expr)
                filter->left = parse_expr(s, expr, shape_member(s, at, "expr"));
        else
                report_fault(&s->report, at, "\"column\" is missing; a filter is like %s",
                             FILTER_EXAMPLE);
}

static void parse_test(struct shape *s, struct filter *filter, const json_t *json,
                       const struct place *at)
{
        static const char *const keys[] = {"column", "expr", "op", "value", NULL};
        static const char *const pattern_keys[] = {"column", "expr",        "op",
                                                   "value",  "ignore_case", NULL};
        const char *word = shape_word(s, json, at, "op", filter_op_words);
        filter->op = word ? filter_op_from_word(word) : FILTER_NONE;
        filter->op_at = shape_member(s, at, "op");
        bool is_pattern = filter->op == FILTER_CONTAINS || filter->op == FILTER_STARTSWITH ||
                          filter->op == FILTER_ENDSWITH;
        if (word && !is_pattern && json_object_get(json, "ignore_case")) {
                report_fault(&s->report, shape_member(s, at, "ignore_case"),
                             "\"ignore_case\" goes with contains, startswith and endswith; to "
                             "compare without case use \"expr\": {\"lower\": {\"column\": ...}}");
                shape_keys(s, json, at, pattern_keys);
        } else {
                shape_keys(s, json, at, is_pattern || !word ? pattern_keys : keys);
                filter->ignore_case = shape_bool(s, json, at, "ignore_case");
        }
        parse_left(s, filter, json, at);
        if (word)
                parse_test_value(s, filter, json, at);
}

static struct filter *parse_filter(struct shape *s, const json_t *json, const struct place *at)
{
        if (!shape_object(s, json, at, "a filter", FILTER_EXAMPLE) || !shape_enter(s, at))
                return NULL;
        struct filter *filter = shape_alloc(s, 1, sizeof(*filter));
        if (filter) {
                filter->at = filter->op_at = at;
                if (json_object_get(json, "or")) {
                        filter->op = FILTER_OR;
                        parse_logic(s, filter, json, at, "or");
                } else if (json_object_get(json, "and")) {
                        filter->op = FILTER_AND;
                        parse_logic(s, filter, json, at, "and");
                } else if (json_object_get(json, "not")) {
                        filter->op = FILTER_NOT;
                        parse_logic(s, filter, json, at, "not");
                } else {
                        parse_test(s, filter, json, at);
                }
        }
        shape_leave(s);
        return filter;
}
