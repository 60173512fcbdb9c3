#include "capsule/sqlite_db.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The process that holds a write lock on that file, by proc(5) /proc/locks; 0 when unknown. */
static long lock_holder(const char *path)
{
        char line[256];
        struct stat st;
        if (stat(path, &st) < 0)
                return 0;
        _cleanup_fclose_ FILE *locks = fopen("/proc/locks", "re");
        while (locks && fgets(line, sizeof(line), locks)) {
                long pid;
                unsigned int major_;
                unsigned int minor_;
                unsigned long long inode;
                if (sscanf(line, "%*d: %*s %*s WRITE %ld %x:%x:%llu", &pid, &major_, &minor_,
                           &inode) == 4 &&
                    pid > 0 && pid != (long)getpid() && inode == st.st_ino &&
                    major_ == major(st.st_dev) && minor_ == minor(st.st_dev))
                        return pid;
        }
        return 0;
}

/* In WAL mode the locks are on the -shm file (https://www.sqlite.org/walformat.html 2.3). */
static int locked_failed(const struct sqlite_db *db, struct error *err)
{
        char shm[PATH_MAX];
        char who[64] = "another process";
        (void)snprintf(shm, sizeof(shm), "%s-shm", db->path);
        long pid = lock_holder(shm);
        if (!pid)
                pid = lock_holder(db->path);
        if (pid)
                (void)snprintf(who, sizeof(who), "process %ld", pid);
        return error_set(err, ERROR_STORE,
                         "the capsule store %s has been locked by %s for more than %d ms; wait "
                         "for it to end, or stop it, and try again",
                         db->path, who, db->wait_ms);
}

int sqlite_path_failed(int errnum, const char *path, const char *doing, struct error *err)
{
        switch (errnum) {
        case ENOSPC:
        case EDQUOT:
                return error_set(err, ERROR_STORE,
                                 "the disk (or your share of it) is full: %s %s failed; free some "
                                 "space and try again",
                                 doing, path);
        case EROFS:
        case EACCES:
        case EPERM:
                return error_set(err, ERROR_STORE,
                                 "%s %s failed: %s; make the capsule store and its folder "
                                 "writable for you, or set ASKCSV_HOME to a folder that is",
                                 doing, path, strerror(errnum));
        default:
                return error_set(err, ERROR_STORE, "%s %s failed: %s", doing, path,
                                 strerror(errnum));
        }
}

static int damaged_failed(const struct sqlite_db *db, const char *said, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the capsule store %s is damaged (%s); nothing was changed. Put it back "
                         "from a backup, or move it and its -wal file away to begin a new record "
                         "(\"sqlite3 FILE .recover\" saves what can still be read)",
                         db->path, said);
}

int sqlite_db_failed(const struct sqlite_db *db, struct error *err)
{
        int code = sqlite3_extended_errcode(db->handle);
        int errnum = sqlite3_system_errno(db->handle);
        const char *said = sqlite3_errmsg(db->handle);
        switch (code & 0xFF) {
        case SQLITE_NOMEM:
                return error_oom(err);
        case SQLITE_FULL:
                return sqlite_path_failed(ENOSPC, db->path, "writing the capsule store", err);
        case SQLITE_READONLY:
                return sqlite_path_failed(errnum == EROFS ? EROFS : EACCES, db->path,
                                          "writing the capsule store", err);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
                return locked_failed(db, err);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_ERROR: /* our statements are right, so it is a table that is not there */
                return damaged_failed(db, said, err);
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
                if (errnum)
                        return sqlite_path_failed(errnum, db->path, "using the capsule store", err);
                return error_set(err, ERROR_STORE,
                                 "the capsule store %s cannot be used (%s, code %d); see that it "
                                 "and its folder are on a disk of this machine and yours",
                                 db->path, said, code);
        default:
                return error_set(err, ERROR_STORE, "the capsule store %s refused: %s (code %d)",
                                 db->path, said, code);
        }
}
