#include "runner/intake.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "the request"

static int read_env(const char *name, struct buf *out, struct error *err)
{
        char *value = getenv(name);
        if (!value)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the environment variable %s is not set; it must hold the request",
                                 name);
        buf_puts(out, value);
        /* It lies where /proc/PID/environ shows it. */
        explicit_bzero(value, strlen(value));
        (void)unsetenv(name);
        return buf_error(out, err, WHAT);
}

/* How many entries have names of digits alone; kubelet's own begin with "..". */
static int count_pieces(const char *dir, size_t *ret, struct error *err)
{
        DIR *folder = opendir(dir);
        if (!folder)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the request's folder %s cannot be read: %s", dir,
                                 strerror(errno));
        *ret = 0;
        for (const struct dirent *entry; (entry = readdir(folder));)
                if (entry->d_name[strspn(entry->d_name, "0123456789")] == '\0')
                        (*ret)++;
        (void)closedir(folder);
        if (*ret > INTAKE_PIECES_MAX)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the request in %s has %zu pieces; the limit is %d", dir, *ret,
                                 INTAKE_PIECES_MAX);
        return 0;
}

static int read_piece(const char *dir, size_t i, struct buf *out, struct error *err)
{
        char path[PATH_MAX];
        struct error why = {0};
        _cleanup_close_ int fd = -1;
        if (snprintf(path, sizeof(path), "%s/%zu", dir, i) >= (int)sizeof(path))
                return error_set(err, ERROR_INVALID_REQUEST, "the path %s is too long", dir);
        int r = fd_open_regular(path, &fd, &why);
        if (r == 0)
                r = fd_read_all(fd, out, WHAT, &why);
        return r < 0 ? error_set(err, ERROR_INVALID_REQUEST, "piece %zu of the request: %s", i,
                                 why.message)
                     : 0;
}

static int read_dir(const char *dir, struct buf *out, struct error *err)
{
        size_t n = 0;
        int r = count_pieces(dir, &n, err);
        if (r == 0 && n == 0)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the request's folder %s has no piece; they are named 0, 1, 2 "
                                 "and so on",
                                 dir);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_piece(dir, i, out, err);
        return r;
}

int intake_read(const struct intake *intake, int fd, struct buf *out, struct error *err)
{
        if (intake->env)
                return read_env(intake->env, out, err);
        if (intake->dir)
                return read_dir(intake->dir, out, err);
        return fd_read_all(fd, out, WHAT, err);
}
