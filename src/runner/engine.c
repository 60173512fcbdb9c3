#include "runner/engine_private.h"

#include "runner/engine_error.h"
#include "runner/policy.h"
#include "runner/value.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "protocol/result_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_MAX (4 * 1024 * 1024)

static void config_done(duckdb_config *config)
{
        duckdb_destroy_config(config);
}

static void prepared_done(duckdb_prepared_statement *statement)
{
        duckdb_destroy_prepare(statement);
}
#define _cleanup_prepared_ _cleanup_(prepared_done)

static void pending_done(duckdb_pending_result *pending)
{
        duckdb_destroy_pending(pending);
}

static void result_done(duckdb_result *result)
{
        duckdb_destroy_result(result);
}

static void chunk_done(duckdb_data_chunk *chunk)
{
        duckdb_destroy_data_chunk(chunk);
}

void sql_put_identifier(struct buf *out, const char *name)
{
        buf_putc(out, '"');
        for (const char *p = name; *p; p++) {
                if (*p == '"')
                        buf_putc(out, '"');
                buf_putc(out, *p);
        }
        buf_putc(out, '"');
}

void sql_put_text(struct buf *out, const char *text)
{
        buf_putc(out, '\'');
        for (const char *p = text; *p; p++) {
                if (*p == '\'')
                        buf_putc(out, '\'');
                buf_putc(out, *p);
        }
        buf_putc(out, '\'');
}

