/* What servers that share a store tell each other by it. Stores of one machine have none of this:
 * ERROR_INTERNAL. */
#ifndef ASKCSV_CAPSULE_SERVERS_H
#define ASKCSV_CAPSULE_SERVERS_H

#include "capsule/store.h"

#include <stdbool.h>

bool store_is_shared(const struct capsule_store *store);

/* Asks whoever has the run to stop it. 1: whoever it is will read of it; 0: it is not open. */
int store_ask_cancel(struct capsule_store *store, const char *run_id, struct error *err);

/* Takes over a run that had not begun when the server that had it went, a plan's or SQL's: from now
 * on it is this store's owner's. 1: *ret is its capsule, the caller's to free; 0: there is none. */
int store_adopt(struct capsule_store *store, struct capsule **ret, struct error *err);

/* Calls each with every open run that is to be stopped, whoever has it. */
int store_cancels(struct capsule_store *store, void (*each)(const char *run_id, void *data),
                  void *data, struct error *err);

/* Small documents that all servers have. *ret_version is from 1, or 0 when there is none (*ret is
 * NULL); with the version that is known already, *ret is NULL too. The caller frees *ret. */
int store_document_get(struct capsule_store *store, const char *name, int64_t known, char **ret,
                       int64_t *ret_version, struct error *err);
/* Replaces that version of it (0: there is none). 1: done, 0: somebody else was faster. */
int store_document_put(struct capsule_store *store, const char *name, int64_t version,
                       const char *body, struct error *err);

/* A client's bucket of tokens (src/server/limits.h): puts off the moment at which it is full by
 * taken_us; *ret_owed_us is how far away that moment is then. */
struct bucket {
        const char *client;
        int64_t taken_us;
        int64_t owed_us;
};
int store_buckets(struct capsule_store *store, struct bucket *buckets, size_t n, struct error *err);

#endif
