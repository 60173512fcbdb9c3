#include "run/sample.h"

#include "run/describe.h"
#include "run/response.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <string.h>

#define SAMPLE_TIMEOUT_MS 10000
#define SAMPLE_BYTES_MAX (1024 * 1024) /* of one table's rows */
#define CUT "\xE2\x80\xA6"             /* U+2026 */

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

static void put_identifier(struct buf *sql, const char *name)
{
        buf_putc(sql, '"');
        for (; *name; name++) {
                if (*name == '"')
                        buf_putc(sql, '"');
                buf_putc(sql, *name);
        }
        buf_putc(sql, '"');
}

/* Long texts are cut by the engine already, as they may be of any length; one more code point shows
 * that there is more. Without an order the engine gives rows as the file has them, always. */
static void put_query(struct buf *sql, const struct table *table)
{
        buf_puts(sql, "SELECT ");
        for (size_t i = 0; i < table->n_columns; i++) {
                const struct column *column = &table->columns[i];
                bool text = column->kind == COLUMN_TEXT;
                buf_puts(sql, i ? ", " : "");
                buf_puts(sql, text ? "left(" : "");
                put_identifier(sql, column->name);
                if (!text)
                        continue;
                buf_printf(sql, ", %d) AS ", SAMPLE_CELL_MAX + 1);
                put_identifier(sql, column->name);
        }
        buf_puts(sql, table->n_columns ? " FROM " : "* FROM ");
        put_identifier(sql, table->name);
        buf_printf(sql, " LIMIT %d", SAMPLE_ROWS);
}

/* The bytes of the text's first SAMPLE_CELL_MAX code points. */
static size_t cut_at(const char *text, size_t n)
{
        size_t at = 0;
        uint32_t ignored;
        for (int i = 0; i < SAMPLE_CELL_MAX && at < n; i++)
                at += utf8_decode(text + at, n - at, &ignored);
        return at;
}

/* The value as it is shown: a new reference, or NULL for no memory. */
static json_t *shown(json_t *value)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf whole = {0};
        struct error ignored = {0};
        buf_init(&whole, SAMPLE_BYTES_MAX);
        buf_init(&text, SAMPLE_BYTES_MAX);
        if (json_is_string(value))
                buf_append(&whole, json_string_value(value), json_string_length(value));
        else if (json_put(value, &whole, &ignored) < 0)
                return NULL;
        size_t n = cut_at(buf_text(&whole), whole.len);
        if (n == whole.len)
                return json_incref(value);
        buf_append(&text, buf_text(&whole), n);
        buf_puts(&text, CUT);
        return json_string(buf_text(&text));
}

static json_t *shown_rows(const json_t *rows)
{
        _cleanup_json_ json_t *all = json_array();
        size_t i;
        size_t j;
        json_t *row;
        json_t *value;
        json_array_foreach(rows, i, row)
        {
                json_t *line = json_array();
                if (json_array_append_new(all, line) < 0)
                        return NULL;
                json_array_foreach(row, j, value)
                {
                        if (json_array_append_new(line, shown(value)) < 0)
                                return NULL;
                }
        }
        return steal_ptr(&all);
}

static int sample_table(struct executor *executor, struct request *request,
                        const struct table *table, int cancel_fd, json_t *samples,
                        struct error *err)
{
        _cleanup_(response_done) struct response response = {0};
        _cleanup_buf_ struct buf sql = {0};
        char run_id[UUID_TEXT_SIZE];
        buf_init(&sql, REQUEST_SQL_MAX);
        put_query(&sql, table);
        int r = buf_error(&sql, err, "the query");
        if (r == 0)
                r = uuid_v7(run_id, err);
        if (r < 0)
                return r;
        request->run_id = run_id;
        request->sql = buf_text(&sql);
        r = response_get(executor, request, cancel_fd, &response, err);
        if (r < 0)
                return r;
        if (response.says.type != ERROR_NONE) {
                *err = response.says;
                return -(int)err->type;
        }
        if (json_array_append_new(samples, shown_rows(json_object_get(response.body, "rows"))) < 0)
                return error_oom(err);
        return 0;
}

int dataset_sample(struct executor *executor, const struct dataset *dataset, int cancel_fd,
                   json_t **ret, struct error *err)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(DATASET_ARENA_MAX);
        _cleanup_json_ json_t *samples = json_array();
        struct request request = {.op = REQUEST_RUN,
                                  .as_of = "1970-01-01T00:00:00Z", /* the query asks for no time */
                                  .limits = LIMITS_DEFAULT};
        request.limits.timeout_ms = SAMPLE_TIMEOUT_MS;
        request.limits.max_rows = SAMPLE_ROWS;
        request.limits.max_output_bytes = SAMPLE_BYTES_MAX;
        int r = arena && samples ? request_set_tables(&request, dataset, NULL, arena, err)
                                 : error_oom(err);
        for (size_t i = 0; r == 0 && i < dataset->n_tables; i++) {
                r = sample_table(executor, &request, &dataset->tables[i], cancel_fd, samples, err);
                if (r < 0)
                        return error_prefix(err, r, "the table %s", dataset->tables[i].name);
        }
        if (r == 0)
                *ret = steal_ptr(&samples);
        return r;
}
