/* How answers are written. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define NO_MEMORY                                                                                  \
        "{\"type\":\"/problems/internal-error\",\"title\":\"The server failed\",\"status\":500,"   \
        "\"detail\":\"memory is short\",\"error\":\"INTERNAL_ERROR\"}"

static void send_text(struct http_request *request, int status, const char *type, json_t *json)
{
        _cleanup_json_ json_t *owned = json;
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        buf_init(&text, ANSWER_BYTES_MAX);
        if (!owned || json_put(owned, &text, &err) < 0 || text.state != BUF_OK) {
                http_reply(request, 500, PROBLEM_CONTENT_TYPE, NO_MEMORY, strlen(NO_MEMORY));
                return;
        }
        buf_putc(&text, '\n');
        http_reply(request, status, type, buf_text(&text), text.len);
}

void reply_json(struct http_request *request, int status, json_t *json)
{
        send_text(request, status, "application/json", json);
}

static void reply_problem(struct http_request *request, json_t *problem)
{
        char seconds[24];
        int status = (int)json_get_int(problem, "status", 500);
        int64_t after_s = problem_retry_after_s(status, json_get_int(problem, "retry_after_ms", 0));
        if (after_s > 0) {
                (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)after_s);
                http_set(request, "Retry-After", seconds);
        }
        http_set(request, "Cache-Control", "no-store");
        send_text(request, status, PROBLEM_CONTENT_TYPE, problem);
}

void api_log_problem(const struct api *api, const char *request_id, const struct error *err)
{
        char shown[ERROR_MESSAGE_MAX];
        problem_detail(err->type, err->message, shown);
        bool ours = problem_of_error(err->type)->status >= 500;
        if (ours || strcmp(shown, err->message) != 0)
                log_at(api->log, ours ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "problem",
                       log_text("request_id", request_id),
                       log_text("error", error_type_name(err->type)),
                       log_text("message", err->message));
}

void reply_error(struct http_request *request, const struct error *err, json_t *extra)
{
        api_log_problem(http_data(request), http_request_id(request), err);
        reply_problem(request,
                      problem_json(err, http_request_id(request), http_path(request), extra));
        json_decref(extra);
}

void reply_invalid(struct http_request *request, const char *pointer, const char *message)
{
        struct error err = {0};
        (void)error_set(&err, ERROR_INVALID_REQUEST, "%s", message);
        (void)snprintf(err.pointer, sizeof(err.pointer), "%s", pointer);
        reply_error(request, &err, NULL);
}

void reply_own(struct http_request *request, enum problem_own own, const char *format, ...)
{
        char detail[ERROR_MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(detail, sizeof(detail), format, args);
        va_end(args);
        reply_problem(request, problem_own_json(own, detail, 0, http_request_id(request),
                                                http_path(request), NULL));
}

void reply_later(struct http_request *request, int64_t retry_after_ms, const char *detail)
{
        reply_problem(request,
                      problem_own_json(PROBLEM_TOO_MANY_REQUESTS, detail, retry_after_ms,
                                       http_request_id(request), http_path(request), NULL));
}

/* Of a request that is no clear one (400) it is not clear either which page it comes from. */
static void admit_origin(struct http_request *request, struct api *api)
{
        struct setup *setup = setup_now(&api->setup);
        (void)api_admit_origin(request, setup);
        setup_release(setup);
}

char *api_refuse(struct http_request *request, int status, void *data)
{
        const struct problem_type *type = problem_of_status(status);
        _cleanup_json_ json_t *problem =
                json_pack("{s:s+, s:s, s:i, s:s, s:s, s:s}", "type", PROBLEM_PATH, type->name,
                          "title", type->title, "status", status, "detail", type->about, "error",
                          type->error, "request_id", http_request_id(request));
        if (status != 400)
                admit_origin(request, data);
        return problem ? json_dumps(problem, JSON_COMPACT) : NULL;
}

/* True when the client has this very capsule. */
static bool has_it(struct http_request *request, const char *tag)
{
        const char *given = http_header(request, "If-None-Match");
        return given && (strcmp(given, "*") == 0 || strstr(given, tag));
}

void reply_capsule(struct http_request *request, int status, const json_t *body)
{
        const char *hash = json_get_string(body, "capsule_hash");
        char tag[80];
        if (hash && status == 200) {
                (void)snprintf(tag, sizeof(tag), "\"%.64s\"", hash);
                http_set(request, "ETag", tag);
                http_set(request, "Cache-Control", "private, max-age=31536000, immutable");
                if (has_it(request, tag)) {
                        http_reply(request, 304, NULL, NULL, 0);
                        return;
                }
        } else {
                http_set(request, "Cache-Control", "no-store");
        }
        reply_json(request, status, json_incref((json_t *)body));
}
