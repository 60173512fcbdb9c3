#include "run/describe.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "run/response.h"

#include <stdio.h>
#include <string.h>

bool dataset_is_described(const struct dataset *dataset)
{
        for (size_t i = 0; i < dataset->n_tables; i++)
                if (dataset->tables[i].n_columns == 0 || !dataset->tables[i].sha256[0])
                        return false;
        return true;
}

static int table_set_columns(struct table *table, const json_t *said, struct arena *arena,
                             struct error *err)
{
        size_t n = json_array_size(said);
        if (n > DATASET_COLUMNS_MAX)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "the table %s has %zu columns; %d are possible", table->name, n,
                                 DATASET_COLUMNS_MAX);
        struct column *columns = arena_array(arena, n, sizeof(*columns));
        if (!columns)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                const json_t *column = json_array_get(said, i);
                columns[i].name = arena_strdup(arena, json_get_string(column, "name"));
                columns[i].type = arena_strdup(arena, json_get_string(column, "type"));
                if (!columns[i].name || !columns[i].type)
                        return error_oom(err);
                columns[i].kind = column_kind_of(columns[i].type);
                columns[i].nullable = true;
        }
        table->columns = columns;
        table->n_columns = n;
        return 0;
}

static int table_take(struct table *table, const json_t *said, struct arena *arena,
                      struct error *err)
{
        const char *sha256 = json_get_string(said, "sha256");
        if (sha256)
                (void)snprintf(table->sha256, sizeof(table->sha256), "%s", sha256);
        if (table->n_columns > 0)
                return 0;
        return table_set_columns(table, json_object_get(said, "columns"), arena, err);
}

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

int dataset_with_tables(const struct dataset *dataset, const json_t *tables, struct dataset **ret,
                        struct error *err)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(DATASET_ARENA_MAX);
        struct dataset *copy = arena ? arena_alloc(arena, sizeof(*copy)) : NULL;
        struct table *items = copy ? arena_array(arena, dataset->n_tables, sizeof(*items)) : NULL;
        if (!items)
                return error_oom(err);
        memcpy(items, dataset->tables, dataset->n_tables * sizeof(*items));
        for (size_t i = 0; i < dataset->n_tables; i++) {
                int r = table_take(&items[i], json_array_get(tables, i), arena, err);
                if (r < 0)
                        return r;
        }
        *copy = *dataset;
        copy->vocabulary = json_incref(dataset->vocabulary); /* dataset_free lets go of it */
        copy->tables = items;
        copy->arena = steal_ptr(&arena);
        *ret = copy;
        return 0;
}

int request_set_tables(struct request *request, const struct dataset *dataset,
                       const struct dataset *described, struct arena *arena, struct error *err)
{
        struct request_table *tables = arena_array(arena, dataset->n_tables, sizeof(*tables));
        if (!tables)
                return error_oom(err);
        for (size_t i = 0; i < dataset->n_tables; i++) {
                const struct table *table = &dataset->tables[i];
                const struct table *known = described ? &described->tables[i] : table;
                struct request_column *columns = NULL;
                if (table->n_columns > 0) {
                        columns = arena_array(arena, table->n_columns, sizeof(*columns));
                        if (!columns)
                                return error_oom(err);
                }
                for (size_t j = 0; j < table->n_columns; j++)
                        columns[j] = (struct request_column){.name = table->columns[j].name,
                                                             .type = table->columns[j].type};
                tables[i] =
                        (struct request_table){.name = table->name,
                                               .path = table->path,
                                               .format = table->format,
                                               .sha256 = known->sha256[0] ? known->sha256 : NULL,
                                               .columns = columns,
                                               .n_columns = table->n_columns};
        }
        request->dataset_id = dataset->id;
        request->tables = tables;
        request->n_tables = dataset->n_tables;
        return 0;
}

/* What the runner says of the dataset's tables; a run that failed is an error. */
static int ask(struct executor *executor, const struct dataset *dataset, struct request *request,
               int cancel_fd, struct response *ret, struct error *err)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(DATASET_ARENA_MAX);
        if (!arena)
                return error_oom(err);
        int r = request_set_tables(request, dataset, NULL, arena, err);
        if (r == 0)
                r = response_get(executor, request, cancel_fd, ret, err);
        if (r < 0)
                return r;
        if (ret->says.type == ERROR_NONE)
                return 0;
        *err = ret->says;
        return -(int)ret->says.type;
}

int dataset_describe(struct executor *executor, const struct dataset *dataset, const char *run_id,
                     const struct limits *limits, int cancel_fd, struct dataset **ret,
                     struct error *err)
{
        _cleanup_(response_done) struct response response = {0};
        struct request request = {.run_id = run_id, .op = REQUEST_DESCRIBE, .limits = *limits};
        int r = ask(executor, dataset, &request, cancel_fd, &response, err);
        return r < 0 ? r
                     : dataset_with_tables(dataset, json_object_get(response.body, "tables"), ret,
                                           err);
}

int dataset_ask_values(struct executor *executor, const struct dataset *dataset, const char *run_id,
                       const struct limits *limits, int cancel_fd, json_t **ret, struct error *err)
{
        _cleanup_(response_done) struct response response = {0};
        struct request request = {.run_id = run_id, .op = REQUEST_VALUES, .limits = *limits};
        int r = ask(executor, dataset, &request, cancel_fd, &response, err);
        if (r < 0)
                return r;
        *ret = json_pack("{s:O?, s:O?}", "tables", json_object_get(response.body, "tables"),
                         "values", json_object_get(response.body, "values"));
        return *ret ? 0 : error_oom(err);
}

int dataset_take_values(const struct dataset *dataset, const json_t *values,
                        struct dataset **described, struct value_index **index, struct error *err)
{
        struct dataset *copy = NULL;
        int r = dataset_with_tables(dataset, json_object_get(values, "tables"), &copy, err);
        if (r == 0)
                r = value_index_from_json(json_object_get(values, "values"), copy, index, err);
        if (r < 0) {
                dataset_free(copy);
                return r;
        }
        *described = copy;
        return 0;
}
