/* What a reload of the configuration changes for requests, as one whole that itself never changes:
 * a request has one setup from its beginning to its end, and a run has it as long as it is there.
 */
#ifndef ASKCSV_SERVER_SETUP_H
#define ASKCSV_SERVER_SETUP_H

#include "dataset/registry.h"
#include "protocol/request.h"
#include "server/config.h"
#include "server/planners.h"

#include <pthread.h>
#include <stdatomic.h>

/* "a.example, b.example", cut at commas and blanks. */
struct setup_names {
        char *text;
        const char *list[CONFIG_NAMES_MAX + 1]; /* ends with NULL */
};

struct setup {
        atomic_uint references;
        /* Only settings that config_setting(id)->live says may be read from it: of the others it
         * has what the file says now, and the server does as it was told at its start. */
        struct config *config;
        struct registry *registry;
        struct planners *planners;
        struct setup_names hosts;   /* that a Host header may name besides loopback's */
        struct setup_names origins; /* whose pages may use the server besides its own */
        int64_t wait_ms_max;
        struct limits limits_max;
        bool cache;
};

/* Takes config (checked by config_check) and registry over, whether it fails or not. The caller
 * releases *ret. */
int setup_new(struct config *config, struct registry *registry, struct setup **ret,
              struct error *err);
/* References; any thread. */
struct setup *setup_hold(struct setup *setup);
void setup_release(struct setup *setup); /* NULL is fine */

bool setup_has(const struct setup_names *names, const char *name); /* the very same bytes */

/* Where the present one is. */
struct setup_place {
        pthread_mutex_t lock;
        struct setup *now;
};

void setup_place_init(struct setup_place *place, struct setup *first); /* takes first over */
void setup_place_done(struct setup_place *place);
/* The present one, held. */
struct setup *setup_now(struct setup_place *place);
/* From now on setup_now gives next, which is taken over. Who has the one before keeps it. */
void setup_replace(struct setup_place *place, struct setup *next);

#endif
