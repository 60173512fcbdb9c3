/* Memory runs out at each allocation in turn, of ours and of jansson's: reading and compiling a
 * plan then ends with "out of memory", leaks nothing (under ASan) and leaves nothing half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fd.h"
#include "plan/plan.h"
#include "test_plan_fixture.h"

#include <stdlib.h>
#include <string.h>

#define ALLOCATIONS_MAX 20000

/* All the way; the code of the first thing that failed. */
static int run(const char *text, size_t n, struct buf *sql, struct plan_faults *faults,
               struct error *err)
{
        struct plan *plan = NULL;
        int r = plan_parse(text, n, &plan, faults, err);
        if (r < 0) {
                assert_null(plan);
                return r;
        }
        r = plan_compile(plan, fixture_find(plan_dataset_id(plan)), FIXTURE_AS_OF, sql, faults,
                         err);
        plan_free(plan);
        return r;
}

/* expected is what happens when there is memory enough; at least `least` allocations fail before
 * that, or the test would prove little. */
static void torture(const char *text, size_t n, int expected, unsigned long least)
{
        unsigned long failed = 0;
        for (;; failed++) {
                struct error err = {0};
                struct plan_faults faults;
                _cleanup_buf_ struct buf sql = {0};
                plan_faults_init(&faults);
                buf_init(&sql, 1 << 20);
                alloc_fail_after(failed + 1);
                int r = run(text, n, &sql, &faults, &err);
                alloc_fail_after(0);
                bool is_done = r == expected && r != -(int)ERROR_INTERNAL;
                if (!is_done) {
                        assert_int_equal(r, -(int)ERROR_INTERNAL);
                        assert_string_equal(err.message, "out of memory");
                        assert_string_equal(buf_text(&sql), "");
                }
                plan_faults_done(&faults);
                if (is_done)
                        break;
                assert_true(failed < ALLOCATIONS_MAX);
        }
        if (failed < least)
                fail_msg("only %lu allocations failed", failed);
}

static void torture_file(const char *path)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 1 << 20);
        assert_int_equal(fd_read_file(path, &text, &err), 0);
        torture(text.data, text.len, 0, 15);
}

static void test_good(void **state)
{
        (void)state;
        static const char *const names[] = {
                "design-example", "total-not-additive", "top",
                "odd-names",      "coalesce-case",      "distinct-explicit-order",
                "join-through",   "whole-days",         "having",
                "minimal"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[200];
                (void)snprintf(path, sizeof(path), "tests/plans/good/%s.json", names[i]);
                torture_file(path);
        }
}

static void test_bad_shape(void **state)
{
        (void)state;
        static const char text[] =
                "{\"datasetid\":\"ecommerce\",\"table\":7,\"select\":[{\"colum\":\"x\"},5],"
                "\"filters\":[{\"column\":\"x\",\"op\":\"like\",\"value\":null}],"
                "\"order_by\":[{\"exp\":\"x\",\"direction\":\"down\"}],\"limit\":0}";
        torture(text, sizeof(text) - 1, -(int)ERROR_VALIDATION, 30);
}

static void test_bad_meaning(void **state)
{
        (void)state;
        static const char text[] =
                "{\"dataset_id\":\"ecommerce\",\"table\":\"order_items\",\"select\":["
                "{\"column\":\"categry\"},{\"func\":\"sum\",\"column\":\"orders.total\"},"
                "{\"func\":\"avg\",\"column\":\"statu\"}],\"filters\":["
                "{\"column\":\"orders.order_date\",\"op\":\"=\",\"value\":\"2026-02-30\"},"
                "{\"column\":\"orders.order_date\",\"op\":\"=\",\"value\":\"2026-02-01\"}],"
                "\"group_by\":[\"category\"],\"order_by\":[{\"expr\":\"nothing\"}]}";
        torture(text, sizeof(text) - 1, -(int)ERROR_VALIDATION, 30);
}

static void test_faults_to_json(void **state)
{
        (void)state;
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        plan_faults_init(&faults);
        assert_true(plan_parse("{\"table\":1,\"filter\":[]}", 23, &plan, &faults, &err) < 0);
        unsigned long failed = 0;
        for (;; failed++) {
                alloc_fail_after(failed + 1);
                json_t *json = plan_faults_to_json(&faults);
                alloc_fail_after(0);
                if (json) {
                        assert_int_equal(json_array_size(json), faults.n);
                        json_decref(json);
                        break;
                }
                assert_true(failed < ALLOCATIONS_MAX);
        }
        assert_true(failed > 10);
        plan_faults_done(&faults);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad_shape),
                cmocka_unit_test(test_bad_meaning),
                cmocka_unit_test(test_faults_to_json),
        };
        json_set_alloc_funcs(alloc_malloc, free);
        return cmocka_run_group_tests_name("plan_memory", tests, NULL, NULL);
}
