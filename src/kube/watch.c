#include "kube/watch.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)8 * 1024 * 1024) /* of one event */
#define EVENT_DEPTH_MAX 100
#define AGAIN_FIRST_MS 100 /* then twice as long each time */
#define AGAIN_MAX_MS 5000
#define VERSION_MAX 128
#define STATUS_OK 200
#define STATUS_GONE 410
/* The server ends the stream after so long. One that does not has fallen silent, as behind a
 * firewall that forgot the connection, which nothing else would tell. */
#define STREAM_S 20
#define STREAM_GRACE_S 5

struct kube_watch {
        const struct kube_server *server;
        const char *path;
        CURLM *multi;
        CURL *easy; /* NULL between two connections */
        struct curl_slist *headers;
        char said[CURL_ERROR_SIZE];
        struct buf text; /* arrived and not yet taken: whole events and the start of one */
        size_t taken;    /* of text */
        bool has_line;
        char version[VERSION_MAX]; /* resourceVersion to go on from; "": what is there now */
        int failures;              /* in a row */
        int64_t again_us;
        struct error trouble;
};

int kube_watch_new(const struct kube_server *server, const char *path, struct kube_watch **ret,
                   struct error *err)
{
        struct kube_watch *watch = alloc_calloc(1, sizeof(*watch));
        if (!watch)
                return error_oom(err);
        watch->server = server;
        watch->path = path;
        watch->multi = curl_multi_init();
        buf_init(&watch->text, LINE_MAX_BYTES);
        if (!watch->multi) {
                kube_watch_free(watch);
                return error_oom(err);
        }
        *ret = watch;
        return 0;
}

static void hang_up(struct kube_watch *watch)
{
        if (watch->easy) {
                (void)curl_multi_remove_handle(watch->multi, watch->easy);
                curl_easy_cleanup(watch->easy);
        }
        watch->easy = NULL;
        curl_slist_free_all(watch->headers);
        watch->headers = NULL;
        buf_clear(&watch->text);
        watch->taken = 0;
        watch->has_line = false;
}

void kube_watch_free(struct kube_watch *watch)
{
        if (!watch)
                return;
        hang_up(watch);
        (void)curl_multi_cleanup(watch->multi);
        buf_done(&watch->text);
        free(watch);
}

const char *kube_watch_trouble(const struct kube_watch *watch)
{
        long status = 0;
        if (watch->easy)
                (void)curl_easy_getinfo(watch->easy, CURLINFO_RESPONSE_CODE, &status);
        /* A stream that goes on without an event is no trouble. */
        return status == STATUS_OK ? "" : watch->trouble.message;
}

/* ---- the connection ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
        struct kube_watch *watch = data;
        size_t n = size * count;
        long status = 0;
        (void)curl_easy_getinfo(watch->easy, CURLINFO_RESPONSE_CODE, &status);
        buf_append(&watch->text, bytes, n);
        /* A refusal is no event, whatever its body ends with. */
        watch->has_line |= status == STATUS_OK && memchr(bytes, '\n', n) != NULL;
        return watch->text.state == BUF_OK ? n : CURL_WRITEFUNC_ERROR;
}

#define SET(option, value) (curl_easy_setopt(watch->easy, (option), (value)) == CURLE_OK)

static int dial(struct kube_watch *watch, struct error *err)
{
        char path[KUBE_PATH_MAX];
        (void)snprintf(path, sizeof(path),
                       "%s&watch=1&allowWatchBookmarks=true&timeoutSeconds=%d%s%s", watch->path,
                       STREAM_S, *watch->version ? "&resourceVersion=" : "", watch->version);
        int r = kube_handle(watch->server, path, &watch->easy, &watch->headers, err);
        if (r < 0)
                return r;
        watch->said[0] = '\0';
        return SET(CURLOPT_HTTPHEADER, watch->headers) && SET(CURLOPT_ERRORBUFFER, watch->said) &&
                               SET(CURLOPT_TIMEOUT, (long)STREAM_S + STREAM_GRACE_S) &&
                               SET(CURLOPT_WRITEFUNCTION, on_body) &&
                               SET(CURLOPT_WRITEDATA, watch) &&
                               curl_multi_add_handle(watch->multi, watch->easy) == CURLM_OK
                       ? 0
                       : error_oom(err);
}

static int refused(const struct kube_watch *watch, long status, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = LINE_MAX_BYTES,
                                                  .max_depth = EVENT_DEPTH_MAX};
        struct error ignored = {0};
        _cleanup_json_ json_t *body = NULL;
        (void)json_parse(buf_text(&watch->text), watch->text.len, &limits, ERROR_IO, &body,
                         &ignored);
        const char *message = json_get_string(body, "message");
        return error_set(err, ERROR_IO,
                         "the Kubernetes API server at %s refused to be watched (status %ld): "
                         "%.700s; docs/DEPLOY.md lists the rights that are needed",
                         watch->server->url, status, message ? message : "it does not say why");
}

/* The stream has ended. It does so now and then, and whenever the server is replaced. 1: *ret is
 * one for the caller. */
