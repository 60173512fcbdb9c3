/* Which tables a plan needs beside its own, how they hang together, and which aggregates that
 * would make wrong. */
#include "plan/query.h"

/* What a breadth-first walk from the starting table knows of one table. */
struct reach {
        int distance; /* relationships on the shortest way; -1: there is none */
        int ways;     /* how many shortest ways, 2 for more than one */
        int parent;
        size_t relationship;
        size_t other; /* a second shortest way's last relationship */
};

/* The table at the other end of relationship i from `from`, or -1 when it does not touch it. */
static int other_end(const struct query *q, size_t i, int from)
{
        const struct relationship *r = &q->dataset->relationships[i];
        if (r->from_table == r->to_table)
                return -1;
        if ((int)r->from_table == from)
                return (int)r->to_table;
        return (int)r->to_table == from ? (int)r->from_table : -1;
}

static void reach_step(const struct query *q, struct reach *reach, int from)
{
        for (size_t i = 0; i < q->dataset->n_relationships; i++) {
                int to = other_end(q, i, from);
                if (to < 0)
                        continue;
                if (reach[to].distance < 0) {
                        reach[to] = (struct reach){.distance = reach[from].distance + 1,
                                                   .ways = reach[from].ways,
                                                   .parent = from,
                                                   .relationship = i,
                                                   .other = reach[from].other};
                } else if (reach[to].distance == reach[from].distance + 1) {
                        reach[to].ways = 2;
                        reach[to].other = i;
                }
        }
}

/* Fills reach[] from the starting table. */
static void reach_all(const struct query *q, struct reach *reach)
{
        int n = (int)q->dataset->n_tables;
        for (int i = 0; i < n; i++)
                reach[i].distance = -1;
        reach[q->table] = (struct reach){.distance = 0, .ways = 1, .parent = -1};
        for (int distance = 0; distance < n; distance++)
                for (int i = 0; i < n; i++)
                        if (reach[i].distance == distance)
                                reach_step(q, reach, i);
}

static const char *relationship_text(struct query *q, size_t i)
{
        const struct relationship *r = &q->dataset->relationships[i];
        const struct table *from = &q->dataset->tables[r->from_table];
        const struct table *to = &q->dataset->tables[r->to_table];
        const char *text = arena_printf(q->arena, "%s.%s = %s.%s", from->name,
                                        from->columns[r->from_column].name, to->name,
                                        to->columns[r->to_column].name);
        if (!text)
                q->report.no_memory = true;
        return text ? text : "";
}

/* False (reported) when the table cannot be joined, or in more than one way. */
static bool reach_check(struct query *q, const struct reach *reach, int table)
{
        const char *from = q->dataset->tables[q->table].name;
        const char *to = q->dataset->tables[table].name;
        if (reach[table].distance < 0) {
                report_fault(&q->report, q->used[table],
                             "no relationship leads from table \"%s\" to \"%s\"; ask about them in "
                             "separate plans",
                             from, to);
                return false;
        }
        if (reach[table].ways == 1)
                return true;
        int at = table; /* where two ways meet */
        while (reach[at].parent >= 0 && reach[reach[at].parent].ways > 1)
                at = reach[at].parent;
        report_fault(&q->report, q->used[table],
                     "there is more than one way from table \"%s\" to \"%s\" (%s, or %s), so it is "
                     "not clear which is meant; leave out the columns of \"%s\"",
                     from, to, relationship_text(q, reach[at].relationship),
                     relationship_text(q, reach[at].other), to);
        return false;
}

static void join_add(struct query *q, const struct reach *reach, int table)
{
        struct join *join = &q->joins[q->n_joins++];
        join->table = table;
        join->parent = reach[table].parent;
        join->relationship = reach[table].relationship;
        join->fans_out = (int)q->dataset->relationships[join->relationship].from_table == table;
}

bool joins_plan(struct query *q)
{
        int n = (int)q->dataset->n_tables;
        struct reach *reach = query_alloc(q, (size_t)n, sizeof(*reach));
        bool *needed = query_alloc(q, (size_t)n, sizeof(*needed));
        q->joins = query_alloc(q, (size_t)n, sizeof(*q->joins));
        if (!reach || !needed || !q->joins)
                return false;
        reach_all(q, reach);
        bool all_reached = true;
        for (int i = 0; i < n; i++) {
                if (i == q->table || !q->used[i])
                        continue;
                if (!reach_check(q, reach, i))
                        all_reached = false;
                else
                        for (int at = i; at != q->table; at = reach[at].parent)
                                needed[at] = true;
        }
        for (int distance = 1; distance < n; distance++)
                for (int i = 0; i < n; i++)
                        if (needed[i] && reach[i].distance == distance)
                                join_add(q, reach, i);
        return all_reached;
}

