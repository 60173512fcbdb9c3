#include "kube/channels.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "kube/websocket.h"

#include <stdio.h>
#include <string.h>

#define STATUS_MAX ((size_t)64 * 1024)
#define STATUS_DEPTH_MAX 20
#define HEAD_MAX 14 /* bytes of a frame before its body */

void channels_init(struct channels *channels)
{
        *channels = (struct channels){.channel = -1};
        buf_init(&channels->text, HEAD_MAX + CHANNELS_FRAME_MAX + CHANNELS_FEED_MAX);
        buf_init(&channels->status, STATUS_MAX);
        buf_init(&channels->ping, WS_CONTROL_MAX);
}

void channels_done(struct channels *channels)
{
        buf_done(&channels->text);
        buf_done(&channels->status);
        buf_done(&channels->ping);
}

static int append(struct buf *to, const char *bytes, size_t n, enum error_type type,
                  struct error *err)
{
        buf_append(to, bytes, n);
        if (to->state == BUF_TOO_LARGE)
                return error_set(err, type, "the container's streams brought more than %zu bytes",
                                 to->max);
        return to->state == BUF_OK ? 0 : error_oom(err);
}

static int take_data(struct channels *channels, const char *body, size_t n, struct buf *out,
                     struct error *err)
{
        if (n == 0)
                return 0; /* as each stream begins */
        switch (channels->channel) {
        case CHANNEL_STDOUT:
                return append(out, body, n, ERROR_RUNNER_OUTPUT_EXCEEDED, err);
        case CHANNEL_STDERR:
                return 0;
        case CHANNEL_STATUS:
                return append(&channels->status, body, n, ERROR_IO, err);
        default:
                return error_set(err, ERROR_IO, "what came is of no stream that can be read");
        }
}

static int take_message(struct channels *channels, const struct ws_frame *frame, struct buf *out,
                        struct error *err)
{
        const char *body = frame->body;
        size_t n = frame->body_bytes;
        if (channels->is_in_middle != (frame->opcode == WS_CONTINUATION))
                return error_set(err, ERROR_IO, "the pieces of a WebSocket message are mixed up");
        if (!channels->is_in_middle)
                channels->channel = -1;
        channels->is_in_middle = !frame->is_last;
        if (channels->channel < 0 && n > 0) {
                channels->channel = (unsigned char)*body++;
                n--;
        }
        return take_data(channels, body, n, out, err);
}

static int take_frame(struct channels *channels, const struct ws_frame *frame, struct buf *out,
                      struct error *err)
{
        switch (frame->opcode) {
        case WS_CLOSE:
                channels->is_closed = true;
                return 0;
        case WS_PING:
                buf_clear(&channels->ping);
                channels->is_pinged = true;
                return append(&channels->ping, frame->body, frame->body_bytes, ERROR_IO, err);
        case WS_PONG:
                return 0;
        default:
                return take_message(channels, frame, out, err);
        }
}

int channels_feed(struct channels *channels, const char *bytes, size_t n, struct buf *out,
                  struct error *err)
{
        struct ws_frame frame;
        size_t at = 0;
        int r = append(&channels->text, bytes, n, ERROR_IO, err);
        while (r == 0 && !channels->is_closed) {
                const struct buf *text = &channels->text;
                r = ws_frame_parse(buf_text(text) + at, text->len - at, CHANNELS_FRAME_MAX, &frame,
                                   err);
                if (r <= 0)
                        break;
                at += frame.end;
                r = take_frame(channels, &frame, out, err);
        }
        if (at > 0) {
                struct buf *text = &channels->text;
                memmove(text->data, text->data + at, text->len - at + 1);
                text->len -= at;
        }
        return r;
}

void channels_status(const struct channels *channels, char *out, size_t size)
{
        static const struct json_limits limits = {.max_bytes = STATUS_MAX,
                                                  .max_depth = STATUS_DEPTH_MAX};
        struct error ignored = {0};
        _cleanup_json_ json_t *status = NULL;
        const struct buf *text = &channels->status;
        *out = '\0';
        if (text->len == 0)
                return;
        (void)json_parse(buf_text(text), text->len, &limits, ERROR_IO, &status, &ignored);
        const char *word = json_get_string(status, "status");
        const char *message = json_get_string(status, "message");
        if (word && strcmp(word, "Success") == 0)
                return;
        (void)snprintf(out, size, "%s", message && *message ? message : "it does not say why");
        for (char *p = out; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = ' ';
}
