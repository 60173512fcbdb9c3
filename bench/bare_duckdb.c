/* The yardstick: what a cold process costs that has DuckDB and nothing of askcsv. It opens an
 * in-memory database, reads the CSV files with the given types into tables, runs the SQL and prints
 * each row as a line of JSON. The job comes on standard input:
 *   {"tables":[{"name","path","columns":[{"name","type"}]}],"sql","tuned"}
 * Not tuned, read_csv is called as one calls it, with the types alone; tuned, its sniffer is off as
 * in askcsv's runner, which knows what it reads. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"

#include <duckdb.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB_MAX ((size_t)4 * 1024 * 1024)

_Noreturn static void die(const char *what)
{
        (void)fprintf(stderr, "bare_duckdb: %s\n", what);
        exit(1);
}

static void put_quoted(struct buf *out, const char *text, char quote)
{
        buf_putc(out, quote);
        for (; *text; text++) {
                if (*text == quote)
                        buf_putc(out, quote);
                buf_putc(out, *text);
        }
        buf_putc(out, quote);
}

static void run(duckdb_connection connection, const char *sql, duckdb_result *result)
{
        if (duckdb_query(connection, sql, result) == DuckDBError)
                die(duckdb_result_error(result));
}

static void load_table(duckdb_connection connection, const json_t *table, bool tuned)
{
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, JOB_MAX);
        buf_puts(&sql, "CREATE TABLE ");
        put_quoted(&sql, json_get_string(table, "name"), '"');
        buf_puts(&sql, " AS SELECT * FROM read_csv(");
        put_quoted(&sql, json_get_string(table, "path"), '\'');
        buf_printf(&sql, ", header=true%s, columns={", tuned ? ", auto_detect=false" : "");
        size_t i;
        json_t *column;
        json_array_foreach(json_object_get(table, "columns"), i, column)
        {
                if (i)
                        buf_putc(&sql, ',');
                put_quoted(&sql, json_get_string(column, "name"), '\'');
                buf_putc(&sql, ':');
                put_quoted(&sql, json_get_string(column, "type"), '\'');
        }
        buf_puts(&sql, "})");
        duckdb_result result;
        run(connection, buf_text(&sql), &result);
        duckdb_destroy_result(&result);
}

static void print_rows(duckdb_result *result)
{
        idx_t n_columns = duckdb_column_count(result);
        idx_t n_rows = duckdb_row_count(result);
        _cleanup_buf_ struct buf line = {0};
        buf_init(&line, (size_t)64 * JOB_MAX);
        for (idx_t row = 0; row < n_rows; row++) {
                for (idx_t i = 0; i < n_columns; i++) {
                        char *text = duckdb_value_varchar(result, i, row);
                        buf_putc(&line, i ? ',' : '[');
                        if (text)
                                json_put_string(&line, text, strlen(text));
                        else
                                buf_puts(&line, "null");
                        duckdb_free(text);
                }
                buf_puts(&line, "]\n");
        }
        (void)fwrite(buf_text(&line), 1, line.len, stdout);
}

int main(void)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, JOB_MAX);
        if (fd_read_all(STDIN_FILENO, &text, "the job", &err) < 0)
                die(err.message);
        _cleanup_json_ json_t *job = json_loads(buf_text(&text), 0, NULL);
        if (!json_get_string(job, "sql"))
                die("the job is not JSON with tables and sql");

        duckdb_database database;
        duckdb_connection connection;
        if (duckdb_open(NULL, &database) == DuckDBError ||
            duckdb_connect(database, &connection) == DuckDBError)
                die("cannot open an in-memory database");
        size_t i;
        json_t *table;
        json_array_foreach(json_object_get(job, "tables"), i, table)
        {
                load_table(connection, table, json_get_bool(job, "tuned", false));
        }
        duckdb_result result;
        run(connection, json_get_string(job, "sql"), &result);
        print_rows(&result);
        duckdb_destroy_result(&result);
        duckdb_disconnect(&connection);
        duckdb_close(&database);
        return 0;
}
