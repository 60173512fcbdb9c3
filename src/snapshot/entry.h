/* FOLDER/KEY, looked at: its files open, and whether they belong together. */
#ifndef ASKCSV_SNAPSHOT_ENTRY_H
#define ASKCSV_SNAPSHOT_ENTRY_H

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

enum entry_state {
        ENTRY_MISSING,
        ENTRY_WRONG, /* not a snapshot that can be used: torn, altered, or something else */
        ENTRY_FITS,  /* but for the files' hashes, which were not looked at */
};

struct entry {
        int dir_fd;      /* -1 when it is no folder */
        int manifest_fd; /* the others: only when it fits */
        int file_fd;
        int values_fd;
        json_t *manifest;
        int64_t bytes;        /* of snapshot.duckdb, also when it does not fit, if it is there */
        int64_t values_bytes; /* likewise of values.json */
};

#define ENTRY_NONE ((struct entry){.dir_fd = -1, .manifest_fd = -1, .file_fd = -1, .values_fd = -1})

/* Returns an entry_state, or a negative code for what says nothing about the snapshot (too many
 * open files, memory, a disk that cannot be read). Release with entry_close in each case. */
int entry_open(int folder_fd, const char *key, struct entry *entry, struct error *err);
void entry_close(struct entry *entry);

#define _cleanup_entry_ _cleanup_(entry_close)

/* 1 when both files hash to what the manifest says, 0 when not. Reads all of them. */
int entry_check_hashes(const struct entry *entry, struct error *err);

/* 1 and the bytes of values.json in *ret, which the caller releases, when they hash to what the
 * manifest says; 0 when not. */
int entry_read_values(const struct entry *entry, struct buf *ret, struct error *err);

#endif
