#include "planner/builder.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct table_facts *builder_table(const struct builder *b)
{
        return &b->concepts->tables[b->base];
}

json_t *builder_json(struct builder *b, json_t *json)
{
        if (!json)
                b->no_memory = true;
        return json;
}

void builder_append(struct builder *b, json_t *array, json_t *value)
{
        if (json_array_append_new(array, value) < 0)
                b->no_memory = true;
}

void builder_set(struct builder *b, json_t *object, const char *key, json_t *value)
{
        if (json_object_set_new(object, key, value) < 0)
                b->no_memory = true;
}

void builder_assume(struct builder *b, const char *format, ...)
{
        char text[300];
        va_list args;
        if (b->built->n_assumptions >= ASSUMPTIONS_MAX)
                return;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        for (size_t i = 0; i < b->built->n_assumptions; i++)
                if (strcmp(b->built->assumptions[i], text) == 0)
                        return;
        const char *copy = arena_strdup(b->question->arena, text);
        if (copy)
                b->built->assumptions[b->built->n_assumptions++] = copy;
        else
                b->no_memory = true;
}

/* How many joins lead from one table to another, many to one only; -1: no way. */
static int distance(const struct dataset *dataset, int from, int to, int depth)
{
        int best = -1;
        if (from == to)
                return 0;
        if (depth == 0)
                return -1;
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                if ((int)r->from_table != from)
                        continue;
                int rest = distance(dataset, (int)r->to_table, to, depth - 1);
                if (rest >= 0 && (best < 0 || rest + 1 < best))
                        best = rest + 1;
        }
        return best;
}

/* The same in any direction. */
static int any_distance(const struct dataset *dataset, int from, int to, int depth)
{
        int best = -1;
        if (from == to)
                return 0;
        if (depth == 0)
                return -1;
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                bool forth = (int)r->from_table == from;
                bool back = (int)r->to_table == from;
                if (!forth && !back)
                        continue;
                int next = forth ? (int)r->to_table : (int)r->from_table;
                int rest = any_distance(dataset, next, to, depth - 1);
                if (rest >= 0 && (best < 0 || rest + 1 < best))
                        best = rest + 1;
        }
        return best;
}

#define JOINS_MAX 4 /* on the way to a column */

bool builder_leads(const struct builder *b, int table)
{
        return distance(b->concepts->dataset, b->base, table, JOINS_MAX) >= 0;
}

bool builder_resolve(struct builder *b, const struct refs *refs, struct colref *ret)
{
        const struct dataset *dataset = b->concepts->dataset;
        int best = -1;
        for (size_t i = 0; i < refs->n; i++) {
                int joins = distance(dataset, b->base, refs->at[i].table, JOINS_MAX);
                if (joins < 0) {
                        joins = any_distance(dataset, b->base, refs->at[i].table, JOINS_MAX);
                        joins = joins < 0 ? -1 : joins + 10;
                }
                if (joins >= 0 && (best < 0 || joins < best)) {
                        best = joins;
                        *ret = refs->at[i];
                }
        }
        if (best < 0) {
                b->failed = true;
                *ret = (struct colref){b->base, 0};
                return false;
        }
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                if ((int)r->from_table == b->base && (int)r->to_table == ret->table &&
                    (int)r->to_column == ret->column) {
                        *ret = (struct colref){b->base, (int)r->from_column};
                        return true; /* the same, without a join */
                }
        }
        b->built->cost += best >= 10 ? 1.0 + 0.2 * (best - 10) : 0.2 * best;
        return true;
}

const char *builder_name(struct builder *b, struct colref ref)
{
        const char *name = concept_name(b->concepts, b->base, ref);
        if (!name)
                b->no_memory = true;
        return name ? name : "";
}

json_t *builder_column(struct builder *b, struct colref ref)
{
        return builder_json(b, json_pack("{s:s}", "column", builder_name(b, ref)));
}

/* A year that a row as a whole belongs to, and not one in which something happened to it. */
static bool is_general_year(const struct column_facts *facts)
{
        static const char *const plain[] = {"year", "releas", "model", "fiscal", "calendar",
                                            "season", "survey", "report"};
        if (!facts->is_year)
                return false;
        for (size_t w = 0; w < facts->n_words; w++) {
                bool known = false;
                for (size_t p = 0; p < ARRAY_SIZE(plain); p++)
                        known = known || strcmp(facts->words[w], plain[p]) == 0;
                if (!known)
                        return false;
        }
        return true;
}

/* One of several times was taken, and nobody said that it is the one. */
static void assume_time(struct builder *b, const struct colref *ref)
{
        const struct table_facts *table = builder_table(b);
        size_t n = 0;
        for (size_t c = 0; c < table->table->n_columns; c++)
                n += table->columns[c].is_moment;
        if (n > 1 && !table->table->time && ref->table == b->base)
                builder_assume(b, "The time is taken from %s.",
                               table->columns[ref->column].column->name);
}

