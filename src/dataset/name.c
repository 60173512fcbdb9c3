#include "dataset/name.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT 0xFFFDu

static bool is_letter(char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool name_is_table(const char *name)
{
        if (!is_letter(*name) && *name != '_')
                return false;
        size_t n = 0;
        while (n <= NAME_MAX_BYTES && (is_letter(name[n]) || is_digit(name[n]) || name[n] == '_'))
                n++;
        return n <= NAME_MAX_BYTES && !name[n];
}

/* Bytes of the stem of a file's name. */
static size_t stem_length(const char *file)
{
        static const char *const second[] = {".csv", ".tsv", ".txt", ".json", ".parquet"};
        const char *dot = strrchr(file, '.');
        if (!dot)
                return strlen(file);
        size_t n = (size_t)(dot - file);
        for (size_t i = 0; i < ARRAY_SIZE(second); i++) {
                size_t k = strlen(second[i]);
                if (n >= k && strncasecmp(file + n - k, second[i], k) == 0)
                        return n - k;
        }
        return n;
}

void name_table(const char *path, char out[NAME_MAX_BYTES + 1])
{
        const char *slash = strrchr(path, '/');
        const char *file = slash ? slash + 1 : path;
        size_t stem = stem_length(file);
        size_t n = 0;
        bool gap = false; /* other characters stand before file[i] */
        for (size_t i = 0; i < stem; i++) {
                if (!is_letter(file[i]) && !is_digit(file[i])) {
                        gap = true;
                        continue;
                }
                if (n == 0 && is_digit(file[i])) {
                        out[n++] = 't';
                        gap = true;
                }
                bool underscore = gap && n > 0;
                if (n + underscore >= NAME_MAX_BYTES)
                        break;
                if (underscore)
                        out[n++] = '_';
                out[n++] = file[i];
                gap = false;
        }
        out[n] = '\0';
        if (n == 0)
                memcpy(out, "table", sizeof("table"));
}

/* The code point at p, of which *ret_bytes are taken; a byte that does not start a well-formed
 * sequence (RFC 3629: shortest form, no surrogates, up to U+10FFFF) is U+FFFD. */
static uint32_t utf8_decode(const unsigned char *p, size_t n, size_t *ret_bytes)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        *ret_bytes = 1;
        if (*p < 0x80)
                return *p;
        size_t k = *p >= 0xF0 && *p < 0xF8 ? 4 : *p >= 0xE0 ? 3 : 2;
        if (*p < 0xC0 || *p >= 0xF8 || k > n)
                return REPLACEMENT;
        uint32_t c = *p & (0x7Fu >> k);
        for (size_t i = 1; i < k; i++) {
                if ((p[i] & 0xC0) != 0x80)
                        return REPLACEMENT;
                c = c << 6 | (p[i] & 0x3Fu);
        }
        if (c < least[k] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
                return REPLACEMENT;
        *ret_bytes = k;
        return c;
}

static size_t utf8_encode(uint32_t c, char out[4])
{
        if (c < 0x80) {
                out[0] = (char)c;
                return 1;
        }
        if (c < 0x800) {
                out[0] = (char)(0xC0 | c >> 6);
                out[1] = (char)(0x80 | (c & 0x3F));
                return 2;
        }
        if (c < 0x10000) {
                out[0] = (char)(0xE0 | c >> 12);
                out[1] = (char)(0x80 | (c >> 6 & 0x3F));
                out[2] = (char)(0x80 | (c & 0x3F));
                return 3;
        }
        out[0] = (char)(0xF0 | c >> 18);
        out[1] = (char)(0x80 | (c >> 12 & 0x3F));
        out[2] = (char)(0x80 | (c >> 6 & 0x3F));
        out[3] = (char)(0x80 | (c & 0x3F));
        return 4;
}

/* Unicode's White_Space, and U+200B, which the engine counts as one too. */
static bool is_space(uint32_t c)
{
        return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
               (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
               c == 0x205F || c == 0x3000;
}

/* Byte order marks, controls, and the marks that turn the direction of the text around them. */
static bool is_dropped(uint32_t c)
{
        return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xFEFF || c == 0x200E || c == 0x200F ||
               (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069);
}

/* The header as a name, perhaps empty, perhaps not the only one. Its length. */
static size_t name_clean(const char *header, size_t length, char out[COLUMN_NAME_MAX_BYTES + 1])
{
        size_t n = 0;
        bool gap = false;
        for (size_t i = 0, taken; i < length; i += taken) {
                char bytes[4];
                uint32_t c = utf8_decode((const unsigned char *)header + i, length - i, &taken);
                if (is_space(c)) {
                        gap = n > 0;
                        continue;
                }
                if (is_dropped(c))
                        continue;
                size_t k = utf8_encode(c, bytes);
                if (n + gap + k > COLUMN_NAME_MAX_BYTES)
                        break;
                if (gap)
                        out[n++] = ' ';
                memcpy(out + n, bytes, k);
                n += k;
                gap = false;
        }
        out[n] = '\0';
        return n;
}

/* The names given so far: open addressing, at most half full. */
struct taken {
        struct taken_name {
                const char *name;
                size_t next; /* the number that its next double tries first */
        } * slots;
        size_t mask;
};

static unsigned char fold(char c)
{
        return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool fold_equal(const char *a, const char *b)
{
        while (*a && fold(*a) == fold(*b)) {
                a++;
                b++;
        }
        return fold(*a) == fold(*b);
}

/* The slot that holds the name, or the free one where it belongs. */
static struct taken_name *taken_slot(const struct taken *taken, const char *name)
{
        uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
        for (const char *p = name; *p; p++)
                hash = (hash ^ fold(*p)) * 0x100000001B3u;
        size_t i = (size_t)(hash ^ hash >> 32) & taken->mask;
        while (taken->slots[i].name && !fold_equal(taken->slots[i].name, name))
                i = (i + 1) & taken->mask;
        return &taken->slots[i];
}

/* Appends "_N" to the name, cutting it at a character's start if it would grow too long. */
static void name_number(char name[COLUMN_NAME_MAX_BYTES + 1], size_t length, size_t number)
{
        char suffix[24];
        size_t k = (size_t)snprintf(suffix, sizeof(suffix), "_%zu", number);
        if (length + k > COLUMN_NAME_MAX_BYTES) {
                length = COLUMN_NAME_MAX_BYTES - k;
                while (length > 0 && (name[length] & 0xC0) == 0x80)
                        length--;
        }
        memcpy(name + length, suffix, k + 1);
}

static const char *name_column(const char *header, size_t length, size_t index, struct taken *taken,
                               struct arena *arena)
{
        char name[COLUMN_NAME_MAX_BYTES + 1];
        size_t n = name_clean(header, length, name);
        if (n == 0)
                n = (size_t)snprintf(name, sizeof(name), "column_%zu", index + 1);
        struct taken_name *slot = taken_slot(taken, name);
        if (slot->name) {
                char base[COLUMN_NAME_MAX_BYTES + 1];
                memcpy(base, name, n + 1);
                struct taken_name *first = slot;
                do {
                        memcpy(name, base, n + 1);
                        name_number(name, n, first->next++);
                        slot = taken_slot(taken, name);
                } while (slot->name);
        }
        slot->name = arena_strdup(arena, name);
        slot->next = 2;
        return slot->name;
}

int name_columns(const char *const *headers, const size_t *lengths, size_t n, struct arena *arena,
                 const char ***ret, struct error *err)
{
        if (n > NAME_COLUMNS_MAX)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "the header line names %zu columns; the limit is %d", n,
                                 NAME_COLUMNS_MAX);
        size_t slots = 16;
        while (slots < 2 * n)
                slots *= 2;
        _cleanup_free_ struct taken_name *memory = alloc_calloc(slots, sizeof(*memory));
        const char **names = arena_array(arena, n, sizeof(*names));
        if (!memory || !names)
                return error_oom(err);
        struct taken taken = {.slots = memory, .mask = slots - 1};
        for (size_t i = 0; i < n; i++) {
                names[i] = name_column(headers[i], lengths[i], i, &taken, arena);
                if (!names[i])
                        return error_oom(err);
        }
        *ret = names;
        return 0;
}
