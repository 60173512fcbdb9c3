/* Results that become Parquet files, through the real engine: types, values, rows of every kind of
 * wrong, and the engine's lock by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "runner/engine_private.h"
#include "runner/moment.h"
#include "runner/shape.h"
#include "runner/value.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define RUN_ID "019c1a5e-0000-7000-8000-000000000001"

/* What the type becomes in a file; NULL: it is none. */
static char *file_type_of(const char *name)
{
        struct error err = {0};
        struct shape shape;
        struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
        struct buf text = {0};
        buf_init(&text, 1024 * 1024);
        assert_non_null(arena);
        if (shape_read(name, arena, &shape, &err) == 0) {
                _cleanup_type_ duckdb_logical_type type = shape_file_type(&shape);
                assert_non_null(type);
                value_put_type(&text, type);
        } else {
                assert_int_equal(err.type, ERROR_INVALID_REQUEST);
        }
        arena_free(arena);
        char *ret = text.len ? buf_steal(&text) : NULL;
        buf_done(&text);
        return ret;
}

static void test_types(void **state)
{
        (void)state;
        static const char *const same[] = {
                "BOOLEAN",
                "TINYINT",
                "SMALLINT",
                "INTEGER",
                "BIGINT",
                "UTINYINT",
                "USMALLINT",
                "UINTEGER",
                "UBIGINT",
                "FLOAT",
                "DOUBLE",
                "DATE",
                "TIME",
                "TIME_NS",
                "TIMESTAMP",
                "TIMESTAMP_NS",
                "TIMESTAMP WITH TIME ZONE",
                "VARCHAR",
                "BLOB",
                "UUID",
                "DECIMAL(1,0)",
                "DECIMAL(38,38)",
                "INTEGER[]",
                "DECIMAL(4,2)[][]",
                "MAP(VARCHAR, INTEGER[])",
                "STRUCT(\"a\" INTEGER, \"b \"\"c\"\" \" DATE[])",
        };
        static const char *const others[][2] = {
                {"HUGEINT", "DECIMAL(38,0)"},
                {"UHUGEINT", "DECIMAL(38,0)"},
                {"INTERVAL", "STRUCT(\"months\" INTEGER, \"days\" INTEGER, \"micros\" BIGINT)"},
                {"ENUM('a', 'b''c', '')", "VARCHAR"},
                {"BIT", "VARCHAR"},
                {"TIME WITH TIME ZONE", "VARCHAR"},
                {"TIMESTAMP_S", "TIMESTAMP"},
                {"TIMESTAMP_MS", "TIMESTAMP"},
                {"NULL", "INTEGER"},
                {"INTEGER[3]", "INTEGER[]"},
                {"STRUCT(\"\" INTEGER, \"\" HUGEINT)[]",
                 "STRUCT(\"f1\" INTEGER, \"f2\" DECIMAL(38,0))[]"},
                {"MAP(ENUM('a'), HUGEINT)", "MAP(VARCHAR, DECIMAL(38,0))"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
                _cleanup_free_ char *type = file_type_of(same[i]);
                assert_string_equal(type, same[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                _cleanup_free_ char *type = file_type_of(others[i][0]);
                assert_string_equal(type, others[i][1]);
        }
}

static void test_no_types(void **state)
{
        (void)state;
        static const char *const wrong[] = {
                "",
                " ",
                "integer",
                "INTEGER ",
                " INTEGER",
                "INT",
                "INTEGER; DROP TABLE t",
                "JSON",
                "BIGNUM",
                "UNKNOWN",
                "DECIMAL",
                "DECIMAL(",
                "DECIMAL(39,1)",
                "DECIMAL(4,5)",
                "DECIMAL(0,0)",
                "DECIMAL(4, 2)",
                "DECIMAL(-1,0)",
                "DECIMAL(4,2",
                "DECIMAL(4,2))",
                "DECIMAL(99999999999999999999,1)",
                "INTEGER[",
                "INTEGER]",
                "INTEGER[x]",
                "INTEGER[-1]",
                "INTEGER[4294967296]",
                "STRUCT(",
                "STRUCT()",
                "STRUCT(a INTEGER)",
                "STRUCT(\"a\")",
                "STRUCT(\"a\" INTEGER",
                "STRUCT(\"a INTEGER)",
                "STRUCT(\"a\" INTEGER, \"\" INTEGER)",
                "STRUCT(\"a\" INTEGER,\"b\" INTEGER)",
                "MAP(INTEGER)",
                "MAP(INTEGER, INTEGER",
                "MAP(INTEGER,INTEGER)",
                "MAP()",
                "ENUM()",
                "ENUM('a)",
                "ENUM('a', )",
                "ENUM(a)",
                "ENUM('a' 'b')",
                "ENUM('",
                "STRUCT(\"",
                "STRUCT(\"\"\"",
                "UNION(a INTEGER)",
        };
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                _cleanup_free_ char *type = file_type_of(wrong[i]);
                if (type)
                        fail_msg("\"%s\" was taken for %s", wrong[i], type);
        }
}

/* Of a text put together from n times `before`, `inside`, and n times `after`. */
static char *nested(const char *before, const char *inside, const char *after, size_t n)
{
        struct buf text = {0};
        buf_init(&text, 1024 * 1024);
        for (size_t i = 0; i < n; i++)
                buf_puts(&text, before);
        buf_puts(&text, inside);
        for (size_t i = 0; i < n; i++)
                buf_puts(&text, after);
        return buf_steal(&text);
}

static void check_depth(const char *before, const char *after)
{
        for (size_t n = SHAPE_DEPTH_MAX - 1; n < SHAPE_DEPTH_MAX + 1; n++) {
                _cleanup_free_ char *name = nested(before, "INTEGER", after, n);
                _cleanup_free_ char *type = file_type_of(name);
                assert_int_equal(type != NULL, n < SHAPE_DEPTH_MAX);
        }
}

static void test_depth(void **state)
{
        (void)state;
        check_depth("", "[]");
        check_depth("STRUCT(\"a\" ", ")");
        check_depth("MAP(VARCHAR, ", ")");
        _cleanup_free_ char *mixed = nested("STRUCT(\"a\" ", "INTEGER", ")[]", SHAPE_DEPTH_MAX / 2);
        assert_null(file_type_of(mixed));
        _cleanup_free_ char *deep = nested("STRUCT(\"a\" ", "INTEGER", ")", 5000);
        assert_null(file_type_of(deep));
}

/* Many members and values do not take memory with the square of their number. */
static void test_long_types(void **state)
{
        (void)state;
        _cleanup_free_ char *labels = nested("'x', ", "'y'", "", 10000);
        struct buf name = {0};
        buf_init(&name, 1024 * 1024);
        buf_printf(&name, "ENUM(%s)", labels);
        _cleanup_free_ char *type = file_type_of(buf_text(&name));
        assert_string_equal(type, "VARCHAR");
        buf_clear(&name);
        buf_puts(&name, "STRUCT(");
        for (int i = 0; i < 5000; i++)
                buf_printf(&name, "%s\"m%d\" INTEGER", i ? ", " : "", i);
        buf_puts(&name, ")");
        struct error err = {0};
        struct shape shape;
        struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
        assert_true(shape_read(buf_text(&name), arena, &shape, &err) < 0); /* more than 4096 */
        arena_free(arena);
        buf_done(&name);
}

static void test_moments(void **state)
{
        (void)state;
        int32_t days;
        int64_t units;
        assert_true(moment_take_date("1970-01-02", &days) && days == 1);
        assert_true(moment_take_date("0001-01-01 (BC)", &days) && days == -719528);
        assert_true(moment_take_date("5881580-07-10", &days) && days == INT32_MAX - 1);
        assert_false(moment_take_date("5881580-07-11", &days)); /* that one means infinity */
        assert_true(moment_take_date("infinity", &days) && days == INT32_MAX);
        assert_true(moment_take_date("-infinity", &days) && days == -INT32_MAX);
        static const char *const no_dates[] = {
                "",
                "1970",
                "1970-1-1",
                "1970-01-01 ",
                "1970-02-29",
                "1970-13-01",
                "1970-00-10",
                "1970-01-00",
                "1970-01-32",
                "0000-01-01",
                "-1970-01-01",
                "70-01-01",
                "99999999-01-01",
                "1970-01-01(BC)",
                "1970-01-01 (bc)",
                "Infinity",
                "now",
                "1970-01-01 00:00:00",
        };
        for (size_t i = 0; i < ARRAY_SIZE(no_dates); i++)
                if (moment_take_date(no_dates[i], &days))
                        fail_msg("\"%s\" was taken for a date", no_dates[i]);
        assert_true(moment_take_time("23:59:59.999999", 1000000, &units) && units == 86399999999);
        assert_true(moment_take_time("24:00:00", 1000000, &units) && units == 86400000000);
        assert_true(moment_take_time("00:00:00.5", 1000000000, &units) && units == 500000000);
        static const char *const no_times[] = {"",          "1:00:00",          "00:60:00",
                                               "00:00:60",  "24:00:01",         "00:00",
                                               "00:00:00.", "00:00:00.1x",      "25:00:00",
                                               "-1:00:00",  "00:00:00.1234567", "00:00:00+00"};
        for (size_t i = 0; i < ARRAY_SIZE(no_times); i++)
                if (moment_take_time(no_times[i], 1000000, &units))
                        fail_msg("\"%s\" was taken for a time", no_times[i]);
        assert_true(moment_take_timestamp("1970-01-01 00:00:01.25+00", "+00", 1000000, &units) &&
                    units == 1250000);
        assert_true(moment_take_timestamp("1969-12-31 23:59:59", "", 1000000, &units) &&
                    units == -1000000);
        assert_true(moment_take_timestamp("0044-03-15 (BC) 10:00:00", "", 1000000, &units) ==
                    false);
        assert_true(moment_take_timestamp("0044-03-15 10:00:00 (BC)", "", 1000000, &units));
        assert_false(moment_take_timestamp("300000-01-01 00:00:00", "", 1000000, &units));
        assert_false(moment_take_timestamp("3000-01-01 00:00:00", "", 1000000000, &units));
        assert_false(moment_take_timestamp("1970-01-01 00:00:00", "+00", 1000000, &units));
        assert_false(moment_take_timestamp("1970-01-01 00:00:00+00", "", 1000000, &units));
        assert_false(moment_take_timestamp("1970-01-01", "", 1000000, &units));
}

/* One export of one column into a memfd, which is read back by the same engine. */
struct trial {
        struct engine *engine;
        int fd;
        char path[64];
        struct engine_answer answer;
        struct error err;
};

static void trial_start(struct trial *trial, int64_t bytes_max)
{
        struct error err = {0};
        struct limits limits = LIMITS_DEFAULT;
        *trial = (struct trial){.fd = memfd_create("export", MFD_CLOEXEC)};
        limits.max_output_bytes = bytes_max;
        (void)snprintf(trial->path, sizeof(trial->path), "/proc/self/fd/%d", trial->fd);
        assert_int_equal(engine_open(&trial->engine, &err), 0);
        assert_int_equal(engine_set_limits(trial->engine, &limits, &err), 0);
        engine_answer_init(&trial->answer, &limits);
}

static void trial_done(struct trial *trial)
{
        engine_answer_done(&trial->answer);
        engine_free(trial->engine);
        (void)close(trial->fd);
}

static int trial_export(struct trial *trial, const char *const *columns, const char *const *types,
                        size_t n, const char *rows)
{
        const struct request_result result = {.columns = columns,
                                              .types = types,
                                              .n = n,
                                              .rows = rows,
                                              .rows_bytes = strlen(rows)};
        const struct request request = {
                .run_id = RUN_ID, .op = REQUEST_EXPORT, .dataset_id = "r", .result = &result};
        return engine_export(trial->engine, &request, trial->path, &trial->answer, &trial->err);
}

/* Of one column and one row: what is in the file, as text. */
static char *round_trip(const char *type, const char *value, struct error *err)
{
        static const char *const columns[] = {"a"};
        struct trial trial;
        struct engine_cells cells = {0};
        char *said = NULL;
        char *ret = NULL;
        char rows[1024];
        (void)snprintf(rows, sizeof(rows), "[[%s]]", value);
        trial_start(&trial, 1024 * 1024);
        int r = trial_export(&trial, columns, &type, 1, rows);
        if (r == 0) {
                const char *path = trial.path;
                if (engine_statement(trial.engine,
                                     "SELECT CAST(a AS VARCHAR) FROM read_parquet($1)", &path, 1,
                                     &cells, &said) < 0)
                        fail_msg("%s %s: %s", type, value, said);
                assert_int_equal(cells.n_rows, 1);
                ret = cells.cells[0] ? strdup(cells.cells[0]) : strdup("NULL");
                engine_cells_done(&cells);
        }
        *err = trial.err;
        trial_done(&trial);
        return ret;
}

static void test_values(void **state)
{
        (void)state;
        static const char *const cases[][3] = {
                {"TINYINT", "-128", "-128"},
                {"UTINYINT", "255", "255"},
                {"BIGINT", "\"-9223372036854775808\"", "-9223372036854775808"},
                {"UBIGINT", "\"18446744073709551615\"", "18446744073709551615"},
                {"HUGEINT", "\"-99999999999999999999999999999999999999\"",
                 "-99999999999999999999999999999999999999"},
                {"UHUGEINT", "0", "0"},
                {"DECIMAL(4,2)", "\"-0.05\"", "-0.05"},
                {"DECIMAL(4,0)", "\"9999\"", "9999"},
                {"DECIMAL(4,0)", "\"7\"", "7"},
                {"DECIMAL(38,0)", "\"-7\"", "-7"},
                {"DECIMAL(38,38)", "\"0.00000000000000000000000000000000000001\"",
                 ".00000000000000000000000000000000000001"},
                {"FLOAT", "0.1", "0.1"},
                {"DOUBLE", "1.7976931348623157e308", "1.7976931348623157e+308"},
                {"DOUBLE", "3", "3.0"},
                {"DOUBLE", "\"-Infinity\"", "-inf"},
                {"BOOLEAN", "false", "false"},
                {"VARCHAR", "\"\\u00e9 \\\" ' \\n\"", "\xC3\xA9 \" ' \n"},
                {"VARCHAR", "\"\"", ""},
                {"BLOB", "\"AP8=\"", "\\x00\\xFF"},
                {"BLOB", "\"\"", ""},
                {"UUID", "\"00000000-0000-0000-0000-000000000001\"",
                 "00000000-0000-0000-0000-000000000001"},
                {"INTERVAL", "{\"days\":-3,\"micros\":\"-9223372036854775808\",\"months\":14}",
                 "{'months': 14, 'days': -3, 'micros': -9223372036854775808}"},
                {"INTEGER[]", "[1,null,3]", "[1, NULL, 3]"},
                {"INTEGER[2]", "[1,2]", "[1, 2]"},
                {"MAP(VARCHAR, INTEGER)", "[[\"a\",1],[\"b\",null]]", "{a=1, b=NULL}"},
                {"STRUCT(\"a\" INTEGER, \"b\" DATE)", "{\"b\":\"2026-01-31\",\"a\":1}",
                 "{'a': 1, 'b': 2026-01-31}"},
                {"STRUCT(\"\" INTEGER, \"\" BOOLEAN)", "[1,null]", "{'f1': 1, 'f2': NULL}"},
                {"NULL", "null", "NULL"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                _cleanup_free_ char *got = round_trip(cases[i][0], cases[i][1], &err);
                if (!got)
                        fail_msg("%s %s: %s", cases[i][0], cases[i][1], err.message);
                assert_string_equal(got, cases[i][2]);
                if (strcmp(cases[i][0], "NULL") == 0)
                        continue;
                _cleanup_free_ char *none = round_trip(cases[i][0], "null", &err);
                assert_string_equal(none, "NULL");
        }
}

/* Types that lie: nothing becomes another value than it was. */
static void test_no_values(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"TINYINT", "128"},
                {"TINYINT", "-129"},
                {"UTINYINT", "-1"},
                {"UTINYINT", "256"},
                {"BIGINT", "1.5"},
                {"BIGINT", "\"1.5\""},
                {"BIGINT", "\"\""},
                {"BIGINT", "\"-\""},
                {"BIGINT", "\"9223372036854775808\""},
                {"BIGINT", "true"},
                {"BIGINT", "[1]"},
                {"BIGINT", "\"0x10\""},
                {"BIGINT", "\" 1\""},
                {"UBIGINT", "\"-1\""},
                {"UBIGINT", "\"18446744073709551616\""},
                {"HUGEINT", "\"170141183460469231731687303715884105728\""},
                {"UHUGEINT", "-1"},
                {"UHUGEINT", "\"340282366920938463463374607431768211456\""},
                {"DECIMAL(4,2)", "\"100.00\""},
                {"DECIMAL(4,2)", "\"1.2\""},
                {"DECIMAL(4,2)", "\"1.234\""},
                {"DECIMAL(4,2)", "1.25"},
                {"DECIMAL(4,2)", "\".05\""},
                {"DECIMAL(4,2)", "\"-.05\""},
                {"DECIMAL(4,2)", "\"1,25\""},
                {"DECIMAL(4,2)", "\"\""},
                {"DECIMAL(4,2)", "\"1.-5\""},
                {"DECIMAL(4,0)", "\"10000\""},
                {"DECIMAL(4,0)", "\"\""},
                {"DECIMAL(4,0)", "\"-\""},
                {"DECIMAL(38,0)", "\"100000000000000000000000000000000000000\""},
                {"DOUBLE", "\"nan\""},
                {"DOUBLE", "\"1\""},
                {"DOUBLE", "true"},
                {"FLOAT", "\"\""},
                {"BOOLEAN", "1"},
                {"BOOLEAN", "\"true\""},
                {"VARCHAR", "1"},
                {"VARCHAR", "[]"},
                {"BLOB", "\"AP8\""},
                {"BLOB", "\"A?==\""},
                {"BLOB", "1"},
                {"UUID", "\"\""},
                {"UUID", "\"00000000-0000-0000-0000-00000000000\""},
                {"UUID", "\"00000000-0000-0000-0000-0000000000011\""},
                {"UUID", "\"00000000000000000000000000000000000a\""},
                {"UUID", "1"},
                {"UUID", "\"g0000000-0000-0000-0000-000000000001\""},
                {"DATE", "\"2026-02-30\""},
                {"DATE", "1"},
                {"TIME", "\"25:00:00\""},
                {"TIMESTAMP", "\"2026-01-31\""},
                {"TIMESTAMP WITH TIME ZONE", "\"2026-01-31 00:00:00\""},
                {"INTERVAL", "{}"},
                {"INTERVAL", "\"1 day\""},
                {"INTERVAL", "{\"days\":1,\"micros\":0,\"months\":2147483648}"},
                {"INTERVAL", "{\"days\":1,\"micros\":null,\"months\":1}"},
                {"INTERVAL", "{\"days\":1,\"micros\":0,\"months\":1,\"years\":1}"},
                {"INTEGER[]", "1"},
                {"INTEGER[]", "{}"},
                {"INTEGER[]", "[[1]]"},
                {"INTEGER[2]", "[1]"},
                {"INTEGER[2]", "[1,2,3]"},
                {"MAP(VARCHAR, INTEGER)", "{\"a\":1}"},
                {"MAP(VARCHAR, INTEGER)", "[[\"a\"]]"},
                {"MAP(VARCHAR, INTEGER)", "[[null,1]]"},
                {"MAP(VARCHAR, INTEGER)", "[1]"},
                {"STRUCT(\"a\" INTEGER)", "{}"},
                {"STRUCT(\"a\" INTEGER)", "{\"b\":1}"},
                {"STRUCT(\"a\" INTEGER)", "{\"a\":1,\"b\":1}"},
                {"STRUCT(\"a\" INTEGER)", "[1]"},
                {"STRUCT(\"\" INTEGER)", "{\"f1\":1}"},
                {"STRUCT(\"\" INTEGER)", "[1,2]"},
                {"NULL", "1"},
                {"ENUM('a')", "1"},
                {"BIT", "1"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                _cleanup_free_ char *got = round_trip(cases[i][0], cases[i][1], &err);
                if (got)
                        fail_msg("%s %s became %s", cases[i][0], cases[i][1], got);
                assert_int_equal(err.type, ERROR_INVALID_REQUEST);
                assert_non_null(strstr(err.message, "row 1, column \"a\""));
        }
}

static void test_what_parquet_cannot(void **state)
{
        (void)state;
        static const char *const types[] = {"HUGEINT", "UHUGEINT"};
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                struct error err = {0};
                assert_null(
                        round_trip(types[i], "\"100000000000000000000000000000000000000\"", &err));
                assert_int_equal(err.type, ERROR_SQL_EXECUTION);
                assert_non_null(strstr(err.message, "cast"));
        }
}

static void test_no_rows(void **state)
{
        (void)state;
        static const char *const cases[] = {
                "",
                " ",
                "null",
                "1",
                "{}",
                "[",
                "[[1]",
                "[[1],",
                "[[1],]",
                "[,[1]]",
                "[[1][1]]",
                "[[1]] x",
                "[[1]]]",
                "[1]",
                "[{}]",
                "[[]]",
                "[[1,2]]",
                "[[1]}",
                "[[1e999]]",
                "[[\"\\u0000\"]]",
                "[[99999999999999999999]]",
                "[[{\"a\":1,\"a\":2}]]",
                "[[nul]]",
                "[[\"\xFF\"]]",
        };
        static const char *const columns[] = {"a"};
        static const char *const types[] = {"BIGINT"};
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct trial trial;
                trial_start(&trial, 1024 * 1024);
                if (trial_export(&trial, columns, types, 1, cases[i]) == 0)
                        fail_msg("\"%s\" was taken", cases[i]);
                assert_int_equal(trial.err.type, ERROR_INVALID_REQUEST);
                trial_done(&trial);
        }
}

