#include "base/buf.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max_bytes)
{
        *buf = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *buf)
{
        free(buf->data);
        *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
        buf->len = 0;
        buf->state = BUF_OK;
        if (buf->data)
                buf->data[0] = '\0';
}

/* Makes room for n more bytes and a NUL. */
static bool buf_reserve(struct buf *buf, size_t n)
{
        if (buf->state != BUF_OK)
                return false;
        if (n > buf->max || buf->len > buf->max - n) {
                buf->state = BUF_TOO_LARGE;
                return false;
        }
        size_t need = buf->len + n + 1;
        if (need <= buf->capacity)
                return true;
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < need)
                capacity *= 2;
        char *data = alloc_realloc(buf->data, capacity);
        if (!data) {
                buf->state = BUF_NO_MEMORY;
                return false;
        }
        buf->data = data;
        buf->capacity = capacity;
        return true;
}

void buf_append(struct buf *buf, const void *bytes, size_t n)
{
        if (n == 0 || !buf_reserve(buf, n))
                return;
        memcpy(buf->data + buf->len, bytes, n);
        buf->len += n;
        buf->data[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
        buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
        buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        va_list again;
        va_copy(again, args);
        int n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n >= 0 && buf_reserve(buf, (size_t)n)) {
                (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
                buf->len += (size_t)n;
        }
        va_end(again);
}

const char *buf_text(const struct buf *buf)
{
        return buf->data ? buf->data : "";
}

char *buf_steal(struct buf *buf)
{
        if (buf->state != BUF_OK)
                return NULL;
        if (!buf->data)
                return alloc_strdup("");
        char *data = steal_ptr(&buf->data);
        buf->len = buf->capacity = 0;
        return data;
}

int buf_error(const struct buf *buf, struct error *err, const char *what)
{
        switch (buf->state) {
        case BUF_OK:
                return 0;
        case BUF_TOO_LARGE:
                return error_set(err, ERROR_INVALID_REQUEST, "%s is larger than %zu bytes", what,
                                 buf->max);
        case BUF_NO_MEMORY:
        default:
                return error_oom(err);
        }
}
