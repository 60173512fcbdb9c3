/* The server's sweep: it removes, says so, comes again, and ends at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/sweep.h"
#include "test_store_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define LONG_MS (INT64_C(3600) * 1000)

struct watch {
        struct metrics *metrics;
        struct log *log;
        int fds[2]; /* what is logged: to be read from the first */
        char text[16384];
        size_t n;
};

static void watch_begin(struct watch *watch)
{
        struct error err = {0};
        *watch = (struct watch){0};
        assert_int_equal(pipe2(watch->fds, O_CLOEXEC), 0);
        assert_int_equal(metrics_new(NULL, 0, &watch->metrics, &err), 0);
        assert_int_equal(log_new(watch->fds[1], LOG_LEVEL_INFO, &watch->log, &err), 0);
}

static void watch_end(struct watch *watch)
{
        log_free(watch->log);
        metrics_free(watch->metrics);
        (void)close(watch->fds[0]);
        (void)close(watch->fds[1]);
}

/* Reads the log until it holds so many lines with those words; blocks till then. */
static void await_lines(struct watch *watch, const char *words, int lines)
{
        for (;;) {
                int found = 0;
                for (const char *at = watch->text; (at = strstr(at, words)); at++)
                        found++;
                if (found >= lines)
                        return;
                ssize_t n = read(watch->fds[0], watch->text + watch->n,
                                 sizeof(watch->text) - 1 - watch->n);
                assert_true(n > 0);
                watch->n += (size_t)n;
        }
}

static void check_metric(const struct watch *watch, const char *line)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, METRICS_BYTES_MAX);
        metrics_render(watch->metrics, &text);
        if (!strstr(buf_text(&text), line))
                fail_msg("no \"%s\" in\n%s", line, buf_text(&text));
}

static struct sweep *start(const struct fixture *fixture, struct watch *watch, int64_t count,
                           int64_t interval_ms)
{
        struct error err = {0};
        struct sweep *sweep = NULL;
        const struct sweep_options options = {.store_url = fixture->url,
                                              .rule = {.count = count},
                                              .interval_ms = interval_ms,
                                              .metrics = watch->metrics,
                                              .log = watch->log};
        if (sweep_start(&options, &sweep, &err) < 0)
                fail_msg("%s", err.message);
        return sweep;
}

static struct capsule_store *open_with(const struct fixture *fixture, int runs)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        assert_int_equal(capsule_store_open_shared(fixture->url, &store, &err), 0);
        for (int i = 0; i < runs; i++)
                assert_int_equal(keep_run(store, i, NULL, &err), 0);
        return store;
}

static int64_t removed_from(struct capsule_store *store)
{
        struct error err = {0};
        struct chain_head head;
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        return head.removed;
}

/* At the start, all that is due, however many batches that takes, though the next sweep is far. */
static void test_at_the_start(void **state)
{
        struct watch watch;
        _cleanup_store_ struct capsule_store *store = open_with(*state, RETENTION_BATCH + 20);
        watch_begin(&watch);
        struct sweep *sweep = start(*state, &watch, 5, LONG_MS);
        assert_non_null(sweep);
        await_lines(&watch, "\"event\":\"retention\"", 2);
        sweep_stop(sweep);
        assert_int_equal(removed_from(store), RETENTION_BATCH + 15);
        assert_non_null(strstr(watch.text, "\"removed\":100"));
        assert_non_null(strstr(watch.text, "\"removed\":15"));
        check_metric(&watch, "askcsv_capsules_removed_total 115\n");
        check_metric(&watch, "askcsv_retention_failures_total 0\n");
        watch_end(&watch);
}

static void test_again_and_again(void **state)
{
        struct error err = {0};
        struct watch watch;
        _cleanup_store_ struct capsule_store *store = open_with(*state, 8);
        watch_begin(&watch);
        struct sweep *sweep = start(*state, &watch, 5, 1);
        for (int i = 1; i <= 4; i++) {
                await_lines(&watch, "\"event\":\"retention\"", i);
                assert_int_equal(keep_run(store, i, NULL, &err), 0);
        }
        sweep_stop(sweep);
        assert_true(removed_from(store) >= 6);
        watch_end(&watch);
}

/* What cannot be removed is said, and counted, at every sweep. */
static void test_failure(void **state)
{
        struct fixture *fixture = *state;
        struct watch watch;
        _cleanup_store_ struct capsule_store *store = open_with(fixture, 8);
        fixture_tamper(fixture, "UPDATE capsules SET status = 'failed' WHERE seq = 1");
        watch_begin(&watch);
        struct sweep *sweep = start(fixture, &watch, 5, 1);
        await_lines(&watch, "\"event\":\"retention.failed\"", 2);
        sweep_stop(sweep);
        assert_non_null(strstr(watch.text, "STORE_ERROR"));
        assert_non_null(strstr(watch.text, "altered"));
        assert_int_equal(removed_from(store), 0);
        watch_end(&watch);
}

/* Off at first, and then not: nobody waits for the interval. */
static void test_rule_that_changes(void **state)
{
        const struct retention_rule rule = {.count = 3};
        struct watch watch;
        watch_begin(&watch);
        _cleanup_store_ struct capsule_store *store = open_with(*state, 10);
        struct sweep *sweep = start(*state, &watch, 0, INT64_C(3600) * 1000);
        assert_int_equal(removed_from(store), 0);
        sweep_set_rule(sweep, &rule);
        await_lines(&watch, "\"event\":\"retention\"", 1);
        sweep_stop(sweep);
        sweep_stop(NULL);
        assert_int_equal(removed_from(store), 7);
        watch_end(&watch);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_at_the_start),
                STORE_TEST(test_again_and_again),
                STORE_TEST(test_failure),
                STORE_TEST(test_rule_that_changes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
