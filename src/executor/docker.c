/* The runner in a container of its own for each call, at a Docker daemon or what speaks its API.
 *
 * A call: the owner's lock, create, attach, start, the request in and the response out, wait,
 * remove. The container is named after its owner, whose lock file (src/base/owner.h) goes when the
 * container has gone. A lock file that nobody holds therefore names a container that may have been
 * left behind, by a process that died or at a daemon that was away; the next call removes it.
 *
 * SQL is checked by the runner on this machine (executor_checks_first), so that what is refused
 * never gets here. */
#include "executor/away.h"
#include "executor/backend.h"
#include "executor/docker_api.h"
#include "executor/docker_spec.h"
#include "executor/docker_stream.h"
#include "executor/leftovers.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/owner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "containers" /* in $ASKCSV_HOME: the owners' locks */
#define NAME_PREFIX "askcsv-"
#define ASK_MS 5000
#define IMAGE_NAME_MAX 400
#define LEASE_S 3600 /* past the run's deadline a container is nobody's */
#define SAID_MAX 4096
#define PROFILE_NAME "seccomp.json"

struct docker {
        struct executor base;
        struct executor *local; /* checks SQL */
        struct executor_docker settings;
        char *strings[5]; /* what settings points to */
        char *home;       /* or NULL, as long as there is none */
        char *folder;     /* home/containers */
        char *data_root;
        char place[PATH_MAX];
};

/* One container. */
struct container {
        const struct docker *docker;
        struct owner owner;
        char name[sizeof(NAME_PREFIX) + UUID_TEXT_SIZE];
        bool is_made;   /* for sure */
        bool is_unsure; /* it may be made, or be there still */
};

/* ---- opening ---- */

static void docker_free(struct executor *executor)
{
        struct docker *docker = (struct docker *)executor;
        executor_free(docker->local);
        for (size_t i = 0; i < ARRAY_SIZE(docker->strings); i++)
                free(docker->strings[i]);
        free(docker->home);
        free(docker->folder);
        free(docker->data_root);
        free(docker);
}

static const char *or_default(const char *text, const char *fallback)
{
        return text && *text ? text : fallback;
}

static int check_socket(const char *path, struct error *err)
{
        if (path[0] == '/' && strlen(path) < DOCKER_SOCKET_MAX)
                return 0;
        return error_set(err, ERROR_USAGE,
                         "docker_socket is \"%.200s\"; it wants the absolute path of the daemon's "
                         "socket, such as " EXECUTOR_DOCKER_SOCKET " (or unix:// and the path), of "
                         "at most %d bytes",
                         path, DOCKER_SOCKET_MAX - 1);
}

/* It becomes part of a call's path. */
static int check_image_name(const char *name, struct error *err)
{
        static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "._-:/@";
        if (strlen(name) < IMAGE_NAME_MAX && strspn(name, known) == strlen(name))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "docker_image is \"%.200s\"; it wants an image's name, such "
                         "as " EXECUTOR_DOCKER_IMAGE,
                         name);
}

static int copy_settings(struct docker *docker, const struct executor_docker *from,
                         struct error *err)
{
        const char *socket = or_default(from->socket, EXECUTOR_DOCKER_SOCKET);
        const char *const texts[] = {
                strncmp(socket, "unix://", 7) == 0 ? socket + 7 : socket,
                or_default(from->image, EXECUTOR_DOCKER_IMAGE),
                or_default(from->user, ""),
                or_default(from->runtime, ""),
                or_default(from->home, ""),
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                docker->strings[i] = alloc_strdup(texts[i]);
                if (!docker->strings[i])
                        return error_oom(err);
        }
        docker->settings = (struct executor_docker){
                .socket = docker->strings[0],
                .image = docker->strings[1],
                .user = docker->strings[2],
                .runtime = docker->strings[3],
                .home = docker->strings[4],
                .timeout_ms = from->timeout_ms > 0 ? from->timeout_ms : EXECUTOR_DOCKER_TIMEOUT_MS};
        (void)snprintf(docker->place, sizeof(docker->place), "image %s at %s", docker->strings[1],
                       docker->strings[0]);
        int r = check_socket(docker->settings.socket, err);
        return r < 0 ? r : check_image_name(docker->settings.image, err);
}

