#include "protocol/request.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/place.h"
#include "base/uuid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_DEPTH_MAX 8    /* request, dataset, tables, table, columns, column, and two spare */
#define REQUEST_NAME_MAX 63    /* bytes of a table's name */
#define REQUEST_ID_MAX 64      /* bytes of a dataset's id */
#define REQUEST_COLUMN_MAX 255 /* bytes of a column's name, and of a type */
#define REQUEST_PATH_MAX 4095  /* PATH_MAX without the NUL */
#define REQUEST_COLUMNS_MAX 4096      /* of one table */
#define REQUEST_RESULT_TEXT_MAX 65536 /* bytes of a result's column name, and of its type */

static const char *const op_names[] = {
        [REQUEST_RUN] = "run",       [REQUEST_CHECK] = "check",   [REQUEST_DESCRIBE] = "describe",
        [REQUEST_VALUES] = "values", [REQUEST_EXPORT] = "export",
};

static const struct {
        const char *name;
        size_t offset;
        int64_t min;
        int64_t max;
} limit_ranges[] = {
        {"timeout_ms", offsetof(struct limits, timeout_ms), 1, 3600000},
        {"max_rows", offsetof(struct limits, max_rows), 0, 1000000},
        {"max_output_bytes", offsetof(struct limits, max_output_bytes), 1024, 256LL << 20},
        {"memory_mb", offsetof(struct limits, memory_mb), 64, 1048576},
        {"threads", offsetof(struct limits, threads), 1, 256},
};

const char *request_op_name(enum request_op op)
{
        return (size_t)op < ARRAY_SIZE(op_names) ? op_names[op] : "unknown";
}

bool request_op_has_sql(enum request_op op)
{
        return op == REQUEST_RUN || op == REQUEST_CHECK;
}

__attribute__((format(printf, 3, 4))) static int refuse(const struct place *place,
                                                        struct error *err, const char *format, ...)
{
        char message[512];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        int r = error_set(err, ERROR_INVALID_REQUEST, "%s", message);
        place_to_error(place, err);
        return r;
}

/* The object at place has no member but those of keys. */
static int check_keys(const json_t *json, const struct place *place, const char *const *keys,
                      size_t n, struct error *err)
{
        if (!json_is_object(json))
                return refuse(place, err, "%s must be a JSON object",
                              place ? "this" : "the request");
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                size_t i = 0;
                while (i < n && strcmp(keys[i], key) != 0)
                        i++;
                if (i < n)
                        continue;
                struct place at = place_key(place, key);
                return strlen(key) > 100
                               ? refuse(place, err, "a member with a very long name is not known")
                               : refuse(&at, err, "the member \"%s\" is not known; remove it", key);
        }
        return 0;
}

/* The member, NULL when it is absent or null. */
static const json_t *member(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);
        return json_is_null(value) ? NULL : value;
}

enum text_need { TEXT_OPTIONAL, TEXT_REQUIRED };

