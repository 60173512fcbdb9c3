#include "server/exchange.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "capsule/threads.h"
#include "planner/builtin.h"
#include "server/smalltalk.h"
#include "server/sse.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EVENTS_MAX 1000
#define EVENTS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PUMP_BYTES_MAX (EVENTS_BYTES_MAX + 65536) /* the largest event fits */
#define PREVIEW_ROWS_MAX 200
#define KEPT_US (INT64_C(60) * 1000000) /* after its end, for clients that come back */
#define KEPT_MAX ((size_t)500)          /* of those that have ended; each takes memory */

/* A client that follows the events. */
struct follower {
        struct http_request *request;
        uint64_t last_id;
        struct follower *next;
};

struct exchange {
        atomic_int references;
        char id[UUID_TEXT_SIZE];
        char thread_id[UUID_TEXT_SIZE];
        char *owner;
        struct api *api;
        struct sse_log *log;

        pthread_mutex_t lock;  /* of all below */
        struct ticket *ticket; /* NULL: answered without a run, or the run has ended */
        bool told_pending, told_plan, told_sql, told_running, has_ended;
        bool is_streamed; /* somebody followed it */
        struct follower *followers;
        struct http_request *waiting; /* for the whole answer */
        json_t *answer;               /* once it has ended; or problem */
        struct error problem;
        struct exchange *next; /* in the list of exchanges; under that lock */
        _Atomic int64_t ended_us;
};

struct exchanges {
        pthread_mutex_t lock;
        struct exchange *first;
};

static void exchange_free(struct exchange *exchange)
{
        ticket_release(exchange->ticket);
        sse_log_free(exchange->log);
        json_decref(exchange->answer);
        http_release(exchange->waiting);
        (void)pthread_mutex_destroy(&exchange->lock);
        free(exchange->owner);
        free(exchange);
}

static struct exchange *exchange_hold(struct exchange *exchange)
{
        atomic_fetch_add(&exchange->references, 1);
        return exchange;
}

void exchange_release(struct exchange *exchange)
{
        if (exchange && atomic_fetch_sub(&exchange->references, 1) == 1)
                exchange_free(exchange);
}

const char *exchange_owner(const struct exchange *exchange)
{
        return exchange->owner;
}

int exchanges_new(struct exchanges **ret, struct error *err)
{
        struct exchanges *exchanges = alloc_calloc(1, sizeof(*exchanges));
        if (!exchanges)
                return error_oom(err);
        (void)pthread_mutex_init(&exchanges->lock, NULL);
        *ret = exchanges;
        return 0;
}

/* With the lock held: those that ended long ago go, and the oldest of too many. */
static void sweep(struct exchanges *exchanges, int64_t now_us)
{
        size_t kept = 0;
        for (struct exchange **at = &exchanges->first; *at;) {
                struct exchange *exchange = *at;
                int64_t ended_us = exchange->ended_us;
                if (ended_us == 0 || (now_us - ended_us < KEPT_US && ++kept <= KEPT_MAX)) {
                        at = &exchange->next;
                        continue;
                }
                *at = exchange->next;
                exchange_release(exchange);
        }
}

void exchanges_add(struct exchanges *exchanges, struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchanges->lock);
        sweep(exchanges, clock_monotonic_us());
        exchange->next = exchanges->first;
        exchanges->first = exchange_hold(exchange);
        (void)pthread_mutex_unlock(&exchanges->lock);
}

struct exchange *exchanges_find(struct exchanges *exchanges, const char *id)
{
        struct exchange *found = NULL;
        (void)pthread_mutex_lock(&exchanges->lock);
        sweep(exchanges, clock_monotonic_us());
        for (struct exchange *at = exchanges->first; at && !found; at = at->next)
                if (strcmp(at->id, id) == 0)
                        found = exchange_hold(at);
        (void)pthread_mutex_unlock(&exchanges->lock);
        return found;
}

