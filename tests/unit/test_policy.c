#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_policy_engine.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "protocol/request.h"

static void assert_says(const struct error *err, const char *said, const char *sql)
{
        if (!strstr(err->message, said))
                fail_msg("\"%s\" does not say \"%s\": %s", err->message, said, sql);
}

/* Before the parser. */

static void test_text(void **state)
{
        (void)state;
        static const struct {
                const char *sql;
                size_t n; /* 0: strlen */
                enum error_type type;
                long long position;
                const char *said;
        } cases[] = {
                {"", 0, ERROR_VALIDATION, 0, "empty"},
                {" \t\r\n\f", 0, ERROR_VALIDATION, 0, "empty"},
                {"\xC2\xA0\xE2\x80\x8B\xEF\xBB\xBF\xE3\x80\x80", 0, ERROR_VALIDATION, 0, "empty"},
                {"-- only", 0, ERROR_VALIDATION, 0, "empty"},
                {"/* only */ ;;", 0, ERROR_VALIDATION, 0, "empty"},
                {"SELECT\0 1", 9, ERROR_VALIDATION, 7, "NUL"},
                {"SELECT '\xC3\xA9\xFF'", 0, ERROR_VALIDATION, 10, "UTF-8"},
                {"SELECT '\xC0\xAF'", 0, ERROR_VALIDATION, 9, "UTF-8"},
                {"SELECT '\xED\xA0\x80'", 0, ERROR_VALIDATION, 9, "UTF-8"},
                {"SELECT '\xF4\x90\x80\x80'", 0, ERROR_VALIDATION, 9, "UTF-8"},
                {"SELECT '\xE2\x82", 0, ERROR_VALIDATION, 9, "UTF-8"},
                {"SELECT 1", 0, ERROR_NONE, 0, ""},
                {"SELECT '\xF0\x9F\x98\x80'", 0, ERROR_NONE, 0, ""},
                {"/* open", 0, ERROR_NONE, 0, ""}, /* the parser says it better */
                {"'open", 0, ERROR_NONE, 0, ""},
                {")))", 0, ERROR_NONE, 0, ""},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct error err = {0};
                size_t n = cases[i].n ? cases[i].n : strlen(cases[i].sql);
                int r = policy_check_text(cases[i].sql, n, &err);
                assert_int_equal(r, -(int)cases[i].type);
                assert_int_equal(err.type, cases[i].type);
                assert_int_equal(err.position, cases[i].position);
                assert_says(&err, cases[i].said, cases[i].sql);
        }
}

/* head, then part n times, then middle, then tail n times; free(3). */
static char *repeat(const char *head, const char *part, size_t n, const char *middle,
                    const char *tail)
{
        struct buf buf;
        buf_init(&buf, 8 * 1024 * 1024);
        buf_puts(&buf, head);
        for (size_t i = 0; i < n; i++)
                buf_puts(&buf, part);
        buf_puts(&buf, middle);
        for (size_t i = 0; i < n; i++)
                buf_puts(&buf, tail);
        char *text = buf_steal(&buf);
        assert_non_null(text);
        return text;
}

