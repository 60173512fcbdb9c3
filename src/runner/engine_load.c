/* Files become tables. A file's path reaches the engine as a bound value, never as text. */
#include "runner/engine_error.h"
#include "runner/engine_private.h"

#include "base/arena.h"
#include "base/json.h"
#include "dataset/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_SQL_MAX (4 * 1024 * 1024)
#define NAMES_BYTES_MAX (8 * 1024 * 1024)
#define SNIFF_JSON_MAX (8 * 1024 * 1024)

/* What one table's load has in hand. */
struct loading {
        struct engine *engine;
        const struct request_table *table;
        const char *path; /* that opens the file */
        const char *file; /* what to call it in messages */
        struct arena *arena;
        struct buf sql;
        json_t *columns; /* [{"name","type","header"}], as they will be */
        long long skipped_lines;
};

static void loading_done(struct loading *loading)
{
        arena_free(loading->arena);
        buf_done(&loading->sql);
        json_decref(loading->columns);
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
                sql_put_text(&loading->sql, json_get_string(column, "type"));
        }
        buf_puts(&loading->sql, "}");
}

static void put_create(struct loading *loading)
{
        buf_clear(&loading->sql);
        buf_puts(&loading->sql, "CREATE TABLE ");
        sql_put_identifier(&loading->sql, loading->table->name);
        buf_puts(&loading->sql, " AS FROM ");
}

static int drop_table(struct loading *loading, struct error *err)
{
        _cleanup_free_ char *said = NULL;
        buf_clear(&loading->sql);
        buf_puts(&loading->sql, "DROP TABLE ");
        sql_put_identifier(&loading->sql, loading->table->name);
        if (engine_statement(loading->engine, buf_text(&loading->sql), NULL, 0, NULL, &said) < 0)
                return load_failed(loading, said, err);
        return 0;
}

/* The registry's files: RFC 4180, a header line, an empty field for NULL. */
static int load_typed_csv(struct loading *loading, struct error *err)
{
        for (size_t i = 0; i < loading->table->n_columns; i++) {
                const struct request_column *column = &loading->table->columns[i];
                int r = append_column(loading->columns, column->name, column->type, column->name,
                                      err);
                if (r < 0)
                        return r;
        }
        put_create(loading);
        buf_puts(&loading->sql, "read_csv($1, auto_detect = false, header = true, delim = ',', "
                                "quote = '\"', escape = '\"', nullstr = '', strict_mode = true");
        put_columns(loading);
        buf_puts(&loading->sql, ")");
        _cleanup_free_ char *said = NULL;
        int r = run_with_path(loading, NULL, &said, err);
        return said ? load_failed(loading, said, err) : r;
}

/* The header line's names as the engine read them, made into column names of our rules. */
static int take_sniffed_columns(struct loading *loading, const char *text, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = SNIFF_JSON_MAX, .max_depth = 8};
        _cleanup_json_ json_t *sniffed = NULL;
        int r = json_parse(text, strlen(text), &limits, ERROR_DATASET_INVALID, &sniffed, err);
        if (r < 0)
                return error_prefix(err, r, "%s: the header line", loading->file);
        size_t n = json_array_size(sniffed);
        const char **headers = arena_array(loading->arena, n + 1, sizeof(*headers));
        size_t *lengths = arena_array(loading->arena, n + 1, sizeof(*lengths));
        const char **names = NULL;
        if (!headers || !lengths)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                const json_t *name = json_object_get(json_array_get(sniffed, i), "name");
                headers[i] = json_is_string(name) ? json_string_value(name) : "";
                lengths[i] = json_string_length(name);
        }
        r = name_columns(headers, lengths, n, loading->arena, &names, err);
        json_array_clear(loading->columns);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *type = json_get_string(json_array_get(sniffed, i), "type");
                r = append_column(loading->columns, names[i], type ? type : "VARCHAR", headers[i],
                                  err);
        }
        return r;
}

/* What sniff_csv found, in the order of its query below. */
enum sniffed {
        SNIFFED_DELIMITER,
        SNIFFED_QUOTE,
        SNIFFED_ESCAPE,
        SNIFFED_SKIP,
        SNIFFED_HEADER,
        SNIFFED_DATE,
        SNIFFED_TIMESTAMP,
        SNIFFED_COLUMNS,
        SNIFFED_COUNT,
};

/* What a load needs to know of a file's dialect. */
struct dialect {
        const char *delimiter;
        const char *quote;
        const char *escape;
        bool header;
        const char *date_format; /* or NULL; likewise the next */
        const char *timestamp_format;
};

/* sniff_csv says "(empty)" for no character at all. A file whose sample has no quotes may have
 * some further down, and then they mean what RFC 4180 says. */
static const char *character(const char *said, const char *otherwise)
{
        return !said || !*said || strcmp(said, "(empty)") == 0 ? otherwise : said;
}

static struct dialect sniffed_dialect(char *const *found)
{
        return (struct dialect){
                .delimiter = character(found[SNIFFED_DELIMITER], ","),
                .quote = character(found[SNIFFED_QUOTE], "\""),
                .escape = character(found[SNIFFED_ESCAPE], "\""),
                .header = found[SNIFFED_HEADER] && strcmp(found[SNIFFED_HEADER], "true") == 0,
                .date_format = found[SNIFFED_DATE],
                .timestamp_format = found[SNIFFED_TIMESTAMP],
        };
}

