#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY_BYTES (4 * 1024 * 1024) /* more than a socket holds */

static const struct json_limits limits = {.max_bytes = 4096, .max_depth = 8};

static void check_canonical(const char *text, const char *expected)
{
        struct error err = {0};
        _cleanup_json_ json_t *json = NULL;
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        assert_int_equal(json_parse(text, strlen(text), &limits, ERROR_VALIDATION, &json, &err), 0);
        assert_int_equal(json_canonical(json, &out, &err), 0);
        assert_string_equal(buf_text(&out), expected);
}

/* The examples of RFC 8785: 3.2.2 and 3.2.3. */
static void test_canonical_rfc8785(void **state)
{
        (void)state;
        check_canonical("{\"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, "
                        "0.000000000000000000000000001], \"literals\": [null, true, false]}",
                        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
                        "0.002,1e-27]}");
        check_canonical("{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", "
                        "\"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\", \"1\": \"One\", "
                        "\"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\", "
                        "\"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
                        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
                        "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\","
                        "\"\xE2\x82\xAC\":\"Euro Sign\","
                        "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
                        "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
        check_canonical("\"\\u000f\\n\\\"\\\\/\"", "\"\\u000f\\n\\\"\\\\/\"");
}

/* RFC 8785, appendix B. */
static void test_doubles(void **state)
{
        (void)state;
        static const struct {
                uint64_t bits;
                const char *text;
        } cases[] = {
                {0x0000000000000000, "0"},
                {0x8000000000000000, "0"},
                {0x0000000000000001, "5e-324"},
                {0x8000000000000001, "-5e-324"},
                {0x7fefffffffffffff, "1.7976931348623157e+308"},
                {0x4340000000000000, "9007199254740992"},
                {0x4430000000000000, "295147905179352830000"},
                {0x44b52d02c7e14af5, "9.999999999999997e+22"},
                {0x44b52d02c7e14af6, "1e+23"},
                {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
                {0x444b1ae4d6e2ef4e, "999999999999999700000"},
                {0x444b1ae4d6e2ef50, "1e+21"},
                {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
                {0x3eb0c6f7a0b5ed8d, "0.000001"},
                {0x41b3de4355555553, "333333333.3333332"},
                {0x41b3de4355555557, "333333333.33333343"},
                {0xbecbf647612f3696, "-0.0000033333333333333333"},
                {0x43143ff3c1cb0959, "1424953923781206.2"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                double value;
                memcpy(&value, &cases[i].bits, sizeof(value));
                _cleanup_buf_ struct buf out = {0};
                buf_init(&out, 64);
                json_put_double(&out, value);
                assert_string_equal(buf_text(&out), cases[i].text);
        }
}

/* What json_put writes is what json_parse reads, whatever the double. */
static void test_reals_round_trip(void **state)
{
        (void)state;
        static const double values[] = {0, 1, -2.5, 9007199254740992.0, 1e17, -1e20, 1e21, 1e300};
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                struct error err = {0};
                _cleanup_json_ json_t *before = json_real(values[i]);
                _cleanup_json_ json_t *after = NULL;
                _cleanup_buf_ struct buf text = {0};
                _cleanup_buf_ struct buf first = {0};
                _cleanup_buf_ struct buf second = {0};
                buf_init(&text, 64);
                buf_init(&first, 64);
                buf_init(&second, 64);
                assert_int_equal(json_put(before, &text, &err), 0);
                assert_int_equal(json_parse(buf_text(&text), text.len, &limits, ERROR_VALIDATION,
                                            &after, &err),
                                 0);
                assert_true(json_number_value(after) == values[i]);
                assert_int_equal(json_canonical(before, &first, &err), 0);
                assert_int_equal(json_canonical(after, &second, &err), 0);
                assert_string_equal(buf_text(&first), buf_text(&second));
        }
}

static void check_refused(const char *text, size_t n, const char *said)
{
        struct error err = {0};
        json_t *json = NULL;
        assert_true(json_parse(text, n, &limits, ERROR_VALIDATION, &json, &err) < 0);
        assert_null(json);
        assert_int_equal(err.type, ERROR_VALIDATION);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", err.message, said);
}

static void test_json_refuses(void **state)
{
        (void)state;
        check_refused("", 0, "empty");
        check_refused(" \n", 2, "empty");
        check_refused("{", 1, "not JSON");
        check_refused("{}x", 3, "not JSON");
        check_refused("{\"a\":1,\"a\":2}", 13, "duplicate");
        check_refused("{\"a\":\"\\u0000\"}", 14, "U+0000");
        check_refused("{\"a\":\"\xff\"}", 9, "UTF-8");
        check_refused("{}\0", 3, "NUL");
        check_refused("[[[[[[[[[1]]]]]]]]]", 19, "9 levels");
        char large[5000];
        memset(large, ' ', sizeof(large));
        check_refused(large, sizeof(large), "5000 bytes");
}

static void test_json_out_of_memory(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_json_ json_t *json = json_pack("{s:[i,s,{s:n}]}", "k", 1, "x", "y");
        for (unsigned long n = 1;; n++) {
                _cleanup_buf_ struct buf out = {0};
                buf_init(&out, 4096);
                alloc_fail_after(n);
                int r = json_canonical(json, &out, &err);
                alloc_fail_after(0);
                if (r == 0)
                        break;
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_true(n < 100);
        }
}

static void test_buf_ceiling(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf buf = {0};
        buf_init(&buf, 5);
        buf_puts(&buf, "1234");
        assert_int_equal(buf_error(&buf, &err, "it"), 0);
        buf_puts(&buf, "56");
        buf_putc(&buf, '5');
        assert_int_equal(buf.state, BUF_TOO_LARGE);
        assert_string_equal(buf_text(&buf), "1234");
        assert_true(buf_error(&buf, &err, "it") < 0);
        assert_string_equal(err.message, "it is larger than 5 bytes");
        buf_clear(&buf);
        buf_printf(&buf, "%d", 12345);
        assert_string_equal(buf_text(&buf), "12345");
        assert_null(buf_error(&buf, &err, "") ? "" : NULL);
}

static void test_arena(void **state)
{
        (void)state;
        struct arena *arena = arena_new(100000);
        char *small = arena_strdup(arena, "x");
        char *large = arena_alloc(arena, 50000);
        assert_non_null(small);
        assert_non_null(large);
        assert_int_equal(large[49999], 0);
        assert_null(arena_alloc(arena, 50001));
        assert_null(arena_array(arena, SIZE_MAX / 2, 4));
        assert_string_equal(arena_printf(arena, "%s-%d", small, 7), "x-7");
        arena_free(arena);
}

static void test_clock(void **state)
{
        (void)state;
        char text[CLOCK_TEXT_SIZE];
        int64_t s;
        assert_true(clock_parse("2026-01-31T00:00:00Z", &s));
        assert_int_equal(s, 1769817600);
        clock_format_s(s, text);
        assert_string_equal(text, "2026-01-31T00:00:00Z");
        clock_format_ms(s * 1000 + 7, text);
        assert_string_equal(text, "2026-01-31T00:00:00.007Z");
        clock_format_ms(-1, text);
        assert_string_equal(text, "1969-12-31T23:59:59.999Z");
        assert_true(clock_parse("2024-02-29", &s));
        assert_false(clock_parse("2023-02-29", &s));
        assert_false(clock_parse("2026-01-31T24:00:00Z", &s));
        assert_false(clock_parse("2026-01-31T00:00:00Zx", &s));
        assert_false(clock_parse("", &s));
        for (int64_t day = -800000; day < 800000; day += 97) {
                int y;
                int m;
                int d;
                clock_civil_from_days(day, &y, &m, &d);
                assert_int_equal(clock_days_from_civil(y, m, d), day);
        }
}

static void test_hash_and_uuid(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        assert_int_equal(hash_bytes_hex("abc", 3, hex, &err), 0);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        char a[UUID_TEXT_SIZE];
        char b[UUID_TEXT_SIZE];
        assert_int_equal(uuid_v7(a, &err), 0);
        assert_int_equal(uuid_v7(b, &err), 0);
        assert_true(uuid_is_valid(a));
        assert_string_not_equal(a, b);
        assert_int_equal(a[14], '7');
        assert_false(uuid_is_valid("0190f3c2-0000-7000-8000-00000000000"));
        assert_false(uuid_is_valid("0190F3C2-0000-7000-8000-000000000000"));
}

static void test_errors(void **state)
{
        (void)state;
        struct error err = {0};
        int r = error_set(&err, ERROR_STORE, "%s", "full");
        assert_int_equal(r, -(int)ERROR_STORE);
        assert_int_equal(error_prefix(&err, r, "saving %d", 7), r);
        assert_string_equal(err.message, "saving 7: full");
        for (int i = 1; i < (int)ERROR_TYPE_COUNT_; i++) {
                enum error_type type = (enum error_type)i;
                assert_int_equal(error_type_from_name(error_type_name(type)), type);
                assert_int_not_equal(error_exit_status(type), 0);
        }
        (void)error_set(&err, ERROR_VALIDATION, "near \"\xde\x93\x96\xff\xed\xa0\x80 \xc3\xa9\"");
        assert_string_equal(err.message, "near \"\xde\x93??\?\?? \xc3\xa9\"");
        char cut[ERROR_MESSAGE_MAX + 1];
        memset(cut, 'x', sizeof(cut));
        memcpy(cut + ERROR_MESSAGE_MAX - 2, "\xc3\xa9",
               3); /* its first byte is the last that fits */
        (void)error_set(&err, ERROR_IO, "%s", cut);
        assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
        assert_int_equal(err.message[ERROR_MESSAGE_MAX - 2], '?');
        char long_text[2 * ERROR_MESSAGE_MAX];
        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        (void)error_set(&err, ERROR_IO, "%s", long_text);
        (void)error_prefix(&err, -1, "%s", "before");
        assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
}

static void test_json_holds_key(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                bool holds;
        } samples[] = {
                {"{\"a\":1}", true},
                {"{\"b\":{\"c\":[1,[{\"a\":null}]]}}", true},
                {"{\"b\":\"a\",\"c\":[\"a\"]}", false},
                {"[]", false},
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                struct error err = {0};
                _cleanup_json_ json_t *json = NULL;
                assert_int_equal(json_parse(samples[i].text, strlen(samples[i].text), &limits,
                                            ERROR_VALIDATION, &json, &err),
                                 0);
                assert_int_equal(json_holds_key(json, "a"), samples[i].holds);
        }
        assert_false(json_holds_key(NULL, "a"));
}

/* The first and last code points of each length, and the bytes that are none (RFC 3629). */
static void test_utf8(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                size_t bytes;
                uint32_t code;
        } samples[] = {
                {"a", 1, 'a'},
                {"\xc2\x80", 2, 0x80},
                {"\xdf\xbf", 2, 0x7ff},
                {"\xe0\xa0\x80", 3, 0x800},
                {"\xef\xbf\xbd", 3, 0xfffd},
                {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
                {"\x80", 1, 0xfffd},     /* a later byte alone */
                {"\xc1\xbf", 1, 0xfffd}, /* longer than need be */
                {"\xe0\x9f\xbf", 1, 0xfffd},
                {"\xed\xa0\x80", 1, 0xfffd},     /* a surrogate */
                {"\xf4\x90\x80\x80", 1, 0xfffd}, /* above all code points */
                {"\xe2\x82", 1, 0xfffd},         /* cut off */
                {"\xe2\x82z", 1, 0xfffd},
        };
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                uint32_t code = 0;
                assert_int_equal(utf8_decode(samples[i].text, strlen(samples[i].text), &code),
                                 samples[i].bytes);
                assert_int_equal(code, samples[i].code);
        }
}

static void test_json_closed_object(void **state)
{
        (void)state;
        static const char *const closed[] = {
                "{}", "{\"a\":[{}]}", "{\"}\":\"]\"}", "{\"\\\"}\":1}", "{\"\\\\\":{}}",
                "{]", /* not JSON, but closed */
        };
        static const char *const others[] = {
                "",     " {}",    "{} ",         "[]",   "1",           "{",
                "{}{}", "{},{}",  "{}}",         "{\"}", "{\"\\\"}",    "{\"a\":1},\"b\":{}",
                "}{",   "\"{}\"", "{\"a\":\"\\", "{[}",  "{\"\\\\\"}}",
        };
        for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
                if (!json_is_closed_object(closed[i], strlen(closed[i])))
                        fail_msg("%s", closed[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (json_is_closed_object(others[i], strlen(others[i])))
                        fail_msg("%s", others[i]);
        assert_false(json_is_closed_object("{}", 1));
}

/* RFC 4648, section 10. */
static void test_base64(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfd", "//79"},
                {"\xfb\xef\xbe", "++++"},
        };
        static const char *const wrong[] = {"Z",    "Zg",   "Zg=",  "Zg===",    "Z===",
                                            "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9\n",
                                            "Zm9-", "Z g=", "Z=g="};
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buf_ struct buf text = {0};
                _cleanup_buf_ struct buf bytes = {0};
                buf_init(&text, 64);
                buf_init(&bytes, 64);
                base64_put(&text, cases[i][0], strlen(cases[i][0]));
                assert_string_equal(buf_text(&text), cases[i][1]);
                assert_true(base64_take(&bytes, cases[i][1], strlen(cases[i][1])));
                assert_string_equal(buf_text(&bytes), cases[i][0]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                _cleanup_buf_ struct buf bytes = {0};
                buf_init(&bytes, 64);
                if (base64_take(&bytes, wrong[i], strlen(wrong[i])))
                        fail_msg("\"%s\" was taken", wrong[i]);
        }
}

/* Longer than the pieces that it is written in, with every byte in it. */
static void test_base64_long(void **state)
{
        (void)state;
        char bytes[5000];
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf back = {0};
        buf_init(&text, 8192);
        buf_init(&back, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)(i * 7 + i / 256);
        base64_put(&text, bytes, sizeof(bytes));
        assert_int_equal(text.len, (sizeof(bytes) + 2) / 3 * 4);
        assert_true(base64_take(&back, buf_text(&text), text.len));
        assert_int_equal(back.len, sizeof(bytes));
        assert_memory_equal(back.data, bytes, sizeof(bytes));
}

/* Neither waits, though the sockets would. */
static void test_sockets(void **state)
{
        (void)state;
        int fds[2];
        char chunk[65536];
        size_t sent = 0;
        size_t received = 0;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        char *bytes = malloc(MANY_BYTES);
        assert_non_null(bytes);
        for (size_t i = 0; i < MANY_BYTES; i++)
                bytes[i] = (char)(i % 251);
        assert_int_equal(fd_receive(fds[1], chunk, sizeof(chunk)), -1);
        while (received < MANY_BYTES) {
                ssize_t n;
                assert_int_equal(fd_send_some(fds[0], bytes, MANY_BYTES, &sent), 0);
                assert_true(sent > received && (sent < MANY_BYTES || received > 0));
                while ((n = fd_receive(fds[1], chunk, sizeof(chunk))) > 0) {
                        assert_memory_equal(chunk, bytes + received, (size_t)n);
                        received += (size_t)n;
                }
                assert_int_equal(n, -1);
        }
        assert_int_equal(sent, MANY_BYTES);
        (void)close(fds[0]);
        assert_int_equal(fd_receive(fds[1], chunk, sizeof(chunk)), 0);
        sent = 0;
        assert_int_equal(fd_send_some(fds[1], bytes, 1, &sent), -1); /* and no signal */
        assert_int_equal(sent, 0);
        (void)close(fds[1]);
        free(bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_canonical_rfc8785),
                cmocka_unit_test(test_doubles),
                cmocka_unit_test(test_reals_round_trip),
                cmocka_unit_test(test_json_refuses),
                cmocka_unit_test(test_json_out_of_memory),
                cmocka_unit_test(test_json_closed_object),
                cmocka_unit_test(test_buf_ceiling),
                cmocka_unit_test(test_arena),
                cmocka_unit_test(test_clock),
                cmocka_unit_test(test_hash_and_uuid),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_json_holds_key),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_base64_long),
                cmocka_unit_test(test_sockets),
        };
        return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
