/* The seed: the process that builders and parents are cloned from. It is cloned from the host
 * before any request came, opens an empty engine, and sees nothing of any run ever: so that what is
 * cloned from it holds no byte of another's. What a clone is to do comes to the clone itself, by a
 * pipe. */
#ifndef ASKCSV_RUNNER_SEED_H
#define ASKCSV_RUNNER_SEED_H

#include "runner/runner.h"

#include <limits.h>
#include <stdint.h>

enum seed_kind {
        SEED_BUILDER, /* reads the tables' files and makes a snapshot; says what a worker says */
        SEED_PARENT,  /* runner/nursery.h; reads a snapshot, or nothing */
};

/* From the host: clone one. */
struct seed_order {
        uint64_t id;
        enum seed_kind kind;
        bool copy;           /* of a parent: as in nursery_start */
        int64_t memory_mb;   /* of a parent: likewise */
        int64_t out_bytes;   /* of a builder: the ceiling of a file that it writes */
        char path[PATH_MAX]; /* a builder's folder, a parent's snapshot or "" */
};

/* The descriptors that come with it. */
enum {
        SEED_REQUEST, /* gives the request that says which tables; a builder's is a describe */
        SEED_WORDS,   /* a builder's pipe for words, a parent's control socket */
        SEED_STDOUT,
        SEED_STDERR,
        SEED_PATH,  /* of `path`, opened; any descriptor when there is none */
        SEED_FILES, /* a builder's tables' files, in their order, from here on */
};

/* Never returns; ends when the host does. control_fd: runner/births.h. */
_Noreturn void seed_main(const struct runner_walls *wanted, int control_fd);

#endif
