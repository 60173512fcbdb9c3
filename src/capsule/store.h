/* Where capsules are kept. The contract every store fulfils: sqlite.c for one machine, postgres.c
 * for several servers that share it. */
#ifndef ASKCSV_CAPSULE_STORE_H
#define ASKCSV_CAPSULE_STORE_H

#include "capsule/capsule.h"

#include <stdint.h>

#define CAPSULE_NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define CAPSULE_WAIT_MS 30000  /* for a lock that another process holds, unless set otherwise */
#define CAPSULE_LEASE_MS 15000 /* see capsule_store_set_lease */

/* Opaque; its body stays in src/capsule/. One thread at a time uses it, and it must not be carried
 * across fork(2); any number of processes, each with a store of its own, share one place. */
struct capsule_store;

/* Opens the store at url: "sqlite:PATH", or "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" with
 * what libpq knows besides ("postgres://" is the same). Makes it when it is missing (the file and
 * its folder 0600 and 0700, or the tables), and checks that it is one of ours and not of a newer
 * version. The caller frees *ret with capsule_store_free(). Failures are ERROR_STORE; *ret is
 * untouched and err says what to do, without a password. What is damaged, empty or foreign is never
 * replaced. A connection that is lost later is made again at the next call; one that is under way
 * fails, and has then done nothing, or was looked up and is done. */
int capsule_store_open(const char *url, struct capsule_store **ret, struct error *err);

/* Lets go of the owner's lock: what this store left open counts as abandoned. NULL is fine. */
void capsule_store_free(struct capsule_store *store);

/* The same for one store that any number of threads of this process use at once; what they write at
 * the same moment is committed together. `each` of a list must not use the store. */
int capsule_store_open_shared(const char *url, struct capsule_store **ret, struct error *err);

/* How long each call waits for other processes, in milliseconds, from 0. */
void capsule_store_set_wait(struct capsule_store *store, int wait_ms);

/* In a store that several machines share, an owner of open capsules says at intervals that it
 * lives; when it was silent for so long, in milliseconds from 100, it counts as gone. Before the
 * first insert. Who calls this is a server: what waits when it goes is left to other servers for a
 * while (store_adopt), and not recovered. Nothing where the kernel knows who lives. */
void capsule_store_set_lease(struct capsule_store *store, int lease_ms);

/* Keeps an open capsule, durably, before its run starts. The first one takes an owner's lock
 * (a file in the folder "owners" beside the store), before anything is written; the process's end,
 * however it comes, lets go of it. (Or a lease: capsule_store_set_lease.) ERROR_REQUEST_REPEATED
 * when there is a capsule with the same request_key. */
int capsule_store_insert(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err);

/* Replaces an open capsule of ours by what is known now. */
int capsule_store_update(struct capsule_store *store, const struct capsule *capsule,
                         struct error *err);

/* Seals the capsule of ours (its state is final) behind the newest sealed one and keeps it,
 * durably, in one transaction. After a failure the capsule is as it was, and sealing may be tried
 * again. */
int capsule_store_seal(struct capsule_store *store, struct capsule *capsule, struct error *err);

/* Whether capsules can be kept now: writes to the disk and waits for it, and changes nothing. */
int capsule_store_probe(struct capsule_store *store, struct error *err);

/* Seals as failed every open capsule whose owner is gone; *ret_count is how many. Capsules of
 * processes that live are left alone. What cannot be sealed stays open, the others are sealed
 * nevertheless, and the first error is returned. */
int capsule_store_recover(struct capsule_store *store, size_t *ret_count, struct error *err);

/* run_id is a whole id (of a capsule of any kind), a prefix of at least 8 characters that fits one
 * run only, or "last" (the newest run by creation). ERROR_RUN_NOT_FOUND otherwise. The caller frees
 * *ret. */
int capsule_store_get(struct capsule_store *store, const char *run_id, struct capsule **ret,
                      struct error *err);

/* Whose it is (CAPSULE_ASKER_MAX + 1 bytes; "": nobody's), also when its text was altered and
 * cannot be read. run_id as in get. */
int capsule_store_asker(struct capsule_store *store, const char *run_id, char *out,
                        struct error *err);

struct capsule_filter {
        const char *kind;          /* as capsule_kind_name says it, or NULL: runs */
        const char *dataset_id;    /* or NULL */
        const char *status;        /* or NULL */
        const char *asker;         /* or NULL: anybody's */
        const char *request_key;   /* or NULL; at most one capsule has it */
        const char *since, *until; /* created at or after, and before: "2026-01-31T00:00:00.000Z",
                                    * compared as text; or NULL */
        const char *before;        /* only capsules kept before this run (as in get), or NULL */
        int64_t limit;             /* at most so many, newest first; 0: all */
};

/* Calls each for every capsule that fits, newest first, until it returns non-zero, which is
 * then what list returns. The capsule is only lent, and each must not use the store. */
int capsule_store_list(struct capsule_store *store, const struct capsule_filter *filter,
                       int (*each)(const struct capsule *capsule, void *data), void *data,
                       struct error *err);

/* The end of the chain: how many capsules were ever sealed, how many of them retention has removed
 * (all from the beginning), and the newest one's hash (CAPSULE_NO_HASH when there is none). Whoever
 * notes it elsewhere can tell later that nothing before it was rewritten. */
struct chain_head {
        int64_t count;
        int64_t removed;
        char hash[HASH_HEX_SIZE];
};
int capsule_store_head(struct capsule_store *store, struct chain_head *ret, struct error *err);

/* What a check of the record found. */
enum capsule_fault {
        CAPSULE_INTACT,
        CAPSULE_HASH_DIFFERS,   /* the stored body is not what was hashed */
        CAPSULE_RESULT_DIFFERS, /* result_hash is not that of the stored rows */
        CAPSULE_CHAIN_BROKEN,   /* prev_hash is not the hash of the capsule before, or the chain's
                                 * head not that of the newest */
        CAPSULE_MISSING,        /* the chain's head or count says that one was removed */
};
const char *capsule_fault_name(enum capsule_fault fault);

/* Checks one sealed capsule (run_id as in get) and its links to the one before and the one behind
 * (or the head). *ret says what was found and message (ERROR_MESSAGE_MAX bytes) says it in words.
 * ERROR_RUN_NOT_FOUND for a run that has not ended. */
int capsule_store_check(struct capsule_store *store, const char *run_id, enum capsule_fault *ret,
                        char *message, struct error *err);

/* Checks the whole chain, from the oldest that retention has left; stops at the first fault and
 * names its run in message.
 * *ret_checked is how many were sound. */
int capsule_store_check_all(struct capsule_store *store, enum capsule_fault *ret, char *message,
                            size_t *ret_checked, struct error *err);

#endif
