/* What an answer may cost, and has cost so far. */
#ifndef ASKCSV_AGENT_BUDGET_H
#define ASKCSV_AGENT_BUDGET_H

#include "agent/agent.h"

#define BUDGET_BYTES_PER_TOKEN 3 /* fewer than there are, when a server does not count */

struct budget {
        const struct agent_bounds *bounds;
        int64_t start_us, deadline_us;
        int steps, repairs;
        int64_t tokens_in, tokens_out;
        bool is_estimated; /* a server did not count its tokens */
};

void budget_start(struct budget *budget, const struct agent_bounds *bounds);

/* Whether one more call may be made, which will read about so many bytes; else a text says which
 * bound stands in the way, as "12 steps". */
bool budget_allows(const struct budget *budget, size_t bytes, char *why, size_t size);

/* A call was made; tokens that the server did not count (-1) are estimated by bytes. */
void budget_spend(struct budget *budget, const struct model_reply *reply, size_t bytes_in,
                  size_t bytes_out);

double budget_cents(const struct budget *budget);
/* As agent_answer.usage; NULL for no memory. */
json_t *budget_to_json(const struct budget *budget);

#endif
