/* Files become tables. A file's path reaches the engine as a bound value, never as text. */
#include "runner/csv_head.h"
#include "runner/csv_types.h"
#include "runner/engine_error.h"
#include "runner/engine_private.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOAD_SQL_MAX (4 * 1024 * 1024)
#define CUT_BYTES (4 * 1024 * 1024) /* half of what the engine reads in one piece */
#define NAMES_BYTES_MAX (8 * 1024 * 1024)

/* What one table's load has in hand. */
struct loading {
        struct engine *engine;
        const struct request_table *table;
        const char *path; /* that opens the file */
        const char *file; /* what to call it in messages */
        struct arena *arena;
        struct buf sql;
        json_t *columns;        /* [{"name","type","header"}], as they will be */
        struct csv_types types; /* of a CSV file of which nothing was known; else empty */
};

static void loading_done(struct loading *loading)
{
        arena_free(loading->arena);
        buf_done(&loading->sql);
        json_decref(loading->columns);
        free(loading->types.columns);
}

static int load_failed(struct loading *loading, const char *said, struct error *err)
{
        return engine_load_error(err, said, loading->file, loading->path);
}

static int run_with_path(struct loading *loading, struct engine_cells *cells, char **said,
                         struct error *err)
{
        int r = buf_error(&loading->sql, err, "the statement that loads a table");
        if (r < 0)
                return r;
        return engine_statement(loading->engine, buf_text(&loading->sql), &loading->path, 1, cells,
                                said);
}

static int append_column(json_t *columns, const char *name, const char *type, const char *header,
                         struct error *err)
{
        json_t *column = json_pack("{s:s,s:s,s:s}", "name", name, "type", type, "header", header);
        if (!column || json_array_append_new(columns, column) < 0)
                return error_oom(err);
        return 0;
}

/* The engine takes blanks between a closing quote and the separator away from text, and refuses
 * them in what it is to read as another type; so it is given text, and converts that. */
static bool is_converted(const struct loading *loading, size_t i)
{
        return loading->types.regular && loading->types.columns[i].spaced;
}

/* , columns = {'a': 'INTEGER', ...} */
static void put_columns(struct loading *loading)
{
        size_t i;
        json_t *column;
        buf_puts(&loading->sql, ", columns = {");
        json_array_foreach(loading->columns, i, column)
        {
                if (i)
                        buf_puts(&loading->sql, ", ");
                sql_put_text(&loading->sql, json_get_string(column, "name"));
                buf_puts(&loading->sql, ": ");
                sql_put_text(&loading->sql, is_converted(loading, i)
                                                    ? "VARCHAR"
                                                    : json_get_string(column, "type"));
        }
        buf_puts(&loading->sql, "}");
}

static void put_create(struct loading *loading)
{
        buf_clear(&loading->sql);
        buf_puts(&loading->sql, "CREATE TABLE ");
        sql_put_identifier(&loading->sql, loading->table->name);
        buf_puts(&loading->sql, " AS ");
}

/* A collation makes values equal that differ, and a time of day with a zone means something else
 * from day to day: no answer over them would repeat. */
static int check_types(const struct loading *loading, struct error *err)
{
        size_t i;
        json_t *column;
        json_array_foreach(loading->columns, i, column)
        {
                const char *type = json_get_string(column, "type");
                if (strcasestr(type, "collate") || strcasestr(type, "timetz") ||
                    strncasecmp(type, "time with", strlen("time with")) == 0)
                        return error_set(err, ERROR_DATASET_INVALID,
                                         "%s, column %s: the type %s is not possible; use VARCHAR",
                                         loading->file, json_get_string(column, "name"), type);
        }
        return 0;
}

/* SELECT CAST("a" AS INTEGER) AS "a", "b" */
static void put_selection(struct loading *loading)
{
        size_t i;
        json_t *column;
        buf_puts(&loading->sql, "SELECT ");
        json_array_foreach(loading->columns, i, column)
        {
                const char *name = json_get_string(column, "name");
                buf_puts(&loading->sql, i ? ", " : "");
                buf_puts(&loading->sql, is_converted(loading, i) ? "CAST(" : "");
                sql_put_identifier(&loading->sql, name);
                if (!is_converted(loading, i))
                        continue;
                buf_printf(&loading->sql, " AS %s) AS ", json_get_string(column, "type"));
                sql_put_identifier(&loading->sql, name);
        }
        buf_putc(&loading->sql, ' ');
}

