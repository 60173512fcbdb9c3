/* Attaching to a container, against a server that is scripted: what it sends, to the byte and cut
 * anywhere, is said here. What a real API server does is in tests/cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "kube/attach.h"
#include "kube/channels.h"
#include "kube/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_US (INT64_C(20) * 1000000)
#define REQUEST_MAX 8192

/* ---- the parts ---- */

static void accepts_as_the_rfc_has_it(void **state)
{
        char accept[WS_ACCEPT_SIZE];
        (void)state;
        ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept); /* RFC 6455, section 1.3 */
        assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void reads_frames_of_every_length(void **state)
{
        static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                size_t n = lengths[i];
                struct error err = {0};
                struct ws_frame frame;
                char *text = calloc(1, n + 16);
                size_t head = n < 126 ? 2 : n < 65536 ? 4 : 10;
                text[0] = (char)0x82;
                text[1] = (char)(n < 126 ? n : n < 65536 ? 126 : 127);
                for (size_t j = 2; j < head; j++)
                        text[j] = (char)((uint64_t)n >> (8 * (head - 1 - j)));
                for (size_t j = 0; j < head; j++)
                        assert_int_equal(ws_frame_parse(text, j, 100000, &frame, &err), 0);
                if (n > 0)
                        assert_int_equal(ws_frame_parse(text, head + n - 1, 100000, &frame, &err),
                                         0);
                assert_int_equal(ws_frame_parse(text, head + n, 100000, &frame, &err), 1);
                assert_int_equal(frame.body_bytes, n);
                assert_int_equal(frame.end, head + n);
                assert_true(frame.is_last && frame.opcode == WS_BINARY);
                if (n > 0) /* as soon as its length is known */
                        assert_true(ws_frame_parse(text, head, n - 1, &frame, &err) < 0);
                free(text);
        }
}

