/* Questions from their words to their sealed capsules, with planners that do what a planner may, or
 * should not, and a runner that is only said to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "executor/backend.h"
#include "protocol/result_hash.h"
#include "run/ask.h"
#include "test_store_fixture.h"

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define AS_OF "2026-01-31T00:00:00Z"
#define AS_OF_S 1769817600
#define PLAN                                                                                       \
        "{\"dataset_id\":\"files\",\"table\":\"t\","                                               \
        "\"select\":[{\"func\":\"count\",\"alias\":\"n\"}]}"
#define NO_SUCH_COLUMN "{\"dataset_id\":\"files\",\"table\":\"t\",\"select\":[{\"column\":\"x\"}]}"

/* A runner that answers as one would for a table t with the column a, of one row. */
struct fake_runner {
        struct executor base;
        int calls;            /* of them all */
        int runs;             /* of queries */
        enum error_type says; /* fails every call with it, unless ERROR_NONE */
        /* It does not suffer from the test's lack of memory, which begins behind that call. */
        int short_after_call;
        unsigned long allocations_left; /* or 0: there is no lack */
};

static json_t *described(void)
{
        return json_pack("[{s:s,s:s,s:i,s:i,s:i,s:[{s:s,s:s,s:s}]}]", "name", "t", "sha256", SHA,
                         "bytes", 4, "rows", 1, "skipped_lines", 0, "columns", "name", "a", "type",
                         "BIGINT", "header", "a");
}

static json_t *values(void)
{
        return json_pack("{s:[{s:s,s:i,s:[{s:s,s:i,s:i,s:s,s:s}]}]}", "tables", "name", "t", "rows",
                         1, "columns", "name", "a", "nulls", 0, "distinct", 1, "min", "7", "max",
                         "7");
}

static void add_result(json_t *body)
{
        struct error err = {0};
        char hash[HASH_HEX_SIZE];
        _cleanup_json_ json_t *result =
                json_pack("{s:[s],s:[s],s:[[i]],s:i,s:b,s:b}", "columns", "n", "types", "BIGINT",
                          "rows", 1, "row_count", 1, "truncated", 0, "ordered", 1);
        assert_int_equal(json_object_update(body, result), 0);
        assert_int_equal(result_hash_json(json_object_get(body, "columns"),
                                          json_object_get(body, "types"),
                                          json_object_get(body, "rows"), true, hash, &err),
                         0);
        json_object_set_new(body, "result_hash", json_string(hash));
}

static int answer(struct fake_runner *fake, const struct executor_call *call, struct buf *response,
                  struct error *err)
{
        _cleanup_json_ json_t *request = json_loadb(call->request, call->request_bytes, 0, NULL);
        const char *op = json_get_string(request, "op");
        if (fake->says != ERROR_NONE)
                return error_set(err, fake->says, "said by the test");
        _cleanup_json_ json_t *body =
                json_pack("{s:i,s:s,s:s,s:n,s:{s:f},s:{s:s,s:s},s:{s:b},s:o}", "protocol", 1,
                          "run_id", json_get_string(request, "run_id"), "status", "success",
                          "error", "timings", "load", 0.5, "engine", "name", "duckdb", "version",
                          "v1", "sandbox", "seccomp", 1, "tables", described());
        assert_non_null(body);
        if (op && strcmp(op, "values") == 0) {
                json_object_set_new(body, "values", values());
        } else {
                fake->runs++;
                add_result(body);
        }
        return json_put(body, response, err);
}

static int fake_run(struct executor *executor, const struct executor_call *call,
                    struct buf *response, struct error *err)
{
        struct fake_runner *fake = (struct fake_runner *)executor;
        alloc_fail_after(0);
        int r = answer(fake, call, response, err);
        fake->calls++;
        if (fake->allocations_left && fake->calls == fake->short_after_call)
                alloc_fail_after(fake->allocations_left);
        return r;
}

static const struct executor_ops fake_ops = {.name = "fake", .run = fake_run};

