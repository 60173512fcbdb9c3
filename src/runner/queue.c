#include "runner/queue.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_BUCKETS 1024
#define WAITING_MAX 100000
#define RUNNING_MAX 1024
#define RETRY_LEAST_MS 100
#define RETRY_MOST_MS 60000
#define RUN_MS_FIRST 1000.0 /* guessed before anything has run */
#define RUN_MS_MOST 3600e3  /* one that hung for days must not spoil the guess for as long */
#define RUN_MS_WEIGHT 0.125 /* of the newest run in the moving average */

/* Somebody who has entries waiting; gone with the last of them. */
struct client {
        char name[QUEUE_CLIENT_MAX];
        struct queue_entry *first, *last;
        size_t waiting;
        struct client *next, *previous; /* in the order of turns */
        struct client *chain;           /* in the same bucket */
};

struct queue {
        struct queue_limits limits;
        struct client *first, *last; /* first: whose turn it is */
        struct client *buckets[QUEUE_BUCKETS];
        size_t waiting;
        size_t running;
        int64_t running_memory_mb;
        double run_ms; /* moving average */
};

static int check_limits(const struct queue_limits *limits, struct error *err)
{
        if (limits->waiting < 1 || limits->waiting > WAITING_MAX)
                return error_set(err, ERROR_USAGE,
                                 "the number of runs that may wait is %zu; choose 1 to %d",
                                 limits->waiting, WAITING_MAX);
        if (limits->running < 1 || limits->running > RUNNING_MAX)
                return error_set(err, ERROR_USAGE,
                                 "the number of runs at once is %zu; choose 1 to %d",
                                 limits->running, RUNNING_MAX);
        if (limits->memory_mb < 1)
                return error_set(err, ERROR_USAGE,
                                 "the memory for all runs is %lld MB; choose at least 1",
                                 (long long)limits->memory_mb);
        return 0;
}

int queue_new(const struct queue_limits *limits, struct queue **ret, struct error *err)
{
        int r = check_limits(limits, err);
        if (r < 0)
                return r;
        struct queue *queue = alloc_calloc(1, sizeof(*queue));
        if (!queue)
                return error_oom(err);
        queue->limits = *limits;
        queue->run_ms = RUN_MS_FIRST;
        *ret = queue;
        return 0;
}

void queue_free(struct queue *queue)
{
        if (!queue)
                return;
        for (struct client *client = queue->first, *next; client; client = next) {
                next = client->next;
                free(client);
        }
        free(queue);
}

