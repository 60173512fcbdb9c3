#include "plan/shape.h"

#include "base/alloc.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define PLAN_ARENA_MAX (64 * 1024 * 1024) /* far above what PLAN_BYTES_MAX can ask for */

static void parse_aggregate_item(struct shape *s, const json_t *json, const struct place *at,
                                 struct select_item *item)
{
        static const char *const keys[] = {"func", "column", "expr", "where", "alias", NULL};
        shape_keys(s, json, at, keys);
        if (!shape_enter(s, at))
                return;
        item->expr = parse_aggregate(s, json, at);
        shape_leave(s);
}

static void parse_column_item(struct shape *s, const json_t *json, const struct place *at,
                              struct select_item *item)
{
        static const char *const keys[] = {"column", "alias", NULL};
        shape_keys(s, json, at, keys);
        item->expr = parse_name(s, json_object_get(json, "column"), shape_member(s, at, "column"));
}

static void parse_expr_item(struct shape *s, const json_t *json, const struct place *at,
                            struct select_item *item)
{
        static const char *const keys[] = {"expr", "alias", NULL};
        shape_keys(s, json, at, keys);
        item->expr = parse_expr(s, json_object_get(json, "expr"), shape_member(s, at, "expr"));
        if (!json_object_get(json, "alias"))
                report_fault(&s->report, at,
                             "\"alias\" is missing; a computed column needs a name");
}

static void parse_item(struct shape *s, const json_t *json, const struct place *at,
                       struct select_item *item)
{
        static const char *const keys[] = {"column", "func", "expr", "alias", "where", NULL};
        item->at = at;
        if (!shape_object(s, json, at, "an item of \"select\"", "{\"column\": \"category\"}"))
                return;
        const json_t *alias = json_object_get(json, "alias");
        if (alias)
                item->alias = shape_text(s, alias, shape_member(s, at, "alias"), PLAN_ALIAS_MAX,
                                         "\"alias\"");
        if (json_object_get(json, "func")) {
                parse_aggregate_item(s, json, at, item);
        } else if (json_object_get(json, "column")) {
                parse_column_item(s, json, at, item);
        } else if (json_object_get(json, "expr")) {
                parse_expr_item(s, json, at, item);
        } else {
                shape_keys(s, json, at, keys);
                report_fault(&s->report, at,
                             "an item needs \"column\", \"func\" or \"expr\": what is to be "
                             "shown?");
        }
}

static void parse_select(struct shape *s, const json_t *json)
{
        struct shape_list list = shape_list(s, json, NULL, "select", 1, PLAN_SELECT_MAX);
        s->plan->select = shape_alloc(s, list.n, sizeof(struct select_item));
        if (!s->plan->select)
                return;
        for (size_t i = 0; i < list.n; i++)
                parse_item(s, json_array_get(list.json, i), shape_element(s, list.at, i),
                           &s->plan->select[i]);
        s->plan->n_select = list.n;
}

/* A list of different names. */
static struct expr **parse_names(struct shape *s, const json_t *object, const struct place *at,
                                 const char *key, size_t min, size_t max, size_t *ret_n)
{
        struct shape_list list = shape_list(s, object, at, key, min, max);
        struct expr **names = shape_alloc(s, list.n, sizeof(*names));
        *ret_n = 0;
        if (!names)
                return NULL;
        for (size_t i = 0; i < list.n; i++) {
                const struct place *name_at = shape_element(s, list.at, i);
                struct expr *name = parse_name(s, json_array_get(list.json, i), name_at);
                if (!name)
                        continue;
                for (size_t j = 0; j < *ret_n; j++)
                        if (strcmp(names[j]->name, name->name) == 0) {
                                report_fault(&s->report, name_at,
                                             "%s is in the list twice; remove one",
                                             report_quote(&s->report, name->name));
                                break;
                        }
                names[(*ret_n)++] = name;
        }
        return names;
}

/* The name under key, which must be there. */
static struct expr *parse_needed_name(struct shape *s, const json_t *object, const struct place *at,
                                      const char *key)
{
        const json_t *name = json_object_get(object, key);
        if (name)
                return parse_name(s, name, shape_member(s, at, key));
        report_fault(&s->report, at, "\"%s\" is missing; write an alias or a column", key);
        return NULL;
}

