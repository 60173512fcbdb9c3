#include "plan/query.h"

#include "base/json.h"

/* How tightly an operator binds; a looser one inside gets parentheses. */
enum binding { BIND_SUM = 1, BIND_PRODUCT, BIND_ATOM };

static void write_bound(struct writer *w, const struct expr *expr, enum binding least);

/* A string: in single quotes, and those inside doubled. */
static void write_string(struct writer *w, const char *text)
{
        buf_putc(w->out, '\'');
        for (; *text; text++) {
                if (*text == '\'')
                        buf_putc(w->out, '\'');
                buf_putc(w->out, *text);
        }
        buf_putc(w->out, '\'');
}

/* A date beside timestamps is its midnight, unless it stands for the whole day. */
static void write_moment(struct writer *w, const struct info *info)
{
        if (info->type.kind == COLUMN_DATE || info->type.date_only)
                buf_printf(w->out, "DATE '%s'", info->moment);
        else if (info->type.kind == COLUMN_TIME)
                buf_printf(w->out, "TIME '%s'", info->moment);
        else
                buf_printf(w->out, "TIMESTAMP '%s%s'", info->moment,
                           info->moment[10] ? "" : " 00:00:00");
}

void write_literal(struct writer *w, const struct expr *expr)
{
        const struct info *info = query_info(w->q, expr);
        if (info->moment)
                write_moment(w, info);
        else if (json_is_string(expr->value))
                write_string(w, json_string_value(expr->value));
        else if (json_is_integer(expr->value))
                buf_printf(w->out, "%lld", (long long)json_integer_value(expr->value));
        else if (json_is_real(expr->value))
                json_put_double(w->out, json_real_value(expr->value));
        else
                buf_puts(w->out, json_is_true(expr->value) ? "true" : "false");
}

static void write_as_of(struct writer *w)
{
        char text[MOMENT_SIZE];
        moment_format(w->q->as_of_s, true, text);
        buf_printf(w->out, "TIMESTAMP '%s'", text);
}

static void write_column(struct writer *w, const struct expr *expr)
{
        const struct info *info = query_info(w->q, expr);
        if (info->alias >= 0) {
                write_bound(w, w->q->outputs[info->alias].expr, BIND_ATOM);
                return;
        }
        const struct table *table = &w->q->dataset->tables[info->table];
        write_name(w, table->name);
        buf_putc(w->out, '.');
        write_name(w, table->columns[info->column].name);
}

/* Small integers become BIGINT before they are added or multiplied, as the engine would refuse a
 * result that is too large for them. Of two literals the first does. */
static bool needs_bigint(const struct writer *w, const struct expr *expr, size_t i)
{
        const struct expr *arg = expr->args[i];
        struct type type = query_info(w->q, arg)->type;
        if (expr->op == EXPR_DIV || query_info(w->q, expr)->type.kind != COLUMN_INTEGER)
                return false;
        return type.convert ||
               (i == 0 && arg->op == EXPR_LITERAL && expr->args[1]->op == EXPR_LITERAL);
}

static void write_operand(struct writer *w, const struct expr *expr, size_t i, enum binding bind)
{
        enum number_cast cast = NUMBER_AS_IS;
        if (i == 0 && expr->op == EXPR_MUL)
                cast = number_cast_of_product(w->q, expr);
        bool is_small = needs_bigint(w, expr, i);
        if (cast == NUMBER_AS_IS && !is_small) {
                /* Behind the first operand an equal operator needs parentheses too: neither
                 * subtraction nor rounding arithmetic is associative. */
                write_bound(w, expr->args[i], i ? bind + 1 : bind);
                return;
        }
        buf_puts(w->out, "CAST(");
        write_expr(w, expr->args[i]);
        if (is_small)
                buf_puts(w->out, " AS BIGINT)");
        else if (cast == NUMBER_AS_DOUBLE)
                buf_puts(w->out, " AS DOUBLE)");
        else
                buf_printf(w->out, " AS DECIMAL(38,%d))",
                           query_info(w->q, expr->args[i])->type.scale);
}

static void write_arithmetic(struct writer *w, const struct expr *expr, const char *sign,
                             enum binding bind)
{
        for (size_t i = 0; i < expr->n_args; i++) {
                if (i)
                        buf_puts(w->out, sign);
                write_operand(w, expr, i, bind);
        }
}

/* The engine's "/" is true division, of whole numbers too. */
static void write_division(struct writer *w, const struct expr *expr)
{
        write_bound(w, expr->args[0], BIND_PRODUCT);
        buf_puts(w->out, " / ");
        if (expr->args[1]->op == EXPR_LITERAL) {
                write_literal(w, expr->args[1]);
                return;
        }
        buf_puts(w->out, "nullif(");
        write_expr(w, expr->args[1]);
        buf_puts(w->out, ", 0)");
}

