/* The runner's response is bytes out of a sandbox: each member that is believed is tried here with
 * a value that must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "protocol/result_hash.h"
#include "run/response.h"

#include <stdio.h>
#include <string.h>

#define RUN_ID "0190f3c2-0000-7000-8000-000000000000"
#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct request_table table = {.name = "t", .path = "/t.csv", .format = "csv"};

static struct request request_of(enum request_op op)
{
        return (struct request){.run_id = RUN_ID,
                                .op = op,
                                .dataset_id = "d",
                                .tables = &table,
                                .n_tables = 1,
                                .limits = LIMITS_DEFAULT};
}

/* A response as the runner writes it for a run that gave two rows. */
static json_t *good(void)
{
        struct error err = {0};
        char hash[HASH_HEX_SIZE];
        json_t *body = json_loads(
                "{\"protocol\":1,\"run_id\":\"" RUN_ID "\",\"status\":\"success\","
                "\"columns\":[\"a\",\"b\"],\"types\":[\"BIGINT\",\"VARCHAR\"],"
                "\"rows\":[[1,\"x\"],[2,null]],\"row_count\":2,\"truncated\":false,"
                "\"ordered\":true,\"error\":null,\"exec_time_ms\":1.5,"
                "\"timings\":{\"load\":1,\"check\":0.25,\"query\":0.25},"
                "\"engine\":{\"name\":\"duckdb\",\"version\":\"v1\"},"
                "\"sandbox\":{\"seccomp\":true,\"landlock\":7},"
                "\"tables\":[{\"name\":\"t\",\"sha256\":\"" SHA "\",\"bytes\":3,\"rows\":2,"
                "\"skipped_lines\":0,\"columns\":[{\"name\":\"a\",\"type\":\"BIGINT\","
                "\"header\":\"A\"}]}],"
                "\"stdout_trunc\":\"\",\"stderr_trunc\":\"\",\"peak_memory_mb\":40}",
                0, NULL);
        assert_non_null(body);
        assert_int_equal(result_hash_json(json_object_get(body, "columns"),
                                          json_object_get(body, "types"),
                                          json_object_get(body, "rows"), true, hash, &err),
                         0);
        json_object_set_new(body, "result_hash", json_string(hash));
        return body;
}

static int parse(const json_t *body, const struct request *request, struct response *response,
                 struct error *err)
{
        _cleanup_free_ char *text = json_dumps(body, JSON_COMPACT);
        assert_non_null(text);
        return response_parse(text, strlen(text), request, response, err);
}

static void test_accepts(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        const struct request request = request_of(REQUEST_RUN);
        _cleanup_json_ json_t *body = good();
        assert_int_equal(parse(body, &request, &response, &err), 0);
        assert_int_equal(response.says.type, ERROR_NONE);
        assert_int_equal(json_array_size(json_object_get(response.body, "rows")), 2);
        response_done(&response);
        response_done(&response);
}

/* The member at a path such as "tables/0/sha256" becomes the value, or goes when it is NULL. */
static void spoil(json_t *body, const char *path, const char *value)
{
        char copy[128];
        (void)snprintf(copy, sizeof(copy), "%s", path);
        json_t *at = body;
        char *rest = copy;
        char *slash;
        while ((slash = strchr(rest, '/'))) {
                *slash = '\0';
                at = json_is_array(at) ? json_array_get(at, (size_t)atoi(rest))
                                       : json_object_get(at, rest);
                rest = slash + 1;
        }
        json_t *made = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
        assert_true(!value || made);
        if (!value)
                (void)json_object_del(at, rest);
        else if (json_is_array(at))
                (void)json_array_set_new(at, (size_t)atoi(rest), made);
        else
                (void)json_object_set_new(at, rest, made);
}