static int set_home(struct docker *docker, const char *home, struct error *err)
{
        char folder[PATH_MAX];
        if (!home || snprintf(folder, sizeof(folder), "%s/" FOLDER, home) >= PATH_MAX)
                return error_set(err, ERROR_USAGE,
                                 "the docker executor needs a home folder; set "
                                 "ASKCSV_HOME");
        docker->home = alloc_strdup(home);
        docker->folder = alloc_strdup(folder);
        return docker->home && docker->folder ? 0 : error_oom(err);
}

static int docker_open(const struct executor_settings *settings, const char *data_root,
                       struct executor **ret, struct error *err)
{
        struct docker *docker = alloc_calloc(1, sizeof(*docker));
        if (!docker)
                return error_oom(err);
        docker->base.ops = &executor_docker_ops;
        docker->data_root = alloc_strdup(data_root);
        int r = docker->data_root ? copy_settings(docker, &settings->docker, err) : error_oom(err);
        if (r == 0)
                r = set_home(docker, settings->host.home, err);
        if (r == 0)
                r = executor_open("local", settings->runner, data_root, &docker->local, err);
        if (r < 0)
                docker_free(&docker->base);
        else
                *ret = &docker->base;
        return r;
}

static int docker_use_host(struct executor *executor, const struct executor_host *host,
                           struct error *err)
{
        return executor_use_host(((struct docker *)executor)->local, host, err);
}

/* No container: there must be none before the SQL was checked. */
static int docker_prepare(struct executor *executor, struct error *err)
{
        return executor_prepare(((struct docker *)executor)->local, err);
}

/* ---- what was left behind ---- */

/* 1: it is gone; 0: there was none; negative: err. */
static int remove_container(const struct docker *docker, const char *name, struct error *err)
{
        char path[DOCKER_PATH_MAX];
        struct docker_reply reply = {0};
        (void)snprintf(path, sizeof(path), "/containers/%s?force=1&v=1", name);
        const struct docker_call call = {.method = "DELETE",
                                         .path = path,
                                         .doing = "removing a container",
                                         .timeout_ms = docker->settings.timeout_ms,
                                         .cancel_fd = -1};
        int r = docker_api(docker->settings.socket, &call, &reply, err);
        /* 409: somebody is removing it already. */
        if (r == 0 && reply.status != 404 && reply.status != 409 && reply.status / 100 != 2)
                r = docker_refused(docker->settings.socket, &call, &reply, err);
        if (r == 0)
                r = reply.status / 100 == 2;
        docker_reply_done(&reply);
        return r;
}

static int remove_owned(const char *id, void *data, struct error *err)
{
        char name[sizeof(NAME_PREFIX) + UUID_TEXT_SIZE];
        (void)snprintf(name, sizeof(name), NAME_PREFIX "%s", id);
        return remove_container(data, name, err);
}

/* The containers of owners that are gone. Asks the daemon only if there are such owners. */
static int tidy(const struct docker *docker, size_t *ret_removed, struct error *err)
{
        const struct leftovers leftovers = {
                .folder = docker->folder, .remove = remove_owned, .data = (void *)docker};
        return leftovers_remove(&leftovers, ret_removed, err);
}

/* Containers of any askcsv whose time has long passed: those whose owner's home was lost. */
static int remove_expired(const struct docker *docker, size_t *ret_removed, struct error *err)
{
        struct docker_reply reply = {0};
        size_t i;
        json_t *one;
        const struct docker_call call = {
                .method = "GET",
                .path = "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" DOCKER_LABEL_UNTIL
                        "%22%5D%7D",
                .doing = "listing containers",
                .timeout_ms = ASK_MS,
                .cancel_fd = -1};
        int r = docker_do(docker->settings.socket, &call, &reply, err);
        json_array_foreach(reply.body, i, one)
        {
                const char *until =
                        json_get_string(json_object_get(one, "Labels"), DOCKER_LABEL_UNTIL);
                const char *id = json_get_string(one, "Id");
                if (r < 0 || !until || !id || strlen(id) > 64 ||
                    strspn(id, "0123456789abcdef") < strlen(id) ||
                    strtoll(until, NULL, 10) > clock_utc_ms() / 1000)
                        continue;
                r = remove_container(docker, id, err);
                *ret_removed += r > 0;
        }
        docker_reply_done(&reply);
        return r < 0 ? r : 0;
}

