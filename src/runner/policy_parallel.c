/* Whether the answer is the same in whatever order the tables' rows are worked on, and so by
 * however many threads. It says yes only when it is sure: all kinds of queries, aggregates and
 * types that it does not know for certain say no. */
#include "runner/policy_exact.h"
#include "runner/policy_name.h"
#include "runner/policy_walk.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

#define PASSES_MAX                                                                                 \
        24 /* over the names, until nothing changes: one for each that hangs on another */

static bool is(const json_t *node, const char *member, const char *value)
{
        const char *text = json_get_string(node, member);
        return text && strcmp(text, value) == 0;
}

static bool is_empty(const json_t *node, const char *member)
{
        return policy_json_is_empty(json_object_get(node, member));
}

static const json_t *find_modifier(const json_t *query, const char *type)
{
        size_t i;
        const json_t *modifier;
        json_array_foreach(json_object_get(query, "modifiers"), i, modifier)
        {
                if (is(modifier, "type", type))
                        return modifier;
        }
        return NULL;
}

/* The alias, or the column's own name; NULL for what DuckDB names by its text. */
static const char *name_of(const json_t *item)
{
        const char *alias = json_get_string(item, "alias");
        const json_t *parts = json_object_get(item, "column_names");
        if (alias && *alias)
                return alias;
        return json_string_value(json_array_get(parts, json_array_size(parts) - 1));
}

/* The columns of all tables in FROM, as they are called there: "*" and "t.*". */
static bool is_plain_star(const json_t *item)
{
        return is(item, "class", "STAR") && is_empty(item, "columns") && is_empty(item, "expr") &&
               is_empty(item, "replace_list") && is_empty(item, "rename_list");
}

/* One SELECT under way. */
struct select {
        struct policy_exact *exact;
        const json_t *node;
        const json_t *items;
        bool is_outermost;
        bool has_star;
        bool has_aggregate;
        enum policy_exactness worst; /* of its items */
        struct {
                enum policy_exactness is;
                bool has_aggregate;
        } found[POLICY_EXACT_ITEMS_MAX]; /* for each item */
};

static void look_at_ref(struct policy_exact *exact, const json_t *ref)
{
        const char *alias = json_get_string(ref, "alias");
        if (!is_empty(ref, "sample") || !is_empty(ref, "column_name_alias")) {
                exact->is_free = false;
                return;
        }
        if (alias && *alias)
                policy_exact_note_table(exact, alias);
        if (is(ref, "type", "BASE_TABLE")) {
                policy_exact_note_table(exact, json_get_string(ref, "table_name"));
        } else if (is(ref, "type", "SUBQUERY")) {
                (void)policy_exact_statement(exact, json_object_get(ref, "subquery"), false);
        } else if (is(ref, "type", "JOIN")) {
                /* ASOF takes one of several equals, POSITIONAL goes by the order. */
                if (is(ref, "ref_type", "ASOF") || is(ref, "ref_type", "POSITIONAL"))
                        exact->is_free = false;
                look_at_ref(exact, json_object_get(ref, "left"));
                look_at_ref(exact, json_object_get(ref, "right"));
                (void)policy_exact_expression(exact, json_object_get(ref, "condition"));
        } else if (!is(ref, "type", "EMPTY")) {
                exact->is_free = false;
        }
}

static void look_at_ctes(struct policy_exact *exact, const json_t *query)
{
        size_t i;
        const json_t *cte;
        json_array_foreach(json_object_get(json_object_get(query, "cte_map"), "map"), i, cte)
        {
                const json_t *value = json_object_get(cte, "value");
                if (!is_empty(value, "aliases") || !is_empty(value, "key_targets"))
                        exact->is_free = false;
                policy_exact_note_table(exact, json_get_string(cte, "key"));
                (void)policy_exact_statement(exact, json_object_get(value, "query"), false);
        }
}

static enum policy_exactness worse(enum policy_exactness a, enum policy_exactness b)
{
        return a > b ? a : b;
}

/* GROUP BY ALL: what holds no aggregate is a key. */
static bool groups_by_all(const struct select *select)
{
        return is(select->node, "aggregate_handling", "FORCE_AGGREGATES");
}

