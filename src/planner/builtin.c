#include "planner/builtin.h"

#include "planner/abstain.h"
#include "planner/build.h"
#include "planner/candidate.h"
#include "planner/followup.h"
#include "planner/reading.h"

#include "base/buf.h"
#include "base/cleanup.h"

#define QUESTION_ARENA_MAX ((size_t)96 * 1024 * 1024) /* folded values are most of it */
#define COST_NEAR 0.25       /* readings that cost as much as that more are as likely */
#define COST_HOPELESS 3      /* and those that cost that much more are not looked at */
#define COST_UNKNOWN_WORD 15 /* less than a word that means nothing costs */

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

static void stemmer_freep(struct stemmer **stemmer)
{
        stemmer_free(*stemmer);
}

static int build_from(struct candidates *candidates, const struct planner_input *input,
                      const struct question *question, const struct intent *intent, double cost,
                      struct error *err)
{
        for (size_t t = 0; t < input->dataset->n_tables; t++) {
                for (int choice = 1; choice <= 2; choice++) {
                        struct built built;
                        int r = intent_build(question, intent, (int)t, choice, &built, err);
                        if (r < 0)
                                return r;
                        bool unsure = built.unsure;
                        double whole = cost + built.cost;
                        if (built.senseless && whole < candidates->senseless)
                                candidates->senseless = whole;
                        if (built.plan)
                                candidates_add(candidates, input->dataset, input->as_of_s, &built,
                                               whole);
                        if (!unsure)
                                break;
                }
        }
        return 0;
}

/* A follow-up changes the plan before; any other question makes one of its own. */
static int build_candidates(const struct planner_input *input, const struct question *question,
                            const struct intent *intent, double cost, struct candidates *candidates,
                            struct error *err)
{
        if (input->previous && followup_is(question))
                return followup_build(question, intent, input, cost, candidates, err);
        return build_from(candidates, input, question, intent, cost, err);
}

/* True when neither this way to cut the question nor those behind it can win. */
static bool is_hopeless(const struct path *path, const struct path *first,
                        const struct candidates *candidates)
{
        if (path != first && path->cost > first->cost + COST_UNKNOWN_WORD)
                return true; /* nothing but more words that are not understood */
        return path->cost > candidates_best_cost(candidates) + COST_HOPELESS;
}

/* Every way to cut the question is read; every reading that makes a plan is a candidate. */
static int find_candidates(const struct planner_input *input, const struct question *question,
                           const struct path *paths, size_t n_paths, struct candidates *candidates,
                           struct misreading *why, struct error *err)
{
        struct intent *intent = arena_alloc(question->arena, sizeof(*intent));
        if (!intent)
                return error_oom(err);
        for (size_t p = 0; p < n_paths && !is_hopeless(&paths[p], paths, candidates); p++) {
                struct misread misread;
                bool reads = intent_read(question, &paths[p], intent, &misread) &&
                             (input->previous || !intent->replaces);
                if (reads) {
                        int r = build_candidates(input, question, intent,
                                                 paths[p].cost + intent->cost, candidates, err);
                        if (r < 0)
                                return r;
                }
                if (!reads || p == 0)
                        misreading_add(why, &paths[p], &misread);
                if (p == 0 && misread.refused >= 0)
                        return 0; /* the likeliest reading asks for what cannot be had */
        }
        candidates_sort(candidates);
        return 0;
}

static int list_assumptions(const struct built *built, json_t **ret, struct error *err)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; i < built->n_assumptions; i++)
                if (json_array_append_new(list, json_string(built->assumptions[i])) < 0)
                        return error_oom(err);
        *ret = steal_ptr(&list);
        return *ret ? 0 : error_oom(err);
}

static int fill_output(const struct planner_input *input, const struct built *built,
                       struct planner_output *output, struct error *err)
{
        _cleanup_buf_ struct buf sentence = {0};
        buf_init(&sentence, READING_BYTES_MAX);
        int r = reading_write(built->plan, input->dataset, &sentence, err);
        if (r == 0)
                r = list_assumptions(built, &output->assumptions, err);
        if (r < 0)
                return r;
        output->outcome = PLANNER_PLAN;
        output->plan = json_incref(built->plan);
        output->reading = buf_steal(&sentence);
        return output->reading ? 0 : error_oom(err);
}