/* What a planner was asked, and what it is to answer. */
static struct {
        struct planner_output gives;
        enum error_type fails;
        struct capsule_store *store; /* to look into, or NULL */
        int calls;
        bool capsule_was_pending;
        char question[64];
        size_t question_bytes;
        int64_t as_of_s;
        bool had_values;
        bool had_previous;
} told;

static int count_pending(const struct capsule *capsule, void *data)
{
        (void)capsule;
        ++*(int *)data;
        return 0;
}

static int told_plan(const struct planner_input *input, struct planner_output *output,
                     struct error *err)
{
        const struct capsule_filter pending = {.status = "pending"};
        struct error ignored = {0};
        int n = 0;
        told.calls++;
        told.question_bytes = input->question_bytes;
        memcpy(told.question, input->question,
               input->question_bytes < sizeof(told.question) ? input->question_bytes
                                                             : sizeof(told.question));
        told.as_of_s = input->as_of_s;
        told.had_values = input->values && input->values->tables[0].n_rows == 1 &&
                          input->dataset->tables[0].n_columns == 1;
        told.had_previous = input->previous != NULL;
        if (told.store)
                (void)capsule_store_list(told.store, &pending, count_pending, &n, &ignored);
        told.capsule_was_pending = n == 1;
        if (told.fails != ERROR_NONE)
                return error_set(err, told.fails, "the planner failed");
        *output = told.gives;
        told.gives = (struct planner_output){0};
        return 0;
}

static const struct planner told_planner = {.name = "told", .plan = told_plan};

/* One question of the test's. */
struct test {
        struct fixture *fixture;
        struct capsule_store *store;
        struct fake_runner runner;
        struct table table;
        struct dataset dataset;
        struct ask_input input;
        struct capsule *capsule; /* what it came to */
};

static void test_begin(struct test *test, void **state, const char *question)
{
        struct error err = {0};
        *test = (struct test){.fixture = *state, .runner.base.ops = &fake_ops};
        if (capsule_store_open(test->fixture->url, &test->store, &err) < 0)
                fail_msg("%s", err.message);
        test->table = (struct table){.name = "t", .path = "/t.csv", .format = "csv"};
        test->dataset = (struct dataset){.id = "files", .tables = &test->table, .n_tables = 1};
        test->input = (struct ask_input){.dataset = &test->dataset,
                                         .question = question,
                                         .question_bytes = strlen(question),
                                         .planner = &told_planner,
                                         .as_of = AS_OF,
                                         .limits = LIMITS_DEFAULT,
                                         .cancel_fd = -1};
        memset(&told, 0, sizeof(told));
        told.store = test->store;
}

static void test_end(struct test *test)
{
        capsule_free(test->capsule);
        capsule_store_free(test->store);
        planner_output_done(&told.gives);
}

#define _cleanup_test_ _cleanup_(test_end)

static void gives_plan(const char *plan)
{
        told.gives = (struct planner_output){.outcome = PLANNER_PLAN,
                                             .plan = json_loads(plan, 0, NULL),
                                             .reading = strdup("Number of rows of t."),
                                             .assumptions = json_pack("[s]", "t is all there is")};
        assert_non_null(told.gives.plan);
}

static json_t *abstention(void)
{
        json_t *json = json_pack("{s:s,s:s,s:[s],s:[],s:[{s:s,s:o},{s:s,s:o}],s:[s]}", "reason",
                                 "ambiguous", "message", "two ways to read it", "words", "foo",
                                 "nearest", "choices", "reading", "Rows.", "plan",
                                 json_loads(PLAN, 0, NULL), "reading", "None.", "plan",
                                 json_loads(NO_SUCH_COLUMN, 0, NULL), "questions", "How many?");
        assert_non_null(json);
        return json;
}

