/* The file of API keys as it is on disk: keys.c's alone.
 *
 * {"version": 1, "keys": [{"id": "0a1b2c3d", "name": "ann", "scope": "run", "sha256": "...",
 *                          "created_at": "2026-01-31T00:00:00Z", "revoked_at": null}, ...]} */
#ifndef ASKCSV_SERVER_KEYS_FILE_H
#define ASKCSV_SERVER_KEYS_FILE_H

#include "base/hash.h"
#include "server/keys.h"

#include <jansson.h>
#include <stddef.h>
#include <sys/stat.h>

/* Which state of the file was read; all zero: there was none. */
struct keys_stamp {
        dev_t device;
        ino_t inode;
        off_t bytes;
        struct timespec modified, changed;
};

struct stored_key {
        struct key_entry entry;
        unsigned char sha256[HASH_BYTES];
};

struct keys_content {
        struct keys_stamp stamp;
        struct stored_key *items;
        size_t n;
        json_t *json; /* the document; what it holds besides is kept when it is written again */
};

/* A missing file reads as one without keys. Release with keys_content_done, also after a failure.
 */
int keys_file_read(const char *path, struct keys_content *ret, struct error *err);
/* The same from a text, or NULL for none; place is what messages call it. */
int keys_content_read(const char *place, const char *text, size_t n, struct keys_content *ret,
                      struct error *err);
void keys_content_done(struct keys_content *content);

/* True when path is as it was when it got that stamp. */
bool keys_file_is_same(const char *path, const struct keys_stamp *stamp);

/* Waits for other writers; they are kept off until *ret_fd is closed. */
int keys_file_lock(const char *home, int *ret_fd, struct error *err);

int keys_file_write(const char *path, const json_t *json, struct error *err);

/* True for a name of a key: 1 to KEY_NAME_SIZE - 1 bytes of UTF-8 without control characters. */
bool keys_name_is_valid(const char *name);

#endif
