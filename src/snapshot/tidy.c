/* The rule by which old snapshots go (snapshot.h). */
#include "snapshot/snapshot.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "snapshot/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define SETTING_MB_MAX 1000000000LL

struct tidying {
        int folder_fd;
        const char *keep;
        struct snapshot_list list;
        size_t removed;
        int worst; /* of what could not be removed: the first */
        struct error *err;
};

static bool is_kept(const struct tidying *it, const struct snapshot_entry *item)
{
        return it->keep && strcmp(it->keep, item->key) == 0;
}

/* Removes items[i] and takes it off the list, or leaves it there and goes on. */
static bool drop(struct tidying *it, size_t i)
{
        struct snapshot_entry *item = &it->list.items[i];
        struct error ignored;
        bool moved = false;
        int r = folder_remove(it->folder_fd, item->key, &moved, it->worst < 0 ? &ignored : it->err);
        if (r < 0 && it->worst == 0)
                it->worst = r;
        if (!moved)
                return false;
        it->removed++;
        it->list.bytes -= item->bytes;
        json_decref(item->manifest);
        it->list.n--;
        memmove(item, item + 1, (it->list.n - i) * sizeof(*item));
        return true;
}

/* The same table may come from a.csv and from b.csv; so the order of the tables counts too. */
static bool are_of_same_files(const struct snapshot_entry *a, const struct snapshot_entry *b)
{
        if (!a->manifest || !b->manifest)
                return false;
        const json_t *files = json_object_get(a->manifest, "files");
        const json_t *others = json_object_get(b->manifest, "files");
        if (strcmp(json_get_string(a->manifest, "dataset_id"),
                   json_get_string(b->manifest, "dataset_id")) != 0 ||
            json_array_size(files) != json_array_size(others))
                return false;
        for (size_t i = 0; i < json_array_size(files); i++)
                if (strcmp(json_get_string(json_array_get(files, i), "path"),
                           json_get_string(json_array_get(others, i), "path")) != 0)
                        return false;
        return true;
}

/* How many of the same files stand before items[i], which is to say were used later. */
static size_t later_versions(const struct tidying *it, size_t i)
{
        size_t n = 0;
        for (size_t j = 0; j < i; j++)
                n += are_of_same_files(&it->list.items[j], &it->list.items[i]);
        return n;
}

static bool is_due(const struct tidying *it, size_t i, int64_t now_ms)
{
        const struct snapshot_entry *item = &it->list.items[i];
        if (is_kept(it, item))
                return false;
        return !item->manifest || later_versions(it, i) >= SNAPSHOT_VERSIONS_KEPT ||
               item->used_ms < now_ms - SNAPSHOT_DAYS_KEPT * DAY_MS;
}

static void put_kept_first(struct tidying *it)
{
        struct snapshot_entry *items = it->list.items;
        for (size_t i = 0; i < it->list.n; i++) {
                if (!is_kept(it, &items[i]))
                        continue;
                struct snapshot_entry kept = items[i];
                memmove(&items[1], &items[0], i * sizeof(*items));
                items[0] = kept;
                return;
        }
}

static void tidy(struct tidying *it, int64_t max_bytes)
{
        int64_t now_ms = clock_utc_ms();
        put_kept_first(it);
        for (size_t i = 0; i < it->list.n;)
                if (!is_due(it, i, now_ms) || !drop(it, i))
                        i++;
        for (size_t i = it->list.n; i-- > 0 && it->list.bytes > max_bytes;)
                if (!is_kept(it, &it->list.items[i]))
                        (void)drop(it, i);
}

int snapshot_tidy(const char *folder, const char *keep, int64_t max_bytes, size_t *ret_removed,
                  struct error *err)
{
        _cleanup_close_ int folder_fd = -1;
        struct tidying it = {.keep = keep, .err = err};
        if (ret_removed)
                *ret_removed = 0;
        int r = folder_open(folder, FOLDER_USE, &folder_fd, NULL, err);
        if (r <= 0)
                return r;
        it.folder_fd = folder_fd;
        it.worst = folder_sweep(folder_fd, &it.removed, err);
        r = snapshot_list_read(folder, &it.list, it.worst < 0 ? NULL : err);
        if (r == 0)
                tidy(&it, max_bytes);
        snapshot_list_done(&it.list);
        if (ret_removed)
                *ret_removed = it.removed;
        return it.worst < 0 ? it.worst : r;
}

int snapshot_max_bytes(const char *setting, int64_t *ret, struct error *err)
{
        *ret = SNAPSHOT_BYTES_KEPT;
        if (!setting || !*setting)
                return 0;
        size_t n = strspn(setting, "0123456789");
        long long mb = n > 0 && n <= 10 && !setting[n] ? strtoll(setting, NULL, 10) : -1;
        if (mb < 0 || mb > SETTING_MB_MAX)
                return error_set(err, ERROR_USAGE,
                                 "ASKCSV_SNAPSHOT_MB is \"%.40s\"; it must be a number of MiB from "
                                 "0 to %lld",
                                 setting, SETTING_MB_MAX);
        *ret = mb * 1024 * 1024;
        return 0;
}
