#include "plan/query.h"

#include "base/clock.h"

#include <string.h>
#include <strings.h>

#define QUERY_ARENA_MAX (64 * 1024 * 1024)
#define SQL_BYTES_MAX (1024 * 1024) /* what a runner takes */
#define COPY_COLUMNS_MAX 20         /* of a plan that only copies rows */
#define COPY_LIMIT_MAX PLAN_LIMIT_DEFAULT

/* Every column of the starting table, for a plan without "select". */
static void outputs_of_table(struct query *q)
{
        const struct table *table = &q->dataset->tables[q->table];
        for (size_t i = 0; i < table->n_columns; i++) {
                struct expr *expr = query_alloc(q, 1, sizeof(*expr));
                if (!expr)
                        return;
                expr->op = EXPR_COLUMN;
                expr->name = table->columns[i].name;
                expr->id = q->plan->n_nodes + i;
                *query_info(q, expr) = (struct info){
                        .type = {.state = TYPE_KNOWN, .kind = table->columns[i].kind},
                        .table = q->table,
                        .column = (int)i,
                        .alias = -1,
                        .has_column = true,
                };
                q->outputs[q->n_outputs++] = (struct output){.name = expr->name, .expr = expr};
        }
        q->n_known = q->n_outputs;
}

/* The part of a column's name that follows its table. */
static const char *column_word(const struct query *q, const struct expr *expr)
{
        const struct info *info = query_info(q, expr);
        if (info->table >= 0)
                return q->dataset->tables[info->table].columns[info->column].name;
        const char *dot = strrchr(expr->name, '.');
        return dot && dot[1] ? dot + 1 : expr->name;
}

/* The name of an output without an alias: "category", "count", "sum_price", "avg". */
static const char *name_derive(struct query *q, const struct expr *expr)
{
        if (expr->op == EXPR_COLUMN)
                return column_word(q, expr);
        const char *word = func_word(expr->func);
        if (expr->n_args == 0 || expr->args[0]->op != EXPR_COLUMN)
                return word;
        const char *name = arena_printf(q->arena, "%s_%s", word, column_word(q, expr->args[0]));
        if (!name)
                q->report.no_memory = true;
        return name;
}

static void output_add(struct query *q, const struct select_item *item)
{
        struct output *output = &q->outputs[q->n_outputs++];
        output->expr = item->expr;
        output->at = item->at;
        (void)type_of_expr(q, item->expr, SCOPE_SELECT);
        output->name = item->alias ? item->alias : name_derive(q, item->expr);
}

static void outputs_check_names(struct query *q)
{
        for (size_t i = 0; i < q->n_outputs; i++)
                for (size_t j = 0; j < i; j++) {
                        const char *a = q->outputs[i].name;
                        const char *b = q->outputs[j].name;
                        if (!a || !b || strcasecmp(a, b) != 0)
                                continue;
                        report_fault(&q->report, q->outputs[i].at,
                                     "two columns of the answer are called %s; give one another "
                                     "\"alias\"",
                                     report_quote(&q->report, a));
                        break;
                }
}

static void outputs_check(struct query *q)
{
        const struct plan *plan = q->plan;
        size_t n = plan->n_select ? plan->n_select : q->dataset->tables[q->table].n_columns;
        q->outputs = query_alloc(q, n, sizeof(*q->outputs));
        if (!q->outputs)
                return;
        if (plan->n_select == 0) {
                outputs_of_table(q);
                return;
        }
        for (size_t i = 0; i < plan->n_select && !q->report.no_memory; i++)
                output_add(q, &plan->select[i]);
        q->n_known = q->n_outputs;
        outputs_check_names(q);
}

/* Points a name of order_by or top to an output: by its alias, else by its column. False when the
 * name is no column at all (reported); info.alias stays -1 when it is a column not shown. */
static bool name_to_output(struct query *q, struct expr *name)
{
        struct info *info = query_info(q, name);
        info->table = info->column = -1;
        info->alias = name_find_output(q, name->name);
        if (info->alias >= 0)
                return true;
        if (!name_resolve(q, name, SCOPE_HAVING))
                return false;
        for (size_t i = 0; i < q->n_outputs; i++) {
                const struct expr *of = q->outputs[i].expr;
                if (of->op == EXPR_COLUMN && query_info(q, of)->table == info->table &&
                    query_info(q, of)->column == info->column) {
                        info->alias = (int)i;
                        break;
                }
        }
        return true;
}

