#include "run/run.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "plan/plan.h"
#include "run/describe.h"
#include "run/record.h"
#include "run/response.h"

#include <string.h>

/* One run under way. */
struct job {
        struct capsule_store *store;
        struct executor *executor;
        const struct run_input *input;
        struct capsule *capsule;
        struct dataset *described; /* what the runner said of the files, if it was asked */
        struct arena *arena;
        struct buf sql; /* compiled from the plan */
        json_t *faults; /* of the plan */
        int64_t as_of_s;
        char as_of[CLOCK_TEXT_SIZE];
        int64_t start_us;
};

static void job_done(struct job *job)
{
        capsule_free(job->capsule);
        dataset_free(job->described);
        arena_free(job->arena);
        buf_done(&job->sql);
        json_decref(job->faults);
}

/* The run's end for the error that ended it. */
static enum run_state state_after(enum error_type type)
{
        switch (type) {
        case ERROR_NONE:
                return RUN_SUCCEEDED;
        case ERROR_VALIDATION:
        case ERROR_SQL_POLICY_VIOLATION:
        case ERROR_EXFILTRATION_SUSPECTED:
                return RUN_REJECTED;
        case ERROR_RUNNER_TIMEOUT:
                return RUN_TIMED_OUT;
        case ERROR_CANCELLED:
                return RUN_CANCELLED;
        default:
                return RUN_FAILED;
        }
}

/* The text as JSON, if it can be SQL at all; else null, and err says why not. */
static int sql_to_json(const char *sql, size_t n, json_t **ret, struct error *err)
{
        *ret = NULL;
        if (n > REQUEST_SQL_MAX)
                return error_set(err, ERROR_VALIDATION, "the SQL has %zu bytes; the limit is %d", n,
                                 REQUEST_SQL_MAX);
        if (strnlen(sql, n) != n)
                return error_set(err, ERROR_VALIDATION, "the SQL holds a NUL byte; remove it");
        if (n == strspn(sql, " \t\r\n"))
                return error_set(err, ERROR_VALIDATION, "the SQL is empty; write one SELECT");
        *ret = json_stringn(sql, n);
        if (*ret)
                return 0;
        _cleanup_json_ json_t *unchecked = json_stringn_nocheck(sql, n);
        return unchecked ? error_set(err, ERROR_VALIDATION,
                                     "the SQL is not valid UTF-8; save it as UTF-8")
                         : error_oom(err);
}

static int job_set_as_of(struct job *job, struct error *err)
{
        const char *text = job->input->as_of ? job->input->as_of : job->input->dataset->as_of;
        job->as_of_s = clock_utc_ms() / 1000;
        int r = 0;
        if (text && !clock_parse(text, &job->as_of_s))
                r = error_set(err, ERROR_VALIDATION,
                              "\"%.60s\" is not a moment; write it like 2026-01-31T00:00:00Z",
                              text);
        clock_format_s(job->as_of_s, job->as_of);
        return r;
}

/* A plan that is not JSON is not kept; one that JSON readers would not agree on is kept as text. */
static int record_plan(struct job *job, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = PLAN_BYTES_MAX,
                                                  .max_depth = PLAN_DEPTH_MAX};
        const struct run_input *input = job->input;
        struct error ignored = {0};
        json_t *plan = NULL;
        if (json_parse(input->plan_text, input->plan_bytes, &limits, ERROR_VALIDATION, &plan,
                       &ignored) < 0)
                return ignored.type == ERROR_INTERNAL ? error_oom(err) : 0;
        int r = capsule_set(job->capsule, "plan", plan, err);
        if (r != -(int)ERROR_VALIDATION)
                return r;
        return capsule_set(job->capsule, "plan", json_stringn(input->plan_text, input->plan_bytes),
                           err);
}

