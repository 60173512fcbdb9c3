#include "server/late.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"

#include <pthread.h>
#include <stdlib.h>

struct one {
        struct capsule *capsule;
        struct one *next;
};

struct late {
        struct capsule_store *store;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct one *first;
        size_t n;
        bool stopping;
};

static void one_free(struct one *one)
{
        capsule_free(one->capsule);
        free(one);
}

/* Others took us for dead and recorded its end: there is nothing left to be sealed. */
static bool is_sealed(const struct late *late, const struct capsule *capsule)
{
        struct capsule *stored = NULL;
        if (capsule_store_get(late->store, capsule_run_id(capsule), &stored, NULL) < 0)
                return false;
        bool sealed = capsule_is_sealed(stored);
        capsule_free(stored);
        return sealed;
}

/* With the lock held, which is let go of meanwhile: the newest one; false: it is still there. */
static bool seal_first(struct late *late)
{
        struct one *one = late->first;
        late->first = one->next;
        (void)pthread_mutex_unlock(&late->lock);
        int r = capsule_store_seal(late->store, one->capsule, NULL);
        if (r < 0 && is_sealed(late, one->capsule))
                r = 0;
        if (r == 0)
                one_free(one);
        (void)pthread_mutex_lock(&late->lock);
        if (r == 0) {
                late->n--;
        } else {
                one->next = late->first;
                late->first = one;
        }
        return r == 0;
}

static void *seal_always(void *data)
{
        struct late *late = data;
        (void)pthread_mutex_lock(&late->lock);
        while (!late->stopping) {
                int64_t until_us = clock_monotonic_us() + (int64_t)LATE_RETRY_MS * 1000;
                while (!late->stopping && !late->first)
                        (void)pthread_cond_wait(&late->changed, &late->lock);
                while (!late->stopping && cond_wait_until(&late->changed, &late->lock, until_us))
                        ;
                while (!late->stopping && late->first && seal_first(late))
                        ;
        }
        (void)pthread_mutex_unlock(&late->lock);
        return NULL;
}

int late_start(struct capsule_store *store, struct late **ret, struct error *err)
{
        struct late *late = alloc_calloc(1, sizeof(*late));
        if (!late)
                return error_oom(err);
        late->store = store;
        (void)pthread_mutex_init(&late->lock, NULL);
        cond_init(&late->changed);
        int r = pthread_create(&late->thread, NULL, seal_always, late);
        if (r != 0) {
                (void)pthread_cond_destroy(&late->changed);
                (void)pthread_mutex_destroy(&late->lock);
                free(late);
                return error_errno(err, r, "starting a thread");
        }
        *ret = late;
        return 0;
}

void late_add(struct late *late, struct capsule *capsule)
{
        if (!capsule)
                return;
        struct one *one = alloc_calloc(1, sizeof(*one));
        if (!one) {
                capsule_free(capsule);
                return;
        }
        one->capsule = capsule;
        (void)pthread_mutex_lock(&late->lock);
        one->next = late->first;
        late->first = one;
        late->n++;
        (void)pthread_cond_signal(&late->changed);
        (void)pthread_mutex_unlock(&late->lock);
}

size_t late_waiting(struct late *late)
{
        (void)pthread_mutex_lock(&late->lock);
        size_t n = late->n;
        (void)pthread_mutex_unlock(&late->lock);
        return n;
}

void late_free(struct late *late)
{
        if (!late)
                return;
        (void)pthread_mutex_lock(&late->lock);
        late->stopping = true;
        (void)pthread_cond_signal(&late->changed);
        (void)pthread_mutex_unlock(&late->lock);
        (void)pthread_join(late->thread, NULL);
        int r = 0;
        for (struct one *one = late->first, *next; one; one = next) {
                next = one->next;
                if (r == 0)
                        r = capsule_store_seal(late->store, one->capsule, NULL);
                one_free(one);
        }
        (void)pthread_cond_destroy(&late->changed);
        (void)pthread_mutex_destroy(&late->lock);
        free(late);
}
