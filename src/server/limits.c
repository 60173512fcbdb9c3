#include "server/limits.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS 4096       /* of the hash table; a power of two */
#define FORGET_AT_ONCE 2 /* clients for each that comes, so that what is idle goes in the end */

struct client {
        struct client *next;          /* in the slot */
        struct client *newer, *older; /* in the list of those with nothing under way */
        uint64_t hash;
        int64_t full_at_us;  /* when the bucket will be full again; in the past: it is */
        int64_t unshared_us; /* how much of that other servers do not know of */
        unsigned under_way;
        char id[];
};

/* The bucket as one number (the generic cell rate algorithm): a token that is taken puts off the
 * moment at which the bucket is full by token_us; when that is further away than burst_us, there
 * was none. */
struct client_limits {
        pthread_mutex_t lock;
        uint64_t seed;    /* so that nobody can choose names that share a slot */
        int64_t token_us; /* the time that one token takes to come; 0: no limit */
        int64_t burst_us;
        unsigned concurrent_max;
        size_t n;
        struct client *slots[SLOTS];
        struct client *newest, *oldest; /* by the end of their last request */
};

static bool is_limited(double per_second)
{
        return per_second > 0 || per_second < 0;
}

static int check(double per_second, unsigned burst, struct error *err)
{
        bool limited = is_limited(per_second);
        if (limited && !(per_second >= LIMITS_RATE_MIN && per_second <= LIMITS_RATE_MAX))
                return error_set(err, ERROR_USAGE, "a rate is 0 or %g to %g requests a second",
                                 LIMITS_RATE_MIN, LIMITS_RATE_MAX);
        if (limited && (burst < 1 || burst > LIMITS_BURST_MAX))
                return error_set(err, ERROR_USAGE, "a burst has 1 to %d requests",
                                 LIMITS_BURST_MAX);
        return 0;
}

static void set(struct client_limits *limits, double per_second, unsigned burst,
                unsigned concurrent_max)
{
        limits->token_us = is_limited(per_second) ? (int64_t)(1e6 / per_second) : 0;
        limits->burst_us = limits->token_us * burst;
        limits->concurrent_max = concurrent_max;
}

int limits_new(double per_second, unsigned burst, unsigned concurrent_max,
               struct client_limits **ret, struct error *err)
{
        int checked = check(per_second, burst, err);
        if (checked < 0)
                return checked;
        struct client_limits *limits = alloc_calloc(1, sizeof(*limits));
        if (!limits)
                return error_oom(err);
        if (getrandom(&limits->seed, sizeof(limits->seed), 0) != (ssize_t)sizeof(limits->seed)) {
                int r = error_errno(err, errno, "reading random bytes");
                free(limits);
                return r;
        }
        (void)pthread_mutex_init(&limits->lock, NULL);
        set(limits, per_second, burst, concurrent_max);
        *ret = limits;
        return 0;
}

/* What the client owes, in tokens of another time. */
static void convert(const struct client_limits *limits, struct client *client, int64_t token_us,
                    int64_t now_us)
{
        int64_t owed_us = client->full_at_us - now_us;
        if (owed_us <= 0)
                return;
        double tokens = token_us > 0 ? (double)owed_us / (double)token_us : 0;
        owed_us = (int64_t)(tokens * (double)limits->token_us);
        client->full_at_us = now_us + (owed_us < limits->burst_us ? owed_us : limits->burst_us);
}

int limits_change(struct client_limits *limits, double per_second, unsigned burst,
                  unsigned concurrent_max, int64_t now_us, struct error *err)
{
        int r = check(per_second, burst, err);
        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&limits->lock);
        int64_t token_us = limits->token_us;
        set(limits, per_second, burst, concurrent_max);
        for (size_t i = 0; i < SLOTS; i++)
                for (struct client *client = limits->slots[i]; client; client = client->next)
                        convert(limits, client, token_us, now_us);
        (void)pthread_mutex_unlock(&limits->lock);
        return 0;
}

void limits_free(struct client_limits *limits)
{
        if (!limits)
                return;
        for (size_t i = 0; i < SLOTS; i++)
                while (limits->slots[i]) {
                        struct client *client = limits->slots[i];
                        limits->slots[i] = client->next;
                        free(client);
                }
        (void)pthread_mutex_destroy(&limits->lock);
        free(limits);
}

/* FNV-1a. */
static uint64_t hash_of(const struct client_limits *limits, const char *id, size_t n)
{
        uint64_t hash = limits->seed ^ 0xCBF29CE484222325;
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ (unsigned char)id[i]) * 0x100000001B3;
        return hash ^ hash >> 32;
}

static void list_add(struct client_limits *limits, struct client *client)
{
        client->newer = NULL;
        client->older = limits->newest;
        if (limits->newest)
                limits->newest->newer = client;
        else
                limits->oldest = client;
        limits->newest = client;
}

static void list_remove(struct client_limits *limits, struct client *client)
{
        if (client->newer)
                client->newer->older = client->older;
        else
                limits->newest = client->older;
        if (client->older)
                client->older->newer = client->newer;
        else
                limits->oldest = client->newer;
}

