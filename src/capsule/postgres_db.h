/* The PostgreSQL database behind a store: connecting to it, and saying what is wrong with it. Only
 * src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_POSTGRES_DB_H
#define ASKCSV_CAPSULE_POSTGRES_DB_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/uuid.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define POSTGRES_PARAMETERS_MAX 12
#define POSTGRES_NUMBER_SIZE 24

/* What shows afterwards whether a transaction was committed: the last thing that was written in it.
 * sql gives a row when it was; its parameters are key and hash. */
struct postgres_witness {
        const char *sql; /* NULL: nothing was written that shows it */
        char key[UUID_TEXT_SIZE];
        char hash[HASH_HEX_SIZE];
};

struct postgres_db {
        PGconn *conn;    /* NULL until it is connected */
        char *url;       /* may hold a password: never shown */
        char place[256]; /* "capsules on db.example:5432": what messages call it */
        int64_t fence;   /* of a lock that each transaction of this connection holds */
        int wait_ms;
        bool in_transaction;
        /* Since the last attempt to connect failed: until when there is no other, and what it said.
         * Who asks meanwhile does not wait for what would fail as slowly again. */
        int64_t rest_until_us;
        struct error *refusal;
        struct postgres_witness witness;
        bool is_unknown; /* whether the last transaction was kept */
};

/* Connects to the database at url ("postgresql://..."), which is copied, and makes our tables or
 * brings them up to date. */
int postgres_db_open(const char *url, struct postgres_db *db, struct error *err);
void postgres_db_close(struct postgres_db *db); /* safe on a zeroed struct and twice */

/* A connection of its own to the same database, with nothing looked at; for another thread. */
int postgres_db_open_beside(const struct postgres_db *db, struct postgres_db *ret,
                            struct error *err);

/* For locks that others hold; from 0. */
void postgres_db_set_wait(struct postgres_db *db, int wait_ms);

/* A statement and its parameters ($1 ...), NULL for NULL; all are lent. */
struct postgres_query {
        const char *sql;
        const char *values[POSTGRES_PARAMETERS_MAX];
        int n;
};

/* Outside a transaction, a connection that was lost meanwhile is made anew, once. The caller clears
 * *ret (PQclear). */
int postgres_db_query(struct postgres_db *db, const struct postgres_query *query, PGresult **ret,
                      struct error *err);
/* The same for what gives no rows, or whose rows do not matter; *ret_n (or NULL) is how many. */
int postgres_db_run(struct postgres_db *db, const struct postgres_query *query, int64_t *ret_n,
                    struct error *err);
/* Calls each for every row as it comes, so that one is in memory at a time, until it returns
 * non-zero, which is then the result; *ret_n is how many there were. each must not use db, and what
 * is behind its last row is read and thrown away. */
int postgres_db_stream(struct postgres_db *db, const struct postgres_query *query,
                       int (*each)(const PGresult *row, void *data), void *data, int64_t *ret_n,
                       struct error *err);

/* Begins a transaction. also is a statement to go with it ("" for none), whose rows are *ret. */
int postgres_db_begin(struct postgres_db *db, const char *also, PGresult **ret, struct error *err);
/* Begins one in which everything that is read is of one moment. */
int postgres_db_begin_snapshot(struct postgres_db *db, struct error *err);
/* Ends it: keeps it when r is 0, else takes it back; r, or why it could not be kept. When the
 * connection is lost in that very moment, it is looked up (witness) whether it was kept. */
int postgres_db_finish(struct postgres_db *db, int r, struct error *err);
/* False when a statement failed: then nothing of the transaction will be kept. */
bool postgres_db_is_sound(const struct postgres_db *db);

/* Sets err from the last failure: what happened to which database, and what to do. result may be
 * NULL. */
int postgres_db_failed(const struct postgres_db *db, const PGresult *result, struct error *err);
int postgres_db_damaged(const struct postgres_db *db, const char *what, struct error *err);

/* NULL for NULL. */
const char *postgres_text(const PGresult *result, int row, int column);
int64_t postgres_number(const PGresult *result, int row, int column); /* 0 for NULL */
/* As a parameter. */
void postgres_put_number(int64_t number, char out[POSTGRES_NUMBER_SIZE]);

static inline void cleanup_result(PGresult **result)
{
        PQclear(*result); /* NULL is fine */
}

#define _cleanup_result_ _cleanup_(cleanup_result)

/* postgres_schema.c: makes the tables or brings them up to date, one process at a time. */
int postgres_schema_prepare(struct postgres_db *db, struct error *err);

#endif
