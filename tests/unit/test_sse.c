#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "server/sse.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define OUT_MAX ((size_t)1024 * 1024)

static void log_freep(struct sse_log **log)
{
        sse_log_free(*log);
}

#define _cleanup_log_ _cleanup_(log_freep)

/* ---- a reader of event streams, after the standard's 9.2.6 ---- */

struct event {
        uint64_t id;
        char name[SSE_NAME_MAX + 1];
        char data[4096];
        size_t data_bytes;
};

static void read_field(struct event *event, const char *line, size_t n)
{
        const char *colon = memchr(line, ':', n);
        assert_non_null(colon);
        size_t name = (size_t)(colon - line);
        size_t skip = name + 1 < n && colon[1] == ' ' ? name + 2 : name + 1;
        const char *value = line + skip;
        size_t bytes = n - skip;
        if (name == 2 && memcmp(line, "id", 2) == 0) {
                event->id = strtoull(value, NULL, 10);
        } else if (name == 5 && memcmp(line, "event", 5) == 0) {
                assert_true(bytes <= SSE_NAME_MAX);
                memcpy(event->name, value, bytes);
                event->name[bytes] = '\0';
        } else {
                assert_true(name == 4 && memcmp(line, "data", 4) == 0);
                assert_true(event->data_bytes + bytes + 1 < sizeof(event->data));
                memcpy(event->data + event->data_bytes, value, bytes);
                event->data_bytes += bytes;
                event->data[event->data_bytes++] = '\n';
        }
}

/* The next event at text; how many bytes it took, 0 at the end. */
static size_t read_event(const char *text, size_t n, struct event *event)
{
        size_t from = 0;
        *event = (struct event){0};
        for (size_t i = 0; i < n; i++) {
                assert_int_not_equal(text[i], '\0');
                if (text[i] != '\n' && text[i] != '\r')
                        continue;
                if (i == from) {
                        assert_true(event->data_bytes > 0);
                        event->data[--event->data_bytes] = '\0';
                        return i + 1;
                }
                read_field(event, text + from, i - from);
                if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
                        i++;
                from = i + 1;
        }
        assert_int_equal(n, 0);
        return 0;
}

/* ---- texts ---- */

static void test_event(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUT_MAX);
        _cleanup_json_ json_t *data = json_pack("{s:s,s:i}", "text", "a\r\nb\n\nid: 9", "n", 1);
        assert_int_equal(sse_event(&out, 5, "message.delta", data, &err), 0);
        assert_string_equal(buf_text(&out), "id: 5\nevent: message.delta\n"
                                            "data: {\"text\":\"a\\r\\nb\\n\\nid: 9\",\"n\":1}\n\n");
        buf_clear(&out);
        assert_int_equal(sse_event(&out, 0, NULL, NULL, &err), 0);
        assert_string_equal(buf_text(&out), "data: null\n\n");
        buf_clear(&out);
        assert_int_equal(sse_event(&out, UINT64_MAX, "done", NULL, &err), 0);
        assert_string_equal(buf_text(&out),
                            "id: 18446744073709551615\nevent: done\ndata: null\n\n");
}

static void test_names(void **state)
{
        (void)state;
        static const char *const bad[] = {"",     "a\nb", "a\r",          "a:b", "a b",
                                          "\xff", "A",    "a\n\ndata: x", "1"};
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        char longest[SSE_NAME_MAX + 2];
        memset(longest, 'a', sizeof(longest));
        longest[SSE_NAME_MAX + 1] = '\0';
        buf_init(&out, OUT_MAX);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(sse_event(&out, 1, bad[i], NULL, &err), -(int)ERROR_INTERNAL);
        assert_int_equal(sse_event(&out, 1, longest, NULL, &err), -(int)ERROR_INTERNAL);
        assert_int_equal(out.len, 0);
        assert_int_equal(sse_event(&out, 1, longest + 1, NULL, &err), 0);
}

static void check_text(const char *text, size_t n, const char *expected)
{
        struct error err = {0};
        struct event event;
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUT_MAX);
        assert_int_equal(sse_text(&out, 3, "x", text, n, &err), 0);
        assert_int_equal(read_event(out.data, out.len, &event), out.len);
        assert_string_equal(event.data, expected);
        assert_int_equal(event.id, 3);
        assert_string_equal(event.name, "x");
}

static void test_lines(void **state)
{
        (void)state;
        check_text("", 0, "");
        check_text("a", 1, "a");
        check_text("a\n", 2, "a\n");
        check_text("\n", 1, "\n");
        check_text("a\rb\r\nc\nd", 8, "a\nb\nc\nd");
        check_text("\r\r\n\n\r", 5, "\n\n\n\n");
        check_text("a\n\nid: 7\nevent: evil\n", 21, "a\n\nid: 7\nevent: evil\n");
        check_text(" a: b", 5, " a: b");
        check_text("\0a\0\0b\0", 6, "ab");
        check_text("a\r\0\nb", 5, "a\n\nb");
}

