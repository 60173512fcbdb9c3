#include "server/exchange_parts.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "capsule/threads.h"
#include "server/sse.h"

#define PREVIEW_ROWS_MAX 200

void exchange_tell(struct exchange *exchange, const char *name, json_t *data)
{
        struct error ignored = {0};
        if (data)
                (void)sse_log_append(exchange->log, name, data, NULL, &ignored);
        json_decref(data);
}

/* How the question was read, or why it was not. */
json_t *exchange_words(const json_t *capsule)
{
        const char *status = json_get_string(capsule, "status");
        const char *sentence = json_get_string(json_object_get(capsule, "reading"), "sentence");
        const json_t *result = json_object_get(capsule, "result");
        const json_t *error = json_object_get(capsule, "error");
        const char *why = json_get_string(error, "message");
        const char *type = json_get_string(error, "type");
        const char *reply = json_get_string(json_object_get(capsule, "abstention"), "message");
        char detail[ERROR_MESSAGE_MAX];
        if (json_is_object(result)) {
                long long rows = json_get_int(result, "row_count", 0);
                return json_sprintf("%s%s%lld row%s.", sentence ? sentence : "",
                                    sentence ? " " : "", rows, rows == 1 ? "" : "s");
        }
        if (why)
                problem_detail(error_type_from_name(type ? type : ""), why, detail);
        return json_string(reply ? reply : why ? detail : status ? status : "");
}

/* At most so many rows; the whole is in the run. */
static json_t *preview_of(const json_t *result)
{
        json_t *preview = json_copy((json_t *)result);
        const json_t *rows = json_object_get(result, "rows");
        if (!preview || json_array_size(rows) <= PREVIEW_ROWS_MAX)
                return preview;
        json_t *first = json_array();
        for (size_t i = 0; i < PREVIEW_ROWS_MAX; i++)
                (void)json_array_append(first, json_array_get(rows, i));
        (void)json_object_set_new(preview, "rows", first);
        (void)json_object_set_new(preview, "preview", json_true());
        return preview;
}

void exchange_tell_result(struct exchange *exchange, const json_t *result)
{
        exchange_tell(exchange, "result", preview_of(result));
}

void exchange_tell_progress(struct exchange *exchange, const struct ticket_view *view,
                            const json_t *body)
{
        json_t *plan = json_object_get(body, "plan");
        const char *sql = json_get_string(body, "sql");
        if (!exchange->told.pending && body) {
                exchange->told.pending = true;
                exchange_tell(exchange, "run.pending",
                              json_pack("{s:s, s:s, s:I}", "run_id", view->run_id, "thread_id",
                                        exchange->thread_id, "position",
                                        (json_int_t)view->position));
        }
        if (!exchange->told.plan && json_is_object(plan)) {
                json_t *reading = json_object_get(body, "reading");
                exchange->told.plan = true;
                exchange_tell(exchange, "plan",
                              json_pack("{s:O, s:O?}", "plan", plan, "reading", reading));
        }
        if (!exchange->told.sql && sql) {
                exchange->told.sql = true;
                exchange_tell(exchange, "sql", json_pack("{s:s}", "sql", sql));
        }
        if (!exchange->told.running && view->state == RUN_RUNNING) {
                exchange->told.running = true;
                exchange_tell(exchange, "run.running", json_pack("{s:s}", "run_id", view->run_id));
        }
}

/* What is kept beside the words, so that a thread that is read again shows the same. */
static json_t *meta_of(const struct exchange_message *message, const char *status)
{
        json_t *grounding = message->grounding;
        return json_pack("{s:s?, s:s*, s:s*, s:s*, s:O*}", "status", status, "planner",
                         message->planner, "answer_id", message->answer_id, "end", message->end,
                         "grounding", grounding);
}

static json_t *run_ids_of(const json_t *run)
{
        const char *run_id = json_get_string(run, "run_id");
        return run_id ? json_pack("[s]", run_id) : json_array();
}

/* Keeps the answer's words in the thread; the message as clients see it, or NULL. */
static json_t *keep_answer(struct exchange *exchange, struct exchange_message *answer)
{
        struct error err = {0};
        const char *status =
                answer->status ? answer->status : json_get_string(answer->run, "status");
        _cleanup_json_ json_t *text = steal_ptr(&answer->words);
        _cleanup_json_ json_t *run_ids =
                answer->run_ids ? steal_ptr(&answer->run_ids) : run_ids_of(answer->run);
        _cleanup_json_ json_t *meta = meta_of(answer, status);
        struct thread_message message = {.role = THREAD_ASSISTANT,
                                         .text = json_string_value(text),
                                         .run_ids = run_ids,
                                         .meta = meta};
        if (!text || !run_ids || !meta)
                return NULL;
        if (thread_append(exchange->api->store, exchange->thread_id, exchange->owner, &message,
                          &err) < 0)
                log_warn(exchange->api->log, "thread.lost", log_text("error", err.message));
        return json_pack("{s:s, s:s, s:s, s:O, s:s*, s:s*, s:s*, s:O*}", "id", message.id, "role",
                         "assistant", "text", message.text, "run_ids", run_ids, "planner",
                         answer->planner, "answer_id", answer->answer_id, "end", answer->end,
                         "grounding", answer->grounding);
}

/* With the lock held: nothing will follow, and whoever waits has it. */
static void finish(struct exchange *exchange, const char *status)
{
        exchange_tell(exchange, "done",
                      json_pack("{s:s, s:s}", "thread_id", exchange->thread_id, "status", status));
        sse_log_end(exchange->log);
        exchange->has_ended = true;
        exchange_pump(exchange);
        exchange_answer_waiting(exchange);
}

void exchange_end(struct exchange *exchange, struct exchange_message *message)
{
        const char *status =
                message->status ? message->status : json_get_string(message->run, "status");
        _cleanup_json_ json_t *kept = keep_answer(exchange, message);
        struct error err = {0};
        if (!kept) {
                (void)error_oom(&err);
                exchange_fail(exchange, &err);
                return;
        }
        status = status ? status : "answered";
        (void)pthread_mutex_lock(&exchange->lock);
        if (!message->was_told)
                exchange_tell(exchange, "message.delta",
                              json_pack("{s:O}", "text", json_object_get(kept, "text")));
        exchange_tell(exchange, "message", json_incref(kept));
        exchange->answer =
                json_pack("{s:s, s:s?, s:s, s:O, s:O?}", "thread_id", exchange->thread_id, "run_id",
                          json_get_string(message->run, "run_id"), "status", status, "message",
                          kept, "run", (json_t *)message->run);
        finish(exchange, status);
        (void)pthread_mutex_unlock(&exchange->lock);
        exchange->ended_us = clock_monotonic_us();
}

void exchange_fail(struct exchange *exchange, const struct error *err)
{
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->problem = *err;
        if (!exchange->waiting) /* its reply logs it, with its request */
                api_log_problem(exchange->api, NULL, err);
        exchange_tell(exchange, "error", problem_json(err, NULL, exchange->thread_id, NULL));
        finish(exchange, "failed");
        (void)pthread_mutex_unlock(&exchange->lock);
        exchange->ended_us = clock_monotonic_us();
}