/* Whether a row as a whole belongs to that time: an order to its date, a customer not to the day of
 * their signup. The owner says so, or the name does, or there is a word in it that the rows are
 * called by. */
static bool is_general_time(const struct builder *b, const struct colref *ref)
{
        static const char *const plain[] = {"date", "time",  "timestamp", "day",    "datetim",
                                            "creat", "record", "at",      "on",     "year",
                                            "order", "sale",  "transact", "purchas", "event",
                                            "visit", "start", "measur",  "read"};
        const struct table_facts *table = &b->concepts->tables[ref->table];
        const struct column_facts *facts = &table->columns[ref->column];
        if (table->table->time)
                return true;
        for (size_t w = 0; w < facts->n_words; w++) {
                bool known = false;
                char name[128];
                for (size_t p = 0; p < ARRAY_SIZE(plain); p++)
                        known = known || strcmp(facts->words[w], plain[p]) == 0;
                (void)fold_text(table->table->name, name, sizeof(name));
                if (strncmp(name, facts->words[w], 4) == 0)
                        return true; /* "Admit Date" of admissions */
                if (!known)
                        return false;
        }
        return true;
}

bool builder_time(struct builder *b, struct colref *ret)
{
        const struct concepts *concepts = b->concepts;
        int best = -1;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_SEGMENT)
                        continue;
                const struct segment *segment = &concepts->dataset->segments[cond->index];
                int column = segment->time ? table_find_column(
                                                     &concepts->dataset->tables[segment->table],
                                                     segment->time)
                                           : -1;
                if (column >= 0 && (int)segment->table == b->base) {
                        *ret = (struct colref){b->base, column};
                        return true;
                }
        }
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                int joins = distance(concepts->dataset, b->base, (int)t, JOINS_MAX);
                if (concepts->tables[t].time < 0 || joins < 0 || (best >= 0 && joins >= best))
                        continue;
                best = joins;
                *ret = (struct colref){(int)t, concepts->tables[t].time};
        }
        if (best == 0 && !is_general_time(b, ret))
                return false;
        for (size_t i = 0; best < 0 && i < b->intent->n_conds; i++)
                if (b->intent->conds[i].kind == COND_TIME && b->intent->conds[i].refs.n > 0)
                        return builder_resolve(b, &b->intent->conds[i].refs, ret);
        if (best > 0)
                b->built->cost += 0.2 * best;
        for (size_t c = 0; best < 0 && c < builder_table(b)->table->n_columns; c++)
                if (is_general_year(&builder_table(b)->columns[c])) {
                        *ret = (struct colref){b->base, (int)c};
                        best = 0;
                        break;
                }
        if (best == 0)
                assume_time(b, ret);
        return best >= 0;
}

const char *builder_plural(struct builder *b, const char *noun)
{
        size_t n = strlen(noun);
        const char *plural;
        if (n > 1 && noun[n - 1] == 'y' && !strchr("aeiou", noun[n - 2]))
                plural = arena_printf(b->question->arena, "%.*sies", (int)(n - 1), noun);
        else if (n > 0 && (noun[n - 1] == 's' || noun[n - 1] == 'x' ||
                           (n > 1 && noun[n - 1] == 'h' && strchr("cs", noun[n - 2]))))
                plural = arena_printf(b->question->arena, noun[n - 1] == 's' ? "%s" : "%ses", noun);
        else
                plural = arena_printf(b->question->arena, "%ss", noun);
        if (!plural)
                b->no_memory = true;
        return plural ? plural : ""; /* noun is the caller's */
}

static bool is_taken(const struct builder *b, const char *name)
{
        size_t i;
        json_t *item;
        const json_t *lists[] = {b->select, b->with};
        for (size_t l = 0; l < 2; l++)
                json_array_foreach((json_t *)lists[l], i, item)
                {
                        const char *alias = json_string_value(json_object_get(item, "alias"));
                        const char *column = json_string_value(json_object_get(item, "column"));
                        const char *dot = column ? strchr(column, '.') : NULL;
                        if (!alias && !json_object_get(item, "func"))
                                alias = dot ? dot + 1 : column;
                        if (alias && strcasecmp(alias, name) == 0 && l == 0)
                                return true;
                }
        return false;
}

const char *builder_alias(struct builder *b, const char *wanted)
{
        if (!is_taken(b, wanted))
                return wanted;
        for (int i = 2; i < 100; i++) {
                const char *other = arena_printf(b->question->arena, "%.100s_%d", wanted, i);
                if (!other) {
                        b->no_memory = true;
                        return wanted;
                }
                if (!is_taken(b, other))
                        return other;
        }
        return wanted;
}

