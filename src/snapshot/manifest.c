#include "snapshot/manifest.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/values.h"
#include "protocol/request.h"
#include "snapshot/snapshot.h"

#include <string.h>

#define MANIFEST_DEPTH_MAX 8 /* manifest, tables, table, columns, column, and three spare */

bool manifest_is_sha256(const char *text)
{
        return text && strlen(text) == HASH_HEX_SIZE - 1 &&
               strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

static int refuse(const char *what, struct error *err)
{
        return error_set(err, ERROR_DATASET_INVALID,
                         "the snapshot's manifest has no valid \"%s\"; remove the snapshot", what);
}

static bool is_count(const json_t *object, const char *key)
{
        return json_get_int(object, key, -1) >= 0 &&
               json_get_int(object, key, -1) <= MANIFEST_ROWS_MAX;
}

static bool is_filled(const char *text)
{
        return text && *text;
}

static bool are_columns(const json_t *columns)
{
        size_t i;
        json_t *column;
        json_array_foreach(columns, i, column)
        {
                if (!is_filled(json_get_string(column, "name")) ||
                    !is_filled(json_get_string(column, "type")))
                        return false;
        }
        return json_array_size(columns) > 0;
}

static bool are_tables(const json_t *tables)
{
        size_t i;
        json_t *table;
        json_array_foreach(tables, i, table)
        {
                if (!is_filled(json_get_string(table, "name")) || !is_count(table, "rows") ||
                    !are_columns(json_object_get(table, "columns")))
                        return false;
        }
        return json_array_size(tables) > 0 && json_array_size(tables) <= REQUEST_TABLES_MAX;
}

static bool are_files(const json_t *files, size_t n)
{
        size_t i;
        json_t *file;
        json_array_foreach(files, i, file)
        {
                const char *path = json_get_string(file, "path");
                if (!path || path[0] != '/' || !is_count(file, "bytes") ||
                    !manifest_is_sha256(json_get_string(file, "sha256")))
                        return false;
        }
        return json_array_size(files) == n;
}

static bool is_values(const json_t *values)
{
        return is_count(values, "bytes") &&
               json_get_int(values, "bytes", 0) <= (json_int_t)VALUES_BYTES_MAX &&
               manifest_is_sha256(json_get_string(values, "sha256"));
}

int manifest_check(const json_t *manifest, struct error *err)
{
        const json_t *tables = json_object_get(manifest, "tables");
        if (json_get_int(manifest, "format", 0) != SNAPSHOT_FORMAT)
                return refuse("format", err);
        if (!manifest_is_sha256(json_get_string(manifest, "key")))
                return refuse("key", err);
        if (!is_filled(json_get_string(manifest, "engine")))
                return refuse("engine", err);
        if (!is_filled(json_get_string(manifest, "dataset_id")))
                return refuse("dataset_id", err);
        if (!is_filled(json_get_string(manifest, "created_at")))
                return refuse("created_at", err);
        if (!is_count(manifest, "bytes"))
                return refuse("bytes", err);
        if (!manifest_is_sha256(json_get_string(manifest, "sha256")))
                return refuse("sha256", err);
        if (!is_values(json_object_get(manifest, "values")))
                return refuse("values", err);
        if (!are_tables(tables))
                return refuse("tables", err);
        if (!are_files(json_object_get(manifest, "files"), json_array_size(tables)))
                return refuse("files", err);
        return 0;
}

int manifest_parse(const char *text, size_t n, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = MANIFEST_BYTES_MAX,
                                                  .max_depth = MANIFEST_DEPTH_MAX};
        _cleanup_json_ json_t *manifest = NULL;
        int r = json_parse(text, n, &limits, ERROR_DATASET_INVALID, &manifest, err);
        if (r < 0) {
                /* jansson takes a string that there is no memory for as an invalid token; and that
                 * would be a reason to remove a snapshot. */
                _cleanup_free_ char *room = alloc_malloc(n + 1);
                if (!room)
                        return error_oom(err);
        }
        if (r == 0)
                r = manifest_check(manifest, err);
        if (r < 0)
                return r;
        *ret = steal_ptr(&manifest);
        return 0;
}

json_int_t manifest_rows(const json_t *manifest)
{
        json_int_t rows = 0;
        size_t i;
        json_t *table;
        json_array_foreach(json_object_get(manifest, "tables"), i, table)
        {
                rows += json_get_int(table, "rows", 0);
        }
        return rows;
}
