/* askcsv-runner, one request at a time: a supervisor that reads no untrusted byte but the request
 * and hashes files, and a sandboxed worker that does the rest and dies. */
#ifndef ASKCSV_RUNNER_RUNNER_H
#define ASKCSV_RUNNER_RUNNER_H

#include "base/error.h"
#include "protocol/request.h"
#include "runner/intake.h"
#include "runner/sandbox.h"

#include <stdbool.h>

/* The three walls. The program has them all; the tests take two away to try the third. */
struct runner_walls {
        bool policy;
        bool engine_lock;
        bool os_sandbox;
};
#define RUNNER_ALL_WALLS ((struct runner_walls){true, true, true})

#define RUNNER_INTERRUPT_GRACE_MS 250 /* between asking the engine to stop and killing it */

struct runner_options {
        const char *data_root; /* tables' files lie below it; absolute, resolved */
        struct runner_walls walls;
        struct intake intake; /* where the request is, if not in in_fd */
        bool framed; /* the response is a frame (protocol/frame.h); a warm runner's always */
};

/* Reads one request from in_fd, writes one response to out_fd. 0 when a response was written;
 * else a negative code (nobody reads it, or a signal ended us). No process is left; the engine is
 * not freed, so the caller ends with _exit(2). */
int runner_serve(const struct runner_options *options, int in_fd, int out_fd, struct error *err);

/* Gets ready for one request and waits for it, then serves it: frames both ways, "prepare" and
 * "request" in, "ready" and "response" out (docs/PROTOCOL.md). 0 when a response was written or
 * in_fd ended before there was a request; otherwise as runner_serve. */
int runner_stand_by(const struct runner_options *options, int in_fd, int out_fd, struct error *err);

/* One line of JSON that says which walls this machine gives, and the engine's version, tried for
 * real in a child. 0 when runs are possible. */
int runner_probe(int out_fd, struct error *err);

#endif
