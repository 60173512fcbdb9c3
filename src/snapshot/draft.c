/* One that is being made: until its rename nobody takes it for a snapshot. */
#include "snapshot/snapshot.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "snapshot/entry.h"
#include "snapshot/folder.h"
#include "snapshot/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DRAFT_TRIES 100 /* for a name, and for KEY's place, against others who do the same */
#define DRAFT_LOG SNAPSHOT_FILE ".wal"

/* Between the making of the folder and its lock, a sweeper may lock it and take it for a dead
 * maker's. Then either the lock fails or the name is gone: 0, try another. 1: it is ours. */
static int try_make(int folder_fd, const char *name, int *ret_fd, struct error *err)
{
        if (mkdirat(folder_fd, name, 0700) < 0)
                return errno == EEXIST ? 0 : error_errno(err, errno, "making the draft %s", name);
        _cleanup_close_ int fd = folder_open_in(folder_fd, name);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(err, errno, "opening the draft %s", name);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EWOULDBLOCK)
                        return 0;
                int r = error_errno(err, errno, "locking the draft %s", name);
                (void)unlinkat(folder_fd, name, AT_REMOVEDIR);
                return r;
        }
        if (!folder_is_in_place(folder_fd, name, fd))
                return 0;
        *ret_fd = steal_fd(&fd);
        return 1;
}

static int draft_make(int folder_fd, const char *folder, struct snapshot_draft *draft,
                      struct error *err)
{
        for (int i = 0; i < DRAFT_TRIES; i++) {
                char name[FOLDER_NAME_SIZE];
                _cleanup_free_ char *path = NULL;
                int r = folder_fresh_name(FOLDER_NEW, name, err);
                if (r < 0)
                        return r;
                if (asprintf(&path, "%s/%s", folder, name) < 0) {
                        path = NULL;
                        return error_oom(err);
                }
                r = try_make(folder_fd, name, &draft->lock_fd, err);
                if (r > 0)
                        draft->path = steal_ptr(&path);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return error_set(err, ERROR_IO,
                         "the folder %s does not keep what is made in it; it must be on a disk of "
                         "this machine",
                         folder);
}

int snapshot_draft_begin(const char *folder, struct snapshot_draft *draft, struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        _cleanup_free_ char *path = NULL;
        size_t swept = 0;
        *draft = SNAPSHOT_DRAFT_NONE;
        int r = folder_open(folder, FOLDER_MAKE, &folder_fd, &path, err);
        if (r == 0)
                r = error_set(err, ERROR_IO, "the folder %s was removed as it was made", folder);
        if (r < 0)
                return r;
        (void)folder_sweep(folder_fd, &swept, NULL); /* what stays is no reason not to make one */
        return draft_make(folder_fd, path, draft, err);
}

void snapshot_draft_abandon(struct snapshot_draft *draft)
{
        if (draft->path) {
                char *slash = strrchr(draft->path, '/');
                *slash = '\0';
                _cleanup_close_ int folder_fd = folder_open_in(AT_FDCWD, draft->path);
                if (folder_fd >= 0)
                        (void)folder_delete(folder_fd, slash + 1, NULL);
        }
        cleanup_close(&draft->lock_fd);
        free(draft->path);
        *draft = SNAPSHOT_DRAFT_NONE;
}

/* Leaves the two files alone in the draft. */
static int clear_draft(int draft_fd, struct error *err)
{
        DIR *list = folder_list(draft_fd);
        if (!list)
                return error_errno(err, errno, "listing the draft");
        int r = 0;
        const struct dirent *item;
        while (r == 0 && (item = folder_next(list))) {
                if (strcmp(item->d_name, DRAFT_LOG) == 0)
                        r = error_set(err, ERROR_DATASET_INVALID,
                                      "the engine left changes out of the snapshot, in a log");
                else if (strcmp(item->d_name, SNAPSHOT_FILE) != 0 &&
                         strcmp(item->d_name, SNAPSHOT_VALUES) != 0)
                        r = folder_delete(draft_fd, item->d_name, err);
        }
        (void)closedir(list);
        return r;
}

/* Hashes one of them, which from now on nobody writes to by mistake. */
static int measure_file(int draft_fd, const char *name, char sha256[HASH_HEX_SIZE],
                        uint64_t *ret_bytes, struct error *err)
{
        struct stat st;
        _cleanup_close_ int fd =
                openat(draft_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(err, errno, "opening the snapshot that was made");
        if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "what was made is no file of its own; no snapshot");
        if (fchmod(fd, 0400) < 0)
                return error_errno(err, errno, "protecting the snapshot");
        return hash_fd_hex(fd, sha256, ret_bytes, err);
}

static int write_manifest(int draft_fd, const json_t *manifest, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, MANIFEST_BYTES_MAX);
        int r = json_put(manifest, &text, err);
        if (r < 0)
                return error_prefix(err, r, "writing a snapshot's manifest");
        _cleanup_close_ int fd = openat(draft_fd, SNAPSHOT_MANIFEST,
                                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, errno, "creating a snapshot's manifest");
        r = fd_write_all(fd, buf_text(&text), text.len, err);
        return r < 0 ? error_prefix(err, r, "a snapshot's manifest") : 0;
}

