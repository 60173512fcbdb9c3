/* The server as a whole: everything that it consists of, started and ended. */
#ifndef ASKCSV_SERVER_SERVE_H
#define ASKCSV_SERVER_SERVE_H

#include "dataset/registry.h"
#include "executor/executor.h"
#include "server/config.h"

struct serve; /* opaque */

struct serve_options {
        const struct config *config; /* checked by config_check */
        const char *home;            /* $ASKCSV_HOME, absolute; it is there */
        const struct registry *registry;
        const char *datasets_folder;
        struct executor_host host; /* as session_host gives it */
};

/* What is pointed to must be there until serve_stop. Runs that an earlier server left open are
 * sealed as failed before anybody is answered; *ret_recovered is how many. */
int serve_start(const struct serve_options *options, struct serve **ret, size_t *ret_recovered,
                struct error *err);
uint16_t serve_port(const struct serve *serve);
/* No new connections and no new runs; waits up to patience_ms for what is under way, and ends it.
 * NULL is fine. */
void serve_stop(struct serve *serve, int64_t patience_ms);

#endif
