#include "plan/query.h"

#include <string.h>

void write_break(struct writer *w)
{
        buf_putc(w->out, '\n');
        for (int i = 0; i < w->indent; i++)
                buf_puts(w->out, "  ");
}

/* An identifier: in double quotes, and those inside doubled. */
void write_name(struct writer *w, const char *name)
{
        buf_putc(w->out, '"');
        for (; *name; name++) {
                if (*name == '"')
                        buf_putc(w->out, '"');
                buf_putc(w->out, *name);
        }
        buf_putc(w->out, '"');
}

static void write_column(struct writer *w, size_t table, size_t column)
{
        const struct table *of = &w->q->dataset->tables[table];
        write_name(w, of->name);
        buf_putc(w->out, '.');
        write_name(w, of->columns[column].name);
}

/* LEFT: a row of the starting table without a partner stays; only filters take rows away. */
static void write_join(struct writer *w, const struct join *join)
{
        const struct relationship *r = &w->q->dataset->relationships[join->relationship];
        write_break(w);
        buf_puts(w->out, "LEFT JOIN ");
        write_name(w, w->q->dataset->tables[join->table].name);
        buf_puts(w->out, " ON ");
        write_column(w, r->from_table, r->from_column);
        buf_puts(w->out, " = ");
        write_column(w, r->to_table, r->to_column);
}

void write_source(struct writer *w)
{
        const struct query *q = w->q;
        write_break(w);
        buf_puts(w->out, "FROM ");
        write_name(w, q->dataset->tables[q->table].name);
        for (size_t i = 0; i < q->n_joins; i++)
                write_join(w, &q->joins[i]);
        if (q->plan->filters.n) {
                write_break(w);
                buf_puts(w->out, "WHERE ");
                write_filters(w, &q->plan->filters, true);
        }
}

static void write_outputs(struct writer *w)
{
        for (size_t i = 0; i < w->q->n_outputs; i++) {
                if (i)
                        buf_putc(w->out, ',');
                w->indent++;
                write_break(w);
                write_expr(w, w->q->outputs[i].expr);
                buf_puts(w->out, " AS ");
                write_name(w, w->q->outputs[i].name);
                w->indent--;
        }
}

static void write_group_by(struct writer *w)
{
        const struct plan *plan = w->q->plan;
        for (size_t i = 0; i < plan->n_group_by; i++) {
                if (i == 0)
                        write_break(w);
                buf_puts(w->out, i ? ", " : "GROUP BY ");
                const struct info *info = query_info(w->q, plan->group_by[i]);
                if (info->alias >= 0)
                        write_expr(w, w->q->outputs[info->alias].expr);
                else
                        write_expr(w, plan->group_by[i]);
        }
}

static void write_having(struct writer *w)
{
        if (!w->q->has_having)
                return;
        write_break(w);
        buf_puts(w->out, "HAVING ");
        w->in_having = true;
        write_filters(w, &w->q->plan->having, true);
        w->in_having = false;
}

/* SELECT up to HAVING. */
static void write_rows(struct writer *w)
{
        buf_puts(w->out, w->q->plan->distinct ? "SELECT DISTINCT" : "SELECT");
        write_outputs(w);
        write_source(w);
        write_group_by(w);
        write_having(w);
}

static bool has_order_values(const struct plan *plan)
{
        for (size_t i = 0; i < plan->n_order_by; i++)
                if (plan->order_by[i].n_values)
                        return true;
        return false;
}

/* DISTINCT and top hide the tables: what follows them works on the rows found. */
static bool is_wrapped(const struct plan *plan)
{
        return plan->top.at || (plan->distinct && has_order_values(plan));
}

