/* What a kind of store that servers share does for servers.c. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_SERVERS_OPS_H
#define ASKCSV_CAPSULE_SERVERS_OPS_H

#include "capsule/servers.h"

enum servers_op {
        SERVERS_ASK_CANCEL,   /* run_id; *n */
        SERVERS_ADOPT,        /* capsule */
        SERVERS_CANCELS,      /* each_run, data */
        SERVERS_DOCUMENT_GET, /* name; version is the known one, and then the one that there is;
                                 body */
        SERVERS_DOCUMENT_PUT, /* name, version, text; *n */
        SERVERS_BUCKETS,      /* buckets, n_buckets */
        SERVERS_OP_COUNT_,
};

/* One call. Of the members only those that are named above are set. */
struct servers_call {
        enum servers_op op;
        const char *run_id, *name, *text;
        int64_t version;
        int64_t n;
        char *body;
        struct capsule *capsule;
        struct bucket *buckets;
        size_t n_buckets;
        void (*each_run)(const char *run_id, void *data);
        void *data;
};

struct postgres_db;
int postgres_servers_call(struct postgres_db *db, struct servers_call *call, struct error *err);

#endif