/* What is set before anything is opened. threads=1 means that the engine starts no thread. */
static bool configure(duckdb_config config)
{
        static const char *const settings[][2] = {
                {"threads", "1"},
                {"memory_limit", "64MiB"},
                {"temp_directory", ""}, /* nothing spills to a disk */
                {"autoinstall_known_extensions", "false"},
                {"autoload_known_extensions", "false"},
                {"allow_community_extensions", "false"},
                {"allow_unsigned_extensions", "false"},
                {"allow_persistent_secrets", "false"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
                if (duckdb_set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
                        return false;
        return true;
}

/* Several statements of ours at once, divided by semicolons. */
int engine_script(struct engine *engine, const char *script, struct error *err)
{
        _cleanup_(result_done) duckdb_result result = {0};
        if (duckdb_query(engine->connection, script, &result) != DuckDBSuccess)
                return engine_error(err, duckdb_result_error(&result), NULL);
        return 0;
}

/* The optimizer that is off loses rows, or fails, for a row_number() that is compared with a
 * number (DuckDB issue 23677). */
static const char settings_of_session[] = "SET errors_as_json = true;"
                                          "SET TimeZone = 'UTC';"
                                          "SET disabled_optimizers = 'top_n_window_elimination'";

int engine_open(struct engine **ret, struct error *err)
{
        _cleanup_(config_done) duckdb_config config = NULL;
        struct engine *engine = alloc_calloc(1, sizeof(*engine));
        if (!engine || duckdb_create_config(&config) != DuckDBSuccess) {
                engine_free(engine);
                return error_oom(err);
        }
        char *said = NULL;
        int r = 0;
        if (!configure(config))
                r = error_set(err, ERROR_RUNNER_INTERNAL, "the engine does not know a setting");
        else if (duckdb_open_ext(NULL, &engine->database, config, &said) != DuckDBSuccess)
                r = engine_error(err, said, NULL);
        else if (duckdb_connect(engine->database, &engine->connection) != DuckDBSuccess)
                r = error_set(err, ERROR_RUNNER_INTERNAL, "the engine gave no connection");
        else
                r = engine_script(engine, settings_of_session, err);
        duckdb_free(said);
        if (r < 0) {
                engine_free(engine);
                return error_prefix(err, r, "opening the engine");
        }
        *ret = engine;
        return 0;
}

int engine_set_limits(struct engine *engine, const struct limits *limits, struct error *err)
{
        char script[128];
        /* A parent's children mostly have the limits that it has. */
        if (engine->memory_mb == limits->memory_mb && engine->threads == (unsigned)limits->threads)
                return 0;
        (void)snprintf(script, sizeof(script), "SET memory_limit = '%lldMiB'; SET threads = %lld",
                       (long long)(limits->memory_mb + engine->held_mb),
                       (long long)limits->threads);
        int r = engine_script(engine, script, err);
        if (r < 0)
                return r;
        engine->memory_mb = limits->memory_mb;
        engine->threads = (unsigned)limits->threads;
        return 0;
}

int engine_note_held(struct engine *engine, struct error *err)
{
        static const char held[] = "SELECT CAST(CAST(ceil(sum(memory_usage_bytes) / 1048576) AS "
                                   "BIGINT) AS VARCHAR) FROM duckdb_memory()";
        _cleanup_free_ char *said = NULL;
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        if (engine_statement(engine, held, NULL, 0, &cells, &said) < 0)
                return engine_error(err, said, NULL);
        if (cells.n_rows == 1 && cells.cells[0])
                engine->held_mb = strtoll(cells.cells[0], NULL, 10);
        engine->memory_mb = 0; /* to be set anew */
        return 0;
}

int engine_set_threads(struct engine *engine, int64_t threads, struct error *err)
{
        char script[64];
        (void)snprintf(script, sizeof(script), "SET threads = %lld", (long long)threads);
        return engine_script(engine, script, err);
}

void engine_free(struct engine *engine)
{
        if (!engine)
                return;
        duckdb_destroy_prepare(&engine->locker);
        duckdb_destroy_prepare(&engine->parser);
        duckdb_disconnect(&engine->connection);
        duckdb_close(&engine->database);
        free(engine);
}

const char *engine_version(void)
{
        return duckdb_library_version();
}

json_t *engine_describe(void)
{
        return json_pack("{s:s,s:s}", "name", "duckdb", "version", duckdb_library_version());
}

void engine_interrupt(struct engine *engine)
{
        duckdb_interrupt(engine->connection);
}

static int bind_all(duckdb_prepared_statement statement, const char *const *values, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (duckdb_bind_varchar(statement, i + 1, values[i]) != DuckDBSuccess)
                        return -1;
        return 0;
}

void engine_cells_done(struct engine_cells *cells)
{
        for (size_t i = 0; i < cells->n_rows * cells->n_columns; i++)
                free(cells->cells[i]);
        free(cells->cells);
        *cells = (struct engine_cells){0};
}

/* One VARCHAR cell of a chunk; *ret stays NULL for NULL. */
static int copy_cell(duckdb_vector vector, idx_t row, char **ret)
{
        uint64_t *validity = duckdb_vector_get_validity(vector);
        if (validity && !duckdb_validity_row_is_valid(validity, row))
                return 0;
        duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
        size_t n = duckdb_string_t_length(*text);
        *ret = alloc_malloc(n + 1);
        if (!*ret)
                return -1;
        memcpy(*ret, duckdb_string_t_data(text), n);
        (*ret)[n] = '\0';
        return 0;
}

static int copy_chunk(duckdb_data_chunk chunk, struct engine_cells *cells)
{
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        size_t n = cells->n_columns;
        void *grown = alloc_realloc(cells->cells, (cells->n_rows + rows) * n * sizeof(char *));
        if (!grown)
                return -1;
        cells->cells = grown;
        for (idx_t row = 0; row < rows; row++) {
                char **at = cells->cells + cells->n_rows * n;
                memset(at, 0, n * sizeof(*at));
                cells->n_rows++;
                for (size_t column = 0; column < n; column++)
                        if (copy_cell(duckdb_data_chunk_get_vector(chunk, column), row,
                                      &at[column]) < 0)
                                return -1;
        }
        return 0;
}

static int copy_result(duckdb_result *result, struct engine_cells *cells)
{
        *cells = (struct engine_cells){.n_columns = duckdb_column_count(result)};
        for (size_t i = 0; i < cells->n_columns; i++)
                if (duckdb_column_type(result, i) != DUCKDB_TYPE_VARCHAR)
                        return -1;
        for (;;) {
                _cleanup_(chunk_done) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
                if (!chunk || duckdb_data_chunk_get_size(chunk) == 0)
                        return 0;
                if (copy_chunk(chunk, cells) < 0) {
                        engine_cells_done(cells);
                        return -1;
                }
        }
}

static int execute(duckdb_prepared_statement statement, const char *const *values, size_t n_values,
                   struct engine_cells *cells, char **said)
{
        _cleanup_(result_done) duckdb_result result = {0};
        if (bind_all(statement, values, n_values) < 0) {
                *said = alloc_strdup("a parameter could not be bound");
                return -1;
        }
        if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess) {
                const char *why = duckdb_result_error(&result);
                *said = alloc_strdup(why ? why : "the engine gave no message");
                return -1;
        }
        if (cells && copy_result(&result, cells) < 0) {
                *said = alloc_strdup("Out of Memory");
                return -1;
        }
        return 0;
}

int engine_statement(struct engine *engine, const char *sql, const char *const *values,
                     size_t n_values, struct engine_cells *cells, char **said)
{
        _cleanup_prepared_ duckdb_prepared_statement statement = NULL;
        *said = NULL;
        if (duckdb_prepare(engine->connection, sql, &statement) != DuckDBSuccess) {
                *said = alloc_strdup(duckdb_prepare_error(statement));
                return -1;
        }
        return execute(statement, values, n_values, cells, said);
}

int engine_stream(struct engine *engine, const char *sql,
                  int (*take)(void *data, duckdb_data_chunk chunk, struct error *err), void *data,
                  struct error *err)
{
        _cleanup_prepared_ duckdb_prepared_statement statement = NULL;
        _cleanup_(pending_done) duckdb_pending_result pending = NULL;
        _cleanup_(result_done) duckdb_result result = {0};
        if (duckdb_prepare(engine->connection, sql, &statement) != DuckDBSuccess)
                return engine_error(err, duckdb_prepare_error(statement), NULL);
        if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
                return engine_error(err, duckdb_pending_error(pending), NULL);
        if (duckdb_execute_pending(pending, &result) != DuckDBSuccess)
                return engine_error(err, duckdb_result_error(&result), NULL);
        for (;;) {
                _cleanup_(chunk_done) duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
                const char *said = chunk ? NULL : duckdb_result_error(&result);
                if (!chunk)
                        return said && *said ? engine_error(err, said, NULL) : 0;
                int r = take(data, chunk, err);
                if (r < 0)
                        return r;
        }
}

/* Every way that the engine has of asking what time it is, and what it gives instead; %1$s is as_of
 * as "2026-01-31 00:00:00". A macro in the database goes before the built-in function. Times of day
 * have no zone: what a zone's offset is depends on the day. */
static const char *const clock_macros[] = {
        "now() AS TIMESTAMPTZ '%1$s+00'",
        "get_current_timestamp() AS TIMESTAMPTZ '%1$s+00'",
        "current_timestamp() AS TIMESTAMPTZ '%1$s+00'",
        "transaction_timestamp() AS TIMESTAMPTZ '%1$s+00'",
        "current_date() AS CAST(TIMESTAMP '%1$s' AS DATE)",
        "today() AS CAST(TIMESTAMP '%1$s' AS DATE)",
        "get_current_time() AS CAST(TIMESTAMP '%1$s' AS TIME)",
        "current_time() AS CAST(TIMESTAMP '%1$s' AS TIME)",
        "current_localtime() AS CAST(TIMESTAMP '%1$s' AS TIME)",
        "localtime() AS CAST(TIMESTAMP '%1$s' AS TIME)",
        "current_localtimestamp() AS TIMESTAMP '%1$s'",
        "localtimestamp() AS TIMESTAMP '%1$s'",
        /* The offset of a named zone at a time of day is that of today, the real one. date_trunc()
         * is there for moments only, so that binding fails for a TIME WITH TIME ZONE. */
        ("timezone(zone, moment) AS CASE WHEN date_trunc('day', moment) IS NULL THEN NULL "
         "ELSE system.main.timezone(zone, moment) END, "
         "(moment) AS system.main.timezone(moment)"),
        "ago(i) AS TIMESTAMPTZ '%1$s+00' - CAST(i AS INTERVAL)",
        /* With one argument: the time since then, from midnight of the current date. */
        ("age(since) AS system.main.age(CAST(CAST(TIMESTAMP '%1$s' AS DATE) AS TIMESTAMP), since), "
         "(later, since) AS system.main.age(later, since)"),
};

static int run_buffered(struct engine *engine, const struct buf *script, struct error *err)
{
        int r = buf_error(script, err, "a statement");
        return r < 0 ? r : engine_script(engine, buf_text(script), err);
}

int engine_set_clock(struct engine *engine, const char *as_of, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, STATEMENT_MAX);
        int64_t s;
        char now[CLOCK_TEXT_SIZE];
        if (!clock_parse(as_of, &s))
                return error_set(err, ERROR_INVALID_REQUEST, "as_of is not a moment in UTC");
        clock_format_s(s, now);
        now[10] = ' ';  /* the T */
        now[19] = '\0'; /* the Z */
        for (size_t i = 0; i < ARRAY_SIZE(clock_macros); i++) {
                buf_puts(&script, "CREATE MACRO ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                buf_printf(&script, clock_macros[i], now);
#pragma GCC diagnostic pop
                buf_puts(&script, ";");
        }
        return run_buffered(engine, &script, err);
}

int engine_add_schema(struct engine *engine, const struct request *request, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, STATEMENT_MAX);
        /* Names of the engine's own; in "main" the tables are already, and the policy takes none of
         * the others before a table's name. */
        static const char *const taken[] = {"main",   "system",     "temp",
                                            "memory", "pg_catalog", "information_schema"};
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                if (strcasecmp(request->dataset_id, taken[i]) == 0)
                        return 0;
        buf_puts(&script, "CREATE SCHEMA IF NOT EXISTS ");
        sql_put_identifier(&script, request->dataset_id);
        buf_puts(&script, ";");
        for (size_t i = 0; i < request->n_tables; i++) {
                buf_puts(&script, "CREATE VIEW ");
                sql_put_identifier(&script, request->dataset_id);
                buf_putc(&script, '.');
                sql_put_identifier(&script, request->tables[i].name);
                buf_puts(&script, " AS FROM main.");
                sql_put_identifier(&script, request->tables[i].name);
                buf_puts(&script, ";");
        }
        return run_buffered(engine, &script, err);
}

/* Once: a parent's children all have it. */
static int prepare_once(struct engine *engine, const char *sql, duckdb_prepared_statement *ret,
                        struct error *err)
{
        if (!*ret && duckdb_prepare(engine->connection, sql, ret) != DuckDBSuccess)
                return engine_error(err, duckdb_prepare_error(*ret), NULL);
        return 0;
}

int engine_shut(struct engine *engine, struct error *err)
{
        int r = engine_script(engine,
                              "SET enable_external_access = false;"
                              "SET disabled_filesystems = 'LocalFileSystem'",
                              err);
        if (r == 0)
                r = prepare_once(engine, "SET lock_configuration = true", &engine->locker, err);
        return r < 0 ? error_prefix(err, r, "shutting the engine") : 0;
}

int engine_lock(struct engine *engine, struct error *err)
{
        int r = engine_shut(engine, err);
        return r < 0 ? r : engine_lock_shut(engine, err);
}

int engine_lock_shut(struct engine *engine, struct error *err)
{
        _cleanup_free_ char *said = NULL;
        if (execute(engine->locker, NULL, 0, NULL, &said) == 0)
                return 0;
        return error_prefix(err, engine_error(err, said, NULL), "locking the engine");
}

int engine_lock_but(struct engine *engine, const char *path, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, STATEMENT_MAX);
        buf_puts(&script, "SET allowed_paths = [");
        sql_put_text(&script, path);
        buf_puts(&script, "];SET enable_external_access = false;SET lock_configuration = true");
        int r = run_buffered(engine, &script, err);
        return r < 0 ? error_prefix(err, r, "locking the engine") : 0;
}

