#include "executor/docker_stream.h"

#include "executor/docker_api.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_MAX 16384 /* of the reply to the attach */
#define PIECE_HEAD 8
#define CHUNK_BYTES 65536
enum { PIECE_STDIN, PIECE_STDOUT, PIECE_STDERR };

/* 0 once fd is ready for events. */
static int wait_for(int fd, short events, int64_t deadline_us, int cancel_fd, bool *ret_in_time,
                    struct error *err)
{
        *ret_in_time = true;
        for (;;) {
                struct pollfd fds[2] = {{.fd = fd, .events = events},
                                        {.fd = cancel_fd, .events = POLLIN}};
                int64_t left_us = deadline_us - clock_monotonic_us();
                if (left_us <= 0) {
                        *ret_in_time = false;
                        return 0;
                }
                int n = poll(fds, 2, (int)((left_us + 999) / 1000));
                if (n < 0 && errno != EINTR)
                        return error_errno(err, errno, "waiting for the Docker daemon");
                if (n > 0 && fds[1].revents)
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                if (n > 0)
                        return 0;
        }
}

/* ---- the way in ---- */

static int no_stream(const char *socket, const char *what, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "the Docker daemon at %s did not give the container's streams: %.300s",
                         socket, what);
}

/* The connection until the reply's head has ended, and what this process may wait for. */
struct way_in {
        const char *socket;
        int fd;
        int cancel_fd;
        int64_t deadline_us;
};

/* One byte more of the reply: what follows its head is the container's already. 0 at the end. */
static int take_byte(const struct way_in *way, struct buf *out, struct error *err)
{
        for (;;) {
                char byte;
                bool in_time;
                ssize_t n = fd_receive(way->fd, &byte, 1);
                if (n == 1)
                        buf_putc(out, byte ? byte : ' ');
                if (n >= 0)
                        return n == 1 && out->state == BUF_OK;
                int r = wait_for(way->fd, POLLIN, way->deadline_us, way->cancel_fd, &in_time, err);
                if (r < 0)
                        return r;
                if (!in_time)
                        return no_stream(way->socket, "it did not answer in time", err);
        }
}

