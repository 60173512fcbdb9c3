/* Every shape that a parse tree may have, as DuckDB 1.5.6 writes them. What is not here is
 * refused: a node by its name, a member unless it is empty. */
#include "runner/policy_walk.h"

#include "runner/policy_name.h"

#include "base/cleanup.h"

#include <string.h>

#define CHOICES(...)                                                                               \
        (const char *const[])                                                                      \
        {                                                                                          \
                __VA_ARGS__, NULL                                                                  \
        }
#define MEMBERS(...)                                                                               \
        (const struct policy_member[])                                                             \
        {                                                                                          \
                __VA_ARGS__,                                                                       \
                {                                                                                  \
                        .name = NULL                                                               \
                }                                                                                  \
        }
#define MEMBER(n, k)                                                                               \
        {                                                                                          \
                .name = (n), .kind = (k)                                                           \
        }
#define CHOICE(n, ...)                                                                             \
        {                                                                                          \
                .name = (n), .kind = POLICY_CHOICE, .choices = CHOICES(__VA_ARGS__)                \
        }
#define OBJECT(n, s)                                                                               \
        {                                                                                          \
                .name = (n), .kind = POLICY_OBJECT, .shape = (s)                                   \
        }
#define OBJECTS(n, s)                                                                              \
        {                                                                                          \
                .name = (n), .kind = POLICY_OBJECTS, .shape = (s)                                  \
        }

/* Small fixed objects. */

