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

/* [{name, path, format, sha256, bytes, rows}]; said (the response's tables, or NULL) has the
 * measured ones. NULL for no memory. */
json_t *record_tables(const struct dataset *dataset, const json_t *said);

/* The limits as the request has them, and back: absent ones are those of LIMITS_DEFAULT. */
json_t *record_limits(const struct limits *limits);
struct limits record_limits_read(const json_t *limits);

/* Sets result, result_hash, timings, engine, sandbox, tables out of a checked response. */
int record_response(struct capsule *capsule, const struct dataset *dataset,
                    const struct response *response, double total_ms, struct error *err);

/* Sets error; faults (or NULL) are those of a plan and go over to it. */
int record_error(struct capsule *capsule, const struct error *why, json_t *faults,
                 struct error *err);

#endif
