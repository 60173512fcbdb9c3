#include "plan/query.h"

static void write_filter(struct writer *w, const struct filter *filter);

/* The left side; compared with whole days, a timestamp counts as its day. */
static void write_left(struct writer *w, const struct filter *filter, bool as_day)
{
        /* Arithmetic binds tighter than any comparison: no parentheses are needed. */
        if (as_day)
                buf_puts(w->out, "CAST(");
        write_expr(w, filter->left);
        if (as_day)
                buf_puts(w->out, " AS DATE)");
}

static bool means_whole_day(const struct writer *w, const struct filter *filter)
{
        return filter->n_values && query_info(w->q, filter->values[0])->type.date_only;
}

static void write_comparison(struct writer *w, const struct filter *filter)
{
        const char *op = filter->op == FILTER_NE ? "<>" : filter_op_word(filter->op);
        write_left(w, filter, means_whole_day(w, filter));
        buf_printf(w->out, " %s ", op);
        write_expr(w, filter->values[0]);
}

static void write_in(struct writer *w, const struct filter *filter)
{
        write_left(w, filter, means_whole_day(w, filter));
        buf_puts(w->out, filter->op == FILTER_IN ? " IN (" : " NOT IN (");
        for (size_t i = 0; i < filter->n_values; i++) {
                if (i)
                        buf_puts(w->out, ", ");
                write_literal(w, filter->values[i]);
        }
        buf_putc(w->out, ')');
}

static void write_between(struct writer *w, const struct filter *filter)
{
        write_left(w, filter, means_whole_day(w, filter));
        buf_puts(w->out, " BETWEEN ");
        write_expr(w, filter->values[0]);
        buf_puts(w->out, " AND ");
        write_expr(w, filter->values[1]);
}

/* The text itself, as a pattern in which nothing is special. */
static void write_pattern(struct writer *w, const struct filter *filter)
{
        write_left(w, filter, false);
        buf_puts(w->out, filter->ignore_case ? " ILIKE '" : " LIKE '");
        if (filter->op != FILTER_STARTSWITH)
                buf_putc(w->out, '%');
        for (const char *p = json_string_value(filter->values[0]->value); *p; p++) {
                if (*p == '%' || *p == '_' || *p == '\\')
                        buf_putc(w->out, '\\');
                else if (*p == '\'')
                        buf_putc(w->out, '\'');
                buf_putc(w->out, *p);
        }
        if (filter->op != FILTER_ENDSWITH)
                buf_putc(w->out, '%');
        buf_puts(w->out, "' ESCAPE '\\'");
}

/* From n units before as_of to as_of, both included; a date counts as its midnight, so the first
 * one is that of the first midnight in the window. */
static void write_last(struct writer *w, const struct filter *filter)
{
        int64_t from = moment_before(w->q->as_of_s, filter->n, filter->unit);
        int64_t to = w->q->as_of_s;
        bool is_date = query_info(w->q, filter->left)->type.kind == COLUMN_DATE;
        if (is_date && from % 86400)
                from += 86400;
        char low[MOMENT_SIZE];
        char high[MOMENT_SIZE];
        moment_format(from, !is_date, low);
        moment_format(to, !is_date, high);
        const char *type = is_date ? "DATE" : "TIMESTAMP";
        write_left(w, filter, false);
        buf_printf(w->out, " BETWEEN %s '%s' AND %s '%s'", type, low, type, high);
}

static void write_test(struct writer *w, const struct filter *filter)
{
        switch (filter->op) {
        case FILTER_IN:
        case FILTER_NOT_IN:
                write_in(w, filter);
                break;
        case FILTER_BETWEEN:
                write_between(w, filter);
                break;
        case FILTER_CONTAINS:
        case FILTER_STARTSWITH:
        case FILTER_ENDSWITH:
                write_pattern(w, filter);
                break;
        case FILTER_IS_NULL:
        case FILTER_IS_NOT_NULL:
                write_left(w, filter, false);
                buf_puts(w->out, filter->op == FILTER_IS_NULL ? " IS NULL" : " IS NOT NULL");
                break;
        case FILTER_LAST:
                write_last(w, filter);
                break;
        default:
                write_comparison(w, filter);
                break;
        }
}

static void write_group(struct writer *w, const struct filter *filter, const char *word)
{
        buf_putc(w->out, '(');
        for (size_t i = 0; i < filter->inner.n; i++) {
                if (i)
                        buf_puts(w->out, word);
                write_filter(w, filter->inner.items[i]);
        }
        buf_putc(w->out, ')');
}

static void write_filter(struct writer *w, const struct filter *filter)
{
        switch (filter->op) {
        case FILTER_OR:
                write_group(w, filter, " OR ");
                break;
        case FILTER_AND:
                write_group(w, filter, " AND ");
                break;
        case FILTER_NOT:
                buf_puts(w->out, "NOT ");
                write_group(w, filter, "");
                break;
        default:
                write_test(w, filter);
                break;
        }
}

void write_filters(struct writer *w, const struct filters *filters, bool lines)
{
        w->indent++;
        for (size_t i = 0; i < filters->n; i++) {
                if (i && lines)
                        write_break(w);
                if (i)
                        buf_puts(w->out, lines ? "AND " : " AND ");
                write_filter(w, filters->items[i]);
        }
        w->indent--;
}
