#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/json.h"
#include "protocol/request.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (16 * 1024 * 1024)
#define RUN_ID "019c1a5e-0000-7000-8000-000000000001"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* As request_write writes it, so that it can be compared. */
static const char full_text[] =
        "{\"protocol\":1,\"run_id\":\"" RUN_ID "\",\"op\":\"run\",\"dataset\":{\"id\":\"my-shop\","
        "\"version\":\"" SHA "\",\"tables\":[{\"name\":\"orders\",\"path\":\"/data/or ders.csv\","
        "\"format\":\"csv\",\"sha256\":\"" SHA "\",\"columns\":[{\"name\":\"Größe \\\"x\\\"\","
        "\"type\":\"DECIMAL(10,2)\"},{\"name\":\"at\",\"type\":\"TIMESTAMP WITH TIME ZONE\"}]},"
        "{\"name\":\"_b\",\"path\":\"/data/b.parquet\",\"format\":\"parquet\"}]},"
        "\"sql\":\"SELECT 1\\n\",\"as_of\":\"2026-01-31T00:00:00Z\",\"limits\":{\"timeout_ms\":1,"
        "\"max_rows\":0,\"max_output_bytes\":1024,\"memory_mb\":64,\"threads\":256}}\n";

static const char minimal_text[] =
        "{\"protocol\":1,\"run_id\":\"" RUN_ID "\",\"dataset\":{\"id\":\"d\",\"tables\":[]},"
        "\"sql\":\"\",\"as_of\":\"2026-01-31\"}";

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

#define _cleanup_arena_ _cleanup_(arena_freep)

static const struct request *parse(const char *text, struct arena *arena)
{
        struct error err = {0};
        struct request *request = NULL;
        if (request_parse(text, strlen(text), arena, &request, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        return request;
}

static void check_written(const struct request *request, const char *text)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, REQUEST_BYTES_MAX);
        assert_int_equal(request_write(request, &out, &err), 0);
        assert_string_equal(buf_text(&out), text);
}

static void test_round_trip(void **state)
{
        (void)state;
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        const struct request *request = parse(full_text, arena);
        assert_int_equal(request->op, REQUEST_RUN);
        assert_int_equal(request->n_tables, 2);
        assert_string_equal(request->tables[0].columns[0].name, "Größe \"x\"");
        assert_int_equal(request->tables[0].n_columns, 2);
        assert_null(request->tables[1].columns);
        assert_null(request->tables[1].sha256);
        assert_int_equal(request->limits.threads, 256);
        check_written(request, full_text);
}

