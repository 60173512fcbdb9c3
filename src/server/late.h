/* Capsules of runs and answers that have ended and could not be sealed, because the disk was full,
 * say: they are sealed when the store can be written again, so that what was found is not lost and
 * nobody waits for a restart to see the end. */
#ifndef ASKCSV_SERVER_LATE_H
#define ASKCSV_SERVER_LATE_H

#include "capsule/store.h"

#define LATE_RETRY_MS 1000

struct late; /* opaque; any thread */

/* The store must be there until late_free. */
int late_start(struct capsule_store *store, struct late **ret, struct error *err);

/* Takes the capsule over: of ours, in a final state, not sealed. NULL: nothing happens. */
void late_add(struct late *late, struct capsule *capsule);

/* How many wait to be sealed. */
size_t late_waiting(struct late *late);

/* Tries once more, until one cannot be sealed; those stay open in the store, and the next start
 * records them as failed. NULL is fine. */
void late_free(struct late *late);

#endif