static void qualify(struct builder *b, json_t *json, size_t table)
{
        const struct dataset *dataset = b->concepts->dataset;
        size_t i;
        const char *key;
        json_t *value;
        if (json_is_array(json)) {
                json_array_foreach(json, i, value) qualify(b, value, table);
                return;
        }
        if (!json_is_object(json))
                return;
        const char *name = json_string_value(json_object_get(json, "column"));
        if (name) {
                const char *own = dataset->tables[b->base].name;
                size_t n = strlen(own);
                const char *changed = NULL;
                if (table_find_column(&dataset->tables[table], name) >= 0)
                        changed = (int)table == b->base
                                          ? name
                                          : arena_printf(b->question->arena, "%s.%s",
                                                         dataset->tables[table].name, name);
                else if (strncmp(name, own, n) == 0 && name[n] == '.')
                        changed = name + n + 1;
                if (changed) {
                        char *copy = arena_strdup(b->question->arena, changed);
                        builder_set(b, json, "column", copy ? json_string(copy) : NULL);
                }
        }
        json_object_foreach(json, key, value) qualify(b, value, table);
}

json_t *builder_qualified(struct builder *b, const json_t *json, size_t table)
{
        json_t *copy = builder_json(b, json_deep_copy(json));
        int joins = distance(b->concepts->dataset, b->base, (int)table, JOINS_MAX);
        b->built->cost += joins < 0 ? 1.5 : 0.2 * joins;
        if (copy)
                qualify(b, copy, table);
        return copy;
}

/* A time unit as a select item; its alias is what it is grouped by. */
static void add_time_group(struct builder *b, const struct group *group)
{
        static const char *const parts[] = {
                [UNIT_HOUR] = "hour",   [UNIT_DAY] = "day_of_month",
                [UNIT_WEEK] = "week",   [UNIT_MONTH] = "month",
                [UNIT_QUARTER] = "quarter", [UNIT_YEAR] = "year",
                [UNIT_DAY_OF_WEEK] = "day_of_week"};
        struct colref ref;
        bool found = group->refs.n > 0 ? builder_resolve(b, &group->refs, &ref)
                                       : builder_time(b, &ref);
        if (!found) {
                b->failed = true;
                return;
        }
        const struct column_facts *facts = concept_column(b->concepts, ref);
        const char *alias = group->is_part && group->unit < ARRAY_SIZE(parts) &&
                                            parts[group->unit]
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
        if (!facts->is_moment ||
            (facts->column->kind == COLUMN_DATE && (group->unit == UNIT_HOUR ||
                                                    group->unit == UNIT_MINUTE))) {
                b->failed = true;
                return;
        }
        if (facts->values && facts->values->n_nulls > 0)
                builder_add_filter(b, b->filters,
                                   json_pack("{s:s, s:s}", "column", builder_name(b, ref), "op",
                                             "is_not_null"));
        alias = builder_alias(b, alias);
        json_t *expr = builder_json(
                b, json_pack("{s:o, s:s}", group->is_part ? "date_part" : "date_trunc",
                             builder_column(b, ref), "unit", unit_word(group->unit)));
        builder_append(b, b->select,
                       json_pack("{s:o, s:s}", "expr", expr, "alias", alias));
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
static void add_head_group(struct builder *b)
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
                                builder_add_filter(b, b->filters, json_incref(filter));
        }
}

static void wanted_done(struct wanted *wanted)
{
        for (size_t i = 0; i < wanted->n; i++) {
                json_decref(wanted->items[i]);
                json_decref(wanted->filters[i]);
        }
}

static const char *alias_of(const json_t *item)
{
        const char *alias = json_string_value(json_object_get(item, "alias"));
        return alias ? alias : "";
}

/* [the part that the share is of, in percent of all]. */
static void add_share(struct builder *b, struct wanted *wanted)
{
        json_t *part = builder_json(b, json_array());
        build_filters(b, true, part);
        for (size_t i = 0; i < wanted->n && i < 1; i++) {
                json_t *whole = item_expr(b, wanted->items[i]);
                json_t *of = builder_json(b, json_deep_copy(whole));
                if (!json_object_get(whole, "func"))
                        b->failed = true; /* a share of a rate */
                expr_add_where(b, of, part);
                json_t *count = builder_json(b, json_deep_copy(of));
                char alias[120];
                (void)snprintf(alias, sizeof(alias), "of_which_%.80s", alias_of(wanted->items[i]));
                builder_set(b, count, "alias", json_string(builder_alias(b, "matching")));
                builder_append(b, b->select, count);
                json_t *percent = builder_json(
                        b, json_pack("{s:o, s:s}", "expr", percent_of(b, of, whole), "alias",
                                     builder_alias(b, "percent")));
                builder_append(b, b->select, percent);
        }
        if (json_array_size(part) == 0)
                b->failed = true;
        json_decref(part);
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
        (void)snprintf(alias, sizeof(alias), "percent_of_%.80s", alias_of(wanted->items[0]));
        json_t *total = builder_json(b, json_pack("{s:o}", "total", whole));
        builder_append(b, b->with,
                       json_pack("{s:o, s:s}", "expr", percent_of(b, part, total), "alias",
                                 builder_alias(b, alias)));
}

