/* Numbers, of all rows or of each group: wants, shares, ratios and conditions on them. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every want with the filters that belong to it. */
struct wanted {
        json_t *items[WANTS_MAX + 1];
        json_t *filters[WANTS_MAX + 1];
        size_t n;
};

static void take_want(struct builder *b, struct wanted *wanted, const struct want *want)
{
        if (wanted->n > WANTS_MAX)
                return;
        json_t *filters = builder_json(b, json_array());
        json_t *item = build_want(b, want, filters, b->with);
        if (!item) {
                json_decref(filters);
                return;
        }
        for (size_t i = 0; i < wanted->n; i++)
                if (json_equal(wanted->items[i], item)) {
                        json_decref(item);
                        json_decref(filters);
                        return;
                }
        wanted->items[wanted->n] = item;
        wanted->filters[wanted->n++] = filters;
        builder_append(b, b->select, json_incref(item));
}

/* Filters that all share are the plan's; others go into each want's aggregates. */
static void settle_filters(struct builder *b, struct wanted *wanted)
{
        bool same = true;
        for (size_t i = 1; i < wanted->n; i++)
                same = same && json_equal(wanted->filters[0], wanted->filters[i]);
        for (size_t i = 0; i < wanted->n; i++) {
                size_t f;
                json_t *filter;
                if (!same)
                        expr_add_where(b, wanted->items[i], wanted->filters[i]);
                else if (i == 0)
                        json_array_foreach(wanted->filters[i], f, filter)
                        {
                                builder_add_filter(b, b->filters, json_incref(filter));
                        }
        }
}

static void wanted_done(struct wanted *wanted)
{
        for (size_t i = 0; i < wanted->n; i++) {
                json_decref(wanted->items[i]);
                json_decref(wanted->filters[i]);
        }
}

const char *item_alias(const json_t *item)
{
        const char *alias = json_string_value(json_object_get(item, "alias"));
        return alias ? alias : "";
}

/* [the part that the share is of, in percent of all]. */
static void add_share(struct builder *b, struct wanted *wanted)
{
        json_t *part = builder_json(b, json_array());
        build_filters(b, ROLE_PART, part);
        for (size_t i = 0; i < wanted->n && i < 1; i++) {
                json_t *whole = item_expr(b, wanted->items[i]);
                json_t *of = builder_json(b, json_deep_copy(whole));
                if (!json_object_get(whole, "func"))
                        b->failed = true; /* a share of a rate */
                expr_add_where(b, of, part);
                json_t *count = builder_json(b, json_deep_copy(of));
                builder_set(b, count, "alias", json_string(builder_alias(b, "matching")));
                builder_append(b, b->select, count);
                json_t *percent =
                        builder_json(b, json_pack("{s:o, s:s}", "expr", percent_of(b, of, whole),
                                                  "alias", builder_alias(b, "percent")));
                builder_append(b, b->select, percent);
        }
        if (json_array_size(part) == 0)
                b->failed = true;
        json_decref(part);
}

static json_t *counted_where(struct builder *b, const json_t *item, enum cond_role role)
{
        json_t *filters = builder_json(b, json_array());
        build_filters(b, role, filters);
        json_t *count = item_expr(b, item);
        expr_add_where(b, count, filters);
        if (json_array_size(filters) == 0)
                b->failed = true;
        json_decref(filters);
        return count;
}

/* "Ratio of men to women": how many of the first there are for each of the second. */
static void add_ratio_of_parts(struct builder *b, struct wanted *wanted)
{
        if (wanted->n == 0) {
                b->failed = true;
                return;
        }
        json_t *part = counted_where(b, wanted->items[0], ROLE_PART);
        json_t *whole = counted_where(b, wanted->items[0], ROLE_WHOLE);
        json_t *quotient = rounded(b, builder_json(b, json_pack("{s:[o, o]}", "div", part, whole)));
        builder_append(
                b, b->select,
                json_pack("{s:o, s:s}", "expr", quotient, "alias", builder_alias(b, "ratio")));
}

/* Each group's part of the total. */
static void add_parts(struct builder *b, struct wanted *wanted)
{
        if (wanted->n == 0 || json_array_size(b->group_by) == 0) {
                b->failed = true;
                return;
        }
        json_t *whole = item_expr(b, wanted->items[0]);
        json_t *part = builder_json(b, json_deep_copy(whole));
        char alias[120];
        if (!json_object_get(whole, "func"))
                b->failed = true;
        (void)snprintf(alias, sizeof(alias), "percent_of_%.80s", item_alias(wanted->items[0]));
        json_t *total = builder_json(b, json_pack("{s:o}", "total", whole));
        builder_append(b, b->with,
                       json_pack("{s:o, s:s}", "expr", percent_of(b, part, total), "alias",
                                 builder_alias(b, alias)));
}

bool builder_has_having(const struct intent *intent)
{
        for (size_t i = 0; i < intent->n_conds; i++)
                if (intent->conds[i].kind == COND_HAVING)
                        return true;
        return false;
}

