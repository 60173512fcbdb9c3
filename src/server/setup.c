#include "server/setup.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static int cut(const char *text, struct setup_names *ret, struct error *err)
{
        size_t n = 0;
        ret->text = alloc_strdup(text);
        if (!ret->text)
                return error_oom(err);
        char *rest = ret->text;
        for (char *name; n < CONFIG_NAMES_MAX && (name = strsep(&rest, ", "));)
                if (*name)
                        ret->list[n++] = name;
        return 0;
}

static void setup_free(struct setup *setup)
{
        config_free(setup->config);
        registry_free(setup->registry);
        planners_free(setup->planners);
        free(setup->hosts.text);
        free(setup->origins.text);
        free(setup);
}

static int fill(struct setup *setup, struct error *err)
{
        const struct config *config = setup->config;
        setup->wait_ms_max = config_number(config, CONFIG_WAIT_MS_MAX);
        setup->limits_max.timeout_ms = config_number(config, CONFIG_TIMEOUT_MS_MAX);
        setup->limits_max.max_rows = config_number(config, CONFIG_ROWS_MAX);
        setup->cache = config_bool(config, CONFIG_CACHE);
        int r = cut(config_text(config, CONFIG_ALLOWED_HOSTS), &setup->hosts, err);
        if (r == 0)
                r = cut(config_text(config, CONFIG_ALLOWED_ORIGINS), &setup->origins, err);
        return r < 0 ? r : planners_open(config, &setup->planners, err);
}

int setup_new(struct config *config, struct registry *registry, struct setup **ret,
              struct error *err)
{
        struct setup *setup = alloc_calloc(1, sizeof(*setup));
        if (!setup) {
                config_free(config);
                registry_free(registry);
                return error_oom(err);
        }
        atomic_init(&setup->references, 1);
        setup->config = config;
        setup->registry = registry;
        int r = fill(setup, err);
        if (r < 0)
                setup_free(setup);
        else
                *ret = setup;
        return r;
}

struct setup *setup_hold(struct setup *setup)
{
        (void)atomic_fetch_add(&setup->references, 1);
        return setup;
}

void setup_release(struct setup *setup)
{
        if (setup && atomic_fetch_sub(&setup->references, 1) == 1)
                setup_free(setup);
}

bool setup_has(const struct setup_names *names, const char *name)
{
        for (size_t i = 0; names->list[i]; i++)
                if (strcmp(names->list[i], name) == 0)
                        return true;
        return false;
}

void setup_place_init(struct setup_place *place, struct setup *first)
{
        (void)pthread_mutex_init(&place->lock, NULL);
        place->now = first;
}

void setup_place_done(struct setup_place *place)
{
        setup_release(place->now);
        place->now = NULL;
        (void)pthread_mutex_destroy(&place->lock);
}

struct setup *setup_now(struct setup_place *place)
{
        (void)pthread_mutex_lock(&place->lock);
        struct setup *now = setup_hold(place->now);
        (void)pthread_mutex_unlock(&place->lock);
        return now;
}

void setup_replace(struct setup_place *place, struct setup *next)
{
        (void)pthread_mutex_lock(&place->lock);
        struct setup *before = place->now;
        place->now = next;
        (void)pthread_mutex_unlock(&place->lock);
        setup_release(before);
}
