#include "plan/vocabulary.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX ((size_t)1024 * 1024)

/* A plan made of parts of the vocabulary, and where they stand. */
struct probe {
        const struct dataset *dataset;
        const char *list; /* "measures" */
        size_t index;     /* in it */
        const char *table;
        const json_t *item; /* select's first, the member "item"; NULL: a count when counts */
        bool counts;
        const char *rest_key; /* the member that select's others are: "with" */
        const json_t *rest;   /* or NULL */
        const json_t *filters;
        const json_t *order_by;
        int limit; /* 0: none */
};

static void release_plan(struct plan **plan)
{
        plan_free(*plan);
}

/* select: the item or the count, and the rest; NULL for no memory, empty for all columns. */
static json_t *probe_select(const struct probe *probe)
{
        _cleanup_json_ json_t *select = json_array();
        int r = select ? 0 : -1;
        if (r == 0 && probe->item)
                r = json_array_append(select, (json_t *)probe->item);
        else if (r == 0 && probe->counts)
                r = json_array_append_new(
                        select, json_pack("{s:s,s:s}", "func", "count", "alias", "counted rows"));
        if (r == 0 && probe->rest)
                r = json_array_extend(select, (json_t *)probe->rest);
        return r < 0 ? NULL : steal_ptr(&select);
}

static json_t *probe_plan(const struct probe *probe)
{
        _cleanup_json_ json_t *select = probe_select(probe);
        if (!select)
                return NULL;
        json_t *limit = probe->limit ? json_integer(probe->limit) : NULL;
        return json_pack("{s:s,s:s,s:O*,s:O*,s:O*,s:o*}", "dataset_id", probe->dataset->id, "table",
                         probe->table, "select", json_array_size(select) ? select : NULL, "filters",
                         probe->filters, "order_by", probe->order_by, "limit", limit);
}

/* The fault's pointer is one into the plan; what it points to stands elsewhere in the entry. */
static void place_fault(const struct probe *probe, struct error *fault)
{
        char at[ERROR_POINTER_MAX];
        const char *rest = fault->pointer;
        char *end = NULL;
        size_t n_first = probe->item || probe->counts ? 1 : 0;
        int n = snprintf(at, sizeof(at), "/%s/%zu", probe->list, probe->index);
        if (strncmp(rest, "/select/", 8) == 0) {
                unsigned long i = strtoul(rest + 8, &end, 10);
                if (i >= n_first)
                        n += snprintf(at + n, sizeof(at) - (size_t)n, "/%s/%zu", probe->rest_key,
                                      (size_t)i - n_first);
                else if (probe->item)
                        n += snprintf(at + n, sizeof(at) - (size_t)n, "/item");
                rest = end;
        }
        (void)snprintf(at + n, sizeof(at) - (size_t)n, "%.*s", ERROR_POINTER_MAX - 64, rest);
        memcpy(fault->pointer, at, sizeof(at));
}

static int compile(const struct probe *probe, const char *text, size_t n, struct error *err)
{
        struct plan_faults faults;
        _cleanup_(release_plan) struct plan *plan = NULL;
        _cleanup_buf_ struct buf sql = {0};
        int64_t as_of_s = clock_utc_ms() / 1000;
        if (probe->dataset->as_of)
                (void)clock_parse(probe->dataset->as_of, &as_of_s);
        buf_init(&sql, SQL_MAX);
        plan_faults_init(&faults);
        int r = plan_parse(text, n, &plan, &faults, err);
        if (r == 0)
                r = plan_compile(plan, probe->dataset, as_of_s, &sql, &faults, err);
        plan_faults_done(&faults);
        return r;
}

struct checking {
        const struct dataset *dataset;
        void (*tell)(void *context, const struct error *fault);
        void *context;
        size_t n;
};

static int check(struct checking *it, struct probe probe, struct error *err)
{
        probe.dataset = it->dataset;
        _cleanup_json_ json_t *json = probe_plan(&probe);
        _cleanup_buf_ struct buf text = {0};
        struct error fault = {0};
        buf_init(&text, PLAN_BYTES_MAX);
        int r = json ? json_put(json, &text, &fault) : error_oom(&fault);
        if (r == 0)
                r = compile(&probe, buf_text(&text), text.len, &fault);
        it->n++;
        if (r == 0)
                return 0;
        if (fault.type == ERROR_INTERNAL)
                return error_oom(err);
        place_fault(&probe, &fault);
        it->tell(it->context, &fault);
        return 0;
}

static int check_measure(struct checking *it, size_t i, struct error *err)
{
        const struct measure *measure = &it->dataset->measures[i];
        const struct probe probe = {.list = "measures",
                                    .index = i,
                                    .table = it->dataset->tables[measure->table].name,
                                    .item = measure->item,
                                    .rest_key = "with",
                                    .rest = measure->with,
                                    .filters = measure->filters};
        return check(it, probe, err);
}

static int check_segment(struct checking *it, size_t i, struct error *err)
{
        const struct segment *segment = &it->dataset->segments[i];
        struct probe probe = {.list = "segments",
                              .index = i,
                              .table = it->dataset->tables[segment->table].name,
                              .rest_key = "show",
                              .rest = segment->show,
                              .filters = segment->filters,
                              .order_by = segment->order_by,
                              .limit = segment->limit};
        int r = check(it, probe, err);
        if (r < 0 || !segment->with)
                return r;
        probe.counts = true;
        probe.rest_key = "with";
        probe.rest = segment->with;
        probe.order_by = NULL;
        return check(it, probe, err);
}

static int check_table(struct checking *it, size_t i, struct error *err)
{
        const struct table *table = &it->dataset->tables[i];
        const struct probe probe = {.list = "tables",
                                    .index = i,
                                    .table = table->name,
                                    .counts = true,
                                    .rest_key = "with",
                                    .rest = table->with};
        return table->with ? check(it, probe, err) : 0;
}

int vocabulary_check(const struct dataset *dataset,
                     void (*tell)(void *context, const struct error *fault), void *context,
                     size_t *n_checked, struct error *err)
{
        struct checking it = {.dataset = dataset, .tell = tell, .context = context};
        int r = 0;
        for (size_t i = 0; r == 0 && i < dataset->n_tables; i++)
                r = check_table(&it, i, err);
        for (size_t i = 0; r == 0 && i < dataset->n_measures; i++)
                r = check_measure(&it, i, err);
        for (size_t i = 0; r == 0 && i < dataset->n_segments; i++)
                r = check_segment(&it, i, err);
        *n_checked = it.n;
        return r;
}
