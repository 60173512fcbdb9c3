#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/owner.h"
#include "test_store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#define CHAIN_LENGTH 1000
#define WRITERS 8
#define RUNS_EACH 50

static struct capsule *keep(struct capsule_store *store, int n)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        if (keep_run(store, n, &capsule, &err) < 0)
                fail_msg("%s", err.message);
        return capsule;
}

static void check_run(struct capsule_store *store, const char *run_id, enum capsule_fault expected)
{
        struct error err = {0};
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        if (capsule_store_check(store, run_id, &fault, message, &err) < 0)
                fail_msg("%s", err.message);
        if (fault != expected)
                fail_msg("%s: %s", capsule_fault_name(fault), message);
}

static char *body_of(const struct fixture *fixture, int seq)
{
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "SELECT body FROM capsules WHERE seq = %d", seq);
        return fixture_text(fixture, sql);
}

static void replace_body(const struct fixture *fixture, int seq, const char *body)
{
        char *sql = sqlite3_mprintf("UPDATE capsules SET body = %Q WHERE seq = %d", body, seq);
        fixture_tamper(fixture, sql);
        sqlite3_free(sql);
}

static void test_life(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_capsule_ struct capsule *stored = NULL;
        _cleanup_capsule_ struct capsule *sealed = NULL;
        struct chain_head head;
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        assert_int_equal(head.count, 0);
        assert_string_equal(head.hash, CAPSULE_NO_HASH);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_true(capsule_store_update(store, capsule, &err) < 0); /* not inserted */
        assert_int_equal(capsule_store_insert(store, capsule, &err), 0);
        assert_true(capsule_store_insert(store, capsule, &err) < 0); /* twice */
        assert_true(capsule_store_seal(store, capsule, &err) < 0);   /* not final */
        assert_int_equal(fill_capsule(capsule, 7, &err), 0);
        assert_int_equal(capsule_store_update(store, capsule, &err), 0);
        assert_int_equal(capsule_store_get(store, capsule_run_id(capsule), &stored, &err), 0);
        assert_true(json_equal(stored->body, capsule->body));
        assert_int_equal(stored->state, RUN_RUNNING);
        assert_int_equal(run_move(capsule, RUN_SUCCEEDED, &err), 0);
        assert_int_equal(capsule_store_seal(store, capsule, &err), 0);
        assert_string_equal(json_get_string(capsule->body, "prev_hash"), CAPSULE_NO_HASH);
        assert_int_equal(capsule_store_get(store, "last", &sealed, &err), 0);
        assert_true(json_equal(sealed->body, capsule->body));
        assert_int_equal(capsule_store_head(store, &head, &err), 0);
        assert_int_equal(head.count, 1);
        assert_string_equal(head.hash, json_get_string(capsule->body, "capsule_hash"));
        /* Sealed, it takes nothing more. */
        assert_true(capsule_store_seal(store, capsule, &err) < 0);
        assert_true(capsule_store_update(store, capsule, &err) < 0);
        assert_true(capsule_store_insert(store, capsule, &err) < 0);
        assert_true(capsule_store_update(store, stored, &err) < 0); /* a stale copy */
        assert_non_null(strstr(err.message, "sealed already"));
        check_chain(store, CAPSULE_INTACT, 1);
}

static mode_t mode_of(const char *path)
{
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

static void test_modes(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char path[128];
        char url[160];
        if (fixture->is_postgres)
                skip();
        mode_t mask = umask(0);
        _cleanup_store_ struct capsule_store *store = NULL;
        (void)snprintf(url, sizeof(url), "sqlite:%s/new/home/capsules.db", fixture->dir);
        int r = capsule_store_open(url, &store, &err);
        if (r == 0)
                r = keep_run(store, 1, NULL, &err);
        umask(mask);
        assert_int_equal(r, 0);
        static const struct {
                const char *name;
                mode_t mode;
        } made[] = {{"", 0700},
                    {"/home", 0700},
                    {"/home/owners", 0700},
                    {"/home/capsules.db", 0600},
                    {"/home/capsules.db-wal", 0600},
                    {"/home/capsules.db-shm", 0600}};
        for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
                (void)snprintf(path, sizeof(path), "%s/new%s", fixture->dir, made[i].name);
                assert_int_equal(mode_of(path), made[i].mode);
        }
}

