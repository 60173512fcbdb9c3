#include "server/neighbours.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/hash.h"
#include "capsule/servers.h"
#include "server/adopt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000 /* for others that hold the store */

struct neighbours {
        struct neighbours_options options;
        struct capsule_store *store;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool stopping;
        bool is_failing; /* which was said */
};

static void take_over(const struct neighbours *neighbours, int *r, struct error *err)
{
        size_t n = 0;
        *r = adopt_runs(neighbours->options.store, neighbours->options.runs,
                        neighbours->options.setup, &n, err);
        if (n > 0)
                log_warn(neighbours->options.log, "runs.taken_over",
                         log_number("runs", (int64_t)n));
        if (*r < 0)
                return;
        n = 0;
        *r = capsule_store_recover(neighbours->store, &n, err);
        if (n > 0)
                log_warn(neighbours->options.log, "runs.abandoned",
                         log_number("recorded_as_failed", (int64_t)n));
}

static void cancel(const char *run_id, void *data)
{
        const struct neighbours *neighbours = data;
        struct ticket *ticket = runs_find(neighbours->options.runs, run_id);
        if (ticket)
                ticket_cancel(ticket);
        ticket_release(ticket);
}

/* Clients go by a hash: a user's name is nobody's business, and need not be UTF-8. */
static int exchange(struct neighbours *neighbours, struct limits_share *shares, size_t n,
                    struct error *err)
{
        int r = 0;
        struct bucket *buckets = alloc_calloc(n + 1, sizeof(*buckets));
        char(*names)[HASH_HEX_SIZE] = alloc_calloc(n + 1, sizeof(*names));
        if (!buckets || !names)
                r = error_oom(err);
        for (size_t i = 0; r == 0 && i < n; i++) {
                buckets[i] = (struct bucket){.client = names[i], .taken_us = shares[i].taken_us};
                r = hash_bytes_hex(shares[i].client, strlen(shares[i].client), names[i], err);
        }
        if (r == 0)
                r = store_buckets(neighbours->store, buckets, n, err);
        for (size_t i = 0; r == 0 && i < n; i++)
                shares[i].owed_us = buckets[i].owed_us;
        free(buckets);
        free(names);
        return r;
}

static int share_limits(struct neighbours *neighbours, struct error *err)
{
        _cleanup_free_ struct limits_share *shares = NULL;
        struct client_limits *limits = neighbours->options.limits;
        size_t n = 0;
        int r = limits_share(limits, &shares, &n, err);
        if (r < 0 || n == 0)
                return r;
        r = exchange(neighbours, shares, n, err);
        limits_settle(limits, shares, n, r == 0, clock_monotonic_us());
        return r;
}

static void look(struct neighbours *neighbours)
{
        struct error err = {0};
        int r = 0;
        take_over(neighbours, &r, &err);
        if (r == 0)
                r = store_cancels(neighbours->store, cancel, neighbours, &err);
        if (r == 0)
                r = keys_poll(neighbours->options.keys, &err);
        if (r == 0)
                r = share_limits(neighbours, &err);
        if (r < 0 && !neighbours->is_failing)
                log_error(neighbours->options.log, "store.failed",
                          log_text("error", error_type_name(err.type)),
                          log_text("message", err.message));
        if (r == 0 && neighbours->is_failing)
                log_info(neighbours->options.log, "store.back");
        neighbours->is_failing = r < 0;
}

static void *look_always(void *data)
{
        struct neighbours *neighbours = data;
        (void)pthread_mutex_lock(&neighbours->lock);
        while (!neighbours->stopping) {
                (void)pthread_mutex_unlock(&neighbours->lock);
                look(neighbours);
                int64_t until_us = clock_monotonic_us() + NEIGHBOURS_INTERVAL_MS * INT64_C(1000);
                (void)pthread_mutex_lock(&neighbours->lock);
                while (!neighbours->stopping &&
                       cond_wait_until(&neighbours->changed, &neighbours->lock, until_us))
                        ;
        }
        (void)pthread_mutex_unlock(&neighbours->lock);
        return NULL;
}

static void neighbours_free(struct neighbours *neighbours)
{
        (void)pthread_cond_destroy(&neighbours->changed);
        (void)pthread_mutex_destroy(&neighbours->lock);
        capsule_store_free(neighbours->store);
        free(neighbours);
}

int neighbours_start(const struct neighbours_options *options, struct neighbours **ret,
                     struct error *err)
{
        struct neighbours *neighbours = alloc_calloc(1, sizeof(*neighbours));
        if (!neighbours)
                return error_oom(err);
        neighbours->options = *options;
        (void)pthread_mutex_init(&neighbours->lock, NULL);
        cond_init(&neighbours->changed);
        int r = capsule_store_open(options->store_url, &neighbours->store, err);
        neighbours->options.store_url = NULL;
        if (r == 0) {
                capsule_store_set_wait(neighbours->store, WAIT_MS);
                int code = pthread_create(&neighbours->thread, NULL, look_always, neighbours);
                r = code == 0 ? 0 : error_errno(err, code, "starting a thread");
        }
        if (r < 0)
                neighbours_free(neighbours);
        else
                *ret = neighbours;
        return r;
}

void neighbours_stop(struct neighbours *neighbours)
{
        if (!neighbours)
                return;
        (void)pthread_mutex_lock(&neighbours->lock);
        neighbours->stopping = true;
        (void)pthread_cond_broadcast(&neighbours->changed);
        (void)pthread_mutex_unlock(&neighbours->lock);
        (void)pthread_join(neighbours->thread, NULL);
        neighbours_free(neighbours);
}
