/* A language model that answers questions about tables: it is given tools, its plans and its SQL
 * are run like anybody's, and what it says of the results is compared with them. Nothing that it
 * says is trusted: calls are bounded in number, tokens, time and cost, it sees a bounded preview of
 * rows, framed as data, and figures that are in no result are marked. Knows nothing of HTTP: how a
 * run is ordered is the caller's. */
#ifndef ASKCSV_AGENT_AGENT_H
#define ASKCSV_AGENT_AGENT_H

#include "dataset/registry.h"
#include "model/model.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_REPAIRS_MAX 3 /* queries that were refused or failed, and may be tried again */
#define AGENT_RUNS_MAX 16   /* runs of one answer */
#define AGENT_TEXT_MAX ((size_t)128 * 1024) /* bytes of a model's words; the rest is cut off */

/* What one answer may cost. */
struct agent_bounds {
        int steps_max;      /* calls of the model, from 1 */
        int64_t tokens_max; /* read and written by it, all calls together; 0: no limit */
        int64_t time_ms_max;
        int64_t price_in, price_out; /* of a million tokens, in cents; 0: free */
        int64_t cost_max;            /* cents; 0: no limit */
        size_t rows_max;             /* rows of a result that the model is shown; 0: none, only how
                                      * many there are */
};

/* A query that the model wants run. */
struct agent_query {
        const struct dataset *dataset;
        const char *plan; /* JSON; or NULL */
        size_t plan_bytes;
        const char *sql; /* if plan is NULL */
        size_t sql_bytes;
        const json_t *reading; /* {"sentence","assumptions"}: what the plan says; or NULL */
        int64_t deadline_us;   /* of clock_monotonic_us(): then the answer's time is used up */
};

/* What the caller does for the agent; all on the thread of agent_answer. */
struct agent_world {
        const struct registry *registry;
        /* Has it run, and waits: *ret is the sealed capsule's body, a new reference, whatever
         * became of the run, which is stopped at the query's deadline. Failures (the queue is full,
         * the store fails, cancelled) end the answer. */
        int (*run)(const struct agent_query *query, json_t **ret, void *data, struct error *err);
        /* The sealed capsule's body of a run that the asker may see, a new reference;
         * ERROR_RUN_NOT_FOUND. */
        int (*find)(const char *run_id, json_t **ret, void *data, struct error *err);
        /* Words as they come, and that those so far do not count. Either may be NULL. */
        void (*say)(const char *text, size_t n, void *data);
        void (*unsay)(void *data);
        /* A query was refused or failed and goes back to the model: {"run_id"?, "type", "message",
         * ...}. Or NULL. */
        void (*repair)(const json_t *error, void *data);
        void *data;
        int cancel_fd; /* becomes readable when the answer is not wanted any more; or -1 */
};

struct agent_question {
        const struct dataset *dataset; /* what it is about; described */
        const char *text;              /* UTF-8 */
        const char *as_of; /* what "now" is in the runs; NULL: the dataset's, else now */
        /* [{"role": "user"|"assistant", "text", "quotes"?: true, "failed"?: true}], oldest first;
         * or NULL. quotes: the words are not a model's, and may be data, as an error's; failed: and
         * they may quote rows. */
        const json_t *history;
        const json_t *previous; /* the capsule's body of the last run that succeeded; or NULL */
};

enum agent_end {
        AGENT_ANSWERED, /* the words are the model's */
        AGENT_CUT,      /* a bound ended it, or the model failed behind a run: the words are ours */
        AGENT_WITHHELD, /* it spoke of figures or runs that there were none of: likewise */
};
const char *agent_end_name(enum agent_end end); /* "answered", "cut", "withheld" */

struct agent_answer {
        enum agent_end end;
        char *text;
        json_t *runs;      /* the capsules' bodies of all runs, in order */
        json_t *run_ids;   /* of those that the words rest on */
        json_t *grounding; /* as grounding_check has it; null when the words are ours */
        /* {"steps","tokens_in","tokens_out","tokens_estimated","repairs","cost_cents"} */
        json_t *usage;
        struct error failure; /* when it was cut: what failed, if anything did; else NONE */
};

/* Waits for the whole answer. Also on failure *ret has what there was until then (runs, usage), and
 * is to be released. Errors: those of model_chat when no run had succeeded yet, those of
 * world->run, ERROR_CANCELLED. */
int agent_answer(const struct model *model, const struct agent_bounds *bounds,
                 const struct agent_world *world, const struct agent_question *question,
                 struct agent_answer *ret, struct error *err);
void agent_answer_done(struct agent_answer *answer); /* safe on a zeroed struct and twice */

#endif