static bool has_having(const struct intent *intent)
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
        struct want want = {.index = -1, .table = -1, .segment = -1};
        if (wanted->n == 0 || has_having(b->intent) || b->intent->any_row) {
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
        (void)snprintf(alias, sizeof(alias), "%.50s_per_%.50s", alias_of(wanted->items[0]),
                       alias_of(of));
        builder_append(b, b->select, of);
        json_t *quotient =
                rounded(b, builder_json(b, json_pack("{s:[o, o]}", "div", part, whole)));
        builder_append(b, b->select, json_pack("{s:o, s:s}", "expr", quotient, "alias",
                                               builder_alias(b, alias)));
}

static void add_quotient(struct builder *b, struct wanted *wanted)
{
        if (wanted->n != 2) {
                b->failed = true;
                return;
        }
        json_t *part = item_expr(b, wanted->items[0]);
        json_t *whole = item_expr(b, wanted->items[1]);
        json_t *expr = b->intent->percent
                               ? percent_of(b, part, whole)
                               : rounded(b, builder_json(b, json_pack("{s:[o, o]}", "div", part,
                                                                      whole)));
        builder_append(b, b->select,
                       json_pack("{s:o, s:s}", "expr", expr, "alias",
                                 builder_alias(b, b->intent->percent ? "percent" : "ratio")));
}

static void add_order(struct builder *b, const char *by, bool descending)
{
        builder_append(b, b->order_by,
                       json_pack("{s:s, s:s}", "expr", by, "direction",
                                 descending ? "desc" : "asc"));
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
                builder_append(b, b->order_by,
                               json_pack("{s:s, s:o}", "expr", builder_name(b, ref), "values",
                                         values));
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
                        add_order(b, json_string_value(item), false);
                return true;
        }
        return false;
}

/* The number that groups are ordered by: the last one computed (a rate), else the first. */
static const char *main_number(const struct builder *b, const struct wanted *wanted)
{
        size_t n = json_array_size(b->select);
        bool derived = b->intent->share == SHARE_OF_ROWS || b->intent->ratio ||
                       b->intent->quotient;
        if (derived && n > 0)
                return alias_of(json_array_get(b->select, n - 1));
        return wanted->n > 0 ? alias_of(wanted->items[0]) : "";
}

static bool is_ascending(const struct builder *b, const struct wanted *wanted)
{
        (void)wanted;
        const struct want *want = b->intent->rank.by == RANK_WANT ? &b->intent->rank.want
                                  : b->intent->n_wants > 0        ? &b->intent->wants[0]
                                                                  : NULL;
        return want && want->kind == WANT_MEASURE &&
               b->concepts->dataset->measures[want->index].ascending;
}

static void order_groups(struct builder *b, const struct wanted *wanted)
{
        const struct intent *intent = b->intent;
        const char *number = main_number(b, wanted);
        struct colref ref;
        if (json_array_size(b->group_by) == 0 || !*number)
                return;
        if (intent->sort == SORT_NUMBER)
                add_order(b, number, intent->sort_descending);
        else if (intent->sort == SORT_TIME)
                (void)order_by_time_group(b);
        else if (intent->sort == SORT_COLUMN && builder_resolve(b, &intent->sort_refs, &ref))
                add_order(b, builder_name(b, ref), intent->sort_descending);
        else if (intent->sort == SORT_NAME)
                add_order(b, json_string_value(json_array_get(b->group_by, 0)), false);
        else if (!order_by_time_group(b) && !order_by_list(b))
                add_order(b, number, !is_ascending(b, wanted));
}

/* "The most common type" is a type. */
static void require_value(struct builder *b, const struct refs *refs)
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

