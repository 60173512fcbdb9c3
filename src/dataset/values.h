/* The value index: which values the columns of a dataset version hold. The runner makes it inside
 * the sandbox; planners find "Books" and "last year" in it. Bytes from outside until checked. */
#ifndef ASKCSV_DATASET_VALUES_H
#define ASKCSV_DATASET_VALUES_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUES_COLUMN_MAX 50000   /* distinct values kept of one column */
#define VALUES_DATASET_MAX 200000 /* and of all columns together */
#define VALUES_TEXT_MAX 200       /* bytes; longer values are left out, and complete is false */
#define VALUES_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of the JSON text */

struct column_values {
        int64_t n_nulls;
        int64_t n_distinct; /* of those that are not NULL; -1: more than were counted */
        const char *min;    /* as DuckDB prints it ("2026-01-31", "12.50"), or NULL: no value, or a
                             * type that has none (text has: the first in byte order) */
        const char *max;
        const char *const *values; /* distinct texts in byte order; VARCHAR columns only */
        size_t n_values;
        bool complete; /* values holds every one of them */
};

struct table_values {
        int64_t n_rows;
        const struct column_values *columns; /* as many as the table has, in its order */
        size_t n_columns;
};

struct value_index {
        const struct table_values *tables; /* as many as the dataset has, in its order */
        size_t n_tables;
        struct arena *arena; /* owns it all */
};

struct dataset;

/* Reads {"tables":[{"name","rows","columns":[{"name","nulls","distinct","min"?,"max"?,"values"?,
 * "complete"?}]}]} (docs/PROTOCOL.md) and fits it to the dataset, which must be described: tables
 * and columns by name, ERROR_RUNNER_INTERNAL with what does not fit otherwise. The caller frees
 * *ret. */
int value_index_from_json(const json_t *json, const struct dataset *dataset,
                          struct value_index **ret, struct error *err);
void value_index_free(struct value_index *index); /* NULL is fine */

#endif
