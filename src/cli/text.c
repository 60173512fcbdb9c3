#include "cli/text.h"

#include <stdbool.h>
#include <wchar.h>

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

size_t text_decode(const char *text, size_t n, uint32_t *ret)
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

/* Characters that steer a terminal, turn the direction of what follows, or cannot be seen. */
static bool is_harmful(uint32_t c)
{
        static const struct {
                uint32_t first;
                uint32_t last;
        } ranges[] = {
                {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x61C, 0x61C},
                {0x200B, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},
                {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
        };
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

static void put_escape(struct buf *out, uint32_t c)
{
        switch (c) {
        case '\n':
                buf_puts(out, "\\n");
                break;
        case '\r':
                buf_puts(out, "\\r");
                break;
        case '\t':
                buf_puts(out, "\\t");
                break;
        default:
                buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
        }
}

static void put_json_escape(struct buf *out, uint32_t c)
{
        if (c > 0xFFFF) /* a surrogate pair (RFC 8259 7) */
                buf_printf(out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                           0xDC00 + ((c - 0x10000) & 0x3FF));
        else
                buf_printf(out, "\\u%04x", c);
}

void text_put_safe(struct buf *out, const char *text, size_t n, enum text_mode mode)
{
        for (size_t i = 0; i < n;) {
                uint32_t c;
                size_t length = text_decode(text + i, n - i, &c);
                if (c == 0xFFFD)
                        buf_puts(out, "\xEF\xBF\xBD");
                else if (!is_harmful(c) || (mode != TEXT_LINE && (c == '\n' || c == '\t')))
                        buf_append(out, text + i, length);
                else if (mode == TEXT_JSON)
                        put_json_escape(out, c);
                else
                        put_escape(out, c);
                i += length;
        }
}

static size_t char_width(uint32_t c)
{
        int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
        return width < 0 ? 1 : (size_t)width; /* newer than the C library's tables */
}

size_t text_fit(const char *text, size_t n, size_t width, size_t *ret_width)
{
        size_t used = 0;
        size_t i = 0;
        while (i < n) {
                uint32_t c;
                size_t length = text_decode(text + i, n - i, &c);
                size_t more = char_width(c);
                if (used + more > width)
                        break;
                used += more;
                i += length;
        }
        *ret_width = used;
        return i;
}

size_t text_width(const char *text, size_t n)
{
        size_t width;
        (void)text_fit(text, n, SIZE_MAX, &width);
        return width;
}