int engine_parse(struct engine *engine, const char *sql, json_t **ret, struct error *err)
{
        static const char serialize[] =
                "SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)";
        _cleanup_free_ char *said = NULL;
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        int r = prepare_once(engine, serialize, &engine->parser, err);
        if (r < 0)
                return r;
        if (execute(engine->parser, &sql, 1, &cells, &said) < 0)
                return engine_error(err, said, NULL);
        const char *text = cells.n_rows == 1 ? cells.cells[0] : NULL;
        if (!text)
                return error_set(err, ERROR_RUNNER_INTERNAL, "the engine gave no parse tree");
        return policy_tree_parse(text, strlen(text), ret, err);
}

void engine_answer_init(struct engine_answer *answer, const struct limits *limits)
{
        *answer = (struct engine_answer){0};
        buf_init(&answer->rows, (size_t)limits->max_output_bytes);
}

void engine_answer_done(struct engine_answer *answer)
{
        json_decref(answer->columns);
        json_decref(answer->types);
        buf_done(&answer->rows);
}

/* A query under way. */
struct reading {
        struct engine_answer *answer;
        struct result_hash *hash;
        duckdb_logical_type *types;
        bool *needs_canonical;
        size_t n;
        size_t max_rows;
        struct buf row; /* scratch: one row's text */
};

