/* The conversation that a model is given: what it is told, what was said before, the question. */
#ifndef ASKCSV_AGENT_PROMPT_H
#define ASKCSV_AGENT_PROMPT_H

#include "agent/agent.h"

#define PROMPT_TEXT_MAX ((size_t)256 * 1024) /* of one message */
#define HISTORY_BYTES_MAX                                                                          \
        ((size_t)24 * 1024)                 /* of all earlier messages; older ones are left out    \
                                             */
#define HISTORY_TEXT_MAX ((size_t)4 * 1024) /* of one of them; the rest is cut */

/* The messages as model_call has them: the rules with the dataset's schema, what was said before,
 * and the question with the run that it may go on from. schema: that of frame_schema, whole; it
 * stays the caller's, and NULL is no memory. The caller frees *ret. */
int prompt_make(const struct agent_question *question, json_t *schema, const char *nonce,
                size_t rows_max, json_t **ret, struct error *err);

/* Of question->history, the first message that the model is shown: the newest ones that fit, from a
 * user's on. */
size_t prompt_first(const json_t *history);

/* What a model that spoke of runs or figures that there are none of is told: unsupported are the
 * figures, an array of texts; has_run: whether there is a result at all. NULL for no memory. */
char *prompt_ungrounded(const json_t *unsupported, bool has_run);

#endif
