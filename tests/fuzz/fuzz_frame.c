/* Frames out of outside bytes: what is accepted is written again as it was, byte for byte, and
 * nothing shorter than the whole is. */
#include "fuzz.h"

#include "protocol/frame.h"

#define BODY_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct error err = {0};
        struct frame frame;
        const char *text = (const char *)data;
        int r = frame_parse(text, size, BODY_MAX, ERROR_INVALID_REQUEST, &frame, &err);
        fuzz_check_error(r, &err);
        if (r <= 0)
                return 0;
        FUZZ_CHECK(frame.body_bytes <= BODY_MAX && frame.end <= size);
        FUZZ_CHECK(frame_parse(text, frame.end - 1, BODY_MAX, ERROR_INVALID_REQUEST, &frame,
                               &err) == 0);
        struct buf out;
        buf_init(&out, FRAME_SIZE(frame.body_bytes));
        FUZZ_CHECK(frame_put(frame.name, frame.body, frame.body_bytes, &out, &err) == 0);
        FUZZ_CHECK(out.len == frame.end && memcmp(out.data, text, out.len) == 0);
        buf_done(&out);
        return 0;
}
