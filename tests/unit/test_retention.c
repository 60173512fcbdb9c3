/* Retention: what goes, what stays, and that nobody can take more away unnoticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "capsule/retention.h"
#include "test_store_fixture.h"

#include <pthread.h>
#include <unistd.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define KILLS 40

/* A run that was made so many days ago. */
static void keep_aged(struct capsule_store *store, int days)
{
        struct error err = {0};
        char made[CLOCK_TEXT_SIZE];
        _cleanup_capsule_ struct capsule *capsule = NULL;
        clock_format_ms(clock_utc_ms() - days * DAY_MS, made);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(json_object_set_new(capsule->body, "created_at", json_string(made)), 0);
        assert_int_equal(capsule_store_insert(store, capsule, &err), 0);
        assert_int_equal(run_move(capsule, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(store, capsule, &err), 0);
}

static struct retention_outcome prune(struct capsule_store *store, int64_t days, int64_t count)
{
        const struct retention_rule rule = {.days = days, .count = count};
        struct retention_outcome outcome;
        struct error err = {0};
        if (retention_prune(store, &rule, &outcome, &err) < 0)
                fail_msg("%s", err.message);
        return outcome;
}

/* However many batches that takes; how many were removed. */
static int64_t prune_all(struct capsule_store *store, int64_t count)
{
        int64_t removed = 0;
        struct retention_outcome outcome = {.more = true};
        while (outcome.more) {
                outcome = prune(store, 0, count);
                removed += outcome.removed;
        }
        return removed;
}

static void check_pruned(struct capsule_store *store, int64_t days, int64_t count, int64_t removed)
{
        const struct retention_rule rule = {.days = days, .count = count};
        struct error err = {0};
        int64_t foretold = -1;
        assert_int_equal(retention_count(store, &rule, &foretold, &err), 0);
        assert_int_equal(foretold, removed);
        struct retention_outcome outcome = prune(store, days, count);
        assert_int_equal(outcome.removed, removed);
        assert_int_equal(outcome.run_id[0] != '\0', removed > 0);
        assert_false(outcome.more);
}

static void check_head(struct capsule_store *store, int64_t count, int64_t removed)
{
        struct error err = {0};
        struct chain_head head;
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        assert_int_equal(head.count, count);
        assert_int_equal(head.removed, removed);
}

/* The id of the one at that place. */
static void id_at(const struct fixture *fixture, int seq, char out[UUID_TEXT_SIZE])
{
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "SELECT run_id FROM capsules WHERE seq = %d", seq);
        _cleanup_free_ char *id = fixture_text(fixture, sql);
        (void)snprintf(out, UUID_TEXT_SIZE, "%s", id);
}

static enum capsule_fault check_one(struct capsule_store *store, const char *run_id)
{
        struct error err = {0};
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        if (capsule_store_check(store, run_id, &fault, message, &err) < 0)
                fail_msg("%s", err.message);
        return fault;
}

/* ---- what goes and what stays ---- */

