#include "planner/printable.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <string.h>

/* How many bytes the character has that begins with that one; 0 when none does (RFC 3629). */
static size_t character_bytes(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                return 2;
        if (first >= 0xe0 && first <= 0xef)
                return 3;
        return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The second byte's range is narrower behind some first ones: no longer form than needed, no
 * surrogates, nothing above U+10FFFF. */
static bool may_follow(unsigned char first, unsigned char second)
{
        unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        return second >= low && second <= high;
}

/* How many of its bytes are there, up to the first that is not one of them. */
static size_t bytes_there(const char *at, size_t wanted)
{
        size_t n = 1;
        while (n < wanted && (n == 1 ? may_follow((unsigned char)at[0], (unsigned char)at[1])
                                     : ((unsigned char)at[n] & 0xc0) == 0x80))
                n++;
        return n;
}

size_t printable(const char *text, char *out, size_t size)
{
        size_t n = 0;
        for (const char *at = text; *at;) {
                size_t bytes = character_bytes((unsigned char)*at);
                bool whole = bytes > 0 && bytes_there(at, bytes) == bytes;
                size_t step = whole ? bytes : 1;
                if (n + step >= size)
                        break;
                if (whole)
                        (void)memcpy(out + n, at, step);
                else
                        out[n] = '?';
                n += step;
                at += step;
        }
        out[n] = '\0';
        return n;
}

json_t *printable_json(const char *text)
{
        size_t size = strlen(text) + 1;
        _cleanup_free_ char *clean = alloc_malloc(size);
        return clean ? json_stringn(clean, printable(text, clean, size)) : NULL;
}
