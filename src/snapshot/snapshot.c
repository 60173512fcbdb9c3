#include "snapshot/snapshot.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "snapshot/entry.h"
#include "snapshot/folder.h"
#include "snapshot/manifest.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int check_key(const char *key, struct error *err)
{
        if (manifest_is_sha256(key))
                return 0;
        return error_set(err, ERROR_INTERNAL, "%.80s is not the key of a snapshot", key);
}

void snapshot_close(struct snapshot *snapshot)
{
        cleanup_close(&snapshot->fd);
        buf_done(&snapshot->values);
        json_decref(snapshot->tables);
        free(snapshot->path);
        *snapshot = SNAPSHOT_NONE;
}

/* 1, or 0 when its values.json was altered. */
static int hand_out(struct entry *entry, const char *folder, const char *key, struct snapshot *ret,
                    struct error *err)
{
        _cleanup_buf_ struct buf values = {0};
        char *path = NULL;
        int r = entry_read_values(entry, &values, err);
        if (r <= 0)
                return r;
        if (asprintf(&path, "%s/%s/%s", folder, key, SNAPSHOT_FILE) < 0)
                return error_oom(err);
        *ret = (struct snapshot){
                .path = path,
                .fd = steal_fd(&entry->file_fd),
                .bytes = entry->bytes,
                .values = values,
                .tables = json_incref(json_object_get(entry->manifest, "tables")),
        };
        (void)snprintf(ret->sha256, sizeof(ret->sha256), "%s",
                       json_get_string(entry->manifest, "sha256"));
        values = (struct buf){0}; /* it is the snapshot's */
        /* On a disk that cannot be written, none is ever used longest ago. */
        (void)futimens(entry->manifest_fd, NULL);
        return 1;
}

/* Another one may have taken the wrong one's place since it was looked at; that one stays. */
static int remove_wrong(int folder_fd, const char *key, const struct entry *entry,
                        struct error *err)
{
        bool moved = false;
        if (entry->dir_fd >= 0 && !folder_is_in_place(folder_fd, key, entry->dir_fd))
                return 0;
        int r = folder_remove(folder_fd, key, &moved, err);
        return moved ? 0 : r;
}

int snapshot_open(const char *folder, const char *key, const char *engine_version,
                  struct snapshot *ret, struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        _cleanup_free_ char *path = NULL;
        _cleanup_entry_ struct entry entry = ENTRY_NONE;
        *ret = SNAPSHOT_NONE;
        int r = check_key(key, err);
        if (r == 0)
                r = folder_open(folder, FOLDER_USE, &folder_fd, &path, err);
        if (r <= 0)
                return r;
        int state = entry_open(folder_fd, key, &entry, err);
        if (state < 0 || state == ENTRY_MISSING)
                return state < 0 ? state : 0;
        if (state == ENTRY_FITS &&
            strcmp(json_get_string(entry.manifest, "engine"), engine_version) == 0) {
                r = hand_out(&entry, path, key, ret, err);
                if (r != 0)
                        return r;
        }
        return remove_wrong(folder_fd, key, &entry, err);
}

int snapshot_remove(const char *folder, const char *key, struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        int r = check_key(key, err);
        if (r == 0)
                r = folder_open(folder, FOLDER_USE, &folder_fd, NULL, err);
        return r <= 0 ? r : folder_remove(folder_fd, key, NULL, err);
}