static void refuses_what_is_no_frame_of_a_server(void **state)
{
        static const struct {
                const char *bytes;
                size_t n;
        } bad[] = {
                {"\x82\x81\x01\x02\x03\x04x", 7},                 /* masked */
                {"\xc2\x01x", 3},                                 /* a reserved bit */
                {"\x83\x01x", 3},                                 /* an opcode that is none */
                {"\x8b\x00", 2},                                  /* another */
                {"\x09\x00", 2},                                  /* a ping in pieces */
                {"\x89\x7e\x00\x7e", 4},                          /* a ping of 126 bytes */
                {"\x82\x7e\x00\x7d", 4},                          /* 125 in two bytes */
                {"\x82\x7f\0\0\0\0\0\0\xff\xff", 10},             /* 65535 in eight */
                {"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10}, /* longer than any */
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct ws_frame frame;
                assert_int_equal(ws_frame_parse(bad[i].bytes, bad[i].n, 100000, &frame, &err),
                                 -(int)ERROR_IO);
                assert_true(*err.message);
        }
}

/* A hello on standard output in two pieces with a ping between them, words on standard error, and a
 * status; as the real one begins, with an empty message for each stream. */
static const char STREAM[] = "\x82\x01\x01"
                             "\x82\x01\x02"
                             "\x82\x01\x03"
                             "\x02\x04\x01hel"
                             "\x89\x02hi"
                             "\x80\x02lo"
                             "\x82\x05\x02oops"
                             "\x82\x24\x03{\"status\":\"Failure\",\"message\":\"it\"}"
                             "\x82\x07\x01 world";

static void channels_do_not_care_how_bytes_are_cut(void **state)
{
        (void)state;
        for (size_t cut = 0; cut < sizeof(STREAM); cut++) {
                char status[100];
                struct error err = {0};
                struct channels channels;
                struct buf out;
                buf_init(&out, 1000);
                channels_init(&channels);
                assert_int_equal(channels_feed(&channels, STREAM, cut, &out, &err), 0);
                assert_int_equal(
                        channels_feed(&channels, STREAM + cut,
                                      sizeof(STREAM) - 1 - (cut < sizeof(STREAM) ? cut : 0), &out,
                                      &err),
                        0);
                assert_string_equal(buf_text(&out), "hello world");
                channels_status(&channels, status, sizeof(status));
                assert_string_equal(status, "it");
                assert_true(channels.is_pinged && !channels.is_closed);
                assert_string_equal(buf_text(&channels.ping), "hi");
                channels_done(&channels);
                buf_done(&out);
        }
}

static void channels_refuse_what_is_mixed_up(void **state)
{
        static const char *const bad[] = {
                "\x80\x02\x01x",              /* goes on with nothing */
                "\x02\x02\x01x\x82\x02\x01x", /* begins anew in the middle */
                "\x82\x02\x04x",              /* no such stream */
                "\x82\x02\x7fx",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct channels channels;
                struct buf out;
                buf_init(&out, 1000);
                channels_init(&channels);
                assert_int_equal(channels_feed(&channels, bad[i], strlen(bad[i]), &out, &err),
                                 -(int)ERROR_IO);
                channels_done(&channels);
                buf_done(&out);
        }
}

static void channels_keep_to_their_ceilings(void **state)
{
        struct error err = {0};
        struct channels channels;
        struct buf out;
        (void)state;
        buf_init(&out, 4);
        channels_init(&channels);
        assert_int_equal(channels_feed(&channels, "\x82\x06\x01hello", 8, &out, &err),
                         -(int)ERROR_RUNNER_OUTPUT_EXCEEDED);
        channels_done(&channels);
        buf_done(&out);
}

/* ---- a server ---- */

enum manner {
        PROPER,
        WRONG_KEY,
        NO_SUBPROTOCOL,
        FORBIDDEN,
        NO_HTTP,
        ENDLESS_HEAD,
        SILENT, /* never answers the handshake */
};

struct peer {
        int listening;
        pthread_t thread;
        enum manner manner;
        const char *sends; /* after the handshake */
        size_t n;
        size_t at_once; /* bytes in one write; 0: all, with the handshake's own */
        bool ends;      /* closes then; else it listens until the client goes */
        bool answers_pings;
        char request[REQUEST_MAX]; /* what came first */
        struct buf heard;          /* bodies of the client's binary messages */
        int pings, pongs, closes;
        bool is_unmasked; /* a frame of the client's was */
};

static void put(int fd, const char *bytes, size_t n)
{
        while (n > 0) {
                ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
                if (sent <= 0)
                        return;
                bytes += sent;
                n -= (size_t)sent;
        }
}

static void accept_of(const struct peer *peer, char out[WS_ACCEPT_SIZE])
{
        char key[64] = "";
        const char *at = strstr(peer->request, "Sec-WebSocket-Key: ");
        if (at)
                (void)sscanf(at + strlen("Sec-WebSocket-Key: "), "%63[^\r]", key);
        ws_accept(key, out);
        if (peer->manner == WRONG_KEY)
                out[0] = out[0] == 'x' ? 'y' : 'x';
}

static size_t reply_of(const struct peer *peer, char *out, size_t size)
{
        char accept[WS_ACCEPT_SIZE];
        accept_of(peer, accept);
        switch (peer->manner) {
        case FORBIDDEN:
                return (size_t)snprintf(
                        out, size,
                        "HTTP/1.1 403 Forbidden\r\nContent-Length: 52\r\n\r\n"
                        "{\"status\":\"Failure\",\"message\":\"you may not attach\"}");
        case NO_HTTP:
                return (size_t)snprintf(out, size, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
        case SILENT:
                return 0;
        default:
                return (size_t)snprintf(
                        out, size,
                        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n"
                        "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept:  %s \r\n%s\r\n",
                        accept,
                        peer->manner == NO_SUBPROTOCOL
                                ? ""
                                : "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n");
        }
}

/* The client's frames are unmasked here, and turned to a server's for the reader. */
static size_t take_one(struct peer *peer, int fd, uint8_t *bytes, size_t n)
{
        if (n < 6)
                return 0;
        size_t length = bytes[1] & 0x7fU;
        size_t head = length == 126 ? 8 : length == 127 ? 14 : 6;
        if (n < head)
                return 0;
        if (length >= 126) {
                size_t from = length == 126 ? 2 : 8;
                length = 0;
                for (size_t i = 0; i < from; i++)
                        length = length << 8 | bytes[2 + i];
        }
        if (n < head + length)
                return 0;
        peer->is_unmasked |= !(bytes[1] & 0x80U);
        for (size_t i = 0; i < length; i++)
                bytes[head + i] ^= bytes[head - 4 + i % 4];
        switch (bytes[0] & 0x0fU) {
        case WS_BINARY:
                assert_int_equal(bytes[head], CHANNEL_STDIN);
                buf_append(&peer->heard, bytes + head + 1, length - 1);
                break;
        case WS_PING:
                peer->pings++;
                if (peer->answers_pings)
                        put(fd, "\x8a\x00", 2);
                break;
        case WS_PONG:
                peer->pongs++;
                break;
        default:
                peer->closes++;
                break;
        }
        return head + length;
}

static void listen_to_it(struct peer *peer, int fd)
{
        static const size_t size = 1 << 20;
        uint8_t *bytes = malloc(size);
        size_t n = 0;
        ssize_t got;
        while ((got = recv(fd, bytes + n, size - n, 0)) > 0) {
                size_t at = 0;
                size_t one;
                n += (size_t)got;
                while ((one = take_one(peer, fd, bytes + at, n - at)) > 0)
                        at += one;
                memmove(bytes, bytes + at, n - at);
                n -= at;
        }
        free(bytes);
}

static void send_endless_head(int fd)
{
        static const char line[] = "X-Filling: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
        put(fd, "HTTP/1.1 101 Switching Protocols\r\n", 34);
        for (int i = 0; i < 4096; i++)
                put(fd, line, sizeof(line) - 1);
}

static void *serve(void *data)
{
        struct peer *peer = data;
        char reply[1024];
        size_t n = 0;
        _cleanup_close_ int fd = accept(peer->listening, NULL, NULL);
        while (n < sizeof(peer->request) - 1 && !strstr(peer->request, "\r\n\r\n")) {
                ssize_t got = recv(fd, peer->request + n, sizeof(peer->request) - 1 - n, 0);
                if (got <= 0)
                        return NULL;
                n += (size_t)got;
        }
        if (peer->manner == ENDLESS_HEAD)
                send_endless_head(fd);
        n = reply_of(peer, reply, sizeof(reply));
        if (peer->at_once == 0 && peer->n < sizeof(reply) - n) { /* all in one piece */
                memcpy(reply + n, peer->sends, peer->n);
                put(fd, reply, n + peer->n);
        } else {
                put(fd, reply, n);
                for (size_t at = 0; at < peer->n; at += peer->at_once)
                        put(fd, peer->sends + at,
                            peer->n - at < peer->at_once ? peer->n - at : peer->at_once);
        }
        if (peer->ends)
                (void)shutdown(fd, SHUT_WR);
        listen_to_it(peer, fd);
        return NULL;
}

struct fixture {
        struct peer peer;
        char url[64];
        struct kube_server server;
        struct kube_attach *attach;
        struct buf out;
        struct error err;
        int cancel_fd;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof(address);
        f->peer.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->peer.listening, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(f->peer.listening, 1), 0);
        assert_int_equal(getsockname(f->peer.listening, (struct sockaddr *)&address, &size), 0);
        (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/prefix",
                       ntohs(address.sin_port));
        f->server = (struct kube_server){
                .url = f->url, .namespace_ = "here", .token = "a-token", .source = "a test"};
        f->cancel_fd = eventfd(0, EFD_CLOEXEC);
        buf_init(&f->out, 1 << 20);
        buf_init(&f->peer.heard, 1 << 20);
        f->peer.sends = "";
        *state = f;
        return 0;
}

/* The client goes first, then its server ends. */
static void hang_up(struct fixture *f)
{
        kube_attach_free(f->attach);
        f->attach = NULL;
        (void)shutdown(f->peer.listening, SHUT_RDWR);
        if (f->peer.thread)
                (void)pthread_join(f->peer.thread, NULL);
        f->peer.thread = 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        hang_up(f);
        (void)close(f->peer.listening);
        (void)close(f->cancel_fd);
        buf_done(&f->out);
        buf_done(&f->peer.heard);
        free(f);
        return 0;
}

static int attach_within(struct fixture *f, int64_t us, int64_t ping_ms)
{
        const struct kube_attach_target target = {
                .pod = "a-pod", .container = "runner", .ping_ms = ping_ms};
        const struct kube_patience patience = {.until_us = clock_monotonic_us() + us,
                                               .cancel_fd = f->cancel_fd};
        assert_int_equal(pthread_create(&f->peer.thread, NULL, serve, &f->peer), 0);
        return kube_attach_open(&f->server, &target, &patience, &f->attach, &f->err);
}

static int receive_within(struct fixture *f, int64_t us)
{
        const struct kube_patience patience = {.until_us = clock_monotonic_us() + us,
                                               .cancel_fd = f->cancel_fd};
        return kube_attach_receive(f->attach, &f->out, &patience, &f->err);
}

static void send_text(struct fixture *f, const char *text, size_t n)
{
        const struct kube_patience patience = {.until_us = clock_monotonic_us() + WAIT_US,
                                               .cancel_fd = f->cancel_fd};
        assert_int_equal(kube_attach_send(f->attach, text, n, &patience, &f->err), 0);
}

/* Until it has said so many bytes. */
static void hear(struct fixture *f, size_t n)
{
        while (f->out.len < n)
                assert_int_equal(receive_within(f, WAIT_US), KUBE_ATTACH_BYTES);
}

static void asks_as_it_should(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        assert_int_equal(receive_within(f, 0), KUBE_ATTACH_QUIET);
        hang_up(f);
        static const char *const lines[] = {
                "GET /prefix/api/v1/namespaces/here/pods/a-pod/attach?container=runner&stdin=true",
                "&stdin=true&stdout=true&stderr=true HTTP/1.1\r\n",
                "\r\nHost: 127.0.0.1:",
                "\r\nAuthorization: Bearer a-token\r\n",
                "\r\nSec-WebSocket-Version: 13\r\n",
                "\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n",
                "\r\nUpgrade: websocket\r\n",
                "\r\nConnection: Upgrade\r\n",
        };
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_non_null(strstr(f->peer.request, lines[i]));
        assert_int_equal(f->peer.closes, 1);
        assert_false(f->peer.is_unmasked);
}

/* With the handshake, byte by byte, and in odd pieces. */
static void hears_all_however_it_comes(void **state)
{
        static const size_t sizes[] = {0, 1, 7};
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct fixture *f;
                if (i > 0)
                        (void)setup((void **)&f);
                else
                        f = *state;
                f->peer.sends = STREAM;
                f->peer.n = sizeof(STREAM) - 1;
                f->peer.at_once = sizes[i];
                assert_int_equal(attach_within(f, WAIT_US, 0), 0);
                hear(f, strlen("hello world"));
                assert_string_equal(buf_text(&f->out), "hello world");
                hang_up(f);
                assert_int_equal(f->peer.pongs, 1);
                if (i > 0) {
                        void *mine = f;
                        (void)teardown(&mine);
                }
        }
}

