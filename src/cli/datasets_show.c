#include "cli/datasets_show.h"

#include "base/cleanup.h"
#include "cli/text.h"
#include "run/describe.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool dataset_is_generated_in(const char *folder, const struct dataset *dataset)
{
        for (size_t i = 0; i < dataset->n_tables; i++) {
                char path[4096];
                int n = snprintf(path, sizeof(path), "%s/%s/%s", folder, dataset->id,
                                 dataset->tables[i].path);
                if (n < 0 || (size_t)n >= sizeof(path) || access(path, R_OK) < 0)
                        return false;
        }
        return true;
}

/* The version, or null while a file's hash is not in the registry. */
static json_t *version_of(const struct dataset *dataset)
{
        char version[HASH_HEX_SIZE];
        struct error ignored = {0};
        if (!dataset_is_described(dataset) || dataset_version(dataset, version, &ignored) < 0)
                return json_null();
        return json_string(version);
}

static json_t *table_names(const struct dataset *dataset)
{
        _cleanup_json_ json_t *names = json_array();
        for (size_t i = 0; names && i < dataset->n_tables; i++)
                if (json_array_append_new(names, json_string(dataset->tables[i].name)) < 0)
                        return NULL;
        return steal_ptr(&names);
}

static json_t *head_of(const struct dataset *dataset, const char *folder, json_t *tables)
{
        return json_pack("{s:s,s:s,s:s?,s:s?,s:o,s:b,s:o}", "id", dataset->id, "name",
                         dataset->name, "description", dataset->description, "as_of",
                         dataset->as_of, "version", version_of(dataset), "generated",
                         dataset_is_generated_in(folder, dataset), "tables", tables);
}

json_t *datasets_list_json(const struct registry *registry, const char *folder)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < registry->n_datasets; i++) {
                const struct dataset *dataset = registry->datasets[i];
                json_t *head = head_of(dataset, folder, table_names(dataset));
                if (json_array_append_new(list, head) < 0)
                        return NULL;
        }
        return steal_ptr(&list);
}

static json_t *column_to_json(const struct column *column)
{
        json_t *values = column->values ? json_array() : json_null();
        for (size_t i = 0; column->values && i < column->n_values; i++)
                (void)json_array_append_new(values, json_string(column->values[i]));
        return json_pack("{s:s,s:s,s:b,s:s?,s:s?,s:o}", "name", column->name, "type", column->type,
                         "nullable", column->nullable, "description", column->description, "unit",
                         column->unit, "values", values);
}

static json_t *table_to_json(const struct table *table)
{
        _cleanup_json_ json_t *columns = json_array();
        for (size_t i = 0; columns && i < table->n_columns; i++)
                if (json_array_append_new(columns, column_to_json(&table->columns[i])) < 0)
                        return NULL;
        return json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:O}", "name", table->name, "file", table->path,
                         "format", table->format, "description", table->description, "sha256",
                         table->sha256[0] ? table->sha256 : NULL, "columns", columns);
}

static const struct column *column_at(const struct dataset *dataset, size_t table, size_t column)
{
        return &dataset->tables[table].columns[column];
}

static json_t *relationships_of(const struct dataset *dataset)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                json_t *pair =
                        json_pack("{s:s++,s:s++}", "from", dataset->tables[r->from_table].name, ".",
                                  column_at(dataset, r->from_table, r->from_column)->name, "to",
                                  dataset->tables[r->to_table].name, ".",
                                  column_at(dataset, r->to_table, r->to_column)->name);
                if (json_array_append_new(list, pair) < 0)
                        return NULL;
        }
        return steal_ptr(&list);
}

static json_t *prompts_of(const struct dataset *dataset)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < dataset->n_prompts; i++)
                if (json_array_append_new(list, json_pack("{s:s,s:s}", "id", dataset->prompts[i].id,
                                                          "text", dataset->prompts[i].text)) < 0)
                        return NULL;
        return steal_ptr(&list);
}

json_t *dataset_show_json(const struct dataset *dataset, const char *folder)
{
        _cleanup_json_ json_t *tables = json_array();
        for (size_t i = 0; tables && i < dataset->n_tables; i++)
                if (json_array_append_new(tables, table_to_json(&dataset->tables[i])) < 0)
                        return NULL;
        _cleanup_json_ json_t *json = head_of(dataset, folder, steal_ptr(&tables));
        if (!json || json_object_set_new(json, "relationships", relationships_of(dataset)) < 0 ||
            json_object_set_new(json, "prompts", prompts_of(dataset)) < 0)
                return NULL;
        return steal_ptr(&json);
}

/* The registry may be a file of the user's, so its texts are as little trusted as any. */
static void put_text(struct buf *out, const char *text)
{
        if (text)
                text_put_safe(out, text, strlen(text), TEXT_LINE);
}

static void put_column(struct buf *out, const struct column *column, int name_width)
{
        buf_printf(out, "    %-*s %-16s %s", name_width, column->name, column->type,
                   column->nullable ? "or NULL  " : "         ");
        put_text(out, column->description);
        if (column->unit) {
                buf_puts(out, " [");
                put_text(out, column->unit);
                buf_putc(out, ']');
        }
        for (size_t i = 0; i < column->n_values; i++) {
                buf_puts(out, i ? ", " : " One of: ");
                put_text(out, column->values[i]);
        }
        buf_putc(out, '\n');
}

static void put_table(struct buf *out, const struct table *table)
{
        int name_width = 0;
        buf_printf(out, "\n  %s (%s)  ", table->name, table->path);
        put_text(out, table->description);
        buf_putc(out, '\n');
        for (size_t i = 0; i < table->n_columns; i++)
                if ((int)strlen(table->columns[i].name) > name_width)
                        name_width = (int)strlen(table->columns[i].name);
        for (size_t i = 0; i < table->n_columns; i++)
                put_column(out, &table->columns[i], name_width);
}

void dataset_put(struct buf *out, const struct dataset *dataset, const char *folder)
{
        _cleanup_json_ json_t *version = version_of(dataset);
        bool there = dataset_is_generated_in(folder, dataset);
        buf_printf(out, "%s - ", dataset->id);
        put_text(out, dataset->name);
        buf_puts(out, "\n");
        put_text(out, dataset->description);
        buf_printf(out, "\n\nas of     %s\nversion   %s\nfiles     %s/%s%s\n",
                   dataset->as_of ? dataset->as_of : "the moment of the run",
                   json_is_string(version) ? json_string_value(version) : "unknown", folder,
                   dataset->id, there ? "" : " (not there: askcsv datasets generate)");
        for (size_t i = 0; i < dataset->n_tables; i++)
                put_table(out, &dataset->tables[i]);
        if (dataset->n_relationships)
                buf_puts(out, "\n");
        for (size_t i = 0; i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                buf_printf(out, "  %s.%s -> %s.%s\n", dataset->tables[r->from_table].name,
                           column_at(dataset, r->from_table, r->from_column)->name,
                           dataset->tables[r->to_table].name,
                           column_at(dataset, r->to_table, r->to_column)->name);
        }
        if (dataset->n_prompts)
                buf_puts(out, "\n");
        for (size_t i = 0; i < dataset->n_prompts; i++) {
                buf_printf(out, "  %-14s ", dataset->prompts[i].id);
                put_text(out, dataset->prompts[i].text);
                buf_putc(out, '\n');
        }
}
