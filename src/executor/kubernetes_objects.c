/* Calls about the objects that runs are made of. */
#include "executor/kubernetes_private.h"
#include "executor/kubernetes_spec.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define REMOVE_MS 10000 /* nobody waits for that gladly */

void kubernetes_path(const struct kubernetes *it, const char *group, const char *kind,
                     const char *rest, char out[KUBE_PATH_MAX])
{
        (void)snprintf(out, KUBE_PATH_MAX, "/%s/%s/namespaces/%s/%s%s",
                       strchr(group, '/') ? "apis" : "api", group, it->server->namespace_, kind,
                       rest);
}

int kubernetes_create(struct kube_client *client, const char *path, json_t *object,
                      const char *doing, int cancel_fd, struct kube_reply *reply, struct error *err)
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
                                       .timeout_ms = KUBERNETES_ASK_MS,
                                       .cancel_fd = cancel_fd};
        r = kube_ask(client, &call, reply, err);
        if (r < 0)
                return r;
        if (reply->status == 409 && reply->is_again)
                return 0; /* an earlier attempt did it */
        const char *said = json_get_string(reply->body, "message");
        if (reply->status == 403 && strstr(buf_text(&reply->text), "exceeded quota"))
                return error_set(err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                 "the quota of the cluster's namespace leaves no room for this run "
                                 "(%s); try again later, or raise it: %.700s",
                                 doing, said ? said : buf_text(&reply->text));
        return reply->status / 100 == 2 ? 0 : kube_refused(client, &call, reply, err);
}

int kubernetes_remove(const struct kubernetes *it, struct kube_client *client, const char *group,
                      const char *kind, const char *name, struct error *err)
{
        char rest[300];
        char path[KUBE_PATH_MAX];
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        (void)snprintf(rest, sizeof(rest), "/%s?propagationPolicy=Background", name);
        kubernetes_path(it, group, kind, rest, path);
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

int kubernetes_remove_all(const struct kubernetes *it, struct kube_client *client,
                          const char *owner, size_t pieces, struct error *err)
{
        char name[64];
        (void)snprintf(name, sizeof(name), KUBERNETES_NAME_PREFIX "%s", owner);
        int removed = kubernetes_remove(it, client, JOBS, name, err);
        for (size_t i = 0; i < pieces && removed >= 0; i++) {
                kubernetes_secret_name(owner, i, name);
                int r = kubernetes_remove(it, client, SECRETS, name, err);
                removed = r < 0 ? r : removed + r;
        }
        return removed;
}

int kubernetes_get(const struct kubernetes *it, struct kube_client *client, const char *group,
                   const char *kind, const char *name, int cancel_fd, struct kube_reply *reply,
                   struct error *err)
{
        char rest[300];
        char path[KUBE_PATH_MAX];
        (void)snprintf(rest, sizeof(rest), "/%s", name);
        kubernetes_path(it, group, kind, rest, path);
        const struct kube_call call = {.method = "GET",
                                       .path = path,
                                       .doing = "looking at what became of a run",
                                       .timeout_ms = KUBERNETES_ASK_MS,
                                       .cancel_fd = cancel_fd};
        int r = kube_ask(client, &call, reply, err);
        if (r == 0 && reply->status != 404 && reply->status != 200)
                r = kube_refused(client, &call, reply, err);
        return r;
}
