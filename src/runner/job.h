/* One request, or one set of tables that a request is expected for, at one worker of our own: its
 * files, its process, the waiting for it, its response. Shared by supervisor.c, which has a job for
 * each request, and standby.c, which begins one before there is a request. */
#ifndef ASKCSV_RUNNER_JOB_H
#define ASKCSV_RUNNER_JOB_H

#include "runner/attempt.h"
#include "runner/engine.h"
#include "runner/files.h"
#include "runner/runner.h"

#include <signal.h>
#include <stdint.h>

/* What job_wait waits for beside the worker and the end of the reader. */
struct job_wait {
        int64_t ms; /* -1: for ever */
        int in_fd;  /* bytes or the end there, too; or -1 */
        bool came;  /* out: they are there */
};

struct job {
        const struct runner_options *options;
        struct engine *engine; /* empty; the worker's copy is what gets used */
        int out_fd;
        const struct request *request; /* NULL while there is none */
        struct files files;
        struct sandbox_walls walls;
        struct attempt attempt;
        sigset_t while_waiting;
        int request_fd; /* our end of the pipe on which a worker that waits gets its request; or -1
                         */
        size_t said_ready; /* bytes of its words when it was ready; 0: it was not, or has its
                              request */
        const char *text;  /* what goes into the pipe, with the pipe's end behind it */
        size_t text_bytes;
        size_t sent;
};

/* After signals_catch. No request, no worker; what is given stays the caller's and outlives the
 * job. End it with job_done. */
void job_init(struct job *job, const struct runner_options *options, struct engine *engine,
              int out_fd);

/* The request's time counts from submitted_us (clock_monotonic_us). */
void job_set_request(struct job *job, const struct request *request, int64_t submitted_us);

/* Kills the worker; no process is left. A zeroed job has none. */
void job_done(struct job *job);

/* Opens the files and starts the worker, which does what the request says, or (`waits`) loads its
 * tables and waits for job_feed. Negative: there is a response to be made of it. */
int job_start(struct job *job, bool waits);

/* Until the worker has said everything (or, `until_ready`, that it is ready) and all files are
 * hashed, or there is no point in going on. Negative when a signal or the end of the reader says to
 * give up without a word; all else is the response's. */
int job_attend(struct job *job, bool until_ready, struct error *err);

/* The worker is ready, and was silent since, as far as job_attend and job_wait have seen. */
bool job_is_ready(const struct job *job);

/* The worker that is ready gets this request, whose text n bytes are; job_attend sends it. */
void job_feed(struct job *job, const struct request *request, const char *text, size_t n,
              int64_t submitted_us);

/* One wait for whatever comes first. Negative as for job_attend. */
int job_wait(struct job *job, struct job_wait *wait, struct error *err);

/* When job_start failed or job_attend gave 0: writes the response. */
int job_respond(struct job *job, struct error *err);

/* A request that is set, from its beginning to its end. */
int job_run(struct job *job, struct error *err);

/* The response to one that could not be read. */
int job_refuse(const struct job *job, const struct error *why, struct error *err);

#endif
