/* An intent becomes a plan: what kind of answer it asks for, and what is refused. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
        return ref.table == b->base &&
               (facts->is_key || facts->is_unique || builder_table(b)->label == ref.column);
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
        if (picks_row(b) || intent->is_who || intent->lists_rows)
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
        build_filters(b, ROLE_FILTER, b->filters);
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
        build_filters(b, ROLE_FILTER, b->filters);
        bool last = b->intent->rank.descending;
        builder_append(b, b->select,
                       json_pack("{s:s, s:s, s:s}", "func", last ? "max" : "min", "column",
                                 builder_name(b, ref), "alias", last ? "last" : "first"));
}

/* True when the columns shown and the time are of the rows that it starts from. */
static bool shows_own_time(struct builder *b)
{
        struct colref time;
        for (size_t s = 0; s < b->intent->n_shown; s++)
                if (b->intent->shown[s].at[0].table != b->base)
                        return false;
        return builder_time(b, &time) && time.table == b->base;
}

/* A row's number was asked for, and nothing says which row: a guess that is not made. */
static bool is_vague(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool number = false;
        if ((intent->head.kind != HEAD_NONE && intent->head.kind != HEAD_TABLE) ||
            intent->rank.by != RANK_NONE || intent->n_shown == 0)
                return false;
        for (size_t s = 0; s < intent->n_shown; s++)
                number = number || concept_column(b->concepts, intent->shown[s].at[0])->is_number;
        if (!number || !(intent->is_what || (intent->names_number && !intent->says_list &&
                                             intent->head.kind == HEAD_NONE)))
                return false;
        bool value = false;
        bool day = false;
        for (size_t i = 0; i < intent->n_conds; i++) {
                const struct cond *cond = &intent->conds[i];
                value = value || cond->kind == COND_VALUES;
                day = day || (cond->kind == COND_TIME && cond->time.kind == TIME_RANGE &&
                              cond->time.from[0] && strcmp(cond->time.from, cond->time.to) == 0);
        }
        if (value && day && shows_own_time(b))
                return false; /* "the pressure at Harbor on 1 June" */
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
                number = number || concept_column(b->concepts, intent->shown[s].at[0])->is_number;
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
        if (!builder_find_persons(b, &changed.shown[0])) {
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

/* Columns and nothing that says what of them: "status of temperature". */
static bool asks_nothing(const struct builder *b)
{
        const struct intent *intent = b->intent;
        return intent->head.kind == HEAD_NONE && intent->n_shown > 0 && intent->n_conds == 0 &&
               intent->rank.by == RANK_NONE && !intent->is_which && !intent->says_list &&
               !intent->distinct && !intent->names_many;
}

static void build_all(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool fragment = intent->rank.by == RANK_UNSAID || intent->new_func != FUNC_NONE;
        if (fragment) {
                b->failed = true;
        } else if (!intent->is_list) {
                if (intent->rank.by == RANK_COLUMN || intent->rank.by == RANK_COMPUTED ||
                    intent->rank.by == RANK_TIME)
                        b->failed = true;
                build_numbers(b);
        } else if (intent->is_when && intent->rank.by == RANK_NONE && asks_of_event(b)) {
                b->failed = true;
                b->built->senseless = true;
        } else if (intent->is_when && intent->rank.by == RANK_TIME && intent->n_groups == 0) {
                build_when(b);
        } else if ((intent->rank.by == RANK_COLUMN || intent->rank.by == RANK_COMPUTED) &&
                   !intent->is_when && !is_row_head(b)) {
                build_ranked_things(b);
        } else if (intent->rank.by == RANK_TIME && intent->head.kind != HEAD_NONE &&
                   !is_row_head(b)) {
                b->failed = true; /* "which sensor was offline first" */
        } else if (intent->head.kind == HEAD_TABLE && intent->head.table != b->base) {
                b->failed = true;
        } else if ((intent->head.kind == HEAD_ENTITY || intent->head.kind == HEAD_COLUMN) &&
                   !is_row_head(b) && intent->rank.by == RANK_NONE &&
                   (intent->is_which || !intent->head_with || !shows_segment(b))) {
                build_entities(b);
        } else if (intent->is_who && intent->n_shown == 0 && intent->rank.by == RANK_NONE &&
                   intent->head.kind != HEAD_ENTITY && picks_row(b)) {
                build_who(b);
        } else if (asks_nothing(b)) {
                b->failed = true;
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
                        implied = implied ||
                                  (k != i - 1 && op2 && column2 && json_equal(column, column2) &&
                                   strcmp(op2, "is_null") != 0 && strcmp(op2, "is_not_null") != 0);
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
                            json_equal(json_object_get(a, "column"), json_object_get(c, "column")))
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

void builder_done(struct builder *b)
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
        double away = 0; /* "products in the order items": those, and not the table of products */
        for (size_t i = 0; i < intent->n_tables; i++)
                if (intent->tables[i] != b->base && !builder_leads(b, intent->tables[i]))
                        away = COST_OTHER_TABLE;
        for (size_t i = 0; i < intent->n_tables; i++)
                if (intent->tables[i] == b->base)
                        return away;
        const struct want *want = intent->n_wants > 0 ? &intent->wants[0] : &intent->rank.want;
        double cost = intent->n_tables > 0 ? COST_OTHER_TABLE : 0;
        if (want->kind == WANT_ROWS && want->table >= 0 && want->table != b->base)
                cost += COST_OTHER_ROWS;
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
