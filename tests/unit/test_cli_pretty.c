#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "cli/pretty.h"

#include <string.h>

static void check(const char *json, size_t width, const char *expected)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        _cleanup_json_ json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        buf_init(&out, 4096);
        assert_int_equal(pretty_put(&out, value, width, &err), 0);
        assert_string_equal(buf_text(&out), expected);
        /* It is still the same JSON. */
        _cleanup_json_ json_t *again = json_loads(buf_text(&out), JSON_DECODE_ANY, NULL);
        assert_true(json_equal(again, value));
}

static void test_what_fits_stays_on_a_line(void **state)
{
        (void)state;
        check("{\"a\":[1,2],\"b\":\"x\"}", 80, "{\"a\":[1,2],\"b\":\"x\"}");
        check("[]", 1, "[]");
        check("{}", 1, "{}");
        check("0.1", 1, "0.1");
        check("\"a\\n\\u001b\"", 1, "\"a\\n\\u001b\"");
}

static void test_what_does_not_is_broken(void **state)
{
        (void)state;
        check("{\"a\":[1,2],\"b\":\"x\"}", 14, "{\n  \"a\": [1,2],\n  \"b\": \"x\"\n}");
        check("[{\"long\":1},22]", 10, "[\n  {\n    \"long\": 1\n  },\n  22\n]");
}

static void test_no_room(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        _cleanup_json_ json_t *value = json_pack("[i,i]", 1, 2);
        buf_init(&out, 3);
        (void)pretty_put(&out, value, 2, &err);
        assert_int_equal(out.state, BUF_TOO_LARGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_fits_stays_on_a_line),
                cmocka_unit_test(test_what_does_not_is_broken),
                cmocka_unit_test(test_no_room),
        };
        return cmocka_run_group_tests_name("cli_pretty", tests, NULL, NULL);
}
