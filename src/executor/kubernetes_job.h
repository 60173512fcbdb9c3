/* One run in the cluster: a Job from its making to its answer. */
#ifndef ASKCSV_EXECUTOR_KUBERNETES_JOB_H
#define ASKCSV_EXECUTOR_KUBERNETES_JOB_H

#include "executor/kubernetes_pod.h"
#include "executor/kubernetes_private.h"

#include "base/owner.h"

struct kubernetes_job {
        const struct kubernetes *it;
        const struct executor_call *call;
        struct kube_client *client;
        struct owner owner;
        char name[64];
        size_t pieces;
        bool is_asked;  /* something of it may be in the cluster */
        bool is_unsure; /* or may come yet: it was asked for, and no answer came */
        bool is_bare;   /* a pod that was there before the call; there is no Job */
        struct pod_state pod;
        struct buf *response;
        bool is_log_over; /* all is said that the runner's log says before the pod's end is known */
        int64_t start_by_us; /* the runner has begun by then, or is given up */
        int64_t end_by_us;
};

/* Takes its owner's lock; nothing is in the cluster yet. client and call are lent. */
int kubernetes_job_init(struct kubernetes_job *job, const struct kubernetes *it,
                        const struct executor_call *call, struct kube_client *client,
                        struct error *err);

/* Secrets for a large request, and the Job. */
int kubernetes_job_make(struct kubernetes_job *job, const char *const *arguments,
                        struct error *err);

/* Until its response is there (1), or its pod has ended (0). */
int kubernetes_job_follow(struct kubernetes_job *job, struct error *err);

/* The response of a pod that has ended, out of its log. any_exit_status: of a runner that ended
 * with another than 0, too. 1: a bare pod never had the request. */
int kubernetes_job_answer(const struct kubernetes_job *job, bool any_exit_status,
                          struct buf *response, struct error *err);

/* Whatever happens all of it goes; what cannot be removed just now is left to tidying. */
void kubernetes_job_done(struct kubernetes_job *job);

/* ---- kubernetes_fate.c: why it does not start, and why it ended ---- */

/* 1: the Job says that its time was over; 2: there is no such Job; 0: neither. */
int kubernetes_job_ask_fate(const struct kubernetes_job *job, struct error *err);

/* Each gives the error that it is. Its pod does not start, */
int kubernetes_job_stuck(struct kubernetes_job *job, struct error *err);
/* it, or its pod, was deleted, which a Job does at its deadline, */
int kubernetes_job_deleted(const struct kubernetes_job *job, struct error *err);
/* it ended, and not well; said is its log, which is changed. */
int kubernetes_job_died(const struct kubernetes_job *job, struct buf *said, struct error *err);

#endif
