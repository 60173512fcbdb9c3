/* The golden plans against the registry that ships: each compiles, and to a total order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "dataset/registry.h"
#include "plan/plan.h"

#include <string.h>

static void compile_golden(const struct registry *registry, const struct dataset *dataset, int n,
                           struct buf *sql)
{
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        int64_t as_of_s;
        char path[200];
        _cleanup_buf_ struct buf text = {0};
        (void)snprintf(path, sizeof(path), "datasets/golden/%s-%d.plan.json", dataset->id, n);
        buf_init(&text, 1 << 20);
        plan_faults_init(&faults);
        if (fd_read_file(path, &text, &err) < 0 ||
            plan_parse(text.data, text.len, &plan, &faults, &err) < 0)
                fail_msg("%s: %s %s", path, err.pointer, err.message);
        assert_ptr_equal(registry_find(registry, plan_dataset_id(plan)), dataset);
        assert_true(clock_parse(dataset->as_of, &as_of_s));
        if (plan_compile(plan, dataset, as_of_s, sql, &faults, &err) < 0)
                fail_msg("%s: %s %s", path, err.pointer, err.message);
        plan_free(plan);
        plan_faults_done(&faults);
}

static void test_golden_plans(void **state)
{
        (void)state;
        struct error err = {0};
        struct registry *registry = NULL;
        assert_int_equal(registry_open(NULL, &registry, &err), 0);
        assert_int_equal(registry->n_datasets, 3);
        for (size_t i = 0; i < registry->n_datasets; i++)
                for (int n = 1; n <= 6; n++) {
                        _cleanup_buf_ struct buf sql = {0};
                        buf_init(&sql, 1 << 20);
                        compile_golden(registry, registry->datasets[i], n, &sql);
                        assert_non_null(strstr(buf_text(&sql), "\nORDER BY "));
                        assert_non_null(strstr(buf_text(&sql), "\nLIMIT "));
                }
        registry_free(registry);
}

/* The schema that is built in is the file that ships. */
static void test_schema_text(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 1 << 20);
        assert_int_equal(fd_read_file("schemas/query-plan.v1.json", &text, &err), 0);
        assert_string_equal(plan_schema_text(), buf_text(&text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_plans),
                cmocka_unit_test(test_schema_text),
        };
        return cmocka_run_group_tests_name("plan_golden", tests, NULL, NULL);
}
