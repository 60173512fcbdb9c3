#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "runner/queue.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void queue_freep(struct queue **queue)
{
        queue_free(*queue);
}

#define _cleanup_queue_ _cleanup_(queue_freep)

static struct queue *queue_of(size_t waiting, size_t running, int64_t memory_mb)
{
        struct error err = {0};
        struct queue *queue = NULL;
        const struct queue_limits limits = {waiting, running, memory_mb};
        assert_int_equal(queue_new(&limits, &queue, &err), 0);
        return queue;
}

static struct queue_entry entry_of(const char *client, int64_t memory_mb)
{
        struct queue_entry entry = {.memory_mb = memory_mb};
        (void)snprintf(entry.client, sizeof(entry.client), "%s", client);
        return entry;
}

static void add(struct queue *queue, struct queue_entry *entry)
{
        struct error err = {0};
        assert_int_equal(queue_add(queue, entry, &err), 0);
        assert_int_equal(entry->state, QUEUE_WAITING);
}

static void test_limits(void **state)
{
        (void)state;
        static const struct {
                struct queue_limits limits;
                const char *says;
        } bad[] = {
                {{0, 1, 1}, "may wait is 0;"}, {{100001, 1, 1}, "may wait is 100001;"},
                {{1, 0, 1}, "at once is 0;"},  {{1, 1025, 1}, "at once is 1025;"},
                {{1, 1, 0}, "is 0 MB;"},       {{1, 1, -5}, "is -5 MB;"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct queue *queue = NULL;
                assert_int_equal(queue_new(&bad[i].limits, &queue, &err), -(int)ERROR_USAGE);
                assert_null(queue);
                assert_non_null(strstr(err.message, bad[i].says));
        }
        _cleanup_queue_ struct queue *most = queue_of(100000, 1024, INT64_MAX);
        assert_null(queue_take(most));
        queue_free(NULL);
}

/* However many a client has waiting, another waits for one of its entries only. */
static void test_turns(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(100, 100, 1000);
        struct queue_entry many[20];
        for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
                many[i] = entry_of("many", 1);
                add(queue, &many[i]);
        }
        struct queue_entry two[2] = {entry_of("two", 1), entry_of("two", 1)};
        struct queue_entry one = entry_of("one", 1);
        add(queue, &two[0]);
        add(queue, &two[1]);
        add(queue, &one);
        struct queue_entry *const expected[] = {&many[0], &two[0], &one,
                                                &many[1], &two[1], &many[2]};
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_int_equal(queue_position(queue, expected[i]), i + 1);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert_int_equal(queue_position(queue, expected[i]), 1);
                assert_ptr_equal(queue_take(queue), expected[i]);
                assert_int_equal(expected[i]->state, QUEUE_RUNNING);
                assert_int_equal(queue_position(queue, expected[i]), 0);
        }
        /* One that always comes back has every second turn, no more. */
        for (size_t i = 3; i < ARRAY_SIZE(many); i++) {
                queue_remove(queue, &one, 1);
                add(queue, &one);
                assert_ptr_equal(queue_take(queue), &many[i]);
                assert_ptr_equal(queue_take(queue), &one);
        }
        assert_null(queue_take(queue));
        assert_int_equal(queue_waiting(queue), 0);
        assert_int_equal(queue_running(queue), 23);
        assert_int_equal(queue_running_memory_mb(queue), 23);
}

static void test_running(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(10, 2, 1000);
        struct queue_entry entries[3];
        for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
                entries[i] = entry_of("a", 0);
                add(queue, &entries[i]);
        }
        assert_ptr_equal(queue_take(queue), &entries[0]);
        assert_ptr_equal(queue_take(queue), &entries[1]);
        assert_null(queue_take(queue));
        queue_remove(queue, &entries[0], 1);
        assert_ptr_equal(queue_take(queue), &entries[2]);
        assert_null(queue_take(queue));
}

