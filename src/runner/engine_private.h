/* Shared by engine*.c only. */
#ifndef ASKCSV_RUNNER_ENGINE_PRIVATE_H
#define ASKCSV_RUNNER_ENGINE_PRIVATE_H

#include "runner/engine.h"

#include <duckdb.h>

struct engine {
        duckdb_database database;
        duckdb_connection connection;
        duckdb_prepared_statement parser; /* of engine_parse, once it was called */
        duckdb_prepared_statement locker; /* of engine_lock_shut, since engine_shut */
        unsigned threads;                 /* as engine_set_limits set them; 0 before */
        int64_t memory_mb;
        int64_t held_mb; /* see engine_note_held */
};

/* Several statements of ours at once, divided by semicolons. */
int engine_script(struct engine *engine, const char *script, struct error *err);

/* Rows of a result that is held whole, one cell as text; NULL stays NULL. free(3). */
struct engine_cells {
        char **cells; /* n_rows * n_columns */
        size_t n_rows;
        size_t n_columns;
};
void engine_cells_done(struct engine_cells *cells);

/* Runs a statement of ours with its parameters ($1 ...) bound as VARCHAR. All result columns must
 * be VARCHAR, except when cells is NULL. On failure *said is the engine's message (free(3)). */
int engine_statement(struct engine *engine, const char *sql, const char *const *values,
                     size_t n_values, struct engine_cells *cells, char **said);

/* Runs a statement of ours and gives its rows to `take` as they are made, chunk by chunk; a
 * negative code of take's ends it. */
int engine_stream(struct engine *engine, const char *sql,
                  int (*take)(void *data, duckdb_data_chunk chunk, struct error *err), void *data,
                  struct error *err);

/* Text between quotes, quotes inside doubled. */
void sql_put_identifier(struct buf *out, const char *name);
void sql_put_text(struct buf *out, const char *text);

#endif
