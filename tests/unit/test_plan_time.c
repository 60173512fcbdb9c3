/* Relative time: what "last" means to the second, for dates and for timestamps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "plan/plan.h"
#include "test_plan_fixture.h"

#include <string.h>

static void check_sql(const char *dataset, const char *plan_text, const char *as_of,
                      const char *expected)
{
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        int64_t as_of_s;
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, 10000);
        plan_faults_init(&faults);
        assert_true(clock_parse(as_of, &as_of_s));
        if (plan_parse(plan_text, strlen(plan_text), &plan, &faults, &err) < 0 ||
            plan_compile(plan, fixture_find(dataset), as_of_s, &sql, &faults, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        if (!strstr(buf_text(&sql), expected))
                fail_msg("%s is not in\n%s", expected, buf_text(&sql));
        plan_free(plan);
        plan_faults_done(&faults);
}

static void check_last(bool is_date, const char *as_of, int n, const char *unit,
                       const char *expected)
{
        char text[400];
        (void)snprintf(text, sizeof(text),
                       "{\"dataset_id\":\"%s\",\"table\":\"%s\",\"select\":[{\"func\":\"count\"}],"
                       "\"filters\":[{\"column\":\"%s\",\"op\":\"last\",\"value\":{\"n\":%d,"
                       "\"unit\":\"%s\"}}]}",
                       is_date ? "ecommerce" : "support", is_date ? "orders" : "tickets",
                       is_date ? "order_date" : "created_at", n, unit);
        check_sql(is_date ? "ecommerce" : "support", text, as_of, expected);
}

static void test_last_timestamp(void **state)
{
        (void)state;
        static const char noon[] = "2026-03-31T12:34:56Z";
        check_last(false, noon, 5, "minute",
                   "BETWEEN TIMESTAMP '2026-03-31 12:29:56' AND TIMESTAMP '2026-03-31 12:34:56'");
        check_last(false, noon, 24, "hour", "BETWEEN TIMESTAMP '2026-03-30 12:34:56' AND");
        check_last(false, noon, 1, "day", "BETWEEN TIMESTAMP '2026-03-30 12:34:56' AND");
        check_last(false, noon, 2, "week", "BETWEEN TIMESTAMP '2026-03-17 12:34:56' AND");
        check_last(false, noon, 1, "month", "BETWEEN TIMESTAMP '2026-02-28 12:34:56' AND");
        check_last(false, noon, 1, "quarter", "BETWEEN TIMESTAMP '2025-12-31 12:34:56' AND");
        check_last(false, noon, 2, "year", "BETWEEN TIMESTAMP '2024-03-31 12:34:56' AND");
        check_last(false, "2024-02-29T00:00:00Z", 1, "year", "TIMESTAMP '2023-02-28 00:00:00'");
        check_last(false, "2026-01-15T00:00:00Z", 1, "month", "TIMESTAMP '2025-12-15 00:00:00'");
        check_last(false, "0001-01-01T00:00:00Z", 1, "minute",
                   "BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '0001-01-01 00:00:00'");
        check_last(false, "1969-12-31T23:59:59Z", 1, "hour", "TIMESTAMP '1969-12-31 22:59:59'");
}

/* A date counts as its midnight: n days are n dates, or n + 1 when as_of is a midnight itself. */
static void test_last_date(void **state)
{
        (void)state;
        check_last(true, "2026-01-31T00:00:00Z", 7, "day",
                   "BETWEEN DATE '2026-01-24' AND DATE '2026-01-31'");
        check_last(true, "2026-01-31T15:00:00Z", 7, "day",
                   "BETWEEN DATE '2026-01-25' AND DATE '2026-01-31'");
        check_last(true, "2026-01-31T15:00:00Z", 1, "month",
                   "BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'");
        check_last(true, "2026-01-31T15:00:00Z", 15, "hour",
                   "BETWEEN DATE '2026-01-31' AND DATE '2026-01-31'");
        check_last(true, "1969-12-20T15:00:00Z", 1, "day",
                   "BETWEEN DATE '1969-12-20' AND DATE '1969-12-20'");
}

static void test_as_of(void **state)
{
        (void)state;
        static const char text[] = "{\"dataset_id\":\"ecommerce\",\"table\":\"orders\",\"select\":["
                                   "{\"expr\":{\"as_of\":true},\"alias\":\"now\"}]}";
        check_sql("ecommerce", text, "2026-03-31T12:34:56Z",
                  "TIMESTAMP '2026-03-31 12:34:56' AS \"now\"");
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, 10000);
        plan_faults_init(&faults);
        assert_int_equal(plan_parse(text, strlen(text), &plan, &faults, &err), 0);
        const int64_t outside[] = {INT64_MIN, -62135596801, 253402300800, INT64_MAX};
        for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
                assert_int_equal(plan_compile(plan, fixture_find("ecommerce"), outside[i], &sql,
                                              &faults, &err),
                                 -(int)ERROR_INVALID_REQUEST);
        assert_string_equal(buf_text(&sql), "");
        plan_free(plan);
        plan_faults_done(&faults);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last_timestamp),
                cmocka_unit_test(test_last_date),
                cmocka_unit_test(test_as_of),
        };
        return cmocka_run_group_tests_name("plan_time", tests, NULL, NULL);
}
