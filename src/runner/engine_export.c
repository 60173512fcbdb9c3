/* A result that is given becomes a Parquet file. Its rows reach DuckDB's writer by a table
 * function: no name, type or value of theirs is ever part of a statement. */
#include "runner/engine_error.h"
#include "runner/engine_private.h"
#include "runner/shape.h"
#include "runner/value.h"
#include "runner/value_take.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "dataset/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_ARENA_MAX ((size_t)256 * 1024 * 1024)
#define EXPORT_STATEMENT_MAX ((size_t)16 * 1024 * 1024)
#define TYPE_TEXT_MAX ((size_t)1024 * 1024)
#define BLANKS " \t\r\n"

/* One export under way. */
struct export
{
        const struct request_result *result;
        struct arena *arena;
        const char **names; /* in the file */
        struct shape *shapes;
        size_t at;   /* in the rows' text */
        size_t rows; /* that were read */
        bool ended;
        struct error err; /* of the rows; NONE: they are well so far */
};

static void export_done(struct export *export)
{
        arena_free(export->arena);
}

/* The names that a header line would give: each of its own, none empty. */
static int name_all(struct export *export, struct error *err)
{
        const struct request_result *result = export->result;
        size_t *lengths = arena_array(export->arena, result->n, sizeof(*lengths));
        if (!lengths)
                return error_oom(err);
        for (size_t i = 0; i < result->n; i++)
                lengths[i] = strlen(result->columns[i]);
        return name_columns(result->columns, lengths, result->n, export->arena, &export->names,
                            err);
}

static int read_shapes(struct export *export, struct error *err)
{
        const struct request_result *result = export->result;
        export->shapes = arena_array(export->arena, result->n, sizeof(*export->shapes));
        if (!export->shapes)
                return error_oom(err);
        for (size_t i = 0; i < result->n; i++) {
                int r = shape_read(result->types[i], export->arena, &export->shapes[i], err);
                if (r < 0)
                        return error_prefix(err, r, "column \"%.100s\"", export->names[i]);
        }
        return 0;
}

static int add_column(struct export *export, size_t i, duckdb_bind_info info,
                      struct engine_answer *answer, struct error *err)
{
        _cleanup_type_ duckdb_logical_type type = shape_file_type(&export->shapes[i]);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TYPE_TEXT_MAX);
        if (!type)
                return error_oom(err);
        if (info) {
                duckdb_bind_add_result_column(info, export->names[i], type);
                return 0;
        }
        value_put_type(&text, type);
        if (json_array_append_new(answer->columns, json_string(export->names[i])) < 0 ||
            json_array_append_new(answer->types, json_string(buf_text(&text))) < 0)
                return error_oom(err);
        return buf_error(&text, err, "a column's type");
}

static void skip_blanks(struct export *export)
{
        export->at += strspn(export->result->rows + export->at, BLANKS);
}

/* The next character that counts, if it is c. */
static bool take(struct export *export, char c)
{
        skip_blanks(export);
        if (export->result->rows[export->at] != c)
                return false;
        export->at++;
        return true;
}

static int malformed(struct export *export, const char *why)
{
        return error_set(&export->err, ERROR_INVALID_REQUEST,
                         "the result's rows are not a JSON array of arrays (row %zu): %s",
                         export->rows + 1, why);
}

/* One row, parsed where it stands in the text: 1 and *ret, 0 behind the last, or negative. */
static int next_row(struct export *export, json_t **ret)
{
        const struct request_result *result = export->result;
        json_error_t said;
        if (export->ended)
                return 0;
        if (export->rows == 0 && !take(export, '['))
                return malformed(export, "it begins with no bracket");
        if (take(export, ']')) {
                skip_blanks(export);
                export->ended = true;
                return export->at == result->rows_bytes ? 0 : malformed(export, "more follows it");
        }
        if (export->rows > 0 && !take(export, ','))
                return malformed(export, "a comma is missing");
        skip_blanks(export);
        *ret = json_loadb(result->rows + export->at, result->rows_bytes - export->at,
                          JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &said);
        if (!*ret)
                return json_error_code(&said) == json_error_out_of_memory
                               ? error_oom(&export->err)
                               : malformed(export, said.text);
        export->at += (size_t)said.position;
        return 1;
}

static int put_row(struct export *export, const json_t *row, duckdb_data_chunk chunk, idx_t at)
{
        if (!json_is_array(row) || json_array_size(row) != export->result->n)
                return malformed(export, "it has not one value for each column");
        for (size_t i = 0; i < export->result->n; i++) {
                int r = value_take(&export->shapes[i], json_array_get(row, i),
                                   duckdb_data_chunk_get_vector(chunk, i), at, &export->err);
                if (r < 0)
                        return error_prefix(&export->err, r, "row %zu, column \"%.100s\"",
                                            export->rows + 1, export->names[i]);
        }
        export->rows++;
        return 0;
}

