/* Text for a terminal: how wide it is, and what may not reach it as it is. */
#ifndef ASKCSV_CLI_TEXT_H
#define ASKCSV_CLI_TEXT_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum text_mode {
        TEXT_LINE,  /* line ends and tabs are shown as \n and \t, others as \xNN, \u{NNNN} */
        TEXT_LINES, /* the same, but line ends and tabs stay */
        TEXT_JSON,  /* JSON text: line ends and tabs stay, others are JSON's \uNNNN */
};

/* Appends text so that it can do no harm on a terminal: control characters, escape sequences, and
 * characters that turn the direction of writing or hide come out as said above; what is not UTF-8
 * as U+FFFD. */
void text_put_safe(struct buf *out, const char *text, size_t n, enum text_mode mode);

/* Columns that the (safe) text takes on a terminal. */
size_t text_width(const char *text, size_t n);

/* The longest start of the text that takes at most `width` columns, in bytes; *ret_width is
 * what it takes. */
size_t text_fit(const char *text, size_t n, size_t width, size_t *ret_width);

#endif