/* The best of all, or of each group. */
static void rank_groups(struct builder *b, const struct wanted *wanted)
{
        const struct intent *intent = b->intent;
        const struct rank *rank = &intent->rank;
        int n = rank->n > 0 ? rank->n : rank->plural ? 10 : 1;
        json_t *per = builder_json(b, json_array());
        size_t own = 0; /* of the head */
        const char *number = main_number(b, wanted);
        if (rank->n == 0 && rank->plural)
                builder_assume(b, "The first 10 are shown.");
        if (intent->head.kind == HEAD_COLUMN)
                require_value(b, &intent->head.refs);
        for (size_t g = 0; g < intent->n_groups; g++) {
                const struct group *group = &intent->groups[g];
                struct colref ref;
                bool is_head = group->at == intent->head.at && intent->head.kind != HEAD_NONE;
                if (is_head || (!group->per_each && intent->head.kind == HEAD_NONE)) {
                        own++;
                        continue;
                }
                if (group->unit != UNIT_NONE)
                        builder_append(b, per, json_string(unit_word(group->unit)));
                else if (builder_resolve(b, &group->refs, &ref))
                        builder_append(b, per, json_string(builder_name(b, ref)));
        }
        if (json_array_size(per) > 0) {
                size_t i;
                json_t *column;
                b->top = builder_json(b, json_pack("{s:i, s:O, s:s, s:s}", "n", n, "per", per,
                                                   "by", number, "direction",
                                                   rank->descending ? "desc" : "asc"));
                json_array_foreach(per, i, column)
                        add_order(b, json_string_value(column), false);
                add_order(b, number, rank->descending);
        } else {
                add_order(b, number, rank->descending);
                b->limit = n;
        }
        json_decref(per);
        (void)own;
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
                        builder_add_filter(b, b->filters, json_incref(filter));
                json_decref(filters);
                json_t *a = strpbrk(cond->a, ".eE")
                                    ? json_real(strtod(cond->a, NULL))
                                    : json_integer(strtoll(cond->a, NULL, 10));
                json_t *value = builder_json(b, a);
                if (cond->op == FILTER_BETWEEN)
                        value = builder_json(b, json_pack("[o, f]", value,
                                                          strtod(cond->b, NULL)));
                builder_append(b, b->having,
                               json_pack("{s:o, s:s, s:o}", "expr", item_expr(b, item), "op",
                                         filter_op_word(cond->op), "value", value));
                bool there = false;
                size_t s;
                json_t *selected;
                json_t *plain = item_expr(b, item);
                json_array_foreach(b->select, s, selected)
                {
                        json_t *other = item_expr(b, selected);
                        there = there || json_equal(other, plain);
                        json_decref(other);
                }
                json_decref(plain);
                if (there)
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
                        twice = twice || strcmp(alias_of(there), alias_of(item)) == 0;
                if (!twice)
                        builder_append(b, b->select, json_incref(item));
        }
}


/* More groups than a plan without a limit shows. */
static bool may_be_many(struct builder *b)
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
        if (has_having(b->intent) || b->intent->head.kind != HEAD_NONE)
                n *= 400;
        return n > PLAN_LIMIT_DEFAULT;
}

