#include "run/run.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "run/describe.h"
#include "run/job.h"
#include "run/record.h"
#include "run/response.h"

int run_execute(struct capsule_store *store, struct executor *executor,
                const struct run_input *input, struct capsule **ret, struct error *err)
{
        struct error why = {0}; /* the run's own error, which ends in the capsule */
        _cleanup_(job_done) struct job job = {0};
        int r = job_begin(&job, store, executor, input, &why, err);
        if (r < 0)
                return r;
        if (why.type == ERROR_NONE)
                (void)job_run(&job, &why);
        r = job_end(&job, RUN_SUCCEEDED, &why, err);
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
