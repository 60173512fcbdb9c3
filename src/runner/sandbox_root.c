#include "runner/sandbox_parts.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/mount.h> and <sys/mount.h> cannot both be included with glibc 2.36, and only the first
 * has the structures; so the two functions and the flag of the second stand here. */
#define MNT_DETACH 2
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data);
int umount2(const char *target, int flags);

/* Any folder that exists will do: the new root is mounted over it until it becomes "/". */
#define NEW_ROOT "/tmp"
#define ROOT_OPTIONS "size=1m,nr_inodes=512,mode=0755"
#define OUT_INSIDE "/out"
#define OUT_FILE_INSIDE OUT_INSIDE "/result"
#define PAGE_SLACK 65536 /* tmpfs counts whole pages */

static const struct mount_attr writable = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};
static const struct mount_attr read_only = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

/* The path is looked up again, as a descriptor from outside belongs to another mount namespace. */
static int check_same_file(const char *path, int known_fd, int fd, struct error *err)
{
        struct stat wanted;
        struct stat got;
        if (fd >= 0 && fstat(known_fd, &wanted) == 0 && fstat(fd, &got) == 0 &&
            wanted.st_dev == got.st_dev && wanted.st_ino == got.st_ino)
                return 0;
        return error_set(err, ERROR_DATASET_CHANGED, "%s was replaced while it was opened", path);
}

/* A copy of the mount of one file or folder, not attached anywhere yet: 1 and *ret, 0 when the
 * kernel refuses, negative when it is another by now. */
static int clone_mount(const char *path, int known_fd, const struct mount_attr *attributes,
                       int *ret, struct error *err)
{
        _cleanup_close_ int fd =
                (int)syscall(SYS_open_tree, AT_FDCWD, path,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        if (fd < 0 && errno != ENOENT)
                return 0;
        int r = check_same_file(path, known_fd, fd, err);
        if (r < 0)
                return r;
        if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, attributes, sizeof(*attributes)) < 0)
                return 0;
        *ret = steal_fd(&fd);
        return 1;
}

static bool attach(int mount_fd, const char *target)
{
        return syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) ==
               0;
}

static bool attach_file(int mount_fd, const char *target)
{
        _cleanup_close_ int place = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        return place >= 0 && attach(mount_fd, target);
}

static void close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
}

/* Before the new root hides anything: a file may lie below NEW_ROOT. The folder's is the last. */
static int clone_all(const struct sandbox_spec *spec, int *mounts, struct error *err)
{
        size_t n = spec->n_files;
        size_t i = 0;
        int r = 1;
        for (; r > 0 && i < n; i++)
                r = clone_mount(spec->files[i].path, spec->files[i].fd, &read_only, &mounts[i],
                                err);
        if (r > 0 && spec->out_path) {
                r = clone_mount(spec->out_path, spec->out_fd, &writable, &mounts[n], err);
                i++;
        }
        if (r <= 0)
                close_all(mounts, i - 1);
        return r;
}

/* Room for one file of out_bytes, which nobody outside sees. */
static bool mount_out(const struct sandbox_spec *spec)
{
        char options[96];
        (void)snprintf(options, sizeof(options), "size=%lld,nr_inodes=8,mode=0700",
                       (long long)spec->out_bytes + PAGE_SLACK);
        return mkdir(NEW_ROOT OUT_INSIDE, 0755) == 0 &&
               mount("tmpfs", NEW_ROOT OUT_INSIDE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                     options) == 0;
}

static bool fill_root(struct sandbox_spec *spec, const int *mounts)
{
        struct sandbox_file *files = spec->files;
        if (mkdir(NEW_ROOT "/data", 0755) < 0)
                return false;
        if (spec->out_path && (mkdir(NEW_ROOT OUT_INSIDE, 0755) < 0 ||
                               !attach(mounts[spec->n_files], NEW_ROOT OUT_INSIDE)))
                return false;
        if (spec->role == SANDBOX_WRITER && !mount_out(spec))
                return false;
        for (size_t i = 0; i < spec->n_files; i++) {
                char target[96];
                (void)snprintf(files[i].inside, sizeof(files[i].inside), "/data/%zu", i);
                (void)snprintf(target, sizeof(target), NEW_ROOT "%s", files[i].inside);
                if (!attach_file(mounts[i], target))
                        return false;
        }
        return true;
}

/* pivot_root(".", "."): the old root lies over the new one until it is let go; pivot_root(2). */
static bool enter_root(void)
{
        return chdir(NEW_ROOT) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
               umount2(".", MNT_DETACH) == 0 && chdir("/") == 0 &&
               syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &read_only, sizeof(read_only)) == 0;
}

int sandbox_make_root(struct sandbox_spec *spec, struct error *err)
{
        int mounts[65];
        size_t n = spec->n_files + (spec->out_path ? 1 : 0);
        /* Nothing that happens here is seen outside, and the other way round. */
        if (n > ARRAY_SIZE(mounts) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return 0;
        int r = clone_all(spec, mounts, err);
        if (r <= 0)
                return r;
        bool mounted = mount("tmpfs", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                             ROOT_OPTIONS) == 0;
        bool filled = mounted && fill_root(spec, mounts);
        close_all(mounts, n);
        if (!filled && mounted)
                (void)umount2(NEW_ROOT, MNT_DETACH);
        if (!filled || !enter_root())
                return 0;
        spec->out_inside = spec->out_path || spec->role == SANDBOX_WRITER ? OUT_INSIDE : NULL;
        (void)snprintf(spec->out_file, sizeof(spec->out_file), "%s", OUT_FILE_INSIDE);
        return 1;
}
