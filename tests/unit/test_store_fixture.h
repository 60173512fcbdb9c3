/* What the tests of the capsule store share: a store of their own, capsules to keep, and direct
 * access to the database, as somebody who tampers with it would have. The store is a file in a new
 * folder; or, when ASKCSV_TEST_POSTGRES has a URL (tests/postgres.py), a new schema of that
 * database.
 */
#ifndef ASKCSV_TEST_STORE_FIXTURE_H
#define ASKCSV_TEST_STORE_FIXTURE_H

#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/store.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct fixture {
        char dir[64];
        char path[96]; /* of the database; in PostgreSQL what messages call it */
        char url[512];
        bool is_postgres;
};

/* ---- the database itself ---- */

/* Runs statements as somebody with an editor for databases; false when a constraint or a trigger
 * refuses them. before are others, on the same connection. */
static inline bool fixture_try(const struct fixture *fixture, const char *before, const char *sql)
{
        if (fixture->is_postgres) {
                PGconn *conn = PQconnectdb(fixture->url);
                PQclear(PQexec(conn, before));
                PGresult *result = PQexec(conn, sql);
                const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
                bool refused = code && strncmp(code, "23", 2) == 0;
                if (code && !refused)
                        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
                PQclear(result);
                PQfinish(conn);
                return !refused;
        }
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, before, NULL, NULL, NULL), SQLITE_OK);
        int r = sqlite3_exec(db, sql, NULL, NULL, NULL);
        if (r != SQLITE_OK && r != SQLITE_CONSTRAINT)
                fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return r == SQLITE_OK;
}

static inline void fixture_sql(const struct fixture *fixture, const char *sql)
{
        if (!fixture_try(fixture, "", sql))
                fail_msg("refused: %s", sql);
}

/* The same with all triggers out of the way. */
static inline void fixture_tamper(const struct fixture *fixture, const char *sql)
{
        static const char no_triggers[] =
                "DROP TRIGGER IF EXISTS capsules_insert; DROP TRIGGER IF EXISTS capsules_update;"
                "DROP TRIGGER IF EXISTS capsules_delete; DROP TRIGGER IF EXISTS chain_update;"
                "DROP TRIGGER IF EXISTS chain_delete; DROP TRIGGER IF EXISTS chain_insert";
        if (!fixture_try(fixture,
                         fixture->is_postgres ? "SET session_replication_role = replica"
                                              : no_triggers,
                         sql))
                fail_msg("refused: %s", sql);
}

/* The database takes none of the statements. */
static inline void check_all_refused(const struct fixture *fixture, const char *const *statements,
                                     size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (fixture_try(fixture, "", statements[i]))
                        fail_msg("taken: %s", statements[i]);
}

/* The first column of the first row; the caller frees it. */
static inline char *fixture_text(const struct fixture *fixture, const char *sql)
{
        char *text = NULL;
        if (fixture->is_postgres) {
                PGconn *conn = PQconnectdb(fixture->url);
                PGresult *result = PQexec(conn, sql);
                if (PQntuples(result) < 1)
                        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
                text = strdup(PQgetvalue(result, 0, 0));
                PQclear(result);
                PQfinish(conn);
                return text;
        }
        sqlite3 *db = NULL;
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        text = strdup((const char *)sqlite3_column_text(statement, 0));
        assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        return text;
}

static inline int64_t fixture_number(const struct fixture *fixture, const char *sql)
{
        _cleanup_free_ char *text = fixture_text(fixture, sql);
        return strtoll(text, NULL, 10);
}

/* Another connection that holds what writers need, until it is given back. */
static inline void *fixture_lock(const struct fixture *fixture)
{
        if (fixture->is_postgres) {
                PGconn *conn = PQconnectdb(fixture->url);
                PGresult *result = PQexec(
                        conn, "BEGIN; LOCK TABLE chain, threads, capsules IN EXCLUSIVE MODE");
                assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
                PQclear(result);
                return conn;
        }
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        return db;
}

static inline void fixture_unlock(const struct fixture *fixture, void *lock)
{
        if (!fixture->is_postgres) {
                (void)sqlite3_close(lock);
                return;
        }
        PQclear(PQexec(lock, "ROLLBACK")); /* PQfinish does not wait for the session's end */
        PQfinish(lock);
}

/* What that process owned counts as abandoned: as the kernel knows at once, and PostgreSQL when
 * enough time has passed. */
static inline void fixture_expire(const struct fixture *fixture, pid_t pid)
{
        char sql[160];
        if (!fixture->is_postgres)
                return;
        (void)snprintf(sql, sizeof(sql),
                       "UPDATE owners SET renewed_at = '-infinity', doubted_at = '-infinity' WHERE "
                       "pid = %d",
                       (int)pid);
        fixture_sql(fixture, sql);
}

static inline void fixture_setup_postgres(struct fixture *fixture, const char *server)
{
        static int count;
        char sql[128];
        char schema[64];
        (void)snprintf(schema, sizeof(schema), "t%d_%d", (int)getpid(), ++count);
        (void)snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", schema);
        (void)snprintf(fixture->url, sizeof(fixture->url), "%s", server);
        fixture->is_postgres = true;
        fixture_sql(fixture, sql);
        (void)snprintf(fixture->url, sizeof(fixture->url), "%s&options=-csearch_path%%3D%s", server,
                       schema);
        (void)snprintf(fixture->path, sizeof(fixture->path), "the database postgres on /");
}

