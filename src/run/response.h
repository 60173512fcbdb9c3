/* The runner's response, read as what it is: bytes out of a sandbox, to be believed only as far
 * as they have been checked. */
#ifndef ASKCSV_RUN_RESPONSE_H
#define ASKCSV_RUN_RESPONSE_H

#include "base/error.h"
#include "executor/executor.h"
#include "protocol/request.h"

#include <jansson.h>
#include <stddef.h>

#define RESPONSE_SLACK_BYTES (16 * 1024 * 1024) /* beside the rows */

struct response {
        json_t *body;      /* an object; every member that response_parse lists fits */
        struct error says; /* the run's error; type NONE when it succeeded */
};

/* Checks the whole shape: protocol and run_id are the request's; status and error agree; the
 * error's type is one that a runner may say; for a run that succeeded columns, types and rows fit
 * each other, the counts and the limits, and result_hash is that of the rows; tables are the
 * request's, in order; the values and the file are there if they were asked for; timings are
 * numbers, engine names itself, sandbox lists walls. On failure ERROR_RUNNER_INTERNAL. Release with
 * response_done.
 */
int response_parse(const char *text, size_t n, const struct request *request, struct response *ret,
                   struct error *err);
void response_done(struct response *response); /* safe on a zeroed struct */

/* Sends the request and parses what comes back. Every failure to get a response is in err. */
int response_get(struct executor *executor, const struct request *request, int cancel_fd,
                 struct response *ret, struct error *err);

#endif