static void ask(struct test *test, enum run_state end)
{
        struct error err = {0};
        char message[ERROR_MESSAGE_MAX];
        enum capsule_fault fault;
        size_t checked;
        if (run_ask(test->store, &test->runner.base, &test->input, &test->capsule, &err) < 0)
                fail_msg("%s", err.message);
        if (test->capsule->state != end) {
                char *text = json_dumps(json_object_get(test->capsule->body, "error"), 0);
                fail_msg("%s, not %s: %s", run_state_name(test->capsule->state),
                         run_state_name(end), text ? text : "");
        }
        assert_true(capsule_is_sealed(test->capsule));
        assert_int_equal(capsule_store_check_all(test->store, &fault, message, &checked, &err), 0);
        assert_int_equal(fault, CAPSULE_INTACT);
}

static const char *text_of(const struct test *test, const char *member)
{
        return json_get_string(test->capsule->body, member);
}

static const json_t *member_of(const struct test *test, const char *member)
{
        return json_object_get(test->capsule->body, member);
}

static void error_is(const struct test *test, enum error_type type, const char *words)
{
        const json_t *error = member_of(test, "error");
        assert_string_equal(json_get_string(error, "type"), error_type_name(type));
        if (!strstr(json_get_string(error, "message"), words))
                fail_msg("\"%s\" does not say \"%s\"", json_get_string(error, "message"), words);
}

static void test_answers(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "how many?");
        gives_plan(PLAN);
        ask(&test, RUN_SUCCEEDED);
        assert_int_equal(test.runner.calls, 2); /* the values, the query; no description again */
        assert_true(told.capsule_was_pending);
        assert_true(told.had_values);
        assert_false(told.had_previous);
        assert_int_equal(told.as_of_s, AS_OF_S);
        assert_string_equal(text_of(&test, "as_of"), AS_OF);
        assert_string_equal(text_of(&test, "question"), "how many?");
        assert_string_equal(text_of(&test, "planner"), "told");
        assert_string_equal(text_of(&test, "query_mode"), "plan");
        assert_non_null(strstr(text_of(&test, "sql"), "count(*)"));
        assert_non_null(text_of(&test, "dataset_version"));
        assert_string_equal(json_get_string(member_of(&test, "plan"), "table"), "t");
        assert_true(json_is_null(member_of(&test, "abstention")));
        const json_t *reading = member_of(&test, "reading");
        assert_string_equal(json_get_string(reading, "sentence"), "Number of rows of t.");
        assert_int_equal(json_array_size(json_object_get(reading, "assumptions")), 1);
        static const char *const phases[] = {"describe", "plan", "load", "total"};
        for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
                assert_true(
                        json_is_number(json_object_get(member_of(&test, "timings"), phases[i])));
}

static void test_the_moment_is_one(void **state)
{
        _cleanup_test_ struct test test = {0};
        char text[CLOCK_TEXT_SIZE];
        test_begin(&test, state, "how many today?");
        test.input.as_of = NULL; /* files: now */
        gives_plan(PLAN);
        ask(&test, RUN_SUCCEEDED);
        clock_format_s(told.as_of_s, text);
        assert_string_equal(text_of(&test, "as_of"), text);
}

static void test_abstains(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "why?");
        told.gives =
                (struct planner_output){.outcome = PLANNER_ABSTAINED, .abstention = abstention()};
        ask(&test, RUN_ABSTAINED);
        assert_int_equal(test.runner.calls, 1);
        assert_int_equal(run_exit_status(test.capsule), 5);
        assert_string_equal(text_of(&test, "planner"), "told");
        assert_string_equal(text_of(&test, "as_of"), AS_OF);
        assert_non_null(text_of(&test, "dataset_version"));
        assert_string_equal(json_get_string(member_of(&test, "abstention"), "reason"), "ambiguous");
        static const char *const nothing[] = {"started_at", "query_mode", "plan",        "sql",
                                              "reading",    "result",     "result_hash", "error"};
        for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
                assert_true(json_is_null(member_of(&test, nothing[i])));
        assert_true(json_is_number(json_object_get(member_of(&test, "timings"), "total")));
}

