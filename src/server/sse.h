/* Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): their text,
 * and the last events of a run or chat, kept for whoever comes back with Last-Event-ID. */
#ifndef ASKCSV_SERVER_SSE_H
#define ASKCSV_SERVER_SSE_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_NAME_MAX 64 /* bytes of an event's name */

/* Appends one event: "id", "event" and "data" lines and the empty line behind them. id 0 and name
 * NULL leave their lines out. data is JSON, put on one line; NULL is null. The name is [a-z._], as
 * ours are; ERROR_INTERNAL for another one, and then nothing is appended. Of a failed buffer the
 * caller learns by the result as well. */
int sse_event(struct buf *out, uint64_t id, const char *name, const json_t *data,
              struct error *err);

/* The same for any n bytes of UTF-8: each line of it (ended by LF, CR or CRLF) is a data line, so
 * that nothing in it can end the event or begin another one. NUL bytes are left out. */
int sse_text(struct buf *out, uint64_t id, const char *name, const char *text, size_t n,
             struct error *err);

/* The value of Last-Event-ID: a decimal number without sign or blanks, or 0 for anything else. */
uint64_t sse_last_id(const char *header); /* NULL is fine */

/* The events of one stream, numbered from 1; the last ones are kept. Any thread may use a log at
 * any time; its owner frees it when nobody does any more. */
struct sse_log;

/* Keeps at most events_max (1 or more) events of bytes_max bytes together. The caller frees *ret
 * with sse_log_free(). */
int sse_log_new(size_t events_max, size_t bytes_max, struct sse_log **ret, struct error *err);
void sse_log_free(struct sse_log *log); /* NULL is fine */

/* Gives the event the next id and keeps it; the oldest ones make room, and one that is larger than
 * bytes_max alone is dropped at once. ret_id may be NULL. After sse_log_end it fails with
 * ERROR_INTERNAL and nothing happens; after any other failure (no memory, a bad name) the event has
 * its id, too, and counts as dropped, so that readers are told. */
int sse_log_append(struct sse_log *log, const char *name, const json_t *data, uint64_t *ret_id,
                   struct error *err);
/* No event will follow. */
void sse_log_end(struct sse_log *log);

enum sse_log_state {
        SSE_LOG_OPEN,  /* out has what there is for now; more may come */
        SSE_LOG_MORE,  /* out is full; ask again behind *ret_last */
        SSE_LOG_ENDED, /* out has all up to the end */
        SSE_LOG_GONE,  /* events behind after_id were dropped, or after_id was never given; out has
                        * nothing new: the reader must begin anew from the run's or chat's own state,
                        * and may go on behind *ret_last, the newest event's id */
};

/* Appends to out the kept events with ids behind after_id, as many as its ceiling lets in whole;
 * *ret_last is the id of the last one appended, or after_id. A first event that does not fit leaves
 * out in BUF_TOO_LARGE. */
enum sse_log_state sse_log_read(struct sse_log *log, uint64_t after_id, struct buf *out,
                                uint64_t *ret_last);

#endif
