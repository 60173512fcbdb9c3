/* DuckDB, in the order in which a run uses it: open, load the tables, lock, parse, query. An empty
 * database is opened before the sandbox stands, as that takes a while and reads nothing; all the
 * rest happens inside. Only engine*.c and value*.c know the engine's API. */
#ifndef ASKCSV_RUNNER_ENGINE_H
#define ASKCSV_RUNNER_ENGINE_H

#include "base/buf.h"
#include "base/error.h"
#include "protocol/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct engine; /* one in-memory database and one connection */

/* An empty database, with the smallest of limits and no thread of its own, so that a process may
 * be cloned while it is open. The caller frees *ret with engine_free. */
int engine_open(struct engine **ret, struct error *err);
void engine_free(struct engine *engine); /* NULL is fine */

const char *engine_version(void); /* "v1.5.6" */

/* {"name":"duckdb","version":"v1.5.6"}; NULL for no memory. */
json_t *engine_describe(void);

/* Stops what the connection is doing, as soon as it looks. Safe in a signal handler. */
void engine_interrupt(struct engine *engine);

/* The limits of the run: memory and threads. */
int engine_set_limits(struct engine *engine, const struct limits *limits, struct error *err);

/* What the engine holds by now, tables and what it read of files, is not counted against the limits
 * that are set from now on: children share it with their parent. */
int engine_note_held(struct engine *engine, struct error *err);

/* In a process of its own, when nothing but its query is left to do. */
int engine_set_threads(struct engine *engine, int64_t threads, struct error *err);

/* Makes the table out of the file that `path` opens, with the request's columns or found ones,
 * and appends {"name","rows","skipped_lines","columns":[{"name","type","header"}]} to described.
 * Fails with ERROR_DATASET_INVALID that names the file, line and column. */
int engine_load(struct engine *engine, const struct request_table *table, const char *path,
                json_t *described, struct error *err);

/* The same tables once more under the schema named as the dataset. */
int engine_add_schema(struct engine *engine, const struct request *request, struct error *err);

/* as_of becomes the engine's clock: now(), current_date and their kin. */
int engine_set_clock(struct engine *engine, const char *as_of, struct error *err);

/* A snapshot in the making: tables that are loaded between these two go into a new database file.
 */
int engine_snapshot_begin(struct engine *engine, const char *path, struct error *err);
int engine_snapshot_end(struct engine *engine, struct error *err);

/* The tables of a finished snapshot: copied into the memory, or else seen where they are, in the
 * file, which stays open. */
int engine_snapshot_use(struct engine *engine, const char *path, const char *const *tables,
                        size_t n, bool copy, struct error *err);

/* The columns of all tables that engine_snapshot_use gave, as [["name","type"],...] with types as
 * DuckDB writes them. The caller owns *ret. */
int engine_list_columns(struct engine *engine, json_t **ret, struct error *err);

/* The value index (dataset/values.h) of the tables that engine_load told of in `tables`, as JSON
 * into out, which is initialised here: the same tables give the same bytes. */
int engine_values(struct engine *engine, const json_t *tables, struct buf *out, struct error *err);

/* Reads a table that is in the file into the engine's memory, as far as its limit goes. */
int engine_snapshot_read_ahead(struct engine *engine, const char *table, struct error *err);

/* The second wall: from here on no file, no setting, no extension. In two steps, engine_shut closes
 * the way to files for good, and engine_lock_shut the rest; engine_lock is both. */
int engine_lock(struct engine *engine, struct error *err);
int engine_shut(struct engine *engine, struct error *err);
int engine_lock_shut(struct engine *engine, struct error *err);

/* The second wall of an export: the same, but the file at path can still be written and read. */
int engine_lock_but(struct engine *engine, const char *path, struct error *err);

/* What json_serialize_sql makes of it; the SQL is parsed, never bound. The caller owns *ret. */
int engine_parse(struct engine *engine, const char *sql, json_t **ret, struct error *err);

/* What a query gave. */
struct engine_answer {
        json_t *columns; /* names */
        json_t *types;   /* as DuckDB spells them */
        struct buf rows; /* "[[...],[...]]", each row in its JSON form */
        size_t row_count;
        bool truncated; /* there were more than max_rows */
        bool ordered;   /* in: the policy's total_order; out: and no type is without one */
        char result_hash[65];
};

void engine_answer_init(struct engine_answer *answer, const struct limits *limits);
void engine_answer_done(struct engine_answer *answer);

/* Runs one SELECT. answer->ordered says whether rows are hashed in their order. */
int engine_query(struct engine *engine, const char *sql, const struct limits *limits,
                 struct engine_answer *answer, struct error *err);

/* Writes the request's result as a Parquet file at path, row by row. answer->columns and ->types
 * are those of the file, ->row_count its rows; ->rows is the file's content. Fails with
 * ERROR_INVALID_REQUEST when the rows are not what columns and types say (row and column are in the
 * message), ERROR_SQL_EXECUTION when a value has no place in such a file,
 * ERROR_RUNNER_OUTPUT_EXCEEDED when the file gets larger than answer->rows may. */
int engine_export(struct engine *engine, const struct request *request, const char *path,
                  struct engine_answer *answer, struct error *err);

#endif
