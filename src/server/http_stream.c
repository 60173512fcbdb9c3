#include "server/http_private.h"

#include "base/clock.h"

#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES 1024    /* only for clients of HTTP/1.0 */
#define KEEP_BYTES 1024     /* of memory, by a stream that has nothing to send */
#define COMPACT_BYTES 65536 /* taken ones are moved away */

static size_t waiting(const struct http_stream *stream)
{
        return stream->data.len - stream->taken;
}

static void compact(struct http_stream *stream)
{
        if (waiting(stream) == 0) {
                if (stream->data.capacity > KEEP_BYTES)
                        buf_done(&stream->data);
                buf_clear(&stream->data);
                stream->taken = 0;
        } else if (stream->taken >= COMPACT_BYTES && stream->taken >= stream->data.len / 2) {
                memmove(stream->data.data, stream->data.data + stream->taken, waiting(stream));
                stream->data.len -= stream->taken;
                stream->taken = 0;
        }
}

static ssize_t take(struct http_stream *stream, char *out, size_t max)
{
        size_t n = waiting(stream) < max ? waiting(stream) : max;
        memcpy(out, stream->data.data + stream->taken, n);
        stream->taken += n;
        stream->sent += n;
        compact(stream);
        return (ssize_t)n;
}

/* Called by the library, on the loop thread, when the socket has room. */
static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t max)
{
        (void)position;
        struct http_request *request = cls;
        struct http_stream *stream = &request->stream;
        ssize_t n = MHD_CONTENT_READER_END_WITH_ERROR;
        (void)pthread_mutex_lock(&request->mutex);
        if (request->state != HTTP_SENDING || request->gone || stream->broken)
                n = MHD_CONTENT_READER_END_WITH_ERROR;
        else if (waiting(stream) > 0)
                n = take(stream, out, max);
        else if (!stream->open)
                n = MHD_CONTENT_READER_END_OF_STREAM;
        else if (http_park(request, HTTP_STARVED))
                n = 0;
        (void)pthread_mutex_unlock(&request->mutex);
        return n;
}

static void release(void *cls)
{
        http_release(cls);
}

/* For HEAD an empty one: behind a head that announces chunks the library writes the last chunk all
 * the same, and the client would take that for the next reply. */
static struct MHD_Response *make(struct http_request *request)
{
        if (request->head.is_head)
                return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        struct MHD_Response *response = MHD_create_response_from_callback(
                MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, http_hold(request), release);
        if (!response)
                http_release(request);
        return response;
}

void http_stream(struct http_request *request)
{
        struct MHD_Response *response = make(request);
        bool made = response &&
                    MHD_add_response_header(response, "Content-Type", "text/event-stream") &&
                    MHD_add_response_header(response, "Cache-Control", "no-store") &&
                    MHD_add_response_header(response, "X-Accel-Buffering", "no");
        if (response && !made) {
                MHD_destroy_response(response);
                response = NULL;
        }
        (void)pthread_mutex_lock(&request->mutex);
        if (request->status == 0 && request->state != HTTP_ENDED) {
                request->is_stream = true;
                request->stream.open = true;
                atomic_store(&request->comment_due_us,
                             clock_monotonic_us() + HTTP_COMMENT_EVERY_US);
        }
        (void)pthread_mutex_unlock(&request->mutex);
        (void)http_publish(request, 200, response, 0);
}

/* The client does not keep up. Its connection may wait for room in the socket and would not ask for
 * more, so the socket is shut. */
static void break_stream(struct http_request *request)
{
        request->stream.broken = true;
        (void)shutdown(request->fd, SHUT_RDWR);
}

bool http_stream_send(struct http_request *request, const char *text, size_t bytes)
{
        struct http_stream *stream = &request->stream;
        (void)pthread_mutex_lock(&request->mutex);
        bool sends =
                request->state != HTTP_ENDED && !request->gone && stream->open && !stream->broken;
        if (sends) {
                if (waiting(stream) <= HTTP_BACKLOG_MAX &&
                    bytes <= HTTP_BACKLOG_MAX - waiting(stream))
                        buf_append(&stream->data, text, bytes);
                else
                        stream->data.state = BUF_TOO_LARGE;
                sends = stream->data.state == BUF_OK;
                if (!sends)
                        break_stream(request);
                atomic_store(&request->comment_due_us,
                             sends ? clock_monotonic_us() + HTTP_COMMENT_EVERY_US : INT64_MAX);
                if (request->state == HTTP_STARVED)
                        http_unpark(request);
        }
        (void)pthread_mutex_unlock(&request->mutex);
        return sends;
}

void http_stream_end(struct http_request *request)
{
        (void)pthread_mutex_lock(&request->mutex);
        request->stream.open = false;
        atomic_store(&request->comment_due_us, INT64_MAX);
        if (request->state == HTTP_STARVED)
                http_unpark(request);
        (void)pthread_mutex_unlock(&request->mutex);
}
