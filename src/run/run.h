/* One run from what was asked to its sealed capsule. The command line and, later, the server
 * come here; nobody else starts a runner. */
#ifndef ASKCSV_RUN_RUN_H
#define ASKCSV_RUN_RUN_H

#include "base/uuid.h"
#include "capsule/store.h"
#include "dataset/registry.h"
#include "dataset/schema.h"
#include "executor/executor.h"
#include "protocol/request.h"
#include "run/cache.h"

struct run_input {
        const struct dataset *dataset;          /* with absolute paths, as source_open makes it */
        const char *question;                   /* or NULL */
        const char *asker;                      /* whose run it is (CAPSULE_ASKER_MAX), or NULL */
        const char *request_key, *request_hash; /* as a capsule's, or NULL */
        const char *planner;                    /* "none", or who wrote the plan */
        const json_t *reading; /* {"sentence","assumptions"}: how it read the question; or NULL */
        const char *plan_text; /* JSON; exactly one of plan_text and sql is set */
        size_t plan_bytes;
        const char *sql; /* any bytes: what cannot be SQL is rejected, with a capsule */
        size_t sql_bytes;
        const char *as_of;             /* or NULL: the dataset's, else now */
        const struct capsule *adopted; /* a pending one of the store's owner (store_adopt): this is
                                        * its run, from its beginning; or NULL */
        struct limits limits;
        struct run_cache *cache; /* where an earlier run may have the answer; or NULL */
        int cancel_fd;           /* becomes readable when the run is to be stopped; or -1 */
        bool starts_now; /* it is to be finished as soon as it was begun: kept as running at once,
                          * if it can run, which spares a commit */
        /* Told whenever the capsule knows more: the plan, the SQL, that it runs. Or NULL. */
        void (*watch)(const struct capsule *capsule, void *data);
        void *watch_data;
};

/* A run in two steps, for who has to say that it is kept before it can start. What the input points
 * to must be there until the end; so must store and executor, which one thread at a time uses. */
struct run; /* opaque */

/* Writes the pending capsule; the run is on disk when it returns. */
int run_begin(struct capsule_store *store, struct executor *executor, const struct run_input *input,
              struct run **ret, struct error *err);
const struct capsule *run_capsule(const struct run *run); /* what is known so far; lent */
/* Compiles or takes the SQL, runs it, seals the capsule, and frees the run in any case. 0 whenever
 * a capsule was sealed; a run that was stopped before ends as cancelled and runs nothing. When only
 * the sealing fails, *ret is the capsule in its final state, for capsule_store_seal to be tried
 * again; else it stays untouched. */
int run_finish(struct run *run, struct capsule **ret, struct error *err);
/* Lets go of a run that was not finished: its capsule stays open until it is recovered. */
void run_drop(struct run *run); /* NULL is fine */

/* Both steps: writes the pending capsule, compiles or takes the SQL, runs it, seals the capsule. 0
 * whenever a capsule was sealed, whatever its status: read that from (*ret)->state. A negative code
 * means that there is no sealed capsule (the store failed). The caller frees *ret. */
int run_execute(struct capsule_store *store, struct executor *executor,
                const struct run_input *input, struct capsule **ret, struct error *err);

/* Seals a capsule that cannot be run as failed, for that reason. */
int run_give_up(struct capsule_store *store, struct capsule *capsule, const struct error *why,
                struct error *err);

/* The exit status for a capsule that has ended: 0 answered, 3 rejected and so on. */
int run_exit_status(const struct capsule *capsule);

/* The policy's verdict on SQL; nothing is run, no file is opened, no capsule is made. 0: allowed.
 * Otherwise err says why not: ERROR_VALIDATION or ERROR_SQL_POLICY_VIOLATION is a refusal. */
int run_check(struct executor *executor, const struct dataset *dataset, const char *sql,
              size_t sql_bytes, int cancel_fd, struct error *err);

enum run_verdict { RUN_SAME, RUN_DIFFERS, RUN_DATA_CHANGED, RUN_TAMPERED, RUN_NOT_REPEATABLE };
const char *run_verdict_name(enum run_verdict verdict); /* "same", "data changed", ... */

struct run_verification {
        enum run_verdict verdict;
        char message[ERROR_MESSAGE_MAX]; /* why, in words */
        char run_id[UUID_TEXT_SIZE];     /* of the run that was verified */
        char rerun_id[UUID_TEXT_SIZE];   /* of the run that repeated it; "" when there was none */
};

/* The newest run that is not itself a verification; ERROR_RUN_NOT_FOUND when there is none. */
int run_last(struct capsule_store *store, char out[UUID_TEXT_SIZE], struct error *err);

/* Where a repeated run finds what the first one had. */
struct run_surroundings {
        struct capsule_store *store;
        const struct registry *registry;
        const char *datasets_folder;              /* $ASKCSV_HOME/datasets */
        const struct executor_settings *executor; /* runs are repeated there, wherever they ran */
        const char *asker;                        /* whose the repeated run is, or NULL */
        int cancel_fd;                            /* or -1 */
};

/* Checks the stored capsule's hashes and its place in the chain, runs it once more on the same
 * data with the same as_of and limits (which makes a capsule of its own, planner "verify ID"),
 * and compares. run_id as capsule_store_get takes it, but "last" passes over the runs that
 * verifications made. A verdict is not an error: 0. */
int run_verify(const struct run_surroundings *around, const char *run_id,
               struct run_verification *ret, struct error *err);

#endif
