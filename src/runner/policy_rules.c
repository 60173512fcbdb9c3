/* What is asked of single nodes: functions, tables, columns, collations, samples. */
#include "runner/policy_walk.h"

#include "runner/policy_function.h"
#include "runner/policy_name.h"
#include "runner/policy_text.h"

#include "base/buf.h"
#include "base/json.h"

#include <stdint.h>
#include <string.h>

/* Names that DuckDB has for catalogs and for schemas of its own. */
static const char *const engine_names[] = {"system", "temp", "memory", "pg_catalog",
                                           "information_schema"};

static bool is_engine_name(const char *name)
{
        return policy_name_in(name, engine_names, ARRAY_SIZE(engine_names));
}

/* The member as a string; "" when it is missing, NULL when it is something else. */
static const char *text_of(const json_t *node, const char *key)
{
        const json_t *value = json_object_get(node, key);
        return value && !json_is_null(value) ? json_string_value(value) : "";
}

/* Functions. A call with a schema is one of three: what the parser makes of special syntax
 * (main.list_value for [1, 2]), a method (name.upper() has the schema "name", t.name.upper() the
 * catalog "t"), or a function of that schema. Whichever DuckDB decides on, an allowed name calls
 * the same built-in function, except for those that the runner hides behind macros. */

struct call {
        const char *name;
        const char *schema;
        const char *catalog;
        const struct policy_function *function;
};

static int call_read(struct policy_walk *walk, const json_t *node, struct call *call,
                     struct error *err)
{
        call->name = text_of(node, "function_name");
        call->schema = text_of(node, "schema");
        call->catalog = text_of(node, "catalog");
        if (!call->name || !call->schema || !call->catalog || !*call->name)
                return policy_refuse_unknown(walk, err, "the parse tree's member", "function_name");
        call->function = policy_function_find(call->name);
        return 0;
}

static int refuse_unknown_function(const struct policy_walk *walk, const char *name,
                                   struct error *err)
{
        const char *nearest = policy_function_nearest(name);
        if (nearest)
                return policy_refuse(walk, err,
                                     "the function \"%.64s\" is not on the list of allowed "
                                     "functions; did you mean \"%s\"?",
                                     name, nearest);
        return policy_refuse(walk, err,
                             "the function \"%.64s\" is not on the list of allowed functions; use "
                             "another one (docs/POLICY.md says which there are)",
                             name);
}

static int refuse_function(const struct policy_walk *walk, const char *name,
                           const struct policy_function *function, struct error *err)
{
        return policy_refuse(walk, err, "the function \"%.64s\" is not allowed: %s", name,
                             function->text);
}

static int check_call_qualifier(const struct policy_walk *walk, const struct call *call,
                                struct error *err)
{
        const char *qualifier = *call->catalog ? call->catalog : call->schema;
        if (is_engine_name(call->catalog) || is_engine_name(call->schema))
                return policy_refuse(walk, err,
                                     "the function \"%.64s\" is qualified with \"%.64s\"; call it "
                                     "by its name alone",
                                     call->name, qualifier);
        /* The parser itself writes main.timezone for AT TIME ZONE; the runner's macro is in main.
         */
        bool is_operator = policy_name_equal(call->name, "timezone") && !*call->catalog &&
                           policy_name_equal(call->schema, "main");
        if (call->function->kind == POLICY_FUNCTION_AS_OF && *qualifier && !is_operator)
                return policy_refuse(walk, err,
                                     "the function \"%.64s\" is qualified with \"%.64s\", but the "
                                     "current moment is only known without it; write %.64s(...)",
                                     call->name, qualifier, call->name);
        return 0;
}

/* list_aggregate(list, 'sum'): the second argument is the name of what is called. */
static int check_by_name(const struct policy_walk *walk, const struct call *call,
                         const json_t *node, struct error *err)
{
        const json_t *argument = json_array_get(json_object_get(node, "children"), 1);
        const char *class_name = json_get_string(argument, "class");
        const json_t *value = json_object_get(json_object_get(argument, "value"), "value");
        const char *name = json_string_value(value);
        if (*call->catalog || (*call->schema && !policy_name_equal(call->schema, "main")))
                return policy_refuse(walk, err,
                                     "\"%.64s\" is called as a method; write %.64s(list, 'sum')",
                                     call->name, call->name);
        if (!class_name || strcmp(class_name, "CONSTANT") != 0 || !name)
                return policy_refuse(walk, err,
                                     "the second argument of \"%.64s\" must be the name of an "
                                     "aggregate in quotes, such as 'sum'",
                                     call->name);
        const struct policy_function *function = policy_function_find(name);
        if (!function)
                return refuse_unknown_function(walk, name, err);
        if (function->kind == POLICY_FUNCTION_REFUSE)
                return refuse_function(walk, name, function, err);
        return 0;
}

