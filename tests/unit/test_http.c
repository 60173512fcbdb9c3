/* The HTTP server over real sockets of 127.0.0.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <zlib.h>

#define WAIT_MS 10000 /* for what must happen; it is there much sooner */
#define HELD_MAX 400
#define BODY_MAX ((size_t)64 * 1024)
#define BIG_BYTES ((size_t)1000 * 1000)

struct site {
        struct http_server *server;
        pthread_mutex_t mutex;
        struct http_request *held[HELD_MAX];
        size_t n_held;
        size_t gather; /* so many are answered together */
        pthread_t threads[HELD_MAX];
        size_t n_threads;
        atomic_int gone, ended, last_status;
        atomic_ullong bytes;
        atomic_ulong fail; /* which allocation of the next request fails */
        char *big;
};

static void on_gone(void *data)
{
        (void)atomic_fetch_add((atomic_int *)data, 1);
}

static void on_ended(const struct http_request *request, int status, uint64_t bytes,
                     int64_t took_us, void *data)
{
        struct site *site = data;
        assert_non_null(request);
        assert_true(took_us >= 0);
        atomic_store(&site->last_status, status);
        atomic_store(&site->bytes, bytes);
        alloc_fail_after(atomic_exchange(&site->fail, 0)); /* this is the loop's thread */
        (void)atomic_fetch_add(&site->ended, 1);
}

static char *refuse(struct http_request *request, int status, void *data)
{
        (void)data;
        struct buf out = {0};
        buf_init(&out, 1000);
        buf_printf(&out, "{\"refused\":%d,\"id\":\"%s\"}", status, http_request_id(request));
        return buf_steal(&out);
}

static void echo(struct http_request *request)
{
        size_t n = 0;
        const char *body = http_body(request, &n);
        const char *query = http_query(request, "q");
        const char *type = http_header(request, "content-type");
        http_set(request, "X-Method", http_method(request));
        http_set(request, "X-Path", "first");
        http_set(request, "x-path", http_path(request));
        http_set(request, "X-Query", query ? query : "none");
        http_set(request, "X-Client", http_client(request));
        http_set(request, "X-Bad", "a\r\nX-Injected: 1");
        http_set(request, "ETag", "\"tag\"");
        http_reply(request, 200, type ? type : "application/octet-stream", body, n);
        http_reply(request, 500, "text/plain", "second", 6);
}

static void *answer_later(void *data)
{
        struct http_request *request = data;
        (void)poll(NULL, 0, 50);
        http_reply(request, 200, "text/plain", "later", 5);
        http_release(request);
        return NULL;
}

static void *send_numbers(void *data)
{
        struct http_request *request = data;
        const char *to = http_query(request, "to");
        http_stream(request);
        for (long i = 1; i <= strtol(to ? to : "0", NULL, 10); i++) {
                char text[32];
                int n = snprintf(text, sizeof(text), "data: %ld\n\n", i);
                if (!http_stream_send(request, text, (size_t)n))
                        break;
        }
        http_stream_end(request);
        http_release(request);
        return NULL;
}

static void run_thread(struct site *site, void *(*run)(void *), void *data)
{
        (void)pthread_mutex_lock(&site->mutex);
        assert_true(site->n_threads < HELD_MAX);
        assert_int_equal(pthread_create(&site->threads[site->n_threads++], NULL, run, data), 0);
        (void)pthread_mutex_unlock(&site->mutex);
}

static void hold(struct site *site, struct http_request *request)
{
        (void)pthread_mutex_lock(&site->mutex);
        assert_true(site->n_held < HELD_MAX);
        site->held[site->n_held++] = http_hold(request);
        (void)pthread_mutex_unlock(&site->mutex);
}

static void *answer_all(void *data)
{
        struct site *site = data;
        (void)pthread_mutex_lock(&site->mutex);
        for (size_t i = 0; i < site->n_held; i++) {
                http_reply(site->held[i], 200, "text/plain", "all", 3);
                http_release(site->held[i]);
        }
        site->n_held = 0;
        (void)pthread_mutex_unlock(&site->mutex);
        return NULL;
}

