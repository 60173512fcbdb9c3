#include "snapshot/entry.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"
#include "dataset/values.h"
#include "snapshot/folder.h"
#include "snapshot/manifest.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void entry_close(struct entry *entry)
{
        cleanup_close(&entry->dir_fd);
        cleanup_close(&entry->manifest_fd);
        cleanup_close(&entry->file_fd);
        cleanup_close(&entry->values_fd);
        json_decref(entry->manifest);
        *entry = ENTRY_NONE;
}

/* An errno that speaks of the snapshot, not of us or of the machine. */
static int open_failed(int errnum, const char *key, const char *name, struct error *err)
{
        switch (errnum) {
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case ELOOP:
        case ENXIO:
        case EACCES:
                return ENTRY_WRONG;
        default:
                return error_errno(err, errnum, "opening %s of the snapshot %.16s...", name, key);
        }
}

/* ENTRY_FITS for a regular file with no other name. */
static int open_file(const struct entry *entry, const char *key, const char *name, int *ret_fd,
                     struct stat *st, struct error *err)
{
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        _cleanup_close_ int fd = openat(entry->dir_fd, name, flags);
        if (fd < 0)
                return open_failed(errno, key, name, err);
        if (fstat(fd, st) < 0)
                return error_errno(err, errno, "looking at %s", name);
        if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
                return ENTRY_WRONG;
        *ret_fd = steal_fd(&fd);
        return ENTRY_FITS;
}

/* Nothing but the three files: the engine would take snapshot.duckdb.wal for changes to be made. */
static int check_alone(const struct entry *entry, struct error *err)
{
        DIR *list = folder_list(entry->dir_fd);
        if (!list)
                return error_errno(err, errno, "listing a snapshot");
        int state = ENTRY_FITS;
        const struct dirent *item;
        while ((item = folder_next(list)))
                if (strcmp(item->d_name, SNAPSHOT_FILE) != 0 &&
                    strcmp(item->d_name, SNAPSHOT_VALUES) != 0 &&
                    strcmp(item->d_name, SNAPSHOT_MANIFEST) != 0)
                        state = ENTRY_WRONG;
        (void)closedir(list);
        return state;
}

static int read_manifest(struct entry *entry, const char *key, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        struct stat st;
        int state = open_file(entry, key, SNAPSHOT_MANIFEST, &entry->manifest_fd, &st, err);
        if (state != ENTRY_FITS)
                return state;
        if (st.st_size > (off_t)MANIFEST_BYTES_MAX)
                return ENTRY_WRONG;
        buf_init(&text, MANIFEST_BYTES_MAX);
        int r = fd_read_all(entry->manifest_fd, &text, "a snapshot's manifest", err);
        if (r < 0)
                return r;
        r = manifest_parse(buf_text(&text), text.len, &entry->manifest, err);
        if (r == -(int)ERROR_DATASET_INVALID)
                return ENTRY_WRONG;
        if (r < 0)
                return r;
        return strcmp(json_get_string(entry->manifest, "key"), key) == 0 ? ENTRY_FITS : ENTRY_WRONG;
}

/* The files other than the manifest. */
static int open_files(struct entry *entry, const char *key, struct error *err)
{
        struct stat st;
        int state = open_file(entry, key, SNAPSHOT_FILE, &entry->file_fd, &st, err);
        if (state != ENTRY_FITS)
                return state;
        entry->bytes = st.st_size;
        state = open_file(entry, key, SNAPSHOT_VALUES, &entry->values_fd, &st, err);
        if (state == ENTRY_FITS)
                entry->values_bytes = st.st_size;
        return state;
}

static bool has_said_sizes(const struct entry *entry)
{
        const json_t *values = json_object_get(entry->manifest, "values");
        return json_get_int(entry->manifest, "bytes", -1) == entry->bytes &&
               json_get_int(values, "bytes", -1) == entry->values_bytes;
}

int entry_open(int folder_fd, const char *key, struct entry *entry, struct error *err)
{
        *entry = ENTRY_NONE;
        entry->dir_fd = folder_open_in(folder_fd, key);
        if (entry->dir_fd < 0 && errno == ENOENT)
                return ENTRY_MISSING;
        if (entry->dir_fd < 0)
                return open_failed(errno, key, "the folder", err);
        int state = open_files(entry, key, err);
        if (state == ENTRY_FITS)
                state = read_manifest(entry, key, err);
        if (state == ENTRY_FITS)
                state = check_alone(entry, err);
        if (state != ENTRY_FITS)
                return state;
        return has_said_sizes(entry) ? ENTRY_FITS : ENTRY_WRONG;
}

int entry_read_values(const struct entry *entry, struct buf *ret, struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        const json_t *said = json_object_get(entry->manifest, "values");
        buf_init(ret, VALUES_BYTES_MAX);
        if (lseek(entry->values_fd, 0, SEEK_SET) < 0)
                return error_errno(err, errno, "reading a value index");
        int r = fd_read_all(entry->values_fd, ret, "a value index", err);
        if (r == 0)
                r = hash_bytes_hex(buf_text(ret), ret->len, sha256, err);
        return r < 0 ? r : strcmp(json_get_string(said, "sha256"), sha256) == 0;
}

int entry_check_hashes(const struct entry *entry, struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        _cleanup_buf_ struct buf values = {0};
        int r = entry_read_values(entry, &values, err);
        if (r <= 0)
                return r;
        if (lseek(entry->file_fd, 0, SEEK_SET) < 0)
                return error_errno(err, errno, "reading a snapshot");
        r = hash_fd_hex(entry->file_fd, sha256, NULL, err);
        return r < 0 ? r : strcmp(json_get_string(entry->manifest, "sha256"), sha256) == 0;
}
