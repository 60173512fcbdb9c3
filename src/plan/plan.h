/* The query plan, version 1: JSON in, faults or SQL out. schemas/query-plan.v1.json says the
 * same to other programs; docs/PLAN.md says it to people. */
#ifndef ASKCSV_PLAN_PLAN_H
#define ASKCSV_PLAN_PLAN_H

#include "base/buf.h"
#include "base/error.h"
#include "dataset/schema.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_BYTES_MAX (256 * 1024) /* of the JSON text */
#define PLAN_DEPTH_MAX 64           /* nested arrays and objects */
#define PLAN_FAULTS_MAX 100         /* reported; the rest is counted */
#define PLAN_LIMIT_DEFAULT 200
#define PLAN_LIMIT_MAX 1000

struct plan; /* parsed and checked for shape; not yet against a schema */

struct plan_fault {
        enum error_type type;   /* ERROR_VALIDATION or ERROR_EXFILTRATION_SUSPECTED */
        const char *pointer;    /* JSON Pointer (RFC 6901); "" is the whole plan */
        const char *message;    /* says what is wrong and what to write instead */
        const char *suggestion; /* the nearest name, or NULL */
};

/* Every fault at once, in the order of the plan's text. */
struct plan_faults {
        struct plan_fault *items;
        size_t n;      /* at most PLAN_FAULTS_MAX */
        size_t n_more; /* found beyond it */
        struct arena *arena;
};

void plan_faults_init(struct plan_faults *faults);
void plan_faults_done(struct plan_faults *faults);

/* One error out of all: the first fault's type, pointer and message, and how many more. */
int plan_faults_to_error(const struct plan_faults *faults, struct error *err);

/* [{"type","pointer","message","suggestion"?}, ...]; a new reference, or NULL for no memory. */
json_t *plan_faults_to_json(const struct plan_faults *faults);

/* Reads a plan of n bytes and checks its shape: keys, types, enumerations, ranges. The caller frees
 * *ret with plan_free. On failure *ret is untouched and faults (and err, the summary) say why;
 * faults must be empty before, and stay so when memory is short (ERROR_INTERNAL), or
 * incomplete. */
int plan_parse(const char *text, size_t n, struct plan **ret, struct plan_faults *faults,
               struct error *err);
void plan_free(struct plan *plan); /* NULL is fine */

/* The dataset that the plan names; belongs to the plan. */
const char *plan_dataset_id(const struct plan *plan);

/* The plan as it was read, for the capsule; a borrowed reference. */
const json_t *plan_json(const struct plan *plan);

/* Checks the plan against the dataset (names, types, aggregates, joins, exfiltration) and writes
 * its SQL behind what is in sql: one SELECT in stable text, totally ordered, with its LIMIT.
 * as_of_s is in seconds since 1970 UTC, years 1 to 9999 (else ERROR_INVALID_REQUEST); "last" and
 * as_of count from it. faults must be empty. Nothing is written when it fails. */
int plan_compile(const struct plan *plan, const struct dataset *dataset, int64_t as_of_s,
                 struct buf *sql, struct plan_faults *faults, struct error *err);

/* The text of schemas/query-plan.v1.json. */
const char *plan_schema_text(void);

#endif
