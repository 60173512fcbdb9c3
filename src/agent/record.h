/* The record of a model's answer: a capsule of kind "answer", in the same chain as the runs that it
 * names. It is on disk before the model is called. */
#ifndef ASKCSV_AGENT_RECORD_H
#define ASKCSV_AGENT_RECORD_H

#include "agent/agent.h"
#include "capsule/store.h"

struct answer_origin {
        const struct dataset *dataset; /* described */
        const char *asker;             /* whose it is, or "" */
        const char *question;
        const char *planner;   /* "openai:gpt-x" */
        const char *thread_id; /* or NULL */
};

/* The open capsule, running and kept; the caller frees *ret. */
int answer_record_begin(struct capsule_store *store, const struct answer_origin *origin,
                        struct capsule **ret, struct error *err);

/* Seals it with what came of it: the answer, or why there is none (type NONE: there is one). Runs
 * and usage are recorded in both cases. When it could not be sealed, its state is final
 * nevertheless, and sealing may be tried again. */
int answer_record_end(struct capsule_store *store, struct capsule *capsule,
                      const struct agent_answer *answer, const struct error *why, double took_ms,
                      struct error *err);

#endif