static void test_by_count(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char first[UUID_TEXT_SIZE];
        char seventh[UUID_TEXT_SIZE];
        struct capsule *capsule = NULL;
        _cleanup_capsule_ struct capsule *record = NULL;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        check_pruned(store, 0, 4, 0);
        keep_some(store, 10);
        id_at(fixture, 1, first);
        id_at(fixture, 7, seventh);
        check_pruned(store, 0, 0, 0); /* no rule, nothing removed */
        check_pruned(store, 0, 10, 0);
        struct retention_outcome outcome = prune(store, 0, 4);
        assert_int_equal(outcome.removed, 6);
        check_chain(store, CAPSULE_INTACT, 5); /* four, and the record of it */
        check_head(store, 11, 6);
        assert_int_equal(check_one(store, seventh), CAPSULE_INTACT);
        assert_int_equal(check_one(store, "last"), CAPSULE_INTACT);
        assert_int_equal(capsule_store_get(store, first, &capsule, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        assert_non_null(strstr(err.message, "removed by retention"));
        assert_int_equal(
                capsule_store_get(store, "00000000-0000-4000-8000-000000000000", &capsule, &err),
                -(int)ERROR_RUN_NOT_FOUND);
        assert_null(strstr(err.message, "retention"));
        assert_int_equal(capsule_store_get(store, outcome.run_id, &record, &err), 0);
        assert_int_equal(record->kind, CAPSULE_RETENTION);
        const json_t *removed = json_object_get(record->body, "removed");
        assert_int_equal(json_get_int(removed, "total", 0), 6);
        assert_int_equal(json_get_int(removed, "now", 0), 6);
        assert_int_equal(json_get_int(json_object_get(record->body, "rule"), "count", 0), 4);
        /* What is left is not removed in favour of the record of its removal, and so on. */
        check_pruned(store, 0, 4, 0);
        check_head(store, 11, 6);
}

static void test_by_age(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        static const int ages[] = {90, 40, 31, 29, 35, 0};
        for (size_t i = 0; i < ARRAY_SIZE(ages); i++)
                keep_aged(store, ages[i]);
        check_pruned(store, 100, 0, 0);
        check_pruned(store, 30, 0, 3); /* the last but one is behind one that stays */
        check_chain(store, CAPSULE_INTACT, 4);
        check_pruned(store, 30, 0, 0);
        check_pruned(store, 20, 0, 2);
        check_chain(store, CAPSULE_INTACT, 3); /* one, and two records */
        check_head(store, 8, 5);
}

/* Whichever rule gives it up. */
static void test_both_rules(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        keep_aged(store, 90);
        keep_some(store, 4);
        check_pruned(store, 30, 5, 1);
        check_pruned(store, 30, 3, 1);
        keep_some(store, 1);
        check_pruned(store, 0, 1, 3);
        check_chain(store, CAPSULE_INTACT, 4);
}

static void test_everything(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct error err = {0};
        struct capsule *capsule = NULL;
        keep_aged(store, 3);
        keep_aged(store, 2);
        check_pruned(store, 1, 0, 2);
        check_chain(store, CAPSULE_INTACT, 1);
        check_head(store, 3, 2);
        assert_int_equal(capsule_store_get(store, "last", &capsule, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        assert_non_null(strstr(err.message, "retention"));
        keep_some(store, 1);
        check_chain(store, CAPSULE_INTACT, 2);
        assert_int_equal(check_one(store, "last"), CAPSULE_INTACT);
}

/* Open ones are never touched, whatever their age, and are sealed behind what was removed. */
static void test_open_ones_stay(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        _cleanup_capsule_ struct capsule *open_one = NULL;
        assert_int_equal(capsule_new(&open_one, &err), 0);
        assert_int_equal(json_object_set_new(open_one->body, "created_at",
                                             json_string("2001-01-01T00:00:00.000Z")),
                         0);
        assert_int_equal(capsule_store_insert(store, open_one, &err), 0);
        keep_some(store, 3);
        check_pruned(store, 1, 1, 2);
        assert_int_equal(fill_capsule(open_one, 9, &err), 0);
        assert_int_equal(capsule_store_update(store, open_one, &err), 0);
        assert_int_equal(run_move(open_one, RUN_SUCCEEDED, &err), 0);
        assert_int_equal(capsule_store_seal(store, open_one, &err), 0);
        check_chain(store, CAPSULE_INTACT, 3);
        assert_int_equal(check_one(store, capsule_run_id(open_one)), CAPSULE_INTACT);
}

/* The records of retention go with what is around them, so that a store does not grow. */
static void test_steady(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct error err = {0};
        struct chain_head head = {0};
        for (int i = 0; i < 40; i++) {
                keep_some(store, 2);
                (void)prune(store, 0, 5);
                assert_int_equal(capsule_store_head(store, &head, &err), 0);
                assert_in_range(head.count - head.removed, 1, 10);
                check_chain(store, CAPSULE_INTACT, (size_t)(head.count - head.removed));
        }
        assert_int_equal(head.count, 80 + 38);
}

static void test_batches(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct error err = {0};
        int64_t foretold;
        keep_some(store, 2 * RETENTION_BATCH + 7);
        const struct retention_rule rule = {.count = 2};
        assert_int_equal(retention_count(store, &rule, &foretold, &err), 0);
        assert_int_equal(foretold, 2 * RETENTION_BATCH + 5);
        for (int i = 0; i < 2; i++) {
                struct retention_outcome outcome = prune(store, 0, 2);
                assert_int_equal(outcome.removed, RETENTION_BATCH);
                assert_true(outcome.more);
        }
        check_pruned(store, 0, 2, 5);
        check_chain(store, CAPSULE_INTACT, 2 + 3);
}

/* So many records of it in a row that a batch holds nothing else: it goes on nevertheless. */
static void test_many_records(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        for (int i = 0; i < RETENTION_BATCH + 20; i++)
                keep_aged(store, 9);
        for (int i = RETENTION_BATCH + 20; i > 0; i--)
                (void)prune(store, 0, i);
        keep_some(store, 2);
        assert_in_range(prune_all(store, 1), RETENTION_BATCH + 20, RETENTION_BATCH + 30);
        struct error err = {0};
        struct chain_head head;
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        check_chain(store, CAPSULE_INTACT, (size_t)(head.count - head.removed));
}

/* The room of what was removed is taken by what comes. */
static void test_room_is_used_again(void **state)
{
        struct fixture *fixture = *state;
        struct stat st;
        if (fixture->is_postgres)
                skip(); /* autovacuum does it, in its time */
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        off_t sizes[2] = {0};
        for (int i = 0; i < 12; i++) {
                keep_some(store, 100);
                (void)prune(store, 0, 50);
                fixture_tamper(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
                assert_int_equal(stat(fixture->path, &st), 0);
                sizes[i >= 3] = st.st_size > sizes[i >= 3] ? st.st_size : sizes[i >= 3];
        }
        assert_in_range(sizes[1], 1, sizes[0] * 5 / 4);
}

/* ---- tampering ---- */

static char *with_total(const char *body, const char *total)
{
        char *place = strstr(body, "\"total\":6");
        assert_non_null(place);
        return sqlite3_mprintf("%.*s\"total\":%s%s", (int)(place - body), body, total, place + 9);
}

static char *record_body(struct capsule_store *store, const char *run_id)
{
        struct error err = {0};
        _cleanup_capsule_ struct capsule *record = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        assert_int_equal(capsule_store_get(store, run_id, &record, &err), 0);
        assert_int_equal(capsule_write(record, &text, &err), 0);
        return strdup(buf_text(&text));
}

/* Ten runs of which six were removed: 7, 8, 9, 10, and the record of it, 11, are left. */
static void test_tampering(void **state)
{
        static const struct {
                const char *sql;
                enum capsule_fault fault;
                size_t sound;
                enum capsule_fault first; /* what a look at the first one that is left finds */
        } cases[] = {
                {"DELETE FROM capsules WHERE seq = 7", CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"DELETE FROM capsules WHERE seq = 7; UPDATE chain SET removed = 7",
                 CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"UPDATE chain SET removed = 0", CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"UPDATE chain SET removed = 5", CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"DELETE FROM capsules WHERE seq = 11", CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"DELETE FROM capsules WHERE seq = 11; UPDATE chain SET count = 10, head = (SELECT "
                 "substr(body, length(body) - 65, 64) FROM capsules WHERE seq = 10)",
                 CAPSULE_MISSING, 0, CAPSULE_MISSING},
                {"UPDATE capsules SET kind = 'run' WHERE seq = 11", CAPSULE_MISSING, 0,
                 CAPSULE_MISSING},
                {"UPDATE capsules SET body = 'x' WHERE seq = 11", CAPSULE_HASH_DIFFERS, 0,
                 CAPSULE_HASH_DIFFERS},
                {"UPDATE capsules SET body = replace(body, '\"now\":6', '\"now\":5') WHERE seq = "
                 "11",
                 CAPSULE_HASH_DIFFERS, 4, CAPSULE_HASH_DIFFERS},
                {"UPDATE capsules SET body = replace(body, '\"total\":6', '\"total\":7') WHERE seq "
                 "= 11; UPDATE chain SET removed = 7; DELETE FROM capsules WHERE seq = 7",
                 CAPSULE_CHAIN_BROKEN, 0, CAPSULE_HASH_DIFFERS},
                {"INSERT INTO capsules (run_id, created_at, status, seq, body) SELECT 'x', "
                 "created_at, status, 6, body FROM capsules WHERE seq = 7",
                 CAPSULE_CHAIN_BROKEN, 0, CAPSULE_INTACT},
                {"UPDATE capsules SET kind = 'retention' WHERE seq = 10", CAPSULE_HASH_DIFFERS, 3,
                 CAPSULE_INTACT},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct fixture *fixture = NULL;
                assert_int_equal(fixture_setup((void **)&fixture), 0);
                char first[UUID_TEXT_SIZE];
                struct capsule_store *store = open_store(fixture);
                keep_some(store, 10);
                check_pruned(store, 0, 4, 6);
                check_chain(store, CAPSULE_INTACT, 5);
                fixture_tamper(fixture, cases[i].sql);
                print_message("%s\n", cases[i].sql);
                check_chain(store, cases[i].fault, cases[i].sound);
                id_at(fixture, strstr(cases[i].sql, "WHERE seq = 7") && i != 10 ? 8 : 7, first);
                assert_int_equal(check_one(store, first), cases[i].first);
                capsule_store_free(store);
                assert_int_equal(fixture_teardown((void **)&fixture), 0);
        }
        (void)state;
}

/* Who cuts off one more and writes the record of it anew, its hash and the head's included, still
 * has the wrong beginning, unless every hash behind it is made anew too. */
static void test_forged_record(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 10);
        struct retention_outcome outcome = prune(store, 0, 4);
        keep_some(store, 1);
        _cleanup_free_ char *body = record_body(store, outcome.run_id);
        char *total = with_total(body, "7");
        _cleanup_capsule_ struct capsule *forged = NULL;
        assert_int_equal(capsule_parse(total, strlen(total), &forged, &err), 0);
        sqlite3_free(total);
        char eighth[UUID_TEXT_SIZE];
        _cleanup_capsule_ struct capsule *next = NULL;
        id_at(fixture, 8, eighth);
        assert_int_equal(capsule_store_get(store, eighth, &next, &err), 0);
        json_object_set(json_object_get(forged->body, "removed"), "capsule_hash",
                        json_object_get(next->body, "prev_hash"));
        assert_int_equal(capsule_compute_hash(forged, hex, &err), 0);
        json_object_set_new(forged->body, "capsule_hash", json_string(hex));
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        assert_int_equal(capsule_write(forged, &text, &err), 0);
        char *sql = sqlite3_mprintf("UPDATE capsules SET body = %Q WHERE seq = 11; DELETE FROM "
                                    "capsules WHERE seq = 7; UPDATE chain SET removed = 7",
                                    buf_text(&text));
        fixture_tamper(fixture, sql);
        sqlite3_free(sql);
        check_chain(store, CAPSULE_CHAIN_BROKEN, 4);
        assert_int_equal(check_one(store, eighth), CAPSULE_CHAIN_BROKEN);
}

/* Who puts back what was removed, and says that nothing was, is contradicted by the record of it.
 */
static void test_put_back(void **state)
{
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 10);
        fixture_tamper(fixture, "CREATE TABLE kept AS SELECT * FROM capsules");
        check_pruned(store, 0, 4, 6);
        fixture_tamper(fixture, "INSERT INTO capsules SELECT * FROM kept WHERE seq <= 6; "
                                "UPDATE chain SET removed = 0; DROP TABLE kept");
        check_chain(store, CAPSULE_CHAIN_BROKEN, 11);
}

/* What was altered is kept, as evidence; what is before it may go. */
static void test_altered_ones_stay(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        const struct retention_rule rule = {.count = 1};
        struct retention_outcome outcome;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 8);
        fixture_tamper(fixture,
                       "UPDATE capsules SET body = replace(body, 'SELECT', 'select') WHERE seq = "
                       "5");
        assert_int_equal(retention_prune(store, &rule, &outcome, &err), 0);
        assert_int_equal(outcome.removed, 4);
        assert_true(outcome.more);
        assert_int_equal(retention_prune(store, &rule, &outcome, &err), -(int)ERROR_STORE);
        assert_int_equal(outcome.removed, 0);
        assert_non_null(strstr(err.message, "altered"));
        assert_non_null(strstr(err.message, "capsules check"));
        check_head(store, 9, 4);
        check_chain(store, CAPSULE_HASH_DIFFERS, 0);
}

/* Not even askcsv's own connection removes what no record says is removed. */
static void test_triggers(void **state)
{
        static const char *const statements[] = {
                "DELETE FROM capsules WHERE seq = 3",
                "DELETE FROM capsules WHERE seq IS NULL",
                "UPDATE chain SET removed = 3",
                "UPDATE chain SET count = count + 1, removed = 3",
                "UPDATE chain SET count = count + 1, removed = 0",
        };
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *open_one = NULL;
        assert_int_equal(capsule_new(&open_one, &err), 0);
        assert_int_equal(capsule_store_insert(store, open_one, &err), 0);
        keep_some(store, 4);
        check_pruned(store, 0, 2, 2);
        check_all_refused(fixture, statements, ARRAY_SIZE(statements));
        check_chain(store, CAPSULE_INTACT, 3);
}

/* ---- other processes ---- */

/* Seals and removes for ever; says so before each removal. */
static void child_prune(const struct fixture *fixture, int fd)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        const struct retention_rule rule = {.count = 5};
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        for (int i = 0;; i++) {
                struct retention_outcome outcome;
                CHILD_CHECK(keep_run(store, i, NULL, &err) == 0, &err);
                (void)!write(fd, "p", 1);
                CHILD_CHECK(retention_prune(store, &rule, &outcome, &err) == 0, &err);
        }
}

/* Killed anywhere in it: removed and recorded, or neither. */
static void test_kill_between(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        struct chain_head head;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 6);
        for (int i = 0; i < KILLS; i++) {
                int said[2];
                char bytes[64];
                size_t recovered;
                assert_int_equal(pipe(said), 0);
                pid_t pid = fork_child();
                if (pid == 0)
                        child_prune(fixture, said[1]);
                (void)close(said[1]);
                for (int k = 0; k <= i % 5; k++)
                        assert_int_equal(read(said[0], bytes, 1), 1);
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(exit_status(pid), -SIGKILL);
                (void)close(said[0]);
                fixture_expire(fixture, pid);
                assert_int_equal(capsule_store_recover(store, &recovered, &err), 0);
                assert_int_equal(capsule_store_head(store, &head, &err), 0);
                check_chain(store, CAPSULE_INTACT, (size_t)(head.count - head.removed));
                (void)prune(store, 0, 5);
        }
}

