/* Rows, or the things that a column names: listings. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include "base/cleanup.h"

#include <string.h>

#define COLUMNS_SHOWN_MAX 12 /* of a table whose owner does not say which matter */
#define ROWS_MAX 200         /* of a listing without a condition (the policy's limit) */
#define FILTERED_MAX 1000

static bool is_selected(const struct builder *b, const char *name)
{
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item)
        {
                const char *there = json_string_value(json_object_get(item, "column"));
                if (there && strcmp(there, name) == 0)
                        return true;
        }
        return false;
}

static void select_column(struct builder *b, struct colref ref)
{
        const char *name = builder_name(b, ref);
        if (is_selected(b, name))
                return;
        json_t *item = builder_column(b, ref);
        /* two tables' columns of one name */
        const char *own = concept_column(b->concepts, ref)->column->name;
        const char *alias = builder_alias(b, own);
        if (strcmp(alias, own) != 0)
                builder_set(b, item, "alias", json_string(alias));
        builder_append(b, b->select, item);
}

static void select_refs(struct builder *b, const struct refs *refs)
{
        struct colref ref;
        if (!builder_resolve(b, refs, &ref))
                return;
        if (!builder_leads(b, ref.table))
                b->failed = true; /* several of them for each row */
        select_column(b, ref);
}

static void select_names(struct builder *b, const struct words *names, int table)
{
        for (size_t i = 0; i < names->n; i++) {
                const char *dot = strchr(names->items[i], '.');
                int from = table;
                int column =
                        table_find_column(&b->concepts->dataset->tables[table], names->items[i]);
                if (column < 0 && dot) {
                        char name[256];
                        size_t n = (size_t)(dot - names->items[i]);
                        if (n >= sizeof(name))
                                continue;
                        memcpy(name, names->items[i], n);
                        name[n] = '\0';
                        from = dataset_find_table(b->concepts->dataset, name);
                        column = from < 0 ? -1
                                          : table_find_column(&b->concepts->dataset->tables[from],
                                                              dot + 1);
                }
                if (column >= 0)
                        select_column(b, (struct colref){from, column});
        }
}

/* Columns that matter when nobody says which. */
static void select_default(struct builder *b)
{
        const struct table_facts *facts = builder_table(b);
        if (facts->table->show.n > 0) {
                select_names(b, &facts->table->show, b->base);
                return;
        }
        if (facts->key >= 0)
                select_column(b, (struct colref){b->base, facts->key});
        if (facts->label >= 0)
                select_column(b, (struct colref){b->base, facts->label});
        if (b->intent->n_shown > 0 && (facts->key >= 0 || facts->label >= 0))
                return;
        for (size_t c = 0; c < facts->table->n_columns && c < COLUMNS_SHOWN_MAX; c++)
                select_column(b, (struct colref){b->base, (int)c});
}

/* The columns that the conditions are about, so that one sees why a row is there. */
static void select_conditions(struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                bool shows = cond->kind == COND_COMPARE || cond->kind == COND_BETWEEN ||
                             cond->kind == COND_TEXT || cond->kind == COND_NULL ||
                             (cond->kind == COND_VALUES && cond->n_value2 > 0) ||
                             (cond->kind == COND_VALUES && cond->value->is_part);
                struct colref time;
                if (cond->kind == COND_COMPUTED)
                        builder_append(b, b->select, build_computed_item(b, &cond->want));
                if (shows && !cond->dropped && cond->refs.n > 0)
                        select_refs(b, &cond->refs);
                if (cond->kind == COND_TIME && cond->refs.n > 0)
                        select_refs(b, &cond->refs);
                if (cond->kind == COND_TIME && cond->refs.n == 0 && builder_time(b, &time))
                        select_column(b, time);
        }
}

/* The one segment with columns and an order of its own, when no other has some too. */
static const struct segment *find_shown_segment(const struct builder *b)
{
        const struct segment *found = NULL;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_SEGMENT || cond->negated)
                        continue;
                const struct segment *segment = &b->concepts->dataset->segments[cond->index];
                if (!segment->show || (int)segment->table != b->base)
                        continue;
                if (!found)
                        found = segment;
        }
        return found;
}

static void select_segment(struct builder *b, const struct segment *segment)
{
        size_t i;
        json_t *item;
        json_t *show = builder_qualified(b, segment->show, segment->table);
        json_array_foreach(show, i, item)
        {
                builder_append(b, b->select, json_incref(item));
        }
        json_decref(show);
}

/* Numbers that were compared order the rows: those over 100 from the top, those under 20 from
 * below. */
