/* Which answers may be worked out by several threads: statements both ways, and those that may are
 * run over the same rows in two orders, by one thread and by four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_policy_engine.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define COLUMNS                                                                                    \
        "i AS id, TIMESTAMP '2024-01-01' + to_seconds(i * 37) AS created_at, DATE '2024-01-01' + " \
        "(i % 700)::INTEGER AS day, ['Books', 'Toys', 'Games'][1 + i % 3] AS category, "           \
        "'City ' || (i % 61) AS city, i % 997 AS customer_id, 1 + i % 9 AS quantity, "             \
        "(i % 1000 / 100)::DECIMAL(6,2) AS price, (hash(i) % 100000) / 7.0::DOUBLE AS measure, "   \
        "i % 2 = 0 AS paid, to_days((i % 40)::INTEGER) AS span, [i % 3] AS list, "                 \
        "(i % 10)::HUGEINT AS wide, (i % 7)::FLOAT AS small"

static const char *const tables[] = {"sales", "cities"};
static const struct {
        const char *name;
        const char *type;
} columns[] = {
        {"id", "BIGINT"},
        {"created_at", "TIMESTAMP"},
        {"day", "DATE"},
        {"category", "VARCHAR"},
        {"city", "VARCHAR"},
        {"customer_id", "BIGINT"},
        {"quantity", "BIGINT"},
        {"price", "DECIMAL(6,2)"},
        {"measure", "DOUBLE"},
        {"paid", "BOOLEAN"},
        {"span", "INTERVAL"},
        {"list", "BIGINT[]"},
        {"wide", "HUGEINT"},
        {"small", "FLOAT"},
        /* cities */
        {"city", "VARCHAR"},
        {"country", "VARCHAR"},
        {"area", "DOUBLE"},
        {"people", "BIGINT"},
};

static const char *const setup[] = {
        "DROP TABLE orders",
        "CREATE TABLE sales AS SELECT " COLUMNS " FROM range(250000) AS r(i)",
        ("CREATE TABLE cities AS SELECT 'City ' || i AS city, 'Land ' || (i % 5) AS country, "
         "i / 3.0::DOUBLE AS area, i * 1000 AS people FROM range(61) AS r(i)"),
        "CREATE SCHEMA mixed",
        "CREATE TABLE mixed.sales AS FROM main.sales ORDER BY hash(id)",
        "CREATE TABLE mixed.cities AS FROM main.cities ORDER BY hash(city)",
};

