/* The local executor's way to `askcsv-runner host`, which keeps tables warm; started when there is
 * none. For the files of this folder only. */
#ifndef ASKCSV_EXECUTOR_HOST_CLIENT_H
#define ASKCSV_EXECUTOR_HOST_CLIENT_H

#include "executor/executor.h"

struct host_client;

int host_client_new(const char *runner, const struct executor_host *host, struct host_client **ret,
                    struct error *err);
void host_client_free(struct host_client *client); /* NULL is fine */

/* Connects for the next call, and starts a host for that when there is none; nothing is asked yet.
 * Does nothing when it is connected. */
int host_client_connect(struct host_client *client, struct error *err);

/* One call over the connection, which is over afterwards. As executor_run; the end of the host in
 * the middle is ERROR_RUNNER_INTERNAL. */
int host_client_call(struct host_client *client, const char *data_root,
                     const struct executor_call *call, struct buf *response, struct error *err);

/* What the host says of itself, when there is one: one line of JSON. Starts none: then
 * ERROR_IO. */
int host_client_status(struct host_client *client, struct buf *answer, struct error *err);

#endif
