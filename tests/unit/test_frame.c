#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "protocol/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY "{\"a\":1}"
/* printf '{"a":1}' | sha256sum */
#define BODY_SHA "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LINE "askcsv response 7 " BODY_SHA "\n"
#define WHOLE LINE BODY "\n"

/* Of a copy on the heap of just that size, so that a byte too far is found. */
static int parse(const char *text, size_t n, size_t max, struct frame *frame, struct error *err)
{
        char *copy = test_malloc(n + 1);
        memcpy(copy + 1, text, n);
        int r = frame_parse(copy + 1, n, max, ERROR_INVALID_REQUEST, frame, err);
        if (r > 0)
                frame->body = text + (frame->body - copy - 1);
        test_free(copy);
        return r;
}

static void test_put(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 1000);
        assert_int_equal(frame_put("response", BODY, strlen(BODY), &out, &err), 0);
        assert_string_equal(buf_text(&out), WHOLE);
        assert_true(out.len <= FRAME_SIZE(strlen(BODY)));
        assert_int_equal(frame_put("ready", "", 0, &out, &err), 0);
        assert_string_equal(buf_text(&out), WHOLE "askcsv ready 0 " EMPTY_SHA "\n\n");
        buf_clear(&out);
        assert_int_equal(frame_put_head("response", BODY, strlen(BODY), &out, &err), 0);
        assert_string_equal(buf_text(&out), LINE);
}