static void reading_done(struct reading *reading)
{
        for (size_t i = 0; reading->types && i < reading->n; i++)
                duckdb_destroy_logical_type(&reading->types[i]);
        free(reading->types);
        free(reading->needs_canonical);
        result_hash_free(reading->hash);
        buf_done(&reading->row);
}

static int read_column(struct reading *reading, duckdb_result *result, size_t i, struct error *err)
{
        const char *name = duckdb_column_name(result, i);
        reading->types[i] = duckdb_column_logical_type(result, i);
        reading->needs_canonical[i] = value_needs_canonical(reading->types[i]);
        reading->answer->ordered &= !value_has_interval(reading->types[i]);
        _cleanup_buf_ struct buf type = {0};
        buf_init(&type, 65536);
        value_put_type(&type, reading->types[i]);
        if (!value_is_supported(reading->types[i]))
                return error_set(err, ERROR_SQL_EXECUTION,
                                 "the column \"%s\" has a type without a JSON form (%s); cast it, "
                                 "for instance CAST(\"%s\" AS VARCHAR)",
                                 name, buf_text(&type), name);
        if (json_array_append_new(reading->answer->columns, json_string(name)) < 0 ||
            json_array_append_new(reading->answer->types, json_string(buf_text(&type))) < 0)
                return error_oom(err);
        return buf_error(&type, err, "a column's type");
}

