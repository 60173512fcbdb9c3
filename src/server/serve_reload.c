/* What a running server takes over from a configuration that was changed. */
#include "server/serve_private.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <string.h>

static bool has_tls(const struct config *config)
{
        return *config_text(config, CONFIG_TLS_CERTIFICATE);
}

/* HTTPS cannot be begun or given up; a server that has it takes the files as they are now, as a
 * renewed certificate has the old one's name. NULL in *ret: as it is. */
static int read_certificate(const struct serve *serve, const struct config *config,
                            struct http_certificate **ret, struct error *err)
{
        _cleanup_buf_ struct buf certificate = {0};
        _cleanup_buf_ struct buf key = {0};
        const char *certificate_text = NULL;
        const char *key_text = NULL;
        if (!has_tls(serve->first->config))
                return 0;
        int r = serve_read_setting(config, CONFIG_TLS_CERTIFICATE, &certificate, &certificate_text,
                                   err);
        if (r == 0)
                r = serve_read_setting(config, CONFIG_TLS_KEY, &key, &key_text, err);
        if (r < 0 || !certificate_text || !key_text)
                return r;
        return http_certificate_new(certificate_text, key_text, ret, err);
}

static int change_limits(struct serve *serve, const struct config *config, struct error *err)
{
        int64_t now_us = clock_monotonic_us();
        int r = limits_change(
                serve->api.client_limits, (double)config_number(config, CONFIG_KEY_RATE),
                (unsigned)config_number(config, CONFIG_KEY_BURST),
                (unsigned)config_number(config, CONFIG_KEY_REQUESTS_MAX), now_us, err);
        return r < 0 ? r
                     : limits_change(serve->api.chat_limits, 0, 1,
                                     (unsigned)config_number(config, CONFIG_KEY_CHATS_MAX), now_us,
                                     err);
}

/* Whether a reload takes the setting over, to become as it is in config. */
static bool is_live(const struct serve *serve, const struct config *config, enum config_id id)
{
        bool is_tls = id == CONFIG_TLS_CERTIFICATE || id == CONFIG_TLS_KEY;
        return config_setting(id)->live &&
               !(is_tls && has_tls(config) != has_tls(serve->first->config));
}

/* Names, never values: some are secret. */
static void log_reload(struct serve *serve, const struct config *before, const struct setup *after)
{
        const struct config *config = after->config;
        _cleanup_buf_ struct buf changed = {0};
        _cleanup_buf_ struct buf restart = {0};
        buf_init(&changed, LOG_TEXT_MAX);
        buf_init(&restart, LOG_TEXT_MAX);
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                bool live = is_live(serve, config, id);
                struct buf *to = live ? &changed : &restart;
                const struct config *other = live ? before : serve->first->config;
                if (strcmp(config_text(other, id), config_text(config, id)) != 0)
                        buf_printf(to, "%s%s", to->len > 0 ? ", " : "", config_setting(id)->name);
        }
        log_at(serve->api.log, restart.len > 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "config.reload",
               log_bool("ok", true), log_text("file", config_file(config)),
               log_text("changed", buf_text(&changed)),
               log_text("needs_restart", buf_text(&restart)),
               log_number("datasets", (int64_t)after->registry->n_datasets));
}

/* First all that may fail, then all that cannot. */
int serve_reload(struct serve *serve, struct config *config, struct registry *registry,
                 struct error *err)
{
        struct setup *next = NULL;
        struct http_certificate *certificate = NULL;
        enum log_level level = LOG_LEVEL_INFO;
        int r = setup_new(config, registry, &next, err);
        if (r < 0)
                return r;
        r = read_certificate(serve, config, &certificate, err);
        if (r == 0)
                r = change_limits(serve, config, err);
        if (r < 0) {
                http_certificate_release(certificate);
                setup_release(next);
                return r;
        }
        struct setup *before = setup_now(&serve->api.setup);
        if (certificate)
                http_set_certificate(serve->http, certificate);
        runs_set_owner_max(serve->api.runs, (size_t)config_number(config, CONFIG_KEY_RUNS_MAX));
        struct retention_rule rule = serve_retention_rule(config);
        sweep_set_rule(serve->sweep, &rule);
        (void)log_level_parse(config_text(config, CONFIG_LOG_LEVEL), &level);
        log_set_level(serve->api.log, level);
        setup_replace(&serve->api.setup, setup_hold(next));
        log_reload(serve, before->config, next);
        setup_release(before);
        setup_release(next);
        return 0;
}

void serve_not_reloaded(struct serve *serve, const struct error *why)
{
        log_error(serve->api.log, "config.reload", log_bool("ok", false),
                  log_text("error", why->message));
}
