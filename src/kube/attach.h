/* The standard input and output of a container that runs, over one WebSocket
 * (https://kubernetes.io/docs/reference/generated/kubernetes-api/: pods/attach). */
#ifndef ASKCSV_KUBE_ATTACH_H
#define ASKCSV_KUBE_ATTACH_H

#include "base/buf.h"
#include "base/error.h"
#include "kube/server.h"

#include <stdbool.h>
#include <stdint.h>

#define KUBE_ATTACH_PING_MS 20000

struct kube_attach; /* of one thread at a time */

struct kube_attach_target {
        const char *pod; /* its name, in the server's namespace */
        const char *container;
        int64_t ping_ms; /* as often something goes over an idle connection, so that what is between
                          * keeps it; 0: KUBE_ATTACH_PING_MS */
};

/* How long, and who may stop it; of every call that waits. */
struct kube_patience {
        int64_t until_us; /* clock_monotonic_us; now or before: what is there is taken */
        int cancel_fd;    /* as an executor_call's */
};

/* Attaches. server is lent. The caller frees *ret. ERROR_IO: the server is not reached, refuses, or
 * does not speak the protocol, or until_us has come; ERROR_CANCELLED. */
int kube_attach_open(const struct kube_server *server, const struct kube_attach_target *target,
                     const struct kube_patience *patience, struct kube_attach **ret,
                     struct error *err);
/* Closes it; the container's standard input is then at its end if it has stdinOnce. NULL is fine.
 */
void kube_attach_free(struct kube_attach *attach);

/* All n bytes to the container's standard input. On failure (as above) not all of them went, and
 * the connection is of no more use. */
int kube_attach_send(struct kube_attach *attach, const char *bytes, size_t n,
                     const struct kube_patience *patience, struct error *err);

enum kube_attach_event {
        KUBE_ATTACH_QUIET, /* nothing more came until until_us */
        KUBE_ATTACH_BYTES, /* out has more than before */
        KUBE_ATTACH_ENDED, /* the streams have ended, or the connection is lost */
};

/* Waits for the container's next words, which are appended to out. Keeps the connection alive
 * meanwhile; one that does not answer to a ping for as long as from ping to ping is ENDED. Returns
 * an event; negative: ERROR_CANCELLED, or what came is not what the protocol says, or is more than
 * out may have (ERROR_RUNNER_OUTPUT_EXCEEDED). */
int kube_attach_receive(struct kube_attach *attach, struct buf *out,
                        const struct kube_patience *patience, struct error *err);

/* How it ended, for people; after ENDED. */
const char *kube_attach_why(const struct kube_attach *attach);

/* What to poll for POLLIN, and when kube_attach_receive wants to be called at the latest
 * (clock_monotonic_us), for who waits for several. */
int kube_attach_fd(const struct kube_attach *attach);
int64_t kube_attach_due_us(const struct kube_attach *attach);

#endif
