#include "planner/followup.h"

#include "planner/followup_parts.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

#define FOLLOWUP_WORDS_MAX 12 /* more are a question of their own */

/* Words that stand for what was asked before, wherever they are. */
static bool points_back(const struct question *question, size_t i)
{
        static const char *const words[] = {"instead", "those", "they", "these", "them", NULL};
        static const char *const verbs[] = {"was", "is", "were", NULL};
        const struct token *tokens = question->tokens;
        if (strcmp(tokens[i].text, "that") == 0)
                return i > 0 && word_among(tokens[i - 1].text, verbs);
        return word_among(tokens[i].text, words);
}

/* True when the question begins with one of the phrases, of two words at most. */
static bool begins_with(const struct question *question, const char *const (*phrases)[2], size_t n)
{
        const struct token *tokens = question->tokens;
        for (size_t i = 0; i < n; i++) {
                const char *second = phrases[i][1];
                if (strcmp(tokens[0].text, phrases[i][0]) == 0 &&
                    (!second || (question->n_tokens > 1 && strcmp(tokens[1].text, second) == 0)))
                        return true;
        }
        return false;
}

bool followup_is(const struct question *question)
{
        static const char *const begins[][2] = {
                {"top"},
                {"lowest", "first"},
                {"highest", "first"},
                {"newest", "first"},
                {"oldest", "first"},
                {"order", "by"},
                {"sorted"},
                {"only"},
                {"just"},
                {"and"},
                {"now"},
                {"same"},
                {"instead"},
                {"also"},
                {"but"},
                {"then"},
                {"what", "about"},
                {"how", "about"},
                {"those"},
                {"by"},
                {"per"},
                {"for"},
                {"in"},
                {"sort"},
                {"without"},
        };
        if (question->n_tokens > FOLLOWUP_WORDS_MAX)
                return false;
        for (size_t i = 0; i < question->n_tokens; i++)
                if (points_back(question, i))
                        return true;
        return begins_with(question, begins, ARRAY_SIZE(begins));
}

