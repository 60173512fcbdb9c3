/* What happens to some objects, as it happens
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). */
#ifndef ASKCSV_KUBE_WATCH_H
#define ASKCSV_KUBE_WATCH_H

#include "kube/api.h"

struct kube_watch;

enum kube_event_kind {
        KUBE_QUIET,   /* nothing, and the time is over */
        KUBE_PRESENT, /* it was added or changed, or was there when the watch began */
        KUBE_DELETED,
        KUBE_RESTARTED, /* the server has forgotten where we were: what was deleted meanwhile is not
                         * told; what is there is told again */
};

struct kube_event {
        enum kube_event_kind kind;
        json_t *object; /* the caller's to json_decref; NULL but for PRESENT and DELETED */
};

/* path has a query already ("/api/v1/namespaces/x/pods?labelSelector=..."); server and path are
 * lent. Nothing is asked before kube_watch_next. The caller frees *ret. */
int kube_watch_new(const struct kube_server *server, const char *path, struct kube_watch **ret,
                   struct error *err);
void kube_watch_free(struct kube_watch *watch); /* NULL is fine */

/* The next event, or KUBE_QUIET at until_us (clock_monotonic_us). Goes on after the last one seen,
 * or the last bookmark, when the server ends the stream or the connection breaks; a server that is
 * away is waited for. Errors: ERROR_CANCELLED; ERROR_IO: the server refuses. */
int kube_watch_next(struct kube_watch *watch, int64_t until_us, int cancel_fd,
                    struct kube_event *ret, struct error *err);

/* How the server was unreachable the last time, or "" while it is reached. */
const char *kube_watch_trouble(const struct kube_watch *watch);

#endif