static void test_put_refuses(void **state)
{
        (void)state;
        static const struct {
                const char *name;
                const char *body;
        } cases[] = {
                {"", BODY},    {"Response", BODY}, {"a b", BODY},
                {"a\n", BODY}, {"a1", BODY},       {"abcdefghijklmnop", BODY},
                {"a", "1\n"},  {"a", "\n"},        {"a", "1\n2"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                _cleanup_buf_ struct buf out = {0};
                buf_init(&out, 1000);
                assert_true(frame_put(cases[i].name, cases[i].body, strlen(cases[i].body), &out,
                                      &err) < 0);
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_int_equal(out.len, 0);
        }
        struct error err = {0};
        _cleanup_buf_ struct buf small = {0};
        buf_init(&small, strlen(WHOLE) - 1);
        assert_true(frame_put("response", BODY, strlen(BODY), &small, &err) < 0);
}

static void test_parse(void **state)
{
        (void)state;
        static const char two[] = WHOLE "askcsv ready 0 " EMPTY_SHA "\n\nmore";
        struct error err = {0};
        struct frame frame;
        assert_int_equal(parse(two, strlen(two), 7, &frame, &err), 1);
        assert_string_equal(frame.name, "response");
        assert_int_equal(frame.body_bytes, strlen(BODY));
        assert_memory_equal(frame.body, BODY, strlen(BODY));
        assert_int_equal(frame.end, strlen(WHOLE));
        size_t first = frame.end;
        assert_int_equal(parse(two + first, strlen(two) - first, 7, &frame, &err), 1);
        assert_string_equal(frame.name, "ready");
        assert_int_equal(frame.body_bytes, 0);
        assert_string_equal(two + first + frame.end, "more");
}

static void test_cut_at_every_byte(void **state)
{
        (void)state;
        for (size_t n = 0; n < strlen(WHOLE); n++) {
                struct error err = {0};
                struct frame frame = {.end = 77};
                if (parse(WHOLE, n, 7, &frame, &err) != 0)
                        fail_msg("%zu bytes: %s", n, err.message);
                assert_int_equal(frame.end, 77);
        }
}

/* No byte can be another and the frame still be whole with that name. */
static void test_changed_at_every_byte(void **state)
{
        (void)state;
        for (size_t i = 0; i < strlen(WHOLE); i++) {
                for (int c = 0; c < 256; c++) {
                        char text[] = WHOLE;
                        struct error err = {0};
                        struct frame frame = {0};
                        if (text[i] == (char)c)
                                continue;
                        text[i] = (char)c;
                        int r = parse(text, strlen(WHOLE), 1000, &frame, &err);
                        assert_true(r <= 0 || strcmp(frame.name, "response") != 0);
                        assert_true(r >= 0 || err.type == ERROR_INVALID_REQUEST);
                }
        }
}

static void test_broken(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                const char *said;
        } cases[] = {
                {"x", "begin"},
                {"\n", "begin"},
                {"askcsw", "begin"},
                {" " WHOLE, "begin"},
                {"{\"protocol\":1}", "begin"},
                {"askcsv\n", "begin"},
                {"askcsv \n", "first line"},
                {"askcsv  7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response  7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response\t7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 7 " BODY_SHA "\r\n" BODY "\n", "first line"},
                {"askcsv response 7 " BODY_SHA " \n" BODY "\n", "first line"},
                {"askcsv Response 7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv re-ponse 7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv abcdefghijklmnop 7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 07 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 00 " EMPTY_SHA "\n\n", "first line"},
                {"askcsv response +7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response -7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 7.0 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 0x7 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 18446744073709551623 " BODY_SHA "\n" BODY "\n", "first line"},
                {"askcsv response 99999999999999999999999999999 " BODY_SHA "\n", "first line"},
                {"askcsv response 7 " BODY_SHA "0\n" BODY "\n", "first line"},
                {"askcsv response 7 15abd7f5\n" BODY "\n", "first line"},
                {"askcsv response 7 015ABD7F5CC57A2DD94B7590F04AD8084273905EE33EC5CEBEAE62276A97F86"
                 "2\n" BODY "\n",
                 "first line"},
                {"askcsv response 7 " EMPTY_SHA "\n" BODY "\n", "hash"},
                {LINE "{\"a\":2}\n", "hash"},
                {LINE BODY " ", "end where"},
                {LINE BODY "}", "end where"},
                {LINE "{\"a\":\n}\n", "line end inside"},
                {"askcsv response 1001 " BODY_SHA "\n", "limit is 1000"},
                {"askcsv response 18446744073709551615 " BODY_SHA "\n", "limit is 1000"},
                {"askcsv "
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                 "too long"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                struct frame frame;
                if (parse(cases[i].text, strlen(cases[i].text), 1000, &frame, &err) !=
                    -(int)ERROR_INVALID_REQUEST)
                        fail_msg("taken: %s", cases[i].text);
                if (!strstr(err.message, cases[i].said))
                        fail_msg("\"%s\" does not say \"%s\": %s", err.message, cases[i].said,
                                 cases[i].text);
        }
}

/* A NUL ends a text in C, and must not end a line here. */
static void test_nul_bytes(void **state)
{
        (void)state;
        static const char *const texts[] = {WHOLE, "askcsv ready 0 " EMPTY_SHA "\n\n"};
        for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
                for (size_t i = 0; i < strlen(texts[t]); i++) {
                        char text[256];
                        struct error err = {0};
                        struct frame frame;
                        size_t n = strlen(texts[t]);
                        memcpy(text, texts[t], i);
                        text[i] = '\0';
                        memcpy(text + i + 1, texts[t] + i, n - i);
                        assert_true(parse(text, n + 1, 1000, &frame, &err) <= 0);
                }
        }
}

static void test_largest(void **state)
{
        (void)state;
        struct error err = {0};
        struct frame frame;
        _cleanup_buf_ struct buf out = {0};
        size_t n = 300000;
        char *body = test_malloc(n);
        memset(body, 'x', n);
        buf_init(&out, FRAME_SIZE(n));
        assert_int_equal(frame_put("request", body, n, &out, &err), 0);
        assert_int_equal(parse(buf_text(&out), out.len, n, &frame, &err), 1);
        assert_int_equal(parse(buf_text(&out), out.len, n - 1, &frame, &err),
                         -(int)ERROR_INVALID_REQUEST);
        test_free(body);
}

static void test_no_memory(void **state)
{
        (void)state;
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                _cleanup_buf_ struct buf out = {0};
                buf_init(&out, 1000);
                alloc_fail_after(n);
                r = frame_put("response", BODY, strlen(BODY), &out, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || err.type == ERROR_INTERNAL);
                assert_true(n < 100);
        }
        assert_true(n > 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_put),
                cmocka_unit_test(test_put_refuses),
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_cut_at_every_byte),
                cmocka_unit_test(test_changed_at_every_byte),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_nul_bytes),
                cmocka_unit_test(test_largest),
                cmocka_unit_test(test_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
