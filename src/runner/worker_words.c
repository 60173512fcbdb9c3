/* What a worker says, and how it is written. */
#include "runner/worker_private.h"

#include "base/fd.h"
#include "base/json.h"

#include <sys/resource.h>

static const char *status_of(enum error_type type)
{
        switch (type) {
        case ERROR_NONE:
                return "success";
        case ERROR_RUNNER_TIMEOUT:
                return "timeout";
        case ERROR_VALIDATION:
        case ERROR_SQL_POLICY_VIOLATION:
        case ERROR_EXFILTRATION_SUSPECTED:
                return "rejected";
        default:
                return "error";
        }
}

static json_t *error_to_json(const struct error *err)
{
        if (err->type == ERROR_NONE)
                return json_null();
        json_t *json =
                json_pack("{s:s,s:s}", "type", error_type_name(err->type), "message", err->message);
        if (json && err->position > 0)
                (void)json_object_set_new(json, "position", json_integer(err->position));
        return json;
}

static json_t *timings_of(const struct work *work)
{
        return json_pack("{s:f,s:f,s:f}", "load", work->load_ms, "check", work->check_ms, "query",
                         work->query_ms);
}

static long peak_memory_kb(void)
{
        struct rusage usage = {0};
        (void)getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
}

/* What an answer's columns, rows or file are. */
static json_t *answer_of(const struct work *work, bool is_file)
{
        const struct engine_answer *answer = &work->answer;
        json_t *json = json_pack("{s:O,s:O,s:I,s:I}", "columns", answer->columns, "types",
                                 answer->types, "row_count", (json_int_t)answer->row_count,
                                 "rows_bytes", (json_int_t)answer->rows.len);
        json_t *more =
                is_file ? json_object()
                        : json_pack("{s:b,s:b,s:s}", "truncated", answer->truncated, "ordered",
                                    answer->ordered, "result_hash", answer->result_hash);
        if (json && json_object_update(json, more) < 0) {
                json_decref(json);
                json = NULL;
        }
        json_decref(more);
        return json;
}

static json_t *head_of(const struct work *work, const struct error *err)
{
        bool answered = err->type == ERROR_NONE && work->answer.columns;
        json_t *head = json_pack("{s:s,s:o,s:o,s:O,s:I}", "status", status_of(err->type), "error",
                                 error_to_json(err), "timings", timings_of(work), "tables",
                                 work->tables, "peak_memory_kb", (json_int_t)peak_memory_kb());
        json_t *engine = engine_describe();
        if (!head || !engine || json_object_set_new(head, "engine", engine) < 0)
                return NULL;
        bool is_file = work->request && work->request->op == REQUEST_EXPORT;
        json_t *more =
                answered ? answer_of(work, is_file)
                         : json_pack("{s:b,s:I}", "ordered", work->answer.ordered, "rows_bytes",
                                     (json_int_t)(err->type == ERROR_NONE ? work->values.len : 0));
        if (!more || json_object_update(head, more) < 0)
                return NULL;
        json_decref(more);
        return head;
}

static int say_line(int fd, const json_t *json, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, WORKER_HEAD_MAX);
        int r = json ? json_put(json, &text, err) : error_oom(err);
        buf_putc(&text, '\n');
        return r < 0 ? r : fd_write_all(fd, buf_text(&text), text.len, err);
}

int words_say_walls(int fd, const struct sandbox_walls *walls, struct error *err)
{
        _cleanup_json_ json_t *standing = sandbox_walls_to_json(walls);
        return say_line(fd, standing, err);
}

int words_say_outcome(int fd, const struct work *work, const struct error *outcome,
                      struct error *err)
{
        _cleanup_json_ json_t *head = head_of(work, outcome);
        const struct buf *rows = work->answer.columns ? &work->answer.rows : &work->values;
        int r = say_line(fd, head, err);
        if (r == 0 && outcome->type == ERROR_NONE)
                r = fd_write_all(fd, buf_text(rows), rows->len, err);
        return r < 0 ? r : fd_write_all(fd, "\n", 1, err);
}
