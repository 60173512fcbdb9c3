#include "snapshot/snapshot.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "snapshot/entry.h"
#include "snapshot/folder.h"
#include "snapshot/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void snapshot_list_done(struct snapshot_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                json_decref(list->items[i].manifest);
        free(list->items);
        *list = (struct snapshot_list){0};
}

static int list_add(struct snapshot_list *list, size_t *room, const struct snapshot_entry *item,
                    struct error *err)
{
        if (list->n == *room) {
                size_t more = *room ? *room * 2 : 16;
                void *grown = alloc_realloc(list->items, more * sizeof(*list->items));
                if (!grown)
                        return error_oom(err);
                list->items = grown;
                *room = more;
        }
        list->items[list->n++] = *item;
        list->bytes += item->bytes;
        return 0;
}

/* The manifest's mtime is when it was last used. */
static int64_t used_ms(const struct entry *entry)
{
        struct stat st;
        if (fstat(entry->manifest_fd, &st) < 0)
                return 0;
        return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

static int read_one(int folder_fd, const char *key, struct snapshot_list *list, size_t *room,
                    struct error *err)
{
        _cleanup_entry_ struct entry entry = ENTRY_NONE;
        int state = entry_open(folder_fd, key, &entry, err);
        if (state < 0 || state == ENTRY_MISSING) /* it went in the meantime */
                return state < 0 ? state : 0;
        struct snapshot_entry item = {
                .bytes = entry.bytes + entry.values_bytes,
        };
        memcpy(item.key, key, HASH_HEX_SIZE);
        if (state == ENTRY_FITS) {
                item.manifest = entry.manifest;
                item.rows = manifest_rows(entry.manifest);
                item.used_ms = used_ms(&entry);
        }
        int r = list_add(list, room, &item, err);
        if (r == 0 && state == ENTRY_FITS)
                entry.manifest = NULL;
        return r;
}

static int compare_used(const void *a, const void *b)
{
        const struct snapshot_entry *p = a;
        const struct snapshot_entry *q = b;
        if (p->used_ms != q->used_ms)
                return p->used_ms > q->used_ms ? -1 : 1;
        return strcmp(p->key, q->key);
}

int snapshot_list_read(const char *folder, struct snapshot_list *ret, struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        _cleanup_(snapshot_list_done) struct snapshot_list list = {0};
        size_t room = 0;
        *ret = list;
        int r = folder_open(folder, FOLDER_LOOK, &folder_fd, NULL, err);
        if (r <= 0)
                return r;
        DIR *entries = folder_list(folder_fd);
        if (!entries)
                return error_errno(err, errno, "listing %s", folder);
        const struct dirent *entry;
        r = 0;
        while (r == 0 && (entry = folder_next(entries)))
                if (manifest_is_sha256(entry->d_name))
                        r = read_one(folder_fd, entry->d_name, &list, &room, err);
        (void)closedir(entries);
        if (r < 0)
                return r;
        if (list.n > 1)
                qsort(list.items, list.n, sizeof(*list.items), compare_used);
        *ret = list;
        list = (struct snapshot_list){0};
        return 0;
}
