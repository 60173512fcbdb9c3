/* A container's streams out of outside bytes: however they are cut, they say the same. */
#include "fuzz.h"

#include "kube/channels.h"

#define OUT_MAX 4096

struct told {
        struct channels channels;
        struct buf out;
        struct error err;
        int r;
};

static void feed(struct told *told, const char *bytes, size_t n)
{
        if (told->r == 0)
                told->r = channels_feed(&told->channels, bytes, n, &told->out, &told->err);
        fuzz_check_error(told->r, &told->err);
        FUZZ_CHECK(told->out.len <= OUT_MAX);
}

static void begin(struct told *told)
{
        *told = (struct told){0};
        channels_init(&told->channels);
        buf_init(&told->out, OUT_MAX);
}

static void end(struct told *told)
{
        channels_done(&told->channels);
        buf_done(&told->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct told whole;
        struct told cut;
        char said[2][200];
        if (size == 0 || size > CHANNELS_FEED_MAX)
                return 0;
        const char *text = (const char *)data + 1;
        size_t n = size - 1;
        size_t at = n > 0 ? data[0] % n : 0;
        begin(&whole);
        begin(&cut);
        feed(&whole, text, n);
        feed(&cut, text, at);
        feed(&cut, text + at, n - at);
        FUZZ_CHECK(whole.r == cut.r);
        if (whole.r == 0) {
                FUZZ_CHECK(whole.out.len == cut.out.len);
                FUZZ_CHECK(strcmp(buf_text(&whole.out), buf_text(&cut.out)) == 0);
                FUZZ_CHECK(whole.channels.is_closed == cut.channels.is_closed);
                channels_status(&whole.channels, said[0], sizeof(said[0]));
                channels_status(&cut.channels, said[1], sizeof(said[1]));
                FUZZ_CHECK(strcmp(said[0], said[1]) == 0);
        }
        end(&whole);
        end(&cut);
        return 0;
}