void exchanges_free(struct exchanges *exchanges)
{
        if (!exchanges)
                return;
        while (exchanges->first) {
                struct exchange *first = exchanges->first;
                exchanges->first = first->next;
                exchange_release(first);
        }
        (void)pthread_mutex_destroy(&exchanges->lock);
        free(exchanges);
}

/* With the lock held: what the follower has not got yet; false: it is done with. */
static bool pump(struct exchange *exchange, struct follower *follower)
{
        for (;;) {
                _cleanup_buf_ struct buf text = {0};
                uint64_t last = follower->last_id;
                buf_init(&text, PUMP_BYTES_MAX);
                enum sse_log_state state =
                        sse_log_read(exchange->log, follower->last_id, &text, &last);
                if (state == SSE_LOG_GONE) {
                        struct error ignored = {0};
                        _cleanup_json_ json_t *lost =
                                json_pack("{s:s}", "detail", "earlier events are gone");
                        (void)sse_event(&text, 0, "lost", lost, &ignored);
                }
                follower->last_id = last;
                if (text.state != BUF_OK)
                        return false;
                if (text.len > 0 && !http_stream_send(follower->request, buf_text(&text), text.len))
                        return false;
                if (state == SSE_LOG_ENDED) {
                        http_stream_end(follower->request);
                        return false;
                }
                if (state == SSE_LOG_OPEN)
                        return !http_is_gone(follower->request);
        }
}

static void stop_if_alone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        bool alone = exchange->is_streamed && !exchange->followers && !exchange->waiting &&
                     !exchange->has_ended;
        if (alone && exchange->ticket)
                ticket_cancel(exchange->ticket);
        (void)pthread_mutex_unlock(&exchange->lock);
        exchange_release(exchange);
}

/* With the lock held. */
static void pump_all(struct exchange *exchange)
{
        for (struct follower **at = &exchange->followers; *at;) {
                struct follower *follower = *at;
                if (pump(exchange, follower)) {
                        at = &follower->next;
                        continue;
                }
                *at = follower->next;
                metrics_gauge_add(exchange->api->metrics, METRIC_SSE_CLIENTS, -1);
                http_release(follower->request);
                free(follower);
        }
        if (exchange->is_streamed && !exchange->followers && !exchange->has_ended)
                timer_at(exchange->api->timer, clock_monotonic_us() + EXCHANGE_PATIENCE_MS * 1000,
                         stop_if_alone, exchange_hold(exchange));
}

/* With the lock held; takes data. */
static void tell(struct exchange *exchange, const char *name, json_t *data)
{
        struct error ignored = {0};
        if (data)
                (void)sse_log_append(exchange->log, name, data, NULL, &ignored);
        json_decref(data);
}

/* The words of an answer: how the question was read, or why it was not. */
static json_t *words_of(const json_t *capsule)
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

/* Keeps the answer's words in the thread; the message as clients see it, or NULL. */
static json_t *keep_answer(struct exchange *exchange, json_t *words, const json_t *capsule)
{
        struct error err = {0};
        const char *run_id = json_get_string(capsule, "run_id");
        _cleanup_json_ json_t *text = words;
        _cleanup_json_ json_t *run_ids = run_id ? json_pack("[s]", run_id) : json_array();
        _cleanup_json_ json_t *meta =
                json_pack("{s:s?}", "status", json_get_string(capsule, "status"));
        struct thread_message message = {.role = THREAD_ASSISTANT,
                                         .text = json_string_value(text),
                                         .run_ids = run_ids,
                                         .meta = meta};
        if (!text || !run_ids || !meta)
                return NULL;
        if (thread_append(exchange->api->store, exchange->thread_id, exchange->owner, &message,
                          &err) < 0)
                log_warn(exchange->api->log, "thread.lost", log_text("error", err.message));
        return json_pack("{s:s, s:s, s:s, s:O}", "id", message.id, "role", "assistant", "text",
                         message.text, "run_ids", run_ids);
}

static json_t *problem_of(const struct exchange *exchange, const struct error *err)
{
        if (!exchange->waiting) /* its reply logs it, with its request */
                api_log_problem(exchange->api, NULL, err);
        return problem_json(err, NULL, exchange->thread_id, NULL);
}