/* What is nested too deeply is refused, what is not passes, and what only looks so passes. */
static void test_depth(void **state)
{
        static const struct {
                const char *head, *part, *middle, *tail;
                size_t n;
                const char *said; /* NULL: it passes */
        } cases[] = {
                {"SELECT ", "(", "1", ")", 200, NULL},
                {"SELECT ", "(", "1", ")", 201, "brackets"},
                {"SELECT ", "[", "1", "]", 201, "brackets"},
                {"SELECT ", "(", "1", ")", 100000, "brackets"},
                {"SELECT '", "(((((", "' , \"", ")", 1000, "cannot be parsed"},
                {"SELECT '", "(((((", "'", "", 1000, NULL},
                {"SELECT $a$", "([{'\"", "$a$", "", 1000, NULL},
                {"SELECT E'\\'", "(((((", "'", "", 1000, NULL},
                {"SELECT 1 --", "(((((", "", "", 1000, NULL},
                {"SELECT 1 /*", "(((((", "*/", "", 1000, NULL},
                {"SELECT \"", "(", "\" FROM orders", "", 300, NULL},
                {"", "/*", " */ SELECT 1", "", 40, "comments"},
                {"", "/*", "", "*/", 30, "empty"},
                {"SELECT 1 ", "/*", "", "*/", 30, NULL},
                {"SELECT 1 ", "/**/", "", "", 10000, NULL},
                {"SELECT 1", "+1", "", "", 240, NULL},
                {"SELECT 1", "+1", "", "", 251, "expression"},
                {"SELECT 1", "+1", "", "", 900, "expression"},
                {"SELECT 1", "+1", "", "", 100000, "deep"},
                {"SELECT ", "abs(", "1", ")", 190, NULL},
                {"SELECT ", "NOT ", "true", "", 300, "expression"},
                {"SELECT 1", "::INT", "", "", 300, "expression"},
                {"SELECT 1::INT", "[]", "", "", 100, NULL},
                {"SELECT 1::INT", "[]", "", "", 998, "deep"},
                {"SELECT 1", " UNION ALL SELECT 1", "", "", 800, NULL},
                {"SELECT 1", " UNION ALL SELECT 1", "", "", 1000, "UNION"},
                {"SELECT 1 FROM orders", ", orders", "", "", 900, NULL},
                {"SELECT 1 FROM orders", ", orders", "", "", 1001, "deep"},
                {"SELECT 1", " AND 1", "", "", 9000, NULL},
                {"SELECT 1", " AND 1", "", "", 10001, "IN (...)"},
                {"SELECT 1 FROM ", "(SELECT 1 FROM ", "orders", ")", 150, NULL},
                {"SELECT ", "(SELECT ", "1", ")", 150, NULL},
                {"SELECT 1 IN (1", ",1", ")", "", 50000, NULL},
                {"WITH a AS (SELECT 1)", "", " SELECT 1", "", 1, NULL},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct error err = {0};
                struct policy_verdict verdict = {0};
                char *sql = repeat(cases[i].head, cases[i].part, cases[i].n, cases[i].middle,
                                   cases[i].tail);
                int r = engine_check(*state, sql, &ecommerce, &verdict, &err);
                if (cases[i].said && r == 0)
                        fail_msg("passed: %.60s ... (%zu)", sql, cases[i].n);
                if (cases[i].said)
                        assert_says(&err, cases[i].said, cases[i].head);
                else if (r < 0)
                        fail_msg("%s: %.60s ... (%zu)", err.message, sql, cases[i].n);
                free(sql);
        }
}

static void test_too_long(void **state)
{
        (void)state;
        struct error err = {0};
        char *sql = repeat("SELECT '", "x", REQUEST_SQL_MAX, "'", "");
        assert_true(policy_check_text(sql, strlen(sql), &err) < 0);
        assert_int_equal(err.type, ERROR_VALIDATION);
        assert_says(&err, "1048576", "too long");
        free(sql);
}

static void test_many_ctes(void **state)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        struct buf sql;
        buf_init(&sql, 65536);
        buf_puts(&sql, "WITH a AS (SELECT 1)");
        for (int i = 0; i < 501; i++)
                buf_printf(&sql, ", a%d AS (SELECT 1)", i);
        buf_puts(&sql, " SELECT 1");
        assert_true(engine_check(*state, buf_text(&sql), &ecommerce, &verdict, &err) < 0);
        assert_says(&err, "WITH", "many CTEs");
        buf_done(&sql);
}