static void put_option(struct loading *loading, const char *name, const char *value)
{
        if (!value)
                return;
        buf_printf(&loading->sql, ", %s = ", name);
        sql_put_text(&loading->sql, value);
}

static int create_from_csv(struct loading *loading, const struct dialect *dialect,
                           struct error *err)
{
        put_create(loading);
        buf_printf(&loading->sql, "read_csv($1, auto_detect = false, header = %s, skip = %lld",
                   dialect->header ? "true" : "false", loading->skipped_lines);
        put_option(loading, "delim", dialect->delimiter);
        put_option(loading, "quote", dialect->quote);
        put_option(loading, "escape", dialect->escape);
        put_option(loading, "dateformat", dialect->date_format);
        put_option(loading, "timestampformat", dialect->timestamp_format);
        put_columns(loading);
        buf_puts(&loading->sql, ")");
        _cleanup_free_ char *said = NULL;
        int r = run_with_path(loading, NULL, &said, err);
        return said ? load_failed(loading, said, err) : r;
}

/* The separator that a header of one column holds, if it holds one: then the file's lines differ
 * so much that the engine took them for whole fields. */
static char hidden_separator(const json_t *columns)
{
        if (json_array_size(columns) != 1)
                return '\0';
        const char *header = json_get_string(json_array_get(columns, 0), "header");
        const char *hit = strpbrk(header, ",;\t|");
        return hit ? *hit : '\0';
}

/* Reads the file by that separator, only to learn where it goes wrong. Negative when it does so
 * behind the first line of data; before, the commas are text and one column is right. */
static int check_separator(struct loading *loading, char separator, struct error *err)
{
        char text[2] = {separator, '\0'};
        struct dialect dialect = {.delimiter = text, .quote = "\"", .escape = "\"", .header = true};
        json_t *one = loading->columns;
        _cleanup_json_ json_t *many = json_array();
        if (!many)
                return error_oom(err);
        size_t fields = 1;
        for (const char *p = json_get_string(json_array_get(one, 0), "header"); *p; p++)
                fields += *p == separator;
        int r = 0;
        for (size_t i = 0; r == 0 && i < fields; i++) {
                char name[32];
                (void)snprintf(name, sizeof(name), "column_%zu", i + 1);
                r = append_column(many, name, "VARCHAR", "", err);
        }
        if (r < 0)
                return r;
        loading->columns = many;
        struct error why = {0};
        r = create_from_csv(loading, &dialect, &why);
        loading->columns = one;
        if (r == 0)
                return drop_table(loading, err);
        if (why.type != ERROR_DATASET_INVALID || strstr(why.message, ", line 2:"))
                return 0;
        *err = why;
        return r;
}

static int sniff(struct loading *loading, const char *sample, struct engine_cells *cells,
                 struct error *err)
{
        _cleanup_free_ char *said = NULL;
        buf_clear(&loading->sql);
        buf_printf(&loading->sql,
                   "SELECT Delimiter, Quote, Escape, CAST(SkipRows AS VARCHAR), "
                   "CAST(HasHeader AS VARCHAR), DateFormat, TimestampFormat, "
                   "CAST(to_json(Columns) AS VARCHAR) FROM sniff_csv($1, sample_size = %s)",
                   sample);
        int r = run_with_path(loading, cells, &said, err);
        if (said)
                return load_failed(loading, said, err);
        if (r == 0 && (cells->n_rows != 1 || !cells->cells[SNIFFED_COLUMNS]))
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s does not look like a CSV file: no columns were found",
                                 loading->file);
        return r;
}

static int load_with_sample(struct loading *loading, const char *sample, struct error *err)
{
        _cleanup_(engine_cells_done) struct engine_cells cells = {0};
        int r = sniff(loading, sample, &cells, err);
        if (r < 0)
                return r;
        struct dialect dialect = sniffed_dialect(cells.cells);
        loading->skipped_lines = strtoll(cells.cells[SNIFFED_SKIP], NULL, 10);
        r = take_sniffed_columns(loading, cells.cells[SNIFFED_COLUMNS], err);
        char separator = r < 0 ? '\0' : hidden_separator(loading->columns);
        if (separator)
                r = check_separator(loading, separator, err);
        return r < 0 ? r : create_from_csv(loading, &dialect, err);
}

/* A sample decides the types; when a later line does not fit them, every line does. */
static int load_sniffed_csv(struct loading *loading, struct error *err)
{
        struct error first = {0};
        int r = load_with_sample(loading, "20480", &first);
        if (r == 0)
                return 0;
        if (first.type == ERROR_DATASET_INVALID && load_with_sample(loading, "-1", err) == 0)
                return 0;
        *err = first;
        return r;
}

static int load_parquet(struct loading *loading, struct error *err)
{
        static const char columns_of[] =
                "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' "
                "AND table_name = $1 ORDER BY column_index";
        put_create(loading);
        buf_puts(&loading->sql, "read_parquet($1)");
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
        return r;
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
        json_t *table = json_pack("{s:s,s:I,s:I,s:O}", "name", loading->table->name, "rows",
                                  (json_int_t)rows, "skipped_lines",
                                  (json_int_t)loading->skipped_lines, "columns", loading->columns);
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
                                             : load_sniffed_csv(loading, err);
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