/* A header line, an empty field for NULL, else RFC 4180. Strict: a line with another number of
 * fields is an error that names it, so that no line is ever dropped or joined. */
static int load_csv(struct loading *loading, char separator, struct error *err)
{
        const char text[2] = {separator, '\0'};
        bool converts = false;
        for (size_t i = 0; i < json_array_size(loading->columns); i++)
                converts |= is_converted(loading, i);
        put_create(loading);
        if (converts)
                put_selection(loading);
        buf_puts(&loading->sql, "FROM read_csv($1, auto_detect = false, header = true, "
                                "quote = '\"', escape = '\"', nullstr = '', strict_mode = true, "
                                "delim = ");
        sql_put_text(&loading->sql, text);
        put_columns(loading);
        /* Else the engine cuts a large file in pieces, even for one thread, and where a piece
         * begins inside quotes it may take the text there for lines of the file. In one piece it
         * says nothing about a quote that is not closed. */
        if (loading->types.regular && loading->types.quoted_line_ends)
                buf_puts(&loading->sql, ", parallel = false");
        buf_puts(&loading->sql, ")");
        _cleanup_free_ char *said = NULL;
        int r = run_with_path(loading, NULL, &said, err);
        return said ? load_failed(loading, said, err) : r;
}

static int scan(struct loading *loading, char separator, struct error *err)
{
        _cleanup_close_ int fd = open(loading->path, O_RDONLY | O_CLOEXEC);
        const struct csv_scan scan = {.fd = fd,
                                      .separator = separator,
                                      .n_columns = json_array_size(loading->columns),
                                      .threads = loading->engine->threads,
                                      .part_bytes = CSV_PART_BYTES,
                                      .read_bytes = CSV_READ_BYTES};
        int r = csv_types_find(&scan, &loading->types, err);
        return r < 0 ? error_prefix(err, r, "%s", loading->file) : 0;
}

/* A file that the engine would cut in pieces is looked through first: load_csv says why. */
static int scan_if_large(struct loading *loading, struct error *err)
{
        struct stat file;
        if (stat(loading->path, &file) < 0 || file.st_size < CUT_BYTES)
                return 0;
        return scan(loading, ',', err);
}

/* The registry's files. */
static int load_typed_csv(struct loading *loading, struct error *err)
{
        for (size_t i = 0; i < loading->table->n_columns; i++) {
                const struct request_column *column = &loading->table->columns[i];
                int r = append_column(loading->columns, column->name, column->type, column->name,
                                      err);
                if (r < 0)
                        return r;
        }
        int r = check_types(loading, err);
        if (r == 0)
                r = scan_if_large(loading, err);
        return r < 0 ? r : load_csv(loading, ',', err);
}

/* Reads the first line: the columns' names, all VARCHAR for now, and what divides fields. */
static int read_header(struct loading *loading, char *separator, struct error *err)
{
        _cleanup_fclose_ FILE *f = fopen(loading->path, "re");
        _cleanup_free_ char *bytes = alloc_malloc(CSV_HEAD_MAX);
        struct csv_head head = {0};
        const char **names = NULL;
        if (!f || !bytes)
                return error_set(err, ERROR_DATASET_INVALID, "%s cannot be read", loading->file);
        size_t n = fread(bytes, 1, CSV_HEAD_MAX, f);
        int r = csv_head_read(bytes, n, n < CSV_HEAD_MAX, loading->arena, &head, err);
        if (r < 0)
                return error_prefix(err, r, "%s", loading->file);
        r = name_columns(head.fields, head.lengths, head.n, loading->arena, &names, err);
        for (size_t i = 0; r == 0 && i < head.n; i++)
                r = append_column(loading->columns, names[i], "VARCHAR", names[i], err);
        *separator = head.separator;
        return r;
}

static int find_types(struct loading *loading, char separator, struct error *err)
{
        int r = scan(loading, separator, err);
        if (r < 0)
                return r;
        for (size_t i = 0; loading->types.regular && i < json_array_size(loading->columns); i++) {
                char type[CSV_TYPE_TEXT_SIZE];
                csv_column_type(&loading->types.columns[i], type);
                if (json_object_set_new(json_array_get(loading->columns, i), "type",
                                        json_string(type)) < 0)
                        return error_oom(err);
        }
        return 0;
}

