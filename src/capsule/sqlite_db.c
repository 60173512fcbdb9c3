#include "capsule/sqlite_db.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "capsule/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STATEMENTS_KEPT 64        /* prepared ones, of a connection */
#define APPLICATION_ID 0x61736B63 /* "askc", in the file's header for file(1) and for us */

/* Each step takes the database from the version before it (its index) to the next. Steps are
 * only ever added. The triggers hold against mistakes, ours and others'; who means harm can
 * drop them, and the hashes are there for that. REPLACE does not fire delete triggers, so it is
 * caught on the way in. */
static const char *const migrations[] = {
        "CREATE TABLE capsules ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* the order in which they were kept */
        "  run_id TEXT NOT NULL UNIQUE,"
        "  created_at TEXT NOT NULL,"
        "  dataset_id TEXT,"
        "  status TEXT NOT NULL,"
        "  owner TEXT,"         /* who may fill it; NULL once sealed */
        "  seq INTEGER UNIQUE," /* place in the chain, from 1; NULL while open */
        "  body TEXT NOT NULL,"
        "  CHECK ((owner IS NULL) = (seq IS NOT NULL))"
        ") STRICT;"
        "CREATE INDEX capsules_created ON capsules (created_at);"
        "CREATE INDEX capsules_dataset ON capsules (dataset_id);"
        "CREATE INDEX capsules_status ON capsules (status);"
        "CREATE INDEX capsules_open ON capsules (owner) WHERE seq IS NULL;"
        "CREATE TABLE chain ("
        "  one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  count INTEGER NOT NULL,"
        "  head TEXT NOT NULL"
        ") STRICT;"
        "INSERT INTO chain VALUES (1, 0, '" CAPSULE_NO_HASH "');"
        "CREATE TRIGGER capsules_insert BEFORE INSERT ON capsules"
        "  WHEN NEW.seq IS NOT NULL OR EXISTS (SELECT 1 FROM capsules WHERE run_id = NEW.run_id"
        "                                      OR id = NEW.id)"
        "  BEGIN SELECT RAISE(ABORT, 'a capsule is inserted open and once'); END;"
        "CREATE TRIGGER capsules_update BEFORE UPDATE ON capsules"
        "  WHEN OLD.seq IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.run_id IS NOT OLD.run_id"
        "    OR EXISTS (SELECT 1 FROM capsules WHERE seq = NEW.seq)"
        "  BEGIN SELECT RAISE(ABORT, 'a sealed capsule never changes'); END;"
        "CREATE TRIGGER capsules_delete BEFORE DELETE ON capsules"
        "  BEGIN SELECT RAISE(ABORT, 'a capsule is never removed'); END;"
        "CREATE TRIGGER chain_insert BEFORE INSERT ON chain"
        "  BEGIN SELECT RAISE(ABORT, 'there is one chain'); END;"
        "CREATE TRIGGER chain_update BEFORE UPDATE ON chain"
        "  WHEN NEW.count IS NOT OLD.count + 1"
        "  BEGIN SELECT RAISE(ABORT, 'the chain grows by one capsule at a time'); END;"
        "CREATE TRIGGER chain_delete BEFORE DELETE ON chain"
        "  BEGIN SELECT RAISE(ABORT, 'the chain is never removed'); END;",

        "ALTER TABLE capsules ADD COLUMN asker TEXT;" /* whose run it is; NULL: nobody's */
        "CREATE INDEX capsules_asker ON capsules (asker) WHERE asker IS NOT NULL;"
        /* Of the request that asked for it, if it is to be done once only; and of what was in it.
         */
        "ALTER TABLE capsules ADD COLUMN request_key TEXT;"
        "ALTER TABLE capsules ADD COLUMN request_hash TEXT;"
        "CREATE UNIQUE INDEX capsules_request ON capsules (request_key)"
        "  WHERE request_key IS NOT NULL;"
        "CREATE TABLE threads ("
        "  id TEXT NOT NULL PRIMARY KEY,"
        "  owner TEXT NOT NULL,"
        "  title TEXT NOT NULL,"
        "  created_at TEXT NOT NULL,"
        "  updated_at TEXT NOT NULL,"
        "  last_seq INTEGER NOT NULL" /* of its newest message; 0: there is none */
        ") STRICT;"
        "CREATE INDEX threads_recent ON threads (owner, updated_at, id);"
        "CREATE TABLE messages ("
        "  id TEXT NOT NULL PRIMARY KEY,"
        "  thread_id TEXT NOT NULL,"
        "  seq INTEGER NOT NULL," /* place in the thread, from 1 */
        "  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),"
        "  text TEXT NOT NULL,"
        "  created_at TEXT NOT NULL,"
        "  run_ids TEXT NOT NULL,"
        "  meta TEXT NOT NULL,"
        "  UNIQUE (thread_id, seq)"
        ") STRICT;",

        "ALTER TABLE capsules ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';" /* what it records */
        "CREATE INDEX capsules_kind ON capsules (kind) WHERE kind <> 'run';"
        /* How many sealed ones were removed, all from the beginning of the chain. */
        "ALTER TABLE chain ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
        "DROP TRIGGER capsules_delete;"
        "CREATE TRIGGER capsules_delete BEFORE DELETE ON capsules"
        "  WHEN OLD.seq IS NULL OR OLD.seq > (SELECT removed FROM chain)"
        "  BEGIN SELECT RAISE(ABORT, 'a capsule is removed by retention only'); END;"
        "DROP TRIGGER chain_update;"
        "CREATE TRIGGER chain_update BEFORE UPDATE ON chain"
        "  WHEN NEW.count IS NOT OLD.count + 1 OR NEW.removed < OLD.removed"
        "    OR NEW.removed >= NEW.count"
        "    OR (NEW.removed IS NOT OLD.removed AND NOT EXISTS"
        "        (SELECT 1 FROM capsules WHERE seq = NEW.count AND kind = 'retention'))"
        "  BEGIN SELECT RAISE(ABORT, 'the chain grows by one capsule at a time'); END;",
};