static void sends_large_things_whole(void **state)
{
        struct fixture *f = *state;
        size_t n = 300001;
        char *text = malloc(n);
        for (size_t i = 0; i < n; i++)
                text[i] = (char)(i * 31 + i / 251);
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        send_text(f, text, n);
        hang_up(f);
        assert_int_equal(f->peer.heard.len, n);
        assert_memory_equal(f->peer.heard.data, text, n);
        assert_false(f->peer.is_unmasked);
        free(text);
}

static void says_how_it_ended(void **state)
{
        struct fixture *f = *state;
        f->peer.sends = STREAM;
        f->peer.n = sizeof(STREAM) - 1;
        f->peer.ends = true;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        hear(f, strlen("hello world"));
        assert_int_equal(receive_within(f, WAIT_US), KUBE_ATTACH_ENDED);
        assert_string_equal(kube_attach_why(f->attach), "it");
        const struct kube_patience none = {.cancel_fd = -1};
        assert_int_equal(kube_attach_send(f->attach, "x", 1, &none, &f->err), -(int)ERROR_IO);
}

static void a_close_ends_it(void **state)
{
        struct fixture *f = *state;
        f->peer.sends = "\x82\x03\x01hi\x88\x02\x03\xe8\x82\x03\x01no";
        f->peer.n = 14;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        assert_int_equal(receive_within(f, WAIT_US), KUBE_ATTACH_BYTES);
        assert_int_equal(receive_within(f, WAIT_US), KUBE_ATTACH_ENDED);
        assert_string_equal(buf_text(&f->out), "hi");
        assert_true(*kube_attach_why(f->attach));
}