static const char *const free_ones[] = {
        "SELECT count(*) AS n FROM sales",
        "SELECT count(*) FROM sales",
        "SELECT count(*), sum(price), avg(quantity), min(city), max(day), median(price) FROM sales",
        "SELECT count(*) AS n FROM sales WHERE category = 'Toys' AND quantity >= 6 AND paid",
        "SELECT count(measure) AS n, count(DISTINCT measure) AS d FROM sales WHERE measure > 1e3",
        "SELECT count(*) AS n FROM sales WHERE sqrt(measure) + extract(day FROM span) > 3 OR "
        "measure IS NULL "
        "OR day > current_date - INTERVAL 30 DAY",
        "SELECT category, count(*) AS n, sum(price) AS total FROM sales GROUP BY category ORDER BY "
        "category",
        "SELECT category, avg(price) AS a FROM sales GROUP BY 1 ORDER BY 1",
        "SELECT category, avg(price) AS a FROM sales GROUP BY ALL ORDER BY category",
        "SELECT category, avg(price) AS a FROM sales GROUP BY ALL ORDER BY ALL",
        "SELECT category, avg(price) AS a FROM sales GROUP BY category ORDER BY a, category LIMIT "
        "2",
        "SELECT s.category, sum(s.price) AS a FROM sales AS s GROUP BY s.category ORDER BY "
        "s.category",
        "SELECT date_trunc('month', created_at) AS month, sum(price * quantity) AS revenue FROM "
        "sales GROUP BY month ORDER BY month",
        "SELECT customer_id, sum(price * quantity) AS revenue FROM sales GROUP BY customer_id "
        "ORDER BY revenue DESC, customer_id LIMIT 10",
        "SELECT sum(price) AS revenue FROM sales GROUP BY customer_id ORDER BY customer_id LIMIT 3",
        "SELECT extract(year FROM day) AS y, lower(city) AS c, count(*) AS n FROM sales GROUP BY "
        "y, c ORDER BY y, c LIMIT 20",
        "SELECT category, round(100.0 * sum(quantity) FILTER (WHERE paid) / nullif(count(*), 0), "
        "2) AS rate FROM sales GROUP BY category ORDER BY category",
        "SELECT sum(CASE WHEN paid THEN price ELSE 0 END) AS p, sum(price * 0.5 + 1) AS q, "
        "sum(-quantity) AS m, bool_or(paid) AS o, bit_xor(quantity) AS x FROM sales",
        "SELECT min(measure) AS low, max(measure) AS high, median(measure) AS m, "
        "quantile_disc(measure, 0.9) AS d, quantile_cont(price, 0.9) AS c FROM sales",
        "SELECT DISTINCT category, city FROM sales ORDER BY category, city",
        "SELECT id, city, measure FROM sales WHERE quantity > 8 ORDER BY id, city, measure LIMIT 9",
        "SELECT c.country, sum(s.price) AS total, count(*) AS n FROM sales AS s JOIN cities AS c "
        "ON s.city = c.city GROUP BY c.country ORDER BY c.country",
        "SELECT country, max(people) AS p FROM sales LEFT JOIN cities USING (city) GROUP BY "
        "country ORDER BY country NULLS LAST",
        "WITH m AS (SELECT customer_id AS who, sum(price) AS total FROM sales GROUP BY who) "
        "SELECT count(*) AS n, avg(total) AS a, max(total) AS top FROM m",
        "SELECT avg(n) AS a FROM (SELECT city, count(*) AS n FROM sales GROUP BY city HAVING "
        "avg(price) > 1)",
        "SELECT count(*) AS n FROM (SELECT * FROM sales WHERE paid) AS s WHERE s.quantity > 2",
        "SELECT count(*) AS n FROM sales WHERE price > (SELECT avg(price) FROM sales)",
        "SELECT count(*) AS n FROM sales WHERE city IN (SELECT city FROM cities WHERE area > 3)",
        "SELECT category, count(*) AS n FROM sales WHERE EXISTS (SELECT 1 FROM cities WHERE "
        "cities.city = sales.city AND people > 5000) GROUP BY category ORDER BY category",
        "SELECT sum(total) AS t FROM (SELECT customer_id, sum(price) AS total FROM sales GROUP BY "
        "customer_id ORDER BY total DESC, customer_id LIMIT 5)",
        "SELECT city, category, count(*) AS n FROM sales GROUP BY ROLLUP (city, category) ORDER BY "
        "city, category, n LIMIT 30",
        "SELECT 1 AS one ORDER BY one",
        "SELECT id % 7 AS k, sum(id % 5) AS s, abs(sum(quantity) - 3) AS a FROM sales GROUP BY k "
        "ORDER BY k",
};

