#include "dataset/schema_out.h"

#include "base/cleanup.h"

static json_t *words_to_json(const char *const *items, size_t n)
{
        _cleanup_json_ json_t *words = json_array();
        for (size_t i = 0; words && i < n; i++)
                if (json_array_append_new(words, json_string(items[i])) < 0)
                        return NULL;
        return steal_ptr(&words);
}

json_t *column_to_json(const struct column *column)
{
        _cleanup_json_ json_t *json =
                json_pack("{s:s, s:s, s:b, s:s?, s:s?}", "name", column->name, "type", column->type,
                          "nullable", column->nullable, "description", column->description, "unit",
                          column->unit);
        if (json && column->values &&
            json_object_set_new(json, "values", words_to_json(column->values, column->n_values)) <
                    0)
                return NULL;
        return steal_ptr(&json);
}

json_t *table_to_json(const struct table *table)
{
        _cleanup_json_ json_t *columns = json_array();
        for (size_t i = 0; columns && i < table->n_columns; i++)
                if (json_array_append_new(columns, column_to_json(&table->columns[i])) < 0)
                        return NULL;
        if (!columns)
                return NULL;
        return json_pack("{s:s, s:s?, s:s, s:O}", "name", table->name, "description",
                         table->description, "format", table->format, "columns", columns);
}

json_t *relationships_to_json(const struct dataset *dataset)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < dataset->n_relationships; i++) {
                const struct relationship *r = &dataset->relationships[i];
                const struct table *from = &dataset->tables[r->from_table];
                const struct table *to = &dataset->tables[r->to_table];
                json_t *one = json_pack(
                        "{s:o, s:o}", "from",
                        json_sprintf("%s.%s", from->name, from->columns[r->from_column].name), "to",
                        json_sprintf("%s.%s", to->name, to->columns[r->to_column].name));
                if (json_array_append_new(list, one) < 0)
                        return NULL;
        }
        return steal_ptr(&list);
}