/* FNV-1a. */
static struct client **bucket_of(struct queue *queue, const char *name)
{
        uint32_t hash = 2166136261;
        for (const char *p = name; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619;
        return &queue->buckets[hash % QUEUE_BUCKETS];
}

static struct client *client_find(struct queue *queue, const char *name)
{
        struct client *client = *bucket_of(queue, name);
        while (client && strcmp(client->name, name) != 0)
                client = client->chain;
        return client;
}

/* Its turn is the last. */
static void turn_append(struct queue *queue, struct client *client)
{
        client->next = NULL;
        client->previous = queue->last;
        *(queue->last ? &queue->last->next : &queue->first) = client;
        queue->last = client;
}

static void turn_remove(struct queue *queue, struct client *client)
{
        *(client->previous ? &client->previous->next : &queue->first) = client->next;
        *(client->next ? &client->next->previous : &queue->last) = client->previous;
}

static struct client *client_new(struct queue *queue, const char *name)
{
        struct client *client = alloc_calloc(1, sizeof(*client));
        if (!client)
                return NULL;
        memcpy(client->name, name, sizeof(client->name));
        struct client **bucket = bucket_of(queue, name);
        client->chain = *bucket;
        *bucket = client;
        turn_append(queue, client);
        return client;
}

static void client_remove(struct queue *queue, struct client *client)
{
        struct client **at = bucket_of(queue, client->name);
        while (*at != client)
                at = &(*at)->chain;
        *at = client->chain;
        turn_remove(queue, client);
        free(client);
}

int queue_add(struct queue *queue, struct queue_entry *entry, struct error *err)
{
        if (queue->waiting >= queue->limits.waiting) {
                int64_t ms = queue_retry_after_ms(queue);
                int r = error_set(err, ERROR_QUEUE_FULL,
                                  "%zu runs are waiting already, no more may; try again in about "
                                  "%.1f seconds",
                                  queue->waiting, (double)ms / 1000);
                if (err)
                        err->retry_after_ms = ms;
                return r;
        }
        entry->client[QUEUE_CLIENT_MAX - 1] = '\0';
        if (entry->memory_mb < 0)
                entry->memory_mb = 0;
        struct client *client = client_find(queue, entry->client);
        if (!client)
                client = client_new(queue, entry->client);
        if (!client)
                return error_oom(err);
        entry->next = NULL;
        entry->previous = client->last;
        *(client->last ? &client->last->next : &client->first) = entry;
        client->last = entry;
        client->waiting++;
        queue->waiting++;
        entry->state = QUEUE_WAITING;
        return 0;
}

/* Out of its client's line; the client stays, even with nothing left. */
static void entry_unlink(struct queue *queue, struct client *client, struct queue_entry *entry)
{
        *(entry->previous ? &entry->previous->next : &client->first) = entry->next;
        *(entry->next ? &entry->next->previous : &client->last) = entry->previous;
        entry->next = entry->previous = NULL;
        client->waiting--;
        queue->waiting--;
        entry->state = QUEUE_OUT;
}

static bool has_room(const struct queue *queue, const struct queue_entry *entry)
{
        if (queue->running >= queue->limits.running)
                return false;
        return queue->running == 0 ||
               entry->memory_mb <= queue->limits.memory_mb - queue->running_memory_mb;
}

struct queue_entry *queue_take(struct queue *queue)
{
        struct client *client = queue->first;
        if (!client || !has_room(queue, client->first))
                return NULL;
        struct queue_entry *entry = client->first;
        entry_unlink(queue, client, entry);
        if (client->waiting == 0) {
                client_remove(queue, client);
        } else {
                turn_remove(queue, client);
                turn_append(queue, client);
        }
        entry->state = QUEUE_RUNNING;
        queue->running++;
        queue->running_memory_mb += entry->memory_mb;
        return entry;
}

static void running_remove(struct queue *queue, struct queue_entry *entry, double ran_ms)
{
        entry->state = QUEUE_OUT;
        queue->running--;
        queue->running_memory_mb -= entry->memory_mb;
        if (!(ran_ms >= 0)) /* nor a NaN */
                return;
        if (ran_ms > RUN_MS_MOST)
                ran_ms = RUN_MS_MOST;
        queue->run_ms += (ran_ms - queue->run_ms) * RUN_MS_WEIGHT;
}

void queue_remove(struct queue *queue, struct queue_entry *entry, double ran_ms)
{
        if (entry->state == QUEUE_RUNNING) {
                running_remove(queue, entry, ran_ms);
        } else if (entry->state == QUEUE_WAITING) {
                struct client *client = client_find(queue, entry->client);
                entry_unlink(queue, client, entry);
                if (client->waiting == 0)
                        client_remove(queue, client);
        }
}

size_t queue_waiting(const struct queue *queue)
{
        return queue->waiting;
}

size_t queue_running(const struct queue *queue)
{
        return queue->running;
}

int64_t queue_running_memory_mb(const struct queue *queue)
{
        return queue->running_memory_mb;
}

size_t queue_position(const struct queue *queue, const struct queue_entry *entry)
{
        if (entry->state != QUEUE_WAITING)
                return 0;
        size_t own_before = 0; /* so many rounds pass before the one that it is in */
        for (const struct queue_entry *e = entry->previous; e; e = e->previous)
                own_before++;
        size_t position = own_before + 1;
        bool is_before = true; /* in each round */
        for (const struct client *client = queue->first; client; client = client->next) {
                if (strcmp(client->name, entry->client) == 0) {
                        is_before = false;
                        continue;
                }
                size_t turns = own_before + (is_before ? 1 : 0);
                position += client->waiting < turns ? client->waiting : turns;
        }
        return position;
}

int64_t queue_retry_after_ms(const struct queue *queue)
{
        if (queue->waiting < queue->limits.waiting)
                return RETRY_LEAST_MS;
        /* One that waits moves on whenever one of the running ends. */
        double ms = queue->run_ms / (double)(queue->running ? queue->running : 1);
        if (ms < RETRY_LEAST_MS)
                return RETRY_LEAST_MS;
        return ms > RETRY_MOST_MS ? RETRY_MOST_MS : (int64_t)ms;
}