static void write_call(struct writer *w, const char *name, const struct expr *expr)
{
        buf_puts(w->out, name);
        buf_putc(w->out, '(');
        for (size_t i = 0; i < expr->n_args; i++) {
                if (i)
                        buf_puts(w->out, ", ");
                write_expr(w, expr->args[i]);
        }
        buf_putc(w->out, ')');
}

/* "-x" with the x in parentheses unless it is a name or a call: two minus signs in a row would
 * begin a comment. */
static void write_negation(struct writer *w, const struct expr *expr)
{
        const struct expr *arg = expr->args[0];
        bool is_plain = arg->op == EXPR_COLUMN && query_info(w->q, arg)->alias < 0;
        buf_putc(w->out, '-');
        if (!is_plain)
                buf_putc(w->out, '(');
        write_expr(w, arg);
        if (!is_plain)
                buf_putc(w->out, ')');
}

static void write_round(struct writer *w, const struct expr *expr)
{
        bool is_made_exact = query_info(w->q, expr)->type.kind == COLUMN_DECIMAL &&
                             query_info(w->q, expr->args[0])->type.kind == COLUMN_FLOAT;
        if (is_made_exact)
                buf_puts(w->out, "CAST(");
        buf_puts(w->out, "round(");
        write_expr(w, expr->args[0]);
        buf_printf(w->out, ", %d)", expr->digits);
        if (is_made_exact)
                buf_printf(w->out, " AS DECIMAL(38,%d))", expr->digits);
}

static void write_case(struct writer *w, const struct expr *expr)
{
        buf_puts(w->out, "CASE");
        for (size_t i = 0; i < expr->n_branches; i++) {
                buf_puts(w->out, " WHEN ");
                write_filters(w, &expr->branches[i].when, false);
                buf_puts(w->out, " THEN ");
                write_expr(w, expr->branches[i].then);
        }
        if (expr->n_args) {
                buf_puts(w->out, " ELSE ");
                write_expr(w, expr->args[0]);
        }
        buf_puts(w->out, " END");
}

/* A moment as plain TIMESTAMP. */
static void write_timestamp(struct writer *w, const struct expr *expr)
{
        const struct info *info = query_info(w->q, expr);
        bool needs_cast = info->type.kind == COLUMN_DATE || info->type.convert;
        if (needs_cast)
                buf_puts(w->out, "CAST(");
        write_expr(w, expr);
        if (needs_cast)
                buf_puts(w->out, " AS TIMESTAMP)");
}

static void write_date_trunc(struct writer *w, const struct expr *expr)
{
        bool is_date = query_info(w->q, expr)->type.kind == COLUMN_DATE;
        if (is_date)
                buf_puts(w->out, "CAST(");
        buf_printf(w->out, "date_trunc('%s', ", unit_word(expr->unit));
        write_timestamp(w, expr->args[0]);
        buf_putc(w->out, ')');
        if (is_date)
                buf_puts(w->out, " AS DATE)");
}

static void write_date_part(struct writer *w, const struct expr *expr)
{
        const char *part = unit_word(expr->unit);
        if (expr->unit == UNIT_DAY_OF_WEEK)
                part = "isodow";
        else if (expr->unit == UNIT_DAY_OF_YEAR)
                part = "doy";
        buf_printf(w->out, "date_part('%s', ", part);
        write_timestamp(w, expr->args[0]);
        buf_putc(w->out, ')');
}

/* Whole units that have passed: date_sub, as date_diff counts the boundaries in between. */
static void write_date_diff(struct writer *w, const struct expr *expr)
{
        buf_printf(w->out, "date_sub('%s', ", unit_word(expr->unit));
        write_timestamp(w, expr->args[0]);
        buf_puts(w->out, ", ");
        write_timestamp(w, expr->args[1]);
        buf_putc(w->out, ')');
}

