/* Waiting for a condition until a moment of the monotonic clock, which nobody sets. */
#ifndef ASKCSV_BASE_COND_H
#define ASKCSV_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A condition that cond_wait_until can wait for; pthread_cond_destroy ends it. */
void cond_init(pthread_cond_t *cond);

/* As pthread_cond_wait, but false once it is until_us (clock_monotonic_us). */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us);

#endif