#define VERSION ((int64_t)ARRAY_SIZE(migrations))

int sqlite_db_exec(const struct sqlite_db *db, const char *sql, struct error *err)
{
        return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
                       ? 0
                       : sqlite_db_failed(db, err);
}

/* One that was prepared before and is at rest; SQLite has the list of them, the newest first. When
 * there are too many the oldest one goes. */
static sqlite3_stmt *find_kept(const struct sqlite_db *db, const char *sql)
{
        sqlite3_stmt *oldest = NULL;
        size_t n = 0;
        for (sqlite3_stmt *at = NULL; (at = sqlite3_next_stmt(db->handle, at));) {
                if (sqlite3_stmt_busy(at))
                        continue;
                if (strcmp(sqlite3_sql(at), sql) == 0)
                        return at;
                oldest = at;
                n++;
        }
        if (n >= STATEMENTS_KEPT)
                (void)sqlite3_finalize(oldest);
        return NULL;
}

int sqlite_db_prepare(const struct sqlite_db *db, const char *sql, sqlite3_stmt **ret,
                      struct error *err)
{
        *ret = find_kept(db, sql);
        return *ret || sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret,
                                          NULL) == SQLITE_OK
                       ? 0
                       : sqlite_db_failed(db, err);
}

int sqlite_db_do(const struct sqlite_db *db, const char *sql, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(db, sql, &statement, err);
        return r < 0 ? r : sqlite_db_step(db, statement, err);
}

int sqlite_db_step(const struct sqlite_db *db, sqlite3_stmt *statement, struct error *err)
{
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
                return 1;
        return code == SQLITE_DONE ? 0 : sqlite_db_failed(db, err);
}

int sqlite_db_bind_text(const struct sqlite_db *db, sqlite3_stmt *statement, const char *name,
                        const char *text, struct error *err)
{
        int at = sqlite3_bind_parameter_index(statement, name);
        if (at == 0 || !text)
                return 0;
        return sqlite3_bind_text64(statement, at, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8) ==
                               SQLITE_OK
                       ? 0
                       : sqlite_db_failed(db, err);
}

