/* UTF-8 from outside, which may be none (RFC 3629). */
#ifndef ASKCSV_BASE_UTF8_H
#define ASKCSV_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The code point at text (n > 0 bytes) and, returned, its length; a byte that is not UTF-8 is
 * U+FFFD of length 1. */
size_t utf8_decode(const char *text, size_t n, uint32_t *ret);

#endif