/* The state in which a choice of the abstention ended, and its capsule; RUN_STATE_COUNT_ when there
 * was no run. */
static enum run_state choose(struct test *test, const struct capsule *abstained, size_t choice)
{
        struct error err = {0};
        capsule_free(test->capsule);
        test->capsule = NULL;
        int r = run_choice(test->store, &test->runner.base, &test->dataset, abstained, choice, -1,
                           &test->capsule, &err);
        return r == 0 && test->capsule ? test->capsule->state : RUN_STATE_COUNT_;
}

static void test_choice(void **state)
{
        _cleanup_test_ struct test test = {0};
        _cleanup_capsule_ struct capsule *abstained = NULL;
        test_begin(&test, state, "what?");
        told.gives =
                (struct planner_output){.outcome = PLANNER_ABSTAINED, .abstention = abstention()};
        ask(&test, RUN_ABSTAINED);
        abstained = steal_ptr(&test.capsule);
        assert_int_equal(choose(&test, abstained, 0), RUN_SUCCEEDED);
        assert_string_not_equal(capsule_run_id(test.capsule), capsule_run_id(abstained));
        assert_string_equal(text_of(&test, "question"), "what?");
        assert_string_equal(text_of(&test, "planner"), "told");
        assert_string_equal(text_of(&test, "as_of"), AS_OF);
        assert_string_equal(json_get_string(member_of(&test, "reading"), "sentence"), "Rows.");
        /* A choice is trusted no more than any plan. */
        assert_int_equal(choose(&test, abstained, 1), RUN_REJECTED);
        assert_int_equal(choose(&test, abstained, 2), RUN_STATE_COUNT_);
}

static void test_a_plan_that_does_not_fit(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "how many?");
        gives_plan(NO_SUCH_COLUMN);
        ask(&test, RUN_REJECTED);
        assert_int_equal(test.runner.runs, 0);
        error_is(&test, ERROR_VALIDATION, "x");
        assert_true(json_is_object(member_of(&test, "reading")));
        assert_string_equal(json_get_string(member_of(&test, "plan"), "table"), "t");
}

static void test_planners_that_fail(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "");
        told.fails = ERROR_VALIDATION;
        ask(&test, RUN_REJECTED);
        error_is(&test, ERROR_VALIDATION, "the planner failed");
        test_end(&test);

        test_begin(&test, state, "how many?");
        ask(&test, RUN_FAILED); /* "a plan", but there is none */
        error_is(&test, ERROR_INTERNAL, "no plan");
        test_end(&test);

        test_begin(&test, state, "how many?");
        told.gives.outcome = PLANNER_ABSTAINED;
        ask(&test, RUN_FAILED);
        error_is(&test, ERROR_INTERNAL, "without a word");
}

static void test_tables_that_cannot_be_read(void **state)
{
        static const struct {
                enum error_type says;
                enum run_state end;
        } cases[] = {{ERROR_DATASET_INVALID, RUN_FAILED},
                     {ERROR_RUNNER_TIMEOUT, RUN_TIMED_OUT},
                     {ERROR_CANCELLED, RUN_CANCELLED}};
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_test_ struct test test = {0};
                test_begin(&test, state, "how many?");
                test.runner.says = cases[i].says;
                ask(&test, cases[i].end);
                assert_int_equal(told.calls, 0);
                error_is(&test, cases[i].says, "said by the test");
                assert_string_equal(text_of(&test, "question"), "how many?");
        }
}

static void test_a_bad_moment(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "how many?");
        test.input.as_of = "yesterday";
        ask(&test, RUN_REJECTED);
        assert_int_equal(test.runner.calls, 0);
}

