/* Names out of files: the first line is a path, each further one a header. Any bytes in, valid
 * and distinct names out. */
#include "fuzz.h"

#include "base/arena.h"
#include "dataset/name.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *headers[HEADERS_MAX];
        size_t lengths[HEADERS_MAX];
        size_t n = 0;
        const char *at = (const char *)data;
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