/* Where, in characters, and with which words. */
static void test_positions(void **state)
{
        static const struct {
                const char *sql;
                long long position;
                const char *said;
        } cases[] = {
                {"SELECT random()", 8, "\"random\" is not allowed"},
                {"SELECT total, RANDOM() FROM orders", 15, "\"random\" is not allowed"},
                {"SELECT '\xC3\xA9', random()", 13, "\"random\""},
                {"SELECT '\xF0\x9F\x98\x80', random()", 13, "\"random\""},
                {"SELECT\xC2\xA0random()", 8, "\"random\""},
                {"SELECT\xE2\x80\x83 1, /* \xC2\xA0 */\xC2\xA0random()", 20, "\"random\""},
                {"SELECT '\xC2\xA0',\xC2\xA0random()", 13, "\"random\""},
                {"SELECT $$\xC2\xA0$$,\xC2\xA0random()", 15, "\"random\""},
                {"SELECT 1 -- \xC2\xA0\n,\xC2\xA0random()", 17, "\"random\""},
                {"\xEF\xBB\xBFSELECT random()", 9, "\"random\""},
                {"SELECT 1,\n  random()", 13, "\"random\""},
                {"SELECT * FROM order", 15, "at or near"},
                {"SELECT * FROM orderz", 15, "did you mean \"orders\"?"},
                {"SELECT * FROM Order_Item", 15, "did you mean \"order_items\"?"},
                {"WITH revenue AS (SELECT 1) SELECT * FROM revenu", 42, "\"revenue\"?"},
                {"SELECT * FROM customers", 15, "the tables are: orders, order_items, inventory"},
                {"SELECT * FROM 'data/x.csv'", 15, "files cannot be read by name"},
                {"SELECT * FROM orders, \"x.csv\"", 23, "files cannot be read by name"},
                {"SELECT * FROM orders JOIN other.orders USING (order_id)", 27, "\"other\""},
                {"SELECT * FROM a.b.orders", 15, "qualified with \"a\""},
                {"SELECT summ(total) FROM orders", 8, "did you mean \"sum\"?"},
                {"SELECT frobnicate(total) FROM orders", 8, "not on the list"},
                {"SELECT * FROM read_csv('x')", 15, "it reads or lists files"},
                {"SELECT * FROM upper('x')", 15, "only range"},
                {"SELECT system.main.now()", 8, "call it by its name alone"},
                {"SELECT order_date.age() FROM orders", 8, "write age(...)"},
                {"SELECT 1, current_user", 11, "\"current_user\""},
                {"SELECT 1; SELECT 2", 11, "more than one statement"},
                {"SELECT ';'; /* x */ DELETE FROM orders", 21, "more than one statement"},
                {"  DROP TABLE orders", 3, "\"DROP\""},
                {";; copy orders to 'x'", 4, "\"copy\""},
                {"SELECT x FROM (DESCRIBE orders)", 16, "DESCRIBE"},
                {"SUMMARIZE orders", 1, "SUMMARIZE"},
                {"SELECT * FROM (PIVOT orders ON status USING sum(total))", 16, "IN ('a', 'b')"},
                {"SELECT total::money FROM orders", 13, "the type \"money\""},
                {"SELECT 1, 'x' COLLATE nowhere", 11, "\"nowhere\""},
                {"SELECT * FROM orders WHERE total > ?", 36, "parameter"},
                {"SELECT '?', $1", 13, "parameter"},
                {"SELECT list_aggr([1], status) FROM orders", 8, "such as 'sum'"},
                {"SELECT * FORM orders", 15, "cannot be parsed"},
                {"SELECT '\xC3\xA9' FORM orders", 17, "cannot be parsed"},
                {"SELECT\xC2\xA0* FORM orders", 15, "cannot be parsed"},
                {"SELECT '\xC3\xA9', \"abc", 13, "unterminated"},
                {"SELECT (1", 10, "end of input"},
                {"WITH x AS (DELETE FROM orders RETURNING *) FROM x", 12, "change"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct error err = {0};
                struct policy_verdict verdict = {0};
                if (engine_check(*state, cases[i].sql, &ecommerce, &verdict, &err) == 0)
                        fail_msg("passed: %s", cases[i].sql);
                assert_says(&err, cases[i].said, cases[i].sql);
                if (err.position != cases[i].position)
                        fail_msg("position %lld, not %lld: %s: %s", err.position, cases[i].position,
                                 err.message, cases[i].sql);
        }
}

/* A name that is cut in a message is cut between characters. */
static void test_messages_are_utf8(void **state)
{
        static const struct {
                const char *head, *part, *tail;
        } cases[] = {
                {"SELECT \"", "\xC3\xA9", "\"()"},
                {"SELECT \"x", "\xC3\xA9", "\"()"},
                {"FROM \"x", "\xE2\x82\xAC", "\""},
                {"FROM \"xx", "\xE2\x82\xAC", "\""},
                {"SELECT 1::\"xx", "\xE2\x82\xAC", "\""},
                {"SELECT * FORM \"", "\xF0\x9F\x98\x80", "\""},
                {"SELECT * FORM \"xx", "\xF0\x9F\x98\x80", "\""},
                {"DESCRIBE ", "\xF0\x9F\x98\x80", ""},
                {"x", "\xF0\x9F\x98\x80", ""},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct error err = {0};
                struct policy_verdict verdict = {0};
                char *sql = repeat(cases[i].head, cases[i].part, 300, cases[i].tail, "");
                assert_true(engine_check(*state, sql, &ecommerce, &verdict, &err) < 0);
                json_t *json = json_string(err.message);
                if (!json)
                        fail_msg("not UTF-8: %s", err.message);
                json_decref(json);
                free(sql);
        }
}

/* Names. */

static bool passes(struct engine *engine, const char *sql, const struct policy_scope *scope)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        return engine_check(engine, sql, scope, &verdict, &err) == 0;
}

