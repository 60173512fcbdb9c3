/* What was hashed before: a file whose device, inode, size and times are still those has still
 * those bytes, so it need not be read again. The trap is a file that is written again within the
 * granularity of its times (git calls such entries racily clean); so a file that was changed less
 * than FILE_MEMO_RACY_MS before its hashing began is hashed again next time. Kept in one small JSON
 * file; what is broken in it is forgotten. */
#ifndef ASKCSV_RUNNER_FILE_MEMO_H
#define ASKCSV_RUNNER_FILE_MEMO_H

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define FILE_MEMO_RACY_MS 2000     /* FAT's times count in steps of two seconds */
#define FILE_MEMO_ENTRIES_MAX 4096 /* then the one used longest ago goes */

struct file_memo;

/* path is where it is kept; a file that is missing or broken is as good as empty. NULL: in memory
 * only. Fails only for want of memory. */
int file_memo_open(const char *path, struct file_memo **ret, struct error *err);
void file_memo_free(struct file_memo *memo); /* NULL is fine; saves nothing */

/* The hash of the file of which stat(2) says this, or NULL when it has to be hashed. Belongs to the
 * memo, until the next call. */
const char *file_memo_find(struct file_memo *memo, const char *path, const struct stat *now);

/* hashed_at_ms (clock_utc_ms) is when the reading began; `seen` is what fstat(2) said then and
 * still says. What cannot be kept (changed too recently, a path that is not UTF-8) is forgotten. */
void file_memo_note(struct file_memo *memo, const char *path, const struct stat *seen,
                    int64_t hashed_at_ms, const char sha256[HASH_HEX_SIZE]);

/* Writes it if anything changed since, together with what other processes have written there
 * meanwhile (of one file, what was noted last). While another is at that, nothing is written, until
 * the next time. An error loses nothing but time. */
int file_memo_save(struct file_memo *memo, struct error *err);

/* Reads the entries of a memo's JSON text; those that are broken are passed over. */
int file_memo_parse(struct file_memo *memo, const char *text, size_t n, struct error *err);
/* How many there are. */
size_t file_memo_count(const struct file_memo *memo);

#endif
