#include "planner/candidate.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#define SQL_BYTES_MAX                                                                              \
        ((size_t)1024 * 1024) /* of a plan that is only compiled to see if it can be */

int plan_check(const struct dataset *dataset, const json_t *plan, int64_t as_of_s,
               struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf sql = {0};
        struct plan_faults faults;
        struct plan *parsed = NULL;
        buf_init(&text, PLAN_BYTES_MAX);
        buf_init(&sql, SQL_BYTES_MAX);
        plan_faults_init(&faults);
        int r = json_put(plan, &text, err);
        if (r == 0)
                r = plan_parse(buf_text(&text), text.len, &parsed, &faults, err);
        if (r == 0)
                r = plan_compile(parsed, dataset, as_of_s, &sql, &faults, err);
        plan_free(parsed);
        plan_faults_done(&faults);
        return r;
}

bool plan_holds(const struct dataset *dataset, const json_t *plan, int64_t as_of_s)
{
        struct error why = {0};
        return plan_check(dataset, plan, as_of_s, &why) == 0;
}

/* Both missing, or both the same. */
static bool keys_agree(const json_t *a, const json_t *b, const char *key)
{
        const json_t *x = json_object_get(a, key);
        const json_t *y = json_object_get(b, key);
        return x && y ? json_equal(x, y) : !x && !y;
}

/* The same number: as the items are without their names. */
static bool items_agree(const json_t *a, const json_t *b)
{
        json_t *x = json_copy((json_t *)a);
        json_t *y = json_copy((json_t *)b);
        (void)json_object_del(x, "alias");
        (void)json_object_del(y, "alias");
        bool equal = x && y && json_equal(x, y);
        json_decref(x);
        json_decref(y);
        return equal;
}

/* True when every item of a is among those of b. */
static bool is_among(const json_t *a, const json_t *b)
{
        size_t i;
        size_t k;
        json_t *item;
        json_t *other;
        json_array_foreach((json_t *)a, i, item)
        {
                bool found = false;
                json_array_foreach((json_t *)b, k, other)
                {
                        found = found || items_agree(item, other);
                }
                if (!found)
                        return false;
        }
        return true;
}

/* The filters, in any order. */
static bool filters_agree(const json_t *a, const json_t *b)
{
        return json_array_size(a) == json_array_size(b) && is_among(a, b);
}

/* Rows themselves are selected, no numbers over them. */
static bool lists_rows(const json_t *plan)
{
        const json_t *first = json_array_get(json_object_get(plan, "select"), 0);
        return !json_object_get(plan, "group_by") && !json_object_get(plan, "distinct") &&
               json_is_string(json_object_get(first, "column"));
}

/* The item that the plan calls so, or NULL. */
static const json_t *find_item(const json_t *plan, const char *alias)
{
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(plan, "select"), i, item)
        {
                const char *said = json_string_value(json_object_get(item, "alias"));
                if (said && alias && strcmp(said, alias) == 0)
                        return item;
        }
        return NULL;
}

/* The best of each by the same number, whatever its name is. */
static bool tops_agree(const json_t *a, const json_t *b)
{
        static const char *const keys[] = {"n", "per", "direction"};
        const json_t *x = json_object_get(a, "top");
        const json_t *y = json_object_get(b, "top");
        if (!x || !y)
                return !x && !y;
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                if (!keys_agree(x, y, keys[k]))
                        return false;
        const json_t *p = find_item(a, json_string_value(json_object_get(x, "by")));
        const json_t *q = find_item(b, json_string_value(json_object_get(y, "by")));
        return p && q ? items_agree(p, q) : keys_agree(x, y, "by");
}

/* Two plans that give the same rows, one with more columns than the other perhaps. */
static bool plans_agree(const json_t *a, const json_t *b)
{
        static const char *const keys[] = {"table", "group_by", "having", "distinct"};
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                if (!keys_agree(a, b, keys[k]))
                        return false;
        if (!tops_agree(a, b))
                return false;
        if (!filters_agree(json_object_get(a, "filters"), json_object_get(b, "filters")))
                return false;
        if (lists_rows(a))
                return keys_agree(a, b, "limit") && keys_agree(a, b, "order_by");
        const json_t *x = json_object_get(a, "select");
        const json_t *y = json_object_get(b, "select");
        return is_among(x, y) || is_among(y, x);
}

/* The candidate that gives the same rows, or NULL. */
static struct candidate *find_same(struct candidates *candidates, const json_t *plan)
{
        for (size_t i = 0; i < candidates->n; i++)
                if (plans_agree(candidates->items[i].built.plan, plan))
                        return &candidates->items[i];
        return NULL;
}

void candidates_add(struct candidates *candidates, const struct dataset *dataset, int64_t as_of_s,
                    struct built *built, double cost)
{
        struct candidate *same = find_same(candidates, built->plan);
        bool wanted = same ? cost < same->cost : candidates->n < CANDIDATES_MAX;
        if (!wanted || !plan_holds(dataset, built->plan, as_of_s)) {
                json_decref(built->plan);
                return;
        }
        if (same)
                json_decref(same->built.plan);
        else
                same = &candidates->items[candidates->n++];
        *same = (struct candidate){.built = *built, .cost = cost};
}

static int by_cost(const void *a, const void *b)
{
        const struct candidate *x = a;
        const struct candidate *y = b;
        return x->cost < y->cost ? -1 : x->cost > y->cost;
}

void candidates_sort(struct candidates *candidates)
{
        qsort(candidates->items, candidates->n, sizeof(candidates->items[0]), by_cost);
}

double candidates_best_cost(const struct candidates *candidates)
{
        double best = COST_BEYOND_ALL;
        for (size_t i = 0; i < candidates->n; i++)
                if (candidates->items[i].cost < best)
                        best = candidates->items[i].cost;
        return best;
}

void candidates_done(struct candidates *candidates)
{
        for (size_t i = 0; i < candidates->n; i++)
                json_decref(candidates->items[i].built.plan);
        candidates->n = 0;
}