static void test_scope(void **state)
{
        static const char *const tables[] = {"tables", "t"};
        static const char *const columns[] = {"id", "User"};
        struct policy_scope scope = {
                .dataset_id = "information_schema", .tables = tables, .n_tables = 2};
        assert_true(passes(*state, "FROM tables", &scope));
        assert_true(passes(*state, "FROM \"T\"", &scope));
        assert_false(passes(*state, "FROM information_schema.tables", &scope));
        scope.dataset_id = "Shop";
        assert_true(passes(*state, "FROM sHOP.Tables", &scope));
        assert_true(passes(*state, "FROM main.t", &scope));
        assert_false(passes(*state, "FROM shop.shop.t", &scope));
        assert_false(passes(*state, "FROM shops.t", &scope));
        assert_false(passes(*state, "FROM orders", &scope));

        assert_false(passes(*state, "SELECT user FROM t", &scope));
        assert_true(passes(*state, "SELECT t.user FROM t", &scope));
        scope.columns = columns;
        scope.n_columns = 2;
        assert_true(passes(*state, "SELECT \"user\" FROM t", &scope));
        assert_false(passes(*state, "SELECT current_user FROM t", &scope));

        struct policy_scope empty = {.dataset_id = "x"};
        assert_true(passes(*state, "SELECT 1", &empty));
        assert_false(passes(*state, "FROM t", &empty));
}