static void test_refuses(void **state)
{
        (void)state;
        static const struct {
                const char *path;
                const char *value;
        } cases[] = {
                {"protocol", "2"},
                {"protocol", NULL},
                {"run_id", "\"0190f3c2-0000-7000-8000-000000000001\""},
                {"run_id", "null"},
                {"status", NULL},
                {"status", "\"fine\""},
                {"status", "\"error\""},
                {"error", "{\"type\":\"SQL_EXECUTION_ERROR\",\"message\":\"x\"}"},
                {"columns", "[\"a\"]"},
                {"columns", "[\"a\",1]"},
                {"columns", "null"},
                {"types", "[]"},
                {"rows", "null"},
                {"rows", "{}"},
                {"rows/0", "[1]"},
                {"rows/0", "{}"},
                {"rows/1", "[2,\"altered\"]"},
                {"rows/1", "[9007199254740993,null]"},
                {"row_count", "3"},
                {"row_count", "\"2\""},
                {"truncated", NULL},
                {"truncated", "0"},
                {"ordered", "null"},
                {"ordered", "false"}, /* another hash */
                {"result_hash", NULL},
                {"result_hash", "\"" SHA "\""},
                {"timings", "[]"},
                {"timings/load", "\"1\""},
                {"timings/load", "-1"},
                {"engine", "\"duckdb\""},
                {"engine/version", "1"},
                {"sandbox", "true"},
                {"sandbox/seccomp", "\"yes\""},
                {"sandbox/walls", "[]"},
                {"peak_memory_mb", "-1"},
                {"tables", NULL},
                {"tables", "{}"},
                {"tables", "[]"},
                {"tables/0/name", "\"u\""},
                {"tables/0/sha256", "\"abc\""},
                {"tables/0/sha256", "null"},
                {"tables/0/bytes", "-3"},
                {"tables/0/rows", "1.5"},
                {"tables/0/columns", "[]"},
                {"tables/0/columns", "[{\"name\":\"a\"}]"},
                {"tables/0/columns", "[{\"name\":\"a\",\"type\":\"T\",\"header\":1}]"},
        };
        const struct request request = request_of(REQUEST_RUN);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                struct response response = {0};
                _cleanup_json_ json_t *body = good();
                spoil(body, cases[i].path, cases[i].value);
                if (parse(body, &request, &response, &err) >= 0)
                        fail_msg("%s = %s was believed", cases[i].path,
                                 cases[i].value ? cases[i].value : "(gone)");
                assert_int_equal(err.type, ERROR_RUNNER_INTERNAL);
                assert_null(response.body);
        }
}

static void test_refuses_more_rows_than_asked(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        struct request request = request_of(REQUEST_RUN);
        _cleanup_json_ json_t *body = good();
        request.limits.max_rows = 1;
        assert_true(parse(body, &request, &response, &err) < 0);
        assert_non_null(strstr(err.message, "more rows"));
}

static void test_refuses_bytes(void **state)
{
        (void)state;
        static const char *const texts[] = {"",  "null", "[]",   "{}",
                                            "{", "\xff", "{}{}", "{\"protocol\":1,\"protocol\":1}"};
        const struct request request = request_of(REQUEST_RUN);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct error err = {0};
                struct response response = {0};
                assert_true(response_parse(texts[i], strlen(texts[i]), &request, &response, &err) <
                            0);
                assert_int_equal(err.type, ERROR_RUNNER_INTERNAL);
        }
}

static json_t *failed(const char *status, const char *type)
{
        json_t *error = json_pack("{s:s,s:s,s:i,s:s}", "type", type, "message", "why", "position",
                                  7, "pointer", "/a");
        return json_pack("{s:i,s:s,s:s,s:o}", "protocol", 1, "run_id", RUN_ID, "status", status,
                         "error", error);
}

static void test_errors(void **state)
{
        (void)state;
        const struct request request = request_of(REQUEST_RUN);
        for (int i = 1; i < (int)ERROR_TYPE_COUNT_; i++) {
                struct error err = {0};
                struct response response = {0};
                enum error_type type = (enum error_type)i;
                bool may = type <= ERROR_SANDBOX_UNAVAILABLE || type == ERROR_IO ||
                           type == ERROR_INTERNAL;
                _cleanup_json_ json_t *body = failed("error", error_type_name(type));
                int r = parse(body, &request, &response, &err);
                assert_int_equal(r == 0, may);
                if (may) {
                        assert_int_equal(response.says.type, type);
                        assert_string_equal(response.says.message, "why");
                        assert_string_equal(response.says.pointer, "/a");
                        assert_int_equal(response.says.position, 7);
                }
                response_done(&response);
        }
}

