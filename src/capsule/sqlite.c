#include "base/alloc.h"
#include "base/json.h"
#include "base/owner.h"
#include "capsule/common.h"
#include "capsule/sqlite_db.h"
#include "capsule/store.h"
#include "capsule/store_ops.h"
#include "capsule/thread_ops.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES_MAX (64 * 1024 * 1024) /* of the ids that a recovery goes through */

struct sqlite_store {
        struct capsule_store base;
        struct sqlite_db db;
        struct owner owner;
        char owners[PATH_MAX]; /* the folder of the owners' locks */
        bool in_batch;
};

static struct sqlite_store *sqlite_of(struct capsule_store *store)
{
        return (struct sqlite_store *)(void *)store;
}

static void sqlite_free(struct capsule_store *base)
{
        struct sqlite_store *store = sqlite_of(base);
        owner_release(store->owners, &store->owner);
        sqlite_db_close(&store->db);
        free(store);
}

static int sqlite_open(const char *path, struct capsule_store **ret, struct error *err)
{
        struct sqlite_store *store = alloc_calloc(1, sizeof(*store));
        if (!store)
                return error_oom(err);
        store->base.ops = &capsule_sqlite_ops;
        store->owner.fd = -1;
        int r = sqlite_db_open(path, &store->db, err);
        if (r < 0) {
                free(store);
                return r;
        }
        int folder = (int)(strrchr(store->db.path, '/') - store->db.path);
        (void)snprintf(store->owners, sizeof(store->owners), "%.*s/owners", folder, store->db.path);
        *ret = &store->base;
        return 0;
}

static void sqlite_set_wait(struct capsule_store *base, int wait_ms)
{
        struct sqlite_store *store = sqlite_of(base);
        store->db.wait_ms = wait_ms;
        (void)sqlite3_busy_timeout(store->db.handle, wait_ms);
}

/* Runs a statement over a capsule's texts and this store's owner: :run_id, :created_at,
 * :dataset_id, :status, :kind, :body, :owner, as far as it names them. *ret_changed is how many
 * rows. */
static int write_capsule(struct sqlite_store *store, const char *sql, const struct capsule *capsule,
                         const char *owner, int *ret_changed, struct error *err)
{
        static const char *const members[] = {"run_id", "created_at", "dataset_id", "status"};
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        _cleanup_buf_ struct buf body = {0};
        buf_init(&body, CAPSULE_BYTES_MAX);
        int r = capsule_write(capsule, &body, err);
        if (r == 0)
                r = sqlite_db_prepare(&store->db, sql, &statement, err);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++) {
                char name[16];
                (void)snprintf(name, sizeof(name), ":%s", members[i]);
                r = sqlite_db_bind_text(&store->db, statement, name,
                                        json_get_string(capsule->body, members[i]), err);
        }
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":kind",
                                        capsule_kind_name(capsule->kind), err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":owner", owner, err);
        if (r == 0 && capsule->asker[0])
                r = sqlite_db_bind_text(&store->db, statement, ":asker", capsule->asker, err);
        if (r == 0 && capsule->request_key[0])
                r = sqlite_db_bind_text(&store->db, statement, ":request_key", capsule->request_key,
                                        err);
        if (r == 0 && capsule->request_key[0])
                r = sqlite_db_bind_text(&store->db, statement, ":request_hash",
                                        capsule->request_hash, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":body", buf_text(&body), err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r < 0)
                return r;
        *ret_changed = sqlite3_changes(store->db.handle);
        return 0;
}

/* The lock is held before the first row that names its owner can be seen. */
static int take_ownership(struct sqlite_store *store, struct error *err)
{
        if (store->owner.fd >= 0)
                return 0;
        int r = owner_take(store->owners, &store->owner, err);
        if (r == -(int)ERROR_IO) {
                struct error said = err ? *err : (struct error){0};
                r = error_set(err, ERROR_STORE,
                              "%s; free some space or make the folder writable for you, and try "
                              "again",
                              said.message);
        }
        return r;
}