/* Whatever is in it: one event, and its own lines. */
static void test_random_lines(void **state)
{
        (void)state;
        uint32_t random = 12345;
        for (int round = 0; round < 20000; round++) {
                char text[24];
                char expected[sizeof(text) + 1];
                size_t m = 0;
                size_t n = (size_t)round % sizeof(text);
                for (size_t i = 0; i < n; i++) {
                        random = random * 1664525 + 1013904223;
                        text[i] = "\r\n: daix"[random >> 29];
                }
                for (size_t i = 0; i < n; i++)
                        if (text[i] != '\n' || i == 0 || text[i - 1] != '\r')
                                expected[m++] = text[i] == '\r' ? '\n' : text[i];
                expected[m] = '\0';
                check_text(text, n, expected);
        }
}

static void test_last_id(void **state)
{
        (void)state;
        assert_true(sse_last_id(NULL) == 0);
        assert_true(sse_last_id("") == 0);
        assert_true(sse_last_id("7") == 7);
        assert_true(sse_last_id("18446744073709551615") == UINT64_MAX);
        assert_true(sse_last_id("18446744073709551616") == 0);
        assert_true(sse_last_id("99999999999999999999999") == 0);
        assert_true(sse_last_id("-1") == 0);
        assert_true(sse_last_id(" 1") == 0);
        assert_true(sse_last_id("1 ") == 0);
        assert_true(sse_last_id("\xb2") == 0);
}

/* ---- the log ---- */

static struct sse_log *new_log(size_t events_max, size_t bytes_max)
{
        struct error err = {0};
        struct sse_log *log = NULL;
        assert_int_equal(sse_log_new(events_max, bytes_max, &log, &err), 0);
        return log;
}

static void append(struct sse_log *log, int from, int to)
{
        for (int i = from; i <= to; i++) {
                struct error err = {0};
                uint64_t id = 0;
                _cleanup_json_ json_t *data = json_integer(i);
                assert_int_equal(sse_log_append(log, "n", data, &id, &err), 0);
                assert_int_equal(id, i);
        }
}

/* Reads behind after with that much room; the events must be first .. last. */
static void check_read(struct sse_log *log, uint64_t after, size_t room, enum sse_log_state state,
                       uint64_t first, uint64_t last)
{
        struct event event;
        uint64_t read = 0;
        uint64_t next = first;
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, room);
        assert_int_equal(sse_log_read(log, after, &out, &read), state);
        assert_int_equal(read, last);
        for (size_t at = 0, n; (n = read_event(buf_text(&out) + at, out.len - at, &event));
             at += n) {
                char data[32];
                (void)snprintf(data, sizeof(data), "%llu", (unsigned long long)next);
                assert_int_equal(event.id, next++);
                assert_string_equal(event.data, data);
        }
        if (first)
                assert_int_equal(next, last + 1);
        else
                assert_int_equal(out.len, 0);
}

static void test_log(void **state)
{
        (void)state;
        _cleanup_log_ struct sse_log *log = new_log(4, OUT_MAX);
        check_read(log, 0, OUT_MAX, SSE_LOG_OPEN, 0, 0);
        check_read(log, 1, OUT_MAX, SSE_LOG_GONE, 0, 0);
        append(log, 1, 4);
        check_read(log, 0, OUT_MAX, SSE_LOG_OPEN, 1, 4);
        check_read(log, 3, OUT_MAX, SSE_LOG_OPEN, 4, 4);
        check_read(log, 4, OUT_MAX, SSE_LOG_OPEN, 0, 4);
        append(log, 5, 10);
        check_read(log, 0, OUT_MAX, SSE_LOG_GONE, 0, 10);
        check_read(log, 5, OUT_MAX, SSE_LOG_GONE, 0, 10); /* 6 was dropped */
        check_read(log, 6, OUT_MAX, SSE_LOG_OPEN, 7, 10);
        check_read(log, 10, OUT_MAX, SSE_LOG_OPEN, 0, 10);
        check_read(log, 11, OUT_MAX, SSE_LOG_GONE, 0, 10); /* never given */
        check_read(log, UINT64_MAX, OUT_MAX, SSE_LOG_GONE, 0, 10);
        sse_log_end(log);
        struct error err = {0};
        assert_int_equal(sse_log_append(log, "n", NULL, NULL, &err), -(int)ERROR_INTERNAL);
        check_read(log, 6, OUT_MAX, SSE_LOG_ENDED, 7, 10);
        check_read(log, 10, OUT_MAX, SSE_LOG_ENDED, 0, 10);
        check_read(log, 5, OUT_MAX, SSE_LOG_GONE, 0, 10);
}

/* "id: 1\nevent: n\ndata: 1\n\n" has 24 bytes. */
static void test_log_bytes(void **state)
{
        (void)state;
        struct error err = {0};
        uint64_t id = 0;
        _cleanup_log_ struct sse_log *log = new_log(100, 24 * 3 + 5);
        append(log, 1, 5);
        check_read(log, 1, OUT_MAX, SSE_LOG_GONE, 0, 5);
        check_read(log, 2, OUT_MAX, SSE_LOG_OPEN, 3, 5);
        _cleanup_json_ json_t *large = json_sprintf("%080d", 0);
        assert_int_equal(sse_log_append(log, "n", large, &id, &err), 0);
        assert_int_equal(id, 6);
        check_read(log, 5, OUT_MAX, SSE_LOG_GONE, 0, 6);
        check_read(log, 6, OUT_MAX, SSE_LOG_OPEN, 0, 6);
        append(log, 7, 8);
        check_read(log, 6, OUT_MAX, SSE_LOG_OPEN, 7, 8);
}

