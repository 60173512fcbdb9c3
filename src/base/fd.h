/* Descriptors: whole reads and whole writes, what a socket takes and gives at the moment, and the
 * files of askcsv's own state. */
#ifndef ASKCSV_BASE_FD_H
#define ASKCSV_BASE_FD_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Everything up to the end of fd, appended to out (its ceiling bounds it). what names the input
 * in errors ("the plan"). */
int fd_read_all(int fd, struct buf *out, const char *what, struct error *err);

/* Opens a file for reading without waiting (a FIFO without a writer does not hang) and refuses
 * anything but a regular file, saying what it is. The caller closes. */
int fd_open_regular(const char *path, int *ret_fd, struct error *err);

/* fd_open_regular and fd_read_all; path "-" is standard input. */
int fd_read_file(const char *path, struct buf *out, struct error *err);

/* All n bytes. 0 or a negative code; EPIPE is an error, not a signal, if SIGPIPE is ignored. */
int fd_write_all(int fd, const void *bytes, size_t n, struct error *err);

/* Sends of the n bytes those from *sent on, as many as the socket takes without waiting, and moves
 * *sent. 0 also when it took few or none; -1 when the other end is gone, without SIGPIPE. */
int fd_send_some(int fd, const void *bytes, size_t n, size_t *sent);

/* What the socket has now, at most n bytes: how many; 0 at the end (a reset is an end, too); -1
 * when nothing has come yet. */
ssize_t fd_receive(int fd, void *bytes, size_t n);

/* Writes path.XXXXXX, syncs it, renames it over path, syncs the folder: after a crash either the
 * old content is there or the new. */
int fd_write_file(const char *path, const void *bytes, size_t n, mode_t mode, struct error *err);

/* Creates path and its missing parents (mode 0700 for each new one). Exists already: fine. */
int fd_make_dirs(const char *path, struct error *err);

#endif
