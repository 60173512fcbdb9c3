#include "cli/table.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/text.h"
#include "dataset/schema.h"

#include <string.h>

#define CELL_BYTES_MAX (64 * 1024 * 1024)
#define SQUEEZED_MIN 6 /* columns that a cell keeps when the terminal is narrow */

struct lines {
        const char *horizontal;
        const char *vertical;
        const char *top[3]; /* left, between, right */
        const char *middle[3];
        const char *bottom[3];
        const char *ellipsis;
};

static const struct lines unicode_lines = {
        .horizontal = "─",
        .vertical = "│",
        .top = {"┌", "┬", "┐"},
        .middle = {"├", "┼", "┤"},
        .bottom = {"└", "┴", "┘"},
        .ellipsis = "…",
};

static const struct lines ascii_lines = {
        .horizontal = "-",
        .vertical = "|",
        .top = {"+", "+", "+"},
        .middle = {"+", "+", "+"},
        .bottom = {"+", "+", "+"},
        .ellipsis = "~",
};

struct drawing {
        struct buf *out;
        const json_t *columns;
        const json_t *types;
        const json_t *rows;
        const struct style *style;
        const struct lines *lines;
        size_t n; /* columns shown */
        size_t *widths;
        struct buf cell; /* the cell in hand, made safe */
};

void table_put_value(struct buf *out, const json_t *value)
{
        struct error ignored = {0};
        if (json_is_string(value))
                text_put_safe(out, json_string_value(value), json_string_length(value), TEXT_LINE);
        else if (json_is_null(value))
                buf_puts(out, "NULL");
        else
                (void)json_put(value, out, &ignored); /* out remembers a failure */
}

/* JSON text keeps characters above ASCII as they are, so it is made safe like any other. */
static void take_cell(struct drawing *drawing, const json_t *value)
{
        buf_clear(&drawing->cell);
        if (json_is_object(value) || json_is_array(value)) {
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, CELL_BYTES_MAX);
                table_put_value(&text, value);
                text_put_safe(&drawing->cell, buf_text(&text), text.len, TEXT_LINE);
        } else {
                table_put_value(&drawing->cell, value);
        }
}

static void measure(struct drawing *drawing)
{
        size_t i;
        json_t *row;
        for (size_t c = 0; c < drawing->n; c++) {
                take_cell(drawing, json_array_get(drawing->columns, c));
                drawing->widths[c] = text_width(buf_text(&drawing->cell), drawing->cell.len);
        }
        json_array_foreach((json_t *)drawing->rows, i, row)
        {
                for (size_t c = 0; c < drawing->n; c++) {
                        take_cell(drawing, json_array_get(row, c));
                        size_t width = text_width(buf_text(&drawing->cell), drawing->cell.len);
                        if (width > drawing->widths[c])
                                drawing->widths[c] = width;
                }
        }
}

/* Of the first n columns with their lines. */
static size_t total_width(const struct drawing *drawing, size_t n)
{
        size_t total = 1;
        for (size_t c = 0; c < n; c++)
                total += drawing->widths[c] + 3;
        return total;
}

/* The widest column gives way, down to the next widest, until all fit; then columns at the end
 * are left out. */
static void fit(struct drawing *drawing)
{
        size_t room = drawing->style->width;
        for (;;) {
                size_t total = total_width(drawing, drawing->n);
                size_t widest = 0;
                size_t second = SQUEEZED_MIN;
                if (total <= room)
                        return;
                for (size_t c = 1; c < drawing->n; c++)
                        if (drawing->widths[c] > drawing->widths[widest])
                                widest = c;
                for (size_t c = 0; c < drawing->n; c++)
                        if (c != widest && drawing->widths[c] > second)
                                second = drawing->widths[c];
                size_t *width = &drawing->widths[widest];
                if (*width <= SQUEEZED_MIN)
                        break;
                size_t excess = total - room;
                size_t give = *width > second ? *width - second : 1;
                *width -= give < excess ? give : excess;
        }
        while (drawing->n > 1 && total_width(drawing, drawing->n) > room)
                drawing->n--;
}

static void put_line(struct drawing *drawing, const char *const corners[3])
{
        struct buf *out = drawing->out;
        buf_puts(out, style_dim(drawing->style));
        buf_puts(out, corners[0]);
        for (size_t c = 0; c < drawing->n; c++) {
                for (size_t i = 0; i < drawing->widths[c] + 2; i++)
                        buf_puts(out, drawing->lines->horizontal);
                buf_puts(out, c + 1 < drawing->n ? corners[1] : corners[2]);
        }
        buf_puts(out, style_reset(drawing->style));
        buf_putc(out, '\n');
}

