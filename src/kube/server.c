#include "kube/server.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "kube/from_yaml.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"
#define PEM_BYTES_MAX ((size_t)1024 * 1024)
#define LABEL_MAX 63

static void forget(char **secret)
{
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
}

void kube_server_free(struct kube_server *server)
{
        if (!server)
                return;
        forget(&server->key_pem);
        forget(&server->token);
        free(server->url);
        free(server->namespace_);
        free(server->ca_pem);
        free(server->cert_pem);
        free(server->token_file);
        free(server->source);
        free(server);
}

static void server_freep(struct kube_server **server)
{
        kube_server_free(*server);
}

bool kube_is_label(const char *name)
{
        size_t n = strlen(name);
        return n > 0 && n <= LABEL_MAX && name[0] != '-' && name[n - 1] != '-' &&
               strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int copy(char **ret, const char *text, struct error *err)
{
        free(*ret);
        *ret = alloc_strdup(text);
        return *ret ? 0 : error_oom(err);
}

/* The whole file as text, without white space at its end. */
static int read_text(const char *path, char **ret, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, PEM_BYTES_MAX);
        int r = fd_read_file(path, &text, err);
        if (r < 0)
                return r;
        while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
                text.data[--text.len] = '\0';
        free(*ret);
        *ret = buf_steal(&text);
        return *ret ? 0 : error_oom(err);
}

/* ---- the pod's own account ---- */

static bool is_in_cluster(void)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST");
        return host && *host && access(ACCOUNT_FOLDER "/token", R_OK) == 0;
}

static int open_account(struct kube_server *server, struct error *err)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST"); /* is_in_cluster: it is there */
        const char *port = getenv("KUBERNETES_SERVICE_PORT");
        bool is_ipv6 = host && strchr(host, ':');
        if (asprintf(&server->url, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host,
                     is_ipv6 ? "]" : "", port && *port ? port : "443") < 0) {
                server->url = NULL;
                return error_oom(err);
        }
        int r = copy(&server->source, "the pod's service account", err);
        if (r == 0)
                r = copy(&server->token_file, ACCOUNT_FOLDER "/token", err);
        if (r == 0)
                r = read_text(ACCOUNT_FOLDER "/ca.crt", &server->ca_pem, err);
        if (r == 0)
                r = read_text(ACCOUNT_FOLDER "/namespace", &server->namespace_, err);
        return r;
}

/* ---- a kubeconfig ---- */

struct config {
        const char *path;
        json_t *json;
        struct kube_server *server;
        struct error *err;
};

static int broken(const struct config *config, const char *what, const char *name)
{
        return error_set(config->err, ERROR_USAGE, "the kubeconfig %s: %s %.100s", config->path,
                         what, name);
}

/* {list: [{name: NAME, MEMBER: {...}}]} */
static json_t *named(const struct config *config, const char *list, const char *name,
                     const char *member)
{
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(config->json, list), i, one)
        {
                const char *its = json_get_string(one, "name");
                if (its && name && strcmp(its, name) == 0)
                        return json_object_get(one, member);
        }
        return NULL;
}

/* What a kubeconfig names lies from its own folder on. */
static int resolve(const struct config *config, const char *file, char out[PATH_MAX])
{
        const char *slash = strrchr(config->path, '/');
        int folder = *file == '/' || !slash ? 0 : (int)(slash - config->path) + 1;
        if (snprintf(out, PATH_MAX, "%.*s%s", folder, config->path, file) >= PATH_MAX)
                return broken(config, "the path is too long:", file);
        return 0;
}

/* MEMBER-data in base64, or the file that MEMBER names. */
static int take_pem(const struct config *config, const json_t *object, const char *member,
                    char **ret)
{
        char key[64];
        char path[PATH_MAX];
        (void)snprintf(key, sizeof(key), "%s-data", member);
        const char *data = json_get_string(object, key);
        const char *file = json_get_string(object, member);
        if (data) {
                _cleanup_buf_ struct buf pem = {0};
                buf_init(&pem, PEM_BYTES_MAX);
                if (!base64_take(&pem, data, strlen(data)) || pem.len == 0)
                        return broken(config, "there is no base64 in", key);
                *ret = buf_steal(&pem);
                return *ret ? 0 : error_oom(config->err);
        }
        if (!file)
                return 0;
        int r = resolve(config, file, path);
        if (r == 0)
                r = read_text(path, ret, config->err);
        return r < 0 ? error_prefix(config->err, r, "the kubeconfig %s", config->path) : 0;
}

static int take_cluster(const struct config *config, const json_t *cluster)
{
        struct kube_server *server = config->server;
        const char *url = json_get_string(cluster, "server");
        if (!url || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0))
                return broken(config, "it names no server as https://HOST:PORT", url ? url : "");
        if (json_get_bool(cluster, "insecure-skip-tls-verify", false))
                return broken(config,
                              "insecure-skip-tls-verify is not done; give it "
                              "certificate-authority-data",
                              "");
        if (json_object_get(cluster, "proxy-url") || json_object_get(cluster, "tls-server-name"))
                return broken(config, "proxy-url and tls-server-name are not supported", "");
        int r = copy(&server->url, url, config->err);
        for (size_t n = r == 0 ? strlen(server->url) : 0; n > 0 && server->url[n - 1] == '/'; n--)
                server->url[n - 1] = '\0';
        return r < 0 ? r : take_pem(config, cluster, "certificate-authority", &server->ca_pem);
}

