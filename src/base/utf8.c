#include "base/utf8.h"

#include <stdbool.h>

static size_t sequence_length(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xC2 && first <= 0xDF)
                return 2;
        if (first >= 0xE0 && first <= 0xEF)
                return 3;
        return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Shortest forms only, no surrogates, nothing beyond U+10FFFF (RFC 3629). */
static bool is_well_formed(uint32_t c, size_t length)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        return c >= least[length] && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
}

size_t utf8_decode(const char *text, size_t n, uint32_t *ret)
{
        const unsigned char *p = (const unsigned char *)text;
        size_t length = sequence_length(p[0]);
        uint32_t c = length > 1 ? p[0] & (0x7Fu >> length) : p[0];
        *ret = 0xFFFD;
        if (length == 0 || length > n)
                return 1;
        for (size_t i = 1; i < length; i++) {
                if ((p[i] & 0xC0) != 0x80)
                        return 1;
                c = c << 6 | (p[i] & 0x3Fu);
        }
        if (!is_well_formed(c, length))
                return 1;
        *ret = c;
        return length;
}
