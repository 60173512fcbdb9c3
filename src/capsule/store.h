/* Where capsules are kept. The contract every store fulfils; sqlite.c is the first. */
#ifndef ASKCSV_CAPSULE_STORE_H
#define ASKCSV_CAPSULE_STORE_H

#include "capsule/capsule.h"

#include <stdint.h>

struct capsule_store; /* opaque; its body stays in src/capsule/ */

/* Opens the store at url ("sqlite:PATH"), makes it when it is missing, checks that it is sound,
 * and takes an owner's lock that lives as long as the process. url is not kept. The caller frees
 * *ret with capsule_store_free(). On failure *ret is untouched and err says what to do. */
int capsule_store_open(const char *url, struct capsule_store **ret, struct error *err);
void capsule_store_free(struct capsule_store *store); /* NULL is fine */

/* Keeps a pending capsule, durably, before its run starts. */
int capsule_store_insert(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err);

/* Replaces an open capsule of ours by what is known now. */
int capsule_store_update(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err);

/* Seals the capsule (its state is final) behind the newest sealed one and keeps it, durably, in
 * one transaction. */
int capsule_store_seal(struct capsule_store *store, struct capsule *capsule, struct error *err);

/* Seals as failed every open capsule whose owner is gone; *ret_count is how many. Capsules of
 * processes that live are left alone. */
int capsule_store_recover(struct capsule_store *store, size_t *ret_count, struct error *err);

/* run_id is a whole id, a prefix of at least 8 characters that fits one run only, or "last" (the
 * newest by creation). ERROR_RUN_NOT_FOUND otherwise. The caller frees *ret. */
int capsule_store_get(struct capsule_store *store, const char *run_id, struct capsule **ret,
                      struct error *err);

struct capsule_filter {
        const char *dataset_id; /* or NULL */
        const char *status;     /* or NULL */
        const char *before;     /* only capsules created before this run_id, or NULL */
        int64_t limit;          /* at most so many, newest first; 0: all */
};

/* Calls each for every capsule that fits, newest first, until it returns non-zero, which is
 * then what list returns. The capsule is only lent. */
int capsule_store_list(struct capsule_store *store, const struct capsule_filter *filter,
                       int (*each)(const struct capsule *capsule, void *data), void *data,
                       struct error *err);

/* What a check of the record found. */
enum capsule_fault {
        CAPSULE_INTACT,
        CAPSULE_HASH_DIFFERS,   /* the stored body is not what was hashed */
        CAPSULE_RESULT_DIFFERS, /* result_hash is not that of the stored rows */
        CAPSULE_CHAIN_BROKEN,   /* prev_hash is not the hash of the capsule before */
        CAPSULE_MISSING,        /* the chain's head or count says that one was removed */
};
const char *capsule_fault_name(enum capsule_fault fault);

/* Checks one sealed capsule and its link to the one before. *ret says what was found and
 * message (ERROR_MESSAGE_MAX bytes) says it in words. */
int capsule_store_check(struct capsule_store *store, const char *run_id, enum capsule_fault *ret,
                        char *message, struct error *err);

/* Checks the whole chain, oldest first; stops at the first fault, names its run in run_id. */
int capsule_store_check_all(struct capsule_store *store, enum capsule_fault *ret, char *message,
                            size_t *ret_checked, struct error *err);

#endif
