#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "server/problem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void test_statuses(void **state)
{
        (void)state;
        static const struct {
                enum error_type type;
                int status;
        } errors[] = {
                {ERROR_INVALID_REQUEST, 400},
                {ERROR_VALIDATION, 422},
                {ERROR_SQL_POLICY_VIOLATION, 422},
                {ERROR_EXFILTRATION_SUSPECTED, 422},
                {ERROR_SQL_EXECUTION, 422},
                {ERROR_RUNNER_TIMEOUT, 504},
                {ERROR_RUNNER_RESOURCE_EXCEEDED, 422},
                {ERROR_RUNNER_OUTPUT_EXCEEDED, 422},
                {ERROR_RUNNER_INTERNAL, 502},
                {ERROR_DATASET_CHANGED, 409},
                {ERROR_DATASET_INVALID, 422},
                {ERROR_QUEUE_FULL, 429},
                {ERROR_SANDBOX_UNAVAILABLE, 503},
                {ERROR_DATASET_NOT_FOUND, 404},
                {ERROR_RUN_NOT_FOUND, 404},
                {ERROR_THREAD_NOT_FOUND, 404},
                {ERROR_REQUEST_REPEATED, 409},
                {ERROR_MODEL_UNAVAILABLE, 503},
                {ERROR_MODEL_REFUSED, 502},
                {ERROR_MODEL_ANSWER, 502},
                {ERROR_STORE, 503},
                {ERROR_CANCELLED, 409},
                {ERROR_USAGE, 400},
                {ERROR_IO, 503},
                {ERROR_INTERNAL, 500},
        };
        static const struct {
                enum problem_own own;
                int status;
        } own[] = {
                {PROBLEM_UNAUTHORIZED, 401},
                {PROBLEM_FORBIDDEN, 403},
                {PROBLEM_NOT_FOUND, 404},
                {PROBLEM_METHOD_NOT_ALLOWED, 405},
                {PROBLEM_NOT_ACCEPTABLE, 406},
                {PROBLEM_CONFLICT, 409},
                {PROBLEM_PAYLOAD_TOO_LARGE, 413},
                {PROBLEM_UNSUPPORTED_MEDIA_TYPE, 415},
                {PROBLEM_IDEMPOTENCY_MISMATCH, 422},
                {PROBLEM_TOO_MANY_REQUESTS, 429},
                {PROBLEM_HEADER_TOO_LARGE, 431},
                {PROBLEM_UNAVAILABLE, 503},
        };
        assert_int_equal(ARRAY_SIZE(errors), ERROR_TYPE_COUNT_ - 1);
        assert_int_equal(ARRAY_SIZE(own), PROBLEM_COUNT_ - PROBLEM_UNAUTHORIZED);
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
                assert_int_equal(problem_of_error(errors[i].type)->status, errors[i].status);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                assert_int_equal(problem_of_own(own[i].own)->status, own[i].status);
        assert_int_equal(problem_of_error(ERROR_NONE)->status, 500);
        assert_int_equal(problem_of_error(ERROR_TYPE_COUNT_)->status, 500);
        assert_int_equal(problem_of_error((enum error_type) - 1)->status, 500);
        assert_int_equal(problem_of_own(PROBLEM_COUNT_)->status, 500);
}

/* No row is missing, none is there twice, and the names are the errors' names. */
static void test_table(void **state)
{
        (void)state;
        size_t n = 0;
        for (const struct problem_type *type; (type = problem_at(n)); n++) {
                char name[64];
                size_t length = strlen(type->error);
                assert_true(length < sizeof(name));
                for (size_t i = 0; i <= length; i++)
                        name[i] = type->error[i] == '_'
                                          ? '-'
                                          : (char)tolower((unsigned char)type->error[i]);
                assert_string_equal(type->name, name);
                assert_ptr_equal(problem_find(type->name), type);
                assert_in_range(type->status, 400, 504);
                assert_non_null(type->title);
                assert_null(strchr(type->title, '\n'));
                assert_int_equal(type->about[strlen(type->about) - 1], '.');
        }
        assert_int_equal(n, PROBLEM_COUNT_ - 1);
        for (unsigned i = 1; i < ERROR_TYPE_COUNT_; i++)
                assert_string_equal(problem_of_error(i)->error, error_type_name(i));
        assert_null(problem_at(n + 1));
        assert_null(problem_find("no-such-problem"));
        assert_null(problem_find(""));
}

static void test_of_status(void **state)
{
        (void)state;
        assert_string_equal(problem_of_status(413)->name, "payload-too-large");
        assert_string_equal(problem_of_status(431)->name, "header-too-large");
        assert_string_equal(problem_of_status(400)->name, "invalid-request");
        assert_string_equal(problem_of_status(422)->name, "invalid-request");
        assert_string_equal(problem_of_status(418)->name, "invalid-request");
        assert_string_equal(problem_of_status(503)->name, "unavailable");
        assert_string_equal(problem_of_status(500)->name, "internal-error");
        assert_string_equal(problem_of_status(0)->name, "internal-error");
}