/* "Who" are the persons that the rows belong to. */
static bool find_persons(const struct builder *b, struct refs *ret)
{
        static const char *const persons[] = {
                "custom", "client", "employe", "agent", "user", "patient", "passeng", "player",
                "member", "person", "author",  "manag", "seller", "driver", "student", "teacher",
                "doctor", "director", "actor", "buyer", "subscrib", "borrow", "attend"};
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

static void add_who_group(struct builder *b)
{
        struct refs refs = {.n = 0};
        if (find_persons(b, &refs))
                add_column_group(b, &refs);
        else
                b->failed = true;
}

/* Groups that something is asked of are there. */
static void require_groups(struct builder *b)
{
        for (size_t g = 0; g < b->intent->n_groups; g++)
                if (b->intent->groups[g].unit == UNIT_NONE)
                        require_value(b, &b->intent->groups[g].refs);
}

static void build_numbers(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct wanted wanted = {.n = 0};
        if (has_having(intent))
                require_groups(b);
        build_filters(b, false, b->filters);
        if (intent->rank.by != RANK_NONE || (has_having(intent) && intent->n_wants == 0))
                add_head_group(b);
        if (intent->is_who && intent->head.kind == HEAD_NONE &&
            (intent->rank.by != RANK_NONE || has_having(intent)))
                add_who_group(b);
        for (size_t g = 0; g < intent->n_groups; g++)
                builder_add_group(b, &intent->groups[g]);
        for (size_t w = 0; w < intent->n_wants && intent->share != SHARE_NONE; w++)
                take_want(b, &wanted, &intent->wants[w]);
        if (intent->rank.by == RANK_WANT)
                take_want(b, &wanted, &intent->rank.want);
        for (size_t w = 0; w < intent->n_wants && intent->share == SHARE_NONE; w++)
                take_want(b, &wanted, &intent->wants[w]);
        if (wanted.n == 0 && !has_having(intent)) {
                struct want rows = {.kind = WANT_ROWS, .index = -1, .table = -1, .segment = -1};
                if (intent->on_average || intent->in_total)
                        b->failed = true; /* of what? */
                if (intent->n_tables == 0)
                        b->built->cost += 0.5; /* nobody said that rows are counted */
                take_want(b, &wanted, &rows);
        }
        add_having(b);
        if (intent->share == SHARE_OF_ROWS)
                add_share(b, &wanted);
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
                rank_groups(b, &wanted);
        else
                order_groups(b, &wanted);
        builder_append_with(b);
        if (has_having(intent) && json_array_size(b->group_by) == 0)
                b->failed = true;
        if (b->limit == 0 && !b->top && may_be_many(b))
                b->limit = PLAN_LIMIT_MAX;
        wanted_done(&wanted);
}

/* A superlative over a column, where what is ranked is not a row: its sum, or its best. */
static void build_ranked_things(struct builder *b)
{
        struct intent changed = *b->intent;
        const struct intent *before = b->intent;
        struct colref ref;
        if (!builder_resolve(b, &changed.rank.refs, &ref))
                return;
        if (changed.head.kind == HEAD_TABLE && ref.table != changed.head.table)
                b->built->cost += 1; /* "the most expensive order" is not that of an item */
        const struct column_facts *facts = concept_column(b->concepts, ref);
        enum plan_func func = changed.on_average ? FUNC_AVG
                              : changed.in_total ? FUNC_SUM
                              : facts->nature == NATURE_ADDED && b->choice == 1 ? FUNC_SUM
                              : changed.rank.descending     ? FUNC_MAX
                                                            : FUNC_MIN;
        if (facts->nature == NATURE_ADDED && !changed.rank.is_most && !changed.on_average &&
            !changed.in_total)
                b->built->unsure = true; /* "the highest": of all together, or a single one? */
        changed.rank.want = (struct want){.kind = WANT_COLUMN,
                                          .func = func,
                                          .refs = changed.rank.refs,
                                          .index = -1,
                                          .table = -1,
                                          .segment = -1};
        changed.rank.by = RANK_WANT;
        b->intent = &changed;
        build_numbers(b);
        b->intent = before;
}

static bool is_row_head(struct builder *b)
{
        const struct intent *intent = b->intent;
        const struct head *head = &intent->head;
        struct colref ref;
        if (head->kind == HEAD_TABLE)
                return head->table == b->base;
        if (head->kind == HEAD_TIME)
                return false;
        if (head->kind == HEAD_NONE)
                return true;
        if (!builder_resolve(b, &head->refs, &ref))
                return true;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        return ref.table == b->base && (facts->is_key || facts->is_unique ||
                                        builder_table(b)->label == ref.column);
}

/* True when a condition says which row it is. */
static bool picks_row(const struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->refs.n == 0 || (cond->kind != COND_VALUES && cond->kind != COND_COMPARE &&
                                          cond->kind != COND_TEXT))
                        continue;
                const struct colref ref = cond->refs.at[0];
                const struct column_facts *facts = concept_column(b->concepts, ref);
                const struct table_facts *table = &b->concepts->tables[ref.table];
                bool nearly = facts->n_distinct >= 0 && table->n_rows > 0 &&
                              facts->n_distinct * 10 >= table->n_rows * 9;
                if (facts->is_unique || facts->is_key || nearly || table->label == ref.column)
                        return true;
        }
        return false;
}

/* Only dimensions are shown, and no rows are asked for: each of their values once. */
static bool shows_values(const struct builder *b)
{
        const struct intent *intent = b->intent;
        if (intent->head.kind != HEAD_NONE || intent->n_shown == 0 ||
            intent->rank.by != RANK_NONE || intent->show_time)
                return false;
        if (picks_row(b) || intent->is_who)
                return false;
        for (size_t s = 0; s < intent->n_shown; s++) {
                const struct column_facts *facts =
                        concept_column(b->concepts, intent->shown[s].at[0]);
                if (!facts->is_dimension || facts->is_unique)
                        return false;
        }
        return true;
}

static void build_values(struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++)
                if (b->intent->conds[i].lacks)
                        b->failed = true; /* in none of their rows */
        build_filters(b, false, b->filters);
        for (size_t s = 0; s < b->intent->n_shown; s++) {
                struct colref ref;
                if (builder_resolve(b, &b->intent->shown[s], &ref))
                        builder_append(b, b->select, builder_column(b, ref));
        }
        b->distinct = true;
        b->limit = json_array_size(b->filters) > 0 ? 1000 : 200;
}

/* "when was the last order": its time. */
static void build_when(struct builder *b)
{
        struct colref ref;
        if (!builder_time(b, &ref)) {
                b->failed = true;
                return;
        }
        build_filters(b, false, b->filters);
        bool last = b->intent->rank.descending;
        builder_append(b, b->select,
                       json_pack("{s:s, s:s, s:s}", "func", last ? "max" : "min", "column",
                                 builder_name(b, ref), "alias", last ? "last" : "first"));
}

