/* A value index out of the JSON that a runner gave: bytes out of a sandbox, so nothing of it is
 * believed before it is checked. */
#include "dataset/values.h"

#include "base/json.h"
#include "dataset/schema.h"

#include <string.h>

#define VALUES_ARENA_MAX ((size_t)64 * 1024 * 1024) /* the texts, their pointers, the columns */

struct reader {
        struct arena *arena;
        size_t n_values; /* of all columns so far */
        const char *table;
        const char *column; /* or NULL */
        struct error *err;
};

static int misfit(const struct reader *reader, const char *what)
{
        return error_set(reader->err, ERROR_RUNNER_INTERNAL,
                         "the runner's value index does not fit the dataset: %s%s%.100s%s%.100s",
                         what, reader->table ? " in " : "", reader->table ? reader->table : "",
                         reader->column ? ", column " : "", reader->column ? reader->column : "");
}

/* The integer at key, which must be in that range. */
static int read_count(const struct reader *reader, const json_t *json, const char *key, int64_t min,
                      int64_t max, int64_t *ret)
{
        const json_t *value = json_object_get(json, key);
        if (!json_is_integer(value) || json_integer_value(value) < min ||
            json_integer_value(value) > max)
                return misfit(reader, "a count is missing or impossible");
        *ret = json_integer_value(value);
        return 0;
}

static bool is_text(const json_t *json)
{
        return json_is_string(json) && json_string_length(json) <= VALUES_TEXT_MAX &&
               strlen(json_string_value(json)) == json_string_length(json);
}

static int take_text(const struct reader *reader, const json_t *json, const char **ret)
{
        if (!is_text(json))
                return misfit(reader, "a value is no text or too long");
        *ret = arena_strndup(reader->arena, json_string_value(json), json_string_length(json));
        return *ret ? 0 : error_oom(reader->err);
}

/* The text at key; *ret stays NULL when it is absent. */
static int read_end(const struct reader *reader, const json_t *json, const char *key,
                    const char **ret)
{
        const json_t *value = json_object_get(json, key);
        return !value || json_is_null(value) ? 0 : take_text(reader, value, ret);
}

/* Whoever looks a value up searches by halves, and so counts on their order. */
static int read_texts(struct reader *reader, const json_t *array, struct column_values *column)
{
        size_t n = json_array_size(array);
        const char **values = arena_array(reader->arena, n, sizeof(*values));
        if (!values)
                return error_oom(reader->err);
        for (size_t i = 0; i < n; i++) {
                int r = take_text(reader, json_array_get(array, i), &values[i]);
                if (r < 0)
                        return r;
                if (i > 0 && strcmp(values[i - 1], values[i]) >= 0)
                        return misfit(reader, "the values are not in byte order");
        }
        reader->n_values += n;
        column->values = values;
        column->n_values = n;
        return 0;
}

static int read_values(struct reader *reader, const json_t *json, const struct column *of,
                       struct column_values *column)
{
        const json_t *array = json_object_get(json, "values");
        const json_t *complete = json_object_get(json, "complete");
        size_t n = json_array_size(array);
        if (!array && !complete)
                return 0;
        if (of->kind != COLUMN_TEXT || !json_is_array(array) || !json_is_boolean(complete))
                return misfit(reader, "there are values that should not be there");
        if (n > VALUES_COLUMN_MAX || n > VALUES_DATASET_MAX - reader->n_values)
                return misfit(reader, "there are too many values");
        int64_t distinct = column->n_distinct;
        column->complete = json_is_true(complete);
        if (distinct >= 0 && (int64_t)n > distinct)
                return misfit(reader, "there are more values than distinct ones");
        if (column->complete && (int64_t)n != distinct)
                return misfit(reader, "the values are not all there");
        return read_texts(reader, array, column);
}

static int read_column(struct reader *reader, const json_t *json, const struct column *of,
                       int64_t n_rows, struct column_values *column)
{
        const char *name = json_get_string(json, "name");
        reader->column = of->name;
        if (!name || strcmp(name, of->name) != 0)
                return misfit(reader, "there is another column");
        int r = read_count(reader, json, "nulls", 0, n_rows, &column->n_nulls);
        if (r == 0)
                r = read_count(reader, json, "distinct", -1, n_rows - column->n_nulls,
                               &column->n_distinct);
        if (r == 0)
                r = read_end(reader, json, "min", &column->min);
        if (r == 0)
                r = read_end(reader, json, "max", &column->max);
        return r < 0 ? r : read_values(reader, json, of, column);
}

static int read_table(struct reader *reader, const json_t *json, const struct table *of,
                      struct table_values *table)
{
        const json_t *array = json_object_get(json, "columns");
        const char *name = json_get_string(json, "name");
        reader->table = of->name;
        reader->column = NULL;
        if (!name || strcmp(name, of->name) != 0)
                return misfit(reader, "there is another table");
        if (!json_is_array(array) || json_array_size(array) != of->n_columns)
                return misfit(reader, "the columns are not as many");
        int r = read_count(reader, json, "rows", 0, INT64_MAX, &table->n_rows);
        if (r < 0)
                return r;
        struct column_values *columns = arena_array(reader->arena, of->n_columns, sizeof(*columns));
        if (!columns)
                return error_oom(reader->err);
        for (size_t i = 0; r == 0 && i < of->n_columns; i++)
                r = read_column(reader, json_array_get(array, i), &of->columns[i], table->n_rows,
                                &columns[i]);
        table->columns = columns;
        table->n_columns = of->n_columns;
        return r;
}

static int read_index(struct reader *reader, const json_t *json, const struct dataset *dataset,
                      struct value_index *index)
{
        const json_t *array = json_object_get(json, "tables");
        if (!json_is_array(array) || json_array_size(array) != dataset->n_tables)
                return misfit(reader, "the tables are not as many");
        struct table_values *tables =
                arena_array(reader->arena, dataset->n_tables, sizeof(*tables));
        if (!tables)
                return error_oom(reader->err);
        index->tables = tables;
        index->n_tables = dataset->n_tables;
        int r = 0;
        for (size_t i = 0; r == 0 && i < dataset->n_tables; i++)
                r = read_table(reader, json_array_get(array, i), &dataset->tables[i], &tables[i]);
        return r;
}

int value_index_from_json(const json_t *json, const struct dataset *dataset,
                          struct value_index **ret, struct error *err)
{
        struct arena *arena = arena_new(VALUES_ARENA_MAX);
        struct value_index *index = arena ? arena_alloc(arena, sizeof(*index)) : NULL;
        if (!index) {
                arena_free(arena);
                return error_oom(err);
        }
        index->arena = arena;
        struct reader reader = {.arena = arena, .err = err};
        int r = read_index(&reader, json, dataset, index);
        if (r < 0) {
                value_index_free(index);
                return r;
        }
        *ret = index;
        return 0;
}

void value_index_free(struct value_index *index)
{
        if (index)
                arena_free(index->arena);
}
