/* What is counted or computed, as select items. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

json_t *rounded(struct builder *b, json_t *expr)
{
        return builder_json(b, json_pack("{s:o, s:i}", "round", expr, "digits", 2));
}

json_t *item_expr(struct builder *b, const json_t *item)
{
        json_t *expr = builder_json(b, json_deep_copy(item));
        json_object_del(expr, "alias");
        json_t *inner = json_object_get(expr, "expr");
        if (inner && !json_object_get(expr, "func")) {
                json_incref(inner);
                json_decref(expr);
                return inner;
        }
        return expr;
}

void expr_add_where(struct builder *b, json_t *expr, const json_t *filters)
{
        size_t i;
        json_t *value;
        const char *key;
        if (json_array_size(filters) == 0)
                return;
        if (json_is_object(expr) && json_object_get(expr, "func")) {
                json_t *where = json_object_get(expr, "where");
                if (!where) {
                        builder_set(b, expr, "where", json_array());
                        where = json_object_get(expr, "where");
                }
                json_array_foreach((json_t *)filters, i, value)
                {
                        builder_add_filter(b, where, builder_json(b, json_deep_copy(value)));
                }
                return;
        }
        if (json_is_array(expr)) {
                json_array_foreach(expr, i, value)
                {
                        expr_add_where(b, value, filters);
                }
        } else if (json_is_object(expr)) {
                json_object_foreach(expr, key, value)
                {
                        expr_add_where(b, value, filters);
                }
        }
}

json_t *percent_of(struct builder *b, json_t *part, json_t *whole)
{
        return rounded(b, builder_json(b, json_pack("{s:[{s:[{s:i}, o]}, o]}", "div", "mul",
                                                    "literal", 100, part, whole)));
}

/* "Order Date" as "order_date". */
static void fold_name(const char *text, char *out, size_t size)
{
        (void)fold_text(text, out, size);
        for (char *c = out; *c; c++)
                if (*c == ' ')
                        *c = '_';
}

/* The column's own name, in words that an alias may hold. */
static const char *plain_name(struct builder *b, struct colref ref)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        char text[100];
        char folded[100];
        (void)snprintf(text, sizeof(text), "%.90s", facts->column->name);
        fold_name(text, folded, sizeof(folded));
        const char *name = arena_strdup(b->question->arena, folded);
        if (!name)
                b->no_memory = true;
        return name ? name : "";
}

/* "category" of category, "order" of order_id. */
static const char *thing_name(struct builder *b, struct colref ref)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        return facts->entity_said ? facts->entity_said : plain_name(b, ref);
}

static json_t *with_alias(struct builder *b, json_t *item, const char *alias)
{
        builder_set(b, item, "alias", json_string(builder_alias(b, alias)));
        return item;
}

/* Appends the owner's items or filters by add, with their columns named from here. */
static void add_owners(struct builder *b, const json_t *items, size_t table, json_t *to,
                       void (*add)(struct builder *b, json_t *array, json_t *item))
{
        size_t i;
        json_t *item;
        if (!items || !to)
                return;
        json_t *copy = builder_qualified(b, items, table);
        json_array_foreach(copy, i, item)
        {
                add(b, to, json_incref(item));
        }
        json_decref(copy);
}

/* The column of the starting table, or of one that it leads to, that holds the table's key. */
static bool find_key(struct builder *b, int table, struct colref *ret)
{
        const struct dataset *dataset = b->concepts->dataset;
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                if ((int)r->to_table == table && (int)r->from_table == b->base) {
                        *ret = (struct colref){b->base, (int)r->from_column};
                        return true;
                }
        }
        int key = b->concepts->tables[table].key;
        *ret = (struct colref){table, key};
        return key >= 0;
}

/* "anomalies" of the segment "anomaly", "tickets" of a table whose row is a ticket. */
static const char *rows_noun(struct builder *b, const struct want *want, int table)
{
        const struct table_facts *facts = &b->concepts->tables[table];
        char name[100];
        if (want->segment >= 0) {
                const char *said = b->concepts->dataset->segments[want->segment].name;
                fold_name(said, name, sizeof(name));
                return builder_plural(b, name);
        }
        if (facts->row) {
                fold_name(facts->row, name, sizeof(name));
                return builder_plural(b, name);
        }
        return "rows";
}

/* True unless all the conditions are about other tables' columns. */
bool builder_is_about(const struct builder *b)
{
        bool any = false;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct refs *refs = &b->intent->conds[i].refs;
                for (size_t k = 0; k < refs->n; k++)
                        if (refs->at[k].table == b->base)
                                return true;
                any = any || refs->n > 0;
        }
        return !any;
}

