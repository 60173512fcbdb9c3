/* What the executors have in common whose runner is elsewhere: in a container, in a pod. */
#ifndef ASKCSV_EXECUTOR_AWAY_H
#define ASKCSV_EXECUTOR_AWAY_H

#include "executor/executor.h"

/* That the place of a runner may use for such a call: the engine's own memory, what the engine does
 * not count (as in runner/sandbox.c), the supervisor, the answer twice, and file pages that the
 * kernel cannot drop at once. */
int64_t away_memory_mb(const struct executor_call *call);

/* How long a runner is waited for from its start on: it keeps its deadline itself, and its process
 * may begin late. */
int64_t away_patience_ms(const struct executor_call *call);

/* The call of a runner that only says what walls there are (--probe), into answer. */
struct executor_call away_probe(const struct buf *answer);

#endif
