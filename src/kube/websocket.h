/* The WebSocket protocol's bytes (RFC 6455), as a client reads and writes them. */
#ifndef ASKCSV_KUBE_WEBSOCKET_H
#define ASKCSV_KUBE_WEBSOCKET_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode {
        WS_CONTINUATION = 0,
        WS_TEXT = 1,
        WS_BINARY = 2,
        WS_CLOSE = 8,
        WS_PING = 9,
        WS_PONG = 10,
};

#define WS_CONTROL_MAX ((size_t)125) /* bytes of a control frame's body (section 5.5) */
#define WS_KEY_BYTES 16
#define WS_ACCEPT_SIZE 29 /* base64 of a SHA-1, with its NUL */

struct ws_frame {
        enum ws_opcode opcode;
        bool is_last;     /* of its message */
        const char *body; /* into the text that was parsed */
        size_t body_bytes;
        size_t end; /* bytes of the whole frame: the next begins there */
};

/* What stands at the beginning of text, of which n bytes are there so far: a server's frame. 1: a
 * whole one, and *ret; 0: not all of it is there yet; negative: it is none, or has more than
 * max_bytes of body: ERROR_IO. Nothing that section 5.2 forbids is tolerated: masks (of a server),
 * reserved bits and opcodes, lengths that are not the shortest, control frames in pieces. */
int ws_frame_parse(const char *text, size_t n, size_t max_bytes, struct ws_frame *ret,
                   struct error *err);

/* Appends a whole message of one frame, masked as a client's are: head, then n bytes (n may be 0).
 * mask is to be random, another for each frame. */
void ws_frame_put(enum ws_opcode opcode, const char *head, size_t head_bytes, const char *body,
                  size_t n, const uint8_t mask[4], struct buf *out);

/* What a server must answer to a key, both in base64 (section 4.2.2). */
void ws_accept(const char *key, char out[WS_ACCEPT_SIZE]);

/* Whether head, the status line and headers of a reply with their last blank line, agrees to what
 * was asked: a WebSocket, for that key and that subprotocol. Negative: ERROR_IO, and what is wrong.
 * Not for replies with another status than 101. */
int ws_check_reply(const char *head, const char *key, const char *subprotocol, struct error *err);

#endif