static const char *const bound_ones[] = {
        /* sums of what is floating, by name, by type, by way of an alias */
        "SELECT sum(measure) FROM sales",
        "SELECT avg(measure) AS a FROM sales",
        "SELECT sum(small) FROM sales",
        "SELECT city, avg(measure) AS mean FROM sales GROUP BY city ORDER BY city",
        "SELECT sum(price / 3) FROM sales",
        "SELECT sum(price * 1e0) FROM sales",
        "SELECT sum(CAST(price AS DOUBLE)) FROM sales",
        "SELECT sum(price::FLOAT) FROM sales",
        "SELECT sum(sqrt(quantity)) FROM sales",
        "SELECT sum(round(price, quantity::INTEGER)) FROM sales",
        "SELECT sum(CASE WHEN paid THEN price ELSE measure END) FROM sales",
        "SELECT sum(coalesce(price, measure)) FROM sales",
        "SELECT sum(greatest(price, measure)) FROM sales",
        "SELECT sum(price) FROM (SELECT measure AS price FROM sales)",
        "SELECT sum(x) FROM (SELECT measure AS x FROM sales)",
        "WITH a AS (SELECT measure AS x FROM sales), b AS (SELECT x AS y FROM a) SELECT sum(y) "
        "FROM b",
        "SELECT sum(a) FROM (SELECT avg(price) AS a FROM sales GROUP BY city)",
        "SELECT sum(x) FROM (SELECT measure FROM sales) AS t(x)",
        "WITH t(x) AS (SELECT measure FROM sales) SELECT sum(x) FROM t",
        "SELECT sum(price) FROM (SELECT * REPLACE (measure AS price) FROM sales)",
        "SELECT sum(price) FROM (SELECT * RENAME (measure AS price) FROM (SELECT measure FROM "
        "sales))",
        "SELECT sum((SELECT measure)) FROM sales",
        "SELECT sum(area) FROM cities",
        "SELECT avg(list[1]) FROM sales",
        "SELECT sum(COLUMNS('meas.*')) FROM sales",
        "SELECT sum(wide) FROM sales",
        "SELECT sum(span) FROM sales",
        "SELECT sum('1.5') FROM sales",
        "SELECT sum(measure::VARCHAR::DOUBLE) FROM sales",
        /* a zero of either sign, groups of equals that differ */
        "SELECT measure, count(*) AS n FROM sales GROUP BY measure ORDER BY measure",
        "SELECT DISTINCT measure AS m FROM sales ORDER BY m",
        "SELECT 1 / min(measure) AS m FROM sales",
        "SELECT CAST(max(measure) AS VARCHAR) AS m FROM sales",
        "SELECT span, count(*) AS n FROM sales GROUP BY span ORDER BY span",
        "SELECT max(span) AS s FROM sales",
        "SELECT created_at - created_at AS d, count(*) AS n FROM sales GROUP BY d ORDER BY d",
        "SELECT category COLLATE NOCASE AS c, count(*) AS n FROM sales GROUP BY c ORDER BY c",
        /* aggregates that go by the order */
        "SELECT first(city) FROM sales",
        "SELECT last(city) FROM sales",
        "SELECT any_value(city) FROM sales",
        "SELECT list(id) FROM sales",
        "SELECT string_agg(city, ',') FROM sales",
        "SELECT arg_min(city, day) FROM sales",
        "SELECT max_by(city, day) FROM sales",
        "SELECT mode(city) FROM sales",
        "SELECT stddev(price) FROM sales",
        "SELECT var_pop(quantity) FROM sales",
        "SELECT corr(price, quantity) FROM sales",
        "SELECT min(city, 3) FROM sales",
        "SELECT product(quantity) FROM sales WHERE id < 5",
        "SELECT approx_count_distinct(city) FROM sales",
        "SELECT approx_quantile(price, 0.5) FROM sales",
        "SELECT histogram(city) FROM sales",
        "SELECT quantile_disc(price, [0.1, 0.9]) FROM sales",
        "SELECT sum(price ORDER BY id) FROM sales",
        "SELECT count(*) AS n FROM sales HAVING first(city) = 'City 1'",
        "SELECT count(*) AS n FROM sales GROUP BY category HAVING min(price) >= 0 ORDER BY "
        "first(city), n",
        "SELECT category, count(*) AS n FROM sales GROUP BY category ORDER BY category, "
        "any_value(id)",
        "SELECT count(*) AS n FROM sales WHERE city = (SELECT first(city) FROM cities)",
        "SELECT count(*) AS n FROM sales WHERE city = (SELECT city FROM cities LIMIT 1)",
        "SELECT count(*) AS n FROM sales WHERE id IN (SELECT id FROM sales ORDER BY city LIMIT 9)",
        /* rows in no certain order */
        "SELECT category, count(*) AS n FROM sales GROUP BY category",
        "SELECT category, count(*) AS n FROM sales GROUP BY category ORDER BY n",
        "SELECT category, city, count(*) AS n FROM sales GROUP BY category, city ORDER BY city",
        "SELECT count(*) AS n FROM sales GROUP BY category",
        "SELECT id FROM sales",
        "SELECT id, city FROM sales ORDER BY city LIMIT 5",
        "SELECT * FROM sales ORDER BY id",
        "SELECT count(*) AS n FROM (SELECT id FROM sales WHERE paid LIMIT 10)",
        "SELECT sum(id) FROM (SELECT id FROM sales LIMIT 10)",
        "SELECT sum(id) FROM (SELECT id, city FROM sales ORDER BY city LIMIT 10)",
        "SELECT sum(id) FROM (SELECT id, city FROM sales OFFSET 10)",
        "SELECT sum(id) FROM (SELECT * FROM sales ORDER BY ALL LIMIT 10)",
        "WITH t AS (SELECT id FROM sales LIMIT 10) SELECT sum(id) FROM t",
        "SELECT sum(id) FROM (SELECT DISTINCT ON (city) id, city FROM sales)",
        "SELECT DISTINCT ON (city) city, id FROM sales ORDER BY city, id",
        "SELECT count(*) FROM sales USING SAMPLE 10 PERCENT (bernoulli, 42)",
        "SELECT count(*) FROM sales TABLESAMPLE reservoir(100 ROWS) REPEATABLE (42)",
        "SELECT price % 2 AS category, count(*) AS n FROM sales GROUP BY category, price % 2 "
        "ORDER BY category",
        /* kinds of queries that are not looked into */
        "SELECT sum(n) FROM (SELECT row_number() OVER (ORDER BY city) AS n FROM sales)",
        "SELECT id, sum(price) OVER (ORDER BY id) AS s FROM sales ORDER BY id, s",
        "SELECT id FROM sales QUALIFY row_number() OVER (ORDER BY city) < 3 ORDER BY id",
        "SELECT id FROM sales UNION ALL SELECT people FROM cities ORDER BY 1",
        "SELECT count(*) FROM sales ASOF JOIN cities ON sales.id >= cities.people",
        "SELECT count(*) FROM sales POSITIONAL JOIN cities",
        "SELECT sum(range) FROM range(10)",
        "SELECT sum(x) FROM (VALUES (1.0), (2.5)) AS v(x)",
        "SELECT sum(x) FROM (SELECT unnest(list) AS x FROM sales)",
        "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 3) SELECT "
        "sum(x) FROM r",
        "FROM (PIVOT sales ON category IN ('Toys') USING first(id) GROUP BY city) ORDER BY ALL",
        "SELECT list_transform([1], x -> x + 1) AS l ORDER BY l",
        "SELECT sales FROM sales ORDER BY sales",
        "SELECT max(price) FROM (SELECT measure AS m FROM sales) AS price",
        "SELECT sum(\"sum(measure)\") FROM (SELECT sum(measure) FROM sales GROUP BY city)",
        "SELECT sum(nobody) FROM sales",
        "SELECT sum(x) FROM (SELECT x AS x FROM (SELECT rowid AS y FROM sales))",
};

