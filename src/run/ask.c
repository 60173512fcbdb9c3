#include "run/ask.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "plan/plan.h"
#include "run/job.h"
#include "run/record.h"

#include <stdlib.h>
#include <string.h>

/* A question under way. */
struct asking {
        struct run run; /* the first member: a run is the beginning of it */
        struct ask_input input;
        char *question; /* as the capsule has it */
        struct value_index *values;
        struct planner_output output;
        json_t *reading;
        struct buf plan;
};

static struct asking *asking_of(struct run *run)
{
        return (struct asking *)(void *)run;
}

static void asking_release(struct run *run)
{
        struct asking *asking = asking_of(run);
        job_done(&asking->run.job);
        value_index_free(asking->values);
        planner_output_done(&asking->output);
        json_decref(asking->reading);
        buf_done(&asking->plan);
        free(asking->question);
        free(asking);
}

static void plan_freep(struct plan **plan)
{
        plan_free(*plan);
}

static int plan_to_text(const json_t *plan, struct buf *out, struct error *err)
{
        buf_init(out, PLAN_BYTES_MAX);
        int r = json_put(plan, out, err);
        return r < 0 ? r : buf_error(out, err, "the plan");
}

static int compile_for_nothing(const struct asking *asking, const struct buf *text,
                               struct plan_faults *faults, struct error *err)
{
        _cleanup_(plan_freep) struct plan *plan = NULL;
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, REQUEST_SQL_MAX);
        int r = plan_parse(buf_text(text), text->len, &plan, faults, err);
        return r < 0 ? r
                     : plan_compile(plan, asking->run.job.described, asking->run.job.as_of_s, &sql,
                                    faults, err);
}

/* Planners count on a plan that compiles; this one comes out of the store, where any may be. */
static int check_previous(const struct asking *asking, struct error *why)
{
        _cleanup_buf_ struct buf text = {0};
        struct plan_faults faults;
        if (!asking->input.previous)
                return 0;
        int r = plan_to_text(asking->input.previous, &text, why);
        if (r < 0)
                return r;
        plan_faults_init(&faults);
        r = compile_for_nothing(asking, &text, &faults, why);
        plan_faults_done(&faults);
        return r < 0 ? error_prefix(why, r, "the plan to go on from does not fit this dataset") : 0;
}

static int asking_plan(struct asking *asking, struct error *why)
{
        const struct ask_input *input = &asking->input;
        const struct planner_input to_planner = {
                .question = input->question,
                .question_bytes = input->question_bytes,
                .dataset = asking->run.job.described,
                .values = asking->values,
                .previous = input->previous,
                .as_of_s = asking->run.job.as_of_s,
        };
        int64_t start_us = clock_monotonic_us();
        int r = input->planner->plan(&to_planner, &asking->output, why);
        double took_ms = (double)(clock_monotonic_us() - start_us) / 1000;
        return r < 0 ? r : record_timing(asking->run.job.capsule, "plan", took_ms, why);
}

static int asking_abstain(struct asking *asking, struct error *why)
{
        struct job *job = &asking->run.job;
        if (!json_is_object(asking->output.abstention))
                return error_set(why, ERROR_INTERNAL, "the planner abstained without a word");
        int r = capsule_set(job->capsule, "abstention", json_incref(asking->output.abstention),
                            why);
        return r < 0 ? r : record_timing(job->capsule, "total", job_elapsed_ms(job), why);
}

/* {"sentence","assumptions"}; NULL for no memory. */
static json_t *reading_of(const char *sentence, const json_t *assumptions)
{
        return json_pack("{s:o, s:o}", "sentence", record_text(sentence ? sentence : ""),
                         "assumptions",
                         json_is_array(assumptions) ? json_deep_copy(assumptions) : json_array());
}

static int asking_run(struct asking *asking, struct error *why)
{
        const struct planner_output *output = &asking->output;
        if (!json_is_object(output->plan))
                return error_set(why, ERROR_INTERNAL, "the planner gave no plan");
        asking->reading = reading_of(output->reading, output->assumptions);
        if (!asking->reading)
                return error_oom(why);
        int r = plan_to_text(output->plan, &asking->plan, why);
        if (r == 0)
                r = job_take_plan(&asking->run.job, buf_text(&asking->plan), asking->plan.len,
                                  asking->reading, why);
        return r < 0 ? r : job_run(&asking->run.job, why);
}

