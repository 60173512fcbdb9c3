/* Runner pods that are there before their run: made, attached to, with the tables loaded. Each
 * takes exactly one run; then it is removed, and another made.
 *
 * For every set of tables in use (an executor_call's `tables`) the settings' number of pods is kept
 * ready, by one thread. A run takes one that is ready, or finds none, and never waits for one. Each
 * pod has an owner's lock in a folder of ours, as a Job has; and as its standard input is this
 * process's connection, its runner ends with this process. */
#ifndef ASKCSV_EXECUTOR_KUBERNETES_WARM_H
#define ASKCSV_EXECUTOR_KUBERNETES_WARM_H

#include "executor/kubernetes_private.h"

/* As executor_ops has them. Nothing is asked of the cluster before a run has missed a pod. */
int kubernetes_warm_open(const struct executor_settings *settings,
                         const struct executor_listener *listener, struct executor_shared **ret,
                         struct error *err);
void kubernetes_warm_free(struct executor_shared *shared);
void kubernetes_warm_count(struct executor_shared *shared, struct executor_warm *ret);

/* Runs the call in a pod that is ready; otherwise as an executor_ops' run. 1: none was, or it was
 * lost before it had the request; one is made for next time. Once a pod has the request the call is
 * not run anywhere else: what becomes of the pod becomes of the run. */
int kubernetes_warm_run(struct executor_shared *shared, const struct kubernetes *it,
                        const struct executor_call *call, struct buf *response, struct error *err);

/* Removes pods whose owners are gone, if there are such; whether or not pods are kept now. */
int kubernetes_warm_tidy(const struct kubernetes *it, struct kube_client *client,
                         size_t *ret_removed, struct error *err);

#endif
