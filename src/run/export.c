#include "run/export.h"

#include "run/response.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 4096 /* what the protocol takes */
#define FILE_BYTES_MAX ((int64_t)64 * 1024 * 1024)

static void executor_freep(struct executor **executor)
{
        executor_free(*executor);
}

/* Lent by the array. NULL for no memory; what is no string becomes "". */
static const char **texts_of(const json_t *array)
{
        size_t n = json_array_size(array);
        const char **texts = alloc_calloc(n ? n : 1, sizeof(*texts));
        for (size_t i = 0; texts && i < n; i++) {
                const char *text = json_string_value(json_array_get(array, i));
                texts[i] = text ? text : "";
        }
        return texts;
}

static int write_rows(const json_t *result, struct buf *rows, struct error *err)
{
        buf_init(rows, REQUEST_ROWS_MAX);
        int r = json_put(json_object_get(result, "rows"), rows, err);
        if (rows->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                                 "the result has more than %d MiB as JSON, which is too much to "
                                 "make a Parquet file of; get it as text/csv or application/json",
                                 REQUEST_ROWS_MAX / 1024 / 1024);
        return r < 0 ? r : buf_error(rows, err, "the rows");
}

/* What the runner found wrong is in the stored result: nobody sent a request. */
static int judge(const struct error *says, struct error *err)
{
        if (says->type != ERROR_INVALID_REQUEST) {
                *err = *says;
                return -(int)says->type;
        }
        return error_set(err, ERROR_STORE,
                         "the stored result is not what its columns and types say (%.600s); run "
                         "\"askcsv capsules check\" to see whether the capsule was changed",
                         says->message);
}

static int take_file(const json_t *body, struct buf *file, struct error *err)
{
        const json_t *text = json_object_get(body, "file");
        if (!base64_take(file, json_string_value(text), json_string_length(text)) ||
            file->len < 8 || memcmp(file->data, "PAR1", 4) != 0)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's response is not what the protocol says: its file is "
                                 "no Parquet file");
        return buf_error(file, err, "the file");
}

static int ask(const struct request *request, int cancel_fd, struct buf *file, struct error *err)
{
        _cleanup_(executor_freep) struct executor *executor = NULL;
        _cleanup_(response_done) struct response response = {0};
        int r = executor_open("local", NULL, "/", &executor, err);
        if (r == 0)
                r = response_get(executor, request, cancel_fd, &response, err);
        if (r == 0 && response.says.type != ERROR_NONE)
                return judge(&response.says, err);
        return r < 0 ? r : take_file(response.body, file, err);
}

int result_export(const char *run_id, const json_t *result, int cancel_fd, struct buf *file,
                  struct error *err)
{
        const json_t *columns = json_object_get(result, "columns");
        const json_t *types = json_object_get(result, "types");
        _cleanup_free_ const char **names = texts_of(columns);
        _cleanup_free_ const char **type_names = texts_of(types);
        _cleanup_buf_ struct buf rows = {0};
        size_t n = json_array_size(columns);
        buf_init(file, (size_t)FILE_BYTES_MAX);
        if (!names || !type_names)
                return error_oom(err);
        if (n > COLUMNS_MAX)
                return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                                 "the result has %zu columns, and a Parquet file is made of at "
                                 "most %d; get it as text/csv or application/json",
                                 n, COLUMNS_MAX);
        if (n == 0 || json_array_size(types) != n)
                return error_set(err, ERROR_STORE,
                                 "the stored result has %zu columns and %zu types", n,
                                 json_array_size(types));
        int r = write_rows(result, &rows, err);
        if (r < 0)
                return r;
        const struct request_result given = {.columns = names,
                                             .types = type_names,
                                             .n = n,
                                             .rows = buf_text(&rows),
                                             .rows_bytes = rows.len};
        struct request request = {.run_id = run_id,
                                  .op = REQUEST_EXPORT,
                                  .dataset_id = "result",
                                  .result = &given,
                                  .limits = LIMITS_DEFAULT};
        request.limits.max_output_bytes = FILE_BYTES_MAX;
        return ask(&request, cancel_fd, file, err);
}
