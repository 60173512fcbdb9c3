/* The tools that a model may call, and what comes back. */
#ifndef ASKCSV_AGENT_TOOLS_H
#define ASKCSV_AGENT_TOOLS_H

#include "agent/agent.h"
#include "agent/frame.h"

/* The tools as model_call has them; the caller frees *ret. */
int tools_describe(json_t **ret, struct error *err);

#define TOOLBOX_SEEN_MAX 16
#define TOOLBOX_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of results; then no more is run */

struct toolbox {
        const struct agent_world *world;
        const struct agent_question *question;
        const char *nonce;
        size_t rows_max;
        int64_t deadline_us; /* of clock_monotonic_us(): no query begins after it */
        json_t *runs;        /* the capsules' bodies of this answer's runs, in order */
        size_t bytes;        /* of the results of both, as JSON */
        json_t *seen;        /* those of earlier runs that were looked up, and succeeded */
        int failures;        /* queries that were refused or failed, and calls that made no sense */
        char last[ERROR_MESSAGE_MAX]; /* what was wrong with the last of them */
};

int toolbox_init(struct toolbox *box, const struct agent_world *world,
                 const struct agent_question *question, const char *nonce, size_t rows_max,
                 int64_t deadline_us, struct error *err);
void toolbox_done(struct toolbox *box); /* safe on a zeroed struct and twice */

/* Does what the call (as in model_reply.tool_calls) asks for; *ret is the text for the model, the
 * caller's. What is wrong with the call is in the text, and counted. Fails only if the answer
 * cannot go on: as world->run does, or for no memory. */
int toolbox_call(struct toolbox *box, const json_t *call, char **ret, struct error *err);

/* No more queries: of each further one the text says so. */
bool toolbox_is_closed(const struct toolbox *box);

/* The newest run of this answer that succeeded, or NULL; lent. */
const json_t *toolbox_success(const struct toolbox *box);

#endif
