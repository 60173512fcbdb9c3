#include "server/chores.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define RETRY_MS 1000

struct chore {
        void (*fn)(void *data);
        void *data;
};

struct chores {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_cond_t idle; /* for chores_stop: one is done */
        struct chore *ring;  /* the waiting ones, from first on */
        size_t first, n, max;
        size_t n_busy;
        bool stopping;
        pthread_t *threads;
        size_t n_threads;
};

static void *do_chores(void *data)
{
        struct chores *chores = data;
        (void)pthread_mutex_lock(&chores->lock);
        for (;;) {
                while (chores->n == 0 && !chores->stopping)
                        (void)pthread_cond_wait(&chores->changed, &chores->lock);
                if (chores->n == 0)
                        break;
                struct chore chore = chores->ring[chores->first];
                chores->first = (chores->first + 1) % chores->max;
                chores->n--;
                chores->n_busy++;
                (void)pthread_mutex_unlock(&chores->lock);
                chore.fn(chore.data);
                (void)pthread_mutex_lock(&chores->lock);
                chores->n_busy--;
                (void)pthread_cond_broadcast(&chores->idle);
        }
        (void)pthread_mutex_unlock(&chores->lock);
        return NULL;
}

int chores_start(size_t threads, size_t waiting_max, struct chores **ret, struct error *err)
{
        struct chores *chores = alloc_calloc(1, sizeof(*chores));
        if (!chores)
                return error_oom(err);
        (void)pthread_mutex_init(&chores->lock, NULL);
        (void)pthread_cond_init(&chores->changed, NULL);
        cond_init(&chores->idle);
        chores->max = waiting_max;
        chores->ring = alloc_calloc(waiting_max, sizeof(*chores->ring));
        chores->threads = alloc_calloc(threads, sizeof(*chores->threads));
        int r = chores->ring && chores->threads ? 0 : error_oom(err);
        for (size_t i = 0; r == 0 && i < threads; i++) {
                int code = pthread_create(&chores->threads[i], NULL, do_chores, chores);
                if (code != 0)
                        r = error_errno(err, code, "starting a thread");
                else
                        chores->n_threads++;
        }
        if (r < 0) {
                chores_stop(chores, 0, -1);
                chores_free(chores);
        } else {
                *ret = chores;
        }
        return r;
}

/* With the lock held: until all is done, or the time is over. */
static void await_idle(struct chores *chores, int64_t patience_ms)
{
        int64_t until_us = clock_monotonic_us() + patience_ms * 1000;
        while ((chores->n > 0 || chores->n_busy > 0) &&
               cond_wait_until(&chores->idle, &chores->lock, until_us))
                ;
}

void chores_stop(struct chores *chores, int64_t patience_ms, int stop_fd)
{
        const uint64_t one = 1;
        if (!chores)
                return;
        (void)pthread_mutex_lock(&chores->lock);
        chores->stopping = true;
        (void)pthread_cond_broadcast(&chores->changed);
        await_idle(chores, patience_ms);
        (void)pthread_mutex_unlock(&chores->lock);
        (void)!write(stop_fd, &one, sizeof(one));
        for (size_t i = 0; i < chores->n_threads; i++)
                (void)pthread_join(chores->threads[i], NULL);
        chores->n_threads = 0;
}

void chores_free(struct chores *chores)
{
        if (!chores)
                return;
        (void)pthread_cond_destroy(&chores->idle);
        (void)pthread_cond_destroy(&chores->changed);
        (void)pthread_mutex_destroy(&chores->lock);
        free(chores->threads);
        free(chores->ring);
        free(chores);
}

/* With the lock held. */
static int check_room(const struct chores *chores, struct error *err)
{
        if (chores->n < chores->max && !chores->stopping)
                return 0;
        int r = error_set(
                err, ERROR_QUEUE_FULL,
                "%zu such requests wait already, which is as many as may; ask again later",
                chores->n);
        err->retry_after_ms = RETRY_MS;
        return r;
}

int chores_check_room(struct chores *chores, struct error *err)
{
        (void)pthread_mutex_lock(&chores->lock);
        int r = check_room(chores, err);
        (void)pthread_mutex_unlock(&chores->lock);
        return r;
}

int chores_add(struct chores *chores, void (*fn)(void *data), void *data, struct error *err)
{
        (void)pthread_mutex_lock(&chores->lock);
        int r = check_room(chores, err);
        if (r == 0) {
                chores->ring[(chores->first + chores->n) % chores->max] = (struct chore){fn, data};
                chores->n++;
                (void)pthread_cond_signal(&chores->changed);
        }
        (void)pthread_mutex_unlock(&chores->lock);
        return r;
}
