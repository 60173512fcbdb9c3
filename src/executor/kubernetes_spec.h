/* What a run is made of in a cluster: a Job with one pod with one container, and Secrets for a
 * large request. Names of fields are those of https://kubernetes.io/docs/reference/kubernetes-api/.
 */
#ifndef ASKCSV_EXECUTOR_KUBERNETES_SPEC_H
#define ASKCSV_EXECUTOR_KUBERNETES_SPEC_H

#include "executor/executor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define KUBERNETES_CONTAINER "runner"
#define KUBERNETES_LABEL_OWNER                                                                     \
        "askcsv.dev/owner" /* a lock file's id, as the object's name has it */
#define KUBERNETES_NAME_PREFIX "askcsv-"
/* Of a request that goes into the Job itself. A variable of a process may have 128 KiB. */
#define KUBERNETES_ENV_MAX ((size_t)64 * 1024)
/* Of one Secret, which may have 1 MiB. */
#define KUBERNETES_PIECE_MAX ((size_t)700000)
#define KUBERNETES_PIECES_MAX 8

/* A pod template that somebody wrote: what a pod gets beside what is decided here. NULL: nothing.
 * Of the file at path, YAML or JSON; "" gives NULL. A member that it may not have is an error, as
 * it would be without effect, or take a wall down. The caller json_decrefs *ret. ERROR_USAGE. */
int kubernetes_template_read(const char *path, json_t **ret, struct error *err);

struct kubernetes_spec {
        const struct executor_kubernetes *settings;
        const json_t *pod_template; /* as above */
        const struct executor_call *call;
        const char *const *arguments; /* of the runner; NULL behind the last */
        const char *owner;            /* KUBERNETES_LABEL_OWNER */
        int64_t active_s; /* the Job is ended after so many seconds, whoever still lives */
        size_t pieces;    /* Secrets that have the request; 0: it is in the environment */
        bool is_attached; /* the container's standard input stays open for who attaches */
};

/* The caller json_decrefs what these return; NULL: no memory. */
json_t *kubernetes_job(const struct kubernetes_spec *spec);
json_t *kubernetes_pod(const struct kubernetes_spec *spec); /* a bare one, of the same make */
json_t *kubernetes_secret(const struct kubernetes_spec *spec, size_t piece);

/* The name of one of the Secrets. */
void kubernetes_secret_name(const char *owner, size_t piece, char out[64]);

/* How many Secrets a request needs; 0: none. */
size_t kubernetes_pieces(const struct executor_kubernetes *settings,
                         const struct executor_call *call);

#endif