/* It could not read the request, so it does not know whose it was. */
static void test_refusal_without_run_id(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        const struct request request = request_of(REQUEST_RUN);
        _cleanup_json_ json_t *body = failed("error", "INVALID_REQUEST");
        spoil(body, "run_id", "null");
        assert_int_equal(parse(body, &request, &response, &err), 0);
        assert_int_equal(response.says.type, ERROR_INVALID_REQUEST);
        response_done(&response);
}

static void test_other_operations(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        const struct request describe = request_of(REQUEST_DESCRIBE);
        const struct request check = request_of(REQUEST_CHECK);
        _cleanup_json_ json_t *body = good();
        static const char *const results[] = {"columns",   "types",     "rows",
                                              "row_count", "truncated", "result_hash"};
        for (size_t i = 0; i < ARRAY_SIZE(results); i++)
                spoil(body, results[i], "null");
        assert_int_equal(parse(body, &describe, &response, &err), 0);
        response_done(&response);
        spoil(body, "tables", "[]");
        assert_true(parse(body, &describe, &response, &err) < 0);
        assert_int_equal(parse(body, &check, &response, &err), 0);
        response_done(&response);
}

static void test_values(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        const struct request values = request_of(REQUEST_VALUES);
        const struct request describe = request_of(REQUEST_DESCRIBE);
        _cleanup_json_ json_t *body = good();
        assert_true(parse(body, &values, &response, &err) < 0);
        assert_non_null(strstr(err.message, "no values"));
        static const char *const wrong[] = {"null", "[]", "{}", "{\"tables\":{}}"};
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                spoil(body, "values", wrong[i]);
                assert_true(parse(body, &values, &response, &err) < 0);
        }
        spoil(body, "values", "{\"tables\":[]}");
        assert_int_equal(parse(body, &values, &response, &err), 0);
        response_done(&response);
        assert_true(parse(body, &describe, &response, &err) < 0);
        assert_non_null(strstr(err.message, "nobody asked"));
        json_t *failure = failed("error", "RUNNER_INTERNAL_ERROR");
        assert_int_equal(parse(failure, &values, &response, &err), 0);
        response_done(&response);
        json_object_set(failure, "values", json_object_get(body, "values"));
        assert_true(parse(failure, &values, &response, &err) < 0);
        json_decref(failure);
}

static void test_file(void **state)
{
        (void)state;
        struct error err = {0};
        struct response response = {0};
        struct request export = request_of(REQUEST_EXPORT);
        struct request check = request_of(REQUEST_CHECK);
        _cleanup_json_ json_t *body = good();
        export.n_tables = check.n_tables = 0;
        spoil(body, "tables", "[]");
        assert_true(parse(body, &export, &response, &err) < 0);
        assert_non_null(strstr(err.message, "no file"));
        static const char *const wrong[] = {"null", "[]", "{}", "1"};
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                spoil(body, "file", wrong[i]);
                assert_true(parse(body, &export, &response, &err) < 0);
        }
        json_object_set_new(body, "file", json_string("UEFSMQ=="));
        assert_int_equal(parse(body, &export, &response, &err), 0);
        response_done(&response);
        assert_true(parse(body, &check, &response, &err) < 0);
        assert_non_null(strstr(err.message, "nobody asked"));
}

static void test_out_of_memory(void **state)
{
        (void)state;
        const struct request request = request_of(REQUEST_RUN);
        _cleanup_json_ json_t *body = good();
        _cleanup_free_ char *text = json_dumps(body, JSON_COMPACT);
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                struct response response = {0};
                alloc_fail_after(n);
                int r = response_parse(text, strlen(text), &request, &response, &err);
                alloc_fail_after(0);
                response_done(&response);
                if (r == 0)
                        break;
                assert_true(n < 1000);
                assert_int_not_equal(err.type, ERROR_NONE);
        }
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_accepts),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_refuses_more_rows_than_asked),
                cmocka_unit_test(test_refuses_bytes),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_refusal_without_run_id),
                cmocka_unit_test(test_other_operations),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests_name("run_response", tests, NULL, NULL);
}
