/* Snapshots, as the engine sees them: a database file that is written once, by a builder, and read
 * by parents. */
#include "runner/engine_error.h"
#include "runner/engine_private.h"

#include "base/alloc.h"

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

/* A scan leaves what it read in the engine's buffers, as far as they go. */
int engine_snapshot_read_ahead(struct engine *engine, const char *table, struct error *err)
{
        _cleanup_buf_ struct buf script = {0};
        buf_init(&script, SCRIPT_MAX);
        buf_puts(&script, "SELECT count(COLUMNS(*)) FROM main.");
        sql_put_identifier(&script, table);
        return run_buffered(engine, &script, err);
}

/* Statements over data of their own that go through what most questions need: strings, dates,
 * decimals, grouping, joins, sorting, windows. */
static const char *const exercises[] = {
        "SELECT c, count(*) AS n, sum(d) AS s, avg(x) AS a, count(DISTINCT i % 7) AS u, "
        "min(t) AS f FROM (SELECT i, 'c' || (i % 10) AS c, CAST(i AS DECIMAL(10, 2)) AS d, "
        "i / 3 AS x, DATE '2026-01-01' + CAST(i % 90 AS INTEGER) AS t FROM range(4000) AS r(i)) "
        "WHERE i % 3 <> 1 AND c <> 'c5' AND t >= DATE '2026-01-02' "
        "GROUP BY c HAVING count(*) > 1 ORDER BY s DESC NULLS LAST, c ASC NULLS LAST LIMIT 5",
        "SELECT a.k AS k, b.name AS name, date_trunc('month', a.t) AS m, sum(a.v * 2) AS v, "
        "median(a.v) AS md, row_number() OVER (ORDER BY sum(a.v)) AS nr FROM (SELECT i % 50 AS k, "
        "i AS v, TIMESTAMP '2026-01-01 00:00:00' + to_hours(CAST(i AS BIGINT)) AS t FROM "
        "range(3000) AS r(i)) AS a LEFT JOIN (SELECT i AS k, 'name ' || i AS name FROM range(40) "
        "AS r(i)) AS b ON a.k = b.k GROUP BY a.k, b.name, date_trunc('month', a.t) "
        "ORDER BY v DESC NULLS LAST, k ASC NULLS LAST LIMIT 10",
        "SELECT round(100.0 * count(*) FILTER (WHERE i % 2 = 0) / nullif(count(*), 0), 2) AS p, "
        "CASE WHEN max(i) > 3 THEN 'yes' ELSE upper('no') END AS c FROM range(100) AS r(i)",
};

int engine_warm_up(struct engine *engine, struct error *err)
{
        const struct limits limits = LIMITS_DEFAULT;
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(exercises); i++) {
                struct engine_answer answer;
                json_t *tree = NULL;
                engine_answer_init(&answer, &limits);
                r = engine_parse(engine, exercises[i], &tree, err);
                if (r == 0)
                        r = engine_query(engine, exercises[i], &limits, &answer, err);
                json_decref(tree);
                engine_answer_done(&answer);
        }
        return r;
}
