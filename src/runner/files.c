#include "runner/files.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HASH_PIECE_BYTES (512 * 1024)

/* The part of path below root, or NULL when it is not below it. */
static const char *path_below(const char *root, const char *path)
{
        size_t n = strlen(root);
        while (n > 0 && root[n - 1] == '/')
                n--;
        if (strncmp(root, path, n) != 0 || path[n] != '/')
                return NULL;
        while (path[n] == '/')
                n++;
        return path[n] ? path + n : NULL;
}

static int open_failed(int errnum, const char *path, const char *root, struct error *err)
{
        switch (errnum) {
        case ELOOP:
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "%s has a symbolic link in its path; give the resolved path",
                                 path);
        case EXDEV:
                return error_set(err, ERROR_INVALID_REQUEST, "%s lies outside the data root %s",
                                 path, root);
        case ENOENT:
                return error_set(err, ERROR_DATASET_INVALID, "%s does not exist", path);
        case EACCES:
                return error_set(err, ERROR_DATASET_INVALID, "%s may not be read by this user",
                                 path);
        default:
                return error_errno(err, errnum, "opening %s", path);
        }
}

/* O_NONBLOCK: a named pipe without a writer must not hold us up. */
static int open_beneath(int root_fd, const char *root, const char *path, int *ret_fd,
                        struct error *err)
{
        struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        const char *below = path_below(root, path);
        if (!below)
                return open_failed(EXDEV, path, root, err);
        int fd = (int)syscall(SYS_openat2, root_fd, below, &how, sizeof(how));
        if (fd < 0)
                return open_failed(errno, path, root, err);
        *ret_fd = fd;
        return 0;
}

static int file_open(int root_fd, const char *root, const struct request_table *table,
                     struct file *file, struct error *err)
{
        *file = (struct file){.table = table, .fd = -1, .nul_at = -1};
        int r = open_beneath(root_fd, root, table->path, &file->fd, err);
        if (r < 0)
                return r;
        if (fstat(file->fd, &file->at_start) < 0)
                return error_errno(err, errno, "looking at %s", table->path);
        if (!S_ISREG(file->at_start.st_mode))
                return error_set(err, ERROR_INVALID_REQUEST, "%s is not a regular file",
                                 table->path);
        return 0;
}

int files_open(const struct request *request, const char *data_root, struct files *files,
               struct error *err)
{
        *files = (struct files){0};
        if (request->n_tables == 0 || request->op == REQUEST_CHECK)
                return 0;
        _cleanup_close_ int root_fd = open(data_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return error_errno(err, errno, "opening the data root %s", data_root);
        files->items = alloc_calloc(request->n_tables, sizeof(*files->items));
        if (!files->items)
                return error_oom(err);
        for (size_t i = 0; i < request->n_tables; i++) {
                files->n = i + 1;
                int r = file_open(root_fd, data_root, &request->tables[i], &files->items[i], err);
                if (r < 0) {
                        files_close(files);
                        return r;
                }
        }
        return 0;
}

void files_close(struct files *files)
{
        for (size_t i = 0; i < files->n; i++)
                if (files->items[i].fd >= 0)
                        (void)close(files->items[i].fd);
        free(files->items);
        hash_free(files->hash);
        *files = (struct files){0};
}

void files_shut(struct files *files)
{
        for (size_t i = 0; i < files->n; i++) {
                if (files->items[i].fd >= 0)
                        (void)close(files->items[i].fd);
                files->items[i].fd = -1;
        }
}

static int file_changed(const struct file *file, const char *how, struct error *err)
{
        return error_set(err, ERROR_DATASET_CHANGED,
                         "%s %s; if that is meant, make the dataset anew or register the new "
                         "version",
                         file->table->path, how);
}

/* What the engine would pass over in silence: it takes a NUL for the end of something, and leaves
 * out a line that is too long for it when that is the last one. */
static int check_text(const struct file *file, struct error *err)
{
        if (strcmp(file->table->format, "csv") != 0)
                return 0;
        if (file->nul_at >= 0)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s holds a NUL byte at offset %lld: it is UTF-16, or no text at "
                                 "all; save it as UTF-8",
                                 file->table->path, (long long)file->nul_at);
        if (file->long_line > 0)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s, line %lld: the line is longer than %d bytes",
                                 file->table->path, (long long)file->long_line, FILE_LINE_MAX);
        return 0;
}

