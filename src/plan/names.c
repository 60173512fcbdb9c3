#include "plan/query.h"

#include <string.h>
#include <strings.h>

void *query_alloc(struct query *q, size_t count, size_t size)
{
        void *p = arena_array(q->arena, count, size);
        if (!p)
                q->report.no_memory = true;
        return p;
}

int name_find_output(const struct query *q, const char *name)
{
        for (size_t i = 0; i < q->n_known; i++)
                if (q->outputs[i].name && strcasecmp(q->outputs[i].name, name) == 0)
                        return (int)i;
        return -1;
}

/* The table before the dot at `dot` in name, or -1. */
static int table_before_dot(struct query *q, const char *name, const char *dot)
{
        const char *prefix = arena_strndup(q->arena, name, (size_t)(dot - name));
        if (!prefix) {
                q->report.no_memory = true;
                return -1;
        }
        return dataset_find_table(q->dataset, prefix);
}

/* A column of the starting table, whole name first (a column's own name may hold dots), else
 * table.column. False when there is none; *ret_table is then the table before the dot, or -1. */
static bool column_find(struct query *q, const char *name, int *ret_table, int *ret_column)
{
        *ret_table = q->table;
        *ret_column = table_find_column(&q->dataset->tables[q->table], name);
        if (*ret_column >= 0)
                return true;
        *ret_table = -1;
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
                int table = table_before_dot(q, name, dot);
                if (table < 0)
                        continue;
                *ret_table = table;
                *ret_column = table_find_column(&q->dataset->tables[table], dot + 1);
                if (*ret_column >= 0)
                        return true;
        }
        return false;
}

static const char *qualified(struct query *q, int table, const char *column)
{
        const char *name = arena_printf(q->arena, "%s.%s", q->dataset->tables[table].name, column);
        if (!name)
                q->report.no_memory = true;
        return name;
}

/* Offers the columns of one table, as they are written from the starting table. */
static void offer_columns(struct query *q, int table, const char *wanted, bool is_qualified,
                          struct nearest *nearest)
{
        struct nearest here = *nearest;
        here.wanted = wanted;
        const struct table *of = &q->dataset->tables[table];
        for (size_t i = 0; i < of->n_columns; i++)
                nearest_offer(&here, of->columns[i].name);
        if (here.name == nearest->name)
                return;
        nearest->name = is_qualified ? qualified(q, table, here.name) : here.name;
        nearest->distance = here.distance;
}

/* The best name for what was meant, or NULL. */
static const char *column_nearest(struct query *q, const char *name, int table, enum scope scope)
{
        struct nearest nearest = {.wanted = name, .work_left = &q->work_left};
        for (size_t i = 0; scope == SCOPE_HAVING && i < q->n_known; i++)
                nearest_offer(&nearest, q->outputs[i].name);
        if (table >= 0) {
                const char *column = name + strlen(q->dataset->tables[table].name) + 1;
                offer_columns(q, table, column, table != q->table, &nearest);
                return nearest.name;
        }
        offer_columns(q, q->table, name, false, &nearest);
        const char *dot = strchr(name, '.');
        for (size_t i = 0; i < q->dataset->n_tables; i++)
                if ((int)i != q->table)
                        offer_columns(q, (int)i, dot ? dot + 1 : name, true, &nearest);
        return nearest.name;
}

static const char *columns_list(struct query *q, int table)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 400);
        const struct table *of = &q->dataset->tables[table];
        for (size_t i = 0; i < of->n_columns && text.len < 250; i++)
                buf_printf(&text, "%s%s", i ? ", " : "", of->columns[i].name);
        const char *copy = arena_strdup(q->arena, buf_text(&text));
        if (!copy)
                q->report.no_memory = true;
        return copy ? copy : "";
}

static bool is_alias(const struct query *q, const char *name)
{
        for (size_t i = 0; i < q->plan->n_select; i++) {
                const char *alias = q->plan->select[i].alias;
                if (alias && strcasecmp(alias, name) == 0)
                        return true;
        }
        return false;
}

static void report_no_column(struct query *q, const struct expr *expr, int table, enum scope scope)
{
        const char *quoted = report_quote(&q->report, expr->name);
        if (scope != SCOPE_HAVING && is_alias(q, expr->name)) {
                report_fault(&q->report, expr->at, "%s is an alias of \"select\", not a column; %s",
                             quoted,
                             scope == SCOPE_FILTER ? "put a condition on an aggregate into "
                                                     "\"having\", else repeat its expression here"
                                                   : "repeat its expression here");
                return;
        }
        const char *near = column_nearest(q, expr->name, table, scope);
        int of = table >= 0 ? table : q->table;
        if (near)
                report_near(&q->report, expr->at, near,
                            "table \"%s\" has no column %s; did you mean \"%s\"?",
                            q->dataset->tables[of].name, quoted, near);
        else
                report_fault(&q->report, expr->at,
                             "table \"%s\" has no column %s; its columns are: %s",
                             q->dataset->tables[of].name, quoted, columns_list(q, of));
}

bool name_resolve(struct query *q, struct expr *expr, enum scope scope)
{
        struct info *info = query_info(q, expr);
        int table;
        int column;
        if (!column_find(q, expr->name, &table, &column)) {
                report_no_column(q, expr, table, scope);
                return false;
        }
        info->table = table;
        info->column = column;
        if (!q->used[table])
                q->used[table] = expr->at;
        return true;
}

void name_report_table(struct query *q, const struct place *at, const char *name)
{
        struct nearest nearest = {.wanted = name, .work_left = &q->work_left};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 400);
        for (size_t i = 0; i < q->dataset->n_tables; i++) {
                nearest_offer(&nearest, q->dataset->tables[i].name);
                if (text.len < 250)
                        buf_printf(&text, "%s%s", i ? ", " : "", q->dataset->tables[i].name);
        }
        report_near(&q->report, at, nearest.name,
                    "dataset \"%s\" has no table %s; its tables are: %s", q->dataset->id,
                    report_quote(&q->report, name), buf_text(&text));
}
