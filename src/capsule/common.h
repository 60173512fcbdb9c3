/* What every kind of store does alike. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_COMMON_H
#define ASKCSV_CAPSULE_COMMON_H

#include "base/clock.h"
#include "base/uuid.h"
#include "capsule/capsule.h"

#include <stdint.h>

/* Whose a retention capsule is until it is sealed, in the same transaction. */
#define COMMON_RETENTION_OWNER "retention"

/* A whole id or the beginning of one, in lower case. ERROR_RUN_NOT_FOUND for what is neither. */
int common_check_prefix(const char *run_id, char out[UUID_TEXT_SIZE], struct error *err);

/* ERROR_RUN_NOT_FOUND: there is no such run, or none at all. newest is the newest retention
 * capsule, or NULL. */
int common_none_found(const char *run_id, const struct capsule *newest, struct error *err);
/* The same when n of them begin so. */
int common_many_found(const char *run_id, int64_t n, struct error *err);

/* A request with the same key was kept already. */
int common_repeated(struct error *err);

/* To its final state, failed: whoever had it is gone. */
int common_abandon(struct capsule *capsule, struct error *err);

#endif