int policy_check_function(struct policy_walk *walk, const json_t *node, struct error *err)
{
        struct call call = {0};
        int r = call_read(walk, node, &call, err);
        if (r < 0)
                return r;
        if (!call.function)
                return refuse_unknown_function(walk, call.name, err);
        if (call.function->kind == POLICY_FUNCTION_REFUSE)
                return refuse_function(walk, call.name, call.function, err);
        if (call.function->kind == POLICY_FUNCTION_AS_OF)
                walk->asks_time = true;
        r = check_call_qualifier(walk, &call, err);
        if (r == 0 && call.function->kind == POLICY_FUNCTION_BY_NAME)
                r = check_by_name(walk, &call, node, err);
        return r;
}

int policy_check_table_function(struct policy_walk *walk, const json_t *node, struct error *err)
{
        struct call call = {0};
        const char *class_name = json_get_string(node, "class");
        if (!class_name || strcmp(class_name, "FUNCTION") != 0)
                return policy_refuse_unknown(walk, err, "table function", class_name);
        int r = call_read(walk, node, &call, err);
        if (r < 0)
                return r;
        if (call.function && call.function->kind == POLICY_FUNCTION_TABLE) {
                if (*call.catalog || (*call.schema && !policy_name_equal(call.schema, "main")))
                        return policy_refuse(walk, err,
                                             "the table function \"%.64s\" is qualified; call it "
                                             "by its name alone",
                                             call.name);
                return 0;
        }
        if (call.function && call.function->kind == POLICY_FUNCTION_REFUSE)
                return refuse_function(walk, call.name, call.function, err);
        return policy_refuse(walk, err,
                             "the table function \"%.64s\" is not allowed; only range, "
                             "generate_series and unnest may stand in FROM",
                             call.name);
}

/* A bare name that DuckDB reads as a call when there is no column of that name. Those of the
 * current moment are macros of the runner; these tell of the engine instead. */
int policy_check_column(struct policy_walk *walk, const json_t *node, struct error *err)
{
        static const char *const values[] = {"current_catalog", "current_role", "current_schema",
                                             "current_user",    "session_user", "user"};
        const json_t *names = json_object_get(node, "column_names");
        const char *name = json_string_value(json_array_get(names, 0));
        if (!name)
                return policy_refuse_unknown(walk, err, "the parse tree's member", "column_names");
        const struct policy_function *function = policy_function_find(name);
        if (function && function->kind == POLICY_FUNCTION_AS_OF)
                walk->asks_time = true;
        if (json_array_size(names) != 1 || !policy_name_in(name, values, ARRAY_SIZE(values)))
                return 0;
        const struct policy_scope *scope = walk->scope;
        if (scope->columns && policy_name_in(name, scope->columns, scope->n_columns))
                return 0;
        return policy_refuse(walk, err,
                             "\"%.64s\" reads the engine's environment, which a query may not see; "
                             "if it is a column, write its table before it: t.\"%.64s\"",
                             name, name);
}

/* Tables. */

static bool cte_is_in_scope(const struct policy_walk *walk, const char *name, bool recursive)
{
        for (size_t i = walk->n_ctes; i-- > 0;)
                if (policy_name_equal(walk->ctes[i].name, name) &&
                    (!recursive || walk->ctes[i].recursive))
                        return true;
        return false;
}

static const char *nearest_table(const struct policy_walk *walk, const char *name)
{
        const struct policy_scope *scope = walk->scope;
        const char *nearest = NULL;
        size_t least = SIZE_MAX;
        for (size_t i = 0; i < scope->n_tables + walk->n_ctes; i++) {
                const char *other = i < scope->n_tables ? scope->tables[i]
                                                        : walk->ctes[i - scope->n_tables].name;
                size_t distance = policy_name_distance(name, other);
                if (distance < least) {
                        least = distance;
                        nearest = other;
                }
        }
        return nearest && policy_name_is_near(name, least) ? nearest : NULL;
}

static void put_tables(const struct policy_walk *walk, struct buf *out)
{
        const struct policy_scope *scope = walk->scope;
        size_t shown = scope->n_tables < 20 ? scope->n_tables : 20;
        for (size_t i = 0; i < shown; i++)
                buf_printf(out, "%s%.64s", i ? ", " : "", scope->tables[i]);
        if (shown < scope->n_tables)
                buf_puts(out, " and others");
        if (scope->n_tables == 0)
                buf_puts(out, "none");
}

static int refuse_table(const struct policy_walk *walk, const char *name, struct error *err)
{
        const char *nearest = nearest_table(walk, name);
        if (nearest)
                return policy_refuse(walk, err,
                                     "the table \"%.200s\" is not in the dataset; did you mean "
                                     "\"%.64s\"?",
                                     name, nearest);
        _cleanup_buf_ struct buf tables = {0};
        buf_init(&tables, 2048);
        put_tables(walk, &tables);
        bool is_file = strpbrk(name, "./*:") != NULL;
        return policy_refuse(walk, err,
                             is_file ? "\"%.200s\" is not a table of the dataset, and files cannot "
                                       "be read by name; the tables are: %s"
                                     : "the table \"%.200s\" is not in the dataset; the tables "
                                       "are: %s",
                             name, buf_text(&tables));
}

