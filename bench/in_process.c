/* The limit: DuckDB inside the process that asks, tables loaded, connections open. Each answer is
 * read chunk by chunk, every value of it, without being turned into text. The setup:
 *   {"threads":N or 0 for the engine's default,
 *    "databases":[{"file":PATH or null,"read_only":BOOL,"load":[SQL...]}],
 *    "jobs":[{"database":I,"sql":SQL}]}
 * and what is said to it has "load_us", from opening the databases to the end of their load. */
#include "clients.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "runner/value.h"

#include <duckdb.h>
#include <string.h>

#define DATABASES_MAX 8

struct in_process {
        const json_t *jobs;
        size_t n_databases;
        duckdb_database databases[DATABASES_MAX];
};

struct connections {
        duckdb_connection each[DATABASES_MAX];
        uint64_t seen; /* sum of what was read, so that reading cannot be left out */
};

static void result_done(duckdb_result *result)
{
        duckdb_destroy_result(result);
}

static void chunk_done(duckdb_data_chunk *chunk)
{
        duckdb_destroy_data_chunk(chunk);
}

static void config_done(duckdb_config *config)
{
        duckdb_destroy_config(config);
}

static int query(duckdb_connection connection, const char *sql, duckdb_result *result,
                 struct error *err)
{
        if (duckdb_query(connection, sql, result) == DuckDBSuccess)
                return 0;
        return error_set(err, ERROR_SQL_EXECUTION, "%.1000s", duckdb_result_error(result));
}

static int load(duckdb_database database, const json_t *statements, struct error *err)
{
        duckdb_connection connection = NULL;
        if (duckdb_connect(database, &connection) != DuckDBSuccess)
                return error_set(err, ERROR_SQL_EXECUTION, "the engine gave no connection");
        int r = 0;
        size_t i;
        json_t *sql;
        json_array_foreach(statements, i, sql)
        {
                _cleanup_(result_done) duckdb_result result = {0};
                r = query(connection, json_string_value(sql), &result, err);
                if (r < 0)
                        break;
        }
        duckdb_disconnect(&connection);
        return r;
}

static int open_database(const json_t *wanted, json_int_t threads, duckdb_database *ret,
                         struct error *err)
{
        _cleanup_(config_done) duckdb_config config = NULL;
        char number[24];
        char *said = NULL;
        (void)snprintf(number, sizeof(number), "%lld", (long long)threads);
        if (duckdb_create_config(&config) != DuckDBSuccess ||
            (threads > 0 && duckdb_set_config(config, "threads", number) != DuckDBSuccess) ||
            (json_get_bool(wanted, "read_only", false) &&
             duckdb_set_config(config, "access_mode", "READ_ONLY") != DuckDBSuccess))
                return error_set(err, ERROR_SQL_EXECUTION, "the engine does not know a setting");
        int r = 0;
        if (duckdb_open_ext(json_get_string(wanted, "file"), ret, config, &said) != DuckDBSuccess)
                r = error_set(err, ERROR_SQL_EXECUTION, "%.1000s", said);
        duckdb_free(said);
        return r < 0 ? r : load(*ret, json_object_get(wanted, "load"), err);
}

static void in_process_close(void *data)
{
        struct in_process *way = data;
        for (size_t i = 0; i < way->n_databases; i++)
                duckdb_close(&way->databases[i]);
        free(way);
}

static int in_process_open(const json_t *setup, void **ret, json_t *said, struct error *err)
{
        const json_t *databases = json_object_get(setup, "databases");
        if (json_array_size(databases) > DATABASES_MAX)
                return error_set(err, ERROR_USAGE, "at most %d databases", DATABASES_MAX);
        struct in_process *way = alloc_calloc(1, sizeof(*way));
        if (!way)
                return error_oom(err);
        way->jobs = json_object_get(setup, "jobs");
        int64_t start_us = clock_monotonic_us();
        int r = 0;
        size_t i;
        json_t *database;
        json_array_foreach(databases, i, database)
        {
                r = open_database(database, json_get_int(setup, "threads", 0), &way->databases[i],
                                  err);
                if (r < 0)
                        break;
                way->n_databases++;
        }
        int64_t load_us = clock_monotonic_us() - start_us;
        if (r == 0 && json_object_set_new(said, "load_us", json_integer(load_us)) < 0)
                r = error_oom(err);
        if (r < 0)
                in_process_close(way);
        else
                *ret = way;
        return r;
}

static void in_process_leave(void *data, void *client)
{
        const struct in_process *way = data;
        struct connections *connections = client;
        for (size_t i = 0; i < way->n_databases; i++)
                duckdb_disconnect(&connections->each[i]);
        free(connections);
}

