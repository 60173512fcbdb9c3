/* What the files of the kubernetes executor share; nobody else includes it. */
#ifndef ASKCSV_EXECUTOR_KUBERNETES_PRIVATE_H
#define ASKCSV_EXECUTOR_KUBERNETES_PRIVATE_H

#include "executor/backend.h"
#include "kube/api.h"
#include "kube/server.h"

#include <jansson.h>
#include <limits.h>

struct kubernetes {
        struct executor base;
        struct executor *local; /* checks SQL */
        struct executor_kubernetes settings;
        char *strings[5]; /* what settings points to */
        struct kube_server *server;
        json_t *pod_template; /* or NULL */
        char *folder;         /* home/jobs */
        char *data_root;
        char place[PATH_MAX];
        struct executor_shared *shared; /* lent; or NULL */
};

#define KUBERNETES_ASK_MS 15000 /* for each call of the API server */

/* Kinds of objects, as kubernetes_path and kubernetes_remove want them. */
#define JOBS "batch/v1", "jobs"
#define PODS "v1", "pods"
#define SECRETS "v1", "secrets"

/* "/apis/batch/v1/namespaces/x/jobs" and what follows. */
void kubernetes_path(const struct kubernetes *it, const char *group, const char *kind,
                     const char *rest, char out[KUBE_PATH_MAX]);

/* Makes the object, which it takes over; NULL is no memory. Also negative, a reply whose is_sent
 * says that it may be there. */
int kubernetes_create(struct kube_client *client, const char *path, json_t *object,
                      const char *doing, int cancel_fd, struct kube_reply *reply,
                      struct error *err);

/* 1: it is gone, or going; 0: there was none; negative: err. */
int kubernetes_remove(const struct kubernetes *it, struct kube_client *client, const char *group,
                      const char *kind, const char *name, struct error *err);

/* All that is named after an owner: how much of it was there. */
int kubernetes_remove_all(const struct kubernetes *it, struct kube_client *client,
                          const char *owner, size_t pieces, struct error *err);

/* Gets one object; a reply of status 404: there is none. Release it with kube_reply_done in any
 * case. */
int kubernetes_get(const struct kubernetes *it, struct kube_client *client, const char *group,
                   const char *kind, const char *name, int cancel_fd, struct kube_reply *reply,
                   struct error *err);

/* The response, out of the frame that begins at text, of which n bytes are there so far. 1: it was
 * whole, and is in response; 0: not yet. */
int kubernetes_take_response(const char *text, size_t n, const struct executor_call *call,
                             struct buf *response, struct error *err);

/* The end of a run in a bare pod, named after that owner, that was attached to and is so no more:
 * waits for it and reads its log, as of a Job. 1: it never had the request. */
int kubernetes_outlive(const struct kubernetes *it, const struct executor_call *call,
                       const char *owner, struct buf *response, struct error *err);

#endif