static int refuse_qualifier(const struct policy_walk *walk, const char *qualifier, const char *name,
                            struct error *err)
{
        return policy_refuse(walk, err,
                             "the table \"%.64s\" is qualified with \"%.64s\"; tables may only be "
                             "written alone or as %.64s.table",
                             name, qualifier, walk->scope->dataset_id);
}

int policy_check_table(struct policy_walk *walk, const json_t *node, struct error *err)
{
        const struct policy_scope *scope = walk->scope;
        const char *name = text_of(node, "table_name");
        const char *schema = text_of(node, "schema_name");
        const char *catalog = text_of(node, "catalog_name");
        if (!name || !schema || !catalog || !*name)
                return policy_refuse_unknown(walk, err, "the parse tree's member", "table_name");
        if (*catalog)
                return refuse_qualifier(walk, catalog, name, err);
        if (!policy_json_is_empty(json_object_get(node, "at_clause")))
                return policy_refuse(walk, err,
                                     "the table \"%.64s\" has no versions; remove AT (...)", name);
        if (!*schema && cte_is_in_scope(walk, name, false))
                return 0;
        if (policy_name_equal(schema, "recurring") && cte_is_in_scope(walk, name, true))
                return 0;
        bool known = !*schema || policy_name_equal(schema, "main") ||
                     (policy_name_equal(schema, scope->dataset_id) && !is_engine_name(schema));
        if (!known)
                return refuse_qualifier(walk, schema, name, err);
        if (!policy_name_in(name, scope->tables, scope->n_tables))
                return refuse_table(walk, name, err);
        if (*schema && !policy_name_equal(schema, "main"))
                walk->names_dataset = true;
        return 0;
}

/* "NOCASE.NOACCENT" and the like. The rest are ICU's, by language and country. */
static bool collation_is_known(const char *part, size_t n)
{
        static const char *const known[] = {"binary",   "c",   "posix",       "nocase",
                                            "noaccent", "nfc", "icu_noaccent"};
        char name[16];
        if (n >= sizeof(name))
                return false;
        memcpy(name, part, n);
        name[n] = '\0';
        if (policy_name_in(name, known, ARRAY_SIZE(known)))
                return true;
        size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (letters < 2 || letters > 3)
                return false;
        return letters == n || (name[letters] == '_' && n == letters + 3);
}

int policy_check_collation(struct policy_walk *walk, const json_t *node, struct error *err)
{
        const char *collation = json_get_string(node, "collation");
        if (!collation)
                return policy_refuse_unknown(walk, err, "the parse tree's member", "collation");
        walk->collated = true;
        for (const char *part = collation;;) {
                size_t n = strcspn(part, ".");
                if (!collation_is_known(part, n))
                        return policy_refuse(walk, err,
                                             "the collation \"%.64s\" is not known; use NOCASE, "
                                             "NOACCENT, NFC or a language such as de",
                                             collation);
                if (part[n] == '\0')
                        return 0;
                part += n + 1;
        }
}

int policy_check_pivot(struct policy_walk *walk, const json_t *node, struct error *err)
{
        const json_t *type = json_object_get(node, "pivot_enum");
        if (policy_json_is_empty(type))
                return 0;
        return policy_refuse(walk, err,
                             "PIVOT takes its values from the type \"%.64s\"; list them: IN ('a', "
                             "'b')",
                             json_is_string(type) ? json_string_value(type) : "");
}

/* The tree does not say where a parameter stands. */
int policy_check_parameters(struct policy_walk *walk, const json_t *node, struct error *err)
{
        if (policy_json_is_empty(json_object_get(node, "named_param_map")))
                return 0;
        struct policy_lexer lexer = {.sql = walk->sql, .n = walk->sql_n};
        struct policy_token token;
        do {
                token = policy_lexer_next(&lexer);
        } while (token.kind != POLICY_TOKEN_END &&
                 (token.kind != POLICY_TOKEN_OTHER || !strchr("?$", walk->sql[token.start])));
        int r = policy_refuse(walk, err,
                              "a parameter (? or $1) has no value here; write the value itself");
        if (err)
                err->position = policy_text_position(walk->sql, walk->sql_n, token.start);
        return r;
}

int policy_check_sample(struct policy_walk *walk, const json_t *node, struct error *err)
{
        (void)err;
        const json_t *seed = json_object_get(node, "seed");
        if (!json_is_number(seed) || json_number_value(seed) < 0)
                walk->random_sample = true;
        return 0;
}
