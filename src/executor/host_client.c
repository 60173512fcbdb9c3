#include "executor/host_client.h"

#include "executor/process.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "protocol/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define START_TRIES 3 /* a host may just be ending, or another client just starting one */
#define START_TIMEOUT_MS 15000
#define START_WORDS_MAX 4096
#define STATUS_TIMEOUT_MS 5000
#define CHUNK_BYTES 65536

struct host_client {
        char *runner;
        char *home;
        char *folder; /* of the socket */
        char name[HOST_CLIENT_MAX];
        char socket[HOST_SOCKET_NAME_SIZE];
        struct executor_host options;
        int fd; /* connected; or -1 */
};

void host_client_free(struct host_client *client)
{
        if (!client)
                return;
        cleanup_close(&client->fd);
        free(client->runner);
        free(client->home);
        free(client->folder);
        free(client);
}

int host_client_new(const char *runner, const struct executor_host *host, struct host_client **ret,
                    struct error *err)
{
        struct host_client *client = alloc_calloc(1, sizeof(*client));
        if (!client)
                return error_oom(err);
        client->fd = -1;
        client->options = *host;
        client->runner = alloc_strdup(runner);
        client->home = alloc_strdup(host->home);
        (void)snprintf(client->name, sizeof(client->name), "%s", host->client ? host->client : "");
        if (!host->client)
                (void)snprintf(client->name, sizeof(client->name), "%ld", (long)getpid());
        size_t n = strlen(host->home) + sizeof("/" HOST_FOLDER);
        client->folder = alloc_malloc(n);
        if (client->folder)
                (void)snprintf(client->folder, n, "%s/" HOST_FOLDER, host->home);
        int r = client->runner && client->home && client->folder
                        ? host_socket_name(runner, client->socket, err)
                        : error_oom(err);
        if (r < 0)
                host_client_free(client);
        else
                *ret = client;
        return r;
}