/* What is known before anything is looked at. *why is what is already wrong with it. */
static int job_record_input(struct job *job, struct error *why, struct error *err)
{
        const struct run_input *input = job->input;
        const struct dataset *dataset = input->dataset;
        struct capsule *capsule = job->capsule;
        char version[HASH_HEX_SIZE];
        json_t *sql = NULL;
        int r = capsule_set(capsule, "dataset_id", json_string(dataset->id), err);
        if (r == 0 && dataset_is_described(dataset)) {
                r = dataset_version(dataset, version, err);
                if (r == 0)
                        r = capsule_set(capsule, "dataset_version", json_string(version), err);
        }
        if (r == 0)
                r = capsule_set(capsule, "tables", record_tables(dataset, NULL), err);
        if (r == 0 && input->question)
                r = capsule_set(capsule, "question", record_text(input->question), err);
        if (r == 0)
                r = capsule_set(capsule, "planner", record_text(input->planner), err);
        if (r == 0)
                r = capsule_set(capsule, "query_mode",
                                json_string(input->plan_text ? "plan" : "sql"), err);
        if (r == 0)
                r = capsule_set(capsule, "executor", json_string(executor_name(job->executor)),
                                err);
        if (r == 0)
                r = capsule_set(capsule, "limits", record_limits(&input->limits), err);
        if (job_set_as_of(job, why) == 0)
                (void)limits_check(&input->limits, why);
        if (r == 0)
                r = capsule_set(capsule, "as_of", json_string(job->as_of), err);
        if (r == 0 && input->plan_text)
                return record_plan(job, err);
        if (r < 0 || sql_to_json(input->sql, input->sql_bytes, &sql, why) < 0)
                return r;
        return capsule_set(capsule, "sql", sql, err);
}

/* To running, in the store too, before the first runner starts. */
static int job_start(struct job *job, struct error *err)
{
        if (job->capsule->state == RUN_RUNNING)
                return 0;
        int r = run_move(job->capsule, RUN_RUNNING, err);
        return r < 0 ? r : capsule_store_update(job->store, job->capsule, err);
}

/* The dataset with its columns: the runner is asked when they are not known. */
static int job_dataset(struct job *job, const struct dataset **ret, struct error *err)
{
        const struct run_input *input = job->input;
        *ret = input->dataset;
        if (dataset_is_described(input->dataset))
                return 0;
        int r = job_start(job, err);
        if (r == 0)
                r = dataset_describe(job->executor, input->dataset, capsule_run_id(job->capsule),
                                     &input->limits, input->cancel_fd, &job->described, err);
        *ret = job->described;
        return r;
}

static void plan_freep(struct plan **plan)
{
        plan_free(*plan);
}

static int job_compile_with(struct job *job, struct plan_faults *faults, struct error *err)
{
        const struct run_input *input = job->input;
        const struct dataset *dataset = NULL;
        _cleanup_(plan_freep) struct plan *plan = NULL;
        int r = plan_parse(input->plan_text, input->plan_bytes, &plan, faults, err);
        if (r == 0)
                r = job_dataset(job, &dataset, err);
        if (r == 0)
                r = plan_compile(plan, dataset, job->as_of_s, &job->sql, faults, err);
        if (r == 0)
                r = capsule_set(job->capsule, "sql", json_string(buf_text(&job->sql)), err);
        return r;
}

static int job_compile(struct job *job, struct error *err)
{
        struct plan_faults faults;
        plan_faults_init(&faults);
        int r = job_compile_with(job, &faults, err);
        if (r < 0 && faults.n > 0)
                job->faults = plan_faults_to_json(&faults);
        plan_faults_done(&faults);
        return r;
}

/* What ran, when it was not known before: files have no version until they are read. */
static int job_record_version(struct job *job, const json_t *tables, struct error *err)
{
        const struct dataset *dataset = job->input->dataset;
        char version[HASH_HEX_SIZE];
        if (dataset_is_described(dataset) || json_array_size(tables) != dataset->n_tables)
                return 0;
        struct dataset *whole = NULL;
        int r = dataset_with_tables(dataset, tables, &whole, err);
        if (r == 0 && dataset_is_described(whole)) {
                r = dataset_version(whole, version, err);
                if (r == 0)
                        r = capsule_set(job->capsule, "dataset_version", json_string(version), err);
        }
        dataset_free(whole);
        return r;
}

static int job_record_response(struct job *job, const struct response *response, struct error *err)
{
        double total_ms = (double)(clock_monotonic_us() - job->start_us) / 1000;
        int r = job_record_version(job, json_object_get(response->body, "tables"), err);
        if (r == 0)
                r = record_response(job->capsule, job->input->dataset, response, total_ms, err);
        if (r < 0)
                return r;
        *err = response->says;
        return -(int)response->says.type;
}

