/* What a kind of store does for store.c and verify.c. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_STORE_OPS_H
#define ASKCSV_CAPSULE_STORE_OPS_H

#include "capsule/store.h"

#include <stdbool.h>

/* A sealed capsule as it is kept; lent. The texts beside the body repeat members of it. */
struct stored_row {
        int64_t seq; /* place in the chain, from 1 */
        const char *run_id;
        const char *created_at;
        const char *dataset_id; /* or NULL */
        const char *status;
        const char *kind;
        const char *body;
        size_t body_bytes;
};

struct thread_call;
struct servers_call;

struct capsule_store_ops {
        int (*open)(const char *rest, struct capsule_store **ret, struct error *err);
        void (*free)(struct capsule_store *store);
        void (*set_wait)(struct capsule_store *store, int wait_ms);
        void (*set_lease)(struct capsule_store *store, int lease_ms);
        int (*insert)(struct capsule_store *store, const struct capsule *capsule,
                      struct error *err);
        int (*update)(struct capsule_store *store, const struct capsule *capsule,
                      struct error *err);
        /* The capsule may be left sealed though it was not kept: it is the caller's copy. */
        int (*seal)(struct capsule_store *store, struct capsule *capsule, struct error *err);
        int (*probe)(struct capsule_store *store, struct error *err);
        int (*recover)(struct capsule_store *store, size_t *ret_count, struct error *err);
        int (*get)(struct capsule_store *store, const char *run_id, struct capsule **ret,
                   struct error *err);
        int (*asker)(struct capsule_store *store, const char *run_id, char *out, struct error *err);
        int (*list)(struct capsule_store *store, const struct capsule_filter *filter,
                    int (*each)(const struct capsule *capsule, void *data), void *data,
                    struct error *err);

        /* Between the two calls insert, update, seal and probe are one transaction; one of them
         * that fails undoes itself alone. When the end fails, none of them was done. */
        int (*batch_begin)(struct capsule_store *store, struct error *err);
        int (*batch_end)(struct capsule_store *store, struct error *err);

        /* Between the two calls everything that is read is of one moment. */
        int (*snapshot_begin)(struct capsule_store *store, struct error *err);
        void (*snapshot_end)(struct capsule_store *store);
        int (*head)(struct capsule_store *store, struct chain_head *ret, struct error *err);
        /* How many retention capsules there are, and the newest one's place; 0, 0 when none. */
        int (*retentions)(struct capsule_store *store, int64_t *ret_n, int64_t *ret_newest,
                          struct error *err);
        /* Seals the capsule, of kind retention and in its final state, and removes the sealed ones
         * behind place `after` up to `through`, in one transaction. 1: done; 0: nothing was, as
         * others have removed some meanwhile. As with seal, the capsule is of no use after a
         * failure. */
        int (*remove)(struct capsule_store *store, struct capsule *capsule, int64_t after,
                      int64_t through, struct error *err);
        /* The place of that run in the chain, 0 while it is open. run_id is as in get. */
        int (*place)(struct capsule_store *store, const char *run_id, int64_t *ret_seq,
                     struct error *err);
        /* Calls each for the sealed capsules from .. to (places), in order, until it returns
         * non-zero, which is then the result. */
        int (*sealed)(struct capsule_store *store, int64_t from, int64_t to,
                      int (*each)(const struct stored_row *row, void *data), void *data,
                      struct error *err);

        /* Conversations (thread_ops.h); call->op says which of its functions. */
        int (*threads)(struct capsule_store *store, const struct thread_call *call,
                       struct error *err);

        /* What servers that share the store tell each other (servers_ops.h); NULL: it is not for
         * that. */
        bool (*is_shared)(const struct capsule_store *store);
        int (*servers)(struct capsule_store *store, struct servers_call *call, struct error *err);
};

/* What every store begins with. */
struct capsule_store {
        const struct capsule_store_ops *ops;
};

extern const struct capsule_store_ops capsule_sqlite_ops;
extern const struct capsule_store_ops capsule_postgres_ops;

#endif
