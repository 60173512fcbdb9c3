/* Threads for what takes a while and is no run of its own: verdicts on SQL, verifications, looks at
 * the runner. A loop thread never waits. */
#ifndef ASKCSV_SERVER_CHORES_H
#define ASKCSV_SERVER_CHORES_H

#include "base/error.h"

#include <stddef.h>

struct chores; /* opaque */

int chores_start(size_t threads, size_t waiting_max, struct chores **ret, struct error *err);
/* Ends when all that was added is done. NULL is fine. */
void chores_stop(struct chores *chores);

/* fn(data) on one of the threads, first come first served; ERROR_QUEUE_FULL when too many wait. */
int chores_add(struct chores *chores, void (*fn)(void *data), void *data, struct error *err);

#endif
