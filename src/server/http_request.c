/* The way of a request through the library: request line, headers, body, handle(), reply or pause,
 * end. All that libmicrohttpd calls is here but the reader of streams. */
#include "server/http_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define BREAK_OFF_MAX 8192 /* bytes of a refusal that we send by ourselves */

struct http_request *http_hold(struct http_request *request)
{
        (void)atomic_fetch_add(&request->references, 1);
        return request;
}

void http_release(struct http_request *request)
{
        if (!request || atomic_fetch_sub(&request->references, 1) != 1)
                return;
        http_head_done(&request->head);
        buf_done(&request->body);
        buf_done(&request->stream.data);
        if (request->on_free)
                request->on_free(request->free_data);
        while (request->given) {
                struct http_given *next = request->given->next;
                free(request->given);
                request->given = next;
        }
        (void)pthread_mutex_destroy(&request->mutex);
        free(request);
}

/* The request line was read; target is as the client wrote it. */
void *http_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
        struct http_server *server = cls;
        struct http_request *request = alloc_calloc(1, sizeof(*request));
        char *copy = alloc_strdup(target);
        if (!request || !copy || pthread_mutex_init(&request->mutex, NULL) != 0) {
                free(copy);
                free(request);
                return NULL;
        }
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        request->fd = info ? info->connect_fd : -1;
        request->server = server;
        request->data = server->options.data;
        request->connection = connection;
        request->started_us = clock_monotonic_us();
        request->head.target = copy;
        atomic_init(&request->references, 1);
        atomic_init(&request->comment_due_us, INT64_MAX);
        buf_init(&request->body, server->options.body_max);
        buf_init(&request->stream.data, 2 * HTTP_BACKLOG_MAX);
        return request;
}

/* The body of a refusal and its type; NULL: memory is short. */
static char *refusal_body(struct http_request *request, int status, const char **ret_type)
{
        const struct http_options *options = &request->server->options;
        *ret_type = "application/problem+json";
        char *body = options->refuse ? options->refuse(request, status, options->data) : NULL;
        if (body)
                return body;
        char text[64];
        (void)snprintf(text, sizeof(text), "The request was refused (%d).\n", status);
        *ret_type = "text/plain; charset=utf-8";
        return alloc_strdup(text);
}

/* close: part of the body is still to come, and nobody will read it. */
static void refuse(struct http_request *request, bool close)
{
        const char *type = NULL;
        _cleanup_free_ char *body = refusal_body(request, request->refusal, &type);
        if (close)
                http_set(request, "Connection", "close");
        http_reply(request, request->refusal, type, body, body ? strlen(body) : 0);
}

/* Gives the library the reply, or parks the connection until there is one. */
static enum MHD_Result settle(struct http_request *request)
{
        (void)pthread_mutex_lock(&request->mutex);
        struct MHD_Response *response = steal_ptr(&request->response);
        bool parked = !request->gone && request->status == 0 && http_park(request, HTTP_PARKED);
        bool send = !request->gone && response;
        unsigned status = (unsigned)request->status;
        if (send)
                request->state = HTTP_SENDING;
        (void)pthread_mutex_unlock(&request->mutex);
        enum MHD_Result r = parked ? MHD_YES : MHD_NO;
        /* Not under the lock: a stream's reader takes the two locks the other way round. */
        if (send)
                r = MHD_queue_response(request->connection, status, response);
        if (response)
                MHD_destroy_response(response);
        return r;
}

static void move(struct http_request *request, enum http_state state)
{
        (void)pthread_mutex_lock(&request->mutex);
        request->state = state;
        (void)pthread_mutex_unlock(&request->mutex);
}

static void enlist(struct http_request *request)
{
        struct http_server *server = request->server;
        http_peer_waits(request->connection);
        (void)atomic_fetch_add(&server->open, 1);
        (void)pthread_mutex_lock(&server->mutex);
        request->next = server->requests;
        request->back = &server->requests;
        if (request->next)
                request->next->back = &request->next;
        server->requests = request;
        (void)pthread_mutex_unlock(&server->mutex);
}

