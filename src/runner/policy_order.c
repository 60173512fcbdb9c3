/* Whether the outermost ORDER BY fixes the order of all rows that differ. It says yes only when
 * it is sure: an ORDER BY key counts for an output column when it is its number, its alias, its
 * name or the same expression once more. */
#include "runner/policy_walk.h"

#include "runner/policy_name.h"

#include "base/json.h"

#include <string.h>

static bool is_class(const json_t *expression, const char *name)
{
        const char *class_name = json_get_string(expression, "class");
        return class_name && strcmp(class_name, name) == 0;
}

static const json_t *find_orders(const json_t *query)
{
        size_t i;
        const json_t *modifier;
        json_array_foreach(json_object_get(query, "modifiers"), i, modifier)
        {
                const char *type = json_get_string(modifier, "type");
                if (type && strcmp(type, "ORDER_MODIFIER") == 0)
                        return json_object_get(modifier, "orders");
        }
        return NULL;
}

static const json_t *key_of(const json_t *orders, size_t i)
{
        return json_object_get(json_array_get(orders, i), "expression");
}

/* ORDER BY ALL, or COLUMNS(*), which is the same tree; DuckDB takes it for all output columns
 * only when it stands alone. */
static bool is_order_by_all(const json_t *orders)
{
        static const char *const empty[] = {"relation_name",          "expr",
                                            "exclude_list",           "replace_list",
                                            "qualified_exclude_list", "rename_list"};
        const json_t *key = key_of(orders, 0);
        if (json_array_size(orders) != 1 || !is_class(key, "STAR") ||
            !json_get_bool(key, "columns", false))
                return false;
        for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++)
                if (!policy_json_is_empty(json_object_get(key, empty[i])))
                        return false;
        return true;
}

/* True when the expression may give several columns, or a number of columns that depends on the
 * tables: a star anywhere in it, unnest of a struct. */
static bool expands(const json_t *json)
{
        const char *function = json_get_string(json, "function_name");
        if (is_class(json, "STAR") || (function && policy_name_equal(function, "unnest")))
                return true;
        const char *key;
        const json_t *value;
        size_t i;
        if (json_is_object(json)) {
                if (is_class(json, "SUBQUERY"))
                        return false; /* one value */
                json_object_foreach((json_t *)json, key, value)
                {
                        if (expands(value))
                                return true;
                }
        }
        json_array_foreach(json, i, value)
        {
                if (expands(value))
                        return true;
        }
        return false;
}

/* The query whose select list names the output columns: a set operation has its first one's. */
static const json_t *first_select(const json_t *query)
{
        while (query) {
                const char *type = json_get_string(query, "type");
                const char *operation = json_get_string(query, "setop_type");
                if (!type)
                        return NULL;
                if (strcmp(type, "SELECT_NODE") == 0)
                        return query;
                if (strcmp(type, "SET_OPERATION_NODE") != 0 || !operation ||
                    strcmp(operation, "UNION_BY_NAME") == 0)
                        return NULL;
                query = json_object_get(query, "left");
        }
        return NULL;
}

static const char *alias_of(const json_t *item)
{
        const char *alias = json_get_string(item, "alias");
        return alias && *alias ? alias : NULL;
}

/* The last part of a column's name. */
static const char *column_of(const json_t *item)
{
        const json_t *names = json_object_get(item, "column_names");
        if (!is_class(item, "COLUMN_REF") || json_array_size(names) == 0)
                return NULL;
        return json_string_value(json_array_get(names, json_array_size(names) - 1));
}

static const char *name_of(const json_t *item)
{
        const char *alias = alias_of(item);
        return alias ? alias : column_of(item);
}

static bool name_is_unique(const json_t *items, const char *name)
{
        size_t seen = 0;
        for (size_t i = 0; i < json_array_size(items); i++) {
                const char *other = name_of(json_array_get(items, i));
                seen += other && policy_name_equal(other, name);
        }
        return seen == 1;
}

/* Equal but for where they stand and how the whole is called. */
static bool same_expression(const json_t *a, const json_t *b, bool outermost)
{
        if (!a || !b || json_typeof(a) != json_typeof(b))
                return false;
        if (json_is_array(a)) {
                bool same = json_array_size(a) == json_array_size(b);
                for (size_t i = 0; same && i < json_array_size(a); i++)
                        same = same_expression(json_array_get(a, i), json_array_get(b, i), false);
                return same;
        }
        if (!json_is_object(a))
                return json_equal(a, b);
        const char *key;
        const json_t *value;
        bool same = json_object_size(a) == json_object_size(b);
        json_object_foreach((json_t *)a, key, value)
        {
                if (strcmp(key, "query_location") == 0 || (outermost && strcmp(key, "alias") == 0))
                        continue;
                same = same && same_expression(value, json_object_get(b, key), false);
        }
        return same;
}

