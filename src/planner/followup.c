#include "planner/followup.h"

#include "planner/builder.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool followup_is(const struct question *question)
{
        static const char *const first[] = {"top", "lowest first", "highest first", "newest first",
                                            "oldest first", "order by", "sorted", "only", "just", "and", "now", "same", "instead",
                                            "also", "but", "then", "what about", "how about",
                                            "those", "by", "per", "for", "in", "sort", "without"};
        const struct token *tokens = question->tokens;
        if (question->n_tokens > 12)
                return false;
        for (size_t i = 0; i < question->n_tokens; i++)
                if (strcmp(tokens[i].text, "instead") == 0 || strcmp(tokens[i].text, "those") == 0 ||
                    strcmp(tokens[i].text, "they") == 0 || strcmp(tokens[i].text, "these") == 0 ||
                    (strcmp(tokens[i].text, "that") == 0 && i > 0 &&
                     (strcmp(tokens[i - 1].text, "was") == 0 ||
                      strcmp(tokens[i - 1].text, "is") == 0 ||
                      strcmp(tokens[i - 1].text, "were") == 0)) ||
                    strcmp(tokens[i].text, "them") == 0)
                        return true;
        for (size_t w = 0; w < ARRAY_SIZE(first); w++) {
                const char *second = strchr(first[w], ' ');
                size_t n = second ? (size_t)(second - first[w]) : strlen(first[w]);
                if (strlen(tokens[0].text) == n && strncmp(tokens[0].text, first[w], n) == 0 &&
                    (!second || (question->n_tokens > 1 &&
                                 strcmp(tokens[1].text, second + 1) == 0)))
                        return true;
        }
        return false;
}

bool followup_needs(const struct question *question)
{
        const struct token *tokens = question->tokens;
        for (size_t i = 0; i < question->n_tokens; i++)
                if (strcmp(tokens[i].text, "instead") == 0)
                        return true;
        if (question->n_tokens < 2)
                return false;
        bool asks = strcmp(tokens[0].text, "what") == 0 || strcmp(tokens[0].text, "how") == 0;
        return (asks && strcmp(tokens[1].text, "about") == 0) ||
               strcmp(tokens[0].text, "and") == 0 || strcmp(tokens[0].text, "same") == 0;
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

static json_t *list_of(struct builder *b, const json_t *plan, const char *key)
{
        const json_t *list = json_object_get(plan, key);
        return builder_json(b, list ? json_deep_copy(list) : json_array());
}

static bool names_column(const json_t *filter, const char *column)
{
        size_t i;
        const char *key;
        json_t *value;
        if (strcmp(text_of(filter, "column"), column) == 0)
                return true;
        json_array_foreach((json_t *)filter, i, value) if (names_column(value, column)) return true;
        json_object_foreach((json_t *)filter, key, value) if (names_column(value, column))
                return true;
        return false;
}

/* The column that a filter is about: its own, or that of what it negates. */
static const char *column_of(const json_t *filter)
{
        const json_t *inner = json_object_get(filter, "not");
        const json_t *expr = json_object_get(filter, "expr");
        if (inner)
                return column_of(inner);
        if (expr && json_object_get(expr, "date_part"))
                return text_of(json_object_get(expr, "date_part"), "column");
        return text_of(filter, "column");
}

/* A new filter takes the place of an old one about the same column. */
static bool starts_over(const struct question *question)
{
        static const char *const firsts[][2] = {{"and", "of"}, {"and", "for"}, {"and", "in"},
                                                {"what", "about"}, {"how", "about"}};
        for (size_t i = 0; i < ARRAY_SIZE(firsts) && question->n_tokens > 1; i++)
                if (strcmp(question->tokens[0].text, firsts[i][0]) == 0 &&
                    strcmp(question->tokens[1].text, firsts[i][1]) == 0)
                        return true;
        return false;
}

static void change_filters(struct builder *b)
{
        size_t n_before = json_array_size(b->filters);
        json_t *added = builder_json(b, json_array());
        size_t i;
        json_t *filter;
        build_filters(b, false, added);
        json_array_foreach(added, i, filter)
        {
                const char *column = column_of(filter);
                for (size_t k = json_array_size(b->filters); k > 0 && *column; k--)
                        if (names_column(json_array_get(b->filters, k - 1), column))
                                (void)json_array_remove(b->filters, k - 1);
                builder_add_filter(b, b->filters, json_incref(filter));
        }
        /* "and of those with a garden?": beside the condition before, or in its place? */
        bool replaced = json_array_size(b->filters) < n_before + json_array_size(added);
        bool timed = json_array_size(added) == 1 && b->intent->n_conds == 1 &&
                     b->intent->conds[0].kind == COND_TIME;
        bool flag = false;
        for (size_t k = 0; k < b->intent->n_conds; k++)
                flag = flag || b->intent->conds[k].kind == COND_FLAG;
        if (starts_over(b->question) && n_before > 0 && !replaced && !timed && flag)
                b->failed = true;
        json_decref(added);
}

static bool is_group_item(const struct builder *b, const json_t *item)
{
        size_t i;
        json_t *group;
        json_array_foreach(b->group_by, i, group)
        {
                const char *name = json_string_value(group);
                if (name && (strcmp(text_of(item, "alias"), name) == 0 ||
                             strcmp(text_of(item, "column"), name) == 0))
                        return true;
        }
        return false;
}

/* New groups take the place of the old ones, or come beside them. */
static void change_groups(struct builder *b, bool beside)
{
        json_t *numbers = builder_json(b, json_array());
        json_t *groups = builder_json(b, json_array());
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item)
                builder_append(b, is_group_item(b, item) ? groups : numbers, json_incref(item));
        json_decref(b->select);
        b->select = beside ? json_incref(groups) : builder_json(b, json_array());
        if (!beside)
                json_array_clear(b->group_by);
        for (size_t g = 0; g < b->intent->n_groups; g++)
                builder_add_group(b, &b->intent->groups[g]);
        json_array_foreach(numbers, i, item) builder_append(b, b->select, json_incref(item));
        /* an order by what is gone */
        for (size_t o = json_array_size(b->order_by); o > 0; o--) {
                const char *by = text_of(json_array_get(b->order_by, o - 1), "expr");
                bool there = false;
                json_array_foreach(b->select, i, item)
                        there = there || strcmp(text_of(item, "alias"), by) == 0 ||
                                strcmp(text_of(item, "column"), by) == 0;
                if (!there)
                        (void)json_array_remove(b->order_by, o - 1);
        }
        if (json_array_size(b->group_by) > 0 && b->intent->n_groups > 0 &&
            b->intent->groups[0].unit != UNIT_NONE) {
                json_array_clear(b->order_by);
                builder_append(b, b->order_by,
                               json_pack("{s:O, s:s}", "expr", json_array_get(b->group_by, 0),
                                         "direction", "asc"));
        }
        json_decref(numbers);
        json_decref(groups);
}