static void write_direction(struct writer *w, bool descending, bool nulls_first)
{
        buf_puts(w->out, descending ? " DESC" : " ASC");
        buf_puts(w->out, nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

/* What order_by names: an output by its name, or a column that is not shown. */
static void write_target(struct writer *w, const struct expr *name)
{
        const struct info *info = query_info(w->q, name);
        if (info->alias >= 0)
                write_name(w, w->q->outputs[info->alias].name);
        else
                write_expr(w, name);
}

/* The place of a value in an explicit order: 1, 2, ..., and NULL for what is not in it. */
static void write_rank(struct writer *w, const struct order_item *item)
{
        const struct info *info = query_info(w->q, item->expr);
        buf_puts(w->out, "CASE ");
        if (info->alias >= 0 && !is_wrapped(w->q->plan))
                write_expr(w, w->q->outputs[info->alias].expr);
        else
                write_target(w, item->expr);
        for (size_t i = 0; i < item->n_values; i++) {
                buf_puts(w->out, " WHEN ");
                write_literal(w, item->values[i]);
                buf_printf(w->out, " THEN %zu", i + 1);
        }
        buf_puts(w->out, " END");
}

/* Names every output that is not marked in done, so that the order is total. */
static void write_ties(struct writer *w, const bool *done, const char *between)
{
        for (size_t i = 0; i < w->q->n_outputs; i++) {
                if (done[i])
                        continue;
                buf_puts(w->out, between);
                write_name(w, w->q->outputs[i].name);
                write_direction(w, false, false);
                between = ", ";
        }
}

static bool *outputs_done(const struct query *q)
{
        bool *done = arena_array(q->arena, q->n_outputs, sizeof(*done));
        return done;
}

static void write_order_by(struct writer *w)
{
        const struct plan *plan = w->q->plan;
        bool *done = outputs_done(w->q);
        if (!done) {
                w->out->state = BUF_NO_MEMORY;
                return;
        }
        write_break(w);
        buf_puts(w->out, "ORDER BY ");
        for (size_t i = 0; i < plan->n_order_by; i++) {
                const struct order_item *item = &plan->order_by[i];
                if (i)
                        buf_puts(w->out, ", ");
                if (item->n_values) {
                        write_rank(w, item);
                } else {
                        write_target(w, item->expr);
                        int alias = query_info(w->q, item->expr)->alias;
                        if (alias >= 0)
                                done[alias] = true;
                }
                write_direction(w, item->descending, item->nulls_first);
        }
        write_ties(w, done, plan->n_order_by ? ", " : "");
}

/* The best n of each group. BETWEEN 1 AND n, not <= n: the engine's optimizer recognises the latter
 * (top_n_window_elimination) and in 1.5 its rewriting fails or loses rows for some queries
 * (DuckDB issues 22245, 23677). */
static void write_top(struct writer *w)
{
        const struct top *top = &w->q->plan->top;
        bool *done = outputs_done(w->q);
        if (!done) {
                w->out->state = BUF_NO_MEMORY;
                return;
        }
        write_break(w);
        buf_puts(w->out, "QUALIFY row_number() OVER (PARTITION BY ");
        for (size_t i = 0; i < top->n_per; i++) {
                int alias = query_info(w->q, top->per[i])->alias;
                buf_puts(w->out, i ? ", " : "");
                write_name(w, w->q->outputs[alias].name);
                done[alias] = true;
        }
        int by = query_info(w->q, top->by)->alias;
        buf_puts(w->out, " ORDER BY ");
        write_name(w, w->q->outputs[by].name);
        write_direction(w, !top->ascending, false);
        done[by] = true;
        write_ties(w, done, ", ");
        buf_printf(w->out, ") BETWEEN 1 AND %d", top->n);
}

static void write_wrapped(struct writer *w)
{
        buf_puts(w->out, "SELECT");
        for (size_t i = 0; i < w->q->n_outputs; i++) {
                buf_puts(w->out, i ? ",\n  " : "\n  ");
                write_name(w, w->q->outputs[i].name);
        }
        write_break(w);
        buf_puts(w->out, "FROM (");
        w->indent++;
        write_break(w);
        write_rows(w);
        w->indent--;
        write_break(w);
        buf_puts(w->out, ") AS \"found\"");
        if (w->q->plan->top.at)
                write_top(w);
}

void query_write(const struct query *q, struct buf *out)
{
        struct writer w = {.q = q, .out = out};
        if (is_wrapped(q->plan))
                write_wrapped(&w);
        else
                write_rows(&w);
        write_order_by(&w);
        write_break(&w);
        buf_printf(out, "LIMIT %d", q->plan->limit);
        if (q->plan->offset)
                buf_printf(out, " OFFSET %d", q->plan->offset);
}