static void test_memory(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(10, 10, 100);
        struct queue_entry a = entry_of("a", 60), b = entry_of("b", 41), c = entry_of("c", 1);
        struct queue_entry whole = entry_of("d", 100), huge = entry_of("e", INT64_MAX);
        add(queue, &a);
        add(queue, &b);
        add(queue, &c);
        add(queue, &whole);
        add(queue, &huge);
        assert_ptr_equal(queue_take(queue), &a);
        assert_null(queue_take(queue)); /* c would fit, but b is before it */
        queue_remove(queue, &a, 1);
        assert_ptr_equal(queue_take(queue), &b);
        assert_ptr_equal(queue_take(queue), &c);
        assert_int_equal(queue_running_memory_mb(queue), 42);
        assert_null(queue_take(queue));
        queue_remove(queue, &b, 1);
        assert_null(queue_take(queue));
        queue_remove(queue, &c, 1);
        assert_ptr_equal(queue_take(queue), &whole);
        assert_null(queue_take(queue));
        queue_remove(queue, &whole, 1);
        /* Larger than all there is: alone, or it would never run. */
        assert_ptr_equal(queue_take(queue), &huge);
        add(queue, &c);
        assert_null(queue_take(queue));
        queue_remove(queue, &huge, 1);
        assert_ptr_equal(queue_take(queue), &c);
        assert_int_equal(queue_running_memory_mb(queue), 1);
}

/* Nobody can make room by asking for less than nothing. */
static void test_negative_memory(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(10, 10, 100);
        struct queue_entry entry = entry_of("a", -1000);
        add(queue, &entry);
        assert_ptr_equal(queue_take(queue), &entry);
        assert_int_equal(queue_running_memory_mb(queue), 0);
}

static void test_full(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(2, 1, 100);
        struct queue_entry a = entry_of("a", 1), b = entry_of("b", 1), c = entry_of("c", 1);
        struct error err = {0};
        add(queue, &a);
        add(queue, &b);
        assert_int_equal(queue_add(queue, &c, &err), -(int)ERROR_QUEUE_FULL);
        assert_int_equal(err.retry_after_ms, queue_retry_after_ms(queue));
        assert_int_equal(err.type, ERROR_QUEUE_FULL);
        assert_string_equal(err.message, "2 runs are waiting already, no more may; try again in "
                                         "about 1.0 seconds");
        assert_int_equal(c.state, QUEUE_OUT);
        queue_remove(queue, &c, -1); /* it is out already */
        assert_int_equal(queue_waiting(queue), 2);
        assert_ptr_equal(queue_take(queue), &a);
        add(queue, &c);
}

static void test_remove(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(10, 10, 100);
        struct queue_entry e[5];
        for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
                e[i] = entry_of(i < 4 ? "a" : "b", 1);
                add(queue, &e[i]);
        }
        queue_remove(queue, &e[1], -1); /* in the middle */
        assert_int_equal(e[1].state, QUEUE_OUT);
        queue_remove(queue, &e[1], -1);
        queue_remove(queue, &e[3], -1); /* the last of its client */
        queue_remove(queue, &e[0], -1); /* the first */
        assert_int_equal(queue_waiting(queue), 2);
        assert_int_equal(queue_position(queue, &e[4]), 2);
        assert_ptr_equal(queue_take(queue), &e[2]);
        assert_int_equal(queue_position(queue, &e[4]), 1);
        queue_remove(queue, &e[4], -1); /* the only one: its client goes with it */
        assert_null(queue_take(queue));
        queue_remove(queue, &e[2], 5);
        assert_int_equal(e[2].state, QUEUE_OUT);
        assert_int_equal(queue_running(queue), 0);
        assert_int_equal(queue_running_memory_mb(queue), 0);
        queue_remove(queue, &e[2], 5);
        assert_int_equal(queue_running(queue), 0);
        add(queue, &e[1]); /* any may come back */
        assert_ptr_equal(queue_take(queue), &e[1]);
}

static void test_long_name(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue = queue_of(10, 10, 100);
        struct queue_entry entry = {.memory_mb = 1};
        memset(entry.client, 'x', sizeof(entry.client));
        add(queue, &entry);
        assert_int_equal(strlen(entry.client), QUEUE_CLIENT_MAX - 1);
        assert_int_equal(queue_position(queue, &entry), 1);
        queue_remove(queue, &entry, -1);
        assert_int_equal(queue_waiting(queue), 0);
}