static void forget(struct client_limits *limits, struct client *client)
{
        struct client **at = &limits->slots[client->hash % SLOTS];
        while (*at != client)
                at = &(*at)->next;
        *at = client->next;
        list_remove(limits, client);
        limits->n--;
        free(client);
}

static void forget_idle(struct client_limits *limits, int64_t now_us)
{
        for (size_t i = 0; i < FORGET_AT_ONCE; i++)
                if (limits->oldest && limits->oldest->full_at_us <= now_us)
                        forget(limits, limits->oldest);
}

static struct client *find(struct client_limits *limits, const char *id)
{
        size_t n = strnlen(id, LIMITS_ID_MAX);
        uint64_t hash = hash_of(limits, id, n);
        struct client *client = limits->slots[hash % SLOTS];
        while (client &&
               !(client->hash == hash && strncmp(client->id, id, n) == 0 && client->id[n] == '\0'))
                client = client->next;
        return client;
}

/* A client with a full bucket; NULL when there is no room for it. */
static struct client *add(struct client_limits *limits, const char *id, int64_t now_us)
{
        size_t n = strnlen(id, LIMITS_ID_MAX);
        if (limits->n >= LIMITS_CLIENTS_MAX)
                return NULL;
        struct client *client = alloc_calloc(1, sizeof(*client) + n + 1);
        if (!client)
                return NULL;
        memcpy(client->id, id, n);
        client->hash = hash_of(limits, id, n);
        client->full_at_us = now_us;
        client->next = limits->slots[client->hash % SLOTS];
        limits->slots[client->hash % SLOTS] = client;
        list_add(limits, client);
        limits->n++;
        return client;
}

static enum limits_verdict take(struct client_limits *limits, struct client *client, int64_t now_us,
                                int64_t *retry_after_ms)
{
        int64_t full_at_us = client->full_at_us > now_us ? client->full_at_us : now_us;
        int64_t early_us = full_at_us + limits->token_us - now_us - limits->burst_us;
        if (limits->concurrent_max > 0 && client->under_way >= limits->concurrent_max) {
                *retry_after_ms = LIMITS_RETRY_MS;
                return LIMITS_TOO_MANY;
        }
        if (limits->token_us > 0 && early_us > 0) {
                *retry_after_ms = (early_us + 999) / 1000;
                return LIMITS_TOO_OFTEN;
        }
        if (client->under_way++ == 0)
                list_remove(limits, client);
        client->full_at_us = full_at_us + limits->token_us;
        client->unshared_us += limits->token_us;
        return LIMITS_ENTERED;
}

enum limits_verdict limits_enter(struct client_limits *limits, const char *client, int64_t now_us,
                                 int64_t *retry_after_ms)
{
        enum limits_verdict verdict = LIMITS_NO_ROOM;
        *retry_after_ms = 0;
        (void)pthread_mutex_lock(&limits->lock);
        forget_idle(limits, now_us);
        struct client *found = find(limits, client);
        if (!found)
                found = add(limits, client, now_us);
        if (found)
                verdict = take(limits, found, now_us, retry_after_ms);
        else
                *retry_after_ms = LIMITS_RETRY_MS;
        (void)pthread_mutex_unlock(&limits->lock);
        return verdict;
}

void limits_leave(struct client_limits *limits, const char *client)
{
        (void)pthread_mutex_lock(&limits->lock);
        struct client *found = find(limits, client);
        if (found && found->under_way > 0 && --found->under_way == 0)
                list_add(limits, found);
        (void)pthread_mutex_unlock(&limits->lock);
}

int limits_share(struct client_limits *limits, struct limits_share **ret, size_t *ret_n,
                 struct error *err)
{
        size_t n = 0;
        (void)pthread_mutex_lock(&limits->lock);
        struct limits_share *shares = alloc_calloc(limits->n + 1, sizeof(*shares));
        for (size_t i = 0; shares && i < SLOTS; i++)
                for (struct client *client = limits->slots[i]; client; client = client->next) {
                        if (client->unshared_us == 0)
                                continue;
                        (void)strncpy(shares[n].client, client->id, LIMITS_ID_MAX);
                        shares[n++].taken_us = client->unshared_us;
                        client->unshared_us = 0;
                }
        (void)pthread_mutex_unlock(&limits->lock);
        if (!shares)
                return error_oom(err);
        *ret = shares;
        *ret_n = n;
        return 0;
}

void limits_settle(struct client_limits *limits, const struct limits_share *shares, size_t n,
                   bool is_known, int64_t now_us)
{
        (void)pthread_mutex_lock(&limits->lock);
        for (size_t i = 0; i < n; i++) {
                struct client *client = find(limits, shares[i].client);
                if (client && is_known)
                        client->full_at_us = now_us + shares[i].owed_us + client->unshared_us;
                else if (client)
                        client->unshared_us += shares[i].taken_us;
        }
        (void)pthread_mutex_unlock(&limits->lock);
}

size_t limits_clients(struct client_limits *limits)
{
        (void)pthread_mutex_lock(&limits->lock);
        size_t n = limits->n;
        (void)pthread_mutex_unlock(&limits->lock);
        return n;
}