/* The socket, or -errno. */
static int try_connect(struct host_client *client)
{
        _cleanup_close_ int folder =
                open(client->folder, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder < 0)
                return -errno;
        int fd = host_connect(folder, client->socket);
        if (fd >= 0)
                (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
}

struct arguments {
        char text[8][32];
        char *argv[24];
        int n;
};

static void add_number(struct arguments *arguments, const char *option, int64_t value, int slot)
{
        if (value < 0)
                return;
        (void)snprintf(arguments->text[slot], sizeof(arguments->text[slot]), "%lld",
                       (long long)value);
        arguments->argv[arguments->n++] = (char *)option;
        arguments->argv[arguments->n++] = arguments->text[slot];
}

/* What it says until it has detached: "ready", or why it cannot be. */
static int hear_start(struct process *process, struct buf *said, struct error *err)
{
        int64_t deadline_us = clock_monotonic_us() + START_TIMEOUT_MS * 1000LL;
        while (process->stdout_fd >= 0) {
                char chunk[1024];
                struct pollfd out = {.fd = process->stdout_fd, .events = POLLIN};
                int64_t left_us = deadline_us - clock_monotonic_us();
                if (left_us <= 0)
                        return error_set(err, ERROR_IO, "the host of warm tables did not start");
                (void)poll(&out, 1, (int)(left_us / 1000 + 1));
                ssize_t n = read(process->stdout_fd, chunk, sizeof(chunk));
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (n <= 0)
                        break;
                buf_append(said, chunk, (size_t)n);
        }
        (void)process_wait(process, START_TIMEOUT_MS);
        if (strcmp(buf_text(said), "ready\n") == 0)
                return 0;
        return error_set(err, ERROR_IO, "the host of warm tables did not start: %.600s",
                         buf_text(said));
}

static int start_host(struct host_client *client, struct error *err)
{
        const struct executor_host *options = &client->options;
        struct arguments arguments = {.argv = {client->runner, (char *)"host", (char *)"--home",
                                               client->home, (char *)"--socket", client->socket},
                                      .n = 6};
        add_number(&arguments, "--linger-ms", options->linger_ms, 0);
        add_number(&arguments, "--runs", options->runs, 1);
        add_number(&arguments, "--waiting", options->waiting, 2);
        add_number(&arguments, "--memory-mb", options->memory_mb, 3);
        add_number(&arguments, "--snapshot-mb", options->snapshot_mb, 4);
        /* Symbols are bound once, here, and not by every child for itself. */
        char bind_now[] = "LD_BIND_NOW=1";
        char *environment[PROCESS_ENV_MAX];
        size_t n = process_environment(environment);
        environment[n] = bind_now;
        environment[n + 1] = NULL;
        struct process process;
        _cleanup_buf_ struct buf said = {0};
        buf_init(&said, START_WORDS_MAX);
        int r = process_start(&process, arguments.argv, environment, err);
        if (r < 0)
                return r;
        r = hear_start(&process, &said, err);
        process_release(&process);
        return r;
}

int host_client_connect(struct host_client *client, struct error *err)
{
        if (client->fd >= 0)
                return 0;
        for (int i = 0; i < START_TRIES; i++) {
                int fd = try_connect(client);
                if (fd >= 0) {
                        client->fd = fd;
                        return 0;
                }
                int r = start_host(client, err);
                if (r < 0)
                        return r;
        }
        return error_set(err, ERROR_IO, "the host of warm tables in %s cannot be connected to",
                         client->folder);
}

/* One exchange. */
struct talk {
        int fd;
        struct buf out;
        size_t sent;
        struct buf *in;
        int cancel_fd;
        int64_t timeout_ms;
        int64_t deadline_us;
};

/* 1: more may come; 0: that was all. */
static int talk_receive(struct talk *talk, struct error *err)
{
        char chunk[CHUNK_BYTES];
        for (;;) {
                ssize_t n = fd_receive(talk->fd, chunk, sizeof(chunk));
                if (n <= 0)
                        return n < 0;
                buf_append(talk->in, chunk, (size_t)n);
                if (talk->in->state == BUF_TOO_LARGE)
                        return error_set(err, ERROR_RUNNER_INTERNAL,
                                         "the runner's response is larger than %zu bytes",
                                         talk->in->max);
                if (talk->in->state != BUF_OK)
                        return error_oom(err);
        }
}

static int talk_run(struct talk *talk, struct error *err)
{
        int r = 1;
        while (r > 0) {
                /* That the host is gone the reading side will say. */
                (void)fd_send_some(talk->fd, talk->out.data, talk->out.len, &talk->sent);
                int64_t left_us = talk->deadline_us - clock_monotonic_us();
                if (left_us <= 0)
                        return error_set(err, ERROR_RUNNER_TIMEOUT,
                                         "the run did not end within %lld ms; allow more with "
                                         "--timeout-ms, or ask for less",
                                         (long long)talk->timeout_ms);
                bool unsent = talk->sent < talk->out.len;
                struct pollfd fds[2] = {
                        {.fd = talk->fd, .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)},
                        {.fd = talk->cancel_fd, .events = POLLIN}};
                int n = poll(fds, 2, (int)((left_us + 999) / 1000));
                if (n < 0 && errno != EINTR)
                        return error_errno(err, errno, "waiting for the host of warm tables");
                if (n > 0 && fds[1].revents)
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                if (n > 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
                        r = talk_receive(talk, err);
        }
        return r;
}

static void talk_announce(struct talk *talk, enum host_call what, const char *data_root,
                          const char *client, const char *request, size_t request_bytes)
{
        const struct host_message message = {.magic = HOST_MAGIC,
                                             .call = what,
                                             .data_root_bytes = (uint32_t)strlen(data_root),
                                             .client_bytes = (uint32_t)strlen(client),
                                             .request_bytes = (uint32_t)request_bytes};
        buf_init(&talk->out,
                 sizeof(message) + HOST_DATA_ROOT_MAX + HOST_CLIENT_MAX + request_bytes);
        buf_append(&talk->out, &message, sizeof(message));
        buf_puts(&talk->out, data_root);
        buf_puts(&talk->out, client);
        buf_append(&talk->out, request, request_bytes);
}

/* What cannot be now is done by the next call. */
static void keep_for_next(struct host_client *client)
{
        int fd = try_connect(client);
        client->fd = fd >= 0 ? fd : -1;
}

int host_client_call(struct host_client *client, const char *data_root,
                     const struct executor_call *call, struct buf *response, struct error *err)
{
        _cleanup_close_ int fd = steal_fd(&client->fd);
        struct talk talk = {.fd = fd,
                            .in = response,
                            .cancel_fd = call->cancel_fd,
                            .timeout_ms = call->timeout_ms,
                            .deadline_us = clock_monotonic_us() +
                                           (call->timeout_ms + EXECUTOR_GRACE_MS) * 1000};
        buf_clear(response);
        if (strlen(data_root) >= HOST_DATA_ROOT_MAX || call->request_bytes > UINT32_MAX)
                return error_set(err, ERROR_INVALID_REQUEST, "the request is too large");
        talk_announce(&talk, HOST_CALL_RUN, data_root, client->name, call->request,
                      call->request_bytes);
        /* A host that does not linger ends with its last connection. */
        if (call->more)
                keep_for_next(client);
        int r = buf_error(&talk.out, err, "the request");
        if (r == 0)
                r = talk_run(&talk, err);
        buf_done(&talk.out);
        if (r == 0 && response->len == 0)
                r = error_set(err, ERROR_RUNNER_INTERNAL,
                              "the host of warm tables ended without a response; run it again");
        if (r == 0 && (int64_t)response->len > call->max_response_bytes)
                r = error_set(err, ERROR_RUNNER_INTERNAL,
                              "the runner's response is larger than %lld bytes",
                              (long long)call->max_response_bytes);
        return r;
}

int host_client_status(struct host_client *client, struct buf *answer, struct error *err)
{
        _cleanup_close_ int fd = try_connect(client);
        if (fd < 0)
                return error_errno(err, -fd, "no host of warm tables runs in %s", client->folder);
        struct talk talk = {.fd = fd,
                            .in = answer,
                            .cancel_fd = -1,
                            .timeout_ms = STATUS_TIMEOUT_MS,
                            .deadline_us = clock_monotonic_us() + STATUS_TIMEOUT_MS * 1000LL};
        buf_clear(answer);
        talk_announce(&talk, HOST_CALL_STATUS, "", "", "", 0);
        int r = buf_error(&talk.out, err, "the question");
        if (r == 0)
                r = talk_run(&talk, err);
        buf_done(&talk.out);
        return r;
}
