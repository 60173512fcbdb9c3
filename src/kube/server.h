/* Which Kubernetes API server, and who one is there: by a kubeconfig file
 * (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/), or by
 * the service account of the pod that this process runs in. */
#ifndef ASKCSV_KUBE_SERVER_H
#define ASKCSV_KUBE_SERVER_H

#include "base/error.h"

#include <stdbool.h>

/* All strings are its own; what is not set is NULL. The secrets are overwritten when it is freed.
 */
struct kube_server {
        char *url;        /* "https://10.96.0.1:443", without a "/" at the end */
        char *namespace_; /* never NULL: what is not said is "default" */
        char *ca_pem;     /* or NULL: the system's authorities */
        char *cert_pem;
        char *key_pem;
        char *token;
        char *token_file; /* read anew for each call, as tokens of pods are replaced */
        char *source;     /* for messages: the kubeconfig's path, or "the pod's service account" */
};

struct kube_settings {
        const char *config;     /* path of a kubeconfig; "" or NULL: see kube_server_open */
        const char *context;    /* in it; "" or NULL: its current one */
        const char *namespace_; /* "" or NULL: the context's, or the pod's own */
};

/* Without settings->config: the pod's service account if there is one, else $KUBECONFIG, else
 * ~/.kube/config. Nothing is asked of the server. Errors: ERROR_USAGE, with what to set. The caller
 * frees *ret. */
int kube_server_open(const struct kube_settings *settings, struct kube_server **ret,
                     struct error *err);
void kube_server_free(struct kube_server *server); /* NULL is fine */

/* A name as RFC 1123 has labels, which needs no escaping in a path: [a-z0-9-], at most 63. */
bool kube_is_label(const char *name);

#endif