static int ambiguous(const struct loading *loading, struct error *err)
{
        return error_set(err, ERROR_DATASET_INVALID,
                         "%s: where its lines and fields end is ambiguous; use one kind of line "
                         "end, and quotes only around whole fields (RFC 4180)",
                         loading->file);
}

/* A file of which nothing is known: a header line, then lines of as many fields. When our reader
 * finds a fault, the engine's says which and where. */
static int load_untyped_csv(struct loading *loading, struct error *err)
{
        char separator = ',';
        int r = read_header(loading, &separator, err);
        if (r == 0)
                r = find_types(loading, separator, err);
        if (r == 0)
                r = load_csv(loading, separator, err);
        return r < 0 || loading->types.regular ? r : ambiguous(loading, err);
}

static int load_parquet(struct loading *loading, struct error *err)
{
        static const char columns_of[] =
                "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' "
                "AND table_name = $1 ORDER BY column_index";
        put_create(loading);
        buf_puts(&loading->sql, "FROM read_parquet($1)");
        _cleanup_free_ char *said = NULL;
        int r = run_with_path(loading, NULL, &said, err);
        if (said)
                return load_failed(loading, said, err);
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        if (r == 0 && engine_statement(loading->engine, columns_of, &loading->table->name, 1,
                                       &cells, &said) < 0)
                return load_failed(loading, said, err);
        for (size_t i = 0; r == 0 && i < cells.n_rows; i++)
                r = append_column(loading->columns, cells.cells[2 * i], cells.cells[2 * i + 1],
                                  cells.cells[2 * i], err);
        return r < 0 ? r : check_types(loading, err);
}

/* The encodings that begin with a mark of their own, and nothing at all. */
static int check_first_bytes(struct loading *loading, struct error *err)
{
        unsigned char first[4] = {0};
        _cleanup_fclose_ FILE *f = fopen(loading->path, "re");
        if (!f)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s may not be read by this user without special rights, and the "
                                 "sandbox has none; run as the file's owner or change its mode",
                                 loading->file);
        size_t n = fread(first, 1, sizeof(first), f);
        if (n == 0)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s is empty; a CSV file needs a header line", loading->file);
        if (n >= 2 &&
            ((first[0] == 0xFF && first[1] == 0xFE) || (first[0] == 0xFE && first[1] == 0xFF)))
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
                                 loading->file);
        return 0;
}

static int count_rows(struct loading *loading, long long *ret, struct error *err)
{
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        _cleanup_free_ char *said = NULL;
        buf_clear(&loading->sql);
        buf_puts(&loading->sql, "SELECT CAST(count(*) AS VARCHAR) FROM main.");
        sql_put_identifier(&loading->sql, loading->table->name);
        if (engine_statement(loading->engine, buf_text(&loading->sql), NULL, 0, &cells, &said) < 0)
                return load_failed(loading, said, err);
        *ret = strtoll(cells.cells[0], NULL, 10);
        return 0;
}

static int describe(struct loading *loading, json_t *described, struct error *err)
{
        long long rows = 0;
        int r = count_rows(loading, &rows, err);
        if (r < 0)
                return r;
        if (loading->types.regular && rows != loading->types.rows)
                return ambiguous(loading, err);
        json_t *table = json_pack("{s:s,s:I,s:I,s:O}", "name", loading->table->name, "rows",
                                  (json_int_t)rows, "skipped_lines", (json_int_t)0, "columns",
                                  loading->columns);
        if (!table || json_array_append_new(described, table) < 0)
                return error_oom(err);
        return 0;
}

static int load(struct loading *loading, struct error *err)
{
        if (strcmp(loading->table->format, "parquet") == 0)
                return load_parquet(loading, err);
        int r = check_first_bytes(loading, err);
        if (r < 0)
                return r;
        return loading->table->n_columns > 0 ? load_typed_csv(loading, err)
                                             : load_untyped_csv(loading, err);
}

int engine_load(struct engine *engine, const struct request_table *table, const char *path,
                json_t *described, struct error *err)
{
        const char *slash = strrchr(table->path, '/');
        _cleanup_(loading_done) struct loading loading = {
                .engine = engine,
                .table = table,
                .path = path,
                .file = slash ? slash + 1 : table->path,
                .arena = arena_new(NAMES_BYTES_MAX),
                .columns = json_array(),
        };
        buf_init(&loading.sql, LOAD_SQL_MAX);
        if (!loading.arena || !loading.columns)
                return error_oom(err);
        int r = load(&loading, err);
        return r < 0 ? r : describe(&loading, described, err);
}