/* With the lock held: whoever waits gets the answer. */
static void answer_waiting(struct exchange *exchange)
{
        struct http_request *request = exchange->waiting;
        exchange->waiting = NULL;
        if (!request)
                return;
        http_set(request, "Cache-Control", "no-store");
        if (exchange->answer)
                reply_json(request, 200, json_incref(exchange->answer));
        else
                reply_error(request, &exchange->problem, NULL);
        http_release(request);
}

/* The end: message is taken; capsule may be NULL. */
static void end(struct exchange *exchange, json_t *message, const json_t *capsule,
                const struct error *err)
{
        const char *status = json_get_string(capsule, "status");
        (void)pthread_mutex_lock(&exchange->lock);
        if (message) {
                tell(exchange, "message.delta",
                     json_pack("{s:O}", "text", json_object_get(message, "text")));
                tell(exchange, "message", json_incref(message));
                exchange->answer = json_pack(
                        "{s:s, s:s?, s:s?, s:O, s:O?}", "thread_id", exchange->thread_id, "run_id",
                        json_get_string(capsule, "run_id"), "status", status ? status : "answered",
                        "message", message, "run", (json_t *)capsule);
        } else {
                exchange->problem = *err;
                tell(exchange, "error", problem_of(exchange, err));
        }
        tell(exchange, "done",
             json_pack("{s:s, s:s}", "thread_id", exchange->thread_id, "status",
                       status    ? status
                       : message ? "answered"
                                 : "failed"));
        sse_log_end(exchange->log);
        exchange->has_ended = true;
        pump_all(exchange);
        answer_waiting(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        exchange->ended_us = clock_monotonic_us();
        json_decref(message);
}

/* With the lock held: what is new in the capsule becomes events, each once. */
static void tell_progress(struct exchange *exchange, const struct ticket_view *view,
                          const json_t *body)
{
        json_t *plan = json_object_get(body, "plan");
        const char *sql = json_get_string(body, "sql");
        if (!exchange->told_pending && body) {
                exchange->told_pending = true;
                tell(exchange, "run.pending",
                     json_pack("{s:s, s:s, s:I}", "run_id", view->run_id, "thread_id",
                               exchange->thread_id, "position", (json_int_t)view->position));
        }
        if (!exchange->told_plan && json_is_object(plan)) {
                json_t *reading = json_object_get(body, "reading");
                exchange->told_plan = true;
                tell(exchange, "plan", json_pack("{s:O, s:O?}", "plan", plan, "reading", reading));
        }
        if (!exchange->told_sql && sql) {
                exchange->told_sql = true;
                tell(exchange, "sql", json_pack("{s:s}", "sql", sql));
        }
        if (!exchange->told_running && view->state == RUN_RUNNING) {
                exchange->told_running = true;
                tell(exchange, "run.running", json_pack("{s:s}", "run_id", view->run_id));
        }
}

static void end_run(struct exchange *exchange, const struct ticket_view *view, const json_t *body)
{
        const json_t *result = json_object_get(body, "result");
        if (view->error.type != ERROR_NONE || !body) {
                end(exchange, NULL, NULL, &view->error);
                return;
        }
        if (json_is_object(result)) {
                (void)pthread_mutex_lock(&exchange->lock);
                tell(exchange, "result", preview_of(result));
                (void)pthread_mutex_unlock(&exchange->lock);
        }
        json_t *message = keep_answer(exchange, words_of(body), body);
        struct error err = {0};
        if (!message)
                (void)error_oom(&err);
        end(exchange, message, body, &err);
}

/* Whoever comes back to the stream needs its events alone, and a ticket has descriptors. */
static void drop_ticket(struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchange->lock);
        struct ticket *ticket = steal_ptr(&exchange->ticket);
        (void)pthread_mutex_unlock(&exchange->lock);
        ticket_release(ticket);
}