static int docker_recover(const struct executor_settings *settings, size_t *ret_removed,
                          struct error *err)
{
        struct executor *executor = NULL;
        int r = docker_open(settings, "/", &executor, err);
        if (r < 0)
                return r;
        r = tidy((struct docker *)executor, ret_removed, err);
        if (r == 0)
                r = remove_expired((struct docker *)executor, ret_removed, err);
        executor_free(executor);
        return r;
}

/* ---- one container ---- */

static int container_init(struct container *container, const struct docker *docker,
                          struct error *err)
{
        *container = (struct container){.docker = docker, .owner = {.fd = -1}};
        int r = owner_take(docker->folder, &container->owner, err);
        if (r < 0)
                return error_prefix(err, r, "the folder for the locks of containers");
        (void)snprintf(container->name, sizeof(container->name), NAME_PREFIX "%s",
                       container->owner.id);
        return 0;
}

/* Whatever happens the container goes; if it cannot just now, its lock file stays for tidy(). */
static void container_done(struct container *container)
{
        struct error ignored = {0};
        int r = 1;
        if (container->is_made || container->is_unsure)
                r = remove_container(container->docker, container->name, &ignored);
        if (r > 0 || (r == 0 && !container->is_unsure))
                owner_release(container->docker->folder, &container->owner);
        else
                cleanup_close(&container->owner.fd);
}

static int image_missing(const struct docker *docker, struct error *err)
{
        return error_set(
                err, ERROR_IO,
                "the Docker daemon at %s has no image %s: make it and load it (make images "
                "&& docker load -i build/images/askcsv-runner.tar), or set docker_image",
                docker->settings.socket, docker->settings.image);
}

static int try_create(struct container *container, const char *body, int cancel_fd,
                      struct docker_reply *reply, struct error *err)
{
        const struct docker *docker = container->docker;
        char path[DOCKER_PATH_MAX];
        (void)snprintf(path, sizeof(path), "/containers/create?name=%s", container->name);
        const struct docker_call call = {.method = "POST",
                                         .path = path,
                                         .body = body,
                                         .doing = "making a container",
                                         .timeout_ms = docker->settings.timeout_ms,
                                         .cancel_fd = cancel_fd};
        int r = docker_api(docker->settings.socket, &call, reply, err);
        container->is_unsure = r < 0 && reply->is_sent;
        if (r < 0)
                return r;
        if (reply->status == 404)
                return image_missing(docker, err);
        if (reply->status / 100 != 2)
                return docker_refused(docker->settings.socket, &call, reply, err);
        container->is_made = true;
        return 0;
}

/* Podman takes the profile's path, and Docker its text; neither says so by its version. */
static bool wants_path(const struct docker_reply *reply)
{
        const char *message = json_get_string(reply->body, "message");
        return reply->status == 500 && message && strstr(message, "seccomp profile");
}

static int write_profile(const struct docker *docker, char path[PATH_MAX], struct error *err)
{
        const char *profile = docker_seccomp_profile();
        if (snprintf(path, PATH_MAX, "%s/" PROFILE_NAME, docker->folder) >= PATH_MAX)
                return error_set(err, ERROR_IO, "the path %s is too long", docker->folder);
        return fd_write_file(path, profile, strlen(profile), 0600, err);
}

static int container_create(struct container *container, struct docker_spec *spec,
                            struct error *err)
{
        char path[PATH_MAX];
        for (int i = 0;; i++) {
                _cleanup_(docker_reply_done) struct docker_reply reply = {0};
                _cleanup_buf_ struct buf body = {0};
                buf_init(&body, (size_t)4 * 1024 * 1024);
                int r = docker_spec_put(spec, &body, err);
                if (r == 0)
                        r = try_create(container, buf_text(&body), spec->call->cancel_fd, &reply,
                                       err);
                if (r == 0 || i > 0 || !wants_path(&reply))
                        return r;
                r = write_profile(container->docker, path, err);
                if (r < 0)
                        return r;
                spec->seccomp_path = path;
        }
}

