/* `askcsv-runner host`: keeps dataset versions warm. It listens on a Unix socket (protocol/host.h),
 * takes calls into a bounded queue, sees to it that there is a warm parent for the tables that a
 * call is about, and gives each run a child of that parent, which serves it and dies. The host
 * parses nothing but requests and the two short lines of JSON that begin a worker's words; it
 * hashes the files, keeps the time, and ends what must end. One thread, and no file of a user is
 * parsed here. */
#ifndef ASKCSV_RUNNER_HOST_H
#define ASKCSV_RUNNER_HOST_H

#include "runner/queue.h"
#include "runner/runner.h"

#include <stddef.h>
#include <stdint.h>

struct host_options {
        const char *home;         /* $ASKCSV_HOME: snapshots, hashes and the socket are below it */
        const char *socket_name;  /* in home/HOST_FOLDER */
        int64_t linger_ms;        /* without a client it ends after so long */
        size_t spares;            /* children that wait ready, per parent, 0 .. 64 */
        size_t parents;           /* that are kept at once, beyond those in use, 1 .. 64 */
        int64_t parent_memory_mb; /* of the engine in a parent */
        int64_t copy_bytes;       /* a parent holds a snapshot up to that size in its memory */
        int64_t snapshot_bytes;   /* of all snapshots together */
        struct queue_limits queue;
        struct runner_walls walls;
};

/* What fits this machine: twice as many runs as it has cores, three quarters of its memory. */
void host_options_default(struct host_options *options);

/* Serves until nobody needs it. ready_fd (or -1) gets "ready\n" and is closed once clients can
 * connect. 0 at a good end, also when another host has the place already. */
int host_serve(const struct host_options *options, int ready_fd, struct error *err);

#endif