/* A row's number was asked for, and nothing says which row: a guess that is not made. */
static bool is_vague(const struct builder *b)
{
        const struct intent *intent = b->intent;
        bool number = false;
        if ((intent->head.kind != HEAD_NONE && intent->head.kind != HEAD_TABLE) || intent->rank.by != RANK_NONE ||
            intent->n_shown == 0)
                return false;
        for (size_t s = 0; s < intent->n_shown; s++)
                number = number ||
                         concept_column(b->concepts, intent->shown[s].at[0])->is_number;
        if (!number || !intent->is_what)
                return false;
        for (size_t i = 0; i < intent->n_conds; i++)
                if (intent->conds[i].kind != COND_VALUES && intent->conds[i].kind != COND_TIME &&
                    intent->conds[i].kind != COND_FLAG)
                        return false;
        return !picks_row(b);
}

/* "Population of Berlin": a number of the country whose capital that is, and not of Berlin. */
static bool asks_of_part(const struct builder *b)
{
        const struct intent *intent = b->intent;
        bool number = false;
        if (intent->head.kind != HEAD_NONE || intent->rank.by != RANK_NONE)
                return false;
        for (size_t s = 0; s < intent->n_shown; s++)
                number = number ||
                         concept_column(b->concepts, intent->shown[s].at[0])->is_number;
        for (size_t i = 0; number && i < intent->n_conds; i++) {
                const struct cond *cond = &intent->conds[i];
                if (cond->kind != COND_VALUES || cond->refs.n == 0)
                        continue;
                const struct colref ref = cond->refs.at[0];
                const struct column_facts *facts = concept_column(b->concepts, ref);
                if (facts->is_unique && !facts->is_id && !facts->is_key &&
                    b->concepts->tables[ref.table].label != ref.column)
                        return true;
        }
        return false;
}

/* Rows that the owner says how to list: "find sensors with dangerous vibration". */
static bool shows_segment(const struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind == COND_SEGMENT && !cond->negated &&
                    b->concepts->dataset->segments[cond->index].show)
                        return true;
        }
        return false;
}

/* "who handled ticket 5004": the person of that row. */
static void build_who(struct builder *b)
{
        struct intent changed = *b->intent;
        const struct intent *before = b->intent;
        if (!find_persons(b, &changed.shown[0])) {
                b->failed = true;
                return;
        }
        changed.n_shown = 1;
        b->intent = &changed;
        build_rows(b);
        b->intent = before;
}

/* "When was order 1050 returned": the date of an order is not that of its return. */
static bool asks_of_event(const struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_shown; i++)
                if (concept_column(b->concepts, b->intent->shown[i].at[0])->is_moment)
                        return false;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                bool event = cond->kind == COND_FLAG || cond->kind == COND_VALUES;
                if (event && !concept_column(b->concepts, cond->refs.at[0])->is_unique &&
                    !concept_column(b->concepts, cond->refs.at[0])->is_id)
                        return true;
        }
        return false;
}

static void build_all(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool fragment = intent->rank.by == RANK_UNSAID || intent->new_func != FUNC_NONE;
        if (fragment) {
                b->failed = true;
        } else if (!intent->is_list) {
                if (intent->rank.by == RANK_COLUMN || intent->rank.by == RANK_TIME)
                        b->failed = true;
                build_numbers(b);
        } else if (intent->is_when && intent->rank.by == RANK_NONE && asks_of_event(b)) {
                b->failed = true;
                b->built->senseless = true;
        } else if (intent->is_when && intent->rank.by == RANK_TIME && intent->n_groups == 0) {
                build_when(b);
        } else if (intent->rank.by == RANK_COLUMN && !intent->is_when && !is_row_head(b)) {
                build_ranked_things(b);
        } else if (intent->head.kind == HEAD_TABLE && intent->head.table != b->base) {
                b->failed = true;
        } else if ((intent->head.kind == HEAD_ENTITY || intent->head.kind == HEAD_COLUMN) &&
                   !is_row_head(b) && intent->rank.by == RANK_NONE &&
                   (intent->is_which || !intent->head_with || !shows_segment(b))) {
                build_entities(b);
        } else if (intent->is_who && intent->n_shown == 0 && intent->rank.by == RANK_NONE &&
                   intent->head.kind != HEAD_ENTITY && picks_row(b)) {
                build_who(b);
        } else if (shows_values(b)) {
                build_values(b);
        } else {
                if (is_vague(b) || asks_of_part(b))
                        b->failed = true;
                if (intent->head.kind == HEAD_NONE && intent->n_shown == 0 &&
                    intent->n_conds == 0 && intent->rank.by == RANK_NONE)
                        b->failed = true;
                build_rows(b);
        }
}

