/* A runner request: what is accepted can be written, read again, and is then the same. */
#include "fuzz.h"

#include "protocol/request.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct error err = {0};
        struct request *request = NULL;
        struct arena *arena = arena_new(ARENA_MAX);
        FUZZ_CHECK(arena);
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
