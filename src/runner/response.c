#include "runner/response.h"

#include "runner/worker.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "protocol/frame.h"

#include <math.h>
#include <string.h>

#define RESPONSE_SLACK (16 * 1024 * 1024) /* beside the rows */

static const struct json_limits head_limits = {.max_bytes = WORKER_HEAD_MAX, .max_depth = 32};

/* The next line of said as a JSON object; *at moves behind it. */
static json_t *take_line(const struct buf *said, size_t *at)
{
        const char *start = buf_text(said) + *at;
        const char *end = memchr(start, '\n', said->len - *at);
        json_t *json = NULL;
        struct error ignored = {0};
        if (!end)
                return NULL;
        *at += (size_t)(end - start) + 1;
        if (json_parse(start, (size_t)(end - start), &head_limits, ERROR_RUNNER_INTERNAL, &json,
                       &ignored) < 0)
                return NULL;
        if (!json_is_object(json)) {
                json_decref(json);
                return NULL;
        }
        return json;
}

bool response_take_words(struct response *response)
{
        size_t at = 0;
        response->walls = take_line(response->said, &at);
        response->head = response->walls ? take_line(response->said, &at) : NULL;
        json_int_t bytes = response->head ? json_get_int(response->head, "rows_bytes", -1) : -1;
        if (bytes < 0 || (size_t)bytes + 1 != response->said->len - at)
                return false;
        response->rows = buf_text(response->said) + at;
        response->rows_bytes = (size_t)bytes;
        return response->rows[bytes] == '\n';
}

long response_peak_kb(const struct response *response)
{
        return (long)json_get_int(response->head, "peak_memory_kb", 0);
}

void response_done(struct response *response)
{
        json_decref(response->walls);
        json_decref(response->head);
}

static void put_key(struct buf *out, const char *key)
{
        buf_printf(out, ",\"%s\":", key);
}

/* Bytes that may be anything as a JSON string: what is not printable ASCII becomes "?". */
static void put_captured(struct buf *out, const char *key, const struct buf *text)
{
        put_key(out, key);
        _cleanup_buf_ struct buf clean = {0};
        buf_init(&clean, text->max);
        for (size_t i = 0; i < text->len; i++) {
                char c = text->data[i];
                bool fine = (c >= ' ' && c <= '~') || c == '\n' || c == '\t';
                buf_putc(&clean, fine ? c : '?');
        }
        json_put_string(out, buf_text(&clean), clean.len);
}

static int put_json(struct buf *out, const char *key, const json_t *value, struct error *err)
{
        put_key(out, key);
        if (value)
                return json_put(value, out, err);
        buf_puts(out, "null");
        return 0;
}

static void put_error(struct buf *out, const struct error *why)
{
        put_key(out, "error");
        buf_printf(out, "{\"type\":\"%s\",\"message\":", error_type_name(why->type));
        json_put_string(out, why->message, strlen(why->message));
        if (why->pointer[0]) {
                buf_puts(out, ",\"pointer\":");
                json_put_string(out, why->pointer, strlen(why->pointer));
        }
        if (why->retry_after_ms > 0)
                buf_printf(out, ",\"retry_after_ms\":%lld", why->retry_after_ms);
        buf_putc(out, '}');
}

static const char *status_of_failure(enum error_type type)
{
        return type == ERROR_RUNNER_TIMEOUT ? "timeout" : "error";
}

static const json_t *find_described(const json_t *described, const char *name)
{
        size_t i;
        json_t *table;
        json_array_foreach(described, i, table)
        {
                const char *this = json_get_string(table, "name");
                if (this && strcmp(this, name) == 0)
                        return table;
        }
        return NULL;
}