/* Names that mean something to SQLite are files like any other. */
static void test_odd_paths(void **state)
{
        struct fixture *fixture = *state;
        static const char *const names[] = {":memory:", "file:x?mode=memory", "a b", "ü"};
        char before[PATH_MAX];
        if (fixture->is_postgres)
                skip();
        assert_non_null(getcwd(before, sizeof(before)));
        assert_int_equal(chdir(fixture->dir), 0);
        int failed = 0;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct error err = {0};
                char url[64];
                _cleanup_store_ struct capsule_store *store = NULL;
                (void)snprintf(url, sizeof(url), "sqlite:%s", names[i]);
                failed |= capsule_store_open(url, &store, &err);
                failed |= access(names[i], F_OK);
        }
        assert_int_equal(chdir(before), 0);
        assert_int_equal(failed, 0);
}

static int collect(const struct capsule *capsule, void *data)
{
        struct buf *out = data;
        const char *sql = json_get_string(capsule->body, "sql");
        buf_printf(out, "%s ", sql ? sql + strlen("SELECT ") : "open");
        return out->len > 60 ? 17 : 0;
}

static void check_list(struct capsule_store *store, struct capsule_filter filter,
                       const char *expected)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        if (capsule_store_list(store, &filter, collect, &out, &err) < 0)
                fail_msg("%s", err.message);
        assert_string_equal(buf_text(&out), expected);
}

