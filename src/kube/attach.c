#include "kube/attach.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/drive.h"
#include "kube/api.h"
#include "kube/channels.h"
#include "kube/websocket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HEAD_MAX ((size_t)64 * 1024) /* of what is sent (a token is in it), and of a reply */
#define BLOCK_BYTES ((size_t)32 * 1024)
#define KEY_SIZE 25 /* 16 bytes in base64 */
#define WHY_MAX 600
#define POLL_MAX_MS INT64_C(1000)
#define END_OF_HEAD "\r\n\r\n"

struct kube_attach {
        const struct kube_server *server;
        CURLM *multi;
        CURL *easy;
        int fd;
        char said[CURL_ERROR_SIZE];
        struct channels channels;
        struct buf early; /* frames that came with the handshake's last bytes */
        int64_t ping_us;
        int64_t heard_us; /* when the last byte came */
        int64_t asked_us; /* when the last ping went */
        bool is_ended;
        char why[WHY_MAX];
};

/* ---- bytes ---- */

static int lost(struct kube_attach *attach, const char *why)
{
        char status[WHY_MAX / 2];
        channels_status(&attach->channels, status, sizeof(status));
        attach->is_ended = true;
        (void)snprintf(attach->why, sizeof(attach->why), "%.*s", WHY_MAX - 1,
                       *status ? status : why);
        return KUBE_ATTACH_ENDED;
}

static int failed(const struct kube_attach *attach, const char *doing, CURLcode code,
                  struct error *err)
{
        return kube_unreached(attach->server, code, attach->said, doing, err);
}

/* 1: the socket is ready for one of events; 0: until_us has come. */
static int await(const struct kube_attach *attach, short events,
                 const struct kube_patience *patience, struct error *err)
{
        for (;;) {
                struct pollfd fds[2] = {{.fd = attach->fd, .events = events},
                                        {.fd = patience->cancel_fd, .events = POLLIN}};
                int64_t left_ms = (patience->until_us - clock_monotonic_us() + 999) / 1000;
                left_ms = left_ms < 0 ? 0 : left_ms < POLL_MAX_MS ? left_ms : POLL_MAX_MS;
                int n = poll(fds, 2, (int)left_ms);
                if (n < 0 && errno != EINTR)
                        return error_errno(err, errno, "waiting for the Kubernetes API server");
                if (n > 0 && fds[1].revents)
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                if (n > 0)
                        return 1;
                if (clock_monotonic_us() >= patience->until_us)
                        return 0;
        }
}