/* The first want for each of something: items per order. */
static void add_ratio(struct builder *b, struct wanted *wanted)
{
        const struct head *per = &b->intent->per;
        struct want want = want_of(WANT_NONE);
        if (wanted->n == 0 || builder_has_having(b->intent) || b->intent->any_row) {
                b->failed = true;
                return;
        }
        want.kind = per->kind == HEAD_TABLE ? WANT_ROWS : WANT_DISTINCT;
        want.table = per->kind == HEAD_TABLE ? per->table : -1;
        want.refs = per->refs;
        if (per->kind == HEAD_TIME)
                want.op = EXPR_DATE_TRUNC;
        if (per->kind == HEAD_TIME && per->at != UNIT_DAY)
                b->failed = true;
        json_t *of = build_want(b, &want, NULL, NULL);
        if (!of)
                return;
        json_t *whole = item_expr(b, of);
        json_t *part = item_expr(b, wanted->items[0]);
        char alias[120];
        (void)snprintf(alias, sizeof(alias), "%.50s_per_%.50s", item_alias(wanted->items[0]),
                       item_alias(of));
        builder_append(b, b->select, of);
        json_t *quotient = rounded(b, builder_json(b, json_pack("{s:[o, o]}", "div", part, whole)));
        builder_append(b, b->select,
                       json_pack("{s:o, s:s}", "expr", quotient, "alias", builder_alias(b, alias)));
}

static void add_quotient(struct builder *b, struct wanted *wanted)
{
        if (wanted->n != 2) {
                b->failed = true;
                return;
        }
        json_t *part = item_expr(b, wanted->items[0]);
        json_t *whole = item_expr(b, wanted->items[1]);
        json_t *expr =
                b->intent->percent
                        ? percent_of(b, part, whole)
                        : rounded(b, builder_json(b, json_pack("{s:[o, o]}", "div", part, whole)));
        builder_append(b, b->select,
                       json_pack("{s:o, s:s}", "expr", expr, "alias",
                                 builder_alias(b, b->intent->percent ? "percent" : "ratio")));
}

/* The number that groups are ordered by: the last one computed (a rate), else the first. */
static const char *main_number(const struct builder *b, const struct wanted *wanted)
{
        size_t n = json_array_size(b->select);
        bool derived = b->intent->share == SHARE_OF_ROWS || b->intent->share == SHARE_TO_ROWS ||
                       b->intent->ratio || b->intent->quotient;
        if (derived && n > 0)
                return item_alias(json_array_get(b->select, n - 1));
        if (wanted->n == 0 && n > 0 && builder_has_having(b->intent))
                return item_alias(json_array_get(b->select, n - 1));
        return wanted->n > 0 ? item_alias(wanted->items[0]) : "";
}

/* Groups of one row each: more than 5 of them there are never. */
static bool counts_single_rows(const struct builder *b, const struct want *want)
{
        const struct table_facts *table = builder_table(b);
        size_t i;
        json_t *group;
        if (want->table >= 0 && want->table != b->base)
                return false;
        json_array_foreach(b->group_by, i, group)
        {
                int column = table_find_column(table->table, json_string_value(group));
                if (column >= 0 && (table->columns[column].is_unique || column == table->key))
                        return true;
        }
        return false;
}

/* True when the item's expression is selected already. */
static bool selects(struct builder *b, const json_t *item)
{
        size_t i;
        json_t *selected;
        bool there = false;
        json_t *expr = item_expr(b, item);
        json_array_foreach(b->select, i, selected)
        {
                json_t *other = item_expr(b, selected);
                there = there || json_equal(other, expr);
                json_decref(other);
        }
        json_decref(expr);
        return there;
}

/* What the number is compared with. */
static json_t *having_value(struct builder *b, const struct cond *cond)
{
        json_t *value =
                builder_json(b, strpbrk(cond->a, ".eE") ? json_real(strtod(cond->a, NULL))
                                                        : json_integer(strtoll(cond->a, NULL, 10)));
        if (cond->op != FILTER_BETWEEN)
                return value;
        return builder_json(b, json_pack("[o, f]", value, strtod(cond->b, NULL)));
}

static void add_having(struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_HAVING || cond->dropped)
                        continue;
                json_t *filters = builder_json(b, json_array());
                json_t *item = build_want(b, &cond->want, filters, NULL);
                if (!item) {
                        json_decref(filters);
                        return;
                }
                if (cond->want.kind == WANT_ROWS && counts_single_rows(b, &cond->want))
                        b->failed = true;
                size_t f;
                json_t *filter;
                json_array_foreach(filters, f, filter)
                {
                        builder_add_filter(b, b->filters, json_incref(filter));
                }
                json_decref(filters);
                builder_append(b, b->having,
                               json_pack("{s:o, s:s, s:o}", "expr", item_expr(b, item), "op",
                                         filter_op_word(cond->op), "value", having_value(b, cond)));
                if (selects(b, item))
                        json_decref(item);
                else
                        builder_append(b, b->select, item);
        }
}

