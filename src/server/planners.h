/* Who plans: the built-in planner, or a language model that the settings name. */
#ifndef ASKCSV_SERVER_PLANNERS_H
#define ASKCSV_SERVER_PLANNERS_H

#include "agent/agent.h"
#include "server/config.h"

#define PLANNER_NAME_MAX 128 /* bytes, as in a capsule */

struct planners; /* opaque; does not change, any thread */

/* Opens what is set up in a config that config_check takes, reading the files of keys. ERROR_USAGE
 * or ERROR_IO says which setting is wrong. The caller frees *ret. */
int planners_open(const struct config *config, struct planners **ret, struct error *err);
void planners_free(struct planners *planners); /* NULL is fine */

struct planner_choice {
        const struct model *model; /* NULL: the built-in planner; lives as long as the planners */
        const char *name;          /* "builtin", or "openai:gpt-x": what a capsule says */
        const char *provider;      /* "builtin", "openai", "anthropic" */
};

/* By name: "builtin", "openai", "anthropic", "auto" (a provider that is set up, OpenAI's first,
 * else the built-in planner); NULL: as the settings say. ERROR_INVALID_REQUEST for one that is not
 * known or not set up. */
int planners_choose(const struct planners *planners, const char *name, struct planner_choice *ret,
                    struct error *err);

/* {"default": "builtin", "available": ["builtin", ...]}; NULL for no memory. */
json_t *planners_to_json(const struct planners *planners);

/* Whether the provider that the settings prefer is there; 0 when they want none. Waits up to
 * timeout_ms. */
int planners_reach(const struct planners *planners, int64_t timeout_ms, struct error *err);
bool planners_want_model(const struct planners *planners);

const struct agent_bounds *planners_bounds(const struct planners *planners);
int64_t planners_context_messages(const struct planners *planners);

#endif