/* "toys with more than 100 in stock" are rows of the table that has the stock. */
static bool compares_elsewhere(const struct builder *b)
{
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                bool own = false;
                if (cond->kind != COND_COMPARE && cond->kind != COND_BETWEEN)
                        continue;
                for (size_t k = 0; k < cond->refs.n; k++)
                        own = own || cond->refs.at[k].table == b->base;
                if (!own)
                        return true;
        }
        return false;
}

static json_t *count_rows(struct builder *b, const struct want *want, json_t *with)
{
        int table = want->table >= 0 ? want->table : b->base;
        const struct dataset *dataset = b->concepts->dataset;
        struct colref key;
        json_t *item;
        if (b->intent->how_much)
                b->built->cost += COST_HOW_MUCH;
        if (want->table < 0 && (!builder_is_about(b) || compares_elsewhere(b)))
                b->built->cost += COST_NOT_ABOUT;
        if (table == b->base) {
                item = builder_json(b, json_pack("{s:s}", "func", "count"));
        } else if (find_key(b, table, &key)) {
                b->built->cost += key.table == b->base ? 0 : COST_KEY_AWAY;
                item = builder_json(b, json_pack("{s:s, s:s}", "func", "count_distinct", "column",
                                                 builder_name(b, key)));
        } else {
                b->failed = true;
                return NULL;
        }
        if (want->segment >= 0) {
                const struct segment *segment = &dataset->segments[want->segment];
                add_owners(b, segment->with, segment->table, with, builder_append);
        }
        if (table == b->base)
                add_owners(b, dataset->tables[table].with, (size_t)table, with, builder_append);
        return with_alias(b, item, rows_noun(b, want, table));
}

/* How many different values, or days that there is anything of. */
static json_t *count_distinct(struct builder *b, const struct want *want)
{
        struct colref ref;
        if (want->op == EXPR_DATE_TRUNC) {
                if (!builder_time(b, &ref)) {
                        b->failed = true;
                        return NULL;
                }
                json_t *day = builder_json(b, json_pack("{s:o, s:s}", "date_trunc",
                                                        builder_column(b, ref), "unit", "day"));
                return with_alias(b,
                                  builder_json(b, json_pack("{s:s, s:o}", "func", "count_distinct",
                                                            "expr", day)),
                                  "days");
        }
        if (!builder_resolve(b, &want->refs, &ref))
                return NULL;
        for (size_t i = 0; i < b->intent->n_conds; i++)
                if (b->intent->conds[i].lacks && concept_column(b->concepts, ref)->is_id &&
                    !concept_column(b->concepts, ref)->is_key)
                        b->failed = true; /* "customers who never returned anything" */
        json_t *item = builder_json(b, json_pack("{s:s, s:s}", "func", "count_distinct", "column",
                                                 builder_name(b, ref)));
        return with_alias(b, item, builder_plural(b, thing_name(b, ref)));
}

/* True when the measure's name says the column: "average discount" of discount. */
static bool is_called(const struct builder *b, const struct measure *measure, struct colref ref)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        char folded[200];
        char *save = NULL;
        bool any = false;
        (void)fold_text(measure->name, folded, sizeof(folded));
        (void)strtok_r(folded, " ", &save); /* the function */
        for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                const char *stem = stem_of(b->concepts->stemmer, word);
                bool said = false;
                for (size_t w = 0; stem && w < facts->n_words; w++)
                        said = said || strcmp(facts->words[w], stem) == 0;
                if (!said)
                        return false;
                any = true;
        }
        return any;
}

int find_measure(const struct builder *b, enum plan_func func, struct colref ref)
{
        const struct dataset *dataset = b->concepts->dataset;
        const char *column = concept_column(b->concepts, ref)->column->name;
        for (size_t m = 0; m < dataset->n_measures; m++) {
                const struct measure *measure = &dataset->measures[m];
                const json_t *item = measure->item;
                if ((int)measure->table != ref.table)
                        continue;
                const json_t *inner = json_object_get(item, "expr");
                if (inner && json_object_get(inner, "round"))
                        item = json_object_get(inner, "round");
                const char *said = json_string_value(json_object_get(item, "func"));
                const char *of = json_string_value(json_object_get(item, "column"));
                if (said && of && func_from_word(said) == func && strcmp(of, column) == 0 &&
                    !json_object_get(item, "where") && is_called(b, measure, ref))
                        return (int)m;
        }
        return -1;
}

static const char *func_prefix(enum plan_func func)
{
        switch (func) {
        case FUNC_SUM:
                return "total";
        case FUNC_AVG:
                return "average";
        case FUNC_MIN:
                return "lowest";
        case FUNC_MAX:
                return "highest";
        case FUNC_MEDIAN:
                return "median";
        case FUNC_STDDEV:
                return "stddev";
        default:
                return "number_of";
        }
}