static void parse_order_item(struct shape *s, const json_t *json, const struct place *at,
                             struct order_item *item)
{
        static const char *const keys[] = {"expr", "direction", "nulls", "values", NULL};
        item->at = at;
        if (!shape_object(s, json, at, "an item of \"order_by\"",
                          "{\"expr\": \"revenue\", \"direction\": \"desc\"}"))
                return;
        shape_keys(s, json, at, keys);
        item->expr = parse_needed_name(s, json, at, "expr");
        item->descending = shape_choice(s, json, at, "direction", "asc", "desc") == 1;
        item->nulls_first = shape_choice(s, json, at, "nulls", "first", "last") == 0;
        struct shape_list list = shape_list(s, json, at, "values", 1, PLAN_ORDER_VALUES_MAX);
        if (!list.n)
                return;
        item->values = shape_alloc(s, list.n, sizeof(*item->values));
        for (size_t i = 0; item->values && i < list.n; i++) {
                struct expr *value =
                        parse_scalar(s, json_array_get(list.json, i), shape_element(s, list.at, i));
                if (value)
                        item->values[item->n_values++] = value;
        }
}

static void parse_order_by(struct shape *s, const json_t *json)
{
        struct shape_list list = shape_list(s, json, NULL, "order_by", 0, PLAN_ORDER_MAX);
        s->plan->order_by = shape_alloc(s, list.n, sizeof(struct order_item));
        if (!s->plan->order_by)
                return;
        for (size_t i = 0; i < list.n; i++)
                parse_order_item(s, json_array_get(list.json, i), shape_element(s, list.at, i),
                                 &s->plan->order_by[i]);
        s->plan->n_order_by = list.n;
}

static void parse_top(struct shape *s, const json_t *json)
{
        static const char *const keys[] = {"n", "per", "by", "direction", NULL};
        const json_t *object = json_object_get(json, "top");
        if (!object)
                return;
        struct top *top = &s->plan->top;
        top->at = shape_member(s, NULL, "top");
        if (!shape_object(s, object, top->at, "\"top\"",
                          "{\"n\": 3, \"per\": [\"category\"], \"by\": \"revenue\"}"))
                return;
        shape_keys(s, object, top->at, keys);
        if (!json_object_get(object, "n"))
                report_fault(&s->report, top->at, "\"n\" is missing: how many of each group?");
        top->n = shape_integer(s, object, top->at, "n", 1, PLAN_TOP_MAX, 1);
        if (!json_object_get(object, "per"))
                report_fault(&s->report, top->at,
                             "\"per\" is missing; write a list of the columns that make a group "
                             "(for the best of all use order_by and limit)");
        top->per = parse_names(s, object, top->at, "per", 1, PLAN_PER_MAX, &top->n_per);
        top->by = parse_needed_name(s, object, top->at, "by");
        top->ascending = shape_choice(s, object, top->at, "direction", "asc", "desc") == 0;
}

static bool dataset_id_is_valid(const char *id)
{
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
        size_t n = strnlen(id, DATASET_ID_MAX + 1);
        return n > 0 && n <= DATASET_ID_MAX && strspn(id, LETTERS) > 0 &&
               strspn(id, LETTERS "0123456789-") == n;
#undef LETTERS
}

static void parse_source(struct shape *s, const json_t *json)
{
        const json_t *id = json_object_get(json, "dataset_id");
        const json_t *table = json_object_get(json, "table");
        if (!id)
                report_fault(&s->report, NULL, "\"dataset_id\" is missing: which dataset?");
        else if (!json_is_string(id) || !dataset_id_is_valid(json_string_value(id)))
                report_fault(&s->report, shape_member(s, NULL, "dataset_id"),
                             "\"dataset_id\" must be a string of up to %d letters, digits, \"_\" "
                             "and \"-\" that starts with a letter or \"_\"",
                             DATASET_ID_MAX);
        else
                s->plan->dataset_id = json_string_value(id);
        if (!table)
                report_fault(&s->report, NULL,
                             "\"table\" is missing: the table whose rows are counted");
        else
                s->plan->table = shape_text(s, table, shape_member(s, NULL, "table"), PLAN_NAME_MAX,
                                            "\"table\"");
}

