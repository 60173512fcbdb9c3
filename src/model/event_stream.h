/* Reads a stream of server-sent events (text/event-stream, WHATWG HTML 9.2.6) from bytes that come
 * in any pieces. Lines end with LF, CRLF or CR. */
#ifndef ASKCSV_MODEL_EVENT_STREAM_H
#define ASKCSV_MODEL_EVENT_STREAM_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define EVENT_STREAM_NAME_MAX 64 /* of an event's name; a longer one is cut */

/* An event: its name ("" when none was given), and the values of its data lines with line feeds
 * between them. data[n] is NUL; both are valid during the call only. Bytes that are not UTF-8 are
 * handed on. Returns 0 to go on, 1 to stop, or a negative code with err set. */
typedef int event_stream_take(const char *name, const char *data, size_t n, void *user,
                              struct error *err);

struct event_stream {
        struct buf line; /* the line that is not complete yet */
        struct buf data;
        char name[EVENT_STREAM_NAME_MAX + 1];
        bool has_data; /* also when it is empty */
        bool after_cr; /* a line feed now belongs to the line before */
        bool is_begun; /* behind a byte order mark */
        event_stream_take *take;
        void *user;
};

/* line_max: bytes of one line, and of all data of one event. */
void event_stream_init(struct event_stream *stream, size_t line_max, event_stream_take *take,
                       void *user);
void event_stream_done(struct event_stream *stream); /* safe on a zeroed struct and twice */

/* The next bytes. 0, or what take returned that was not 0 (the rest of the bytes is dropped), or
 * ERROR_MODEL_ANSWER for a line or event that is too long. An event that the end of the stream
 * leaves without its blank line was cut off and is never given. */
int event_stream_feed(struct event_stream *stream, const char *bytes, size_t n, struct error *err);

#endif