static struct policy_typed typed[sizeof(columns) / sizeof(*columns)];
static const struct policy_scope scope = {.dataset_id = "shop",
                                          .tables = tables,
                                          .n_tables = 2,
                                          .typed = typed,
                                          .n_typed = sizeof(typed) / sizeof(*typed)};

static int start(void **state)
{
        static struct engine engine;
        engine_start(&engine);
        for (size_t i = 0; i < sizeof(setup) / sizeof(*setup); i++) {
                char *said = engine_run(&engine, setup[i]);
                if (said)
                        engine_stop(setup[i], said);
        }
        for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
                typed[i] = (struct policy_typed){columns[i].name,
                                                 policy_exactness_of(columns[i].type)};
        *state = &engine;
        return 0;
}

static int end(void **state)
{
        engine_end(*state);
        return 0;
}

static bool is_free(struct engine *engine, const char *sql)
{
        struct policy_verdict verdict = {0};
        struct error err = {0};
        if (engine_check(engine, sql, &scope, &verdict, &err) < 0)
                fail_msg("refused (%s): %s", err.message, sql);
        return verdict.order_free;
}

static void test_order_free(void **state)
{
        for (size_t i = 0; i < sizeof(free_ones) / sizeof(*free_ones); i++)
                if (!is_free(*state, free_ones[i]))
                        fail_msg("should be free of the order: %s", free_ones[i]);
}

static void test_order_bound(void **state)
{
        for (size_t i = 0; i < sizeof(bound_ones) / sizeof(*bound_ones); i++)
                if (is_free(*state, bound_ones[i]))
                        fail_msg("depends on the order: %s", bound_ones[i]);
}

