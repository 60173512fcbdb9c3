/* The queue of runs and its threads, over a real store and real files. Most runners here are shell
 * scripts that go on until they are stopped, as what is tested is who waits for whom; where the
 * build folder has askcsv-runner, it answers too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "server/late.h"
#include "server/runs.h"
#include "test_store_fixture.h"

#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#define WAIT_S 30 /* for what must happen; it is there much sooner */
#define PATIENT_MS 30000
#define TICKETS_MAX 64
#define WAITING_MAX 40
#define SUBMITTERS 8
#define RUNS_EACH 12

#define ENDLESS "[ \"$1\" = host ] && exit 1\nexec sleep 1000"
#define BRIEF "exit 1"

static const char registry_text[] =
        "{\"version\":1,\"datasets\":[{\"id\":\"small\",\"name\":\"Small\",\"description\":\"Few "
        "rows.\","
        "\"as_of\":\"2026-01-31T00:00:00Z\",\"tables\":[{\"name\":\"t\",\"file\":\"t.csv\","
        "\"format\":\"csv\",\"columns\":[{\"name\":\"a\",\"type\":\"INTEGER\","
        "\"nullable\":false}]}]},"
        "{\"id\":\"missing\",\"name\":\"Missing\",\"description\":\"Few "
        "rows.\",\"tables\":[{\"name\":\"t\","
        "\"file\":\"t.csv\",\"format\":\"csv\",\"columns\":[{\"name\":\"a\",\"type\":\"INTEGER\","
        "\"nullable\":false}]}]}]}";

/* One service and what it has said of its runs. */
struct test {
        struct fixture *fixture;
        struct capsule_store *store;
        struct registry *registry;
        struct runs *runs;
        char datasets[128], script[128];
        char runner[PATH_MAX]; /* the real one, or "" */
        size_t owner_max;

        pthread_mutex_t lock;
        pthread_cond_t said; /* something changed */
        struct ticket *tickets[TICKETS_MAX];
        size_t n_tickets;
        const struct ticket *ended[TICKETS_MAX]; /* in the order of their ends */
        size_t n_ended;
        size_t n_last_calls; /* of changed(), with what has ended */
};

static void write_text(const char *path, const char *text, mode_t mode)
{
        struct error err = {0};
        if (fd_write_file(path, text, strlen(text), mode, &err) < 0)
                fail_msg("%s", err.message);
}

/* askcsv-runner beside the folder of the tests, if it was built. */
static void find_runner(char out[PATH_MAX])
{
        char self[PATH_MAX] = "";
        const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        assert_true(n > 0);
        (void)snprintf(out, PATH_MAX, "%.*s/askcsv-runner", PATH_MAX - 20,
                       dirname(dirname(dirname(self))));
        if (access(out, X_OK) != 0)
                out[0] = '\0';
}

static int setup(void **state)
{
        struct error err = {0};
        char path[160];
        struct test *test = calloc(1, sizeof(*test));
        assert_non_null(test);
        assert_int_equal(fixture_setup((void **)&test->fixture), 0);
        (void)pthread_mutex_init(&test->lock, NULL);
        (void)pthread_cond_init(&test->said, NULL);
        (void)snprintf(test->datasets, sizeof(test->datasets), "%s/datasets", test->fixture->dir);
        (void)snprintf(test->script, sizeof(test->script), "%s/runner", test->fixture->dir);
        assert_int_equal(mkdir(test->datasets, 0700), 0);
        (void)snprintf(path, sizeof(path), "%s/small", test->datasets);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)snprintf(path, sizeof(path), "%s/small/t.csv", test->datasets);
        write_text(path, "a\n1\n2\n3\n", 0600);
        find_runner(test->runner);
        if (capsule_store_open_shared(test->fixture->url, &test->store, &err) < 0 ||
            registry_parse(registry_text, strlen(registry_text), &test->registry, &err) < 0)
                fail_msg("%s %s", err.pointer, err.message);
        *state = test;
        return 0;
}

static struct order order_of(const struct test *test, const char *dataset, const char *sql)
{
        return (struct order){.dataset = registry_find(test->registry, dataset),
                              .owner = "ann",
                              .sql = sql,
                              .sql_bytes = strlen(sql),
                              .limits = LIMITS_DEFAULT};
}

