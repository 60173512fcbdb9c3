/* The first wall: an allow-list over the engine's own parse tree. It knows nothing of the
 * engine but the JSON that json_serialize_sql gives, and it links none of it. */
#ifndef ASKCSV_RUNNER_POLICY_H
#define ASKCSV_RUNNER_POLICY_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define POLICY_DEPTH_MAX 1000 /* nested nodes of the parse tree */

struct policy_scope {
        const char *dataset_id; /* the only schema name that may qualify a table */
        const char *const *tables;
        size_t n_tables;
};

struct policy_verdict {
        /* The outermost ORDER BY names every output column, so that the order of rows that
         * differ is fixed. False when it cannot be told. */
        bool total_order;
};

/* Before anything parses it: length, NUL, UTF-8, depth of brackets and of nested comments. */
int policy_check_text(const char *sql, size_t n, struct error *err);

/* tree is the JSON of json_serialize_sql(sql); sql is for positions only. 0: everything in it is
 * on the allow-list. Otherwise ERROR_VALIDATION (the text does not parse) or
 * ERROR_SQL_POLICY_VIOLATION, and err says what was found, its position, and what to do. */
int policy_check(const json_t *tree, const char *sql, const struct policy_scope *scope,
                 struct policy_verdict *ret, struct error *err);

/* True when the function may be called; name in any case. */
bool policy_function_is_allowed(const char *name);

#endif