/* The hint after `running` runs at once have all taken ran_ms often enough. */
static int64_t hint_of(size_t running, double ran_ms)
{
        _cleanup_queue_ struct queue *queue = queue_of(1, running, 1000);
        struct queue_entry entries[8], last = entry_of("b", 1);
        for (int round = 0; round < 200; round++) {
                for (size_t i = 0; i < running; i++) {
                        entries[i] = entry_of("a", 1);
                        add(queue, &entries[i]);
                        assert_ptr_equal(queue_take(queue), &entries[i]);
                }
                if (round < 199)
                        for (size_t i = 0; i < running; i++)
                                queue_remove(queue, &entries[i], ran_ms);
        }
        assert_int_equal(queue_retry_after_ms(queue), 100); /* there is room now */
        add(queue, &last);
        return queue_retry_after_ms(queue);
}

static void test_hint(void **state)
{
        (void)state;
        assert_in_range(hint_of(1, 3000), 2990, 3000);
        assert_in_range(hint_of(4, 3000), 740, 750);
        assert_int_equal(hint_of(1, 0), 100);
        assert_int_equal(hint_of(8, 1.5), 100);
        assert_int_equal(hint_of(1, 1e6), 60000);
        assert_int_equal(hint_of(1, INFINITY), 60000);
        assert_int_equal(hint_of(1, -1), 1000); /* as if nothing had run */
        assert_int_equal(hint_of(1, NAN), 1000);
}

static void test_no_memory(void **state)
{
        (void)state;
        struct error err = {0};
        struct queue *none = NULL;
        const struct queue_limits limits = {10, 10, 10};
        alloc_fail_after(1);
        assert_int_equal(queue_new(&limits, &none, &err), -(int)ERROR_INTERNAL);
        alloc_fail_after(0);
        assert_null(none);

        _cleanup_queue_ struct queue *queue = queue_of(10, 10, 10);
        struct queue_entry a = entry_of("a", 1), more = entry_of("a", 1), b = entry_of("b", 1);
        add(queue, &a);
        alloc_fail_after(1);
        assert_int_equal(queue_add(queue, &b, &err), -(int)ERROR_INTERNAL);
        assert_int_equal(b.state, QUEUE_OUT);
        add(queue, &more); /* takes none: its client is known */
        queue_remove(queue, &more, -1);
        assert_ptr_equal(queue_take(queue), &a);
        queue_remove(queue, &a, 1);
        alloc_fail_after(0);
        assert_string_equal(err.message, "out of memory");
        assert_int_equal(queue_waiting(queue), 0);
        add(queue, &b);
        assert_ptr_equal(queue_take(queue), &b);
}

/* The model: all waiting entries in the order of queue_add, and for each client the turn in which
 * it was last served. The one that is next is the first of the client that waits longest for its
 * turn; a client that comes (back) gets the last turn. */
#define MODEL_CLIENTS 7
#define MODEL_ENTRIES 60

struct model {
        struct queue_entry entries[MODEL_ENTRIES];
        size_t client[MODEL_ENTRIES];
        unsigned long added[MODEL_ENTRIES]; /* 0: does not wait */
        bool is_running[MODEL_ENTRIES];
        unsigned long turn[MODEL_CLIENTS];
        unsigned long now;
};

static const struct queue_limits model_limits = {30, 8, 100};

static size_t model_count(const struct model *model, size_t client)
{
        size_t n = 0;
        for (size_t i = 0; i < MODEL_ENTRIES; i++)
                n += model->added[i] && (client == MODEL_CLIENTS || model->client[i] == client);
        return n;
}

static size_t model_running(const struct model *model, int64_t *memory_mb)
{
        size_t n = 0;
        *memory_mb = 0;
        for (size_t i = 0; i < MODEL_ENTRIES; i++)
                if (model->is_running[i]) {
                        n++;
                        *memory_mb += model->entries[i].memory_mb;
                }
        return n;
}

