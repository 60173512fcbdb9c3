#include "runner/value.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SAFE_INTEGER 9007199254740991LL /* 2^53 - 1: every reader of JSON keeps it exactly */
#define DIGITS_MAX 48                   /* of a 128-bit integer, with sign and point */

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/* Digits of value at the end of text (DIGITS_MAX bytes, NUL-terminated); at least `least`. */
static char *digits_of(uint128 value, int least, char text[DIGITS_MAX])
{
        char *p = text + DIGITS_MAX - 1;
        *p = '\0';
        do {
                *--p = (char)('0' + (int)(value % 10));
                value /= 10;
                least--;
        } while (value != 0 || least > 0);
        return p;
}

static void put_integer(struct buf *out, int128 value)
{
        char text[DIGITS_MAX];
        bool safe = value <= SAFE_INTEGER && value >= -SAFE_INTEGER;
        uint128 magnitude = value < 0 ? -(uint128)value : (uint128)value;
        buf_printf(out, "%s%s%s%s", safe ? "" : "\"", value < 0 ? "-" : "",
                   digits_of(magnitude, 1, text), safe ? "" : "\"");
}

static void put_unsigned(struct buf *out, uint128 value)
{
        char text[DIGITS_MAX];
        bool safe = value <= (uint128)SAFE_INTEGER;
        const char *quote = safe ? "" : "\"";
        buf_printf(out, "%s%s%s", quote, digits_of(value, 1, text), quote);
}