/* Copies a string member of at most max bytes into the arena; *ret is NULL when it is absent. */
static int take_text(const json_t *object, const struct place *place, enum text_need need,
                     size_t max, struct arena *arena, const char **ret, struct error *err)
{
        const json_t *value = member(object, place->key);
        *ret = NULL;
        if (!value && need == TEXT_OPTIONAL)
                return 0;
        if (!value)
                return refuse(place, err, "\"%s\" is missing", place->key);
        if (!json_is_string(value))
                return refuse(place, err, "\"%s\" must be a string", place->key);
        size_t n = json_string_length(value);
        if (n > max)
                return refuse(place, err, "\"%s\" has %zu bytes; the limit is %zu", place->key, n,
                              max);
        *ret = arena_strndup(arena, json_string_value(value), n);
        return *ret ? 0 : error_oom(err);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* [A-Za-z_][A-Za-z0-9_]* with the characters of `more` allowed after the first. */
static bool is_name(const char *text, const char *more)
{
        if (!*text || !strchr(LETTERS "_", *text))
                return false;
        for (; *text; text++)
                if (!strchr(LETTERS DIGITS "_", *text) && !strchr(more, *text))
                        return false;
        return true;
}

static bool is_sha256(const char *text)
{
        return strlen(text) == HASH_HEX_SIZE - 1 && strspn(text, DIGITS "abcdef") == strlen(text);
}

/* A type reaches the engine as text, so it holds nothing that could end a type. */
static bool is_type(const char *text)
{
        int open = 0;
        if (!is_name(text, " (),"))
                return false;
        for (; *text; text++) {
                open += (*text == '(') - (*text == ')');
                if (open < 0)
                        return false;
        }
        return open == 0;
}

static int parse_sha256(const json_t *object, const struct place *place, struct arena *arena,
                        const char **ret, struct error *err)
{
        int r = take_text(object, place, TEXT_OPTIONAL, HASH_HEX_SIZE, arena, ret, err);
        if (r == 0 && *ret && !is_sha256(*ret))
                return refuse(place, err, "\"%s\" must be 64 lower-case hexadecimal digits",
                              place->key);
        return r;
}

static int parse_column(const json_t *json, const struct place *place, struct arena *arena,
                        struct request_column *column, struct error *err)
{
        static const char *const keys[] = {"name", "type"};
        struct place name = place_key(place, "name");
        struct place type = place_key(place, "type");
        int r = check_keys(json, place, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = take_text(json, &name, TEXT_REQUIRED, REQUEST_COLUMN_MAX, arena, &column->name,
                              err);
        if (r == 0)
                r = take_text(json, &type, TEXT_REQUIRED, REQUEST_COLUMN_MAX, arena, &column->type,
                              err);
        if (r < 0)
                return r;
        if (!*column->name)
                return refuse(&name, err, "a column's name must not be empty");
        if (!is_type(column->type))
                return refuse(&type, err,
                              "a column's type must be a type's name such as DECIMAL(10,2): "
                              "letters, digits, blanks, \"_\", \",\" and paired parentheses");
        return 0;
}

static int column_compare(const void *a, const void *b)
{
        const struct request_column *const *p = a;
        const struct request_column *const *q = b;
        return strcasecmp((*p)->name, (*q)->name);
}

/* Sorts pointers to the columns, as comparing each with each takes too long for thousands. */
static int check_column_names(const struct request_column *columns, size_t n,
                              const struct place *place, struct arena *arena, struct error *err)
{
        const struct request_column **sorted = arena_array(arena, n, sizeof(const void *));
        if (!sorted)
                return error_oom(err);
        for (size_t i = 0; i < n; i++)
                sorted[i] = &columns[i];
        qsort(sorted, n, sizeof(*sorted), column_compare);
        for (size_t i = 1; i < n; i++)
                if (column_compare(&sorted[i - 1], &sorted[i]) == 0)
                        return refuse(place, err,
                                      "the column name \"%s\" is used twice (case does not count)",
                                      sorted[i]->name);
        return 0;
}

static int parse_columns(const json_t *json, const struct place *place, struct arena *arena,
                         struct request_table *table, struct error *err)
{
        if (!json)
                return 0;
        size_t n = json_array_size(json);
        if (!json_is_array(json) || n == 0 || n > REQUEST_COLUMNS_MAX)
                return refuse(place, err, "\"columns\" must be an array of 1 to %d columns",
                              REQUEST_COLUMNS_MAX);
        struct request_column *columns = arena_array(arena, n, sizeof(*columns));
        if (!columns)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                struct place at = place_index(place, i);
                int r = parse_column(json_array_get(json, i), &at, arena, &columns[i], err);
                if (r < 0)
                        return r;
        }
        table->columns = columns;
        table->n_columns = n;
        return check_column_names(columns, n, place, arena, err);
}

static int check_table(const struct request_table *table, const struct place *place,
                       struct error *err)
{
        struct place name = place_key(place, "name");
        struct place path = place_key(place, "path");
        struct place format = place_key(place, "format");
        if (!is_name(table->name, ""))
                return refuse(&name, err,
                              "a table's name must be letters, digits and underscores, with no "
                              "digit first");
        if (table->path[0] != '/')
                return refuse(&path, err, "a table's path must be absolute (start with \"/\")");
        if (strcmp(table->format, "csv") != 0 && strcmp(table->format, "parquet") != 0)
                return refuse(&format, err, "a table's format must be \"csv\" or \"parquet\"");
        return 0;
}

static int parse_table(const json_t *json, const struct place *place, struct arena *arena,
                       struct request_table *table, struct error *err)
{
        static const char *const keys[] = {"name", "path", "format", "sha256", "columns"};
        struct place name = place_key(place, "name");
        struct place path = place_key(place, "path");
        struct place format = place_key(place, "format");
        struct place sha256 = place_key(place, "sha256");
        struct place columns = place_key(place, "columns");
        int r = check_keys(json, place, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = take_text(json, &name, TEXT_REQUIRED, REQUEST_NAME_MAX, arena, &table->name,
                              err);
        if (r == 0)
                r = take_text(json, &path, TEXT_REQUIRED, REQUEST_PATH_MAX, arena, &table->path,
                              err);
        if (r == 0)
                r = take_text(json, &format, TEXT_REQUIRED, REQUEST_NAME_MAX, arena, &table->format,
                              err);
        if (r == 0)
                r = check_table(table, place, err);
        if (r == 0)
                r = parse_sha256(json, &sha256, arena, &table->sha256, err);
        return r < 0 ? r : parse_columns(member(json, "columns"), &columns, arena, table, err);
}

static int parse_tables(const json_t *json, const struct place *place, struct arena *arena,
                        struct request *request, struct error *err)
{
        size_t n = json_array_size(json);
        if (!json_is_array(json) || n > REQUEST_TABLES_MAX)
                return refuse(place, err, "\"tables\" must be an array of at most %d tables",
                              REQUEST_TABLES_MAX);
        struct request_table *tables = arena_array(arena, n, sizeof(*tables));
        if (!tables)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                struct place at = place_index(place, i);
                struct place name = place_key(&at, "name");
                int r = parse_table(json_array_get(json, i), &at, arena, &tables[i], err);
                if (r < 0)
                        return r;
                for (size_t j = 0; j < i; j++)
                        if (strcasecmp(tables[i].name, tables[j].name) == 0)
                                return refuse(&name, err,
                                              "the table name \"%s\" is used twice (case does not "
                                              "count)",
                                              tables[i].name);
        }
        request->tables = tables;
        request->n_tables = n;
        return 0;
}

static int parse_dataset(const json_t *json, const struct place *place, struct arena *arena,
                         struct request *request, struct error *err)
{
        static const char *const keys[] = {"id", "version", "tables"};
        struct place id = place_key(place, "id");
        struct place version = place_key(place, "version");
        struct place tables = place_key(place, "tables");
        if (!json)
                return refuse(place, err, "\"dataset\" is missing");
        int r = check_keys(json, place, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = take_text(json, &id, TEXT_REQUIRED, REQUEST_ID_MAX, arena, &request->dataset_id,
                              err);
        if (r < 0)
                return r;
        if (!is_name(request->dataset_id, "-"))
                return refuse(&id, err,
                              "a dataset's id must be letters, digits, underscores and hyphens, "
                              "with no digit or hyphen first");
        r = parse_sha256(json, &version, arena, &request->dataset_version, err);
        return r < 0 ? r : parse_tables(member(json, "tables"), &tables, arena, request, err);
}

static int64_t *limit_at(struct limits *limits, size_t i)
{
        return (int64_t *)(void *)((char *)limits + limit_ranges[i].offset);
}

int limits_check(const struct limits *limits, struct error *err)
{
        struct place place = place_key(NULL, "limits");
        struct limits copy = *limits;
        for (size_t i = 0; i < ARRAY_SIZE(limit_ranges); i++) {
                struct place at = place_key(&place, limit_ranges[i].name);
                int64_t value = *limit_at(&copy, i);
                if (value < limit_ranges[i].min || value > limit_ranges[i].max)
                        return refuse(&at, err, "%s is %lld; it must be from %lld to %lld",
                                      limit_ranges[i].name, (long long)value,
                                      (long long)limit_ranges[i].min,
                                      (long long)limit_ranges[i].max);
        }
        return 0;
}

static int parse_limits(const json_t *json, const struct place *place, struct limits *limits,
                        struct error *err)
{
        const char *keys[ARRAY_SIZE(limit_ranges)];
        *limits = LIMITS_DEFAULT;
        if (!json)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                keys[i] = limit_ranges[i].name;
        int r = check_keys(json, place, keys, ARRAY_SIZE(keys), err);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
                struct place at = place_key(place, keys[i]);
                const json_t *value = member(json, keys[i]);
                if (value && !json_is_integer(value))
                        return refuse(&at, err, "%s must be a whole number", keys[i]);
                if (value)
                        *limit_at(limits, i) = json_integer_value(value);
        }
        return r < 0 ? r : limits_check(limits, err);
}

static int parse_protocol(const json_t *json, const struct place *place, struct error *err)
{
        const json_t *value = member(json, place->key);
        if (!value)
                return refuse(place, err, "\"protocol\" is missing; this is protocol %d",
                              PROTOCOL_VERSION);
        if (!json_is_integer(value) || json_integer_value(value) != PROTOCOL_VERSION)
                return refuse(place, err,
                              "only protocol %d is spoken here; use an askcsv and an "
                              "askcsv-runner of one version",
                              PROTOCOL_VERSION);
        return 0;
}

static int parse_op(const json_t *json, const struct place *place, enum request_op *ret,
                    struct error *err)
{
        const json_t *value = member(json, place->key);
        *ret = REQUEST_RUN;
        if (!value)
                return 0;
        for (size_t i = 0; json_is_string(value) && i < ARRAY_SIZE(op_names); i++) {
                if (strcmp(op_names[i], json_string_value(value)) == 0) {
                        *ret = (enum request_op)i;
                        return 0;
                }
        }
        return refuse(place, err,
                      "\"op\" must be \"run\", \"check\", \"describe\", \"values\" or "
                      "\"export\"");
}

static int parse_run_id(const json_t *json, const struct place *place, enum text_need need,
                        struct arena *arena, const char **ret, struct error *err)
{
        int r = take_text(json, place, need, UUID_TEXT_SIZE, arena, ret, err);
        if (r == 0 && *ret && !uuid_is_valid(*ret))
                return refuse(place, err, "\"run_id\" must be a UUID in lower case");
        return r;
}

static int parse_sql(const json_t *json, const struct place *place, struct arena *arena,
                     struct request *request, struct error *err)
{
        bool wanted = request_op_has_sql(request->op);
        if (!wanted && member(json, place->key))
                return refuse(place, err, "the op \"%s\" takes no \"sql\"",
                              request_op_name(request->op));
        return take_text(json, place, wanted ? TEXT_REQUIRED : TEXT_OPTIONAL, REQUEST_SQL_MAX,
                         arena, &request->sql, err);
}

/* Every accepted spelling becomes "2026-01-31T00:00:00Z". */
static int parse_as_of(const json_t *json, const struct place *place, struct arena *arena,
                       struct request *request, struct error *err)
{
        enum text_need need = request->op == REQUEST_RUN ? TEXT_REQUIRED : TEXT_OPTIONAL;
        int64_t seconds = 0;
        char text[CLOCK_TEXT_SIZE];
        int r = take_text(json, place, need, CLOCK_TEXT_SIZE, arena, &request->as_of, err);
        if (r < 0 || !request->as_of)
                return r;
        if (!clock_parse(request->as_of, &seconds))
                return refuse(place, err,
                              "\"as_of\" must be a time in UTC such as 2026-01-31T00:00:00Z");
        clock_format_s(seconds, text);
        request->as_of = arena_strdup(arena, text);
        return request->as_of ? 0 : error_oom(err);
}

/* An array of n strings, or of any number of them when n is 0. */
static int parse_texts(const json_t *json, const struct place *place, size_t n, struct arena *arena,
                       const char *const **ret, struct error *err)
{
        size_t size = json_array_size(json);
        if (!json_is_array(json) || size == 0 || size > REQUEST_COLUMNS_MAX)
                return refuse(place, err, "\"%s\" must be an array of 1 to %d strings", place->key,
                              REQUEST_COLUMNS_MAX);
        if (n > 0 && size != n)
                return refuse(place, err, "there are %zu columns and %zu types", n, size);
        const char **texts = arena_array(arena, size, sizeof(*texts));
        if (!texts)
                return error_oom(err);
        for (size_t i = 0; i < size; i++) {
                const json_t *text = json_array_get(json, i);
                struct place at = place_index(place, i);
                if (!json_is_string(text) || json_string_length(text) > REQUEST_RESULT_TEXT_MAX)
                        return refuse(&at, err, "this must be a string of at most %d bytes",
                                      REQUEST_RESULT_TEXT_MAX);
                texts[i] = arena_strdup(arena, json_string_value(text));
                if (!texts[i])
                        return error_oom(err);
        }
        *ret = texts;
        return 0;
}

static int parse_result_members(const json_t *json, const struct place *place, struct arena *arena,
                                struct request_result *result, struct error *err)
{
        static const char *const keys[] = {"columns", "types", "rows"};
        struct place columns = place_key(place, "columns");
        struct place types = place_key(place, "types");
        struct place rows = place_key(place, "rows");
        int r = check_keys(json, place, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = parse_texts(member(json, "columns"), &columns, 0, arena, &result->columns, err);
        if (r < 0)
                return r;
        result->n = json_array_size(member(json, "columns"));
        r = parse_texts(member(json, "types"), &types, result->n, arena, &result->types, err);
        if (r == 0)
                r = take_text(json, &rows, TEXT_REQUIRED, REQUEST_ROWS_MAX, arena, &result->rows,
                              err);
        result->rows_bytes = json_string_length(member(json, "rows"));
        return r;
}

/* Whoever exports needs a result, and no tables; nobody else has one. */
static int parse_result(const json_t *json, const struct place *place, struct arena *arena,
                        struct request *request, struct error *err)
{
        bool wanted = request->op == REQUEST_EXPORT;
        if (!wanted && json)
                return refuse(place, err, "the op \"%s\" takes no \"result\"",
                              request_op_name(request->op));
        if (!wanted)
                return 0;
        if (!json)
                return refuse(place, err, "\"result\" is missing");
        if (request->n_tables > 0)
                return refuse(place, err, "the op \"export\" takes no tables");
        struct request_result *result = arena_alloc(arena, sizeof(*result));
        if (!result)
                return error_oom(err);
        request->result = result;
        return parse_result_members(json, place, arena, result, err);
}

static int parse_document(const json_t *json, struct arena *arena, struct request *request,
                          struct error *err)
{
        static const char *const keys[] = {"protocol", "run_id", "op",     "dataset",
                                           "sql",      "as_of",  "limits", "result"};
        struct place at[ARRAY_SIZE(keys)];
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                at[i] = place_key(NULL, keys[i]);
        int r = check_keys(json, NULL, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = parse_protocol(json, &at[0], err);
        if (r == 0)
                r = parse_run_id(json, &at[1], TEXT_REQUIRED, arena, &request->run_id, err);
        if (r == 0)
                r = parse_op(json, &at[2], &request->op, err);
        if (r == 0)
                r = parse_dataset(member(json, "dataset"), &at[3], arena, request, err);
        if (r == 0)
                r = parse_sql(json, &at[4], arena, request, err);
        if (r == 0)
                r = parse_as_of(json, &at[5], arena, request, err);
        if (r == 0)
                r = parse_result(member(json, "result"), &at[7], arena, request, err);
        return r < 0 ? r : parse_limits(member(json, "limits"), &at[6], &request->limits, err);
}

/* Both kinds of document. */
static int parse_text(const char *text, size_t n, size_t max_bytes,
                      int (*parse)(const json_t *json, struct arena *arena, struct request *request,
                                   struct error *err),
                      struct arena *arena, struct request **ret, struct error *err)
{
        const struct json_limits bounds = {.max_bytes = max_bytes, .max_depth = REQUEST_DEPTH_MAX};
        _cleanup_json_ json_t *json = NULL;
        int r = json_parse(text, n, &bounds, ERROR_INVALID_REQUEST, &json, err);
        if (r < 0)
                return r;
        struct request *request = arena_alloc(arena, sizeof(*request));
        if (!request)
                return error_oom(err);
        r = parse(json, arena, request, err);
        if (r == 0 && request->op != REQUEST_EXPORT && n > REQUEST_BYTES_MAX)
                r = error_set(err, ERROR_INVALID_REQUEST,
                              "the JSON text has %zu bytes; the limit is %d", n, REQUEST_BYTES_MAX);
        if (r == 0)
                *ret = request;
        return r;
}

int request_parse(const char *text, size_t n, struct arena *arena, struct request **ret,
                  struct error *err)
{
        return parse_text(text, n, REQUEST_EXPORT_BYTES_MAX, parse_document, arena, ret, err);
}

static int parse_prepare(const json_t *json, struct arena *arena, struct request *request,
                         struct error *err)
{
        static const char *const keys[] = {"protocol", "run_id", "dataset", "limits"};
        struct place at[ARRAY_SIZE(keys)];
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                at[i] = place_key(NULL, keys[i]);
        request->op = REQUEST_DESCRIBE;
        int r = check_keys(json, NULL, keys, ARRAY_SIZE(keys), err);
        if (r == 0)
                r = parse_protocol(json, &at[0], err);
        if (r == 0)
                r = parse_run_id(json, &at[1], TEXT_OPTIONAL, arena, &request->run_id, err);
        if (r == 0)
                r = parse_dataset(member(json, "dataset"), &at[2], arena, request, err);
        return r < 0 ? r : parse_limits(member(json, "limits"), &at[3], &request->limits, err);
}

int prepare_parse(const char *text, size_t n, struct arena *arena, struct request **ret,
                  struct error *err)
{
        return parse_text(text, n, REQUEST_BYTES_MAX, parse_prepare, arena, ret, err);
}

bool request_same_columns(const struct request_table *a, const struct request_table *b)
{
        if (a->n_columns != b->n_columns) /* 0: they are to be found */
                return false;
        for (size_t i = 0; i < a->n_columns; i++)
                if (strcmp(a->columns[i].name, b->columns[i].name) != 0 ||
                    strcmp(a->columns[i].type, b->columns[i].type) != 0)
                        return false;
        return true;
}

/* Sets a string member; a NULL text leaves it out. */
static int put_text(json_t *object, const char *key, const char *text, struct error *err)
{
        if (!text)
                return 0;
        json_t *value = json_string(text);
        if (!value) {
                /* jansson says the same for bytes that are not UTF-8 and for no memory. */
                _cleanup_json_ json_t *unchecked = json_string_nocheck(text);
                return unchecked ? error_set(err, ERROR_INVALID_REQUEST,
                                             "\"%s\" is not valid UTF-8, so it cannot be sent to "
                                             "the runner; rename the file or save the text as "
                                             "UTF-8",
                                             key)
                                 : error_oom(err);
        }
        return json_object_set_new(object, key, value) < 0 ? error_oom(err) : 0;
}

/* Adds an empty object or array to a container and lends it; key is NULL for an array. */
static json_t *put_container(json_t *container, const char *key, json_t *made)
{
        int r = key ? json_object_set_new(container, key, made)
                    : json_array_append_new(container, made);
        return r < 0 ? NULL : made;
}

static int write_columns(const struct request_table *table, json_t *object, struct error *err)
{
        if (!table->columns)
                return 0;
        json_t *columns = put_container(object, "columns", json_array());
        if (!columns)
                return error_oom(err);
        for (size_t i = 0; i < table->n_columns; i++) {
                json_t *column = put_container(columns, NULL, json_object());
                int r = column ? put_text(column, "name", table->columns[i].name, err)
                               : error_oom(err);
                if (r == 0)
                        r = put_text(column, "type", table->columns[i].type, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_tables(const struct request *request, json_t *dataset, struct error *err)
{
        json_t *tables = put_container(dataset, "tables", json_array());
        if (!tables)
                return error_oom(err);
        for (size_t i = 0; i < request->n_tables; i++) {
                const struct request_table *table = &request->tables[i];
                json_t *object = put_container(tables, NULL, json_object());
                int r = object ? put_text(object, "name", table->name, err) : error_oom(err);
                if (r == 0)
                        r = put_text(object, "path", table->path, err);
                if (r == 0)
                        r = put_text(object, "format", table->format, err);
                if (r == 0)
                        r = put_text(object, "sha256", table->sha256, err);
                if (r == 0)
                        r = write_columns(table, object, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_dataset(const struct request *request, json_t *document, struct error *err)
{
        json_t *dataset = put_container(document, "dataset", json_object());
        int r = dataset ? put_text(dataset, "id", request->dataset_id, err) : error_oom(err);
        if (r == 0)
                r = put_text(dataset, "version", request->dataset_version, err);
        return r < 0 ? r : write_tables(request, dataset, err);
}

static int write_texts(json_t *object, const char *key, const char *const *texts, size_t n,
                       struct error *err)
{
        json_t *array = put_container(object, key, json_array());
        if (!array)
                return error_oom(err);
        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(array, json_string(texts[i])) < 0)
                        return error_oom(err);
        return 0;
}

static int write_result(const struct request *request, json_t *document, struct error *err)
{
        const struct request_result *result = request->result;
        if (!result)
                return 0;
        json_t *object = put_container(document, "result", json_object());
        int r = object ? write_texts(object, "columns", result->columns, result->n, err)
                       : error_oom(err);
        if (r == 0)
                r = write_texts(object, "types", result->types, result->n, err);
        if (r == 0 &&
            json_object_set_new(object, "rows", json_stringn(result->rows, result->rows_bytes)) < 0)
                return error_oom(err);
        return r;
}

static int write_limits(const struct request *request, json_t *document, struct error *err)
{
        struct limits limits = request->limits;
        json_t *object = put_container(document, "limits", json_object());
        if (!object)
                return error_oom(err);
        for (size_t i = 0; i < ARRAY_SIZE(limit_ranges); i++)
                if (json_object_set_new(object, limit_ranges[i].name,
                                        json_integer(*limit_at(&limits, i))) < 0)
                        return error_oom(err);
        return 0;
}

int request_write(const struct request *request, struct buf *out, struct error *err)
{
        _cleanup_json_ json_t *document = json_object();
        if (!document ||
            json_object_set_new(document, "protocol", json_integer(PROTOCOL_VERSION)) < 0)
                return error_oom(err);
        int r = put_text(document, "run_id", request->run_id, err);
        if (r == 0)
                r = put_text(document, "op", request_op_name(request->op), err);
        if (r == 0)
                r = write_dataset(request, document, err);
        if (r == 0)
                r = put_text(document, "sql", request->sql, err);
        if (r == 0)
                r = put_text(document, "as_of", request->as_of, err);
        if (r == 0)
                r = write_limits(request, document, err);
        if (r == 0)
                r = write_result(request, document, err);
        if (r == 0)
                r = json_put(document, out, err);
        if (r < 0)
                return r;
        buf_putc(out, '\n');
        return buf_error(out, err, "the request");
}

int prepare_write(const struct request *request, struct buf *out, struct error *err)
{
        _cleanup_json_ json_t *document = json_object();
        if (!document ||
            json_object_set_new(document, "protocol", json_integer(PROTOCOL_VERSION)) < 0)
                return error_oom(err);
        int r = put_text(document, "run_id", request->run_id, err);
        if (r == 0)
                r = write_dataset(request, document, err);
        if (r == 0)
                r = write_limits(request, document, err);
        if (r == 0)
                r = json_put(document, out, err);
        if (r < 0)
                return r;
        buf_putc(out, '\n');
        return buf_error(out, err, "the request");
}
