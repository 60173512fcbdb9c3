/* Bytes as text and back: RFC 4648, section 4. */
#ifndef ASKCSV_BASE_BASE64_H
#define ASKCSV_BASE_BASE64_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* With the padding, without line ends. */
void base64_put(struct buf *out, const void *bytes, size_t n);

/* Appends the bytes that n characters of text stand for. False when it is not what base64_put
 * writes: another alphabet, missing padding, bits behind the last byte. out may have something of
 * it then. */
bool base64_take(struct buf *out, const char *text, size_t n);

#endif
