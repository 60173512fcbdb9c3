/* Who owns something that outlives a process (an open capsule, a container), and whether that owner
 * still lives. An owner holds an exclusive flock(2) on DIR/ID.lock for its life; the kernel lets go
 * of it however the process ends, and it holds across pid namespaces. */
#ifndef ASKCSV_BASE_OWNER_H
#define ASKCSV_BASE_OWNER_H

#include "base/error.h"
#include "base/uuid.h"

struct owner {
        char id[UUID_TEXT_SIZE]; /* "" while there is none */
        int fd;                  /* of the lock file, locked; -1 while there is none */
};

/* Makes the folder dir (0700) and a new owner in it, whose lock is held on return. */
int owner_take(const char *dir, struct owner *owner, struct error *err);
void owner_release(const char *dir, struct owner *owner); /* fine without one */

/* 1: the owner is gone, and *ret_fd is its lock file, locked by us (or -1, it had none); hand both
 * to owner_bury. 0: it lives, or somebody else is looking after its death. Negative: err. */
int owner_is_gone(const char *dir, const char *id, int *ret_fd, struct error *err);

/* Removes the lock file of an owner that is gone and closes fd. */
void owner_bury(const char *dir, const char *id, int fd);

/* Removes the lock files of all owners that are gone. */
void owner_sweep(const char *dir);

/* Calls fn(id, fd, data) for every owner in dir that is gone; fd is its lock file, locked, and now
 * fn's: to bury, or to close if it is to be found again. */
void owner_each_gone(const char *dir, void (*fn)(const char *id, int fd, void *data), void *data);

#endif