/* What the supervisor measured of each file, and what the worker made of it. */
static int put_tables(struct buf *out, const struct response *response, struct error *err)
{
        const json_t *described = response->described ? response->described
                                                      : json_object_get(response->head, "tables");
        put_key(out, "tables");
        buf_putc(out, '[');
        for (size_t i = 0; i < response->files->n; i++) {
                const struct file *file = &response->files->items[i];
                const json_t *table = find_described(described, file->table->name);
                buf_printf(out, "%s{\"name\":\"%s\",\"sha256\":", i ? "," : "", file->table->name);
                if (file->sha256[0])
                        buf_printf(out, "\"%s\"", file->sha256);
                else
                        buf_puts(out, "null");
                buf_printf(out, ",\"bytes\":%lld", (long long)file->at_start.st_size);
                int r = put_json(out, "rows", json_object_get(table, "rows"), err);
                if (r == 0)
                        r = put_json(out, "skipped_lines", json_object_get(table, "skipped_lines"),
                                     err);
                if (r == 0)
                        r = put_json(out, "columns", json_object_get(table, "columns"), err);
                if (r < 0)
                        return r;
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
        return 0;
}

static double exec_time_ms(const json_t *head)
{
        double total = 0;
        const char *name;
        json_t *value;
        json_object_foreach(json_object_get(head, "timings"), name, value)
        {
                total += json_number_value(value);
        }
        return total;
}

static int put_answer(struct buf *out, const struct response *response, struct error *err)
{
        const json_t *head = response->head;
        int r = put_json(out, "columns", json_object_get(head, "columns"), err);
        if (r == 0)
                r = put_json(out, "types", json_object_get(head, "types"), err);
        put_key(out, "rows");
        if (response->rows_bytes && response->request->op != REQUEST_VALUES &&
            response->request->op != REQUEST_EXPORT)
                buf_append(out, response->rows, response->rows_bytes);
        else
                buf_puts(out, "null");
        static const char *const rest[] = {"row_count", "truncated", "ordered", "result_hash"};
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rest); i++)
                r = put_json(out, rest[i], json_object_get(head, rest[i]), err);
        return r;
}

/* The text of the value index; NULL when the response has none. */
static const char *values_of(const struct response *response, size_t *n)
{
        static const char nothing[] = "{\"tables\":[]}";
        const char *status = json_get_string(response->head, "status");
        if (response->request->op != REQUEST_VALUES || response->failure->type != ERROR_NONE ||
            !status || strcmp(status, "success") != 0)
                return NULL;
        bool empty = response->request->n_tables == 0;
        const struct buf *values = response->values;
        *n = empty ? strlen(nothing) : values ? values->len : response->rows_bytes;
        return empty ? nothing : values ? buf_text(values) : response->rows;
}

/* A process in a sandbox wrote it, and nobody parses it here. */
static void check_values(const struct response *response)
{
        size_t n = 0;
        const char *values = values_of(response, &n);
        if (values && !json_is_closed_object(values, n))
                (void)error_set(response->failure, ERROR_RUNNER_INTERNAL,
                                "the value index of these tables is malformed");
}

static void put_values(struct buf *out, const struct response *response)
{
        size_t n = 0;
        const char *values = values_of(response, &n);
        if (!values)
                return;
        put_key(out, "values");
        buf_append(out, values, n);
}

/* Whatever the bytes are: as base64 they cannot pass for anything else of the response. */
static void put_file(struct buf *out, const struct response *response)
{
        const char *status = json_get_string(response->head, "status");
        if (response->request->op != REQUEST_EXPORT || response->failure->type != ERROR_NONE ||
            !status || strcmp(status, "success") != 0)
                return;
        put_key(out, "file");
        buf_putc(out, '"');
        base64_put(out, response->rows, response->rows_bytes);
        buf_putc(out, '"');
}

static int put_outcome(struct buf *out, const struct response *response, struct error *err)
{
        const struct error *failure = response->failure;
        if (failure->type == ERROR_NONE) {
                int r = put_json(out, "status", json_object_get(response->head, "status"), err);
                if (r == 0)
                        r = put_answer(out, response, err);
                return r < 0 ? r
                             : put_json(out, "error", json_object_get(response->head, "error"),
                                        err);
        }
        buf_printf(out, ",\"status\":\"%s\"", status_of_failure(failure->type));
        buf_puts(out, ",\"columns\":null,\"types\":null,\"rows\":null,\"row_count\":null,"
                      "\"truncated\":null,\"ordered\":null,\"result_hash\":null");
        put_error(out, failure);
        return 0;
}

