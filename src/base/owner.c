#include "base/owner.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define OWNER_TRIES 100
#define OWNER_SUFFIX ".lock"

static int owner_path(const char *dir, const char *id, char out[PATH_MAX], struct error *err)
{
        if (snprintf(out, PATH_MAX, "%s/%s" OWNER_SUFFIX, dir, id) >= PATH_MAX)
                return error_set(err, ERROR_STORE, "the path %s is too long", dir);
        return 0;
}

/* The name still leads to the file that fd has open. */
static bool is_in_place(const char *path, int fd)
{
        struct stat named;
        struct stat opened;
        return stat(path, &named) == 0 && fstat(fd, &opened) == 0 &&
               named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/* Between the making of the file and its lock, a sweeper may lock it and take it for a dead
 * owner's. Then either the lock fails or the name is gone: 0, try another; nobody else knows this
 * one, so it may go. 1: it is ours. */
static int try_take(const char *dir, struct owner *owner, struct error *err)
{
        char path[PATH_MAX];
        char id[UUID_TEXT_SIZE];
        int r = uuid_v7(id, err);
        if (r == 0)
                r = owner_path(dir, id, path, err);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno == EEXIST ? 0 : error_errno(err, errno, "creating the lock %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                r = errno == EWOULDBLOCK ? 0 : error_errno(err, errno, "locking %s", path);
                (void)unlink(path);
                return r;
        }
        if (!is_in_place(path, fd))
                return 0;
        memcpy(owner->id, id, sizeof(id));
        owner->fd = steal_fd(&fd);
        return 1;
}

int owner_take(const char *dir, struct owner *owner, struct error *err)
{
        int r = fd_make_dirs(dir, err);
        if (r < 0)
                return r;
        for (int i = 0; i < OWNER_TRIES; i++) {
                r = try_take(dir, owner, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return error_set(err, ERROR_STORE,
                         "the folder %s does not keep lock files; it must be on a "
                         "disk of this machine",
                         dir);
}

void owner_release(const char *dir, struct owner *owner)
{
        if (owner->fd >= 0)
                owner_bury(dir, owner->id, owner->fd);
        owner->fd = -1;
        owner->id[0] = '\0';
}

int owner_is_gone(const char *dir, const char *id, int *ret_fd, struct error *err)
{
        char path[PATH_MAX];
        *ret_fd = -1;
        if (!uuid_is_valid(id)) /* never made by owner_take; and it would be part of a path */
                return 1;
        int r = owner_path(dir, id, path, err);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 1 : error_errno(err, errno, "opening the lock %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : error_errno(err, errno, "locking %s", path);
        *ret_fd = steal_fd(&fd);
        return 1;
}

/* The name goes first, while the lock is held, so that nobody locks a name that is not there. */
void owner_bury(const char *dir, const char *id, int fd)
{
        char path[PATH_MAX];
        if (fd < 0)
                return;
        if (owner_path(dir, id, path, NULL) == 0)
                (void)unlink(path);
        (void)close(fd);
}

void owner_each_gone(const char *dir, void (*fn)(const char *id, int fd, void *data), void *data)
{
        DIR *folder = opendir(dir);
        struct dirent *entry;
        while (folder && (entry = readdir(folder))) {
                char id[UUID_TEXT_SIZE];
                int fd = -1;
                if (strlen(entry->d_name) != UUID_TEXT_SIZE - 1 + strlen(OWNER_SUFFIX) ||
                    strcmp(entry->d_name + UUID_TEXT_SIZE - 1, OWNER_SUFFIX) != 0)
                        continue;
                memcpy(id, entry->d_name, UUID_TEXT_SIZE - 1);
                id[UUID_TEXT_SIZE - 1] = '\0';
                if (uuid_is_valid(id) && owner_is_gone(dir, id, &fd, NULL) > 0)
                        fn(id, fd, data);
        }
        if (folder)
                (void)closedir(folder);
}

static void bury(const char *id, int fd, void *data)
{
        const char *dir = data;
        owner_bury(dir, id, fd);
}

void owner_sweep(const char *dir)
{
        owner_each_gone(dir, bury, (void *)dir);
}
