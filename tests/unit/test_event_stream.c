#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "model/event_stream.h"

#include <string.h>

#define LINE_MAX_TEST 64

/* What was taken, as "name|data;" for each event. */
struct seen {
        struct buf text;
        int stop_after; /* events; 0: never */
        int n;
};

static int take(const char *name, const char *data, size_t n, void *user, struct error *err)
{
        struct seen *seen = user;
        (void)err;
        assert_int_equal(data[n], '\0');
        buf_puts(&seen->text, name);
        buf_putc(&seen->text, '|');
        buf_append(&seen->text, data, n);
        buf_putc(&seen->text, ';');
        return ++seen->n == seen->stop_after;
}

static void check_pieces(const char *bytes, size_t n, const size_t *cuts, size_t cuts_n,
                         const char *expected)
{
        struct error err = {0};
        struct seen seen = {0};
        struct event_stream stream;
        size_t from = 0;
        buf_init(&seen.text, 65536);
        event_stream_init(&stream, LINE_MAX_TEST, take, &seen);
        for (size_t i = 0; i <= cuts_n; i++) {
                size_t to = i < cuts_n ? cuts[i] : n;
                assert_int_equal(event_stream_feed(&stream, bytes + from, to - from, &err), 0);
                from = to;
        }
        assert_string_equal(buf_text(&seen.text), expected);
        event_stream_done(&stream);
        buf_done(&seen.text);
}

/* Whole, cut at every place, cut at every two places, and byte by byte. */
static void check_bytes(const char *bytes, size_t n, const char *expected)
{
        size_t cuts[512];
        assert_true(n < ARRAY_SIZE(cuts));
        check_pieces(bytes, n, NULL, 0, expected);
        for (size_t i = 0; i <= n; i++)
                for (size_t k = i; k <= n; k++)
                        check_pieces(bytes, n, (const size_t[]){i, k}, 2, expected);
        for (size_t i = 0; i < n; i++)
                cuts[i] = i;
        check_pieces(bytes, n, cuts, n, expected);
}

static void check(const char *text, const char *expected)
{
        check_bytes(text, strlen(text), expected);
}

static void test_events(void **state)
{
        (void)state;
        check("data: a\n\n", "|a;");
        check("data:a\n\ndata:  b\n\n", "|a;| b;");
        check("event: ping\ndata: {}\n\ndata: x\n\n", "ping|{};|x;");
        check("data: a\ndata\ndata: b\n\n", "|a\n\nb;");
        check("data\n\n", "|;");
        check("event: only\n\ndata: x\n\n", "|x;");
        check("", "");
        check("\n\n\n", "");
        check("data: a: b\n\n", "|a: b;");
        check("data: gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\n\n",
              "|gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80;");
}

static void test_line_ends(void **state)
{
        (void)state;
        check("event: e\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "e|a\nb;|c;");
        check("event: e\rdata: a\rdata: b\r\rdata: c\r\r", "e|a\nb;|c;");
        check("data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", "|a;|b;|c;");
        check("data: a\r\r\n\n", "|a;");
}

static void test_passed_over(void **state)
{
        (void)state;
        check(": comment\n:\n\ndata: a\n: another\ndata: b\n\n", "|a\nb;");
        check("id: 7\nretry: 10\ndatax: no\n data: no\ndat: no\ndata: yes\n\n", "|yes;");
        check("\xEF\xBB\xBF"
              "data: a\n\n",
              "|a;");
        check("data: a\n\n\xEF\xBB\xBF"
              "data: b\n\n",
              "|a;");
}

/* Without its blank line an event was cut off. */
static void test_cut_off(void **state)
{
        (void)state;
        check("data: a\n\ndata: b\n", "|a;");
        check("data: a\n\ndata: b", "|a;");
}

static void test_bytes_are_handed_on(void **state)
{
        (void)state;
        check("data: \xFF\xC3\n\n", "|\xFF\xC3;");
        check_bytes("data: a\0b\n\n", 11, "|a"); /* as text; take saw the rest */
}

static void test_long_name_is_cut(void **state)
{
        (void)state;
        struct error err = {0};
        struct seen seen = {0};
        struct event_stream stream;
        char name[EVENT_STREAM_NAME_MAX + 20];
        memset(name, 'n', sizeof(name));
        buf_init(&seen.text, 65536);
        event_stream_init(&stream, 1024, take, &seen);
        assert_int_equal(event_stream_feed(&stream, "event:", 6, &err), 0);
        assert_int_equal(event_stream_feed(&stream, name, sizeof(name), &err), 0);
        assert_int_equal(event_stream_feed(&stream, "\ndata:x\n\n", 9, &err), 0);
        assert_int_equal(seen.text.len, EVENT_STREAM_NAME_MAX + 3);
        event_stream_done(&stream);
        buf_done(&seen.text);
}

static void test_stop(void **state)
{
        (void)state;
        struct error err = {0};
        struct seen seen = {.stop_after = 1};
        struct event_stream stream;
        buf_init(&seen.text, 65536);
        event_stream_init(&stream, LINE_MAX_TEST, take, &seen);
        assert_int_equal(event_stream_feed(&stream, "data: a\n\ndata: b\n\n", 18, &err), 1);
        assert_string_equal(buf_text(&seen.text), "|a;");
        event_stream_done(&stream);
        event_stream_done(&stream);
        buf_done(&seen.text);
}

static void check_too_long(const char *text, int repeats)
{
        struct error err = {0};
        struct seen seen = {0};
        struct event_stream stream;
        int r = 0;
        buf_init(&seen.text, 65536);
        event_stream_init(&stream, LINE_MAX_TEST, take, &seen);
        for (int i = 0; r == 0 && i < repeats; i++)
                r = event_stream_feed(&stream, text, strlen(text), &err);
        assert_int_equal(r, -(int)ERROR_MODEL_ANSWER);
        assert_non_null(strstr(err.message, "64"));
        event_stream_done(&stream);
        buf_done(&seen.text);
}

static void test_bounds(void **state)
{
        (void)state;
        check_too_long("x", LINE_MAX_TEST + 1);
        check_too_long("data: 123456789\n", 8);
        check_too_long("data\n", LINE_MAX_TEST + 2);
        check("data: 1234567890123456789012345678901234567890123456789012345678\n\n",
              "|1234567890123456789012345678901234567890123456789012345678;");
}

static void test_out_of_memory(void **state)
{
        (void)state;
        int r = -1;
        for (unsigned long n = 1; r < 0 && n < 100; n++) {
                struct error err = {0};
                struct seen seen = {0};
                struct event_stream stream;
                event_stream_init(&stream, LINE_MAX_TEST, take, &seen);
                buf_init(&seen.text, 1);
                alloc_fail_after(n);
                r = event_stream_feed(&stream, "event: e\ndata: a\ndata: b\n\n", 26, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || err.type == ERROR_INTERNAL);
                event_stream_done(&stream);
                buf_done(&seen.text);
        }
        assert_int_equal(r, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_line_ends),
                cmocka_unit_test(test_passed_over),
                cmocka_unit_test(test_cut_off),
                cmocka_unit_test(test_bytes_are_handed_on),
                cmocka_unit_test(test_long_name_is_cut),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
