#include "run/csv.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

#define CELL_BYTES_MAX (64 * 1024 * 1024)

/* Blanks at the ends are quoted too, as some readers strip bare ones. */
static bool needs_quotes(const char *text, size_t n)
{
        if (n == 0 || text[0] == ' ' || text[n - 1] == ' ')
                return true;
        for (size_t i = 0; i < n; i++)
                if (strchr(",\"\r\n", text[i]) || text[i] == '\0')
                        return true;
        return false;
}

static void put_field(struct buf *out, const char *text, size_t n)
{
        if (!needs_quotes(text, n)) {
                buf_append(out, text, n);
                return;
        }
        buf_putc(out, '"');
        for (size_t i = 0; i < n; i++) {
                if (text[i] == '"')
                        buf_putc(out, '"');
                buf_putc(out, text[i]);
        }
        buf_putc(out, '"');
}

static void put_value(struct buf *out, const json_t *value)
{
        struct error ignored = {0};
        if (json_is_null(value))
                return;
        if (json_is_string(value)) {
                put_field(out, json_string_value(value), json_string_length(value));
                return;
        }
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, CELL_BYTES_MAX);
        if (json_put(value, &text, &ignored) < 0 && out->state == BUF_OK)
                out->state = text.state == BUF_OK ? BUF_NO_MEMORY : text.state;
        put_field(out, buf_text(&text), text.len);
}

static void put_record(struct buf *out, const json_t *values)
{
        size_t i;
        json_t *value;
        /* A lone NULL would be an empty line, which many readers skip. */
        if (json_array_size(values) == 1 && json_is_null(json_array_get(values, 0)))
                buf_puts(out, "\"\"");
        json_array_foreach(values, i, value)
        {
                if (i > 0)
                        buf_putc(out, ',');
                put_value(out, value);
        }
        buf_putc(out, '\n');
}

void csv_write(struct buf *out, const json_t *columns, const json_t *rows)
{
        size_t i;
        json_t *row;
        put_record(out, columns);
        json_array_foreach(rows, i, row)
        {
                put_record(out, row);
        }
}