static struct type type_of_name(const struct query *q, const struct expr *name)
{
        const struct info *info = query_info(q, name);
        if (info->alias >= 0)
                return query_info(q, q->outputs[info->alias].expr)->type;
        const struct column *column = &q->dataset->tables[info->table].columns[info->column];
        return (struct type){.state = TYPE_KNOWN, .kind = column->kind};
}

/* A column that is not shown may order rows, but not what was made of them. */
static void order_check_hidden(struct query *q, const struct expr *name)
{
        const struct info *info = query_info(q, name);
        const char *quoted = report_quote(&q->report, name->name);
        bool is_grouped = q->is_aggregated || q->plan->n_group_by;
        if (q->plan->distinct || q->plan->top.at)
                report_fault(&q->report, name->at,
                             "with \"distinct\" or \"top\", order_by can only name what \"select\" "
                             "shows; add %s to it",
                             quoted);
        else if (is_grouped && !groups_have_column(q, info->table, info->column))
                report_fault(&q->report, name->at,
                             "%s is neither an alias of \"select\" nor in \"group_by\", so groups "
                             "cannot be ordered by it",
                             quoted);
}

static void order_check(struct query *q, const struct order_item *item)
{
        if (!name_to_output(q, item->expr))
                return;
        if (query_info(q, item->expr)->alias < 0)
                order_check_hidden(q, item->expr);
        struct type type = type_of_name(q, item->expr);
        if (type.state == TYPE_UNKNOWN)
                return;
        if (type.kind == COLUMN_OTHER) {
                report_fault(&q->report, item->expr->at, "cannot order by this column: it is %s",
                             type_words(type.kind));
                return;
        }
        for (size_t i = 0; i < item->n_values; i++) {
                (void)value_fit(q, item->values[i], type, "values");
                query_info(q, item->values[i])->type.date_only = false;
        }
}

static bool same_target(const struct query *q, const struct expr *a, const struct expr *b)
{
        const struct info *x = query_info(q, a);
        const struct info *y = query_info(q, b);
        if (x->alias >= 0 || y->alias >= 0)
                return x->alias == y->alias;
        return x->table >= 0 && x->table == y->table && x->column == y->column;
}

static void orders_check(struct query *q)
{
        const struct plan *plan = q->plan;
        for (size_t i = 0; i < plan->n_order_by; i++) {
                order_check(q, &plan->order_by[i]);
                for (size_t j = 0; j < i; j++)
                        if (same_target(q, plan->order_by[i].expr, plan->order_by[j].expr)) {
                                report_fault(
                                        &q->report, plan->order_by[i].at,
                                        "order_by names %s twice; remove one",
                                        report_quote(&q->report, plan->order_by[i].expr->name));
                                break;
                        }
        }
}

static void top_check_name(struct query *q, struct expr *name)
{
        if (!name_to_output(q, name))
                return;
        if (query_info(q, name)->alias < 0)
                report_fault(&q->report, name->at,
                             "\"top\" can only name what \"select\" shows; add %s to it",
                             report_quote(&q->report, name->name));
        else if (type_of_name(q, name).state == TYPE_KNOWN &&
                 type_of_name(q, name).kind == COLUMN_OTHER)
                report_fault(&q->report, name->at, "\"top\" cannot use this column: it is %s",
                             type_words(COLUMN_OTHER));
}

static void top_check(struct query *q)
{
        const struct top *top = &q->plan->top;
        if (!top->at)
                return;
        for (size_t i = 0; i < top->n_per; i++)
                top_check_name(q, top->per[i]);
        top_check_name(q, top->by);
}

/* Says where the member under key of the plan is. */
static void report_copy(struct query *q, const char *key, const char *format, int have, int most)
{
        const struct place at = {.key = key};
        report_add(&q->report, ERROR_EXFILTRATION_SUSPECTED,
                   json_object_get(q->plan->json, key) ? &at : NULL, NULL, format, have, most);
}

