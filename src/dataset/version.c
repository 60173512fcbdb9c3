/* The version hash of a dataset: what its data and its schema are, in 64 digits. */
#include "base/alloc.h"
#include "base/json.h"
#include "dataset/schema.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_TEXT_MAX (256 * 1024 * 1024) /* far above what the limits of schema.h allow */

static int table_compare(const void *a, const void *b)
{
        const struct table *p = *(const struct table *const *)a;
        const struct table *q = *(const struct table *const *)b;
        return strcmp(p->name, q->name);
}

/* A new reference, or NULL when memory is short. */
static json_t *version_table(const struct table *table)
{
        _cleanup_json_ json_t *columns = json_array();
        for (size_t i = 0; i < table->n_columns; i++) {
                const struct column *column = &table->columns[i];
                json_t *json = json_pack("{s:s,s:s}", "name", column->name, "type", column->type);
                if (!json || json_array_append_new(columns, json) < 0)
                        return NULL;
        }
        return json_pack("{s:s,s:s,s:O}", "name", table->name, "sha256", table->sha256, "columns",
                         columns);
}

static int version_tables(const struct dataset *dataset, json_t **ret, struct error *err)
{
        size_t n = dataset->n_tables;
        _cleanup_free_ const struct table **sorted = alloc_calloc(n ? n : 1, sizeof(*sorted));
        _cleanup_json_ json_t *tables = json_array();
        if (!sorted || !tables)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                sorted[i] = &dataset->tables[i];
                if (!sorted[i]->sha256[0] || !sorted[i]->n_columns)
                        return error_set(err, ERROR_INTERNAL,
                                         "the dataset %s has no version while the %s of its table "
                                         "%s is unknown",
                                         dataset->id, sorted[i]->sha256[0] ? "schema" : "hash",
                                         sorted[i]->name);
        }
        qsort(sorted, n, sizeof(*sorted), table_compare);
        for (size_t i = 0; i < n; i++) {
                json_t *json = version_table(sorted[i]);
                if (!json || json_array_append_new(tables, json) < 0)
                        return error_oom(err);
        }
        *ret = steal_ptr(&tables);
        return 0;
}

static json_t *version_end(const struct dataset *dataset, size_t table, size_t column)
{
        const struct table *of = &dataset->tables[table];
        return json_sprintf("%s.%s", of->name, of->columns[column].name);
}

static int version_relationships(const struct dataset *dataset, json_t **ret, struct error *err)
{
        _cleanup_json_ json_t *all = json_array();
        if (!all)
                return error_oom(err);
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *rel = &dataset->relationships[i];
                json_t *one = json_object();
                if (!one || json_array_append_new(all, one) < 0 ||
                    json_object_set_new(one, "from",
                                        version_end(dataset, rel->from_table, rel->from_column)) <
                            0 ||
                    json_object_set_new(one, "to",
                                        version_end(dataset, rel->to_table, rel->to_column)) < 0)
                        return error_oom(err);
        }
        *ret = steal_ptr(&all);
        return 0;
}

int dataset_version(const struct dataset *dataset, char out[HASH_HEX_SIZE], struct error *err)
{
        _cleanup_json_ json_t *tables = NULL;
        _cleanup_json_ json_t *relationships = NULL;
        int r = version_tables(dataset, &tables, err);
        if (r == 0)
                r = version_relationships(dataset, &relationships, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *all =
                json_pack("{s:O,s:O}", "tables", tables, "relationships", relationships);
        if (!all)
                return error_oom(err);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, VERSION_TEXT_MAX);
        r = json_canonical(all, &text, err);
        if (r < 0)
                return r;
        return hash_bytes_hex(text.data, text.len, out, err);
}
