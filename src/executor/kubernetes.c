/* The runner as a Job of its own in a Kubernetes cluster, for each call.
 *
 * A call: the owner's lock, Secrets for a large request, the Job, its pod watched until the runner
 * has ended, the response out of the pod's log, everything removed. All is named after the owner,
 * whose lock file (src/base/owner.h) goes when all that has gone; a lock file that nobody holds
 * names what a process that died may have left behind, and the next call removes it. In a pod of
 * ours that pod owns it too, so that it goes with the server, wherever the lock files are. And a
 * Job whose time is over is ended and removed by the cluster itself.
 *
 * SQL is checked by the runner on this machine (executor_checks_first), so that what is refused
 * never gets here. */
#include "executor/backend.h"
#include "executor/kubernetes_pod.h"
#include "executor/kubernetes_spec.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/owner.h"
#include "kube/api.h"
#include "kube/server.h"
#include "kube/watch.h"
#include "protocol/frame.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "jobs" /* in $ASKCSV_HOME: the owners' locks */
#define IMAGE_NAME_MAX 400
#define ASK_MS 15000    /* for each call of the API server */
#define REMOVE_MS 10000 /* for removing, which nobody waits for gladly */
/* From the run's deadline to that of the pod, whose process may begin late, and of the Job, which
 * is there for those whom nobody watches any more. */
#define GRACE_MS 5000
#define JOB_GRACE_S 15
#define PROBE_MS 30000
#define FORGET_S 600     /* a call that timed out may still be carried out for so long */
#define LOG_WAIT_MS 3000 /* until a log has all that its container said */
#define LOG_PAUSE_MS 50
#define FATE_WAIT_MS 3000 /* until a Job says why its pod was deleted */
#define FATE_PAUSE_MS 100
#define SAID_MAX 4096
#define WORDS_MAX 600

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
};

/* ---- opening ---- */

static void kubernetes_free(struct executor *executor)
{
        struct kubernetes *it = (struct kubernetes *)executor;
        executor_free(it->local);
        for (size_t i = 0; i < ARRAY_SIZE(it->strings); i++)
                free(it->strings[i]);
        kube_server_free(it->server);
        json_decref(it->pod_template);
        free(it->folder);
        free(it->data_root);
        free(it);
}

static int copy_settings(struct kubernetes *it, const struct executor_kubernetes *from,
                         struct error *err)
{
        const char *const texts[] = {from->config, from->context, from->namespace_,
                                     from->image && *from->image ? from->image
                                                                 : EXECUTOR_KUBERNETES_IMAGE,
                                     from->pod_template};
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                it->strings[i] = alloc_strdup(texts[i] ? texts[i] : "");
                if (!it->strings[i])
                        return error_oom(err);
        }
        it->settings = *from;
        it->settings.config = it->strings[0];
        it->settings.context = it->strings[1];
        it->settings.namespace_ = it->strings[2];
        it->settings.image = it->strings[3];
        it->settings.pod_template = it->strings[4];
        if (it->settings.start_ms <= 0)
                it->settings.start_ms = EXECUTOR_KUBERNETES_START_MS;
        if (strlen(it->settings.image) > IMAGE_NAME_MAX)
                return error_set(err, ERROR_USAGE, "kubernetes_image is too long");
        return 0;
}

static int open_cluster(struct kubernetes *it, struct error *err)
{
        const struct kube_settings settings = {.config = it->settings.config,
                                               .context = it->settings.context,
                                               .namespace_ = it->settings.namespace_};
        int r = kube_server_open(&settings, &it->server, err);
        if (r == 0)
                r = kubernetes_template_read(it->settings.pod_template, &it->pod_template, err);
        if (r == 0)
                (void)snprintf(it->place, sizeof(it->place), "image %s in namespace %s at %s",
                               it->settings.image, it->server->namespace_, it->server->url);
        return r;
}

static int set_folder(struct kubernetes *it, const char *home, struct error *err)
{
        char folder[PATH_MAX];
        if (!home || snprintf(folder, sizeof(folder), "%s/" FOLDER, home) >= PATH_MAX)
                return error_set(err, ERROR_USAGE,
                                 "the kubernetes executor needs a home folder; set ASKCSV_HOME");
        it->folder = alloc_strdup(folder);
        return it->folder ? 0 : error_oom(err);
}