static bool order_by_comparison(struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                struct colref ref;
                if (cond->kind != COND_COMPARE || cond->op == FILTER_EQ || cond->op == FILTER_NE)
                        continue;
                if (!builder_resolve(b, &cond->refs, &ref))
                        return false;
                builder_add_order(b, builder_name(b, ref),
                                  cond->op == FILTER_GT || cond->op == FILTER_GE);
                return true;
        }
        return false;
}

/* Rows without what they are ranked by are no best ones. */
static void require_ranked(struct builder *b, struct colref ref)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        if (facts->column->nullable && (!facts->values || facts->values->n_nulls > 0))
                builder_add_filter(b, b->filters,
                                   json_pack("{s:s, s:s}", "column", builder_name(b, ref), "op",
                                             "is_not_null"));
}

/* The select item of a time unit, and its alias into columns: rows are not grouped by it. */
static void add_time_column(struct builder *b, const struct group *group, json_t *columns)
{
        json_t *group_by = b->group_by;
        b->group_by = builder_json(b, json_array());
        builder_add_group(b, group);
        if (json_array_size(b->group_by) == 1)
                builder_append(b, columns, json_incref(json_array_get(b->group_by, 0)));
        json_decref(b->group_by);
        b->group_by = group_by;
}

/* The columns of the groups that the best rows are wanted of. */
static json_t *rank_columns(struct builder *b)
{
        json_t *columns = builder_json(b, json_array());
        for (size_t g = 0; g < b->intent->n_groups; g++) {
                const struct group *group = &b->intent->groups[g];
                struct colref column;
                if (group->unit != UNIT_NONE) {
                        add_time_column(b, group, columns);
                        continue;
                }
                if (!builder_resolve(b, &group->refs, &column)) {
                        b->failed = true;
                        break;
                }
                select_column(b, column);
                builder_append(b, columns, json_string(builder_name(b, column)));
        }
        return columns;
}

/* "The largest gross minus budget" */
static void order_by_computed(struct builder *b)
{
        const struct want *want = &b->intent->rank.want;
        const struct refs *const parts[] = {&want->refs, &want->refs2};
        json_t *item = build_computed_item(b, want);
        if (!item)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                struct colref ref;
                if (builder_resolve(b, parts[i], &ref)) {
                        select_column(b, ref);
                        require_ranked(b, ref);
                }
        }
        builder_append(b, b->select, item);
        json_t *columns = rank_columns(b);
        builder_rank(b, builder_ranked(b), columns, item_alias(item), b->intent->n_groups > 0);
        json_decref(columns);
}

static void order_by_rank(struct builder *b)
{
        const struct rank *rank = &b->intent->rank;
        struct colref ref;
        if (rank->by == RANK_COMPUTED) {
                order_by_computed(b);
                return;
        }
        bool found = rank->by == RANK_TIME ? builder_time(b, &ref)
                                           : builder_resolve(b, &rank->refs, &ref);
        if (!found) {
                b->failed = true;
                return;
        }
        for (size_t s = 0; s < b->intent->n_shown; s++)
                if (refs_meet(&b->intent->shown[s], &rank->refs))
                        b->built->cost -= COST_SHOWN_RANK; /* "the cheapest with their price" */
        builder_prefer_end(b, ref, rank->descending);
        select_column(b, ref);
        int n = builder_ranked(b);
        require_ranked(b, ref);
        json_t *columns = rank_columns(b);
        builder_rank(b, n, columns, builder_name(b, ref), b->intent->n_groups > 0);
        json_decref(columns);
}

static void order_by_sort(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct colref ref;
        bool found = false;
        bool descending = intent->sort_descending;
        if (intent->sort == SORT_COLUMN)
                found = builder_resolve(b, &intent->sort_refs, &ref);
        else if (intent->sort == SORT_TIME)
                found = builder_time(b, &ref);
        else if (intent->sort == SORT_NAME && builder_table(b)->label >= 0) {
                ref = (struct colref){b->base, builder_table(b)->label};
                found = true;
        } else if (intent->sort == SORT_NUMBER) {
                for (size_t i = 0; i < intent->n_conds && !found; i++)
                        if (intent->conds[i].kind == COND_COMPARE ||
                            intent->conds[i].kind == COND_BETWEEN)
                                found = builder_resolve(b, &intent->conds[i].refs, &ref);
                for (size_t i = intent->n_shown; i > 0 && !found; i--)
                        if (builder_resolve(b, &intent->shown[i - 1], &ref))
                                found = concept_column(b->concepts, ref)->is_number;
        }
        if (!found) {
                b->failed = true;
                return;
        }
        select_column(b, ref);
        builder_add_order(b, builder_name(b, ref), descending);
}