static void test_list(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *open_one = NULL;
        _cleanup_capsule_ struct capsule *third = NULL;
        check_list(store, (struct capsule_filter){0}, "");
        for (int i = 1; i <= 4; i++) {
                _cleanup_capsule_ struct capsule *made = keep(store, i);
                if (i == 3)
                        third = steal_ptr(&made);
        }
        assert_int_equal(capsule_new(&open_one, &err), 0);
        assert_int_equal(capsule_store_insert(store, open_one, &err), 0);
        const char *id = capsule_run_id(third);
        check_list(store, (struct capsule_filter){0}, "open 4 AS n 3 AS n 2 AS n 1 AS n ");
        check_list(store, (struct capsule_filter){.limit = 2}, "open 4 AS n ");
        check_list(store, (struct capsule_filter){.dataset_id = "odd"}, "3 AS n 1 AS n ");
        check_list(store, (struct capsule_filter){.dataset_id = "x' OR 1"}, "");
        check_list(store, (struct capsule_filter){.status = "pending"}, "open ");
        check_list(store, (struct capsule_filter){.status = "succeeded", .limit = 1}, "4 AS n ");
        check_list(store, (struct capsule_filter){.before = id}, "2 AS n 1 AS n ");
        check_list(store, (struct capsule_filter){.before = id, .dataset_id = "even"}, "2 AS n ");
        struct capsule_filter bad = {.status = "done"};
        assert_int_equal(capsule_store_list(store, &bad, collect, NULL, &err), -(int)ERROR_USAGE);
        bad = (struct capsule_filter){.before = "ffffffff"};
        assert_int_equal(capsule_store_list(store, &bad, collect, NULL, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        /* The callback's word is the result. */
        keep_some(store, 12);
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        assert_int_equal(
                capsule_store_list(store, &(struct capsule_filter){0}, collect, &out, &err), 17);
}

static void check_not_found(struct capsule_store *store, const char *run_id, const char *said)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        assert_int_equal(capsule_store_get(store, run_id, &capsule, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        assert_null(capsule);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", err.message, said);
}

static void test_get(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *found = NULL;
        _cleanup_capsule_ struct capsule *upper = NULL;
        char prefix[40];
        check_not_found(store, "last", "no run yet");
        _cleanup_capsule_ struct capsule *first = keep(store, 1);
        (void)snprintf(prefix, sizeof(prefix), "%.8s", capsule_run_id(first));
        assert_int_equal(capsule_store_get(store, prefix, &found, &err), 0);
        assert_true(json_equal(found->body, first->body));
        prefix[7] = '\0';
        check_not_found(store, prefix, "first 8");
        /* Of one moment's ids the beginning is the same. */
        _cleanup_capsule_ struct capsule *second = keep(store, 2);
        (void)snprintf(prefix, sizeof(prefix), "%.8s", capsule_run_id(second));
        if (strncmp(prefix, capsule_run_id(first), 8) == 0)
                check_not_found(store, prefix, "2 runs begin");
        for (size_t i = 0; i <= strlen(capsule_run_id(second)); i++) {
                char c = capsule_run_id(second)[i];
                prefix[i] = (char)(c >= 'a' && c <= 'f' ? c - 32 : c);
        }
        assert_int_equal(capsule_store_get(store, prefix, &upper, &err), 0);
        assert_true(json_equal(upper->body, second->body));
        check_not_found(store, "", "not a run's id");
        check_not_found(store, "00000000", "there is no run");
        check_not_found(store, "%%%%%%%%", "not a run's id");
        check_not_found(store, "LAST", "not a run's id");
        check_not_found(store, "00000000-0000-7000-8000-0000000000000", "not a run's id");
}

static int count_one(const struct capsule *capsule, void *data)
{
        (void)capsule;
        (*(int *)data)++;
        return 0;
}

static int count_listed(struct capsule_store *store, const char *kind)
{
        struct error err = {0};
        int count = 0;
        const struct capsule_filter filter = {.kind = kind};
        if (capsule_store_list(store, &filter, count_one, &count, &err) < 0)
                fail_msg("%s", err.message);
        return count;
}

/* Kept, listed and chained like runs, but never in their place. */
static void test_kinds(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char prefix[9];
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *answer = NULL;
        _cleanup_capsule_ struct capsule *found = NULL;
        _cleanup_capsule_ struct capsule *last = NULL;
        assert_int_equal(capsule_new_kind(CAPSULE_ANSWER, &answer, &err), 0);
        (void)snprintf(prefix, sizeof(prefix), "%s", capsule_run_id(answer));
        assert_int_equal(capsule_store_insert(store, answer, &err), 0);
        check_not_found(store, "last", "no run yet");
        check_not_found(store, prefix, "there is no run");
        _cleanup_capsule_ struct capsule *run = keep(store, 1);
        assert_int_equal(run_move(answer, RUN_RUNNING, &err), 0);
        assert_int_equal(run_move(answer, RUN_FAILED, &err), 0);
        assert_int_equal(capsule_store_seal(store, answer, &err), 0);
        assert_int_equal(answer->kind, CAPSULE_ANSWER);
        assert_int_equal(capsule_store_get(store, capsule_run_id(answer), &found, &err), 0);
        assert_int_equal(found->kind, CAPSULE_ANSWER);
        assert_true(json_equal(found->body, answer->body));
        assert_int_equal(capsule_store_get(store, "last", &last, &err), 0);
        assert_string_equal(capsule_run_id(last), capsule_run_id(run));
        assert_int_equal(count_listed(store, NULL), 1);
        assert_int_equal(count_listed(store, "run"), 1);
        assert_int_equal(count_listed(store, "answer"), 1);
        assert_int_equal(count_listed(store, "retention"), 0);
        const struct capsule_filter bad = {.kind = "color"};
        assert_int_equal(capsule_store_list(store, &bad, collect, NULL, &err), -(int)ERROR_USAGE);
        check_chain(store, CAPSULE_INTACT, 2);
        check_run(store, capsule_run_id(answer), CAPSULE_INTACT);
        fixture_tamper(fixture, "UPDATE capsules SET kind = 'run' WHERE seq = 2");
        check_chain(store, CAPSULE_HASH_DIFFERS, 1);
}

static void test_long_chain(void **state)
{
        struct fixture *fixture = *state;
        char prev[HASH_HEX_SIZE] = CAPSULE_NO_HASH;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        for (int i = 0; i < CHAIN_LENGTH; i++) {
                _cleanup_capsule_ struct capsule *capsule = keep(store, i);
                assert_string_equal(json_get_string(capsule->body, "prev_hash"), prev);
                memcpy(prev, json_get_string(capsule->body, "capsule_hash"), HASH_HEX_SIZE);
        }
        check_chain(store, CAPSULE_INTACT, CHAIN_LENGTH);
        check_run(store, "last", CAPSULE_INTACT);
        /* The last one taken away: only the head knows. */
        fixture_tamper(fixture, "DELETE FROM capsules WHERE seq = 1000");
        check_chain(store, CAPSULE_MISSING, CHAIN_LENGTH - 1);
        check_run(store, "last", CAPSULE_MISSING);
        fixture_tamper(fixture, "DELETE FROM capsules WHERE seq = 500");
        check_chain(store, CAPSULE_MISSING, 499);
}

/* Every member of a sealed capsule, changed in the stored text, is found at that capsule. */
/* As a store looks that was begun before there were questions. */
static void test_old_capsules_in_the_chain(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *old = NULL;
        _cleanup_capsule_ struct capsule *stored = NULL;
        assert_int_equal(capsule_new(&old, &err), 0);
        assert_int_equal(json_object_del(old->body, "reading"), 0);
        assert_int_equal(json_object_del(old->body, "abstention"), 0);
        assert_int_equal(capsule_store_insert(store, old, &err), 0);
        assert_int_equal(fill_capsule(old, 1, &err), 0);
        assert_int_equal(run_move(old, RUN_SUCCEEDED, &err), 0);
        assert_int_equal(capsule_store_seal(store, old, &err), 0);
        keep_some(store, 2);
        check_chain(store, CAPSULE_INTACT, 3);
        check_run(store, capsule_run_id(old), CAPSULE_INTACT);
        assert_int_equal(capsule_store_get(store, capsule_run_id(old), &stored, &err), 0);
        assert_true(json_equal(stored->body, old->body));
        fixture_tamper(fixture,
                       "UPDATE capsules SET body = replace(body, '\"query_mode\"', "
                       "'\"reading\":null,\"abstention\":null,\"query_mode\"') WHERE seq = 1");
        check_chain(store, CAPSULE_HASH_DIFFERS, 0);
}

static void test_tampered_members(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 3);
        _cleanup_free_ char *body = body_of(fixture, 2);
        _cleanup_json_ json_t *json = json_loads(body, 0, NULL);
        _cleanup_free_ char *run_id = strdup(json_get_string(json, "run_id"));
        const char *key;
        json_t *value;
        size_t members = 0;
        json_object_foreach(json, key, value)
        {
                static const char *const others[] = {
                        "null",
                        "\"other\"",
                        "7",
                        "{\"a\":1}",
                        "\"00000000000000000000000000000000000000000000000000000000000000ff\"",
                        "\"failed\"",
                        "\"019c1a5e-0000-7000-8000-000000000001\"",
                };
                members++;
                for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                        _cleanup_json_ json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
                        _cleanup_json_ json_t *changed = json_copy(json);
                        _cleanup_buf_ struct buf text = {0};
                        buf_init(&text, 65536);
                        if (json_equal(other, value))
                                continue;
                        json_object_set(changed, key, other);
                        assert_int_equal(json_put(changed, &text, &err), 0);
                        replace_body(fixture, 2, buf_text(&text));
                        check_chain(store, CAPSULE_HASH_DIFFERS, 1);
                        check_run(store, run_id, CAPSULE_HASH_DIFFERS);
                }
        }
        assert_int_equal(members, 27);
        replace_body(fixture, 2, body);
        check_chain(store, CAPSULE_INTACT, 3);
}

/* One byte at a time, as a bad disk would. */
static void test_tampered_bytes(void **state)
{
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 2);
        _cleanup_free_ char *body = body_of(fixture, 2);
        for (size_t i = 0; body[i]; i += 11) {
                body[i] ^= 0x01;
                replace_body(fixture, 2, body);
                check_chain(store, CAPSULE_HASH_DIFFERS, 1);
                body[i] ^= 0x01;
        }
        replace_body(fixture, 2, "");
        check_chain(store, CAPSULE_HASH_DIFFERS, 1);
        replace_body(fixture, 2, body);
        check_chain(store, CAPSULE_INTACT, 2);
}