/* A full disk makes SQLite end a transaction on its own; what came behind would be kept alone. */
static int check_batch(struct sqlite_store *store, struct error *err)
{
        if (!store->in_batch || !sqlite3_get_autocommit(store->db.handle))
                return 0;
        return error_set(err, ERROR_STORE,
                         "the capsule store %s could not write; free some space and try again",
                         store->db.path);
}

/* The index would refuse the second one as well, and not say why. */
static int check_request(struct sqlite_store *store, const struct capsule *capsule,
                         struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        if (!capsule->request_key[0])
                return 0;
        int r = sqlite_db_prepare(&store->db,
                                  "SELECT 1 FROM capsules WHERE request_key = :request_key",
                                  &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":request_key", capsule->request_key,
                                        err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r <= 0)
                return r;
        return common_repeated(err);
}

static int insert_row(struct sqlite_store *store, const struct capsule *capsule, const char *owner,
                      struct error *err)
{
        int changed;
        return write_capsule(store,
                             "INSERT INTO capsules (run_id, created_at, dataset_id, status, kind, "
                             "owner, asker, request_key, request_hash, body) VALUES (:run_id, "
                             ":created_at, :dataset_id, :status, :kind, :owner, :asker, "
                             ":request_key, :request_hash, :body)",
                             capsule, owner, &changed, err);
}

static int sqlite_insert(struct capsule_store *base, const struct capsule *capsule,
                         struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int r = take_ownership(store, err);
        if (r == 0)
                r = check_batch(store, err);
        if (r == 0)
                r = check_request(store, capsule, err);
        return r < 0 ? r : insert_row(store, capsule, store->owner.id, err);
}

static int not_ours(struct sqlite_store *store, const struct capsule *capsule, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the capsule store %s has no open capsule of run %s that is ours; it was "
                         "sealed already, or never inserted",
                         store->db.path, capsule_run_id(capsule));
}

static int sqlite_update(struct capsule_store *base, const struct capsule *capsule,
                         struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int changed = 0;
        int r = check_batch(store, err);
        if (r == 0)
                r = write_capsule(store,
                                  "UPDATE capsules SET dataset_id = :dataset_id, status = :status, "
                                  "body = :body WHERE run_id = :run_id AND owner = :owner",
                                  capsule, store->owner.id, &changed, err);
        return r == 0 && changed != 1 ? not_ours(store, capsule, err) : r;
}

static int sqlite_head(struct capsule_store *base, struct chain_head *ret, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(&store->db, "SELECT count, head, removed FROM chain", &statement,
                                  err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r < 0)
                return r;
        const char *hash = r == 1 ? (const char *)sqlite3_column_text(statement, 1) : NULL;
        if (!hash || strlen(hash) != HASH_HEX_SIZE - 1)
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s is damaged: the head of its chain is gone; "
                                 "put it back from a backup",
                                 store->db.path);
        ret->count = sqlite3_column_int64(statement, 0);
        ret->removed = sqlite3_column_int64(statement, 2);
        memcpy(ret->hash, hash, HASH_HEX_SIZE);
        return 0;
}

/* removed: how many are removed now, or 0 for as many as before. */
static int advance_head(struct sqlite_store *store, const char *hash, int64_t removed,
                        struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(&store->db,
                                  "UPDATE chain SET count = count + 1, head = :hash, removed = "
                                  "max(removed, :removed)",
                                  &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":hash", hash, err);
        if (r < 0)
                return r;
        (void)sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, ":removed"),
                                 removed);
        return sqlite_db_step(&store->db, statement, err);
}