static void test_log_pages(void **state)
{
        (void)state;
        _cleanup_log_ struct sse_log *log = new_log(100, OUT_MAX);
        append(log, 1, 7);
        check_read(log, 0, 24 * 3, SSE_LOG_MORE, 1, 3);
        check_read(log, 3, 24 * 3 + 23, SSE_LOG_MORE, 4, 6);
        check_read(log, 6, 24, SSE_LOG_OPEN, 7, 7);
        uint64_t last = 0;
        _cleanup_buf_ struct buf small = {0};
        buf_init(&small, 23);
        assert_int_equal(sse_log_read(log, 2, &small, &last), SSE_LOG_MORE);
        assert_int_equal(small.state, BUF_TOO_LARGE);
        assert_int_equal(last, 2);
}

/* An event that could not be kept is told to whoever waits for it. */
static void test_log_failures(void **state)
{
        (void)state;
        struct error err = {0};
        struct sse_log *none = NULL;
        _cleanup_log_ struct sse_log *log = new_log(4, OUT_MAX);
        append(log, 1, 2);
        assert_int_equal(sse_log_append(log, "a\nb", NULL, NULL, &err), -(int)ERROR_INTERNAL);
        check_read(log, 2, OUT_MAX, SSE_LOG_GONE, 0, 3);
        append(log, 4, 5);
        int r = 0;
        alloc_fail_after(1);
        r = sse_log_append(log, "n", NULL, NULL, &err);
        alloc_fail_after(0);
        assert_int_equal(r, -(int)ERROR_INTERNAL);
        check_read(log, 5, OUT_MAX, SSE_LOG_GONE, 0, 6);
        append(log, 7, 7);
        check_read(log, 6, OUT_MAX, SSE_LOG_OPEN, 7, 7);
        assert_int_equal(sse_log_new(0, 1, &none, &err), -(int)ERROR_INTERNAL);
        assert_int_equal(sse_log_new(SIZE_MAX, 1, &none, &err), -(int)ERROR_INTERNAL);
        alloc_fail_after(1);
        r = sse_log_new(1, 1, &none, &err);
        alloc_fail_after(0);
        assert_int_equal(r, -(int)ERROR_INTERNAL);
        sse_log_free(NULL);
}

/* ---- threads ---- */

#define WRITERS 4
#define EVENTS_EACH 2000

static void *write_events(void *data)
{
        for (int i = 0; i < EVENTS_EACH; i++) {
                struct error err = {0};
                if (sse_log_append(data, "n", NULL, NULL, &err) < 0)
                        return data;
        }
        return NULL;
}

/* Follows to the end; every event comes once, in order, or is said to be gone. */
static void *read_events(void *data)
{
        struct sse_log *log = data;
        uint64_t after = 0;
        _cleanup_buf_ struct buf out = {0};
        _cleanup_free_ struct event *event = malloc(sizeof(*event));
        buf_init(&out, 300);
        for (enum sse_log_state state = SSE_LOG_OPEN; event && state != SSE_LOG_ENDED;) {
                uint64_t next = after;
                buf_clear(&out);
                state = sse_log_read(log, after, &out, &after);
                if (state == SSE_LOG_GONE)
                        continue;
                for (size_t at = 0, n; (n = read_event(buf_text(&out) + at, out.len - at, event));
                     at += n)
                        if (event->id != ++next)
                                return data;
                if (next != after)
                        return data;
        }
        return after == (uint64_t)WRITERS * EVENTS_EACH ? NULL : data;
}

static void test_threads(void **state)
{
        (void)state;
        _cleanup_log_ struct sse_log *log = new_log(64, 2000);
        pthread_t writers[WRITERS];
        pthread_t readers[WRITERS];
        void *failed = NULL;
        for (size_t i = 0; i < WRITERS; i++) {
                assert_int_equal(pthread_create(&readers[i], NULL, read_events, log), 0);
                assert_int_equal(pthread_create(&writers[i], NULL, write_events, log), 0);
        }
        for (size_t i = 0; i < WRITERS; i++) {
                assert_int_equal(pthread_join(writers[i], &failed), 0);
                assert_null(failed);
        }
        sse_log_end(log);
        for (size_t i = 0; i < WRITERS; i++) {
                assert_int_equal(pthread_join(readers[i], &failed), 0);
                assert_null(failed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_event),        cmocka_unit_test(test_names),
                cmocka_unit_test(test_lines),        cmocka_unit_test(test_random_lines),
                cmocka_unit_test(test_last_id),      cmocka_unit_test(test_log),
                cmocka_unit_test(test_log_bytes),    cmocka_unit_test(test_log_pages),
                cmocka_unit_test(test_log_failures), cmocka_unit_test(test_threads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
