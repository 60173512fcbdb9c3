#include "runner/value_take.h"

#include "runner/moment.h"
#include "runner/value.h"

#include "base/base64.h"
#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define SHOWN_MAX 60 /* characters of a value in a message */

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

static int no_value(const struct shape *shape, const json_t *json, struct error *err)
{
        static const char *const kinds[] = {
                [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
                [JSON_INTEGER] = "a number", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
                [JSON_FALSE] = "false",      [JSON_NULL] = "no value",
        };
        const char *text = json_string_value(json);
        const char *type = value_kind_name(shape->type);
        if (text)
                return error_set(err, ERROR_INVALID_REQUEST, "\"%.*s\" is not a value of type %s",
                                 SHOWN_MAX, text, type);
        return error_set(err, ERROR_INVALID_REQUEST, "%s is not a value of type %s",
                         kinds[json_typeof(json)], type);
}

/* Digits of at most 128 bits, with a sign. */
static bool take_digits(const char *text, bool *ret_negative, uint128 *ret)
{
        *ret = 0;
        *ret_negative = *text == '-';
        text += *ret_negative;
        if (!*text)
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9' || __builtin_mul_overflow(*ret, (uint128)10, ret) ||
                    __builtin_add_overflow(*ret, (uint128)(*text - '0'), ret))
                        return false;
        }
        return true;
}

/* A number, or a string of digits where the number is a large one. */
static bool take_integer(const json_t *json, bool *ret_negative, uint128 *ret)
{
        if (json_is_string(json))
                return take_digits(json_string_value(json), ret_negative, ret);
        json_int_t value = json_integer_value(json);
        *ret_negative = value < 0;
        *ret = value < 0 ? -(uint128)value : (uint128)value;
        return json_is_integer(json);
}

/* The largest magnitude of an integer type; 0: it is not one. */
static uint128 most_of(duckdb_type type, bool negative)
{
        switch (type) {
        case DUCKDB_TYPE_TINYINT:
                return (uint128)INT8_MAX + negative;
        case DUCKDB_TYPE_SMALLINT:
                return (uint128)INT16_MAX + negative;
        case DUCKDB_TYPE_INTEGER:
                return (uint128)INT32_MAX + negative;
        case DUCKDB_TYPE_BIGINT:
                return (uint128)INT64_MAX + negative;
        case DUCKDB_TYPE_UTINYINT:
                return negative ? 0 : UINT8_MAX;
        case DUCKDB_TYPE_USMALLINT:
                return negative ? 0 : UINT16_MAX;
        case DUCKDB_TYPE_UINTEGER:
                return negative ? 0 : UINT32_MAX;
        default:
                return negative ? 0 : UINT64_MAX;
        }
}

static int put_integer(const struct shape *shape, const json_t *json, void *data, idx_t row,
                       struct error *err)
{
        bool negative;
        uint128 magnitude;
        if (!take_integer(json, &negative, &magnitude) ||
            magnitude > most_of(shape->type, negative))
                return no_value(shape, json, err);
        uint64_t bits = negative ? -(uint64_t)magnitude : (uint64_t)magnitude;
        switch (shape->type) {
        case DUCKDB_TYPE_TINYINT:
        case DUCKDB_TYPE_UTINYINT:
                ((uint8_t *)data)[row] = (uint8_t)bits;
                break;
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_USMALLINT:
                ((uint16_t *)data)[row] = (uint16_t)bits;
                break;
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_UINTEGER:
                ((uint32_t *)data)[row] = (uint32_t)bits;
                break;
        default:
                ((uint64_t *)data)[row] = bits;
                break;
        }
        return 0;
}

static duckdb_hugeint hugeint_of(bool negative, uint128 magnitude)
{
        uint128 bits = negative ? -magnitude : magnitude;
        return (duckdb_hugeint){.lower = (uint64_t)bits, .upper = (int64_t)(uint64_t)(bits >> 64)};
}

static uint128 power_of_ten(int exponent)
{
        uint128 power = 1;
        while (exponent-- > 0)
                power *= 10;
        return power;
}

