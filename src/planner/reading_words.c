#include "planner/reading_parts.h"

#include "base/json.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Words that end a name or a value in the sentence, or stand for something themselves: what holds
 * one of them is quoted. Each part of the sentence that follows a list begins with one or has one
 * inside. */
static const char *const reserved[] = {
        "and",  "or",   "not",     "nor",       "where",     "over",      "by",
        "in",   "is",   "if",      "empty",     "true",      "false",     "first",
        "then", "from", "to",      "of",        "with",      "within",    "once",
        "only", "for",  "rounded", "otherwise", "ascending", "descending"};

static bool is_reserved(const char *word, size_t n)
{
        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
                if (strlen(reserved[i]) == n && strncasecmp(reserved[i], word, n) == 0)
                        return true;
        return false;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The code point at *text, which moves on; text is UTF-8 as jansson checks it, and a byte that is
 * not is given as it is. */
static uint32_t next_code(const char **text)
{
        const unsigned char *p = (const unsigned char *)*text;
        uint32_t code = *p++;
        int more = code >= 0xF0 ? 3 : code >= 0xE0 ? 2 : code >= 0xC0 ? 1 : 0;
        if (more)
                code &= 0x3Fu >> more;
        for (; more > 0 && (*p & 0xC0) == 0x80; more--)
                code = code << 6 | (*p++ & 0x3Fu);
        *text = (const char *)p;
        return code;
}

/* What would break the line, cannot be seen, looks like a blank or turns the text around. */
static bool is_invisible(uint32_t code)
{
        static const struct {
                uint32_t first;
                uint32_t last;
        } ranges[] = {
                {0x00, 0x1F},     {0x7F, 0xA0},     {0xAD, 0xAD},     {0x061C, 0x061C},
                {0x115F, 0x1160}, {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F},
                {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164},
                {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
        };
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;
        return false;
}

static bool has_invisible(const char *text)
{
        while (*text)
                if (is_invisible(next_code(&text)))
                        return true;
        return false;
}

/* In quotes, with what would end or break them escaped. */
static void put_quoted(struct buf *out, const char *text, char quote)
{
        buf_putc(out, quote);
        while (*text) {
                const char *from = text;
                uint32_t code = next_code(&text);
                if (is_invisible(code)) {
                        buf_printf(out, "\\u{%x}", (unsigned)code);
                        continue;
                }
                if (code == (unsigned char)quote || code == '\\')
                        buf_putc(out, '\\');
                buf_append(out, from, (size_t)(text - from));
        }
        buf_putc(out, quote);
}

static void mark_given(struct reading *r)
{
        if (r->given_at == SIZE_MAX)
                r->given_at = r->out->len;
}

/* An identifier, perhaps with dots, that is no word of ours. */
static bool is_plain_name(const char *name)
{
        char last = '.';
        for (const char *p = name; *p; last = *p++) {
                bool is_word = is_letter(*p) || *p == '_' || (unsigned char)*p >= 0x80;
                if (!is_word && (p == name || (!is_digit(*p) && *p != '.')))
                        return false;
        }
        return last != '.' && !is_reserved(name, strlen(name)) && !has_invisible(name);
}

void reading_name(struct reading *r, const char *name)
{
        mark_given(r);
        if (is_plain_name(name))
                buf_puts(r->out, name);
        else
                put_quoted(r->out, name, '\'');
}

static bool is_number(const char *text)
{
        char *end;
        (void)strtod(text, &end);
        return end != text && *end == '\0';
}

/* Letters, digits and a few signs between them. */
static bool is_plain_word(const char *word, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char c = word[i];
                if (is_letter(c) || is_digit(c) || (unsigned char)c >= 0x80)
                        continue;
                bool is_inside = i > 0 && i + 1 < n;
                bool is_after = i > 0 && strchr("_%+", c);
                if (!is_after && !(is_inside && strchr("-_/'&@:.", c)))
                        return false;
                /* "orders.status" could be a column, "10.5.2" cannot. */
                if (c == '.' && !is_digit(word[0]))
                        return false;
        }
        return n > 0 && !is_reserved(word, n);
}

bool reading_is_plain(const char *text)
{
        if (is_number(text) || has_invisible(text))
                return false;
        const char *word = text;
        for (;;) {
                size_t n = strcspn(word, " ");
                if (!is_plain_word(word, n))
                        return false;
                if (word[n] == '\0')
                        return true;
                word += n + 1;
        }
}

/* True when text could be taken for a column or select item, which stand there without their
 * table. Beside a text only those of texts can stand. */
static bool has_namesake(struct reading *r, const char *text, bool is_beside_text)
{
        int column = r->table ? table_find_column(r->table, text) : -1;
        int item = reading_find_item(r, text);
        if (column < 0 && item < 0)
                return false;
        if (!is_beside_text)
                return true;
        if (column >= 0 && r->table->columns[column].kind == COLUMN_TEXT)
                return true;
        const json_t *expr =
                item < 0 ? NULL : reading_item_expr(json_array_get(r->select, (size_t)item));
        return expr && reading_kind(r, expr) == COLUMN_TEXT;
}

static void put_text(struct reading *r, const char *text, bool is_beside_text)
{
        if (reading_is_plain(text) && !has_namesake(r, text, is_beside_text))
                buf_puts(r->out, text);
        else
                put_quoted(r->out, text, '"');
}

static bool is_number_equal(const json_t *value, double number)
{
        double is = json_number_value(value);
        return !(is < number) && !(is > number);
}

/* "5 stars", "1 star", and nothing is nothing in any unit. */
static void put_unit(struct reading *r, const json_t *value, const char *unit)
{
        size_t n = strlen(unit);
        bool is_plural =
                n > 3 && unit[n - 1] == 's' && !strchr("isu", unit[n - 2]) && !strchr(unit, ' ');
        if (is_number_equal(value, 0))
                return;
        if (is_plural && is_number_equal(value, 1))
                n--;
        buf_printf(r->out, " %.*s", (int)n, unit);
}

void reading_value(struct reading *r, const json_t *value, bool is_beside_text, const char *unit)
{
        mark_given(r);
        if (json_is_string(value))
                put_text(r, json_string_value(value), is_beside_text);
        else if (json_is_integer(value))
                buf_printf(r->out, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
                json_put_double(r->out, json_real_value(value));
        else if (json_is_boolean(value))
                buf_puts(r->out, json_is_true(value) ? "true" : "false");
        else
                reading_wrong(r, "a value");
        if (unit && json_is_number(value))
                put_unit(r, value, unit);
}

void reading_values(struct reading *r, const json_t *list, const char *last, const char *unit)
{
        size_t n = json_array_size(list);
        size_t shown = n < READING_VALUES_MAX ? n : READING_VALUES_MAX;
        if (n == 0)
                reading_wrong(r, "a list of values");
        for (size_t i = 0; i < shown; i++) {
                bool is_last = i + 1 == n;
                if (i)
                        buf_puts(r->out, is_last ? last : ", ");
                reading_value(r, json_array_get(list, i), true, is_last ? unit : NULL);
        }
        if (n > shown)
                buf_printf(r->out, "%s%zu more", last, n - shown);
}

json_int_t reading_integer(const json_t *value, json_int_t fallback)
{
        double real = json_real_value(value);
        if (json_is_real(value) && real >= -1e9 && real <= 1e9)
                return (json_int_t)real;
        return json_is_integer(value) ? json_integer_value(value) : fallback;
}
