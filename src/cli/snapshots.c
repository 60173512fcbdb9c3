#include "cli/snapshots.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/table.h"
#include "run/source.h"

#include <stdio.h>
#include <string.h>

#define CELL_BYTES_MAX ((size_t)1024 * 1024)

char *snapshots_folder(const char *home)
{
        char *folder = NULL;
        return asprintf(&folder, "%s/%s", home, SNAPSHOT_FOLDER) < 0 ? NULL : folder;
}

int snapshots_read(const char *home, struct snapshot_list *ret, struct error *err)
{
        _cleanup_free_ char *folder = snapshots_folder(home);
        return folder ? snapshot_list_read(folder, ret, err) : error_oom(err);
}

void put_bytes(struct buf *out, int64_t bytes)
{
        static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
        double size = (double)bytes;
        size_t i = 0;
        if (bytes < 1024) {
                buf_printf(out, "%lld byte%s", (long long)bytes, bytes == 1 ? "" : "s");
                return;
        }
        /* 1023.95 would be written as 1024.0. */
        for (size /= 1024; size >= 1023.95 && i + 1 < ARRAY_SIZE(units); i++)
                size /= 1024;
        buf_printf(out, "%.1f %s", size, units[i]);
}

static json_t *entry_to_json(const struct snapshot_entry *entry)
{
        char used[CLOCK_TEXT_SIZE];
        const json_t *manifest = entry->manifest;
        clock_format_s(entry->used_ms / 1000, used);
        return json_pack("{s:s,s:O,s:I,s:I,s:O,s:s,s:O,s:O}", "key", entry->key, "dataset_id",
                         json_object_get(manifest, "dataset_id"), "bytes", (json_int_t)entry->bytes,
                         "rows", (json_int_t)entry->rows, "created_at",
                         json_object_get(manifest, "created_at"), "used_at", used, "engine",
                         json_object_get(manifest, "engine"), "files",
                         json_object_get(manifest, "files"));
}

static const char *id_of(const json_t *object, const char *key)
{
        const char *id = json_get_string(object, key);
        return id ? id : "";
}

static bool is_registered(const json_t *datasets, const char *id)
{
        size_t i;
        json_t *dataset;
        json_array_foreach(datasets, i, dataset)
        {
                if (strcmp(id_of(dataset, "id"), id) == 0)
                        return true;
        }
        return false;
}

/* Those of the dataset; without an id, those of no dataset that is registered. */
static json_t *select_entries(const json_t *datasets, const char *id,
                              const struct snapshot_list *list)
{
        _cleanup_json_ json_t *chosen = json_array();
        for (size_t i = 0; chosen && i < list->n; i++) {
                const struct snapshot_entry *entry = &list->items[i];
                if (!entry->manifest)
                        continue;
                const char *of = id_of(entry->manifest, "dataset_id");
                if (id ? strcmp(id, of) != 0 : is_registered(datasets, of))
                        continue;
                if (json_array_append_new(chosen, entry_to_json(entry)) < 0)
                        return NULL;
        }
        return steal_ptr(&chosen);
}

int snapshots_add(json_t *datasets, const struct snapshot_list *list, struct error *err)
{
        size_t i;
        json_t *dataset;
        json_array_foreach(datasets, i, dataset)
        {
                json_t *chosen = select_entries(datasets, id_of(dataset, "id"), list);
                if (json_object_set_new(dataset, "snapshots", chosen) < 0)
                        return error_oom(err);
        }
        json_t *others = select_entries(datasets, NULL, list);
        if (json_array_size(others) == 0) {
                int r = others ? 0 : error_oom(err);
                json_decref(others);
                return r;
        }
        json_t *files =
                json_pack("{s:s,s:s,s:s,s:n,s:n,s:b,s:[],s:o}", "id", SOURCE_FILES_ID, "name",
                          "Files", "description", "Files that were named on the command line.",
                          "as_of", "version", "generated", 1, "tables", "snapshots", others);
        return json_array_append_new(datasets, files) < 0 ? error_oom(err) : 0;
}

