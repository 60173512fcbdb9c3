#include "base/cond.h"

#include <errno.h>
#include <time.h>

#define US_IN_S 1000000

void cond_init(pthread_cond_t *cond)
{
        pthread_condattr_t monotonic;
        (void)pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void)pthread_cond_init(cond, &monotonic);
        (void)pthread_condattr_destroy(&monotonic);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
        const struct timespec until = {.tv_sec = until_us / US_IN_S,
                                       .tv_nsec = until_us % US_IN_S * 1000};
        return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}
