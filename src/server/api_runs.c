/* Runs: listed, looked at, stopped, repeated. (api_create.c orders them.) */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "capsule/servers.h"
#include "plan/plan.h"
#include "run/csv.h"
#include "run/export.h"
#include "run/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 200
#define PAGE_DEFAULT 50
#define CSV_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define PARQUET "application/vnd.apache.parquet"

/* What a list shows of a run. */
static json_t *line_of(const json_t *body)
{
        static const char *const members[] = {"run_id",     "status",     "dataset_id",
                                              "question",   "planner",    "query_mode",
                                              "created_at", "started_at", "finished_at"};
        json_t *line = json_object();
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                json_t *value = json_object_get(body, members[i]);
                (void)json_object_set(line, members[i], value ? value : json_null());
        }
        return line;
}

static int add_line(const struct capsule *capsule, void *data)
{
        return json_array_append_new(data, line_of(capsule->body));
}

/* Without keys there is but one who asks. */
static bool sees_all(const struct call *call)
{
        return call->scope >= KEY_ADMIN;
}

/* A moment with or without thousandths of its second, in milliseconds since 1970. */
static bool parse_moment(const char *text, int64_t *ret_ms)
{
        char whole[CLOCK_TEXT_SIZE] = "";
        int64_t seconds;
        int64_t ms = 0;
        size_t digits = 0;
        size_t n = strcspn(text, ".");
        if (n >= sizeof(whole))
                return false;
        memcpy(whole, text, n);
        if (!clock_parse(whole, &seconds))
                return false;
        const char *rest = text + n + (text[n] == '.');
        for (; text[n] && digits < 3 && *rest >= '0' && *rest <= '9'; digits++)
                ms = ms * 10 + (*rest++ - '0');
        if (text[n] && (digits != 3 || (strcmp(rest, "Z") != 0 && *rest)))
                return false;
        *ret_ms = seconds * 1000 + ms;
        return true;
}

/* A moment out of the query, as capsules have theirs; "" when there is none. False: it was
 * answered.
 */
static bool read_moment(struct call *call, const char *name, char out[CLOCK_TEXT_SIZE])
{
        const char *text = http_query(call->request, name);
        int64_t moment_ms;
        char said[160];
        out[0] = '\0';
        if (!text)
                return true;
        if (!parse_moment(text, &moment_ms)) {
                (void)snprintf(said, sizeof(said),
                               "the query's \"%s\" must be a moment such as 2026-01-31T00:00:00Z",
                               name);
                reply_invalid(call->request, "", said);
                return false;
        }
        clock_format_ms(moment_ms, out);
        return true;
}

void api_runs_list(struct call *call)
{
        struct error err = {0};
        int64_t limit;
        const char *status = http_query(call->request, "status");
        char moments[2][CLOCK_TEXT_SIZE];
        if (!call_number(call, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) ||
            !read_moment(call, "since", moments[0]) || !read_moment(call, "until", moments[1]))
                return;
        struct capsule_filter filter = {.dataset_id = http_query(call->request, "dataset_id"),
                                        .status = status,
                                        .since = moments[0][0] ? moments[0] : NULL,
                                        .until = moments[1][0] ? moments[1] : NULL,
                                        .before = http_query(call->request, "before"),
                                        .asker = sees_all(call) ? NULL : call->owner,
                                        .limit = limit};
        if (status && run_state_from_name(status) == RUN_STATE_COUNT_) {
                (void)error_set(&err, ERROR_INVALID_REQUEST, "\"%.40s\" is no status of a run",
                                status);
                reply_error(call->request, &err, NULL);
                return;
        }
        if (filter.before && !uuid_is_valid(filter.before)) {
                reply_invalid(call->request, "", "the query's \"before\" must be a run's id");
                return;
        }
        json_t *lines = json_array();
        if (capsule_store_list(call->api->store, &filter, add_line, lines, &err) < 0) {
                json_decref(lines);
                reply_error(call->request, &err, NULL);
                return;
        }
        const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
        bool more = (int64_t)json_array_size(lines) == limit;
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200,
                   json_pack("{s:o, s:s?}", "runs", lines, "next_before",
                             more ? json_get_string(last, "run_id") : NULL));
}

static int no_such_run(const struct call *call, struct error *err)
{
        return error_set(err, ERROR_RUN_NOT_FOUND, "there is no run \"%.60s\"", call->part[0]);
}

/* Whether there is such a run, and the caller may see it. A prefix of an id is not an id here. */
static int check_stored(const struct call *call, struct error *err)
{
        char asker[CAPSULE_ASKER_MAX + 1];
        if (!uuid_is_valid(call->part[0]))
                return no_such_run(call, err);
        int r = capsule_store_asker(call->api->store, call->part[0], asker, err);
        return r == 0 && !call_owns(call, asker) ? no_such_run(call, err) : r;
}

