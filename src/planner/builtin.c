#include "planner/builtin.h"

#include "planner/abstain.h"
#include "planner/build.h"
#include "planner/candidate.h"
#include "planner/followup.h"

#include "base/cleanup.h"
#include "planner/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define READING_BYTES_MAX (64 * 1024)
#define COST_NEAR 0.25  /* readings that cost as much as that more are as likely */
#define COST_UNKNOWN_WORD 15
#define COST_HOPELESS 3 /* and those that cost that much more are not looked at */

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

static void stemmer_freep(struct stemmer **stemmer)
{
        stemmer_free(*stemmer);
}

bool plan_holds(const struct dataset *dataset, const json_t *plan, int64_t as_of_s)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf sql = {0};
        struct plan_faults faults;
        struct plan *parsed = NULL;
        struct error err = {0};
        buf_init(&text, PLAN_BYTES_MAX);
        buf_init(&sql, 1024 * 1024);
        plan_faults_init(&faults);
        int r = json_put(plan, &text, &err);
        if (r == 0)
                r = plan_parse(buf_text(&text), text.len, &parsed, &faults, &err);
        if (r == 0)
                r = plan_compile(parsed, dataset, as_of_s, &sql, &faults, &err);
        if (r < 0 && getenv("PLANNER_DEBUG"))
                fprintf(stderr, "FAULT %s %s\n", err.message, buf_text(&text));
        plan_free(parsed);
        plan_faults_done(&faults);
        return r == 0;
}

/* The same number: as the items are without their names. */
static bool items_agree(const json_t *a, const json_t *b)
{
        json_t *x = json_copy((json_t *)a);
        json_t *y = json_copy((json_t *)b);
        (void)json_object_del(x, "alias");
        (void)json_object_del(y, "alias");
        bool equal = x && y && json_equal(x, y);
        json_decref(x);
        json_decref(y);
        return equal;
}

/* True when every item of a is among those of b. */
static bool is_among(const json_t *a, const json_t *b)
{
        size_t i;
        size_t k;
        json_t *item;
        json_t *other;
        json_array_foreach((json_t *)a, i, item)
        {
                bool found = false;
                json_array_foreach((json_t *)b, k, other) found = found || items_agree(item, other);
                if (!found)
                        return false;
        }
        return true;
}

/* The filters, in any order. */
static bool filters_agree(const json_t *a, const json_t *b)
{
        return json_array_size(a) == json_array_size(b) && is_among(a, b);
}

/* Two plans that give the same rows, one with more columns than the other perhaps. */
static bool plans_agree(const json_t *a, const json_t *b)
{
        static const char *const keys[] = {"table", "group_by", "having", "top", "distinct"};
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
                const json_t *x = json_object_get(a, keys[k]);
                const json_t *y = json_object_get(b, keys[k]);
                if ((x || y) && !(x && y && json_equal(x, y)))
                        return false;
        }
        if (!filters_agree(json_object_get(a, "filters"), json_object_get(b, "filters")))
                return false;
        const json_t *x = json_object_get(a, "select");
        const json_t *y = json_object_get(b, "select");
        bool rows = !json_object_get(a, "group_by") && !json_object_get(a, "distinct") &&
                    json_string_value(json_object_get(json_array_get(x, 0), "column"));
        const json_t *order = json_object_get(a, "order_by");
        if (rows)
                return json_equal(json_object_get(a, "limit") ? json_object_get(a, "limit") : a,
                                  json_object_get(b, "limit") ? json_object_get(b, "limit") : a) &&
                       json_equal(order ? order : a, json_object_get(b, "order_by")
                                                             ? json_object_get(b, "order_by")
                                                             : a);
        return is_among(x, y) || is_among(y, x);
}

/* Keeps it if it is a plan that compiles and no equal one is there; takes over its plan. */
static void keep(struct candidates *candidates, const struct planner_input *input,
                 struct built *built, double cost)
{
        if (!built->plan)
                return;
        for (size_t i = 0; i < candidates->n; i++)
                if (plans_agree(candidates->items[i].built.plan, built->plan)) {
                        if (cost < candidates->items[i].cost &&
                            plan_holds(input->dataset, built->plan, input->as_of_s)) {
                                json_decref(candidates->items[i].built.plan);
                                candidates->items[i] =
                                        (struct candidate){.built = *built, .cost = cost};
                        } else {
                                json_decref(built->plan);
                        }
                        return;
                }
        if (candidates->n >= CANDIDATES_MAX ||
            !plan_holds(input->dataset, built->plan, input->as_of_s)) {
                json_decref(built->plan);
                return;
        }
        candidates->items[candidates->n++] =
                (struct candidate){.built = *built, .cost = cost};
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
                        if (built.senseless && cost + built.cost < candidates->senseless)
                                candidates->senseless = cost + built.cost;
                        keep(candidates, input, &built, cost + built.cost);
                        if (!unsure)
                                break;
                }
        }
        return 0;
}

static double best_cost(const struct candidates *candidates)
{
        double best = 1e9;
        for (size_t i = 0; i < candidates->n; i++)
                if (candidates->items[i].cost < best)
                        best = candidates->items[i].cost;
        return best;
}

void candidates_done(struct candidates *candidates)
{
        for (size_t i = 0; i < candidates->n; i++)
                json_decref(candidates->items[i].built.plan);
        candidates->n = 0;
}

static int by_cost(const void *a, const void *b)
{
        const struct candidate *x = a;
        const struct candidate *y = b;
        return x->cost < y->cost ? -1 : x->cost > y->cost;
}

