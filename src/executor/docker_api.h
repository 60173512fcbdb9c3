/* Calls of the Docker Engine API over the daemon's Unix socket, which Podman's compatible service
 * has too (https://docs.docker.com/engine/api/). For the files of this folder only. */
#ifndef ASKCSV_EXECUTOR_DOCKER_API_H
#define ASKCSV_EXECUTOR_DOCKER_API_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define DOCKER_SOCKET_MAX 108 /* with its NUL; unix(7) */
#define DOCKER_PATH_MAX 512   /* of a call, with its query */

struct docker_call {
        const char *method; /* "GET", "POST", "DELETE" */
        const char *path;   /* from "/" on */
        const char *body;   /* JSON, or NULL */
        const char *doing;  /* for messages: "making a container" */
        int64_t timeout_ms; /* until the whole reply is here */
        int cancel_fd;      /* as an executor_call's */
};

struct docker_reply {
        long status;  /* of HTTP */
        json_t *body; /* NULL: there is none, or it is not JSON */
        bool is_sent; /* the call, or some of it: the daemon may have done what it says */
};

void docker_reply_done(struct docker_reply *reply); /* safe on a zeroed struct */

/* Sends it and waits for the reply, whatever its status. ERROR_IO: there is no daemon, this user
 * may not use it, or it is too slow; the message says which and what to do. ERROR_CANCELLED.
 * Release *ret with docker_reply_done in any case. */
int docker_api(const char *socket, const struct docker_call *call, struct docker_reply *ret,
               struct error *err);

/* The error that a reply other than 2xx is: ERROR_IO, with what the daemon says. */
int docker_refused(const char *socket, const struct docker_call *call,
                   const struct docker_reply *reply, struct error *err);

/* Both: anything but 2xx is an error. */
int docker_do(const char *socket, const struct docker_call *call, struct docker_reply *ret,
              struct error *err);

/* Connects to the socket (a path below DOCKER_SOCKET_MAX), non-blocking. ERROR_IO as above. The
 * caller closes *ret_fd. */
int docker_connect(const char *socket, int *ret_fd, struct error *err);

#endif
