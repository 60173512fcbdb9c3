/* Who runs next: a bounded queue with fair order, and the room that running children take up. It
 * knows no process and no request; whoever owns an entry embeds it. */
#ifndef ASKCSV_RUNNER_QUEUE_H
#define ASKCSV_RUNNER_QUEUE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_CLIENT_MAX 64 /* bytes of a client's name, with the NUL; longer ones are cut */

struct queue_limits {
        size_t waiting;    /* entries that may wait, 1 .. 100,000 */
        size_t running;    /* entries that may run at once, 1 .. 1,024 */
        int64_t memory_mb; /* that the running ones may ask for in total; one entry alone always
                            * fits, however large */
};

/* One run that waits or runs. Starts from {0}; client and memory_mb are the caller's to set. */
struct queue_entry {
        char client[QUEUE_CLIENT_MAX]; /* who asks: clients take turns, whatever each has waiting */
        int64_t memory_mb;
        enum { QUEUE_OUT, QUEUE_WAITING, QUEUE_RUNNING } state; /* the queue's alone to write */
        struct queue_entry *next, *previous;                    /* likewise */
};

struct queue; /* opaque */

/* The caller frees *ret with queue_free, which leaves the entries alone. */
int queue_new(const struct queue_limits *limits, struct queue **ret, struct error *err);
void queue_free(struct queue *queue); /* NULL is fine */

/* Puts the entry behind the others of its client. Fails with ERROR_QUEUE_FULL, whose message says
 * how many wait and in about how many seconds to try again (also queue_retry_after_ms). */
int queue_add(struct queue *queue, struct queue_entry *entry, struct error *err);

/* The next entry that there is room for, now QUEUE_RUNNING; NULL when nobody waits or there is no
 * room. Clients take turns (round robin), each one's entries in the order of queue_add; an entry
 * that does not fit into the memory holds up those behind it, or it would never come to run. */
struct queue_entry *queue_take(struct queue *queue);

/* Takes the entry out, whether it waits, runs, or is out already. ran_ms, when it ran, feeds the
 * estimate of the next retry hint; negative: unknown. */
void queue_remove(struct queue *queue, struct queue_entry *entry, double ran_ms);

size_t queue_waiting(const struct queue *queue);
size_t queue_running(const struct queue *queue);
int64_t queue_running_memory_mb(const struct queue *queue);

/* 1-based place of a waiting entry in the order in which they would run now; 0 for any other. */
size_t queue_position(const struct queue *queue, const struct queue_entry *entry);

/* When there will be room for one more, guessed from how long the last runs took: at least 100,
 * at most 60,000. */
int64_t queue_retry_after_ms(const struct queue *queue);

#endif