static bool holds_function(const json_t *json)
{
        size_t i;
        const char *key;
        json_t *value;
        if (json_object_get(json, "func"))
                return true;
        json_array_foreach((json_t *)json, i, value) if (holds_function(value)) return true;
        json_object_foreach((json_t *)json, key, value) if (holds_function(value)) return true;
        return false;
}

static enum plan_func first_function(const json_t *json)
{
        size_t i;
        const char *key;
        json_t *value;
        enum plan_func func = FUNC_NONE;
        const char *said = json_string_value(json_object_get(json, "func"));
        if (said)
                return func_from_word(said);
        json_array_foreach((json_t *)json, i, value) if (func == FUNC_NONE) func =
                first_function(value);
        json_object_foreach((json_t *)json, key, value) if (func == FUNC_NONE) func =
                first_function(value);
        return func;
}

/* "and the humidity?" after an average of something else. */
static bool shows_number(const struct builder *b)
{
        const struct intent *intent = b->intent;
        if (intent->n_shown != 1 || intent->n_wants > 0 ||
            first_function(b->select) == FUNC_NONE)
                return false;
        const struct column_facts *facts = concept_column(b->concepts, intent->shown[0].at[0]);
        return facts->is_number && !facts->is_id;
}

static struct want want_again(const struct builder *b, const struct want *want)
{
        struct want again = want ? *want
                                 : (struct want){.kind = WANT_COLUMN,
                                                 .refs = b->intent->shown[0],
                                                 .index = -1,
                                                 .table = -1,
                                                 .segment = -1};
        if (again.kind == WANT_COLUMN && again.func == FUNC_NONE)
                again.func = first_function(b->select);
        return again;
}

