/* Who owns an open capsule in PostgreSQL, and whether that owner still lives. An owner has a row
 * that a thread of its renews; whose row grows old, as the database's clock says, is doubted, and
 * if it stays silent for as long again it is condemned, for ever: it can keep nothing more under
 * that name. Only src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_POSTGRES_OWNER_H
#define ASKCSV_CAPSULE_POSTGRES_OWNER_H

#include "capsule/postgres_db.h"

#include <pthread.h>

struct postgres_owner {
        char id[UUID_TEXT_SIZE]; /* "" while there is none */
        int lease_ms;            /* after so long a silence it is condemned */
        bool is_server;          /* others may go on with what waits when it goes */
        struct postgres_db db;   /* the thread's own connection, made at its first renewal */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool is_running, stopping;
        bool is_lost; /* it was condemned */
};

void postgres_owner_init(struct postgres_owner *owner, int lease_ms);
/* Makes a new owner where there is none, or where it was condemned. Outside a transaction of db. */
int postgres_owner_take(struct postgres_owner *owner, struct postgres_db *db, struct error *err);
/* What it left open counts as abandoned from now on. */
void postgres_owner_release(struct postgres_owner *owner, struct postgres_db *db);

/* It was found out elsewhere that it is condemned. */
void postgres_owner_lost(struct postgres_owner *owner);

/* Doubts who is silent, and condemns who stayed so. */
int postgres_owner_judge(struct postgres_db *db, struct error *err);
/* Removes those that are condemned and have no open capsule left. */
int postgres_owner_bury(struct postgres_db *db, struct error *err);

#endif