void build_rows(struct builder *b)
{
        const struct intent *intent = b->intent;
        const struct segment *segment = find_shown_segment(b);
        struct colref time;
        if (!builder_is_about(b))
                b->built->cost += COST_NOT_ABOUT;
        if (intent->names_number && intent->head.kind == HEAD_TABLE && intent->rank.by == RANK_NONE)
                b->built->cost +=
                        COST_NUMBER_ASKED; /* "total order value of ...": a number, not rows */
        build_filters(b, ROLE_FILTER, b->filters);
        if (segment)
                select_segment(b, segment);
        else
                select_default(b);
        if (intent->head.kind == HEAD_COLUMN || intent->head.kind == HEAD_ENTITY)
                select_refs(b, &intent->head.refs);
        for (size_t s = 0; s < intent->n_shown; s++)
                select_refs(b, &intent->shown[s]);
        bool ranked = intent->rank.by == RANK_COMPUTED &&
                      refs_meet(&intent->rank.want.refs, &intent->computed.refs);
        if (intent->computed.kind != WANT_NONE && !ranked)
                builder_append(b, b->select, build_computed_item(b, &intent->computed));
        if (intent->show_time || intent->is_when) {
                if (builder_time(b, &time))
                        select_column(b, time);
                else
                        b->failed = true;
        }
        if (!segment)
                select_conditions(b);
        b->limit = json_array_size(b->filters) > 0 ? FILTERED_MAX : ROWS_MAX;
        if (intent->rank.by != RANK_NONE) {
                order_by_rank(b);
        } else if (intent->sort != SORT_NONE) {
                order_by_sort(b);
        } else if (segment && segment->order_by) {
                json_decref(b->order_by);
                b->order_by = builder_qualified(b, segment->order_by, segment->table);
        } else {
                (void)order_by_comparison(b);
        }
        if (segment && segment->limit > 0 && intent->rank.by == RANK_NONE)
                b->limit =
                        intent->head.kind == HEAD_TABLE && !intent->head.plural && segment->order_by
                                ? 1 /* "our oldest open ticket" */
                                : segment->limit;
        if (json_array_size(b->filters) == 0 && b->limit > ROWS_MAX)
                b->limit = ROWS_MAX;
}

/* A number that the condition is about, for each thing: its lowest, when it is to be below
 * something. */
static void add_compared(struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                struct colref ref;
                if (cond->kind != COND_COMPARE || cond->op == FILTER_EQ || cond->op == FILTER_NE)
                        continue;
                if (!builder_resolve(b, &cond->refs, &ref) ||
                    !concept_column(b->concepts, ref)->is_number)
                        continue;
                bool high = cond->op == FILTER_GT || cond->op == FILTER_GE;
                struct want want = want_of(WANT_COLUMN);
                want.func = high ? FUNC_MAX : FUNC_MIN;
                want.refs.at[0] = ref;
                want.refs.n = 1;
                json_t *item = build_want(b, &want, b->filters, b->with);
                if (!item)
                        return;
                const char *alias = json_string_value(json_object_get(item, "alias"));
                builder_append(b, b->select, item);
                builder_add_order(b, alias ? alias : "", high);
                return;
        }
}

/* Things that a column identifies or names, each once. */
void build_entities(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct colref ref;
        for (size_t i = 0; i < intent->n_conds; i++)
                if (intent->conds[i].lacks)
                        b->failed = true; /* "locations without a fault": in none of their rows */
        build_filters(b, ROLE_FILTER, b->filters);
        if (!builder_resolve(b, &intent->head.refs, &ref))
                return;
        select_column(b, ref);
        const struct column *column = concept_column(b->concepts, ref)->column;
        select_names(b, &column->show, ref.table);
        for (size_t s = 0; s < intent->n_shown; s++) {
                const struct column_facts *facts =
                        concept_column(b->concepts, intent->shown[s].at[0]);
                if (intent->n_conds == 0 && intent->shown[s].at[0].table != ref.table &&
                    intent->shown[s].n == 1)
                        b->failed = true; /* "category of customers" */
                bool compared = false;
                for (size_t i = 0; i < intent->n_conds; i++)
                        compared = compared || refs_meet(&intent->conds[i].refs, &intent->shown[s]);
                bool own = intent->shown[s].at[0].table != b->base; /* as the thing's own table */
                if (!facts->is_number || facts->is_id || facts->is_dimension || own)
                        select_refs(b, &intent->shown[s]);
                else if (!compared)
                        b->failed = true; /* which of the thing's numbers? */
        }
        size_t n = json_array_size(b->select);
        for (size_t i = 0; i < n; i++)
                builder_append(
                        b, b->group_by,
                        json_incref(json_object_get(json_array_get(b->select, i), "column")));
        add_compared(b);
        if (json_array_size(b->select) == n) {
                json_array_clear(b->group_by);
                b->distinct = true;
        }
        builder_append_with(b);
        b->limit = json_array_size(b->filters) > 0 ? FILTERED_MAX : ROWS_MAX;
}
