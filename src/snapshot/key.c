#include "snapshot/snapshot.h"

#include "base/cleanup.h"
#include "base/json.h"

static json_t *columns_to_json(const struct request_table *table)
{
        if (!table->columns)
                return json_null();
        _cleanup_json_ json_t *columns = json_array();
        for (size_t i = 0; columns && i < table->n_columns; i++)
                if (json_array_append_new(columns,
                                          json_pack("{s:s,s:s}", "name", table->columns[i].name,
                                                    "type", table->columns[i].type)) < 0)
                        return NULL;
        return steal_ptr(&columns);
}

static json_t *tables_to_json(const struct request *request, const char (*sha256)[HASH_HEX_SIZE])
{
        _cleanup_json_ json_t *tables = json_array();
        for (size_t i = 0; tables && i < request->n_tables; i++) {
                const struct request_table *table = &request->tables[i];
                json_t *columns = columns_to_json(table);
                json_t *item =
                        columns ? json_pack("{s:s,s:s,s:s,s:o}", "name", table->name, "format",
                                            table->format, "sha256", sha256[i], "columns", columns)
                                : NULL;
                if (json_array_append_new(tables, item) < 0)
                        return NULL;
        }
        return steal_ptr(&tables);
}

int snapshot_key(const struct request *request, const char *engine_version,
                 const char (*sha256)[HASH_HEX_SIZE], char ret[HASH_HEX_SIZE], struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        json_t *tables = tables_to_json(request, sha256);
        _cleanup_json_ json_t *json = tables ? json_pack("{s:i,s:s,s:o}", "format", SNAPSHOT_FORMAT,
                                                         "engine", engine_version, "tables", tables)
                                             : NULL;
        if (!json)
                return error_oom(err);
        buf_init(&text, (size_t)4 * REQUEST_BYTES_MAX);
        int r = json_canonical(json, &text, err);
        return r < 0 ? r : hash_bytes_hex(buf_text(&text), text.len, ret, err);
}
