/* What the tests of the capsule store share: a folder of their own, capsules to keep, and direct
 * access to the database, as somebody who tampers with it would have. */
#ifndef ASKCSV_TEST_STORE_FIXTURE_H
#define ASKCSV_TEST_STORE_FIXTURE_H

#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/store.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct fixture {
        char dir[64];
        char path[96]; /* of the database */
        char url[112];
};

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