static int job_call(struct job *job, struct error *err)
{
        const struct run_input *input = job->input;
        _cleanup_(response_done) struct response response = {0};
        struct request request = {
                .run_id = capsule_run_id(job->capsule),
                .op = REQUEST_RUN,
                .dataset_version = json_get_string(job->capsule->body, "dataset_version"),
                .sql = json_get_string(job->capsule->body, "sql"),
                .as_of = job->as_of,
                .limits = input->limits,
        };
        int r = request_set_tables(&request, input->dataset, job->described, job->arena, err);
        if (r == 0)
                r = response_get(job->executor, &request, input->cancel_fd, &response, err);
        return r < 0 ? r : job_record_response(job, &response, err);
}

static int job_run(struct job *job, struct error *err)
{
        int r = job->input->plan_text ? job_compile(job, err) : 0;
        if (r == 0)
                r = job_start(job, err);
        return r < 0 ? r : job_call(job, err);
}

static int job_end(struct job *job, const struct error *why, struct error *err)
{
        int r = 0;
        if (why->type != ERROR_NONE)
                r = record_error(job->capsule, why, steal_ptr(&job->faults), err);
        if (r == 0)
                r = run_move(job->capsule, state_after(why->type), err);
        if (r == 0)
                r = capsule_store_seal(job->store, job->capsule, err);
        return r < 0 ? error_prefix(err, r, "sealing the capsule of the run") : 0;
}

static int job_init(struct job *job, struct error *err)
{
        job->start_us = clock_monotonic_us();
        buf_init(&job->sql, REQUEST_SQL_MAX);
        job->arena = arena_new(DATASET_ARENA_MAX);
        return job->arena ? capsule_new(&job->capsule, err) : error_oom(err);
}

int run_execute(struct capsule_store *store, struct executor *executor,
                const struct run_input *input, struct capsule **ret, struct error *err)
{
        struct error why = {0}; /* the run's own error, which ends in the capsule */
        _cleanup_(job_done) struct job job = {.store = store, .executor = executor, .input = input};
        int r = job_init(&job, err);
        if (r == 0)
                r = job_record_input(&job, &why, err);
        if (r == 0)
                r = capsule_store_insert(store, job.capsule, err);
        if (r < 0)
                return error_prefix(err, r, "writing the capsule of the run");
        if (why.type == ERROR_NONE)
                (void)job_run(&job, &why);
        r = job_end(&job, &why, err);
        if (r == 0)
                *ret = steal_ptr(&job.capsule);
        return r;
}

int run_exit_status(const struct capsule *capsule)
{
        const json_t *error = json_object_get(capsule->body, "error");
        const char *name = json_get_string(error, "type");
        if (capsule->state == RUN_SUCCEEDED)
                return 0;
        if (capsule->state == RUN_ABSTAINED)
                return 5;
        int status = name ? error_exit_status(error_type_from_name(name)) : 0;
        return status ? status : 1;
}

int run_check(struct executor *executor, const struct dataset *dataset, const char *sql,
              size_t sql_bytes, int cancel_fd, struct error *err)
{
        _cleanup_(response_done) struct response response = {0};
        _cleanup_json_ json_t *text = NULL;
        char run_id[UUID_TEXT_SIZE];
        int r = sql_to_json(sql, sql_bytes, &text, err);
        if (r == 0)
                r = uuid_v7(run_id, err);
        struct arena *arena = r == 0 ? arena_new(DATASET_ARENA_MAX) : NULL;
        if (r == 0 && !arena)
                r = error_oom(err);
        struct request request = {.run_id = run_id,
                                  .op = REQUEST_CHECK,
                                  .sql = json_string_value(text),
                                  .limits = LIMITS_DEFAULT};
        if (r == 0)
                r = request_set_tables(&request, dataset, NULL, arena, err);
        if (r == 0)
                r = response_get(executor, &request, cancel_fd, &response, err);
        arena_free(arena);
        if (r == 0) {
                *err = response.says;
                r = -(int)response.says.type;
        }
        return r;
}