static void parse_notes(struct shape *s, const json_t *json)
{
        const json_t *notes = json_object_get(json, "notes");
        const char *text = json_string_value(notes);
        if (!notes)
                return;
        size_t n = 0;
        for (const char *p = text; p && *p; p++)
                n += ((unsigned char)*p & 0xC0) != 0x80;
        if (!text || n > PLAN_TEXT_MAX)
                report_fault(&s->report, shape_member(s, NULL, "notes"),
                             "\"notes\" must be a string of at most %d characters", PLAN_TEXT_MAX);
}

static void parse_plan(struct shape *s, const json_t *json)
{
        static const char *const keys[] = {
                "dataset_id", "table",    "select", "filters", "group_by", "having", "distinct",
                "top",        "order_by", "limit",  "offset",  "notes",    NULL};
        struct plan *plan = s->plan;
        if (!shape_object(s, json, NULL, "a plan",
                          "{\"dataset_id\": \"ecommerce\", \"table\": \"orders\", \"select\": "
                          "[{\"func\": \"count\"}]}"))
                return;
        shape_keys(s, json, NULL, keys);
        parse_source(s, json);
        parse_select(s, json);
        plan->filters = parse_filters(s, json, NULL, "filters", 0);
        plan->group_by =
                parse_names(s, json, NULL, "group_by", 0, PLAN_GROUP_MAX, &plan->n_group_by);
        plan->having = parse_filters(s, json, NULL, "having", 0);
        plan->distinct = shape_bool(s, json, NULL, "distinct");
        parse_top(s, json);
        parse_order_by(s, json);
        plan->limit = shape_integer(s, json, NULL, "limit", 1, PLAN_LIMIT_MAX, PLAN_LIMIT_DEFAULT);
        plan->offset = shape_integer(s, json, NULL, "offset", 0, PLAN_OFFSET_MAX, 0);
        parse_notes(s, json);
}

static struct plan *plan_new(void)
{
        struct plan *plan = alloc_calloc(1, sizeof(*plan));
        if (!plan)
                return NULL;
        plan->arena = arena_new(PLAN_ARENA_MAX);
        if (!plan->arena) {
                free(plan);
                return NULL;
        }
        return plan;
}

void plan_free(struct plan *plan)
{
        if (!plan)
                return;
        arena_free(plan->arena);
        json_decref(plan->json);
        free(plan);
}

static void cleanup_plan(struct plan **plan)
{
        plan_free(*plan);
}

int plan_parse(const char *text, size_t n, struct plan **ret, struct plan_faults *faults,
               struct error *err)
{
        static const struct json_limits limits = {.max_bytes = PLAN_BYTES_MAX,
                                                  .max_depth = PLAN_DEPTH_MAX};
        _cleanup_(cleanup_plan) struct plan *plan = plan_new();
        if (!plan)
                return error_oom(err);
        struct shape s = {.plan = plan,
                          .arena = plan->arena,
                          .report = {.faults = faults},
                          .work_left = NEAREST_WORK_MAX};
        struct error said = {0};
        int r = json_parse(n ? text : "", n, &limits, ERROR_VALIDATION, &plan->json, &said);
        if (r < 0 && said.type == ERROR_INTERNAL)
                return error_oom(err);
        if (r < 0)
                report_fault(&s.report, NULL, "%s", said.message);
        else
                parse_plan(&s, plan->json);
        report_sort(&s.report, plan->json);
        if (s.report.no_memory)
                return error_oom(err);
        if (faults->n)
                return plan_faults_to_error(faults, err);
        *ret = steal_ptr(&plan);
        return 0;
}

const char *plan_dataset_id(const struct plan *plan)
{
        return plan->dataset_id;
}

const json_t *plan_json(const struct plan *plan)
{
        return plan->json;
}