/* Added up or averaged, when nobody said. */
static enum plan_func guess_func(struct builder *b, const struct column_facts *facts)
{
        if (facts->nature == NATURE_ADDED)
                return FUNC_SUM;
        if (facts->nature == NATURE_AVERAGED)
                return FUNC_AVG;
        b->built->unsure = true;
        return b->choice == 2 ? FUNC_AVG : FUNC_SUM;
}

static json_t *function_of(struct builder *b, enum plan_func func, json_t *column)
{
        return builder_json(b, json_pack("{s:s, s:o}", "func", func_word(func), "expr", column));
}

void builder_prefer_end(struct builder *b, struct colref ref, bool high)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        for (size_t w = 0; w < facts->n_words; w++) {
                bool most = strcmp(facts->words[w], "maximum") == 0;
                bool least = strcmp(facts->words[w], "minimum") == 0;
                if (most || least)
                        b->built->cost += most == high ? -COST_END : COST_END;
        }
}

json_t *build_computed(struct builder *b, const struct want *want)
{
        static const char *const words[] = {
                [EXPR_ADD] = "add", [EXPR_SUB] = "sub", [EXPR_MUL] = "mul", [EXPR_DIV] = "div"};
        struct colref first;
        struct colref second;
        if (!builder_resolve(b, &want->refs, &first) || !builder_resolve(b, &want->refs2, &second))
                return NULL;
        return builder_json(b, json_pack("{s:[o, o]}", words[want->op], builder_column(b, first),
                                         builder_column(b, second)));
}

json_t *build_computed_item(struct builder *b, const struct want *want)
{
        static const char *const words[] = {[EXPR_ADD] = "plus",
                                            [EXPR_SUB] = "minus",
                                            [EXPR_MUL] = "times",
                                            [EXPR_DIV] = "per"};
        struct colref first;
        struct colref second;
        char alias[160];
        if (!builder_resolve(b, &want->refs, &first) || !builder_resolve(b, &want->refs2, &second))
                return NULL;
        (void)snprintf(alias, sizeof(alias), "%.70s_%s_%.70s", plain_name(b, first),
                       words[want->op], plain_name(b, second));
        json_t *expr = build_computed(b, want);
        if (!expr)
                return NULL;
        if (want->op == EXPR_DIV)
                expr = rounded(b, expr);
        return with_alias(b, builder_json(b, json_pack("{s:o}", "expr", expr)), alias);
}

/* True when a segment of the question is about another table's amounts. */
static bool has_segment_of(const struct builder *b, struct colref ref)
{
        const struct dataset *dataset = b->concepts->dataset;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_SEGMENT || cond->negated ||
                    (int)dataset->segments[cond->index].table == ref.table)
                        continue;
                const struct segment *segment = &dataset->segments[cond->index];
                const char *name = json_string_value(
                        json_object_get(json_array_get(segment->filters, 0), "column"));
                int column = name ? table_find_column(&dataset->tables[segment->table], name) : -1;
                if (column >= 0 &&
                    b->concepts->tables[segment->table].columns[column].nature == NATURE_ADDED)
                        return true;
        }
        return false;
}

static json_t *spread_of(struct builder *b, struct colref ref)
{
        char alias[160];
        const char *name = builder_name(b, ref);
        (void)snprintf(alias, sizeof(alias), "range_of_%s", plain_name(b, ref));
        json_t *expr =
                builder_json(b, json_pack("{s:[{s:s, s:s}, {s:s, s:s}]}", "sub", "func", "max",
                                          "column", name, "func", "min", "column", name));
        return with_alias(b, builder_json(b, json_pack("{s:o}", "expr", rounded(b, expr))), alias);
}