static void gather(struct site *site, struct http_request *request)
{
        hold(site, request);
        (void)pthread_mutex_lock(&site->mutex);
        bool all = site->n_held == site->gather;
        (void)pthread_mutex_unlock(&site->mutex);
        if (all)
                run_thread(site, answer_all, site);
}

static void handle(struct http_request *request, void *data)
{
        struct site *site = data;
        const char *path = http_path(request);
        if (strcmp(path, "/later") == 0) {
                run_thread(site, answer_later, http_hold(request));
        } else if (strcmp(path, "/numbers") == 0) {
                run_thread(site, send_numbers, http_hold(request));
        } else if (strcmp(path, "/gather") == 0) {
                gather(site, request);
        } else if (strcmp(path, "/park") == 0) {
                http_on_gone(request, on_gone, NULL, &site->gone);
                hold(site, request);
        } else if (strcmp(path, "/stream") == 0) {
                http_on_gone(request, on_gone, NULL, &site->gone);
                http_stream(request);
                (void)http_stream_send(request, ":\n\n", 3);
                hold(site, request);
        } else if (strcmp(path, "/big") == 0) {
                http_reply(request, 200, "text/csv; charset=utf-8", site->big, BIG_BYTES);
        } else if (strcmp(path, "/empty") == 0) {
                http_reply(request, 204, NULL, NULL, 0);
        } else {
                echo(request);
        }
}