static void refuses_a_masked_server(void **state)
{
        struct fixture *f = *state;
        f->peer.sends = "\x82\x83\x01\x02\x03\x04\x00jj";
        f->peer.n = 9;
        f->peer.at_once = 9;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        assert_int_equal(receive_within(f, WAIT_US), -(int)ERROR_IO);
        assert_non_null(strstr(f->err.message, "masked"));
}

static void refuses_an_oversized_frame(void **state)
{
        struct fixture *f = *state;
        f->peer.sends = "\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00";
        f->peer.n = 10;
        f->peer.at_once = 10;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        assert_int_equal(receive_within(f, WAIT_US), -(int)ERROR_IO);
        assert_non_null(strstr(f->err.message, "longer"));
}

static void refuses_other_replies(void **state)
{
        static const struct {
                enum manner manner;
                const char *says;
        } cases[] = {{WRONG_KEY, "Sec-WebSocket-Accept"},
                     {NO_SUBPROTOCOL, "v4.channel.k8s.io"},
                     {FORBIDDEN, "you may not attach; docs/DEPLOY.md"},
                     {NO_HTTP, "no Kubernetes API server"},
                     {ENDLESS_HEAD, "no Kubernetes API server"}};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                void *mine;
                (void)setup(&mine);
                struct fixture *f = mine;
                f->peer.manner = cases[i].manner;
                assert_int_equal(attach_within(f, WAIT_US, 0), -(int)ERROR_IO);
                assert_null(f->attach);
                assert_non_null(strstr(f->err.message, cases[i].says));
                assert_null(strstr(f->err.message, "a-token"));
                (void)teardown(&mine);
        }
}