/* In the file a DECIMAL(38,0). */
static int put_hugeint(const struct shape *shape, const json_t *json, void *data, idx_t row,
                       struct error *err)
{
        bool negative;
        uint128 magnitude;
        bool has_sign = shape->type == DUCKDB_TYPE_HUGEINT;
        if (!take_integer(json, &negative, &magnitude) ||
            (has_sign ? magnitude > ((uint128)1 << 127) - !negative : negative && magnitude > 0))
                return no_value(shape, json, err);
        if (magnitude >= power_of_ten(38))
                return error_set(err, ERROR_SQL_EXECUTION,
                                 "%s has more than the 38 digits that a Parquet file takes; cast "
                                 "the column in the query to VARCHAR or DOUBLE",
                                 json_string_value(json));
        ((duckdb_hugeint *)data)[row] = hugeint_of(negative, magnitude);
        return 0;
}

/* "-12.30" without its point: all `scale` digits behind it must be there. */
static bool take_decimal(const struct shape *shape, const char *text, bool *ret_negative,
                         uint128 *ret)
{
        char digits[64];
        size_t n = strlen(text);
        size_t behind = shape->scale;
        if (n >= sizeof(digits) || n < behind + (behind > 0 ? 2 : 1))
                return false;
        memcpy(digits, text, n + 1);
        if (behind > 0) {
                char *point = digits + n - behind - 1;
                if (*point != '.' || point == digits || point[-1] == '-')
                        return false;
                memmove(point, point + 1, behind + 1);
        }
        return take_digits(digits, ret_negative, ret) && *ret < power_of_ten(shape->width);
}

static int put_decimal(const struct shape *shape, const json_t *json, void *data, idx_t row,
                       struct error *err)
{
        bool negative;
        uint128 magnitude;
        const char *text = json_string_value(json);
        if (!text || !take_decimal(shape, text, &negative, &magnitude))
                return no_value(shape, json, err);
        int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
        /* DuckDB keeps a DECIMAL in the smallest integer that its width fits into. */
        if (shape->width <= 4)
                ((int16_t *)data)[row] = (int16_t)value;
        else if (shape->width <= 9)
                ((int32_t *)data)[row] = (int32_t)value;
        else if (shape->width <= 18)
                ((int64_t *)data)[row] = value;
        else
                ((duckdb_hugeint *)data)[row] = hugeint_of(negative, magnitude);
        return 0;
}

static bool take_double(const json_t *json, double *ret)
{
        const char *text = json_string_value(json);
        *ret = json_number_value(json);
        if (!text)
                return json_is_number(json);
        *ret = strcmp(text, "NaN") == 0 ? (double)NAN
               : text[0] == '-'         ? -(double)INFINITY
                                        : (double)INFINITY;
        return strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
               strcmp(text, "-Infinity") == 0;
}

static int put_float(const struct shape *shape, const json_t *json, void *data, idx_t row,
                     struct error *err)
{
        double value;
        if (!take_double(json, &value))
                return no_value(shape, json, err);
        if (shape->type == DUCKDB_TYPE_DOUBLE)
                ((double *)data)[row] = value;
        else
                ((float *)data)[row] = (float)value;
        return 0;
}

static int put_uuid(const struct shape *shape, const json_t *json, void *data, idx_t row,
                    struct error *err)
{
        const char *text = json_string_value(json);
        uint128 bits = 0;
        for (size_t i = 0; text && i < 36; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                const char *hex = "0123456789abcdef";
                const char *digit = text[i] ? strchr(hex, text[i]) : NULL;
                if (dash ? text[i] != '-' : !digit)
                        return no_value(shape, json, err);
                if (!dash)
                        bits = (bits << 4) + (unsigned int)(digit - hex);
        }
        if (!text || text[36])
                return no_value(shape, json, err);
        /* With the first bit turned round, so that it sorts. */
        ((duckdb_hugeint *)data)[row] =
                (duckdb_hugeint){.lower = (uint64_t)bits,
                                 .upper = (int64_t)((uint64_t)(bits >> 64) ^ (UINT64_C(1) << 63))};
        return 0;
}