int sqlite_db_finish(const struct sqlite_db *db, int r, struct error *err)
{
        if (r == 0)
                r = sqlite_db_do(db, "COMMIT", err);
        if (r < 0 && !sqlite3_get_autocommit(db->handle))
                (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
        return r;
}

int sqlite_db_number(const struct sqlite_db *db, const char *sql, int64_t *ret, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_prepare(db, sql, &statement, err);
        if (r == 0)
                r = sqlite_db_step(db, statement, err);
        if (r < 0)
                return r;
        *ret = r == 1 ? sqlite3_column_int64(statement, 0) : 0;
        return 0;
}

/* False when something is still under way. */
static bool disconnect(struct sqlite_db *db)
{
        sqlite3_stmt *statement;
        while ((statement = sqlite3_next_stmt(db->handle, NULL)))
                (void)sqlite3_finalize(statement);
        bool closed = sqlite3_close(db->handle) == SQLITE_OK;
        db->handle = NULL;
        return closed;
}

static int connect_to(struct sqlite_db *db, const char *path, struct error *err)
{
        int code = sqlite3_open_v2(
                path, &db->handle,
                SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        if (code != SQLITE_OK)
                return db->handle ? sqlite_db_failed(db, err) : error_oom(err);
        (void)sqlite3_busy_timeout(db->handle, db->wait_ms);
        (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        return 0;
}

/* Ours, whole, and not from the future. Nothing was written to it so far. */
static int check_identity(const struct sqlite_db *db, struct error *err)
{
        int64_t id = 0;
        int64_t version = 0;
        int r = sqlite_db_number(db, "PRAGMA application_id", &id, err);
        if (r == 0)
                r = sqlite_db_number(db, "PRAGMA user_version", &version, err);
        if (r < 0)
                return r;
        if (id != APPLICATION_ID)
                return error_set(err, ERROR_STORE,
                                 "%s is a database of another program, not a capsule store; choose "
                                 "another path (ASKCSV_HOME says where the store is)",
                                 db->path);
        if (version > VERSION)
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s was made by a newer askcsv (its version is "
                                 "%lld, this one knows %lld); use that askcsv",
                                 db->path, (long long)version, (long long)VERSION);
        if (version < 1)
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s has no version: it is damaged; put it back "
                                 "from a backup, or move it away to begin a new record",
                                 db->path);
        return 0;
}

/* The version is read again under the lock: another process may have migrated in between. */
static int migrate(const struct sqlite_db *db, struct error *err)
{
        int64_t version = 0;
        int r = sqlite_db_number(db, "PRAGMA user_version", &version, err);
        if (r < 0 || version == VERSION)
                return r;
        r = sqlite_db_exec(db, "BEGIN IMMEDIATE", err);
        if (r == 0)
                r = sqlite_db_number(db, "PRAGMA user_version", &version, err);
        for (; r == 0 && version < VERSION; version++) {
                char pragma[64];
                (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d",
                               (int)version + 1);
                r = sqlite_db_exec(db, migrations[version], err);
                if (r == 0)
                        r = sqlite_db_exec(db, pragma, err);
        }
        return sqlite_db_finish(db, r, err);
}

/* The step to WAL, when another process takes it at the same moment, is refused at once and not
 * after the busy timeout: it is tried again here for as long. */
static int step_to_wal(const struct sqlite_db *db, sqlite3_stmt *statement, struct error *err)
{
        static const struct timespec pause = {.tv_nsec = 5000000};
        int64_t until_us = clock_monotonic_us() + (int64_t)db->wait_ms * 1000;
        for (;;) {
                int r = sqlite_db_step(db, statement, err);
                if (r >= 0 || (sqlite3_errcode(db->handle) & 0xff) != SQLITE_BUSY ||
                    clock_monotonic_us() > until_us)
                        return r;
                (void)sqlite3_reset(statement);
                (void)nanosleep(&pause, NULL);
        }
}

/* With WAL and full sync a commit is on the disk when it returns, and readers never wait. WAL
 * needs memory shared through a file, which network file systems do not have. What retention
 * removes is overwritten in the file, whose room later capsules take. */
static int set_modes(const struct sqlite_db *db, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = sqlite_db_exec(db,
                               "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; "
                               "PRAGMA secure_delete = ON",
                               err);
        if (r == 0)
                r = sqlite_db_prepare(db, "PRAGMA journal_mode = WAL", &statement, err);
        if (r == 0)
                r = step_to_wal(db, statement, err);
        if (r < 0)
                return r;
        const char *mode = (const char *)sqlite3_column_text(statement, 0);
        if (!mode || strcmp(mode, "wal") != 0)
                return error_set(err, ERROR_STORE,
                                 "the file system of %s cannot hold a capsule store (no "
                                 "write-ahead log is possible there); set ASKCSV_HOME to a folder "
                                 "on a disk of this machine",
                                 db->path);
        return 0;
}

static int set_up_new(struct sqlite_db *db, const char *path, struct error *err)
{
        char pragma[64];
        int r = connect_to(db, path, err);
        (void)snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", APPLICATION_ID);
        if (r == 0)
                r = set_modes(db, err);
        if (r == 0)
                r = sqlite_db_exec(db, pragma, err);
        if (r == 0)
                r = migrate(db, err);
        /* Closing moves the log into the file and removes it. */
        if (!disconnect(db) && r == 0)
                r = error_set(err, ERROR_INTERNAL, "the new capsule store does not close");
        return r;
}

static void remove_with_logs(const char *path)
{
        static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
        for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
                char name[PATH_MAX];
                if (snprintf(name, sizeof(name), "%s%s", path, endings[i]) < PATH_MAX)
                        (void)unlink(name);
        }
}

static int sync_folder(const char *folder, struct error *err)
{
        _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return sqlite_path_failed(errno, folder, "syncing", err);
        return 0;
}

/* Whole under another name first, then given its own: a half-made store is never seen, and of
 * several processes that begin at once the first one's stays. */
static int create(struct sqlite_db *db, const char *folder, struct error *err)
{
        char temporary[PATH_MAX];
        if (snprintf(temporary, sizeof(temporary), "%s.new-XXXXXX", db->path) >= PATH_MAX)
                return error_set(err, ERROR_STORE, "the path %s is too long", db->path);
        int fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return sqlite_path_failed(errno, db->path, "making the capsule store", err);
        /* Before SQLite opens it: a close(2) drops every lock that this process has on a file. */
        (void)close(fd);
        int r = set_up_new(db, temporary, err);
        if (r == 0 && link(temporary, db->path) < 0 && errno != EEXIST)
                r = sqlite_path_failed(errno, db->path, "naming the capsule store", err);
        remove_with_logs(temporary);
        return r < 0 ? r : sync_folder(folder, err);
}

/* A log without its database holds capsules that were; SQLite would throw it away. The database is
 * looked for once more behind its log, as another process may be making both at this moment. */
static int check_no_orphan_log(const struct sqlite_db *db, struct error *err)
{
        char wal[PATH_MAX];
        struct stat st;
        if (snprintf(wal, sizeof(wal), "%s-wal", db->path) >= PATH_MAX)
                return error_set(err, ERROR_STORE, "the path %s is too long", db->path);
        if (stat(wal, &st) == 0 && st.st_size > 0 && access(db->path, F_OK) < 0)
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s is missing, but its log %s is there; put "
                                 "the store back, or move the log away to begin a new record",
                                 db->path, wal);
        return 0;
}