static json_t *want_column(struct builder *b, const struct want *want, json_t *filters,
                           json_t *with)
{
        struct colref ref;
        enum plan_func func = want->func;
        if (!builder_resolve(b, &want->refs, &ref))
                return NULL;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        if (func == FUNC_SUM && facts->nature == NATURE_AVERAGED && want == &b->intent->rank.want)
                b->built->cost += COST_HOW_MUCH; /* "the most rated": ratings are not added up */
        if (func == FUNC_SUM && has_segment_of(b, ref))
                b->failed = true; /* "pieces in stock": not those of the orders */
        if (func == FUNC_NONE) {
                func = guess_func(b, facts);
                builder_assume(b, "%s is %s.", facts->column->name,
                               func == FUNC_SUM ? "added up" : "averaged");
        }
        if (func == FUNC_MAX || func == FUNC_MIN)
                builder_prefer_end(b, ref, func == FUNC_MAX);
        bool computes =
                func == FUNC_SUM || func == FUNC_AVG || func == FUNC_MEDIAN || func == FUNC_STDDEV;
        if (computes && (!facts->is_number || facts->is_id || facts->is_year)) {
                b->failed = true;
                return NULL;
        }
        if (want->spread)
                return spread_of(b, ref);
        int measure = want->op == EXPR_NONE ? find_measure(b, func, ref) : -1;
        if (measure >= 0) {
                struct want owned = want_of(WANT_MEASURE);
                owned.index = measure;
                return build_want(b, &owned, filters, with);
        }
        char alias[160];
        (void)snprintf(alias, sizeof(alias), "%s_%s", func_prefix(func), plain_name(b, ref));
        json_t *item;
        if (want->op != EXPR_NONE) {
                json_t *expr = build_computed(b, want);
                if (!expr)
                        return NULL;
                item = function_of(b, func, expr);
        } else {
                item = builder_json(b, json_pack("{s:s, s:s}", "func", func_word(func), "column",
                                                 builder_name(b, ref)));
        }
        if (func == FUNC_AVG || func == FUNC_MEDIAN || func == FUNC_STDDEV)
                item = builder_json(b, json_pack("{s:o}", "expr", rounded(b, item)));
        return with_alias(b, item, alias);
}

/* A function over a measure that has one number for each row: "average hours open". */
static json_t *function_of_rows(struct builder *b, const struct want *want, json_t *item)
{
        char alias[160];
        enum plan_func func = want->func == FUNC_NONE ? FUNC_AVG : want->func;
        const char *name = json_string_value(json_object_get(item, "alias"));
        (void)snprintf(alias, sizeof(alias), "%s_%.120s", func_prefix(func), name ? name : "");
        json_t *expr = function_of(b, func, item_expr(b, item));
        json_decref(item);
        return with_alias(b, builder_json(b, json_pack("{s:o}", "expr", rounded(b, expr))), alias);
}

/* True when the function says what the measure is anyway: the average of an average. */
static bool func_fits(const struct measure *measure, enum plan_func func)
{
        const json_t *item = measure->item;
        const json_t *inner = json_object_get(item, "expr");
        if (func == FUNC_NONE)
                return true;
        if (inner && json_object_get(inner, "round"))
                item = json_object_get(inner, "round");
        const char *said = json_string_value(json_object_get(item, "func"));
        if (said && func_from_word(said) == func)
                return true;
        if (said && func_from_word(said) == FUNC_COUNT)
                return func == FUNC_SUM;
        return !said && func == FUNC_AVG; /* the average rate */
}

static json_t *want_measure(struct builder *b, const struct want *want, json_t *filters,
                            json_t *with)
{
        const struct measure *measure = &b->concepts->dataset->measures[want->index];
        json_t *item = builder_qualified(b, measure->item, measure->table);
        if (!item)
                return NULL;
        add_owners(b, measure->filters, measure->table, filters, builder_add_filter);
        if (measure->per_row)
                return function_of_rows(b, want, item);
        if (!func_fits(measure, want->func) && !b->intent->ratio) {
                /* another function of the same column: "median resolution time" */
                const json_t *inner = json_object_get(measure->item, "expr");
                const json_t *round = inner ? json_object_get(inner, "round") : NULL;
                const json_t *core = round ? round : measure->item;
                const char *name = json_string_value(json_object_get(core, "column"));
                int column = name ? table_find_column(&b->concepts->dataset->tables[measure->table],
                                                      name)
                                  : -1;
                json_decref(item);
                const char *own = json_string_value(json_object_get(core, "func"));
                if (own && func_from_word(own) != FUNC_AVG)
                        b->failed = true; /* "the median of the total per customer" */
                if (column < 0) {
                        b->failed = true;
                        return NULL;
                }
                struct want other = {.kind = WANT_COLUMN, .func = want->func};
                refs_add(&other.refs, (int)measure->table, column);
                return want_column(b, &other, filters, with);
        }
        if (with == b->with && json_holds_key(measure->item, "div"))
                add_owners(b, measure->with, measure->table, b->select,
                           builder_append); /* what it is made of */
        else
                add_owners(b, measure->with, measure->table, with, builder_append);
        const char *alias = json_string_value(json_object_get(item, "alias"));
        const char *own = builder_alias(b, alias ? alias : "value");
        builder_set(b, item, "alias", json_string(own));
        return item;
}

json_t *build_want(struct builder *b, const struct want *want, json_t *filters, json_t *with)
{
        switch (want->kind) {
        case WANT_ROWS:
                return count_rows(b, want, with);
        case WANT_DISTINCT:
                return count_distinct(b, want);
        case WANT_COLUMN:
                return want_column(b, want, filters, with);
        case WANT_MEASURE:
                return want_measure(b, want, filters, with);
        default:
                b->failed = true;
                return NULL;
        }
}