/* True when a name in the expression is an alias of an output column, which ORDER BY would take
 * it for, or when the expression holds a query, where names are not followed. */
static bool mentions_alias(const json_t *json, const json_t *items)
{
        const char *name =
                json_string_value(json_array_get(json_object_get(json, "column_names"), 0));
        for (size_t i = 0; name && i < json_array_size(items); i++) {
                const char *alias = alias_of(json_array_get(items, i));
                if (alias && policy_name_equal(alias, name))
                        return true;
        }
        const char *key;
        const json_t *value;
        size_t i;
        if (json_is_object(json)) {
                if (is_class(json, "SUBQUERY"))
                        return true;
                json_object_foreach((json_t *)json, key, value)
                {
                        if (mentions_alias(value, items))
                                return true;
                }
        }
        json_array_foreach(json, i, value)
        {
                if (mentions_alias(value, items))
                        return true;
        }
        return false;
}

static bool is_ordinal(const json_t *key, size_t index)
{
        const json_t *value = json_object_get(key, "value");
        const char *id = json_get_string(json_object_get(value, "type"), "id");
        const json_t *number = json_object_get(value, "value");
        return is_class(key, "CONSTANT") && id && strcmp(id, "INTEGER") == 0 &&
               json_is_number(number) && json_number_value(number) == (double)(index + 1);
}

struct output {
        const json_t *items;
        bool one_table;  /* nothing is joined, so a column's bare name means one column */
        bool names_only; /* of a set operation: expressions are not looked up */
};

static bool key_covers(const struct output *output, const json_t *key, size_t index)
{
        const json_t *item = json_array_get(output->items, index);
        const char *name = name_of(item);
        if (is_ordinal(key, index))
                return true;
        if (is_class(key, "COLUMN_REF") &&
            json_array_size(json_object_get(key, "column_names")) == 1) {
                const json_t *parts = json_object_get(item, "column_names");
                bool plain = alias_of(item) || output->names_only || output->one_table ||
                             json_array_size(parts) == 1;
                if (name && plain && policy_name_equal(name, column_of(key)) &&
                    name_is_unique(output->items, name))
                        return true;
        }
        return !output->names_only && same_expression(item, key, true) &&
               !mentions_alias(key, output->items);
}

static struct output output_of(const json_t *query)
{
        const json_t *select = first_select(query);
        const char *from = json_get_string(json_object_get(select, "from_table"), "type");
        return (struct output){.items = json_object_get(select, "select_list"),
                               .one_table = from && strcmp(from, "BASE_TABLE") == 0,
                               .names_only = select != query};
}

static bool covers_item(const json_t *orders, const struct output *output, size_t item)
{
        for (size_t i = 0; i < json_array_size(orders); i++)
                if (key_of(orders, i) && key_covers(output, key_of(orders, i), item))
                        return true;
        return false;
}

bool policy_order_has_item(const json_t *query, size_t item)
{
        const struct output output = output_of(query);
        return covers_item(find_orders(query), &output, item);
}

bool policy_order_has_expression(const json_t *query, const json_t *expression)
{
        const json_t *orders = find_orders(query);
        const json_t *items = json_object_get(first_select(query), "select_list");
        for (size_t i = 0; i < json_array_size(orders); i++)
                if (same_expression(expression, key_of(orders, i), true) &&
                    !mentions_alias(expression, items))
                        return true;
        return false;
}

bool policy_same_expression(const json_t *a, const json_t *b)
{
        return same_expression(a, b, true);
}

bool policy_order_is_total(const json_t *query)
{
        const json_t *orders = find_orders(query);
        if (json_array_size(orders) == 0)
                return false;
        if (is_order_by_all(orders))
                return true;
        const struct output output = output_of(query);
        if (json_array_size(output.items) == 0 || expands(output.items))
                return false;
        for (size_t i = 0; i < json_array_size(output.items); i++)
                if (!covers_item(orders, &output, i))
                        return false;
        return true;
}
