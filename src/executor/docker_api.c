#include "executor/docker_api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/drive.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define REPLY_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define REPLY_DEPTH_MAX 64
#define SAID_MAX 500 /* bytes of the daemon's own words in a message */

void docker_reply_done(struct docker_reply *reply)
{
        json_decref(reply->body);
        *reply = (struct docker_reply){0};
}

/* ---- how it may fail ---- */

static int not_connected(const char *socket, int errnum, struct error *err)
{
        switch (errnum) {
        case ENOENT:
        case ECONNREFUSED:
                return error_set(
                        err, ERROR_IO,
                        "no Docker daemon listens on %s: start it (systemctl start docker, "
                        "or podman system service), or set docker_socket to its socket",
                        socket);
        case EACCES:
        case EPERM:
                return error_set(
                        err, ERROR_IO,
                        "this user may not use the Docker daemon's socket %s: add the user "
                        "to its group, or set docker_socket to that of a rootless daemon",
                        socket);
        case EAGAIN:
                return error_set(err, ERROR_IO,
                                 "the Docker daemon at %s takes no more connections; try again "
                                 "later, or restart it",
                                 socket);
        default:
                return error_errno(err, errnum, "connecting to the Docker daemon at %s", socket);
        }
}

static int too_slow(const char *socket, const struct docker_call *call, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "the Docker daemon at %s did not answer within %lld ms (%s); look at its "
                         "log, or restart it",
                         socket, (long long)call->timeout_ms, call->doing);
}

int docker_connect(const char *socket_path, int *ret_fd, struct error *err)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_errno(err, errno, "making a socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return not_connected(socket_path, errno, err);
        *ret_fd = steal_fd(&fd);
        return 0;
}

static const char *said_by(const struct docker_reply *reply)
{
        const char *message = json_get_string(reply->body, "message");
        if (!message)
                message = json_get_string(reply->body, "cause"); /* Podman */
        return message ? message : "it does not say why";
}

int docker_refused(const char *socket, const struct docker_call *call,
                   const struct docker_reply *reply, struct error *err)
{
        const char *said = said_by(reply);
        if (strcasestr(said, "no space left on device") || strcasestr(said, "disk quota exceeded"))
                return error_set(err, ERROR_IO,
                                 "the Docker daemon at %s is out of disk space (%s); free some on "
                                 "its disk, with docker system prune for example: %.*s",
                                 socket, call->doing, SAID_MAX, said);
        return error_set(err, ERROR_IO, "the Docker daemon at %s refused (%s, status %ld): %.*s",
                         socket, call->doing, reply->status, SAID_MAX, said);
}

/* ---- one call ---- */

struct way {
        const char *socket;
        const struct docker_call *call;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        struct buf body;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
        struct way *way = data;
        buf_append(&way->body, bytes, size * count);
        return way->body.state == BUF_OK ? size * count : CURL_WRITEFUNC_ERROR;
}

#define SET(option, value) (curl_easy_setopt(way->easy, (option), (value)) == CURLE_OK)

static bool set_body(struct way *way)
{
        const struct docker_call *call = way->call;
        if (strcmp(call->method, "POST") != 0)
                return SET(CURLOPT_CUSTOMREQUEST, call->method);
        way->headers = curl_slist_append(NULL, "Content-Type: application/json");
        const char *body = call->body ? call->body : "";
        return way->headers && SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDS, body) &&
               SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) &&
               SET(CURLOPT_HTTPHEADER, way->headers);
}

/* No proxy of the environment's, no redirect, nothing but this socket. */
static bool way_start(struct way *way)
{
        char url[DOCKER_PATH_MAX + 32];
        (void)snprintf(url, sizeof(url), "http://docker%s", way->call->path);
        way->easy = curl_easy_init();
        way->multi = curl_multi_init();
        return way->easy && way->multi && SET(CURLOPT_UNIX_SOCKET_PATH, way->socket) &&
               SET(CURLOPT_URL, url) && SET(CURLOPT_PROTOCOLS_STR, "http") &&
               SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOSIGNAL, 1L) &&
               SET(CURLOPT_FOLLOWLOCATION, 0L) &&
               SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
               SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, way) &&
               set_body(way) && curl_multi_add_handle(way->multi, way->easy) == CURLM_OK;
}

