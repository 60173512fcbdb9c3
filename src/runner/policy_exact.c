#include "runner/policy_exact.h"

#include "runner/policy_function.h"
#include "runner/policy_name.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* Sums of wider ones could leave the range of 38 digits on the way, in one order and not in
 * another. */
#define SUMMED_DIGITS_MAX 18

static enum policy_exactness worse(enum policy_exactness a, enum policy_exactness b)
{
        return a > b ? a : b;
}

static enum policy_exactness unfree(struct policy_exact *exact)
{
        exact->is_free = false;
        return POLICY_OPAQUE;
}

static bool text_in(const char *text, const char *const *list)
{
        for (; text && *list; list++)
                if (policy_name_equal(text, *list))
                        return true;
        return false;
}

/* Types. */

enum policy_exactness policy_exactness_of(const char *type)
{
        static const char *const exact[] = {"BOOLEAN",   "TINYINT",  "SMALLINT",
                                            "INTEGER",   "BIGINT",   "UTINYINT",
                                            "USMALLINT", "UINTEGER", NULL};
        static const char *const plain[] = {"HUGEINT",
                                            "UBIGINT",
                                            "UHUGEINT",
                                            "VARCHAR",
                                            "DATE",
                                            "TIME",
                                            "TIMESTAMP",
                                            "TIMESTAMP_S",
                                            "TIMESTAMP_MS",
                                            "TIMESTAMP_NS",
                                            "TIMESTAMP WITH TIME ZONE",
                                            "UUID",
                                            NULL};
        static const char *const floating[] = {"FLOAT", "DOUBLE", NULL};
        int width = 0;
        int scale = 0;
        char end = '\0';
        if (text_in(type, exact))
                return POLICY_EXACT;
        if (text_in(type, plain))
                return POLICY_PLAIN;
        if (text_in(type, floating))
                return POLICY_FLOATING;
        if (sscanf(type, "DECIMAL(%d,%d%c", &width, &scale, &end) == 3 && end == ')' &&
            type[strlen(type) - 1] == ')')
                return width <= SUMMED_DIGITS_MAX ? POLICY_EXACT : POLICY_PLAIN;
        return POLICY_OPAQUE;
}

/* Of the tree's {"id","type_info"}. */
static enum policy_exactness type_of(const json_t *type)
{
        const char *id = json_get_string(type, "id");
        const json_t *info = json_object_get(type, "type_info");
        if (!id)
                return POLICY_OPAQUE;
        if (strcmp(id, "NULL") == 0)
                return POLICY_EXACT;
        const json_t *width = json_object_get(info, "width"); /* no number of the tree is integer */
        if (strcmp(id, "DECIMAL") == 0)
                return json_is_number(width) && json_number_value(width) <= SUMMED_DIGITS_MAX
                               ? POLICY_EXACT
                               : POLICY_PLAIN;
        return json_is_object(info) ? POLICY_OPAQUE : policy_exactness_of(id);
}

/* Names. */

const struct policy_exact_name *policy_exact_find(const struct policy_exact *exact,
                                                  const char *name)
{
        for (size_t i = 0; i < exact->n_names; i++)
                if (policy_name_equal(exact->names[i].name, name))
                        return &exact->names[i];
        return NULL;
}

void policy_exact_note(struct policy_exact *exact, const char *name, enum policy_exactness is,
                       bool is_inner)
{
        struct policy_exact_name *found =
                (struct policy_exact_name *)policy_exact_find(exact, name);
        if (!found && exact->n_names == exact->names_max) {
                exact->is_free = false;
                return;
        }
        if (!found) {
                found = &exact->names[exact->n_names++];
                *found = (struct policy_exact_name){.name = name};
                exact->has_changed = true;
        }
        exact->has_changed |= is > found->is;
        found->is = worse(found->is, is);
        found->is_inner |= is_inner;
}

void policy_exact_note_table(struct policy_exact *exact, const char *name)
{
        if (policy_name_in(name, exact->tables, exact->n_tables))
                return;
        if (exact->n_tables == ARRAY_SIZE(exact->tables)) {
                exact->is_free = false;
                return;
        }
        exact->tables[exact->n_tables++] = name;
        exact->has_changed = true;
}

/* A bare name that a table has too may be the table's whole row, and what stands behind a column's
 * name is a member of that column: neither is followed. */
