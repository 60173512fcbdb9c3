/* What servers that share a store do for each other: each goes on with what waited at dead ones and
 * seals what else they left open, stops runs that others were asked to stop, looks for keys that
 * were added or revoked elsewhere, and tells what its clients took of their limits. A thread with a
 * connection of its own does so every second. */
#ifndef ASKCSV_SERVER_NEIGHBOURS_H
#define ASKCSV_SERVER_NEIGHBOURS_H

#include "server/keys.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/runs.h"
#include "server/setup.h"

#define NEIGHBOURS_INTERVAL_MS 1000

struct neighbours; /* opaque */

struct neighbours_options {
        const char *store_url; /* not kept */
        /* These are there until neighbours_stop. */
        struct capsule_store *store; /* the server's own, of which its runs are */
        struct setup_place *setup;
        struct runs *runs;
        struct keys *keys;
        struct client_limits *limits;
        struct log *log;
};

int neighbours_start(const struct neighbours_options *options, struct neighbours **ret,
                     struct error *err);
void neighbours_stop(struct neighbours *neighbours); /* NULL is fine */

#endif