static int reading_start(struct reading *reading, duckdb_result *result, struct error *err)
{
        struct engine_answer *answer = reading->answer;
        reading->n = duckdb_column_count(result);
        reading->types = alloc_calloc(reading->n ? reading->n : 1, sizeof(*reading->types));
        reading->needs_canonical = alloc_calloc(reading->n ? reading->n : 1, sizeof(bool));
        answer->columns = json_array();
        answer->types = json_array();
        if (!reading->types || !reading->needs_canonical || !answer->columns || !answer->types)
                return error_oom(err);
        for (size_t i = 0; i < reading->n; i++) {
                int r = read_column(reading, result, i, err);
                if (r < 0)
                        return r;
        }
        reading->hash = result_hash_new(answer->columns, answer->types, answer->ordered, err);
        buf_putc(&answer->rows, '[');
        return reading->hash ? 0 : -(int)ERROR_INTERNAL;
}

/* The row's text is its own canonical form, unless value_needs_canonical(). */
static int hash_row(struct reading *reading, bool needs_canonical, struct error *err)
{
        if (!needs_canonical)
                return result_hash_add(reading->hash, buf_text(&reading->row), reading->row.len,
                                       err);
        _cleanup_json_ json_t *row =
                json_loadb(buf_text(&reading->row), reading->row.len, JSON_ALLOW_NUL, NULL);
        _cleanup_buf_ struct buf canonical = {0};
        buf_init(&canonical, reading->row.max);
        if (!row)
                return error_set(err, ERROR_SQL_EXECUTION,
                                 "a row holds a struct whose names have no JSON form, or it is "
                                 "nested too deeply (more than %zu levels); cast it to VARCHAR",
                                 (size_t)JSON_DEPTH_CEILING);
        int r = json_canonical(row, &canonical, err);
        return r < 0 ? r : result_hash_add(reading->hash, buf_text(&canonical), canonical.len, err);
}

