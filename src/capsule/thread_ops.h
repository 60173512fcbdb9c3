/* What a kind of store does for threads.c. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_THREAD_OPS_H
#define ASKCSV_CAPSULE_THREAD_OPS_H

#include "capsule/threads.h"

#include <stdbool.h>

enum thread_op {
        THREAD_NEW,      /* thread */
        THREAD_GET,      /* id, owner; sets *found */
        THREAD_LIST,     /* owner, before, limit, each_thread */
        THREAD_APPEND,   /* id, owner, message, title; sets message->seq */
        THREAD_MESSAGES, /* id, owner, after_seq, limit, each_message */
        THREAD_RENAME,   /* id, owner, title */
        THREAD_DELETE,   /* id, owner */
        THREAD_OP_COUNT_,
};

/* One call; checked already. Of the members only those that are named above are set. */
struct thread_call {
        enum thread_op op;
        const char *id;
        const char *owner;
        const struct thread *thread;
        struct thread *found;
        const struct thread_cursor *before; /* or NULL */
        int64_t after_seq;
        int64_t limit;     /* -1: all */
        const char *title; /* of an append: for a thread that has none; may be "" */
        struct thread_message *message;
        const char *run_ids, *meta; /* the message's, as JSON */
        int (*each_thread)(const struct thread *thread, void *data);
        int (*each_message)(const struct thread_message *message, void *data);
        void *data;
};

static inline bool thread_op_writes(enum thread_op op)
{
        return op != THREAD_GET && op != THREAD_LIST && op != THREAD_MESSAGES;
}

int thread_not_found(const char *id, struct error *err);

/* A message's run_ids or meta as they are kept; err has that type if they are not JSON. */
int thread_parse(const char *text, size_t n, enum error_type type, json_t **ret, struct error *err);

struct sqlite_db;
int sqlite_threads_call(const struct sqlite_db *db, const struct thread_call *call,
                        struct error *err);

struct postgres_db;
int postgres_threads_call(struct postgres_db *db, const struct thread_call *call,
                          struct error *err);

#endif
