/* What is PostgreSQL's alone; what every store does, test_store.c and others assert of it too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capsule/servers.h"
#include "capsule/threads.h"
#include "test_store_fixture.h"

#define SECRET "hunter2"

/* ---- what is at the URL ---- */

static void check_refused(const char *url, const char *said, const char *also)
{
        struct error err = open_refused(url, said, also);
        assert_int_equal(err.type, ERROR_STORE);
        assert_null(strstr(err.message, SECRET));
}

static void test_urls(void **state)
{
        (void)state;
        check_refused("postgresql://a:" SECRET "@127.0.0.1:1/x", "the database x on 127.0.0.1:1",
                      "the setting \"store\"");
        check_refused("postgres://a@127.0.0.1:1/x?password=" SECRET, "no connection", "refused");
        check_refused("postgresql://a:" SECRET "@[::1/x", "has the form", "sslmode");
        check_refused("postgresql://a:x/" SECRET "@h/x", "has the form", "%XX");
        check_refused("postgresql://a@h/x?" SECRET "=1", "has the form", "%XX");
        check_refused("postgresql:///x?host=/nowhere", "the database x on /nowhere",
                      "No such file");
}

/* Everything as it was afterwards. */
static void test_other_program(void **state)
{
        const struct fixture *fixture = *state;
        fixture_sql(fixture, "CREATE TABLE capsules (wine text)");
        check_refused(fixture->url, "tables of another program", "a database of its own");
        assert_int_equal(fixture_number(fixture,
                                        "SELECT count(*) FROM pg_class c JOIN pg_namespace "
                                        "n ON n.oid = relnamespace WHERE nspname = "
                                        "current_schema()"),
                         1);
}

static void test_versions(void **state)
{
        const struct fixture *fixture = *state;
        capsule_store_free(open_store(fixture));
        fixture_sql(fixture, "UPDATE askcsv_store SET version = 3");
        check_refused(fixture->url, "newer askcsv", "this one knows 2");
        fixture_sql(fixture, "UPDATE askcsv_store SET version = 0");
        check_refused(fixture->url, "no version", "backup");
        fixture_sql(fixture, "DELETE FROM askcsv_store");
        check_refused(fixture->url, "no version", "backup");
        fixture_sql(fixture, "INSERT INTO askcsv_store VALUES (1, 2, NULL); DROP TABLE chain");
        check_refused(fixture->url, "damaged", "chain");
}

static void with_option(const struct fixture *fixture, const char *option, char out[600])
{
        (void)snprintf(out, 600, "%s%s", fixture->url, option);
}

static void test_read_only(void **state)
{
        char url[600];
        with_option(*state, "%20-cdefault_transaction_read_only%3Don", url);
        check_refused(url, "read-only", "the setting \"store\"");
}

/* Who may not make tables is told what is missing. */
static void test_no_rights(void **state)
{
        const struct fixture *fixture = *state;
        char url[600];
        fixture_sql(fixture,
                    "DO $$ BEGIN CREATE ROLE visitor; EXCEPTION WHEN duplicate_object THEN "
                    "END $$; DO $$ BEGIN EXECUTE 'GRANT USAGE ON SCHEMA ' || "
                    "current_schema() || ' TO visitor'; END $$");
        with_option(fixture, "%20-crole%3Dvisitor", url);
        check_refused(url, "permission denied", "grant the user");
}

static void test_no_schema(void **state)
{
        const struct fixture *fixture = *state;
        char url[600];
        with_option(fixture, "_is_not_there", url);
        check_refused(url, "no schema", "search_path");
}

/* ---- from an older version ---- */