static int kubernetes_open(const struct executor_settings *settings, const char *data_root,
                           struct executor **ret, struct error *err)
{
        struct kubernetes *it = alloc_calloc(1, sizeof(*it));
        if (!it)
                return error_oom(err);
        it->base.ops = &executor_kubernetes_ops;
        it->data_root = alloc_strdup(data_root);
        int r = it->data_root ? copy_settings(it, &settings->kubernetes, err) : error_oom(err);
        if (r == 0)
                r = set_folder(it, settings->host.home, err);
        if (r == 0)
                r = open_cluster(it, err);
        if (r == 0)
                r = executor_open("local", settings->runner, data_root, &it->local, err);
        if (r < 0)
                kubernetes_free(&it->base);
        else
                *ret = &it->base;
        return r;
}

static int kubernetes_use_host(struct executor *executor, const struct executor_host *host,
                               struct error *err)
{
        return executor_use_host(((struct kubernetes *)executor)->local, host, err);
}

/* No Job: there must be none before the SQL was checked. */
static int kubernetes_prepare(struct executor *executor, struct error *err)
{
        return executor_prepare(((struct kubernetes *)executor)->local, err);
}

/* ---- calls about objects of the namespace ---- */

#define JOBS "batch/v1", "jobs"
#define PODS "v1", "pods"
#define SECRETS "v1", "secrets"

/* "/apis/batch/v1/namespaces/x/jobs" and what follows. */
static void path_of(const struct kubernetes *it, const char *group, const char *kind,
                    const char *rest, char out[KUBE_PATH_MAX])
{
        (void)snprintf(out, KUBE_PATH_MAX, "/%s/%s/namespaces/%s/%s%s",
                       strchr(group, '/') ? "apis" : "api", group, it->server->namespace_, kind,
                       rest);
}

static int create(struct kube_client *client, const char *path, json_t *object, const char *doing,
                  int cancel_fd, struct kube_reply *reply, struct error *err)
{
        _cleanup_json_ json_t *mine = object;
        _cleanup_buf_ struct buf body = {0};
        buf_init(&body, (size_t)4 * 1024 * 1024);
        int r = mine ? json_put(mine, &body, err) : error_oom(err);
        if (r == 0)
                r = buf_error(&body, err, "what the cluster is to make");
        if (r < 0)
                return r;
        const struct kube_call call = {.method = "POST",
                                       .path = path,
                                       .body = buf_text(&body),
                                       .doing = doing,
                                       .timeout_ms = ASK_MS,
                                       .cancel_fd = cancel_fd};
        r = kube_ask(client, &call, reply, err);
        if (r < 0)
                return r;
        if (reply->status == 409 && reply->is_again)
                return 0; /* an earlier attempt did it */
        if (reply->status == 403 && strstr(buf_text(&reply->text), "exceeded quota"))
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "the quota of the cluster's namespace leaves no room for this run "
                                 "(%s); try again later, or raise it: %.700s",
                                 doing, json_get_string(reply->body, "message"));
        return reply->status / 100 == 2 ? 0 : kube_refused(client, &call, reply, err);
}

/* 1: it is gone, or going; 0: there was none; negative: err. */
static int remove_object(const struct kubernetes *it, struct kube_client *client, const char *group,
                         const char *kind, const char *name, struct error *err)
{
        char rest[300];
        char path[KUBE_PATH_MAX];
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        (void)snprintf(rest, sizeof(rest), "/%s?propagationPolicy=Background", name);
        path_of(it, group, kind, rest, path);
        const struct kube_call call = {.method = "DELETE",
                                       .path = path,
                                       .doing = "removing what a run was made of",
                                       .timeout_ms = REMOVE_MS,
                                       .cancel_fd = -1};
        int r = kube_ask(client, &call, &reply, err);
        if (r < 0 || reply.status == 404)
                return r;
        return reply.status / 100 == 2 ? 1 : kube_refused(client, &call, &reply, err);
}

/* ---- what was left behind ---- */

