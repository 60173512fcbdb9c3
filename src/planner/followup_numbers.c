/* Follow-ups that ask for other numbers. */
#include "planner/followup_parts.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <stdio.h>

#define NAME_BYTES_MAX 200 /* of an output; the rest of a longer one is cut off */

/* The first function that stands somewhere in it, or FUNC_NONE. */
static enum plan_func first_function(const json_t *json)
{
        size_t i;
        const char *key;
        json_t *value;
        enum plan_func func = FUNC_NONE;
        const char *said = json_string_value(json_object_get(json, "func"));
        if (said)
                return func_from_word(said);
        json_array_foreach((json_t *)json, i, value)
        {
                if (func == FUNC_NONE)
                        func = first_function(value);
        }
        json_object_foreach((json_t *)json, key, value)
        {
                if (func == FUNC_NONE)
                        func = first_function(value);
        }
        return func;
}

bool shows_number(const struct builder *b)
{
        const struct intent *intent = b->intent;
        if (intent->n_shown != 1 || intent->n_wants > 0 || first_function(b->select) == FUNC_NONE)
                return false;
        const struct column_facts *facts = concept_column(b->concepts, intent->shown[0].at[0]);
        return facts->is_number && !facts->is_id;
}

/* A column without a function gets the one of before. */
static struct want want_again(const struct builder *b, struct want want)
{
        if (want.kind == WANT_COLUMN && want.func == FUNC_NONE)
                want.func = first_function(b->select);
        return want;
}

/* What is wanted now, at most WANTS_MAX: at least the column that was named. */
static size_t list_wants(const struct builder *b, struct want *wants)
{
        const struct intent *intent = b->intent;
        struct want named = want_of(WANT_COLUMN);
        named.refs = intent->shown[0];
        if (intent->n_wants == 0)
                wants[0] = want_again(b, named);
        for (size_t w = 0; w < intent->n_wants; w++)
                wants[w] = want_again(b, intent->wants[w]);
        return intent->n_wants > 0 ? intent->n_wants : 1;
}

static void drop_numbers(struct builder *b)
{
        for (size_t i = json_array_size(b->select); i > 0; i--)
                if (json_holds_key(json_array_get(b->select, i - 1), "func"))
                        (void)json_array_remove(b->select, i - 1);
}

/* The order stays unless it is by what is gone: then it is by the first new number. */
static void order_again(struct builder *b, const char *by)
{
        const char *before = text_of(json_array_get(b->order_by, 0), "expr");
        if (json_array_size(b->order_by) == 0 || selects(b->select, before))
                return;
        json_array_clear(b->order_by);
        builder_append(b, b->order_by, json_pack("{s:s, s:s}", "expr", by, "direction", "desc"));
}

void change_numbers(struct builder *b)
{
        struct want wants[WANTS_MAX];
        size_t n_wants = list_wants(b, wants);
        json_t *filters = builder_json(b, json_array());
        const char *by = "";
        size_t i;
        json_t *filter;
        drop_numbers(b);
        for (size_t w = 0; w < n_wants; w++) {
                json_t *want = build_want(b, &wants[w], filters, b->with);
                if (!want)
                        continue;
                by = w == 0 ? text_of(want, "alias") : by;
                builder_append(b, b->select, want);
        }
        json_array_foreach(filters, i, filter)
        {
                builder_add_filter(b, b->filters, json_incref(filter));
        }
        json_decref(filters);
        builder_append_with(b);
        if (!b->no_memory) /* else the want that `by` is in may be gone */
                order_again(b, by);
}

/* Gives the first function of a column or an expression another name; false when there is none. */
static bool replace_function(struct builder *b, json_t *json, enum plan_func func)
{
        size_t i;
        const char *key;
        json_t *value;
        if (json_is_string(json_object_get(json, "func")) &&
            (json_object_get(json, "column") || json_object_get(json, "expr"))) {
                builder_set(b, json, "func", json_string(func_word(func)));
                return true;
        }
        json_array_foreach(json, i, value)
        {
                if (replace_function(b, value, func))
                        return true;
        }
        json_object_foreach(json, key, value)
        {
                if (replace_function(b, value, func))
                        return true;
        }
        return false;
}

static void rename_orders(struct builder *b, const char *before, const char *after)
{
        size_t i;
        json_t *order;
        json_array_foreach(b->order_by, i, order)
        {
                if (strcmp(text_of(order, "expr"), before) == 0)
                        builder_set(b, order, "expr", json_string(after));
        }
}

/* The select item gets the name of its new function, and is rounded if it has many digits now. */
static void rename_number(struct builder *b, size_t i, enum plan_func func)
{
        json_t *item = json_array_get(b->select, i);
        bool many_digits = func == FUNC_AVG || func == FUNC_MEDIAN || func == FUNC_STDDEV;
        char before[NAME_BYTES_MAX];
        char after[NAME_BYTES_MAX + 20];
        (void)snprintf(before, sizeof(before), "%s", text_of(item, "alias"));
        const char *rest = strchr(before, '_');
        (void)snprintf(after, sizeof(after), "%s%s", func_word(func), rest ? rest : "");
        if (many_digits && !json_object_get(json_object_get(item, "expr"), "round")) {
                json_t *expr = rounded(b, item_expr(b, item));
                json_t *named =
                        builder_json(b, json_pack("{s:o, s:s}", "expr", expr, "alias", after));
                if (named)
                        (void)json_array_set_new(b->select, i, named);
        } else {
                builder_set(b, item, "alias", json_string(after));
        }
        rename_orders(b, before, after);
}

void change_functions(struct builder *b, enum plan_func func)
{
        for (size_t i = 0; i < json_array_size(b->select); i++)
                if (replace_function(b, json_array_get(b->select, i), func)) {
                        rename_number(b, i, func);
                        return;
                }
        b->failed = true;
}