static void test_tampered_columns(void **state)
{
        struct fixture *fixture = *state;
        static const char *const changes[][2] = {
                {"UPDATE capsules SET status = 'failed' WHERE seq = 2",
                 "UPDATE capsules SET status = 'succeeded' WHERE seq = 2"},
                {"UPDATE capsules SET dataset_id = 'x' WHERE seq = 2",
                 "UPDATE capsules SET dataset_id = 'odd' WHERE seq = 2"},
                {"UPDATE capsules SET dataset_id = NULL WHERE seq = 2",
                 "UPDATE capsules SET dataset_id = 'odd' WHERE seq = 2"},
                {"UPDATE capsules SET created_at = 'z' || created_at WHERE seq = 2",
                 "UPDATE capsules SET created_at = substr(created_at, 2) WHERE seq = 2"},
                {"UPDATE capsules SET run_id = 'z' || run_id WHERE seq = 2",
                 "UPDATE capsules SET run_id = substr(run_id, 2) WHERE seq = 2"},
        };
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 3);
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                fixture_tamper(fixture, changes[i][0]);
                check_chain(store, CAPSULE_HASH_DIFFERS, 1);
                fixture_tamper(fixture, changes[i][1]);
                check_chain(store, CAPSULE_INTACT, 3);
        }
}

