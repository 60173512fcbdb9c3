/* How exactly a query's values are known, whatever order the rows come in: names and expressions.
 * Names are taken together over the whole query, wherever they stand, so that no scope has to be
 * followed: a name is as inexact as the least exact thing that it is given to anywhere. Inside
 * src/runner/policy*.c only. */
#ifndef ASKCSV_RUNNER_POLICY_EXACT_H
#define ASKCSV_RUNNER_POLICY_EXACT_H

#include "runner/policy.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Of a query that can still be order-free; what is larger is not looked through. */
#define POLICY_ALIASES_MAX 500 /* different ones */
#define POLICY_EXACT_EXPRESSIONS_MAX 5000
#define POLICY_EXACT_ITEMS_MAX 256 /* of one SELECT */

struct policy_exact_name {
        const char *name;
        enum policy_exactness is;
        bool is_inner; /* also the name of a column in FROM */
};

struct policy_exact {
        struct policy_exact_name *names; /* room for the tables' columns and the aliases */
        size_t n_names;
        size_t names_max;
        const char *tables[POLICY_ALIASES_MAX]; /* what may stand before a column */
        size_t n_tables;
        size_t n_expressions; /* seen in this pass */
        bool has_changed;     /* a name became less exact since this was set to false */
        bool is_free; /* nothing was seen that depends on the order since it was set to true */
        bool saw_aggregate; /* likewise, outside of subqueries */
};

/* What the expression gives; takes is_free away for what depends on the order of rows, or on
 * something that is not known. NULL is fine. */
enum policy_exactness policy_exact_expression(struct policy_exact *exact, const json_t *expression);

/* Says that the name is given to something of that kind. */
void policy_exact_note(struct policy_exact *exact, const char *name, enum policy_exactness is,
                       bool is_inner);
void policy_exact_note_table(struct policy_exact *exact, const char *name);
const struct policy_exact_name *policy_exact_find(const struct policy_exact *exact,
                                                  const char *name);

/* The statement of a subquery, a CTE or the whole, in policy_parallel.c. What its first column
 * gives; is_value: it stands in an expression, so that nobody can name its columns. */
enum policy_exactness policy_exact_statement(struct policy_exact *exact, const json_t *statement,
                                             bool is_value);

/* Whether the statement's answer is the same whatever the order in which rows are worked on. */
int policy_is_order_free(const json_t *statement, const struct policy_scope *scope, bool *ret,
                         struct error *err);

#endif