static void child_seal(const struct fixture *fixture, bool prunes)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        const struct retention_rule rule = {.count = 20};
        struct retention_outcome outcome;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        for (int i = 0; i < 60; i++)
                if (prunes)
                        CHILD_CHECK(retention_prune(store, &rule, &outcome, &err) == 0, &err);
                else
                        CHILD_CHECK(keep_run(store, i, NULL, &err) == 0, &err);
        capsule_store_free(store);
        _exit(0);
}

/* Some seal, some remove, all at once. */
static void test_many_processes(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        struct chain_head head;
        pid_t children[6];
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 30);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                if ((children[i] = fork_child()) == 0)
                        child_seal(fixture, i % 3 == 0);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                assert_int_equal(exit_status(children[i]), 0);
        (void)prune_all(store, 20);
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        assert_true(head.removed >= 30 + 4 * 60 - 20);
        check_chain(store, CAPSULE_INTACT, (size_t)(head.count - head.removed));
}

/* ---- within a server ---- */

struct writer {
        pthread_t thread;
        struct capsule_store *store;
        bool prunes;
        int failed;
};

static void *write_or_prune(void *data)
{
        struct writer *writer = data;
        const struct retention_rule rule = {.count = 10};
        for (int i = 0; i < 40; i++) {
                struct error err = {0};
                struct retention_outcome outcome;
                writer->failed +=
                        writer->prunes ? retention_prune(writer->store, &rule, &outcome, &err) < 0
                                       : keep_run(writer->store, i, NULL, &err) < 0;
        }
        return NULL;
}

