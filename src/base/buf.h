/* A growing byte buffer with a named ceiling. Appending after a failure is harmless: the first
 * failure sticks, and whoever uses the buffer asks once, at the end. */
#ifndef ASKCSV_BASE_BUF_H
#define ASKCSV_BASE_BUF_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum buf_state { BUF_OK, BUF_TOO_LARGE, BUF_NO_MEMORY };

struct buf {
        char *data; /* len bytes and a NUL behind them; NULL while nothing was appended */
        size_t len;
        size_t capacity;
        size_t max; /* ceiling of len in bytes */
        enum buf_state state;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf);  /* releases the memory; safe on a zeroed struct and twice */
void buf_clear(struct buf *buf); /* length 0 and BUF_OK, memory kept */

void buf_append(struct buf *buf, const void *bytes, size_t n);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, NUL-terminated, never NULL; valid until the next call on buf. */
const char *buf_text(const struct buf *buf);

/* Hands the memory to the caller (free(3)), NUL-terminated; NULL when the buffer failed or
 * memory is short. buf is empty afterwards. */
char *buf_steal(struct buf *buf);

/* 0, or a negative code with err set when an append failed. */
int buf_error(const struct buf *buf, struct error *err, const char *what);

/* Declare it "= {0}": a return before buf_init() releases it as well. */
#define _cleanup_buf_ _cleanup_(buf_done)

#endif