static void unlist(struct http_request *request)
{
        struct http_server *server = request->server;
        (void)pthread_mutex_lock(&server->mutex);
        bool listed = request->back;
        if (listed)
                *request->back = request->next;
        if (listed && request->next)
                request->next->back = request->back;
        request->back = NULL;
        (void)pthread_mutex_unlock(&server->mutex);
        if (listed)
                (void)atomic_fetch_sub(&server->open, 1);
}

/* The length that the client announced; 0 when it announced none, or chunks. */
static size_t announced(const struct http_request *request)
{
        const char *text = http_header(request, "Content-Length");
        uintmax_t n = text ? strtoumax(text, NULL, 10) : 0;
        return n > SIZE_MAX ? SIZE_MAX : (size_t)n;
}

static bool too_much(const struct http_request *request, size_t bytes)
{
        size_t most = request->server->options.body_max;
        return bytes > most && bytes - most > HTTP_DRAIN_MAX;
}

/* The headers are there. A refusal waits for the body as well, so that the connection can be kept;
 * but not for one that only comes when we ask for it, nor for a very long one, nor when it is not
 * clear where the body ends. */
static enum MHD_Result begin(struct http_request *request, const char *method, const char *version)
{
        const struct http_options *options = &request->server->options;
        request->refusal =
                http_head_read(&request->head, request->connection, method, options->header_max);
        /* RFC 9112 3.2 */
        if (!request->refusal && strcmp(version, "HTTP/1.1") == 0 && !http_header(request, "Host"))
                request->refusal = 400;
        size_t bytes = announced(request);
        if (!request->refusal && bytes > options->body_max)
                request->refusal = 413;
        bool chunks = http_header(request, "Transfer-Encoding");
        bool unclear = chunks && http_header(request, "Content-Length");
        bool asks = http_header(request, "Expect") && (bytes > 0 || chunks);
        if (!request->refusal || !(asks || unclear || too_much(request, bytes))) {
                move(request, HTTP_BODY);
                return MHD_YES;
        }
        move(request, HTTP_HANDLED);
        enlist(request);
        refuse(request, true);
        return settle(request);
}

/* A reply cannot be queued while a body comes in. So it is written past the library, which then
 * closes the connection. */
static enum MHD_Result break_off(struct http_request *request)
{
        const char *type = NULL;
        _cleanup_free_ char *body = refusal_body(request, 413, &type);
        _cleanup_buf_ struct buf reply = {0};
        buf_init(&reply, BREAK_OFF_MAX);
        if (body)
                buf_printf(&reply,
                           "HTTP/1.1 413 Content Too Large\r\nContent-Type: %s\r\n"
                           "X-Request-Id: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
                           "\r\n%s",
                           type, request->head.id, strlen(body), body);
        if (!request->server->tls && reply.state == BUF_OK && reply.len > 0)
                (void)send(request->fd, reply.data, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)pthread_mutex_lock(&request->mutex);
        request->status = 413;
        (void)pthread_mutex_unlock(&request->mutex);
        return MHD_NO;
}

static enum MHD_Result take_body(struct http_request *request, const char *upload, size_t *bytes)
{
        request->body_seen += *bytes;
        http_peer_sends(request->connection, *bytes);
        if (!request->refusal) {
                buf_append(&request->body, upload, *bytes);
                if (request->body.state != BUF_OK)
                        request->refusal = request->body.state == BUF_TOO_LARGE ? 413 : 503;
        }
        if (request->refusal)
                buf_done(&request->body);
        *bytes = 0;
        return too_much(request, request->body_seen) ? break_off(request) : MHD_YES;
}

static enum MHD_Result finish(struct http_request *request)
{
        move(request, HTTP_HANDLED);
        enlist(request);
        if (request->refusal)
                refuse(request, false);
        else
                request->server->options.handle(request, request->server->options.data);
        return settle(request);
}

enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **context)
{
        (void)server;
        (void)connection;
        (void)url;
        struct http_request *request = *context;
        if (!request)
                return MHD_NO; /* memory was short */
        (void)pthread_mutex_lock(&request->mutex);
        enum http_state state = request->state;
        (void)pthread_mutex_unlock(&request->mutex);
        if (state == HTTP_HEAD)
                return begin(request, method, version);
        if (state == HTTP_BODY && *upload_bytes > 0)
                return take_body(request, upload, upload_bytes);
        return state == HTTP_BODY ? finish(request) : settle(request);
}