static void folder_of(const char *path, char out[PATH_MAX])
{
        const char *slash = strrchr(path, '/');
        size_t n = slash == path ? 1 : (size_t)(slash - path);
        memcpy(out, path, n);
        out[n] = '\0';
}

static int create_where_missing(struct sqlite_db *db, struct error *err)
{
        char folder[PATH_MAX];
        folder_of(db->path, folder);
        int r = check_no_orphan_log(db, err);
        if (r < 0)
                return r;
        r = fd_make_dirs(folder, err);
        if (r < 0) {
                struct error said = err ? *err : (struct error){0};
                return error_set(err, ERROR_STORE,
                                 "%s; make the folder of the capsule store writable for you, or "
                                 "set ASKCSV_HOME to another folder",
                                 said.message);
        }
        return create(db, folder, err);
}

/* What can be said better than SQLite says it. */
static int check_file(const struct sqlite_db *db, const struct stat *st, struct error *err)
{
        char folder[PATH_MAX];
        folder_of(db->path, folder);
        if (S_ISDIR(st->st_mode))
                return error_set(err, ERROR_STORE,
                                 "%s is a folder; the capsule store is a file in a folder",
                                 db->path);
        if (!S_ISREG(st->st_mode))
                return error_set(err, ERROR_STORE,
                                 "%s is not a regular file, so it cannot be the capsule store",
                                 db->path);
        if (st->st_size == 0)
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s is empty: it was cut off, or is none; put "
                                 "it back from a backup, or remove it to begin a new record",
                                 db->path);
        if (faccessat(AT_FDCWD, db->path, R_OK | W_OK, AT_EACCESS) < 0)
                return sqlite_path_failed(errno, db->path, "opening the capsule store", err);
        if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
                return sqlite_path_failed(errno, folder, "writing to the folder", err);
        return 0;
}

static int open_existing(struct sqlite_db *db, struct error *err)
{
        int64_t count = 0;
        int r = connect_to(db, db->path, err);
        if (r == 0)
                r = check_identity(db, err);
        if (r == 0)
                r = set_modes(db, err);
        if (r == 0)
                r = migrate(db, err);
        return r < 0 ? r : sqlite_db_number(db, "SELECT count FROM chain", &count, err);
}

static int find_and_open(struct sqlite_db *db, struct error *err)
{
        struct stat st;
        int r = 0;
        if (stat(db->path, &st) == 0)
                r = check_file(db, &st, err);
        else if (errno == ENOENT)
                r = create_where_missing(db, err);
        else
                r = sqlite_path_failed(errno, db->path, "opening the capsule store", err);
        return r < 0 ? r : open_existing(db, err);
}

int sqlite_db_open(const char *path, struct sqlite_db *db, struct error *err)
{
        size_t n = strlen(path) + 3;
        *db = (struct sqlite_db){.wait_ms = CAPSULE_WAIT_MS};
        if (!*path || n > PATH_MAX - 16)
                return error_set(err, ERROR_STORE, "the path of the capsule store is %s",
                                 *path ? "too long" : "empty");
        db->path = alloc_malloc(n);
        if (!db->path)
                return error_oom(err);
        (void)snprintf(db->path, n, "%s%s", path[0] == '/' ? "" : "./", path);
        int r = find_and_open(db, err);
        if (r < 0)
                sqlite_db_close(db);
        return r;
}

void sqlite_db_close(struct sqlite_db *db)
{
        if (db->handle)
                (void)disconnect(db);
        free(db->path);
        db->path = NULL;
}
