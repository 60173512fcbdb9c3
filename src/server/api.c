/* Which handler a request goes to, and what is checked before. */
#include "server/api.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_DEPTH_MAX 200
#define ANYBODY ((enum key_scope)0)

struct route {
        const char *method;
        const char *path; /* "{}" stands for one part */
        void (*handle)(struct call *call);
        enum key_scope scope; /* 0: for anybody */
};

static const struct route routes[] = {
        {"GET", "/", api_page, ANYBODY},
        {"GET", "/runs", api_page, ANYBODY},
        {"GET", "/runs/{}", api_page, ANYBODY}, /* one, or two to compare: A...B */
        {"GET", "/threads/{}", api_page, ANYBODY},
        {"GET", "/assets/{}", api_asset, ANYBODY},
        {"GET", "/healthz", api_health, ANYBODY},
        {"GET", "/readyz", api_ready, ANYBODY},
        {"GET", "/problems/{}", api_problem, ANYBODY},
        {"GET", "/openapi.json", api_openapi, ANYBODY},
        {"GET", "/metrics", api_metrics, KEY_ADMIN},
        {"GET", "/v1/planners", api_planners, KEY_READ},
        {"GET", "/v1/datasets", api_datasets, KEY_READ},
        {"GET", "/v1/datasets/{}", api_dataset, KEY_READ},
        {"GET", "/v1/datasets/{}/schema", api_schema, KEY_READ},
        {"POST", "/v1/runs", api_runs_create, KEY_RUN},
        {"GET", "/v1/runs", api_runs_list, KEY_READ},
        {"GET", "/v1/runs/{}", api_run, KEY_READ},
        {"GET", "/v1/runs/{}/status", api_run_status, KEY_READ},
        {"GET", "/v1/runs/{}/result", api_run_result, KEY_READ},
        {"POST", "/v1/runs/{}/cancel", api_run_cancel, KEY_RUN},
        {"POST", "/v1/runs/{}/verify", api_run_verify, KEY_RUN},
        {"POST", "/v1/runs/{}/rerun", api_run_rerun, KEY_RUN},
        {"POST", "/v1/plans/compile", api_plans_compile, KEY_RUN},
        {"POST", "/v1/sql/check", api_sql_check, KEY_RUN},
        {"POST", "/v1/chat", api_chat, KEY_RUN},
        {"POST", "/v1/chat/stream", api_chat_stream, KEY_RUN},
        {"GET", "/v1/chat/stream/{}", api_chat_resume, KEY_RUN},
        {"GET", "/v1/threads", api_threads, KEY_READ},
        {"GET", "/v1/threads/{}", api_thread, KEY_READ},
        {"PATCH", "/v1/threads/{}", api_thread_rename, KEY_RUN},
        {"DELETE", "/v1/threads/{}", api_thread_delete, KEY_RUN},
        {"GET", "/v1/threads/{}/messages", api_thread_messages, KEY_READ},
};

/* The parts that stand for "{}" go into call. */
static bool matches(const char *pattern, const char *path, struct call *call)
{
        size_t n = 0;
        while (*pattern && *path) {
                if (strncmp(pattern, "{}", 2) == 0) {
                        size_t length = strcspn(path, "/");
                        if (length == 0 || length >= sizeof(call->part[0]) ||
                            n >= ARRAY_SIZE(call->part))
                                return false;
                        memcpy(call->part[n], path, length);
                        call->part[n++][length] = '\0';
                        path += length;
                        pattern += 2;
                } else if (*pattern++ != *path++) {
                        return false;
                }
        }
        return !*pattern && !*path;
}

const char *api_route(size_t i)
{
        return i < ARRAY_SIZE(routes) ? routes[i].path : NULL;
}

const char *api_route_of(const char *path)
{
        struct call ignored = {0};
        for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
                if (matches(routes[i].path, path, &ignored))
                        return routes[i].path;
        return NULL;
}

/* "localhost:8080" is localhost, "[::1]:8080" is [::1]. */
static bool is_host(const char *header, const char *name)
{
        size_t n = strlen(name);
        return strncasecmp(header, name, n) == 0 && (!header[n] || header[n] == ':');
}

/* A page of somebody else's name that points to this machine may not use the server (DNS
 * rebinding). */
static bool may_use_host(const struct setup *setup, const struct http_request *request)
{
        static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
        const char *header = http_header(request, "Host");
        if (!header)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (is_host(header, own[i]))
                        return true;
        for (size_t i = 0; setup->hosts.list[i]; i++)
                if (is_host(header, setup->hosts.list[i]))
                        return true;
        return false;
}