/* How a request ended. */
struct end {
        bool complete; /* the client has the whole reply */
        bool handled;
        int status;
        uint64_t bytes;
        void (*on_gone)(void *data);
        void *on_gone_data;
        struct MHD_Response *unsent;
};

static struct end end_of(struct http_request *request, bool ok)
{
        struct end end = {0};
        (void)pthread_mutex_lock(&request->mutex);
        end.handled = request->state > HTTP_BODY;
        end.status = request->status;
        end.complete = ok && end.status && !request->stream.open && !request->stream.broken;
        request->state = HTTP_ENDED;
        request->gone = !end.complete;
        request->connection = NULL;
        atomic_store(&request->comment_due_us, INT64_MAX);
        end.bytes = request->is_stream ? request->stream.sent
                    : end.complete     ? request->reply_bytes
                                       : 0;
        if (!end.complete) {
                end.on_gone = request->on_gone;
                end.on_gone_data = request->on_gone_data;
        }
        request->on_gone = NULL;
        end.unsent = steal_ptr(&request->response);
        buf_done(&request->stream.data);
        (void)pthread_mutex_unlock(&request->mutex);
        return end;
}

/* The status of a page that the library made by itself, or 0. */
static int status_by_library(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
        return info ? (int)info->http_status : 0;
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why)
{
        struct http_server *server = cls;
        struct http_request *request = *context;
        *context = NULL;
        if (!request)
                return;
        struct end end = end_of(request, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        unlist(request);
        http_peer_next(server, connection);
        if (end.unsent)
                MHD_destroy_response(end.unsent);
        if (end.on_gone)
                end.on_gone(end.on_gone_data);
        int status = end.handled || end.status ? end.status : status_by_library(connection);
        if (server->options.ended && (end.handled || status))
                server->options.ended(request, status, end.bytes,
                                      clock_monotonic_us() - request->started_us,
                                      server->options.data);
        http_release(request);
}

void http_on_gone(struct http_request *request, void (*gone)(void *data), void (*done)(void *data),
                  void *data)
{
        (void)pthread_mutex_lock(&request->mutex);
        request->on_free = done;
        request->free_data = data;
        bool now = request->state == HTTP_ENDED && request->gone;
        if (request->state != HTTP_ENDED) {
                request->on_gone = gone;
                request->on_gone_data = data;
        }
        (void)pthread_mutex_unlock(&request->mutex);
        if (now)
                gone(data);
}

bool http_is_gone(const struct http_request *request)
{
        struct http_request *mine = (struct http_request *)request; /* for its mutex */
        (void)pthread_mutex_lock(&mine->mutex);
        bool gone = mine->gone;
        (void)pthread_mutex_unlock(&mine->mutex);
        return gone;
}

const char *http_method(const struct http_request *request)
{
        return request->head.method;
}

const char *http_path(const struct http_request *request)
{
        return request->head.path ? request->head.path : "";
}

const char *http_query(const struct http_request *request, const char *name)
{
        return http_fields_get(&request->head.query, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
        const struct http_fields *headers = &request->head.headers;
        for (size_t i = 0; i < headers->count; i++)
                if (strcasecmp(headers->list[i].name, name) == 0)
                        return headers->list[i].value;
        return NULL;
}

const char *http_body(const struct http_request *request, size_t *ret_bytes)
{
        if (ret_bytes)
                *ret_bytes = request->body.len;
        return buf_text(&request->body);
}

void *http_data(const struct http_request *request)
{
        return request->data;
}

void http_set_user(struct http_request *request, const char *user)
{
        (void)snprintf(request->user, sizeof(request->user), "%s", user);
}

const char *http_user(const struct http_request *request)
{
        return request->user;
}

const char *http_client(const struct http_request *request)
{
        return request->head.client;
}

const char *http_request_id(const struct http_request *request)
{
        return request->head.id;
}
