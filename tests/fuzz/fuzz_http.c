/* Bytes on a connection to the real server, in up to four pieces: whatever comes back is HTTP, its
 * problems are JSON, and others are still served.
 *
 * An input is a byte, a byte for each cut, and the text. The first byte's two lowest bits are the
 * number of cuts, and with the next the client closes its end as soon as it has sent all; a cut's
 * byte says where, in 256 parts of the text. */
#include "fuzz_server.h"

#define CUTS_MASK 3
#define CLOSES_AT_ONCE 4
#define GAP_US 200 /* between two pieces: usually enough for the server to read the first */
#define QUIET_MS 3 /* without a byte: it waits for more, or has said all */

static bool send_pieces(int fd, const uint8_t *cuts, size_t n_cuts, const uint8_t *text, size_t n)
{
        size_t sent = 0;
        for (size_t i = 0; i < n_cuts; i++) {
                size_t to = n * cuts[i] / 256;
                if (to <= sent)
                        continue;
                if (!fuzz_send(fd, text + sent, to - sent))
                        return false;
                (void)usleep(GAP_US);
                sent = to;
        }
        return fuzz_send(fd, text + sent, n - sent);
}

/* Until it is silent; and once more when our end is closed. The server need not close its own then
 * before the client has been idle for long. */
static void hear(int fd, bool closes_at_once, struct buf *in)
{
        int r = closes_at_once ? -1 : 1;
        while (r == 1)
                r = fuzz_receive(fd, QUIET_MS, in);
        if (r == 0)
                return;
        (void)shutdown(fd, SHUT_WR);
        do
                r = fuzz_receive(fd, QUIET_MS, in);
        while (r == 1);
}

/* One response after the other. What answers HEAD has a length and no body, and which requests were
 * HEAD the bytes do not say: a body may be missing if the next response, or the end, is there. */
static void check_answers(const struct buf *in)
{
        const char *text = in->len ? buf_text(in) : "";
        const char *end = text + in->len;
        while (text < end) {
                struct fuzz_response response;
                FUZZ_CHECK(strncmp(text, "HTTP/1.1 ",
                                   (size_t)(end - text) < 9 ? (size_t)(end - text) : 9) == 0);
                if (!fuzz_response_read(text, &response) ||
                    fuzz_header(&response, text, "Transfer-Encoding"))
                        return;
                text += response.head_bytes;
                if (text == end || strncmp(text, "HTTP/1.1 ", 9) == 0)
                        continue;
                FUZZ_CHECK(response.has_length);
                if ((size_t)(end - text) < response.length)
                        return;
                fuzz_check_body(&response);
                text += response.length;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!fuzz_server.serve)
                fuzz_server_start("{\"version\":1,\"datasets\":[]}");
        fuzz_check_health();
        if (size == 0)
                return 0;
        size_t n_cuts = data[0] & CUTS_MASK;
        if (size < 1 + n_cuts)
                return 0;
        struct buf in;
        buf_init(&in, FUZZ_ANSWER_MAX);
        int fd = fuzz_connect();
        (void)send_pieces(fd, data + 1, n_cuts, data + 1 + n_cuts, size - 1 - n_cuts);
        hear(fd, data[0] & CLOSES_AT_ONCE, &in);
        (void)close(fd);
        check_answers(&in);
        buf_done(&in);
        return 0;
}
