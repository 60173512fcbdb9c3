/* In a plan with groups every output is an aggregate or is made of what the group shares. */
#include "plan/query.h"

static bool node_is_column(const struct query *q, const struct expr *expr, int table, int column)
{
        const struct info *info = query_info(q, expr);
        if (info->alias >= 0) {
                const struct expr *of = q->outputs[info->alias].expr;
                return of->op == EXPR_COLUMN && query_info(q, of)->table == table &&
                       query_info(q, of)->column == column;
        }
        return info->table == table && info->column == column;
}

bool groups_have_column(const struct query *q, int table, int column)
{
        for (size_t i = 0; i < q->plan->n_group_by; i++)
                if (node_is_column(q, q->plan->group_by[i], table, column))
                        return true;
        return false;
}

static bool is_group_output(const struct query *q, const struct expr *expr)
{
        for (size_t i = 0; i < q->n_outputs; i++)
                if (q->outputs[i].is_group && q->outputs[i].expr == expr)
                        return true;
        return false;
}

static void check_shared(struct query *q, const struct expr *expr);

static void check_shared_filters(struct query *q, const struct filters *filters)
{
        for (size_t i = 0; i < filters->n; i++) {
                const struct filter *filter = filters->items[i];
                check_shared_filters(q, &filter->inner);
                if (filter->left)
                        check_shared(q, filter->left);
                for (size_t j = 0; j < filter->n_values; j++)
                        check_shared(q, filter->values[j]);
        }
}

/* Reports each column in expr, outside aggregates, that rows of a group do not share. */
static void check_shared(struct query *q, const struct expr *expr)
{
        if (expr->op == EXPR_AGGREGATE || expr->op == EXPR_TOTAL || is_group_output(q, expr))
                return;
        if (expr->op == EXPR_COLUMN) {
                const struct info *info = query_info(q, expr);
                if (info->alias >= 0 || info->table < 0 ||
                    groups_have_column(q, info->table, info->column))
                        return;
                report_fault(&q->report, expr->at,
                             "%s is neither in an aggregate nor in \"group_by\"; add it to "
                             "\"group_by\", or take its min or max",
                             report_quote(&q->report, expr->name));
                return;
        }
        for (size_t i = 0; i < expr->n_args; i++)
                check_shared(q, expr->args[i]);
        for (size_t i = 0; i < expr->n_branches; i++) {
                check_shared_filters(q, &expr->branches[i].when);
                check_shared(q, expr->branches[i].then);
        }
}

/* One name of group_by: an alias of a plain expression, or a column. */
static void group_check(struct query *q, struct expr *name)
{
        struct info *info = query_info(q, name);
        info->table = info->column = -1;
        info->alias = name_find_output(q, name->name);
        if (info->alias < 0) {
                if (!name_resolve(q, name, SCOPE_HAVING))
                        return;
                const struct table *table = &q->dataset->tables[info->table];
                if (table->columns[info->column].kind == COLUMN_OTHER)
                        report_fault(&q->report, name->at, "cannot group by this column: it is %s",
                                     type_words(COLUMN_OTHER));
                return;
        }
        struct output *output = &q->outputs[info->alias];
        const struct info *of = query_info(q, output->expr);
        output->is_group = true;
        if (of->has_aggregate)
                report_fault(&q->report, name->at,
                             "%s is an aggregate; group_by takes what the rows of a group share",
                             report_quote(&q->report, name->name));
        else if (!of->has_column && of->type.state == TYPE_KNOWN)
                report_fault(&q->report, name->at,
                             "%s is the same for every row; leave it out of group_by",
                             report_quote(&q->report, name->name));
        else if (of->type.state == TYPE_KNOWN && of->type.kind == COLUMN_OTHER)
                report_fault(&q->report, name->at, "cannot group by this column: it is %s",
                             type_words(COLUMN_OTHER));
}

void groups_check(struct query *q)
{
        const struct plan *plan = q->plan;
        for (size_t i = 0; i < plan->n_group_by; i++)
                group_check(q, plan->group_by[i]);
        if (!q->is_aggregated && plan->n_group_by == 0) {
                if (plan->having.n)
                        report_fault(&q->report, plan->having.items[0]->at,
                                     "\"having\" is for groups and this plan has none; put the "
                                     "condition into \"filters\"");
                return;
        }
        for (size_t i = 0; i < q->n_outputs; i++)
                if (q->outputs[i].expr)
                        check_shared(q, q->outputs[i].expr);
        check_shared_filters(q, &plan->having);
}
