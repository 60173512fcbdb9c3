/* What the model is shown, as data: between marks that nothing inside can write, and bounded. */
#ifndef ASKCSV_AGENT_FRAME_H
#define ASKCSV_AGENT_FRAME_H

#include "base/error.h"
#include "dataset/schema.h"

#include <jansson.h>
#include <stddef.h>

#define FRAME_NONCE_SIZE 17                 /* 16 hexadecimal digits and a NUL */
#define FRAME_BYTES_MAX ((size_t)96 * 1024) /* of a document; of a larger one little is left */
#define PREVIEW_BYTES_MAX ((size_t)16 * 1024)
#define PREVIEW_CELL_MAX 200 /* characters (code points) of a text that is shown */
#define SCHEMA_BYTES_MAX ((size_t)48 * 1024)
#define HINT_BYTES_MAX ((size_t)8 * 1024)

/* A word that nobody can foresee. */
int frame_nonce(char out[FRAME_NONCE_SIZE], struct error *err);

/* "<data-NONCE>\n{...}\n</data-NONCE>" and, before it, that it is data. Every "<" in the document
 * is written as \u003c. The caller frees *ret. */
int frame_data(const char *nonce, const json_t *document, char **ret, struct error *err);

/* Of a sealed capsule what the model needs: run_id, status, and the error, or columns, types,
 * row_count, truncated, the first rows (at most rows_max, and not more than fits) and how many
 * these are. With rows_max 0 the engine's messages are left out, which quote cells ("Could not
 * convert string '...'"). NULL for no memory. */
json_t *frame_preview(const json_t *capsule, size_t rows_max);

/* The dataset with its tables, columns, relationships, measures and named rows; of what is too
 * large the tables' columns are only named, or counted. only: one table, or NULL. Likewise. */
json_t *frame_schema(const struct dataset *dataset, const struct table *only);

/* Tables and columns by name and type alone, for a query that did not find one. */
json_t *frame_hint(const struct dataset *dataset);

#endif