static size_t model_next(const struct model *model)
{
        size_t best = MODEL_ENTRIES;
        for (size_t i = 0; i < MODEL_ENTRIES; i++) {
                if (!model->added[i])
                        continue;
                unsigned long turn = model->turn[model->client[i]];
                if (best == MODEL_ENTRIES || turn < model->turn[model->client[best]] ||
                    (turn == model->turn[model->client[best]] &&
                     model->added[i] < model->added[best]))
                        best = i;
        }
        return best;
}

static void model_add(struct model *model, struct queue *queue, size_t i, unsigned random)
{
        struct error err = {0};
        size_t client = random % MODEL_CLIENTS;
        client = client * client / MODEL_CLIENTS; /* some have more than others */
        char name[8];
        (void)snprintf(name, sizeof(name), "c%zu", client);
        bool is_full = model_count(model, MODEL_CLIENTS) == model_limits.waiting;
        model->entries[i] = entry_of(name, (int64_t)(random / 64 % 130));
        int r = queue_add(queue, &model->entries[i], &err);
        assert_int_equal(r, is_full ? -(int)ERROR_QUEUE_FULL : 0);
        if (is_full)
                return;
        model->client[i] = client;
        if (model_count(model, client) == 0)
                model->turn[client] = ++model->now;
        model->added[i] = ++model->now;
}

static void model_take(struct model *model, struct queue *queue)
{
        size_t next = model_next(model);
        int64_t memory_mb;
        size_t running = model_running(model, &memory_mb);
        bool fits = next < MODEL_ENTRIES && running < model_limits.running &&
                    (running == 0 ||
                     memory_mb + model->entries[next].memory_mb <= model_limits.memory_mb);
        struct queue_entry *entry = queue_take(queue);
        assert_ptr_equal(entry, fits ? &model->entries[next] : NULL);
        if (!fits)
                return;
        model->added[next] = 0;
        model->is_running[next] = true;
        model->turn[model->client[next]] = ++model->now;
}

static void model_remove(struct model *model, struct queue *queue, size_t i)
{
        queue_remove(queue, &model->entries[i], (double)i);
        model->added[i] = 0;
        model->is_running[i] = false;
}

/* The places, by serving everybody in a copy. */
static void model_check(const struct model *model, const struct queue *queue)
{
        int64_t memory_mb;
        assert_int_equal(queue_running(queue), model_running(model, &memory_mb));
        assert_int_equal(queue_running_memory_mb(queue), memory_mb);
        assert_int_equal(queue_waiting(queue), model_count(model, MODEL_CLIENTS));
        struct model copy = *model;
        for (size_t position = 1;; position++) {
                size_t next = model_next(&copy);
                if (next == MODEL_ENTRIES)
                        break;
                assert_int_equal(queue_position(queue, &model->entries[next]), position);
                copy.added[next] = 0;
                copy.turn[copy.client[next]] = ++copy.now;
        }
        for (size_t i = 0; i < MODEL_ENTRIES; i++)
                if (!model->added[i])
                        assert_int_equal(queue_position(queue, &model->entries[i]), 0);
}

static void test_against_model(void **state)
{
        (void)state;
        _cleanup_queue_ struct queue *queue =
                queue_of(model_limits.waiting, model_limits.running, model_limits.memory_mb);
        static struct model model;
        uint64_t random = 0x9E3779B97F4A7C15;
        for (int step = 0; step < 20000; step++) {
                random = random * 6364136223846793005 + 1442695040888963407;
                unsigned number = (unsigned)(random >> 33);
                size_t i = number / 8 % MODEL_ENTRIES;
                bool is_out = !model.added[i] && !model.is_running[i];
                if (number % 8 < 2)
                        model_take(&model, queue);
                else if (is_out && number % 8 < 6)
                        model_add(&model, queue, i, number / 512);
                else if (is_out || model.is_running[i] || number % 8 == 7)
                        model_remove(&model, queue, i);
                model_check(&model, queue);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_turns),
                cmocka_unit_test(test_running),
                cmocka_unit_test(test_memory),
                cmocka_unit_test(test_negative_memory),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_remove),
                cmocka_unit_test(test_long_name),
                cmocka_unit_test(test_hint),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_against_model),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
