/* A document inside a stream that may be cut off, joined or mixed with something else, such as the
 * log of a container: one line "askcsv NAME BYTES SHA256\n" (SHA256 in lower-case hexadecimal, of
 * the body), BYTES bytes of body without a line end, and "\n". docs/PROTOCOL.md, "Frames". */
#ifndef ASKCSV_PROTOCOL_FRAME_H
#define ASKCSV_PROTOCOL_FRAME_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>

#define FRAME_NAME_MAX 15  /* bytes of a name: lower-case letters */
#define FRAME_LINE_MAX 128 /* bytes of the first line, with its end; more than any has */
#define FRAME_SIZE(body_bytes) ((body_bytes) + FRAME_LINE_MAX + 1) /* at most so many bytes */

struct frame {
        char name[FRAME_NAME_MAX + 1];
        const char *body; /* into the text that was parsed; no NUL behind it */
        size_t body_bytes;
        size_t end; /* bytes of the whole frame: the next begins there */
};

/* Appends one frame to out. A body with a line end in it, or a name that is none, fails with
 * ERROR_INTERNAL; out's ceiling holds. */
int frame_put(const char *name, const char *body, size_t n, struct buf *out, struct error *err);

/* Its first line alone, for whoever writes body and "\n" without copying them. */
int frame_put_head(const char *name, const char *body, size_t n, struct buf *out,
                   struct error *err);

/* What stands at the beginning of text, of which n bytes are there so far. 1: a whole frame, and
 * *ret; 0: not all of it is there yet; negative: it is none, and err has type `type` and says
 * why. A body of more than max_bytes is refused as soon as its first line is there. Nothing is
 * tolerated: no other spelling of a number, no other line end, no byte that differs from the hash.
 * Before a frame is whole only its first line is looked at, so calling again as bytes arrive is
 * cheap. */
int frame_parse(const char *text, size_t n, size_t max_bytes, enum error_type type,
                struct frame *ret, struct error *err);

#endif
