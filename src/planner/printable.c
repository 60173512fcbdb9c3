#include "planner/printable.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

size_t printable(const char *text, char *out, size_t size)
{
        size_t n = 0;
        const char *end = text + strlen(text);
        for (const char *at = text; at < end;) {
                uint32_t code;
                size_t step = utf8_decode(at, (size_t)(end - at), &code);
                bool whole = step > 1 || code < 0x80; /* U+FFFD has three bytes of its own */
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
