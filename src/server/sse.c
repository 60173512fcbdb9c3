#include "server/sse.h"

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of one event's JSON */

static bool is_name(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz._");
        return n > 0 && n <= SSE_NAME_MAX && name[n] == '\0';
}

/* One line of data, without what ended it. */
static void put_line(struct buf *out, const char *line, size_t n)
{
        buf_puts(out, "data: ");
        while (n > 0) {
                const char *nul = memchr(line, '\0', n);
                size_t part = nul ? (size_t)(nul - line) : n;
                buf_append(out, line, part);
                n -= nul ? part + 1 : part;
                line += part + 1;
        }
        buf_putc(out, '\n');
}

static void put_lines(struct buf *out, const char *text, size_t n)
{
        size_t from = 0;
        for (size_t i = 0; i < n; i++) {
                if (text[i] != '\n' && text[i] != '\r')
                        continue;
                put_line(out, text + from, i - from);
                if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
                        i++;
                from = i + 1;
        }
        put_line(out, text + from, n - from);
}

int sse_text(struct buf *out, uint64_t id, const char *name, const char *text, size_t n,
             struct error *err)
{
        if (name && !is_name(name))
                return error_set(err, ERROR_INTERNAL, "an event may not be called that");
        if (id)
                buf_printf(out, "id: %" PRIu64 "\n", id);
        if (name)
                buf_printf(out, "event: %s\n", name);
        put_lines(out, text, n);
        buf_putc(out, '\n');
        return buf_error(out, err, "the event");
}

int sse_event(struct buf *out, uint64_t id, const char *name, const json_t *data, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, TEXT_BYTES_MAX);
        if (!data)
                buf_puts(&text, "null");
        int r = data ? json_put(data, &text, err) : buf_error(&text, err, "the event");
        return r < 0 ? r : sse_text(out, id, name, buf_text(&text), text.len, err);
}

uint64_t sse_last_id(const char *header)
{
        uint64_t id = 0;
        if (!header || !*header)
                return 0;
        for (; *header; header++) {
                unsigned digit = (unsigned)(unsigned char)*header - '0';
                if (digit > 9 || id > (UINT64_MAX - digit) / 10)
                        return 0;
                id = id * 10 + digit;
        }
        return id;
}
