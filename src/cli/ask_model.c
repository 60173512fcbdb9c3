#include "cli/ask_model.h"

#include "agent/record.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/uuid.h"
#include "run/describe.h"
#include "run/run.h"

#include <string.h>

/* What the agent's callbacks need. */
struct asking {
        const struct ask_model_input *input;
        const struct dataset *described;
};

/* Not longer than the answer may take. */
static struct limits limits_until(const struct limits *limits, int64_t deadline_us)
{
        struct limits shorter = *limits;
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        if (left_ms < shorter.timeout_ms)
                shorter.timeout_ms = left_ms > 0 ? left_ms : 1;
        return shorter;
}

static int run_query(const struct agent_query *query, json_t **ret, void *data, struct error *err)
{
        const struct asking *asking = data;
        const struct ask_model_input *input = asking->input;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        const struct run_input run = {.dataset = input->dataset,
                                      .question = input->question,
                                      .planner = input->choice->name,
                                      .reading = query->reading,
                                      .plan_text = query->plan,
                                      .plan_bytes = query->plan_bytes,
                                      .sql = query->sql,
                                      .sql_bytes = query->sql_bytes,
                                      .as_of = input->as_of,
                                      .limits = limits_until(&input->limits, query->deadline_us),
                                      .cancel_fd = input->cancel_fd};
        if (query->dataset != asking->described)
                return error_set(err, ERROR_INTERNAL, "a query of another dataset");
        int r = run_execute(input->store, input->executor, &run, &capsule, err);
        if (r == 0 && capsule->state == RUN_CANCELLED)
                r = error_set(err, ERROR_CANCELLED, "stopped");
        if (r == 0)
                *ret = json_incref(capsule->body);
        return r;
}

static int find_run(const char *run_id, json_t **ret, void *data, struct error *err)
{
        const struct asking *asking = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_store_get(asking->input->store, run_id, &capsule, err);
        if (r < 0)
                return r;
        if (capsule->kind != CAPSULE_RUN || !capsule_is_sealed(capsule))
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "there is no run \"%.60s\" that has ended", run_id);
        *ret = json_incref(capsule->body);
        return 0;
}

/* The columns of files are known only when somebody has looked. */
static int describe(const struct ask_model_input *input, struct dataset **made,
                    const struct dataset **ret, struct error *err)
{
        char id[UUID_TEXT_SIZE];
        *ret = input->dataset;
        if (dataset_is_described(input->dataset))
                return 0;
        int r = uuid_v7(id, err);
        if (r == 0)
                r = dataset_describe(input->executor, input->dataset, id, &input->limits,
                                     input->cancel_fd, made, err);
        *ret = *made;
        return r;
}

static void dataset_freep(struct dataset **dataset)
{
        dataset_free(*dataset);
}

int ask_model(const struct ask_model_input *input, struct agent_answer *ret,
              struct capsule **ret_capsule, struct error *err)
{
        _cleanup_(dataset_freep) struct dataset *made = NULL;
        struct asking asking = {.input = input};
        struct error why = {0};
        int64_t start_us = clock_monotonic_us();
        int r = describe(input, &made, &asking.described, err);
        if (r < 0)
                return r;
        const struct answer_origin origin = {.dataset = asking.described,
                                             .asker = "",
                                             .question = input->question,
                                             .planner = input->choice->name};
        const struct agent_world world = {
                .run = run_query, .find = find_run, .data = &asking, .cancel_fd = input->cancel_fd};
        const struct agent_question question = {.dataset = asking.described,
                                                .text = input->question,
                                                .as_of = input->as_of,
                                                .previous = input->previous};
        r = answer_record_begin(input->store, &origin, ret_capsule, err);
        if (r < 0)
                return r;
        (void)agent_answer(input->choice->model, planners_bounds(input->planners), &world,
                           &question, ret, &why);
        double took_ms = (double)(clock_monotonic_us() - start_us) / 1000;
        r = answer_record_end(input->store, *ret_capsule, ret, &why, took_ms, err);
        if (r < 0 || why.type == ERROR_NONE)
                return r;
        if (err)
                *err = why;
        return -(int)why.type;
}
