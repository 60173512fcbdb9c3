#include "base/cleanup.h"
#include "base/clock.h"
#include "capsule/capsule.h"

#include <string.h>

static const char *const state_names[RUN_STATE_COUNT_] = {
        [RUN_PENDING] = "pending",     [RUN_RUNNING] = "running",     [RUN_SUCCEEDED] = "succeeded",
        [RUN_FAILED] = "failed",       [RUN_REJECTED] = "rejected",   [RUN_TIMED_OUT] = "timed_out",
        [RUN_CANCELLED] = "cancelled", [RUN_ABSTAINED] = "abstained",
};

#define TO(state) (1u << (state))

/* What may follow what. A state with nothing behind it is final. */
static const unsigned int moves[RUN_STATE_COUNT_] = {
        [RUN_PENDING] = TO(RUN_RUNNING) | TO(RUN_REJECTED) | TO(RUN_FAILED) | TO(RUN_CANCELLED) |
                        TO(RUN_ABSTAINED) | TO(RUN_TIMED_OUT),
        [RUN_RUNNING] = TO(RUN_SUCCEEDED) | TO(RUN_FAILED) | TO(RUN_REJECTED) | TO(RUN_TIMED_OUT) |
                        TO(RUN_CANCELLED),
};

const char *run_state_name(enum run_state state)
{
        return (size_t)state < RUN_STATE_COUNT_ ? state_names[state] : "unknown";
}

enum run_state run_state_from_name(const char *name)
{
        size_t i = 0;
        while (i < RUN_STATE_COUNT_ && strcmp(state_names[i], name) != 0)
                i++;
        return (enum run_state)i;
}

bool run_state_is_final(enum run_state state)
{
        return (size_t)state < RUN_STATE_COUNT_ && moves[state] == 0;
}

int run_move(struct capsule *capsule, enum run_state to, struct error *err)
{
        char now[CLOCK_TEXT_SIZE];
        if ((size_t)to >= RUN_STATE_COUNT_ || !(moves[capsule->state] & TO(to)))
                return error_set(err, ERROR_INTERNAL, "a run cannot go from %s to %s",
                                 run_state_name(capsule->state), run_state_name(to));
        clock_format_ms(clock_utc_ms(), now);
        json_t *status = json_string(run_state_name(to));
        json_t *moment = json_string(now);
        if (!status || !moment) {
                json_decref(status);
                json_decref(moment);
                return error_oom(err);
        }
        /* Both members are there already, so replacing them takes no memory and cannot fail. */
        (void)json_object_set_new(capsule->body, "status", status);
        (void)json_object_set_new(capsule->body, to == RUN_RUNNING ? "started_at" : "finished_at",
                                  moment);
        capsule->state = to;
        return 0;
}
