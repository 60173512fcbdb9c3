#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "runner/csv_head.h"

#include <string.h>

static const struct {
        const char *text;
        char separator;
        size_t n;
        const char *fields[4];
} cases[] = {
        {"a,b\n1,2\n", ',', 2, {"a", "b"}},
        {"a;b,c;d\n", ';', 3, {"a", "b,c", "d"}},
        {"a\tb\r\n", '\t', 2, {"a", "b"}},
        {"a|b", '|', 2, {"a", "b"}},
        {"\xEF\xBB\xBF\"a b\",c\n", ',', 2, {"a b", "c"}},
        {"\"a,\"\"x\"\"\",b\n", ',', 2, {"a,\"x\"", "b"}},
        {"\"two\nlines\",b\n", ',', 2, {"two\nlines", "b"}},
        {"comment\n1,2\n", '\x1f', 1, {"comment"}},
        {",,\n", ',', 3, {"", "", ""}},
};

static void test_heads(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                struct csv_head head = {0};
                struct arena *arena = arena_new(100000);
                assert_int_equal(csv_head_read(cases[i].text, strlen(cases[i].text), true, arena,
                                               &head, &err),
                                 0);
                assert_int_equal(head.separator, cases[i].separator);
                assert_int_equal(head.n, cases[i].n);
                for (size_t k = 0; k < head.n; k++) {
                        assert_string_equal(head.fields[k], cases[i].fields[k]);
                        assert_int_equal(head.lengths[k], strlen(cases[i].fields[k]));
                }
                arena_free(arena);
        }
}

static void check_refused(const char *text, bool is_whole, const char *said)
{
        struct error err = {0};
        struct csv_head head = {0};
        struct arena *arena = arena_new(100000);
        assert_int_equal(csv_head_read(text, strlen(text), is_whole, arena, &head, &err),
                         -(int)ERROR_DATASET_INVALID);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", err.message, said);
        arena_free(arena);
}

static void test_refusals(void **state)
{
        (void)state;
        check_refused("", true, "first line is empty");
        check_refused("\n1,2\n", true, "first line is empty");
        check_refused("\"a,b\n1,2\n", true, "not closed");
        check_refused("a,b", false, "longer than");
}

static void test_out_of_memory(void **state)
{
        (void)state;
        static const char text[] = "a,\"b\",c,d\n";
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                struct csv_head head = {0};
                struct arena *arena = arena_new(100000);
                alloc_fail_after(n);
                int r = csv_head_read(text, sizeof(text) - 1, true, arena, &head, &err);
                alloc_fail_after(0);
                arena_free(arena);
                if (r == 0)
                        break;
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_true(n < 100);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_heads),
                                           cmocka_unit_test(test_refusals),
                                           cmocka_unit_test(test_out_of_memory)};
        return cmocka_run_group_tests_name("csv_head", tests, NULL, NULL);
}
