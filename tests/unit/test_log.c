#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define LINES_EACH 200

static void release(struct log **log)
{
        log_free(*log);
}

#define _cleanup_log_ _cleanup_(release)

static struct log *open_log(int fd, enum log_level least)
{
        struct log *log = NULL;
        struct error err = {0};
        assert_int_equal(log_new(fd, least, &log, &err), 0);
        return log;
}

/* A pipe that both ends can be used by one thread. */
static void make_pipe(int fds[2])
{
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
}

/* What one read(2) gives, which is one line, as JSON. */
static json_t *read_line(int fd)
{
        static const struct json_limits limits = {.max_bytes = LOG_LINE_MAX, .max_depth = 4};
        static char line[LOG_LINE_MAX + 1];
        struct error err = {0};
        json_t *json = NULL;
        ssize_t n = read(fd, line, sizeof(line) - 1);
        assert_true(n > 0 && n <= LOG_LINE_MAX);
        line[n] = '\0';
        assert_ptr_equal(strchr(line, '\n'), line + n - 1);
        if (json_parse(line, (size_t)n, &limits, ERROR_INTERNAL, &json, &err) < 0)
                fail_msg("%s: %s", err.message, line);
        return json;
}

static void test_line(void **state)
{
        (void)state;
        int fds[2];
        int64_t seconds;
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        int64_t before = clock_utc_ms() / 1000;
        log_warn(log, "run.ended", log_text("run_id", "r1"), log_number("took_ms", -7),
                 log_bool("cached", true), log_text("thread_id", NULL));
        _cleanup_json_ json_t *line = read_line(fds[0]);
        char time[CLOCK_TEXT_SIZE];
        const char *said = json_get_string(line, "time");
        assert_int_equal(strlen(said), 24);
        assert_string_equal(said + 23, "Z");
        (void)snprintf(time, sizeof(time), "%.19sZ", said);
        assert_true(clock_parse(time, &seconds));
        assert_true(seconds >= before && seconds <= before + 60);
        assert_string_equal(json_get_string(line, "level"), "warn");
        assert_string_equal(json_get_string(line, "event"), "run.ended");
        assert_string_equal(json_get_string(line, "run_id"), "r1");
        assert_int_equal(json_get_int(line, "took_ms", 0), -7);
        assert_true(json_get_bool(line, "cached", false));
        assert_true(json_is_null(json_object_get(line, "thread_id")));
        assert_int_equal(json_object_size(line), 7);
        log_info(log, "bare");
        _cleanup_json_ json_t *bare = read_line(fds[0]);
        assert_int_equal(json_object_size(bare), 3);
        (void)close(fds[0]);
        (void)close(fds[1]);
}

static void test_levels(void **state)
{
        (void)state;
        int fds[2];
        char byte;
        enum log_level level = LOG_LEVEL_INFO;
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_WARN);
        log_debug(log, "a");
        log_info(log, "b");
        assert_int_equal(read(fds[0], &byte, 1), -1);
        log_error(log, "c");
        _cleanup_json_ json_t *first = read_line(fds[0]);
        assert_string_equal(json_get_string(first, "level"), "error");
        log_set_level(log, LOG_LEVEL_DEBUG);
        assert_true(log_is_on(log, LOG_LEVEL_DEBUG));
        log_debug(log, "d");
        _cleanup_json_ json_t *second = read_line(fds[0]);
        assert_string_equal(json_get_string(second, "event"), "d");
        log_error(NULL, "nowhere", log_number("n", 1));
        assert_false(log_is_on(NULL, LOG_LEVEL_ERROR));
        assert_true(log_level_parse("debug", &level) && level == LOG_LEVEL_DEBUG);
        assert_false(log_level_parse("loud", &level));
        (void)close(fds[0]);
        (void)close(fds[1]);
}

/* Texts come back as they were, except for what is not UTF-8. */
static void test_texts(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"", ""},
                {"a \"b\" \\ /", "a \"b\" \\ /"},
                {"a\nb\tc\x1B[31m\x7F", "a\nb\tc\x1B[31m\x7F"},
                {"Zo\xC3\xAB \xF0\x9F\x98\x80", "Zo\xC3\xAB \xF0\x9F\x98\x80"},
                {"\xC2\x85\xE2\x80\xA8", "\xC2\x85\xE2\x80\xA8"},
                {"\xFF", "\xEF\xBF\xBD"},
                {"a\xC3", "a\xEF\xBF\xBD"},
                {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                {"\xEF\xBF\xBD", "\xEF\xBF\xBD"},
        };
        int fds[2];
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                log_info(log, "text", log_text("text", cases[i][0]));
                _cleanup_json_ json_t *line = read_line(fds[0]);
                assert_string_equal(json_get_string(line, "text"), cases[i][1]);
        }
        (void)close(fds[0]);
        (void)close(fds[1]);
}

/* No control character reaches the descriptor, whoever gave the text. */
static void test_every_byte(void **state)
{
        (void)state;
        char bytes[256];
        char line[LOG_LINE_MAX];
        int fds[2];
        for (int i = 1; i < 256; i++)
                bytes[i - 1] = (char)i;
        bytes[255] = '\0';
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        log_info(log, bytes, log_text("bytes", bytes));
        ssize_t n = read(fds[0], line, sizeof(line));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n - 1; i++)
                assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7F);
        (void)close(fds[0]);
        (void)close(fds[1]);
}

