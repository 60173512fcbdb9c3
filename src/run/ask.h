/* One question from its words to its sealed capsule: a planner reads it, and its plan is run, or
 * it abstains. */
#ifndef ASKCSV_RUN_ASK_H
#define ASKCSV_RUN_ASK_H

#include "planner/planner.h"
#include "run/run.h"

struct ask_input {
        const struct dataset *dataset; /* with absolute paths, as source_open makes it */
        const char *question;          /* any bytes */
        const char *asker;             /* whose run it is, or NULL */
        size_t question_bytes;
        const struct planner *planner;
        const json_t *previous; /* the plan that the question goes on from, or NULL; one that does
                                 * not fit the dataset is refused here */
        const char *as_of;      /* or NULL: the dataset's, else now */
        struct limits limits;
        struct run_cache *cache; /* as a run_input's */
        int cancel_fd;           /* becomes readable when the run is to be stopped; or -1 */
        void (*watch)(const struct capsule *capsule, void *data); /* as a run_input's */
        void *watch_data;
};

/* The first of the two steps of run.h for a question; run_finish is the second. */
int run_begin_question(struct capsule_store *store, struct executor *executor,
                       const struct ask_input *input, struct run **ret, struct error *err);

/* Writes the pending capsule, looks at the tables and their values, asks the planner, and runs its
 * plan, which is trusted no more than any other; or seals the capsule as abstained, and nothing
 * ran. 0 whenever a capsule was sealed, as run_execute. The caller frees *ret. */
int run_ask(struct capsule_store *store, struct executor *executor, const struct ask_input *input,
            struct capsule **ret, struct error *err);

/* Runs one of the plans between which a sealed abstention leaves the choice (from 0), as a run of
 * its own with the same question, moment and limits. ERROR_USAGE when there is no such choice. */
int run_choice(struct capsule_store *store, struct executor *executor,
               const struct dataset *dataset, const struct capsule *abstained, size_t choice,
               int cancel_fd, struct capsule **ret, struct error *err);

#endif
