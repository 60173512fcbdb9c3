/* The real server for the targets that speak HTTP to it: started once, in a home of its own that
 * goes away with the process, over datasets that no runner ever reads. */
#ifndef ASKCSV_TESTS_FUZZ_SERVER_H
#define ASKCSV_TESTS_FUZZ_SERVER_H

#include "fuzz.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "server/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUZZ_ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define FUZZ_HEALTH_EVERY 64 /* inputs */
#define FUZZ_PATIENCE_MS 10000

struct fuzz_server {
        char home[64], datasets[96];
        struct config *config;
        struct registry *registry;
        struct serve *serve;
        unsigned inputs;
};

/* The one that atexit(3) ends. */
static struct fuzz_server fuzz_server;

static inline int fuzz_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
        (void)st;
        (void)kind;
        (void)at;
        return remove(path);
}

static inline void fuzz_server_end(void)
{
        serve_stop(fuzz_server.serve, 0);
        (void)nftw(fuzz_server.home, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* A folder in memory where there is such a place: its syncs cost nothing. */
static inline void fuzz_server_home(void)
{
        const char *base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
        (void)snprintf(fuzz_server.home, sizeof(fuzz_server.home), "%s/askcsv-fuzz-XXXXXX", base);
        FUZZ_CHECK(mkdtemp(fuzz_server.home));
        (void)snprintf(fuzz_server.datasets, sizeof(fuzz_server.datasets), "%s/datasets",
                       fuzz_server.home);
        FUZZ_CHECK(mkdir(fuzz_server.datasets, 0700) == 0);
}

/* Starts it, with the datasets of a registry's text. */
static inline void fuzz_server_start(const char *registry)
{
        static const struct config_flag flags[] = {
                {"--port", "0"},        {"--workers", "1"},       {"--threads", "2"},
                {"--body-max-kb", "8"}, {"--header-max-kb", "2"}, {"--log-level", "error"}};
        struct error err = {0};
        size_t recovered = 0;
        unsigned char unused[HASH_BYTES];
        char id[UUID_TEXT_SIZE];
        /* Every run fails as soon as it needs a runner. */
        FUZZ_CHECK(setenv("ASKCSV_RUNNER", "/bin/false", 1) == 0);
        fuzz_server_home();
        FUZZ_CHECK(config_load(flags, ARRAY_SIZE(flags), fuzz_server.home, &fuzz_server.config,
                               &err) == 0);
        FUZZ_CHECK(registry_parse(registry, strlen(registry), &fuzz_server.registry, &err) == 0);
        const struct serve_options options = {.config = fuzz_server.config,
                                              .home = fuzz_server.home,
                                              .registry = fuzz_server.registry,
                                              .datasets_folder = fuzz_server.datasets,
                                              .host = {.home = fuzz_server.home,
                                                       .runs = -1,
                                                       .waiting = -1,
                                                       .memory_mb = -1,
                                                       .snapshot_mb = -1}};
        FUZZ_CHECK(serve_start(&options, &fuzz_server.serve, &recovered, &err) == 0);
        /* libcrypto ends by atexit(3) too, from its first use on, and must end after the server. */
        FUZZ_CHECK(hash_bytes("", 0, unused, &err) == 0 && uuid_v7(id, &err) == 0);
        FUZZ_CHECK(atexit(fuzz_server_end) == 0);
}

/* A connection that leaves nothing behind when it is closed: there are only so many ports. */
static inline int fuzz_connect(void)
{
        const struct linger reset = {.l_onoff = 1};
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_port = htons(serve_port(fuzz_server.serve)),
                                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        FUZZ_CHECK(fd >= 0);
        FUZZ_CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
        FUZZ_CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
        return fd;
}

/* libFuzzer's alarm interrupts calls: they are made again. False when the server has closed the
 * connection: it need not hear all. */
static inline bool fuzz_send(int fd, const void *data, size_t n)
{
        for (size_t sent = 0; sent < n;) {
                ssize_t w = TEMP_FAILURE_RETRY(
                        send(fd, (const char *)data + sent, n - sent, MSG_NOSIGNAL));
                if (w <= 0)
                        return false;
                sent += (size_t)w;
        }
        return true;
}

/* What comes within the time, once: 1; the end: 0; nothing: -1. */
static inline int fuzz_receive(int fd, int wait_ms, struct buf *in)
{
        char chunk[16384];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (TEMP_FAILURE_RETRY(poll(&ready, 1, wait_ms)) <= 0)
                return -1;
        ssize_t n = TEMP_FAILURE_RETRY(recv(fd, chunk, sizeof(chunk), 0));
        if (n <= 0)
                return 0;
        buf_append(in, chunk, (size_t)n);
        FUZZ_CHECK(in->state == BUF_OK);
        return 1;
}

/* One response at the start of text. */
struct fuzz_response {
        int status;
        size_t head_bytes; /* with the empty line */
        bool has_length;
        size_t length;
        const char *body;
        bool is_problem, is_json, is_encoded;
};

/* The value of the header, or NULL; it ends at "\r". */
static inline const char *fuzz_header(const struct fuzz_response *response, const char *text,
                                      const char *name)
{
        const char *end = text + response->head_bytes;
        size_t n = strlen(name);
        for (const char *line = text; line < end;) {
                if (strncasecmp(line, name, n) == 0 && line[n] == ':')
                        return line + n + 1 + (line[n + 1] == ' ');
                const char *next = strstr(line, "\r\n");
                line = next ? next + 2 : end;
        }
        return NULL;
}

/* Checks that text begins with a response; false when its head is not complete. */
static inline bool fuzz_response_read(const char *text, struct fuzz_response *ret)
{
        *ret = (struct fuzz_response){0};
        const char *blank = strstr(text, "\r\n\r\n");
        if (!blank)
                return false;
        FUZZ_CHECK(strncmp(text, "HTTP/1.", 7) == 0 && (text[7] == '0' || text[7] == '1') &&
                   text[8] == ' ');
        ret->status = atoi(text + 9);
        FUZZ_CHECK(ret->status >= 100 && ret->status < 600 && (text[12] == ' '));
        ret->head_bytes = (size_t)(blank - text) + 4;
        ret->body = text + ret->head_bytes;
        const char *length = fuzz_header(ret, text, "Content-Length");
        const char *type = fuzz_header(ret, text, "Content-Type");
        ret->has_length = length != NULL;
        ret->length = length ? strtoul(length, NULL, 10) : 0;
        ret->is_encoded = fuzz_header(ret, text, "Content-Encoding") != NULL;
        ret->is_problem = type && strncmp(type, "application/problem+json\r", 25) == 0;
        ret->is_json = type && strncmp(type, "application/json\r", 17) == 0;
        return true;
}

/* A body that is there in full is the JSON that its type says. */
static inline void fuzz_check_body(const struct fuzz_response *response)
{
        if (response->is_encoded || !(response->is_problem || response->is_json))
                return;
        json_t *json = json_loadb(response->body, response->length, 0, NULL);
        FUZZ_CHECK(json);
        if (response->is_problem) {
                const json_t *status = json_object_get(json, "status");
                FUZZ_CHECK(json_integer_value(status) == response->status);
                FUZZ_CHECK(json_is_string(json_object_get(json, "title")));
                FUZZ_CHECK(json_is_string(json_object_get(json, "request_id")));
        }
        json_decref(json);
}

/* Reads one response whose request was not HEAD, with the patience of a test that must not hang. */
static inline void fuzz_read_response(int fd, struct buf *in, struct fuzz_response *ret)
{
        while (!fuzz_response_read(buf_text(in), ret) || in->len < ret->head_bytes + ret->length)
                FUZZ_CHECK(fuzz_receive(fd, FUZZ_PATIENCE_MS, in) == 1);
        FUZZ_CHECK(ret->has_length);
        fuzz_check_body(ret);
}

/* Now and then: whatever came before, others are served. */
static inline void fuzz_check_health(void)
{
        static const char get[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        struct fuzz_response response;
        struct buf in;
        if (fuzz_server.inputs++ % FUZZ_HEALTH_EVERY)
                return;
        buf_init(&in, FUZZ_ANSWER_MAX);
        int fd = fuzz_connect();
        FUZZ_CHECK(fuzz_send(fd, get, sizeof(get) - 1));
        fuzz_read_response(fd, &in, &response);
        FUZZ_CHECK(response.status == 200);
        (void)close(fd);
        buf_done(&in);
}

#endif
