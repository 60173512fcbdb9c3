/* What an answer is grouped by, how the groups are ordered and how many of them are shown. */
#include "planner/builder.h"

#include "base/cleanup.h"

#include <string.h>

#define RANKED_SHOWN 10 /* "the best", when nobody says how many */

/* A time unit as a select item; its alias is what it is grouped by. */
static void add_time_group(struct builder *b, const struct group *group)
{
        static const char *const parts[] = {[UNIT_HOUR] = "hour",
                                            [UNIT_DAY] = "day_of_month",
                                            [UNIT_WEEK] = "week",
                                            [UNIT_MONTH] = "month",
                                            [UNIT_QUARTER] = "quarter",
                                            [UNIT_YEAR] = "year",
                                            [UNIT_DAY_OF_WEEK] = "day_of_week"};
        struct colref ref;
        bool found =
                group->refs.n > 0 ? builder_resolve(b, &group->refs, &ref) : builder_time(b, &ref);
        if (!found) {
                b->failed = true;
                return;
        }
        const struct column_facts *facts = concept_column(b->concepts, ref);
        const char *alias = group->is_part && group->unit < ARRAY_SIZE(parts) && parts[group->unit]
                                    ? parts[group->unit]
                                    : unit_word(group->unit);
        if (facts->is_year && !facts->is_moment) {
                if (group->unit != UNIT_YEAR) {
                        b->failed = true;
                        return;
                }
                builder_append(b, b->select, builder_column(b, ref));
                builder_append(b, b->group_by, json_string(builder_name(b, ref)));
                return;
        }
        if (!facts->is_moment || (facts->column->kind == COLUMN_DATE &&
                                  (group->unit == UNIT_HOUR || group->unit == UNIT_MINUTE))) {
                b->failed = true;
                return;
        }
        if (facts->values && facts->values->n_nulls > 0)
                builder_add_filter(b, b->filters,
                                   json_pack("{s:s, s:s}", "column", builder_name(b, ref), "op",
                                             "is_not_null"));
        alias = builder_alias(b, alias);
        json_t *expr =
                builder_json(b, json_pack("{s:o, s:s}", group->is_part ? "date_part" : "date_trunc",
                                          builder_column(b, ref), "unit", unit_word(group->unit)));
        builder_append(b, b->select, json_pack("{s:o, s:s}", "expr", expr, "alias", alias));
        builder_append(b, b->group_by, json_string(alias));
}

static void add_group_column(struct builder *b, struct colref ref)
{
        const char *name = builder_name(b, ref);
        const char *own = concept_column(b->concepts, ref)->column->name;
        size_t i;
        json_t *there;
        json_array_foreach(b->group_by, i, there)
        {
                if (strcmp(json_string_value(there), name) == 0)
                        return;
        }
        json_t *item = builder_column(b, ref);
        const char *alias = builder_alias(b, own);
        if (strcmp(alias, own) != 0)
                builder_set(b, item, "alias", json_string(alias));
        builder_append(b, b->select, item);
        builder_append(b, b->group_by, json_string(name));
}

/* "inventory.name" or "name". */
static bool find_named(const struct builder *b, int table, const char *name, struct colref *ret)
{
        const struct dataset *dataset = b->concepts->dataset;
        int column = table_find_column(&dataset->tables[table], name);
        const char *dot = strchr(name, '.');
        *ret = (struct colref){table, column};
        if (column >= 0)
                return true;
        for (size_t t = 0; dot && t < dataset->n_tables; t++)
                if (strlen(dataset->tables[t].name) == (size_t)(dot - name) &&
                    strncmp(dataset->tables[t].name, name, (size_t)(dot - name)) == 0) {
                        *ret = (struct colref){(int)t,
                                               table_find_column(&dataset->tables[t], dot + 1)};
                        return ret->column >= 0;
                }
        return false;
}

static void add_column_group(struct builder *b, const struct refs *refs)
{
        struct colref ref;
        if (!builder_resolve(b, refs, &ref))
                return;
        add_group_column(b, ref);
        const struct column *column = concept_column(b->concepts, ref)->column;
        for (size_t s = 0; s < column->show.n; s++) {
                struct colref shown;
                if (find_named(b, ref.table, column->show.items[s], &shown))
                        add_group_column(b, shown);
        }
}

