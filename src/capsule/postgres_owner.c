#include "capsule/postgres_owner.h"

#include "base/clock.h"
#include "base/cond.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RENEWALS 5        /* in the time after which it would be doubted */
#define RETRY_MS_MAX 1000 /* when a renewal failed */

void postgres_owner_init(struct postgres_owner *owner, int lease_ms)
{
        *owner = (struct postgres_owner){.lease_ms = lease_ms};
        (void)pthread_mutex_init(&owner->lock, NULL);
        cond_init(&owner->changed);
}

/* False when it could not be asked. */
static bool renew(struct postgres_owner *owner)
{
        int64_t n = 0;
        const struct postgres_query renewal = {
                "UPDATE owners SET renewed_at = clock_timestamp(), doubted_at = NULL WHERE id = $1 "
                "AND NOT condemned",
                {owner->id},
                1};
        if (postgres_db_run(&owner->db, &renewal, &n, NULL) < 0)
                return false;
        if (n == 0)
                postgres_owner_lost(owner);
        return true;
}

static void *renew_always(void *data)
{
        struct postgres_owner *owner = data;
        int64_t pause_ms = owner->lease_ms / 2 / RENEWALS;
        int64_t retry_ms = pause_ms < RETRY_MS_MAX ? pause_ms : RETRY_MS_MAX;
        bool renewed = true;
        (void)pthread_mutex_lock(&owner->lock);
        while (!owner->stopping && !owner->is_lost) {
                int64_t until_us = clock_monotonic_us() + (renewed ? pause_ms : retry_ms) * 1000;
                while (!owner->stopping && cond_wait_until(&owner->changed, &owner->lock, until_us))
                        ;
                if (owner->stopping)
                        break;
                (void)pthread_mutex_unlock(&owner->lock);
                renewed = renew(owner);
                (void)pthread_mutex_lock(&owner->lock);
        }
        (void)pthread_mutex_unlock(&owner->lock);
        return NULL;
}

static void stop(struct postgres_owner *owner)
{
        if (!owner->is_running)
                return;
        (void)pthread_mutex_lock(&owner->lock);
        owner->stopping = true;
        (void)pthread_cond_broadcast(&owner->changed);
        (void)pthread_mutex_unlock(&owner->lock);
        (void)pthread_join(owner->thread, NULL);
        postgres_db_close(&owner->db);
        owner->is_running = false;
        owner->stopping = false;
        owner->is_lost = false;
}

static bool is_lost(struct postgres_owner *owner)
{
        (void)pthread_mutex_lock(&owner->lock);
        bool lost = owner->is_lost;
        (void)pthread_mutex_unlock(&owner->lock);
        return lost;
}

void postgres_owner_lost(struct postgres_owner *owner)
{
        (void)pthread_mutex_lock(&owner->lock);
        owner->is_lost = true;
        (void)pthread_cond_broadcast(&owner->changed);
        (void)pthread_mutex_unlock(&owner->lock);
}

static int insert(struct postgres_owner *owner, struct postgres_db *db, struct error *err)
{
        char host[HOST_NAME_MAX + 1] = "";
        char pid[16];
        char lease[16];
        (void)gethostname(host, sizeof(host) - 1);
        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        (void)snprintf(lease, sizeof(lease), "%d", owner->lease_ms);
        const struct postgres_query row = {
                "INSERT INTO owners (id, host, pid, lease_ms, is_server, renewed_at) VALUES ($1, "
                "$2, $3::integer, $4::integer, $5::boolean, clock_timestamp()) ON CONFLICT DO "
                "NOTHING",
                {owner->id, host, pid, lease, owner->is_server ? "true" : "false"},
                5};
        return postgres_db_run(db, &row, NULL, err);
}

int postgres_owner_take(struct postgres_owner *owner, struct postgres_db *db, struct error *err)
{
        if (owner->is_running && !is_lost(owner))
                return 0;
        stop(owner);
        int r = uuid_v7(owner->id, err);
        if (r == 0)
                r = insert(owner, db, err);
        if (r == 0)
                r = postgres_db_open_beside(db, &owner->db, err);
        if (r < 0)
                return r;
        int code = pthread_create(&owner->thread, NULL, renew_always, owner);
        if (code != 0) {
                postgres_db_close(&owner->db);
                return error_errno(err, code, "starting a thread");
        }
        owner->is_running = true;
        return 0;
}

void postgres_owner_release(struct postgres_owner *owner, struct postgres_db *db)
{
        bool was_running = owner->is_running;
        stop(owner);
        if (was_running && PQstatus(db->conn) == CONNECTION_OK)
                (void)postgres_db_run(db,
                                      &(struct postgres_query){
                                              "DELETE FROM owners WHERE id = $1", {owner->id}, 1},
                                      NULL, NULL);
        (void)pthread_cond_destroy(&owner->changed);
        (void)pthread_mutex_destroy(&owner->lock);
}

int postgres_owner_judge(struct postgres_db *db, struct error *err)
{
        static const struct postgres_query doubt = {
                .sql = "UPDATE owners SET doubted_at = clock_timestamp() WHERE doubted_at IS NULL "
                       "AND renewed_at < clock_timestamp() - lease_ms / 2 * interval '1 ms'"};
        static const struct postgres_query condemn = {
                .sql = "UPDATE owners SET condemned = true WHERE NOT condemned AND doubted_at < "
                       "clock_timestamp() - lease_ms / 2 * interval '1 ms'"};
        int r = postgres_db_run(db, &doubt, NULL, err);
        return r < 0 ? r : postgres_db_run(db, &condemn, NULL, err);
}

int postgres_owner_bury(struct postgres_db *db, struct error *err)
{
        static const struct postgres_query bury = {
                .sql = "DELETE FROM owners WHERE condemned AND NOT EXISTS (SELECT 1 FROM capsules "
                       "WHERE seq IS NULL AND owner = owners.id)"};
        return postgres_db_run(db, &bury, NULL, err);
}
