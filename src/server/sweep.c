#include "server/sweep.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"

#include <pthread.h>
#include <stdlib.h>

#define PAUSE_MS 100 /* between batches: the store is free for much longer than it is taken */
#define WAIT_MS 1000 /* for others that hold the store */

struct sweep {
        struct sweep_options options;
        struct capsule_store *store;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct retention_rule rule; /* under the lock, as the next two are */
        bool is_new;                /* the rule is, so that nobody waits for the interval */
        bool stopping;
};

static void report(const struct sweep *sweep, const struct retention_outcome *outcome,
                   int64_t took_us)
{
        metrics_count(sweep->options.metrics, METRIC_CAPSULES_REMOVED, NULL,
                      (uint64_t)outcome->removed);
        log_info(sweep->options.log, "retention", log_number("removed", outcome->removed),
                 log_text("capsule", outcome->run_id), log_number("took_us", took_us));
}

/* One batch; whether there is more to be removed now. */
static bool sweep_batch(struct sweep *sweep, const struct retention_rule *rule)
{
        struct retention_outcome outcome;
        struct error err = {0};
        int64_t start_us = clock_monotonic_us();
        if (retention_prune(sweep->store, rule, &outcome, &err) < 0) {
                metrics_count(sweep->options.metrics, METRIC_RETENTION_FAILED, NULL, 1);
                log_error(sweep->options.log, "retention.failed",
                          log_text("error", error_type_name(err.type)),
                          log_text("message", err.message));
                return false;
        }
        if (outcome.removed > 0)
                report(sweep, &outcome, clock_monotonic_us() - start_us);
        return outcome.more;
}

static bool is_on(const struct retention_rule *rule)
{
        return rule->days > 0 || rule->count > 0;
}

static void *sweep_always(void *data)
{
        struct sweep *sweep = data;
        (void)pthread_mutex_lock(&sweep->lock);
        while (!sweep->stopping) {
                struct retention_rule rule = sweep->rule;
                sweep->is_new = false;
                (void)pthread_mutex_unlock(&sweep->lock);
                bool more = is_on(&rule) && sweep_batch(sweep, &rule);
                int64_t pause_ms = more ? PAUSE_MS : sweep->options.interval_ms;
                int64_t until_us = clock_monotonic_us() + pause_ms * 1000;
                (void)pthread_mutex_lock(&sweep->lock);
                while (!sweep->stopping && !sweep->is_new &&
                       cond_wait_until(&sweep->changed, &sweep->lock, until_us))
                        ;
        }
        (void)pthread_mutex_unlock(&sweep->lock);
        return NULL;
}

static void sweep_free(struct sweep *sweep)
{
        (void)pthread_cond_destroy(&sweep->changed);
        (void)pthread_mutex_destroy(&sweep->lock);
        capsule_store_free(sweep->store);
        free(sweep);
}

int sweep_start(const struct sweep_options *options, struct sweep **ret, struct error *err)
{
        struct sweep *sweep = alloc_calloc(1, sizeof(*sweep));
        if (!sweep)
                return error_oom(err);
        sweep->options = *options;
        sweep->rule = options->rule;
        (void)pthread_mutex_init(&sweep->lock, NULL);
        cond_init(&sweep->changed);
        int r = capsule_store_open(options->store_url, &sweep->store, err);
        sweep->options.store_url = NULL;
        if (r == 0) {
                capsule_store_set_wait(sweep->store, WAIT_MS);
                int code = pthread_create(&sweep->thread, NULL, sweep_always, sweep);
                r = code == 0 ? 0 : error_errno(err, code, "starting a thread");
        }
        if (r < 0)
                sweep_free(sweep);
        else
                *ret = sweep;
        return r;
}

void sweep_set_rule(struct sweep *sweep, const struct retention_rule *rule)
{
        (void)pthread_mutex_lock(&sweep->lock);
        sweep->rule = *rule;
        sweep->is_new = true;
        (void)pthread_cond_broadcast(&sweep->changed);
        (void)pthread_mutex_unlock(&sweep->lock);
}

void sweep_stop(struct sweep *sweep)
{
        if (!sweep)
                return;
        (void)pthread_mutex_lock(&sweep->lock);
        sweep->stopping = true;
        (void)pthread_cond_broadcast(&sweep->changed);
        (void)pthread_mutex_unlock(&sweep->lock);
        (void)pthread_join(sweep->thread, NULL);
        sweep_free(sweep);
}
