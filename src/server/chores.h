/* Threads for what takes a while and is no run of its own: verdicts on SQL, verifications, looks at
 * the runner. A loop thread never waits. */
#ifndef ASKCSV_SERVER_CHORES_H
#define ASKCSV_SERVER_CHORES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct chores; /* opaque */

int chores_start(size_t threads, size_t waiting_max, struct chores **ret, struct error *err);
/* Takes no more, waits up to patience_ms for what was added, then makes stop_fd readable (an
 * eventfd, which what takes long is to watch) and waits for the end. NULL is fine. */
void chores_stop(struct chores *chores, int64_t patience_ms, int stop_fd);
void chores_free(struct chores *chores); /* of those that were stopped; NULL is fine */

/* Whether one more would be taken now; ERROR_QUEUE_FULL. */
int chores_check_room(struct chores *chores, struct error *err);
/* fn(data) on one of the threads, first come first served; ERROR_QUEUE_FULL when too many wait. */
int chores_add(struct chores *chores, void (*fn)(void *data), void *data, struct error *err);

#endif
