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
#include "executor/away.h"
#include "executor/backend.h"
#include "executor/kubernetes_job.h"
#include "executor/kubernetes_private.h"
#include "executor/kubernetes_spec.h"
#include "executor/kubernetes_warm.h"
#include "executor/leftovers.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kube/api.h"
#include "kube/server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "jobs" /* in $ASKCSV_HOME: the owners' locks */
#define IMAGE_NAME_MAX 400
#define CHECK_MS 5000

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
        it->shared = settings->shared;
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

/* ---- what was left behind ---- */

/* Where things are removed. */
struct place {
        const struct kubernetes *it;
        struct kube_client *client;
};

static int remove_owned(const char *id, void *data, struct error *err)
{
        const struct place *place = data;
        return kubernetes_remove_all(place->it, place->client, id, KUBERNETES_PIECES_MAX, err);
}

/* What owners that are gone have left. Asks the cluster only if there are such owners. */
static int tidy(const struct kubernetes *it, struct kube_client *client, size_t *ret_removed,
                struct error *err)
{
        struct place place = {.it = it, .client = client};
        const struct leftovers leftovers = {
                .folder = it->folder, .remove = remove_owned, .data = &place};
        return leftovers_remove(&leftovers, ret_removed, err);
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
        if (r == 0)
                r = kubernetes_warm_tidy(it, client, ret_removed, err);
        kube_client_free(client);
        executor_free(executor);
        return r;
}

/* ---- a run ---- */

static int run_in_cluster(const struct kubernetes *it, const struct executor_call *call,
                          const char *const *arguments, bool any_exit_status, struct buf *response,
                          struct error *err)
{
        struct kubernetes_job job;
        struct kube_client *client = NULL;
        size_t ignored = 0;
        buf_clear(response);
        int r = kube_client_new(it->server, &client, err);
        if (r == 0)
                r = tidy(it, client, &ignored, err);
        if (r == 0)
                r = kubernetes_job_init(&job, it, call, client, err);
        if (r == 0) {
                job.response = response;
                r = kubernetes_job_make(&job, arguments, err);
                if (r == 0)
                        r = kubernetes_job_follow(&job, err);
                if (r == 0)
                        r = kubernetes_job_answer(&job, any_exit_status, response, err);
                r = r < 0 ? r : 0;
                kubernetes_job_done(&job);
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
        int r = it->shared && call->tables
                        ? kubernetes_warm_run(it->shared, it, call, response, err)
                        : 1;
        if (r <= 0)
                return r;
        return run_in_cluster(it, call, arguments, false, response, err);
}

/* ---- what it says of itself ---- */

/* That the server is there, knows us, and lets us list Jobs. */
static int check_cluster(const struct kubernetes *it, struct error *err)
{
        char path[KUBE_PATH_MAX];
        struct kube_client *client = NULL;
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        kubernetes_path(it, JOBS, "?limit=1", path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "listing Jobs",
                                       .timeout_ms = CHECK_MS,
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
        const struct executor_call call = away_probe(answer);
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
        .share = kubernetes_warm_open,
        .unshare = kubernetes_warm_free,
        .count = kubernetes_warm_count,
};
