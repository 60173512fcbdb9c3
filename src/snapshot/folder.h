/* The folder that holds the snapshots, and how things in it are named and taken away. Everything
 * goes by descriptors; below the folder itself no symbolic link is followed. */
#ifndef ASKCSV_SNAPSHOT_FOLDER_H
#define ASKCSV_SNAPSHOT_FOLDER_H

#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>

#define FOLDER_NEW ".new-" /* then a UUID: one that is being made, locked */
#define FOLDER_OLD ".old-" /* then a UUID: one that is being removed, by whoever finds it */
#define FOLDER_NAME_SIZE 64

enum folder_use {
        FOLDER_LOOK, /* reads only; nothing is made or judged */
        FOLDER_USE,  /* must be the user's own; others lose their access to it */
        FOLDER_MAKE, /* the same, and made when it is missing */
};

/* 1 and *ret_fd, and in *ret_path (may be NULL) its absolute path without symbolic links, which the
 * caller frees; 0 when there is no such folder. */
int folder_open(const char *folder, enum folder_use use, int *ret_fd, char **ret_path,
                struct error *err);

/* ".new-" or ".old-" and a fresh UUID. */
int folder_fresh_name(const char *prefix, char out[FOLDER_NAME_SIZE], struct error *err);

/* Opens the folder `name` in dir_fd, not through a symbolic link; -1 with errno. */
int folder_open_in(int dir_fd, const char *name);

/* A stream over what dir_fd has open, from the start; dir_fd stays the caller's. NULL with errno.
 */
DIR *folder_list(int dir_fd);

/* The next entry but "." and ".."; NULL at the end. */
const struct dirent *folder_next(DIR *list);

/* The name in dir_fd still leads to what fd has open. */
bool folder_is_in_place(int dir_fd, const char *name, int fd);

/* Takes the name away at once, then deletes what it was. *ret_moved (may be NULL) is true when the
 * name has gone, even if the rest failed. A name that is not there is fine. */
int folder_remove(int dir_fd, const char *name, bool *ret_moved, struct error *err);

/* Deletes the file, link or folder with all that is in it, where it is. */
int folder_delete(int dir_fd, const char *name, struct error *err);

/* Deletes drafts whose makers are gone, and what a remover left behind. */
int folder_sweep(int dir_fd, size_t *ret_removed, struct error *err);

#endif