/* A call about the container: "start", "wait", "json". */
static int container_do(const struct container *container, const char *method, const char *what,
                        const char *doing, int cancel_fd, struct docker_reply *reply,
                        struct error *err)
{
        const struct executor_docker *settings = &container->docker->settings;
        char path[DOCKER_PATH_MAX];
        (void)snprintf(path, sizeof(path), "/containers/%s/%s", container->name, what);
        const struct docker_call call = {.method = method,
                                         .path = path,
                                         .doing = doing,
                                         .timeout_ms = settings->timeout_ms,
                                         .cancel_fd = cancel_fd};
        return docker_do(settings->socket, &call, reply, err);
}

static int container_start(const struct container *container, int cancel_fd, struct error *err)
{
        _cleanup_(docker_reply_done) struct docker_reply reply = {0};
        return container_do(container, "POST", "start", "starting the runner's container",
                            cancel_fd, &reply, err);
}

/* The last words on one line, for the end of an error message. */
static const char *last_words(struct buf *said)
{
        for (size_t i = 0; i < said->len; i++)
                if ((unsigned char)said->data[i] < ' ' || said->data[i] == 0x7f)
                        said->data[i] = ' ';
        while (said->len > 0 && said->data[said->len - 1] == ' ')
                said->data[--said->len] = '\0';
        return buf_text(said);
}

/* It ended without a whole response: what the daemon knows of it. */
static int container_died(const struct container *container, const struct executor_call *call,
                          json_int_t status, struct buf *said, struct error *err)
{
        _cleanup_(docker_reply_done) struct docker_reply reply = {0};
        int r = container_do(container, "GET", "json", "looking at the runner's container",
                             call->cancel_fd, &reply, err);
        if (r < 0)
                return r;
        const char *words = last_words(said);
        const char *colon = *words ? ": " : "";
        if (json_get_bool(json_object_get(reply.body, "State"), "OOMKilled", false))
                return error_set(
                        err, ERROR_RUNNER_RESOURCE_EXCEEDED,
                        "the runner's container needed more memory than it may and was "
                        "killed; allow more with --memory-mb (it is %lld), or ask for less",
                        (long long)call->memory_mb);
        if (status == 0)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's container ended without a response%s%.600s", colon,
                                 words);
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the runner's container ended with exit status %lld%s%.600s",
                         (long long)status, colon, words);
}

static int went_away(struct error *err)
{
        char why[ERROR_MESSAGE_MAX];
        (void)snprintf(why, sizeof(why), "%s", err->message);
        return error_set(err, ERROR_IO,
                         "the Docker daemon went away in the middle of the run, which is lost; run "
                         "it again once it is back: %.*s",
                         ERROR_MESSAGE_MAX / 2, why);
}

/* Its streams have ended; *ret is the exit status. */
static int container_wait(const struct container *container, int cancel_fd, json_int_t *ret,
                          struct error *err)
{
        _cleanup_(docker_reply_done) struct docker_reply reply = {0};
        int r = container_do(container, "POST", "wait", "waiting for the runner's container to end",
                             cancel_fd, &reply, err);
        *ret = json_get_int(reply.body, "StatusCode", -1);
        return r == -(int)ERROR_IO ? went_away(err) : r;
}

static int container_run(const struct container *container, const struct executor_call *call,
                         bool any_exit_status, struct buf *response, struct error *err)
{
        const struct executor_docker *settings = &container->docker->settings;
        _cleanup_close_ int fd = -1;
        _cleanup_buf_ struct buf said = {0};
        json_int_t status = 0;
        buf_init(&said, SAID_MAX);
        int r = docker_attach(settings->socket, container->name, settings->timeout_ms,
                              call->cancel_fd, &fd, err);
        if (r == 0)
                r = container_start(container, call->cancel_fd, err);
        int64_t deadline_us = clock_monotonic_us() + away_patience_ms(call) * 1000;
        if (r == 0)
                r = docker_exchange(fd, call, deadline_us, response, &said, err);
        if (r == 0)
                r = container_wait(container, call->cancel_fd, &status, err);
        if (r == 0 && (response->len == 0 || (status != 0 && !any_exit_status)))
                r = container_died(container, call, status, &said, err);
        return r;
}

