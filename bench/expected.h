/* Runs of one job must all give one answer: the result hash of the first is kept, and later ones
 * are held against it. bench/run compares that first answer's rows with DuckDB's. */
#ifndef ASKCSV_BENCH_EXPECTED_H
#define ASKCSV_BENCH_EXPECTED_H

#include "base/error.h"
#include "base/hash.h"

#include <pthread.h>
#include <string.h>

#define EXPECTED_JOBS_MAX 256

struct expected {
        pthread_mutex_t lock;
        char hashes[EXPECTED_JOBS_MAX][HASH_HEX_SIZE];
};

/* hash may be NULL when the answer has none: that is an error. */
static inline int expected_check(struct expected *expected, size_t job, const char *hash,
                                 struct error *err)
{
        if (job >= EXPECTED_JOBS_MAX || !hash || strlen(hash) != HASH_HEX_SIZE - 1)
                return error_set(err, ERROR_RUNNER_INTERNAL, "the answer has no result hash");
        (void)pthread_mutex_lock(&expected->lock);
        char *kept = expected->hashes[job];
        if (!*kept)
                memcpy(kept, hash, HASH_HEX_SIZE);
        int other = strcmp(kept, hash);
        (void)pthread_mutex_unlock(&expected->lock);
        return other ? error_set(err, ERROR_RUNNER_INTERNAL, "another answer than the first time")
                     : 0;
}

#endif
