#include "base/json.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_SAFE_INTEGER 9007199254740991LL /* 2^53 - 1 */

/* Depth is counted before jansson sees the text, as jansson's own ceiling is fixed. Brackets
 * inside strings do not count. */
static size_t json_text_depth(const char *text, size_t n)
{
        size_t depth = 0;
        size_t deepest = 0;
        bool in_string = false;
        for (size_t i = 0; i < n; i++) {
                char c = text[i];
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        if (++depth > deepest)
                                deepest = depth;
                } else if ((c == '}' || c == ']') && depth > 0) {
                        depth--;
                }
        }
        return deepest;
}

bool json_is_closed_object(const char *text, size_t n)
{
        size_t depth = 0;
        bool in_string = false;
        if (n == 0 || text[0] != '{')
                return false;
        for (size_t i = 0; i < n; i++) {
                char c = text[i];
                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '{' || c == '['))
                        depth++;
                else if (!in_string && (c == '}' || c == ']') && --depth == 0)
                        return i == n - 1;
        }
        return false;
}

static int json_parse_failed(enum error_type type, const json_error_t *said, struct error *err)
{
        switch (json_error_code(said)) {
        case json_error_out_of_memory:
                return error_oom(err);
        case json_error_null_character:
        case json_error_null_byte_in_key:
                return error_set(err, type,
                                 "a string at line %d, column %d holds the character U+0000, which "
                                 "is not allowed; remove it",
                                 said->line, said->column);
        case json_error_invalid_utf8:
                return error_set(err, type,
                                 "the text is not valid UTF-8 at line %d, column %d; save it as "
                                 "UTF-8",
                                 said->line, said->column);
        default:
                /* jansson does not always say that it was for want of memory; then it says nothing.
                 */
                if (said->text[0] == '\0')
                        return error_oom(err);
                return error_set(err, type, "this is not JSON: %s at line %d, column %d",
                                 said->text, said->line, said->column);
        }
}

static bool is_blank(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!strchr(" \t\r\n", text[i]))
                        return false;
        return true;
}

int json_parse(const char *text, size_t n, const struct json_limits *limits, enum error_type type,
               json_t **ret, struct error *err)
{
        if (n > limits->max_bytes)
                return error_set(err, type, "the JSON text has %zu bytes; the limit is %zu", n,
                                 limits->max_bytes);
        if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
                text += 3;
                n -= 3;
        }
        if (n > 0 && memchr(text, '\0', n))
                return error_set(err, type, "the JSON text holds a NUL byte; remove it");
        if (is_blank(text, n))
                return error_set(err, type, "the JSON text is empty");
        size_t depth = json_text_depth(text, n);
        if (depth > limits->max_depth)
                return error_set(err, type, "the JSON text nests %zu levels deep; the limit is %zu",
                                 depth, limits->max_depth);
        json_error_t said;
        json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &said);
        if (!json)
                return json_parse_failed(type, &said, err);
        *ret = json;
        return 0;
}

/* ECMA-262 6.1.6.1.20 Number::toString: the digits are the shortest that read back as value. */
void json_put_double(struct buf *out, double value)
{
        if (value == 0) {
                buf_putc(out, '0');
                return;
        }
        char text[40];
        int precision = 1;
        do {
                (void)snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        } while (strtod(text, NULL) != value && ++precision <= 17);

        const char *p = text;
        if (*p == '-') {
                buf_putc(out, '-');
                p++;
        }
        char digits[20];
        int k = 0; /* number of digits */
        for (; *p && *p != 'e'; p++)
                if (*p != '.')
                        digits[k++] = *p;
        while (k > 1 && digits[k - 1] == '0')
                k--;
        digits[k] = '\0';
        int n = (int)strtol(p + 1, NULL, 10) + 1; /* value = 0.digits * 10^n */

        if (k <= n && n <= 21) {
                buf_printf(out, "%s%.*s", digits, n - k, "000000000000000000000");
        } else if (0 < n && n <= 21) {
                buf_printf(out, "%.*s.%s", n, digits, digits + n);
        } else if (-6 < n && n <= 0) {
                buf_printf(out, "0.%.*s%s", -n, "000000", digits);
        } else {
                buf_printf(out, "%c%s%se%c%d", digits[0], k > 1 ? "." : "", digits + 1,
                           n > 0 ? '+' : '-', abs(n - 1));
        }
}

void json_put_real(struct buf *out, double value)
{
        json_put_double(out, value);
        if (fabs(value) > (double)JSON_SAFE_INTEGER && fabs(value) < 1e21)
                buf_puts(out, ".0");
}

void json_put_string(struct buf *out, const char *text, size_t n)
{
        static const char hex[] = "0123456789abcdef";
        buf_putc(out, '"');
        size_t plain = 0; /* start of the run not yet written */
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];
                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                buf_append(out, text + plain, i - plain);
                plain = i + 1;
                static const char special[] = "\b\t\n\f\r\"\\";
                const char *at = c ? strchr(special, c) : NULL;
                if (at) {
                        buf_putc(out, '\\');
                        buf_putc(out, "btnfr\"\\"[at - special]);
                } else {
                        char escape[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0'};
                        buf_puts(out, escape);
                }
        }
        buf_append(out, text + plain, n - plain);
        buf_putc(out, '"');
}

