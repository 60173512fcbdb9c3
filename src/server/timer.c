#include "server/timer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct entry {
        int64_t at_us;
        void (*fn)(void *data);
        void *data;
};

struct timer {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct entry *heap; /* the soonest first */
        size_t n, max;
        bool stopping;
};

static void swap(struct entry *a, struct entry *b)
{
        struct entry c = *a;
        *a = *b;
        *b = c;
}

static void rise(struct timer *timer, size_t i)
{
        for (; i > 0 && timer->heap[i].at_us < timer->heap[(i - 1) / 2].at_us; i = (i - 1) / 2)
                swap(&timer->heap[i], &timer->heap[(i - 1) / 2]);
}

static void sink(struct timer *timer, size_t i)
{
        for (;;) {
                size_t least = i;
                for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < timer->n; child++)
                        if (timer->heap[child].at_us < timer->heap[least].at_us)
                                least = child;
                if (least == i)
                        return;
                swap(&timer->heap[i], &timer->heap[least]);
                i = least;
        }
}

static struct entry pop(struct timer *timer)
{
        struct entry first = timer->heap[0];
        timer->heap[0] = timer->heap[--timer->n];
        sink(timer, 0);
        return first;
}

/* With the lock held: until something is due, or everything is to end. */
static void wait_for_due(struct timer *timer)
{
        while (!timer->stopping && (timer->n == 0 || timer->heap[0].at_us > clock_monotonic_us())) {
                if (timer->n == 0) {
                        (void)pthread_cond_wait(&timer->changed, &timer->lock);
                        continue;
                }
                (void)cond_wait_until(&timer->changed, &timer->lock, timer->heap[0].at_us);
        }
}

static void *keep_time(void *data)
{
        struct timer *timer = data;
        (void)pthread_mutex_lock(&timer->lock);
        for (;;) {
                wait_for_due(timer);
                if (timer->n == 0)
                        break;
                struct entry due = pop(timer);
                (void)pthread_mutex_unlock(&timer->lock);
                due.fn(due.data);
                (void)pthread_mutex_lock(&timer->lock);
        }
        (void)pthread_mutex_unlock(&timer->lock);
        return NULL;
}

int timer_start(struct timer **ret, struct error *err)
{
        struct timer *timer = alloc_calloc(1, sizeof(*timer));
        if (!timer)
                return error_oom(err);
        (void)pthread_mutex_init(&timer->lock, NULL);
        cond_init(&timer->changed);
        int r = pthread_create(&timer->thread, NULL, keep_time, timer);
        if (r != 0) {
                (void)pthread_cond_destroy(&timer->changed);
                (void)pthread_mutex_destroy(&timer->lock);
                free(timer);
                return error_errno(err, r, "starting a thread");
        }
        *ret = timer;
        return 0;
}

void timer_stop(struct timer *timer)
{
        if (!timer)
                return;
        (void)pthread_mutex_lock(&timer->lock);
        timer->stopping = true;
        (void)pthread_cond_broadcast(&timer->changed);
        (void)pthread_mutex_unlock(&timer->lock);
        (void)pthread_join(timer->thread, NULL);
        (void)pthread_cond_destroy(&timer->changed);
        (void)pthread_mutex_destroy(&timer->lock);
        free(timer->heap);
        free(timer);
}

/* With the lock held. */
static bool grow(struct timer *timer)
{
        if (timer->n < timer->max)
                return true;
        size_t max = timer->max ? timer->max * 2 : 64;
        struct entry *heap = alloc_realloc(timer->heap, max * sizeof(*heap));
        if (!heap)
                return false;
        timer->heap = heap;
        timer->max = max;
        return true;
}

void timer_at(struct timer *timer, int64_t at_us, void (*fn)(void *data), void *data)
{
        (void)pthread_mutex_lock(&timer->lock);
        bool kept = !timer->stopping && grow(timer);
        if (kept) {
                timer->heap[timer->n++] = (struct entry){at_us, fn, data};
                rise(timer, timer->n - 1);
                (void)pthread_cond_signal(&timer->changed);
        }
        (void)pthread_mutex_unlock(&timer->lock);
        if (!kept)
                fn(data);
}
