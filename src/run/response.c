#include "run/response.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "capsule/capsule.h"
#include "dataset/values.h"
#include "protocol/result_hash.h"

#include <stdio.h>
#include <string.h>

static int malformed(struct error *err, const char *what)
{
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the runner's response is not what the protocol says: %s", what);
}

static bool is_text_array(const json_t *json)
{
        size_t i;
        json_t *value;
        if (!json_is_array(json))
                return false;
        json_array_foreach(json, i, value)
        {
                if (!json_is_string(value))
                        return false;
        }
        return true;
}

static bool is_sha256(const json_t *json)
{
        const char *text = json_string_value(json);
        return text && strlen(text) == HASH_HEX_SIZE - 1 &&
               strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

static bool is_count(const json_t *json)
{
        return json_is_integer(json) && json_integer_value(json) >= 0;
}

static bool is_absent(const json_t *json)
{
        return !json || json_is_null(json);
}

/* What a runner may say of a run; the other types are for askcsv itself. */
static bool runner_may_say(enum error_type type)
{
        return type != ERROR_NONE &&
               (type <= ERROR_SANDBOX_UNAVAILABLE || type == ERROR_IO || type == ERROR_INTERNAL);
}

static int take_error(const json_t *json, struct error *says, struct error *err)
{
        const char *name = json_get_string(json, "type");
        const char *message = json_get_string(json, "message");
        const char *pointer = json_get_string(json, "pointer");
        const json_t *position = json_object_get(json, "position");
        const json_t *retry_after_ms = json_object_get(json, "retry_after_ms");
        enum error_type type = name ? error_type_from_name(name) : ERROR_NONE;
        if (!message || !runner_may_say(type))
                return malformed(err, "its error has no known type or no message");
        if (!is_absent(position) && !is_count(position))
                return malformed(err, "its error's position is not a number");
        if (!is_absent(retry_after_ms) && !is_count(retry_after_ms))
                return malformed(err, "its error's retry_after_ms is not a number");
        (void)error_set(says, type, "%s", message);
        (void)snprintf(says->pointer, sizeof(says->pointer), "%s", pointer ? pointer : "");
        says->position = (long long)json_integer_value(position);
        says->retry_after_ms = (long long)json_integer_value(retry_after_ms);
        return 0;
}

static int check_outcome(const json_t *body, struct error *says, struct error *err)
{
        static const char *const failures[] = {"error", "timeout", "rejected"};
        const char *status = json_get_string(body, "status");
        const json_t *error = json_object_get(body, "error");
        if (!status)
                return malformed(err, "it has no status");
        if (strcmp(status, "success") == 0)
                return is_absent(error) ? 0 : malformed(err, "it succeeded and has an error");
        for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
                if (strcmp(status, failures[i]) == 0)
                        return take_error(error, says, err);
        return malformed(err, "its status is unknown");
}

static int check_identity(const json_t *body, const struct request *request, struct error *err)
{
        const json_t *run_id = json_object_get(body, "run_id");
        if (json_get_int(body, "protocol", 0) != PROTOCOL_VERSION)
                return malformed(err, "it speaks another version of it");
        /* A request that the runner could not read has no id that it could repeat. */
        if (is_absent(run_id) && json_is_object(json_object_get(body, "error")))
                return 0;
        if (!json_is_string(run_id) || strcmp(json_string_value(run_id), request->run_id) != 0)
                return malformed(err, "it answers another request");
        return 0;
}

static int check_rows(const json_t *rows, size_t n_columns, struct error *err)
{
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row)
        {
                if (!json_is_array(row) || json_array_size(row) != n_columns)
                        return malformed(err, "a row does not fit the columns");
        }
        return 0;
}

static int check_result_hash(const json_t *body, struct error *err)
{
        char hash[HASH_HEX_SIZE];
        const char *said = json_get_string(body, "result_hash");
        int r = result_hash_json(json_object_get(body, "columns"), json_object_get(body, "types"),
                                 json_object_get(body, "rows"),
                                 json_get_bool(body, "ordered", false), hash, err);
        if (r < 0)
                return malformed(err, "its rows have no canonical form");
        return said && strcmp(said, hash) == 0 ? 0
                                               : malformed(err, "its result_hash is another one");
}

static int check_result(const json_t *body, const struct request *request, struct error *err)
{
        const json_t *columns = json_object_get(body, "columns");
        const json_t *types = json_object_get(body, "types");
        const json_t *rows = json_object_get(body, "rows");
        if (!is_text_array(columns) || !is_text_array(types) ||
            json_array_size(columns) != json_array_size(types))
                return malformed(err, "its columns and types do not fit each other");
        if (!json_is_array(rows) ||
            json_get_int(body, "row_count", -1) != (json_int_t)json_array_size(rows))
                return malformed(err, "its row_count is not that of its rows");
        if ((int64_t)json_array_size(rows) > request->limits.max_rows)
                return malformed(err, "it has more rows than it may");
        if (!json_is_boolean(json_object_get(body, "truncated")) ||
            !json_is_boolean(json_object_get(body, "ordered")))
                return malformed(err, "it does not say whether it is truncated and ordered");
        int r = check_rows(rows, json_array_size(columns), err);
        return r < 0 ? r : check_result_hash(body, err);
}

