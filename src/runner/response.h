/* The response: the worker's words, what the supervisor knows better, and the rows, or the value
 * index, as they came; a file as base64. */
#ifndef ASKCSV_RUNNER_RESPONSE_H
#define ASKCSV_RUNNER_RESPONSE_H

#include "base/buf.h"
#include "protocol/request.h"
#include "runner/files.h"

#include <jansson.h>
#include <stdbool.h>

struct response {
        const struct request *request;
        const struct files *files;
        const struct buf *said; /* the worker's three lines, as much of them as came */
        const struct buf *out;  /* its stdout and stderr */
        const struct buf *err;
        long peak_kb;             /* of its memory */
        const json_t *described;  /* of the tables, when it is known from elsewhere; or NULL */
        const struct buf *values; /* their value index, likewise */
        struct error *failure;    /* goes before what the worker said; type NONE: it does not */
        json_t *walls;            /* taken from the words; NULL when they do not have them */
        json_t *head;
        const char *rows; /* into said */
        size_t rows_bytes;
};

/* Reads the words. True when all three lines are there and well formed. */
bool response_take_words(struct response *response);

/* The most memory that the worker had, in kB, by its own account; of whole words only. */
long response_peak_kb(const struct response *response);

/* One line of JSON into out, which is initialised here; the caller ends it with buf_done. */
int response_put(const struct response *response, struct buf *out, struct error *err);
void response_done(struct response *response);

/* For a request that could not be read: run_id null, status error, the error. */
int response_put_refusal(const struct error *why, struct buf *out, struct error *err);

/* Of a runner that was only asked to get ready: the files, each with its hash. */
int response_put_ready(const struct request *request, const struct files *files, struct buf *out,
                       struct error *err);

/* Writes a line that one of these gave to fd, as a frame of that name. */
int response_send_frame(const char *name, const struct buf *line, int fd, struct error *err);

/* The same as the frame "response", or as it is. */
int response_send(const struct buf *line, bool framed, int fd, struct error *err);

#endif
