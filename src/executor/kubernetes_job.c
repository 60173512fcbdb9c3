#include "executor/kubernetes_job.h"

#include "executor/away.h"
#include "executor/kubernetes_spec.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/watch.h"
#include "protocol/frame.h"

#include <stdio.h>
#include <string.h>

#define JOB_GRACE_S 15   /* from the pod's deadline to the Job's, for those that nobody watches */
#define LOG_WAIT_MS 3000 /* until a log has all that its container said */
#define LOG_PAUSE_MS 50
#define LISTEN_MS 15000 /* to a log, before the watch is looked at again */
#define GLANCE_MS 20
#define LOOK_MS 100 /* between two looks at a bare pod */
#define SAID_MAX 4096

/* ---- making it, and removing it ---- */

int kubernetes_job_init(struct kubernetes_job *job, const struct kubernetes *it,
                        const struct executor_call *call, struct kube_client *client,
                        struct error *err)
{
        *job = (struct kubernetes_job){.it = it,
                                       .call = call,
                                       .client = client,
                                       .owner = {.fd = -1},
                                       .pieces = kubernetes_pieces(&it->settings, call)};
        if (job->pieces > KUBERNETES_PIECES_MAX)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the request is too large to be run in the cluster");
        int r = owner_take(it->folder, &job->owner, err);
        if (r < 0)
                return error_prefix(err, r, "the folder for the locks of Jobs");
        (void)snprintf(job->name, sizeof(job->name), KUBERNETES_NAME_PREFIX "%s", job->owner.id);
        return 0;
}

void kubernetes_job_done(struct kubernetes_job *job)
{
        struct error ignored = {0};
        int r = 0;
        if (job->is_asked)
                r = kubernetes_remove_all(job->it, job->client, job->owner.id, job->pieces,
                                          &ignored);
        if (r >= 0 && (!job->is_unsure || (size_t)r == job->pieces + 1))
                owner_release(job->it->folder, &job->owner);
        else
                cleanup_close(&job->owner.fd);
}

/* What was refused was not made. */
static int job_ask(struct kubernetes_job *job, const char *path, json_t *object, const char *doing,
                   struct error *err)
{
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        int r = kubernetes_create(job->client, path, object, doing, job->call->cancel_fd, &reply,
                                  err);
        bool is_refused = reply.status / 100 == 4 && !reply.is_again;
        job->is_asked |= r == 0 || (reply.is_sent && !is_refused);
        job->is_unsure |= r < 0 && reply.is_sent && !is_refused;
        return r;
}