/* An escape of U+0000, which canonical JSON has but many readers, ours too, do not take. */
static bool holds_nul(const struct buf *row)
{
        static const char escape[] = "\\u0000";
        const char *text = buf_text(row);
        for (const char *hit = text; (hit = strstr(hit, escape)); hit++) {
                size_t slashes = 1;
                while (hit - slashes >= text && hit[-(ptrdiff_t)slashes] == '\\')
                        slashes++;
                if (slashes % 2 == 1)
                        return true;
        }
        return false;
}

static int put_row(struct reading *reading, duckdb_data_chunk chunk, idx_t row, struct error *err)
{
        struct engine_answer *answer = reading->answer;
        bool needs_canonical = false;
        buf_clear(&reading->row);
        buf_putc(&reading->row, '[');
        for (size_t i = 0; i < reading->n; i++) {
                if (i)
                        buf_putc(&reading->row, ',');
                value_put(&reading->row, duckdb_data_chunk_get_vector(chunk, i), reading->types[i],
                          row);
                needs_canonical |= reading->needs_canonical[i];
        }
        buf_putc(&reading->row, ']');
        if (answer->row_count)
                buf_putc(&answer->rows, ',');
        buf_append(&answer->rows, buf_text(&reading->row), reading->row.len);
        if (reading->row.state == BUF_TOO_LARGE || answer->rows.state == BUF_TOO_LARGE)
                return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                                 "the answer is larger than %zu bytes (row %zu); ask for fewer "
                                 "rows or columns, or aggregate",
                                 answer->rows.max, answer->row_count + 1);
        if (holds_nul(&reading->row))
                return error_set(
                        err, ERROR_SQL_EXECUTION,
                        "row %zu of the answer holds the character U+0000, which JSON text "
                        "should not; take it out: replace(x, chr(0), '')",
                        answer->row_count + 1);
        int r = buf_error(&answer->rows, err, "the answer");
        if (r == 0)
                r = hash_row(reading, needs_canonical, err);
        answer->row_count++;
        return r;
}

static int put_chunk(struct reading *reading, duckdb_data_chunk chunk, struct error *err)
{
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; row < rows; row++) {
                if (reading->answer->row_count == reading->max_rows) {
                        reading->answer->truncated = true;
                        return 0;
                }
                int r = put_row(reading, chunk, row, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_rows(struct reading *reading, duckdb_result *result, const char *sql,
                     struct error *err)
{
        while (!reading->answer->truncated) {
                _cleanup_(chunk_done) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
                if (!chunk) {
                        const char *said = duckdb_result_error(result);
                        if (said && *said)
                                return engine_error(err, said, sql);
                        break;
                }
                int r = put_chunk(reading, chunk, err);
                if (r < 0)
                        return r;
        }
        buf_putc(&reading->answer->rows, ']');
        result_hash_final(reading->hash, reading->answer->result_hash);
        return buf_error(&reading->answer->rows, err, "the answer");
}

int engine_query(struct engine *engine, const char *sql, const struct limits *limits,
                 struct engine_answer *answer, struct error *err)
{
        _cleanup_prepared_ duckdb_prepared_statement statement = NULL;
        _cleanup_(pending_done) duckdb_pending_result pending = NULL;
        _cleanup_(result_done) duckdb_result result = {0};
        _cleanup_(reading_done) struct reading reading = {.answer = answer,
                                                          .max_rows = (size_t)limits->max_rows};
        buf_init(&reading.row, answer->rows.max);
        if (duckdb_prepare(engine->connection, sql, &statement) != DuckDBSuccess)
                return engine_error(err, duckdb_prepare_error(statement), sql);
        /* Streaming: rows beyond max_rows are never made. */
        if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
                return engine_error(err, duckdb_pending_error(pending), sql);
        if (duckdb_execute_pending(pending, &result) != DuckDBSuccess)
                return engine_error(err, duckdb_result_error(&result), sql);
        int r = reading_start(&reading, &result, err);
        return r < 0 ? r : read_rows(&reading, &result, sql, err);
}
