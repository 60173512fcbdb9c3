/* The HTTP API: what its handlers share. Only src/server/api*.c include this, and serve.c. */
#ifndef ASKCSV_SERVER_API_H
#define ASKCSV_SERVER_API_H

#include "server/chores.h"
#include "server/http.h"
#include "server/keys.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/problem.h"
#include "server/runs.h"
#include "server/samples.h"
#include "server/setup.h"
#include "server/timer.h"

#include <stdatomic.h>

struct api {
        struct capsule_store *store; /* one that threads may share */
        const char *datasets_folder;
        const char *home;
        char *openapi; /* what GET /openapi.json says; of api_openapi_make */
        struct runs *runs;
        struct timer *timer;
        struct chores *chores;
        struct samples *samples; /* rows that schemas show */
        int stop_fd;             /* becomes readable when chores that take long are to end */
        struct exchanges *exchanges;
        struct chores *chats; /* threads that talk to a language model */
        int chats_stop_fd;    /* becomes readable when they are to end */
        struct keys *keys;
        const char *user_header;             /* a proxy's, that is trusted; or "" */
        bool keys_needed;                    /* also while there is none */
        struct client_limits *client_limits; /* of keys and users */
        struct client_limits *chat_limits;   /* of theirs: chats with a model */
        struct metrics *metrics;
        const char *routes[METRICS_ROUTES_MAX]; /* the metrics' labels */
        struct log *log;
        struct executor_settings executor;
        struct setup_place setup;
        atomic_bool draining;
};

/* Answers every request: http_options.handle, with the api as its data. */
void api_handle(struct http_request *request, void *data);
/* http_options.refuse. */
char *api_refuse(struct http_request *request, int status, void *data);

/* http_options.ended: counts and logs the request. */
void api_ended(const struct http_request *request, int status, uint64_t bytes_sent, int64_t took_us,
               void *data);
/* runs_options.ended: counts and logs the run. */
void api_run_ended(const struct ticket *ticket, const struct capsule *capsule, void *data);
/* executor_listener.hear: counts it, and logs what is in the way. */
void api_hear_executor(enum executor_news news, const char *words, void *data);
/* Metrics with the routes as labels, and gauges that are read when they are asked for. */
int api_metrics_new(struct api *api, struct error *err);

/* A request and the parts of its path that its route names: "/v1/runs/{id}" gives part[0]. */
struct call {
        struct api *api;
        struct setup *setup; /* the one that held when the request came */
        struct http_request *request;
        char owner[CAPSULE_ASKER_MAX + 1]; /* who asks: a key's id, a proxy's user, or "" */
        enum key_scope scope;
        char part[2][80];
};

/* api_auth.c: who asks, and whether that is enough for the scope; false: it was answered. */
bool call_authorize(struct call *call, enum key_scope needed);
/* Whether the caller may ask now: a key or user that asks too much may not; false: it was answered.
 * api_ended takes back what this took. */
bool call_enter(struct call *call);
/* Whether the caller may see what belongs to asker. */
bool call_owns(const struct call *call, const char *asker);

/* api_origin.c. Whether the page that the request comes from may use the server; if it is one of
 * another origin, its browser is told so with the reply. Before anything else is set. */
bool api_admit_origin(struct http_request *request, const struct setup *setup);
/* Sets Vary, of a reply that depends on these headers ("Accept") besides what all depend on. */
void api_vary(struct http_request *request, const struct setup *setup, const char *on);
/* To OPTIONS: what is possible at the path, and what a page of an admitted origin may send. Ends
 * the request. */
void reply_options(struct http_request *request, const struct setup *setup, const char *methods);

/* api_reply.c. Each ends the request. */
void reply_json(struct http_request *request, int status, json_t *json); /* takes json over */
void reply_error(struct http_request *request, const struct error *err, json_t *extra);
/* What the reply to the error leaves out, and the server's own faults; reply_error does it. */
void api_log_problem(const struct api *api, const char *request_id, const struct error *err);
/* INVALID_REQUEST, about the body's member at pointer (or "": of the query). */
void reply_invalid(struct http_request *request, const char *pointer, const char *message);
void reply_own(struct http_request *request, enum problem_own own, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* TOO_MANY_REQUESTS, with when to ask again. */
void reply_later(struct http_request *request, int64_t retry_after_ms, const char *detail);
/* To who ordered the run that the capsule's body is of: 201 when it has ended, else 202. */
void reply_run(const struct call *call, const json_t *body);
/* The capsule as it is; sealed ones never change and may be kept by caches. */
void reply_capsule(struct http_request *request, int status, const json_t *body);

/* The body as an object with no members but those in names (ends with NULL); false: it was
 * answered. The caller frees *ret. */
bool call_body(struct call *call, const char *const *names, json_t **ret);
/* The registered dataset of that id; false: it was answered. */
bool call_dataset(struct call *call, const char *id, const struct dataset **ret);
/* A whole number out of the query, or the fallback; false: it was answered. */
bool call_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t fallback,
                 int64_t *ret);

/* Of the types (ends with NULL) the one that the client likes best, the first of equals; NULL: it
 * takes none. api_accept.c. */
const char *call_prefers(const struct call *call, const char *const *types);

/* Goes on in handle(call) on a thread that may wait; the call is a copy. */
void call_later(struct call *call, void (*handle)(struct call *call));
/* The same for who can answer without: when it cannot be, nothing was answered. */
int call_try_later(struct call *call, void (*handle)(struct call *call), struct error *err);

/* The text of GET /openapi.json; the caller frees it. */
int api_openapi_make(char **ret, struct error *err);

/* Handlers, by file. */
void api_health(struct call *call);
void api_ready(struct call *call);
void api_problem(struct call *call);
void api_planners(struct call *call);
void api_openapi(struct call *call);
void api_page(struct call *call);
void api_asset(struct call *call);
void api_metrics(struct call *call);
void api_datasets(struct call *call);
void api_dataset(struct call *call);
void api_schema(struct call *call);
void api_runs_create(struct call *call);
void api_runs_list(struct call *call);
void api_run(struct call *call);
void api_run_status(struct call *call);
void api_run_result(struct call *call);
void api_run_cancel(struct call *call);
void api_run_verify(struct call *call);
void api_run_rerun(struct call *call);
void api_plans_compile(struct call *call);
void api_sql_check(struct call *call);
void api_chat(struct call *call);
void api_chat_stream(struct call *call);
void api_chat_resume(struct call *call);
void api_threads(struct call *call);
void api_thread(struct call *call);
void api_thread_messages(struct call *call);
void api_thread_rename(struct call *call);
void api_thread_delete(struct call *call);

/* api.c: the routes' patterns, and the one that a path fits; NULL behind the last, or for none. */
const char *api_route(size_t i);
const char *api_route_of(const char *path);

/* api_create.c: no more than the settings allow; what a client leaves out may be too much as well.
 */
void api_cap_limits(const struct setup *setup, struct limits *limits);
/* api_wait.c: submits the order and answers when it has ended or after wait_ms: with the capsule,
 * or with where it stands. done (or NULL) makes the answer's body of an ended run's capsule: a new
 * object, or NULL for no memory. */
void api_submit(struct call *call, const struct order *order, int64_t wait_ms,
                json_t *(*done)(const json_t *capsule));

#endif
