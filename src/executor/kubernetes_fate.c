/* Why a run in the cluster does not start, or ended without an answer, in words that say what to
 * do. */
#include "executor/kubernetes_job.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_MS 10000
#define WAIT_MS 3000 /* until a Job says why its pod was deleted */
#define PAUSE_MS 100
#define EXIT_USAGE 2 /* of a runner */
#define WORDS_MAX 600

/* ---- what holds it up ---- */

/* The last warning about an object, as "Reason: message"; "" when there is none. */
static void last_warning(const struct kubernetes_job *job, const char *object, char *out,
                         size_t size)
{
        char rest[400];
        char path[KUBE_PATH_MAX];
        struct error ignored = {0};
        size_t i;
        json_t *one;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        (void)snprintf(rest, sizeof(rest),
                       "?fieldSelector=involvedObject.name%%3D%s%%2Ctype%%3DWarning", object);
        kubernetes_path(job->it, "v1", "events", rest, path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "listing events",
                                       .timeout_ms = EVENTS_MS,
                                       .cancel_fd = job->call->cancel_fd};
        if (kube_do(job->client, &call, &reply, &ignored) < 0)
                return;
        json_array_foreach(json_object_get(reply.body, "items"), i, one)
        {
                const char *reason = json_get_string(one, "reason");
                const char *message = json_get_string(one, "message");
                if (reason && message)
                        (void)snprintf(out, size, "%s: %s", reason, message);
        }
}

static int image_trouble(const struct kubernetes_job *job, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "the runner's image %s cannot be had in the cluster: %s; push it to where "
                         "the nodes pull from, load it onto them, or set kubernetes_image",
                         job->it->settings.image, job->pod.why);
}

int kubernetes_job_stuck(struct kubernetes_job *job, struct error *err)
{
        struct pod_state *pod = &job->pod;
        const char *trouble = "";
        if (!*pod->why)
                last_warning(job, *pod->name ? pod->name : job->name, pod->why, sizeof(pod->why));
        if (pod->is_image)
                return image_trouble(job, err);
        if (strstr(pod->why, "exceeded quota"))
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "the quota of the cluster's namespace leaves no room for the "
                                 "runner's pod; try again later, or raise it: %s",
                                 pod->why);
        if (pod->is_room)
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "no node of the cluster has room for the runner's pod; try again "
                                 "later, ask for less memory (--memory-mb), or add nodes: %s",
                                 pod->why);
        trouble = *pod->why ? pod->why : "the cluster gives no reason";
        if (pod->phase == POD_HOPELESS)
                return error_set(err, ERROR_IO, "the runner's pod cannot start: %s", trouble);
        if (pod->is_unplaced)
                return error_set(err, ERROR_IO,
                                 "no node of the cluster takes the runner's pod; look at "
                                 "nodeSelector, tolerations, affinity and volumes in the pod "
                                 "template (kubernetes_template): %s",
                                 trouble);
        return error_set(err, ERROR_RUNNER_TIMEOUT,
                         "the runner's pod did not start within %lld s (kubernetes_start_s): %s",
                         (long long)job->it->settings.start_ms / 1000, trouble);
}

/* ---- how it ended ---- */

int kubernetes_job_ask_fate(const struct kubernetes_job *job, struct error *err)
{
        size_t i;
        json_t *one;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        int r = kubernetes_get(job->it, job->client, JOBS, job->name, job->call->cancel_fd, &reply,
                               err);
        if (r < 0)
                return r;
        if (reply.status == 404)
                return 2;
        json_array_foreach(json_object_get(json_object_get(reply.body, "status"), "conditions"), i,
                           one)
        {
                const char *reason = json_get_string(one, "reason");
                if (reason && strcmp(reason, "DeadlineExceeded") == 0)
                        return 1;
        }
        return 0;
}

/* Its pod was deleted, which a Job does at its deadline; it says so a little later. A bare pod has
 * none to be asked. */
int kubernetes_job_deleted(const struct kubernetes_job *job, struct error *err)
{
        int64_t until_us = clock_monotonic_us() + WAIT_MS * 1000;
        int fate = job->is_bare ? 3 : kubernetes_job_ask_fate(job, err);
        while (fate == 0 && clock_monotonic_us() < until_us) {
                if (http_wait(job->call->cancel_fd, PAUSE_MS))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                fate = kubernetes_job_ask_fate(job, err);
        }
        if (fate < 0)
                return fate;
        if (fate == 1)
                return error_set(err, ERROR_RUNNER_TIMEOUT,
                                 "the run's Job had its time (activeDeadlineSeconds), and the "
                                 "cluster ended it");
        return error_set(
                err, ERROR_IO,
                "the run's %s was deleted in the cluster before it ended (%s), and the run "
                "is lost; run it again",
                fate == 2 ? "Job" : "pod",
                *job->pod.why ? job->pod.why : "by hand, or because its node was drained");
}

static const char *last_words(struct buf *said)
{
        size_t from = said->len > WORDS_MAX ? said->len - WORDS_MAX : 0;
        for (size_t i = 0; i < said->len; i++)
                if ((unsigned char)said->data[i] < ' ' || said->data[i] == 0x7f)
                        said->data[i] = ' ';
        while (said->len > from && said->data[said->len - 1] == ' ')
                said->data[--said->len] = '\0';
        return buf_text(said) + from;
}

int kubernetes_job_died(const struct kubernetes_job *job, struct buf *said, struct error *err)
{
        const struct pod_state *pod = &job->pod;
        if (pod->is_oom)
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "the runner's pod needed more memory than it may and was killed; "
                                 "allow more with --memory-mb (it is %lld), or ask for less",
                                 (long long)job->call->memory_mb);
        if (pod->is_room)
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "the node of the runner's pod ran short of something, and ended "
                                 "it; run it again: %s",
                                 pod->why);
        if (pod->is_late)
                return error_set(err, ERROR_RUNNER_TIMEOUT,
                                 "the runner's pod had its time (activeDeadlineSeconds), and the "
                                 "cluster ended it");
        if (pod->is_going)
                return kubernetes_job_deleted(job, err);
        const char *words = last_words(said);
        if (pod->exit_code < 0)
                return error_set(err, ERROR_IO, "the runner's pod failed: %s",
                                 *pod->why ? pod->why : "the cluster gives no reason");
        if (pod->exit_code == EXIT_USAGE)
                return error_set(err, ERROR_IO,
                                 "the runner in the pod cannot use what it is given (%s); its "
                                 "image must be of this version (kubernetes_image), and the pod "
                                 "template must give it the datasets, readable for its user, "
                                 "where they are here (kubernetes_template)",
                                 words);
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the runner's pod ended with exit status %d%s%s%s%s%s", pod->exit_code,
                         *pod->why ? " (" : "", pod->why, *pod->why ? ")" : "", *words ? ": " : "",
                         words);
}
