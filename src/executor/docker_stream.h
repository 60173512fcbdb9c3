/* The connection to a container's standard streams: POST /containers/ID/attach, after which the
 * connection is the request in one direction, and in the other pieces of standard output and error,
 * each with a head of eight bytes. For the files of this folder only. */
#ifndef ASKCSV_EXECUTOR_DOCKER_STREAM_H
#define ASKCSV_EXECUTOR_DOCKER_STREAM_H

#include "executor/executor.h"

/* Attaches to a container that is not started yet. The caller closes *ret_fd. Errors as
 * docker_api's. */
int docker_attach(const char *socket, const char *container, int64_t timeout_ms, int cancel_fd,
                  int *ret_fd, struct error *err);

/* Sends the call's request and takes the container's output until its end: standard output into
 * response, the start of standard error into said. deadline_us: by clock_monotonic_us.
 * ERROR_CANCELLED, ERROR_RUNNER_TIMEOUT, ERROR_RUNNER_INTERNAL (more than max_response_bytes, or no
 * pieces). That the daemon went away is an end, too. */
int docker_exchange(int fd, const struct executor_call *call, int64_t deadline_us,
                    struct buf *response, struct buf *said, struct error *err);

#endif