/* Every way to cut the question is read; every reading that makes a plan is a candidate. */
static int find_candidates(const struct planner_input *input, const struct question *question,
                           const struct path *paths, size_t n_paths,
                           struct candidates *candidates, struct misreading *why,
                           struct error *err)
{
        struct intent *intent = arena_alloc(question->arena, sizeof(*intent));
        if (!intent)
                return error_oom(err);
        for (size_t p = 0; p < n_paths; p++) {
                struct misread misread;
                if (p > 0 && paths[p].cost > paths[0].cost + COST_UNKNOWN_WORD)
                        break; /* nothing but more words that are not understood */
                if (paths[p].cost > best_cost(candidates) + COST_HOPELESS)
                        break;
                int r = 0;
                bool reads = intent_read(question, &paths[p], intent, &misread);
                if (getenv("PLANNER_DEBUG")) {
                        fprintf(stderr, "%.2f+%.2f %s stuck=%s :", paths[p].cost, intent->cost,
                                reads ? "READ" : "no",
                                misread.stuck ? question->tokens[misread.stuck->first].said : "-");
                        static const char *const kinds[] = {"?", "-", "W", "N", "TXT", "TIME", "TAB",
                                                            "COL", "ENT", "MEA", "SEG", "VAL", "ADJ"};
                        for (size_t a = 0; a < paths[p].n; a++) {
                                const struct atom *at = paths[p].atoms[a];
                                fprintf(stderr, " %s", kinds[at->kind]);
                                if (at->kind == ATOM_WORD) fprintf(stderr, "%d", at->word);
                                if (at->refs.n) fprintf(stderr, "<%s>", concept_column(question->concepts, at->refs.at[0])->column->name);
                                fprintf(stderr, "[%s/%zu %.2f]", question->tokens[at->first].said, at->n, at->cost);
                        }
                        fprintf(stderr, "\n");
                }
                if (reads && intent->replaces && !input->previous)
                        reads = false;
                double cost = paths[p].cost + intent->cost;
                if (reads && input->previous)
                        r = followup_build(question, intent, input, cost, candidates, err);
                if (r == 0 && reads && !(input->previous && followup_is(question)))
                        r = build_from(candidates, input, question, intent, cost, err);
                if (r < 0)
                        return r;
                if (!reads || p == 0)
                        misreading_add(why, &paths[p], &misread);
                if (p == 0 && misread.refused >= 0)
                        return 0; /* the likeliest reading asks for what cannot be had */
        }
        qsort(candidates->items, candidates->n, sizeof(candidates->items[0]), by_cost);
        return 0;
}

static int fill_output(const struct planner_input *input, const struct built *built,
                       struct planner_output *output, struct error *err)
{
        _cleanup_buf_ struct buf sentence = {0};
        buf_init(&sentence, READING_BYTES_MAX);
        int r = reading_write(built->plan, input->dataset, &sentence, err);
        if (r < 0)
                return r;
        output->outcome = PLANNER_PLAN;
        output->plan = json_incref(built->plan);
        output->assumptions = json_array();
        for (size_t i = 0; i < built->n_assumptions; i++)
                if (json_array_append_new(output->assumptions,
                                          json_string(built->assumptions[i])) < 0)
                        return error_oom(err);
        output->reading = buf_steal(&sentence);
        return output->reading && output->assumptions ? 0 : error_oom(err);
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
                return abstain_not_understood(input, question, why, output, err);
        size_t near = count_near(candidates);
        if (near > 1)
                return abstain_ambiguous(input, question, candidates, near, output, err);
        return fill_output(input, &candidates->items[0].built, output, err);
}

static int plan_tokens(const struct planner_input *input, struct question *question,
                       struct planner_output *output, struct error *err)
{
        _cleanup_(candidates_done) struct candidates candidates = {.n = 0, .senseless = 1e9};
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
                return abstain_fragment(input, question, output, err);
        r = find_candidates(input, question, paths, (size_t)n, &candidates, &why, err);
        return r < 0 ? r : decide(input, question, &candidates, &why, output, err);
}

static int plan_in(struct arena *arena, struct stemmer *stemmer, const struct planner_input *input,
                   struct planner_output *output, struct error *err)
{
        struct concepts concepts;
        struct question question = {.concepts = &concepts,
                                    .arena = arena,
                                    .as_of_s = input->as_of_s};
        question.tokens = tokens_of(stemmer, input->question, input->question_bytes,
                                    &question.n_tokens);
        if (!question.tokens)
                return error_oom(err);
        int r = concepts_make(input->dataset, input->values, arena, stemmer, &concepts, err);
        if (r < 0)
                return r;
        if (question.n_tokens == 0 || question.n_tokens > TOKENS_MAX)
                return abstain_no_question(input, &question, output, err);
        return plan_tokens(input, &question, output, err);
}

static int builtin_plan(const struct planner_input *input, struct planner_output *output,
                        struct error *err)
{
        if (input->question_bytes > QUESTION_BYTES_MAX)
                return error_set(err, ERROR_VALIDATION,
                                 "the question has %zu bytes; %d are possible",
                                 input->question_bytes, QUESTION_BYTES_MAX);
        _cleanup_(arena_freep) struct arena *arena = arena_new(QUESTION_ARENA_MAX);
        if (!arena)
                return error_oom(err);
        _cleanup_(stemmer_freep) struct stemmer *stemmer = stemmer_new(arena);
        if (!stemmer)
                return error_oom(err);
        *output = (struct planner_output){0};
        int r = plan_in(arena, stemmer, input, output, err);
        if (r < 0)
                planner_output_done(output);
        return r;
}

const struct planner planner_builtin = {.name = "builtin", .plan = builtin_plan};