/* Somebody who knows the rule and makes capsule_hash anew. */
static void rehash(const struct fixture *fixture, int seq, const char *member, const char *value)
{
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_free_ char *body = body_of(fixture, seq);
        struct capsule capsule = {.body = json_loads(body, 0, NULL), .state = RUN_SUCCEEDED};
        _cleanup_json_ json_t *owned = capsule.body;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        json_object_set_new(owned, member, json_loads(value, JSON_DECODE_ANY, NULL));
        assert_int_equal(capsule_compute_hash(&capsule, hex, &err), 0);
        json_object_set_new(owned, "capsule_hash", json_string(hex));
        assert_int_equal(json_put(owned, &text, &err), 0);
        replace_body(fixture, seq, buf_text(&text));
}

static void test_rehashed(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char ids[3][40];
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        for (int i = 0; i < 3; i++) {
                _cleanup_capsule_ struct capsule *capsule = keep(store, i);
                (void)snprintf(ids[i], sizeof(ids[i]), "%s", capsule_run_id(capsule));
        }
        _cleanup_free_ char *second = body_of(fixture, 2);
        _cleanup_free_ char *third = body_of(fixture, 3);
        /* In the middle: the next one's prev_hash tells. */
        rehash(fixture, 2, "sql", "\"SELECT 999\"");
        check_chain(store, CAPSULE_CHAIN_BROKEN, 2);
        check_run(store, ids[0], CAPSULE_INTACT);
        check_run(store, ids[1], CAPSULE_CHAIN_BROKEN);
        check_run(store, ids[2], CAPSULE_CHAIN_BROKEN);
        replace_body(fixture, 2, second);
        /* At the end: the head tells. */
        rehash(fixture, 3, "sql", "\"SELECT 999\"");
        check_chain(store, CAPSULE_CHAIN_BROKEN, 3);
        check_run(store, ids[2], CAPSULE_CHAIN_BROKEN);
        check_run(store, ids[1], CAPSULE_INTACT);
        /* The rows changed, the hash of the rows forgotten. */
        rehash(fixture, 3, "result",
               "{\"columns\":[\"n\"],\"types\":[\"INTEGER\"],\"rows\":[[999]],\"ordered\":true}");
        check_chain(store, CAPSULE_RESULT_DIFFERS, 2);
        check_run(store, ids[2], CAPSULE_RESULT_DIFFERS);
        rehash(fixture, 3, "result", "null");
        check_run(store, ids[2], CAPSULE_RESULT_DIFFERS);
        rehash(fixture, 3, "result", "{\"rows\":7}");
        check_run(store, ids[2], CAPSULE_RESULT_DIFFERS);
        rehash(fixture, 3, "result_hash", "null");
        check_run(store, ids[2], CAPSULE_RESULT_DIFFERS);
        replace_body(fixture, 3, third);
        check_chain(store, CAPSULE_INTACT, 3);
        /* One removed. */
        fixture_tamper(fixture, "DELETE FROM capsules WHERE seq = 2");
        check_chain(store, CAPSULE_MISSING, 1);
        check_run(store, ids[2], CAPSULE_MISSING);
        check_run(store, ids[0], CAPSULE_MISSING);
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        assert_int_equal(capsule_store_check(store, ids[1], &fault, message, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        /* All removed, and the count set back: only a head noted elsewhere tells that. */
        fixture_tamper(fixture, "DELETE FROM capsules");
        check_chain(store, CAPSULE_MISSING, 0);
}

static void test_head_tampered(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        keep_some(store, 3);
        fixture_tamper(fixture, "UPDATE chain SET count = 2");
        check_chain(store, CAPSULE_CHAIN_BROKEN, 3);
        fixture_tamper(fixture, "UPDATE chain SET count = 4");
        check_chain(store, CAPSULE_MISSING, 3);
        fixture_tamper(fixture, "UPDATE chain SET count = 3, head = '" CAPSULE_NO_HASH "'");
        check_chain(store, CAPSULE_CHAIN_BROKEN, 3);
        fixture_tamper(fixture, "DELETE FROM chain");
        struct chain_head head;
        assert_int_equal(capsule_store_head(store, &head, &err), -(int)ERROR_STORE);
        assert_non_null(strstr(err.message, "damaged"));
}

/* Against mistakes: the database itself refuses to change what is sealed. */
static void test_triggers(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        static const char *const statements[] = {
                "UPDATE capsules SET body = 'x' WHERE seq = 1",
                "UPDATE capsules SET seq = NULL, owner = 'x' WHERE seq = 1",
                "UPDATE capsules SET status = 'failed'",
                "UPDATE capsules SET id = 77 WHERE seq IS NULL",
                "UPDATE capsules SET run_id = 'x' WHERE seq IS NULL",
                "DELETE FROM capsules WHERE seq = 1",
                "DELETE FROM capsules WHERE seq IS NULL",
                "DELETE FROM capsules",
                ("INSERT INTO capsules (run_id, created_at, status, seq, body) VALUES ('x', '', "
                 "'failed', 2, 'x')"),
                "UPDATE chain SET count = 0",
                "UPDATE chain SET head = 'x'",
                "DELETE FROM chain",
                "INSERT INTO chain VALUES (2, 0, 'x', 0)",
                "UPDATE chain SET removed = 1",
                "UPDATE chain SET count = count + 1, removed = 1",
        };
        static const char *const of_sqlite[] = {
                "UPDATE OR REPLACE capsules SET seq = 1, owner = NULL WHERE seq IS NULL",
                "UPDATE OR REPLACE capsules SET run_id = (SELECT run_id FROM capsules WHERE seq = "
                "1) WHERE seq IS NULL",
                "UPDATE OR REPLACE capsules SET id = 1 WHERE seq IS NULL",
                "REPLACE INTO capsules (run_id, created_at, status, owner, body) SELECT run_id, "
                "'', 'failed', 'x', 'x' FROM capsules WHERE seq = 1",
                "REPLACE INTO capsules (id, run_id, created_at, status, owner, body) VALUES (1, "
                "'x', '', 'failed', 'x', 'x')",
                "REPLACE INTO capsules (run_id, created_at, status, seq, body) VALUES ('x', '', "
                "'failed', 1, 'x')",
                "INSERT OR REPLACE INTO chain VALUES (1, 0, 'x', 0)",
        };
        static const char *const of_postgres[] = {
                "UPDATE capsules SET seq = 1, owner = NULL WHERE seq IS NULL",
                "TRUNCATE capsules",
                "TRUNCATE chain",
        };
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *open_one = NULL;
        keep_some(store, 1);
        assert_int_equal(capsule_new(&open_one, &err), 0);
        assert_int_equal(capsule_store_insert(store, open_one, &err), 0);
        check_all_refused(fixture, statements, ARRAY_SIZE(statements));
        if (fixture->is_postgres)
                check_all_refused(fixture, of_postgres, ARRAY_SIZE(of_postgres));
        else
                check_all_refused(fixture, of_sqlite, ARRAY_SIZE(of_sqlite));
        check_chain(store, CAPSULE_INTACT, 1);
}

static void write_some(const struct fixture *fixture, int writer)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        for (int i = 0; i < RUNS_EACH; i++)
                CHILD_CHECK(keep_run(store, 1000 * writer + i, NULL, &err) == 0, &err);
        capsule_store_free(store);
        _exit(0);
}

/* All begin at once, on no store at all. */
static void test_many_writers(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        pid_t writers[WRITERS];
        int count = 0;
        int gate[2];
        char byte;
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        for (int i = 0; i < WRITERS; i++) {
                writers[i] = fork_child();
                if (writers[i] == 0) {
                        (void)close(gate[1]);
                        (void)!read(gate[0], &byte, 1); /* until the parent opens the gate */
                        write_some(fixture, i);
                }
        }
        (void)close(gate[0]);
        (void)close(gate[1]);
        for (int i = 0; i < WRITERS; i++)
                assert_int_equal(exit_status(writers[i]), 0);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        check_chain(store, CAPSULE_INTACT, WRITERS * RUNS_EACH);
        assert_int_equal(
                capsule_store_list(store, &(struct capsule_filter){0}, count_one, &count, &err), 0);
        assert_int_equal(count, WRITERS * RUNS_EACH);
}

/* A process that has inserted one run (state pending) and one more (running), said so, and now
 * waits to be killed. */
static pid_t start_victim(const struct fixture *fixture, int count)
{
        int ready[2];
        char byte = 0;
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
                struct error err = {0};
                struct capsule_store *store = NULL;
                CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
                for (int i = 0; i < count; i++) {
                        struct capsule *capsule = NULL;
                        CHILD_CHECK(capsule_new(&capsule, &err) == 0, &err);
                        CHILD_CHECK(capsule_store_insert(store, capsule, &err) == 0, &err);
                        if (i % 2 == 0)
                                continue;
                        CHILD_CHECK(fill_capsule(capsule, i, &err) == 0, &err);
                        CHILD_CHECK(capsule_store_update(store, capsule, &err) == 0, &err);
                }
                (void)!write(ready[1], "r", 1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        return pid;
}

static int count_locks(const struct fixture *fixture)
{
        char path[128];
        int count = 0;
        struct dirent *entry;
        if (fixture->is_postgres)
                return (int)fixture_number(fixture, "SELECT count(*) FROM owners");
        (void)snprintf(path, sizeof(path), "%s/owners", fixture->dir);
        DIR *dir = opendir(path);
        while (dir && (entry = readdir(dir)))
                count += entry->d_name[0] != '.';
        if (dir)
                (void)closedir(dir);
        return count;
}

static int check_abandoned(const struct capsule *capsule, void *data)
{
        const json_t *said = json_object_get(capsule->body, "error");
        assert_int_equal(capsule->state, RUN_FAILED);
        assert_true(capsule_is_sealed(capsule));
        assert_string_equal(json_get_string(said, "type"), "RUNNER_INTERNAL_ERROR");
        assert_string_equal(json_get_string(said, "message"),
                            "the command or server that started this run ended before it finished");
        assert_true(json_is_string(json_object_get(capsule->body, "finished_at")));
        return count_one(capsule, data);
}

static void test_recovery(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        int count = 0;
        pid_t victim = start_victim(fixture, 4);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        assert_int_equal(recover(store), 0); /* it lives */
        assert_int_equal(kill(victim, SIGKILL), 0);
        assert_int_equal(exit_status(victim), -SIGKILL);
        fixture_expire(fixture, victim);
        assert_int_equal(recover(store), 4);
        assert_int_equal(recover(store), 0);
        assert_int_equal(count_locks(fixture), 0);
        assert_int_equal(capsule_store_list(store, &(struct capsule_filter){.status = "failed"},
                                            check_abandoned, &count, &err),
                         0);
        assert_int_equal(count, 4);
        check_chain(store, CAPSULE_INTACT, 4);
}

/* The victims' capsules go to one recoverer each, whoever of several comes first. */
static void test_two_recoverers(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        pid_t victims[3];
        pid_t recoverers[4];
        int gate[2];
        int counts[2];
        size_t total = 0;
        int count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(victims); i++)
                victims[i] = start_victim(fixture, 10);
        pid_t survivor = start_victim(fixture, 3);
        for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
                assert_int_equal(kill(victims[i], SIGKILL), 0);
                assert_int_equal(exit_status(victims[i]), -SIGKILL);
                fixture_expire(fixture, victims[i]);
        }
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        assert_int_equal(pipe2(counts, O_CLOEXEC), 0);
        for (size_t i = 0; i < ARRAY_SIZE(recoverers); i++) {
                recoverers[i] = fork_child();
                if (recoverers[i] != 0)
                        continue;
                struct capsule_store *store = NULL;
                size_t sealed = 0;
                char byte;
                CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
                (void)close(gate[1]);
                (void)!read(gate[0], &byte, 1);
                CHILD_CHECK(capsule_store_recover(store, &sealed, &err) == 0, &err);
                (void)!write(counts[1], &sealed, sizeof(sealed));
                capsule_store_free(store);
                _exit(0);
        }
        (void)close(gate[0]);
        (void)close(gate[1]);
        for (size_t i = 0; i < ARRAY_SIZE(recoverers); i++) {
                size_t sealed = 0;
                assert_int_equal(exit_status(recoverers[i]), 0);
                assert_int_equal(read(counts[0], &sealed, sizeof(sealed)), sizeof(sealed));
                total += sealed;
        }
        (void)close(counts[0]);
        (void)close(counts[1]);
        assert_int_equal(total, 30);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        assert_int_equal(recover(store), 0);
        check_chain(store, CAPSULE_INTACT, 30);
        assert_int_equal(count_locks(fixture), 1); /* the survivor's */
        assert_int_equal(kill(survivor, SIGKILL), 0);
        assert_int_equal(exit_status(survivor), -SIGKILL);
        fixture_expire(fixture, survivor);
        assert_int_equal(recover(store), 3);
        assert_int_equal(capsule_store_list(store, &(struct capsule_filter){.status = "failed"},
                                            check_abandoned, &count, &err),
                         0);
        assert_int_equal(count, 33);
}