static int lost(struct kube_watch *watch, CURLcode code, struct kube_event *ret, struct error *err)
{
        struct error why = {0};
        long status = 0;
        (void)curl_easy_getinfo(watch->easy, CURLINFO_RESPONSE_CODE, &status);
        if (watch->text.state != BUF_OK)
                return error_set(err, ERROR_IO,
                                 "an event of the Kubernetes API server is too long");
        if (status == 401 || status == 403 || status == 404)
                return refused(watch, status, err);
        if (status == STATUS_GONE) {
                watch->version[0] = '\0';
                ret->kind = KUBE_RESTARTED;
        }
        if (status == STATUS_OK) {
                watch->failures = 0;
        } else {
                if (code == CURLE_OK)
                        (void)snprintf(watch->said, sizeof(watch->said),
                                       "it answers with status %ld", status);
                (void)kube_unreached(watch->server, code, watch->said, "watching pods", &why);
                watch->trouble = why;
                watch->failures++;
        }
        int shift = watch->failures < 6 ? watch->failures : 6;
        int64_t ms = watch->failures == 0 ? AGAIN_FIRST_MS / 2 : (int64_t)AGAIN_FIRST_MS << shift;
        watch->again_us = clock_monotonic_us() + (ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS) * 1000;
        hang_up(watch);
        return ret->kind == KUBE_RESTARTED;
}

/* ---- events ---- */

/* {"type": "ERROR", "object": {"code": 410}}: what we go on from is forgotten. */
static int take_error(struct kube_watch *watch, const json_t *object, struct kube_event *ret)
{
        if (json_get_int(object, "code", 0) == STATUS_GONE) {
                watch->version[0] = '\0';
                ret->kind = KUBE_RESTARTED;
        }
        hang_up(watch);
        watch->again_us = clock_monotonic_us() + AGAIN_FIRST_MS * 1000;
        return ret->kind == KUBE_RESTARTED;
}

static void remember(struct kube_watch *watch, const json_t *object)
{
        const char *version =
                json_get_string(json_object_get(object, "metadata"), "resourceVersion");
        if (version && strlen(version) < VERSION_MAX &&
            strspn(version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") ==
                    strlen(version))
                (void)snprintf(watch->version, VERSION_MAX, "%s", version);
}

/* 1: *ret is one for the caller. */
static int take_event(struct kube_watch *watch, json_t *event, struct kube_event *ret)
{
        const char *type = json_get_string(event, "type");
        json_t *object = json_object_get(event, "object");
        if (!type || strcmp(type, "ERROR") == 0)
                return take_error(watch, object, ret);
        remember(watch, object);
        if (strcmp(type, "BOOKMARK") == 0)
                return 0;
        ret->kind = strcmp(type, "DELETED") == 0 ? KUBE_DELETED : KUBE_PRESENT;
        ret->object = json_incref(object);
        return 1;
}

/* The next whole line of what has arrived; 1: it was an event for the caller. */
static int take_line(struct kube_watch *watch, struct kube_event *ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = LINE_MAX_BYTES,
                                                  .max_depth = EVENT_DEPTH_MAX};
        const char *line = watch->text.data + watch->taken;
        const char *end = memchr(line, '\n', watch->text.len - watch->taken);
        _cleanup_json_ json_t *event = NULL;
        if (!end) { /* the start of one is kept */
                size_t rest = watch->text.len - watch->taken;
                memmove(watch->text.data, line, rest);
                watch->text.len = rest;
                watch->text.data[rest] = '\0';
                watch->taken = 0;
                watch->has_line = false;
                return 0;
        }
        watch->taken = (size_t)(end - watch->text.data) + 1;
        int r = json_parse(line, (size_t)(end - line), &limits, ERROR_IO, &event, err);
        if (r < 0)
                return error_prefix(err, r, "an event of the Kubernetes API server");
        watch->failures = 0;
        watch->trouble = (struct error){0};
        return take_event(watch, event, ret);
}

/* One step towards the next event; 1: there it is. */
static int advance(struct kube_watch *watch, int64_t until_us, int cancel_fd,
                   struct kube_event *ret, struct error *err)
{
        enum http_end end = HTTP_ENDED;
        CURLcode code = CURLE_OK;
        if (watch->has_line)
                return take_line(watch, ret, err);
        if (!watch->easy) {
                int64_t again_us = watch->again_us < until_us ? watch->again_us : until_us;
                if (http_wait(cancel_fd, (again_us - clock_monotonic_us()) / 1000))
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                return clock_monotonic_us() < until_us ? dial(watch, err) : 0;
        }
        const struct http_patience patience = {.until_us = until_us,
                                               .cancel_fd = cancel_fd,
                                               .enough = &watch->has_line,
                                               .whom = "the Kubernetes API server"};
        int r = http_drive(watch->multi, &patience, &end, &code, err);
        if (r == 0 && end == HTTP_CANCELLED)
                return error_set(err, ERROR_CANCELLED, "the run was stopped");
        if (r == 0 && end == HTTP_ENDED && !watch->has_line)
                return lost(watch, code, ret, err);
        return r;
}

int kube_watch_next(struct kube_watch *watch, int64_t until_us, int cancel_fd,
                    struct kube_event *ret, struct error *err)
{
        *ret = (struct kube_event){.kind = KUBE_QUIET};
        int r = 0;
        while (r == 0 && (watch->has_line || clock_monotonic_us() < until_us))
                r = advance(watch, until_us, cancel_fd, ret, err);
        return r < 0 ? r : 0;
}