/* Next code point of valid UTF-8; *text moves on. */
static unsigned int utf8_next(const unsigned char **text)
{
        const unsigned char *p = *text;
        unsigned int c = *p++;
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
        if (more)
                c &= 0x3Fu >> more;
        while (more-- > 0 && *p)
                c = c << 6 | (*p++ & 0x3Fu);
        *text = p;
        return c;
}

/* By UTF-16 code units: a code point above U+FFFF starts with a surrogate, D800..DBFF, and so
 * sorts before U+E000..U+FFFF. */
static int key_compare(const void *a, const void *b)
{
        const unsigned char *p = *(const unsigned char *const *)a;
        const unsigned char *q = *(const unsigned char *const *)b;
        while (*p && *q) {
                unsigned int c = utf8_next(&p);
                unsigned int d = utf8_next(&q);
                if (c == d)
                        continue;
                unsigned int cu = c > 0xFFFF ? 0xD800 + ((c - 0x10000) >> 10) : c;
                unsigned int du = d > 0xFFFF ? 0xD800 + ((d - 0x10000) >> 10) : d;
                if (cu != du)
                        return cu < du ? -1 : 1;
                return c < d ? -1 : 1; /* the same high surrogate */
        }
        return *p ? 1 : *q ? -1 : 0;
}

/* Canonical text sorts the keys and has no form for large integers; other text is as it is. */
static int put_value(const json_t *json, bool canonical, struct buf *out, struct error *err);

static int put_member(const char *key, const json_t *value, bool canonical, struct buf *out,
                      struct error *err)
{
        json_put_string(out, key, strlen(key));
        buf_putc(out, ':');
        return put_value(value, canonical, out, err);
}

static int put_sorted_members(const json_t *json, struct buf *out, struct error *err)
{
        size_t n = json_object_size(json);
        _cleanup_free_ const char **keys = alloc_calloc(n ? n : 1, sizeof(*keys));
        if (!keys)
                return error_oom(err);
        size_t i = 0;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                keys[i++] = key;
        }
        qsort(keys, n, sizeof(*keys), key_compare);
        int r = 0;
        for (i = 0; r == 0 && i < n; i++) {
                if (i)
                        buf_putc(out, ',');
                r = put_member(keys[i], json_object_get(json, keys[i]), true, out, err);
        }
        return r;
}

static int put_members(const json_t *json, struct buf *out, struct error *err)
{
        int r = 0;
        bool first = true;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                if (!first)
                        buf_putc(out, ',');
                first = false;
                if (r == 0)
                        r = put_member(key, value, false, out, err);
        }
        return r;
}

static int put_elements(const json_t *json, bool canonical, struct buf *out, struct error *err)
{
        size_t i;
        json_t *value;
        json_array_foreach(json, i, value)
        {
                if (i)
                        buf_putc(out, ',');
                int r = put_value(value, canonical, out, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_integer(json_int_t value, bool canonical, struct buf *out, struct error *err)
{
        if (canonical && (value > JSON_SAFE_INTEGER || value < -JSON_SAFE_INTEGER))
                return error_set(err, ERROR_INTERNAL, "the integer %lld has no canonical JSON form",
                                 (long long)value);
        buf_printf(out, "%lld", (long long)value);
        return 0;
}

static int put_value(const json_t *json, bool canonical, struct buf *out, struct error *err)
{
        int r = 0;
        switch (json_typeof(json)) {
        case JSON_OBJECT:
                buf_putc(out, '{');
                r = canonical ? put_sorted_members(json, out, err) : put_members(json, out, err);
                buf_putc(out, '}');
                break;
        case JSON_ARRAY:
                buf_putc(out, '[');
                r = put_elements(json, canonical, out, err);
                buf_putc(out, ']');
                break;
        case JSON_STRING:
                json_put_string(out, json_string_value(json), json_string_length(json));
                break;
        case JSON_INTEGER:
                r = put_integer(json_integer_value(json), canonical, out, err);
                break;
        case JSON_REAL:
                if (canonical)
                        json_put_double(out, json_real_value(json));
                else
                        json_put_real(out, json_real_value(json));
                break;
        case JSON_TRUE:
                buf_puts(out, "true");
                break;
        case JSON_FALSE:
                buf_puts(out, "false");
                break;
        case JSON_NULL:
        default:
                buf_puts(out, "null");
                break;
        }
        return r < 0 ? r : buf_error(out, err, "the JSON text");
}

int json_canonical(const json_t *json, struct buf *out, struct error *err)
{
        return put_value(json, true, out, err);
}

int json_put(const json_t *json, struct buf *out, struct error *err)
{
        return put_value(json, false, out, err);
}

const char *json_get_string(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

bool json_holds_key(const json_t *json, const char *key)
{
        size_t i;
        const char *name;
        json_t *value;
        if (json_object_get(json, key))
                return true;
        json_array_foreach((json_t *)json, i, value)
        {
                if (json_holds_key(value, key))
                        return true;
        }
        json_object_foreach((json_t *)json, name, value)
        {
                if (json_holds_key(value, key))
                        return true;
        }
        return false;
}

json_int_t json_get_int(const json_t *object, const char *key, json_int_t fallback)
{
        const json_t *value = json_object_get(object, key);
        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
        const json_t *value = json_object_get(object, key);
        return json_is_boolean(value) ? json_is_true(value) : fallback;
}
