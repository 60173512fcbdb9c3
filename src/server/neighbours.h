/* What servers that share a store do for each other: each seals what dead ones left open, stops
 * runs that others were asked to stop, looks for keys that were added or revoked elsewhere, and
 * tells what its clients took of their limits. A thread with a connection of its own does so every
 * second. */
#ifndef ASKCSV_SERVER_NEIGHBOURS_H
#define ASKCSV_SERVER_NEIGHBOURS_H

#include "server/keys.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/runs.h"

#define NEIGHBOURS_INTERVAL_MS 1000

struct neighbours; /* opaque */

struct neighbours_options {
        const char *store_url; /* not kept */
        struct runs *runs;     /* this and those below are there until neighbours_stop */
        struct keys *keys;
        struct client_limits *limits;
        struct log *log;
};

int neighbours_start(const struct neighbours_options *options, struct neighbours **ret,
                     struct error *err);
void neighbours_stop(struct neighbours *neighbours); /* NULL is fine */

#endif
