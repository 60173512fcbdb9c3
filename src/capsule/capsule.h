/* The run capsule: the record of one run. While the run goes on it is open and may be filled;
 * sealed, it has a hash, a place in the chain, and never changes again. */
#ifndef ASKCSV_CAPSULE_CAPSULE_H
#define ASKCSV_CAPSULE_CAPSULE_H

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>

#define CAPSULE_BYTES_MAX (512 * 1024 * 1024) /* of the text; results are capped far below */
#define CAPSULE_ASKER_MAX 128                 /* bytes */
#define CAPSULE_DEPTH_MAX 1000                /* of a member's value */

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

/* What it is the record of. Every kind has the same life cycle and the same chain. */
enum capsule_kind {
        CAPSULE_RUN,
        CAPSULE_ANSWER,    /* a language model's answer to a message of a conversation */
        CAPSULE_RETENTION, /* capsules that were removed from the beginning of the chain */
        CAPSULE_KIND_COUNT_,
};

const char *capsule_kind_name(enum capsule_kind kind); /* "run", "answer", "retention" */
/* CAPSULE_KIND_COUNT_ when there is no such name. */
enum capsule_kind capsule_kind_from_name(const char *name);

/* The members of a run's capsule, in the order in which they are shown. All are always present
 * (capsules that were kept before there were questions have neither reading nor abstention); what
 * does not apply is null. schemas/capsule.v1.json has their types. capsule (the format's version,
 * 1), run_id, created_at, started_at, finished_at, dataset_id, dataset_version, tables, question,
 * planner, reading, query_mode, plan, sql, as_of, executor, limits, status, result, result_hash,
 * error, abstention, timings, engine, sandbox, prev_hash, capsule_hash and, of an answer that was
 * taken from an earlier run, cached_from (that run's id).
 *
 * An answer's: capsule, kind ("answer"), run_id, created_at, started_at, finished_at, dataset_id,
 *   dataset_version, question, planner, thread_id, status, runs ([{run_id, capsule_hash}]), answer,
 *   usage, error, timings, prev_hash, capsule_hash.
 * A retention's: capsule, kind ("retention"), run_id, created_at, started_at, finished_at, status,
 *   rule, removed, prev_hash, capsule_hash.
 * run_id is the capsule's own id in these. */
struct capsule {
        json_t *body;           /* an object with the members above */
        enum capsule_kind kind; /* mirrors body.kind, which a run does not have */
        enum run_state state;   /* mirrors body.status; run_move is the only writer of both */
        char asker[CAPSULE_ASKER_MAX + 1]; /* whose run it is, "" for nobody's: kept beside the
                                            * record and not in it; set before it is inserted */
        /* Likewise, of a request that is to be done once only, or "": which request it is (no two
         * capsules have the same), and a hash of what it asked for. */
        char request_key[HASH_HEX_SIZE], request_hash[HASH_HEX_SIZE];
};

/* A pending capsule of a run with a new run_id, created_at now, everything else null. */
int capsule_new(struct capsule **ret, struct error *err);
/* The same of any kind. */
int capsule_new_kind(enum capsule_kind kind, struct capsule **ret, struct error *err);
/* A pending one with the run_id and created_at, asker and request of that pending one: it is begun
 * anew. */
int capsule_new_as(const struct capsule *earlier, struct capsule **ret, struct error *err);
void capsule_free(struct capsule *capsule); /* NULL is fine */

static inline void cleanup_capsule(struct capsule **capsule)
{
        capsule_free(*capsule);
}

#define _cleanup_capsule_ _cleanup_(cleanup_capsule)

/* Takes over the reference to value (as json_object_set_new does), also on failure; a NULL value
 * is no memory. ERROR_INTERNAL for a member that does not exist, is not for the caller to set
 * (capsule, run_id, the times, status, prev_hash, capsule_hash) or may not be of this type, and for
 * a sealed capsule. ERROR_VALIDATION for a value that could not be hashed and read back: an integer
 * beyond 2^53 - 1, U+0000, more than CAPSULE_DEPTH_MAX levels (a plan from outside may hold them:
 * set its text as a string instead). */
int capsule_set(struct capsule *capsule, const char *member, json_t *value, struct error *err);

const char *capsule_run_id(const struct capsule *capsule);

/* The one writer of a run's state; the table in lifecycle.c says what may follow what. Fails
 * with ERROR_INTERNAL for any other move, and then nothing changed. Sets started_at when it goes to
 * running, finished_at when it goes to a final state. */
int run_move(struct capsule *capsule, enum run_state to, struct error *err);

/* Sets prev_hash and capsule_hash = SHA-256 of the RFC 8785 form of the body without
 * capsule_hash. The state must be final. prev_hash is 64 hexadecimal digits. */
int capsule_seal(struct capsule *capsule, const char *prev_hash, struct error *err);
bool capsule_is_sealed(const struct capsule *capsule);

/* What capsule_hash should be. */
int capsule_compute_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE], struct error *err);

/* What result_hash should be, by the rule that the runner applies (src/protocol/result_hash.h),
 * from the result's columns, types, ordered and rows. ERROR_STORE when there is no such result. */
int capsule_compute_result_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE],
                                struct error *err);

/* Reads a stored or exported capsule and checks its members' types; ERROR_STORE, with a pointer to
 * the member, when it is not one. Whether its hashes hold is for capsule_store_check to say. */
int capsule_parse(const char *text, size_t n, struct capsule **ret, struct error *err);
/* Compact JSON in the order above. */
int capsule_write(const struct capsule *capsule, struct buf *out, struct error *err);

#endif