static enum policy_exactness column(const struct policy_exact *exact, const json_t *node)
{
        const json_t *parts = json_object_get(node, "column_names");
        size_t n = json_array_size(parts);
        const char *first = json_string_value(json_array_get(parts, 0));
        const char *last = n ? json_string_value(json_array_get(parts, n - 1)) : NULL;
        if (!first || !last || n > 2)
                return POLICY_OPAQUE;
        bool is_table = policy_name_in(first, exact->tables, exact->n_tables);
        if (is_table != (n == 2) || (n == 2 && policy_exact_find(exact, first)))
                return POLICY_OPAQUE;
        const struct policy_exact_name *found = policy_exact_find(exact, last);
        return found ? found->is : POLICY_OPAQUE;
}

/* Functions of single rows, by what they make of their arguments; of others nothing is known but
 * that they give the same again for the same arguments. */

static const char *const arithmetic[] = {"+", "-", "*", "%", "abs", NULL};
static const char *const floating[] = {"/",   "//",   "floor", "ceil",  "ceiling", "trunc", "sqrt",
                                       "pow", "exp",  "power", "log",   "ln",      "log2",  "log10",
                                       "mod", "fdiv", "fmod",  "round", NULL};
static const char *const choosing[] = {"greatest", "least", "nullif", NULL};
static const char *const plain[] = {
        "lower",      "upper",     "lcase",     "ucase",     "trim",       "ltrim",
        "rtrim",      "substr",    "left",      "substring", "right",      "replace",
        "concat",     "concat_ws", "||",        "lpad",      "split_part", "rpad",
        "reverse",    "translate", "strftime",  "monthname", "dayname",    "last_day",
        "date_trunc", "make_date", "datetrunc", "md5",       "sha256",     "regexp_replace",
        NULL};
static const char *const counting[] = {"length",
                                       "len",
                                       "char_length",
                                       "character_length",
                                       "strlen",
                                       "year",
                                       "month",
                                       "day",
                                       "hour",
                                       "minute",
                                       "second",
                                       "quarter",
                                       "week",
                                       "weekofyear",
                                       "dayofweek",
                                       "dayofmonth",
                                       "dayofyear",
                                       "isodow",
                                       "isoyear",
                                       "weekday",
                                       "yearweek",
                                       "date_diff",
                                       "datediff",
                                       "date_sub",
                                       "datesub",
                                       "contains",
                                       "prefix",
                                       "starts_with",
                                       "ends_with",
                                       "suffix",
                                       "~~",
                                       "!~~",
                                       "~~*",
                                       "!~~*",
                                       "regexp_matches",
                                       "instr",
                                       "position",
                                       "regexp_full_match",
                                       "strpos",
                                       "like_escape",
                                       "ilike_escape",
                                       "ascii",
                                       "not_like_escape",
                                       "not_ilike_escape",
                                       "isnan",
                                       "isfinite",
                                       "isinf",
                                       "century",
                                       "decade",
                                       "millisecond",
                                       "microsecond",
                                       NULL};
/* Of date_part: "epoch" and "julian" give DOUBLE. */
static const char *const whole_parts[] = {
        "year", "month",  "day", "hour",    "minute",    "week",      "second",  "quarter",
        "dow",  "isodow", "doy", "weekday", "dayofweek", "dayofyear", "isoyear", NULL};

static const json_t *child(const json_t *node, size_t i)
{
        return json_array_get(json_object_get(node, "children"), i);
}

static const char *constant_text(const json_t *node)
{
        return json_get_string(json_object_get(node, "value"), "value");
}

static bool is_constant(const json_t *node)
{
        const char *class_name = json_get_string(node, "class");
        return class_name && strcmp(class_name, "CONSTANT") == 0;
}

/* all: the least exact argument. Of round() only the number's own kind is kept, and only where the
 * number of digits is a constant; otherwise DuckDB takes it for DOUBLE. */