/* Two stores of one process are two owners; what a freed store left open is abandoned. */
static void test_owners_in_one_process(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        _cleanup_store_ struct capsule_store *one = open_store(fixture);
        struct capsule_store *two = open_store(fixture);
        _cleanup_capsule_ struct capsule *mine = NULL;
        _cleanup_capsule_ struct capsule *yours = NULL;
        assert_int_equal(capsule_new(&mine, &err), 0);
        assert_int_equal(capsule_new(&yours, &err), 0);
        assert_int_equal(capsule_store_insert(one, mine, &err), 0);
        assert_int_equal(capsule_store_insert(two, yours, &err), 0);
        assert_int_equal(recover(one), 0);
        assert_int_equal(recover(two), 0);
        assert_true(capsule_store_update(one, yours, &err) < 0);
        assert_non_null(strstr(err.message, "ours"));
        capsule_store_free(two);
        assert_int_equal(recover(one), 1);
        assert_int_equal(run_move(mine, RUN_CANCELLED, &err), 0);
        assert_int_equal(capsule_store_seal(one, mine, &err), 0);
        check_chain(one, CAPSULE_INTACT, 2);
}

static void sweep(const char *id, int fd, void *data)
{
        owner_bury(data, id, fd);
}

static void leave(const char *id, int fd, void *data)
{
        (void)id;
        (void)data;
        (void)close(fd);
}