static struct site *site_new(unsigned threads, unsigned idle_timeout_s)
{
        struct site *site = calloc(1, sizeof(*site));
        assert_non_null(site);
        assert_int_equal(pthread_mutex_init(&site->mutex, NULL), 0);
        site->big = malloc(BIG_BYTES);
        assert_non_null(site->big);
        for (size_t i = 0; i < BIG_BYTES; i++)
                site->big[i] = (char)('a' + i * i % 23);
        const struct http_options options = {.address = "127.0.0.1",
                                             .threads = threads,
                                             .connections_max = 2000,
                                             .body_max = BODY_MAX,
                                             .header_max = 8192,
                                             .idle_timeout_s = idle_timeout_s,
                                             .handle = handle,
                                             .refuse = refuse,
                                             .ended = on_ended,
                                             .data = site};
        struct error err = {0};
        if (http_start(&options, &site->server, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_not_equal(http_port(site->server), 0);
        return site;
}

static void site_free(struct site *site)
{
        http_stop(site->server);
        for (size_t i = 0; i < site->n_threads; i++)
                (void)pthread_join(site->threads[i], NULL);
        for (size_t i = 0; i < site->n_held; i++)
                http_release(site->held[i]);
        (void)pthread_mutex_destroy(&site->mutex);
        free(site->big);
        free(site);
}

static int dial(const struct site *site)
{
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(http_port(site->server)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static void tell(int fd, const char *text)
{
        size_t n = strlen(text);
        while (n > 0) {
                ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
                assert_true(sent > 0);
                text += sent;
                n -= (size_t)sent;
        }
}

/* One request without a body; path may hold a query and, behind "\r\n", more headers. */
static void get(int fd, const char *method, const char *path, const char *headers)
{
        char text[2048];
        (void)snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path,
                       headers);
        tell(fd, text);
}

/* More bytes of the reply: 0 at its end. */
static ssize_t hear(int fd, struct buf *in)
{
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        char chunk[65536];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
        if (n > 0)
                buf_append(in, chunk, (size_t)n);
        return n;
}

static void hear_until(int fd, struct buf *in, const char *text)
{
        while (!strstr(buf_text(in), text))
                if (hear(fd, in) <= 0)
                        fail_msg("no '%s' in: %s", text, buf_text(in));
}

/* A reply by Content-Length: its text to the end of the body; what follows stays in rest. */
struct reply {
        int status;
        char head[2048];
        struct buf body;
};

static void reply_done(struct reply *reply)
{
        buf_done(&reply->body);
}

#define _cleanup_reply_ _cleanup_(reply_done)

static const char *header(const struct reply *reply, const char *name)
{
        const char *at = strcasestr(reply->head, name);
        return at ? at + strlen(name) + 2 : NULL;
}

static void read_reply(int fd, struct buf *in, bool has_body, struct reply *reply)
{
        buf_done(&reply->body);
        buf_init(&reply->body, 2 * BIG_BYTES);
        hear_until(fd, in, "\r\n\r\n");
        size_t head = (size_t)(strstr(buf_text(in), "\r\n\r\n") - buf_text(in)) + 4;
        assert_true(head < sizeof(reply->head));
        memcpy(reply->head, in->data, head);
        reply->head[head] = '\0';
        assert_int_equal(sscanf(reply->head, "HTTP/1.1 %d", &reply->status), 1);
        const char *length = header(reply, "\r\nContent-Length");
        size_t n = has_body && length ? (size_t)strtoul(length, NULL, 10) : 0;
        while (in->len < head + n)
                assert_true(hear(fd, in) > 0);
        buf_append(&reply->body, in->data + head, n);
        memmove(in->data, in->data + head + n, in->len - head - n);
        in->len -= head + n;
        in->data[in->len] = '\0';
}

static bool closed(int fd, struct buf *in)
{
        ssize_t n = 1;
        while (n > 0)
                n = hear(fd, in);
        return n == 0 || errno == ECONNRESET;
}

static void wait_for(atomic_int *what, int value)
{
        for (int i = 0; i < WAIT_MS && atomic_load(what) != value; i++)
                (void)poll(NULL, 0, 1);
        assert_int_equal(atomic_load(what), value);
}

static void wait_open(const struct site *site, unsigned n)
{
        for (int i = 0; i < WAIT_MS && http_open(site->server) != n; i++)
                (void)poll(NULL, 0, 1);
        assert_int_equal(http_open(site->server), n);
}

static void wait_held(struct site *site, size_t n)
{
        size_t held = 0;
        for (int i = 0; i < WAIT_MS && held != n; i++) {
                (void)pthread_mutex_lock(&site->mutex);
                held = site->n_held;
                (void)pthread_mutex_unlock(&site->mutex);
                (void)poll(NULL, 0, held != n);
        }
        assert_int_equal(held, n);
}

/* One request on a connection of its own. */
static void ask(const struct site *site, const char *text, struct reply *reply)
{
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        buf_init(&in, 4 * BIG_BYTES);
        tell(fd, text);
        read_reply(fd, &in, strncmp(text, "HEAD", 4) != 0, reply);
}

static void test_keep_alive(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        for (int i = 0; i < 20; i++) {
                const char *path = i % 2 ? "/later" : "/a%20b%C3%A9?q=x+%26y&q=2";
                get(fd, "GET", path, "X-Request-Id: abc-1\r\n");
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 200);
                assert_non_null(strstr(reply.head, "X-Request-Id: abc-1\r\n"));
                if (i % 2) {
                        assert_string_equal(buf_text(&reply.body), "later");
                        continue;
                }
                assert_non_null(strstr(reply.head, "x-path: /a b\xC3\xA9\r\n"));
                assert_null(strstr(reply.head, "first"));
                assert_null(strstr(reply.head, "Injected"));
                assert_non_null(strstr(reply.head, "X-Query: x &y\r\n"));
                assert_non_null(strstr(reply.head, "X-Client: 127.0.0.1\r\n"));
        }
        wait_for(&site->ended, 20);
        get(fd, "GET", "/", "X-Request-Id: a b\r\n");
        read_reply(fd, &in, true, &reply);
        assert_null(strstr(reply.head, "X-Request-Id: a b"));
        assert_non_null(strstr(reply.head, "X-Request-Id: "));
        get(fd, "PURGE", "/", "");
        read_reply(fd, &in, true, &reply);
        assert_non_null(strstr(reply.head, "X-Method: PURGE\r\n"));
        get(fd, "GET", "/empty", "");
        read_reply(fd, &in, true, &reply);
        assert_int_equal(reply.status, 204);
        get(fd, "GET", "/", "");
        read_reply(fd, &in, true, &reply);
        assert_int_equal(reply.status, 200);
}

static void test_pipelined(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        tell(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
                 "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                 "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n");
        static const char *const bodies[] = {"later", "abc", "later", ""};
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 200);
                assert_string_equal(buf_text(&reply.body), bodies[i]);
        }
}

static void test_chunked_body(void **state)
{
        struct site *site = *state;
        _cleanup_reply_ struct reply reply = {0};
        ask(site,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n",
            &reply);
        assert_string_equal(buf_text(&reply.body), "abc0123456789abcdef");
}

static void test_head(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        get(fd, "HEAD", "/big", "");
        read_reply(fd, &in, false, &reply);
        assert_int_equal(strtoul(header(&reply, "\r\nContent-Length"), NULL, 10), BIG_BYTES);
        get(fd, "HEAD", "/", "");
        read_reply(fd, &in, false, &reply);
        assert_non_null(strstr(reply.head, "X-Method: GET\r\n"));
        get(fd, "HEAD", "/stream", "");
        read_reply(fd, &in, false, &reply);
        wait_for(&site->gone, 1);
        get(fd, "GET", "/later", "");
        read_reply(fd, &in, true, &reply);
        assert_string_equal(buf_text(&reply.body), "later");
}

/* Our own refusals; the connection goes on where the end of the body is known. */
static void test_refusals(void **state)
{
        struct site *site = *state;
        static const struct {
                int status;
                bool kept;
                const char *request;
        } cases[] = {
                {400, true, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /%ed%a0%80 HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /\xC3 HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /%0a HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET /?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
                {400, true, "GET / HTTP/1.1\r\n\r\n"},
                {400, true, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
                {400, true, "POST /%00 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
                {400, false,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                 "\r\n0\r\n\r\n"},
                {413, false,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\nabc"},
                {413, false,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n"
                 "Expect: 100-continue\r\n\r\n"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = dial(site);
                _cleanup_buf_ struct buf in = {0};
                _cleanup_reply_ struct reply reply = {0};
                buf_init(&in, BIG_BYTES);
                tell(fd, cases[i].request);
                read_reply(fd, &in, true, &reply);
                char says[32];
                (void)snprintf(says, sizeof(says), "{\"refused\":%d,", cases[i].status);
                if (reply.status != cases[i].status || !strstr(buf_text(&reply.body), says))
                        fail_msg("case %zu: %s%s", i, reply.head, buf_text(&reply.body));
                assert_non_null(strstr(reply.head, "Content-Type: application/problem+json\r\n"));
                if (!cases[i].kept) {
                        assert_true(closed(fd, &in));
                        continue;
                }
                get(fd, "GET", "/", "");
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 200);
        }
}

/* A body over the limit that ends soon is read to its end: then the client hears of it. */
static void test_large_body(void **state)
{
        struct site *site = *state;
        for (int chunked = 0; chunked < 2; chunked++) {
                _cleanup_close_ int fd = dial(site);
                _cleanup_buf_ struct buf in = {0};
                _cleanup_buf_ struct buf request = {0};
                _cleanup_reply_ struct reply reply = {0};
                buf_init(&in, BIG_BYTES);
                buf_init(&request, 2 * BIG_BYTES);
                buf_printf(&request, "POST / HTTP/1.1\r\nHost: a\r\n%s: ",
                           chunked ? "Transfer-Encoding" : "Content-Length");
                if (chunked)
                        buf_printf(&request, "chunked\r\n\r\n%zx\r\n", BIG_BYTES);
                else
                        buf_printf(&request, "%zu\r\n\r\n", BIG_BYTES);
                buf_append(&request, site->big, BIG_BYTES);
                buf_puts(&request, chunked ? "\r\n0\r\n\r\n" : "");
                tell(fd, buf_text(&request));
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 413);
                get(fd, "GET", "/", "");
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 200);
        }
}

static void test_endless_body(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        tell(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        size_t sent = 0;
        char size[32];
        (void)snprintf(size, sizeof(size), "%zx\r\n", BIG_BYTES);
        while (sent < 1000 * BIG_BYTES) {
                if (send(fd, size, strlen(size), MSG_NOSIGNAL) < 0 ||
                    send(fd, site->big, BIG_BYTES, MSG_NOSIGNAL) < 0 ||
                    send(fd, "\r\n", 2, MSG_NOSIGNAL) < 0)
                        break;
                sent += BIG_BYTES;
        }
        assert_true(sent < 100 * BIG_BYTES);
        wait_for(&site->ended, 1);
        assert_int_equal(atomic_load(&site->last_status), 413);
}

static void test_long_headers(void **state)
{
        struct site *site = *state;
        static const size_t sizes[] = {9000, 200000};
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_close_ int fd = dial(site);
                _cleanup_buf_ struct buf in = {0};
                _cleanup_buf_ struct buf request = {0};
                _cleanup_reply_ struct reply reply = {0};
                buf_init(&in, BIG_BYTES);
                buf_init(&request, 2 * sizes[i]);
                buf_puts(&request, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
                buf_append(&request, site->big, sizes[i]);
                buf_puts(&request, "\r\n\r\n");
                (void)send(fd, request.data, request.len, MSG_NOSIGNAL);
                read_reply(fd, &in, true, &reply);
                assert_int_equal(reply.status, 431);
                if (i == 0)
                        assert_non_null(strstr(buf_text(&reply.body), "{\"refused\":431,"));
        }
}

static void test_not_http(void **state)
{
        struct site *site = *state;
        static const char *const texts[] = {
                "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_reply_ struct reply reply = {0};
                ask(site, texts[i], &reply);
                assert_int_equal(reply.status, 400);
        }
        static const char *const noise[] = {"\r\n\r\n", "\x16\x03\x01\x02", "x",
                                            "GET / FTP/9\r\n\r\n"};
        for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
                _cleanup_close_ int fd = dial(site);
                tell(fd, noise[i]);
        }
        _cleanup_reply_ struct reply reply = {0};
        ask(site, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &reply);
        assert_int_equal(reply.status, 200);
}

static void test_continue(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        tell(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        hear_until(fd, &in, "HTTP/1.1 100 Continue\r\n\r\n");
        buf_clear(&in);
        tell(fd, "abc");
        read_reply(fd, &in, true, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(buf_text(&reply.body), "abc");
}

static void test_gzip(void **state)
{
        struct site *site = *state;
        _cleanup_reply_ struct reply reply = {0};
        ask(site, "GET /big HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip;q=0.8\r\n\r\n",
            &reply);
        assert_non_null(strstr(reply.head, "Content-Encoding: gzip\r\n"));
        assert_non_null(strstr(reply.head, "Vary: Accept-Encoding\r\n"));
        assert_true(reply.body.len < BIG_BYTES / 10);
        wait_for(&site->ended, 1);
        assert_int_equal(atomic_load(&site->bytes), reply.body.len);
        _cleanup_free_ char *out = malloc(BIG_BYTES + 1);
        assert_non_null(out);
        z_stream z = {.next_in = (Bytef *)reply.body.data,
                      .avail_in = (uInt)reply.body.len,
                      .next_out = (Bytef *)out,
                      .avail_out = (uInt)BIG_BYTES + 1};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, BIG_BYTES);
        assert_memory_equal(out, site->big, BIG_BYTES);
        (void)inflateEnd(&z);
        static const char *const without[] = {"", "Accept-Encoding: gzip;q=0, *\r\n",
                                              "Accept-Encoding: br, x-gzips\r\n"};
        for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
                char text[200];
                (void)snprintf(text, sizeof(text), "GET /big HTTP/1.1\r\nHost: a\r\n%s\r\n",
                               without[i]);
                ask(site, text, &reply);
                assert_null(strstr(reply.head, "Content-Encoding"));
                assert_non_null(strstr(reply.head, "Vary: Accept-Encoding\r\n"));
                assert_memory_equal(reply.body.data, site->big, BIG_BYTES);
        }
        ask(site, "GET /small HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", &reply);
        assert_null(strstr(reply.head, "Content-Encoding"));
        assert_non_null(strstr(reply.head, "ETag: \"tag\"\r\n"));
}

static void test_stream(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        buf_init(&in, 4 * BIG_BYTES);
        get(fd, "GET", "/numbers?to=5000", "Accept-Encoding: gzip\r\n");
        hear_until(fd, &in, "\r\n0\r\n\r\n");
        assert_non_null(strstr(buf_text(&in), "Content-Type: text/event-stream\r\n"));
        assert_non_null(strstr(buf_text(&in), "Cache-Control: no-store\r\n"));
        assert_non_null(strstr(buf_text(&in), "X-Accel-Buffering: no\r\n"));
        assert_null(strstr(buf_text(&in), "gzip"));
        assert_non_null(strstr(buf_text(&in), "data: 1\n\n"));
        assert_non_null(strstr(buf_text(&in), "5000\n\n"));
        wait_for(&site->ended, 1);
        assert_true(atomic_load(&site->bytes) > 5000 * 9);
        buf_clear(&in);
        get(fd, "GET", "/numbers?to=0", ""); /* on the same connection */
        hear_until(fd, &in, "\r\n0\r\n\r\n");
}

/* Head and first event come at once, though nothing follows. */
static void test_stream_starts(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        buf_init(&in, BIG_BYTES);
        int64_t from_us = clock_monotonic_us();
        get(fd, "GET", "/stream", "");
        hear_until(fd, &in, ":\n\n");
        wait_held(site, 1);
        for (int i = 0; i < 20; i++) {
                char text[32];
                (void)snprintf(text, sizeof(text), "data: %d\n\n", i);
                assert_true(http_stream_send(site->held[0], text, strlen(text)));
                hear_until(fd, &in, text);
        }
        assert_true(clock_monotonic_us() - from_us < 1000000);
        http_stream_end(site->held[0]);
        assert_false(http_stream_send(site->held[0], "x", 1));
        hear_until(fd, &in, "\r\n0\r\n\r\n");
        wait_for(&site->ended, 1);
        assert_int_equal(atomic_load(&site->gone), 0);
}

static void test_gone(void **state)
{
        struct site *site = *state;
        static const char *const paths[] = {"/park", "/stream"};
        for (int i = 0; i < 2; i++) {
                int fd = dial(site);
                get(fd, "GET", paths[i], "");
                wait_held(site, (size_t)i + 1);
                assert_false(http_is_gone(site->held[i]));
                int64_t from_us = clock_monotonic_us();
                (void)close(fd);
                wait_for(&site->gone, i + 1);
                assert_true(clock_monotonic_us() - from_us < 2000000);
                assert_true(http_is_gone(site->held[i]));
                wait_for(&site->ended, i + 1);
                assert_int_equal(atomic_load(&site->last_status), i ? 200 : 0);
        }
        http_reply(site->held[0], 200, "text/plain", "x", 1);
        assert_false(http_stream_send(site->held[1], "x", 1));
        http_on_gone(site->held[0], on_gone, NULL, &site->gone);
        assert_int_equal(atomic_load(&site->gone), 3);
        assert_int_equal(http_open(site->server), 0);
}

static void test_overflow(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        get(fd, "GET", "/stream", "");
        wait_held(site, 1);
        size_t sent = 0;
        while (http_stream_send(site->held[0], site->big, BIG_BYTES / 10))
                sent += BIG_BYTES / 10;
        assert_true(sent >= HTTP_BACKLOG_MAX - BIG_BYTES / 10);
        wait_for(&site->gone, 1);
        assert_false(http_stream_send(site->held[0], "x", 1));
        wait_for(&site->ended, 1);
}

static void test_many_parked(void **state)
{
        struct site *site = *state;
        enum { N = 300 };
        site->gather = N;
        int fds[N];
        for (int i = 0; i < N; i++) {
                fds[i] = dial(site);
                get(fds[i], "GET", "/gather", "");
        }
        for (int i = 0; i < N; i++) {
                _cleanup_buf_ struct buf in = {0};
                _cleanup_reply_ struct reply reply = {0};
                buf_init(&in, BIG_BYTES);
                read_reply(fds[i], &in, true, &reply);
                assert_string_equal(buf_text(&reply.body), "all");
                (void)close(fds[i]);
        }
        wait_for(&site->ended, N);
        wait_open(site, 0);
}

static void *reply_often(void *data)
{
        struct http_request *request = data;
        for (int i = 0; i < 100; i++)
                (void)http_stream_send(request, "data: 1\n\n", 9);
        http_reply(request, 200, "text/plain", "x", 1);
        http_release(request);
        return NULL;
}

/* Replies race with the end of the server, and come after it. */
static void test_stop(void **state)
{
        struct site *site = *state;
        int fds[40];
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                fds[i] = dial(site);
                get(fds[i], "GET", i % 2 ? "/park" : "/stream", "");
        }
        wait_held(site, ARRAY_SIZE(fds));
        assert_int_equal(http_open(site->server), ARRAY_SIZE(fds));
        for (size_t i = 0; i < ARRAY_SIZE(fds) / 2; i++)
                run_thread(site, reply_often, http_hold(site->held[i]));
        http_stop(site->server);
        site->server = NULL;
        assert_int_equal(atomic_load(&site->ended), ARRAY_SIZE(fds));
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                http_reply(site->held[i], 200, "text/plain", "x", 1);
                assert_false(http_stream_send(site->held[i], "x", 1));
                assert_non_null(http_path(site->held[i]));
                (void)close(fds[i]);
        }
}

/* Clients go away while replies to them are made. */
static void test_race(void **state)
{
        struct site *site = *state;
        for (size_t i = 0; i < 200; i++) {
                int fd = dial(site);
                get(fd, "GET", i % 2 ? "/park" : "/stream", "");
                wait_held(site, 1);
                (void)pthread_mutex_lock(&site->mutex);
                struct http_request *request = site->held[--site->n_held];
                (void)pthread_mutex_unlock(&site->mutex);
                pthread_t thread;
                assert_int_equal(pthread_create(&thread, NULL, reply_often, request), 0);
                (void)close(fd);
                (void)pthread_join(thread, NULL);
        }
        wait_for(&site->ended, 200);
        wait_open(site, 0);
}

static void test_quiesce(void **state)
{
        struct site *site = *state;
        _cleanup_close_ int fd = dial(site);
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        get(fd, "GET", "/park", "");
        wait_held(site, 1);
        http_quiesce(site->server);
        http_quiesce(site->server);
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(http_port(site->server)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        _cleanup_close_ int other = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(other, (struct sockaddr *)&to, sizeof(to)), -1);
        http_reply(site->held[0], 200, "text/plain", "x", 1);
        read_reply(fd, &in, true, &reply);
        assert_int_equal(reply.status, 200);
}

static void test_slow_client(void **state)
{
        struct site *site = *state;
        _cleanup_buf_ struct buf in = {0};
        buf_init(&in, BIG_BYTES);
        static const char *const texts[] = {
                "", "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"};
        int fds[ARRAY_SIZE(texts)];
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                fds[i] = dial(site);
                tell(fds[i], texts[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                assert_true(closed(fds[i], &in));
                (void)close(fds[i]);
        }
}

/* A byte now and then keeps the connection busy, but does not make a request. */
static void test_dripping_client(void **state)
{
        struct site *site = *state;
        static const char *const starts[] = {
                "", "GET / HTTP/1.1\r\nHost: a\r\nX: ",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"};
        int fds[ARRAY_SIZE(starts)];
        for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
                fds[i] = dial(site);
                tell(fds[i], starts[i]);
        }
        int64_t from_us = clock_monotonic_us();
        for (size_t open = 1; open > 0;) {
                open = 0;
                for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                        open += send(fds[i], "a", 1, MSG_NOSIGNAL) == 1;
                (void)poll(NULL, 0, 200);
        }
        int64_t took_us = clock_monotonic_us() - from_us;
        assert_in_range(took_us, 1800000, 8000000);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                (void)close(fds[i]);
        assert_int_equal(atomic_load(&site->ended), 0);
}

/* A parked request and a stream outlast the idle timeout. */
static void test_patient(void **state)
{
        struct site *site = *state;
        _cleanup_buf_ struct buf in = {0};
        _cleanup_reply_ struct reply reply = {0};
        buf_init(&in, BIG_BYTES);
        _cleanup_close_ int parked = dial(site);
        get(parked, "GET", "/park", "");
        wait_held(site, 1);
        _cleanup_close_ int idle = dial(site);
        for (int i = 0; i < 2; i++) {
                (void)close(idle);
                idle = dial(site);
                assert_true(closed(idle, &in)); /* after a second each */
        }
        http_reply(site->held[0], 200, "text/plain", "x", 1);
        read_reply(parked, &in, true, &reply);
        assert_int_equal(reply.status, 200);
}

/* Each allocation of a request fails in turn, but for the first two, without which there is no
 * request. */
static void test_no_memory(void **state)
{
        struct site *site = *state;
        int replies = 0;
        int refused = 0;
        for (int n = 0; n < 40; n++) {
                _cleanup_close_ int fd = dial(site);
                _cleanup_buf_ struct buf in = {0};
                _cleanup_reply_ struct reply reply = {0};
                buf_init(&in, BIG_BYTES);
                atomic_store(&site->fail, (unsigned long)n + 3);
                get(fd, "GET", "/", "");
                read_reply(fd, &in, true, &reply);
                wait_for(&site->ended, 2 * n + 1);
                tell(fd, "POST /?q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
                while (!strstr(buf_text(&in), "\r\n\r\n") && hear(fd, &in) > 0)
                        ;
                wait_for(&site->ended, 2 * n + 2);
                replies += strstr(buf_text(&in), "HTTP/1.1 200 ") != NULL;
                refused += in.len == 0 || strstr(buf_text(&in), "HTTP/1.1 503 ");
        }
        assert_int_equal(replies + refused, 40);
        assert_in_range(refused, 5, 35);
}

static void test_address_in_use(void **state)
{
        struct site *site = *state;
        struct http_options options = {.address = "127.0.0.1",
                                       .port = http_port(site->server),
                                       .threads = 1,
                                       .connections_max = 10,
                                       .handle = handle,
                                       .data = site};
        struct http_server *server = NULL;
        struct error err = {0};
        assert_int_equal(http_start(&options, &server, &err), -(int)ERROR_IO);
        assert_non_null(strstr(err.message, "another program listens there"));
        options.address = "localhost";
        assert_int_equal(http_start(&options, &server, &err), -(int)ERROR_IO);
        assert_non_null(strstr(err.message, "not a numeric address"));
        assert_null(server);
}

static int setup(void **state)
{
        *state = site_new(2, 30);
        return 0;
}

static int setup_one_thread(void **state)
{
        *state = site_new(1, 30);
        return 0;
}

static int setup_impatient(void **state)
{
        *state = site_new(2, 1);
        return 0;
}

static int teardown(void **state)
{
        site_free(*state);
        return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_keep_alive),
                TEST(test_pipelined),
                TEST(test_chunked_body),
                TEST(test_head),
                TEST(test_refusals),
                TEST(test_large_body),
                TEST(test_endless_body),
                TEST(test_long_headers),
                TEST(test_not_http),
                TEST(test_continue),
                TEST(test_gzip),
                TEST(test_stream),
                TEST(test_stream_starts),
                TEST(test_gone),
                TEST(test_overflow),
                TEST(test_many_parked),
                cmocka_unit_test_setup_teardown(test_many_parked, setup_one_thread, teardown),
                TEST(test_stop),
                TEST(test_race),
                TEST(test_quiesce),
                cmocka_unit_test_setup_teardown(test_slow_client, setup_impatient, teardown),
                cmocka_unit_test_setup_teardown(test_dripping_client, setup_impatient, teardown),
                cmocka_unit_test_setup_teardown(test_patient, setup_impatient, teardown),
                cmocka_unit_test_setup_teardown(test_no_memory, setup_one_thread, teardown),
                TEST(test_address_in_use),
        };
        return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