static const struct join *join_of(const struct query *q, int table)
{
        for (size_t i = 0; i < q->n_joins; i++)
                if (q->joins[i].table == table)
                        return &q->joins[i];
        return NULL;
}

/* True when `above` is on the way from the starting table to `table` (or is it). */
static bool is_below(const struct query *q, int table, int above)
{
        while (table != above) {
                const struct join *join = join_of(q, table);
                if (!join)
                        return false;
                table = join->parent;
        }
        return true;
}

/* True when every row of the joined tables holds another row of `table`: seen from it, all joins
 * are many to one. */
static bool is_finest(const struct query *q, int table)
{
        for (size_t i = 0; i < q->n_joins; i++) {
                bool is_behind = is_below(q, table, q->joins[i].table);
                if (q->joins[i].fans_out != is_behind)
                        return false;
        }
        return true;
}

/* The table that gives the joined rows their number; -1 when two lists are multiplied. */
static int finest_table(const struct query *q)
{
        if (is_finest(q, q->table))
                return q->table;
        for (size_t i = 0; i < q->n_joins; i++)
                if (is_finest(q, q->joins[i].table))
                        return q->joins[i].table;
        return -1;
}

/* What a value is made of, as to double counts. */
enum grain {
        GRAIN_NONE,   /* no column */
        GRAIN_COARSE, /* columns of other tables only: their rows repeat */
        GRAIN_FINE,   /* a column of the finest table */
};

/* *coarse gets the first table found whose rows repeat. Under sum, what is added must be fine in
 * each part; else one fine column makes the value belong to the finest table's row. */
static enum grain grain_of(const struct query *q, const struct expr *expr, int finest, bool strict,
                           int *coarse)
{
        if (expr->op == EXPR_COLUMN) {
                const struct info *info = query_info(q, expr);
                if (info->table == finest || info->table < 0) /* -1: reported already */
                        return GRAIN_FINE;
                if (*coarse < 0)
                        *coarse = info->table;
                return GRAIN_COARSE;
        }
        bool each = (strict && (expr->op == EXPR_ADD || expr->op == EXPR_SUB)) ||
                    expr->op == EXPR_CASE || expr->op == EXPR_COALESCE;
        enum grain lowest = GRAIN_NONE;
        enum grain highest = GRAIN_NONE;
        for (size_t i = 0; i < expr->n_args + expr->n_branches; i++) {
                const struct expr *part =
                        i < expr->n_args ? expr->args[i] : expr->branches[i - expr->n_args].then;
                enum grain grain = grain_of(q, part, finest, strict, coarse);
                if (grain > highest)
                        highest = grain;
                if (grain != GRAIN_NONE && (lowest == GRAIN_NONE || grain < lowest))
                        lowest = grain;
        }
        return each ? lowest : highest;
}

static void report_double(struct query *q, const struct expr *expr, int finest, int coarse)
{
        const struct table *tables = q->dataset->tables;
        const char *name = tables[coarse].name;
        if (finest < 0)
                report_fault(&q->report, expr->at,
                             "the joined tables multiply each other's rows, so \"%s\" would count "
                             "rows more than once; ask about them in separate plans, or use "
                             "count_distinct, min or max",
                             func_word(expr->func));
        else if (expr->n_args == 0)
                report_near(&q->report, expr->at, tables[finest].name,
                            "one row of \"%s\" meets many rows of \"%s\" here, so \"count\" would "
                            "count it more than once; start from table \"%s\" to count its rows, "
                            "or use count_distinct of a key of \"%s\"",
                            name, tables[finest].name, tables[finest].name, name);
        else
                report_near(&q->report, expr->at, name,
                            "one row of \"%s\" meets many rows of \"%s\" here, so \"%s\" would "
                            "count it more than once; start from table \"%s\" (without the columns "
                            "of \"%s\"), or use count_distinct, min or max",
                            name, tables[finest].name, func_word(expr->func), name,
                            tables[finest].name);
}

static void aggregate_check(struct query *q, const struct expr *expr, int finest)
{
        if (expr->func == FUNC_COUNT_DISTINCT || expr->func == FUNC_MIN || expr->func == FUNC_MAX)
                return;
        int coarse = -1;
        enum grain grain = GRAIN_NONE;
        if (expr->n_args)
                grain = grain_of(q, expr->args[0], finest, expr->func == FUNC_SUM, &coarse);
        if (grain == GRAIN_FINE && finest >= 0)
                return;
        if (grain == GRAIN_NONE && finest == q->table)
                return;
        report_double(q, expr, finest, coarse < 0 ? q->table : coarse);
}

void joins_check_aggregates(struct query *q)
{
        if (q->n_joins == 0)
                return;
        int finest = finest_table(q);
        for (const struct aggregate *at = q->aggregates; at; at = at->next)
                aggregate_check(q, at->expr, finest);
}
