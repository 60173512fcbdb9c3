/* Names: which column is meant from the table that a plan starts from, and what outputs are
 * called. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

#define JOINS_MAX 4 /* on the way to a column */
#define BACKWARDS                                                                                  \
        10 /* added to the joins of a way that multiplies rows: only if there is no other */

const struct table_facts *builder_table(const struct builder *b)
{
        return &b->concepts->tables[b->base];
}

/* How many joins lead from one table to another; many to one only, unless backwards too. -1: no
 * way. */
static int distance(const struct dataset *dataset, int from, int to, bool backwards, int depth)
{
        int best = -1;
        if (from == to)
                return 0;
        if (depth == 0)
                return -1;
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                bool forth = (int)r->from_table == from;
                if (!forth && !(backwards && (int)r->to_table == from))
                        continue;
                int next = forth ? (int)r->to_table : (int)r->from_table;
                int rest = distance(dataset, next, to, backwards, depth - 1);
                if (rest >= 0 && (best < 0 || rest + 1 < best))
                        best = rest + 1;
        }
        return best;
}

/* Many to one. */
static int distance_to(const struct builder *b, int table)
{
        return distance(b->concepts->dataset, b->base, table, false, JOINS_MAX);
}

bool builder_leads(const struct builder *b, int table)
{
        return distance_to(b, table) >= 0;
}

bool builder_resolve(struct builder *b, const struct refs *refs, struct colref *ret)
{
        const struct dataset *dataset = b->concepts->dataset;
        int best = -1;
        for (size_t i = 0; i < refs->n; i++) {
                int joins = distance_to(b, refs->at[i].table);
                if (joins < 0) {
                        joins = distance(dataset, b->base, refs->at[i].table, true, JOINS_MAX);
                        joins = joins < 0 ? -1 : joins + BACKWARDS;
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
        b->built->cost += best >= BACKWARDS ? COST_JOIN_BACK + COST_JOIN * (best - BACKWARDS)
                                            : COST_JOIN * best;
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
        static const char *const plain[] = {"year",     "releas", "model",  "fiscal",
                                            "calendar", "season", "survey", "report"};
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
        static const char *const plain[] = {"date",  "time",   "timestamp", "day",     "datetim",
                                            "creat", "record", "at",        "on",      "year",
                                            "order", "sale",   "transact",  "purchas", "event",
                                            "visit", "start",  "measur",    "read"};
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

/* The time that the owner gave a segment of the question. */
static bool find_segment_time(const struct builder *b, struct colref *ret)
{
        const struct concepts *concepts = b->concepts;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_SEGMENT)
                        continue;
                const struct segment *segment = &concepts->dataset->segments[cond->index];
                int column = segment->time
                                     ? table_find_column(&concepts->dataset->tables[segment->table],
                                                         segment->time)
                                     : -1;
                if (column >= 0 && (int)segment->table == b->base) {
                        *ret = (struct colref){b->base, column};
                        return true;
                }
        }
        return false;
}

bool builder_time(struct builder *b, struct colref *ret)
{
        const struct concepts *concepts = b->concepts;
        int best = -1;
        if (find_segment_time(b, ret))
                return true;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                int joins = distance_to(b, (int)t);
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
                b->built->cost += COST_JOIN * best;
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
        json_array_foreach(b->select, i, item)
        {
                const char *alias = json_string_value(json_object_get(item, "alias"));
                const char *column = json_string_value(json_object_get(item, "column"));
                const char *dot = column ? strchr(column, '.') : NULL;
                if (!alias && !json_object_get(item, "func"))
                        alias = dot ? dot + 1 : column;
                if (alias && strcasecmp(alias, name) == 0)
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
                json_array_foreach(json, i, value)
                {
                        qualify(b, value, table);
                }
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
        json_object_foreach(json, key, value)
        {
                qualify(b, value, table);
        }
}

json_t *builder_qualified(struct builder *b, const json_t *json, size_t table)
{
        json_t *copy = builder_json(b, json_deep_copy(json));
        int joins = distance_to(b, (int)table);
        b->built->cost += joins < 0 ? COST_OUT_OF_REACH : COST_JOIN * joins;
        if (copy)
                qualify(b, copy, table);
        return copy;
}
