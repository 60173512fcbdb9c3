/* The run capsule: the record of one run. While the run goes on it is open and may be filled;
 * sealed, it has a hash, a place in the chain, and never changes again. */
#ifndef ASKCSV_CAPSULE_CAPSULE_H
#define ASKCSV_CAPSULE_CAPSULE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>

enum run_state {
        RUN_PENDING,
        RUN_RUNNING,
        RUN_SUCCEEDED,
        RUN_FAILED,
        RUN_REJECTED,
        RUN_TIMED_OUT,
        RUN_CANCELLED,
        RUN_ABSTAINED,
        RUN_STATE_COUNT_,
};

const char *run_state_name(enum run_state state); /* "pending", "timed_out", ... */
/* RUN_STATE_COUNT_ when there is no such name. */
enum run_state run_state_from_name(const char *name);
bool run_state_is_final(enum run_state state);

/* The members of a capsule, in the order in which they are shown. All are always present; what
 * does not apply is null. schemas/capsule.v1.json has their types.
 *   capsule (the format's version, 1), run_id, created_at, started_at, finished_at, dataset_id,
 *   dataset_version, tables, question, planner, query_mode, plan, sql, as_of, executor, limits,
 *   status, result, result_hash, error, timings, engine, sandbox, prev_hash, capsule_hash */
struct capsule {
        json_t *body;         /* an object with the members above */
        enum run_state state; /* mirrors body.status; run_move is the only writer of both */
};

/* A pending capsule with a new run_id, created_at now, everything else null. */
int capsule_new(struct capsule **ret, struct error *err);
void capsule_free(struct capsule *capsule); /* NULL is fine */

/* Takes over the reference to value (as json_object_set_new does); a NULL value is no memory.
 * Fails for a member that does not exist, status, the two hashes, or a sealed capsule. */
int capsule_set(struct capsule *capsule, const char *member, json_t *value, struct error *err);

const char *capsule_run_id(const struct capsule *capsule);

/* The one writer of a run's state; the table in lifecycle.c says what may follow what. Fails
 * with ERROR_INTERNAL for any other move. Sets started_at and finished_at. */
int run_move(struct capsule *capsule, enum run_state to, struct error *err);

/* Sets prev_hash and capsule_hash = SHA-256 of the RFC 8785 form of the body without
 * capsule_hash. The state must be final. prev_hash is 64 hexadecimal digits. */
int capsule_seal(struct capsule *capsule, const char *prev_hash, struct error *err);
bool capsule_is_sealed(const struct capsule *capsule);

/* What capsule_hash should be. */
int capsule_compute_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE], struct error *err);

/* SHA-256 over the canonical form of columns, types and rows of a result: {"columns","types",
 * "ordered"} and then each row, in order when `ordered`, else sorted bytewise. It is the same
 * rule that the runner applies (src/protocol/result_hash.h). */
int capsule_compute_result_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE],
                                struct error *err);

/* Reads a stored or exported capsule and checks its members' types. */
int capsule_parse(const char *text, size_t n, struct capsule **ret, struct error *err);
/* Compact JSON in the order above. */
int capsule_write(const struct capsule *capsule, struct buf *out, struct error *err);

#endif
