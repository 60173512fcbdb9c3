/* The dataset's files, as the supervisor sees them: opened beneath the data root, hashed, and
 * watched for change. It does not read what they hold, but for NUL bytes, which no
 * text has, and the length of lines. */
#ifndef ASKCSV_RUNNER_FILES_H
#define ASKCSV_RUNNER_FILES_H

#include "base/error.h"
#include "base/hash.h"
#include "protocol/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define FILE_LINE_MAX 2000000 /* bytes; the engine's own limit is a little above */

struct file {
        const struct request_table *table;
        int fd;
        struct stat at_start;
        char sha256[HASH_HEX_SIZE]; /* "" until it is known */
        /* Of what was hashed so far: */
        int64_t nul_at;     /* where the first NUL byte is; -1: there is none */
        int64_t lines;      /* ended */
        int64_t line_bytes; /* of the one that has not ended */
        int64_t long_line; /* the number of the first with more than FILE_LINE_MAX bytes; 0: none */
};

struct files {
        struct file *items;
        size_t n;
        size_t next;       /* the file that is being hashed */
        struct hash *hash; /* of it, or NULL before its first byte */
        int64_t offset;
};

/* Opens every table's file: beneath data_root, no symbolic link on the way, a regular file. On
 * failure nothing is left open. Release with files_close. */
int files_open(const struct request *request, const char *data_root, struct files *files,
               struct error *err);
void files_close(struct files *files);

/* The hash of file i is known from before. ERROR_DATASET_CHANGED when it is not the request's. */
int files_set_known(struct files *files, size_t i, const char *sha256, struct error *err);

/* Closes the files, and keeps what is known of them. */
void files_shut(struct files *files);

/* Hashes the next piece of what is not known. 1 when there is more to do, 0 when all is hashed,
 * negative for a failed read or (ERROR_DATASET_CHANGED) a hash that is not the one in the request.
 */
int files_hash_some(struct files *files, struct error *err);

/* Both have the same files, and neither changed in between. */
bool files_are_same(const struct files *a, const struct files *b);

/* After everything was read: 0, or ERROR_DATASET_CHANGED when a file's size or times are not
 * those of the start. */
int files_check_unchanged(const struct files *files, struct error *err);

#endif
