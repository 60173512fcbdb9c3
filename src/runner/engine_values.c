/* The value index (dataset/values.h), counted by the engine over tables that are loaded. Every
 * statement is of our own making and holds nothing of the user's but quoted identifiers. */
#include "runner/distinct_guess.h"
#include "runner/engine_private.h"
#include "runner/value_draft.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/schema.h"
#include "dataset/values.h"

#include <string.h>
#include <strings.h>

#define SQL_MAX (4 * 1024 * 1024)
#define LARGE_ROWS 1000000  /* a table of more is counted more sparingly */
#define DISTINCT_MAX 200000 /* texts, by our guess, of a column of a large table */
#define CELLS_AT_ONCE 1000000
#define COLUMNS_AT_ONCE 32
#define GUESSES_AT_ONCE 16

/* How a column is counted. */
enum way {
        WAY_TEXTS,   /* each distinct text with its number of rows */
        WAY_EXACT,   /* how many distinct values, the smallest and the largest */
        WAY_SPARING, /* likewise, but for the distinct ones */
        WAY_NULLS,   /* how many are NULL, and nothing more */
};

struct counted {
        struct draft_column *draft;
        enum column_kind kind;
        enum way way;
};

/* One table. */
struct counting {
        struct engine *engine;
        struct value_draft *draft;
        struct draft_table *table; /* the draft's last */
        struct counted *columns;
        struct buf sql;
};

static void counting_done(struct counting *counting)
{
        free(counting->columns);
        buf_done(&counting->sql);
}

static void put_column(struct counting *counting, size_t i)
{
        buf_puts(&counting->sql, "t.");
        sql_put_identifier(&counting->sql, counting->columns[i].draft->name);
}

static void put_from(struct counting *counting)
{
        buf_puts(&counting->sql, " FROM main.");
        sql_put_identifier(&counting->sql, counting->table->name);
        buf_puts(&counting->sql, " AS t");
}

static bool has_ends(enum column_kind kind)
{
        return kind != COLUMN_BOOLEAN && kind != COLUMN_OTHER;
}

/* -0 and 0 are equal, and which of them min() gives is chance: + 0 makes it 0. */
static void put_end(struct counting *counting, size_t i, const char *function)
{
        const struct counted *column = &counting->columns[i];
        if (column->way == WAY_NULLS || !has_ends(column->kind)) {
                buf_puts(&counting->sql, ", CAST(NULL AS VARCHAR)");
                return;
        }
        buf_printf(&counting->sql, ", CAST(%s(", function);
        put_column(counting, i);
        buf_printf(&counting->sql, ")%s AS VARCHAR)", column->kind == COLUMN_FLOAT ? " + 0" : "");
}

/* column, rows with a value, distinct values, the smallest, the largest */
static void put_summary(struct counting *counting, size_t i)
{
        buf_printf(&counting->sql, "SELECT CAST(%zu AS BIGINT), count(", i);
        put_column(counting, i);
        buf_puts(&counting->sql, "), ");
        if (counting->columns[i].way == WAY_EXACT) {
                buf_puts(&counting->sql, "count(DISTINCT ");
                put_column(counting, i);
                buf_puts(&counting->sql, ")");
        } else {
                buf_puts(&counting->sql, "CAST(-1 AS BIGINT)");
        }
        put_end(counting, i, "min");
        put_end(counting, i, "max");
        put_from(counting);
}

/* column, rows with the text, the text */
static void put_texts(struct counting *counting, size_t i)
{
        buf_printf(&counting->sql, "SELECT CAST(%zu AS BIGINT), count(*), ", i);
        put_column(counting, i);
        put_from(counting);
        buf_puts(&counting->sql, " WHERE ");
        put_column(counting, i);
        buf_puts(&counting->sql, " IS NOT NULL GROUP BY ");
        put_column(counting, i);
}

static bool is_valid(duckdb_vector vector, idx_t row)
{
        uint64_t *validity = duckdb_vector_get_validity(vector);
        return !validity || duckdb_validity_row_is_valid(validity, row);
}

static int64_t number_at(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
        return ((int64_t *)duckdb_vector_get_data(
                duckdb_data_chunk_get_vector(chunk, column)))[row];
}

/* NULL for NULL; belongs to the chunk. */
static const char *text_at(duckdb_data_chunk chunk, idx_t column, idx_t row, size_t *n)
{
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
        if (!is_valid(vector, row))
                return NULL;
        duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
        *n = duckdb_string_t_length(*text);
        return duckdb_string_t_data(text);
}

static int take_texts(void *data, duckdb_data_chunk chunk, struct error *err)
{
        struct counting *counting = data;
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        int r = 0;
        for (idx_t row = 0; r == 0 && row < rows; row++) {
                struct draft_column *column = counting->columns[number_at(chunk, 0, row)].draft;
                int64_t count = number_at(chunk, 1, row);
                size_t n = 0;
                const char *text = text_at(chunk, 2, row, &n);
                column->n_nulls -= count;
                r = draft_column_add(column, text, n, count, err);
        }
        return r;
}

