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
        struct engine_answer answer;
        json_t *tables; /* what engine_load said of each */
        double load_ms; /* since the worker began; likewise the next two, each on its own */
        double check_ms;
        double query_ms;
};

/* The first line, and then the other two. */
int words_say_walls(int fd, const struct sandbox_walls *walls, struct error *err);
int words_say_outcome(int fd, const struct work *work, const struct error *outcome,
                      struct error *err);

#endif
