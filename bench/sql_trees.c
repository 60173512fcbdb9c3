/* sql_trees: SQL texts on standard input, a NUL behind each; the engine's parse tree of each as one
 * line of JSON on standard output. For bench_policy and the seeds of fuzz_policy. The SQL is
 * parsed, never bound or run. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)64 * 1024 * 1024)

_Noreturn static void die(const char *what)
{
        (void)fprintf(stderr, "sql_trees: %s\n", what);
        exit(1);
}

static void print_tree(duckdb_prepared_statement serialize, const char *sql)
{
        duckdb_result result;
        if (duckdb_bind_varchar(serialize, 1, sql) == DuckDBError ||
            duckdb_execute_prepared(serialize, &result) == DuckDBError)
                die("the engine gave no parse tree");
        char *tree = duckdb_value_varchar(&result, 0, 0);
        (void)printf("%s\n", tree);
        duckdb_free(tree);
        duckdb_destroy_result(&result);
}

int main(void)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, INPUT_MAX);
        if (fd_read_all(STDIN_FILENO, &text, "the SQL", &err) < 0)
                die(err.message);

        duckdb_database database;
        duckdb_connection connection;
        duckdb_prepared_statement serialize;
        if (duckdb_open(NULL, &database) == DuckDBError ||
            duckdb_connect(database, &connection) == DuckDBError ||
            duckdb_prepare(connection, "SELECT CAST(json_serialize_sql($1::VARCHAR) AS VARCHAR)",
                           &serialize) == DuckDBError)
                die("cannot open an in-memory database");
        const char *at = buf_text(&text);
        const char *end = at + text.len;
        for (; at < end; at += strlen(at) + 1)
                print_tree(serialize, at);
        duckdb_destroy_prepare(&serialize);
        duckdb_disconnect(&connection);
        duckdb_close(&database);
        return 0;
}