/* The same tables and limits, and nothing else of a request. */
static void test_prepare(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        struct request *request = NULL;
        struct request *prepare = NULL;
        _cleanup_buf_ struct buf out = {0};
        _cleanup_buf_ struct buf again = {0};
        buf_init(&out, REQUEST_BYTES_MAX);
        buf_init(&again, REQUEST_BYTES_MAX);
        assert_int_equal(request_parse(full_text, strlen(full_text), arena, &request, &err), 0);
        assert_int_equal(prepare_write(request, &out, &err), 0);
        assert_null(strstr(buf_text(&out), "SELECT"));
        if (prepare_parse(buf_text(&out), out.len, arena, &prepare, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        assert_int_equal(prepare->op, REQUEST_DESCRIBE);
        assert_string_equal(prepare->run_id, RUN_ID);
        assert_null(prepare->sql);
        assert_null(prepare->as_of);
        assert_int_equal(prepare->n_tables, 2);
        assert_int_equal(prepare->limits.threads, 256);
        assert_int_equal(prepare_write(prepare, &again, &err), 0);
        assert_string_equal(buf_text(&again), buf_text(&out));
}

static void test_prepare_refuses(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                const char *said; /* "": it is taken */
        } cases[] = {
                {"{\"protocol\":1,\"dataset\":{\"id\":\"d\",\"tables\":[]}}", ""},
                {"{\"protocol\":1,\"run_id\":null,\"dataset\":{\"id\":\"d\",\"tables\":[]}}", ""},
                {"", "empty"},
                {"[]", "object"},
                {"{\"dataset\":{\"id\":\"d\",\"tables\":[]}}", "protocol"},
                {"{\"protocol\":1}", "\"dataset\" is missing"},
                {"{\"protocol\":1,\"run_id\":\"x\",\"dataset\":{\"id\":\"d\",\"tables\":[]}}",
                 "UUID"},
                {"{\"protocol\":1,\"op\":\"run\",\"dataset\":{\"id\":\"d\",\"tables\":[]}}",
                 "\"op\""},
                {"{\"protocol\":1,\"sql\":\"\",\"dataset\":{\"id\":\"d\",\"tables\":[]}}",
                 "\"sql\""},
                {"{\"protocol\":1,\"dataset\":{\"id\":\"d\",\"tables\":[]},\"limits\":{\"threads\":"
                 "0}}",
                 "threads"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
                struct request *prepare = NULL;
                int r = prepare_parse(cases[i].text, strlen(cases[i].text), arena, &prepare, &err);
                if ((r == 0) != (cases[i].said[0] == '\0'))
                        fail_msg("%s: %s", cases[i].text, err.message);
                if (r == 0) {
                        assert_null(prepare->run_id);
                        continue;
                }
                assert_int_equal(err.type, ERROR_INVALID_REQUEST);
                if (!strstr(err.message, cases[i].said))
                        fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err.message,
                                 cases[i].said);
        }
}

static void test_prepare_without_memory(void **state)
{
        (void)state;
        unsigned long n = 1;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                struct request *prepare = NULL;
                _cleanup_buf_ struct buf out = {0};
                _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
                static const char text[] = "{\"protocol\":1,\"run_id\":\"" RUN_ID "\",\"dataset\":"
                                           "{\"id\":\"d\",\"tables\":[{\"name\":\"a\",\"path\":"
                                           "\"/a\",\"format\":\"csv\"}]}}";
                buf_init(&out, REQUEST_BYTES_MAX);
                alloc_fail_after(n);
                r = prepare_parse(text, strlen(text), arena, &prepare, &err);
                if (r == 0)
                        r = prepare_write(prepare, &out, &err);
                alloc_fail_after(0);
                /* As below of requests. */
                assert_true(r == 0 || err.type == ERROR_INTERNAL ||
                            err.type == ERROR_INVALID_REQUEST);
                assert_true(n < 10000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 3);
}

static void test_defaults(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        struct request *request = NULL;
        assert_int_equal(request_parse(minimal_text, strlen(minimal_text), arena, &request, &err),
                         0);
        assert_int_equal(request->op, REQUEST_RUN);
        assert_string_equal(request->as_of, "2026-01-31T00:00:00Z");
        assert_null(request->dataset_version);
        assert_string_equal(request->sql, "");
        assert_int_equal(request->limits.timeout_ms, 30000);
        assert_int_equal(request->limits.max_rows, 1000);
        assert_int_equal(request->limits.max_output_bytes, 8388608);
        assert_int_equal(request->limits.memory_mb, 1024);
        assert_int_equal(request->limits.threads, 1);
}

/* Replaces (or, with a NULL value, removes) what pointer names; the last part may be new. */
static void change(json_t *json, const char *pointer, const char *value)
{
        char copy[256];
        char *rest = copy;
        (void)snprintf(copy, sizeof(copy), "%s", pointer + 1);
        char *part = strsep(&rest, "/");
        while (rest) {
                json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                           : json_object_get(json, part);
                part = strsep(&rest, "/");
        }
        json_t *set = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
        assert_true(!value || set);
        if (json_is_array(json))
                assert_int_equal(json_array_set_new(json, (size_t)atoi(part), set), 0);
        else
                assert_int_equal(value ? json_object_set_new(json, part, set)
                                       : json_object_del(json, part),
                                 0);
}

/* Written by jansson, which keeps 1.0 apart from 1. */
static int parse_changed(const char *pointer, const char *value, struct error *err)
{
        _cleanup_json_ json_t *json = json_loads(full_text, 0, NULL);
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        struct request *request = NULL;
        change(json, pointer, value);
        _cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
        assert_non_null(text);
        int r = request_parse(text, strlen(text), arena, &request, err);
        assert_true(r == 0 ? request != NULL : request == NULL);
        return r;
}

static void check_refused(const char *change_at, const char *value, const char *fault_at,
                          const char *said)
{
        struct error err = {0};
        if (parse_changed(change_at, value, &err) == 0)
                fail_msg("%s = %s was taken", change_at, value);
        assert_int_equal(err.type, ERROR_INVALID_REQUEST);
        assert_string_equal(err.pointer, fault_at ? fault_at : change_at);
        if (!strstr(err.message, said))
                fail_msg("%s = %s: \"%s\" does not say \"%s\"", change_at, value, err.message,
                         said);
}

static void test_refused_members(void **state)
{
        (void)state;
        static const struct {
                const char *at;
                const char *value; /* NULL: removed */
                const char *fault; /* NULL: where it was changed */
                const char *said;
        } cases[] = {
                {"/protocol", NULL, NULL, "missing"},
                {"/protocol", "2", NULL, "protocol 1"},
                {"/protocol", "1.0", NULL, "protocol 1"},
                {"/protocol", "\"1\"", NULL, "protocol 1"},
                {"/x", "1", NULL, "\"x\" is not known"},
                {"/a~b", "1", "/a~0b", "not known"},
                {"/run_id", NULL, NULL, "missing"},
                {"/run_id", "7", NULL, "string"},
                {"/run_id", "\"019C1A5E-0000-7000-8000-000000000001\"", NULL, "UUID"},
                {"/run_id", "\"" RUN_ID "1\"", NULL, "UUID"},
                {"/run_id", "\"../../../etc/passwd\"", NULL, "UUID"},
                {"/op", "\"drop\"", NULL, "describe"},
                {"/op", "1", NULL, "describe"},
                {"/op", "\"describe\"", "/sql", "takes no"},
                {"/op", "\"values\"", "/sql", "\"values\" takes no"},
                {"/sql", NULL, NULL, "missing"},
                {"/sql", "null", NULL, "missing"},
                {"/sql", "[]", NULL, "string"},
                {"/as_of", NULL, NULL, "missing"},
                {"/as_of", "\"yesterday\"", NULL, "2026-01-31"},
                {"/as_of", "\"2026-02-30T00:00:00Z\"", NULL, "2026-01-31"},
                {"/as_of", "\"2026-01-31T00:00:00Z, 1); DROP\"", NULL, "2026-01-31"},
                {"/as_of", "1769817600", NULL, "string"},
                {"/dataset", NULL, NULL, "missing"},
                {"/dataset", "[]", NULL, "object"},
                {"/dataset/x", "1", NULL, "not known"},
                {"/dataset/id", NULL, NULL, "missing"},
                {"/dataset/id", "\"\"", NULL, "letters"},
                {"/dataset/id", "\"-a\"", NULL, "letters"},
                {"/dataset/id", "\"a/b\"", NULL, "letters"},
                {"/dataset/version", "\"1\"", NULL, "hexadecimal"},
                {"/dataset/tables", NULL, NULL, "array"},
                {"/dataset/tables", "{}", NULL, "array"},
                {"/dataset/tables/0", "1", NULL, "object"},
                {"/dataset/tables/1/x", "1", NULL, "not known"},
                {"/dataset/tables/1/name", "\"Orders\"", NULL, "twice"},
                {"/dataset/tables/1/name", "\"1a\"", NULL, "letters"},
                {"/dataset/tables/1/name", "\"a b\"", NULL, "letters"},
                {"/dataset/tables/1/name", "\"ä\"", NULL, "letters"},
                {"/dataset/tables/1/name", "\"\"", NULL, "letters"},
                {"/dataset/tables/1/path", "\"b.csv\"", NULL, "absolute"},
                {"/dataset/tables/1/path", "\"\"", NULL, "absolute"},
                {"/dataset/tables/1/path", "false", NULL, "string"},
                {"/dataset/tables/1/format", "\"CSV\"", NULL, "parquet"},
                {"/dataset/tables/0/sha256", "\"" SHA "0\"", NULL, "hexadecimal"},
                {"/dataset/tables/0/columns", "[]", NULL, "1 to 4096"},
                {"/dataset/tables/0/columns", "{}", NULL, "1 to 4096"},
                {"/dataset/tables/0/columns/0/name", "\"\"", NULL, "empty"},
                {"/dataset/tables/0/columns/1/name", "\"GRößE \\\"X\\\"\"",
                 "/dataset/tables/0/columns", "twice"},
                {"/dataset/tables/0/columns/1/type", NULL, NULL, "missing"},
                {"/dataset/tables/0/columns/1/type", "\"INTEGER; DROP\"", NULL, "letters"},
                {"/dataset/tables/0/columns/1/type", "\"INT'\"", NULL, "letters"},
                {"/dataset/tables/0/columns/1/type", "\"INT\\n\"", NULL, "letters"},
                {"/dataset/tables/0/columns/1/type", "\"DECIMAL(1\"", NULL, "paired"},
                {"/dataset/tables/0/columns/1/type", "\"A)(\"", NULL, "paired"},
                {"/dataset/tables/0/columns/1/type", "\"\"", NULL, "letters"},
                {"/dataset/tables/0/columns/1/x", "\"\"", NULL, "not known"},
                {"/limits", "3", NULL, "object"},
                {"/limits/cores", "3", NULL, "not known"},
                {"/limits/timeout_ms", "0", NULL, "from 1 to 3600000"},
                {"/limits/timeout_ms", "3600001", NULL, "from 1 to 3600000"},
                {"/limits/timeout_ms", "-9223372036854775808", NULL, "from 1"},
                {"/limits/timeout_ms", "1e3", NULL, "whole"},
                {"/limits/timeout_ms", "\"1\"", NULL, "whole"},
                {"/limits/timeout_ms", "true", NULL, "whole"},
                {"/limits/max_rows", "-1", NULL, "from 0 to 1000000"},
                {"/limits/max_rows", "1000001", NULL, "from 0 to 1000000"},
                {"/limits/max_output_bytes", "1023", NULL, "from 1024 to 268435456"},
                {"/limits/max_output_bytes", "268435457", NULL, "from 1024 to 268435456"},
                {"/limits/memory_mb", "63", NULL, "from 64 to 1048576"},
                {"/limits/memory_mb", "1048577", NULL, "from 64 to 1048576"},
                {"/limits/threads", "0", NULL, "from 1 to 256"},
                {"/limits/threads", "257", NULL, "from 1 to 256"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                check_refused(cases[i].at, cases[i].value, cases[i].fault, cases[i].said);
}

static void test_taken_members(void **state)
{
        (void)state;
        static const struct {
                const char *at;
                const char *value;
        } cases[] = {
                {"/op", "null"},
                {"/op", "\"check\""},
                {"/sql", "\"\\u0001 '; DROP TABLE x --\""},
                {"/limits", "null"},
                {"/limits/timeout_ms", "3600000"},
                {"/limits/max_rows", "1000000"},
                {"/limits/max_output_bytes", "268435456"},
                {"/limits/memory_mb", "1048576"},
                {"/limits/threads", "1"},
                {"/dataset/version", "null"},
                {"/dataset/tables/0/columns", "null"},
                {"/dataset/tables/0/path", "\"/\\n\""},
                {"/as_of", "\"9999-12-31 23:59:59\""},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                if (parse_changed(cases[i].at, cases[i].value, &err) < 0)
                        fail_msg("%s = %s: %s", cases[i].at, cases[i].value, err.message);
        }
}

/* A JSON string of n letters. */
static char *long_string(size_t n)
{
        char *text = malloc(n + 3);
        memset(text, 'a', n + 2);
        text[0] = text[n + 1] = '"';
        text[n + 2] = '\0';
        return text;
}

static void check_length(const char *at, size_t max, const char *first)
{
        struct error err = {0};
        _cleanup_free_ char *fits = long_string(max);
        _cleanup_free_ char *long_one = long_string(max + 1);
        memcpy(fits + 1, first, strlen(first));
        memcpy(long_one + 1, first, strlen(first));
        if (parse_changed(at, fits, &err) < 0)
                fail_msg("%s of %zu bytes: %s", at, max, err.message);
        check_refused(at, long_one, NULL, "the limit is");
}

static void test_lengths(void **state)
{
        (void)state;
        check_length("/sql", REQUEST_SQL_MAX, "");
        check_length("/dataset/id", 64, "");
        check_length("/dataset/tables/1/name", 63, "");
        check_length("/dataset/tables/1/path", 4095, "/");
        check_length("/dataset/tables/0/columns/1/name", 255, "");
        check_length("/dataset/tables/0/columns/1/type", 255, "");
}

/* n tables (or columns) like the one at position 1, with names of their own. */
static char *repeated(const char *format, size_t n)
{
        struct buf out;
        buf_init(&out, ARENA_MAX);
        buf_putc(&out, '[');
        for (size_t i = 0; i < n; i++) {
                buf_puts(&out, i ? "," : "");
                buf_printf(&out, "{\"name\":\"t%zu\",%s}", i, format);
        }
        buf_putc(&out, ']');
        return buf_steal(&out);
}

static void test_counts(void **state)
{
        (void)state;
        static const char table[] = "\"path\":\"/x\",\"format\":\"csv\"";
        static const char column[] = "\"type\":\"INTEGER\"";
        struct error err = {0};
        _cleanup_free_ char *tables_64 = repeated(table, 64);
        _cleanup_free_ char *tables_65 = repeated(table, 65);
        _cleanup_free_ char *columns_4096 = repeated(column, 4096);
        _cleanup_free_ char *columns_4097 = repeated(column, 4097);
        assert_int_equal(parse_changed("/dataset/tables", tables_64, &err), 0);
        check_refused("/dataset/tables", tables_65, NULL, "at most 64");
        assert_int_equal(parse_changed("/dataset/tables/0/columns", columns_4096, &err), 0);
        check_refused("/dataset/tables/0/columns", columns_4097, NULL, "1 to 4096");
}

static void check_bytes_refused(const char *text, size_t n, const char *said)
{
        struct error err = {0};
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        struct request *request = NULL;
        assert_true(request_parse(text, n, arena, &request, &err) < 0);
        assert_int_equal(err.type, ERROR_INVALID_REQUEST);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", err.message, said);
}

static void test_refused_bytes(void **state)
{
        (void)state;
        check_bytes_refused("", 0, "empty");
        check_bytes_refused("null", 4, "object");
        check_bytes_refused("[]", 2, "object");
        check_bytes_refused("{\"op\":\"run\",\"op\":\"run\"}", 23, "duplicate");
        check_bytes_refused("{\"sql\":\"\\u0000\"}", 16, "U+0000");
        check_bytes_refused("{\"sql\":\"\xc0\x80\"}", 12, "UTF-8");
        check_bytes_refused(full_text, strlen(full_text) - 3, "not JSON");
        _cleanup_free_ char *large = calloc(1, REQUEST_BYTES_MAX + 1);
        memset(large, '[', REQUEST_BYTES_MAX + 1);
        check_bytes_refused(large, REQUEST_BYTES_MAX, "levels deep");
        memset(large, ' ', REQUEST_BYTES_MAX + 1);
        memcpy(large, full_text, strlen(full_text));
        check_bytes_refused(large, REQUEST_BYTES_MAX + 1, "4194304");
        /* A member's name longer than a pointer has room for. */
        memcpy(large, "{\"", 2);
        memset(large + 2, '~', 1000);
        memcpy(large + 1002, "\":1}", 4);
        check_bytes_refused(large, 1006, "very long name");
}

#define EXPORT_HEAD                                                                                \
        "{\"protocol\":1,\"run_id\":\"" RUN_ID "\",\"op\":\"export\",\"dataset\":{\"id\":\"r\","

/* As request_write writes it. */
static const char export_text[] =
        EXPORT_HEAD "\"tables\":[]},\"limits\":{\"timeout_ms\":1,\"max_rows\":0,"
                    "\"max_output_bytes\":1024,\"memory_mb\":64,\"threads\":1},"
                    "\"result\":{\"columns\":[\"a\",\"a\"],\"types\":[\"BIGINT\",\"x y[]\"],"
                    "\"rows\":\"[[1,\\\"\\\\u00e9\\\"]]\"}}\n";

static void test_export(void **state)
{
        (void)state;
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        const struct request *request = parse(export_text, arena);
        assert_int_equal(request->op, REQUEST_EXPORT);
        assert_false(request_op_has_sql(request->op));
        assert_int_equal(request->result->n, 2);
        assert_string_equal(request->result->types[1], "x y[]"); /* not looked at here */
        assert_string_equal(request->result->rows, "[[1,\"\\u00e9\"]]");
        assert_int_equal(request->result->rows_bytes, strlen(request->result->rows));
        check_written(request, export_text);
}

static void check_export_refused(const char *tail, const char *pointer, const char *said)
{
        struct error err = {0};
        struct request *request = NULL;
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, REQUEST_BYTES_MAX);
        buf_puts(&text, EXPORT_HEAD);
        buf_puts(&text, tail);
        assert_true(request_parse(buf_text(&text), text.len, arena, &request, &err) < 0);
        assert_string_equal(err.pointer, pointer);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", err.message, said);
}

static void test_refused_exports(void **state)
{
        (void)state;
        static const char *const cases[][3] = {
                {"\"tables\":[]}}", "/result", "missing"},
                {"\"tables\":[]},\"result\":[]}", "/result", "must be a JSON object"},
                {"\"tables\":[]},\"sql\":\"\",\"result\":{}}", "/sql", "takes no"},
                {"\"tables\":[]},\"result\":{}}", "/result/columns", "1 to 4096"},
                {"\"tables\":[]},\"result\":{\"columns\":[]}}", "/result/columns", "1 to 4096"},
                {"\"tables\":[]},\"result\":{\"columns\":[1]}}", "/result/columns/0", "a string"},
                {"\"tables\":[]},\"result\":{\"columns\":[\"a\"],\"types\":[\"b\",\"c\"]}}",
                 "/result/types", "1 columns and 2 types"},
                {"\"tables\":[]},\"result\":{\"columns\":[\"a\"],\"types\":[\"b\"]}}",
                 "/result/rows", "missing"},
                {"\"tables\":[]},\"result\":{\"columns\":[\"a\"],\"types\":[\"b\"],\"rows\":[]}}",
                 "/result/rows", "must be a string"},
                {"\"tables\":[]},\"result\":{\"columns\":[\"a\"],\"types\":[\"b\"],\"rows\":\"\","
                 "\"x\":1}}",
                 "/result/x", "not known"},
                {"\"tables\":[{\"name\":\"t\",\"path\":\"/t\",\"format\":\"csv\"}]},\"result\":{}}",
                 "/result", "takes no tables"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                check_export_refused(cases[i][0], cases[i][1], cases[i][2]);
        check_refused("/result", "{}", "/result", "takes no \"result\"");
}

/* Rows may be larger than other requests are, and yet have a limit. */
static void test_large_export(void **state)
{
        (void)state;
        static const char tail[] =
                "\"tables\":[]},\"result\":{\"columns\":[\"a\"],\"types\":[\"b\"],"
                "\"rows\":\"";
        for (size_t extra = 0; extra < 2; extra++) {
                struct error err = {0};
                struct request *request = NULL;
                _cleanup_arena_ struct arena *arena = arena_new(REQUEST_EXPORT_ARENA_MAX);
                size_t head = strlen(EXPORT_HEAD) + strlen(tail);
                size_t n = head + REQUEST_ROWS_MAX + extra + 3;
                _cleanup_free_ char *text = malloc(n + 1);
                assert_non_null(text);
                (void)snprintf(text, n, "%s%s", EXPORT_HEAD, tail);
                memset(text + head, ' ', REQUEST_ROWS_MAX + extra);
                memcpy(text + n - 3, "\"}}", 4);
                int r = request_parse(text, n, arena, &request, &err);
                if (extra == 0) {
                        assert_int_equal(r, 0);
                        assert_int_equal(request->result->rows_bytes, REQUEST_ROWS_MAX);
                } else {
                        assert_int_equal(r, -(int)ERROR_INVALID_REQUEST);
                        assert_string_equal(err.pointer, "/result/rows");
                }
        }
}

/* Fails each allocation in turn, jansson's too. */
static void check_out_of_memory(const char *whole)
{
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                struct request *request = NULL;
                _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
                _cleanup_buf_ struct buf out = {0};
                buf_init(&out, REQUEST_BYTES_MAX);
                alloc_fail_after(n);
                int r = request_parse(whole, strlen(whole), arena, &request, &err);
                if (r == 0)
                        r = request_write(request, &out, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        assert_string_equal(buf_text(&out), whole);
                        assert_true(n > 50);
                        break;
                }
                /* jansson does not always tell no memory from a text that is none. */
                assert_true(err.type == ERROR_INTERNAL || err.type == ERROR_INVALID_REQUEST);
                assert_true(err.message[0]);
                assert_true(n < 5000);
        }
        json_set_alloc_funcs(malloc, free);
}

static void test_out_of_memory(void **state)
{
        (void)state;
        check_out_of_memory(full_text);
        check_out_of_memory(export_text);
}

static void test_arena_ceiling(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_arena_ struct arena *arena = arena_new(200);
        struct request *request = NULL;
        assert_true(request_parse(full_text, strlen(full_text), arena, &request, &err) < 0);
        assert_int_equal(err.type, ERROR_INTERNAL);
}

static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* A few bytes of the good request replaced, removed or doubled. */
static size_t mutate(uint64_t *seed, char *text, size_t n)
{
        static const char bytes[] = "{}[]\",:0123456789-.eE\\u\x01\x7f\x80\xff ntf/_aZ";
        for (uint64_t times = 1 + next_random(seed) % 4; times > 0; times--) {
                size_t at = next_random(seed) % n;
                size_t length = 1 + next_random(seed) % 8;
                switch (next_random(seed) % 4) {
                case 0:
                        text[at] = (char)next_random(seed);
                        break;
                case 1:
                        text[at] = bytes[next_random(seed) % (sizeof(bytes) - 1)];
                        break;
                case 2:
                        if (at + length < n) {
                                memmove(text + at, text + at + length, n - at - length);
                                n -= length;
                        }
                        break;
                default:
                        if (at + length < n) {
                                memmove(text + at + length, text + at, n - at);
                                n += length;
                        }
                        break;
                }
        }
        return n;
}

/* Whatever comes in: a refusal that says something, or a request that survives a round trip. */
static int check_any(const char *text, size_t n)
{
        struct error err = {0};
        struct request *request = NULL;
        _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
        _cleanup_buf_ struct buf once = {0};
        _cleanup_buf_ struct buf twice = {0};
        buf_init(&once, ARENA_MAX);
        buf_init(&twice, ARENA_MAX);
        int r = request_parse(text, n, arena, &request, &err);
        if (r < 0) {
                assert_int_equal(err.type, ERROR_INVALID_REQUEST);
                assert_true(err.message[0]);
                return 0;
        }
        assert_int_equal(limits_check(&request->limits, &err), 0);
        assert_int_equal(request_write(request, &once, &err), 0);
        assert_int_equal(request_parse(buf_text(&once), once.len, arena, &request, &err), 0);
        assert_int_equal(request_write(request, &twice, &err), 0);
        assert_string_equal(buf_text(&once), buf_text(&twice));
        return 1;
}

static void test_mutations(void **state)
{
        (void)state;
        uint64_t seed = 20260131;
        int taken = 0;
        for (int i = 0; i < 20000; i++) {
                char text[sizeof(full_text) + 64];
                memcpy(text, full_text, sizeof(full_text));
                size_t n = mutate(&seed, text, sizeof(full_text) - 1);
                _cleanup_free_ char *exact = malloc(n); /* so that a read past the end shows */
                memcpy(exact, text, n);
                taken += check_any(exact, n);
        }
        assert_in_range(taken, 100, 19000);
}

/* The documents that the schema is tested with. */
static void test_examples(void **state)
{
        (void)state;
        static const char *const names[] = {"run", "check", "describe", "values", "export"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct error err = {0};
                char path[64];
                struct request *request = NULL;
                _cleanup_arena_ struct arena *arena = arena_new(ARENA_MAX);
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, REQUEST_BYTES_MAX);
                (void)snprintf(path, sizeof(path), "tests/examples/request.%s.json", names[i]);
                assert_int_equal(fd_read_file(path, &text, &err), 0);
                if (request_parse(buf_text(&text), text.len, arena, &request, &err) < 0)
                        fail_msg("%s: %s", path, err.message);
                assert_string_equal(request_op_name(request->op), names[i]);
        }
}

static void test_write_refuses(void **state)
{
        (void)state;
        struct error err = {0};
        struct request_table table = {.name = "t", .path = "/data/\xe9t\xe9.csv", .format = "csv"};
        struct request request = {.run_id = RUN_ID,
                                  .op = REQUEST_DESCRIBE,
                                  .dataset_id = "d",
                                  .tables = &table,
                                  .n_tables = 1,
                                  .limits = LIMITS_DEFAULT};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, REQUEST_BYTES_MAX);
        assert_true(request_write(&request, &out, &err) < 0);
        assert_int_equal(err.type, ERROR_INVALID_REQUEST);
        assert_non_null(strstr(err.message, "\"path\" is not valid UTF-8"));
        table.path = "/data/x.csv";
        buf_init(&out, 64);
        assert_true(request_write(&request, &out, &err) < 0);
        assert_string_equal(request_op_name(REQUEST_DESCRIBE), "describe");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_refused_members),
                cmocka_unit_test(test_taken_members),
                cmocka_unit_test(test_lengths),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_refused_bytes),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_arena_ceiling),
                cmocka_unit_test(test_mutations),
                cmocka_unit_test(test_write_refuses),
                cmocka_unit_test(test_examples),
                cmocka_unit_test(test_export),
                cmocka_unit_test(test_refused_exports),
                cmocka_unit_test(test_large_export),
                cmocka_unit_test(test_prepare),
                cmocka_unit_test(test_prepare_refuses),
                cmocka_unit_test(test_prepare_without_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