static void test_previous(void **state)
{
        _cleanup_test_ struct test test = {0};
        _cleanup_json_ json_t *previous = json_loads(PLAN, 0, NULL);
        _cleanup_json_ json_t *misfit = json_loads(NO_SUCH_COLUMN, 0, NULL);
        test_begin(&test, state, "and now?");
        test.input.previous = previous;
        gives_plan(PLAN);
        ask(&test, RUN_SUCCEEDED);
        assert_true(told.had_previous);
        test_end(&test);

        test_begin(&test, state, "and now?");
        test.input.previous = misfit;
        gives_plan(PLAN);
        ask(&test, RUN_REJECTED);
        assert_int_equal(told.calls, 0);
        error_is(&test, ERROR_VALIDATION, "go on from");
}

/* The planner gets the bytes; the capsule what JSON can hold. */
static void test_odd_questions(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "x");
        test.input.question = "a\0b\xff";
        test.input.question_bytes = 4;
        gives_plan(PLAN);
        ask(&test, RUN_SUCCEEDED);
        assert_int_equal(told.question_bytes, 4);
        assert_memory_equal(told.question, "a\0b\xff", 4);
        assert_non_null(strstr(text_of(&test, "question"), "a?b"));
        test_end(&test);

        size_t n = 3 * (size_t)QUESTION_BYTES_MAX;
        _cleanup_free_ char *text = malloc(n);
        assert_non_null(text);
        memset(text, 'a', n);
        test_begin(&test, state, "x");
        test.input.question = text;
        test.input.question_bytes = n;
        told.fails = ERROR_VALIDATION;
        ask(&test, RUN_REJECTED);
        assert_int_equal(strlen(text_of(&test, "question")), QUESTION_BYTES_MAX);
}

static void test_last(void **state)
{
        _cleanup_test_ struct test test = {0};
        char run_id[UUID_TEXT_SIZE];
        struct error err = {0};
        test_begin(&test, state, "how many?");
        assert_int_equal(run_last(test.store, run_id, &err), -(int)ERROR_RUN_NOT_FOUND);
        gives_plan(PLAN);
        ask(&test, RUN_SUCCEEDED);
        assert_int_equal(run_last(test.store, run_id, &err), 0);
        assert_string_equal(run_id, capsule_run_id(test.capsule));
}

/* Asks with that many allocations behind that call of the runner; whether all went well. */
static bool ask_short(struct test *test, int call, unsigned long allocations)
{
        struct error err = {0};
        gives_plan(PLAN);
        test->runner.calls = 0;
        test->runner.short_after_call = call;
        test->runner.allocations_left = allocations;
        if (call == 0)
                alloc_fail_after(allocations);
        int r = run_ask(test->store, &test->runner.base, &test->input, &test->capsule, &err);
        alloc_fail_after(0);
        planner_output_done(&told.gives);
        bool well = r == 0 && test->capsule->state == RUN_SUCCEEDED;
        if (r < 0)
                assert_int_not_equal(err.type, ERROR_NONE);
        else
                assert_true(capsule_is_sealed(test->capsule));
        capsule_free(test->capsule);
        test->capsule = NULL;
        return well;
}

/* No allocation is taken for granted: the run fails, in its capsule or because it has none. */
static void test_out_of_memory(void **state)
{
        _cleanup_test_ struct test test = {0};
        test_begin(&test, state, "how many?");
        told.store = NULL;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int call = 0; call <= 2; call++) {
                unsigned long n = 1;
                while (!ask_short(&test, call, n))
                        assert_true(++n < 5000);
                assert_true(n > 5);
        }
        json_set_alloc_funcs(malloc, free);
}

#define ASK_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ASK_TEST(test_answers),
                ASK_TEST(test_the_moment_is_one),
                ASK_TEST(test_abstains),
                ASK_TEST(test_choice),
                ASK_TEST(test_a_plan_that_does_not_fit),
                ASK_TEST(test_planners_that_fail),
                ASK_TEST(test_tables_that_cannot_be_read),
                ASK_TEST(test_a_bad_moment),
                ASK_TEST(test_previous),
                ASK_TEST(test_odd_questions),
                ASK_TEST(test_last),
                ASK_TEST(test_out_of_memory),
        };
        return cmocka_run_group_tests_name("run_ask", tests, NULL, NULL);
}