/* Everything ends now; nothing is left to be found, and no order is taken. */
static void stop(struct test *test, int64_t patience_ms)
{
        struct error err = {0};
        struct ticket *ticket = NULL;
        const struct order order = order_of(test, "small", "SELECT 1");
        runs_stop(test->runs, patience_ms);
        assert_int_equal(runs_running(test->runs) + runs_waiting(test->runs), 0);
        assert_int_equal(runs_submit(test->runs, &order, NULL, NULL, &ticket, &err),
                         -(int)ERROR_QUEUE_FULL);
        assert_null(ticket);
}

static int teardown(void **state)
{
        struct test *test = *state;
        runs_free(test->runs);
        for (size_t i = 0; i < test->n_tickets; i++)
                ticket_release(test->tickets[i]);
        capsule_store_free(test->store);
        registry_free(test->registry);
        (void)pthread_cond_destroy(&test->said);
        (void)pthread_mutex_destroy(&test->lock);
        int r = fixture_teardown((void **)&test->fixture);
        free(test);
        return r;
}

/* runs_options.ended: on a worker. */
static void on_end(const struct ticket *ticket, const struct capsule *capsule, void *data)
{
        struct test *test = data;
        struct ticket_view view;
        ticket_look(ticket, &view);
        assert_true(view.has_ended);
        assert_true(!capsule == !*view.run_id);
        (void)pthread_mutex_lock(&test->lock);
        if (test->n_ended < TICKETS_MAX)
                test->ended[test->n_ended] = ticket;
        test->n_ended++;
        (void)pthread_mutex_unlock(&test->lock);
}

/* runs_submit's: on any thread of the service. */
static void on_change(struct ticket *ticket, void *data)
{
        struct test *test = data;
        struct ticket_view view;
        ticket_look(ticket, &view);
        (void)pthread_mutex_lock(&test->lock);
        test->n_last_calls += view.has_ended;
        (void)pthread_cond_broadcast(&test->said);
        (void)pthread_mutex_unlock(&test->lock);
}

static void start(struct test *test, const char *runner, size_t workers, size_t waiting_max)
{
        struct error err = {0};
        const struct runs_options options = {
                .store = test->store,
                .datasets_folder = test->datasets,
                .executor = {.name = "local",
                             .runner = runner,
                             .host = {.home = test->fixture->dir,
                                      .linger_ms = 0,
                                      .runs = -1,
                                      .waiting = -1,
                                      .memory_mb = -1,
                                      .snapshot_mb = -1}},
                .workers = workers,
                .waiting_max = waiting_max,
                .owner_max = test->owner_max,
                .ended = on_end,
                .data = test,
        };
        if (runs_start(&options, &test->runs, &err) < 0)
                fail_msg("%s", err.message);
}