static int make_manifest(int draft_fd, const char *key, const struct request *request,
                         const char *engine_version, const json_t *tables, const json_t *files,
                         struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        char values_sha256[HASH_HEX_SIZE];
        char now[CLOCK_TEXT_SIZE];
        uint64_t bytes = 0;
        uint64_t values_bytes = 0;
        int r = clear_draft(draft_fd, err);
        if (r == 0)
                r = measure_file(draft_fd, SNAPSHOT_FILE, sha256, &bytes, err);
        if (r == 0)
                r = measure_file(draft_fd, SNAPSHOT_VALUES, values_sha256, &values_bytes, err);
        if (r < 0)
                return r;
        clock_format_ms(clock_utc_ms(), now);
        _cleanup_json_ json_t *manifest =
                json_pack("{s:i,s:s,s:s,s:s,s:s,s:I,s:s,s:{s:I,s:s},s:O,s:O}", "format",
                          SNAPSHOT_FORMAT, "key", key, "engine", engine_version, "dataset_id",
                          request->dataset_id, "created_at", now, "bytes", (json_int_t)bytes,
                          "sha256", sha256, "values", "bytes", (json_int_t)values_bytes, "sha256",
                          values_sha256, "tables", tables, "files", files);
        if (!manifest)
                return error_oom(err);
        r = manifest_check(manifest, err);
        return r < 0 ? r : write_manifest(draft_fd, manifest, err);
}

/* 1 when a whole one is at KEY already. What else is there has been removed. */
static int look_at_key(int folder_fd, const char *key, struct error *err)
{
        _cleanup_entry_ struct entry entry = ENTRY_NONE;
        bool moved = false;
        int r = entry_open(folder_fd, key, &entry, err);
        if (r < 0 || r == ENTRY_MISSING)
                return r < 0 ? r : 0;
        if (r == ENTRY_FITS && (r = entry_check_hashes(&entry, err)) != 0)
                return r;
        r = folder_remove(folder_fd, key, &moved, err);
        return moved ? 0 : r;
}

/* 1: the draft is at KEY. 0: another one is, and is whole. */
static int move_to_key(int folder_fd, const char *name, const char *key, struct error *err)
{
        for (int i = 0; i < DRAFT_TRIES; i++) {
                if (renameat(folder_fd, name, folder_fd, key) == 0)
                        return 1;
                if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
                        return error_errno(err, errno, "publishing the snapshot");
                int r = look_at_key(folder_fd, key, err);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return error_set(err, ERROR_IO, "the place of the snapshot %.16s... is not free", key);
}

int snapshot_draft_publish(struct snapshot_draft *draft, const char *folder, const char *key,
                           const struct request *request, const char *engine_version,
                           const json_t *tables, const json_t *files, struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        int r = manifest_is_sha256(key)
                        ? folder_open(folder, FOLDER_USE, &folder_fd, NULL, err)
                        : error_set(err, ERROR_INTERNAL, "%.80s is not a snapshot's key", key);
        if (r == 0)
                r = error_set(err, ERROR_IO, "the folder %s has gone", folder);
        if (r > 0)
                r = make_manifest(draft->lock_fd, key, request, engine_version, tables, files, err);
        if (r == 0)
                r = move_to_key(folder_fd, strrchr(draft->path, '/') + 1, key, err);
        if (r > 0) { /* nothing is left to be abandoned */
                free(draft->path);
                draft->path = NULL;
        }
        snapshot_draft_abandon(draft);
        return r < 0 ? r : 0;
}
