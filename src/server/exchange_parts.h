/* An exchange from inside. Only exchange*.c include this.
 *   exchange.c        its life, its followers, the list of those that can be found again
 *   exchange_tell.c   events, and the words in which it ends
 *   exchange_start.c  the message: kept in its thread, and sorted by who answers it
 *   exchange_run.c    answered by one run: SQL, a plan, or the built-in planner's
 *   exchange_agent.c  answered by a language model, which may have several runs made */
#ifndef ASKCSV_SERVER_EXCHANGE_PARTS_H
#define ASKCSV_SERVER_EXCHANGE_PARTS_H

#include "server/exchange.h"
#include "server/planners.h"

#include <pthread.h>
#include <stdatomic.h>

struct follower;

/* What was told of a run. */
struct progress {
        bool pending, plan, sql, running;
};

struct exchange {
        atomic_int references;
        char id[UUID_TEXT_SIZE];
        char thread_id[UUID_TEXT_SIZE];
        char *owner;
        struct api *api;
        struct sse_log *log;
        /* Of an answer by a model, else -1; eventfds: nobody wants it any more, a run has ended. */
        int cancel_fd, run_fd;

        pthread_mutex_t lock;  /* of all below */
        struct ticket *ticket; /* the run that is under way; of a model the last one. NULL: none */
        struct progress told;  /* of that run */
        bool has_ended;
        bool is_streamed; /* somebody followed it */
        struct follower *followers;
        int64_t alone_us; /* since when nobody has followed it; 0: somebody does, or nobody ever did
                           */
        bool is_timed;    /* stop_if_alone will look */
        struct http_request *waiting; /* for the whole answer */
        json_t *answer;               /* once it has ended; or problem */
        struct error problem;
        struct exchange *next; /* in the list of exchanges; under that lock */
        _Atomic int64_t ended_us;
};

/* exchange.c */
struct exchange *exchange_hold(struct exchange *exchange);
int exchange_new(struct api *api, const struct exchange_input *input, struct exchange **ret,
                 struct error *err);
void exchange_pump(struct exchange *exchange); /* with the lock held: followers get what is new */
void exchange_answer_waiting(struct exchange *exchange); /* with the lock held */

/* exchange_tell.c: with the lock held, each takes data. */
void exchange_tell(struct exchange *exchange, const char *name, json_t *data);
/* What is new in the run's capsule, each once. */
void exchange_tell_progress(struct exchange *exchange, const struct ticket_view *view,
                            const json_t *body);
void exchange_tell_result(struct exchange *exchange, const json_t *result);

/* The answer, before it is kept. */
struct exchange_message {
        json_t *words;         /* a string; taken */
        json_t *run_ids;       /* taken; NULL: the run's */
        const json_t *run;     /* the capsule's body that the answer shows, or NULL */
        const char *status;    /* NULL: the run's, or "answered" */
        const char *planner;   /* a language model's, as capsules have it; or NULL */
        const char *answer_id; /* and of it: the answer's capsule, its end, */
        const char *end;
        json_t *grounding; /* and what its figures rest on; lent */
        bool was_told;     /* its words were told as they came */
};

/* Without the lock: the words are kept in the thread, and everybody is told of the end. */
void exchange_end(struct exchange *exchange, struct exchange_message *message);
void exchange_fail(struct exchange *exchange, const struct error *err);
/* The words of an answer that a run alone gives. */
json_t *exchange_words(const json_t *capsule);

/* exchange_run.c: orders the run. */
int exchange_order(struct exchange *exchange, const struct exchange_input *input,
                   const json_t *previous, struct error *err);
/* "SQL: ..." and "PLAN: ...", which nobody has to plan. */
bool exchange_is_direct(const char *message);
/* Has the order run; the caller is told of changes by changed(ticket, exchange), and the last of
 * these lets go of the exchange. */
int exchange_submit(struct exchange *exchange, const struct order *order,
                    void (*changed)(struct ticket *ticket, void *data), struct error *err);

/* exchange_agent.c. One key has so many chats with a model at a time: takes a place, and gives it
 * back. ERROR_QUEUE_FULL. */
int exchange_enter(struct exchange *exchange, struct error *err);
void exchange_leave(struct exchange *exchange);
/* Has the model answer, in a place that was taken and that the end of the answer gives back (but
 * not a failure of this). previous is the body of the run to go on from, or NULL; history is what
 * was said before. */
int exchange_ask(struct exchange *exchange, const struct exchange_input *input,
                 const struct planner_choice *choice, const json_t *history, const json_t *previous,
                 struct error *err);

#endif
