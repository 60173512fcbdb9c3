/* The runner as a process on this machine. */
#include "executor/backend.h"
#include "executor/host_client.h"
#include "executor/process.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNNER_NAME "askcsv-runner"
#define LOCAL_STOP_PATIENCE_MS 500 /* from SIGTERM to SIGKILL */
#define LOCAL_EXIT_PATIENCE_MS 500 /* from the end of the response to the end of the runner */
#define LOCAL_STDERR_MAX 4096      /* kept, for the message when the runner dies */
#define LOCAL_CHUNK_BYTES 65536
#define LOCAL_ASK_TIMEOUT_MS 15000

struct local {
        struct executor base;
        char *runner;
        char *data_root;
        struct host_client *host; /* or NULL: every call starts a runner */
        bool is_prepared;
        struct process prepared; /* a runner that waits for its request, if is_prepared */
};

static void local_free(struct executor *executor)
{
        struct local *local = (struct local *)executor;
        if (local->is_prepared) {
                process_stop(&local->prepared, LOCAL_STOP_PATIENCE_MS);
                process_done(&local->prepared);
        }
        host_client_free(local->host);
        free(local->runner);
        free(local->data_root);
        free(local);
}

/* askcsv-runner in the folder that holds this program. */
static int runner_beside_us(char out[PATH_MAX], struct error *err)
{
        ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
        if (n < 0)
                return error_errno(err, errno, "finding the folder of this program");
        out[n] = '\0';
        char *slash = strrchr(out, '/');
        size_t folder = slash ? (size_t)(slash - out) + 1 : 0;
        if (folder + sizeof(RUNNER_NAME) > PATH_MAX)
                return error_set(err, ERROR_IO, "the path of this program is too long");
        memcpy(out + folder, RUNNER_NAME, sizeof(RUNNER_NAME));
        return 0;
}

static int local_find_runner(const char *runner, char out[PATH_MAX], struct error *err)
{
        const char *path = runner ? runner : getenv("ASKCSV_RUNNER");
        if (path && *path) {
                if (strlen(path) >= PATH_MAX)
                        return error_set(err, ERROR_IO, "the path of the runner is too long");
                memcpy(out, path, strlen(path) + 1);
        } else {
                return runner_beside_us(out, err);
        }
        return 0;
}

static int check_runner(const struct local *local, struct error *err)
{
        if (access(local->runner, X_OK) == 0)
                return 0;
        return error_errno(err, errno,
                           "the program " RUNNER_NAME " is needed to run anything; build it (make "
                           "build), or set ASKCSV_RUNNER to its path: %s",
                           local->runner);
}

static int local_open(const struct executor_settings *settings, const char *data_root,
                      struct executor **ret, struct error *err)
{
        char path[PATH_MAX];
        int r = local_find_runner(settings->runner, path, err);
        if (r < 0)
                return r;
        struct local *local = alloc_calloc(1, sizeof(*local));
        if (!local)
                return error_oom(err);
        local->base.ops = &executor_local_ops;
        local->runner = alloc_strdup(path);
        local->data_root = alloc_strdup(data_root);
        if (!local->runner || !local->data_root) {
                local_free(&local->base);
                return error_oom(err);
        }
        *ret = &local->base;
        return 0;
}

/* One call under way. */
struct exchange {
        struct process process;
        const struct executor_call *call;
        size_t written; /* of the request */
        size_t received;
        struct buf *response;
        struct buf said;      /* the start of the runner's stderr */
        bool any_exit_status; /* is fine, as long as there is a response */
        int64_t deadline_us;
};

static void exchange_done(struct exchange *exchange)
{
        process_done(&exchange->process);
        buf_done(&exchange->said);
}

static void close_end(int *fd)
{
        cleanup_close(fd);
        *fd = -1;
}

/* A write to a pipe that the runner closed must be an error here, not the end of the program;
 * whatever the program does with SIGPIPE otherwise stays as it was. */
