/* manifest.json: what a snapshot was made of. Read as bytes from outside, whoever wrote them. */
#ifndef ASKCSV_SNAPSHOT_MANIFEST_H
#define ASKCSV_SNAPSHOT_MANIFEST_H

#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define MANIFEST_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define MANIFEST_ROWS_MAX ((json_int_t)1 << 53) /* of a table */

bool manifest_is_sha256(const char *text); /* NULL is not one */

/* 0 when it has all members, of their types and in their ranges, and this format; else
 * ERROR_DATASET_INVALID. */
int manifest_check(const json_t *manifest, struct error *err);

/* Parses and checks; the caller owns *ret. ERROR_INTERNAL only when memory is short. */
int manifest_parse(const char *text, size_t n, json_t **ret, struct error *err);

/* All tables' rows together. */
json_int_t manifest_rows(const json_t *manifest);

#endif