static int check_hash(const struct file *file, struct error *err)
{
        if (file->table->sha256 && strcmp(file->table->sha256, file->sha256) != 0)
                return file_changed(file, "is not the file of the dataset's version", err);
        return 0;
}

static int file_hashed(struct files *files, struct error *err)
{
        struct file *file = &files->items[files->next];
        hash_final_hex(files->hash, file->sha256);
        hash_free(files->hash);
        files->hash = NULL;
        files->offset = 0;
        files->next++;
        int r = check_hash(file, err);
        if (r == 0)
                r = check_text(file, err);
        if (r < 0)
                return r;
        return files->next < files->n;
}

int files_set_known(struct files *files, size_t i, const char *sha256, struct error *err)
{
        struct file *file = &files->items[i];
        (void)snprintf(file->sha256, sizeof(file->sha256), "%s", sha256);
        return check_hash(file, err);
}

/* Lines are counted and measured as they pass. */
static void note_text(struct file *file, const char *piece, size_t n, int64_t offset)
{
        const char *nul = memchr(piece, '\0', n);
        if (nul && file->nul_at < 0)
                file->nul_at = offset + (nul - piece);
        for (size_t i = 0; i < n;) {
                const char *end = memchr(piece + i, '\n', n - i);
                size_t length = end ? (size_t)(end - piece) - i : n - i;
                file->line_bytes += (int64_t)length;
                if (file->line_bytes > FILE_LINE_MAX && file->long_line == 0)
                        file->long_line = file->lines + 1;
                if (!end)
                        return;
                file->lines++;
                file->line_bytes = 0;
                i += length + 1;
        }
}

int files_hash_some(struct files *files, struct error *err)
{
        while (files->next < files->n && !files->hash && files->items[files->next].sha256[0])
                files->next++;
        if (files->next >= files->n)
                return 0;
        if (!files->hash)
                files->hash = hash_new();
        _cleanup_free_ char *piece = alloc_malloc(HASH_PIECE_BYTES);
        if (!files->hash || !piece)
                return error_oom(err);
        struct file *file = &files->items[files->next];
        ssize_t n = pread(file->fd, piece, HASH_PIECE_BYTES, files->offset);
        if (n < 0 && errno == EINTR)
                return 1;
        if (n < 0)
                return error_errno(err, errno, "reading %s", file->table->path);
        if (n == 0)
                return file_hashed(files, err);
        hash_update(files->hash, piece, (size_t)n);
        note_text(file, piece, (size_t)n, files->offset);
        files->offset += n;
        return 1;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
        return a->st_size == b->st_size && same_time(&a->st_mtim, &b->st_mtim) &&
               same_time(&a->st_ctim, &b->st_ctim);
}

bool files_are_same(const struct files *a, const struct files *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++) {
                const struct stat *one = &a->items[i].at_start;
                const struct stat *two = &b->items[i].at_start;
                if (one->st_dev != two->st_dev || one->st_ino != two->st_ino ||
                    !same_stat(one, two))
                        return false;
        }
        return true;
}

int files_check_unchanged(const struct files *files, struct error *err)
{
        for (size_t i = 0; i < files->n; i++) {
                const struct file *file = &files->items[i];
                struct stat now;
                if (fstat(file->fd, &now) < 0)
                        return error_errno(err, errno, "looking at %s", file->table->path);
                if (!same_stat(&now, &file->at_start))
                        return file_changed(file, "changed while it was read", err);
        }
        return 0;
}
