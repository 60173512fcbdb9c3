/* One run from what was asked to its sealed capsule. The command line and, later, the server
 * come here; nobody else starts a runner. */
#ifndef ASKCSV_RUN_RUN_H
#define ASKCSV_RUN_RUN_H

#include "capsule/store.h"
#include "dataset/schema.h"
#include "executor/executor.h"
#include "protocol/request.h"

struct run_input {
        const struct dataset *dataset; /* registered, or made from files by source_open */
        const char *question;          /* or NULL */
        const char *planner;           /* "none", or who wrote the plan */
        const char *plan_text;         /* JSON; exactly one of plan_text and sql is set */
        size_t plan_bytes;
        const char *sql;
        const char *as_of; /* or NULL: the dataset's, else now */
        struct limits limits;
        int cancel_fd; /* or -1 */
};

/* Writes the pending capsule, compiles or takes the SQL, runs it, seals the capsule. 0 whenever a
 * capsule was sealed, whatever its status: read that from (*ret)->state. A negative code means
 * that there is no sealed capsule (the store failed). The caller frees *ret. */
int run_execute(struct capsule_store *store, struct executor *executor,
                const struct run_input *input, struct capsule **ret, struct error *err);

enum run_verdict { RUN_SAME, RUN_DIFFERS, RUN_DATA_CHANGED, RUN_TAMPERED, RUN_NOT_REPEATABLE };
const char *run_verdict_name(enum run_verdict verdict);

#endif
