/* What file_memo.c and file_memo_disk.c share. */
#ifndef ASKCSV_RUNNER_FILE_MEMO_PARTS_H
#define ASKCSV_RUNNER_FILE_MEMO_PARTS_H

#include "runner/file_memo.h"

#include <stddef.h>

struct moment {
        int64_t s;
        int64_t ns;
};

struct memo_entry {
        char *path;
        uint32_t path_hash; /* so that few paths are compared in full */
        uint64_t device;
        uint64_t inode;
        int64_t size;
        struct moment modified; /* mtime */
        struct moment changed;  /* ctime */
        int64_t noted_ms;
        int64_t used_ms;
        char sha256[HASH_HEX_SIZE];
};

struct file_memo {
        char *path; /* NULL: in memory only */
        struct memo_entry *entries;
        size_t n;
        size_t room;
        bool dirty;
        struct stat on_disk; /* the file whose entries are all in here; all 0: none */
};

/* Copies the entry in, over an older one of the same path. entry->path stays the caller's. 1 when
 * it is in, 0 when what is there is no older, negative for no memory. */
int file_memo_put(struct file_memo *memo, const struct memo_entry *entry, struct error *err);

/* Adds what stands in the file; what cannot be read is not there. */
void file_memo_read(struct file_memo *memo);

#endif
