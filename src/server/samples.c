#include "server/samples.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_BYTES_MAX (64 * 1024)

struct sample {
        char *dataset_id; /* NULL: the place is free */
        char *key;
        json_t *rows; /* or NULL: why there are none */
        struct error why;
        int64_t tried_us; /* of clock_monotonic_us */
};

struct samples {
        pthread_mutex_t lock;
        struct sample *items;
        size_t max;
};

int samples_new(size_t max, struct samples **ret, struct error *err)
{
        struct samples *samples = alloc_calloc(1, sizeof(*samples));
        if (!samples)
                return error_oom(err);
        (void)pthread_mutex_init(&samples->lock, NULL);
        samples->max = max;
        samples->items = alloc_calloc(max ? max : 1, sizeof(*samples->items));
        if (!samples->items) {
                samples_free(samples);
                return error_oom(err);
        }
        *ret = samples;
        return 0;
}

static void sample_done(struct sample *sample)
{
        free(sample->dataset_id);
        free(sample->key);
        json_decref(sample->rows);
        *sample = (struct sample){0};
}

void samples_free(struct samples *samples)
{
        if (!samples)
                return;
        for (size_t i = 0; samples->items && i < samples->max; i++)
                sample_done(&samples->items[i]);
        (void)pthread_mutex_destroy(&samples->lock);
        free(samples->items);
        free(samples);
}

int samples_key(const struct dataset *dataset, struct buf *key, struct error *err)
{
        buf_init(key, KEY_BYTES_MAX);
        for (size_t i = 0; i < dataset->n_tables; i++) {
                struct stat file;
                if (stat(dataset->tables[i].path, &file) < 0)
                        return error_errno(err, errno, "looking at %s", dataset->tables[i].path);
                buf_printf(key, "%llx %llx %lld %lld.%09ld;", (unsigned long long)file.st_dev,
                           (unsigned long long)file.st_ino, (long long)file.st_size,
                           (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
        }
        return buf_error(key, err, "the files' times");
}

/* The dataset's place, or a free one; NULL: there is none. With the lock held. */
static struct sample *place_of(struct samples *samples, const char *dataset_id)
{
        struct sample *place = NULL;
        for (size_t i = 0; i < samples->max; i++) {
                struct sample *sample = &samples->items[i];
                if (sample->dataset_id && strcmp(sample->dataset_id, dataset_id) == 0)
                        return sample;
                if (!sample->dataset_id && !place)
                        place = sample;
        }
        return place;
}

bool samples_find(struct samples *samples, const char *dataset_id, const char *key, json_t **ret,
                  struct error *err)
{
        (void)pthread_mutex_lock(&samples->lock);
        const struct sample *sample = place_of(samples, dataset_id);
        bool known = sample && sample->key && strcmp(sample->key, key) == 0;
        if (known && !sample->rows)
                known = clock_monotonic_us() - sample->tried_us < SAMPLES_RETRY_MS * 1000LL;
        if (known) {
                *ret = json_incref(sample->rows);
                *err = sample->why;
        }
        (void)pthread_mutex_unlock(&samples->lock);
        return known;
}

void samples_keep(struct samples *samples, const char *dataset_id, const char *key, json_t *rows,
                  const struct error *why)
{
        struct sample made = {.dataset_id = alloc_strdup(dataset_id),
                              .key = alloc_strdup(key),
                              .rows = json_incref(rows),
                              .why = *why,
                              .tried_us = clock_monotonic_us()};
        struct sample before = {0};
        (void)pthread_mutex_lock(&samples->lock);
        struct sample *place = place_of(samples, dataset_id);
        if (place && made.dataset_id && made.key) {
                before = *place;
                *place = made;
                made = (struct sample){0};
        }
        (void)pthread_mutex_unlock(&samples->lock);
        sample_done(&before);
        sample_done(&made); /* there was no memory, or no place, to keep it */
}