/* Takes over problem. */
static void check(json_t *problem, const char *expected)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 65536);
        assert_non_null(problem);
        assert_int_equal(json_put(problem, &out, &err), 0);
        assert_string_equal(buf_text(&out), expected);
        json_decref(problem);
}

static void test_json(void **state)
{
        (void)state;
        struct error err = {0};
        (void)error_set(&err, ERROR_SQL_POLICY_VIOLATION, "the function %s is not allowed", "x\"y");
        err.position = 8;
        check(problem_json(&err, "req-1", "/v1/runs", NULL),
              "{\"type\":\"/problems/sql-policy-violation\","
              "\"title\":\"The SQL does something that is not allowed\",\"status\":422,"
              "\"detail\":\"the function x\\\"y is not allowed\","
              "\"error\":\"SQL_POLICY_VIOLATION\",\"instance\":\"/v1/runs\","
              "\"request_id\":\"req-1\",\"position\":8}");
        (void)error_set(&err, ERROR_QUEUE_FULL, "full");
        err.retry_after_ms = 1500;
        check(problem_json(&err, NULL, NULL, NULL),
              "{\"type\":\"/problems/queue-full\",\"title\":\"As many runs wait as may\","
              "\"status\":429,\"detail\":\"full\",\"error\":\"QUEUE_FULL\","
              "\"retry_after_ms\":1500}");
}

/* What is added stands behind, and takes no name from what is there. */
static void test_extra(void **state)
{
        (void)state;
        struct error err = {0};
        (void)error_set(&err, ERROR_VALIDATION, "no");
        (void)snprintf(err.pointer, sizeof(err.pointer), "/limit");
        _cleanup_json_ json_t *extra = json_pack("{s:[{s:s}],s:i,s:s}", "faults", "pointer",
                                                 "/limit", "status", 200, "detail", "yes");
        json_t *problem = problem_json(&err, "", "", extra);
        check(problem, "{\"type\":\"/problems/validation-error\","
                       "\"title\":\"The plan or the SQL is not valid\",\"status\":422,"
                       "\"detail\":\"no\",\"error\":\"VALIDATION_ERROR\",\"pointer\":\"/limit\","
                       "\"faults\":[{\"pointer\":\"/limit\"}]}");
        assert_int_equal(json_object_size(extra), 3);
}

static void test_internal_is_hidden(void **state)
{
        (void)state;
        struct error err = {0};
        (void)error_set(&err, ERROR_INTERNAL, "secret at 0x7f00 in /home/somebody");
        (void)snprintf(err.pointer, sizeof(err.pointer), "/secret");
        err.position = 77;
        err.retry_after_ms = 77;
        _cleanup_json_ json_t *extra = json_pack("{s:s}", "trace", "secret");
        _cleanup_json_ json_t *problem = problem_json(&err, "req-1", "/v1/runs", extra);
        _cleanup_free_ char *text = json_dumps(problem, 0);
        assert_null(strstr(text, "secret"));
        assert_null(strstr(text, "somebody"));
        assert_null(strstr(text, "77"));
        assert_string_equal(json_get_string(problem, "request_id"), "req-1");
        assert_int_equal(json_get_int(problem, "status", 0), 500);
        /* Nor of a type that is none. */
        err.type = (enum error_type)PROBLEM_FORBIDDEN;
        _cleanup_json_ json_t *odd = problem_json(&err, NULL, NULL, NULL);
        assert_string_equal(json_get_string(odd, "error"), "INTERNAL_ERROR");
        assert_null(strstr(json_get_string(odd, "detail"), "secret"));
}

static void assert_detail(enum error_type type, const char *message, const char *shown)
{
        char detail[ERROR_MESSAGE_MAX];
        problem_detail(type, message, detail);
        assert_string_equal(detail, shown);
}