static int send_all(struct kube_attach *attach, const char *bytes, size_t n,
                    const struct kube_patience *patience, struct error *err)
{
        while (n > 0) {
                size_t sent = 0;
                CURLcode code = curl_easy_send(attach->easy, bytes, n, &sent);
                bytes += sent;
                n -= sent;
                if (code == CURLE_OK)
                        continue;
                if (code != CURLE_AGAIN)
                        return failed(attach, "sending to a container", code, err);
                int r = await(attach, POLLOUT, patience, err);
                if (r == 0)
                        return error_set(err, ERROR_IO,
                                         "the Kubernetes API server at %s takes nothing for a "
                                         "container that is attached to",
                                         attach->server->url);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* 1: so many bytes; 0: none just now; ENDED is kept in attach, and 0. */
static int read_some(struct kube_attach *attach, char *bytes, size_t size, size_t *ret)
{
        CURLcode code = curl_easy_recv(attach->easy, bytes, size, ret);
        if (code == CURLE_AGAIN)
                return 0;
        if (code == CURLE_OK && *ret > 0) {
                attach->heard_us = clock_monotonic_us();
                return 1;
        }
        (void)lost(attach, code == CURLE_OK ? "the connection to the container was closed"
                                            : curl_easy_strerror(code));
        return 0;
}

static int put_frame(struct kube_attach *attach, enum ws_opcode opcode, const char *bytes, size_t n,
                     const struct kube_patience *patience, struct error *err)
{
        static const char to_stdin[] = {CHANNEL_STDIN};
        uint8_t mask[4];
        _cleanup_buf_ struct buf frame = {0};
        if (getrandom(mask, sizeof(mask), 0) != (ssize_t)sizeof(mask))
                return error_errno(err, errno, "random bytes");
        buf_init(&frame, BLOCK_BYTES + 16);
        ws_frame_put(opcode, to_stdin, opcode == WS_BINARY ? 1 : 0, bytes, n, mask, &frame);
        int r = buf_error(&frame, err, "a frame");
        return r < 0 ? r : send_all(attach, buf_text(&frame), frame.len, patience, err);
}

/* ---- connecting ---- */

static int dial(struct kube_attach *attach, const struct kube_patience *patience, struct error *err)
{
        enum http_end end = HTTP_ENDED;
        CURLcode code = CURLE_OK;
        const struct http_patience drive = {.until_us = patience->until_us,
                                            .cancel_fd = patience->cancel_fd,
                                            .whom = "the Kubernetes API server"};
        curl_socket_t fd = CURL_SOCKET_BAD;
        if (curl_easy_setopt(attach->easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
            curl_easy_setopt(attach->easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK ||
            curl_easy_setopt(attach->easy, CURLOPT_ERRORBUFFER, attach->said) != CURLE_OK ||
            curl_multi_add_handle(attach->multi, attach->easy) != CURLM_OK)
                return error_oom(err);
        int r = http_drive(attach->multi, &drive, &end, &code, err);
        if (r == 0 && end == HTTP_CANCELLED)
                return error_set(err, ERROR_CANCELLED, "the run was stopped");
        if (r == 0 && end == HTTP_LATE)
                code = CURLE_OPERATION_TIMEDOUT;
        if (r == 0 && code == CURLE_OK)
                code = curl_easy_getinfo(attach->easy, CURLINFO_ACTIVESOCKET, &fd);
        if (r == 0 && code != CURLE_OK)
                return failed(attach, "attaching to a pod", code, err);
        attach->fd = fd;
        attach->heard_us = clock_monotonic_us();
        return r;
}

/* The URL's part behind scheme and authority is asked for; the authority is the Host. */
static int put_head(const struct kube_attach *attach, const char *path,
                    const struct curl_slist *headers, const char *key, struct buf *out,
                    struct error *err)
{
        const char *authority = strstr(attach->server->url, "://");
        authority = authority ? authority + 3 : attach->server->url;
        int n = (int)strcspn(authority, "/");
        buf_printf(out, "GET %s%s HTTP/1.1\r\nHost: %.*s\r\n", authority + n, path, n, authority);
        for (; headers; headers = headers->next)
                buf_printf(out, "%s\r\n", headers->data);
        buf_printf(out,
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: " CHANNELS_SUBPROTOCOL
                   "\r\n\r\n",
                   key);
        return buf_error(out, err, "what is sent to attach");
}

static int make_key(char key[KEY_SIZE], struct error *err)
{
        uint8_t bytes[WS_KEY_BYTES];
        _cleanup_buf_ struct buf text = {0};
        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
                return error_errno(err, errno, "random bytes");
        buf_init(&text, KEY_SIZE - 1);
        base64_put(&text, bytes, sizeof(bytes));
        (void)snprintf(key, KEY_SIZE, "%s", buf_text(&text));
        return buf_error(&text, err, "a key");
}

/* More of a reply. 1: there is; 0: it has ended, or until_us has come. */
static int read_reply(struct kube_attach *attach, struct buf *reply,
                      const struct kube_patience *patience, struct error *err)
{
        char bytes[BLOCK_BYTES];
        size_t n = 0;
        for (;;) {
                int r = read_some(attach, bytes, sizeof(bytes), &n);
                if (r > 0) {
                        buf_append(reply, bytes, n);
                        return reply->state == BUF_OK;
                }
                if (attach->is_ended)
                        return 0;
                r = await(attach, POLLIN, patience, err);
                if (r <= 0)
                        return r;
        }
}

/* What a reply's body says, a Status if it is one. */
static void said_by(const char *body, char *out, size_t size)
{
        static const struct json_limits limits = {.max_bytes = HEAD_MAX, .max_depth = 20};
        struct error ignored = {0};
        _cleanup_json_ json_t *status = NULL;
        (void)json_parse(body, strlen(body), &limits, ERROR_IO, &status, &ignored);
        const char *message = json_get_string(status, "message");
        (void)snprintf(out, size, "%s", message ? message : body);
        for (char *p = out; *p; p++)
                if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
                        *p = ' ';
}

static bool ends_like_a_body(const char *text)
{
        size_t n = strlen(text);
        return n > 0 && strchr("}\n", text[n - 1]);
}

/* It does not change protocols; its body follows, and says why. */
static int refused(struct kube_attach *attach, long status, struct buf *reply,
                   const struct kube_patience *patience, struct error *err)
{
        char why[WHY_MAX];
        struct kube_patience short_one = *patience;
        int64_t until_us = clock_monotonic_us() + POLL_MAX_MS * 1000;
        if (until_us < short_one.until_us)
                short_one.until_us = until_us;
        int r = 1;
        while (r > 0 && !ends_like_a_body(strstr(buf_text(reply), END_OF_HEAD) + 4))
                r = read_reply(attach, reply, &short_one, err);
        if (r < 0)
                return r;
        said_by(strstr(buf_text(reply), END_OF_HEAD) + 4, why, sizeof(why));
        return error_set(err, ERROR_IO,
                         "the Kubernetes API server at %s refused (attaching to a pod, status "
                         "%ld): %s%s",
                         attach->server->url, status, *why ? why : "it does not say why",
                         status == 403 ? "; docs/DEPLOY.md lists the rights that are needed" : "");
}

static int not_one(const struct kube_attach *attach, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "what answers at %s is no Kubernetes API server that one can attach to",
                         attach->server->url);
}

static int take_reply(struct kube_attach *attach, const char *key,
                      const struct kube_patience *patience, struct error *err)
{
        _cleanup_buf_ struct buf reply = {0};
        buf_init(&reply, HEAD_MAX);
        const char *end = NULL;
        int r = 1;
        while (r > 0 && !end) {
                r = read_reply(attach, &reply, patience, err);
                end = strstr(buf_text(&reply), END_OF_HEAD);
        }
        if (r < 0)
                return r;
        if (!end || strncmp(buf_text(&reply), "HTTP/1.1 ", 9) != 0)
                return not_one(attach, err);
        long status = strtol(buf_text(&reply) + 9, NULL, 10);
        if (status != 101)
                return refused(attach, status, &reply, patience, err);
        size_t head = (size_t)(end - buf_text(&reply)) + 4;
        char first_of_rest = reply.data[head];
        reply.data[head] = '\0';
        r = ws_check_reply(buf_text(&reply), key, CHANNELS_SUBPROTOCOL, err);
        reply.data[head] = first_of_rest;
        if (r < 0)
                return error_prefix(err, r, "attaching to a pod by the Kubernetes API server at %s",
                                    attach->server->url);
        buf_append(&attach->early, buf_text(&reply) + head, reply.len - head);
        return buf_error(&attach->early, err, "the first frames");
}

static int shake_hands(struct kube_attach *attach, const char *path,
                       const struct curl_slist *headers, const struct kube_patience *patience,
                       struct error *err)
{
        char key[KEY_SIZE];
        _cleanup_buf_ struct buf head = {0};
        buf_init(&head, HEAD_MAX + KUBE_PATH_MAX);
        int r = make_key(key, err);
        if (r == 0)
                r = put_head(attach, path, headers, key, &head, err);
        if (r == 0)
                r = send_all(attach, buf_text(&head), head.len, patience, err);
        if (head.data)
                explicit_bzero(head.data, head.len);
        return r < 0 ? r : take_reply(attach, key, patience, err);
}

static struct kube_attach *attach_new(const struct kube_server *server,
                                      const struct kube_attach_target *target)
{
        struct kube_attach *attach = alloc_calloc(1, sizeof(*attach));
        if (!attach)
                return NULL;
        attach->server = server;
        attach->fd = -1;
        attach->ping_us = (target->ping_ms > 0 ? target->ping_ms : KUBE_ATTACH_PING_MS) * 1000;
        channels_init(&attach->channels);
        buf_init(&attach->early, HEAD_MAX);
        attach->multi = curl_multi_init();
        if (attach->multi)
                return attach;
        kube_attach_free(attach);
        return NULL;
}

int kube_attach_open(const struct kube_server *server, const struct kube_attach_target *target,
                     const struct kube_patience *patience, struct kube_attach **ret,
                     struct error *err)
{
        char path[KUBE_PATH_MAX];
        struct curl_slist *headers = NULL;
        struct kube_attach *attach = attach_new(server, target);
        if (!attach)
                return error_oom(err);
        (void)snprintf(path, sizeof(path),
                       "/api/v1/namespaces/%s/pods/%s/attach?container=%s&stdin=true&stdout=true&"
                       "stderr=true",
                       server->namespace_, target->pod, target->container);
        int r = kube_handle(server, path, &attach->easy, &headers, err);
        if (r == 0)
                r = dial(attach, patience, err);
        if (r == 0)
                r = shake_hands(attach, path, headers, patience, err);
        curl_slist_free_all(headers);
        if (r < 0)
                kube_attach_free(attach);
        else
                *ret = attach;
        return r;
}

/* It is told; whether it hears it does not matter. */
static void say_goodbye(struct kube_attach *attach)
{
        static const char normal[] = {0x03, (char)0xe8}; /* 1000 */
        struct error ignored = {0};
        const struct kube_patience none = {.cancel_fd = -1};
        (void)put_frame(attach, WS_CLOSE, normal, sizeof(normal), &none, &ignored);
}

void kube_attach_free(struct kube_attach *attach)
{
        if (!attach)
                return;
        if (attach->fd >= 0 && !attach->is_ended)
                say_goodbye(attach);
        if (attach->easy) {
                if (attach->multi)
                        (void)curl_multi_remove_handle(attach->multi, attach->easy);
                curl_easy_cleanup(attach->easy);
        }
        (void)curl_multi_cleanup(attach->multi);
        channels_done(&attach->channels);
        buf_done(&attach->early);
        free(attach);
}

/* ---- attached ---- */

int kube_attach_send(struct kube_attach *attach, const char *bytes, size_t n,
                     const struct kube_patience *patience, struct error *err)
{
        if (attach->is_ended)
                return error_set(err, ERROR_IO, "%s", attach->why);
        while (n > 0) {
                size_t some = n < BLOCK_BYTES ? n : BLOCK_BYTES;
                int r = put_frame(attach, WS_BINARY, bytes, some, patience, err);
                if (r < 0)
                        return r;
                bytes += some;
                n -= some;
        }
        return 0;
}

int64_t kube_attach_due_us(const struct kube_attach *attach)
{
        int64_t last_us = attach->heard_us > attach->asked_us ? attach->heard_us : attach->asked_us;
        return last_us + attach->ping_us;
}

/* Says what is to be said for the connection's sake. */
static void keep_alive(struct kube_attach *attach)
{
        struct error err = {0};
        const struct kube_patience now = {.cancel_fd = -1};
        struct channels *channels = &attach->channels;
        int r = 0;
        if (channels->is_pinged)
                r = put_frame(attach, WS_PONG, buf_text(&channels->ping), channels->ping.len, &now,
                              &err);
        channels->is_pinged = false;
        if (r == 0 && clock_monotonic_us() >= kube_attach_due_us(attach)) {
                if (attach->asked_us > attach->heard_us) {
                        (void)lost(attach, "the connection to the container does not answer");
                        return;
                }
                r = put_frame(attach, WS_PING, NULL, 0, &now, &err);
                attach->asked_us = clock_monotonic_us();
        }
        if (r < 0)
                (void)lost(attach, err.message);
}

static int feed(struct kube_attach *attach, const char *bytes, size_t n, struct buf *out,
                struct error *err)
{
        int r = 0;
        while (r == 0 && n > 0) {
                size_t some = n < CHANNELS_FEED_MAX ? n : CHANNELS_FEED_MAX;
                r = channels_feed(&attach->channels, bytes, some, out, err);
                bytes += some;
                n -= some;
        }
        if (r == 0 && attach->channels.is_closed)
                (void)lost(attach, "the container's streams were closed");
        return r;
}

/* All that has come, to the last byte that lies in libcurl. */
static int take_what_is_there(struct kube_attach *attach, struct buf *out, struct error *err)
{
        char bytes[BLOCK_BYTES];
        size_t n = 0;
        int r = feed(attach, buf_text(&attach->early), attach->early.len, out, err);
        buf_clear(&attach->early);
        while (r == 0 && !attach->is_ended && read_some(attach, bytes, sizeof(bytes), &n) > 0)
                r = feed(attach, bytes, n, out, err);
        return r;
}

int kube_attach_receive(struct kube_attach *attach, struct buf *out,
                        const struct kube_patience *patience, struct error *err)
{
        size_t before = out->len;
        for (;;) {
                int r = take_what_is_there(attach, out, err);
                if (r < 0)
                        return r;
                if (!attach->is_ended)
                        keep_alive(attach);
                if (out->len > before)
                        return KUBE_ATTACH_BYTES;
                if (attach->is_ended)
                        return KUBE_ATTACH_ENDED;
                struct kube_patience next = *patience;
                if (kube_attach_due_us(attach) < next.until_us)
                        next.until_us = kube_attach_due_us(attach);
                r = await(attach, POLLIN, &next, err);
                if (r < 0)
                        return r;
                if (r == 0 && clock_monotonic_us() >= patience->until_us)
                        return KUBE_ATTACH_QUIET;
        }
}

const char *kube_attach_why(const struct kube_attach *attach)
{
        return attach->why;
}

int kube_attach_fd(const struct kube_attach *attach)
{
        return attach->fd;
}