static void write_aggregate(struct writer *w, const struct expr *expr)
{
        static const char *const names[] = {
                [FUNC_COUNT] = "count",   [FUNC_COUNT_DISTINCT] = "count",
                [FUNC_SUM] = "sum",       [FUNC_AVG] = "avg",
                [FUNC_MIN] = "min",       [FUNC_MAX] = "max",
                [FUNC_MEDIAN] = "median", [FUNC_STDDEV] = "stddev_samp",
        };
        /* The engine's median of DECIMAL is DECIMAL and would round the middle of two. */
        bool as_double = expr->func == FUNC_MEDIAN &&
                         query_info(w->q, expr->args[0])->type.kind == COLUMN_DECIMAL;
        buf_printf(w->out, "%s(%s", names[expr->func],
                   expr->func == FUNC_COUNT_DISTINCT ? "DISTINCT " : "");
        if (as_double)
                buf_puts(w->out, "CAST(");
        if (expr->n_args)
                write_expr(w, expr->args[0]);
        else
                buf_putc(w->out, '*');
        buf_puts(w->out, as_double ? " AS DOUBLE))" : ")");
        if (expr->where.n) {
                buf_puts(w->out, " FILTER (WHERE ");
                write_filters(w, &expr->where, false);
                buf_putc(w->out, ')');
        }
}

/* True when the groups' aggregates make the whole's: then a window over them does it. */
static bool is_additive(const struct writer *w, const struct expr *aggregate)
{
        struct type type = query_info(w->q, aggregate)->type;
        if (w->in_having || w->q->has_having) /* a window would miss the groups that it drops */
                return false;
        return aggregate->func == FUNC_COUNT || aggregate->func == FUNC_MIN ||
               aggregate->func == FUNC_MAX ||
               (aggregate->func == FUNC_SUM && type.kind != COLUMN_FLOAT);
}

/* The aggregate over all rows that pass the filters, whatever their group. */
static void write_total(struct writer *w, const struct expr *expr)
{
        const struct expr *aggregate = expr->args[0];
        if (!is_additive(w, aggregate)) {
                buf_putc(w->out, '(');
                w->indent++;
                write_break(w);
                buf_puts(w->out, "SELECT ");
                write_aggregate(w, aggregate);
                write_source(w);
                w->indent--;
                write_break(w);
                buf_putc(w->out, ')');
                return;
        }
        bool is_count = aggregate->func == FUNC_COUNT; /* sum() would make it a HUGEINT */
        buf_puts(w->out, is_count                      ? "CAST(sum("
                         : aggregate->func == FUNC_MIN ? "min("
                         : aggregate->func == FUNC_MAX ? "max("
                                                       : "sum(");
        write_aggregate(w, aggregate);
        buf_puts(w->out, is_count ? ") OVER () AS BIGINT)" : ") OVER ()");
}

static enum binding binding_of(const struct expr *expr)
{
        switch (expr->op) {
        case EXPR_ADD:
        case EXPR_SUB:
                return BIND_SUM;
        case EXPR_MUL:
        case EXPR_DIV:
                return BIND_PRODUCT;
        default:
                return BIND_ATOM;
        }
}

static void write_bound(struct writer *w, const struct expr *expr, enum binding least)
{
        bool needs_parentheses = binding_of(expr) < least;
        if (needs_parentheses)
                buf_putc(w->out, '(');
        write_expr(w, expr);
        if (needs_parentheses)
                buf_putc(w->out, ')');
}

void write_expr(struct writer *w, const struct expr *expr)
{
        switch (expr->op) {
        case EXPR_COLUMN:
                write_column(w, expr);
                break;
        case EXPR_LITERAL:
                write_literal(w, expr);
                break;
        case EXPR_AS_OF:
                write_as_of(w);
                break;
        case EXPR_ADD:
                write_arithmetic(w, expr, " + ", BIND_SUM);
                break;
        case EXPR_SUB:
                write_arithmetic(w, expr, " - ", BIND_SUM);
                break;
        case EXPR_MUL:
                write_arithmetic(w, expr, " * ", BIND_PRODUCT);
                break;
        case EXPR_DIV:
                write_division(w, expr);
                break;
        case EXPR_NEG:
                write_negation(w, expr);
                break;
        case EXPR_ABS:
                write_call(w, "abs", expr);
                break;
        case EXPR_ROUND:
                write_round(w, expr);
                break;
        case EXPR_COALESCE:
                write_call(w, "coalesce", expr);
                break;
        case EXPR_CASE:
                write_case(w, expr);
                break;
        case EXPR_LOWER:
                write_call(w, "lower", expr);
                break;
        case EXPR_UPPER:
                write_call(w, "upper", expr);
                break;
        case EXPR_DATE_TRUNC:
                write_date_trunc(w, expr);
                break;
        case EXPR_DATE_PART:
                write_date_part(w, expr);
                break;
        case EXPR_DATE_DIFF:
                write_date_diff(w, expr);
                break;
        case EXPR_AGGREGATE:
                write_aggregate(w, expr);
                break;
        case EXPR_TOTAL:
                write_total(w, expr);
                break;
        case EXPR_NONE:
        default:
                break;
        }
}