static int run_contained(const struct docker *docker, const struct executor_call *call,
                         const char *const *arguments, bool any_exit_status, struct buf *response,
                         struct error *err)
{
        struct container container;
        size_t ignored = 0;
        buf_clear(response);
        int r = tidy(docker, &ignored, err);
        if (r == 0)
                r = container_init(&container, docker, err);
        if (r < 0)
                return r;
        struct docker_spec spec = {.settings = &docker->settings,
                                   .call = call,
                                   .arguments = arguments,
                                   .owner = container.owner.id,
                                   .until_s = clock_utc_ms() / 1000 + call->timeout_ms / 1000 +
                                              LEASE_S,
                                   .home = docker->home};
        r = container_create(&container, &spec, err);
        if (r == 0)
                r = container_run(&container, call, any_exit_status, response, err);
        container_done(&container);
        return r;
}

static int docker_run(struct executor *executor, const struct executor_call *call,
                      struct buf *response, struct error *err)
{
        struct docker *docker = (struct docker *)executor;
        const char *const arguments[] = {"--data-root", docker->data_root, NULL};
        if (call->only_check)
                return executor_run(docker->local, call, response, err);
        return run_contained(docker, call, arguments, false, response, err);
}

/* ---- what it says of itself ---- */

static int check_image(const struct docker *docker, struct error *err)
{
        char path[DOCKER_PATH_MAX];
        _cleanup_(docker_reply_done) struct docker_reply reply = {0};
        (void)snprintf(path, sizeof(path), "/images/%s/json", docker->settings.image);
        const struct docker_call call = {.method = "GET",
                                         .path = path,
                                         .doing = "looking for the runner's image",
                                         .timeout_ms = ASK_MS,
                                         .cancel_fd = -1};
        int r = docker_api(docker->settings.socket, &call, &reply, err);
        if (r < 0)
                return r;
        if (reply.status == 404)
                return image_missing(docker, err);
        if (reply.status != 200)
                return docker_refused(docker->settings.socket, &call, &reply, err);
        const json_t *labels = json_object_get(json_object_get(reply.body, "Config"), "Labels");
        const char *version = json_get_string(labels, "org.opencontainers.image.version");
        if (!version || strcmp(version, ASKCSV_VERSION) == 0)
                return 0;
        return error_set(
                err, ERROR_IO,
                "the image %s is of askcsv-runner %.40s, and this is askcsv " ASKCSV_VERSION
                ": load the image of this version, or set docker_image",
                docker->settings.image, version);
}

/* By --probe in a container like those of runs. */
static int probe(const struct docker *docker, struct buf *answer, struct error *err)
{
        static const char *const arguments[] = {"--probe", NULL};
        const struct executor_call call = away_probe(answer);
        return run_contained(docker, &call, arguments, true, answer, err);
}

static int docker_ask(struct executor *executor, enum executor_question question,
                      struct buf *answer, struct error *err)
{
        struct docker *docker = (struct docker *)executor;
        if (question == EXECUTOR_ASK_PROBE)
                return probe(docker, answer, err);
        int r = executor_ask(docker->local, question, answer, err);
        if (r == 0 && question == EXECUTOR_ASK_VERSION)
                r = check_image(docker, err);
        return r;
}

static const char *docker_place(const struct executor *executor)
{
        return ((const struct docker *)executor)->place;
}

const struct executor_ops executor_docker_ops = {
        .name = "docker",
        .checks_first = true,
        .open = docker_open,
        .free = docker_free,
        .use_host = docker_use_host,
        .prepare = docker_prepare,
        .run = docker_run,
        .ask = docker_ask,
        .place = docker_place,
        .recover = docker_recover,
};