static int take_end(struct draft_end *end, duckdb_data_chunk chunk, idx_t column, idx_t row,
                    struct error *err)
{
        size_t n = 0;
        const char *text = text_at(chunk, column, row, &n);
        return text ? draft_end_set(end, text, n, err) : 0;
}

static int take_summaries(void *data, duckdb_data_chunk chunk, struct error *err)
{
        struct counting *counting = data;
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        int r = 0;
        for (idx_t row = 0; r == 0 && row < rows; row++) {
                struct draft_column *column = counting->columns[number_at(chunk, 0, row)].draft;
                column->n_nulls = counting->table->n_rows - number_at(chunk, 1, row);
                column->n_distinct = number_at(chunk, 2, row);
                r = take_end(&column->min, chunk, 3, row, err);
                if (r == 0)
                        r = take_end(&column->max, chunk, 4, row, err);
        }
        return r;
}

/* Some columns of one way in one statement. */
static int count_at_once(struct counting *counting, const size_t *which, size_t n,
                         struct error *err)
{
        bool texts = counting->columns[which[0]].way == WAY_TEXTS;
        buf_clear(&counting->sql);
        for (size_t k = 0; k < n; k++) {
                draft_column_clear(counting->columns[which[k]].draft);
                counting->columns[which[k]].draft->n_nulls = texts ? counting->table->n_rows : 0;
                buf_puts(&counting->sql, k ? " UNION ALL " : "");
                if (texts)
                        put_texts(counting, which[k]);
                else
                        put_summary(counting, which[k]);
        }
        int r = buf_error(&counting->sql, err, "a statement");
        if (r == 0)
                r = engine_stream(counting->engine, buf_text(&counting->sql),
                                  texts ? take_texts : take_summaries, counting, err);
        for (size_t k = 0; k < n; k++)
                draft_column_rank(counting->columns[which[k]].draft);
        return r;
}

/* 1: there was too little memory for it, of which err says nothing. */
static int try_at_once(struct counting *counting, const size_t *which, size_t n, struct error *err)
{
        struct error why = {0};
        int r = count_at_once(counting, which, n, &why);
        if (r < 0 && why.type == ERROR_RUNNER_RESOURCE_EXCEEDED)
                return 1;
        if (r < 0)
                *err = why;
        return r;
}

/* A column that takes too much memory is as good as not counted: an index that says less is better
 * than tables that cannot be used. */
static int count_one(struct counting *counting, size_t i, struct error *err)
{
        int r = try_at_once(counting, &i, 1, err);
        if (r <= 0)
                return r;
        counting->columns[i].way = WAY_NULLS;
        return count_at_once(counting, &i, 1, err);
}

static int count_some(struct counting *counting, const size_t *which, size_t n, struct error *err)
{
        int r = n == 1 ? 1 : try_at_once(counting, which, n, err);
        for (size_t k = 0; r > 0 && k < n; k++)
                r = count_one(counting, which[k], err) < 0 ? -(int)err->type : 1;
        return r < 0 ? r : value_draft_shrink(counting->draft, err);
}

/* The columns of that way, as many at once as are planned and counted in little memory. */
static int count_way(struct counting *counting, enum way way, struct error *err)
{
        int64_t most = CELLS_AT_ONCE / (counting->table->n_rows + 1);
        size_t which[COLUMNS_AT_ONCE];
        size_t n = 0;
        int r = 0;
        for (size_t i = 0; r == 0 && i < counting->table->n_columns; i++) {
                if (counting->columns[i].way != way)
                        continue;
                which[n++] = i;
                if (n < COLUMNS_AT_ONCE && (int64_t)n < most)
                        continue;
                r = count_some(counting, which, n, err);
                n = 0;
        }
        return r < 0 || n == 0 ? r : count_some(counting, which, n, err);
}

/* A sample of some columns. */
struct sampling {
        struct distinct_guess *guesses; /* of the columns of the statement */
        unsigned window;
};

static int take_sample(void *data, duckdb_data_chunk chunk, struct error *err)
{
        struct sampling *sampling = data;
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        idx_t columns = duckdb_data_chunk_get_column_count(chunk);
        (void)err;
        for (idx_t column = 0; column < columns; column++)
                for (idx_t row = 0; row < rows; row++) {
                        size_t n = 0;
                        const char *text = text_at(chunk, column, row, &n);
                        if (text)
                                distinct_guess_add(&sampling->guesses[column], sampling->window,
                                                   text, n);
                }
        return 0;
}