/* The run as it is stored; false: it was answered. */
static bool find_stored(struct call *call, struct capsule **ret)
{
        struct error err = {0};
        int r = check_stored(call, &err);
        if (r == 0)
                r = capsule_store_get(call->api->store, call->part[0], ret, &err);
        if (r < 0)
                reply_error(call->request, &err, NULL);
        return r == 0;
}

void api_run(struct call *call)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        if (find_stored(call, &capsule))
                reply_capsule(call->request, 200, capsule->body);
}

void api_run_status(struct call *call)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct ticket_view view = {0};
        struct ticket *ticket = runs_find(call->api->runs, call->part[0]);
        if (ticket)
                ticket_look(ticket, &view);
        ticket_release(ticket);
        if (!find_stored(call, &capsule))
                return;
        json_t *line = line_of(capsule->body);
        if (ticket && !view.has_ended)
                (void)json_object_set_new(line, "queue",
                                          json_pack("{s:I, s:I}", "position",
                                                    (json_int_t)view.position, "waited_ms",
                                                    (json_int_t)view.waited_ms));
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200, line);
}

/* Why a run has no result, as the problem that ended it. */
static void reply_without_result(struct call *call, const struct capsule *capsule)
{
        struct error err = {0};
        const json_t *said = json_object_get(capsule->body, "error");
        if (capsule->kind != CAPSULE_RUN) {
                reply_own(call->request, PROBLEM_CONFLICT,
                          "this is the capsule of no run (its kind is %s), so it has no result",
                          capsule_kind_name(capsule->kind));
                return;
        }
        if (!run_state_is_final(capsule->state)) {
                reply_own(call->request, PROBLEM_CONFLICT,
                          "the run is %s; ask again when it has ended",
                          run_state_name(capsule->state));
                return;
        }
        if (capsule->state == RUN_ABSTAINED) {
                reply_own(call->request, PROBLEM_CONFLICT,
                          "the question was not answered; the capsule's abstention says why");
                return;
        }
        const char *message = json_get_string(said, "message");
        const char *pointer = json_get_string(said, "pointer");
        const char *type = json_get_string(said, "type");
        (void)error_set(&err, error_type_from_name(type ? type : ""), "%s",
                        message ? message : "the run failed");
        (void)snprintf(err.pointer, sizeof(err.pointer), "%s", pointer ? pointer : "");
        err.position = json_get_int(said, "position", 0);
        json_t *faults = json_object_get(said, "faults");
        reply_error(call->request, &err,
                    json_pack("{s:s, s:O*}", "run_id", capsule_run_id(capsule), "faults", faults));
}

static void reply_csv(struct call *call, const json_t *result)
{
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        char name[80];
        buf_init(&text, CSV_BYTES_MAX);
        csv_write(&text, json_object_get(result, "columns"), json_object_get(result, "rows"));
        if (buf_error(&text, &err, "the result as CSV") < 0) {
                reply_error(call->request, &err, NULL);
                return;
        }
        (void)snprintf(name, sizeof(name), "attachment; filename=\"%.36s.csv\"", call->part[0]);
        http_set(call->request, "Content-Disposition", name);
        http_reply(call->request, 200, "text/csv; charset=utf-8; header=present", buf_text(&text),
                   text.len);
}

/* A result that there is never changes. */
static void set_result_headers(const struct call *call, const struct capsule *capsule)
{
        const char *hash = json_get_string(capsule->body, "result_hash");
        if (hash)
                http_set(call->request, "X-Result-Hash", hash);
        http_set(call->request, "Cache-Control", "private, max-age=31536000, immutable");
}

/* A runner writes the file in a sandbox; this thread waits for it. */
static void reply_parquet(struct call *call)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf file = {0};
        struct error err = {0};
        char name[80];
        if (!find_stored(call, &capsule))
                return;
        if (result_export(capsule_run_id(capsule), json_object_get(capsule->body, "result"),
                          call->api->stop_fd, &file, &err) < 0) {
                reply_error(call->request, &err, NULL);
                return;
        }
        (void)snprintf(name, sizeof(name), "attachment; filename=\"%.36s.parquet\"", call->part[0]);
        set_result_headers(call, capsule);
        http_set(call->request, "Content-Disposition", name);
        http_reply(call->request, 200, PARQUET, buf_text(&file), file.len);
}

