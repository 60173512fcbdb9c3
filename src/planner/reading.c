#include "planner/reading.h"

#include "base/json.h"
#include "planner/reading_parts.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The sentence of a plan with groups or aggregates: the first n_keys select items are what it
 * groups by and are said behind "by"; the others come first. */
struct outline {
        size_t n_items;
        size_t n_keys;
        const json_t *group_by;
        bool is_grouped; /* there are groups, if only one of all rows */
};

void reading_wrong(struct reading *r, const char *what)
{
        if (!r->wrong)
                r->wrong = what;
}

bool reading_enter(struct reading *r)
{
        if (r->depth >= READING_DEPTH_MAX) {
                reading_wrong(r, "the nesting");
                return false;
        }
        r->depth++;
        return true;
}

void reading_leave(struct reading *r)
{
        r->depth--;
}

static bool is_key(const struct reading *r, const json_t *group_by, size_t item)
{
        for (size_t i = 0; i < json_array_size(group_by); i++) {
                const char *name = json_string_value(json_array_get(group_by, i));
                if (name && reading_find_group_item(r, name) == (int)item)
                        return true;
        }
        return false;
}

static struct outline outline_of(struct reading *r)
{
        struct outline o = {
                .n_items = json_array_size(r->select),
                .group_by = json_object_get(r->plan, "group_by"),
        };
        o.is_grouped = json_array_size(o.group_by) > 0 || reading_has_aggregate(r, r->select) ||
                       reading_has_aggregate(r, json_object_get(r->plan, "having"));
        while (o.n_keys < o.n_items && is_key(r, o.group_by, o.n_keys))
                o.n_keys++;
        return o;
}

static void write_table(struct reading *r)
{
        const char *table = json_get_string(r->plan, "table");
        if (table)
                reading_name(r, table);
        else
                reading_wrong(r, "\"table\"");
}

static void write_where(struct reading *r)
{
        const json_t *filters = json_object_get(r->plan, "filters");
        if (json_array_size(filters) == 0)
                return;
        buf_puts(r->out, " where ");
        reading_filters(r, filters);
}

static bool is_count(const json_t *item, const char *func)
{
        const char *word = json_get_string(item, "func");
        return word && strcmp(word, func) == 0 && !json_object_get(item, "where");
}

/* "Number of tickets", where a count of rows is all that is asked. */
static void write_row_count(struct reading *r, const struct outline *o, const json_t *item)
{
        size_t from = r->out->len;
        buf_puts(r->out, "number of ");
        size_t word = r->out->len;
        reading_rows_word(r);
        const char *table = json_get_string(r->plan, "table");
        bool is_table = table && strcasecmp(buf_text(r->out) + word, table) == 0;
        const char *alias = reading_alias(r, item, from);
        if (alias && r->out->len > word && strcasecmp(alias, r->out->data + word) == 0)
                alias = NULL;
        if (alias) {
                buf_puts(r->out, " (");
                reading_name(r, alias);
                buf_putc(r->out, ')');
        } else {
                r->lone = (int)o->n_keys;
        }
        if (is_table)
                return;
        buf_puts(r->out, " in ");
        write_table(r);
}

/* Everything that is no key, and the table. */
static void write_measures(struct reading *r, const struct outline *o)
{
        const json_t *first = reading_item(r, o->n_keys);
        size_t n = o->n_items - o->n_keys;
        bool needs_no_name = false;
        if (n == 1 && is_count(first, "count") && !json_object_get(first, "column") &&
            !json_object_get(first, "expr")) {
                write_row_count(r, o, first);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                reading_comma(r, i, n);
                needs_no_name = reading_put_item(r, reading_item(r, o->n_keys + i), n == 1);
        }
        if (n == 1 && needs_no_name)
                r->lone = (int)o->n_keys;
        if (n == 0)
                buf_puts(r->out, r->select ? "groups of " : "all columns over ");
        else if (n == 1 && (is_count(first, "count") || is_count(first, "count_distinct")))
                buf_puts(r->out, " in ");
        else
                buf_puts(r->out, " over ");
        write_table(r);
}

/* A name of group_by that is not among the keys. */
static bool is_other_key(const struct reading *r, const struct outline *o, size_t i)
{
        const char *name = json_string_value(json_array_get(o->group_by, i));
        int item = name ? reading_find_group_item(r, name) : -1;
        return item < 0 || (size_t)item >= o->n_keys;
}

static size_t count_keys(const struct reading *r, const struct outline *o)
{
        size_t n = o->n_keys;
        for (size_t i = 0; i < json_array_size(o->group_by); i++)
                n += is_other_key(r, o, i);
        return n;
}

