/* What is counted and logged of requests and runs. Neither holds questions, SQL, results or keys.
 */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

#define HOST_STATUS_MAX ((size_t)4 * 1024 * 1024)
#define HOST_STATUS_DEPTH 10

void api_ended(const struct http_request *request, int status, uint64_t bytes_sent, int64_t took_us,
               void *data)
{
        struct api *api = data;
        const char *route = api_route_of(http_path(request));
        if (*http_user(request))
                limits_leave(api->client_limits, http_user(request));
        metrics_http(api->metrics, route, http_method(request), status, took_us);
        log_info(api->log, "request", log_text("request_id", http_request_id(request)),
                 log_text("client", http_client(request)),
                 log_text("asker", *http_user(request) ? http_user(request) : NULL),
                 log_text("method", http_method(request)), log_text("route", route),
                 log_number("status", status), log_number("bytes", (int64_t)bytes_sent),
                 log_number("took_us", took_us));
}

/* Milliseconds of one of a capsule's timings, in microseconds. */
static int64_t took_of(const json_t *body)
{
        const json_t *timings = json_object_get(body, "timings");
        return (int64_t)(json_number_value(json_object_get(timings, "total")) * 1000);
}

void api_run_ended(const struct ticket *ticket, const struct capsule *capsule, void *data)
{
        struct api *api = data;
        struct ticket_view view;
        ticket_look(ticket, &view);
        const char *status = capsule ? run_state_name(capsule->state) : "failed";
        const json_t *body = capsule ? capsule->body : NULL;
        const char *executor = json_get_string(body, "executor");
        int64_t took_us = took_of(body);
        metrics_count(api->metrics, METRIC_RUNS, METRIC_LABELS(status, executor), 1);
        metrics_observe(api->metrics, METRIC_RUN_SECONDS, METRIC_LABELS(status), took_us);
        metrics_observe(api->metrics, METRIC_QUEUE_SECONDS, NULL, view.waited_ms * 1000);
        if (capsule && capsule->state == RUN_ABSTAINED)
                metrics_count(api->metrics, METRIC_ABSTENTIONS,
                              METRIC_LABELS(json_get_string(json_object_get(body, "abstention"),
                                                            "reason")),
                              1);
        const char *error = capsule ? json_get_string(json_object_get(body, "error"), "type")
                                    : error_type_name(view.error.type);
        log_info(api->log, "run", log_text("run_id", view.run_id),
                 log_text("dataset_id", ticket_dataset_id(ticket)), log_text("status", status),
                 log_text("error", error), log_text("planner", json_get_string(body, "planner")),
                 log_number("waited_ms", view.waited_ms), log_number("took_us", took_us));
}

static double read_waiting(void *data)
{
        const struct api *api = data;
        return (double)runs_waiting(api->runs);
}

static double read_running(void *data)
{
        const struct api *api = data;
        return (double)runs_running(api->runs);
}

static double read_warm_ready(void *data)
{
        const struct api *api = data;
        struct executor_warm warm = {0};
        if (!api->executor.shared)
                return NAN;
        executor_shared_count(api->executor.shared, &warm);
        return (double)warm.ready;
}

static double read_warm_starting(void *data)
{
        const struct api *api = data;
        struct executor_warm warm = {0};
        if (!api->executor.shared)
                return NAN;
        executor_shared_count(api->executor.shared, &warm);
        return (double)warm.getting_ready;
}

void api_hear_executor(enum executor_news news, const char *words, void *data)
{
        static const char *const events[] = {[EXECUTOR_WARM_TAKEN] = "taken",
                                             [EXECUTOR_WARM_MISSED] = "missed",
                                             [EXECUTOR_WARM_FAILED] = "failed"};
        struct api *api = data;
        if (news == EXECUTOR_WARM_TROUBLE)
                log_warn(api->log, "executor.warm", log_text("error", words));
        else
                metrics_count(api->metrics, METRIC_WARM_EVENTS, METRIC_LABELS(events[news]), 1);
}

int api_metrics_new(struct api *api, struct error *err)
{
        const char **names = api->routes;
        size_t n = 0;
        for (size_t i = 0; n < METRICS_ROUTES_MAX && api_route(i); i++) {
                bool twice = false; /* one path with two methods */
                for (size_t k = 0; k < n; k++)
                        twice = twice || strcmp(names[k], api_route(i)) == 0;
                if (!twice)
                        names[n++] = api_route(i);
        }
        int r = metrics_new(names, n, &api->metrics, err);
        if (r < 0)
                return r;
        metrics_gauge_from(api->metrics, METRIC_QUEUE_WAITING, read_waiting, api);
        metrics_gauge_from(api->metrics, METRIC_RUNS_RUNNING, read_running, api);
        metrics_gauge_from(api->metrics, METRIC_WARM_PODS, read_warm_ready, api);
        metrics_gauge_from(api->metrics, METRIC_WARM_PODS_MAKING, read_warm_starting, api);
        return 0;
}

static void reply_metrics(struct call *call)
{
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        buf_init(&text, METRICS_BYTES_MAX);
        metrics_render(call->api->metrics, &text);
        if (buf_error(&text, &err, "the metrics") < 0) {
                reply_error(call->request, &err, NULL);
                return;
        }
        http_set(call->request, "Cache-Control", "no-store");
        http_reply(call->request, 200, METRICS_CONTENT_TYPE, buf_text(&text), text.len);
}

/* What the host of warm tables says of itself; *ret is NULL when there is none just now. */
static int ask_host(const struct api *api, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = HOST_STATUS_MAX,
                                                  .max_depth = HOST_STATUS_DEPTH};
        struct executor *executor = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, HOST_STATUS_MAX);
        int r = executor_open_as(&api->executor, api->datasets_folder, &executor, err);
        if (r == 0)
                r = executor_ask(executor, EXECUTOR_ASK_HOST, &text, err);
        executor_free(executor);
        return r < 0 ? r
                     : json_parse(buf_text(&text), text.len, &limits, ERROR_RUNNER_INTERNAL, ret,
                                  err);
}

/* On a thread that may wait for the host. */
static void look_at_host(struct call *call)
{
        struct metrics *metrics = call->api->metrics;
        _cleanup_json_ json_t *status = NULL;
        struct error ignored = {0};
        int64_t children = 0;
        int64_t idle = 0;
        (void)ask_host(call->api, &status, &ignored);
        const json_t *warm = json_object_get(status, "warm");
        for (size_t i = 0; i < json_array_size(warm); i++) {
                const json_t *list = json_object_get(json_array_get(warm, i), "children");
                children += (int64_t)json_array_size(list);
                for (size_t k = 0; k < json_array_size(list); k++)
                        idle += json_get_bool(json_array_get(list, k), "idle", false);
        }
        metrics_gauge_set(metrics, METRIC_PARENTS, (int64_t)json_array_size(warm));
        metrics_gauge_set(metrics, METRIC_CHILDREN, children);
        metrics_gauge_set(metrics, METRIC_CHILDREN_IDLE, idle);
        reply_metrics(call);
}

/* Also while all threads for what takes long are busy: then the host is as it was. */
void api_metrics(struct call *call)
{
        struct error ignored = {0};
        if (atomic_load(&call->api->draining) || call_try_later(call, look_at_host, &ignored) < 0)
                reply_metrics(call);
}