static int sample_window(struct counting *counting, const size_t *which, size_t n,
                         struct sampling *sampling, struct error *err)
{
        int64_t from = (counting->table->n_rows - GUESS_WINDOW_ROWS) / (GUESS_WINDOWS - 1) *
                       sampling->window;
        buf_clear(&counting->sql);
        for (size_t k = 0; k < n; k++) {
                buf_puts(&counting->sql, k ? ", " : "SELECT ");
                put_column(counting, which[k]);
        }
        put_from(counting);
        buf_printf(&counting->sql, " WHERE t.rowid >= %lld AND t.rowid < %lld", (long long)from,
                   (long long)from + GUESS_WINDOW_ROWS);
        int r = buf_error(&counting->sql, err, "a statement");
        return r < 0 ? r
                     : engine_stream(counting->engine, buf_text(&counting->sql), take_sample,
                                     sampling, err);
}

/* Texts that are nearly all different are of no use in an index, and to count them takes long. */
static int sample(struct counting *counting, const size_t *which, size_t n, struct error *err)
{
        int r = 0;
        if (n == 0)
                return 0;
        _cleanup_free_ struct distinct_guess *guesses = alloc_calloc(n, sizeof(*guesses));
        struct sampling sampling = {.guesses = guesses};
        if (!guesses)
                return error_oom(err);
        for (; r == 0 && sampling.window < GUESS_WINDOWS; sampling.window++)
                r = sample_window(counting, which, n, &sampling, err);
        for (size_t k = 0; r == 0 && k < n; k++)
                if (distinct_guess_total(&guesses[k]) > DISTINCT_MAX)
                        counting->columns[which[k]].way = WAY_SPARING;
        return r;
}

/* A column of this name stands in the way of the engine's own number of a row. */
static bool has_column(const struct counting *counting, const char *name)
{
        for (size_t i = 0; i < counting->table->n_columns; i++)
                if (strcasecmp(counting->columns[i].draft->name, name) == 0)
                        return true;
        return false;
}

static int sample_texts(struct counting *counting, struct error *err)
{
        size_t which[GUESSES_AT_ONCE];
        size_t n = 0;
        int r = 0;
        if (counting->table->n_rows <= LARGE_ROWS || has_column(counting, "rowid"))
                return 0;
        for (size_t i = 0; r == 0 && i < counting->table->n_columns; i++) {
                if (counting->columns[i].way != WAY_TEXTS)
                        continue;
                which[n++] = i;
                if (n < GUESSES_AT_ONCE)
                        continue;
                r = sample(counting, which, n, err);
                n = 0;
        }
        return r < 0 ? r : sample(counting, which, n, err);
}

static enum way way_of(enum column_kind kind, int64_t n_rows)
{
        if (kind == COLUMN_TEXT)
                return WAY_TEXTS;
        return kind == COLUMN_OTHER || n_rows > LARGE_ROWS ? WAY_SPARING : WAY_EXACT;
}

static int begin_table(struct counting *counting, const json_t *said, struct error *err)
{
        const json_t *columns = json_object_get(said, "columns");
        struct draft_table *table = counting->table;
        size_t n = json_array_size(columns);
        *table = (struct draft_table){.name = json_get_string(said, "name"),
                                      .n_rows = json_get_int(said, "rows", 0)};
        table->columns = alloc_calloc(n + 1, sizeof(*table->columns));
        counting->columns = alloc_calloc(n + 1, sizeof(*counting->columns));
        if (!table->columns || !counting->columns)
                return error_oom(err);
        table->n_columns = n;
        for (size_t i = 0; i < n; i++) {
                const json_t *column = json_array_get(columns, i);
                enum column_kind kind = column_kind_of(json_get_string(column, "type"));
                table->columns[i] = (struct draft_column){.name = json_get_string(column, "name"),
                                                          .is_text = kind == COLUMN_TEXT};
                counting->columns[i] = (struct counted){.draft = &table->columns[i],
                                                        .kind = kind,
                                                        .way = way_of(kind, table->n_rows)};
        }
        return 0;
}

static int count_table(struct engine *engine, const json_t *said, struct value_draft *draft,
                       struct error *err)
{
        _cleanup_(counting_done) struct counting counting = {
                .engine = engine, .draft = draft, .table = &draft->tables[draft->n_tables++]};
        buf_init(&counting.sql, SQL_MAX);
        int r = begin_table(&counting, said, err);
        if (r == 0)
                r = sample_texts(&counting, err);
        for (enum way way = WAY_TEXTS; r == 0 && way < WAY_NULLS; way++)
                r = count_way(&counting, way, err);
        return r < 0 ? error_prefix(err, r, "counting the values of %s", counting.table->name) : 0;
}

int engine_values(struct engine *engine, const json_t *tables, struct buf *out, struct error *err)
{
        size_t n = json_array_size(tables);
        _cleanup_(value_draft_done) struct value_draft draft = {
                .tables = alloc_calloc(n + 1, sizeof(*draft.tables))};
        int r = draft.tables ? 0 : error_oom(err);
        while (r == 0 && draft.n_tables < n)
                r = count_table(engine, json_array_get(tables, draft.n_tables), &draft, err);
        return r < 0 ? r : value_draft_put(&draft, out, err);
}