static void test_shared(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        struct chain_head head;
        struct writer writers[6] = {0};
        struct capsule_store *store = NULL;
        assert_int_equal(capsule_store_open_shared(fixture->url, &store, &err), 0);
        for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
                writers[i].store = store;
                writers[i].prunes = i % 3 == 0;
                assert_int_equal(
                        pthread_create(&writers[i].thread, NULL, write_or_prune, &writers[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
                (void)pthread_join(writers[i].thread, NULL);
                assert_int_equal(writers[i].failed, 0);
        }
        (void)prune_all(store, 10);
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        assert_true(head.removed >= 4 * 40 - 10);
        check_chain(store, CAPSULE_INTACT, (size_t)(head.count - head.removed));
        capsule_store_free(store);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_by_count),
                STORE_TEST(test_by_age),
                STORE_TEST(test_both_rules),
                STORE_TEST(test_everything),
                STORE_TEST(test_open_ones_stay),
                STORE_TEST(test_steady),
                STORE_TEST(test_batches),
                STORE_TEST(test_many_records),
                STORE_TEST(test_room_is_used_again),
                cmocka_unit_test(test_tampering),
                STORE_TEST(test_forged_record),
                STORE_TEST(test_put_back),
                STORE_TEST(test_altered_ones_stay),
                STORE_TEST(test_triggers),
                STORE_TEST(test_kill_between),
                STORE_TEST(test_many_processes),
                STORE_TEST(test_shared),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
