/* A run under way, from inside. Only runs.c and ticket.c include this. */
#ifndef ASKCSV_SERVER_TICKET_H
#define ASKCSV_SERVER_TICKET_H

#include "run/ask.h"
#include "run/source.h"
#include "server/runs.h"

#include <pthread.h>
#include <stdatomic.h>

enum ticket_place {
        PLACE_QUEUE,   /* waits, on disk or not yet */
        PLACE_KEEPING, /* waits, and is being written to disk */
        PLACE_WORK,    /* a worker has it */
        PLACE_OUT,     /* has ended */
};

struct ticket {
        atomic_int references;
        struct runs *runs;
        struct ticket *next, *before; /* in the list of those that have not ended, oldest first */
        enum ticket_place place;      /* guarded by the lock of runs, as next and before */
        bool cancelled;               /* while it waited; guarded likewise */

        /* The order; never changed. */
        struct setup *setup; /* or NULL */
        const struct dataset *dataset;
        const struct planner *planner;
        char *owner, *text, *planner_name, *as_of, *asked;
        json_t *reading;
        char request_key[HASH_HEX_SIZE], request_hash[HASH_HEX_SIZE]; /* or "" */
        struct capsule *adopted;                                      /* or NULL */
        size_t text_bytes;
        enum { TEXT_PLAN, TEXT_SQL, TEXT_QUESTION } kind;
        json_t *previous;
        struct limits limits;
        bool must_run;
        bool is_patient; /* an order's */
        int cancel_fd;   /* an eventfd */
        void (*changed)(struct ticket *ticket, void *data);
        void *data;

        /* The run; used by the thread that has the ticket. */
        struct source *source;
        struct executor *executor;
        struct run *run;

        /* What others may see. */
        pthread_mutex_t lock;
        json_t *body;
        enum run_state state;
        bool has_ended;
        struct error error;
        int64_t submitted_us, started_us;
};

int ticket_new(struct runs *runs, const struct order *order, struct ticket **ret,
               struct error *err);
/* What is known of the capsule now becomes what others see. */
void ticket_show(struct ticket *ticket, const struct capsule *capsule);
void ticket_end(struct ticket *ticket, const struct capsule *capsule, const struct error *why);
/* Puts its capsule on disk; negative: it cannot be run, and has ended. starts_now: ticket_work is
 * called next. */
int ticket_keep(struct ticket *ticket, const struct runs_options *options, bool starts_now);
/* Runs it to its end; the caller frees what is returned: the capsule, if it could not be sealed, or
 * NULL. */
struct capsule *ticket_work(struct ticket *ticket);

#endif
