#include "run/run.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "run/describe.h"
#include "run/job.h"
#include "run/record.h"
#include "run/response.h"

#include <poll.h>
#include <stdlib.h>

static void work(struct run *run, enum run_state *end)
{
        *end = RUN_SUCCEEDED;
        (void)job_run(&run->job, &run->why);
}

static void release(struct run *run)
{
        job_done(&run->job);
        free(run);
}

int run_begin(struct capsule_store *store, struct executor *executor, const struct run_input *input,
              struct run **ret, struct error *err)
{
        struct run *run = alloc_calloc(1, sizeof(*run));
        if (!run)
                return error_oom(err);
        run->work = work;
        run->release = release;
        int r = job_begin(&run->job, store, executor, input, &run->why, err);
        if (r < 0)
                release(run);
        else
                *ret = run;
        return r;
}

const struct capsule *run_capsule(const struct run *run)
{
        return run->job.capsule;
}

static bool is_stopped(int cancel_fd)
{
        struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
        return cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

int run_finish(struct run *run, struct capsule **ret, struct error *err)
{
        struct job *job = &run->job;
        enum run_state end = RUN_FAILED;
        if (run->why.type == ERROR_NONE && is_stopped(job->input.cancel_fd))
                (void)error_set(&run->why, ERROR_CANCELLED, "the run was stopped before it began");
        if (run->why.type == ERROR_NONE)
                run->work(run, &end);
        int r = job_end(job, end, &run->why, err);
        if (r == 0 || run_state_is_final(job->capsule->state))
                *ret = steal_ptr(&job->capsule);
        run_drop(run);
        return r;
}

void run_drop(struct run *run)
{
        if (run)
                run->release(run);
}

int run_to_its_end(struct run *run, struct capsule **ret, struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = run_finish(run, &capsule, err);
        if (r == 0)
                *ret = steal_ptr(&capsule);
        return r;
}

int run_execute(struct capsule_store *store, struct executor *executor,
                const struct run_input *input, struct capsule **ret, struct error *err)
{
        struct run *run = NULL;
        int r = run_begin(store, executor, input, &run, err);
        return r < 0 ? r : run_to_its_end(run, ret, err);
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
        int r = record_sql(sql, sql_bytes, &text, err);
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

int run_give_up(struct capsule_store *store, struct capsule *capsule, const struct error *why,
                struct error *err)
{
        int r = record_error(capsule, why, NULL, err);
        if (r == 0)
                r = run_move(capsule, RUN_FAILED, err);
        return r < 0 ? r : capsule_store_seal(store, capsule, err);
}