static enum policy_exactness row_function(const char *name, const json_t *node,
                                          enum policy_exactness all)
{
        if (all == POLICY_UNSEEN && json_array_size(json_object_get(node, "children")) > 0)
                return POLICY_UNSEEN;
        if (text_in(name, choosing))
                return all;
        if (all > POLICY_FLOATING)
                return POLICY_OPAQUE;
        if (text_in(name, plain))
                return POLICY_PLAIN;
        if (text_in(name, counting))
                return POLICY_EXACT;
        if (strcmp(name, "date_part") == 0 || strcmp(name, "datepart") == 0)
                return text_in(constant_text(child(node, 0)), whole_parts) ? POLICY_EXACT
                                                                           : POLICY_OPAQUE;
        if (all == POLICY_PLAIN)
                return POLICY_OPAQUE; /* a day less a day, a text as a number */
        if (strcmp(name, "round") == 0 && is_constant(child(node, 1)))
                return all;
        if (text_in(name, arithmetic))
                return all;
        return text_in(name, floating) ? POLICY_FLOATING : POLICY_OPAQUE;
}

/* Aggregates whose outcome is the same in any order. */

static enum policy_exactness extreme(struct policy_exact *exact, enum policy_exactness of)
{
        /* 0.0 and -0.0 are equal: which of them comes out depends on the order. */
        if (of == POLICY_FLOATING)
                return POLICY_EITHER_ZERO;
        return of == POLICY_OPAQUE ? unfree(exact) : of;
}

static enum policy_exactness only_exact(struct policy_exact *exact, enum policy_exactness of,
                                        enum policy_exactness gives)
{
        if (of == POLICY_UNSEEN)
                return POLICY_UNSEEN;
        return of == POLICY_EXACT ? gives : unfree(exact);
}

static enum policy_exactness middle(struct policy_exact *exact, enum policy_exactness of)
{
        /* Between two whole numbers it is a DOUBLE. */
        return of == POLICY_EXACT ? POLICY_FLOATING : extreme(exact, of);
}

static enum policy_exactness aggregate(struct policy_exact *exact, const char *name,
                                       const json_t *node, enum policy_exactness of)
{
        static const char *const counts[] = {"count", "count_star", "count_if", "countif", NULL};
        static const char *const sums[] = {"sum",    "bool_and", "bool_or", "bit_and",
                                           "bit_or", "bit_xor",  NULL};
        size_t n = json_array_size(json_object_get(node, "children"));
        exact->saw_aggregate = true;
        if (json_array_size(json_object_get(json_object_get(node, "order_bys"), "orders")) > 0)
                return unfree(exact);
        if (text_in(name, counts))
                return POLICY_EXACT;
        if (n == 2 && is_constant(child(node, 1)) &&
            (strcmp(name, "quantile_disc") == 0 || strcmp(name, "quantile") == 0))
                return extreme(exact, of);
        if (n == 2 && is_constant(child(node, 1)) && strcmp(name, "quantile_cont") == 0)
                return middle(exact, of);
        if (n != 1)
                return unfree(exact);
        if (text_in(name, sums))
                return only_exact(exact, of, POLICY_EXACT);
        if (strcmp(name, "avg") == 0 || strcmp(name, "mean") == 0)
                return only_exact(exact, of, POLICY_FLOATING);
        if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
                return extreme(exact, of);
        return strcmp(name, "median") == 0 ? middle(exact, of) : unfree(exact);
}

static enum policy_exactness all_of(struct policy_exact *exact, const json_t *list)
{
        enum policy_exactness all = POLICY_UNSEEN;
        bool unseen = false;
        size_t i;
        const json_t *one;
        json_array_foreach(list, i, one)
        {
                enum policy_exactness is = policy_exact_expression(exact, one);
                unseen |= is == POLICY_UNSEEN;
                all = worse(all, is);
        }
        return unseen ? POLICY_UNSEEN : all; /* and once more when it is known */
}

static enum policy_exactness function(struct policy_exact *exact, const json_t *node)
{
        char name[POLICY_NAME_MAX] = "";
        const char *called = json_get_string(node, "function_name");
        const struct policy_function *known = called ? policy_function_find(called) : NULL;
        if (!known || known->kind == POLICY_FUNCTION_TABLE)
                return unfree(exact);
        (void)snprintf(name, sizeof(name), "%s", known->name);
        enum policy_exactness all = all_of(exact, json_object_get(node, "children"));
        (void)policy_exact_expression(exact, json_object_get(node, "filter"));
        if (strcmp(known->text, "aggregates") == 0)
                return aggregate(exact, name, node, all);
        if (strcmp(known->text, "window functions") == 0)
                return unfree(exact);
        return row_function(name, node, all);
}