static void start_script(struct test *test, const char *script, size_t workers, size_t waiting_max)
{
        char text[256];
        (void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
        write_text(test->script, text, 0700);
        start(test, test->script, workers, waiting_max);
}

static struct ticket *submit(struct test *test, const char *dataset, const char *sql)
{
        struct error err = {0};
        struct ticket *ticket = NULL;
        const struct order order = order_of(test, dataset, sql);
        if (runs_submit(test->runs, &order, on_change, test, &ticket, &err) < 0)
                fail_msg("%s", err.message);
        assert_true(test->n_tickets < TICKETS_MAX);
        test->tickets[test->n_tickets++] = ticket;
        return ticket;
}

static bool is_running(const struct ticket_view *view)
{
        return view->state == RUN_RUNNING;
}

static bool is_kept(const struct ticket_view *view)
{
        return view->run_id[0] != '\0';
}

static bool has_ended(const struct ticket_view *view)
{
        return view->has_ended;
}

/* Waits until the ticket is like that; *ret (or NULL) is what was seen then. */
static void await(struct test *test, const struct ticket *ticket,
                  bool (*is)(const struct ticket_view *view), struct ticket_view *ret)
{
        struct ticket_view view;
        struct timespec until;
        int r = 0;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += WAIT_S;
        (void)pthread_mutex_lock(&test->lock);
        for (;;) {
                /* Without the lock: a ticket has one of its own. */
                (void)pthread_mutex_unlock(&test->lock);
                ticket_look(ticket, &view);
                (void)pthread_mutex_lock(&test->lock);
                if (is(&view) || r == ETIMEDOUT)
                        break;
                struct timespec soon;
                (void)clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_sec += 1; /* it may have changed between the look and the lock */
                r = pthread_cond_timedwait(&test->said, &test->lock, &soon);
                if (r == ETIMEDOUT && soon.tv_sec < until.tv_sec)
                        r = 0;
        }
        (void)pthread_mutex_unlock(&test->lock);
        if (!is(&view))
                fail_msg("it is still %s", run_state_name(view.state));
        if (ret)
                *ret = view;
}

static void check_state(const struct ticket *ticket, enum run_state state)
{
        struct ticket_view view;
        ticket_look(ticket, &view);
        assert_true(view.has_ended);
        assert_int_equal(view.position, 0);
        if (view.state != state)
                fail_msg("%s, not %s", run_state_name(view.state), run_state_name(state));
}

/* So many capsules are in the store, all sealed and in their chain. */
static void check_store(const struct test *test, size_t n)
{
        struct error err = {0};
        enum capsule_fault fault;
        size_t checked = 0;
        char message[ERROR_MESSAGE_MAX];
        assert_int_equal(capsule_store_check_all(test->store, &fault, message, &checked, &err), 0);
        assert_int_equal(fault, CAPSULE_INTACT);
        assert_int_equal(checked, n);
}

/* A worker is busy, and n runs wait behind it, on disk. */
static void fill(struct test *test, size_t n)
{
        await(test, submit(test, "small", "SELECT 0"), is_running, NULL);
        for (size_t i = 0; i < n; i++)
                await(test, submit(test, "small", "SELECT 1"), is_kept, NULL);
}

static void test_first_come_first_served(void **state)
{
        struct test *test = *state;
        start_script(test, ENDLESS, 1, 10);
        fill(test, 4);
        assert_int_equal(runs_running(test->runs), 1);
        assert_int_equal(runs_waiting(test->runs), 4);
        for (size_t i = 0; i < 5; i++) {
                struct ticket_view view;
                await(test, test->tickets[i], is_running, NULL);
                for (size_t k = i; k < 5; k++) {
                        ticket_look(test->tickets[k], &view);
                        assert_int_equal(view.position, k - i);
                        assert_int_equal(view.state, k == i ? RUN_RUNNING : RUN_PENDING);
                        assert_true(view.waited_ms >= 0);
                }
                ticket_cancel(test->tickets[i]);
                await(test, test->tickets[i], has_ended, NULL);
                check_state(test->tickets[i], RUN_CANCELLED);
        }
        stop(test, PATIENT_MS);
        assert_int_equal(test->n_ended, 5);
        for (size_t i = 0; i < 5; i++)
                assert_ptr_equal(test->ended[i], test->tickets[i]);
        assert_int_equal(test->n_last_calls, 5);
        check_store(test, 5);
}

static void test_find(void **state)
{
        struct test *test = *state;
        struct ticket_view view;
        start_script(test, ENDLESS, 1, 10);
        fill(test, 1);
        for (size_t i = 0; i < 2; i++) {
                ticket_look(test->tickets[i], &view);
                struct ticket *found = runs_find(test->runs, view.run_id);
                assert_ptr_equal(found, test->tickets[i]);
                ticket_release(found);
        }
        assert_string_equal(ticket_owner(test->tickets[1]), "ann");
        assert_string_equal(ticket_dataset_id(test->tickets[1]), "small");
        _cleanup_json_ json_t *body = ticket_body(test->tickets[1]);
        assert_string_equal(json_get_string(body, "sql"), "SELECT 1");
        assert_null(runs_find(test->runs, "0193e4a0-0000-7000-8000-000000000000"));
        stop(test, 0);
}

/* While every worker is busy. */
static void test_what_waits_is_cancelled_at_once(void **state)
{
        struct test *test = *state;
        struct ticket_view view;
        start_script(test, ENDLESS, 1, 10);
        fill(test, 3);
        ticket_cancel(test->tickets[2]);
        await(test, test->tickets[2], has_ended, NULL);
        check_state(test->tickets[2], RUN_CANCELLED);
        ticket_look(test->tickets[0], &view);
        assert_int_equal(view.state, RUN_RUNNING);
        ticket_look(test->tickets[3], &view);
        assert_int_equal(view.position, 2);
        assert_int_equal(runs_waiting(test->runs), 2);
        ticket_cancel(test->tickets[2]); /* again: nothing */
        stop(test, 0);
        assert_int_equal(test->n_ended, 4);
        check_store(test, 4);
}

static void test_full(void **state)
{
        struct test *test = *state;
        struct error err = {0};
        struct ticket *ticket = NULL;
        const struct order order = order_of(test, "small", "SELECT 1");
        start_script(test, ENDLESS, 2, 3);
        await(test, submit(test, "small", "SELECT 0"), is_running, NULL);
        fill(test, 3);
        assert_int_equal(runs_submit(test->runs, &order, on_change, test, &ticket, &err),
                         -(int)ERROR_QUEUE_FULL);
        assert_null(ticket);
        assert_true(err.retry_after_ms >= 1000 && err.retry_after_ms <= 60000);
        assert_non_null(strstr(err.message, "3 runs wait"));
        ticket_cancel(test->tickets[0]);
        await(test, test->tickets[2], is_running, NULL);
        await(test, submit(test, "small", "SELECT 2"), is_kept, NULL); /* there is room again */
        stop(test, 0);
        check_store(test, 6); /* of the refused one there is nothing */
}

static void test_one_owner_cannot_fill_the_queue(void **state)
{
        struct test *test = *state;
        struct error err = {0};
        struct ticket *ticket = NULL;
        struct order order = order_of(test, "small", "SELECT 1");
        test->owner_max = 2;
        start_script(test, ENDLESS, 1, 10);
        fill(test, 1);
        assert_int_equal(runs_submit(test->runs, &order, on_change, test, &ticket, &err),
                         -(int)ERROR_QUEUE_FULL);
        assert_true(err.retry_after_ms >= 1000);
        order.owner = "bob";
        assert_int_equal(runs_submit(test->runs, &order, on_change, test, &ticket, &err), 0);
        ticket_release(ticket);
        order.owner = ""; /* whoever has no key shares no limit */
        for (int i = 0; i < 3; i++) {
                assert_int_equal(runs_submit(test->runs, &order, on_change, test, &ticket, &err),
                                 0);
                ticket_release(ticket);
        }
        stop(test, 0);
        check_store(test, 6);
}

/* What is there gets its time. */
static void test_stop_waits(void **state)
{
        struct test *test = *state;
        start_script(test, BRIEF, 2, 20);
        for (int i = 0; i < 12; i++)
                (void)submit(test, "small", "SELECT 1");
        stop(test, PATIENT_MS);
        for (size_t i = 0; i < 12; i++)
                check_state(test->tickets[i], RUN_FAILED); /* by itself */
        check_store(test, 12);
}

static void test_stop_loses_patience(void **state)
{
        struct test *test = *state;
        start_script(test, ENDLESS, 2, 20);
        await(test, submit(test, "small", "SELECT 0"), is_running, NULL);
        fill(test, 4);
        stop(test, 50);
        for (size_t i = 0; i < 6; i++)
                check_state(test->tickets[i], RUN_CANCELLED);
        assert_int_equal(test->n_ended, 6);
        assert_int_equal(test->n_last_calls, 6);
        check_store(test, 6);
}

/* Orders that nobody has begun to keep. */
static void test_stop_at_once(void **state)
{
        struct test *test = *state;
        start_script(test, ENDLESS, 1, 20);
        for (int i = 0; i < 10; i++)
                (void)submit(test, "small", "SELECT 1");
        stop(test, 0);
        for (size_t i = 0; i < 10; i++)
                check_state(test->tickets[i], RUN_CANCELLED);
        check_store(test, 10);
}

/* A thread that looks at a ticket all the time. */
struct looker {
        pthread_t thread;
        struct ticket *ticket;
        size_t looks;
};

static void *look_until_the_end(void *data)
{
        struct looker *looker = data;
        struct ticket_view view = {0};
        while (!view.has_ended) {
                json_t *body = ticket_body(looker->ticket);
                json_decref(body);
                ticket_look(looker->ticket, &view);
                looker->looks++;
        }
        ticket_release(looker->ticket);
        return NULL;
}

static void test_tickets_outlive_the_service(void **state)
{
        struct test *test = *state;
        struct looker lookers[4];
        start_script(test, ENDLESS, 1, 20);
        fill(test, 3);
        for (size_t i = 0; i < 4; i++) {
                lookers[i] = (struct looker){.ticket = ticket_hold(test->tickets[i])};
                assert_int_equal(
                        pthread_create(&lookers[i].thread, NULL, look_until_the_end, &lookers[i]),
                        0);
        }
        stop(test, 0);
        for (size_t i = 0; i < 4; i++) {
                (void)pthread_join(lookers[i].thread, NULL);
                assert_true(lookers[i].looks > 0);
        }
        runs_free(test->runs);
        test->runs = NULL;
        for (size_t i = 0; i < 4; i++) {
                check_state(test->tickets[i], RUN_CANCELLED);
                ticket_cancel(test->tickets[i]);
                _cleanup_json_ json_t *body = ticket_body(test->tickets[i]);
                assert_string_equal(json_get_string(body, "status"), "cancelled");
                assert_string_equal(ticket_owner(test->tickets[i]), "ann");
        }
}

/* Its run cannot be kept, and the next one can. */
static void test_a_folder_is_missing(void **state)
{
        struct test *test = *state;
        struct ticket_view view;
        start_script(test, ENDLESS, 1, 10);
        await(test, submit(test, "missing", "SELECT 1"), has_ended, &view);
        assert_int_equal(view.state, RUN_FAILED);
        assert_int_equal(view.error.type, ERROR_DATASET_NOT_FOUND);
        assert_string_equal(view.run_id, "");
        assert_null(ticket_body(test->tickets[0]));
        fill(test, 0);
        /* And found by a keeper, while it waits. */
        await(test, submit(test, "missing", "SELECT 1"), has_ended, &view);
        assert_int_equal(view.error.type, ERROR_DATASET_NOT_FOUND);
        assert_int_equal(runs_waiting(test->runs), 0);
        stop(test, 0);
        assert_int_equal(test->n_last_calls, 3);
        check_store(test, 1);
}

struct submitter {
        pthread_t thread;
        struct test *test;
        size_t taken, refused;
        bool wrong;
};

/* Gives up every third order at once, looks at all. */
static void *submit_many(void *data)
{
        struct submitter *submitter = data;
        struct test *test = submitter->test;
        const struct order order = order_of(test, "small", "SELECT 1");
        for (int i = 0; i < RUNS_EACH; i++) {
                struct error err = {0};
                struct ticket *ticket = NULL;
                struct ticket_view view;
                int r = runs_submit(test->runs, &order, on_change, test, &ticket, &err);
                submitter->wrong = submitter->wrong || (r < 0 && err.type != ERROR_QUEUE_FULL);
                submitter->refused += r < 0;
                submitter->taken += r == 0;
                if (r < 0)
                        continue;
                ticket_look(ticket, &view);
                if (*view.run_id)
                        ticket_release(runs_find(test->runs, view.run_id));
                if (i % 3 == 0)
                        ticket_cancel(ticket);
                ticket_release(ticket);
        }
        return NULL;
}

static void test_many_at_once(void **state)
{
        struct test *test = *state;
        struct submitter submitters[SUBMITTERS];
        size_t taken = 0;
        size_t refused = 0;
        start_script(test, BRIEF, 3, WAITING_MAX);
        for (size_t i = 0; i < SUBMITTERS; i++) {
                submitters[i] = (struct submitter){.test = test};
                assert_int_equal(
                        pthread_create(&submitters[i].thread, NULL, submit_many, &submitters[i]),
                        0);
        }
        for (size_t i = 0; i < SUBMITTERS; i++) {
                (void)pthread_join(submitters[i].thread, NULL);
                assert_false(submitters[i].wrong);
                taken += submitters[i].taken;
                refused += submitters[i].refused;
        }
        stop(test, PATIENT_MS);
        assert_int_equal(taken + refused, SUBMITTERS * RUNS_EACH);
        assert_true(taken >= WAITING_MAX);
        assert_int_equal(test->n_ended, taken);
        assert_int_equal(test->n_last_calls, taken);
        check_store(test, taken);
}

static void test_answers(void **state)
{
        struct test *test = *state;
        if (!test->runner[0])
                skip();
        start(test, test->runner, 2, 10);
        struct ticket *good = submit(test, "small", "SELECT sum(a) AS n FROM t");
        struct ticket *bad = submit(test, "small", "SELECT nothing FROM t");
        await(test, good, has_ended, NULL);
        await(test, bad, has_ended, NULL);
        check_state(good, RUN_SUCCEEDED);
        check_state(bad, RUN_FAILED);
        _cleanup_json_ json_t *body = ticket_body(good);
        const json_t *rows = json_object_get(json_object_get(body, "result"), "rows");
        assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 0), 0)), 6);
        assert_string_equal(ticket_owner(good), "ann");
        stop(test, PATIENT_MS);
        check_store(test, 2);
}

