/* A question that a language model answers, on the command line. */
#ifndef ASKCSV_CLI_ASK_MODEL_H
#define ASKCSV_CLI_ASK_MODEL_H

#include "agent/agent.h"
#include "capsule/store.h"
#include "executor/executor.h"
#include "protocol/request.h"
#include "server/planners.h"

struct ask_model_input {
        const struct planners *planners;
        const struct planner_choice *choice; /* a model's */
        struct capsule_store *store;
        struct executor *executor;
        const struct dataset *dataset; /* with absolute paths, as source_open makes it */
        const char *question;
        const json_t *previous; /* the capsule's body of the run to go on from, or NULL */
        const char *as_of;      /* or NULL: the dataset's */
        struct limits limits;
        int cancel_fd; /* or -1 */
};

/* Looks at the tables if need be, has the model answer, and records it: *ret_capsule is the sealed
 * capsule of the answer, *ret what came of it. Both are the caller's also on failure, when *ret has
 * the runs that there were; without a capsule (NULL) nothing was recorded. Only the question's own
 * dataset can be queried. */
int ask_model(const struct ask_model_input *input, struct agent_answer *ret,
              struct capsule **ret_capsule, struct error *err);

#endif
