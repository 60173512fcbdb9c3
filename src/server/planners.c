#include "server/planners.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

enum { OPENAI, ANTHROPIC, PROVIDERS };

struct provider {
        struct model *model; /* NULL: not set up */
        char name[PLANNER_NAME_MAX + 1];
};

struct planners {
        struct provider providers[PROVIDERS];
        char initial[16]; /* the setting: "auto" ... */
        struct agent_bounds bounds;
        int64_t context_messages;
};

static const struct settings {
        const char *name;
        enum model_kind kind;
        enum config_id base_url, model, key;
} settings[PROVIDERS] = {
        [OPENAI] = {"openai", MODEL_OPENAI, CONFIG_OPENAI_BASE_URL, CONFIG_OPENAI_MODEL,
                    CONFIG_OPENAI_KEY},
        [ANTHROPIC] = {"anthropic", MODEL_ANTHROPIC, CONFIG_ANTHROPIC_BASE_URL,
                       CONFIG_ANTHROPIC_MODEL, CONFIG_ANTHROPIC_KEY},
};

void planners_free(struct planners *planners)
{
        if (!planners)
                return;
        for (size_t i = 0; i < PROVIDERS; i++)
                model_free(planners->providers[i].model);
        free(planners);
}

/* NULL for what is not set. */
static const char *text_or_null(const struct config *config, enum config_id id)
{
        const char *text = config_text(config, id);
        return *text ? text : NULL;
}

static int open_provider(const struct config *config, const struct settings *from,
                         struct provider *to, struct error *err)
{
        _cleanup_free_ char *key = NULL;
        int64_t timeout_ms = config_number(config, CONFIG_MODEL_TIMEOUT_S) * 1000;
        if (!config_has_provider(config, from->model))
                return 0;
        int r = config_key(config, from->key, &key, err);
        if (r < 0)
                return r;
        const struct model_options options = {
                .kind = from->kind,
                .base_url = text_or_null(config, from->base_url),
                .model = config_text(config, from->model),
                .key = key,
                .proxy = text_or_null(config, CONFIG_PROXY),
                .ca_file = text_or_null(config, CONFIG_CA_FILE),
                .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                .idle_timeout_ms = timeout_ms,
                .total_timeout_ms = config_number(config, CONFIG_ANSWER_SECONDS_MAX) * 1000,
                .retries_max = (int)config_number(config, CONFIG_MODEL_RETRIES),
        };
        (void)snprintf(to->name, sizeof(to->name), "%s:%s", from->name, options.model);
        r = model_open(&options, &to->model, err);
        return r < 0 ? error_prefix(err, r, "the provider %s", from->name) : 0;
}

static void read_bounds(const struct config *config, struct planners *planners)
{
        planners->bounds = (struct agent_bounds){
                .steps_max = (int)config_number(config, CONFIG_ANSWER_STEPS_MAX),
                .tokens_max = config_number(config, CONFIG_ANSWER_TOKENS_MAX),
                .time_ms_max = config_number(config, CONFIG_ANSWER_SECONDS_MAX) * 1000,
                .price_in = config_number(config, CONFIG_PRICE_IN_CENTS),
                .price_out = config_number(config, CONFIG_PRICE_OUT_CENTS),
                .cost_max = config_number(config, CONFIG_ANSWER_CENTS_MAX),
                .rows_max = (size_t)config_number(config, CONFIG_MODEL_ROWS_MAX),
        };
        planners->context_messages = config_number(config, CONFIG_CONTEXT_MESSAGES);
}

int planners_open(const struct config *config, struct planners **ret, struct error *err)
{
        struct planners *planners = alloc_calloc(1, sizeof(*planners));
        if (!planners)
                return error_oom(err);
        (void)snprintf(planners->initial, sizeof(planners->initial), "%s",
                       config_text(config, CONFIG_PLANNER));
        read_bounds(config, planners);
        int r = 0;
        for (size_t i = 0; r == 0 && i < PROVIDERS; i++)
                r = open_provider(config, &settings[i], &planners->providers[i], err);
        if (r < 0)
                planners_free(planners);
        else
                *ret = planners;
        return r;
}

static const struct planner_choice builtin = {.name = "builtin", .provider = "builtin"};

static struct planner_choice choice_of(const struct planners *planners, size_t i)
{
        return (struct planner_choice){.model = planners->providers[i].model,
                                       .name = planners->providers[i].name,
                                       .provider = settings[i].name};
}

int planners_choose(const struct planners *planners, const char *name, struct planner_choice *ret,
                    struct error *err)
{
        name = name ? name : planners->initial;
        bool is_auto = strcmp(name, "auto") == 0;
        *ret = builtin;
        if (strcmp(name, "builtin") == 0)
                return 0;
        for (size_t i = 0; i < PROVIDERS; i++) {
                if (!is_auto && strcmp(name, settings[i].name) != 0)
                        continue;
                if (planners->providers[i].model) {
                        *ret = choice_of(planners, i);
                        return 0;
                }
                if (!is_auto)
                        return error_set(err, ERROR_INVALID_REQUEST,
                                         "the planner %s is not set up on this server (%s_model "
                                         "and %s_key)",
                                         name, name, name);
        }
        if (is_auto)
                return 0;
        return error_set(err, ERROR_INVALID_REQUEST,
                         "there is no planner \"%.40s\"; it is auto, builtin, openai or anthropic",
                         name);
}

json_t *planners_to_json(const struct planners *planners)
{
        struct planner_choice choice = builtin;
        (void)planners_choose(planners, NULL, &choice, NULL);
        _cleanup_json_ json_t *available = json_pack("[s]", "builtin");
        for (size_t i = 0; available && i < PROVIDERS; i++)
                if (planners->providers[i].model &&
                    json_array_append_new(available, json_string(settings[i].name)) < 0)
                        return NULL;
        return available
                       ? json_pack("{s:s, s:O}", "default", choice.provider, "available", available)
                       : NULL;
}

bool planners_want_model(const struct planners *planners)
{
        struct planner_choice choice;
        return planners_choose(planners, NULL, &choice, NULL) == 0 && choice.model;
}

int planners_reach(const struct planners *planners, int64_t timeout_ms, struct error *err)
{
        struct planner_choice choice;
        int r = planners_choose(planners, NULL, &choice, err);
        return r < 0 || !choice.model ? r : model_reach(choice.model, timeout_ms, err);
}

const struct agent_bounds *planners_bounds(const struct planners *planners)
{
        return &planners->bounds;
}

int64_t planners_context_messages(const struct planners *planners)
{
        return planners->context_messages;
}
