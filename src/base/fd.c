#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_CHUNK_BYTES 65536

int fd_read_all(int fd, struct buf *out, const char *what, struct error *err)
{
        char chunk[FD_CHUNK_BYTES];
        for (;;) {
                ssize_t n = read(fd, chunk, sizeof(chunk));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, errno, "reading %s", what);
                if (n == 0)
                        return 0;
                buf_append(out, chunk, (size_t)n);
                int r = buf_error(out, err, what);
                if (r < 0)
                        return r;
        }
}

static const char *file_kind(mode_t mode)
{
        if (S_ISDIR(mode))
                return "a directory";
        if (S_ISFIFO(mode))
                return "a named pipe";
        if (S_ISSOCK(mode))
                return "a socket";
        return "a device";
}

int fd_open_regular(const char *path, int *ret_fd, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return error_errno(err, errno, "opening %s", path);
        struct stat st;
        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "looking at %s", path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERROR_IO, "%s is %s; a regular file is needed", path,
                                 file_kind(st.st_mode));
        *ret_fd = steal_fd(&fd);
        return 0;
}

int fd_read_file(const char *path, struct buf *out, struct error *err)
{
        if (strcmp(path, "-") == 0)
                return fd_read_all(STDIN_FILENO, out, "standard input", err);
        _cleanup_close_ int fd = -1;
        int r = fd_open_regular(path, &fd, err);
        return r < 0 ? r : fd_read_all(fd, out, path, err);
}

int fd_write_all(int fd, const void *bytes, size_t n, struct error *err)
{
        const char *p = bytes;
        while (n > 0) {
                ssize_t written = write(fd, p, n);
                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return error_errno(err, errno, "writing");
                p += written;
                n -= (size_t)written;
        }
        return 0;
}

int fd_send_some(int fd, const void *bytes, size_t n, size_t *sent)
{
        while (*sent < n) {
                ssize_t taken = send(fd, (const char *)bytes + *sent, n - *sent,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
                if (taken < 0 && errno == EINTR)
                        continue;
                if (taken < 0)
                        return errno == EAGAIN ? 0 : -1;
                *sent += (size_t)taken;
        }
        return 0;
}

ssize_t fd_receive(int fd, void *bytes, size_t n)
{
        for (;;) {
                ssize_t came = recv(fd, bytes, n, MSG_DONTWAIT);
                if (came < 0 && errno == EINTR)
                        continue;
                return came >= 0 ? came : errno == EAGAIN ? -1 : 0;
        }
}

/* The rename is durable once the folder that holds the name is. */
static int sync_parent(const char *path, struct error *err)
{
        char parent[4096];
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : 0;
        if (n >= sizeof(parent))
                return error_set(err, ERROR_IO, "the path %s is too long", path);
        memcpy(parent, n ? path : ".", n ? n : 1);
        parent[n ? n : 1] = '\0';
        _cleanup_close_ int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return error_errno(err, errno, "syncing %s", parent);
        return 0;
}

int fd_write_file(const char *path, const void *bytes, size_t n, mode_t mode, struct error *err)
{
        char temporary[4096];
        if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
                return error_set(err, ERROR_IO, "the path %s is too long", path);
        _cleanup_close_ int fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, errno, "creating %s", temporary);
        int r = fd_write_all(fd, bytes, n, err);
        if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0))
                r = error_errno(err, errno, "finishing it");
        if (r < 0) {
                (void)unlink(temporary);
                return error_prefix(err, r, "writing %s", path);
        }
        return sync_parent(path, err);
}

int fd_make_dirs(const char *path, struct error *err)
{
        char partial[4096];
        size_t n = strlen(path);
        if (n == 0 || n >= sizeof(partial))
                return error_set(err, ERROR_IO, "the path %s is empty or too long", path);
        for (size_t i = 1; i <= n; i++) {
                if (path[i] != '/' && path[i] != '\0')
                        continue;
                memcpy(partial, path, i);
                partial[i] = '\0';
                if (mkdir(partial, 0700) < 0 && errno != EEXIST)
                        return error_errno(err, errno, "creating the folder %s", partial);
        }
        struct stat st;
        if (stat(path, &st) < 0)
                return error_errno(err, errno, "looking at %s", path);
        if (!S_ISDIR(st.st_mode))
                return error_set(err, ERROR_IO, "%s is not a folder", path);
        return 0;
}