static bool is_column(const json_t *column)
{
        const json_t *header = json_object_get(column, "header");
        return json_get_string(column, "name") && json_get_string(column, "type") &&
               (is_absent(header) || json_is_string(header));
}

static bool is_table(const json_t *table, const char *name)
{
        static const char *const counts[] = {"bytes", "rows", "skipped_lines"};
        const char *said = json_get_string(table, "name");
        const json_t *columns = json_object_get(table, "columns");
        const json_t *sha256 = json_object_get(table, "sha256");
        size_t i;
        json_t *column;
        if (!said || strcmp(said, name) != 0 || !(is_absent(sha256) || is_sha256(sha256)))
                return false;
        for (i = 0; i < ARRAY_SIZE(counts); i++) {
                const json_t *count = json_object_get(table, counts[i]);
                if (!is_absent(count) && !is_count(count))
                        return false;
        }
        if (!is_absent(columns) && !json_is_array(columns))
                return false;
        json_array_foreach((json_t *)columns, i, column)
        {
                if (!is_column(column))
                        return false;
        }
        return true;
}

/* A run that failed may say nothing of its tables; one that did not must say it of all. */
static int check_tables(const json_t *body, const struct request *request, bool complete,
                        struct error *err)
{
        const json_t *tables = json_object_get(body, "tables");
        size_t n = json_array_size(tables);
        if (!is_absent(tables) && !json_is_array(tables))
                return malformed(err, "its tables are not an array");
        if (n != request->n_tables && (n != 0 || complete))
                return malformed(err, "its tables are not those of the request");
        for (size_t i = 0; i < n; i++) {
                const json_t *table = json_array_get(tables, i);
                if (!is_table(table, request->tables[i].name))
                        return malformed(err, "one of its tables is malformed");
                if (complete && (!is_sha256(json_object_get(table, "sha256")) ||
                                 json_array_size(json_object_get(table, "columns")) == 0))
                        return malformed(err, "one of its tables has no hash or no columns");
        }
        return 0;
}

/* That they fit the tables is for value_index_from_json to see. */
static int check_values(const json_t *body, bool wanted, struct error *err)
{
        const json_t *values = json_object_get(body, "values");
        if (!wanted)
                return is_absent(values) ? 0
                                         : malformed(err, "it has values that nobody asked for");
        return json_is_array(json_object_get(values, "tables"))
                       ? 0
                       : malformed(err, "it has no values");
}

/* What is in the file is for nobody here to see. */
static int check_file(const json_t *body, bool wanted, struct error *err)
{
        const json_t *file = json_object_get(body, "file");
        if (!wanted)
                return is_absent(file) ? 0 : malformed(err, "it has a file that nobody asked for");
        return json_is_string(file) ? 0 : malformed(err, "it has no file");
}

static bool is_object_of(const json_t *json, bool (*fits)(const json_t *))
{
        const char *key;
        json_t *value;
        if (is_absent(json))
                return true;
        json_object_foreach((json_t *)json, key, value)
        {
                if (!fits(value))
                        return false;
        }
        return json_is_object(json);
}

static bool is_number(const json_t *json)
{
        return json_is_number(json) && json_number_value(json) >= 0;
}

static bool is_string(const json_t *json)
{
        return json_is_string(json);
}

static bool is_wall(const json_t *json)
{
        return json_is_boolean(json) || is_count(json);
}

static int check_circumstances(const json_t *body, struct error *err)
{
        const json_t *memory = json_object_get(body, "peak_memory_mb");
        const json_t *sandbox = json_object_get(body, "sandbox");
        const json_t *walls = json_object_get(sandbox, "walls");
        if (!is_object_of(json_object_get(body, "timings"), is_number))
                return malformed(err, "its timings are not numbers");
        if (!is_object_of(json_object_get(body, "engine"), is_string))
                return malformed(err, "its engine is not named by strings");
        if (!is_object_of(walls ? walls : sandbox, is_wall))
                return malformed(err, "its sandbox is not a list of walls");
        if (!is_absent(memory) && !is_count(memory))
                return malformed(err, "its peak_memory_mb is not a number");
        return 0;
}

