/* Runs that are asked for over HTTP: a bounded queue, threads that work it off, and tickets by
 * which the askers follow them. Nobody else in the server starts a run. */
#ifndef ASKCSV_SERVER_RUNS_H
#define ASKCSV_SERVER_RUNS_H

#include "base/uuid.h"
#include "executor/executor.h"
#include "planner/planner.h"
#include "run/run.h"
#include "server/setup.h"

struct runs;   /* opaque */
struct ticket; /* opaque; counted references */

struct runs_options {
        struct capsule_store *store; /* one that threads may share */
        const char *datasets_folder; /* $ASKCSV_HOME/datasets */
        struct executor_settings executor;
        struct run_cache *cache; /* or NULL */
        size_t workers;          /* runs at once */
        size_t waiting_max;      /* that wait; one more is ERROR_QUEUE_FULL */
        size_t owner_max; /* of one owner (not ""), waiting and under way, likewise; 0: no limit */
        /* Told of every run's end, on a worker; capsule is NULL when none could be kept. Or NULL.
         */
        void (*ended)(const struct ticket *ticket, const struct capsule *capsule, void *data);
        void *data;
};

/* What is pointed to must be there until runs_stop. */
int runs_start(const struct runs_options *options, struct runs **ret, struct error *err);
/* Takes no more orders, waits up to patience_ms for those that are there, and stops the others.
 * What is asked of it afterwards finds nothing. NULL is fine. */
void runs_stop(struct runs *runs, int64_t patience_ms);
void runs_free(struct runs *runs); /* stops it first; NULL is fine */
/* Another owner_max from now on; runs that are there already stay. */
void runs_set_owner_max(struct runs *runs, size_t owner_max);

/* What is to be run; copied. Exactly one of plan_text, sql and question is set. */
struct order {
        struct setup *setup;                    /* held as long as the run is there; or NULL */
        const struct dataset *dataset;          /* of the setup's registry */
        const char *owner;                      /* whose run it is: a key's id, or "" */
        const char *request_key, *request_hash; /* of a plan or SQL: as a capsule's, or NULL */
        const char *plan_text;
        size_t plan_bytes;
        const char *sql;
        size_t sql_bytes;
        const char *question;
        size_t question_bytes;
        const struct planner *planner; /* of a question */
        const char *planner_name;      /* of a plan or SQL: who wrote it; NULL: "none" */
        const char *asked;             /* and to answer which question; or NULL */
        const json_t *reading;         /* and what the plan says, as a run_input's; or NULL */
        const json_t *previous;        /* of a question: the plan it goes on from, or NULL */
        const char *as_of;             /* or NULL: the dataset's */
        bool must_run;                 /* an earlier run's answer will not do */
        struct limits limits;
        struct capsule *adopted; /* of a plan or SQL: the run that it is, as a run_input's; copied;
                                  * or NULL. There is room for it (runs_check_room). */
        /* Nobody wants to know of it before it has ended, for RUNS_PATIENCE_MS at least: until then
         * it need not be on disk while it waits, which spares a commit. */
        bool is_patient;
};
#define RUNS_PATIENCE_MS 250

/* Puts it into the queue. ERROR_QUEUE_FULL (with retry_after_ms), ERROR_STORE when many that have
 * ended could not be recorded, or ERROR_INTERNAL. changed (or
 * NULL) is called on threads of the service, in order, without any lock: when the run is on disk as
 * pending, when more is known of it, and last when it has ended. */
int runs_submit(struct runs *runs, const struct order *order,
                void (*changed)(struct ticket *ticket, void *data), void *data, struct ticket **ret,
                struct error *err);

/* Takes over another capsule of ours that has ended and could not be sealed, an answer's: like a
 * run's it is sealed once the store can be written. Until runs_free. */
void runs_seal_late(struct runs *runs, struct capsule *capsule);

/* Whether an order of the owner would be taken now: as runs_submit. */
int runs_check_room(struct runs *runs, const char *owner, struct error *err);

/* A run that waits or is under way, or NULL; the caller releases it. */
struct ticket *runs_find(struct runs *runs, const char *run_id);
size_t runs_waiting(struct runs *runs);
size_t runs_running(struct runs *runs);

struct ticket *ticket_hold(struct ticket *ticket);
void ticket_release(struct ticket *ticket); /* NULL is fine */
/* The run ends as cancelled, if it has not ended; at once when it waits. Not after runs_free,
 * unless it has ended. */
void ticket_cancel(struct ticket *ticket);
const char *ticket_owner(const struct ticket *ticket);
const char *ticket_dataset_id(const struct ticket *ticket);

/* A moment's view of it. */
struct ticket_view {
        char run_id[UUID_TEXT_SIZE]; /* "" until it is on disk */
        enum run_state state;
        size_t position;   /* in the queue, from 1; 0: it is not waiting */
        int64_t waited_ms; /* in the queue, so far or until it left it */
        bool has_ended;
        struct error error; /* why no capsule could be kept; NONE otherwise */
};
void ticket_look(const struct ticket *ticket, struct ticket_view *ret);
/* A new reference to the capsule's body as it is known now; NULL before it is on disk. Only once
 * the run has ended is it the sealed one. */
json_t *ticket_body(const struct ticket *ticket);
/* The sealed capsule's body of a run that has ended, which never changes; lent, as long as the
 * ticket is there. NULL when no capsule was kept. */
const json_t *ticket_ended_body(const struct ticket *ticket);

#endif
