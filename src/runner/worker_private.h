/* Shared by worker.c and worker_words.c only. */
#ifndef ASKCSV_RUNNER_WORKER_PRIVATE_H
#define ASKCSV_RUNNER_WORKER_PRIVATE_H

#include "runner/worker.h"

/* One request in hand. */
struct work {
        const struct request *request;
        const struct runner_walls *wanted;
        struct sandbox_spec *spec;
        struct engine *engine;
        int words_fd;
        int request_fd; /* of a worker that gets its request later; else -1 */
        struct engine_answer answer;
        json_t *tables;    /* what engine_load said of each */
        struct buf values; /* their value index, when it was asked for */
        const struct policy_typed *typed;
        size_t n_typed;
        bool is_unlocked;     /* the engine is still to be locked, after the policy's verdict */
        bool order_free;      /* which was that the answer depends on no order */
        int64_t idle_threads; /* may be used then */
        double load_ms;       /* since the worker began; likewise the next two, each on its own */
        double check_ms;
        double query_ms;
};

/* The first line, and then the other two. */
int words_say_walls(int fd, const struct sandbox_walls *walls, struct error *err);
int words_say_outcome(int fd, const struct work *work, const struct error *outcome,
                      struct error *err);

#endif
