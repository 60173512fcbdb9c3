/* The plan as parse.c leaves it: the shape is right, names and types are not looked at yet.
 * Nothing changes it afterwards; what checking finds out lives in struct query (query.h). */
#ifndef ASKCSV_PLAN_MODEL_H
#define ASKCSV_PLAN_MODEL_H

#include "base/arena.h"
#include "base/place.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ceilings of the shape; schemas/query-plan.v1.json repeats all but the last two, which JSON
 * Schema cannot say. */
#define PLAN_NAME_MAX 400   /* characters of a name: "table.column" */
#define PLAN_ALIAS_MAX 128  /* characters */
#define PLAN_TEXT_MAX 4000  /* characters of a value or of the notes */
#define PLAN_SELECT_MAX 100 /* items */
#define PLAN_GROUP_MAX 20
#define PLAN_ORDER_MAX 20
#define PLAN_ORDER_VALUES_MAX 100
#define PLAN_FILTERS_MAX 100 /* of one list */
#define PLAN_IN_MAX 1000
#define PLAN_PER_MAX 10
#define PLAN_TOP_MAX 1000
#define PLAN_OPERANDS_MAX 16
#define PLAN_BRANCHES_MAX 50
#define PLAN_DIGITS_MAX 15
#define PLAN_LAST_MAX 100000
#define PLAN_OFFSET_MAX 1000000
#define PLAN_NESTING_MAX 16 /* expressions and filters inside each other */
#define PLAN_NODES_MAX 1000 /* expressions and filters in all, without the values of lists */

enum plan_unit {
        UNIT_NONE,
        UNIT_SECOND,
        UNIT_MINUTE,
        UNIT_HOUR,
        UNIT_DAY,
        UNIT_WEEK,
        UNIT_MONTH,
        UNIT_QUARTER,
        UNIT_YEAR,
        UNIT_DAY_OF_WEEK,
        UNIT_DAY_OF_YEAR,
};

enum plan_func {
        FUNC_NONE,
        FUNC_COUNT,
        FUNC_COUNT_DISTINCT,
        FUNC_SUM,
        FUNC_AVG,
        FUNC_MIN,
        FUNC_MAX,
        FUNC_MEDIAN,
        FUNC_STDDEV,
};

enum expr_op {
        EXPR_NONE,
        EXPR_COLUMN,
        EXPR_LITERAL,
        EXPR_AS_OF,
        EXPR_ADD,
        EXPR_SUB,
        EXPR_MUL,
        EXPR_DIV,
        EXPR_NEG,
        EXPR_ABS,
        EXPR_ROUND,
        EXPR_COALESCE,
        EXPR_CASE,
        EXPR_LOWER,
        EXPR_UPPER,
        EXPR_DATE_TRUNC,
        EXPR_DATE_PART,
        EXPR_DATE_DIFF,
        EXPR_AGGREGATE,
        EXPR_TOTAL,
};

struct filters {
        struct filter **items;
        size_t n;
};

struct branch {
        struct filters when;
        struct expr *then;
};

struct expr {
        enum expr_op op;
        size_t id;              /* index into query.info */
        const struct place *at; /* what a fault about this node points to */
        const char *name;       /* EXPR_COLUMN */
        const json_t *value;    /* EXPR_LITERAL: a string, a number or a boolean; borrowed */
        struct expr **args;     /* operands; EXPR_CASE: none or the "else"; aggregate: 0 or 1 */
        size_t n_args;
        struct branch *branches; /* EXPR_CASE */
        size_t n_branches;
        struct filters where; /* EXPR_AGGREGATE */
        enum plan_func func;
        enum plan_unit unit;
        int digits; /* EXPR_ROUND */
};

enum filter_op {
        FILTER_NONE,
        FILTER_EQ,
        FILTER_NE,
        FILTER_LT,
        FILTER_LE,
        FILTER_GT,
        FILTER_GE,
        FILTER_IN,
        FILTER_NOT_IN,
        FILTER_BETWEEN,
        FILTER_CONTAINS,
        FILTER_STARTSWITH,
        FILTER_ENDSWITH,
        FILTER_IS_NULL,
        FILTER_IS_NOT_NULL,
        FILTER_LAST,
        FILTER_AND,
        FILTER_OR,
        FILTER_NOT,
};

struct filter {
        enum filter_op op;
        const struct place *at;    /* the filter */
        const struct place *op_at; /* its "op" */
        struct expr *left;
        struct expr **values;
        size_t n_values;
        struct filters inner; /* FILTER_AND, FILTER_OR, FILTER_NOT */
        int n;                /* FILTER_LAST */
        enum plan_unit unit;
        bool ignore_case;
};

struct select_item {
        const struct place *at;
        struct expr *expr;
        const char *alias; /* NULL: derived (check.c) */
};

struct order_item {
        const struct place *at;
        struct expr *expr; /* an EXPR_COLUMN: an alias or a column */
        bool descending;
        bool nulls_first;
        struct expr **values; /* the explicit order; NULL: by value */
        size_t n_values;
};

struct top {
        const struct place *at; /* NULL: there is no "top" */
        int n;
        struct expr **per;
        size_t n_per;
        struct expr *by;
        bool ascending;
};

struct plan {
        struct arena *arena; /* owns everything but json and the plan itself */
        json_t *json;
        const char *dataset_id;
        const char *table;
        struct select_item *select; /* none: every column of the table */
        size_t n_select;
        struct filters filters;
        struct filters having;
        struct expr **group_by; /* EXPR_COLUMN: an alias or a column */
        size_t n_group_by;
        struct order_item *order_by;
        size_t n_order_by;
        struct top top;
        bool distinct;
        int limit;
        int offset;
        size_t n_nodes; /* ids given out */
};

/* Words of the plan's language (words.c). NULL-terminated lists for messages; FUNC_NONE and so
 * on for a word that is none. */
enum plan_func func_from_word(const char *word);
const char *func_word(enum plan_func func);
enum filter_op filter_op_from_word(const char *word);
const char *filter_op_word(enum filter_op op);
enum plan_unit unit_from_word(const char *word);
const char *unit_word(enum plan_unit unit);
/* The word of the language that `said` probably stands for, or NULL. */
const char *word_meant(const char *said);
extern const char *const func_words[];
extern const char *const filter_op_words[];

#endif
