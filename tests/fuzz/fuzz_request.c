/* A runner request: what is accepted can be written, read again, and is then the same. */
#include "fuzz.h"

#include "protocol/request.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

/* The same of what a runner gets ready by. */
static void try_prepare(const uint8_t *data, size_t size)
{
        struct error err = {0};
        struct request *prepare = NULL;
        struct arena *arena = arena_new(ARENA_MAX);
        FUZZ_CHECK(arena);
        int r = prepare_parse((const char *)data, size, arena, &prepare, &err);
        fuzz_check_error(r, &err);
        if (r == 0) {
                struct buf text;
                buf_init(&text, (size_t)8 * REQUEST_BYTES_MAX);
                FUZZ_CHECK(prepare->op == REQUEST_DESCRIBE && !prepare->sql && !prepare->as_of);
                FUZZ_CHECK(prepare_write(prepare, &text, &err) == 0);
                FUZZ_CHECK(text.len > REQUEST_BYTES_MAX ||
                           prepare_parse(text.data, text.len, arena, &prepare, &err) == 0);
                buf_done(&text);
        }
        arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct error err = {0};
        struct request *request = NULL;
        struct arena *arena = arena_new(ARENA_MAX);
        FUZZ_CHECK(arena);
        try_prepare(data, size);
        int r = request_parse((const char *)data, size, arena, &request, &err);
        fuzz_check_error(r, &err);
        if (r == 0) {
                struct buf first;
                struct buf second;
                buf_init(&first, (size_t)8 * REQUEST_BYTES_MAX);
                buf_init(&second, (size_t)8 * REQUEST_BYTES_MAX);
                FUZZ_CHECK(request_write(request, &first, &err) == 0);
                /* The written form may escape more than the one that was read. */
                if (first.len <= REQUEST_BYTES_MAX) {
                        FUZZ_CHECK(request_parse(first.data, first.len, arena, &request, &err) ==
                                   0);
                        FUZZ_CHECK(request_write(request, &second, &err) == 0);
                        FUZZ_CHECK(strcmp(buf_text(&first), buf_text(&second)) == 0);
                }
                buf_done(&first);
                buf_done(&second);
        }
        arena_free(arena);
        return 0;
}