/* Other numbers over the same rows and groups. */
static void change_numbers(struct builder *b)
{
        struct want wants[WANTS_MAX];
        size_t n_wants = b->intent->n_wants;
        for (size_t w = 0; w < n_wants; w++)
                wants[w] = want_again(b, &b->intent->wants[w]);
        if (n_wants == 0)
                wants[n_wants++] = want_again(b, NULL);
        json_t *kept = builder_json(b, json_array());
        json_t *filters = builder_json(b, json_array());
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item) if (!holds_function(item))
                builder_append(b, kept, json_incref(item));
        json_decref(b->select);
        b->select = kept;
        const char *by = "";
        for (size_t w = 0; w < n_wants; w++) {
                json_t *want = build_want(b, &wants[w], filters, b->with);
                if (!want)
                        continue;
                by = w == 0 ? text_of(want, "alias") : by;
                builder_append(b, b->select, want);
        }
        json_array_foreach(filters, i, item) builder_add_filter(b, b->filters, json_incref(item));
        json_decref(filters);
        builder_append_with(b);
        const char *order = text_of(json_array_get(b->order_by, 0), "expr");
        bool there = false;
        json_array_foreach(b->select, i, item) there =
                there || strcmp(text_of(item, "alias"), order) == 0 ||
                strcmp(text_of(item, "column"), order) == 0;
        if (json_array_size(b->order_by) > 0 && !there) {
                json_array_clear(b->order_by);
                builder_append(b, b->order_by,
                               json_pack("{s:s, s:s}", "expr", by, "direction", "desc"));
        }
}

static void change_function(struct builder *b, json_t *json, enum plan_func func, bool *done)
{
        size_t i;
        const char *key;
        json_t *value;
        const char *said = json_string_value(json_object_get(json, "func"));
        if (said && !*done && (json_object_get(json, "column") || json_object_get(json, "expr"))) {
                builder_set(b, json, "func", json_string(func_word(func)));
                *done = true;
                return;
        }
        json_array_foreach(json, i, value) change_function(b, value, func, done);
        json_object_foreach(json, key, value) change_function(b, value, func, done);
}

/* "and the median?": the same number, computed otherwise. */
static void change_functions(struct builder *b, enum plan_func func)
{
        size_t i;
        json_t *item;
        bool done = false;
        for (i = 0; i < json_array_size(b->select) && !done; i++) {
                item = json_array_get(b->select, i);
                if (!holds_function(item))
                        continue;
                const char *alias = text_of(item, "alias");
                char before[200];
                (void)snprintf(before, sizeof(before), "%s", alias);
                json_t *inner = json_object_get(item, "expr");
                bool computes = func == FUNC_AVG || func == FUNC_MEDIAN || func == FUNC_STDDEV;
                change_function(b, item, func, &done);
                if (!done)
                        continue;
                const char *rest = strchr(before, '_');
                char after[220];
                (void)snprintf(after, sizeof(after), "%s%s", func_word(func), rest ? rest : "");
                if (computes && !(inner && json_object_get(inner, "round"))) {
                        json_t *expr = item_expr(b, item);
                        (void)json_array_set_new(
                                b->select, i,
                                json_pack("{s:o, s:s}", "expr", rounded(b, expr), "alias", after));
                } else {
                        builder_set(b, item, "alias", json_string(after));
                }
                size_t o;
                json_t *order;
                json_array_foreach(b->order_by, o, order) if (strcmp(text_of(order, "expr"),
                                                                     before) == 0)
                        builder_set(b, order, "expr", json_string(after));
        }
        if (!done)
                b->failed = true;
}

/* "and the lowest?": the other end, or another number of rows. */
static void change_rank(struct builder *b)
{
        const struct rank *rank = &b->intent->rank;
        json_t *order = json_array_get(b->order_by, 0);
        if (b->top && rank->n > 0)
                builder_set(b, b->top, "n", json_integer(rank->n));
        if (b->top)
                builder_set(b, b->top, "direction",
                            json_string(rank->descending ? "desc" : "asc"));
        else if (rank->n > 0)
                b->limit = rank->n;
        if (!order) {
                b->failed = true;
                return;
        }
        if (!b->top)
                builder_set(b, order, "direction",
                            json_string(rank->descending ? "desc" : "asc"));
}

static void change_sort(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct colref ref;
        json_t *order = json_array_get(b->order_by, 0);
        const char *direction = intent->sort_descending ? "desc" : "asc";
        if (intent->sort == SORT_COLUMN && builder_resolve(b, &intent->sort_refs, &ref)) {
                json_array_clear(b->order_by);
                builder_append(b, b->order_by,
                               json_pack("{s:s, s:s}", "expr", builder_name(b, ref), "direction",
                                         direction));
        } else if (order) {
                builder_set(b, order, "direction", json_string(direction));
        }
}

