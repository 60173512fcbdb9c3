/* Inside a warm parent: the tables of one dataset version in the memory of a sandboxed process that
 * does nothing but clone children, each of which serves one run. It sees no SQL and no request. */
#ifndef ASKCSV_RUNNER_NURSERY_H
#define ASKCSV_RUNNER_NURSERY_H

#include "runner/engine.h"
#include "runner/runner.h"

#include <stdint.h>

/* From the host: clone one child. With it come the child's ends of its pipes, in this order. */
struct nursery_order {
        uint64_t id;
        struct limits limits; /* those that its run will have */
        bool exercise;        /* it has time to get ready */
        int64_t threads_max;  /* it has room for so many; limits.threads or more */
};
enum { NURSERY_REQUEST, NURSERY_WORDS, NURSERY_STDOUT, NURSERY_STDERR, NURSERY_FDS };

struct nursery_start {
        struct engine *engine; /* empty */
        const struct runner_walls *wanted;
        struct sandbox_spec *spec; /* its only file, if it has one, is the snapshot */
        struct sandbox_walls *walls;
        const struct request *request; /* whose tables they are */
        bool copy;                     /* into the memory; else seen in the file */
        int64_t memory_mb;             /* the engine's limit in the parent */
        int control_fd;                /* runner/births.h */
};

/* Never returns; ends when the host does. */
_Noreturn void nursery_main(const struct nursery_start *start);

#endif
