/* Whether the server lives, and whether it can do its work. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "run/source.h"

#include <string.h>

#define ANSWER_MAX 65536
#define REACH_MS 2000

void api_health(struct call *call)
{
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200,
                   json_pack("{s:s, s:s}", "status", "ok", "version", ASKCSV_VERSION));
}

/* Adds the outcome of one check; true when it is well. */
static bool add_check(const struct call *call, json_t *checks, const char *name, int r,
                      const struct error *err)
{
        char detail[ERROR_MESSAGE_MAX];
        if (r < 0) {
                problem_detail(err->type, err->message, detail);
                log_warn(call->api->log, "not.ready", log_text("check", name),
                         log_text("message", err->message));
        }
        (void)json_object_set_new(checks, name,
                                  r < 0 ? json_pack("{s:b, s:s}", "ok", 0, "detail", detail)
                                        : json_pack("{s:b}", "ok", 1));
        return r >= 0;
}

static int check_runner(const struct call *call, struct error *err)
{
        struct executor *executor = NULL;
        _cleanup_buf_ struct buf answer = {0};
        buf_init(&answer, ANSWER_MAX);
        int r = executor_open_as(&call->api->executor, call->api->datasets_folder, &executor, err);
        if (r == 0)
                r = executor_ask(executor, EXECUTOR_ASK_VERSION, &answer, err);
        executor_free(executor);
        return r;
}

static int check_datasets(const struct call *call, struct error *err)
{
        const struct registry *registry = call->setup->registry;
        for (size_t i = 0; i < registry->n_datasets; i++) {
                struct source *source = NULL;
                int r = source_open_registered(registry->datasets[i], call->api->datasets_folder,
                                               false, &source, err);
                source_free(source);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Anybody may ask: where the model's server is, only the log says. */
static int check_model(const struct call *call, struct error *err)
{
        struct error why = {0};
        if (planners_reach(call->setup->planners, REACH_MS, &why) == 0)
                return 0;
        log_warn(call->api->log, "model.unreachable", log_text("error", why.message));
        return error_set(err, why.type,
                         "the language model's server is not reached; the log says why");
}

/* Takes checks over. */
static void reply_ready(struct call *call, bool ready, json_t *checks)
{
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, ready ? 200 : 503,
                   json_pack("{s:b, s:o, s:{s:I, s:I}}", "ready", ready, "checks", checks, "runs",
                             "waiting", (json_int_t)runs_waiting(call->api->runs), "running",
                             (json_int_t)runs_running(call->api->runs)));
}

static void look_around(struct call *call)
{
        struct error err = {0};
        json_t *checks = json_object();
        bool ready =
                add_check(call, checks, "store", capsule_store_probe(call->api->store, &err), &err);
        ready &= add_check(call, checks, "runner", check_runner(call, &err), &err);
        ready &= add_check(call, checks, "datasets", check_datasets(call, &err), &err);
        ready &= add_check(call, checks, "accepting", 0, NULL);
        /* Runs, stored answers and the built-in planner do without it: said, but no reason to send
         * nobody here. */
        if (planners_want_model(call->setup->planners))
                (void)add_check(call, checks, "model", check_model(call, &err), &err);
        reply_ready(call, ready, checks);
}

void api_ready(struct call *call)
{
        struct error err = {0};
        if (!atomic_load(&call->api->draining)) {
                call_later(call, look_around);
                return;
        }
        json_t *checks = json_object();
        int r = error_set(&err, ERROR_QUEUE_FULL, "the server is ending");
        reply_ready(call, add_check(call, checks, "accepting", r, &err), checks);
}

void api_problem(struct call *call)
{
        const struct problem_type *type = problem_find(call->part[0]);
        if (!type) {
                reply_own(call->request, PROBLEM_NOT_FOUND, "there is no problem of that name");
                return;
        }
        reply_json(call->request, 200,
                   json_pack("{s:s, s:s, s:s, s:i, s:s}", "name", type->name, "error", type->error,
                             "title", type->title, "status", type->status, "about", type->about));
}

/* Who plans on this server. */
void api_planners(struct call *call)
{
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200, planners_to_json(call->setup->planners));
}