static void test_folders_are_hidden(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"/home/ann/orders.csv is missing", "orders.csv is missing"},
                {"opening /home/ann: not there", "opening ann: not there"},
                {"the folder /home/ann/", "the folder ann/"},
                {"(/home/ann lee/my own data/orders.csv is missing); make it",
                 "(orders.csv is missing); make it"},
                {"moving /a/b c/d to /e/f g/h. See a/b", "moving d to h. See a/b"},
                {"\"/a/b\", '/c/d', =/e/f, [/g/h]", "\"b\", 'd', =f, [h]"},
                {"/a/x.csv,/a/y.csv", "x.csv,y.csv"},
                {"sqlite:/root/askcsv/capsules.db: disk full", "sqlite:capsules.db: disk full"},
                {"GET /v1/datasets, /readyz and /openapi.json say more of /a/b",
                 "GET /v1/datasets, /readyz and /openapi.json say more of b"},
                {"http://127.0.0.1:1/v1/chat does not answer",
                 "http://127.0.0.1:1/v1/chat does not answer"},
                {"3 / 4, and/or / nothing /", "3 / 4, and/or / nothing /"},
                {"//a/b", "//a/b"},
                {"/", "/"},
                {"", ""},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_detail(ERROR_IO, cases[i][0], cases[i][1]);
        assert_detail(ERROR_VALIDATION, "no column /a/b", "no column /a/b");
        assert_detail(ERROR_STORE, "the store /a/b is damaged", "the store b is damaged");
        struct error err = {0};
        (void)error_set(&err, ERROR_IO, "opening /home/ann/orders.csv: no");
        _cleanup_json_ json_t *problem = problem_json(&err, NULL, NULL, NULL);
        assert_string_equal(json_get_string(problem, "detail"), "opening orders.csv: no");
}

/* Nor which database it is, nor where. */
static void test_databases_are_hidden(void **state)
{
        (void)state;
        static const char place[] =
                "the capsule store, the database secret on h1,/run/pg:5432,5433";
        char message[512];
        (void)snprintf(message, sizeof(message),
                       "%s, has been locked by another session for more than 5 ms; wait", place);
        assert_detail(ERROR_STORE, message,
                      "the capsule store has been locked by another session for more than 5 ms; "
                      "wait");
        (void)snprintf(message, sizeof(message),
                       "reading the API keys: the connection to %s, was "
                       "lost (server closed the connection); try again",
                       place);
        assert_detail(ERROR_STORE, message,
                      "reading the API keys: the connection to the capsule store was lost (server "
                      "closed the connection); try again");
        (void)snprintf(message, sizeof(message),
                       "there is no connection to %s: connection to server at \"10.1.2.3\" failed",
                       place);
        assert_detail(ERROR_STORE, message,
                      "the capsule store cannot be reached; the server's log says why");
        (void)snprintf(message, sizeof(message),
                       "the connection to %s, was lost (connection to server at \"10.1.2.3\", port "
                       "5432 failed)",
                       place);
        assert_detail(ERROR_STORE, message,
                      "the capsule store cannot be reached; the server's log says why");
}

static void test_own(void **state)
{
        (void)state;
        check(problem_own_json(PROBLEM_TOO_MANY_REQUESTS, "wait \xff", 200, "r", "/v1/runs", NULL),
              "{\"type\":\"/problems/too-many-requests\",\"title\":\"Too many requests\","
              "\"status\":429,\"detail\":\"wait ?\",\"error\":\"TOO_MANY_REQUESTS\","
              "\"instance\":\"/v1/runs\",\"request_id\":\"r\",\"retry_after_ms\":200}");
        _cleanup_json_ json_t *plain =
                problem_own_json(PROBLEM_NOT_FOUND, NULL, 0, NULL, NULL, NULL);
        assert_string_equal(json_get_string(plain, "detail"),
                            problem_of_own(PROBLEM_NOT_FOUND)->about);
        assert_null(json_object_get(plain, "retry_after_ms"));
}

static void test_retry_after(void **state)
{
        (void)state;
        assert_int_equal(problem_retry_after_s(429, 0), 1);
        assert_int_equal(problem_retry_after_s(503, -5), 1);
        assert_int_equal(problem_retry_after_s(429, 1), 1);
        assert_int_equal(problem_retry_after_s(429, 1000), 1);
        assert_int_equal(problem_retry_after_s(429, 1001), 2);
        assert_int_equal(problem_retry_after_s(422, 0), 0);
        assert_int_equal(problem_retry_after_s(500, INT64_MAX), INT64_MAX / 1000 + 1);
}

static void test_out_of_memory(void **state)
{
        (void)state;
        struct error err = {0};
        json_t *problem = NULL;
        unsigned long n = 1;
        (void)error_set(&err, ERROR_VALIDATION, "no");
        (void)snprintf(err.pointer, sizeof(err.pointer), "/limit");
        err.position = 3;
        json_set_alloc_funcs(alloc_malloc, free);
        for (; !problem && n < 1000; n++) {
                json_t *extra = json_pack("{s:s}", "a", "b");
                alloc_fail_after(n);
                problem = problem_json(&err, "req", "/v1", extra);
                alloc_fail_after(0);
                json_decref(extra);
        }
        assert_in_range(n, 10, 200);
        assert_int_equal(json_object_size(problem), 10);
        json_decref(problem);
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_statuses),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_of_status),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_extra),
                cmocka_unit_test(test_internal_is_hidden),
                cmocka_unit_test(test_folders_are_hidden),
                cmocka_unit_test(test_databases_are_hidden),
                cmocka_unit_test(test_own),
                cmocka_unit_test(test_retry_after),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
