#include "runner/shape.h"

#include "runner/value.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DECIMAL_WIDTH_MAX 38
#define MEMBERS_MAX 4096

struct reader {
        const char *at;
        struct arena *arena;
        struct error *err;
        int depth;
};

static int no_type(const struct reader *reader)
{
        return error_set(reader->err, ERROR_INVALID_REQUEST,
                         "this is not the name of a type at \"%.40s\"", reader->at);
}

static int no_memory(const struct reader *reader)
{
        return error_oom(reader->err);
}

static bool take(struct reader *reader, const char *text)
{
        size_t n = strlen(text);
        if (strncmp(reader->at, text, n) != 0)
                return false;
        reader->at += n;
        return true;
}

static bool take_number(struct reader *reader, uint64_t max, uint64_t *ret)
{
        char *end;
        if (*reader->at < '0' || *reader->at > '9')
                return false;
        *ret = strtoull(reader->at, &end, 10);
        reader->at = end;
        return *ret <= max;
}

/* "a ""b""" or 'a', with the quotes inside doubled. */
static int take_quoted(struct reader *reader, char quote, const char **ret)
{
        if (*reader->at != quote)
                return no_type(reader);
        const char *end = reader->at + 1;
        while (*end && (*end != quote || *++end == quote))
                end++;
        if (end[-1] != quote || end - reader->at < 2)
                return no_type(reader);
        char *text = arena_alloc(reader->arena, (size_t)(end - reader->at));
        if (!text)
                return no_memory(reader);
        *ret = text;
        for (reader->at++; reader->at < end - 1; reader->at++) {
                reader->at += *reader->at == quote;
                *text++ = *reader->at;
        }
        reader->at = end;
        return 0;
}

static int read_type(struct reader *reader, struct shape *ret);

static int read_decimal(struct reader *reader, struct shape *ret)
{
        uint64_t width;
        uint64_t scale;
        if (!take_number(reader, DECIMAL_WIDTH_MAX, &width) || !take(reader, ",") ||
            !take_number(reader, width, &scale) || !take(reader, ")") || width == 0)
                return no_type(reader);
        *ret = (struct shape){
                .type = DUCKDB_TYPE_DECIMAL, .width = (uint8_t)width, .scale = (uint8_t)scale};
        return 0;
}

/* What an ENUM may hold is of no interest: its values become texts. */
static int read_enum(struct reader *reader, struct shape *ret)
{
        const char *ignored;
        int r = 0;
        do
                r = take_quoted(reader, '\'', &ignored);
        while (r == 0 && take(reader, ", "));
        *ret = (struct shape){.type = DUCKDB_TYPE_ENUM};
        return r < 0 || take(reader, ")") ? r : no_type(reader);
}

static int read_map(struct reader *reader, struct shape *ret)
{
        *ret = (struct shape){.type = DUCKDB_TYPE_MAP, .n = 2};
        ret->children = arena_array(reader->arena, 2, sizeof(*ret->children));
        if (!ret->children)
                return no_memory(reader);
        int r = read_type(reader, &ret->children[0]);
        if (r == 0 && !take(reader, ", "))
                return no_type(reader);
        if (r == 0)
                r = read_type(reader, &ret->children[1]);
        return r < 0 || take(reader, ")") ? r : no_type(reader);
}

/* Room for one more: twice as much whenever it is full. */
static bool grow_members(struct reader *reader, struct shape *shape)
{
        if (shape->n & (shape->n - 1) || shape->n == MEMBERS_MAX)
                return shape->n < MEMBERS_MAX;
        size_t room = shape->n ? 2 * shape->n : 1;
        struct shape *children = arena_array(reader->arena, room, sizeof(*children));
        const char **names = arena_array(reader->arena, room, sizeof(*names));
        if (!children || !names)
                return false;
        if (shape->n > 0) {
                memcpy(children, shape->children, shape->n * sizeof(*children));
                memcpy(names, shape->names, shape->n * sizeof(*names));
        }
        shape->children = children;
        shape->names = names;
        return true;
}

static int read_member(struct reader *reader, struct shape *shape)
{
        if (!grow_members(reader, shape))
                return no_memory(reader);
        int r = take_quoted(reader, '"', &shape->names[shape->n]);
        if (r == 0 && !take(reader, " "))
                return no_type(reader);
        return r < 0 ? r : read_type(reader, &shape->children[shape->n++]);
}

/* The engine gives none such, and readers of files would not know one from the other. */
static int check_twice(const struct reader *reader, const struct shape *shape)
{
        for (size_t i = 0; i < shape->n; i++)
                for (size_t j = 0; j < i; j++)
                        if (strcasecmp(shape->names[i], shape->names[j]) == 0)
                                return error_set(reader->err, ERROR_INVALID_REQUEST,
                                                 "a STRUCT has the member \"%.60s\" twice",
                                                 shape->names[i]);
        return 0;
}

/* The members of row(1, 2) have no names, and in a file they need some. */
static int name_members(struct reader *reader, struct shape *shape)
{
        shape->is_unnamed = !*shape->names[0];
        for (size_t i = 0; i < shape->n; i++) {
                if (!*shape->names[i] != shape->is_unnamed)
                        return no_type(reader);
                if (shape->is_unnamed)
                        shape->names[i] = arena_printf(reader->arena, "f%zu", i + 1);
                if (!shape->names[i])
                        return no_memory(reader);
        }
        return check_twice(reader, shape);
}