static void put_blanks(struct buf *out, size_t n)
{
        for (size_t i = 0; i < n; i++)
                buf_putc(out, ' ');
}

static bool is_number(const struct drawing *drawing, size_t c)
{
        const char *type = json_string_value(json_array_get(drawing->types, c));
        enum column_kind kind = type ? column_kind_of(type) : COLUMN_OTHER;
        return kind == COLUMN_INTEGER || kind == COLUMN_DECIMAL || kind == COLUMN_FLOAT;
}

/* The cell in hand, cut to its column's width, padded on the side away from its edge. */
static void put_cell(struct drawing *drawing, size_t c, const char *emphasis, bool pad_after)
{
        struct buf *out = drawing->out;
        const char *text = buf_text(&drawing->cell);
        size_t room = drawing->widths[c];
        size_t width;
        size_t n = text_fit(text, drawing->cell.len, room, &width);
        bool cut = n < drawing->cell.len;
        if (cut)
                n = text_fit(text, drawing->cell.len, room - 1, &width);
        size_t blanks = room - width - cut;
        if (is_number(drawing, c))
                put_blanks(out, blanks);
        buf_puts(out, emphasis);
        buf_append(out, text, n);
        if (cut)
                buf_puts(out, drawing->lines->ellipsis);
        buf_puts(out, *emphasis ? style_reset(drawing->style) : "");
        if (!is_number(drawing, c) && pad_after)
                put_blanks(out, blanks);
}

static void put_row(struct drawing *drawing, const json_t *row, const char *emphasis)
{
        const struct style *style = drawing->style;
        struct buf *out = drawing->out;
        for (size_t c = 0; c < drawing->n; c++) {
                const json_t *value = json_array_get(row, c);
                const char *how = json_is_null(value) ? style_dim(style) : emphasis;
                take_cell(drawing, value);
                if (style->terminal)
                        buf_printf(out, "%s%s%s ", style_dim(style), drawing->lines->vertical,
                                   style_reset(style));
                else if (c > 0)
                        buf_puts(out, "  ");
                put_cell(drawing, c, how, style->terminal || c + 1 < drawing->n);
                if (style->terminal)
                        buf_putc(out, ' ');
        }
        if (style->terminal)
                buf_printf(out, "%s%s%s", style_dim(style), drawing->lines->vertical,
                           style_reset(style));
        buf_putc(out, '\n');
}

static void put_dashes(struct drawing *drawing)
{
        for (size_t c = 0; c < drawing->n; c++) {
                if (c > 0)
                        buf_puts(drawing->out, "  ");
                for (size_t i = 0; i < drawing->widths[c]; i++)
                        buf_putc(drawing->out, '-');
        }
        buf_putc(drawing->out, '\n');
}

static void put_all(struct drawing *drawing)
{
        bool boxes = drawing->style->terminal;
        size_t i;
        json_t *row;
        if (boxes)
                put_line(drawing, drawing->lines->top);
        put_row(drawing, drawing->columns, style_bold(drawing->style));
        if (boxes)
                put_line(drawing, drawing->lines->middle);
        else
                put_dashes(drawing);
        json_array_foreach((json_t *)drawing->rows, i, row)
        {
                put_row(drawing, row, "");
        }
        if (boxes)
                put_line(drawing, drawing->lines->bottom);
}

void table_draw(struct buf *out, const json_t *columns, const json_t *types, const json_t *rows,
                const struct style *style)
{
        size_t n = json_array_size(columns);
        _cleanup_free_ size_t *widths = alloc_calloc(n ? n : 1, sizeof(*widths));
        if (!widths) {
                out->state = BUF_NO_MEMORY;
                return;
        }
        struct drawing drawing = {
                .out = out,
                .columns = columns,
                .types = types,
                .rows = rows,
                .style = style,
                .lines = style->unicode ? &unicode_lines : &ascii_lines,
                .n = n,
                .widths = widths,
        };
        buf_init(&drawing.cell, CELL_BYTES_MAX);
        measure(&drawing);
        if (style->terminal)
                fit(&drawing);
        put_all(&drawing);
        if (drawing.n < n)
                buf_printf(out,
                           "%zu more column%s do%s not fit: widen the terminal, or use --format "
                           "csv or json\n",
                           n - drawing.n, n - drawing.n == 1 ? "" : "s",
                           n - drawing.n == 1 ? "es" : "");
        if (drawing.cell.state != BUF_OK && out->state == BUF_OK)
                out->state = drawing.cell.state;
        buf_done(&drawing.cell);
}
