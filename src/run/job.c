#include "run/job.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "plan/plan.h"
#include "run/describe.h"
#include "run/record.h"
#include "run/response.h"

#include <stdio.h>
#include <string.h>

void job_done(struct job *job)
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

static int job_set_as_of(struct job *job, struct error *err)
{
        const char *text = job->input.as_of ? job->input.as_of : job->input.dataset->as_of;
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
        const struct run_input *input = &job->input;
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

/* The plan or the SQL; a question has neither yet. */
static int job_record_query(struct job *job, struct error *why, struct error *err)
{
        const struct run_input *input = &job->input;
        json_t *sql = NULL;
        if (!input->plan_text && !input->sql)
                return 0;
        int r = capsule_set(job->capsule, "query_mode",
                            json_string(input->plan_text ? "plan" : "sql"), err);
        if (r == 0 && input->reading)
                r = capsule_set(job->capsule, "reading", json_deep_copy(input->reading), err);
        if (r == 0 && input->plan_text)
                return record_plan(job, err);
        if (r < 0 || record_sql(input->sql, input->sql_bytes, &sql, why) < 0)
                return r;
        return capsule_set(job->capsule, "sql", sql, err);
}

/* What is known before anything is looked at. *why is what is already wrong with it. */
static int job_record_input(struct job *job, struct error *why, struct error *err)
{
        const struct run_input *input = &job->input;
        const struct dataset *dataset = input->dataset;
        struct capsule *capsule = job->capsule;
        char version[HASH_HEX_SIZE];
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
                r = capsule_set(capsule, "executor", json_string(executor_name(job->executor)),
                                err);
        if (r == 0)
                r = capsule_set(capsule, "limits", record_limits(&input->limits), err);
        if (job_set_as_of(job, why) == 0)
                (void)limits_check(&input->limits, why);
        if (r == 0)
                r = capsule_set(capsule, "as_of", json_string(job->as_of), err);
        if (r == 0)
                r = job_record_query(job, why, err);
        return r;
}

/* To running, in the store too, before the first runner starts. */
static int job_start(struct job *job, struct error *err)
{
        if (job->capsule->state == RUN_RUNNING)
                return 0;
        int r = run_move(job->capsule, RUN_RUNNING, err);
        if (r == 0)
                r = capsule_store_update(job->store, job->capsule, err);
        if (r == 0)
                job_tell(job);
        return r;
}

/* The dataset with its columns: the runner is asked when they are not known. */
static int job_dataset(struct job *job, const struct dataset **ret, struct error *err)
{
        const struct run_input *input = &job->input;
        *ret = job->described ? job->described : input->dataset;
        if (dataset_is_described(*ret))
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
        const struct run_input *input = &job->input;
        const struct dataset *dataset = NULL;
        _cleanup_(plan_freep) struct plan *plan = NULL;
        int r = plan_parse(input->plan_text, input->plan_bytes, &plan, faults, err);
        if (r == 0)
                r = job_dataset(job, &dataset, err);
        if (r == 0)
                r = plan_compile(plan, dataset, job->as_of_s, &job->sql, faults, err);
        if (r == 0)
                r = capsule_set(job->capsule, "sql", json_string(buf_text(&job->sql)), err);
        if (r == 0)
                job_tell(job);
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
        const struct dataset *dataset = job->input.dataset;
        char version[HASH_HEX_SIZE];
        if (json_get_string(job->capsule->body, "dataset_version") ||
            json_array_size(tables) != dataset->n_tables)
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
        int r = job_record_version(job, json_object_get(response->body, "tables"), err);
        if (r == 0)
                r = record_response(job->capsule, job->input.dataset, response, job_elapsed_ms(job),
                                    err);
        if (r < 0)
                return r;
        *err = response->says;
        return -(int)response->says.type;
}

static int job_call(struct job *job, struct error *err)
{
        const struct run_input *input = &job->input;
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

/* The answer must be the one that was sealed: what was changed in the store since is not sealed
 * anew. */
static bool is_answer(const struct capsule *capsule)
{
        char hash[HASH_HEX_SIZE];
        const char *sealed = json_get_string(capsule->body, "capsule_hash");
        return capsule->state == RUN_SUCCEEDED && sealed &&
               capsule_compute_hash(capsule, hash, NULL) == 0 && strcmp(hash, sealed) == 0;
}

/* Computes the key once it can be: of files, only when they were read. */
static bool job_has_key(struct job *job)
{
        if (job->input.cache && !job->has_key)
                job->has_key = run_cache_key_of(job->capsule, &job->key);
        return job->has_key;
}

/* Takes the answer of an earlier run, if there is one. Whatever is wrong with it, this run can do
 * without. */
static int job_reuse(struct job *job, struct error *why)
{
        _cleanup_capsule_ struct capsule *earlier = NULL;
        char run_id[UUID_TEXT_SIZE];
        if (!job_has_key(job) || !run_cache_find(job->input.cache, &job->key, run_id) ||
            capsule_store_get(job->store, run_id, &earlier, NULL) < 0 || !is_answer(earlier))
                return 0;
        job->reused = true;
        return record_cached(job->capsule, earlier, job_elapsed_ms(job), why);
}

int job_run(struct job *job, struct error *why)
{
        int r = job->input.plan_text && !job->is_compiled ? job_compile(job, why) : 0;
        if (r == 0)
                r = job_start(job, why);
        if (r == 0)
                r = job_reuse(job, why);
        return r < 0 || job->reused ? r : job_call(job, why);
}

/* A run whose answer is its own may give it to later ones. */
static void job_share(struct job *job)
{
        if (!job->reused && job->capsule->state == RUN_SUCCEEDED && job_has_key(job))
                run_cache_keep(job->input.cache, &job->key, capsule_run_id(job->capsule));
}

int job_end(struct job *job, enum run_state end, const struct error *why, struct error *err)
{
        int r = 0;
        if (why->type != ERROR_NONE)
                r = record_error(job->capsule, why, steal_ptr(&job->faults), err);
        if (r == 0)
                r = run_move(job->capsule, why->type == ERROR_NONE ? end : state_after(why->type),
                             err);
        if (r == 0)
                r = capsule_store_seal(job->store, job->capsule, err);
        if (r == 0)
                job_share(job);
        return r < 0 ? error_prefix(err, r, "sealing the capsule of the run") : 0;
}

/* A runner that is elsewhere takes long to say it again; one that is here looks at the files, and
 * has it at hand. What is kept is of a version: whether the files are still of it, the run says. */
static int ask_values(const struct job *job, json_t **ret, struct error *why)
{
        const struct run_input *input = &job->input;
        char version[HASH_HEX_SIZE];
        bool keep = input->cache && executor_checks_first(job->executor) &&
                    dataset_is_described(input->dataset);
        int r = keep ? dataset_version(input->dataset, version, why) : 0;
        if (r == 0 && keep)
                *ret = run_cache_find_values(input->cache, version, &input->limits);
        if (r < 0 || *ret)
                return r;
        r = dataset_ask_values(job->executor, input->dataset, capsule_run_id(job->capsule),
                               &input->limits, input->cancel_fd, ret, why);
        if (r == 0 && keep)
                run_cache_keep_values(input->cache, version, &input->limits, *ret);
        return r;
}

int job_look(struct job *job, struct value_index **ret, struct error *why)
{
        int64_t start_us = clock_monotonic_us();
        char version[HASH_HEX_SIZE];
        _cleanup_json_ json_t *values = NULL;
        int r = ask_values(job, &values, why);
        if (r == 0)
                r = dataset_take_values(job->input.dataset, values, &job->described, ret, why);
        if (r == 0)
                r = dataset_version(job->described, version, why);
        if (r == 0)
                r = capsule_set(job->capsule, "dataset_version", json_string(version), why);
        if (r == 0)
                r = capsule_set(job->capsule, "tables", record_tables(job->described, NULL), why);
        if (r == 0)
                r = record_timing(job->capsule, "describe",
                                  (double)(clock_monotonic_us() - start_us) / 1000, why);
        return r;
}

int job_take_plan(struct job *job, const char *text, size_t n, const json_t *reading,
                  struct error *why)
{
        struct run_input *input = &job->input;
        input->plan_text = text;
        input->plan_bytes = n;
        input->reading = reading;
        int r = job_record_query(job, why, why);
        if (r == 0)
                job_tell(job);
        return r;
}

void job_tell(const struct job *job)
{
        if (job->input.watch && job->is_kept)
                job->input.watch(job->capsule, job->input.watch_data);
}

double job_elapsed_ms(const struct job *job)
{
        return (double)(clock_monotonic_us() - job->start_us) / 1000;
}

static int job_init(struct job *job, struct error *err)
{
        job->start_us = clock_monotonic_us();
        buf_init(&job->sql, REQUEST_SQL_MAX);
        job->arena = arena_new(DATASET_ARENA_MAX);
        if (!job->arena)
                return error_oom(err);
        return job->input.adopted ? capsule_new_as(job->input.adopted, &job->capsule, err)
                                  : capsule_new(&job->capsule, err);
}

/* What has to happen before it runs, when nothing else is to be waited for: it is kept as running
 * then. *why is what is wrong with it. */
static int job_start_now(struct job *job, struct error *why, struct error *err)
{
        const struct run_input *input = &job->input;
        if (!input->starts_now || why->type != ERROR_NONE || !(input->plan_text || input->sql) ||
            !dataset_is_described(input->dataset))
                return 0;
        if (input->plan_text && job_compile(job, why) < 0)
                return 0;
        job->is_compiled = true;
        return run_move(job->capsule, RUN_RUNNING, err);
}

int job_begin(struct job *job, struct capsule_store *store, struct executor *executor,
              const struct run_input *input, struct error *why, struct error *err)
{
        job->store = store;
        job->executor = executor;
        job->input = *input;
        int r = job_init(job, err);
        if (r == 0 && input->asker)
                (void)snprintf(job->capsule->asker, sizeof(job->capsule->asker), "%s",
                               input->asker);
        if (r == 0 && input->request_key) {
                (void)snprintf(job->capsule->request_key, sizeof(job->capsule->request_key), "%s",
                               input->request_key);
                (void)snprintf(job->capsule->request_hash, sizeof(job->capsule->request_hash), "%s",
                               input->request_hash);
        }
        if (r == 0)
                r = job_record_input(job, why, err);
        if (r == 0)
                r = job_start_now(job, why, err);
        if (r == 0)
                r = input->adopted ? capsule_store_update(store, job->capsule, err)
                                   : capsule_store_insert(store, job->capsule, err);
        job->is_kept = r == 0;
        return r < 0 ? error_prefix(err, r, "writing the capsule of the run") : 0;
}