/* Expressions. */

static enum policy_exactness case_of(struct policy_exact *exact, const json_t *node)
{
        enum policy_exactness all =
                policy_exact_expression(exact, json_object_get(node, "else_expr"));
        bool unseen = all == POLICY_UNSEEN;
        size_t i;
        const json_t *check;
        json_array_foreach(json_object_get(node, "case_checks"), i, check)
        {
                (void)policy_exact_expression(exact, json_object_get(check, "when_expr"));
                enum policy_exactness is =
                        policy_exact_expression(exact, json_object_get(check, "then_expr"));
                unseen |= is == POLICY_UNSEEN;
                all = worse(all, is);
        }
        return unseen ? POLICY_UNSEEN : all;
}

static enum policy_exactness cast(struct policy_exact *exact, const json_t *node)
{
        enum policy_exactness from = policy_exact_expression(exact, json_object_get(node, "child"));
        enum policy_exactness to = type_of(json_object_get(node, "cast_type"));
        if (from == POLICY_UNSEEN)
                return POLICY_UNSEEN;
        return from > POLICY_FLOATING ? POLICY_OPAQUE : to;
}

static enum policy_exactness operator_of(struct policy_exact *exact, const json_t *node)
{
        static const char *const conditions[] = {"OPERATOR_NOT",         "OPERATOR_IS_NULL",
                                                 "OPERATOR_IS_NOT_NULL", "COMPARE_IN",
                                                 "COMPARE_NOT_IN",       NULL};
        const char *type = json_get_string(node, "type");
        enum policy_exactness all = all_of(exact, json_object_get(node, "children"));
        if (text_in(type, conditions))
                return POLICY_EXACT;
        if (strcmp(type, "OPERATOR_COALESCE") == 0)
                return all;
        return strcmp(type, "OPERATOR_UNPACK") == 0 ? unfree(exact) : POLICY_OPAQUE;
}

static enum policy_exactness subquery(struct policy_exact *exact, const json_t *node)
{
        const char *type = json_get_string(node, "subquery_type");
        bool outside = exact->saw_aggregate;
        (void)policy_exact_expression(exact, json_object_get(node, "child"));
        enum policy_exactness is =
                policy_exact_statement(exact, json_object_get(node, "subquery"), true);
        exact->saw_aggregate = outside;
        return type && strcmp(type, "SCALAR") == 0 ? is : POLICY_EXACT;
}

/* True or false, however the parts compare. */
static enum policy_exactness condition(struct policy_exact *exact, const json_t *node)
{
        static const char *const parts[] = {"left", "right", "input", "lower", "upper"};
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                (void)policy_exact_expression(exact, json_object_get(node, parts[i]));
        (void)all_of(exact, json_object_get(node, "children"));
        return POLICY_EXACT;
}

enum policy_exactness policy_exact_expression(struct policy_exact *exact, const json_t *node)
{
        const char *class_name = json_get_string(node, "class");
        if (!node || json_is_null(node))
                return POLICY_EXACT;
        if (!class_name || exact->n_expressions++ >= POLICY_EXACT_EXPRESSIONS_MAX)
                return unfree(exact);
        if (strcmp(class_name, "COLUMN_REF") == 0)
                return column(exact, node);
        if (strcmp(class_name, "CONSTANT") == 0)
                return type_of(json_object_get(json_object_get(node, "value"), "type"));
        if (strcmp(class_name, "FUNCTION") == 0)
                return function(exact, node);
        if (strcmp(class_name, "CASE") == 0)
                return case_of(exact, node);
        if (strcmp(class_name, "CAST") == 0)
                return cast(exact, node);
        if (strcmp(class_name, "OPERATOR") == 0)
                return operator_of(exact, node);
        if (strcmp(class_name, "SUBQUERY") == 0)
                return subquery(exact, node);
        if (strcmp(class_name, "COMPARISON") == 0 || strcmp(class_name, "BETWEEN") == 0 ||
            strcmp(class_name, "CONJUNCTION") == 0)
                return condition(exact, node);
        return unfree(exact); /* WINDOW, LAMBDA, STAR, POSITIONAL_REFERENCE, ... */
}
