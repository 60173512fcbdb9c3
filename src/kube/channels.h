/* The streams of a container inside one WebSocket, as v4.channel.k8s.io has them: each message
 * begins with a byte that says of which stream the rest of it is. */
#ifndef ASKCSV_KUBE_CHANNELS_H
#define ASKCSV_KUBE_CHANNELS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define CHANNELS_SUBPROTOCOL "v4.channel.k8s.io"
#define CHANNELS_FRAME_MAX ((size_t)4 * 1024 * 1024) /* bytes of one frame */
#define CHANNELS_FEED_MAX ((size_t)64 * 1024)        /* bytes to be fed at once */

enum channel { CHANNEL_STDIN, CHANNEL_STDOUT, CHANNEL_STDERR, CHANNEL_STATUS };

/* What a server sends, read piece by piece. */
struct channels {
        struct buf text; /* the start of a frame that is not whole yet */
        struct buf status;
        struct buf ping; /* body of the last ping that wants a pong */
        bool is_pinged;
        bool is_closed;    /* it has said so; nothing after that is read */
        bool is_in_middle; /* of a message in several frames */
        int channel;       /* of the message; -1: its first byte has not come yet */
};

void channels_init(struct channels *channels);
void channels_done(struct channels *channels); /* safe on a zeroed struct */

/* Takes n bytes as they came, however they were cut. What the container said on its standard output
 * is appended to out, whose ceiling holds (ERROR_RUNNER_OUTPUT_EXCEEDED); its standard error is
 * dropped. ERROR_IO: they are not what the protocol says. After an error channels is of no more
 * use. */
int channels_feed(struct channels *channels, const char *bytes, size_t n, struct buf *out,
                  struct error *err);

/* How the server says that it ended: "" for well or not at all; else its words, printable. Valid
 * until the next call of channels_feed. */
void channels_status(const struct channels *channels, char *out, size_t size);

#endif
