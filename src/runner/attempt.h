/* One request at one sandboxed worker, as those see it who are outside: what the worker says, how
 * long it may take, how it ended, and the response that all this makes. It parses nothing of the
 * worker's but two short lines of JSON. The supervisor keeps one of these, the host many. */
#ifndef ASKCSV_RUNNER_ATTEMPT_H
#define ASKCSV_RUNNER_ATTEMPT_H

#include "base/buf.h"
#include "base/error.h"
#include "protocol/request.h"
#include "runner/files.h"
#include "runner/response.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One stream from the worker. */
struct stream {
        int fd; /* -1 once it has ended */
        struct buf text;
        bool drop; /* what does not fit is read and forgotten, not an error */
};

enum { STREAM_WORDS, STREAM_STDOUT, STREAM_STDERR, STREAM_COUNT };

/* A worker: its own child to the supervisor, a grandchild to the host. */
struct worker_handle {
        pid_t pid; /* 0: none, or reaped */
        int pidfd; /* or -1: then the pid is a child of ours */
};

struct attempt {
        const struct request *request; /* NULL until it is known */
        const struct files *files;     /* what is said of the tables' files */
        const json_t *described;  /* and of the tables, when the worker does not say; or NULL */
        const struct buf *values; /* likewise, their value index */
        struct stream streams[STREAM_COUNT];
        struct worker_handle worker;
        int64_t submitted_us;
        int64_t deadline_us;
        bool interrupted; /* the worker was asked to stop */
        bool killed;      /* and then was killed */
        bool is_whole;    /* attempt_take_words said so */
        int status;       /* of waitpid(2) */
        long peak_kb;
        struct error failure; /* found out here; type NONE while there is none */
        struct response response;
};

/* No worker yet. */
void attempt_init(struct attempt *attempt);

/* The request: from now on there is a deadline, counted from submitted_us (clock_monotonic_us). */
void attempt_set_request(struct attempt *attempt, const struct request *request,
                         const struct files *files, int64_t submitted_us);

/* Kills the worker (who is not a child of ours is reaped by its parent), closes the streams. */
void attempt_done(struct attempt *attempt);

/* The pipes: our ends become the streams, *ends* (the worker's) are the caller's to close. All are
 * close-on-exec and ours do not block. */
int attempt_open_streams(struct attempt *attempt, int ends[STREAM_COUNT], struct error *err);

/* Takes in what is there; a stream that ends is closed. Says too much: the worker is killed. */
void attempt_read(struct attempt *attempt, int stream);

bool attempt_is_listening(const struct attempt *attempt); /* a stream is open */
void attempt_kill(struct attempt *attempt);

/* At the deadline the engine is asked to stop; RUNNER_INTERRUPT_GRACE_MS later the worker is
 * killed, and with it, as the first process of its PID namespace, all that it may have started. */
void attempt_keep_time(struct attempt *attempt);

/* Milliseconds until attempt_keep_time has something to do; never negative. */
int64_t attempt_wait_ms(const struct attempt *attempt);

/* To be called when no stream is open any more or the attempt has failed, and again when its end is
 * known. True when the worker has said all that there is to say, in due form: then its end needs no
 * waiting for. */
bool attempt_take_words(struct attempt *attempt);

/* How it ended, as waitpid(2) and getrusage(2) have it; needed unless its words were whole. */
void attempt_set_end(struct attempt *attempt, int status, long peak_kb);

/* Words that are not whole, and no failure yet: finds one in how the worker ended. */
void attempt_judge_end(struct attempt *attempt);

/* After attempt_take_words (and attempt_set_end where that is needed): the response, as one line
 * of JSON. */
int attempt_put_response(struct attempt *attempt, struct buf *out, struct error *err);

#endif