static void put_double(struct buf *out, double value)
{
        if (isnan(value))
                buf_puts(out, "\"NaN\"");
        else if (isinf(value))
                buf_puts(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        else
                json_put_real(out, value);
}

/* The shortest decimal that reads back as the same float, not that of its double. */
static void put_float(struct buf *out, float value)
{
        if (isnan(value) || isinf(value)) {
                put_double(out, (double)value);
                return;
        }
        char text[32];
        int precision = 1;
        do {
                (void)snprintf(text, sizeof(text), "%.*g", precision, (double)value);
        } while (strtof(text, NULL) != value && ++precision <= 9);
        json_put_real(out, strtod(text, NULL));
}

static int128 hugeint_value(duckdb_hugeint value)
{
        return (int128)((uint128)(uint64_t)value.upper << 64 | value.lower);
}

static void put_decimal(struct buf *out, int128 value, int scale)
{
        char text[DIGITS_MAX];
        uint128 magnitude = value < 0 ? -(uint128)value : (uint128)value;
        char *digits = digits_of(magnitude, scale + 1, text);
        int whole = (int)strlen(digits) - scale;
        buf_printf(out, "\"%s%.*s%s%s\"", value < 0 ? "-" : "", whole, digits, scale ? "." : "",
                   digits + whole);
}

static void put_decimal_at(struct buf *out, const void *data, duckdb_logical_type type, idx_t row)
{
        int scale = duckdb_decimal_scale(type);
        switch (duckdb_decimal_internal_type(type)) {
        case DUCKDB_TYPE_SMALLINT:
                put_decimal(out, ((const int16_t *)data)[row], scale);
                break;
        case DUCKDB_TYPE_INTEGER:
                put_decimal(out, ((const int32_t *)data)[row], scale);
                break;
        case DUCKDB_TYPE_BIGINT:
                put_decimal(out, ((const int64_t *)data)[row], scale);
                break;
        default:
                put_decimal(out, hugeint_value(((const duckdb_hugeint *)data)[row]), scale);
                break;
        }
}

/* DuckDB's own spelling, years before 1 as "0044-03-15 (BC)". */
static int format_date(char *text, size_t size, int64_t days, const char **era)
{
        int year;
        int month;
        int day;
        clock_civil_from_days(days, &year, &month, &day);
        *era = year <= 0 ? " (BC)" : "";
        return snprintf(text, size, "%04d-%02d-%02d", year <= 0 ? 1 - year : year, month, day);
}

static void put_date(struct buf *out, int32_t days)
{
        char text[32];
        const char *era;
        if (days == INT32_MAX || days == -INT32_MAX) {
                buf_puts(out, days > 0 ? "\"infinity\"" : "\"-infinity\"");
                return;
        }
        (void)format_date(text, sizeof(text), days, &era);
        buf_printf(out, "\"%s%s\"", text, era);
}

/* "14:05:00" and, where there are any, the digits of the fraction (per_second = 10^n of them)
 * without the zeros at its end. */
static int format_time(char *text, size_t size, int64_t units, int64_t per_second)
{
        int64_t s = units / per_second;
        int64_t fraction = units % per_second;
        int n = snprintf(text, size, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
                         (int)(s % 60));
        if (fraction == 0)
                return n;
        char digits[24];
        int length = snprintf(digits, sizeof(digits), "%lld", (long long)(per_second + fraction));
        digits[0] = '.'; /* in the place of the leading 1 that kept the zeros */
        while (digits[length - 1] == '0')
                digits[--length] = '\0';
        return n + snprintf(text + n, size - (size_t)n, "%s", digits);
}

static void put_timestamp(struct buf *out, int64_t value, int64_t per_second, const char *zone)
{
        if (value == INT64_MAX || value == -INT64_MAX) {
                buf_puts(out, value > 0 ? "\"infinity\"" : "\"-infinity\"");
                return;
        }
        int64_t per_day = 86400 * per_second;
        int64_t days = value / per_day - (value % per_day < 0);
        char text[96];
        const char *era;
        int n = format_date(text, sizeof(text), days, &era);
        text[n++] = ' ';
        (void)format_time(text + n, sizeof(text) - (size_t)n, value - days * per_day, per_second);
        buf_printf(out, "\"%s%s%s\"", text, zone, era);
}

static void put_time(struct buf *out, int64_t value, int64_t per_second, int32_t offset_s,
                     bool zoned)
{
        char text[64];
        int n = format_time(text, sizeof(text), value, per_second);
        if (zoned) {
                int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
                n += snprintf(text + n, sizeof(text) - (size_t)n, "%c%02d",
                              offset_s < 0 ? '-' : '+', minutes / 60);
                if (minutes % 60)
                        (void)snprintf(text + n, sizeof(text) - (size_t)n, ":%02d", minutes % 60);
        }
        buf_printf(out, "\"%s\"", text);
}

static void put_interval(struct buf *out, duckdb_interval value)
{
        buf_printf(out, "{\"days\":%d,\"micros\":", value.days);
        put_integer(out, value.micros);
        buf_printf(out, ",\"months\":%d}", value.months);
}

static void put_uuid(struct buf *out, duckdb_hugeint value)
{
        uint64_t high = (uint64_t)value.upper ^ (1ULL << 63); /* kept so that it sorts */
        uint64_t low = value.lower;
        buf_printf(out, "\"%08x-%04x-%04x-%04x-%012llx\"", (unsigned int)(high >> 32),
                   (unsigned int)(high >> 16 & 0xFFFF), (unsigned int)(high & 0xFFFF),
                   (unsigned int)(low >> 48), (unsigned long long)(low & 0xFFFFFFFFFFFFULL));
}

static void put_base64(struct buf *out, const unsigned char *bytes, size_t n)
{
        buf_putc(out, '"');
        base64_put(out, bytes, n);
        buf_putc(out, '"');
}

/* DuckDB keeps the number of unused leading bits in the first byte. */
static void put_bits(struct buf *out, const unsigned char *bytes, size_t n)
{
        buf_putc(out, '"');
        size_t skip = n ? bytes[0] : 0;
        for (size_t bit = skip; n && bit < 8 * (n - 1); bit++)
                buf_putc(out, (bytes[1 + bit / 8] >> (7 - bit % 8) & 1) ? '1' : '0');
        buf_putc(out, '"');
}

static void put_enum(struct buf *out, const void *data, duckdb_logical_type type, idx_t row)
{
        idx_t index;
        switch (duckdb_enum_internal_type(type)) {
        case DUCKDB_TYPE_UTINYINT:
                index = ((const uint8_t *)data)[row];
                break;
        case DUCKDB_TYPE_USMALLINT:
                index = ((const uint16_t *)data)[row];
                break;
        default:
                index = ((const uint32_t *)data)[row];
                break;
        }
        char *text = duckdb_enum_dictionary_value(type, index);
        json_put_string(out, text ? text : "", text ? strlen(text) : 0);
        duckdb_free(text);
}

static void put_elements(struct buf *out, duckdb_vector child, duckdb_logical_type type, idx_t from,
                         idx_t count)
{
        buf_putc(out, '[');
        for (idx_t i = 0; i < count && out->state == BUF_OK; i++) {
                if (i)
                        buf_putc(out, ',');
                value_put(out, child, type, from + i);
        }
        buf_putc(out, ']');
}

static void put_list(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
        _cleanup_type_ duckdb_logical_type child = duckdb_list_type_child_type(type);
        put_elements(out, duckdb_list_vector_get_child(vector), child, entry.offset, entry.length);
}

static void put_array(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        idx_t size = duckdb_array_type_array_size(type);
        _cleanup_type_ duckdb_logical_type child = duckdb_array_type_child_type(type);
        put_elements(out, duckdb_array_vector_get_child(vector), child, row * size, size);
}

/* row(1, 2) has no names: an array, as an object would have one key twice. */
static bool is_unnamed(duckdb_logical_type type)
{
        char *name = duckdb_struct_type_child_name(type, 0);
        bool unnamed = !name || !*name;
        duckdb_free(name);
        return unnamed;
}

static void put_struct(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        idx_t n = duckdb_struct_type_child_count(type);
        bool unnamed = is_unnamed(type);
        buf_putc(out, unnamed ? '[' : '{');
        for (idx_t i = 0; i < n; i++) {
                char *name = duckdb_struct_type_child_name(type, i);
                _cleanup_type_ duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
                if (i)
                        buf_putc(out, ',');
                if (!unnamed) {
                        json_put_string(out, name, strlen(name));
                        buf_putc(out, ':');
                }
                value_put(out, duckdb_struct_vector_get_child(vector, i), child, row);
                duckdb_free(name);
        }
        buf_putc(out, unnamed ? ']' : '}');
}

/* A list of structs of key and value: [[key,value],...], as JSON's keys are only strings. */
static void put_map(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
        duckdb_vector pairs = duckdb_list_vector_get_child(vector);
        _cleanup_type_ duckdb_logical_type key = duckdb_map_type_key_type(type);
        _cleanup_type_ duckdb_logical_type value = duckdb_map_type_value_type(type);
        buf_putc(out, '[');
        for (idx_t i = 0; i < entry.length && out->state == BUF_OK; i++) {
                buf_puts(out, i ? ",[" : "[");
                value_put(out, duckdb_struct_vector_get_child(pairs, 0), key, entry.offset + i);
                buf_putc(out, ',');
                value_put(out, duckdb_struct_vector_get_child(pairs, 1), value, entry.offset + i);
                buf_putc(out, ']');
        }
        buf_putc(out, ']');
}

static void put_string(struct buf *out, void *data, duckdb_type id, idx_t row)
{
        duckdb_string_t *value = (duckdb_string_t *)data + row;
        const char *bytes = duckdb_string_t_data(value);
        size_t n = duckdb_string_t_length(*value);
        if (id == DUCKDB_TYPE_BLOB)
                put_base64(out, (const unsigned char *)bytes, n);
        else if (id == DUCKDB_TYPE_BIT)
                put_bits(out, (const unsigned char *)bytes, n);
        else
                json_put_string(out, bytes, n);
}

static void put_nested(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        switch (duckdb_get_type_id(type)) {
        case DUCKDB_TYPE_LIST:
                put_list(out, vector, type, row);
                break;
        case DUCKDB_TYPE_ARRAY:
                put_array(out, vector, type, row);
                break;
        case DUCKDB_TYPE_STRUCT:
                put_struct(out, vector, type, row);
                break;
        case DUCKDB_TYPE_MAP:
                put_map(out, vector, type, row);
                break;
        default:
                buf_puts(out, "null");
                break;
        }
}

static bool put_number(struct buf *out, const void *data, duckdb_type id, idx_t row)
{
        switch (id) {
        case DUCKDB_TYPE_TINYINT:
                put_integer(out, ((const int8_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_SMALLINT:
                put_integer(out, ((const int16_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_INTEGER:
                put_integer(out, ((const int32_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_BIGINT:
                put_integer(out, ((const int64_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_HUGEINT:
                put_integer(out, hugeint_value(((const duckdb_hugeint *)data)[row]));
                return true;
        case DUCKDB_TYPE_UTINYINT:
                put_integer(out, ((const uint8_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_USMALLINT:
                put_integer(out, ((const uint16_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_UINTEGER:
                put_integer(out, ((const uint32_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_UBIGINT:
                put_unsigned(out, ((const uint64_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_UHUGEINT: {
                duckdb_uhugeint value = ((const duckdb_uhugeint *)data)[row];
                put_unsigned(out, (uint128)value.upper << 64 | value.lower);
                return true;
        }
        case DUCKDB_TYPE_FLOAT:
                put_float(out, ((const float *)data)[row]);
                return true;
        case DUCKDB_TYPE_DOUBLE:
                put_double(out, ((const double *)data)[row]);
                return true;
        default:
                return false;
        }
}

static bool put_moment(struct buf *out, const void *data, duckdb_type id, idx_t row)
{
        const int64_t *values = data;
        switch (id) {
        case DUCKDB_TYPE_DATE:
                put_date(out, ((const int32_t *)data)[row]);
                return true;
        case DUCKDB_TYPE_TIME:
                put_time(out, values[row], 1000000, 0, false);
                return true;
        case DUCKDB_TYPE_TIME_NS:
                put_time(out, values[row], 1000000000, 0, false);
                return true;
        case DUCKDB_TYPE_TIME_TZ: {
                uint64_t bits = ((const uint64_t *)data)[row];
                /* 40 bits of microseconds, 24 of 15:59:59 minus the offset in seconds. */
                int32_t offset = 57599 - (int32_t)(bits & 0xFFFFFF);
                put_time(out, (int64_t)(bits >> 24), 1000000, offset, true);
                return true;
        }
        case DUCKDB_TYPE_TIMESTAMP:
                put_timestamp(out, values[row], 1000000, "");
                return true;
        case DUCKDB_TYPE_TIMESTAMP_TZ:
                put_timestamp(out, values[row], 1000000, "+00"); /* the session's zone is UTC */
                return true;
        case DUCKDB_TYPE_TIMESTAMP_S:
                put_timestamp(out, values[row], 1, "");
                return true;
        case DUCKDB_TYPE_TIMESTAMP_MS:
                put_timestamp(out, values[row], 1000, "");
                return true;
        case DUCKDB_TYPE_TIMESTAMP_NS:
                put_timestamp(out, values[row], 1000000000, "");
                return true;
        case DUCKDB_TYPE_INTERVAL:
                put_interval(out, ((const duckdb_interval *)data)[row]);
                return true;
        default:
                return false;
        }
}

void value_put(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row)
{
        uint64_t *validity = duckdb_vector_get_validity(vector);
        if (validity && !duckdb_validity_row_is_valid(validity, row)) {
                buf_puts(out, "null");
                return;
        }
        duckdb_type id = duckdb_get_type_id(type);
        void *data = duckdb_vector_get_data(vector);
        if (put_number(out, data, id, row) || put_moment(out, data, id, row))
                return;
        switch (id) {
        case DUCKDB_TYPE_BOOLEAN:
                buf_puts(out, ((const bool *)data)[row] ? "true" : "false");
                break;
        case DUCKDB_TYPE_DECIMAL:
                put_decimal_at(out, data, type, row);
                break;
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB:
        case DUCKDB_TYPE_BIT:
                put_string(out, data, id, row);
                break;
        case DUCKDB_TYPE_UUID:
                put_uuid(out, ((const duckdb_hugeint *)data)[row]);
                break;
        case DUCKDB_TYPE_ENUM:
                put_enum(out, data, type, row);
                break;
        default:
                put_nested(out, vector, type, row);
                break;
        }
}
