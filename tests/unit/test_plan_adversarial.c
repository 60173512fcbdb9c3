/* Plans from someone who wants to break the reader: each gets a clear fault, quickly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "plan/plan.h"
#include "test_plan_fixture.h"

#include <stdlib.h>
#include <string.h>

#define SOURCE "{\"dataset_id\":\"ecommerce\",\"table\":\"orders\","
#define TEXT_MAX (12 * 1024 * 1024)

/* The first fault says `says`; the text of n bytes stands in memory that ends there. */
static void check_refused(const char *text, size_t n, const char *says)
{
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        plan_faults_init(&faults);
        assert_true(plan_parse(exact, n, &plan, &faults, &err) < 0);
        free(exact);
        assert_null(plan);
        assert_int_equal(err.type, ERROR_VALIDATION);
        assert_true(faults.n >= 1 && faults.n <= PLAN_FAULTS_MAX);
        if (!strstr(faults.items[0].message, says))
                fail_msg("\"%s\" does not say \"%s\"", faults.items[0].message, says);
        assert_non_null(strstr(err.message, says));
        plan_faults_done(&faults);
}

static void repeat(struct buf *out, const char *text, int n)
{
        for (int i = 0; i < n; i++)
                buf_puts(out, text);
}

static void test_large(void **state)
{
        (void)state;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, SOURCE "\"notes\":\"");
        repeat(&text, "0123456789", 1024 * 1024);
        buf_puts(&text, "\"}");
        check_refused(text.data, text.len, "bytes; the limit is 262144");
}

static void test_deep(void **state)
{
        (void)state;
        static const char *const openings[] = {
                "[",         "{\"a\":",   "{\"neg\":",
                "{\"not\":", "{\"or\":[", SOURCE "\"filters\":[{\"not\":"};
        for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, TEXT_MAX);
                repeat(&text, openings[i], 100000);
                check_refused(text.data, text.len,
                              text.len > PLAN_BYTES_MAX ? "bytes; the limit" : "levels deep");
                size_t most = PLAN_BYTES_MAX / strlen(openings[i]) * strlen(openings[i]);
                if (text.len > most)
                        check_refused(text.data, most, "levels deep");
        }
}

static void test_bytes(void **state)
{
        (void)state;
        check_refused("", 0, "empty");
        check_refused("\0", 1, "NUL");
        check_refused(SOURCE "\"notes\":\"a\0b\"}", sizeof(SOURCE) - 1 + 15, "NUL");
        check_refused("\xff\xfe{\0}\0", 6, "NUL");
        static const char *const bad_utf8[] = {
                "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80"};
        for (size_t i = 0; i < ARRAY_SIZE(bad_utf8); i++) {
                char text[200];
                int n = snprintf(text, sizeof(text), SOURCE "\"notes\":\"%s\"}", bad_utf8[i]);
                check_refused(text, (size_t)n, "UTF-8");
        }
}

/* A byte order mark is no fault. */
static void test_bom(void **state)
{
        (void)state;
        static const char text[] = "\xEF\xBB\xBF" SOURCE "\"select\":[{\"func\":\"count\"}]}";
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        plan_faults_init(&faults);
        assert_int_equal(plan_parse(text, sizeof(text) - 1, &plan, &faults, &err), 0);
        assert_string_equal(plan_dataset_id(plan), "ecommerce");
        assert_true(json_is_object(plan_json(plan)));
        plan_free(plan);
        plan_faults_done(&faults);
}

static void test_numbers(void **state)
{
        (void)state;
        static const char *const numbers[] = {
                "1e400", "-1e400", "99999999999999999999", "-99999999999999999999", "1e308",
                "0.5",   "-0.0",   "1000000000000000000"};
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                char text[200];
                int n = snprintf(text, sizeof(text), SOURCE "\"limit\":%s}", numbers[i]);
                check_refused(text, (size_t)n, "");
        }
}