static void does_not_wait_for_ever(void **state)
{
        struct fixture *f = *state;
        f->peer.manner = SILENT;
        int64_t from_us = clock_monotonic_us();
        assert_int_equal(attach_within(f, 50000, 0), -(int)ERROR_IO);
        assert_true(clock_monotonic_us() - from_us < WAIT_US / 2);
}

static void can_be_stopped(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(attach_within(f, WAIT_US, 0), 0);
        assert_int_equal(eventfd_write(f->cancel_fd, 1), 0);
        assert_int_equal(receive_within(f, WAIT_US), -(int)ERROR_CANCELLED);
}

static void can_be_stopped_while_it_attaches(void **state)
{
        struct fixture *f = *state;
        f->peer.manner = SILENT;
        assert_int_equal(eventfd_write(f->cancel_fd, 1), 0);
        assert_int_equal(attach_within(f, WAIT_US, 0), -(int)ERROR_CANCELLED);
}

static void pings_while_nothing_happens(void **state)
{
        struct fixture *f = *state;
        f->peer.answers_pings = true;
        assert_int_equal(attach_within(f, WAIT_US, 300), 0); /* a busy machine answers late */
        assert_int_equal(receive_within(f, 1500000), KUBE_ATTACH_QUIET);
        hang_up(f);
        assert_true(f->peer.pings >= 3);
}

static void one_that_does_not_answer_is_lost(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(attach_within(f, WAIT_US, 10), 0);
        assert_int_equal(receive_within(f, WAIT_US), KUBE_ATTACH_ENDED);
        assert_non_null(strstr(kube_attach_why(f->attach), "does not answer"));
}

static void nobody_listens(void **state)
{
        struct fixture *f = *state;
        const struct kube_attach_target target = {.pod = "a-pod", .container = "runner"};
        const struct kube_patience patience = {.until_us = clock_monotonic_us() + WAIT_US,
                                               .cancel_fd = -1};
        (void)close(f->peer.listening);
        f->peer.listening = -1;
        assert_int_equal(kube_attach_open(&f->server, &target, &patience, &f->attach, &f->err),
                         -(int)ERROR_IO);
        assert_non_null(strstr(f->err.message, "is not reached"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_as_the_rfc_has_it),
                cmocka_unit_test(reads_frames_of_every_length),
                cmocka_unit_test(refuses_what_is_no_frame_of_a_server),
                cmocka_unit_test(channels_do_not_care_how_bytes_are_cut),
                cmocka_unit_test(channels_refuse_what_is_mixed_up),
                cmocka_unit_test(channels_keep_to_their_ceilings),
                TEST(asks_as_it_should),
                TEST(hears_all_however_it_comes),
                TEST(sends_large_things_whole),
                TEST(says_how_it_ended),
                TEST(a_close_ends_it),
                TEST(refuses_a_masked_server),
                TEST(refuses_an_oversized_frame),
                cmocka_unit_test(refuses_other_replies),
                TEST(does_not_wait_for_ever),
                TEST(can_be_stopped),
                TEST(can_be_stopped_while_it_attaches),
                TEST(pings_while_nothing_happens),
                TEST(one_that_does_not_answer_is_lost),
                TEST(nobody_listens),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