static void on_change(struct ticket *ticket, void *data)
{
        struct exchange *exchange = data;
        struct ticket_view view;
        _cleanup_json_ json_t *body = ticket_body(ticket);
        ticket_look(ticket, &view);
        (void)pthread_mutex_lock(&exchange->lock);
        tell_progress(exchange, &view, body);
        if (!view.has_ended)
                pump_all(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        if (!view.has_ended)
                return;
        end_run(exchange, &view, body);
        drop_ticket(exchange);
        exchange_release(exchange); /* the ticket's */
}

/* What stands behind "SQL:", or NULL. */
static const char *behind(const char *message, const char *word)
{
        size_t n = strlen(word);
        message += strspn(message, " \t\r\n");
        if (strncasecmp(message, word, n) != 0)
                return NULL;
        return message + n + strspn(message + n, " \t\r\n");
}

static void fill_order(struct order *order, const struct exchange_input *input)
{
        const char *sql = behind(input->message, "SQL:");
        const char *plan = behind(input->message, "PLAN:");
        order->setup = input->setup;
        order->dataset = input->dataset;
        order->owner = input->owner;
        order->limits = LIMITS_DEFAULT;
        if (sql) {
                order->sql = sql;
                order->sql_bytes = input->message_bytes - (size_t)(sql - input->message);
                order->planner_name = "user";
        } else if (plan) {
                order->plan_text = plan;
                order->plan_bytes = input->message_bytes - (size_t)(plan - input->message);
                order->planner_name = "user";
        } else {
                order->question = input->message;
                order->question_bytes = input->message_bytes;
                order->planner = &planner_builtin;
        }
}

static int note_run(const struct thread_message *message, void *data)
{
        const char *run_id = json_string_value(json_array_get(message->run_ids, 0));
        if (run_id && strcmp(json_get_string(message->meta, "status")
                                     ? json_get_string(message->meta, "status")
                                     : "",
                             "succeeded") == 0)
                (void)strncpy(data, run_id, UUID_TEXT_SIZE - 1);
        return 0;
}

/* The plan that the message goes on from: that of the run that was named, else of the thread's last
 * run that succeeded. *ret stays NULL when there is none. */
static int find_previous(const struct exchange *exchange, const struct exchange_input *input,
                         json_t **ret, struct error *err)
{
        char run_id[UUID_TEXT_SIZE] = "";
        struct capsule *capsule = NULL;
        int r = 0;
        if (input->after && uuid_is_valid(input->after))
                (void)strncpy(run_id, input->after, sizeof(run_id) - 1);
        else if (input->after)
                return error_set(err, ERROR_RUN_NOT_FOUND, "there is no run \"%.60s\"",
                                 input->after);
        else if (input->thread_id)
                r = thread_messages(exchange->api->store, input->thread_id, input->owner, 0, 0,
                                    note_run, run_id, err);
        if (r < 0 || !run_id[0])
                return r;
        r = capsule_store_get(exchange->api->store, run_id, &capsule, err);
        if (r == 0 && !input->sees_all && strcmp(capsule->asker, input->owner) != 0) {
                capsule_free(capsule);
                r = error_set(err, ERROR_RUN_NOT_FOUND, "there is no run \"%.60s\"", run_id);
        }
        if (r < 0)
                return input->after ? r : 0;
        json_t *plan = json_object_get(capsule->body, "plan");
        const char *dataset_id = json_get_string(capsule->body, "dataset_id");
        if (json_is_object(plan) && dataset_id && strcmp(dataset_id, input->dataset->id) == 0)
                *ret = json_incref(plan);
        capsule_free(capsule);
        return 0;
}

/* The thread, with the message in it. */
static int keep_question(struct exchange *exchange, const struct exchange_input *input,
                         struct error *err)
{
        struct thread thread;
        struct thread_message message = {.role = THREAD_USER, .text = input->message};
        int r = input->thread_id
                        ? thread_get(exchange->api->store, input->thread_id, input->owner, &thread,
                                     err)
                        : thread_new(exchange->api->store, input->owner, NULL, &thread, err);
        if (r < 0)
                return r;
        memcpy(exchange->thread_id, thread.id, sizeof(exchange->thread_id));
        return thread_append(exchange->api->store, thread.id, input->owner, &message, err);
}

static int exchange_new(struct api *api, const struct exchange_input *input, struct exchange **ret,
                        struct error *err)
{
        struct exchange *exchange = alloc_calloc(1, sizeof(*exchange));
        if (!exchange)
                return error_oom(err);
        atomic_init(&exchange->references, 1);
        (void)pthread_mutex_init(&exchange->lock, NULL);
        exchange->api = api;
        exchange->owner = alloc_strdup(input->owner);
        int r = exchange->owner ? uuid_v7(exchange->id, err) : error_oom(err);
        if (r == 0)
                r = sse_log_new(EVENTS_MAX, EVENTS_BYTES_MAX, &exchange->log, err);
        if (r < 0)
                exchange_free(exchange);
        else
                *ret = exchange;
        return r;
}

static int order_run(struct exchange *exchange, struct order *order, struct error *err)
{
        struct ticket *ticket = NULL;
        int r = runs_submit(exchange->api->runs, order, on_change, exchange_hold(exchange), &ticket,
                            err);
        if (r < 0) {
                exchange_release(exchange);
                return r;
        }
        (void)pthread_mutex_lock(&exchange->lock);
        bool late = exchange->has_ended; /* before it came here */
        if (!late)
                exchange->ticket = ticket;
        (void)pthread_mutex_unlock(&exchange->lock);
        if (late)
                ticket_release(ticket);
        return 0;
}

int exchange_start(struct api *api, const struct exchange_input *input, struct exchange **ret,
                   struct error *err)
{
        struct exchange *exchange = NULL;
        int r = exchange_new(api, input, &exchange, err);
        if (r < 0)
                return r;
        struct order order = {0};
        _cleanup_json_ json_t *previous = NULL;
        _cleanup_free_ char *words = smalltalk_answer(input->dataset, input->message);
        fill_order(&order, input);
        api_cap_limits(input->setup, &order.limits);
        if (!words && order.question)
                r = find_previous(exchange, input, &previous, err);
        order.previous = previous;
        if (r == 0)
                r = keep_question(exchange, input, err);
        if (r == 0 && words)
                end(exchange, keep_answer(exchange, json_string(words), NULL), NULL, err);
        else if (r == 0)
                r = order_run(exchange, &order, err);
        if (r < 0) {
                exchange_release(exchange);
                return r;
        }
        *ret = exchange;
        return 0;
}

static void release_exchange(void *data)
{
        exchange_release(data);
}

/* The client that waited for the whole answer has gone: nobody else can have it. */
static void on_waiting_gone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        struct http_request *request = exchange->waiting;
        bool alone = request && !exchange->followers && !exchange->has_ended;
        exchange->waiting = NULL;
        if (alone && exchange->ticket)
                ticket_cancel(exchange->ticket);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_release(request);
}

void exchange_answer(struct exchange *exchange, struct http_request *request)
{
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->waiting = http_hold(request);
        if (exchange->has_ended)
                answer_waiting(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_on_gone(request, on_waiting_gone, release_exchange, exchange_hold(exchange));
}

static void on_gone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        pump_all(exchange); /* finds out who has gone */
        (void)pthread_mutex_unlock(&exchange->lock);
}

void exchange_stream(struct exchange *exchange, struct http_request *request, uint64_t after_id)
{
        struct error err = {0};
        struct follower *follower = alloc_calloc(1, sizeof(*follower));
        if (!follower) {
                (void)error_oom(&err);
                reply_error(request, &err, NULL);
                return;
        }
        follower->request = http_hold(request);
        follower->last_id = after_id;
        http_set(request, "X-Stream-Id", exchange->id);
        http_stream(request);
        metrics_gauge_add(exchange->api->metrics, METRIC_SSE_CLIENTS, 1);
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->is_streamed = true;
        follower->next = exchange->followers;
        exchange->followers = follower;
        pump_all(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_on_gone(request, on_gone, release_exchange, exchange_hold(exchange));
}