static void write_other_key(struct reading *r, const char *name)
{
        int item = name ? reading_find_group_item(r, name) : -1;
        if (!name)
                reading_wrong(r, "\"group_by\"");
        else if (item >= 0)
                reading_reference(r, name);
        else
                reading_name(r, name);
        if (item < 0)
                buf_puts(r->out, " (not shown)");
}

static void write_keys(struct reading *r, const struct outline *o)
{
        size_t n = count_keys(r, o);
        size_t written = 0;
        if (n)
                buf_puts(r->out, ", by ");
        for (size_t i = 0; i < o->n_keys; i++) {
                reading_comma(r, written++, n);
                (void)reading_put_item(r, reading_item(r, i), false);
        }
        for (size_t i = 0; i < json_array_size(o->group_by); i++) {
                if (!is_other_key(r, o, i))
                        continue;
                reading_comma(r, written++, n);
                write_other_key(r, json_string_value(json_array_get(o->group_by, i)));
        }
}

static void write_having(struct reading *r, const struct outline *o)
{
        const json_t *having = json_object_get(r->plan, "having");
        if (json_array_size(having) == 0)
                return;
        reading_begin_part(r);
        buf_puts(r->out, json_array_size(o->group_by) ? "only groups where " : "only if ");
        r->in_having = true;
        reading_filters(r, having);
        r->in_having = false;
}

static void write_groups(struct reading *r, const struct outline *o)
{
        write_measures(r, o);
        write_where(r);
        write_keys(r, o);
        if (o->n_keys == 1 && count_keys(r, o) == 1)
                reading_key_order(r);
        write_having(r, o);
        if (json_is_true(json_object_get(r->plan, "distinct"))) {
                reading_begin_part(r);
                buf_puts(r->out, "equal rows once");
        }
}

static void write_rows(struct reading *r, const struct outline *o)
{
        bool is_distinct = json_is_true(json_object_get(r->plan, "distinct"));
        buf_puts(r->out, is_distinct ? "different rows of " : "rows of ");
        write_table(r);
        write_where(r);
        buf_puts(r->out, r->select ? ": " : ": all columns");
        for (size_t i = 0; i < o->n_items; i++) {
                buf_puts(r->out, i ? ", " : "");
                (void)reading_put_item(r, reading_item(r, i), false);
        }
        r->between = "; ";
}

/* A capital where the sentence begins with a word of ours, perhaps behind a parenthesis. */
static void capitalize(struct reading *r)
{
        size_t at = r->start;
        while (at < r->out->len && r->out->data[at] == '(')
                at++;
        if (at >= r->out->len || at == r->given_at)
                return;
        char c = r->out->data[at];
        if (c >= 'a' && c <= 'z')
                r->out->data[at] = (char)(c - 'a' + 'A');
}

/* Their absence means something, so that what is no list must not pass for one. */
static void check_lists(struct reading *r)
{
        static const char *const keys[] = {"select", "filters", "group_by", "having", "order_by"};
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const json_t *list = json_object_get(r->plan, keys[i]);
                if (list && !json_is_array(list))
                        reading_wrong(r, keys[i]);
        }
        if (r->select && json_array_size(r->select) == 0)
                reading_wrong(r, "select");
}

static const struct table *table_of(const json_t *plan, const struct dataset *dataset)
{
        const char *name = json_get_string(plan, "table");
        int i = name ? dataset_find_table(dataset, name) : -1;
        return i < 0 ? NULL : &dataset->tables[i];
}

int reading_write(const json_t *plan, const struct dataset *dataset, struct buf *out,
                  struct error *err)
{
        struct reading r = {
                .plan = plan,
                .select = json_object_get(plan, "select"),
                .dataset = dataset,
                .table = table_of(plan, dataset),
                .out = out,
                .start = out->len,
                .given_at = SIZE_MAX,
                .lone = -1,
                .between = ", ",
        };
        check_lists(&r);
        struct outline o = outline_of(&r);
        if (o.is_grouped)
                write_groups(&r, &o);
        else
                write_rows(&r, &o);
        reading_order(&r);
        buf_putc(out, '.');
        int result = buf_error(out, err, "the reading");
        if (result == 0 && r.wrong)
                result = error_set(err, ERROR_INTERNAL,
                                   "the plan cannot be put into words: %s is not as plans have it",
                                   r.wrong);
        if (result == 0)
                capitalize(&r);
        else if (out->data)
                out->data[out->len = r.start] = '\0';
        return result;
}