/* More faults than are reported: the first hundred and the count of the rest. */
static void test_many_faults(void **state)
{
        (void)state;
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, SOURCE "\"select\":[{\"column\":\"status\"");
        for (int i = 0; i < 5000; i++)
                buf_printf(&text, ",\"colunm%d\":%d", i, i);
        buf_puts(&text, "}]}");
        plan_faults_init(&faults);
        assert_true(plan_parse(text.data, text.len, &plan, &faults, &err) < 0);
        assert_int_equal(faults.n, PLAN_FAULTS_MAX);
        assert_int_equal(faults.n_more, 5000 - PLAN_FAULTS_MAX);
        assert_string_equal(faults.items[99].pointer, "/select/0/colunm99");
        assert_non_null(strstr(err.message, "and 4999 more faults"));
        _cleanup_json_ json_t *json = plan_faults_to_json(&faults);
        assert_int_equal(json_array_size(json), PLAN_FAULTS_MAX);
        plan_faults_done(&faults);
}

static void test_huge_arrays(void **state)
{
        (void)state;
        static const char *const keys[] = {"select", "filters", "group_by", "order_by", "having"};
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, TEXT_MAX);
                buf_printf(&text, SOURCE "\"%s\":[0", keys[i]);
                repeat(&text, ",0", 100000);
                buf_puts(&text, "]}");
                check_refused(text.data, text.len, "100001 elements; the most is");
        }
}

/* What a message repeats of the plan is short, whole characters, and escaped. */
static void test_echo(void **state)
{
        (void)state;
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, SOURCE "\"a\\u001b[31m\\n\":1,\"");
        repeat(&text, "\xE2\x82\xAC", 5000);
        buf_puts(&text, "\":1}");
        plan_faults_init(&faults);
        assert_true(plan_parse(text.data, text.len, &plan, &faults, &err) < 0);
        assert_int_equal(faults.n, 2);
        for (size_t i = 0; i < faults.n; i++) {
                const char *message = faults.items[i].message;
                assert_true(strlen(message) < 400);
                for (const char *p = message; *p; p++)
                        assert_true((unsigned char)*p >= 0x20);
                _cleanup_json_ json_t *is_utf8 = json_string(message);
                assert_non_null(is_utf8);
        }
        plan_faults_done(&faults);
}

static void compile(const char *text, size_t n, int64_t as_of_s, struct buf *sql,
                    struct plan_faults *faults, struct error *err, int expected)
{
        struct plan *plan = NULL;
        plan_faults_init(faults);
        if (plan_parse(text, n, &plan, faults, err) < 0)
                fail_msg("%s: %s", err->pointer, err->message);
        int r = plan_compile(plan, fixture_find("ecommerce"), as_of_s, sql, faults, err);
        if (r != expected)
                fail_msg("%d: %s: %s", r, err->pointer, err->message);
        plan_free(plan);
}

/* A string value of any characters comes back out of the SQL literal as it was. */
static void test_every_character(void **state)
{
        (void)state;
        for (int c = 1; c < 0x80; c++) {
                struct error err = {0};
                struct plan_faults faults;
                _cleanup_buf_ struct buf sql = {0};
                char text[200];
                char expected[40];
                int n = snprintf(text, sizeof(text),
                                 SOURCE "\"filters\":[{\"column\":\"status\",\"op\":\"=\","
                                        "\"value\":\"x\\u%04xy\"}]}",
                                 (unsigned)c);
                (void)snprintf(expected, sizeof(expected), "= 'x%s%cy'\n", c == '\'' ? "'" : "", c);
                buf_init(&sql, 100000);
                compile(text, (size_t)n, FIXTURE_AS_OF, &sql, &faults, &err, 0);
                assert_non_null(strstr(buf_text(&sql), expected));
                plan_faults_done(&faults);
        }
}

