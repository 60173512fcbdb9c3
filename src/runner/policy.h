/* The first wall: an allow-list over the engine's own parse tree. It knows nothing of the
 * engine but the JSON that json_serialize_sql gives, and it links none of it. */
#ifndef ASKCSV_RUNNER_POLICY_H
#define ASKCSV_RUNNER_POLICY_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define POLICY_DEPTH_MAX 1000                    /* nested nodes of the parse tree */
#define POLICY_TREE_BYTES_MAX (32 * 1024 * 1024) /* the tree's JSON text */

/* How exactly a value is known whatever the order in which rows are worked on; each may be used in
 * fewer ways than the one before. */
enum policy_exactness {
        POLICY_UNSEEN,      /* nothing is known yet */
        POLICY_EXACT,       /* whole numbers, decimals, truth: sums of them are exact */
        POLICY_PLAIN,       /* text, days, moments: equal ones are the same, none is summed */
        POLICY_FLOATING,    /* sums depend on the order; 0.0 and -0.0 are equal and differ */
        POLICY_EITHER_ZERO, /* the same, and which zero it is may depend on the order */
        POLICY_OPAQUE,      /* nested ones, INTERVAL, and what is not known */
};

/* Of a type as DuckDB writes it: "DECIMAL(10,2)". */
enum policy_exactness policy_exactness_of(const char *type);

struct policy_typed {
        const char *name;
        enum policy_exactness is;
};

struct policy_scope {
        const char *dataset_id; /* the only schema name that may qualify a table */
        const char *const *tables;
        size_t n_tables;
        /* Names of the tables' columns, all together, or NULL when they are not known. A column
         * called "user" can be written alone only when it is known. */
        const char *const *columns;
        size_t n_columns;
        /* All tables' columns with what they hold; without them order_free is seldom true. */
        const struct policy_typed *typed;
        size_t n_typed;
};

struct policy_verdict {
        /* The outermost ORDER BY names every output column, so that the order of rows that
         * differ is fixed. False when it cannot be told. Types are not known here: two INTERVALs
         * may be equal and differ ("30 days", "1 month"), so whoever sees an INTERVAL in the
         * result's types has to take this for false. */
        bool total_order;
        /* The answer, rows and their order, is the same in whatever order and by however many
         * threads the tables' rows are worked on. False when it cannot be told. */
        bool order_free;
        bool random_sample; /* there is a SAMPLE without a seed: the answer may change */
        bool asks_time;     /* it may ask for the current moment, by function or by keyword */
        bool names_dataset; /* a table is qualified with the dataset's id */
};

/* Before anything parses it: length, NUL, UTF-8, emptiness (ERROR_VALIDATION); depth of brackets
 * and of nested comments, number of set operations and of AND and OR, which the engine's parser
 * has no bound for (ERROR_SQL_POLICY_VIOLATION). sql has n bytes and a NUL behind them. */
int policy_check_text(const char *sql, size_t n, struct error *err);

/* Reads the JSON text that json_serialize_sql gave, which json_parse() would not take: it holds
 * integers of 64 bits without a sign. The caller owns *ret. */
int policy_tree_parse(const char *json, size_t n, json_t **ret, struct error *err);

/* tree is the JSON of json_serialize_sql(sql); sql is for positions only. 0: everything in it is
 * on the allow-list. Otherwise ERROR_VALIDATION (the text does not parse) or
 * ERROR_SQL_POLICY_VIOLATION, and err says what was found, its position, and what to do. */
int policy_check(const json_t *tree, const char *sql, const struct policy_scope *scope,
                 struct policy_verdict *ret, struct error *err);

/* True when the function may be called; name in any case. */
bool policy_function_is_allowed(const char *name);

#endif