/* A plan that would only copy data out. */
static void exfiltration_check(struct query *q)
{
        if (q->is_aggregated || q->plan->filters.n)
                return;
        if (q->n_outputs > COPY_COLUMNS_MAX)
                report_copy(q, "select",
                            "this would copy %d columns without a filter or an aggregate; show at "
                            "most %d, or filter, or aggregate",
                            (int)q->n_outputs, COPY_COLUMNS_MAX);
        if (q->plan->limit > COPY_LIMIT_MAX)
                report_copy(q, "limit",
                            "this would copy %d rows without a filter or an aggregate; lower the "
                            "limit to %d, or filter, or aggregate",
                            q->plan->limit, COPY_LIMIT_MAX);
}

/* True when the plan's table is known, with its columns. */
static bool source_check(struct query *q)
{
        const struct place id_at = {.key = "dataset_id"};
        const struct place table_at = {.key = "table"};
        if (strcmp(q->plan->dataset_id, q->dataset->id) != 0)
                report_near(&q->report, &id_at, q->dataset->id,
                            "the plan is for dataset \"%s\" and is asked of \"%s\"",
                            q->plan->dataset_id, q->dataset->id);
        q->table = dataset_find_table(q->dataset, q->plan->table);
        if (q->table < 0)
                name_report_table(q, &table_at, q->plan->table);
        else if (q->dataset->tables[q->table].n_columns == 0)
                report_fault(&q->report, &table_at, "the columns of table \"%s\" are not known",
                             q->plan->table);
        return q->table >= 0 && q->dataset->tables[q->table].n_columns > 0;
}

void query_check(struct query *q)
{
        if (!source_check(q))
                return;
        q->n_info = q->plan->n_nodes;
        if (q->plan->n_select == 0)
                q->n_info += q->dataset->tables[q->table].n_columns;
        q->info = query_alloc(q, q->n_info, sizeof(*q->info));
        q->used = query_alloc(q, q->dataset->n_tables, sizeof(*q->used));
        if (!q->info || !q->used)
                return;
        outputs_check(q);
        if (q->report.no_memory)
                return;
        filters_check(q, &q->plan->filters, SCOPE_FILTER);
        filters_check(q, &q->plan->having, SCOPE_HAVING);
        q->has_having = q->plan->having.n > 0;
        groups_check(q);
        orders_check(q);
        top_check(q);
        if (joins_plan(q))
                joins_check_aggregates(q);
        exfiltration_check(q);
}

/* Writes the checked query's SQL behind what is in sql. */
static int query_to_sql(const struct query *q, struct buf *sql, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, SQL_BYTES_MAX);
        query_write(q, &text);
        if (text.state == BUF_TOO_LARGE)
                return error_set(err, ERROR_VALIDATION,
                                 "the plan's SQL is larger than %d bytes; simplify the plan",
                                 SQL_BYTES_MAX);
        int r = buf_error(&text, err, "the SQL");
        if (r < 0)
                return r;
        size_t before = sql->len;
        buf_append(sql, text.data, text.len);
        r = buf_error(sql, err, "the SQL");
        if (r < 0 && sql->data)
                sql->data[sql->len = before] = '\0';
        return r;
}

static void cleanup_arena(struct arena **arena)
{
        arena_free(*arena);
}

int plan_compile(const struct plan *plan, const struct dataset *dataset, int64_t as_of_s,
                 struct buf *sql, struct plan_faults *faults, struct error *err)
{
        if (as_of_s < clock_days_from_civil(1, 1, 1) * 86400 ||
            as_of_s >= clock_days_from_civil(10000, 1, 1) * 86400)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "as_of must be between the years 1 and 9999");
        _cleanup_(cleanup_arena) struct arena *arena = arena_new(QUERY_ARENA_MAX);
        if (!arena)
                return error_oom(err);
        struct query q = {
                .plan = plan,
                .dataset = dataset,
                .as_of_s = as_of_s,
                .arena = arena,
                .report = {.faults = faults},
                .work_left = NEAREST_WORK_MAX,
        };
        query_check(&q);
        report_sort(&q.report, plan->json);
        if (q.report.no_memory)
                return error_oom(err);
        if (faults->n)
                return plan_faults_to_error(faults, err);
        return query_to_sql(&q, sql, err);
}