static void put_list(struct builder *b, json_t *plan, const char *key, json_t *list)
{
        if (json_array_size(list) > 0)
                builder_set(b, plan, key, json_incref(list));
}

/* "Is not empty" goes without saying where the column is compared with something. */
static void drop_implied(struct builder *b)
{
        for (size_t i = json_array_size(b->filters); i > 0; i--) {
                const json_t *filter = json_array_get(b->filters, i - 1);
                const char *op = json_string_value(json_object_get(filter, "op"));
                const json_t *column = json_object_get(filter, "column");
                size_t k;
                json_t *other;
                bool implied = false;
                if (!op || !column || strcmp(op, "is_not_null") != 0)
                        continue;
                json_array_foreach(b->filters, k, other)
                {
                        const char *op2 = json_string_value(json_object_get(other, "op"));
                        const json_t *column2 = json_object_get(other, "column");
                        implied = implied || (k != i - 1 && op2 && column2 &&
                                              json_equal(column, column2) &&
                                              strcmp(op2, "is_null") != 0 &&
                                              strcmp(op2, "is_not_null") != 0);
                }
                if (implied)
                        (void)json_array_remove(b->filters, i - 1);
        }
}

/* Two values that one column cannot have at once: the owner's condition of a measure, and that of
 * the question. */
static bool contradicts(const struct builder *b)
{
        size_t i;
        size_t k;
        json_t *a;
        json_t *c;
        json_array_foreach(b->filters, i, a)
        {
                json_array_foreach(b->filters, k, c)
                {
                        const char *x = json_string_value(json_object_get(a, "op"));
                        const char *y = json_string_value(json_object_get(c, "op"));
                        if (i < k && x && y && strcmp(x, "=") == 0 && strcmp(y, "=") == 0 &&
                            json_object_get(a, "column") &&
                            json_equal(json_object_get(a, "column"),
                                       json_object_get(c, "column")))
                                return true;
                }
        }
        return false;
}

static json_t *assemble(struct builder *b)
{
        drop_implied(b);
        json_t *plan = builder_json(
                b, json_pack("{s:s, s:s, s:O}", "dataset_id", b->concepts->dataset->id, "table",
                             b->concepts->dataset->tables[b->base].name, "select", b->select));
        put_list(b, plan, "filters", b->filters);
        put_list(b, plan, "group_by", b->group_by);
        put_list(b, plan, "having", b->having);
        if (b->distinct)
                builder_set(b, plan, "distinct", json_true());
        if (b->top)
                builder_set(b, plan, "top", json_incref(b->top));
        put_list(b, plan, "order_by", b->order_by);
        if (b->limit > 0)
                builder_set(b, plan, "limit", json_integer(b->limit));
        return plan;
}

static void builder_done(struct builder *b)
{
        json_decref(b->select);
        json_decref(b->filters);
        json_decref(b->group_by);
        json_decref(b->having);
        json_decref(b->order_by);
        json_decref(b->with);
        json_decref(b->top);
}

/* A question that names a table is about its rows. */
static double cost_of_base(const struct builder *b)
{
        const struct intent *intent = b->intent;
        for (size_t i = 0; i < intent->n_tables; i++)
                if (intent->tables[i] == b->base)
                        return 0;
        const struct want *want = intent->n_wants > 0 ? &intent->wants[0] : &intent->rank.want;
        double cost = intent->n_tables > 0 ? 0.35 : 0;
        if (want->kind == WANT_ROWS && want->table >= 0 && want->table != b->base)
                cost += 0.3;
        return cost;
}

int intent_build(const struct question *question, const struct intent *intent, int base, int choice,
                 struct built *ret, struct error *err)
{
        *ret = (struct built){0};
        _cleanup_(builder_done) struct builder b = {
                .question = question,
                .concepts = question->concepts,
                .intent = intent,
                .base = base,
                .choice = choice,
                .select = json_array(),
                .filters = json_array(),
                .group_by = json_array(),
                .having = json_array(),
                .order_by = json_array(),
                .with = json_array(),
                .limit = 0,
                .built = ret,
        };
        if (!b.select || !b.filters || !b.group_by || !b.having || !b.order_by || !b.with)
                return error_oom(err);
        build_all(&b);
        ret->cost += cost_of_base(&b);
        if (b.no_memory)
                return error_oom(err);
        if (b.failed || contradicts(&b) || json_array_size(b.select) == 0)
                return 0;
        ret->plan = assemble(&b);
        if (b.no_memory) {
                json_decref(ret->plan);
                ret->plan = NULL;
                return error_oom(err);
        }
        return 0;
}
