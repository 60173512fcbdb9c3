#include "planner/reading_parts.h"

#include "base/json.h"

#include <string.h>

void reading_begin_part(struct reading *r)
{
        buf_puts(r->out, r->between);
        r->between = ", ";
}

static enum column_kind kind_of_name(struct reading *r, const char *name)
{
        int i = reading_find_item(r, name);
        if (i >= 0)
                return reading_kind(r, reading_item_expr(reading_item(r, (size_t)i)));
        const struct column *column = reading_column(r, name);
        return column ? column->kind : COLUMN_OTHER;
}

static bool is_number(enum column_kind kind)
{
        return kind == COLUMN_INTEGER || kind == COLUMN_DECIMAL || kind == COLUMN_FLOAT;
}

/* "highest" and its like, or NULL for what is not called high or late. */
static const char *best_word(enum column_kind kind, bool is_descending)
{
        if (reading_is_temporal(kind))
                return is_descending ? "latest" : "earliest";
        if (is_number(kind))
                return is_descending ? "highest" : "lowest";
        return NULL;
}

/* How values that are no numbers and no moments go up or down. */
static const char *direction_words(enum column_kind kind, bool is_descending)
{
        if (kind == COLUMN_TEXT)
                return is_descending ? " from Z to A" : " from A to Z";
        if (kind == COLUMN_BOOLEAN)
                return is_descending ? " true first" : " false first";
        return is_descending ? " descending" : " ascending";
}

static bool is_descending(const json_t *json, bool fallback)
{
        const char *direction = json_get_string(json, "direction");
        return direction ? strcmp(direction, "desc") == 0 : fallback;
}

static void write_explicit_order(struct reading *r, const json_t *item)
{
        const json_t *values = json_object_get(item, "values");
        bool is_cut = json_array_size(values) > READING_VALUES_MAX;
        buf_puts(r->out,
                 is_descending(item, false) ? " in the reverse of the order " : " in the order ");
        reading_values(r, values, is_cut ? " and " : ", ", NULL);
}

static void write_nulls(struct reading *r, const json_t *item)
{
        const char *nulls = json_get_string(item, "nulls");
        if (nulls && strcmp(nulls, "first") == 0)
                buf_puts(r->out,
                         json_object_get(item, "values") ? " (others first)" : " (empty first)");
}

static void write_order(struct reading *r, const json_t *item)
{
        const char *name = json_get_string(item, "expr");
        if (!name) {
                reading_wrong(r, "\"order_by\"");
                return;
        }
        enum column_kind kind = kind_of_name(r, name);
        bool is_down = is_descending(item, false);
        const char *best = best_word(kind, is_down);
        int found = reading_find_item(r, name);
        if (json_object_get(item, "values")) {
                reading_reference(r, name);
                write_explicit_order(r, item);
        } else if (best && found >= 0 && found == r->lone) {
                buf_printf(r->out, "%s first", best);
        } else if (best) {
                buf_printf(r->out, "%s ", best);
                reading_reference(r, name);
                buf_puts(r->out, " first");
        } else {
                reading_reference(r, name);
                buf_puts(r->out, direction_words(kind, is_down));
        }
        write_nulls(r, item);
}

void reading_key_order(struct reading *r)
{
        const json_t *item = json_array_get(json_object_get(r->plan, "order_by"), 0);
        const char *name = json_get_string(item, "expr");
        if (!name || !json_object_get(item, "values") || reading_find_group_item(r, name) != 0)
                return;
        write_explicit_order(r, item);
        write_nulls(r, item);
        r->n_orders_said = 1;
}

static void write_orders(struct reading *r)
{
        const json_t *order_by = json_object_get(r->plan, "order_by");
        for (size_t i = r->n_orders_said; i < json_array_size(order_by); i++) {
                reading_begin_part(r);
                buf_puts(r->out, i ? "then " : "");
                write_order(r, json_array_get(order_by, i));
        }
}

static void write_per(struct reading *r, const json_t *per)
{
        size_t n = json_array_size(per);
        if (n == 0)
                reading_wrong(r, "\"per\"");
        for (size_t i = 0; i < n; i++) {
                const char *name = json_string_value(json_array_get(per, i));
                reading_comma(r, i, n);
                if (name)
                        reading_reference(r, name);
                else
                        reading_wrong(r, "\"per\"");
        }
}

static void write_top(struct reading *r)
{
        const json_t *top = json_object_get(r->plan, "top");
        const char *by = json_get_string(top, "by");
        json_int_t n = reading_integer(json_object_get(top, "n"), 0);
        if (!top)
                return;
        if (!by || n < 1) {
                reading_wrong(r, "\"top\"");
                return;
        }
        enum column_kind kind = kind_of_name(r, by);
        /* Texts and truth values have a highest here as well. */
        const char *best = best_word(reading_is_temporal(kind) ? kind : COLUMN_DECIMAL,
                                     is_descending(top, true));
        reading_begin_part(r);
        if (n == 1)
                buf_printf(r->out, "the one with the %s ", best);
        else
                buf_printf(r->out, "the %lld with the %s ", (long long)n, best);
        reading_reference(r, by);
        buf_puts(r->out, " for each ");
        write_per(r, json_object_get(top, "per"));
}

static void write_limit(struct reading *r)
{
        long long limit = reading_integer(json_object_get(r->plan, "limit"), 0);
        long long offset = reading_integer(json_object_get(r->plan, "offset"), 0);
        if (limit < 1 && offset < 1)
                return;
        reading_begin_part(r);
        if (limit < 1)
                buf_printf(r->out, "after the first %lld", offset);
        else if (offset > 0)
                buf_printf(r->out, "the next %lld after the first %lld", limit, offset);
        else
                buf_printf(r->out, "the first %lld", limit);
}

void reading_order(struct reading *r)
{
        write_top(r);
        write_orders(r);
        write_limit(r);
}