/* Without the columns' types little can be said, and nothing wrong. */
static void test_untyped(void **state)
{
        struct policy_scope untyped = scope;
        struct policy_verdict verdict = {0};
        struct error err = {0};
        untyped.typed = NULL;
        untyped.n_typed = 0;
        assert_int_equal(
                engine_check(*state, "SELECT count(*) AS n FROM sales", &untyped, &verdict, &err),
                0);
        assert_true(verdict.order_free);
        assert_int_equal(
                engine_check(*state, "SELECT sum(price) FROM sales", &untyped, &verdict, &err), 0);
        assert_false(verdict.order_free);
}

static void test_types(void **state)
{
        (void)state;
        static const struct {
                const char *type;
                enum policy_exactness is;
        } cases[] = {
                {"BIGINT", POLICY_EXACT},
                {"BOOLEAN", POLICY_EXACT},
                {"DECIMAL(10,2)", POLICY_EXACT},
                {"DECIMAL(18,3)", POLICY_EXACT},
                {"DECIMAL(19,3)", POLICY_PLAIN},
                {"DECIMAL(38,0)", POLICY_PLAIN},
                {"DECIMAL(10,2)[]", POLICY_OPAQUE},
                {"HUGEINT", POLICY_PLAIN},
                {"VARCHAR", POLICY_PLAIN},
                {"TIMESTAMP WITH TIME ZONE", POLICY_PLAIN},
                {"DOUBLE", POLICY_FLOATING},
                {"FLOAT", POLICY_FLOATING},
                {"FLOAT[3]", POLICY_OPAQUE},
                {"STRUCT(a DOUBLE)", POLICY_OPAQUE},
                {"INTERVAL", POLICY_OPAQUE},
                {"TIME WITH TIME ZONE", POLICY_OPAQUE},
                {"", POLICY_OPAQUE},
                {"DECIMAL(", POLICY_OPAQUE},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                if (policy_exactness_of(cases[i].type) != cases[i].is)
                        fail_msg("%s", cases[i].type);
}

/* What is taken for exact is never a floating number to DuckDB: a sum over it is free of the order
 * only if its type has no such thing. */
static void test_exact_is_exact(void **state)
{
        static const char *const expressions[] = {
                "quantity * price",
                "quantity + price - 1",
                "price * 0.5",
                "price * price",
                "price * quantity * quantity * 1.25",
                "-price",
                "abs(price)",
                "abs(quantity)",
                "quantity % 3",
                "price % 3",
                "price % 0.7",
                "round(price, 1)",
                "round(quantity, 1)",
                "round(price)",
                "round(price * 1.5, 0)",
                "greatest(price, quantity)",
                "least(price, 3)",
                "nullif(price, 0)",
                "coalesce(price, quantity, 0)",
                "CASE WHEN paid THEN price ELSE quantity END",
                "CAST(measure AS INTEGER)",
                "CAST(measure AS DECIMAL(12,2))",
                "length(city)",
                "year(day)",
                "extract(second FROM created_at)",
                "date_part('week', day)",
                "extract(dow FROM day)",
                "second(created_at)",
                "date_diff('day', day, created_at::DATE)",
                "strpos(city, '1')",
                "millisecond(created_at)",
                "microsecond(created_at)",
                "ascii(city)",
                "(SELECT sum(quantity) FROM sales) * price",
                "(SELECT sum(quantity) FROM sales) * 0.5 + price * quantity",
                "(SELECT sum(quantity) FROM sales) + (SELECT sum(price) FROM sales)",
                "coalesce((SELECT sum(quantity) FROM sales), price)",
                "greatest((SELECT sum(quantity) FROM sales), price)",
                "CASE WHEN paid THEN (SELECT sum(quantity) FROM sales) ELSE price END",
        };
        for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
                char sql[512];
                duckdb_result result;
                (void)snprintf(sql, sizeof(sql), "SELECT sum(%s) AS x FROM sales", expressions[i]);
                bool taken = is_free(*state, sql);
                (void)snprintf(sql, sizeof(sql), "SELECT typeof(%s) FROM sales LIMIT 1",
                               expressions[i]);
                struct engine *engine = *state;
                assert_int_equal(duckdb_query(engine->connection, sql, &result), DuckDBSuccess);
                char *type = engine_cell(&result, sql);
                duckdb_destroy_result(&result);
                if (taken && (strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0))
                        fail_msg("%s is %s", expressions[i], type);
                free(type);
        }
}