static int put_circumstances(struct buf *out, const struct response *response, struct error *err)
{
        put_key(out, "exec_time_ms");
        json_put_double(out, round(exec_time_ms(response->head) * 1000) / 1000);
        int r = put_json(out, "timings", json_object_get(response->head, "timings"), err);
        if (r == 0)
                r = put_json(out, "engine", json_object_get(response->head, "engine"), err);
        if (r == 0)
                r = put_json(out, "sandbox", response->walls, err);
        if (r == 0)
                r = put_tables(out, response, err);
        put_captured(out, "stdout_trunc", response->out);
        put_captured(out, "stderr_trunc", response->err);
        buf_printf(out, ",\"peak_memory_mb\":%ld", response->peak_kb / 1024);
        return r;
}

static void put_run_id(struct buf *out, const struct request *request)
{
        put_key(out, "run_id");
        if (request->run_id)
                json_put_string(out, request->run_id, strlen(request->run_id));
        else
                buf_puts(out, "null");
}

int response_put(const struct response *response, struct buf *out, struct error *err)
{
        size_t values_bytes = response->values ? response->values->len : 0;
        buf_init(out, 2 * response->rows_bytes + values_bytes + RESPONSE_SLACK); /* base64: 4/3 */
        check_values(response);
        buf_printf(out, "{\"protocol\":%d", PROTOCOL_VERSION);
        put_run_id(out, response->request);
        int r = put_outcome(out, response, err);
        if (r == 0)
                r = put_circumstances(out, response, err);
        put_values(out, response);
        put_file(out, response);
        buf_puts(out, "}\n");
        return r < 0 ? r : buf_error(out, err, "the response");
}

int response_put_refusal(const struct error *why, struct buf *out, struct error *err)
{
        buf_init(out, RESPONSE_SLACK);
        buf_printf(out, "{\"protocol\":%d,\"run_id\":null,\"status\":\"error\"", PROTOCOL_VERSION);
        put_error(out, why);
        buf_puts(out, "}\n");
        return buf_error(out, err, "the response");
}

int response_put_ready(const struct request *request, const struct files *files, struct buf *out,
                       struct error *err)
{
        buf_init(out, RESPONSE_SLACK);
        buf_printf(out, "{\"protocol\":%d", PROTOCOL_VERSION);
        put_run_id(out, request);
        put_key(out, "tables");
        for (size_t i = 0; i < files->n; i++)
                buf_printf(out, "%s{\"name\":\"%s\",\"sha256\":\"%s\",\"bytes\":%lld}",
                           i ? "," : "[", files->items[i].table->name, files->items[i].sha256,
                           (long long)files->items[i].at_start.st_size);
        buf_puts(out, files->n ? "]}\n" : "[]}\n");
        return buf_error(out, err, "the response");
}

/* What rows there are came from a process that nobody trusts; in due form they have no line end. */
static int refuse_lines(int fd, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        struct error why = {0};
        (void)error_set(&why, ERROR_RUNNER_INTERNAL, "the answer's rows are malformed");
        int r = response_put_refusal(&why, &out, err);
        return r < 0 ? r : response_send(&out, true, fd, err);
}

int response_send_frame(const char *name, const struct buf *line, int fd, struct error *err)
{
        _cleanup_buf_ struct buf head = {0};
        buf_init(&head, FRAME_LINE_MAX);
        int r = frame_put_head(name, line->data, line->len - 1, &head, err);
        if (r == 0)
                r = fd_write_all(fd, head.data, head.len, err);
        return r < 0 ? r : fd_write_all(fd, line->data, line->len, err);
}

int response_send(const struct buf *line, bool framed, int fd, struct error *err)
{
        if (!framed)
                return fd_write_all(fd, line->data, line->len, err);
        if (memchr(line->data, '\n', line->len - 1))
                return refuse_lines(fd, err);
        return response_send_frame("response", line, fd, err);
}