static int in_process_join(void *data, void **ret_client, struct error *err)
{
        struct in_process *way = data;
        struct connections *connections = alloc_calloc(1, sizeof(*connections));
        if (!connections)
                return error_oom(err);
        for (size_t i = 0; i < way->n_databases; i++)
                if (duckdb_connect(way->databases[i], &connections->each[i]) != DuckDBSuccess) {
                        in_process_leave(way, connections);
                        return error_set(err, ERROR_SQL_EXECUTION, "the engine gave no connection");
                }
        *ret_client = connections;
        return 0;
}

/* The bytes of one value of a type that is not text, or 0 when only its validity is looked at. */
static size_t width_of(duckdb_logical_type type)
{
        duckdb_type id = duckdb_get_type_id(type);
        if (id == DUCKDB_TYPE_DECIMAL)
                id = duckdb_decimal_internal_type(type);
        switch (id) {
        case DUCKDB_TYPE_BOOLEAN:
        case DUCKDB_TYPE_TINYINT:
                return 1;
        case DUCKDB_TYPE_SMALLINT:
                return 2;
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_DATE:
        case DUCKDB_TYPE_FLOAT:
                return 4;
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_TIME:
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_TZ:
                return 8;
        case DUCKDB_TYPE_HUGEINT:
                return 16;
        default:
                return 0;
        }
}

static uint64_t sum_bytes(const unsigned char *bytes, size_t n)
{
        uint64_t sum = n;
        for (size_t i = 0; i < n; i++)
                sum += bytes[i];
        return sum;
}

static uint64_t read_vector(duckdb_vector vector, idx_t rows)
{
        duckdb_logical_type type = duckdb_vector_get_column_type(vector);
        uint64_t *validity = duckdb_vector_get_validity(vector);
        unsigned char *values = duckdb_vector_get_data(vector);
        bool is_text = duckdb_get_type_id(type) == DUCKDB_TYPE_VARCHAR;
        size_t width = width_of(type);
        uint64_t sum = 0;
        for (idx_t row = 0; row < rows; row++) {
                if (validity && !duckdb_validity_row_is_valid(validity, row))
                        continue;
                if (is_text) {
                        duckdb_string_t *text = (duckdb_string_t *)values + row;
                        sum += sum_bytes((const unsigned char *)duckdb_string_t_data(text),
                                         duckdb_string_t_length(*text));
                } else {
                        sum += sum_bytes(values + row * width, width);
                }
        }
        duckdb_destroy_logical_type(&type);
        return sum;
}

static int ask(void *data, void *client, size_t job, duckdb_result *result, struct error *err)
{
        const struct in_process *way = data;
        const struct connections *connections = client;
        const json_t *asked = json_array_get(way->jobs, job);
        size_t database = (size_t)json_get_int(asked, "database", 0);
        if (database >= way->n_databases)
                return error_set(err, ERROR_USAGE, "there is no database %zu", database);
        return query(connections->each[database], json_get_string(asked, "sql"), result, err);
}

static int in_process_run(void *data, void *client, size_t job, int64_t *inner_us,
                          struct error *err)
{
        struct connections *connections = client;
        int64_t start_us = clock_monotonic_us();
        _cleanup_(result_done) duckdb_result result = {0};
        int r = ask(data, client, job, &result, err);
        *inner_us = clock_monotonic_us() - start_us;
        if (r < 0)
                return r;
        idx_t n_columns = duckdb_column_count(&result);
        for (;;) {
                _cleanup_(chunk_done) duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
                idx_t rows = chunk ? duckdb_data_chunk_get_size(chunk) : 0;
                if (rows == 0)
                        return 0;
                for (idx_t i = 0; i < n_columns; i++)
                        connections->seen +=
                                read_vector(duckdb_data_chunk_get_vector(chunk, i), rows);
        }
}

static void put_chunk(duckdb_data_chunk chunk, idx_t n_columns, struct buf *out)
{
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; row < rows; row++) {
                buf_puts(out, out->data[out->len - 1] == '[' ? "[" : ",[");
                for (idx_t i = 0; i < n_columns; i++) {
                        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
                        duckdb_logical_type type = duckdb_vector_get_column_type(vector);
                        buf_puts(out, i ? "," : "");
                        value_put(out, vector, type, row);
                        duckdb_destroy_logical_type(&type);
                }
                buf_putc(out, ']');
        }
}

static int in_process_show(void *data, void *client, size_t job, struct buf *out, struct error *err)
{
        _cleanup_(result_done) duckdb_result result = {0};
        int r = ask(data, client, job, &result, err);
        if (r < 0)
                return r;
        buf_puts(out, "{\"rows\":[");
        for (;;) {
                _cleanup_(chunk_done) duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
                if (!chunk || duckdb_data_chunk_get_size(chunk) == 0)
                        break;
                put_chunk(chunk, duckdb_column_count(&result), out);
        }
        buf_puts(out, "]}");
        return 0;
}

int main(void)
{
        static const struct way way = {
                .open = in_process_open,
                .close = in_process_close,
                .join = in_process_join,
                .leave = in_process_leave,
                .run = in_process_run,
                .show = in_process_show,
        };
        return clients_main(&way);
}