static int put_moment(const struct shape *shape, const json_t *json, void *data, idx_t row,
                      struct error *err)
{
        const char *text = json_string_value(json);
        int64_t *units = (int64_t *)data + row;
        bool fits = text != NULL;
        switch (shape->type) {
        case DUCKDB_TYPE_DATE:
                fits = fits && moment_take_date(text, (int32_t *)data + row);
                break;
        case DUCKDB_TYPE_TIME:
                fits = fits && moment_take_time(text, 1000000, units);
                break;
        case DUCKDB_TYPE_TIME_NS:
                fits = fits && moment_take_time(text, 1000000000, units);
                break;
        case DUCKDB_TYPE_TIMESTAMP_NS:
                fits = fits && moment_take_timestamp(text, "", 1000000000, units);
                break;
        case DUCKDB_TYPE_TIMESTAMP_TZ:
                fits = fits && moment_take_timestamp(text, "+00", 1000000, units);
                break;
        default:
                fits = fits && moment_take_timestamp(text, "", 1000000, units);
                break;
        }
        return fits ? 0 : no_value(shape, json, err);
}

/* {"days":3,"micros":7200000000,"months":14}: in the file a struct of three. */
static int put_interval(const struct shape *shape, const json_t *json, duckdb_vector vector,
                        idx_t row, struct error *err)
{
        static const char *const names[] = {"months", "days", "micros"};
        const struct shape parts[] = {{.type = DUCKDB_TYPE_INTEGER},
                                      {.type = DUCKDB_TYPE_INTEGER},
                                      {.type = DUCKDB_TYPE_BIGINT}};
        if (!json_is_object(json) || json_object_size(json) != ARRAY_SIZE(names))
                return no_value(shape, json, err);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const json_t *part = json_object_get(json, names[i]);
                duckdb_vector child = duckdb_struct_vector_get_child(vector, i);
                int r = part ? put_integer(&parts[i], part, duckdb_vector_get_data(child), row, err)
                             : no_value(shape, json, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_text(const struct shape *shape, const json_t *json, duckdb_vector vector, idx_t row,
                    struct error *err)
{
        _cleanup_buf_ struct buf bytes = {0};
        const char *text = json_string_value(json);
        if (!text)
                return no_value(shape, json, err);
        if (shape->type != DUCKDB_TYPE_BLOB) {
                duckdb_vector_assign_string_element_len(vector, row, text,
                                                        json_string_length(json));
                return 0;
        }
        buf_init(&bytes, BLOB_BYTES_MAX);
        if (!base64_take(&bytes, text, json_string_length(json)))
                return no_value(shape, json, err);
        duckdb_vector_assign_string_element_len(vector, row, buf_text(&bytes), bytes.len);
        return buf_error(&bytes, err, "a BLOB");
}

/* The i-th of a list: for a MAP, [key, value]. */
static int put_element(const struct shape *shape, const json_t *json, duckdb_vector child,
                       idx_t row, struct error *err)
{
        if (shape->type != DUCKDB_TYPE_MAP)
                return value_take(&shape->children[0], json, child, row, err);
        const json_t *key = json_array_get(json, 0);
        if (!json_is_array(json) || json_array_size(json) != 2 || json_is_null(key))
                return no_value(shape, json, err);
        int r = value_take(&shape->children[0], key, duckdb_struct_vector_get_child(child, 0), row,
                           err);
        return r < 0 ? r
                     : value_take(&shape->children[1], json_array_get(json, 1),
                                  duckdb_struct_vector_get_child(child, 1), row, err);
}

static int put_list(const struct shape *shape, const json_t *json, duckdb_vector vector, idx_t row,
                    struct error *err)
{
        size_t n = json_array_size(json);
        idx_t start = duckdb_list_vector_get_size(vector);
        if (!json_is_array(json) || (shape->type == DUCKDB_TYPE_ARRAY && n != shape->length))
                return no_value(shape, json, err);
        if (duckdb_list_vector_reserve(vector, start + n) != DuckDBSuccess ||
            duckdb_list_vector_set_size(vector, start + n) != DuckDBSuccess)
                return error_oom(err);
        ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row] =
                (duckdb_list_entry){.offset = start, .length = n};
        duckdb_vector child = duckdb_list_vector_get_child(vector);
        for (size_t i = 0; i < n; i++) {
                int r = put_element(shape, json_array_get(json, i), child, start + i, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_struct(const struct shape *shape, const json_t *json, duckdb_vector vector,
                      idx_t row, struct error *err)
{
        size_t n = shape->is_unnamed ? json_array_size(json) : json_object_size(json);
        if (n != shape->n)
                return no_value(shape, json, err);
        for (size_t i = 0; i < n; i++) {
                const json_t *member = shape->is_unnamed ? json_array_get(json, i)
                                                         : json_object_get(json, shape->names[i]);
                int r = member ? value_take(&shape->children[i], member,
                                            duckdb_struct_vector_get_child(vector, i), row, err)
                               : no_value(shape, json, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A struct that is NULL has members that are. */
static void put_null(const struct shape *shape, duckdb_vector vector, idx_t row)
{
        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
        if (shape->type == DUCKDB_TYPE_STRUCT)
                for (size_t i = 0; i < shape->n; i++)
                        put_null(&shape->children[i], duckdb_struct_vector_get_child(vector, i),
                                 row);
        else if (shape->type == DUCKDB_TYPE_INTERVAL)
                for (size_t i = 0; i < 3; i++)
                        put_null(&(const struct shape){.type = DUCKDB_TYPE_INTEGER},
                                 duckdb_struct_vector_get_child(vector, i), row);
        else if (shape->n > 0)
                ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row] =
                        (duckdb_list_entry){.offset = duckdb_list_vector_get_size(vector)};
}

int value_take(const struct shape *shape, const json_t *json, duckdb_vector vector, idx_t row,
               struct error *err)
{
        if (json_is_null(json)) {
                put_null(shape, vector, row);
                return 0;
        }
        void *data = duckdb_vector_get_data(vector);
        switch (shape->type) {
        case DUCKDB_TYPE_BOOLEAN:
                if (!json_is_boolean(json))
                        return no_value(shape, json, err);
                ((bool *)data)[row] = json_is_true(json);
                return 0;
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT:
                return put_hugeint(shape, json, data, row, err);
        case DUCKDB_TYPE_FLOAT:
        case DUCKDB_TYPE_DOUBLE:
                return put_float(shape, json, data, row, err);
        case DUCKDB_TYPE_DECIMAL:
                return put_decimal(shape, json, data, row, err);
        case DUCKDB_TYPE_UUID:
                return put_uuid(shape, json, data, row, err);
        case DUCKDB_TYPE_DATE:
        case DUCKDB_TYPE_TIME:
        case DUCKDB_TYPE_TIME_NS:
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS:
        case DUCKDB_TYPE_TIMESTAMP_NS:
        case DUCKDB_TYPE_TIMESTAMP_TZ:
                return put_moment(shape, json, data, row, err);
        case DUCKDB_TYPE_INTERVAL:
                return put_interval(shape, json, vector, row, err);
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_ENUM:
        case DUCKDB_TYPE_BIT:
        case DUCKDB_TYPE_TIME_TZ:
        case DUCKDB_TYPE_BLOB:
                return put_text(shape, json, vector, row, err);
        case DUCKDB_TYPE_LIST:
        case DUCKDB_TYPE_ARRAY:
        case DUCKDB_TYPE_MAP:
                return put_list(shape, json, vector, row, err);
        case DUCKDB_TYPE_STRUCT:
                return put_struct(shape, json, vector, row, err);
        case DUCKDB_TYPE_SQLNULL:
                return no_value(shape, json, err);
        default:
                return put_integer(shape, json, data, row, err);
        }
}