static void look_at_item(struct select *select, size_t i, bool is_value)
{
        struct policy_exact *exact = select->exact;
        const json_t *item = json_array_get(select->items, i);
        if (is_plain_star(item)) {
                select->has_star = true;
                exact->is_free &= !select->is_outermost;
                return;
        }
        exact->saw_aggregate = false;
        enum policy_exactness of = policy_exact_expression(exact, item);
        const char *name = name_of(item);
        if (name)
                policy_exact_note(exact, name, of, !select->is_outermost);
        else if (!select->is_outermost && !is_value)
                exact->is_free = false;
        if (groups_by_all(select) && !exact->saw_aggregate && of > POLICY_PLAIN)
                exact->is_free = false;
        select->has_aggregate |= exact->saw_aggregate;
        select->worst = worse(select->worst, of);
        select->found[i].is = of;
        select->found[i].has_aggregate = exact->saw_aggregate;
}

static void look_at_items(struct select *select, bool is_value)
{
        select->items = json_object_get(select->node, "select_list");
        for (size_t i = 0; i < json_array_size(select->items); i++)
                look_at_item(select, i, is_value);
        if (select->worst == POLICY_OPAQUE)
                select->exact->is_free = false;
}

/* "GROUP BY 2": 1, or the item's own place; otherwise the number of items. */
static size_t ordinal(const struct select *select, const json_t *group)
{
        const json_t *number = json_object_get(json_object_get(group, "value"), "value");
        size_t n = json_array_size(select->items);
        double place = json_is_number(number) ? json_number_value(number) : 0;
        if (!is(group, "class", "CONSTANT") || place < 1 || place > (double)n)
                return n;
        return (size_t)place - 1;
}

/* The item that a key of GROUP BY is for certain, or the number of items. A bare name is a
 * column's before it is an alias. */
static size_t item_of(const struct select *select, const json_t *group)
{
        size_t n = json_array_size(select->items);
        size_t at = ordinal(select, group);
        const char *name = name_of(group);
        const struct policy_exact_name *known =
                name ? policy_exact_find(select->exact, name) : NULL;
        for (size_t i = 0; i < n && at == n; i++)
                if (policy_same_expression(json_array_get(select->items, i), group))
                        at = i;
        if (at < n || !known || known->is_inner || !is(group, "class", "COLUMN_REF") ||
            json_array_size(json_object_get(group, "column_names")) != 1)
                return at;
        for (size_t i = 0; i < n; i++) {
                const char *alias = json_get_string(json_array_get(select->items, i), "alias");
                if (alias && policy_name_equal(alias, name) && at < n)
                        return n; /* two of that name */
                if (alias && policy_name_equal(alias, name))
                        at = i;
        }
        return at;
}

static void look_at_groups(struct select *select)
{
        struct policy_exact *exact = select->exact;
        size_t i;
        const json_t *group;
        json_array_foreach(json_object_get(select->node, "group_expressions"), i, group)
        {
                size_t at = ordinal(select, group);
                enum policy_exactness of = at < json_array_size(select->items)
                                                   ? select->found[at].is
                                                   : policy_exact_expression(exact, group);
                if (of > POLICY_PLAIN)
                        exact->is_free = false; /* one of several equals stands for a group */
        }
}

static bool orders_keys_of_all(const struct select *select)
{
        for (size_t i = 0; i < json_array_size(select->items); i++)
                if (!select->found[i].has_aggregate && !policy_order_has_item(select->node, i))
                        return false;
        return true;
}

/* The keys of ORDER BY hold those of the groups, each of which gives one row. */
static bool orders_groups(const struct select *select)
{
        const json_t *groups = json_object_get(select->node, "group_expressions");
        size_t n_items = json_array_size(select->items);
        size_t i;
        const json_t *group;
        if (groups_by_all(select))
                return orders_keys_of_all(select);
        if (json_array_size(json_object_get(select->node, "group_sets")) > 1)
                return false;
        json_array_foreach(groups, i, group)
        {
                size_t at = item_of(select, group);
                if (!(at < n_items && policy_order_has_item(select->node, at)) &&
                    !(at == n_items && policy_order_has_expression(select->node, group)))
                        return false;
        }
        return json_array_size(groups) > 0;
}

static bool gives_one_row(const struct select *select)
{
        return select->has_aggregate && !groups_by_all(select) &&
               is_empty(select->node, "group_expressions") && is_empty(select->node, "group_sets");
}