static int check_body(const json_t *body, const struct request *request, struct error *says,
                      struct error *err)
{
        if (!json_is_object(body))
                return malformed(err, "it is not an object");
        int r = check_identity(body, request, err);
        if (r == 0)
                r = check_outcome(body, says, err);
        if (r == 0)
                r = check_circumstances(body, err);
        bool well = says->type == ERROR_NONE;
        if (r == 0)
                r = check_tables(body, request, well && request->op != REQUEST_CHECK, err);
        if (r == 0)
                r = check_values(body, well && request->op == REQUEST_VALUES, err);
        if (r == 0)
                r = check_file(body, well && request->op == REQUEST_EXPORT, err);
        if (r == 0 && well && request->op == REQUEST_RUN)
                r = check_result(body, request, err);
        return r;
}

/* Of a whole response, in bytes. */
static size_t bytes_max(const struct request *request)
{
        size_t values = request->op == REQUEST_VALUES ? VALUES_BYTES_MAX : 0;
        size_t output = (size_t)request->limits.max_output_bytes;
        if (request->op == REQUEST_EXPORT)
                output = output / 3 * 4 + 4; /* in base64 */
        return output + RESPONSE_SLACK_BYTES + values;
}

int response_parse(const char *text, size_t n, const struct request *request, struct response *ret,
                   struct error *err)
{
        const struct json_limits limits = {
                .max_bytes = bytes_max(request),
                .max_depth = CAPSULE_DEPTH_MAX,
        };
        _cleanup_json_ json_t *body = NULL;
        struct error says = {0};
        int r = json_parse(text, n, &limits, ERROR_RUNNER_INTERNAL, &body, err);
        if (r < 0)
                return error_prefix(err, r, "reading the runner's response");
        r = check_body(body, request, &says, err);
        if (r < 0)
                return r;
        *ret = (struct response){.body = steal_ptr(&body), .says = says};
        return 0;
}

void response_done(struct response *response)
{
        json_decref(response->body);
        response->body = NULL;
}

#define TABLES_TIMEOUT_MAX_MS 3600000

/* What a runner can get ready for. The time is rounded up, so that runs which allow themselves a
 * little more or less are still for the same runner. */
static int write_tables(const struct request *request, struct buf *out, struct error *err)
{
        struct request tables = *request;
        tables.run_id = NULL;
        tables.limits = LIMITS_DEFAULT;
        tables.limits.memory_mb = request->limits.memory_mb;
        tables.limits.threads = request->limits.threads;
        while (tables.limits.timeout_ms < request->limits.timeout_ms)
                tables.limits.timeout_ms *= 2;
        if (tables.limits.timeout_ms > TABLES_TIMEOUT_MAX_MS)
                tables.limits.timeout_ms = TABLES_TIMEOUT_MAX_MS;
        return prepare_write(&tables, out, err);
}

static int get(struct executor *executor, const struct request *request, int cancel_fd,
               struct response *ret, struct error *err)
{
        const char *files[REQUEST_TABLES_MAX];
        _cleanup_buf_ struct buf sent = {0};
        _cleanup_buf_ struct buf received = {0};
        _cleanup_buf_ struct buf tables = {0};
        bool exports = request->op == REQUEST_EXPORT;
        buf_init(&sent, exports ? REQUEST_EXPORT_BYTES_MAX : REQUEST_BYTES_MAX);
        buf_init(&received, bytes_max(request));
        buf_init(&tables, REQUEST_BYTES_MAX);
        int r = request_write(request, &sent, err);
        if (r == 0 && request->op == REQUEST_RUN)
                r = write_tables(request, &tables, err);
        if (r < 0)
                return r;
        bool only_check = request->op == REQUEST_CHECK;
        size_t n_files = 0;
        while (!only_check && n_files < request->n_tables && n_files < REQUEST_TABLES_MAX) {
                files[n_files] = request->tables[n_files].path;
                n_files++;
        }
        const struct executor_call call = {.request = buf_text(&sent),
                                           .request_bytes = sent.len,
                                           .timeout_ms = request->limits.timeout_ms,
                                           .max_response_bytes = (int64_t)received.max,
                                           .cancel_fd = cancel_fd,
                                           .more = !request_op_has_sql(request->op) && !exports,
                                           .files = files,
                                           .n_files = n_files,
                                           .memory_mb = request->limits.memory_mb,
                                           .threads = request->limits.threads,
                                           .only_check = only_check,
                                           .tables = tables.len > 0 ? buf_text(&tables) : NULL,
                                           .tables_bytes = tables.len};
        r = executor_run(executor, &call, &received, err);
        return r < 0 ? r : response_parse(buf_text(&received), received.len, request, ret, err);
}

int response_get(struct executor *executor, const struct request *request, int cancel_fd,
                 struct response *ret, struct error *err)
{
        if (request->op == REQUEST_RUN && executor_checks_first(executor)) {
                struct request check = *request;
                check.op = REQUEST_CHECK;
                int r = get(executor, &check, cancel_fd, ret, err);
                if (r < 0 || ret->says.type != ERROR_NONE)
                        return r;
                response_done(ret);
        }
        return get(executor, request, cancel_fd, ret, err);
}