static ssize_t write_quietly(int fd, const char *bytes, size_t n)
{
        sigset_t pipe_only;
        sigset_t pending;
        sigset_t before;
        (void)sigemptyset(&pipe_only);
        (void)sigaddset(&pipe_only, SIGPIPE);
        (void)sigpending(&pending);
        bool was_pending = sigismember(&pending, SIGPIPE) == 1;
        (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
        ssize_t written = write(fd, bytes, n);
        int errnum = errno;
        if (written < 0 && errnum == EPIPE && !was_pending) {
                const struct timespec now = {0};
                while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
                        ;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = errnum;
        return written;
}

static bool is_retry(int errnum)
{
        return errnum == EINTR || errnum == EAGAIN || errnum == EWOULDBLOCK;
}

/* A runner that does not want its request any more will say why, or die; both show elsewhere. */
static void exchange_write(struct exchange *exchange)
{
        struct process *process = &exchange->process;
        const struct executor_call *call = exchange->call;
        ssize_t n = write_quietly(process->stdin_fd, call->request + exchange->written,
                                  call->request_bytes - exchange->written);
        if (n < 0 && is_retry(errno))
                return;
        if (n > 0)
                exchange->written += (size_t)n;
        if (n < 0 || exchange->written == call->request_bytes)
                close_end(&process->stdin_fd);
}

/* Takes what is there; closes fd at its end. The count, 0 at the end, or -1 for "later". */
static ssize_t take_chunk(int *fd, char chunk[LOCAL_CHUNK_BYTES])
{
        ssize_t n = read(*fd, chunk, LOCAL_CHUNK_BYTES);
        if (n < 0 && is_retry(errno))
                return -1;
        if (n > 0)
                return n;
        close_end(fd);
        return 0;
}

/* Returns the count taken, 0 at the end, -1 for "later", or less for an error. */
static ssize_t exchange_read(struct exchange *exchange, struct error *err)
{
        char chunk[LOCAL_CHUNK_BYTES];
        ssize_t n = take_chunk(&exchange->process.stdout_fd, chunk);
        if (n <= 0)
                return n;
        exchange->received += (size_t)n;
        if ((int64_t)exchange->received > exchange->call->max_response_bytes)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's response is larger than %lld bytes",
                                 (long long)exchange->call->max_response_bytes);
        buf_append(exchange->response, chunk, (size_t)n);
        if (exchange->response->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner's response is larger than %zu bytes",
                                 exchange->response->max);
        return exchange->response->state == BUF_OK ? n : error_oom(err);
}

/* The start is kept, as the first complaint is the telling one; the rest is drained. */
static void exchange_listen(struct exchange *exchange)
{
        char chunk[LOCAL_CHUNK_BYTES];
        ssize_t n = take_chunk(&exchange->process.stderr_fd, chunk);
        size_t room = exchange->said.max - exchange->said.len;
        if (n > 0)
                buf_append(&exchange->said, chunk, (size_t)n < room ? (size_t)n : room);
}

enum { POLL_STDIN, POLL_STDOUT, POLL_STDERR, POLL_ENDED, POLL_CANCEL, POLL_COUNT };

/* Moves bytes until the runner has closed its stdout or has ended. */
static int exchange_pump(struct exchange *exchange, struct error *err)
{
        struct process *process = &exchange->process;
        bool has_ended = false;
        while (process->stdout_fd >= 0) {
                int64_t left_us = exchange->deadline_us - clock_monotonic_us();
                if (left_us <= 0)
                        return error_set(err, ERROR_RUNNER_TIMEOUT,
                                         "the run did not end within %lld ms; allow more with "
                                         "--timeout-ms, or ask for less",
                                         (long long)exchange->call->timeout_ms);
                struct pollfd fds[POLL_COUNT] = {
                        [POLL_STDIN] = {.fd = process->stdin_fd, .events = POLLOUT},
                        [POLL_STDOUT] = {.fd = process->stdout_fd, .events = POLLIN},
                        [POLL_STDERR] = {.fd = process->stderr_fd, .events = POLLIN},
                        [POLL_ENDED] = {.fd = process->pidfd, .events = POLLIN},
                        [POLL_CANCEL] = {.fd = exchange->call->cancel_fd, .events = POLLIN},
                };
                int n = poll(fds, POLL_COUNT, (int)((left_us + 999) / 1000));
                if (n < 0 && errno != EINTR)
                        return error_errno(err, errno, "waiting for the runner");
                if (n <= 0)
                        continue;
                if (fds[POLL_CANCEL].revents)
                        return error_set(err, ERROR_CANCELLED, "the run was stopped");
                if (fds[POLL_STDIN].revents)
                        exchange_write(exchange);
                if (fds[POLL_STDERR].revents)
                        exchange_listen(exchange);
                if (fds[POLL_STDOUT].revents) {
                        ssize_t r = exchange_read(exchange, err);
                        if (r < -1)
                                return (int)r;
                } else if (has_ended) {
                        break; /* drained; somebody it left behind holds the pipe open */
                }
                if (fds[POLL_ENDED].revents)
                        has_ended = true;
        }
        return 0;
}

/* The last words on one line, for the end of an error message. */
static const char *last_words(struct exchange *exchange)
{
        while (exchange->process.stderr_fd >= 0 && exchange->said.len < exchange->said.max) {
                size_t before = exchange->said.len;
                exchange_listen(exchange);
                if (exchange->said.len == before)
                        break;
        }
        struct buf *said = &exchange->said;
        if (said->len == 0)
                return "";
        for (size_t i = 0; i < said->len; i++)
                if ((unsigned char)said->data[i] < ' ' || said->data[i] == 0x7f)
                        said->data[i] = ' ';
        while (said->len > 0 && said->data[said->len - 1] == ' ')
                said->data[--said->len] = '\0';
        return said->data;
}

static int runner_died(struct exchange *exchange, struct error *err)
{
        const char *words = last_words(exchange);
        const char *colon = *words ? ": " : "";
        int status = exchange->process.status;
        if (WIFSIGNALED(status))
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner was killed by signal %d (%s)%s%.600s",
                                 WTERMSIG(status), strsignal(WTERMSIG(status)), colon, words);
        if (WEXITSTATUS(status) != 0)
                return error_set(err, ERROR_RUNNER_INTERNAL,
                                 "the runner ended with exit status %d%s%.600s",
                                 WEXITSTATUS(status), colon, words);
        return error_set(err, ERROR_RUNNER_INTERNAL, "the runner ended without a response%s%.600s",
                         colon, words);
}

