#include "run/cache.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS                                                                                       \
        ((size_t)4) /* entries that a key may be in; the one that was not used longest goes        \
                     */
#define SETS (RUN_CACHE_ENTRIES / WAYS)
#define KEY_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct entry {
        struct run_cache_key key;
        char run_id[UUID_TEXT_SIZE]; /* "": empty */
        uint64_t used;
};

struct run_cache {
        pthread_mutex_t lock;
        uint64_t uses;
        struct entry entries[SETS][WAYS];
};

int run_cache_new(struct run_cache **ret, struct error *err)
{
        struct run_cache *cache = alloc_calloc(1, sizeof(*cache));
        if (!cache)
                return error_oom(err);
        (void)pthread_mutex_init(&cache->lock, NULL);
        *ret = cache;
        return 0;
}

void run_cache_free(struct run_cache *cache)
{
        if (!cache)
                return;
        (void)pthread_mutex_destroy(&cache->lock);
        free(cache);
}

/* SQL that was given may ask for the time; what plans say of it is in the SQL that they became. */
bool run_cache_key_of(const struct capsule *capsule, struct run_cache_key *ret)
{
        const json_t *body = capsule->body;
        const char *mode = json_get_string(body, "query_mode");
        const char *version = json_get_string(body, "dataset_version");
        const char *sql = json_get_string(body, "sql");
        const char *as_of = mode && strcmp(mode, "sql") == 0 ? json_get_string(body, "as_of") : "";
        _cleanup_buf_ struct buf text = {0};
        if (!version || !sql || !as_of)
                return false;
        _cleanup_json_ json_t *key =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "program", ASKCSV_VERSION, "asker",
                          capsule->asker, "dataset_version", version, "sql", sql, "as_of", as_of,
                          "limits", json_object_get(body, "limits"));
        buf_init(&text, KEY_BYTES_MAX);
        if (!key || json_canonical(key, &text, NULL) < 0 || text.state != BUF_OK)
                return false;
        return hash_bytes(buf_text(&text), text.len, ret->bytes, NULL) == 0;
}

static struct entry *set_of(struct run_cache *cache, const struct run_cache_key *key)
{
        size_t n;
        memcpy(&n, key->bytes, sizeof(n));
        return cache->entries[n % SETS];
}

/* With the lock. */
static struct entry *find(struct entry *set, const struct run_cache_key *key)
{
        for (size_t i = 0; i < WAYS; i++)
                if (set[i].run_id[0] && memcmp(&set[i].key, key, sizeof(*key)) == 0)
                        return &set[i];
        return NULL;
}

bool run_cache_find(struct run_cache *cache, const struct run_cache_key *key,
                    char run_id[UUID_TEXT_SIZE])
{
        (void)pthread_mutex_lock(&cache->lock);
        struct entry *entry = find(set_of(cache, key), key);
        if (entry) {
                entry->used = ++cache->uses;
                memcpy(run_id, entry->run_id, UUID_TEXT_SIZE);
        }
        (void)pthread_mutex_unlock(&cache->lock);
        return entry != NULL;
}

void run_cache_keep(struct run_cache *cache, const struct run_cache_key *key, const char *run_id)
{
        (void)pthread_mutex_lock(&cache->lock);
        struct entry *set = set_of(cache, key);
        struct entry *entry = find(set, key);
        for (size_t i = 0; !entry && i < WAYS; i++)
                if (!set[i].run_id[0])
                        entry = &set[i];
        if (!entry) {
                entry = &set[0];
                for (size_t i = 1; i < WAYS; i++)
                        if (set[i].used < entry->used)
                                entry = &set[i];
        }
        entry->key = *key;
        entry->used = ++cache->uses;
        (void)snprintf(entry->run_id, sizeof(entry->run_id), "%s", run_id);
        (void)pthread_mutex_unlock(&cache->lock);
}