static void test_function_names(void **state)
{
        (void)state;
        assert_true(policy_function_is_allowed("sum"));
        assert_true(policy_function_is_allowed("SUM"));
        assert_true(policy_function_is_allowed("formatReadableSize"));
        assert_true(policy_function_is_allowed("||"));
        assert_true(policy_function_is_allowed("now"));
        assert_true(policy_function_is_allowed("range"));
        assert_false(policy_function_is_allowed("random"));
        assert_false(policy_function_is_allowed("read_csv"));
        assert_false(policy_function_is_allowed(""));
        assert_false(policy_function_is_allowed("su"));
        assert_false(policy_function_is_allowed("sum "));
        char long_name[300];
        memset(long_name, 'a', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        assert_false(policy_function_is_allowed(long_name));
}

/* Every function that DuckDB has was decided on: it is allowed, or the message has a reason. */
static void test_functions_are_decided(void **state)
{
        static const char query[] =
                "SELECT string_agg(DISTINCT function_name, chr(10)) FROM "
                "duckdb_functions() WHERE function_name NOT LIKE 'icu_collate_%'";
        struct engine *engine = *state;
        duckdb_result result;
        size_t allowed = 0;
        size_t undecided = 0;
        assert_int_equal(duckdb_query(engine->connection, query, &result), DuckDBSuccess);
        char *names = engine_cell(&result, query);
        duckdb_destroy_result(&result);
        char *rest = NULL;
        for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
                char sql[256];
                struct error err = {0};
                struct policy_verdict verdict = {0};
                if (policy_function_is_allowed(name)) {
                        allowed++;
                        continue;
                }
                (void)snprintf(sql, sizeof(sql), "SELECT \"%s\"()", name);
                assert_true(engine_check(engine, sql, &ecommerce, &verdict, &err) < 0);
                if (!strstr(err.message, "is not allowed: ")) {
                        print_error("not decided: %s\n", name);
                        undecided++;
                }
        }
        free(names);
        assert_int_equal(undecided, 0);
        assert_true(allowed > 500);
}

/* The engine behaves as docs/POLICY.md says; the rules stand on it. */
static void test_engine_assumptions(void **state)
{
        static const char *const fails[] = {
                /* A CTE does not see itself, nor a later one, nor is it seen outside. */
                "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
                "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
                "WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM a, b",
                "WITH a AS (SELECT 1) SELECT * FROM main.a",
                /* No word in a cast asks for the time. */
                "SELECT 'now'::TIMESTAMP",
                "SELECT 'today'::DATE",
                "SELECT 'now'::TIMESTAMPTZ",
                "SELECT 'yesterday'::DATE",
        };
        static const char *const clock[] = {
                "current_date::VARCHAR = '2026-01-31'",
                "now() = TIMESTAMPTZ '2026-01-31 00:00:00+00'",
                "current_timestamp = now()",
                "localtimestamp = TIMESTAMP '2026-01-31'",
                "current_time::VARCHAR LIKE '00:00:00%'",
                "localtime = TIME '00:00:00'",
                "today() = DATE '2026-01-31'",
                "age(DATE '2026-01-30') = INTERVAL 1 DAY",
        };
        for (size_t i = 0; i < sizeof(fails) / sizeof(*fails); i++) {
                char *said = engine_run(*state, fails[i]);
                if (!said)
                        fail_msg("the engine runs: %s", fails[i]);
                free(said);
        }
        for (size_t i = 0; i < sizeof(clock) / sizeof(*clock); i++) {
                char sql[256];
                (void)snprintf(sql, sizeof(sql), "SELECT CASE WHEN %s THEN 1 ELSE error('no') END",
                               clock[i]);
                char *said = engine_run(*state, sql);
                if (said)
                        fail_msg("%s: %s", clock[i], said);
        }
}

/* Trees that DuckDB does not make. */

