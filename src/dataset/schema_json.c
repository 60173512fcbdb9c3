/* A dataset out of its registry entry. Whatever is wrong is named with a JSON Pointer. */
#include "base/clock.h"
#include "dataset/name.h"
#include "dataset/reader.h"

#include <string.h>

static bool is_id(const char *id)
{
        if (strlen(id) > DATASET_ID_MAX || (*id >= '0' && *id <= '9') || *id == '-')
                return false;
        return id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] ==
               '\0';
}

/* What the runner's protocol takes as a type; which types there are is the engine's to say. */
static bool is_type(const char *type)
{
        static const char allowed[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_(), ";
        return type[strspn(type, allowed)] == '\0' && column_kind_of(type) != COLUMN_OTHER;
}

/* Relative, below the dataset's folder, without empty, "." and ".." parts. */
static bool is_relative_path(const char *path)
{
        while (true) {
                size_t n = strcspn(path, "/");
                if (n == 0 || (n <= 2 && strncmp(path, "..", n) == 0))
                        return false;
                if (!path[n])
                        return true;
                path += n + 1;
        }
}

static int read_values(struct reader *reader, const struct place *place, const json_t *json,
                       struct column *column)
{
        struct place here = place_key(place, "values");
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 0, DATASET_LIST_MAX, &array);
        if (r < 0 || !array)
                return r;
        size_t n = json_array_size(array);
        if (n == 0)
                return reader_bad(reader, &here,
                                  "\"values\" is empty; name the values or remove the key");
        const char **values = arena_array(reader->arena, n, sizeof(*values));
        if (!values)
                return error_oom(reader->err);
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                const json_t *value = json_array_get(array, i);
                size_t bytes = json_string_length(value);
                if (!json_is_string(value) || bytes > DATASET_TEXT_MAX ||
                    strlen(json_string_value(value)) != bytes)
                        return reader_bad(reader, &element,
                                          "a value should be a text of up to %d bytes",
                                          DATASET_TEXT_MAX);
                values[i] = arena_strndup(reader->arena, json_string_value(value), bytes);
                if (!values[i])
                        return error_oom(reader->err);
                for (size_t k = 0; k < i; k++)
                        if (strcmp(values[k], values[i]) == 0)
                                return reader_bad(reader, &element,
                                                  "the value \"%.100s\" is there twice", values[i]);
        }
        column->values = values;
        column->n_values = n;
        return 0;
}

static int read_column(struct reader *reader, const struct place *place, const json_t *json,
                       struct column *column)
{
        static const char *const keys[] = {"name", "type",   "nullable", "description",
                                           "unit", "values", "synonyms", "order",
                                           "show", "entity", NULL};
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = reader_text(reader, place, json, "name", true, &column->name);
        if (r == 0)
                r = reader_text(reader, place, json, "type", true, &column->type);
        if (r == 0)
                r = reader_text(reader, place, json, "description", false, &column->description);
        if (r == 0)
                r = reader_text(reader, place, json, "unit", false, &column->unit);
        if (r == 0)
                r = read_values(reader, place, json, column);
        if (r < 0)
                return r;
        struct place name = place_key(place, "name");
        if (strlen(column->name) > COLUMN_NAME_MAX_BYTES)
                return reader_bad(reader, &name, "a column's name may have %d bytes",
                                  COLUMN_NAME_MAX_BYTES);
        struct place type = place_key(place, "type");
        if (!is_type(column->type))
                return reader_bad(
                        reader, &type,
                        "\"%.100s\" is not a type that a column may have; write it as DuckDB "
                        "does: INTEGER, DECIMAL(10,2), VARCHAR, BOOLEAN, DATE, TIMESTAMP, ...",
                        column->type);
        column->kind = column_kind_of(column->type);
        const json_t *nullable = json_object_get(json, "nullable");
        struct place here = place_key(place, "nullable");
        if (!json_is_boolean(nullable))
                return reader_bad(reader, &here, "\"nullable\" should be true or false");
        column->nullable = json_is_true(nullable);
        return column_read_vocabulary(reader, place, json, column);
}

static int read_columns(struct reader *reader, const struct place *place, const json_t *json,
                        struct table *table)
{
        struct place here = place_key(place, "columns");
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 1, DATASET_COLUMNS_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        struct column *columns = arena_array(reader->arena, n, sizeof(*columns));
        if (!columns)
                return error_oom(reader->err);
        table->columns = columns;
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                r = read_column(reader, &element, json_array_get(array, i), &columns[i]);
                if (r < 0)
                        return r;
                if (table_find_column(table, columns[i].name) >= 0)
                        return reader_bad(reader, &element, "the column \"%.255s\" is there twice",
                                          columns[i].name);
                table->n_columns = i + 1;
        }
        return 0;
}