static int read_head(const struct way_in *way, struct buf *head, struct error *err)
{
        while (!strstr(buf_text(head), "\r\n\r\n")) {
                int r = take_byte(way, head, err);
                if (r == 0)
                        return no_stream(way->socket, "it ended the connection", err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A reply that is no stream has a body, {"message": ...}. */
static int refused(const struct way_in *way, const struct buf *head, int status, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = HEAD_MAX, .max_depth = 8};
        const struct docker_call call = {.doing = "attaching to the runner's container"};
        const char *length = strcasestr(buf_text(head), "\r\ncontent-length:");
        long left = length ? strtol(strchr(length, ':') + 1, NULL, 10) : 0;
        _cleanup_(docker_reply_done) struct docker_reply reply = {.status = status};
        _cleanup_buf_ struct buf body = {0};
        struct error ignored = {0};
        buf_init(&body, HEAD_MAX);
        for (int r = 1; r > 0 && left > 0; left--)
                r = take_byte(way, &body, &ignored);
        (void)json_parse(buf_text(&body), body.len, &limits, ERROR_IO, &reply.body, &ignored);
        return docker_refused(way->socket, &call, &reply, err);
}

int docker_attach(const char *socket, const char *container, int64_t timeout_ms, int cancel_fd,
                  int *ret_fd, struct error *err)
{
        int64_t deadline_us = clock_monotonic_us() + timeout_ms * 1000;
        char request[DOCKER_PATH_MAX + 256];
        _cleanup_close_ int fd = -1;
        _cleanup_buf_ struct buf head = {0};
        int status = 0;
        int n = snprintf(
                request, sizeof(request),
                "POST /containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
                "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                "Content-Length: 0\r\n\r\n",
                container);
        int r = docker_connect(socket, &fd, err);
        if (r < 0)
                return r;
        buf_init(&head, HEAD_MAX);
        /* A new connection takes so few bytes at once. */
        if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
                return no_stream(socket, strerror(errno), err);
        const struct way_in way = {
                .socket = socket, .fd = fd, .cancel_fd = cancel_fd, .deadline_us = deadline_us};
        r = read_head(&way, &head, err);
        if (r < 0)
                return r;
        if (sscanf(buf_text(&head), "HTTP/1.%*c %d", &status) != 1)
                return no_stream(socket, "it does not speak HTTP", err);
        /* 101 by who knows the upgrade, 200 by older ones. */
        if (status != 101 && status != 200)
                return refused(&way, &head, status, err);
        *ret_fd = steal_fd(&fd);
        return 0;
}

/* ---- the exchange ---- */

struct stream {
        int fd;
        const struct executor_call *call;
        size_t sent;
        bool is_shut; /* all was sent, or nobody wants it */
        unsigned char head[PIECE_HEAD];
        size_t head_bytes; /* of the head that have come */
        uint32_t left;     /* of the piece */
        size_t received;
        struct buf *response;
        struct buf *said;
};

/* A runner that does not want its request any more will say why, or die; both show elsewhere. */
static void stream_send(struct stream *stream)
{
        const struct executor_call *call = stream->call;
        if (stream->is_shut)
                return;
        int r = fd_send_some(stream->fd, call->request, call->request_bytes, &stream->sent);
        if (r == 0 && stream->sent < call->request_bytes)
                return;
        (void)shutdown(stream->fd, SHUT_WR);
        stream->is_shut = true;
}

static int take_stdout(struct stream *stream, const char *bytes, size_t n, struct error *err)
{
        stream->received += n;
        if ((int64_t)stream->received <= stream->call->max_response_bytes)
                buf_append(stream->response, bytes, n);
        if ((int64_t)stream->received > stream->call->max_response_bytes ||
            stream->response->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's response is larger than %lld bytes",
                                 (long long)stream->call->max_response_bytes);
        return stream->response->state == BUF_OK ? 0 : error_oom(err);
}

/* The start is kept, as the first complaint is the telling one. */
static void take_stderr(const struct stream *stream, const char *bytes, size_t n)
{
        size_t room = stream->said->max - stream->said->len;
        buf_append(stream->said, bytes, n < room ? n : room);
}

/* A head is complete: which stream, and how many bytes (big-endian). */
static int open_piece(struct stream *stream, struct error *err)
{
        const unsigned char *head = stream->head;
        stream->left = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 |
                       (uint32_t)head[7];
        if (head[0] <= PIECE_STDERR && !head[1] && !head[2] && !head[3])
                return 0;
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the container's output is not in the pieces that the Engine API says");
}

static int take(struct stream *stream, const char *bytes, size_t n, struct error *err)
{
        while (n > 0) {
                if (stream->head_bytes < PIECE_HEAD) {
                        stream->head[stream->head_bytes++] = (unsigned char)*bytes++;
                        n--;
                        if (stream->head_bytes == PIECE_HEAD && open_piece(stream, err) < 0)
                                return -(int)ERROR_RUNNER_INTERNAL;
                } else {
                        size_t part = n < stream->left ? n : stream->left;
                        int r = 0;
                        if (stream->head[0] == PIECE_STDOUT)
                                r = take_stdout(stream, bytes, part, err);
                        else if (stream->head[0] == PIECE_STDERR)
                                take_stderr(stream, bytes, part);
                        if (r < 0)
                                return r;
                        bytes += part;
                        n -= part;
                        stream->left -= (uint32_t)part;
                }
                if (stream->head_bytes == PIECE_HEAD && stream->left == 0)
                        stream->head_bytes = 0;
        }
        return 0;
}

/* 1: more may come; 0: that was all. */
static int stream_receive(struct stream *stream, struct error *err)
{
        char chunk[CHUNK_BYTES];
        for (;;) {
                ssize_t n = fd_receive(stream->fd, chunk, sizeof(chunk));
                if (n <= 0)
                        return n < 0;
                int r = take(stream, chunk, (size_t)n, err);
                if (r < 0)
                        return r;
        }
}

int docker_exchange(int fd, const struct executor_call *call, int64_t deadline_us,
                    struct buf *response, struct buf *said, struct error *err)
{
        struct stream stream = {.fd = fd, .call = call, .response = response, .said = said};
        int r = 1;
        while (r > 0) {
                bool in_time;
                stream_send(&stream);
                r = wait_for(fd, (short)(stream.is_shut ? POLLIN : POLLIN | POLLOUT), deadline_us,
                             call->cancel_fd, &in_time, err);
                if (r < 0)
                        return r;
                if (!in_time)
                        return error_set(err, ERROR_RUNNER_TIMEOUT,
                                         "the run did not end within %lld ms; allow more with "
                                         "--timeout-ms, or ask for less",
                                         (long long)call->timeout_ms);
                r = stream_receive(&stream, err);
        }
        return r;
}