/* Names of every kind stay apart, and reach nothing; a result without rows has its columns. */
static void test_names(void **state)
{
        (void)state;
        static const char *const columns[] = {"a",  "A", "", "'); COPY (SELECT 1) TO '/tmp/x",
                                              "\"", "a"};
        static const char *const types[] = {"BIGINT", "DATE",   "VARCHAR",
                                            "BIGINT", "BIGINT", "TIME"};
        static const char *const names[] = {
                "a", "A_2", "column_3", "'); COPY (SELECT 1) TO '/tmp/x", "\"", "a_3"};
        struct trial trial;
        trial_start(&trial, 1024 * 1024);
        if (trial_export(&trial, columns, types, ARRAY_SIZE(columns), " [ ] ") < 0)
                fail_msg("%s", trial.err.message);
        assert_int_equal(trial.answer.row_count, 0);
        assert_memory_equal(trial.answer.rows.data, "PAR1", 4);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_string_equal(json_string_value(json_array_get(trial.answer.columns, i)),
                                    names[i]);
        trial_done(&trial);
}

/* Many chunks, many lists, NULLs between them: sums tell. */
static void test_many_rows(void **state)
{
        (void)state;
        static const char *const columns[] = {"n", "l", "s"};
        static const char *const types[] = {"INTEGER", "VARCHAR[]", "STRUCT(\"x\" INTEGER[])"};
        static const char sum[] = "SELECT concat_ws(' ', count(*), sum(n), sum(len(l)), "
                                  "count(l), sum(list_sum(s.x)), bool_and(n = file_row_number)) "
                                  "FROM read_parquet($1, file_row_number = true)";
        _cleanup_buf_ struct buf rows = {0};
        struct engine_cells cells = {0};
        struct trial trial;
        char *said = NULL;
        buf_init(&rows, 64 * 1024 * 1024);
        for (int i = 0; i < 10000; i++) {
                buf_printf(&rows, "%s[%d,", i ? "," : "[", i);
                buf_puts(&rows, i % 3 == 0 ? "null" : i % 3 == 1 ? "[]" : "[\"a\",null,\"b\"]");
                buf_printf(&rows, ",{\"x\":[%d,1]}]", i);
        }
        buf_puts(&rows, "]");
        trial_start(&trial, 8 * 1024 * 1024);
        if (trial_export(&trial, columns, types, 3, buf_text(&rows)) < 0)
                fail_msg("%s", trial.err.message);
        assert_int_equal(trial.answer.row_count, 10000);
        const char *path = trial.path;
        if (engine_statement(trial.engine, sum, &path, 1, &cells, &said) < 0)
                fail_msg("%s", said);
        assert_string_equal(cells.cells[0], "10000 49995000 9999 6666 50005000 true");
        engine_cells_done(&cells);
        trial_done(&trial);
}

