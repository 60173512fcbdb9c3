/* A plan checked against a dataset: what check.c finds out and compile.c writes. It lives in an
 * arena for the length of one plan_compile(). */
#ifndef ASKCSV_PLAN_QUERY_H
#define ASKCSV_PLAN_QUERY_H

#include "plan/report.h"

#define MOMENT_SIZE 32

enum type_state {
        TYPE_UNKNOWN, /* a fault was reported already; says nothing more */
        TYPE_KNOWN,
};

struct type {
        enum type_state state;
        enum column_kind kind;
        bool exact;     /* COLUMN_FLOAT computed from exact numbers: round() may make it DECIMAL */
        bool date_only; /* a literal date that meets timestamps: it means the whole day */
        int width;      /* digits of a number in all, about, and behind the point */
        int scale;
        bool convert; /* needs a cast to work as TIMESTAMP, or not to overflow as an integer */
};

/* What is known of one expression, by its id. */
struct info {
        struct type type;
        int table; /* EXPR_COLUMN: indexes into the dataset; -1 when it is an alias */
        int column;
        int alias;       /* EXPR_COLUMN that names an output: its index; else -1 */
        char *moment;    /* a literal that is a date, timestamp or time: its normal form */
        bool has_column; /* somewhere inside */
        bool has_aggregate;
};

struct output {
        const char *name;
        struct expr *expr;
        const struct place *at; /* the item */
        bool is_group;          /* group_by names it */
};

/* One table brought in by a relationship; parents come before their children. */
struct join {
        int table;
        int parent;
        size_t relationship;
        bool fans_out; /* one row of parent has many of table */
};

/* An aggregate that was found, for the check of double counts. */
struct aggregate {
        struct expr *expr;
        struct aggregate *next;
};

struct query {
        const struct plan *plan;
        const struct dataset *dataset;
        int64_t as_of_s;
        struct arena *arena;
        struct report report;
        size_t work_left;

        int table; /* where it starts */
        struct info *info;
        size_t n_info;
        struct output *outputs;
        size_t n_outputs;
        size_t n_known; /* outputs whose name may be used already */
        bool is_aggregated;
        bool has_having;
        struct aggregate *aggregates;
        const struct place **used; /* by table: where it was named first, or NULL */
        struct join *joins;
        size_t n_joins;
};

/* Where an expression stands decides what it may hold. */
enum scope {
        SCOPE_SELECT,    /* aggregates allowed */
        SCOPE_HAVING,    /* aggregates and aliases allowed */
        SCOPE_FILTER,    /* columns of rows only */
        SCOPE_AGGREGATE, /* inside an aggregate: columns of rows only */
};

/* Memory of the query; NULL (and report.no_memory) when there is none. */
void *query_alloc(struct query *q, size_t count, size_t size);

static inline struct info *query_info(const struct query *q, const struct expr *expr)
{
        return &q->info[expr->id];
}

/* check.c: everything; faults are in q->report. */
void query_check(struct query *q);

/* names.c */
/* Resolves the column that expr names and marks its table as used; false when there is none
 * (reported, with the nearest name). */
bool name_resolve(struct query *q, struct expr *expr, enum scope scope);
/* Index of the output of that name (ASCII case apart), or -1. */
int name_find_output(const struct query *q, const char *name);
/* Reports that no table has that name. */
void name_report_table(struct query *q, const struct place *at, const char *name);

/* types.c: infers the type, reports what cannot be. */
struct type type_of_expr(struct query *q, struct expr *expr, enum scope scope);
const char *type_words(enum column_kind kind);
bool type_is_number(struct type type);
bool type_is_moment(struct type type); /* DATE or TIMESTAMP */
/* True when values of the two types may be compared or stand for each other. */
bool types_meet(struct type a, struct type b);

/* numbers.c */
struct type number_make(enum column_kind kind, int width, int scale);
struct type number_of_column(const struct column *column);
struct type number_of_literal(const json_t *value);
/* Of a + b, a - b and of either; of a * b; of a / b; of round(type, digits). */
struct type number_sum(struct type a, struct type b);
struct type number_product(struct type a, struct type b);
struct type number_quotient(struct type a, struct type b);
struct type number_rounded(struct type type, int digits);
/* Of any aggregate of numbers but the counts, min and max. */
struct type number_aggregated(enum plan_func func, struct type type);
/* What the first factor of a product must become for the engine to have room for it. */
enum number_cast {
        NUMBER_AS_IS,
        NUMBER_AS_WIDE,   /* DECIMAL(38, its scale) */
        NUMBER_AS_DOUBLE, /* there are too many decimals */
};
enum number_cast number_cast_of_product(const struct query *q, const struct expr *expr);

/* values.c */
/* Gives a literal the type it is compared with, or reports why it cannot have it. */
struct type value_fit(struct query *q, struct expr *literal, struct type wanted,
                      const char *wanted_by);
/* n units before a moment, as seconds since 1970; not before the year 1. */
int64_t moment_before(int64_t moment_s, int n, enum plan_unit unit);
/* "2026-01-31 14:05:00" and "2026-01-31". */
void moment_format(int64_t moment_s, bool with_time, char out[MOMENT_SIZE]);

/* filters.c */
void filters_check(struct query *q, const struct filters *filters, enum scope scope);

/* joins.c */
/* False (reported) when a table cannot be joined in one way; its columns cannot be judged then. */
bool joins_plan(struct query *q);
void joins_check_aggregates(struct query *q);

/* groups.c: what group_by asks of the rest. */
void groups_check(struct query *q);
/* True when the column is one that rows of a group share. */
bool groups_have_column(const struct query *q, int table, int column);

/* compile.c */
void query_write(const struct query *q, struct buf *out);

/* compile_expr.c */
struct writer {
        const struct query *q;
        struct buf *out;
        int indent; /* levels */
        bool in_having;
};
void write_break(struct writer *w);
void write_name(struct writer *w, const char *name);
void write_expr(struct writer *w, const struct expr *expr);
void write_literal(struct writer *w, const struct expr *expr);
/* compile_filter.c: "a AND b", each on a line of its own when lines is set. */
void write_filters(struct writer *w, const struct filters *filters, bool lines);
/* compile.c: FROM, joins and WHERE. */
void write_source(struct writer *w);

#endif