static const char schema[] =
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (SELECT table_name || column_name || "
        "data_type || is_nullable || coalesce(column_default, '') || coalesce(collation_name, '') "
        "AS line FROM information_schema.columns WHERE table_schema = current_schema() UNION ALL "
        "SELECT replace(indexdef, current_schema(), '') FROM pg_indexes WHERE schemaname = "
        "current_schema() UNION ALL SELECT event_object_table || trigger_name || "
        "event_manipulation || coalesce(action_condition, '') || action_statement FROM "
        "information_schema.triggers WHERE trigger_schema = current_schema()) AS lines";

static void test_migration(void **state)
{
        const struct fixture *fixture = *state;
        struct error err = {0};
        struct thread thread;
        struct capsule_store *store = open_store(fixture);
        keep_some(store, 3);
        assert_int_equal(thread_new(store, "ann", "Old", &thread, &err), 0);
        capsule_store_free(store);
        _cleanup_free_ char *fresh = fixture_text(fixture, schema);
        assert_non_null(strstr(fresh, "buckets"));
        /* What version 2 has besides. */
        fixture_sql(fixture, "DROP TABLE cancels, documents, buckets; UPDATE askcsv_store SET "
                             "version = 1");
        pid_t children[4];
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                if ((children[i] = fork_child()) == 0) {
                        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
                        CHILD_CHECK(keep_run(store, 7, NULL, &err) == 0, &err);
                        capsule_store_free(store);
                        _exit(0);
                }
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                assert_int_equal(exit_status(children[i]), 0);
        _cleanup_store_ struct capsule_store *migrated = open_store(fixture);
        _cleanup_free_ char *now = fixture_text(fixture, schema);
        assert_string_equal(now, fresh);
        assert_int_equal(fixture_number(fixture, "SELECT version FROM askcsv_store"), 2);
        check_chain(migrated, CAPSULE_INTACT, 7);
        assert_int_equal(thread_get(migrated, thread.id, "ann", &thread, &err), 0);
}

/* ---- connections that are lost ---- */

/* Of this test's stores, all of them. */
static void cut(const struct fixture *fixture)
{
        free(fixture_text(fixture,
                          "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                          "application_name = 'askcsv'"));
        while (fixture_number(fixture, "SELECT count(*) FROM pg_stat_activity WHERE "
                                       "application_name = 'askcsv'") > 0)
                ;
}

static void test_cut_between_calls(void **state)
{
        const struct fixture *fixture = *state;
        struct error err = {0};
        struct chain_head head;
        struct thread thread;
        size_t recovered;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *found = NULL;
        keep_some(store, 1);
        cut(fixture);
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        cut(fixture);
        keep_some(store, 1);
        cut(fixture);
        assert_int_equal(capsule_store_get(store, "last", &found, &err), 0);
        cut(fixture);
        assert_int_equal(thread_new(store, "", NULL, &thread, &err), 0);
        cut(fixture);
        assert_int_equal(capsule_store_recover(store, &recovered, &err), 0);
        cut(fixture);
        assert_int_equal(capsule_store_probe(store, &err), 0);
        cut(fixture);
        check_chain(store, CAPSULE_INTACT, 2);
}

struct cutter {
        const struct fixture *fixture;
        int seen;
};

static int cut_at_first(const struct capsule *capsule, void *data)
{
        struct cutter *cutter = data;
        (void)capsule;
        if (cutter->seen++ == 0)
                cut(cutter->fixture);
        return 0;
}

/* A list is whole, or an error; nothing is in it twice. (What is small enough is there already.) */
static void test_cut_in_a_list(void **state)
{
        const struct fixture *fixture = *state;
        struct error err = {0};
        struct cutter cutter = {fixture, 0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 120);
        int r = capsule_store_list(store, &(struct capsule_filter){0}, cut_at_first, &cutter, &err);
        assert_true(r == 0 ? cutter.seen == 120 : r == -(int)ERROR_STORE && cutter.seen < 120);
        assert_true(r == 0 || strstr(err.message, "was lost"));
        check_chain(store, CAPSULE_INTACT, 120);
}

/* ---- owners ---- */

static struct capsule *open_run(struct capsule_store *store)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        assert_int_equal(capsule_new(&capsule, &err), 0);
        if (capsule_store_insert(store, capsule, &err) < 0)
                fail_msg("%s", err.message);
        return capsule;
}

/* Silent for long: first doubted, and only when it stays so condemned; a sign of life clears it. */
static void test_doubt(void **state)
{
        const struct fixture *fixture = *state;
        struct capsule_store *one = open_store(fixture);
        _cleanup_store_ struct capsule_store *other = open_store(fixture);
        capsule_store_set_lease(one, 300000); /* it renews every half a minute */
        capsule_free(open_run(one));
        fixture_sql(fixture, "UPDATE owners SET renewed_at = now() - interval '10 min'");
        assert_int_equal(recover(other), 0);
        assert_int_equal(fixture_number(fixture, "SELECT count(doubted_at) FROM owners"), 1);
        assert_int_equal(recover(other), 0);
        fixture_sql(fixture, "UPDATE owners SET doubted_at = now() - interval '10 min'");
        assert_int_equal(recover(other), 1);
        assert_int_equal(recover(other), 0);
        assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM owners"), 0);
        capsule_store_free(one);
        check_chain(other, CAPSULE_INTACT, 1);
}

/* Its own thread renews, however long its process does nothing else. */
static void test_renewal(void **state)
{
        const struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *one = open_store(fixture);
        _cleanup_store_ struct capsule_store *other = open_store(fixture);
        capsule_store_set_lease(one, 100);
        capsule_free(open_run(one));
        fixture_sql(fixture,
                    "UPDATE owners SET renewed_at = now() - interval '10 min', doubted_at = "
                    "now(), lease_ms = 600000");
        while (fixture_number(fixture, "SELECT count(*) FROM owners WHERE doubted_at IS NULL AND "
                                       "renewed_at > now() - interval '1 min'") == 0)
                ;
        assert_int_equal(recover(other), 0);
}

/* Taken for dead, it learns of it: what it had is not its own any more, and what comes is. */
static void test_condemned(void **state)
{
        const struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *one = open_store(fixture);
        _cleanup_store_ struct capsule_store *other = open_store(fixture);
        _cleanup_capsule_ struct capsule *capsule = open_run(one);
        _cleanup_capsule_ struct capsule *next = NULL;
        fixture_sql(fixture, "UPDATE owners SET condemned = true");
        assert_int_equal(capsule_new(&next, &err), 0);
        assert_int_equal(capsule_store_insert(one, next, &err), -(int)ERROR_STORE);
        assert_non_null(strstr(err.message, "recorded its open runs as failed"));
        assert_int_equal(recover(other), 1);
        assert_int_equal(run_move(capsule, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(one, capsule, &err), -(int)ERROR_STORE);
        assert_false(capsule_is_sealed(capsule));
        assert_non_null(strstr(err.message, "sealed already"));
        assert_int_equal(capsule_store_insert(one, next, &err), 0);
        assert_int_equal(run_move(next, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(one, next, &err), 0);
        check_chain(other, CAPSULE_INTACT, 2);
}

static struct capsule *waiting_run(struct capsule_store *store)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule_set(capsule, "query_mode", json_string("sql"), &err), 0);
        assert_int_equal(capsule_set(capsule, "sql", json_string("SELECT 1"), &err), 0);
        (void)snprintf(capsule->asker, sizeof(capsule->asker), "ann");
        if (capsule_store_insert(store, capsule, &err) < 0)
                fail_msg("%s", err.message);
        return capsule;
}

/* What had not begun at a server goes to another one, once; what had, and a command's, does not. */
static void test_adoption(void **state)
{
        const struct fixture *fixture = *state;
        struct error err = {0};
        struct capsule *none = NULL;
        _cleanup_store_ struct capsule_store *server = open_store(fixture);
        _cleanup_store_ struct capsule_store *command = open_store(fixture);
        _cleanup_store_ struct capsule_store *other = open_store(fixture);
        _cleanup_capsule_ struct capsule *adopted = NULL;
        capsule_store_set_lease(server, 300000);
        capsule_store_set_lease(other, 300000);
        _cleanup_capsule_ struct capsule *waiting = waiting_run(server);
        _cleanup_capsule_ struct capsule *running = waiting_run(server);
        assert_int_equal(run_move(running, RUN_RUNNING, &err), 0);
        assert_int_equal(capsule_store_update(server, running, &err), 0);
        capsule_free(open_run(server)); /* a question that nobody has read yet */
        capsule_free(waiting_run(command));
        assert_int_equal(store_adopt(other, &none, &err), 0);
        fixture_sql(fixture, "UPDATE owners SET condemned = true");
        assert_int_equal(recover(other), 3);
        assert_int_equal(store_adopt(other, &adopted, &err), 1);
        assert_int_equal(store_adopt(other, &none, &err), 0);
        assert_null(none);
        assert_true(json_equal(adopted->body, waiting->body));
        assert_string_equal(adopted->asker, "ann");
        assert_int_equal(recover(other), 0);
        assert_int_equal(run_move(waiting, RUN_RUNNING, &err), 0);
        assert_int_equal(capsule_store_update(server, waiting, &err), -(int)ERROR_STORE);
        assert_int_equal(run_move(adopted, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(other, adopted, &err), 0);
        check_chain(other, CAPSULE_INTACT, 4);
}

/* When no server has come for long, it is recorded as failed like all others. */
static void test_nobody_adopts(void **state)
{
        const struct fixture *fixture = *state;
        struct capsule_store *server = open_store(fixture);
        _cleanup_store_ struct capsule_store *other = open_store(fixture);
        capsule_store_set_lease(server, 300000);
        capsule_free(waiting_run(server));
        fixture_sql(fixture, "UPDATE owners SET condemned = true");
        assert_int_equal(recover(other), 0);
        fixture_sql(fixture, "UPDATE owners SET renewed_at = now() - interval '11 min'");
        assert_int_equal(recover(other), 1);
        capsule_store_free(server);
}

/* ---- what servers tell each other ---- */

static void count_run(const char *run_id, void *data)
{
        assert_int_equal(strlen(run_id), UUID_TEXT_SIZE - 1);
        (*(int *)data)++;
}

static void test_cancels(void **state)
{
        struct error err = {0};
        int n = 0;
        _cleanup_store_ struct capsule_store *one = open_store(*state);
        _cleanup_store_ struct capsule_store *other = open_store(*state);
        _cleanup_capsule_ struct capsule *capsule = open_run(one);
        assert_true(store_is_shared(one));
        assert_int_equal(store_ask_cancel(other, "00000000-0000-7000-8000-000000000000", &err), 0);
        assert_int_equal(store_ask_cancel(other, capsule_run_id(capsule), &err), 1);
        assert_int_equal(store_ask_cancel(other, capsule_run_id(capsule), &err), 1);
        assert_int_equal(store_cancels(one, count_run, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_int_equal(run_move(capsule, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(one, capsule, &err), 0);
        assert_int_equal(store_ask_cancel(other, capsule_run_id(capsule), &err), 0);
        assert_int_equal(store_cancels(one, count_run, &n, &err), 0);
        assert_int_equal(store_cancels(one, count_run, &n, &err), 0);
        assert_int_equal(n, 2); /* once more, and then it was done away with */
}

static void test_documents(void **state)
{
        struct error err = {0};
        int64_t version = -1;
        char *text = NULL;
        _cleanup_store_ struct capsule_store *one = open_store(*state);
        _cleanup_store_ struct capsule_store *other = open_store(*state);
        assert_int_equal(store_document_get(one, "d", -1, &text, &version, &err), 0);
        assert_int_equal(version, 0);
        assert_null(text);
        assert_int_equal(store_document_put(one, "d", 0, "a", &err), 1);
        assert_int_equal(store_document_put(other, "d", 0, "b", &err), 0);
        assert_int_equal(store_document_put(other, "d", 1, "b", &err), 1);
        assert_int_equal(store_document_put(one, "d", 1, "c", &err), 0);
        assert_int_equal(store_document_get(one, "d", 1, &text, &version, &err), 0);
        assert_int_equal(version, 2);
        assert_string_equal(text, "b");
        free(text);
        assert_int_equal(store_document_get(one, "d", 2, &text, &version, &err), 0);
        assert_null(text);
}

static int64_t take(struct capsule_store *store, const char *client, int64_t taken_us)
{
        struct error err = {0};
        struct bucket buckets[] = {{.client = "\"other\\\"", .taken_us = 1},
                                   {.client = client, .taken_us = taken_us}};
        if (store_buckets(store, buckets, ARRAY_SIZE(buckets), &err) < 0)
                fail_msg("%s", err.message);
        return buckets[1].owed_us;
}

static void test_buckets(void **state)
{
        const int64_t hour = INT64_C(3600) * 1000 * 1000;
        _cleanup_store_ struct capsule_store *one = open_store(*state);
        _cleanup_store_ struct capsule_store *other = open_store(*state);
        assert_in_range(take(one, "ann", hour), hour / 2, hour);
        assert_in_range(take(other, "ann", hour), hour * 3 / 2, hour * 2);
        assert_in_range(take(other, "bob", 1), 0, 1);
        /* What was full for long is forgotten. */
        fixture_sql(*state, "UPDATE buckets SET full_at = now() - interval '1 hour'");
        assert_in_range(take(one, "eve", hour), hour / 2, hour);
        assert_in_range(take(one, "ann", 0), 0, 0);
}

/* Stores of one machine have none of it. */
static void test_not_shared(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char url[128];
        struct capsule_store *store = NULL;
        (void)snprintf(url, sizeof(url), "sqlite:%s/capsules.db", fixture->dir);
        assert_int_equal(capsule_store_open_shared(url, &store, &err), 0);
        assert_false(store_is_shared(store));
        assert_int_equal(store_ask_cancel(store, "x", &err), -(int)ERROR_INTERNAL);
        capsule_store_free(store);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_urls),    STORE_TEST(test_other_program),
                STORE_TEST(test_versions),      STORE_TEST(test_read_only),
                STORE_TEST(test_no_rights),     STORE_TEST(test_no_schema),
                STORE_TEST(test_migration),     STORE_TEST(test_cut_between_calls),
                STORE_TEST(test_cut_in_a_list), STORE_TEST(test_doubt),
                STORE_TEST(test_renewal),       STORE_TEST(test_condemned),
                STORE_TEST(test_adoption),      STORE_TEST(test_nobody_adopts),
                STORE_TEST(test_cancels),       STORE_TEST(test_documents),
                STORE_TEST(test_buckets),       STORE_TEST(test_not_shared),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
