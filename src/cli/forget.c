/* askcsv datasets forget: snapshots removed by hand. */
#include "cli/snapshots.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FORGET_SOURCE_MAX ((size_t)256 * 1024) /* bytes of a SOURCE */

/* Which snapshots a SOURCE means. */
struct wish {
        const char *id;                  /* those of this dataset; or */
        char *files[REQUEST_TABLES_MAX]; /* those that all of these are in: absolute paths */
        size_t n_files;
};

static void wish_done(struct wish *wish)
{
        for (size_t i = 0; i < wish->n_files; i++)
                free(wish->files[i]);
}

/* The path of a file that has gone: its folder may be there still, or it was typed in full. */
static char *path_of_missing(const char *typed)
{
        char folder[PATH_MAX];
        char *path = NULL;
        const char *slash = strrchr(typed, '/');
        int n = snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - typed) + 1 : 1,
                         slash ? typed : ".");
        _cleanup_free_ char *parent = n < (int)sizeof(folder) ? realpath(folder, NULL) : NULL;
        if (!parent)
                return alloc_strdup(typed);
        if (asprintf(&path, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
                     slash ? slash + 1 : typed) < 0)
                return NULL;
        return path;
}

/* As the manifest has it: absolute, without links. */
static int add_file(struct wish *wish, const char *typed, struct error *err)
{
        if (wish->n_files == ARRAY_SIZE(wish->files))
                return error_set(err, ERROR_USAGE, "SOURCE names more than %d files",
                                 REQUEST_TABLES_MAX);
        char *path = realpath(typed, NULL);
        if (!path)
                path = path_of_missing(typed);
        if (!path)
                return error_oom(err);
        wish->files[wish->n_files++] = path;
        return 0;
}

static bool has_file(const struct snapshot_entry *entry, const char *path)
{
        size_t i;
        json_t *file;
        json_array_foreach(json_object_get(entry->manifest, "files"), i, file)
        {
                if (strcmp(json_get_string(file, "path"), path) == 0)
                        return true;
        }
        return false;
}

static bool is_meant(const struct wish *wish, const struct snapshot_entry *entry)
{
        if (!entry->manifest)
                return false;
        if (wish->id)
                return strcmp(wish->id, json_get_string(entry->manifest, "dataset_id")) == 0;
        for (size_t i = 0; i < wish->n_files; i++)
                if (!has_file(entry, wish->files[i]))
                        return false;
        return wish->n_files > 0;
}

static bool any_is_meant(const struct wish *wish, const struct snapshot_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                if (is_meant(wish, &list->items[i]))
                        return true;
        return false;
}

/* A dataset first, then a file, as a comma may be part of its name, then several files. */
static int understand(const char *source, const struct registry *registry,
                      const struct snapshot_list *list, struct wish *wish, struct error *err)
{
        wish->id = source;
        if (registry_find(registry, source) || any_is_meant(wish, list))
                return 0;
        wish->id = NULL;
        if (strlen(source) > FORGET_SOURCE_MAX)
                return error_set(err, ERROR_USAGE, "SOURCE is too long");
        int r = add_file(wish, source, err);
        if (r < 0 || any_is_meant(wish, list) || !strchr(source, ','))
                return r;
        _cleanup_free_ char *parts = alloc_strdup(source);
        char *rest = parts;
        if (!parts)
                return error_oom(err);
        wish_done(wish);
        wish->n_files = 0;
        for (char *part; r == 0 && (part = strsep(&rest, ","));)
                r = *part ? add_file(wish, part, err)
                          : error_set(err, ERROR_USAGE,
                                      "SOURCE has an empty part; write the files with one comma "
                                      "between them: a.csv,b.csv");
        return r;
}

static int nothing_forgotten(const char *source, const struct wish *wish,
                             const struct registry *registry, struct buf *out, struct error *err)
{
        bool known = wish->id != NULL;
        for (size_t i = 0; i < wish->n_files; i++)
                known = known || access(wish->files[i], F_OK) == 0;
        if (!known) {
                const char *nearest = registry_nearest(registry, source);
                return error_set(
                        err, ERROR_DATASET_NOT_FOUND,
                        "there is no dataset, file or snapshot called %.200s%s%s%s (askcsv "
                        "datasets list shows them)",
                        source, nearest ? "; did you mean " : "", nearest ? nearest : "",
                        nearest ? "?" : "");
        }
        text_put_safe(out, source, strlen(source), TEXT_LINE);
        buf_puts(out, ": there was no snapshot\n");
        return 0;
}

static void put_forgotten(struct buf *out, size_t n, int64_t bytes)
{
        buf_printf(out, "%zu snapshot%s forgotten, ", n, n == 1 ? "" : "s");
        put_bytes(out, bytes);
        buf_puts(out, " freed\n");
}

static int forget(const char *folder, const struct registry *registry, const char *source,
                  const struct snapshot_list *list, struct buf *out, struct error *err)
{
        _cleanup_(wish_done) struct wish wish = {0};
        int64_t bytes = 0;
        size_t n = 0;
        int r = understand(source, registry, list, &wish, err);
        for (size_t i = 0; r == 0 && i < list->n; i++) {
                if (!is_meant(&wish, &list->items[i]))
                        continue;
                r = snapshot_remove(folder, list->items[i].key, err);
                n++;
                bytes += list->items[i].bytes;
        }
        if (r < 0)
                return r;
        if (n == 0)
                return nothing_forgotten(source, &wish, registry, out, err);
        text_put_safe(out, source, strlen(source), TEXT_LINE);
        buf_puts(out, ": ");
        put_forgotten(out, n, bytes);
        return 0;
}

int snapshots_forget(const char *home, const struct registry *registry, const char *source,
                     struct buf *out, struct error *err)
{
        _cleanup_free_ char *folder = snapshots_folder(home);
        _cleanup_(snapshot_list_done) struct snapshot_list list = {0};
        if (!folder)
                return error_oom(err);
        int r = snapshot_list_read(folder, &list, err);
        return r < 0 ? r : forget(folder, registry, source, &list, out, err);
}

int snapshots_forget_all(const char *home, struct buf *out, struct error *err)
{
        _cleanup_free_ char *folder = snapshots_folder(home);
        _cleanup_(snapshot_list_done) struct snapshot_list list = {0};
        if (!folder)
                return error_oom(err);
        int r = snapshot_list_read(folder, &list, err);
        if (r == 0)
                r = snapshot_tidy(folder, NULL, 0, NULL, err); /* dead drafts go as well */
        if (r < 0)
                return r;
        if (list.n == 0)
                buf_puts(out, "There are no snapshots.\n");
        else
                put_forgotten(out, list.n, list.bytes);
        return 0;
}
