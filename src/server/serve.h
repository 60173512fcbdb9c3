/* The server as a whole: everything that it consists of, started and ended. */
#ifndef ASKCSV_SERVER_SERVE_H
#define ASKCSV_SERVER_SERVE_H

#include "dataset/registry.h"
#include "executor/executor.h"
#include "server/config.h"

struct serve; /* opaque */

struct serve_options {
        struct config *config;     /* checked by config_check; this and the registry are taken */
        struct registry *registry; /* over by serve_start, whether it fails or not */
        const char *home;          /* $ASKCSV_HOME, absolute; it is there */
        const char *datasets_folder;
        struct executor_host host; /* as session_host gives it */
};

/* What else is pointed to must be there until serve_stop. Runs that an earlier server left open are
 * sealed as failed before anybody is answered; *ret_recovered is how many. */
int serve_start(const struct serve_options *options, struct serve **ret, size_t *ret_recovered,
                struct error *err);
uint16_t serve_port(const struct serve *serve);
/* What it was started with. */
const struct config *serve_config(const struct serve *serve);

/* Takes over what can change while the server runs: the settings that are live, the certificate's
 * files, the registry. Requests and runs that are there go on with what they began with. Logs which
 * settings changed, and which of those that changed want a restart. When it fails nothing has
 * changed, and the caller tells serve_not_reloaded. Takes config and registry over, whether it
 * fails or not. One thread at a time. */
int serve_reload(struct serve *serve, struct config *config, struct registry *registry,
                 struct error *err);
/* Logs why a reload was not possible. */
void serve_not_reloaded(struct serve *serve, const struct error *why);

/* No new connections and no new runs; waits up to patience_ms for what is under way, and ends it.
 * NULL is fine. */
void serve_stop(struct serve *serve, int64_t patience_ms);

#endif