static void test_long_texts(void **state)
{
        (void)state;
        char text[4 * LOG_TEXT_MAX];
        int fds[2];
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        memset(text, 'x', sizeof(text));
        text[LOG_TEXT_MAX] = '\0';
        log_info(log, "long", log_text("text", text));
        _cleanup_json_ json_t *whole = read_line(fds[0]);
        assert_string_equal(json_get_string(whole, "text"), text);
        /* The last character has two bytes and would end behind the limit. */
        memcpy(text + LOG_TEXT_MAX - 1, "\xC3\xAB", 3);
        log_info(log, "long", log_text("text", text));
        _cleanup_json_ json_t *cut = read_line(fds[0]);
        const char *said = json_get_string(cut, "text");
        assert_int_equal(strlen(said), LOG_TEXT_MAX - 1 + 3);
        assert_string_equal(said + LOG_TEXT_MAX - 2, "x...");
        assert_null(json_object_get(cut, "cut"));
        (void)close(fds[0]);
        (void)close(fds[1]);
}

static void test_full_line(void **state)
{
        (void)state;
        char text[LOG_TEXT_MAX];
        int fds[2];
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        memset(text, '\n', sizeof(text)); /* each takes six bytes */
        for (size_t n = 1200; n < 1400; n++) {
                text[n] = '\0';
                log_info(log, "full", log_text("a", text), log_text("b", text), log_number("c", 3));
                text[n] = '\n';
                _cleanup_json_ json_t *line = read_line(fds[0]);
                bool fits = json_object_get(line, "a") != NULL;
                assert_null(json_object_get(line, "b"));
                assert_true(json_get_bool(line, "cut", false));
                assert_true(n < 1340 ? fits : n < 1365 || !fits);
                assert_true(json_object_get(line, "c") || (n > 1340 && n < 1365));
        }
        (void)close(fds[0]);
        (void)close(fds[1]);
}

/* Events are short names of ours; a long one does no harm. */
static void test_long_event(void **state)
{
        (void)state;
        char text[LOG_TEXT_MAX];
        int fds[2];
        make_pipe(fds);
        _cleanup_log_ struct log *log = open_log(fds[1], LOG_LEVEL_INFO);
        memset(text, '\n', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        log_info(log, text, log_number("c", 3));
        _cleanup_json_ json_t *line = read_line(fds[0]);
        assert_null(json_object_get(line, "event"));
        assert_true(json_get_bool(line, "cut", false));
        assert_int_equal(json_get_int(line, "c", 0), 3);
        (void)close(fds[0]);
        (void)close(fds[1]);
}

static void test_lost(void **state)
{
        (void)state;
        _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        _cleanup_log_ struct log *log = open_log(full, LOG_LEVEL_INFO);
        errno = EXDEV;
        log_info(log, "a");
        assert_int_equal(errno, EXDEV);
        log_info(log, "b");
        log_debug(log, "c");
        assert_int_equal(log_lost(log), 2);
}

struct worker {
        pthread_t thread;
        struct log *log;
        int number;
};

static void *work(void *data)
{
        struct worker *worker = data;
        for (int i = 0; i < LINES_EACH; i++)
                log_info(worker->log, "work", log_number("worker", worker->number),
                         log_number("i", i), log_text("text", "some text to make it longer"));
        log_set_level(worker->log, LOG_LEVEL_INFO);
        return NULL;
}

static void test_threads(void **state)
{
        (void)state;
        static const struct json_limits limits = {.max_bytes = LOG_LINE_MAX, .max_depth = 4};
        static struct worker workers[THREADS];
        char path[] = "/tmp/askcsv-log-XXXXXX";
        struct error err = {0};
        int seen[THREADS] = {0};
        size_t lines = 0;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_close_ int fd = mkstemp(path);
        _cleanup_log_ struct log *log = open_log(fd, LOG_LEVEL_INFO);
        for (int i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.log = log, .number = i};
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
                (void)pthread_join(workers[i].thread, NULL);
        buf_init(&text, 1 << 20);
        assert_int_equal(fd_read_file(path, &text, &err), 0);
        (void)unlink(path);
        for (const char *p = buf_text(&text); *p; lines++) {
                _cleanup_json_ json_t *json = NULL;
                size_t n = strcspn(p, "\n");
                assert_int_equal(json_parse(p, n, &limits, ERROR_INTERNAL, &json, &err), 0);
                json_int_t number = json_get_int(json, "worker", -1);
                assert_true(number >= 0 && number < THREADS);
                assert_int_equal(json_get_int(json, "i", -1), seen[number]++);
                p += n + 1;
        }
        assert_int_equal(lines, THREADS * LINES_EACH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line),       cmocka_unit_test(test_levels),
                cmocka_unit_test(test_texts),      cmocka_unit_test(test_every_byte),
                cmocka_unit_test(test_long_texts), cmocka_unit_test(test_full_line),
                cmocka_unit_test(test_long_event), cmocka_unit_test(test_lost),
                cmocka_unit_test(test_threads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