void builder_append_with(struct builder *b)
{
        size_t i;
        size_t s;
        json_t *item;
        json_t *there;
        json_array_foreach(b->with, i, item)
        {
                bool twice = false;
                json_array_foreach(b->select, s, there)
                {
                        if (strcmp(item_alias(there), item_alias(item)) == 0)
                                twice = true;
                }
                if (!twice)
                        builder_append(b, b->select, json_incref(item));
        }
}

/* The head's groups, then those that were said. */
static void add_groups(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool ranked = intent->rank.by != RANK_NONE;
        bool having = builder_has_having(intent);
        if (ranked || intent->lists_each || (having && intent->n_wants == 0))
                build_head_group(b);
        if (intent->is_who && intent->head.kind == HEAD_NONE && (ranked || having))
                build_who_group(b);
        for (size_t g = 0; g < intent->n_groups; g++)
                builder_add_group(b, &intent->groups[g]);
}

/* The wants in the order of the answer; rows when nothing was said. */
static void take_wants(struct builder *b, struct wanted *wanted)
{
        const struct intent *intent = b->intent;
        for (size_t w = 0; w < intent->n_wants && intent->share != SHARE_NONE; w++)
                take_want(b, wanted, &intent->wants[w]);
        if (intent->rank.by == RANK_WANT)
                take_want(b, wanted, &intent->rank.want);
        for (size_t w = 0; w < intent->n_wants && intent->share == SHARE_NONE; w++)
                take_want(b, wanted, &intent->wants[w]);
        if (wanted->n > 0 || builder_has_having(intent))
                return;
        struct want rows = want_of(WANT_ROWS);
        if (intent->on_average || intent->in_total)
                b->failed = true; /* of what? */
        bool said = intent->is_which || intent->n_tables > 0 || intent->n_conds > 0 ||
                    intent->share != SHARE_NONE;
        for (size_t g = 0; g < intent->n_groups; g++)
                said = said || intent->groups[g].refs.n > 0;
        if (!said)
                b->failed = true; /* "hours" */
        if (intent->n_tables == 0)
                b->built->cost += COST_ROWS_UNSAID;
        take_want(b, wanted, &rows);
}

void build_numbers(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct wanted wanted = {.n = 0};
        if (builder_has_having(intent))
                build_required_groups(b);
        build_filters(b, ROLE_FILTER, b->filters);
        add_groups(b);
        take_wants(b, &wanted);
        add_having(b);
        if (intent->share == SHARE_OF_ROWS)
                add_share(b, &wanted);
        else if (intent->share == SHARE_TO_ROWS)
                add_ratio_of_parts(b, &wanted);
        else if (intent->ratio)
                add_ratio(b, &wanted);
        else if (intent->quotient)
                add_quotient(b, &wanted);
        settle_filters(b, &wanted);
        if (intent->share == SHARE_OF_TOTAL)
                add_parts(b, &wanted);
        if (intent->rank.by == RANK_WANT && json_array_size(b->group_by) == 0)
                b->failed = true;
        else if (intent->rank.by == RANK_WANT)
                rank_groups(b, main_number(b, &wanted));
        else
                order_groups(b, main_number(b, &wanted));
        builder_append_with(b);
        if (builder_has_having(intent) && json_array_size(b->group_by) == 0)
                b->failed = true;
        if (b->limit == 0 && !b->top && may_be_many(b))
                b->limit = PLAN_LIMIT_MAX;
        wanted_done(&wanted);
}

/* A superlative over a column, where what is ranked is not a row: its sum, or its best. */
void build_ranked_things(struct builder *b)
{
        struct intent changed = *b->intent;
        const struct intent *before = b->intent;
        struct colref ref;
        if (changed.rank.by == RANK_COMPUTED)
                changed.rank.refs = changed.rank.want.refs;
        if (!builder_resolve(b, &changed.rank.refs, &ref))
                return;
        bool other = changed.head.kind == HEAD_TABLE && ref.table != changed.head.table;
        for (size_t k = 0; changed.head.kind == HEAD_ENTITY && k < changed.head.refs.n; k++)
                other = other || (concept_column(b->concepts, changed.head.refs.at[k])->is_key &&
                                  changed.head.refs.at[k].table != ref.table);
        if (other)
                b->built->cost +=
                        COST_OTHER_RANK; /* "the most expensive order" is not that of an item */
        const struct column_facts *facts = concept_column(b->concepts, ref);
        enum plan_func func = changed.on_average                                ? FUNC_AVG
                              : changed.in_total                                ? FUNC_SUM
                              : facts->nature == NATURE_ADDED && b->choice == 1 ? FUNC_SUM
                              : changed.rank.descending                         ? FUNC_MAX
                                                                                : FUNC_MIN;
        if (facts->nature == NATURE_ADDED && !changed.rank.is_most && !changed.on_average &&
            !changed.in_total)
                b->built->unsure = true; /* "the highest": of all together, or a single one? */
        if (changed.rank.by == RANK_COLUMN) {
                changed.rank.want = want_of(WANT_COLUMN);
                changed.rank.want.refs = changed.rank.refs;
        }
        changed.rank.want.func = func;
        changed.rank.by = RANK_WANT;
        b->intent = &changed;
        build_numbers(b);
        b->intent = before;
}