/* While others look at the locks all the time, whoever has taken one has one that all can see; and
 * none is left. */
static void take_against(const struct fixture *fixture,
                         void (*look)(const char *id, int fd, void *data), size_t tries)
{
        char dir[128];
        pid_t others[2];
        size_t taken = 0;
        (void)snprintf(dir, sizeof(dir), "%s/owners", fixture->dir);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                others[i] = fork_child();
                while (others[i] == 0)
                        owner_each_gone(dir, look, dir);
        }
        for (; taken < tries; taken++) {
                struct error err = {0};
                struct owner owner = {.fd = -1};
                int fd = -1;
                if (owner_take(dir, &owner, &err) < 0 ||
                    owner_is_gone(dir, owner.id, &fd, &err) != 0)
                        break;
                owner_release(dir, &owner);
        }
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                assert_int_equal(kill(others[i], SIGKILL), 0);
                assert_int_equal(exit_status(others[i]), -SIGKILL);
        }
        assert_int_equal(taken, tries);
        assert_int_equal(count_locks(fixture), 0);
}

static void test_taking_against_sweeping(void **state)
{
        const struct fixture *fixture = *state;
        if (fixture->is_postgres)
                skip();
        take_against(fixture, sweep, 3000);
        take_against(fixture, leave, 40000); /* one in ten thousand was left */
}

