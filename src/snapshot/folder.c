#include "snapshot/folder.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER_DEPTH_MAX 32 /* of folders in a folder that is deleted */
#define FOLDER_PASSES_MAX 8 /* while others put things into it */

_Static_assert(sizeof(FOLDER_NEW) + UUID_TEXT_SIZE <= FOLDER_NAME_SIZE, "a name fits");

/* Whoever may write here may put other tables into it, with a hash that fits them. */
static int check_owner(int fd, const char *folder, struct error *err)
{
        struct stat st;
        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "looking at %s", folder);
        if (st.st_uid != geteuid() && geteuid() != 0)
                return error_set(err, ERROR_IO,
                                 "the folder %s belongs to another user; set ASKCSV_HOME to a "
                                 "folder of your own",
                                 folder);
        if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0 && (st.st_mode & 022) != 0)
                return error_errno(err, errno, "others may write to %s; chmod 700 failed", folder);
        return 0;
}

int folder_open(const char *folder, enum folder_use use, int *ret_fd, char **ret_path,
                struct error *err)
{
        int r = use == FOLDER_MAKE ? fd_make_dirs(folder, err) : 0;
        if (r < 0)
                return r;
        _cleanup_free_ char *path = realpath(folder, NULL);
        if (!path && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (!path)
                return errno == ENOMEM ? error_oom(err)
                                       : error_errno(err, errno, "finding %s", folder);
        _cleanup_close_ int fd = folder_open_in(AT_FDCWD, path);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (fd < 0)
                return error_errno(err, errno, "opening the folder %s", path);
        r = use == FOLDER_LOOK ? 0 : check_owner(fd, path, err);
        if (r < 0)
                return r;
        *ret_fd = steal_fd(&fd);
        if (ret_path)
                *ret_path = steal_ptr(&path);
        return 1;
}

int folder_fresh_name(const char *prefix, char out[FOLDER_NAME_SIZE], struct error *err)
{
        char id[UUID_TEXT_SIZE];
        int r = uuid_v7(id, err);
        if (r == 0)
                (void)snprintf(out, FOLDER_NAME_SIZE, "%s%s", prefix, id);
        return r;
}

int folder_open_in(int dir_fd, const char *name)
{
        return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

DIR *folder_list(int dir_fd)
{
        int fd = folder_open_in(dir_fd, ".");
        DIR *list = fd < 0 ? NULL : fdopendir(fd);
        if (!list && fd >= 0)
                (void)close(fd);
        return list;
}

const struct dirent *folder_next(DIR *list)
{
        const struct dirent *entry;
        while ((entry = readdir(list)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return entry;
        return NULL;
}

bool folder_is_in_place(int dir_fd, const char *name, int fd)
{
        struct stat named;
        struct stat opened;
        return fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
               named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

static int delete_at(int dir_fd, const char *name, int depth);

/* 0, or an errno. */
static int delete_inside(int fd, int depth)
{
        DIR *list = folder_list(fd);
        if (!list)
                return errno;
        int failed = 0;
        const struct dirent *entry;
        while ((entry = folder_next(list))) {
                int r = delete_at(fd, entry->d_name, depth + 1);
                failed = failed ? failed : r;
        }
        (void)closedir(list);
        return failed;
}

static int delete_folder(int dir_fd, const char *name, int depth)
{
        if (depth > FOLDER_DEPTH_MAX)
                return ELOOP;
        _cleanup_close_ int fd = folder_open_in(dir_fd, name);
        if (fd < 0)
                return errno == ENOENT ? 0 : errno;
        for (int i = 0; i < FOLDER_PASSES_MAX; i++) {
                int failed = delete_inside(fd, depth);
                if (failed)
                        return failed;
                if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                        return 0;
                if (errno != ENOTEMPTY && errno != EEXIST)
                        return errno;
        }
        return ENOTEMPTY;
}

static int delete_at(int dir_fd, const char *name, int depth)
{
        if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        return errno == EISDIR || errno == EPERM ? delete_folder(dir_fd, name, depth) : errno;
}

int folder_delete(int dir_fd, const char *name, struct error *err)
{
        int failed = delete_at(dir_fd, name, 0);
        return failed ? error_errno(err, failed, "removing %s from the snapshots", name) : 0;
}

int folder_remove(int dir_fd, const char *name, bool *ret_moved, struct error *err)
{
        char away[FOLDER_NAME_SIZE];
        if (ret_moved)
                *ret_moved = false;
        int r = folder_fresh_name(FOLDER_OLD, away, err);
        if (r < 0)
                return r;
        bool moved = renameat(dir_fd, name, dir_fd, away) == 0;
        if (!moved && errno != ENOENT)
                return error_errno(err, errno, "taking the snapshot %s away", name);
        if (ret_moved)
                *ret_moved = true;
        return moved ? folder_delete(dir_fd, away, err) : 0;
}

/* The one who makes it holds its lock, and whoever has the lock may delete it. */
static int sweep_draft(int dir_fd, const char *name, struct error *err)
{
        _cleanup_close_ int fd = folder_open_in(dir_fd, name);
        if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
                return errno == ENOENT ? 0 : error_errno(err, errno, "opening the draft %s", name);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : error_errno(err, errno, "locking %s", name);
        int r = folder_delete(dir_fd, name, err);
        return r < 0 ? r : 1;
}

static bool is_named(const char *name, const char *prefix)
{
        size_t n = strlen(prefix);
        return strncmp(name, prefix, n) == 0 && uuid_is_valid(name + n);
}

int folder_sweep(int dir_fd, size_t *ret_removed, struct error *err)
{
        struct error ignored;
        int worst = 0;
        DIR *list = folder_list(dir_fd);
        if (!list)
                return error_errno(err, errno, "listing the snapshots");
        const struct dirent *entry;
        while ((entry = folder_next(list))) {
                int r = 0;
                struct error *said = worst < 0 ? &ignored : err;
                if (is_named(entry->d_name, FOLDER_NEW))
                        r = sweep_draft(dir_fd, entry->d_name, said);
                else if (is_named(entry->d_name, FOLDER_OLD))
                        r = folder_delete(dir_fd, entry->d_name, said);
                if (r > 0)
                        (*ret_removed)++;
                worst = worst < 0 ? worst : r < 0 ? r : 0;
        }
        (void)closedir(list);
        return worst;
}