static int read_sha256(struct reader *reader, const struct place *place, const json_t *json,
                       const char *key, char out[HASH_HEX_SIZE])
{
        const char *text = NULL;
        int r = reader_text(reader, place, json, key, false, &text);
        if (r < 0 || !text)
                return r;
        if (strlen(text) != HASH_HEX_SIZE - 1 ||
            strspn(text, "0123456789abcdef") != HASH_HEX_SIZE - 1) {
                struct place here = place_key(place, key);
                return reader_bad(reader, &here,
                                  "\"%s\" should be 64 lower-case hexadecimal digits", key);
        }
        memcpy(out, text, HASH_HEX_SIZE);
        return 0;
}

static int read_table(struct reader *reader, const struct place *place, const json_t *json,
                      struct table *table)
{
        static const char *const keys[] = {"name",     "file", "format",  "sha256", "description",
                                           "synonyms", "show", "row",     "key",    "label",
                                           "time",     "with", "columns", NULL};
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = reader_text(reader, place, json, "name", true, &table->name);
        if (r == 0)
                r = reader_text(reader, place, json, "file", true, &table->path);
        if (r == 0)
                r = reader_text(reader, place, json, "format", true, &table->format);
        if (r == 0)
                r = reader_text(reader, place, json, "description", false, &table->description);
        if (r == 0)
                r = read_sha256(reader, place, json, "sha256", table->sha256);
        if (r < 0)
                return r;
        struct place name = place_key(place, "name");
        struct place file = place_key(place, "file");
        struct place format = place_key(place, "format");
        if (!name_is_table(table->name))
                return reader_bad(
                        reader, &name,
                        "a table's name is a letter or underscore, then letters, digits and "
                        "underscores, at most %d in all",
                        NAME_MAX_BYTES);
        if (!is_relative_path(table->path))
                return reader_bad(
                        reader, &file,
                        "\"file\" should be a path below the dataset's folder, without \"..\"");
        if (strcmp(table->format, "csv") != 0 && strcmp(table->format, "parquet") != 0)
                return reader_bad(reader, &format, "\"format\" should be \"csv\" or \"parquet\"");
        r = read_columns(reader, place, json, table);
        return r < 0 ? r : table_read_vocabulary(reader, place, json, table);
}

static int read_tables(struct reader *reader, const json_t *json, struct dataset *dataset)
{
        struct place here = place_key(NULL, "tables");
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 1, DATASET_TABLES_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        dataset->tables = arena_array(reader->arena, n, sizeof(*dataset->tables));
        if (!dataset->tables)
                return error_oom(reader->err);
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                struct table *table = &dataset->tables[i];
                r = read_table(reader, &element, json_array_get(array, i), table);
                if (r < 0)
                        return r;
                if (dataset_find_table(dataset, table->name) >= 0)
                        return reader_bad(reader, &element, "the table \"%s\" is there twice",
                                          table->name);
                dataset->n_tables = i + 1;
        }
        return 0;
}

/* "table.column", split at the first dot: a table's name has none. */
static int read_end(struct reader *reader, const struct place *place, const json_t *json,
                    const char *key, const struct dataset *dataset, size_t *ret_table,
                    size_t *ret_column)
{
        const char *text = NULL;
        int r = reader_text(reader, place, json, key, true, &text);
        if (r < 0)
                return r;
        struct place here = place_key(place, key);
        const char *dot = strchr(text, '.');
        const char *name = dot ? arena_strndup(reader->arena, text, (size_t)(dot - text)) : text;
        if (!name)
                return error_oom(reader->err);
        int table = dataset_find_table(dataset, name);
        int column = table >= 0 && dot ? table_find_column(&dataset->tables[table], dot + 1) : -1;
        if (column < 0)
                return reader_bad(reader, &here,
                                  "\"%.300s\" is not a column of this dataset; write table.column",
                                  text);
        *ret_table = (size_t)table;
        *ret_column = (size_t)column;
        return 0;
}

static int read_relationship(struct reader *reader, const struct place *place, const json_t *json,
                             const struct dataset *dataset, struct relationship *rel)
{
        static const char *const keys[] = {"from", "to", NULL};
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = read_end(reader, place, json, "from", dataset, &rel->from_table,
                             &rel->from_column);
        if (r == 0)
                r = read_end(reader, place, json, "to", dataset, &rel->to_table, &rel->to_column);
        if (r < 0)
                return r;
        const struct column *from = &dataset->tables[rel->from_table].columns[rel->from_column];
        const struct column *to = &dataset->tables[rel->to_table].columns[rel->to_column];
        if (rel->from_table == rel->to_table)
                return reader_bad(reader, place, "a relationship goes from one table to another");
        if (from->kind != to->kind)
                return reader_bad(reader, place, "the two columns have different types, %s and %s",
                                  from->type, to->type);
        return 0;
}

