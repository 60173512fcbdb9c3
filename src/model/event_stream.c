#include "model/event_stream.h"

#include <stdio.h>
#include <string.h>

void event_stream_init(struct event_stream *stream, size_t line_max, event_stream_take *take,
                       void *user)
{
        *stream = (struct event_stream){.take = take, .user = user};
        buf_init(&stream->line, line_max);
        buf_init(&stream->data, line_max);
}

void event_stream_done(struct event_stream *stream)
{
        buf_done(&stream->line);
        buf_done(&stream->data);
}

static int buf_fault(const struct buf *buf, struct error *err)
{
        if (buf->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's server sent a line of more than %zu bytes", buf->max);
        return buf->state == BUF_OK ? 0 : error_oom(err);
}

static int dispatch(struct event_stream *stream, struct error *err)
{
        int r = 0;
        if (stream->has_data)
                r = stream->take(stream->name, buf_text(&stream->data), stream->data.len,
                                 stream->user, err);
        buf_clear(&stream->data);
        stream->has_data = false;
        stream->name[0] = '\0';
        return r;
}

static void add_data(struct event_stream *stream, const char *value, size_t n)
{
        if (stream->has_data)
                buf_putc(&stream->data, '\n');
        buf_append(&stream->data, value, n);
        stream->has_data = true;
}

static void set_name(struct event_stream *stream, const char *value, size_t n)
{
        if (n > EVENT_STREAM_NAME_MAX)
                n = EVENT_STREAM_NAME_MAX;
        memcpy(stream->name, value, n);
        stream->name[n] = '\0';
}

/* Comments (an empty name) and fields that are not for us (id, retry) are passed over. */
static void take_field(struct event_stream *stream, const char *line, size_t n)
{
        const char *colon = memchr(line, ':', n);
        size_t name = colon ? (size_t)(colon - line) : n;
        size_t skip = !colon ? n : name + 1 < n && line[name + 1] == ' ' ? name + 2 : name + 1;
        if (name == strlen("data") && memcmp(line, "data", name) == 0)
                add_data(stream, line + skip, n - skip);
        else if (name == strlen("event") && memcmp(line, "event", name) == 0)
                set_name(stream, line + skip, n - skip);
}

static int end_line(struct event_stream *stream, struct error *err)
{
        static const char mark[] = "\xEF\xBB\xBF";
        const char *line = buf_text(&stream->line);
        size_t n = stream->line.len;
        int r = buf_fault(&stream->line, err);
        if (r < 0)
                return r;
        if (!stream->is_begun && n >= 3 && memcmp(line, mark, 3) == 0) {
                line += 3;
                n -= 3;
        }
        stream->is_begun = true;
        if (n > 0)
                take_field(stream, line, n);
        else
                r = dispatch(stream, err);
        buf_clear(&stream->line);
        return r != 0 ? r : buf_fault(&stream->data, err);
}

int event_stream_feed(struct event_stream *stream, const char *bytes, size_t n, struct error *err)
{
        size_t at = 0;
        while (at < n) {
                if (stream->after_cr && bytes[at] == '\n') {
                        stream->after_cr = false;
                        at++;
                        continue;
                }
                stream->after_cr = false;
                size_t length = 0;
                while (at + length < n && bytes[at + length] != '\n' && bytes[at + length] != '\r')
                        length++;
                buf_append(&stream->line, bytes + at, length);
                at += length;
                int r = buf_fault(&stream->line, err);
                if (r == 0 && at < n) {
                        stream->after_cr = bytes[at++] == '\r';
                        r = end_line(stream, err);
                }
                if (r != 0)
                        return r;
        }
        return 0;
}
