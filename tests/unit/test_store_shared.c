/* One store for many threads: what they write at once is committed together, and each gets its own
 * outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store_fixture.h"

#include <pthread.h>

#define WRITERS 16
#define RUNS_EACH 40

static struct capsule_store *open_shared(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        if (capsule_store_open_shared(fixture->url, &store, &err) < 0)
                fail_msg("%s", err.message);
        return store;
}

struct writer {
        pthread_t thread;
        struct capsule_store *store;
        int failed;
};

static void *write_runs(void *data)
{
        struct writer *writer = data;
        for (int i = 0; i < RUNS_EACH; i++) {
                struct error err = {0};
                struct capsule *capsule = NULL;
                struct capsule *found = NULL;
                if (keep_run(writer->store, i, &capsule, &err) < 0 ||
                    capsule_store_get(writer->store, capsule_run_id(capsule), &found, &err) < 0 ||
                    !capsule_is_sealed(found))
                        writer->failed++;
                capsule_free(found);
                capsule_free(capsule);
        }
        return NULL;
}

static void test_many_threads(void **state)
{
        struct capsule_store *store = open_shared(*state);
        struct writer writers[WRITERS] = {0};
        for (int i = 0; i < WRITERS; i++) {
                writers[i].store = store;
                assert_int_equal(pthread_create(&writers[i].thread, NULL, write_runs, &writers[i]),
                                 0);
        }
        for (int i = 0; i < WRITERS; i++) {
                (void)pthread_join(writers[i].thread, NULL);
                assert_int_equal(writers[i].failed, 0);
        }
        check_chain(store, CAPSULE_INTACT, (size_t)WRITERS * RUNS_EACH);
        capsule_store_free(store);
}

/* Seals what was never inserted, again and again, beside threads that do it rightly. */
static void *write_nonsense(void *data)
{
        struct writer *writer = data;
        for (int i = 0; i < RUNS_EACH; i++) {
                struct error err = {0};
                struct capsule *capsule = NULL;
                if (capsule_new(&capsule, &err) < 0 || run_move(capsule, RUN_CANCELLED, &err) < 0 ||
                    capsule_store_seal(writer->store, capsule, &err) != -(int)ERROR_STORE ||
                    capsule_is_sealed(capsule))
                        writer->failed++;
                capsule_free(capsule);
        }
        return NULL;
}

static void test_one_that_fails_leaves_the_others(void **state)
{
        struct capsule_store *store = open_shared(*state);
        struct writer writers[8] = {0};
        for (int i = 0; i < 8; i++) {
                writers[i].store = store;
                assert_int_equal(pthread_create(&writers[i].thread, NULL,
                                                i % 2 ? write_nonsense : write_runs, &writers[i]),
                                 0);
        }
        for (int i = 0; i < 8; i++) {
                (void)pthread_join(writers[i].thread, NULL);
                assert_int_equal(writers[i].failed, 0);
        }
        check_chain(store, CAPSULE_INTACT, (size_t)4 * RUNS_EACH);
        capsule_store_free(store);
}

/* Another process holds the lock for longer than anybody waits: nothing is kept, nothing sealed. */
static void test_a_commit_that_fails(void **state)
{
        const struct fixture *fixture = *state;
        struct capsule_store *store = open_shared(fixture);
        struct error err = {0};
        struct capsule *capsule = NULL;
        capsule_store_set_wait(store, 50);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule_store_insert(store, capsule, &err), 0);
        assert_int_equal(run_move(capsule, RUN_CANCELLED, &err), 0);
        void *lock = fixture_lock(fixture);
        assert_int_equal(capsule_store_seal(store, capsule, &err), -(int)ERROR_STORE);
        assert_false(capsule_is_sealed(capsule));
        fixture_unlock(fixture, lock);
        assert_int_equal(capsule_store_seal(store, capsule, &err), 0);
        assert_true(capsule_is_sealed(capsule));
        check_chain(store, CAPSULE_INTACT, 1);
        capsule_free(capsule);
        capsule_store_free(store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many_threads, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_one_that_fails_leaves_the_others,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_a_commit_that_fails, fixture_setup,
                                                fixture_teardown),
        };
        return cmocka_run_group_tests_name("store_shared", tests, NULL, NULL);
}
