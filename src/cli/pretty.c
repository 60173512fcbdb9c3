#include "cli/pretty.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/report.h"
#include "cli/text.h"

#include <string.h>

#define INDENT 2

/* What is being laid out. */
struct layout {
        struct buf *out;
        size_t width;
        struct error *err;
};

static int put_value(const struct layout *layout, const json_t *json, size_t indent, size_t used);

static void put_break(const struct layout *layout, size_t indent)
{
        buf_printf(layout->out, "\n%*s", (int)indent, "");
}

static int put_array(const struct layout *layout, const json_t *array, size_t indent)
{
        size_t i;
        json_t *item;
        int r = 0;
        buf_putc(layout->out, '[');
        json_array_foreach((json_t *)array, i, item)
        {
                buf_puts(layout->out, i ? "," : "");
                put_break(layout, indent + INDENT);
                if (r == 0)
                        r = put_value(layout, item, indent + INDENT, 0);
        }
        put_break(layout, indent);
        buf_putc(layout->out, ']');
        return r;
}

static int put_object(const struct layout *layout, const json_t *object, size_t indent)
{
        const char *key;
        json_t *value;
        const char *comma = "";
        int r = 0;
        buf_putc(layout->out, '{');
        json_object_foreach((json_t *)object, key, value)
        {
                buf_puts(layout->out, comma);
                put_break(layout, indent + INDENT);
                json_put_string(layout->out, key, strlen(key));
                buf_puts(layout->out, ": ");
                if (r == 0)
                        r = put_value(layout, value, indent + INDENT, strlen(key) + 4);
                comma = ",";
        }
        put_break(layout, indent);
        buf_putc(layout->out, '}');
        return r;
}

/* used: columns taken in this line behind the indent. */
static int put_value(const struct layout *layout, const json_t *json, size_t indent, size_t used)
{
        _cleanup_buf_ struct buf line = {0};
        buf_init(&line, OUTPUT_BYTES_MAX);
        int r = json_put(json, &line, layout->err);
        if (r < 0)
                return r;
        bool fits = indent + used + text_width(buf_text(&line), line.len) < layout->width;
        if (!fits && json_array_size(json) > 0)
                return put_array(layout, json, indent);
        if (!fits && json_object_size(json) > 0)
                return put_object(layout, json, indent);
        buf_append(layout->out, buf_text(&line), line.len);
        return buf_error(&line, layout->err, "the plan");
}

int pretty_put(struct buf *out, const json_t *json, size_t width, struct error *err)
{
        const struct layout layout = {.out = out, .width = width, .err = err};
        return put_value(&layout, json, 0, 0);
}