/* What the process may write at most is what the file may have. */
static void test_too_large(void **state)
{
        (void)state;
        static const char *const columns[] = {"a"};
        static const char *const types[] = {"BIGINT"};
        struct rlimit before;
        struct trial trial;
        _cleanup_buf_ struct buf rows = {0};
        buf_init(&rows, 1024 * 1024);
        for (int i = 0; i < 5000; i++)
                buf_printf(&rows, "%s[%d]", i ? "," : "[", i * 7919 % 5003);
        buf_puts(&rows, "]");
        trial_start(&trial, 2048);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){2048, before.rlim_max}), 0);
        int r = trial_export(&trial, columns, types, 1, buf_text(&rows));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -(int)ERROR_RUNNER_OUTPUT_EXCEEDED);
        trial_done(&trial);
        trial_start(&trial, 2048); /* and where no such limit is, it is still not taken */
        assert_int_equal(trial_export(&trial, columns, types, 1, buf_text(&rows)),
                         -(int)ERROR_RUNNER_OUTPUT_EXCEEDED);
        trial_done(&trial);
}

static bool runs(struct engine *engine, const char *sql, const char *path)
{
        char *said = NULL;
        bool well = engine_statement(engine, sql, &path, path ? 1 : 0, NULL, &said) == 0;
        free(said);
        return well;
}