/* Inside a transaction that has the write lock. */
static int seal_locked(struct sqlite_store *store, struct capsule *capsule, const char *owner,
                       int64_t removed, struct error *err)
{
        struct chain_head head;
        int changed = 0;
        int r = sqlite_head(&store->base, &head, err);
        if (r == 0)
                r = capsule_seal(capsule, head.hash, err);
        if (r == 0)
                r = write_capsule(store,
                                  "UPDATE capsules SET dataset_id = :dataset_id, status = :status, "
                                  "body = :body, owner = NULL, seq = (SELECT count + 1 FROM chain) "
                                  "WHERE run_id = :run_id AND owner = :owner",
                                  capsule, owner, &changed, err);
        if (r == 0 && changed != 1)
                r = not_ours(store, capsule, err);
        return r < 0 ? r
                     : advance_head(store, json_get_string(capsule->body, "capsule_hash"), removed,
                                    err);
}

static int sqlite_batch_begin(struct capsule_store *base, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int r = sqlite_db_do(&store->db, "BEGIN IMMEDIATE", err);
        store->in_batch = r == 0;
        return r;
}

static int sqlite_batch_end(struct capsule_store *base, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int r = check_batch(store, err);
        store->in_batch = false;
        return r < 0 ? r : sqlite_db_finish(&store->db, 0, err);
}

/* The beginning and the end of a seal: a transaction, or a part of the one that goes on. */
static int seal_begin(struct sqlite_store *store, struct error *err)
{
        int r = check_batch(store, err);
        return r < 0 ? r
                     : sqlite_db_do(&store->db,
                                    store->in_batch ? "SAVEPOINT seal" : "BEGIN IMMEDIATE", err);
}

static int seal_end(struct sqlite_store *store, int r, struct error *err)
{
        if (!store->in_batch)
                return sqlite_db_finish(&store->db, r, err);
        if (r == 0)
                r = sqlite_db_do(&store->db, "RELEASE seal", err);
        if (r < 0 && !sqlite3_get_autocommit(store->db.handle))
                (void)sqlite3_exec(store->db.handle, "ROLLBACK TO seal; RELEASE seal", NULL, NULL,
                                   NULL);
        return r;
}

static int sqlite_seal(struct capsule_store *base, struct capsule *capsule, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int r = seal_begin(store, err);
        return r < 0 ? r
                     : seal_end(store, seal_locked(store, capsule, store->owner.id, 0, err), err);
}

static int delete_through(struct sqlite_store *store, int64_t through, int64_t n, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(&store->db, "DELETE FROM capsules WHERE seq <= ?1", &statement,
                                  err);
        if (r < 0)
                return r;
        (void)sqlite3_bind_int64(statement, 1, through);
        r = sqlite_db_step(&store->db, statement, err);
        if (r == 0 && sqlite3_changes(store->db.handle) != n)
                return error_set(
                        err, ERROR_STORE,
                        "the chain of the capsule store %s has gaps, so nothing is removed "
                        "from it; \"askcsv capsules check\" says where",
                        store->db.path);
        return r;
}

/* Inside a transaction. Nobody sees the capsule before it is sealed, so its owner needs no lock. */
static int remove_locked(struct sqlite_store *store, struct capsule *capsule, int64_t after,
                         int64_t through, struct error *err)
{
        struct chain_head head;
        int r = sqlite_head(&store->base, &head, err);
        if (r < 0 || head.removed != after)
                return r;
        r = insert_row(store, capsule, COMMON_RETENTION_OWNER, err);
        if (r == 0)
                r = seal_locked(store, capsule, COMMON_RETENTION_OWNER, through, err);
        if (r == 0)
                r = delete_through(store, through, through - after, err);
        return r < 0 ? r : 1;
}

static int sqlite_remove(struct capsule_store *base, struct capsule *capsule, int64_t after,
                         int64_t through, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        int r = sqlite_db_do(&store->db, "BEGIN IMMEDIATE", err);
        if (r < 0)
                return r;
        int removed = remove_locked(store, capsule, after, through, err);
        r = sqlite_db_finish(&store->db, removed < 0 ? removed : 0, err);
        return r < 0 ? r : removed;
}

