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

/* As text, which takes less room than what it is parsed into. */
struct values {
        struct run_cache_key key;
        char *text; /* NULL: empty */
        size_t n;
        uint64_t used;
};

struct run_cache {
        pthread_mutex_t lock;
        uint64_t uses;
        struct entry entries[SETS][WAYS];
        struct values values[RUN_CACHE_VALUES];
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
        for (size_t i = 0; i < RUN_CACHE_VALUES; i++)
                free(cache->values[i].text);
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

/* ---- values of columns ---- */

/* Of the limits, those that decide what is counted at all. */
static bool values_key(const char *version, const struct limits *limits, struct run_cache_key *ret)
{
        char text[256];
        int n = snprintf(text, sizeof(text), "values %s %s %lld %lld", ASKCSV_VERSION, version,
                         (long long)limits->memory_mb, (long long)limits->threads);
        return n < (int)sizeof(text) && hash_bytes(text, (size_t)n, ret->bytes, NULL) == 0;
}

/* The one of that key, else the one that was not used longest. With the lock. */
static struct values *values_slot(struct run_cache *cache, const struct run_cache_key *key)
{
        struct values *oldest = &cache->values[0];
        for (size_t i = 0; i < RUN_CACHE_VALUES; i++) {
                struct values *it = &cache->values[i];
                if (it->text && memcmp(&it->key, key, sizeof(*key)) == 0)
                        return it;
                if (it->used < oldest->used)
                        oldest = it;
        }
        return oldest;
}

json_t *run_cache_find_values(struct run_cache *cache, const char *version,
                              const struct limits *limits)
{
        struct run_cache_key key;
        json_t *found = NULL;
        if (!values_key(version, limits, &key))
                return NULL;
        (void)pthread_mutex_lock(&cache->lock);
        struct values *it = values_slot(cache, &key);
        if (it->text && memcmp(&it->key, &key, sizeof(key)) == 0) {
                it->used = ++cache->uses;
                found = json_loadb(it->text, it->n, 0, NULL);
        }
        (void)pthread_mutex_unlock(&cache->lock);
        return found;
}

void run_cache_keep_values(struct run_cache *cache, const char *version,
                           const struct limits *limits, const json_t *values)
{
        struct run_cache_key key;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, RUN_CACHE_VALUES_MAX);
        if (!values_key(version, limits, &key) || json_put(values, &text, NULL) < 0 ||
            text.state != BUF_OK)
                return;
        (void)pthread_mutex_lock(&cache->lock);
        struct values *it = values_slot(cache, &key);
        free(it->text);
        it->n = text.len;
        it->text = buf_steal(&text);
        it->key = key;
        it->used = ++cache->uses;
        (void)pthread_mutex_unlock(&cache->lock);
}