static int take_token_file(const struct config *config, const char *file)
{
        char path[PATH_MAX];
        int r = resolve(config, file, path);
        return r < 0 ? r : copy(&config->server->token_file, path, config->err);
}

static int take_user(const struct config *config, const json_t *user)
{
        struct kube_server *server = config->server;
        const char *token = json_get_string(user, "token");
        const char *file = json_get_string(user, "tokenFile");
        if (json_object_get(user, "exec") || json_object_get(user, "auth-provider"))
                return broken(config,
                              "its user gets credentials from another program, which is not "
                              "started; use a service account's token",
                              "(kubectl create token)");
        int r = take_pem(config, user, "client-certificate", &server->cert_pem);
        if (r == 0)
                r = take_pem(config, user, "client-key", &server->key_pem);
        if (r == 0 && token)
                r = copy(&server->token, token, config->err);
        if (r == 0 && file)
                r = take_token_file(config, file);
        if (r == 0 && !server->cert_pem != !server->key_pem)
                return broken(config, "a client certificate wants its key, and a key its",
                              "certificate");
        return r;
}

static int take_context(const struct config *config, const char *name)
{
        const char *chosen =
                name && *name ? name : json_get_string(config->json, "current-context");
        const json_t *context = named(config, "contexts", chosen, "context");
        if (!context)
                return broken(config, "there is no context",
                              chosen ? chosen : "(and none is current)");
        const char *cluster = json_get_string(context, "cluster");
        const char *user = json_get_string(context, "user");
        const char *space = json_get_string(context, "namespace");
        const json_t *its_cluster = named(config, "clusters", cluster, "cluster");
        const json_t *its_user = named(config, "users", user, "user");
        if (!its_cluster)
                return broken(config, "there is no cluster", cluster ? cluster : "in its context");
        if (user && !its_user)
                return broken(config, "there is no user", user);
        int r = take_cluster(config, its_cluster);
        if (r == 0)
                r = take_user(config, its_user);
        if (r == 0 && space)
                r = copy(&config->server->namespace_, space, config->err);
        return r;
}

static int open_config(struct kube_server *server, const char *path, const char *context,
                       struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *json = NULL;
        buf_init(&text, YAML_BYTES_MAX);
        int r = copy(&server->source, path, err);
        if (r == 0)
                r = fd_read_file(path, &text, err);
        if (r == -(int)ERROR_IO)
                return error_set(
                        err, ERROR_USAGE,
                        "there is no Kubernetes cluster to use: %s cannot be read, and this "
                        "is no pod with a service account; set kubernetes_config to a "
                        "kubeconfig",
                        path);
        if (r == 0)
                r = yaml_parse(buf_text(&text), text.len, ERROR_USAGE, &json, err);
        if (text.data)
                explicit_bzero(text.data, text.len);
        if (r < 0)
                return error_prefix(err, r, "the kubeconfig %s", path);
        const struct config config = {.path = path, .json = json, .server = server, .err = err};
        return take_context(&config, context);
}

/* ---- which of them ---- */

static int default_path(char out[PATH_MAX], struct error *err)
{
        const char *path = getenv("KUBECONFIG");
        const char *home = getenv("HOME");
        int n = path && *path ? snprintf(out, PATH_MAX, "%s", path)
                              : snprintf(out, PATH_MAX, "%s/.kube/config", home ? home : "");
        if (n >= PATH_MAX)
                return error_set(err, ERROR_USAGE, "the path in KUBECONFIG is too long");
        if (path && strchr(path, ':'))
                return error_set(err, ERROR_USAGE,
                                 "KUBECONFIG names several files; set kubernetes_config to one");
        return 0;
}

static int open_any(struct kube_server *server, const struct kube_settings *settings,
                    struct error *err)
{
        char path[PATH_MAX];
        if (settings->config && *settings->config)
                return open_config(server, settings->config, settings->context, err);
        if (is_in_cluster())
                return open_account(server, err);
        int r = default_path(path, err);
        return r < 0 ? r : open_config(server, path, settings->context, err);
}

int kube_server_open(const struct kube_settings *settings, struct kube_server **ret,
                     struct error *err)
{
        _cleanup_(server_freep) struct kube_server *server = alloc_calloc(1, sizeof(*server));
        if (!server)
                return error_oom(err);
        int r = open_any(server, settings, err);
        if (r == 0 && settings->namespace_ && *settings->namespace_)
                r = copy(&server->namespace_, settings->namespace_, err);
        else if (r == 0 && !server->namespace_)
                r = copy(&server->namespace_, "default", err);
        if (r < 0)
                return r;
        if (!kube_is_label(server->namespace_))
                return error_set(err, ERROR_USAGE,
                                 "\"%.100s\" is no name of a namespace; set "
                                 "kubernetes_namespace",
                                 server->namespace_);
        *ret = steal_ptr(&server);
        return 0;
}