static int sqlite_retentions(struct capsule_store *base, int64_t *ret_n, int64_t *ret_newest,
                             struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        /* "kind <> 'run'" says to SQLite that the index has them all. */
        int r = sqlite_db_prepare(&store->db,
                                  "SELECT count(*), (SELECT seq FROM capsules WHERE kind = "
                                  "'retention' AND kind <> 'run' ORDER BY id DESC LIMIT 1) FROM "
                                  "capsules WHERE kind = 'retention' AND kind <> 'run'",
                                  &statement, err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r < 0)
                return r;
        *ret_n = sqlite3_column_int64(statement, 0);
        *ret_newest = sqlite3_column_int64(statement, 1);
        return 0;
}

/* The version is written as it is: that is a page to be logged, and the commit waits for the disk.
 */
static int sqlite_probe(struct capsule_store *base, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        char pragma[64];
        int64_t version = 0;
        int r = check_batch(store, err);
        if (r == 0)
                r = sqlite_db_number(&store->db, "PRAGMA user_version", &version, err);
        if (r < 0)
                return r;
        (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", (int)version);
        return sqlite_db_exec(&store->db, pragma, err);
}

static int read_capsule(struct sqlite_store *store, sqlite3_stmt *statement, int column,
                        struct capsule **ret, struct error *err)
{
        const char *body = (const char *)sqlite3_column_text(statement, column);
        int n = sqlite3_column_bytes(statement, column);
        if (!body)
                return sqlite3_errcode(store->db.handle) == SQLITE_NOMEM
                               ? error_oom(err)
                               : error_set(err, ERROR_STORE, "a capsule has no text");
        return capsule_parse(body, (size_t)n, ret, err);
}

static void read_asker(sqlite3_stmt *statement, int column, char out[CAPSULE_ASKER_MAX + 1])
{
        const char *asker = (const char *)sqlite3_column_text(statement, column);
        (void)snprintf(out, CAPSULE_ASKER_MAX + 1, "%s", asker ? asker : "");
}

/* The open capsule that the dead owner left; *ret stays NULL when somebody else was faster. */
static int read_abandoned(struct sqlite_store *store, const char *run_id, const char *owner,
                          struct capsule **ret, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(
                &store->db, "SELECT body FROM capsules WHERE run_id = :run_id AND owner = :owner",
                &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":run_id", run_id, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":owner", owner, err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r == 1) {
                r = read_capsule(store, statement, 0, ret, err);
                if (r < 0)
                        return error_prefix(err, r, "the open capsule of run %s", run_id);
        }
        return r;
}

/* 1 when it was sealed by us. */
static int recover_run(struct sqlite_store *store, const char *run_id, const char *owner,
                       struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = sqlite_db_do(&store->db, "BEGIN IMMEDIATE", err);
        if (r < 0)
                return r;
        r = read_abandoned(store, run_id, owner, &capsule, err);
        if (r == 0 && capsule)
                r = common_abandon(capsule, err);
        if (r == 0 && capsule)
                r = seal_locked(store, capsule, owner, 0, err);
        r = sqlite_db_finish(&store->db, r, err);
        return r == 0 && capsule ? 1 : r;
}

/* The first column of every row, each a line of out. parameter may be NULL. */
static int read_names(struct sqlite_store *store, const char *sql, const char *parameter,
                      struct buf *out, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(&store->db, sql, &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":owner", parameter, err);
        while (r == 0 && (r = sqlite_db_step(&store->db, statement, err)) == 1) {
                const char *name = (const char *)sqlite3_column_text(statement, 0);
                buf_puts(out, name ? name : "");
                buf_putc(out, '\n');
                r = 0;
        }
        return r < 0 ? r : buf_error(out, err, "the list of open capsules");
}

/* Calls each with every line of names; the first error is kept, the rest is done nevertheless. */
static int for_each_line(struct buf *names, int (*each)(const char *line, void *data), void *data)
{
        int first = 0;
        char *rest = names->data;
        while (rest && *rest) {
                char *line = strsep(&rest, "\n");
                int r = each(line, data);
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}

struct recovery {
        struct sqlite_store *store;
        const char *owner; /* whose capsules are at hand */
        size_t count;
        bool failed; /* err has the first error, which stays */
        struct error *err;
};

/* Keeps err of the first failure only. */
static int recovery_failed(struct recovery *recovery, int r, const struct error *said)
{
        if (!recovery->failed && recovery->err)
                *recovery->err = *said;
        recovery->failed = true;
        return r;
}

static int recover_line(const char *run_id, void *data)
{
        struct recovery *recovery = data;
        struct error said = {0};
        int r = recover_run(recovery->store, run_id, recovery->owner, &said);
        if (r < 0)
                return recovery_failed(recovery, r, &said);
        recovery->count += (size_t)r;
        return 0;
}

static int recover_owner(const char *owner, void *data)
{
        struct recovery *recovery = data;
        struct sqlite_store *store = recovery->store;
        struct error said = {0};
        _cleanup_buf_ struct buf runs = {0};
        int fd = -1;
        buf_init(&runs, NAMES_BYTES_MAX);
        if (strcmp(owner, store->owner.id) == 0)
                return 0;
        int r = owner_is_gone(store->owners, owner, &fd, &said);
        if (r == 0)
                return 0;
        if (r > 0)
                r = read_names(store,
                               "SELECT run_id FROM capsules WHERE owner = :owner ORDER BY id",
                               owner, &runs, &said);
        if (r < 0) {
                r = recovery_failed(recovery, r, &said);
        } else {
                recovery->owner = owner;
                r = for_each_line(&runs, recover_line, recovery);
        }
        owner_bury(store->owners, owner, fd);
        return r;
}

static int sqlite_recover(struct capsule_store *base, size_t *ret_count, struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        struct recovery recovery = {.store = store, .err = err};
        _cleanup_buf_ struct buf owners = {0};
        buf_init(&owners, NAMES_BYTES_MAX);
        int r = read_names(store, "SELECT DISTINCT owner FROM capsules WHERE seq IS NULL", NULL,
                           &owners, err);
        if (r == 0)
                r = for_each_line(&owners, recover_owner, &recovery);
        owner_sweep(store->owners);
        *ret_count = recovery.count;
        return r;
}

static int none_found(struct sqlite_store *store, const char *run_id, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        _cleanup_capsule_ struct capsule *newest = NULL;
        if (sqlite_db_prepare(&store->db,
                              "SELECT body FROM capsules WHERE kind = 'retention' AND kind <> "
                              "'run' ORDER BY id DESC LIMIT 1",
                              &statement, NULL) == 0 &&
            sqlite_db_step(&store->db, statement, NULL) == 1)
                (void)read_capsule(store, statement, 0, &newest, NULL);
        return common_none_found(run_id, newest, err);
}

/* The ways to name one, and for each the row with id, seq, run_id, body, how many fit, asker. A
 * whole id may be of any kind. */
static const char *query_for(bool last, bool whole)
{
        if (last)
                return "SELECT id, seq, run_id, body, 1, asker FROM capsules WHERE kind = 'run' "
                       "ORDER BY id DESC LIMIT 1";
        if (whole)
                return "SELECT id, seq, run_id, body, 1, asker FROM capsules WHERE run_id = :from";
        return "SELECT id, seq, run_id, body, (SELECT count(*) FROM capsules WHERE run_id >= :from "
               "AND run_id < :to AND kind = 'run'), asker FROM capsules WHERE run_id >= :from AND "
               "run_id < :to AND kind = 'run' LIMIT 1";
}

/* Finds one row; the statement stands on it, with the columns above. */
static int find_run(struct sqlite_store *store, const char *run_id, sqlite3_stmt **ret,
                    struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        char from[UUID_TEXT_SIZE] = "";
        char to[UUID_TEXT_SIZE + 1] = "";
        bool last = strcmp(run_id, "last") == 0;
        int r = last ? 0 : common_check_prefix(run_id, from, err);
        (void)snprintf(to, sizeof(to), "%sg", from); /* behind every digit, as '-' is before all */
        if (r == 0)
                r = sqlite_db_prepare(&store->db,
                                      query_for(last, strlen(from) == UUID_TEXT_SIZE - 1),
                                      &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":from", from, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, statement, ":to", to, err);
        if (r == 0)
                r = sqlite_db_step(&store->db, statement, err);
        if (r < 0)
                return r;
        if (r == 0)
                return none_found(store, run_id, err);
        if (sqlite3_column_int64(statement, 4) > 1)
                return common_many_found(run_id, sqlite3_column_int64(statement, 4), err);
        *ret = steal_ptr(&statement);
        return 0;
}

static int sqlite_get(struct capsule_store *base, const char *run_id, struct capsule **ret,
                      struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = find_run(store, run_id, &statement, err);
        if (r < 0)
                return r;
        r = read_capsule(store, statement, 3, ret, err);
        if (r == 0)
                read_asker(statement, 5, (*ret)->asker);
        return r < 0 ? error_prefix(err, r, "the stored capsule of run %s",
                                    (const char *)sqlite3_column_text(statement, 2))
                     : 0;
}

static int sqlite_asker(struct capsule_store *base, const char *run_id, char *out,
                        struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = find_run(sqlite_of(base), run_id, &statement, err);
        if (r == 0)
                read_asker(statement, 5, out);
        return r;
}

static int sqlite_place(struct capsule_store *base, const char *run_id, int64_t *ret_seq,
                        struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = find_run(sqlite_of(base), run_id, &statement, err);
        if (r < 0)
                return r;
        *ret_seq = sqlite3_column_int64(statement, 1); /* NULL reads as 0 */
        return 0;
}

/* Only the conditions that are asked for, so that each can use its index. */
static int prepare_list(struct sqlite_store *store, const struct capsule_filter *filter,
                        int64_t before, sqlite3_stmt **ret, struct error *err)
{
        char sql[512];
        bool runs = !filter->kind || strcmp(filter->kind, capsule_kind_name(CAPSULE_RUN)) == 0;
        (void)snprintf(sql, sizeof(sql),
                       "SELECT run_id, body, asker, request_hash FROM capsules WHERE "
                       "%s%s%s%s%s%s%s%s ORDER BY id DESC LIMIT %lld",
                       runs ? "kind = 'run'" : "kind = :kind AND kind <> 'run'",
                       filter->dataset_id ? " AND dataset_id = :dataset_id" : "",
                       filter->status ? " AND status = :status" : "",
                       filter->asker ? " AND asker = :asker" : "",
                       filter->request_key ? " AND request_key = :request_key" : "",
                       filter->since ? " AND created_at >= :since" : "",
                       filter->until ? " AND created_at < :until" : "",
                       filter->before ? " AND id < :before" : "",
                       filter->limit > 0 ? (long long)filter->limit : -1);
        int r = sqlite_db_prepare(&store->db, sql, ret, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":kind", filter->kind, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":dataset_id", filter->dataset_id, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":status", filter->status, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":asker", filter->asker, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":request_key", filter->request_key, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":since", filter->since, err);
        if (r == 0)
                r = sqlite_db_bind_text(&store->db, *ret, ":until", filter->until, err);
        if (r == 0 && filter->before)
                (void)sqlite3_bind_int64(*ret, sqlite3_bind_parameter_index(*ret, ":before"),
                                         before);
        return r;
}

static int list_before(struct sqlite_store *store, const struct capsule_filter *filter,
                       int64_t *ret_id, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        *ret_id = 0;
        if (!filter->before)
                return 0;
        int r = find_run(store, filter->before, &statement, err);
        if (r == 0)
                *ret_id = sqlite3_column_int64(statement, 0);
        return r;
}

static int sqlite_list(struct capsule_store *base, const struct capsule_filter *filter,
                       int (*each)(const struct capsule *capsule, void *data), void *data,
                       struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int64_t before = 0;
        int r = list_before(store, filter, &before, err);
        if (r == 0)
                r = prepare_list(store, filter, before, &statement, err);
        while (r == 0 && (r = sqlite_db_step(&store->db, statement, err)) == 1) {
                _cleanup_capsule_ struct capsule *capsule = NULL;
                r = read_capsule(store, statement, 1, &capsule, err);
                if (r < 0)
                        return error_prefix(err, r, "the stored capsule of run %s",
                                            (const char *)sqlite3_column_text(statement, 0));
                read_asker(statement, 2, capsule->asker);
                const char *hash = (const char *)sqlite3_column_text(statement, 3);
                (void)snprintf(capsule->request_hash, sizeof(capsule->request_hash), "%s",
                               hash ? hash : "");
                r = each(capsule, data);
        }
        return r;
}

static int sqlite_sealed(struct capsule_store *base, int64_t from, int64_t to,
                         int (*each)(const struct stored_row *row, void *data), void *data,
                         struct error *err)
{
        struct sqlite_store *store = sqlite_of(base);
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(&store->db,
                                  "SELECT seq, run_id, created_at, dataset_id, status, kind, body "
                                  "FROM capsules WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
                                  &statement, err);
        if (r < 0)
                return r;
        (void)sqlite3_bind_int64(statement, 1, from);
        (void)sqlite3_bind_int64(statement, 2, to);
        while (r == 0 && (r = sqlite_db_step(&store->db, statement, err)) == 1) {
                struct stored_row row = {
                        .seq = sqlite3_column_int64(statement, 0),
                        .run_id = (const char *)sqlite3_column_text(statement, 1),
                        .created_at = (const char *)sqlite3_column_text(statement, 2),
                        .dataset_id = (const char *)sqlite3_column_text(statement, 3),
                        .status = (const char *)sqlite3_column_text(statement, 4),
                        .kind = (const char *)sqlite3_column_text(statement, 5),
                        .body = (const char *)sqlite3_column_text(statement, 6),
                        .body_bytes = (size_t)sqlite3_column_bytes(statement, 6),
                };
                if (!row.run_id || !row.created_at || !row.status || !row.kind || !row.body)
                        return error_oom(err); /* the columns are NOT NULL */
                r = each(&row, data);
        }
        return r;
}

static int sqlite_snapshot_begin(struct capsule_store *base, struct error *err)
{
        return sqlite_db_do(&sqlite_of(base)->db, "BEGIN", err);
}

static void sqlite_snapshot_end(struct capsule_store *base)
{
        (void)sqlite3_exec(sqlite_of(base)->db.handle, "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_threads(struct capsule_store *base, const struct thread_call *call,
                          struct error *err)
{
        return sqlite_threads_call(&sqlite_of(base)->db, call, err);
}

const struct capsule_store_ops capsule_sqlite_ops = {
        .open = sqlite_open,
        .free = sqlite_free,
        .set_wait = sqlite_set_wait,
        .insert = sqlite_insert,
        .update = sqlite_update,
        .batch_begin = sqlite_batch_begin,
        .batch_end = sqlite_batch_end,
        .seal = sqlite_seal,
        .threads = sqlite_threads,
        .probe = sqlite_probe,
        .recover = sqlite_recover,
        .get = sqlite_get,
        .asker = sqlite_asker,
        .list = sqlite_list,
        .snapshot_begin = sqlite_snapshot_begin,
        .snapshot_end = sqlite_snapshot_end,
        .head = sqlite_head,
        .retentions = sqlite_retentions,
        .remove = sqlite_remove,
        .place = sqlite_place,
        .sealed = sqlite_sealed,
};