/* A registered one has tables, and may be called "files" too. */
bool snapshots_are_of_files(const json_t *dataset)
{
        return json_array_size(json_object_get(dataset, "tables")) == 0;
}

static json_int_t bytes_of(const json_t *snapshots)
{
        json_int_t bytes = 0;
        size_t i;
        json_t *snapshot;
        json_array_foreach(snapshots, i, snapshot)
        {
                bytes += json_get_int(snapshot, "bytes", 0);
        }
        return bytes;
}

/* All of them weigh; the rows are those of the one used last. */
static json_t *cells_of(const json_t *snapshots)
{
        _cleanup_buf_ struct buf size = {0};
        size_t n = json_array_size(snapshots);
        const json_t *last = json_array_get(snapshots, 0);
        if (n == 0)
                return json_pack("[s,s,s]", "none", "", "");
        buf_init(&size, CELL_BYTES_MAX);
        put_bytes(&size, bytes_of(snapshots));
        if (n > 1)
                buf_printf(&size, " in %zu", n);
        return json_pack("[s,O,O]", buf_text(&size), json_object_get(last, "rows"),
                         json_object_get(last, "used_at"));
}

json_t *snapshots_cells(const json_t *dataset)
{
        return cells_of(json_object_get(dataset, "snapshots"));
}

static json_t *files_row(const json_t *snapshot)
{
        _cleanup_buf_ struct buf paths = {0};
        _cleanup_json_ json_t *one = json_pack("[O]", snapshot);
        _cleanup_json_ json_t *row = NULL;
        size_t i;
        json_t *file;
        buf_init(&paths, CELL_BYTES_MAX);
        json_array_foreach(json_object_get(snapshot, "files"), i, file)
        {
                buf_printf(&paths, "%s%s", i ? ", " : "", json_get_string(file, "path"));
        }
        row = cells_of(one);
        if (!row || json_array_insert_new(row, 0, json_string(buf_text(&paths))) < 0)
                return NULL;
        return steal_ptr(&row);
}

static int put_files(struct buf *out, const json_t *snapshots, const struct style *style,
                     struct error *err)
{
        _cleanup_json_ json_t *columns =
                json_pack("[s,s,s,s]", "snapshot of", "size", "rows", "used last");
        _cleanup_json_ json_t *types =
                json_pack("[s,s,s,s]", "VARCHAR", "VARCHAR", "BIGINT", "VARCHAR");
        _cleanup_json_ json_t *rows = json_array();
        size_t i;
        json_t *snapshot;
        int r = columns && types && rows ? 0 : -1;
        json_array_foreach(snapshots, i, snapshot)
        {
                if (r == 0)
                        r = json_array_append_new(rows, files_row(snapshot));
        }
        if (r < 0)
                return error_oom(err);
        buf_putc(out, '\n');
        table_draw(out, columns, types, rows, style);
        return 0;
}

int snapshots_put(struct buf *out, const json_t *datasets, const struct snapshot_list *list,
                  const struct style *style, struct error *err)
{
        const json_t *last = json_array_get(datasets, json_array_size(datasets) - 1);
        size_t n_unfit = 0;
        int r = 0;
        if (list->n == 0)
                return 0;
        if (snapshots_are_of_files(last))
                r = put_files(out, json_object_get(last, "snapshots"), style, err);
        for (size_t i = 0; i < list->n; i++)
                n_unfit += !list->items[i].manifest;
        buf_printf(out, "\n%zu snapshot%s, ", list->n, list->n == 1 ? "" : "s");
        put_bytes(out, list->bytes);
        buf_puts(out, list->n == 1 ? "" : " together");
        if (n_unfit)
                buf_printf(out, "; %zu cannot be used and %s with the next one that is made",
                           n_unfit, n_unfit == 1 ? "goes" : "go");
        buf_puts(out, "\n");
        return r;
}
