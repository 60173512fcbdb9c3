#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "server/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000LL
#define THREADS 4
#define ROUNDS 5000

static void release(struct client_limits **limits)
{
        limits_free(*limits);
}

#define _cleanup_limits_ _cleanup_(release)

static struct client_limits *make(double per_second, unsigned burst, unsigned concurrent_max)
{
        struct client_limits *limits = NULL;
        struct error err = {0};
        assert_int_equal(limits_new(per_second, burst, concurrent_max, &limits, &err), 0);
        return limits;
}

/* Enters and leaves; what it said and when to come again. */
static enum limits_verdict visit(struct client_limits *limits, const char *client, int64_t now_us,
                                 int64_t *retry_ms)
{
        enum limits_verdict verdict = limits_enter(limits, client, now_us, retry_ms);
        assert_int_equal(*retry_ms > 0, verdict != LIMITS_ENTERED);
        if (verdict == LIMITS_ENTERED)
                limits_leave(limits, client);
        return verdict;
}

static void test_bucket(void **state)
{
        (void)state;
        int64_t retry_ms;
        int64_t now = 5 * SECOND;
        _cleanup_limits_ struct client_limits *limits = make(2, 3, 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 500);
        assert_int_equal(visit(limits, "b", now, &retry_ms), LIMITS_ENTERED); /* its own bucket */
        assert_int_equal(visit(limits, "a", now + 499999, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 1);
        assert_int_equal(visit(limits, "a", now + 500000, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now + 500000, &retry_ms), LIMITS_TOO_OFTEN);
        /* However long it stays away, the bucket holds three. */
        now += 3600 * SECOND;
        for (int i = 0; i < 3; i++)
                assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
        /* A thread that looked at the clock a little earlier. */
        assert_int_equal(visit(limits, "a", now - 1000, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 501);
}

/* Over a long time the rate is kept, and it can be used up. */
static void test_rate(void **state)
{
        (void)state;
        int64_t retry_ms;
        int entered = 0;
        _cleanup_limits_ struct client_limits *limits = make(7, 10, 0);
        for (int64_t now = 0; now < 100 * SECOND; now += 10000)
                entered += visit(limits, "a", now, &retry_ms) == LIMITS_ENTERED;
        assert_in_range(entered, 700, 710);
        limits_free(steal_ptr(&limits));
        limits = make(0.5, 1, 0);
        assert_int_equal(visit(limits, "a", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", 0, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 2000);
}

static void test_concurrent(void **state)
{
        (void)state;
        int64_t retry_ms;
        _cleanup_limits_ struct client_limits *limits = make(1, 3, 2);
        assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_TOO_MANY);
        assert_int_equal(retry_ms, LIMITS_RETRY_MS);
        limits_leave(limits, "a");
        /* What was refused took no token: there is a third one. */
        assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_ENTERED);
        limits_leave(limits, "a");
        assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_TOO_OFTEN);
        limits_leave(limits, "a");
        limits_leave(limits, "a"); /* one too many, and one of nobody, are no harm */
        limits_leave(limits, "nobody");
        assert_int_equal(limits_enter(limits, "a", SECOND, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_enter(limits, "a", 2 * SECOND, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_enter(limits, "a", 3 * SECOND, &retry_ms), LIMITS_TOO_MANY);
}

static void test_no_limit(void **state)
{
        (void)state;
        int64_t retry_ms;
        _cleanup_limits_ struct client_limits *limits = make(0, 0, 0);
        for (int i = 0; i < 100000; i++)
                assert_int_equal(limits_enter(limits, "a", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_clients(limits), 1);
}

static void test_change(void **state)
{
        (void)state;
        int64_t retry_ms;
        int64_t now = 5 * SECOND;
        struct error err = {0};
        _cleanup_limits_ struct client_limits *limits = make(1, 4, 0);
        for (int i = 0; i < 4; i++)
                assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
        /* It owes four tokens; a faster bucket of ten has room for six. */
        assert_int_equal(limits_change(limits, 100, 10, 0, now, &err), 0);
        for (int i = 0; i < 6; i++)
                assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 10);
        /* No bucket can owe more than it holds. */
        assert_int_equal(limits_change(limits, 1, 2, 0, now, &err), 0);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
        assert_int_equal(retry_ms, 1000);
        assert_int_equal(visit(limits, "a", now + SECOND, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_change(limits, 0, 0, 1, now, &err), 0);
        assert_int_equal(limits_enter(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_enter(limits, "a", now, &retry_ms), LIMITS_TOO_MANY);
        assert_int_equal(limits_change(limits, 1, 1, 2, now, &err), 0);
        assert_int_equal(limits_enter(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        limits_leave(limits, "a");
        limits_leave(limits, "a");
        /* What is not possible changes nothing. */
        assert_true(limits_change(limits, -1, 1, 0, now, &err) < 0);
        assert_true(limits_change(limits, 1, 0, 0, now, &err) < 0);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN);
}

static void test_bad_limits(void **state)
{
        (void)state;
        struct client_limits *limits = NULL;
        struct error err = {0};
        assert_true(limits_new(-1, 1, 0, &limits, &err) < 0);
        assert_true(limits_new(1e-9, 1, 0, &limits, &err) < 0);
        assert_true(limits_new(1e9, 1, 0, &limits, &err) < 0);
        assert_true(limits_new(1, 0, 0, &limits, &err) < 0);
        assert_true(limits_new(1, LIMITS_BURST_MAX + 1, 0, &limits, &err) < 0);
        assert_int_equal(err.type, ERROR_USAGE);
        alloc_fail_after(1);
        assert_true(limits_new(1, 1, 0, &limits, &err) < 0);
        alloc_fail_after(0);
        assert_int_equal(err.type, ERROR_INTERNAL);
        assert_null(limits);
}

static void test_bounded(void **state)
{
        (void)state;
        char id[32];
        int64_t retry_ms;
        _cleanup_limits_ struct client_limits *limits = make(1, 2, 0);
        for (int i = 0; i < LIMITS_CLIENTS_MAX; i++) {
                (void)snprintf(id, sizeof(id), "client %d", i);
                assert_int_equal(visit(limits, id, 0, &retry_ms), LIMITS_ENTERED);
        }
        assert_int_equal(limits_clients(limits), LIMITS_CLIENTS_MAX);
        /* None of them is idle: their buckets lack a token each. */
        assert_int_equal(visit(limits, "one more", SECOND - 1, &retry_ms), LIMITS_NO_ROOM);
        assert_int_equal(visit(limits, "client 7", SECOND - 1, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "one more", SECOND, &retry_ms), LIMITS_ENTERED);
        assert_true(limits_clients(limits) < LIMITS_CLIENTS_MAX);
        /* Those that are left go while others come. */
        for (int i = 0; i < LIMITS_CLIENTS_MAX; i++)
                (void)visit(limits, "one more", 10 * SECOND + i, &retry_ms);
        assert_int_equal(limits_clients(limits), 1);
}

/* What is under way is never forgotten. */
static void test_active_stay(void **state)
{
        (void)state;
        int64_t retry_ms;
        _cleanup_limits_ struct client_limits *limits = make(1, 1, 1);
        assert_int_equal(limits_enter(limits, "long", 0, &retry_ms), LIMITS_ENTERED);
        for (int i = 0; i < 1000; i++)
                (void)visit(limits, "other", (100 + i) * SECOND, &retry_ms);
        assert_int_equal(limits_enter(limits, "long", 5000 * SECOND, &retry_ms), LIMITS_TOO_MANY);
        limits_leave(limits, "long");
        assert_int_equal(limits_enter(limits, "long", 5000 * SECOND, &retry_ms), LIMITS_ENTERED);
}

static void test_ids(void **state)
{
        (void)state;
        char a[LIMITS_ID_MAX + 3];
        char b[LIMITS_ID_MAX + 3];
        int64_t retry_ms;
        _cleanup_limits_ struct client_limits *limits = make(1, 1, 0);
        memset(a, 'x', sizeof(a));
        a[sizeof(a) - 1] = '\0';
        memcpy(b, a, sizeof(b));
        b[sizeof(b) - 2] = 'y'; /* behind what counts */
        assert_int_equal(visit(limits, a, 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, b, 0, &retry_ms), LIMITS_TOO_OFTEN);
        b[0] = 'y';
        assert_int_equal(visit(limits, b, 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "x", 0, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "xx", 0, &retry_ms), LIMITS_ENTERED);
        alloc_fail_after(1);
        assert_int_equal(visit(limits, "new", 0, &retry_ms), LIMITS_NO_ROOM);
        alloc_fail_after(0);
}

struct worker {
        pthread_t thread;
        struct client_limits *limits;
        _Atomic int *inside;
        int most;
        int entered;
};

static void *work(void *data)
{
        struct worker *worker = data;
        int64_t retry_ms;
        for (int i = 0; i < ROUNDS; i++) {
                char own[32];
                (void)snprintf(own, sizeof(own), "%p %d", (void *)worker, i % 50);
                if (limits_enter(worker->limits, own, i, &retry_ms) == LIMITS_ENTERED)
                        limits_leave(worker->limits, own);
                if (limits_enter(worker->limits, "shared", i, &retry_ms) != LIMITS_ENTERED)
                        continue;
                int inside = ++*worker->inside;
                worker->most = inside > worker->most ? inside : worker->most;
                worker->entered++;
                --*worker->inside;
                limits_leave(worker->limits, "shared");
        }
        return NULL;
}

static void test_threads(void **state)
{
        (void)state;
        static struct worker workers[THREADS];
        static _Atomic int inside;
        int entered = 0;
        _cleanup_limits_ struct client_limits *limits = make(0, 0, 2);
        for (int i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.limits = limits, .inside = &inside};
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
                (void)pthread_join(workers[i].thread, NULL);
                assert_true(workers[i].most <= 2);
                entered += workers[i].entered;
        }
        assert_true(entered > 0);
        assert_true(limits_clients(limits) <= THREADS * 50 + 1);
}

/* What was taken is told once; what comes back counts for all, with what was taken meanwhile. */
static void test_shared(void **state)
{
        (void)state;
        int64_t retry_ms;
        int64_t now = 5 * SECOND;
        struct error err = {0};
        struct limits_share *shares = NULL;
        size_t n = 0;
        _cleanup_limits_ struct client_limits *limits = make(1, 10, 0);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        assert_int_equal(limits_share(limits, &shares, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_string_equal(shares[0].client, "a");
        assert_int_equal(shares[0].taken_us, 2 * SECOND);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_ENTERED);
        shares[0].owed_us = 9 * SECOND; /* others took seven */
        limits_settle(limits, shares, n, true, now);
        free(shares);
        assert_int_equal(visit(limits, "a", now, &retry_ms), LIMITS_TOO_OFTEN); /* 9 and 1 */
        assert_int_equal(visit(limits, "a", now + SECOND, &retry_ms), LIMITS_ENTERED);
        /* Nobody could be told: it is told the next time. */
        assert_int_equal(limits_share(limits, &shares, &n, &err), 0);
        assert_int_equal(shares[0].taken_us, 2 * SECOND);
        limits_settle(limits, shares, n, false, now);
        free(shares);
        assert_int_equal(limits_share(limits, &shares, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_int_equal(shares[0].taken_us, 2 * SECOND);
        limits_settle(limits, shares, n, true, now);
        free(shares);
        assert_int_equal(limits_share(limits, &shares, &n, &err), 0);
        assert_int_equal(n, 0);
        free(shares);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bucket),     cmocka_unit_test(test_rate),
                cmocka_unit_test(test_concurrent), cmocka_unit_test(test_no_limit),
                cmocka_unit_test(test_bad_limits), cmocka_unit_test(test_change),
                cmocka_unit_test(test_bounded),    cmocka_unit_test(test_active_stay),
                cmocka_unit_test(test_ids),        cmocka_unit_test(test_threads),
                cmocka_unit_test(test_shared),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