static int make_secrets(struct kubernetes_job *job, const struct kubernetes_spec *spec,
                        struct error *err)
{
        char path[KUBE_PATH_MAX];
        kubernetes_path(job->it, SECRETS, "", path);
        for (size_t i = 0; i < job->pieces; i++) {
                int r = job_ask(job, path, kubernetes_secret(spec, i),
                                "making a Secret for the request", err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int kubernetes_job_make(struct kubernetes_job *job, const char *const *arguments, struct error *err)
{
        const struct kubernetes *it = job->it;
        const struct executor_call *call = job->call;
        int64_t run_ms = away_patience_ms(call);
        const struct kubernetes_spec spec = {.settings = &it->settings,
                                             .pod_template = it->pod_template,
                                             .call = call,
                                             .arguments = arguments,
                                             .owner = job->owner.id,
                                             .active_s = (it->settings.start_ms + run_ms) / 1000 +
                                                         JOB_GRACE_S,
                                             .pieces = job->pieces};
        char path[KUBE_PATH_MAX];
        kubernetes_path(it, JOBS, "", path);
        int r = make_secrets(job, &spec, err);
        if (r == 0)
                r = job_ask(job, path, kubernetes_job(&spec), "making a Job", err);
        job->start_by_us = clock_monotonic_us() + it->settings.start_ms * 1000;
        job->end_by_us = job->start_by_us + run_ms * 1000;
        return r;
}

/* ---- listening to it ---- */

/* Where a response begins: at the start of a line. */
static const char *find_frame(const struct buf *text)
{
        static const char start[] = "askcsv response ";
        const char *at = buf_text(text);
        while (at && strncmp(at, start, sizeof(start) - 1) != 0) {
                at = strchr(at, '\n');
                at = at ? at + 1 : NULL;
        }
        return at;
}

int kubernetes_take_response(const char *text, size_t n, const struct executor_call *call,
                             struct buf *response, struct error *err)
{
        struct frame frame;
        int r = frame_parse(text, n, (size_t)call->max_response_bytes, ERROR_RUNNER_OUTPUT_EXCEEDED,
                            &frame, err);
        if (r <= 0)
                return r;
        if (strcmp(frame.name, "response") != 0)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's pod gave a frame \"%s\" for its response",
                                 frame.name);
        buf_append(response, frame.body, frame.body_bytes);
        buf_putc(response, '\n');
        r = buf_error(response, err, "the runner's response");
        return r < 0 ? r : 1;
}

static int take_response(const struct kubernetes_job *job, const struct buf *text,
                         struct buf *response, struct error *err)
{
        const char *at = find_frame(text);
        return at ? kubernetes_take_response(at, text->len - (size_t)(at - text->data), job->call,
                                             response, err)
                  : 0;
}

static size_t log_bytes_max(const struct kubernetes_job *job)
{
        return FRAME_SIZE((size_t)job->call->max_response_bytes) + SAID_MAX;
}

struct listening {
        const struct kubernetes_job *job;
        int r; /* of take_response */
        struct error *err;
};

static bool has_response(const struct buf *text, void *data)
{
        struct listening *listening = data;
        listening->r =
                take_response(listening->job, text, listening->job->response, listening->err);
        return listening->r != 0;
}

static void log_path(const struct kubernetes_job *job, const char *more, char out[KUBE_PATH_MAX])
{
        char rest[400];
        (void)snprintf(rest, sizeof(rest), "/%s/log?container=" KUBERNETES_CONTAINER "%s",
                       job->pod.name, more);
        kubernetes_path(job->it, PODS, rest, out);
}

/* Follows the log of a runner that runs: a node tells of a container's end up to a second after
 * it, and the response is there before. 1: it is whole. 0: not so far; what failed here shows once
 * the pod has ended. */
static int job_listen(struct kubernetes_job *job, struct error *err)
{
        char path[KUBE_PATH_MAX];
        struct error why = {0};
        struct listening listening = {.job = job, .err = err};
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        int64_t now_us = clock_monotonic_us();
        int64_t left_ms = (job->end_by_us - now_us) / 1000;
        log_path(job, "&follow=true", path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "reading the runner's log",
                                       .timeout_ms = left_ms < LISTEN_MS ? left_ms : LISTEN_MS,
                                       .cancel_fd = job->call->cancel_fd,
                                       .max_bytes = log_bytes_max(job),
                                       .is_enough = has_response,
                                       .data = &listening};
        int r = kube_ask(job->client, &call, &reply, &why);
        if (listening.r != 0)
                return listening.r;
        if (r == -(int)ERROR_CANCELLED) {
                *err = why;
                return r;
        }
        job->is_log_over = clock_monotonic_us() < now_us + call.timeout_ms * 1000;
        return 0;
}

/* ---- following it ---- */

static int late(struct kubernetes_job *job, const struct kube_watch *watch, struct error *err)
{
        const char *trouble = kube_watch_trouble(watch);
        if (*trouble)
                return error_set(err, ERROR_IO,
                                 "the cluster was lost sight of, and the run with it; run it again "
                                 "once it is back: %.900s",
                                 trouble);
        if (job->pod.phase != POD_RUNNING)
                return kubernetes_job_stuck(job, err);
        return error_set(err, ERROR_RUNNER_TIMEOUT,
                         "the runner did not end by itself at its deadline; its pod is removed");
}

/* Waiting for the next try to get an image, it does not say any more why the last one failed. */
static void keep_cause(const struct pod_state *before, struct pod_state *now)
{
        static const char failed[] = "ErrImagePull";
        if (now->is_image && strncmp(before->why, failed, sizeof(failed) - 1) == 0)
                (void)snprintf(now->why, sizeof(now->why), "%s", before->why);
}

/* 1: the pod has ended. */
static int take(struct kubernetes_job *job, const struct kube_event *event, struct error *err)
{
        struct pod_state state;
        switch (event->kind) {
        case KUBE_PRESENT:
                pod_read(event->object, &state);
                if (state.phase == POD_RUNNING && job->pod.phase != POD_RUNNING)
                        job->end_by_us = clock_monotonic_us() + away_patience_ms(job->call) * 1000;
                keep_cause(&job->pod, &state);
                job->pod = state;
                if (state.phase == POD_HOPELESS)
                        return kubernetes_job_stuck(job, err);
                return state.phase == POD_ENDED;
        case KUBE_DELETED:
                return kubernetes_job_deleted(job, err);
        case KUBE_RESTARTED:
                return kubernetes_job_ask_fate(job, err) == 2 ? kubernetes_job_deleted(job, err)
                                                              : 0;
        default:
                return 0;
        }
}

/* 1: its response is there; 0: its pod has ended. */
static int follow(struct kubernetes_job *job, struct kube_watch *watch, struct error *err)
{
        for (;;) {
                struct kube_event event = {.kind = KUBE_QUIET};
                bool is_running = job->pod.phase == POD_RUNNING;
                int64_t deadline_us = is_running ? job->end_by_us : job->start_by_us;
                int64_t until_us = deadline_us;
                int r = 0;
                if (is_running && !job->is_log_over) {
                        r = job_listen(job, err);
                        if (r != 0)
                                return r;
                        if (!job->is_log_over)
                                until_us = clock_monotonic_us() + GLANCE_MS * 1000;
                }
                r = kube_watch_next(watch, until_us, job->call->cancel_fd, &event, err);
                if (r == 0 && event.kind != KUBE_QUIET)
                        r = take(job, &event, err);
                else if (r == 0 && clock_monotonic_us() >= deadline_us)
                        r = late(job, watch, err);
                json_decref(event.object);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

int kubernetes_job_follow(struct kubernetes_job *job, struct error *err)
{
        char rest[200];
        char path[KUBE_PATH_MAX];
        struct kube_watch *watch = NULL;
        (void)snprintf(rest, sizeof(rest), "?labelSelector=askcsv.dev%%2Fowner%%3D%s",
                       job->owner.id);
        kubernetes_path(job->it, PODS, rest, path);
        int r = kube_watch_new(job->it->server, path, &watch, err);
        if (r == 0)
                r = follow(job, watch, err);
        kube_watch_free(watch);
        return r;
}

/* ---- its answer ---- */

static int read_log(const struct kubernetes_job *job, struct kube_reply *reply, struct error *err)
{
        char path[KUBE_PATH_MAX];
        log_path(job, "", path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "reading the runner's log",
                                       .timeout_ms = job->it->settings.start_ms,
                                       .cancel_fd = job->call->cancel_fd,
                                       .max_bytes = log_bytes_max(job)};
        int r = kube_ask(job->client, &call, reply, err);
        if (r == 0 && reply->status == 404)
                return kubernetes_job_deleted(job, err);
        if (r == 0 && reply->status != 200)
                return kube_refused(job->client, &call, reply, err);
        return r;
}

/* 1: a pod that was ready has ended without ever having had the request. */
static int not_whole(const struct kubernetes_job *job, const struct buf *text, struct error *err)
{
        static const char ready[] = "askcsv ready ";
        if (job->is_bare && !find_frame(text) &&
            strncmp(buf_text(text), ready, sizeof(ready) - 1) == 0)
                return 1;
        if (text->len == 0)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's pod %s ended without a response", job->pod.name);
        return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                         "the answer is not whole in the log of the runner's pod (%zu bytes are "
                         "there): its node keeps no more of a log (containerLogMaxSize of the "
                         "kubelet); ask for less, or lower max_output_bytes",
                         text->len);
}

/* A container's end may be known before the last of its log is. */
int kubernetes_job_answer(const struct kubernetes_job *job, bool any_exit_status,
                          struct buf *response, struct error *err)
{
        int64_t until_us = clock_monotonic_us() + LOG_WAIT_MS * 1000;
        bool is_well = job->pod.exit_code == 0 || (any_exit_status && job->pod.exit_code > 0);
        if (job->pod.exit_code < 0 || (!is_well && job->pod.is_oom))
                return kubernetes_job_died(job, &(struct buf){0}, err);
        for (;;) {
                _cleanup_(kube_reply_done) struct kube_reply reply = {0};
                int r = read_log(job, &reply, err);
                if (r < 0)
                        return r;
                if (!is_well)
                        return kubernetes_job_died(job, &reply.text, err);
                r = take_response(job, &reply.text, response, err);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (clock_monotonic_us() >= until_us)
                        return not_whole(job, &reply.text, err);
                if (http_wait(job->call->cancel_fd, LOG_PAUSE_MS))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
        }
}

/* 1: it has ended. */
static int look_at_pod(struct kubernetes_job *job, struct error *err)
{
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        int r = kubernetes_get(job->it, job->client, PODS, job->name, job->call->cancel_fd, &reply,
                               err);
        if (r < 0)
                return r;
        if (reply.status == 404)
                return kubernetes_job_deleted(job, err);
        pod_read(reply.body, &job->pod);
        return job->pod.phase == POD_ENDED;
}

/* Now and then: it is seldom that an attached pod is lost, and then mostly because it has ended. */
static int outlive(struct kubernetes_job *job, struct buf *response, struct error *err)
{
        int r;
        while ((r = look_at_pod(job, err)) == 0) {
                if (clock_monotonic_us() >= job->end_by_us)
                        return error_set(err, ERROR_RUNNER_TIMEOUT,
                                         "the runner did not end by itself at its deadline; its "
                                         "pod is removed");
                if (http_wait(job->call->cancel_fd, LOOK_MS))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
        }
        return r < 0 ? r : kubernetes_job_answer(job, false, response, err);
}

int kubernetes_outlive(const struct kubernetes *it, const struct executor_call *call,
                       const char *owner, struct buf *response, struct error *err)
{
        struct kubernetes_job job = {.it = it, .call = call, .is_bare = true, .owner = {.fd = -1}};
        (void)snprintf(job.name, sizeof(job.name), KUBERNETES_NAME_PREFIX "%s", owner);
        job.end_by_us = clock_monotonic_us() + away_patience_ms(call) * 1000;
        int r = kube_client_new(it->server, &job.client, err);
        if (r == 0)
                r = outlive(&job, response, err);
        kube_client_free(job.client);
        return r;
}