static const struct policy_shape order = {
        .members = MEMBERS(CHOICE("type", "ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
                           CHOICE("null_order", "ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST"),
                           MEMBER("expression", POLICY_EXPRESSION)),
};
static const struct policy_shape order_modifier = {
        .members = MEMBERS(CHOICE("type", "ORDER_MODIFIER"), OBJECTS("orders", &order)),
};
static const struct policy_shape case_check = {
        .members = MEMBERS(MEMBER("when_expr", POLICY_EXPRESSION),
                           MEMBER("then_expr", POLICY_EXPRESSION)),
};
static const struct policy_shape replacement = {
        .members = MEMBERS(MEMBER("key", POLICY_TEXT), MEMBER("value", POLICY_EXPRESSION)),
};
/* catalog and schema are not listed: they must be empty. */
static const struct policy_shape qualified_column = {
        .members = MEMBERS(MEMBER("table", POLICY_TEXT), MEMBER("column", POLICY_TEXT)),
};
static const struct policy_shape renaming = {
        .members = MEMBERS(OBJECT("key", &qualified_column), MEMBER("value", POLICY_TEXT)),
};
static const struct policy_shape pivot_entry = {
        .members = MEMBERS(MEMBER("values", POLICY_VALUES), MEMBER("star_expr", POLICY_EXPRESSION),
                           MEMBER("alias", POLICY_TEXT)),
};
static const struct policy_shape pivot_column = {
        .members = MEMBERS(MEMBER("pivot_expressions", POLICY_EXPRESSIONS),
                           MEMBER("unpivot_names", POLICY_NAMES), OBJECTS("entries", &pivot_entry),
                           MEMBER("pivot_enum", POLICY_CHECKED)),
        .check = policy_check_pivot,
};
static const struct policy_shape sample = {
        .members =
                MEMBERS(MEMBER("sample_size", POLICY_VALUE), MEMBER("is_percentage", POLICY_FLAG),
                        CHOICE("method", "System", "Bernoulli", "Reservoir"),
                        MEMBER("seed", POLICY_NUMBER)),
        .check = policy_check_sample,
};
const struct policy_shape policy_shape_statement = {
        .members = MEMBERS(MEMBER("named_param_map", POLICY_CHECKED), MEMBER("node", POLICY_QUERY)),
        .check = policy_check_parameters,
};
static const struct policy_shape cte_value = {
        .members =
                MEMBERS(MEMBER("aliases", POLICY_NAMES), OBJECT("query", &policy_shape_statement),
                        CHOICE("materialized", "CTE_MATERIALIZE_DEFAULT", "CTE_MATERIALIZE_ALWAYS",
                               "CTE_MATERIALIZE_NEVER"),
                        MEMBER("key_targets", POLICY_EXPRESSIONS)),
};
/* The name comes after the query: a CTE does not see itself unless it is recursive. */
static const struct policy_shape cte = {
        .members = MEMBERS(OBJECT("value", &cte_value), MEMBER("key", POLICY_CTE)),
};
static const struct policy_shape cte_map = {
        .members = MEMBERS(OBJECTS("map", &cte)),
};

/* Expressions, by class. */

#define COMPARISONS                                                                                \
        "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",            \
                "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO"
#define EXPRESSION(...)                                                                            \
        MEMBERS(MEMBER("class", POLICY_CHECKED), MEMBER("type", POLICY_CHECKED),                   \
                MEMBER("alias", POLICY_TEXT), MEMBER("query_location", POLICY_NUMBER),             \
                __VA_ARGS__)

static const struct policy_shape expressions[] = {
        {.name = "BETWEEN",
         .types = CHOICES("COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"),
         .members =
                 EXPRESSION(MEMBER("input", POLICY_EXPRESSION), MEMBER("lower", POLICY_EXPRESSION),
                            MEMBER("upper", POLICY_EXPRESSION))},
        {.name = "CASE",
         .types = CHOICES("CASE_EXPR"),
         .members = EXPRESSION(OBJECTS("case_checks", &case_check),
                               MEMBER("else_expr", POLICY_EXPRESSION))},
        {.name = "CAST",
         .types = CHOICES("OPERATOR_CAST"),
         .members = EXPRESSION(MEMBER("child", POLICY_EXPRESSION), MEMBER("cast_type", POLICY_TYPE),
                               MEMBER("try_cast", POLICY_FLAG))},
        {.name = "COLLATE",
         .types = CHOICES("COLLATE"),
         .members = EXPRESSION(MEMBER("child", POLICY_EXPRESSION),
                               MEMBER("collation", POLICY_CHECKED)),
         .check = policy_check_collation},
        {.name = "COLUMN_REF",
         .types = CHOICES("COLUMN_REF"),
         .members = EXPRESSION(MEMBER("column_names", POLICY_NAMES)),
         .check = policy_check_column},
        {.name = "COMPARISON",
         .types = CHOICES(COMPARISONS, "COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"),
         .members =
                 EXPRESSION(MEMBER("left", POLICY_EXPRESSION), MEMBER("right", POLICY_EXPRESSION))},
        {.name = "CONJUNCTION",
         .types = CHOICES("CONJUNCTION_AND", "CONJUNCTION_OR"),
         .members = EXPRESSION(MEMBER("children", POLICY_EXPRESSIONS))},
        {.name = "CONSTANT",
         .types = CHOICES("VALUE_CONSTANT"),
         .members = EXPRESSION(MEMBER("value", POLICY_VALUE))},
        {.name = "DEFAULT", .refused = "DEFAULT has no meaning in a query; remove it"},
        /* export_state is not listed: an exported state would be a value without a form. */
        {.name = "FUNCTION",
         .types = CHOICES("FUNCTION"),
         .members = EXPRESSION(
                 MEMBER("function_name", POLICY_CHECKED), MEMBER("schema", POLICY_CHECKED),
                 MEMBER("catalog", POLICY_CHECKED), MEMBER("children", POLICY_EXPRESSIONS),
                 MEMBER("filter", POLICY_EXPRESSION), OBJECT("order_bys", &order_modifier),
                 MEMBER("distinct", POLICY_FLAG), MEMBER("is_operator", POLICY_FLAG)),
         .check = policy_check_function},
        {.name = "LAMBDA",
         .types = CHOICES("LAMBDA"),
         .members =
                 EXPRESSION(MEMBER("lhs", POLICY_EXPRESSION), MEMBER("expr", POLICY_EXPRESSION))},
        {.name = "OPERATOR",
         .types = CHOICES("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN",
                          "COMPARE_NOT_IN", "OPERATOR_COALESCE", "ARRAY_EXTRACT", "ARRAY_SLICE",
                          "STRUCT_EXTRACT", "ARRAY_CONSTRUCTOR", "GROUPING_FUNCTION",
                          "OPERATOR_UNPACK", "OPERATOR_TRY"),
         .members = EXPRESSION(MEMBER("children", POLICY_EXPRESSIONS))},
        {.name = "PARAMETER",
         .refused = "a parameter (? or $1) has no value here; write the value itself"},
        {.name = "POSITIONAL_REFERENCE",
         .types = CHOICES("POSITIONAL_REFERENCE"),
         .members = EXPRESSION(MEMBER("index", POLICY_NUMBER))},
        {.name = "STAR",
         .types = CHOICES("STAR"),
         .members = EXPRESSION(MEMBER("relation_name", POLICY_TEXT),
                               MEMBER("exclude_list", POLICY_NAMES),
                               OBJECTS("replace_list", &replacement),
                               MEMBER("columns", POLICY_FLAG), MEMBER("expr", POLICY_EXPRESSION),
                               OBJECTS("qualified_exclude_list", &qualified_column),
                               OBJECTS("rename_list", &renaming))},
        {.name = "SUBQUERY",
         .types = CHOICES("SUBQUERY"),
         .members = EXPRESSION(CHOICE("subquery_type", "SCALAR", "EXISTS", "NOT_EXISTS", "ANY"),
                               MEMBER("child", POLICY_EXPRESSION),
                               CHOICE("comparison_type", "INVALID", COMPARISONS),
                               OBJECT("subquery", &policy_shape_statement))},
        {.name = "WINDOW",
         .types = CHOICES("WINDOW_AGGREGATE", "WINDOW_ROW_NUMBER", "WINDOW_RANK",
                          "WINDOW_RANK_DENSE", "WINDOW_DENSE_RANK", "WINDOW_PERCENT_RANK",
                          "WINDOW_CUME_DIST", "WINDOW_NTILE", "WINDOW_FIRST_VALUE",
                          "WINDOW_LAST_VALUE", "WINDOW_NTH_VALUE", "WINDOW_LEAD", "WINDOW_LAG",
                          "WINDOW_FILL"),
         .members = EXPRESSION(
                 MEMBER("function_name", POLICY_CHECKED), MEMBER("schema", POLICY_CHECKED),
                 MEMBER("catalog", POLICY_CHECKED), MEMBER("children", POLICY_EXPRESSIONS),
                 MEMBER("partitions", POLICY_EXPRESSIONS), OBJECTS("orders", &order),
                 MEMBER("start", POLICY_TEXT), MEMBER("end", POLICY_TEXT),
                 MEMBER("start_expr", POLICY_EXPRESSION), MEMBER("end_expr", POLICY_EXPRESSION),
                 MEMBER("offset_expr", POLICY_EXPRESSION),
                 MEMBER("default_expr", POLICY_EXPRESSION), MEMBER("ignore_nulls", POLICY_FLAG),
                 MEMBER("filter_expr", POLICY_EXPRESSION), MEMBER("exclude_clause", POLICY_TEXT),
                 MEMBER("distinct", POLICY_FLAG), OBJECTS("arg_orders", &order)),
         .check = policy_check_function},
};

/* Query nodes. The CTEs come first, as everything else of the node sees them. */

#define QUERY(...) MEMBERS(MEMBER("type", POLICY_CHECKED), OBJECT("cte_map", &cte_map), __VA_ARGS__)

static const struct policy_shape queries[] = {
        {.name = "SELECT_NODE",
         .members = QUERY(
                 MEMBER("from_table", POLICY_REF), MEMBER("select_list", POLICY_EXPRESSIONS),
                 MEMBER("where_clause", POLICY_EXPRESSION),
                 MEMBER("group_expressions", POLICY_EXPRESSIONS), MEMBER("group_sets", POLICY_SETS),
                 CHOICE("aggregate_handling", "STANDARD_HANDLING", "FORCE_AGGREGATES",
                        "NO_AGGREGATES_ALLOWED"),
                 MEMBER("having", POLICY_EXPRESSION), OBJECT("sample", &sample),
                 MEMBER("qualify", POLICY_EXPRESSION), MEMBER("modifiers", POLICY_MODIFIERS))},
        {.name = "SET_OPERATION_NODE",
         .members = QUERY(CHOICE("setop_type", "UNION", "UNION_BY_NAME", "EXCEPT", "INTERSECT"),
                          MEMBER("left", POLICY_QUERY), MEMBER("right", POLICY_QUERY),
                          MEMBER("setop_all", POLICY_FLAG), MEMBER("modifiers", POLICY_MODIFIERS))},
        /* Its own name is in scope on the right of UNION only. */
        {.name = "RECURSIVE_CTE_NODE",
         .members =
                 QUERY(MEMBER("left", POLICY_QUERY), MEMBER("cte_name", POLICY_SELF),
                       MEMBER("right", POLICY_QUERY), MEMBER("union_all", POLICY_FLAG),
                       MEMBER("aliases", POLICY_NAMES), MEMBER("key_targets", POLICY_EXPRESSIONS),
                       MEMBER("modifiers", POLICY_MODIFIERS))},
};

/* Table references. */

#define REF(...)                                                                                   \
        MEMBERS(MEMBER("type", POLICY_CHECKED), MEMBER("alias", POLICY_TEXT),                      \
                MEMBER("query_location", POLICY_NUMBER), OBJECT("sample", &sample), __VA_ARGS__)

static const struct policy_shape refs[] = {
        {.name = "BASE_TABLE",
         .members = REF(MEMBER("schema_name", POLICY_CHECKED), MEMBER("table_name", POLICY_CHECKED),
                        MEMBER("catalog_name", POLICY_CHECKED), MEMBER("at_clause", POLICY_CHECKED),
                        MEMBER("column_name_alias", POLICY_NAMES)),
         .check = policy_check_table},
        {.name = "EMPTY", .members = REF({.name = NULL})},
        /* expected_types is not listed: the parser leaves it empty. */
        {.name = "EXPRESSION_LIST",
         .members = REF(MEMBER("values", POLICY_ROWS), MEMBER("expected_names", POLICY_NAMES))},
        /* duplicate_eliminated_columns and delim_flipped are the optimizer's. */
        {.name = "JOIN",
         .members = REF(MEMBER("left", POLICY_REF), MEMBER("right", POLICY_REF),
                        MEMBER("condition", POLICY_EXPRESSION),
                        CHOICE("join_type", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "SEMI",
                               "ANTI", "SINGLE", "MARK", "RIGHT_SEMI", "RIGHT_ANTI"),
                        CHOICE("ref_type", "REGULAR", "NATURAL", "CROSS", "POSITIONAL", "ASOF"),
                        MEMBER("using_columns", POLICY_NAMES))},
        {.name = "PIVOT",
         .members = REF(MEMBER("source", POLICY_REF), MEMBER("aggregates", POLICY_EXPRESSIONS),
                        MEMBER("unpivot_names", POLICY_NAMES), OBJECTS("pivots", &pivot_column),
                        MEMBER("groups", POLICY_NAMES), MEMBER("include_nulls", POLICY_FLAG),
                        MEMBER("column_name_alias", POLICY_NAMES))},
        {.name = "SHOW_REF",
         .refused = "DESCRIBE, SHOW and SUMMARIZE are not allowed; select from the tables of the "
                    "dataset instead"},
        {.name = "SUBQUERY",
         .members = REF(OBJECT("subquery", &policy_shape_statement),
                        MEMBER("column_name_alias", POLICY_NAMES))},
        {.name = "TABLE_FUNCTION",
         .members = REF(MEMBER("function", POLICY_TABLE_FUNCTION),
                        MEMBER("column_name_alias", POLICY_NAMES),
                        CHOICE("with_ordinality", "WITH_ORDINALITY", "WITHOUT_ORDINALITY"))},
};

/* What follows a query. */

static const struct policy_shape modifiers[] = {
        {.name = "DISTINCT_MODIFIER",
         .members = MEMBERS(MEMBER("type", POLICY_CHECKED),
                            MEMBER("distinct_on_targets", POLICY_EXPRESSIONS))},
        {.name = "LIMIT_MODIFIER",
         .members = MEMBERS(MEMBER("type", POLICY_CHECKED), MEMBER("limit", POLICY_EXPRESSION),
                            MEMBER("offset", POLICY_EXPRESSION))},
        {.name = "LIMIT_PERCENT_MODIFIER",
         .members = MEMBERS(MEMBER("type", POLICY_CHECKED), MEMBER("limit", POLICY_EXPRESSION),
                            MEMBER("offset", POLICY_EXPRESSION))},
        {.name = "ORDER_MODIFIER",
         .members = MEMBERS(MEMBER("type", POLICY_CHECKED), OBJECTS("orders", &order))},
};

static const struct policy_shape *find(const struct policy_shape *shapes, size_t n,
                                       const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(shapes[i].name, name) == 0)
                        return &shapes[i];
        return NULL;
}

const struct policy_shape *policy_shape_expression(const char *class_name)
{
        return find(expressions, ARRAY_SIZE(expressions), class_name);
}

const struct policy_shape *policy_shape_query(const char *type)
{
        return find(queries, ARRAY_SIZE(queries), type);
}

const struct policy_shape *policy_shape_ref(const char *type)
{
        return find(refs, ARRAY_SIZE(refs), type);
}

const struct policy_shape *policy_shape_modifier(const char *type)
{
        return find(modifiers, ARRAY_SIZE(modifiers), type);
}
