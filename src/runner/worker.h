/* What happens inside the sandbox: load, lock, check, query. The worker's word to the supervisor
 * is three lines on a pipe: the walls that stand (before any untrusted byte was read), the head
 * (a JSON object with the response's members that the worker knows, and "rows_bytes"), and the
 * rows (a JSON array of arrays; the value index, or the bytes of a file, for a request that asks
 * for it; or nothing when rows_bytes is 0). */
#ifndef ASKCSV_RUNNER_WORKER_H
#define ASKCSV_RUNNER_WORKER_H

#include "runner/engine.h"
#include "runner/policy.h"
#include "runner/runner.h"

#define WORKER_HEAD_MAX (16 * 1024 * 1024) /* bytes of the first two lines */
#define WORKER_STOP_SIGNAL SIGUSR1         /* asks it to interrupt the query */

/* Runs in the child; never returns. The engine is empty; walls is what sandbox_clone gave.
 * request_fd -1: the request is what there is to do. Else it says only which tables to load, and
 * within which limits; when they are loaded and all walls stand, the worker says WORKER_READY
 * between its first two lines and waits for what request_fd gives up to its end: one request of the
 * op run, describe or values, for the same tables in the same order and with the same memory and
 * threads, which is the caller's to see to. */
_Noreturn void worker_main(const struct request *request, const struct runner_walls *wanted,
                           struct engine *engine, struct sandbox_spec *spec,
                           struct sandbox_walls *walls, int out_fd, int request_fd);

#define WORKER_READY "ready\n"

/* A builder's database file and value index, in its folder. */
#define WORKER_SNAPSHOT "snapshot.duckdb"
#define WORKER_VALUES "values.json"

/* A worker that a parent cloned: the tables are there, and the request is still to come. */
struct worker_start {
        const struct runner_walls *wanted;
        struct engine *engine; /* with the tables, shut */
        struct sandbox_spec *spec;
        struct sandbox_walls *walls; /* what sandbox_clone_child gave */
        struct limits limits;        /* those that the request will have */
        bool exercise;               /* there is time to get ready for it */
        /* More than limits.threads: the child may take up to so many for a query whose answer does
         * not depend on it, which it tells by what the tables' columns hold. */
        int64_t threads_max;
        const struct policy_typed *typed;
        size_t n_typed;
        int request_fd; /* gives the request, up to its end, with a line WORKER_THREADS before it if
                         * threads may be raised; nothing: end */
        int words_fd;
};
_Noreturn void worker_main_warm(const struct worker_start *start);

/* "threads N\n": nobody else needs so many just now. */
#define WORKER_THREADS "threads "

/* The ceiling of a worker's CPU time in seconds. */
int64_t worker_cpu_s(const struct limits *limits, int64_t threads);

/* A worker's end says how, when its words do not. */
enum { WORKER_EXIT_OK = 0, WORKER_EXIT_MUTE = 3 };

#endif
