#include "base/place.h"

#include <string.h>

struct place place_key(const struct place *up, const char *key)
{
        return (struct place){.up = up, .key = key};
}

struct place place_index(const struct place *up, size_t index)
{
        return (struct place){.up = up, .index = index};
}

/* One reference token: "~" is "~0" and "/" is "~1". */
static void put_token(const char *key, struct buf *out)
{
        for (; *key; key++) {
                if (*key == '~')
                        buf_puts(out, "~0");
                else if (*key == '/')
                        buf_puts(out, "~1");
                else
                        buf_putc(out, *key);
        }
}

void place_put(const struct place *place, struct buf *out)
{
        if (!place)
                return;
        place_put(place->up, out);
        buf_putc(out, '/');
        if (place->key)
                put_token(place->key, out);
        else
                buf_printf(out, "%zu", place->index);
}

void place_to_error(const struct place *place, struct error *err)
{
        for (; err && place; place = place->up) {
                _cleanup_buf_ struct buf pointer = {0};
                buf_init(&pointer, ERROR_POINTER_MAX - 1);
                place_put(place, &pointer);
                if (pointer.state != BUF_OK)
                        continue;
                memcpy(err->pointer, buf_text(&pointer), pointer.len + 1);
                return;
        }
}
