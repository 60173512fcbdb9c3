/* Snapshots, as the engine sees them: a database file that is written once, by a builder, and read
 * by parents. */
#include "runner/engine_error.h"
#include "runner/engine_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#define ATTACHED "\"askcsv snapshot\"" /* no dataset has a blank in its id */
#define SCRIPT_MAX (1024 * 1024)

static int run_buffered(struct engine *engine, const struct buf *script, struct error *err)
{
        int r = buf_error(script, err, "a statement");
        return r < 0 ? r : engine_script(engine, buf_text(script), err);
}

static int attach(struct engine *engine, const char *path, bool read_only, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, SCRIPT_MAX);
        buf_puts(&script, "ATTACH ");
        sql_put_text(&script, path); /* of our own making, not a user's */
        buf_printf(&script, " AS " ATTACHED "%s", read_only ? " (READ_ONLY)" : "");
        return run_buffered(engine, &script, err);
}

int engine_snapshot_begin(struct engine *engine, const char *path, struct error *err)
{
        int r = attach(engine, path, false, err);
        if (r == 0)
                r = engine_script(engine, "USE " ATTACHED, err);
        return r < 0 ? error_prefix(err, r, "making the snapshot") : 0;
}

int engine_snapshot_end(struct engine *engine, struct error *err)
{
        int r = engine_script(engine, "USE memory; DETACH " ATTACHED, err);
        return r < 0 ? error_prefix(err, r, "ending the snapshot") : 0;
}

/* Copies keep the order of the rows; one engine thread reads and writes. */
static void put_table(struct buf *script, const char *name, bool copy)
{
        buf_puts(script, copy ? "CREATE TABLE main." : "CREATE VIEW main.");
        sql_put_identifier(script, name);
        buf_puts(script, " AS FROM " ATTACHED ".main.");
        sql_put_identifier(script, name);
        buf_puts(script, ";");
}

int engine_snapshot_use(struct engine *engine, const char *path, const char *const *tables,
                        size_t n, bool copy, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, SCRIPT_MAX);
        int r = attach(engine, path, true, err);
        for (size_t i = 0; i < n; i++)
                put_table(&script, tables[i], copy);
        if (copy)
                buf_puts(&script, "DETACH " ATTACHED);
        if (r == 0)
                r = run_buffered(engine, &script, err);
        return r < 0 ? error_prefix(err, r, "reading the snapshot") : 0;
}

int engine_list_columns(struct engine *engine, json_t **ret, struct error *err)
{
        static const char list[] = "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT "
                                   "internal AND schema_name = 'main'";
        _cleanup_free_ char *said = NULL;
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        _cleanup_json_ json_t *columns = json_array();
        if (engine_statement(engine, list, NULL, 0, &cells, &said) < 0)
                return engine_error(err, said, NULL);
        for (size_t i = 0; i < cells.n_rows; i++) {
                const char *const *cell = (const char *const *)cells.cells + 2 * i;
                if (json_array_append_new(columns, json_pack("[s,s]", cell[0], cell[1])) < 0)
                        return error_oom(err);
        }
        if (!columns)
                return error_oom(err);
        *ret = steal_ptr(&columns);
        return 0;
}

/* A scan leaves what it read in the engine's buffers, as far as they go. */
int engine_snapshot_read_ahead(struct engine *engine, const char *table, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, SCRIPT_MAX);
        buf_puts(&script, "SELECT count(COLUMNS(*)) FROM main.");
        sql_put_identifier(&script, table);
        return run_buffered(engine, &script, err);
}