/* Its rows come in one order only, or in any: then which rows a LIMIT takes is not known. */
static bool is_ordered(const struct select *select)
{
        bool distinct = find_modifier(select->node, "DISTINCT_MODIFIER");
        if (select->has_star)
                return false;
        if (gives_one_row(select) || (!distinct && orders_groups(select)))
                return true;
        /* Rows with another zero may change places; as an answer they are the same. */
        return policy_order_is_total(select->node) &&
               (select->is_outermost || select->worst <= POLICY_PLAIN);
}

static void look_at_modifiers(struct select *select)
{
        struct policy_exact *exact = select->exact;
        const json_t *distinct = find_modifier(select->node, "DISTINCT_MODIFIER");
        size_t i;
        const json_t *modifier;
        bool is_cut = false;
        json_array_foreach(json_object_get(select->node, "modifiers"), i, modifier)
        {
                size_t j;
                const json_t *order;
                (void)policy_exact_expression(exact, json_object_get(modifier, "limit"));
                (void)policy_exact_expression(exact, json_object_get(modifier, "offset"));
                is_cut |= is(modifier, "type", "LIMIT_MODIFIER") ||
                          is(modifier, "type", "LIMIT_PERCENT_MODIFIER");
                json_array_foreach(json_object_get(modifier, "orders"), j, order)
                {
                        const json_t *key = json_object_get(order, "expression");
                        if (!is_plain_star(key) && !is(key, "class", "STAR"))
                                (void)policy_exact_expression(exact, key);
                }
        }
        if (distinct && (!is_empty(distinct, "distinct_on_targets") || select->has_star ||
                         select->worst > POLICY_PLAIN))
                exact->is_free = false;
        if ((is_cut || select->is_outermost) && exact->is_free && !is_ordered(select))
                exact->is_free = false;
}

static enum policy_exactness look_at_query(struct policy_exact *exact, const json_t *query,
                                           bool is_value, bool is_outermost)
{
        struct select select = {.exact = exact, .node = query, .is_outermost = is_outermost};
        if (!is(query, "type", "SELECT_NODE") || !is_empty(query, "sample") ||
            !is_empty(query, "qualify")) {
                exact->is_free = false;
                return POLICY_OPAQUE;
        }
        if (json_array_size(json_object_get(query, "select_list")) > POLICY_EXACT_ITEMS_MAX) {
                exact->is_free = false;
                return POLICY_OPAQUE;
        }
        look_at_ctes(exact, query);
        look_at_ref(exact, json_object_get(query, "from_table"));
        look_at_items(&select, is_value);
        (void)policy_exact_expression(exact, json_object_get(query, "where_clause"));
        (void)policy_exact_expression(exact, json_object_get(query, "having"));
        look_at_groups(&select);
        look_at_modifiers(&select);
        return select.has_star ? POLICY_OPAQUE : select.found[0].is;
}

enum policy_exactness policy_exact_statement(struct policy_exact *exact, const json_t *statement,
                                             bool is_value)
{
        return look_at_query(exact, json_object_get(statement, "node"), is_value, false);
}

static bool is_settled(const struct policy_exact *exact)
{
        for (size_t i = 0; i < exact->n_names; i++)
                if (exact->names[i].is == POLICY_UNSEEN)
                        return false; /* named after nothing but itself */
        return !exact->has_changed;
}

int policy_is_order_free(const json_t *statement, const struct policy_scope *scope, bool *ret,
                         struct error *err)
{
        _cleanup_free_ struct policy_exact *exact = alloc_calloc(1, sizeof(*exact));
        _cleanup_free_ struct policy_exact_name *names =
                alloc_calloc(scope->n_typed + POLICY_ALIASES_MAX, sizeof(*names));
        if (!exact || !names)
                return error_oom(err);
        exact->names = names;
        exact->names_max = scope->n_typed + POLICY_ALIASES_MAX;
        exact->is_free = true;
        for (size_t i = 0; i < scope->n_typed; i++)
                policy_exact_note(exact, scope->typed[i].name, scope->typed[i].is, true);
        exact->has_changed = true;
        for (int pass = 0; pass < PASSES_MAX && exact->has_changed; pass++) {
                exact->has_changed = false;
                exact->is_free = true;
                exact->n_expressions = 0;
                (void)look_at_query(exact, json_object_get(statement, "node"), false, true);
        }
        *ret = exact->is_free && is_settled(exact);
        return 0;
}