static int read_struct(struct reader *reader, struct shape *ret)
{
        int r = 0;
        *ret = (struct shape){.type = DUCKDB_TYPE_STRUCT};
        do
                r = read_member(reader, ret);
        while (r == 0 && take(reader, ", "));
        if (r == 0 && !take(reader, ")"))
                return no_type(reader);
        return r < 0 ? r : name_members(reader, ret);
}

static int read_simple(struct reader *reader, struct shape *ret)
{
        size_t n = strcspn(reader->at, "[](),");
        *ret = (struct shape){.type = value_type_named(reader->at, n)};
        if (ret->type == DUCKDB_TYPE_INVALID)
                return no_type(reader);
        reader->at += n;
        return 0;
}

/* INTEGER[] or INTEGER[3]: what was read is what is inside. */
static int wrap(struct reader *reader, struct shape *ret)
{
        struct shape *inside = arena_alloc(reader->arena, sizeof(*inside));
        if (!inside)
                return no_memory(reader);
        *inside = *ret;
        *ret = (struct shape){.type = DUCKDB_TYPE_LIST, .children = inside, .n = 1};
        if (*reader->at != ']') {
                if (!take_number(reader, UINT32_MAX, &ret->length))
                        return no_type(reader);
                ret->type = DUCKDB_TYPE_ARRAY;
        }
        return take(reader, "]") ? 0 : no_type(reader);
}

static int too_deep(const struct reader *reader)
{
        return error_set(reader->err, ERROR_INVALID_REQUEST, "the type nests deeper than %d levels",
                         SHAPE_DEPTH_MAX);
}

static void measure(struct shape *shape)
{
        shape->height = 1;
        for (size_t i = 0; i < shape->n; i++)
                if (shape->children[i].height >= shape->height)
                        shape->height = shape->children[i].height + 1;
}

static int read_type(struct reader *reader, struct shape *ret)
{
        if (++reader->depth > SHAPE_DEPTH_MAX)
                return too_deep(reader);
        int r = take(reader, "DECIMAL(")  ? read_decimal(reader, ret)
                : take(reader, "STRUCT(") ? read_struct(reader, ret)
                : take(reader, "MAP(")    ? read_map(reader, ret)
                : take(reader, "ENUM(")   ? read_enum(reader, ret)
                                          : read_simple(reader, ret);
        if (r < 0)
                return r;
        for (measure(ret); r == 0 && take(reader, "["); measure(ret))
                r = ret->height < SHAPE_DEPTH_MAX ? wrap(reader, ret) : too_deep(reader);
        reader->depth--;
        return r == 0 && ret->height > SHAPE_DEPTH_MAX ? too_deep(reader) : r;
}

int shape_read(const char *name, struct arena *arena, struct shape *ret, struct error *err)
{
        struct reader reader = {.at = name, .arena = arena, .err = err};
        int r = read_type(&reader, ret);
        return r < 0 || !*reader.at ? r : no_type(&reader);
}

/* DuckDB's Parquet has no form for these, or one that loses something: an INTERVAL without its
 * microseconds and its sign, a HUGEINT as a DOUBLE, a TIME WITH TIME ZONE in UTC. */
static duckdb_logical_type simple_file_type(const struct shape *shape)
{
        switch (shape->type) {
        case DUCKDB_TYPE_DECIMAL:
                return duckdb_create_decimal_type(shape->width, shape->scale);
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT:
                return duckdb_create_decimal_type(DECIMAL_WIDTH_MAX, 0);
        case DUCKDB_TYPE_ENUM:
        case DUCKDB_TYPE_BIT:
        case DUCKDB_TYPE_TIME_TZ:
                return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS:
                return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
        case DUCKDB_TYPE_SQLNULL:
                return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
        default:
                return duckdb_create_logical_type(shape->type);
        }
}

static duckdb_logical_type interval_file_type(void)
{
        const char *names[] = {"months", "days", "micros"};
        duckdb_logical_type types[] = {duckdb_create_logical_type(DUCKDB_TYPE_INTEGER),
                                       duckdb_create_logical_type(DUCKDB_TYPE_INTEGER),
                                       duckdb_create_logical_type(DUCKDB_TYPE_BIGINT)};
        duckdb_logical_type type = duckdb_create_struct_type(types, names, ARRAY_SIZE(names));
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                duckdb_destroy_logical_type(&types[i]);
        return type;
}

static duckdb_logical_type nested_file_type(const struct shape *shape,
                                            duckdb_logical_type *children)
{
        switch (shape->type) {
        case DUCKDB_TYPE_STRUCT:
                return duckdb_create_struct_type(children, shape->names, shape->n);
        case DUCKDB_TYPE_MAP:
                return duckdb_create_map_type(children[0], children[1]);
        default:
                return duckdb_create_list_type(children[0]); /* Parquet has no other arrays */
        }
}

duckdb_logical_type shape_file_type(const struct shape *shape)
{
        if (shape->type == DUCKDB_TYPE_INTERVAL)
                return interval_file_type();
        if (shape->n == 0)
                return simple_file_type(shape);
        duckdb_logical_type *children = alloc_calloc(shape->n, sizeof(*children));
        duckdb_logical_type type = NULL;
        bool whole = children != NULL;
        for (size_t i = 0; whole && i < shape->n; i++) {
                children[i] = shape_file_type(&shape->children[i]);
                whole = children[i] != NULL;
        }
        if (whole)
                type = nested_file_type(shape, children);
        for (size_t i = 0; children && i < shape->n; i++)
                duckdb_destroy_logical_type(&children[i]);
        free(children);
        return type;
}
