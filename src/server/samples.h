/* Rows that the schema of a dataset shows, kept as long as its files are what they were. */
#ifndef ASKCSV_SERVER_SAMPLES_H
#define ASKCSV_SERVER_SAMPLES_H

#include "base/buf.h"
#include "base/error.h"
#include "dataset/schema.h"

#include <jansson.h>
#include <stdbool.h>

#define SAMPLES_RETRY_MS 5000 /* what failed is not tried again for so long */

struct samples; /* opaque; any thread may use it */

/* For datasets of at most `max` ids. */
int samples_new(size_t max, struct samples **ret, struct error *err);
void samples_free(struct samples *samples); /* NULL is fine */

/* What the dataset's files are now: their places, sizes and times; paths are absolute. key is
 * initialised here; the caller ends it with buf_done. */
int samples_key(const struct dataset *dataset, struct buf *key, struct error *err);

/* True when it is known: *ret is a new reference to the rows (run/sample.h), or NULL, and then err
 * says why there are none. */
bool samples_find(struct samples *samples, const char *dataset_id, const char *key, json_t **ret,
                  struct error *err);

/* From now on the rows are known, or when they are NULL why there are none. */
void samples_keep(struct samples *samples, const char *dataset_id, const char *key, json_t *rows,
                  const struct error *why);

#endif
