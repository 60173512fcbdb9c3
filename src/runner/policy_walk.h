/* The walk over the parse tree: which shapes there are (policy_shape.c), how they are walked
 * (policy_walk.c), and what is asked of single nodes (policy_rules.c, policy_type.c). Inside
 * src/runner/policy*.c only. */
#ifndef ASKCSV_RUNNER_POLICY_WALK_H
#define ASKCSV_RUNNER_POLICY_WALK_H

#include "runner/policy.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define POLICY_EXPRESSION_DEPTH_MAX 250 /* planning takes the cube of it: a second at 400 */
#define POLICY_CTES_MAX 500             /* in scope at once */
#define POLICY_NO_PLACE ((size_t)-1)

struct policy_cte {
        const char *name;
        bool recursive; /* the node is inside its recursive part */
};

struct policy_walk {
        const char *sql;
        size_t sql_n;
        const struct policy_scope *scope;
        struct policy_cte ctes[POLICY_CTES_MAX]; /* in scope, innermost last */
        size_t n_ctes;
        size_t depth;            /* nodes around this one */
        size_t expression_depth; /* expressions around this one */
        size_t place;            /* byte offset of the nearest node that knows its own */
        bool collated;           /* a COLLATE was seen */
        bool random_sample;      /* a SAMPLE without a seed was seen */
        bool asks_time;          /* so was a name that gives the current moment */
        bool names_dataset;      /* and a table qualified with the dataset's id */
};

/* What a member of a node may hold. */
enum policy_member_kind {
        POLICY_TEXT,       /* a string without power: an alias */
        POLICY_FLAG,       /* true or false */
        POLICY_NUMBER,     /* a number */
        POLICY_NUMBERS,    /* an array of numbers */
        POLICY_SETS,       /* an array of arrays of numbers */
        POLICY_NAMES,      /* an array of strings without power */
        POLICY_CHOICE,     /* one of the strings in `choices` */
        POLICY_EXPRESSION, /* an expression, or null */
        POLICY_EXPRESSIONS,
        POLICY_ROWS,      /* an array of arrays of expressions */
        POLICY_QUERY,     /* a query node */
        POLICY_REF,       /* a table reference */
        POLICY_MODIFIERS, /* ORDER BY, LIMIT, DISTINCT */
        POLICY_OBJECT,    /* an object of the shape `shape`, or null */
        POLICY_OBJECTS,   /* an array of those */
        POLICY_CTE,       /* a string: the CTE of that name is in scope from here on */
        POLICY_SELF,      /* the same, and the CTE is recursive */
        POLICY_TYPE,      /* a logical type */
        POLICY_VALUE,     /* a constant: type, is_null, value */
        POLICY_VALUES,    /* an array of constants */
        POLICY_TABLE_FUNCTION,
        POLICY_CHECKED, /* the shape's own check has looked at it */
};

struct policy_shape;

struct policy_member {
        const char *name;
        enum policy_member_kind kind;
        const char *const *choices; /* ends with NULL */
        const struct policy_shape *shape;
};

struct policy_shape {
        const char *name;         /* the value of the member that tells shapes apart; or NULL */
        const char *refused;      /* the shape is known and never allowed: why */
        const char *const *types; /* an expression's possible `type`s, ends with NULL */
        const struct policy_member *members; /* walked in this order; ends with a NULL name */
        int (*check)(struct policy_walk *walk, const json_t *node, struct error *err);
};

/* The shape of an expression's class, a query node's type and so on; NULL when there is none. */
const struct policy_shape *policy_shape_expression(const char *class_name);
const struct policy_shape *policy_shape_query(const char *type);
const struct policy_shape *policy_shape_ref(const char *type);
const struct policy_shape *policy_shape_modifier(const char *type);
extern const struct policy_shape policy_shape_statement;

/* Walks a node of that shape: its check, then each member that the shape lists. Members that it
 * does not list must be empty. */
int policy_walk_object(struct policy_walk *walk, const json_t *node,
                       const struct policy_shape *shape, struct error *err);

/* ERROR_SQL_POLICY_VIOLATION at walk->place. */
int policy_refuse(const struct policy_walk *walk, struct error *err, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same for a tree that is not as DuckDB makes it, or as a newer one makes it. */
int policy_refuse_unknown(const struct policy_walk *walk, struct error *err, const char *what,
                          const char *name);

/* null, false, an empty string, array or object: what a member without a meaning holds. */
bool policy_json_is_empty(const json_t *json);

/* The rules of single nodes. */
int policy_check_function(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_table_function(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_column(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_table(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_collation(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_pivot(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_sample(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_parameters(struct policy_walk *walk, const json_t *node, struct error *err);
int policy_check_type(struct policy_walk *walk, const json_t *type, struct error *err);
int policy_check_value(struct policy_walk *walk, const json_t *value, struct error *err);

/* True when the outermost ORDER BY of a query node names every column that it gives. */
bool policy_order_is_total(const json_t *query);

/* True when one of its keys is the item-th output column, or that very expression. */
bool policy_order_has_item(const json_t *query, size_t item);
bool policy_order_has_expression(const json_t *query, const json_t *expression);

/* Equal but for where they stand; the whole one's alias does not count. */
bool policy_same_expression(const json_t *a, const json_t *b);

#endif
