#include "cli/text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <wchar.h>

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
                size_t length = utf8_decode(text + i, n - i, &c);
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
                size_t length = utf8_decode(text + i, n - i, &c);
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