void api_run_result(struct call *call)
{
        static const char *const types[] = {"application/json", "text/csv", PARQUET, NULL};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        if (!find_stored(call, &capsule))
                return;
        json_t *result = json_object_get(capsule->body, "result");
        api_vary(call->request, call->setup, "Accept");
        if (!json_is_object(result)) {
                reply_without_result(call, capsule);
                return;
        }
        const char *type = call_prefers(call, types);
        if (!type) {
                reply_own(call->request, PROBLEM_NOT_ACCEPTABLE,
                          "a result can be had as application/json, text/csv or " PARQUET);
                return;
        }
        if (strcmp(type, PARQUET) == 0) {
                call_later(call, reply_parquet);
                return;
        }
        set_result_headers(call, capsule);
        if (strcmp(type, "text/csv") == 0)
                reply_csv(call, result);
        else
                reply_json(call->request, 200, json_incref(result));
}

/* Another server that shares the store has it; false: it has ended. */
static bool cancel_elsewhere(struct call *call, const struct capsule *capsule)
{
        struct error err = {0};
        if (run_state_is_final(capsule->state) || !store_is_shared(call->api->store))
                return false;
        int r = store_ask_cancel(call->api->store, capsule_run_id(capsule), &err);
        if (r < 0)
                reply_error(call->request, &err, NULL);
        else if (r > 0)
                reply_json(
                        call->request, 202,
                        json_pack("{s:s, s:s}", "run_id", call->part[0], "status", "cancelling"));
        return r != 0;
}

void api_run_cancel(struct call *call)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct ticket *ticket = runs_find(call->api->runs, call->part[0]);
        if (ticket && !call_owns(call, ticket_owner(ticket))) {
                ticket_release(ticket);
                ticket = NULL;
        }
        if (ticket) {
                ticket_cancel(ticket);
                ticket_release(ticket);
                reply_json(
                        call->request, 202,
                        json_pack("{s:s, s:s}", "run_id", call->part[0], "status", "cancelling"));
        } else if (find_stored(call, &capsule) && !cancel_elsewhere(call, capsule)) {
                reply_own(call->request, PROBLEM_CONFLICT, "the run has ended already: it %s %s",
                          capsule->state == RUN_SUCCEEDED ? "has" : "is",
                          run_state_name(capsule->state));
        }
}

static void verify(struct call *call)
{
        const struct run_surroundings around = {.store = call->api->store,
                                                .registry = call->setup->registry,
                                                .datasets_folder = call->api->datasets_folder,
                                                .executor = &call->api->executor,
                                                .asker = call->owner,
                                                .cancel_fd = call->api->stop_fd};
        struct run_verification verdict;
        char message[ERROR_MESSAGE_MAX];
        struct error err = {0};
        if (run_verify(&around, call->part[0], &verdict, &err) < 0) {
                reply_error(call->request, &err, NULL);
                return;
        }
        problem_detail(ERROR_DATASET_CHANGED, verdict.message, message);
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200,
                   json_pack("{s:s, s:s, s:s, s:s?}", "run_id", verdict.run_id, "verdict",
                             run_verdict_name(verdict.verdict), "message", message, "rerun_id",
                             verdict.rerun_id[0] ? verdict.rerun_id : NULL));
}

void api_run_verify(struct call *call)
{
        struct error err = {0};
        if (check_stored(call, &err) < 0) /* it need not be readable: that is a verdict too */
                reply_error(call->request, &err, NULL);
        else
                call_later(call, verify);
}

void api_run_rerun(struct call *call)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        if (!find_stored(call, &capsule))
                return;
        const json_t *body = capsule->body;
        const json_t *plan = json_object_get(body, "plan");
        char name[64];
        (void)snprintf(name, sizeof(name), "rerun %.36s", call->part[0]);
        struct order order = {.setup = call->setup,
                              .limits = record_limits_read(json_object_get(body, "limits")),
                              .owner = call->owner,
                              .planner_name = name,
                              .must_run = true};
        api_cap_limits(call->setup, &order.limits);
        order.as_of = json_get_string(body, "as_of");
        buf_init(&text, PLAN_BYTES_MAX);
        if (json_is_object(plan) && json_put(plan, &text, &err) == 0) {
                order.plan_text = buf_text(&text);
                order.plan_bytes = text.len;
        } else if (json_get_string(body, "sql")) {
                order.sql = json_get_string(body, "sql");
                order.sql_bytes = strlen(order.sql);
        } else {
                reply_own(call->request, PROBLEM_CONFLICT,
                          "the run has neither a plan nor SQL that could be run again");
                return;
        }
        const char *id = json_get_string(body, "dataset_id");
        if (call_dataset(call, id ? id : "", &order.dataset))
                api_submit(call, &order, call->setup->wait_ms_max, NULL);
}
