/* Walking along the chain of sealed capsules, one after the other, from the first that retention
 * has left. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_WALK_H
#define ASKCSV_CAPSULE_WALK_H

#include "capsule/store_ops.h"

/* What was found so far. */
struct finding {
        enum capsule_fault fault;
        char *message; /* ERROR_MESSAGE_MAX bytes */
        struct error *err;
};

/* What the newest retention capsule says of the ones that were removed. */
struct removal {
        int64_t total;
        char hash[HASH_HEX_SIZE]; /* of the last of them; CAPSULE_NO_HASH when there is none */
};

struct walk {
        struct finding finding;
        struct chain_head head;
        struct removal before; /* where the chain begins */
        struct removal said;   /* by the last retention capsule on the way */
        int64_t seq;           /* of the last capsule that was sound, or removed */
        char hash[HASH_HEX_SIZE];
};

/* To the beginning of the chain. finding is set already. 0, or 1: a fault was found, or negative:
 * err is set. Within a snapshot. */
int walk_begin(struct capsule_store *store, struct walk *walk, struct error *err);

/* To the next one; data is the walk. The results are the same. */
int walk_row(const struct stored_row *row, void *data);

#endif