static void bind_rows(duckdb_bind_info info)
{
        struct export *export = duckdb_bind_get_extra_info(info);
        for (size_t i = 0; i < export->result->n; i++)
                if (add_column(export, i, info, NULL, &export->err) < 0)
                        duckdb_bind_set_error(info, export->err.message);
}

static void begin_rows(duckdb_init_info info)
{
        duckdb_init_set_max_threads(info, 1); /* they have an order */
}

/* The table function: a chunk of rows; none is the end. */
static void give_rows(duckdb_function_info info, duckdb_data_chunk chunk)
{
        struct export *export = duckdb_function_get_extra_info(info);
        idx_t n = 0;
        int r = 1;
        while (n < duckdb_vector_size()) {
                _cleanup_json_ json_t *row = NULL;
                r = next_row(export, &row);
                if (r > 0)
                        r = put_row(export, row, chunk, n) < 0 ? -1 : 1;
                if (r <= 0)
                        break;
                n++;
        }
        duckdb_data_chunk_set_size(chunk, r < 0 ? 0 : n);
        if (r < 0)
                duckdb_function_set_error(info, export->err.message);
}

static int register_rows(struct engine *engine, struct export *export, struct error *err)
{
        duckdb_table_function function = duckdb_create_table_function();
        duckdb_table_function_set_name(function, "result_rows");
        duckdb_table_function_set_extra_info(function, export, NULL);
        duckdb_table_function_set_bind(function, bind_rows);
        duckdb_table_function_set_init(function, begin_rows);
        duckdb_table_function_set_function(function, give_rows);
        duckdb_state state = duckdb_register_table_function(engine->connection, function);
        duckdb_destroy_table_function(&function);
        if (state != DuckDBSuccess)
                return error_set(err, ERROR_RUNNER_INTERNAL, "the engine took no table function");
        return 0;
}

/* With what the types were before some became others, and the run that the rows are of. */
static int put_copy(const struct request *request, const char *path, struct buf *sql,
                    struct error *err)
{
        _cleanup_buf_ struct buf types = {0};
        buf_init(&types, sql->max);
        buf_putc(&types, '[');
        for (size_t i = 0; i < request->result->n; i++) {
                buf_puts(&types, i ? "," : "");
                json_put_string(&types, request->result->types[i],
                                strlen(request->result->types[i]));
        }
        buf_putc(&types, ']');
        buf_puts(sql, "COPY (FROM result_rows()) TO ");
        sql_put_text(sql, path);
        buf_puts(sql, " (FORMAT parquet, USE_TMP_FILE false, KV_METADATA {askcsv_run_id: ");
        sql_put_text(sql, request->run_id);
        buf_puts(sql, ", askcsv_types: ");
        sql_put_text(sql, buf_text(&types));
        buf_puts(sql, "})");
        int r = buf_error(&types, err, "the columns' types");
        return r < 0 ? r : buf_error(sql, err, "the columns' types");
}

static int too_large(const struct engine_answer *answer, struct error *err)
{
        return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                         "the file is larger than %zu bytes; ask for fewer rows or columns",
                         answer->rows.max);
}

static int write_file(struct engine *engine, const struct export *export, const char *sql,
                      const struct engine_answer *answer, struct error *err)
{
        _cleanup_free_ char *said = NULL;
        if (engine_statement(engine, sql, NULL, 0, NULL, &said) == 0)
                return 0;
        if (export->err.type != ERROR_NONE) {
                *err = export->err;
                return -(int)err->type;
        }
        if (said && (strstr(said, "File too large") || strstr(said, "No space left")))
                return too_large(answer, err);
        return engine_error(err, said, NULL);
}

static int read_file(const char *path, struct engine_answer *answer, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set(err, ERROR_RUNNER_INTERNAL, "the file that was written is gone");
        int r = fd_read_all(fd, &answer->rows, "the file", err);
        return answer->rows.state == BUF_TOO_LARGE ? too_large(answer, err) : r;
}

static int describe(struct export *export, struct engine_answer *answer, struct error *err)
{
        answer->columns = json_array();
        answer->types = json_array();
        if (!answer->columns || !answer->types)
                return error_oom(err);
        for (size_t i = 0; i < export->result->n; i++) {
                int r = add_column(export, i, NULL, answer, err);
                if (r < 0)
                        return r;
        }
        answer->row_count = export->rows;
        return 0;
}

int engine_export(struct engine *engine, const struct request *request, const char *path,
                  struct engine_answer *answer, struct error *err)
{
        _cleanup_(export_done) struct export export = {.result = request->result,
                                                       .arena = arena_new(EXPORT_ARENA_MAX)};
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, EXPORT_STATEMENT_MAX);
        if (!export.arena)
                return error_oom(err);
        int r = name_all(&export, err);
        if (r == 0)
                r = read_shapes(&export, err);
        if (r == 0)
                r = register_rows(engine, &export, err);
        if (r == 0)
                r = put_copy(request, path, &sql, err);
        if (r == 0)
                r = write_file(engine, &export, buf_text(&sql), answer, err);
        if (r == 0)
                r = read_file(path, answer, err);
        return r < 0 ? r : describe(&export, answer, err);
}
