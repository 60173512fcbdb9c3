/* Answers that need not be computed again. Of runs: the same SQL on the same version of the same
 * data within the same limits, asked by the same asker, of the same program. The cache only knows
 * which run has the answer; the answer itself comes out of that run's capsule, whose hash must
 * hold. It is in memory and bounded, any thread uses it, and a restart forgets it. */
#ifndef ASKCSV_RUN_CACHE_H
#define ASKCSV_RUN_CACHE_H

#include "base/hash.h"
#include "base/uuid.h"
#include "capsule/capsule.h"
#include "protocol/request.h"

#define RUN_CACHE_ENTRIES 4096
#define RUN_CACHE_VALUES 16 /* dataset versions whose values are kept */
#define RUN_CACHE_VALUES_MAX                                                                       \
        (4 << 20)                  /* bytes of one of them, as JSON; larger ones are not kept      \
                                    */
#define RUN_CACHE_EXECUTOR "cache" /* the executor of a run that was answered by it */

struct run_cache; /* opaque */

/* The caller frees *ret. */
int run_cache_new(struct run_cache **ret, struct error *err);
void run_cache_free(struct run_cache *cache); /* NULL is fine */

struct run_cache_key {
        unsigned char bytes[HASH_BYTES];
};

/* The key of the run that the capsule records, once its SQL is known. False: it has none, as the
 * version of its data is not known before it ran. */
bool run_cache_key_of(const struct capsule *capsule, struct run_cache_key *ret);

/* The run that was kept last under the key; false: none, or it had to make room. */
bool run_cache_find(struct run_cache *cache, const struct run_cache_key *key,
                    char run_id[UUID_TEXT_SIZE]);
void run_cache_keep(struct run_cache *cache, const struct run_cache_key *key, const char *run_id);

/* Which values the columns of a dataset version hold (dataset_ask_values), for questions about it.
 * version: dataset_version; limits: those it was asked with. The caller json_decrefs what find
 * returns; NULL: nothing is kept. */
json_t *run_cache_find_values(struct run_cache *cache, const char *version,
                              const struct limits *limits);
void run_cache_keep_values(struct run_cache *cache, const char *version,
                           const struct limits *limits, const json_t *values);

#endif
