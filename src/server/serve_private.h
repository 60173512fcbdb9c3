/* What serve.c and serve_reload.c share; nobody else includes it. */
#ifndef ASKCSV_SERVER_SERVE_PRIVATE_H
#define ASKCSV_SERVER_SERVE_PRIVATE_H

#include "base/buf.h"
#include "server/api.h"
#include "server/neighbours.h"
#include "server/serve.h"
#include "server/sweep.h"

struct serve {
        struct api api;
        struct http_server *http;
        struct capsule_store *store;
        char *store_url; /* may hold a password */
        struct run_cache *cache;
        struct sweep *sweep;
        struct neighbours *neighbours; /* NULL when nobody shares the store */
        struct setup *first; /* of the start: what needs a restart to be changed is in it */
};

struct retention_rule serve_retention_rule(const struct config *config);

/* The text of a file that a setting names, into text; NULL in *ret when it names none. */
int serve_read_setting(const struct config *config, enum config_id id, struct buf *text,
                       const char **ret, struct error *err);

#endif