void builder_add_group(struct builder *b, const struct group *group)
{
        if (group->unit != UNIT_NONE)
                add_time_group(b, group);
        else
                add_column_group(b, &group->refs);
}

/* What the rows of the answer are, when numbers are asked for of each. */
void build_head_group(struct builder *b)
{
        const struct head *head = &b->intent->head;
        struct refs refs = {.n = 0};
        if (head->kind == HEAD_ENTITY || head->kind == HEAD_COLUMN) {
                add_column_group(b, &head->refs);
        } else if (head->kind == HEAD_TABLE) {
                const struct table_facts *facts = &b->concepts->tables[head->table];
                if (facts->key < 0) {
                        b->failed = true;
                        return;
                }
                refs_add(&refs, head->table, facts->key);
                /* the same thing in the table that it starts from */
                const struct dataset *dataset = b->concepts->dataset;
                for (size_t i = 0; i < dataset->n_relationships; i++) {
                        const struct relationship *r = &dataset->relationships[i];
                        if ((int)r->from_table == b->base && (int)r->to_table == head->table)
                                refs_add(&refs, b->base, (int)r->from_column);
                }
                add_column_group(b, &refs);
                if (facts->label >= 0 && facts->table->label) {
                        struct refs label = {.n = 0};
                        refs_add(&label, head->table, facts->label);
                        add_column_group(b, &label);
                }
        }
}

/* "Who" are the persons that the rows belong to. */
bool builder_find_persons(const struct builder *b, struct refs *ret)
{
        static const char *const persons[] = {
                "custom",  "client", "employe",  "agent",   "user",   "patient",
                "passeng", "player", "member",   "person",  "author", "manag",
                "seller",  "driver", "student",  "teacher", "doctor", "director",
                "actor",   "buyer",  "subscrib", "borrow",  "attend"};
        const struct table_facts *table = builder_table(b);
        for (size_t c = 0; c < table->table->n_columns; c++) {
                const struct column_facts *facts = &table->columns[c];
                bool is_person = false;
                for (size_t p = 0; p < ARRAY_SIZE(persons); p++)
                        for (size_t w = 0; w < facts->n_words; w++)
                                is_person = is_person || strcmp(facts->words[w], persons[p]) == 0;
                if (!is_person || facts->is_number != facts->is_id || facts->is_flag)
                        continue;
                refs_add(ret, b->base, (int)c);
                return true;
        }
        return false;
}

void build_who_group(struct builder *b)
{
        struct refs refs = {.n = 0};
        if (builder_find_persons(b, &refs))
                add_column_group(b, &refs);
        else
                b->failed = true;
}

/* "The most common type" is a type. */
void builder_require_value(struct builder *b, const struct refs *refs)
{
        struct colref ref;
        if (!builder_resolve(b, refs, &ref))
                return;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        if (facts->values ? facts->values->n_nulls > 0 : facts->column->nullable)
                builder_add_filter(b, b->filters,
                                   json_pack("{s:s, s:s}", "column", builder_name(b, ref), "op",
                                             "is_not_null"));
}

/* Groups that something is asked of are there. */
void build_required_groups(struct builder *b)
{
        for (size_t g = 0; g < b->intent->n_groups; g++)
                if (b->intent->groups[g].unit == UNIT_NONE)
                        builder_require_value(b, &b->intent->groups[g].refs);
}

void builder_add_order(struct builder *b, const char *by, bool descending)
{
        builder_append(
                b, b->order_by,
                json_pack("{s:s, s:s}", "expr", by, "direction", descending ? "desc" : "asc"));
}

/* The owner's order of a group's values: Critical, High, Medium, Low. */
static bool order_by_list(struct builder *b)
{
        for (size_t g = 0; g < b->intent->n_groups && b->intent->n_groups == 1; g++) {
                struct colref ref;
                const struct group *group = &b->intent->groups[g];
                if (group->unit != UNIT_NONE || !builder_resolve(b, &group->refs, &ref))
                        continue;
                const struct words *order = &concept_column(b->concepts, ref)->column->order;
                if (order->n == 0)
                        continue;
                json_t *values = builder_json(b, json_array());
                for (size_t i = 0; i < order->n; i++)
                        builder_append(b, values, json_string(order->items[i]));
                builder_append(
                        b, b->order_by,
                        json_pack("{s:s, s:o}", "expr", builder_name(b, ref), "values", values));
                return true;
        }
        return false;
}