/* Candidates that are as likely as the best one, but not the same. */
static size_t count_near(const struct candidates *candidates)
{
        size_t n = 1;
        while (n < candidates->n &&
               candidates->items[n].cost <= candidates->items[0].cost + COST_NEAR)
                n++;
        return n;
}

static int decide(const struct planner_input *input, const struct question *question,
                  const struct candidates *candidates, const struct misreading *why,
                  struct planner_output *output, struct error *err)
{
        if (candidates->n == 0 || candidates->items[0].cost > candidates->senseless)
                return abstain_not_understood(question, why, output, err);
        size_t near = count_near(candidates);
        if (near > 1)
                return abstain_ambiguous(input, question, candidates, near, output, err);
        return fill_output(input, &candidates->items[0].built, output, err);
}

static int plan_tokens(const struct planner_input *input, struct question *question,
                       struct planner_output *output, struct error *err)
{
        _cleanup_(candidates_done) struct candidates candidates = {.n = 0,
                                                                   .senseless = COST_BEYOND_ALL};
        struct misreading why = {.n_words = 0, .refused = -1};
        struct path *paths = arena_array(question->arena, PATHS_MAX, sizeof(*paths));
        question->atoms = arena_array(question->arena, ATOMS_MAX, sizeof(*question->atoms));
        if (!paths || !question->atoms)
                return error_oom(err);
        int r = question_link(question, err);
        int n = r == 0 ? paths_find(question, paths, PATHS_MAX, err) : r;
        if (n < 0)
                return n;
        if (!input->previous && followup_needs(question))
                return abstain_fragment(question, output, err);
        r = find_candidates(input, question, paths, (size_t)n, &candidates, &why, err);
        return r < 0 ? r : decide(input, question, &candidates, &why, output, err);
}

static int plan_in(struct arena *arena, struct stemmer *stemmer, const struct planner_input *input,
                   struct planner_output *output, struct error *err)
{
        struct concepts concepts;
        struct question question = {
                .concepts = &concepts, .arena = arena, .as_of_s = input->as_of_s};
        question.tokens =
                tokens_of(stemmer, input->question, input->question_bytes, &question.n_tokens);
        if (!question.tokens)
                return error_oom(err);
        int r = concepts_make(input->dataset, input->values, arena, stemmer, &concepts, err);
        if (r < 0)
                return r;
        if (question.n_tokens == 0 || question.n_tokens > TOKENS_MAX)
                return abstain_no_question(&question, output, err);
        return plan_tokens(input, &question, output, err);
}

static int check_input(const struct planner_input *input, struct error *err)
{
        struct error why = {0};
        if (input->question_bytes > QUESTION_BYTES_MAX)
                return error_set(err, ERROR_VALIDATION,
                                 "the question has %zu bytes; %d are possible",
                                 input->question_bytes, QUESTION_BYTES_MAX);
        if (!input->previous)
                return 0;
        int r = plan_check(input->dataset, input->previous, input->as_of_s, &why);
        if (r == -(int)ERROR_INTERNAL)
                return error_oom(err);
        return r < 0 ? error_set(err, ERROR_VALIDATION,
                                 "the plan to go on from does not fit this dataset: %s",
                                 why.message)
                     : 0;
}

static int builtin_plan(const struct planner_input *input, struct planner_output *output,
                        struct error *err)
{
        int r = check_input(input, err);
        if (r < 0)
                return r;
        _cleanup_(arena_freep) struct arena *arena = arena_new(QUESTION_ARENA_MAX);
        if (!arena)
                return error_oom(err);
        _cleanup_(stemmer_freep) struct stemmer *stemmer = stemmer_new(arena);
        if (!stemmer)
                return error_oom(err);
        *output = (struct planner_output){0};
        r = plan_in(arena, stemmer, input, output, err);
        if (r < 0)
                planner_output_done(output);
        return r;
}

const struct planner planner_builtin = {.name = "builtin", .plan = builtin_plan};
