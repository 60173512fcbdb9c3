/* A value index, as a client takes it out of a response, over a dataset that stays the same: what
 * is accepted can be searched by halves, and has the tables' shape. And whether the host would put
 * the bytes into a response: if it does, they are one member of it and no more. */
#include "fuzz.h"

#include "base/json.h"
#include "dataset/schema.h"
#include "dataset/values.h"

static const struct column columns[] = {
        {.name = "id", .type = "BIGINT", .kind = COLUMN_INTEGER},
        {.name = "state", .type = "VARCHAR", .kind = COLUMN_TEXT},
        {.name = "note", .type = "VARCHAR", .kind = COLUMN_TEXT},
};
static struct table tables[] = {
        {.name = "t", .columns = columns, .n_columns = 3},
        {.name = "u", .columns = columns, .n_columns = 1},
};
static const struct dataset dataset = {.id = "d", .tables = tables, .n_tables = 2};

static void check_column(const struct column_values *values, const struct column *column,
                         int64_t n_rows)
{
        FUZZ_CHECK(values->n_nulls >= 0 && values->n_distinct >= -1);
        FUZZ_CHECK(values->n_nulls <= n_rows && values->n_distinct <= n_rows - values->n_nulls);
        FUZZ_CHECK(values->n_values == 0 || column->kind == COLUMN_TEXT);
        FUZZ_CHECK(values->n_values <= VALUES_COLUMN_MAX);
        FUZZ_CHECK(!values->complete || (int64_t)values->n_values == values->n_distinct);
        for (size_t i = 0; i < values->n_values; i++) {
                FUZZ_CHECK(strlen(values->values[i]) <= VALUES_TEXT_MAX);
                FUZZ_CHECK(i == 0 || strcmp(values->values[i - 1], values->values[i]) < 0);
        }
        FUZZ_CHECK(!values->min || strlen(values->min) <= VALUES_TEXT_MAX);
        FUZZ_CHECK(!values->max || strlen(values->max) <= VALUES_TEXT_MAX);
}

static void check_index(const json_t *json)
{
        struct error err = {0};
        struct value_index *index = NULL;
        int r = value_index_from_json(json, &dataset, &index, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK((r == 0) == (index != NULL));
        for (size_t i = 0; r == 0 && i < dataset.n_tables; i++) {
                FUZZ_CHECK(index->tables[i].n_columns == tables[i].n_columns);
                for (size_t j = 0; j < tables[i].n_columns; j++)
                        check_column(&index->tables[i].columns[j], &columns[j],
                                     index->tables[i].n_rows);
        }
        value_index_free(index);
}

/* {"before":1,"values":<the bytes>,"after":2}: if that is JSON at all, it has these members. */
static void check_splice(const char *text, size_t n, const struct json_limits *limits)
{
        struct error err = {0};
        struct buf whole;
        json_t *json = NULL;
        buf_init(&whole, VALUES_BYTES_MAX);
        buf_puts(&whole, "{\"before\":1,\"values\":");
        buf_append(&whole, text, n);
        buf_puts(&whole, ",\"after\":2}");
        if (json_parse(buf_text(&whole), whole.len, limits, ERROR_VALIDATION, &json, &err) == 0) {
                FUZZ_CHECK(json_object_size(json) == 3);
                FUZZ_CHECK(json_get_int(json, "before", 0) == 1);
                FUZZ_CHECK(json_get_int(json, "after", 0) == 2);
                FUZZ_CHECK(json_is_object(json_object_get(json, "values")));
        }
        json_decref(json);
        buf_done(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct json_limits limits = {.max_bytes = VALUES_BYTES_MAX, .max_depth = 100};
        struct error err = {0};
        json_t *json = NULL;
        const char *text = (const char *)data;
        if (json_is_closed_object(text, size))
                check_splice(text, size, &limits);
        if (json_parse(text, size, &limits, ERROR_VALIDATION, &json, &err) == 0)
                check_index(json);
        json_decref(json);
        return 0;
}
