/* Filling a capsule: from what was asked, from what the runner said, from what went wrong. */
#ifndef ASKCSV_RUN_RECORD_H
#define ASKCSV_RUN_RECORD_H

#include "capsule/capsule.h"
#include "dataset/schema.h"
#include "protocol/request.h"
#include "run/response.h"

#include <jansson.h>

/* A JSON string of any text: what is not UTF-8 becomes "?". NULL for no memory. */
json_t *record_text(const char *text);

/* SQL as it was given, as JSON, if it can be SQL at all; else *ret is NULL and err says why not. */
int record_sql(const char *sql, size_t n, json_t **ret, struct error *err);

/* [{name, path, format, sha256, bytes, rows}]; said (the response's tables, or NULL) has the
 * measured ones. NULL for no memory. */
json_t *record_tables(const struct dataset *dataset, const json_t *said);

/* The limits as the request has them, and back: absent ones are those of LIMITS_DEFAULT. */
json_t *record_limits(const struct limits *limits);
struct limits record_limits_read(const json_t *limits);

/* Sets one of the timings, and leaves the others as they are. */
int record_timing(struct capsule *capsule, const char *phase, double ms, struct error *err);

/* Sets result, result_hash, timings (those that were set before stay), engine, sandbox, tables out
 * of a checked response. */
int record_response(struct capsule *capsule, const struct dataset *dataset,
                    const struct response *response, double total_ms, struct error *err);

/* Sets the members of an answer by those of an earlier run's capsule, and says which that was. */
int record_cached(struct capsule *capsule, const struct capsule *earlier, double total_ms,
                  struct error *err);

/* Sets error; faults (or NULL) are those of a plan and go over to it. */
int record_error(struct capsule *capsule, const struct error *why, json_t *faults,
                 struct error *err);

#endif