bool followup_needs(const struct question *question)
{
        static const char *const begins[][2] = {
                {"what", "about"}, {"how", "about"}, {"and"}, {"same"}};
        for (size_t i = 0; i < question->n_tokens; i++)
                if (strcmp(question->tokens[i].text, "instead") == 0)
                        return true;
        return question->n_tokens > 1 && begins_with(question, begins, ARRAY_SIZE(begins));
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
        json_array_foreach((json_t *)filter, i, value)
        {
                if (names_column(value, column))
                        return true;
        }
        json_object_foreach((json_t *)filter, key, value)
        {
                if (names_column(value, column))
                        return true;
        }
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

/* "and of those with a garden?": beside the condition before, or in its place? */
static bool starts_over(const struct question *question)
{
        static const char *const begins[][2] = {
                {"and", "of"}, {"and", "for"}, {"and", "in"}, {"what", "about"}, {"how", "about"}};
        return begins_with(question, begins, ARRAY_SIZE(begins));
}

static bool has_flag(const struct intent *intent)
{
        for (size_t c = 0; c < intent->n_conds; c++)
                if (intent->conds[c].kind == COND_FLAG)
                        return true;
        return false;
}

/* A new filter takes the place of an old one about the same column. */
static void change_filters(struct builder *b)
{
        size_t n_before = json_array_size(b->filters);
        json_t *added = builder_json(b, json_array());
        size_t i;
        json_t *filter;
        build_filters(b, ROLE_FILTER, added);
        json_array_foreach(added, i, filter)
        {
                const char *column = column_of(filter);
                for (size_t k = json_array_size(b->filters); k > 0 && *column; k--)
                        if (names_column(json_array_get(b->filters, k - 1), column))
                                (void)json_array_remove(b->filters, k - 1);
                builder_add_filter(b, b->filters, json_incref(filter));
        }
        bool replaced = json_array_size(b->filters) < n_before + json_array_size(added);
        bool timed = json_array_size(added) == 1 && b->intent->n_conds == 1 &&
                     b->intent->conds[0].kind == COND_TIME;
        if (starts_over(b->question) && n_before > 0 && !replaced && !timed && has_flag(b->intent))
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

/* No order by what is gone. */
static void drop_orders(struct builder *b)
{
        for (size_t o = json_array_size(b->order_by); o > 0; o--)
                if (!selects(b->select, text_of(json_array_get(b->order_by, o - 1), "expr")))
                        (void)json_array_remove(b->order_by, o - 1);
}

static void order_by(struct builder *b, json_t *expr, const char *direction)
{
        json_array_clear(b->order_by);
        builder_append(b, b->order_by,
                       json_pack("{s:o, s:s}", "expr", expr, "direction", direction));
}

/* New groups take the place of the old ones, or come beside them. */
static void change_groups(struct builder *b, bool beside)
{
        const struct intent *intent = b->intent;
        json_t *numbers = builder_json(b, json_array());
        json_t *groups = builder_json(b, json_array());
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item)
        {
                builder_append(b, is_group_item(b, item) ? groups : numbers, json_incref(item));
        }
        json_decref(b->select);
        b->select = beside ? json_incref(groups) : builder_json(b, json_array());
        if (!beside)
                json_array_clear(b->group_by);
        for (size_t g = 0; g < intent->n_groups; g++)
                builder_add_group(b, &intent->groups[g]);
        json_array_foreach(numbers, i, item)
        {
                builder_append(b, b->select, json_incref(item));
        }
        drop_orders(b);
        if (json_array_size(b->group_by) > 0 && intent->groups[0].unit != UNIT_NONE)
                order_by(b, json_incref(json_array_get(b->group_by, 0)), "asc");
        json_decref(numbers);
        json_decref(groups);
}

/* "and the lowest?": the other end, or another number of rows. */
static void change_rank(struct builder *b)
{
        const struct rank *rank = &b->intent->rank;
        const char *direction = rank->descending ? "desc" : "asc";
        json_t *order = json_array_get(b->order_by, 0);
        if (!order)
                b->failed = true;
        else if (!b->top)
                builder_set(b, order, "direction", json_string(direction));
        if (b->top)
                builder_set(b, b->top, "direction", json_string(direction));
        if (b->top && rank->n > 0)
                builder_set(b, b->top, "n", json_integer(rank->n));
        else if (rank->n > 0)
                b->limit = rank->n;
}

static void change_sort(struct builder *b)
{
        const struct intent *intent = b->intent;
        struct colref ref;
        json_t *order = json_array_get(b->order_by, 0);
        const char *direction = intent->sort_descending ? "desc" : "asc";
        if (intent->sort == SORT_COLUMN && builder_resolve(b, &intent->sort_refs, &ref))
                order_by(b, json_string(builder_name(b, ref)), direction);
        else if (order)
                builder_set(b, order, "direction", json_string(direction));
}

static bool says_also(const struct question *question)
{
        static const char *const words[] = {"also", "too", NULL};
        for (size_t i = 0; i < question->n_tokens; i++)
                if (word_among(question->tokens[i].text, words))
                        return true;
        return false;
}

/* True when numbers are selected: rows that were listed have no groups that could change. */
static bool is_grouped(const struct builder *b)
{
        size_t i;
        json_t *item;
        json_array_foreach(b->select, i, item)
        {
                if (json_holds_key(item, "func"))
                        return true;
        }
        return false;
}

/* Each gives whether it had something to change. */

static bool change_conditions(struct builder *b)
{
        if (b->intent->n_conds == 0)
                return false;
        change_filters(b);
        return true;
}

static bool change_dimensions(struct builder *b)
{
        const struct intent *intent = b->intent;
        if (intent->n_groups == 0)
                return false;
        change_groups(b, says_also(b->question) && !intent->replaces);
        if (!is_grouped(b))
                b->failed = true;
        return true;
}

static bool change_measures(struct builder *b)
{
        const struct intent *intent = b->intent;
        bool others = intent->n_wants > 0 || shows_number(b);
        if (others)
                change_numbers(b);
        else if (intent->new_func != FUNC_NONE)
                change_functions(b, intent->new_func);
        return others || intent->new_func != FUNC_NONE;
}

static bool change_order(struct builder *b)
{
        const struct intent *intent = b->intent;
        if (intent->rank.by == RANK_UNSAID)
                change_rank(b);
        if (intent->sort != SORT_NONE)
                change_sort(b);
        return intent->rank.by == RANK_UNSAID || intent->sort != SORT_NONE;
}

static bool selects_column(const json_t *select, const char *name)
{
        for (size_t i = 0; i < json_array_size(select); i++)
                if (strcmp(text_of(json_array_get(select, i), "column"), name) == 0)
                        return true;
        return false;
}

/* More columns of rows that were listed. */
static bool change_shown(struct builder *b)
{
        bool any = false;
        for (size_t s = 0; s < b->intent->n_shown && !is_grouped(b); s++) {
                struct colref ref;
                if (!builder_resolve(b, &b->intent->shown[s], &ref))
                        continue;
                if (!selects_column(b->select, builder_name(b, ref)))
                        builder_append(b, b->select, builder_column(b, ref));
                any = true;
        }
        return any;
}

static void change(struct builder *b)
{
        static bool (*const changes[])(struct builder * b) = {
                change_conditions, change_dimensions, change_measures, change_order, change_shown};
        enum rank_by by = b->intent->rank.by;
        bool any = false;
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
                any = changes[i](b) || any;
        if (!any || (by != RANK_NONE && by != RANK_UNSAID))
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

static void take_over(struct builder *b, const json_t *previous)
{
        const json_t *top = json_object_get(previous, "top");
        b->select = list_of(b, previous, "select");
        b->filters = list_of(b, previous, "filters");
        b->group_by = list_of(b, previous, "group_by");
        b->order_by = list_of(b, previous, "order_by");
        b->with = builder_json(b, json_array());
        b->top = top ? builder_json(b, json_deep_copy(top)) : NULL;
}

static bool is_candidate(const struct candidates *candidates, const json_t *plan)
{
        for (size_t i = 0; i < candidates->n; i++)
                if (json_equal(candidates->items[i].built.plan, plan))
                        return true;
        return false;
}

int followup_build(const struct question *question, const struct intent *intent,
                   const struct planner_input *input, double cost, struct candidates *candidates,
                   struct error *err)
{
        const json_t *previous = input->previous;
        struct built built = {0};
        int base = dataset_find_table(input->dataset, text_of(previous, "table"));
        if (base < 0 || candidates->n >= CANDIDATES_MAX)
                return 0;
        _cleanup_(builder_done) struct builder b = {
                .question = question,
                .concepts = question->concepts,
                .intent = intent,
                .base = base,
                .choice = 1,
                .built = &built,
        };
        take_over(&b, previous);
        if (!b.no_memory)
                change(&b);
        _cleanup_json_ json_t *plan = b.no_memory || b.failed ? NULL : changed_plan(&b, previous);
        if (b.no_memory)
                return error_oom(err);
        if (!plan || is_candidate(candidates, plan) ||
            !plan_holds(input->dataset, plan, input->as_of_s))
                return 0;
        built.plan = steal_ptr(&plan);
        candidates->items[candidates->n++] = (struct candidate){.built = built, .cost = cost};
        return 0;
}