static int read_relationships(struct reader *reader, const json_t *json, struct dataset *dataset)
{
        struct place here = place_key(NULL, "relationships");
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 0, DATASET_LIST_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        struct relationship *all = arena_array(reader->arena, n, sizeof(*all));
        if (!all)
                return error_oom(reader->err);
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                r = read_relationship(reader, &element, json_array_get(array, i), dataset, &all[i]);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (memcmp(&all[k], &all[i], sizeof(*all)) == 0)
                                return reader_bad(reader, &element,
                                                  "this relationship is there twice");
        }
        dataset->relationships = all;
        dataset->n_relationships = n;
        return 0;
}

static int read_prompt(struct reader *reader, const struct place *place, const json_t *json,
                       struct prompt *prompt)
{
        static const char *const keys[] = {"id", "text", NULL};
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = reader_text(reader, place, json, "id", true, &prompt->id);
        if (r == 0)
                r = reader_text(reader, place, json, "text", true, &prompt->text);
        if (r < 0)
                return r;
        struct place here = place_key(place, "id");
        if (!is_id(prompt->id))
                return reader_bad(reader, &here,
                                  "a prompt's id has letters, digits, \"_\" and \"-\", at most %d",
                                  DATASET_ID_MAX);
        return 0;
}

static int read_prompts(struct reader *reader, const json_t *json, struct dataset *dataset)
{
        struct place here = place_key(NULL, "prompts");
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 0, DATASET_LIST_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        struct prompt *prompts = arena_array(reader->arena, n, sizeof(*prompts));
        if (!prompts)
                return error_oom(reader->err);
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                r = read_prompt(reader, &element, json_array_get(array, i), &prompts[i]);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(prompts[k].id, prompts[i].id) == 0)
                                return reader_bad(reader, &element,
                                                  "the prompt \"%s\" is there twice",
                                                  prompts[i].id);
        }
        dataset->prompts = prompts;
        dataset->n_prompts = n;
        return 0;
}

static int check_version(struct reader *reader, const json_t *json, const struct dataset *dataset)
{
        char declared[HASH_HEX_SIZE] = "";
        char computed[HASH_HEX_SIZE];
        struct place here = place_key(NULL, "version");
        int r = read_sha256(reader, NULL, json, "version", declared);
        if (r < 0 || !declared[0])
                return r;
        for (size_t i = 0; i < dataset->n_tables; i++)
                if (!dataset->tables[i].sha256[0])
                        return reader_bad(reader, &here,
                                          "there is a version, but the table %s has no sha256",
                                          dataset->tables[i].name);
        r = dataset_version(dataset, computed, reader->err);
        if (r < 0)
                return r;
        if (strcmp(declared, computed) != 0)
                return reader_bad(reader, &here, "the version of these files and columns is %s",
                                  computed);
        return 0;
}

static int read_dataset(struct reader *reader, const json_t *json, struct dataset *dataset)
{
        static const char *const keys[] = {
                "id",      "name",     "description", "as_of", "version", "tables", "relationships",
                "prompts", "measures", "segments",    NULL};
        int r = reader_object(reader, NULL, json, keys);
        if (r == 0)
                r = reader_text(reader, NULL, json, "id", true, &dataset->id);
        if (r == 0)
                r = reader_text(reader, NULL, json, "name", true, &dataset->name);
        if (r == 0)
                r = reader_text(reader, NULL, json, "description", true, &dataset->description);
        if (r == 0)
                r = reader_text(reader, NULL, json, "as_of", false, &dataset->as_of);
        if (r < 0)
                return r;
        struct place id = place_key(NULL, "id");
        struct place as_of = place_key(NULL, "as_of");
        int64_t seconds;
        if (!is_id(dataset->id))
                return reader_bad(
                        reader, &id,
                        "a dataset's id is a letter or underscore, then letters, digits, \"_\" "
                        "and \"-\", at most %d in all",
                        DATASET_ID_MAX);
        if (dataset->as_of && !clock_parse(dataset->as_of, &seconds))
                return reader_bad(reader, &as_of,
                                  "\"as_of\" should be a time such as 2026-01-31T00:00:00Z");
        r = read_tables(reader, json, dataset);
        if (r == 0)
                r = read_relationships(reader, json, dataset);
        if (r == 0)
                r = dataset_check_vocabulary(reader, dataset);
        if (r == 0)
                r = dataset_read_measures(reader, json, dataset);
        if (r == 0)
                r = read_prompts(reader, json, dataset);
        if (r == 0)
                r = check_version(reader, json, dataset);
        return r;
}

int dataset_from_json(const json_t *entry, struct dataset **ret, struct error *err)
{
        struct arena *arena = arena_new(DATASET_ARENA_MAX);
        struct dataset *dataset = arena ? arena_alloc(arena, sizeof(*dataset)) : NULL;
        if (!dataset) {
                arena_free(arena);
                return error_oom(err);
        }
        dataset->arena = arena;
        struct reader reader = {.arena = arena, .err = err};
        int r = read_dataset(&reader, entry, dataset);
        if (r < 0) {
                dataset_free(dataset);
                return r;
        }
        *ret = dataset;
        return 0;
}