static bool says_also(const struct question *question)
{
        for (size_t i = 0; i < question->n_tokens; i++)
                if (strcmp(question->tokens[i].text, "also") == 0 ||
                    strcmp(question->tokens[i].text, "too") == 0)
                        return true;
        return false;
}

/* Something that was listed or ranked before has no room for what comes now. */
static bool is_grouped(const struct builder *b)
{
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item) if (holds_function(item)) return true;
        return false;
}

static void change(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool any = false;
        if (intent->n_conds > 0) {
                change_filters(b);
                any = true;
        }
        if (intent->n_groups > 0) {
                change_groups(b, says_also(b->question) && !intent->replaces);
                any = true;
                if (!is_grouped(b))
                        b->failed = true;
        }
        if (intent->n_wants > 0 || shows_number(b)) {
                change_numbers(b);
                any = true;
        } else if (intent->new_func != FUNC_NONE) {
                change_functions(b, intent->new_func);
                any = true;
        }
        if (intent->rank.by == RANK_UNSAID) {
                change_rank(b);
                any = true;
        }
        if (intent->sort != SORT_NONE) {
                change_sort(b);
                any = true;
        }
        for (size_t s = 0; s < intent->n_shown && !is_grouped(b); s++) {
                struct colref ref;
                if (builder_resolve(b, &intent->shown[s], &ref)) {
                        size_t i;
                        json_t *item;
                        bool there = false;
                        json_array_foreach(b->select, i, item) there =
                                there || strcmp(text_of(item, "column"), builder_name(b, ref)) == 0;
                        if (!there)
                                builder_append(b, b->select, builder_column(b, ref));
                        any = true;
                }
        }
        if (!any || (intent->rank.by != RANK_NONE && intent->rank.by != RANK_UNSAID))
                b->failed = true;
}

static json_t *changed_plan(struct builder *b, const json_t *previous)
{
        json_t *plan = builder_json(b, json_copy((json_t *)previous));
        const struct {
                const char *key;
                json_t *list;
        } lists[] = {{"select", b->select},
                     {"filters", b->filters},
                     {"group_by", b->group_by},
                     {"order_by", b->order_by}};
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                if (json_array_size(lists[i].list) > 0)
                        builder_set(b, plan, lists[i].key, json_incref(lists[i].list));
                else
                        (void)json_object_del(plan, lists[i].key);
        }
        if (b->top)
                builder_set(b, plan, "top", json_incref(b->top));
        if (b->limit > 0)
                builder_set(b, plan, "limit", json_integer(b->limit));
        (void)json_object_del(plan, "notes");
        return plan;
}

static void builder_done(struct builder *b)
{
        json_decref(b->select);
        json_decref(b->filters);
        json_decref(b->group_by);
        json_decref(b->order_by);
        json_decref(b->with);
        json_decref(b->top);
}

int followup_build(const struct question *question, const struct intent *intent,
                   const struct planner_input *input, double cost, struct candidates *candidates,
                   struct error *err)
{
        const json_t *previous = input->previous;
        struct built built = {0};
        int base = dataset_find_table(input->dataset, text_of(previous, "table"));
        if (base < 0 || !followup_is(question))
                return 0;
        _cleanup_(builder_done) struct builder b = {
                .question = question,
                .concepts = question->concepts,
                .intent = intent,
                .base = base,
                .choice = 1,
                .built = &built,
        };
        b.select = list_of(&b, previous, "select");
        b.filters = list_of(&b, previous, "filters");
        b.group_by = list_of(&b, previous, "group_by");
        b.order_by = list_of(&b, previous, "order_by");
        b.with = builder_json(&b, json_array());
        if (json_object_get(previous, "top"))
                b.top = builder_json(&b, json_deep_copy(json_object_get(previous, "top")));
        if (!b.no_memory)
                change(&b);
        if (b.no_memory)
                return error_oom(err);
        if (b.failed || candidates->n >= CANDIDATES_MAX)
                return 0;
        built.plan = changed_plan(&b, previous);
        if (b.no_memory) {
                json_decref(built.plan);
                return error_oom(err);
        }
        for (size_t i = 0; i < candidates->n; i++)
                if (json_equal(candidates->items[i].built.plan, built.plan)) {
                        json_decref(built.plan);
                        return 0;
                }
        if (!plan_holds(input->dataset, built.plan, input->as_of_s)) {
                json_decref(built.plan);
                return 0;
        }
        candidates->items[candidates->n++] = (struct candidate){.built = built, .cost = cost};
        return 0;
}
