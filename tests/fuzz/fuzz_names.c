/* Names out of files: the first line is a path, each further one a header. Any bytes in, valid
 * and distinct names out. */
#include "fuzz.h"

#include "base/arena.h"
#include "dataset/name.h"
#include "runner/csv_head.h"

#include <strings.h>

#define HEADERS_MAX 64

static void check_table_name(const char *bytes, size_t n)
{
        char path[4096];
        if (n >= sizeof(path))
                n = sizeof(path) - 1;
        memcpy(path, bytes, n);
        path[n] = '\0';
        char name[NAME_MAX_BYTES + 1];
        name_table(path, name);
        FUZZ_CHECK(name_is_table(name));
}

static void check_column_names(const char *const *headers, const size_t *lengths, size_t n)
{
        struct error err = {0};
        struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
        const char **names = NULL;
        FUZZ_CHECK(arena);
        FUZZ_CHECK(name_columns(headers, lengths, n, arena, &names, &err) == 0);
        for (size_t i = 0; i < n; i++) {
                FUZZ_CHECK(names[i][0] != '\0' && strlen(names[i]) <= COLUMN_NAME_MAX_BYTES);
                fuzz_check_utf8(names[i]);
                for (size_t j = 0; j < i; j++)
                        FUZZ_CHECK(strcasecmp(names[i], names[j]) != 0);
        }
        arena_free(arena);
}

/* The same bytes as the beginning of a CSV file. */
static void check_head(const char *bytes, size_t n, bool is_whole)
{
        struct error err = {0};
        struct csv_head head = {0};
        struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
        FUZZ_CHECK(arena);
        if (csv_head_read(bytes, n, is_whole, arena, &head, &err) == 0) {
                FUZZ_CHECK(head.n >= 1);
                for (size_t i = 0; i < head.n; i++)
                        FUZZ_CHECK(head.lengths[i] <= n && head.fields[i][head.lengths[i]] == '\0');
                check_column_names(head.fields, head.lengths, head.n < 64 ? head.n : 64);
        } else {
                fuzz_check_utf8(err.message);
        }
        arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *headers[HEADERS_MAX];
        size_t lengths[HEADERS_MAX];
        size_t n = 0;
        const char *at = (const char *)data;
        check_head(at, size, size % 2 == 0);
        size_t left = size;
        const char *end = left ? memchr(at, '\n', left) : NULL;
        check_table_name(at, end ? (size_t)(end - at) : left);
        while (end && n < HEADERS_MAX) {
                left -= (size_t)(end - at) + 1;
                at = end + 1;
                end = left ? memchr(at, '\n', left) : NULL;
                headers[n] = at;
                lengths[n++] = end ? (size_t)(end - at) : left;
        }
        check_column_names(headers, lengths, n);
        return 0;
}