static void test_stop_of_nothing(void **state)
{
        struct test *test = *state;
        runs_stop(NULL, 0);
        runs_free(NULL);
        start_script(test, BRIEF, 4, 1);
        stop(test, PATIENT_MS);
        assert_int_equal(test->n_ended, 0);
}

static sqlite3 *lock_store(const struct test *test)
{
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(test->fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        return db;
}

/* The state of that run in the store becomes this one. */
static void await_stored(const struct test *test, const char *run_id, enum run_state state)
{
        static const struct timespec soon = {.tv_nsec = 5000000};
        enum run_state found = RUN_STATE_COUNT_;
        for (int i = 0; i < WAIT_S * 200 && found != state; i++) {
                struct error err = {0};
                struct capsule *capsule = NULL;
                assert_int_equal(capsule_store_get(test->store, run_id, &capsule, &err), 0);
                found = capsule->state;
                capsule_free(capsule);
                if (found != state)
                        (void)nanosleep(&soon, NULL);
        }
        assert_string_equal(run_state_name(found), run_state_name(state));
}

/* The store cannot be written when the runs end: who waits is told, and later they are sealed as
 * what they were; by the queue's end at the latest. */
static void check_sealed_late(struct test *test, bool by_the_end)
{
        struct ticket_view views[3];
        start_script(test, ENDLESS, 3, 10);
        capsule_store_set_wait(test->store, 20);
        for (size_t i = 0; i < 3; i++)
                await(test, submit(test, "small", "SELECT 1"), is_running, NULL);
        sqlite3 *db = lock_store(test);
        for (size_t i = 0; i < 3; i++) {
                ticket_cancel(test->tickets[i]);
                await(test, test->tickets[i], has_ended, &views[i]);
                assert_int_equal(views[i].error.type, ERROR_STORE);
                assert_non_null(strstr(views[i].error.message, "locked"));
        }
        await_stored(test, views[0].run_id, RUN_RUNNING);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        capsule_store_set_wait(test->store, CAPSULE_WAIT_MS);
        if (by_the_end)
                runs_free(steal_ptr(&test->runs));
        for (size_t i = 0; i < 3; i++)
                await_stored(test, views[i].run_id, RUN_CANCELLED);
        check_store(test, 3);
}

static void test_sealed_late(void **state)
{
        check_sealed_late(*state, false);
}

static void test_sealed_at_the_end(void **state)
{
        check_sealed_late(*state, true);
}

/* Others took its owner for dead and sealed it: nothing is left to be done. */
static void test_sealed_elsewhere(void **state)
{
        static const struct timespec soon = {.tv_nsec = 5000000};
        struct test *test = *state;
        struct error err = {0};
        struct late *late = NULL;
        struct capsule *ours = NULL;
        struct capsule *stored = NULL;
        assert_int_equal(capsule_new(&ours, &err), 0);
        assert_int_equal(capsule_store_insert(test->store, ours, &err), 0);
        assert_int_equal(capsule_store_get(test->store, capsule_run_id(ours), &stored, &err), 0);
        assert_int_equal(run_move(stored, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(test->store, stored, &err), 0);
        assert_int_equal(run_move(ours, RUN_FAILED, &err), 0);
        assert_int_equal(late_start(test->store, &late, &err), 0);
        late_add(late, ours);
        for (int i = 0; i < WAIT_S * 200 && late_waiting(late) > 0; i++)
                (void)nanosleep(&soon, NULL);
        assert_int_equal(late_waiting(late), 0);
        late_free(late);
        capsule_free(stored);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_first_come_first_served),
                TEST(test_find),
                TEST(test_what_waits_is_cancelled_at_once),
                TEST(test_full),
                TEST(test_one_owner_cannot_fill_the_queue),
                TEST(test_stop_waits),
                TEST(test_stop_loses_patience),
                TEST(test_stop_at_once),
                TEST(test_tickets_outlive_the_service),
                TEST(test_a_folder_is_missing),
                TEST(test_many_at_once),
                TEST(test_answers),
                TEST(test_sealed_late),
                TEST(test_sealed_elsewhere),
                TEST(test_sealed_at_the_end),
                TEST(test_stop_of_nothing),
        };
        return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