static void way_end(struct way *way)
{
        if (way->multi && way->easy)
                (void)curl_multi_remove_handle(way->multi, way->easy);
        curl_easy_cleanup(way->easy);
        (void)curl_multi_cleanup(way->multi);
        curl_slist_free_all(way->headers);
        buf_done(&way->body);
}

static int failed(struct way *way, CURLcode code, struct error *err)
{
        int fd = -1;
        if (code == CURLE_OUT_OF_MEMORY || way->body.state == BUF_NO_MEMORY)
                return error_oom(err);
        if (way->body.state == BUF_TOO_LARGE)
                return error_set(err, ERROR_IO, "the reply of the Docker daemon at %s is too long",
                                 way->socket);
        if (code == CURLE_COULDNT_CONNECT) {
                int r = docker_connect(way->socket, &fd, err); /* which says why */
                if (r < 0)
                        return r;
                (void)close(fd);
        }
        return error_set(err, ERROR_IO,
                         "the connection to the Docker daemon at %s broke (%s): %s; see whether it "
                         "runs, and try again",
                         way->socket, way->call->doing, curl_easy_strerror(code));
}

static int take_reply(struct way *way, struct docker_reply *ret)
{
        static const struct json_limits limits = {.max_bytes = REPLY_BYTES_MAX,
                                                  .max_depth = REPLY_DEPTH_MAX};
        struct error ignored = {0};
        (void)curl_easy_getinfo(way->easy, CURLINFO_RESPONSE_CODE, &ret->status);
        (void)json_parse(buf_text(&way->body), way->body.len, &limits, ERROR_IO, &ret->body,
                         &ignored);
        return 0;
}

static int way_run(struct way *way, struct docker_reply *ret, struct error *err)
{
        const struct docker_call *call = way->call;
        const struct http_patience patience = {.until_us = clock_monotonic_us() +
                                                           call->timeout_ms * 1000,
                                               .cancel_fd = call->cancel_fd,
                                               .whom = "the Docker daemon"};
        enum http_end end = HTTP_ENDED;
        CURLcode code = CURLE_OK;
        int r = http_drive(way->multi, &patience, &end, &code, err);
        if (r < 0)
                return r;
        if (end == HTTP_CANCELLED)
                return error_set(err, ERROR_CANCELLED, "the run was stopped");
        if (end == HTTP_LATE)
                return too_slow(way->socket, call, err);
        return code == CURLE_OK ? take_reply(way, ret) : failed(way, code, err);
}

int docker_api(const char *socket, const struct docker_call *call, struct docker_reply *ret,
               struct error *err)
{
        struct way way = {.socket = socket, .call = call};
        *ret = (struct docker_reply){0};
        buf_init(&way.body, REPLY_BYTES_MAX);
        int r = http_is_cancelled(call->cancel_fd)
                        ? error_set(err, ERROR_CANCELLED, "the run was stopped")
                        : 0;
        if (r == 0)
                r = way_start(&way) ? way_run(&way, ret, err) : error_oom(err);
        long sent_bytes = 0;
        if (way.easy)
                (void)curl_easy_getinfo(way.easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
        ret->is_sent = sent_bytes > 0;
        way_end(&way);
        return r;
}

int docker_do(const char *socket, const struct docker_call *call, struct docker_reply *ret,
              struct error *err)
{
        int r = docker_api(socket, call, ret, err);
        if (r == 0 && (ret->status < 200 || ret->status >= 300))
                r = docker_refused(socket, call, ret, err);
        return r;
}
