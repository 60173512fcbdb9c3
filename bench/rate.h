/* How often a piece of work is done in a second, measured over about RATE_SECONDS. */
#ifndef ASKCSV_BENCH_RATE_H
#define ASKCSV_BENCH_RATE_H

#include "base/clock.h"

#include <stdio.h>

#define RATE_SECONDS 2

/* Calls round(data), which does n pieces, for RATE_SECONDS after one call to warm up, and prints
 * {"what","pieces","per_second","us_each"} as one line. */
static inline void rate_print(const char *what, size_t n, void (*round)(void *data), void *data)
{
        round(data);
        int64_t start = clock_monotonic_us();
        int64_t now = start;
        double pieces = 0;
        while (now - start < RATE_SECONDS * 1000000) {
                round(data);
                pieces += (double)n;
                now = clock_monotonic_us();
        }
        double us = (double)(now - start);
        (void)printf("{\"what\": \"%s\", \"pieces\": %zu, \"per_second\": %.0f, "
                     "\"us_each\": %.2f}\n",
                     what, n, pieces * 1e6 / us, us / pieces);
}

#endif
