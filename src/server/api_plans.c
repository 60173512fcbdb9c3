/* Plans and SQL that are only looked at: nothing runs, and no capsule is made. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "plan/plan.h"
#include "protocol/request.h"
#include "run/source.h"

static void plan_freep(struct plan **plan)
{
        plan_free(*plan);
}

static int compile(const struct dataset *dataset, const json_t *json, struct buf *sql,
                   struct plan_faults *faults, struct error *err)
{
        _cleanup_(plan_freep) struct plan *plan = NULL;
        _cleanup_buf_ struct buf text = {0};
        int64_t as_of_s = clock_utc_ms() / 1000;
        if (dataset->as_of)
                (void)clock_parse(dataset->as_of, &as_of_s);
        buf_init(&text, PLAN_BYTES_MAX);
        int r = json_put(json, &text, err);
        if (r == 0)
                r = buf_error(&text, err, "the plan");
        if (r == 0)
                r = plan_parse(buf_text(&text), text.len, &plan, faults, err);
        return r < 0 ? r : plan_compile(plan, dataset, as_of_s, sql, faults, err);
}

void api_plans_compile(struct call *call)
{
        static const char *const names[] = {"plan", NULL};
        _cleanup_json_ json_t *body = NULL;
        _cleanup_buf_ struct buf sql = {0};
        struct plan_faults faults;
        struct error err = {0};
        const struct dataset *dataset;
        if (!call_body(call, names, &body))
                return;
        const json_t *plan = json_object_get(body, "plan");
        const char *id = json_get_string(plan, "dataset_id");
        if (!json_is_object(plan)) {
                reply_invalid(call->request, "/plan", "plan must be a plan, an object");
                return;
        }
        if (!id) {
                reply_invalid(call->request, "/plan/dataset_id", "dataset_id must name a dataset");
                return;
        }
        if (!call_dataset(call, id, &dataset))
                return;
        plan_faults_init(&faults);
        buf_init(&sql, REQUEST_SQL_MAX);
        if (compile(dataset, plan, &sql, &faults, &err) == 0)
                reply_json(call->request, 200, json_pack("{s:s}", "sql", buf_text(&sql)));
        else
                reply_error(call->request, &err,
                            faults.n > 0
                                    ? json_pack("{s:o}", "faults", plan_faults_to_json(&faults))
                                    : NULL);
        plan_faults_done(&faults);
}

/* The policy's verdict comes from a sandboxed runner, in milliseconds; this thread waits for it. */
static int check(const struct call *call, const struct dataset *dataset, const json_t *sql,
                 struct error *err)
{
        struct source *source = NULL;
        struct executor *executor = NULL;
        int r = source_open_registered(dataset, call->api->datasets_folder, true, &source, err);
        if (r == 0)
                r = executor_open_as(&call->api->executor, source->data_root, &executor, err);
        if (r == 0)
                r = run_check(executor, source->dataset, json_string_value(sql),
                              json_string_length(sql), call->api->stop_fd, err);
        executor_free(executor);
        source_free(source);
        return r;
}

static void check_sql(struct call *call)
{
        static const char *const names[] = {"dataset_id", "sql", NULL};
        _cleanup_json_ json_t *body = NULL;
        struct error err = {0};
        const struct dataset *dataset;
        if (!call_body(call, names, &body))
                return;
        const char *id = json_get_string(body, "dataset_id");
        const json_t *sql = json_object_get(body, "sql");
        if (!id) {
                reply_invalid(call->request, "/dataset_id", "dataset_id must name a dataset");
        } else if (!json_is_string(sql)) {
                reply_invalid(call->request, "/sql", "sql must be a string");
        } else if (call_dataset(call, id, &dataset)) {
                if (check(call, dataset, sql, &err) == 0)
                        reply_json(call->request, 200, json_pack("{s:b}", "allowed", 1));
                else
                        reply_error(call->request, &err, NULL);
        }
}

void api_sql_check(struct call *call)
{
        call_later(call, check_sql);
}
