/* Calls at a time to come, from a thread of its own. */
#ifndef ASKCSV_SERVER_TIMER_H
#define ASKCSV_SERVER_TIMER_H

#include "base/error.h"

#include <stdint.h>

struct timer; /* opaque */

int timer_start(struct timer **ret, struct error *err);
/* Ends the thread; what has not come yet is called before. NULL is fine. */
void timer_stop(struct timer *timer);

/* Calls fn(data) once, at_us (clock_monotonic_us) or soon after. fn must be quick. When there is no
 * memory it is called at once. */
void timer_at(struct timer *timer, int64_t at_us, void (*fn)(void *data), void *data);

#endif