static inline int fixture_setup(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        /* In memory where there is such a folder: what is tested does not depend on the disk, and
         * thousands of syncs take their time. */
        const char *base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
        if (!fixture)
                return -1;
        (void)snprintf(fixture->dir, sizeof(fixture->dir), "%s/askcsv-store-XXXXXX", base);
        if (!mkdtemp(fixture->dir))
                return -1;
        (void)snprintf(fixture->path, sizeof(fixture->path), "%s/capsules.db", fixture->dir);
        (void)snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s", fixture->path);
        if (getenv("ASKCSV_TEST_POSTGRES"))
                fixture_setup_postgres(fixture, getenv("ASKCSV_TEST_POSTGRES"));
        *state = fixture;
        return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
        (void)st;
        (void)kind;
        (void)at;
        return remove(path);
}

static inline int fixture_teardown(void **state)
{
        struct fixture *fixture = *state;
        int r = nftw(fixture->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(fixture);
        return r;
}

static inline void store_freep(struct capsule_store **store)
{
        capsule_store_free(*store);
}

#define _cleanup_store_ _cleanup_(store_freep)

static inline struct capsule_store *open_store(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        if (capsule_store_open(fixture->url, &store, &err) < 0)
                fail_msg("%s", err.message);
        return store;
}

/* What is at the URL is not opened, and the error that is returned says both. */
static inline struct error open_refused(const char *url, const char *said, const char *also)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        if (capsule_store_open(url, &store, &err) == 0)
                fail_msg("%s was opened", url);
        assert_null(store);
        if (!strstr(err.message, said) || !strstr(err.message, also))
                fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.message, said, also);
        return err;
}

/* A succeeded run's members; n makes it different from the others. */
static inline int fill_capsule(struct capsule *capsule, int n, struct error *err)
{
        char hex[HASH_HEX_SIZE];
        int r = capsule_set(capsule, "dataset_id", json_string(n % 2 ? "odd" : "even"), err);
        if (r == 0)
                r = capsule_set(capsule, "query_mode", json_string("sql"), err);
        if (r == 0)
                r = capsule_set(capsule, "sql", json_sprintf("SELECT %d AS n", n), err);
        if (r == 0)
                r = run_move(capsule, RUN_RUNNING, err);
        if (r == 0)
                r = capsule_set(capsule, "result",
                                json_pack("{s:[s],s:[s],s:[[i]],s:i,s:b,s:b}", "columns", "n",
                                          "types", "INTEGER", "rows", n, "row_count", 1,
                                          "truncated", 0, "ordered", 1),
                                err);
        if (r == 0)
                r = capsule_compute_result_hash(capsule, hex, err);
        return r < 0 ? r : capsule_set(capsule, "result_hash", json_string(hex), err);
}

/* A whole run's life in the store. */
static inline int keep_run(struct capsule_store *store, int n, struct capsule **ret,
                           struct error *err)
{
        struct capsule *capsule = NULL;
        int r = capsule_new(&capsule, err);
        if (r == 0)
                r = capsule_store_insert(store, capsule, err);
        if (r == 0)
                r = fill_capsule(capsule, n, err);
        if (r == 0)
                r = run_move(capsule, RUN_SUCCEEDED, err);
        if (r == 0)
                r = capsule_store_seal(store, capsule, err);
        if (r == 0 && ret)
                *ret = capsule;
        else
                capsule_free(capsule);
        return r;
}

static inline void keep_some(struct capsule_store *store, int n)
{
        struct error err = {0};
        for (int i = 0; i < n; i++)
                if (keep_run(store, i, NULL, &err) < 0)
                        fail_msg("%s", err.message);
}

/* How many were left by owners that are gone. */
static inline size_t recover(struct capsule_store *store)
{
        struct error err = {0};
        size_t n = 0;
        if (capsule_store_recover(store, &n, &err) < 0)
                fail_msg("%s", err.message);
        return n;
}

/* checked: how many are sound, before the fault if there is to be one. */
static inline void check_chain(struct capsule_store *store, enum capsule_fault expected,
                               size_t checked)
{
        struct error err = {0};
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        size_t n = 0;
        if (capsule_store_check_all(store, &fault, message, &n, &err) < 0)
                fail_msg("%s", err.message);
        if (fault != expected || n != checked)
                fail_msg("%s after %zu of %zu: %s", capsule_fault_name(fault), n, checked, message);
        assert_int_equal(message[0] == '\0', expected == CAPSULE_INTACT);
}

/* In a child process there is no assertion to fail; the parent looks at its exit status. */
#define CHILD_CHECK(condition, err)                                                                \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,   \
                                      (err)->message);                                             \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

/* fork(2), with a child that does not outlive a test that failed. */
static inline pid_t fork_child(void)
{
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
                _exit(1);
        return pid;
}

static inline int exit_status(pid_t pid)
{
        int status = 0;
        while (waitpid(pid, &status, 0) < 0)
                ;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