/* All cells of the answer as text; the caller frees it. */
static char *answer(struct engine *engine, const char *where, int threads, const char *sql)
{
        char script[64];
        duckdb_result result;
        struct buf text;
        (void)snprintf(script, sizeof(script), "USE %s; SET threads = %d", where, threads);
        char *said = engine_run(engine, script);
        if (said)
                engine_stop(script, said);
        buf_init(&text, 16 * 1024 * 1024);
        if (duckdb_query(engine->connection, sql, &result) == DuckDBSuccess) {
                for (idx_t row = 0; row < duckdb_row_count(&result); row++)
                        for (idx_t i = 0; i < duckdb_column_count(&result); i++) {
                                char *cell = duckdb_value_varchar(&result, i, row);
                                buf_puts(&text, cell ? cell : "NULL");
                                buf_putc(&text, '|');
                                duckdb_free(cell);
                        }
        } else {
                buf_puts(&text, "failed");
        }
        duckdb_destroy_result(&result);
        return buf_steal(&text);
}

static void test_same_in_any_order(void **state)
{
        for (size_t i = 0; i < sizeof(free_ones) / sizeof(*free_ones); i++) {
                _cleanup_free_ char *one = answer(*state, "main", 1, free_ones[i]);
                _cleanup_free_ char *other = answer(*state, "mixed", 4, free_ones[i]);
                assert_non_null(one);
                assert_non_null(other);
                if (strcmp(one, other) != 0)
                        fail_msg("%.200s / %.200s: %s", one, other, free_ones[i]);
        }
        assert_null(engine_run(*state, "USE main"));
}

/* Nested ever deeper, longer, with more names: an answer comes soon. */
static void test_large(void **state)
{
        struct buf sql;
        buf_init(&sql, 1024 * 1024);
        for (int i = 0; i < 60; i++)
                buf_puts(&sql, i ? "(SELECT " : "SELECT ");
        buf_puts(&sql, "min(id) AS x FROM sales");
        for (int i = 0; i < 59; i++)
                buf_puts(&sql, ") AS y GROUP BY 1 ORDER BY 1");
        assert_int_equal(sql.state, BUF_OK);
        (void)is_free(*state, buf_text(&sql));
        buf_clear(&sql);
        buf_puts(&sql, "SELECT count(*) AS n FROM sales WHERE id IN (0");
        for (int i = 1; i < 20000; i++)
                buf_printf(&sql, ", id + %d", i);
        buf_puts(&sql, ")");
        assert_false(is_free(*state, buf_text(&sql)));
        buf_clear(&sql);
        buf_puts(&sql, "SELECT 1 AS a");
        for (int i = 0; i < 300; i++)
                buf_printf(&sql, ", %d AS a%d", i, i);
        buf_puts(&sql, " ORDER BY ALL");
        assert_false(is_free(*state, buf_text(&sql)));
        buf_done(&sql);
}

static void test_out_of_memory(void **state)
{
        const char *sql = free_ones[2];
        char *text = engine_tree(*state, sql);
        json_t *tree = NULL;
        struct error err = {0};
        assert_int_equal(policy_tree_parse(text, strlen(text), &tree, &err), 0);
        for (unsigned long n = 1;; n++) {
                struct policy_verdict verdict = {0};
                err = (struct error){0};
                alloc_fail_after(n);
                int r = policy_check(tree, sql, &scope, &verdict, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        assert_true(verdict.order_free);
                        assert_true(n > 3);
                        break;
                }
                assert_int_equal(r, -(int)ERROR_INTERNAL);
                assert_false(verdict.order_free);
        }
        json_decref(tree);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order_free),     cmocka_unit_test(test_order_bound),
                cmocka_unit_test(test_untyped),        cmocka_unit_test(test_types),
                cmocka_unit_test(test_exact_is_exact), cmocka_unit_test(test_same_in_any_order),
                cmocka_unit_test(test_large),          cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, start, end);
}