static bool order_by_time_group(struct builder *b)
{
        for (size_t g = 0; g < b->intent->n_groups; g++) {
                if (b->intent->groups[g].unit == UNIT_NONE)
                        continue;
                const json_t *item = json_array_get(b->group_by, g);
                if (json_is_string(item))
                        builder_add_order(b, json_string_value(item), false);
                return true;
        }
        return false;
}

static bool is_ascending(const struct builder *b)
{
        const struct want *want = b->intent->rank.by == RANK_WANT ? &b->intent->rank.want
                                  : b->intent->n_wants > 0        ? &b->intent->wants[0]
                                                                  : NULL;
        return want && want->kind == WANT_MEASURE &&
               b->concepts->dataset->measures[want->index].ascending;
}

void order_groups(struct builder *b, const char *number)
{
        const struct intent *intent = b->intent;
        struct colref ref;
        if (json_array_size(b->group_by) == 0 || !*number)
                return;
        if (intent->sort == SORT_NUMBER)
                builder_add_order(b, number, intent->sort_descending);
        else if (intent->sort == SORT_TIME)
                (void)order_by_time_group(b);
        else if (intent->sort == SORT_COLUMN && builder_resolve(b, &intent->sort_refs, &ref))
                builder_add_order(b, builder_name(b, ref), intent->sort_descending);
        else if (intent->sort == SORT_NAME)
                builder_add_order(b, json_string_value(json_array_get(b->group_by, 0)), false);
        else if (!order_by_time_group(b) && !order_by_list(b))
                builder_add_order(b, number, !is_ascending(b));
}

int builder_ranked(struct builder *b)
{
        const struct rank *rank = &b->intent->rank;
        if (rank->n > 0 || !rank->plural)
                return rank->n > 0 ? rank->n : 1;
        builder_assume(b, "The first %d are shown.", RANKED_SHOWN);
        return RANKED_SHOWN;
}

void builder_rank(struct builder *b, int n, json_t *per, const char *by, bool each)
{
        const struct rank *rank = &b->intent->rank;
        size_t i;
        json_t *column;
        if (each) {
                b->top = builder_json(b, json_pack("{s:i, s:O, s:s, s:s}", "n", n, "per", per, "by",
                                                   by, "direction",
                                                   rank->descending ? "desc" : "asc"));
                json_array_foreach(per, i, column)
                {
                        builder_add_order(b, json_string_value(column), false);
                }
        } else {
                b->limit = n;
        }
        builder_add_order(b, by, rank->descending);
}

void rank_groups(struct builder *b, const char *number)
{
        const struct intent *intent = b->intent;
        json_t *per = builder_json(b, json_array());
        int n = builder_ranked(b);
        if (intent->head.kind == HEAD_COLUMN)
                builder_require_value(b, &intent->head.refs);
        for (size_t g = 0; g < intent->n_groups; g++) {
                const struct group *group = &intent->groups[g];
                struct colref ref;
                bool is_head = group->at == intent->head.at && intent->head.kind != HEAD_NONE;
                if (is_head || (!group->per_each && intent->head.kind == HEAD_NONE))
                        continue;
                if (group->unit != UNIT_NONE)
                        builder_append(b, per, json_string(unit_word(group->unit)));
                else if (builder_resolve(b, &group->refs, &ref))
                        builder_append(b, per, json_string(builder_name(b, ref)));
        }
        builder_rank(b, n, per, number, json_array_size(per) > 0);
        json_decref(per);
}

/* More groups than a plan without a limit shows. */
bool may_be_many(struct builder *b)
{
        double n = 1;
        for (size_t g = 0; g < b->intent->n_groups; g++) {
                struct colref ref;
                const struct group *group = &b->intent->groups[g];
                if (group->unit != UNIT_NONE)
                        n *= group->is_part ? 24 : 400;
                else if (builder_resolve(b, &group->refs, &ref)) {
                        int64_t distinct = concept_column(b->concepts, ref)->n_distinct;
                        n *= distinct < 0 ? 1000 : (double)distinct + 1;
                }
        }
        if (builder_has_having(b->intent) || b->intent->head.kind != HEAD_NONE)
                n *= 400;
        return n > PLAN_LIMIT_DEFAULT;
}
