/* A type's name on the first line and a value's JSON behind it, as an export reads them. What the
 * engine then holds, written out and taken once more as what it is in the file, is the same. */
#include "fuzz.h"

#include "runner/shape.h"
#include "runner/value.h"
#include "runner/value_take.h"

#include "base/json.h"

#include <stdio.h>

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define TEXT_MAX ((size_t)16 * 1024 * 1024)
#define ROWS 2 /* the second is NULL */

/* Of one column; the caller ends it with duckdb_destroy_data_chunk. False: it was refused. */
static bool fill(const struct shape *shape, duckdb_logical_type type, const json_t *value,
                 duckdb_data_chunk *ret)
{
        struct error err = {0};
        *ret = duckdb_create_data_chunk(&type, 1);
        duckdb_vector vector = duckdb_data_chunk_get_vector(*ret, 0);
        int r = value_take(shape, value, vector, 0, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK(r == 0 || err.type == ERROR_INVALID_REQUEST || err.type == ERROR_SQL_EXECUTION);
        json_t *null = json_null();
        FUZZ_CHECK(value_take(shape, null, vector, 1, &err) == 0);
        duckdb_data_chunk_set_size(*ret, ROWS);
        return r == 0;
}

static void read_out(duckdb_data_chunk chunk, duckdb_logical_type type, struct buf *text)
{
        buf_init(text, TEXT_MAX);
        value_put(text, duckdb_data_chunk_get_vector(chunk, 0), type, 1);
        FUZZ_CHECK(strcmp(buf_text(text), "null") == 0);
        buf_clear(text);
        value_put(text, duckdb_data_chunk_get_vector(chunk, 0), type, 0);
}

/* The file's own type has a name that can be read, and is its own file's type. */
static void check_again(duckdb_logical_type type, const struct buf *text, struct arena *arena)
{
        struct error err = {0};
        struct shape shape;
        struct buf name;
        struct buf again;
        duckdb_data_chunk chunk;
        buf_init(&name, TEXT_MAX);
        value_put_type(&name, type);
        json_t *value = json_loadb(buf_text(text), text->len, JSON_DECODE_ANY, NULL);
        /* An INTERVAL adds a level, so a type may be as deep as it may and its file's deeper. */
        if (value && shape_read(buf_text(&name), arena, &shape, &err) == 0) {
                FUZZ_CHECK(fill(&shape, type, value, &chunk));
                read_out(chunk, type, &again);
                FUZZ_CHECK(strcmp(buf_text(text), buf_text(&again)) == 0);
                duckdb_destroy_data_chunk(&chunk);
                buf_done(&again);
        }
        json_decref(value);
        buf_done(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
        struct error err = {0};
        struct shape shape;
        duckdb_data_chunk chunk;
        struct arena *arena = arena_new(ARENA_MAX);
        FUZZ_CHECK(arena);
        size_t n = end ? (size_t)(end - data) : size;
        char *name = arena_strndup(arena, (const char *)data, n);
        FUZZ_CHECK(name);
        int r = shape_read(name, arena, &shape, &err);
        fuzz_check_error(r, &err);
        json_t *value = end ? json_loadb((const char *)end + 1, size - n - 1,
                                         JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
                            : NULL;
        if (r == 0) {
                duckdb_logical_type type = shape_file_type(&shape);
                FUZZ_CHECK(type);
                if (value) {
                        if (fill(&shape, type, value, &chunk)) {
                                struct buf text;
                                read_out(chunk, type, &text);
                                check_again(type, &text, arena);
                                buf_done(&text);
                        }
                        duckdb_destroy_data_chunk(&chunk);
                }
                duckdb_destroy_logical_type(&type);
        }
        json_decref(value);
        arena_free(arena);
        return 0;
}