static void test_odd_trees(void **state)
{
        (void)state;
        static const char *const trees[] = {
                "null",
                "1",
                "\"x\"",
                "[]",
                "{}",
                "{\"error\":false}",
                "{\"error\":true}",
                "{\"error\":\"false\",\"statements\":[]}",
                "{\"error\":true,\"error_type\":\"internal\",\"error_message\":\"0x1234\"}",
                "{\"error\":true,\"error_type\":\"parser\",\"error_message\":1}",
                "{\"error\":true,\"error_type\":\"parser\",\"error_message\":\"x\","
                "\"position\":\"999999\"}",
                "{\"error\":false,\"statements\":{}}",
                "{\"error\":false,\"statements\":[1]}",
                "{\"error\":false,\"statements\":[{}]}",
                "{\"error\":false,\"statements\":[{\"node\":null}]}",
                "{\"error\":false,\"statements\":[{\"node\":{}}]}",
                "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\"}}]}",
                "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"CTE_NODE\"}}]}",
                "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\","
                "\"from_table\":{\"type\":\"EMPTY\"},\"select_list\":{}}}]}",
        };
        for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++) {
                struct error err = {0};
                struct policy_verdict verdict = {0};
                json_t *tree = NULL;
                int r = policy_tree_parse(trees[i], strlen(trees[i]), &tree, &err);
                assert_int_equal(r, 0);
                assert_true(policy_check(tree, "SELECT 1", &ecommerce, &verdict, &err) < 0);
                assert_true(err.type == ERROR_VALIDATION || err.type == ERROR_SQL_POLICY_VIOLATION);
                if (strstr(err.message, "0x1234"))
                        fail_msg("an address is shown: %s", err.message);
                json_decref(tree);
        }
}

static void test_tree_text(void **state)
{
        (void)state;
        struct error err = {0};
        json_t *tree = NULL;
        const char *whole = "{\"a\":18446744073709551615,\"b\":\"x\\u0000\"}";
        assert_int_equal(policy_tree_parse(whole, strlen(whole), &tree, &err), 0);
        json_decref(tree);
        for (size_t n = 0; n < strlen(whole); n++) {
                tree = NULL;
                assert_true(policy_tree_parse(whole, n, &tree, &err) < 0);
                assert_null(tree);
        }
        assert_true(policy_tree_parse("{\"a\":Infinity}", 14, &tree, &err) < 0);
        assert_int_equal(err.type, ERROR_VALIDATION);
        assert_says(&err, "DOUBLE", "Infinity");
        char *deep = repeat("", "[", 3000, "", "]");
        assert_true(policy_tree_parse(deep, strlen(deep), &tree, &err) < 0);
        assert_says(&err, "deep", "3000 brackets");
        free(deep);
        char *large = repeat("\"", "0123456789", POLICY_TREE_BYTES_MAX / 50, "\"", "");
        assert_true(policy_tree_parse(large, POLICY_TREE_BYTES_MAX + 1UL, &tree, &err) < 0);
        assert_says(&err, "too large", "32 MiB");
        free(large);
}

static void test_out_of_memory(void **state)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        static const char sql[] = "WITH a AS (SELECT sum(total) AS x FROM orders GROUP BY status) "
                                  "SELECT x FROM a ORDER BY x";
        char *text = engine_tree(*state, sql);
        json_set_alloc_funcs(alloc_malloc, free);
        unsigned long failures = 0;
        for (unsigned long n = 1;; n++) {
                json_t *tree = NULL;
                alloc_fail_after(n);
                int r = policy_tree_parse(text, strlen(text), &tree, &err);
                if (r == 0)
                        r = policy_check(tree, sql, &ecommerce, &verdict, &err);
                alloc_fail_after(0);
                json_decref(tree);
                if (r == 0)
                        break;
                failures++;
                assert_true(n < 100000);
        }
        json_set_alloc_funcs(malloc, free);
        free(text);
        assert_true(failures > 100);
        assert_true(verdict.total_order);
}

static int setup(void **state)
{
        static struct engine engine;
        engine_start(&engine);
        *state = &engine;
        return 0;
}

static int teardown(void **state)
{
        engine_end(*state);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_many_ctes),
                cmocka_unit_test(test_positions),
                cmocka_unit_test(test_messages_are_utf8),
                cmocka_unit_test(test_scope),
                cmocka_unit_test(test_function_names),
                cmocka_unit_test(test_functions_are_decided),
                cmocka_unit_test(test_engine_assumptions),
                cmocka_unit_test(test_odd_trees),
                cmocka_unit_test(test_tree_text),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
