/* The engine as the policy's tests use it: a database with the tables of "ecommerce" and the
 * macros that give as_of, and what json_serialize_sql makes of a statement. */
#ifndef ASKCSV_TEST_POLICY_ENGINE_H
#define ASKCSV_TEST_POLICY_ENGINE_H

#include "runner/policy.h"

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engine {
        duckdb_database database;
        duckdb_connection connection;
        duckdb_prepared_statement serialize;
};

static const char *const ecommerce_tables[] = {"orders", "order_items", "inventory"};
static const struct policy_scope ecommerce = {
        .dataset_id = "ecommerce", .tables = ecommerce_tables, .n_tables = 3};

static const char *const engine_setup[] = {
        "SET TimeZone = 'UTC'",
        "CREATE TABLE orders AS SELECT 1001 + i AS order_id, 501 + i % 7 AS customer_id, "
        "DATE '2026-01-01' + (i % 30)::INTEGER AS order_date, (i * 3.5)::DECIMAL(10,2) AS total, "
        "['completed', 'returned', 'cancelled'][1 + i % 3] AS status, i % 3 = 1 AS returned "
        "FROM range(40) t(i)",
        "CREATE TABLE order_items AS SELECT 10001 + i AS item_id, 1001 + i % 40 AS order_id, "
        "201 + i % 5 AS product_id, ['Books', 'Toys'][1 + i % 2] AS category, "
        "1 + i % 3 AS quantity, (5 + i)::DECIMAL(10,2) AS price, 5 * (i % 4) AS discount "
        "FROM range(90) t(i)",
        "CREATE TABLE inventory AS SELECT 201 + i AS product_id, 'Item ' || i AS name, "
        "['Books', 'Toys'][1 + i % 2] AS category, i * 10 AS stock FROM range(5) t(i)",
        "CREATE SCHEMA ecommerce",
        "CREATE VIEW ecommerce.orders AS FROM main.orders",
        "CREATE MACRO now() AS TIMESTAMPTZ '2026-01-31 00:00:00+00'",
        "CREATE MACRO get_current_timestamp() AS TIMESTAMPTZ '2026-01-31 00:00:00+00'",
        "CREATE MACRO current_date() AS DATE '2026-01-31'",
        "CREATE MACRO today() AS DATE '2026-01-31'",
        "CREATE MACRO get_current_time() AS TIME '00:00:00'",
        "CREATE MACRO current_localtime() AS TIME '00:00:00'",
        "CREATE MACRO current_localtimestamp() AS TIMESTAMP '2026-01-31 00:00:00'",
        "CREATE MACRO age(a) AS system.main.age(TIMESTAMP '2026-01-31', a), "
        "(a, b) AS system.main.age(a, b)",
};

static inline void engine_stop(const char *sql, const char *said)
{
        (void)fprintf(stderr, "the engine refused: %s\n%s\n", sql, said ? said : "");
        abort();
}

/* Runs SQL to its end; NULL, or what the engine said (free(3)). */
static inline char *engine_run(struct engine *engine, const char *sql)
{
        duckdb_result result;
        char *said = NULL;
        if (duckdb_query(engine->connection, sql, &result) != DuckDBSuccess) {
                const char *text = duckdb_result_error(&result);
                said = strdup(text ? text : "no message");
        }
        duckdb_destroy_result(&result);
        return said;
}

static inline void engine_start(struct engine *engine)
{
        static const char serialize[] = "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR";
        if (duckdb_open(NULL, &engine->database) != DuckDBSuccess ||
            duckdb_connect(engine->database, &engine->connection) != DuckDBSuccess)
                engine_stop("opening a database", NULL);
        for (size_t i = 0; i < sizeof(engine_setup) / sizeof(*engine_setup); i++) {
                char *said = engine_run(engine, engine_setup[i]);
                if (said)
                        engine_stop(engine_setup[i], said);
        }
        if (duckdb_prepare(engine->connection, serialize, &engine->serialize) != DuckDBSuccess)
                engine_stop(serialize, NULL);
}

static inline void engine_end(struct engine *engine)
{
        duckdb_destroy_prepare(&engine->serialize);
        duckdb_disconnect(&engine->connection);
        duckdb_close(&engine->database);
}

/* The first cell of a one-column result as text; the caller frees it with free(3). */
static inline char *engine_cell(duckdb_result *result, const char *sql)
{
        duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
        if (!chunk || duckdb_data_chunk_get_size(chunk) == 0)
                engine_stop(sql, "no row");
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
        duckdb_string_t *cell = duckdb_vector_get_data(vector);
        char *text = strndup(duckdb_string_t_data(cell), duckdb_string_t_length(*cell));
        duckdb_destroy_data_chunk(&chunk);
        return text;
}

/* What json_serialize_sql makes of the text; the caller frees it with free(3). */
static inline char *engine_tree(struct engine *engine, const char *sql)
{
        duckdb_result result;
        if (duckdb_bind_varchar(engine->serialize, 1, sql) != DuckDBSuccess ||
            duckdb_execute_prepared(engine->serialize, &result) != DuckDBSuccess)
                engine_stop(sql, "json_serialize_sql failed");
        char *text = engine_cell(&result, sql);
        duckdb_destroy_result(&result);
        return text;
}

/* The whole first wall over one statement. */
static inline int engine_check(struct engine *engine, const char *sql,
                               const struct policy_scope *scope, struct policy_verdict *verdict,
                               struct error *err)
{
        int r = policy_check_text(sql, strlen(sql), err);
        if (r < 0)
                return r;
        char *text = engine_tree(engine, sql);
        json_t *tree = NULL;
        r = policy_tree_parse(text, strlen(text), &tree, err);
        if (r == 0)
                r = policy_check(tree, sql, scope, verdict, err);
        json_decref(tree);
        free(text);
        return r;
}

#endif