/* The second wall alone: of all files there are, it leaves one. */
static void test_lock(void **state)
{
        (void)state;
        static const char *const attempts[] = {
                "COPY (SELECT 1 AS a) TO '/tmp/askcsv-export-escape.parquet' (USE_TMP_FILE false)",
                "COPY (SELECT 1 AS a) TO '/tmp/askcsv-export-escape.csv' (USE_TMP_FILE false)",
                "SELECT * FROM read_text('/etc/passwd')",
                "SELECT * FROM glob('/etc/*')",
                "ATTACH '/tmp/askcsv-export-escape.db'",
                "EXPORT DATABASE '/tmp/askcsv-export-escape'",
                "LOAD '/tmp/askcsv-export-escape.so'",
                "INSTALL httpfs",
                "SET allowed_paths = ['/etc/passwd']",
                "SET enable_external_access = true",
                "SET lock_configuration = false",
        };
        struct error err = {0};
        struct trial trial;
        char write[128];
        (void)unlink("/tmp/askcsv-export-escape.parquet"); /* of a build without the lock */
        trial_start(&trial, 1024 * 1024);
        (void)snprintf(write, sizeof(write), "COPY (SELECT 1 AS a) TO '%s' (USE_TMP_FILE false)",
                       trial.path);
        assert_true(runs(trial.engine, "SELECT * FROM read_text('/etc/passwd')", NULL));
        assert_int_equal(engine_lock_but(trial.engine, trial.path, &err), 0);
        for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                if (runs(trial.engine, attempts[i], NULL))
                        fail_msg("this ran: %s", attempts[i]);
        assert_true(runs(trial.engine, write, NULL));
        assert_true(access("/tmp/askcsv-export-escape.parquet", F_OK) < 0);
        trial_done(&trial);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),     cmocka_unit_test(test_no_types),
                cmocka_unit_test(test_depth),     cmocka_unit_test(test_long_types),
                cmocka_unit_test(test_moments),   cmocka_unit_test(test_values),
                cmocka_unit_test(test_no_values), cmocka_unit_test(test_what_parquet_cannot),
                cmocka_unit_test(test_no_rows),   cmocka_unit_test(test_names),
                cmocka_unit_test(test_many_rows), cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_lock),
        };
        return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