static void set_security_headers(struct http_request *request)
{
        http_set(request, "X-Content-Type-Options", "nosniff");
        http_set(request, "X-Frame-Options", "DENY");
        http_set(request, "Referrer-Policy", "no-referrer");
        http_set(request, "Cross-Origin-Resource-Policy", "same-origin");
        http_set(request, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
}

/* No route has path and method: says which methods the path has, if any. */
static void refuse_route(struct http_request *request, const char *allowed)
{
        if (!*allowed) {
                reply_own(request, PROBLEM_NOT_FOUND,
                          "there is nothing at this path; /openapi.json lists what there is");
                return;
        }
        http_set(request, "Allow", allowed);
        reply_own(request, PROBLEM_METHOD_NOT_ALLOWED, "%s is not possible here; use %s",
                  http_method(request), allowed);
}

static void route(struct api *api, struct setup *setup, struct http_request *request)
{
        char allowed[64] = "";
        for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
                struct call call = {.api = api, .setup = setup, .request = request};
                if (!matches(routes[i].path, http_path(request), &call))
                        continue;
                if (strcmp(routes[i].method, http_method(request)) == 0) {
                        if (call_authorize(&call, routes[i].scope) && call_enter(&call))
                                routes[i].handle(&call);
                        return;
                }
                (void)snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed), "%s%s",
                               *allowed ? ", " : "", routes[i].method);
        }
        if (*allowed && strcmp(http_method(request), "OPTIONS") == 0)
                reply_options(request, setup, allowed);
        else
                refuse_route(request, allowed);
}

void api_handle(struct http_request *request, void *data)
{
        struct api *api = data;
        struct setup *setup = setup_now(&api->setup);
        set_security_headers(request);
        if (!may_use_host(setup, request))
                reply_own(request, PROBLEM_FORBIDDEN,
                          "this server does not answer to the name in the Host header; use "
                          "localhost, or add the name to the setting allowed_hosts");
        else if (!api_admit_origin(request, setup))
                reply_own(request, PROBLEM_FORBIDDEN,
                          "a page of another origin may not use this server, unless the setting "
                          "allowed_origins lists its origin");
        else
                route(api, setup, request);
        setup_release(setup);
}

struct later {
        struct call call;
        void (*handle)(struct call *call);
};

static void do_later(void *data)
{
        struct later *later = data;
        later->handle(&later->call);
        setup_release(later->call.setup);
        http_release(later->call.request);
        free(later);
}

int call_try_later(struct call *call, void (*handle)(struct call *call), struct error *err)
{
        struct later *later = alloc_malloc(sizeof(*later));
        if (!later)
                return error_oom(err);
        *later = (struct later){*call, handle};
        (void)http_hold(call->request);
        (void)setup_hold(call->setup);
        int r = chores_add(call->api->chores, do_later, later, err);
        if (r < 0) {
                setup_release(call->setup);
                http_release(call->request);
                free(later);
        }
        return r;
}

void call_later(struct call *call, void (*handle)(struct call *call))
{
        struct error err = {0};
        if (atomic_load(&call->api->draining))
                reply_own(call->request, PROBLEM_UNAVAILABLE, "the server is ending");
        else if (call_try_later(call, handle, &err) < 0)
                reply_error(call->request, &err, NULL);
}

static bool is_known(const char *key, const char *const *names)
{
        for (; *names; names++)
                if (strcmp(*names, key) == 0)
                        return true;
        return false;
}

bool call_body(struct call *call, const char *const *names, json_t **ret)
{
        static const struct json_limits limits = {.max_bytes = (size_t)64 * 1024 * 1024,
                                                  .max_depth = BODY_DEPTH_MAX};
        struct error err = {0};
        _cleanup_json_ json_t *body = NULL;
        size_t n;
        const char *type = http_header(call->request, "Content-Type");
        const char *text = http_body(call->request, &n);
        if (!type || strncasecmp(type, "application/json", strlen("application/json")) != 0) {
                reply_own(call->request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                          "send JSON, with Content-Type: application/json");
                return false;
        }
        int r = json_parse(text, n, &limits, ERROR_INVALID_REQUEST, &body, &err);
        if (r == 0 && !json_is_object(body))
                r = error_set(&err, ERROR_INVALID_REQUEST, "the body is not a JSON object");
        const char *key;
        json_t *value;
        json_object_foreach(r == 0 ? body : NULL, key, value)
        {
                if (r == 0 && !is_known(key, names)) {
                        r = error_set(&err, ERROR_INVALID_REQUEST,
                                      "the body has a member \"%.60s\" that does not belong there",
                                      key);
                        (void)snprintf(err.pointer, sizeof(err.pointer), "/%.60s", key);
                }
        }
        if (r < 0) {
                reply_error(call->request, &err, NULL);
                return false;
        }
        *ret = steal_ptr(&body);
        return true;
}

bool call_dataset(struct call *call, const char *id, const struct dataset **ret)
{
        struct error err = {0};
        *ret = registry_find(call->setup->registry, id);
        if (*ret)
                return true;
        const char *nearest = registry_nearest(call->setup->registry, id);
        (void)error_set(&err, ERROR_DATASET_NOT_FOUND,
                        "there is no dataset \"%.60s\"%s%s%s; GET /v1/datasets lists them", id,
                        nearest ? " (did you mean \"" : "", nearest ? nearest : "",
                        nearest ? "\"?)" : "");
        reply_error(call->request, &err, NULL);
        return false;
}

bool call_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t fallback,
                 int64_t *ret)
{
        const char *text = http_query(call->request, name);
        char *end = NULL;
        struct error err = {0};
        *ret = fallback;
        if (!text)
                return true;
        errno = 0;
        *ret = strtoll(text, &end, 10);
        if (*text && !*end && !errno && *ret >= min && *ret <= max)
                return true;
        (void)error_set(&err, ERROR_INVALID_REQUEST,
                        "the query's \"%s\" must be a whole number from %lld to %lld", name,
                        (long long)min, (long long)max);
        reply_error(call->request, &err, NULL);
        return false;
}
