#include "planner/reading_parts.h"

#include "base/json.h"

#include <string.h>
#include <strings.h>

const json_t *reading_item(const struct reading *r, size_t i)
{
        return json_array_get(r->select, i);
}

int reading_find_group_item(const struct reading *r, const char *name)
{
        int found = reading_find_item(r, name);
        const struct column *column = found < 0 ? reading_column(r, name) : NULL;
        for (size_t i = 0; column && i < json_array_size(r->select); i++) {
                const json_t *item = reading_item(r, i);
                const char *shown = json_get_string(item, "column");
                if (shown && !json_object_get(item, "func") && reading_column(r, shown) == column)
                        return (int)i;
        }
        return found;
}

/* True when an alias only repeats what was said: "average_discount" of "average of discount". */
static bool alias_repeats(const char *alias, const char *said)
{
        while (*said) {
                if (strncasecmp(said, "of ", 3) == 0 && strncasecmp(alias, "of_", 3) != 0)
                        said += 3;
                size_t n = strcspn(said, " ");
                if (strncasecmp(said, alias, n) != 0)
                        return false;
                said += n;
                alias += n;
                if (*said && *alias++ != '_')
                        return false;
                said += *said == ' ';
        }
        return *alias == '\0';
}

const char *reading_alias(const struct reading *r, const json_t *item, size_t from)
{
        const char *alias = json_get_string(item, "alias");
        if (!alias || r->out->len <= from)
                return alias;
        if (!json_object_get(item, "where") && reading_item_derives(r, item, alias))
                return NULL;
        return alias_repeats(alias, r->out->data + from) ? NULL : alias;
}

/* " (alias, rounded to 2 decimals)"; true when there was no alias to say. */
static bool write_remarks(struct reading *r, const json_t *item, size_t from, const json_t *rounded)
{
        const char *alias = reading_alias(r, item, from);
        if (!alias && !rounded)
                return true;
        buf_puts(r->out, " (");
        if (alias)
                reading_name(r, alias);
        if (rounded) {
                buf_puts(r->out, alias ? ", " : "");
                reading_rounded(r, rounded);
        }
        buf_putc(r->out, ')');
        return !alias;
}

bool reading_put_item(struct reading *r, const json_t *item, bool is_alone)
{
        const json_t *expr = reading_item_expr(item);
        const json_t *inside = json_object_get(expr, "round");
        bool is_closed = is_alone || json_object_get(item, "alias");
        size_t from = r->out->len;
        reading_expr(r, inside ? inside : expr, is_closed ? READ_CLAUSE : READ_PHRASE);
        return write_remarks(r, item, from, inside ? expr : NULL);
}

void reading_reference(struct reading *r, const char *name)
{
        int i = reading_find_item(r, name);
        const json_t *item = i < 0 ? NULL : reading_item(r, (size_t)i);
        const char *alias = json_get_string(item, "alias");
        if (alias)
                reading_name(r, alias);
        else if (item)
                reading_expr(r, reading_item_expr(item), READ_PHRASE);
        else
                reading_name(r, name);
}

void reading_comma(struct reading *r, size_t i, size_t n)
{
        if (i)
                buf_puts(r->out, i + 1 == n ? " and " : ", ");
}

void reading_rows_word(struct reading *r)
{
        const char *row = r->table ? r->table->row : NULL;
        size_t n = row ? strlen(row) : 0;
        if (n < 2 || !reading_is_plain(row)) {
                buf_puts(r->out, "rows");
                return;
        }
        char last = row[n - 1];
        char before = row[n - 2];
        if (last == 'y' && !strchr("aeiou", before))
                buf_printf(r->out, "%.*sies", (int)n - 1, row);
        else if (strchr("sxz", last) || (last == 'h' && strchr("cs", before)))
                buf_printf(r->out, "%ses", row);
        else
                buf_printf(r->out, "%ss", row);
}