static int asking_answer(struct asking *asking, struct error *why)
{
        int r = job_look(&asking->run.job, &asking->values, why);
        if (r == 0)
                r = check_previous(asking, why);
        if (r == 0)
                r = asking_plan(asking, why);
        if (r < 0)
                return r;
        return asking->output.outcome == PLANNER_ABSTAINED ? asking_abstain(asking, why)
                                                           : asking_run(asking, why);
}

/* The question as the capsule can hold it; what is longer than any question is cut. */
static char *question_text(const struct ask_input *input)
{
        size_t n = input->question_bytes < QUESTION_BYTES_MAX ? input->question_bytes
                                                              : QUESTION_BYTES_MAX;
        char *text = alloc_malloc(n + 1);
        if (!text)
                return NULL;
        memcpy(text, input->question, n);
        text[n] = '\0';
        for (size_t i = 0; i < n; i++)
                if (text[i] == '\0')
                        text[i] = '?';
        return text;
}

static void asking_work(struct run *run, enum run_state *end)
{
        struct asking *asking = asking_of(run);
        (void)asking_answer(asking, &run->why);
        *end = asking->output.outcome == PLANNER_ABSTAINED ? RUN_ABSTAINED : RUN_SUCCEEDED;
}

int run_begin_question(struct capsule_store *store, struct executor *executor,
                       const struct ask_input *input, struct run **ret, struct error *err)
{
        struct asking *asking = alloc_calloc(1, sizeof(*asking));
        if (!asking)
                return error_oom(err);
        asking->run.work = asking_work;
        asking->run.release = asking_release;
        asking->input = *input;
        asking->question = question_text(input);
        const struct run_input to_run = {
                .dataset = input->dataset,
                .question = asking->question,
                .asker = input->asker,
                .cache = input->cache,
                .planner = input->planner->name,
                .as_of = input->as_of,
                .limits = input->limits,
                .cancel_fd = input->cancel_fd,
                .watch = input->watch,
                .watch_data = input->watch_data,
        };
        int r = asking->question ? job_begin(&asking->run.job, store, executor, &to_run,
                                             &asking->run.why, err)
                                 : error_oom(err);
        if (r < 0)
                asking_release(&asking->run);
        else
                *ret = &asking->run;
        return r;
}

int run_ask(struct capsule_store *store, struct executor *executor, const struct ask_input *input,
            struct capsule **ret, struct error *err)
{
        struct run *run = NULL;
        int r = run_begin_question(store, executor, input, &run, err);
        return r < 0 ? r : run_to_its_end(run, ret, err);
}

int run_choice(struct capsule_store *store, struct executor *executor,
               const struct dataset *dataset, const struct capsule *abstained, size_t choice,
               int cancel_fd, struct capsule **ret, struct error *err)
{
        const json_t *body = abstained->body;
        const json_t *choices = json_object_get(json_object_get(body, "abstention"), "choices");
        const json_t *chosen = json_array_get(choices, choice);
        const json_t *plan = json_object_get(chosen, "plan");
        _cleanup_json_ json_t *reading = NULL;
        _cleanup_buf_ struct buf text = {0};
        if (!json_is_object(plan))
                return error_set(err, ERROR_USAGE, "the run %s has no choice number %zu",
                                 capsule_run_id(abstained), choice + 1);
        reading = reading_of(json_get_string(chosen, "reading"), NULL);
        if (!reading)
                return error_oom(err);
        int r = plan_to_text(plan, &text, err);
        if (r < 0)
                return r;
        const struct run_input input = {
                .dataset = dataset,
                .question = json_get_string(body, "question"),
                .planner = json_get_string(body, "planner"),
                .reading = reading,
                .plan_text = buf_text(&text),
                .plan_bytes = text.len,
                .as_of = json_get_string(body, "as_of"),
                .limits = record_limits_read(json_object_get(body, "limits")),
                .cancel_fd = cancel_fd,
        };
        return run_execute(store, executor, &input, ret, err);
}
