/* Retention: capsules do not stay for ever. What goes is always the beginning of the chain, the
 * oldest sealed ones, and what is left can still be checked: in the moment in which they go, a
 * capsule of kind "retention" is sealed behind the newest, which says how many were removed since
 * the store began, and the hash of the last of them. The chain then begins with the capsule whose
 * prev_hash that is, and with no other. */
#ifndef ASKCSV_CAPSULE_RETENTION_H
#define ASKCSV_CAPSULE_RETENTION_H

#include "base/uuid.h"
#include "capsule/store.h"

/* What one call removes at most: so much can be removed while others wait for the store. */
#define RETENTION_BATCH 100
#define RETENTION_BATCH_BYTES ((size_t)2 * 1024 * 1024) /* of texts, but for the first one */

/* Capsules that are older than so many days (since created_at), and all but so many of the newest,
 * retention capsules not counted. 0: that rule is off. */
struct retention_rule {
        int64_t days; /* at most 1000000 */
        int64_t count;
};

struct retention_outcome {
        int64_t removed;             /* capsules, of all kinds */
        bool more;                   /* there are others to be removed */
        char run_id[UUID_TEXT_SIZE]; /* of the retention capsule; "" when nothing was removed */
};

/* Removes the oldest of what the rule gives up, one batch. Open capsules, and what was sealed
 * behind one that stays, are kept. Each is checked before it goes, outside the lock: ERROR_STORE
 * when one was altered, as removing it would remove the evidence; those before it are removed. */
int retention_prune(struct capsule_store *store, const struct retention_rule *rule,
                    struct retention_outcome *ret, struct error *err);

/* How many retention_prune would remove if it were called until nothing is left to be removed.
 * Nothing is changed. */
int retention_count(struct capsule_store *store, const struct retention_rule *rule, int64_t *ret,
                    struct error *err);

#endif