/* SQL that grows past its ceiling, and a buffer that is too small, leave nothing behind. */
static void test_sql_ceiling(void **state)
{
        (void)state;
        struct error err = {0};
        struct plan_faults faults;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, SOURCE "\"filters\":[{\"column\":\"status\",\"op\":\"=\",\"value\":\"");
        repeat(&text, "x", 4000);
        buf_puts(&text, "\"}");
        for (int i = 0; i < 29; i++) {
                buf_puts(&text, ",{\"column\":\"status\",\"op\":\"=\",\"value\":\"");
                repeat(&text, "x", 4000);
                buf_puts(&text, "\"}");
        }
        buf_puts(&text, "],\"select\":[{\"func\":\"count\"}");
        for (int i = 0; i < 20; i++)
                buf_printf(&text,
                           ",{\"expr\":{\"total\":{\"func\":\"avg\",\"column\":\"total\"}},"
                           "\"alias\":\"a%d\"}",
                           i);
        buf_puts(&text, "]}");
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, TEXT_MAX);
        buf_puts(&sql, "before");
        compile(text.data, text.len, FIXTURE_AS_OF, &sql, &faults, &err, -(int)ERROR_VALIDATION);
        assert_string_equal(buf_text(&sql), "before");
        plan_faults_done(&faults);

        static const char small[] = SOURCE "\"select\":[{\"func\":\"count\"}]}";
        _cleanup_buf_ struct buf tight = {0};
        buf_init(&tight, 20);
        buf_puts(&tight, "before");
        compile(small, sizeof(small) - 1, FIXTURE_AS_OF, &tight, &faults, &err,
                -(int)ERROR_INVALID_REQUEST);
        assert_string_equal(buf_text(&tight), "before");
        plan_faults_done(&faults);
}

/* The search for the nearest name is bounded, whatever the plan and the dataset. */
static void test_suggestion_work(void **state)
{
        (void)state;
        enum { COLUMNS = 4000 };
        static char names[COLUMNS][64];
        static struct column columns[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "a_rather_long_column_name_%030d", i);
                columns[i] = (struct column){
                        .name = names[i], .type = "INTEGER", .kind = COLUMN_INTEGER};
        }
        struct table table = {
                .name = "t", .format = "csv", .columns = columns, .n_columns = COLUMNS};
        struct dataset dataset = {.id = "d", .tables = &table, .n_tables = 1};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_MAX);
        buf_puts(&text, "{\"dataset_id\":\"d\",\"table\":\"t\",\"select\":[{\"func\":\"count\"}],"
                        "\"filters\":[{\"column\":\"x\",\"op\":\"is_null\"}");
        for (int i = 1; i < 100; i++)
                buf_printf(&text,
                           ",{\"column\":\"a_rather_long_column_nam_%030d\",\"op\":\"is_null\"}",
                           i);
        buf_puts(&text, "]}");
        struct error err = {0};
        struct plan_faults faults;
        struct plan *plan = NULL;
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, 1000);
        plan_faults_init(&faults);
        assert_int_equal(plan_parse(text.data, text.len, &plan, &faults, &err), 0);
        assert_true(plan_compile(plan, &dataset, 0, &sql, &faults, &err) < 0);
        assert_int_equal(faults.n, 100);
        assert_string_equal(faults.items[1].suggestion,
                            "a_rather_long_column_name_000000000000000000000000000001");
        assert_null(faults.items[99].suggestion); /* the work was used up before */
        plan_free(plan);
        plan_faults_done(&faults);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_large),           cmocka_unit_test(test_deep),
                cmocka_unit_test(test_bytes),           cmocka_unit_test(test_bom),
                cmocka_unit_test(test_numbers),         cmocka_unit_test(test_many_faults),
                cmocka_unit_test(test_huge_arrays),     cmocka_unit_test(test_echo),
                cmocka_unit_test(test_every_character), cmocka_unit_test(test_sql_ceiling),
                cmocka_unit_test(test_suggestion_work),
        };
        return cmocka_run_group_tests_name("plan_adversarial", tests, NULL, NULL);
}