/* An owner's name that is a path, an open capsule that is no capsule: the others are sealed. */
static void test_recovery_of_odd_rows(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        size_t count = 0;
        struct capsule_store *gone = open_store(fixture);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        for (int i = 0; i < 3; i++) {
                _cleanup_capsule_ struct capsule *capsule = NULL;
                assert_int_equal(capsule_new(&capsule, &err), 0);
                assert_int_equal(capsule_store_insert(gone, capsule, &err), 0);
        }
        capsule_store_free(gone);
        fixture_tamper(fixture, "UPDATE capsules SET owner = '../../x' WHERE id = 1;"
                                "UPDATE capsules SET body = 'x' WHERE id = 2");
        assert_int_equal(capsule_store_recover(store, &count, &err), -(int)ERROR_STORE);
        assert_non_null(strstr(err.message, "open capsule of run"));
        assert_int_equal(count, 2);
        check_chain(store, CAPSULE_INTACT, 2);
}

/* An open capsule has nothing to be checked yet. */
static void test_check_open(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *capsule = NULL;
        check_chain(store, CAPSULE_INTACT, 0);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule_store_insert(store, capsule, &err), 0);
        check_chain(store, CAPSULE_INTACT, 0);
        assert_int_equal(capsule_store_check(store, "last", &fault, message, &err),
                         -(int)ERROR_RUN_NOT_FOUND);
        assert_non_null(strstr(err.message, "not ended"));
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_life),
                STORE_TEST(test_modes),
                STORE_TEST(test_odd_paths),
                STORE_TEST(test_list),
                STORE_TEST(test_get),
                STORE_TEST(test_kinds),
                STORE_TEST(test_long_chain),
                STORE_TEST(test_old_capsules_in_the_chain),
                STORE_TEST(test_tampered_members),
                STORE_TEST(test_tampered_bytes),
                STORE_TEST(test_tampered_columns),
                STORE_TEST(test_rehashed),
                STORE_TEST(test_head_tampered),
                STORE_TEST(test_triggers),
                STORE_TEST(test_many_writers),
                STORE_TEST(test_recovery),
                STORE_TEST(test_two_recoverers),
                STORE_TEST(test_owners_in_one_process),
                STORE_TEST(test_taking_against_sweeping),
                STORE_TEST(test_recovery_of_odd_rows),
                STORE_TEST(test_check_open),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