/* All that is named after an owner; a sum of what was there. */
static int remove_all(const struct kubernetes *it, struct kube_client *client, const char *owner,
                      size_t pieces, struct error *err)
{
        char name[64];
        (void)snprintf(name, sizeof(name), KUBERNETES_NAME_PREFIX "%s", owner);
        int removed = remove_object(it, client, JOBS, name, err);
        for (size_t i = 0; i < pieces && removed >= 0; i++) {
                kubernetes_secret_name(owner, i, name);
                int r = remove_object(it, client, SECRETS, name, err);
                removed = r < 0 ? r : removed + r;
        }
        return removed;
}

struct tidying {
        const struct kubernetes *it;
        struct kube_client *client;
        size_t removed;
        int r;
        struct error *err;
};

static bool is_recent(int fd)
{
        struct stat st;
        return fd >= 0 && fstat(fd, &st) == 0 && clock_utc_ms() / 1000 - st.st_mtime < FORGET_S;
}

static void tidy_one(const char *id, int fd, void *data)
{
        struct tidying *tidying = data;
        int r = tidying->r;
        if (r >= 0)
                r = remove_all(tidying->it, tidying->client, id, KUBERNETES_PIECES_MAX,
                               tidying->err);
        if (r > 0)
                tidying->removed++;
        if (r > 0 || (r == 0 && !is_recent(fd)))
                owner_bury(tidying->it->folder, id, fd);
        else
                cleanup_close(&fd); /* to be found again */
        if (r < 0)
                tidying->r = r;
}

/* What owners that are gone have left. Asks the cluster only if there are such owners. */
static int tidy(const struct kubernetes *it, struct kube_client *client, size_t *ret_removed,
                struct error *err)
{
        struct tidying tidying = {.it = it, .client = client, .err = err};
        owner_each_gone(it->folder, tidy_one, &tidying);
        *ret_removed += tidying.removed;
        return tidying.r;
}

static int kubernetes_recover(const struct executor_settings *settings, size_t *ret_removed,
                              struct error *err)
{
        struct executor *executor = NULL;
        struct kube_client *client = NULL;
        int r = kubernetes_open(settings, "/", &executor, err);
        if (r < 0)
                return r;
        const struct kubernetes *it = (struct kubernetes *)executor;
        r = kube_client_new(it->server, &client, err);
        if (r == 0)
                r = tidy(it, client, ret_removed, err);
        kube_client_free(client);
        executor_free(executor);
        return r;
}

/* ---- one Job ---- */

struct job {
        const struct kubernetes *it;
        const struct executor_call *call;
        struct kube_client *client;
        struct owner owner;
        char name[64];
        size_t pieces;
        bool is_asked; /* something of it may be in the cluster */
        struct pod_state pod;
        int64_t start_by_us; /* the runner has begun by then, or is given up */
        int64_t end_by_us;
};