static int exchange_run(struct exchange *exchange, struct error *err)
{
        int r = exchange_pump(exchange, err);
        if (r < 0) {
                process_stop(&exchange->process, LOCAL_STOP_PATIENCE_MS);
                return r;
        }
        bool ended = process_wait(&exchange->process, LOCAL_EXIT_PATIENCE_MS);
        if (!ended)
                process_stop(&exchange->process, LOCAL_STOP_PATIENCE_MS);
        int stderr_fd = steal_fd(&exchange->process.stderr_fd);
        process_done(&exchange->process);
        exchange->process.stderr_fd = stderr_fd;
        /* With the response complete, a runner that merely lingers does no harm. */
        bool well = !ended ||
                    (WIFEXITED(exchange->process.status) &&
                     (exchange->any_exit_status || WEXITSTATUS(exchange->process.status) == 0));
        return well && exchange->received > 0 ? 0 : runner_died(exchange, err);
}

/* One call of a runner that was started for it. */
static int local_call(const struct process *process, const struct executor_call *call,
                      bool any_exit_status, struct buf *response, struct error *err)
{
        _cleanup_(exchange_done) struct exchange exchange = {
                .process = *process,
                .call = call,
                .response = response,
                .any_exit_status = any_exit_status,
                .deadline_us = clock_monotonic_us() + (call->timeout_ms + EXECUTOR_GRACE_MS) * 1000,
        };
        buf_init(&exchange.said, LOCAL_STDERR_MAX);
        buf_clear(response);
        return exchange_run(&exchange, err);
}

static int local_start(char *const argv[], struct process *process, struct error *err)
{
        char *envp[PROCESS_ENV_MAX];
        process_environment(envp);
        return process_start(process, argv, envp, err);
}

static int local_use_host(struct executor *executor, const struct executor_host *host,
                          struct error *err)
{
        struct local *local = (struct local *)executor;
        struct host_client *client = NULL;
        if (check_runner(local, NULL) < 0)
                return 0; /* the first call says so */
        int r = host_client_new(local->runner, host, &client, err);
        if (r == 0) {
                host_client_free(local->host);
                local->host = client;
        }
        return r;
}

static int local_prepare(struct executor *executor, struct error *err)
{
        struct local *local = (struct local *)executor;
        struct error ignored = {0};
        int r = check_runner(local, err);
        if (r < 0)
                return r;
        if (local->host && host_client_connect(local->host, &ignored) == 0)
                return 0;
        char option[] = "--data-root";
        char *argv[] = {local->runner, option, local->data_root, NULL};
        if (local->is_prepared)
                return 0;
        r = local_start(argv, &local->prepared, err);
        local->is_prepared = r == 0;
        return r;
}

static int local_run(struct executor *executor, const struct executor_call *call,
                     struct buf *response, struct error *err)
{
        struct local *local = (struct local *)executor;
        int r = local_prepare(executor, err);
        if (r < 0)
                return r;
        if (!local->is_prepared)
                return host_client_call(local->host, local->data_root, call, response, err);
        local->is_prepared = false; /* a runner serves once */
        return local_call(&local->prepared, call, false, response, err);
}

static int local_ask(struct executor *executor, enum executor_question question, struct buf *answer,
                     struct error *err)
{
        struct local *local = (struct local *)executor;
        char probe[] = "--probe";
        char version[] = "--version";
        char *argv[] = {local->runner, question == EXECUTOR_ASK_PROBE ? probe : version, NULL};
        const struct executor_call call = {.request = "",
                                           .timeout_ms = LOCAL_ASK_TIMEOUT_MS,
                                           .max_response_bytes = (int64_t)answer->max,
                                           .cancel_fd = -1};
        struct process process;
        if (question == EXECUTOR_ASK_HOST)
                return local->host ? host_client_status(local->host, answer, err)
                                   : error_set(err, ERROR_IO, "no host is in use");
        int r = check_runner(local, err);
        if (r == 0)
                r = local_start(argv, &process, err);
        return r < 0 ? r : local_call(&process, &call, true, answer, err);
}

static const char *local_place(const struct executor *executor)
{
        return ((const struct local *)executor)->runner;
}

const struct executor_ops executor_local_ops = {
        .name = "local",
        .open = local_open,
        .free = local_free,
        .use_host = local_use_host,
        .prepare = local_prepare,
        .run = local_run,
        .ask = local_ask,
        .place = local_place,
};