static int job_init(struct job *job, const struct kubernetes *it, const struct executor_call *call,
                    struct kube_client *client, struct error *err)
{
        *job = (struct job){.it = it,
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

/* Whatever happens all of it goes; what cannot be removed just now is left to tidy(). */
static void job_done(struct job *job)
{
        struct error ignored = {0};
        int r = 0;
        if (job->is_asked)
                r = remove_all(job->it, job->client, job->owner.id, job->pieces, &ignored);
        if (r > 0 || (r == 0 && !job->is_asked))
                owner_release(job->it->folder, &job->owner);
        else
                cleanup_close(&job->owner.fd);
}

static int make_secrets(struct job *job, const struct kubernetes_spec *spec, struct error *err)
{
        char path[KUBE_PATH_MAX];
        path_of(job->it, SECRETS, "", path);
        for (size_t i = 0; i < job->pieces; i++) {
                _cleanup_(kube_reply_done) struct kube_reply reply = {0};
                int r = create(job->client, path, kubernetes_secret(spec, i),
                               "making a Secret for the request", job->call->cancel_fd, &reply,
                               err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int job_make(struct job *job, const char *const *arguments, struct error *err)
{
        const struct kubernetes *it = job->it;
        const struct executor_call *call = job->call;
        int64_t run_ms = call->timeout_ms + EXECUTOR_GRACE_MS + GRACE_MS;
        const struct kubernetes_spec spec = {.settings = &it->settings,
                                             .pod_template = it->pod_template,
                                             .call = call,
                                             .arguments = arguments,
                                             .owner = job->owner.id,
                                             .active_s = (it->settings.start_ms + run_ms) / 1000 +
                                                         JOB_GRACE_S,
                                             .pieces = job->pieces};
        char path[KUBE_PATH_MAX];
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        path_of(it, JOBS, "", path);
        job->is_asked = true;
        int r = make_secrets(job, &spec, err);
        if (r == 0)
                r = create(job->client, path, kubernetes_job(&spec), "making a Job",
                           call->cancel_fd, &reply, err);
        job->start_by_us = clock_monotonic_us() + it->settings.start_ms * 1000;
        job->end_by_us = job->start_by_us + run_ms * 1000;
        return r;
}

/* ---- what holds it up ---- */

/* The last warning about an object, as "Reason: message"; "" when there is none. */
static void last_warning(const struct job *job, const char *object, char *out, size_t size)
{
        char rest[400];
        char path[KUBE_PATH_MAX];
        struct error ignored = {0};
        size_t i;
        json_t *one;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        (void)snprintf(rest, sizeof(rest),
                       "?fieldSelector=involvedObject.name%%3D%s%%2Ctype%%3DWarning", object);
        path_of(job->it, "v1", "events", rest, path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "listing events",
                                       .timeout_ms = REMOVE_MS,
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

static int image_trouble(const struct job *job, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "the runner's image %s cannot be had in the cluster: %s; push it to where "
                         "the nodes pull from, load it onto them, or set kubernetes_image",
                         job->it->settings.image, job->pod.why);
}

static int stuck(struct job *job, struct error *err)
{
        struct pod_state *pod = &job->pod;
        const char *trouble = "";
        if (!*pod->why)
                last_warning(job, *pod->name ? pod->name : job->name, pod->why, sizeof(pod->why));
        if (strstr(pod->why, "mage"))
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
        return error_set(err, ERROR_RUNNER_TIMEOUT,
                         "the runner's pod did not start within %lld s (kubernetes_start_s): %s",
                         (long long)job->it->settings.start_ms / 1000, trouble);
}

/* ---- how it ended ---- */

/* 1: the Job says that its time was over; 2: there is no such Job; 0: neither. */
static int ask_job(const struct job *job, struct error *err)
{
        char rest[128];
        char path[KUBE_PATH_MAX];
        size_t i;
        json_t *one;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        (void)snprintf(rest, sizeof(rest), "/%s", job->name);
        path_of(job->it, JOBS, rest, path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "looking at the run's Job",
                                       .timeout_ms = ASK_MS,
                                       .cancel_fd = job->call->cancel_fd};
        int r = kube_ask(job->client, &call, &reply, err);
        if (r < 0)
                return r;
        if (reply.status == 404)
                return 2;
        if (reply.status != 200)
                return kube_refused(job->client, &call, &reply, err);
        json_array_foreach(json_object_get(json_object_get(reply.body, "status"), "conditions"), i,
                           one)
        {
                const char *reason = json_get_string(one, "reason");
                if (reason && strcmp(reason, "DeadlineExceeded") == 0)
                        return 1;
        }
        return 0;
}

/* Its pod was deleted, which a Job does at its deadline; it says so a little later. */
static int deleted(const struct job *job, struct error *err)
{
        int64_t until_us = clock_monotonic_us() + FATE_WAIT_MS * 1000;
        int fate = ask_job(job, err);
        while (fate == 0 && clock_monotonic_us() < until_us) {
                if (http_wait(job->call->cancel_fd, FATE_PAUSE_MS))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                fate = ask_job(job, err);
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

/* It ended, and not well. */
static int died(const struct job *job, struct buf *said, struct error *err)
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
        if (pod->is_going)
                return deleted(job, err);
        const char *words = last_words(said);
        if (pod->exit_code < 0)
                return error_set(err, ERROR_IO, "the runner's pod failed: %s",
                                 *pod->why ? pod->why : "the cluster gives no reason");
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the runner's pod ended with exit status %d%s%s%s%s%s", pod->exit_code,
                         *pod->why ? " (" : "", pod->why, *pod->why ? ")" : "", *words ? ": " : "",
                         words);
}

/* ---- following it ---- */

static int late(struct job *job, const struct kube_watch *watch, struct error *err)
{
        const char *trouble = kube_watch_trouble(watch);
        if (*trouble)
                return error_set(err, ERROR_IO,
                                 "the cluster was lost sight of, and the run with it; run it again "
                                 "once it is back: %.900s",
                                 trouble);
        if (job->pod.phase != POD_RUNNING)
                return stuck(job, err);
        return error_set(err, ERROR_RUNNER_TIMEOUT,
                         "the runner did not end by itself at its deadline; its pod is removed");
}

/* 1: the pod has ended. */
static int take(struct job *job, const struct kube_event *event, struct error *err)
{
        struct pod_state state;
        switch (event->kind) {
        case KUBE_PRESENT:
                pod_read(event->object, &state);
                if (state.phase == POD_RUNNING && job->pod.phase != POD_RUNNING)
                        job->end_by_us =
                                clock_monotonic_us() +
                                (job->call->timeout_ms + EXECUTOR_GRACE_MS + GRACE_MS) * 1000;
                job->pod = state;
                if (state.phase == POD_HOPELESS)
                        return stuck(job, err);
                return state.phase == POD_ENDED;
        case KUBE_DELETED:
                return deleted(job, err);
        case KUBE_RESTARTED:
                return ask_job(job, err) == 2 ? deleted(job, err) : 0;
        default:
                return 0;
        }
}

static int follow(struct job *job, struct kube_watch *watch, struct error *err)
{
        for (;;) {
                struct kube_event event = {.kind = KUBE_QUIET};
                int64_t until_us =
                        job->pod.phase == POD_RUNNING ? job->end_by_us : job->start_by_us;
                int r = kube_watch_next(watch, until_us, job->call->cancel_fd, &event, err);
                if (r == 0 && event.kind == KUBE_QUIET)
                        r = late(job, watch, err);
                else if (r == 0)
                        r = take(job, &event, err);
                json_decref(event.object);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

static int job_follow(struct job *job, struct error *err)
{
        char rest[200];
        char path[KUBE_PATH_MAX];
        struct kube_watch *watch = NULL;
        (void)snprintf(rest, sizeof(rest), "?labelSelector=askcsv.dev%%2Fowner%%3D%s",
                       job->owner.id);
        path_of(job->it, PODS, rest, path);
        int r = kube_watch_new(job->it->server, path, &watch, err);
        if (r == 0)
                r = follow(job, watch, err);
        kube_watch_free(watch);
        return r;
}

/* ---- its answer ---- */

static int read_log(const struct job *job, struct kube_reply *reply, struct error *err)
{
        char rest[400];
        char path[KUBE_PATH_MAX];
        (void)snprintf(rest, sizeof(rest), "/%s/log?container=" KUBERNETES_CONTAINER,
                       job->pod.name);
        path_of(job->it, PODS, rest, path);
        const struct kube_call call = {
                .method = "GET",
                .path = path,
                .doing = "reading the runner's log",
                .timeout_ms = job->it->settings.start_ms,
                .cancel_fd = job->call->cancel_fd,
                .max_bytes = FRAME_SIZE((size_t)job->call->max_response_bytes) + SAID_MAX};
        return kube_do(job->client, &call, reply, err);
}

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

/* 1: the response was there, whole; 0: not (yet). */
static int take_response(const struct job *job, const struct buf *text, struct buf *response,
                         struct error *err)
{
        struct frame frame;
        const char *at = find_frame(text);
        if (!at)
                return 0;
        int r = frame_parse(at, text->len - (size_t)(at - text->data),
                            (size_t)job->call->max_response_bytes, ERROR_RUNNER_OUTPUT_EXCEEDED,
                            &frame, err);
        if (r <= 0)
                return r;
        buf_append(response, frame.body, frame.body_bytes);
        buf_putc(response, '\n');
        r = buf_error(response, err, "the runner's response");
        return r < 0 ? r : 1;
}

static int not_whole(const struct job *job, const struct buf *text, struct error *err)
{
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
static int job_answer(const struct job *job, bool any_exit_status, struct buf *response,
                      struct error *err)
{
        int64_t until_us = clock_monotonic_us() + LOG_WAIT_MS * 1000;
        bool is_well = job->pod.exit_code == 0 || (any_exit_status && job->pod.exit_code > 0);
        if (job->pod.exit_code < 0)
                return died(job, &(struct buf){0}, err);
        for (;;) {
                _cleanup_(kube_reply_done) struct kube_reply reply = {0};
                int r = read_log(job, &reply, err);
                if (r < 0)
                        return r;
                if (!is_well)
                        return died(job, &reply.text, err);
                r = take_response(job, &reply.text, response, err);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (clock_monotonic_us() >= until_us)
                        return not_whole(job, &reply.text, err);
                if (http_wait(job->call->cancel_fd, LOG_PAUSE_MS))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
        }
}

static int run_in_cluster(const struct kubernetes *it, const struct executor_call *call,
                          const char *const *arguments, bool any_exit_status, struct buf *response,
                          struct error *err)
{
        struct job job;
        struct kube_client *client = NULL;
        size_t ignored = 0;
        buf_clear(response);
        int r = kube_client_new(it->server, &client, err);
        if (r == 0)
                r = tidy(it, client, &ignored, err);
        if (r == 0)
                r = job_init(&job, it, call, client, err);
        if (r == 0) {
                r = job_make(&job, arguments, err);
                if (r == 0)
                        r = job_follow(&job, err);
                if (r == 0)
                        r = job_answer(&job, any_exit_status, response, err);
                job_done(&job);
        }
        kube_client_free(client);
        return r;
}

/* What reads no table is done here: it would be the larger part of a Job to bring it there. */
static int kubernetes_run(struct executor *executor, const struct executor_call *call,
                          struct buf *response, struct error *err)
{
        const struct kubernetes *it = (struct kubernetes *)executor;
        const char *const arguments[] = {"--framed", "--data-root", it->data_root, NULL};
        if (call->only_check || call->n_files == 0)
                return executor_run(it->local, call, response, err);
        return run_in_cluster(it, call, arguments, false, response, err);
}

/* ---- what it says of itself ---- */

/* That the server is there, knows us, and lets us list Jobs. */
static int check_cluster(const struct kubernetes *it, struct error *err)
{
        char path[KUBE_PATH_MAX];
        struct kube_client *client = NULL;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        path_of(it, JOBS, "?limit=1", path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "listing Jobs",
                                       .timeout_ms = ASK_MS / 3,
                                       .cancel_fd = -1};
        int r = kube_client_new(it->server, &client, err);
        if (r == 0)
                r = kube_do(client, &call, &reply, err);
        kube_client_free(client);
        return r;
}

/* By --probe in a pod like those of runs. */
static int probe(const struct kubernetes *it, struct buf *answer, struct error *err)
{
        static const char *const arguments[] = {"--framed", "--probe", NULL};
        const struct executor_call call = {.request = "",
                                           .timeout_ms = PROBE_MS,
                                           .max_response_bytes = (int64_t)answer->max,
                                           .cancel_fd = -1,
                                           .memory_mb = 256,
                                           .threads = 1};
        return run_in_cluster(it, &call, arguments, true, answer, err);
}

static int kubernetes_ask(struct executor *executor, enum executor_question question,
                          struct buf *answer, struct error *err)
{
        const struct kubernetes *it = (struct kubernetes *)executor;
        if (question == EXECUTOR_ASK_PROBE)
                return probe(it, answer, err);
        int r = executor_ask(it->local, question, answer, err);
        if (r == 0 && question == EXECUTOR_ASK_VERSION)
                r = check_cluster(it, err);
        return r;
}

static const char *kubernetes_place(const struct executor *executor)
{
        return ((const struct kubernetes *)executor)->place;
}

const struct executor_ops executor_kubernetes_ops = {
        .name = "kubernetes",
        .checks_first = true,
        .open = kubernetes_open,
        .free = kubernetes_free,
        .use_host = kubernetes_use_host,
        .prepare = kubernetes_prepare,
        .run = kubernetes_run,
        .ask = kubernetes_ask,
        .place = kubernetes_place,
        .recover = kubernetes_recover,
};
