#include "runner/attempt.h"

#include "runner/response.h"
#include "runner/runner.h"
#include "runner/worker.h"

#include "base/clock.h"
#include "dataset/values.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPTURE_MAX 4096 /* bytes of the worker's stdout, and of its stderr, that are kept */
#define WORKER_ROWS_SLACK (64 * 1024)

void attempt_init(struct attempt *attempt)
{
        *attempt = (struct attempt){.worker.pidfd = -1};
        for (int i = 0; i < STREAM_COUNT; i++) {
                attempt->streams[i].fd = -1;
                attempt->streams[i].drop = i != STREAM_WORDS;
                buf_init(&attempt->streams[i].text, CAPTURE_MAX);
        }
}

void attempt_set_request(struct attempt *attempt, const struct request *request,
                         const struct files *files, int64_t submitted_us)
{
        attempt->request = request;
        attempt->files = files;
        attempt->submitted_us = submitted_us;
        attempt->deadline_us = submitted_us + request->limits.timeout_ms * 1000;
        size_t answer = request->op == REQUEST_VALUES ? VALUES_BYTES_MAX
                                                      : (size_t)request->limits.max_output_bytes;
        attempt->streams[STREAM_WORDS].text.max = answer + WORKER_HEAD_MAX + WORKER_ROWS_SLACK;
}

static void send_signal(const struct worker_handle *worker, int signal)
{
        if (worker->pidfd >= 0)
                (void)syscall(SYS_pidfd_send_signal, worker->pidfd, signal, NULL, 0);
        else if (worker->pid > 0)
                (void)kill(worker->pid, signal);
}

void attempt_done(struct attempt *attempt)
{
        struct worker_handle *worker = &attempt->worker;
        send_signal(worker, SIGKILL);
        if (worker->pidfd >= 0)
                (void)close(worker->pidfd);
        else if (worker->pid > 0)
                while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        *worker = (struct worker_handle){.pidfd = -1};
        response_done(&attempt->response);
        attempt->response = (struct response){0};
        for (int i = 0; i < STREAM_COUNT; i++) {
                if (attempt->streams[i].fd >= 0)
                        (void)close(attempt->streams[i].fd);
                attempt->streams[i].fd = -1;
                buf_done(&attempt->streams[i].text);
        }
}

int attempt_open_streams(struct attempt *attempt, int ends[STREAM_COUNT], struct error *err)
{
        for (int i = 0; i < STREAM_COUNT; i++) {
                int fds[2];
                if (pipe2(fds, O_CLOEXEC) < 0)
                        return error_errno(err, errno, "making a pipe");
                attempt->streams[i].fd = fds[0];
                ends[i] = fds[1];
                (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
        }
        return 0;
}

void attempt_kill(struct attempt *attempt)
{
        send_signal(&attempt->worker, SIGKILL);
        attempt->killed = true;
}

void attempt_read(struct attempt *attempt, int which)
{
        struct stream *stream = &attempt->streams[which];
        char chunk[65536];
        ssize_t n = read(stream->fd, chunk, sizeof(chunk));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                (void)close(stream->fd);
                stream->fd = -1;
                return;
        }
        size_t take = (size_t)n;
        if (stream->drop && take > stream->text.max - stream->text.len)
                take = stream->text.max - stream->text.len;
        buf_append(&stream->text, chunk, take);
        if (stream->text.state != BUF_OK && attempt->failure.type == ERROR_NONE) {
                (void)error_set(&attempt->failure, ERROR_RUNNER_INTERNAL,
                                "the worker said more than it may");
                attempt_kill(attempt);
        }
}

bool attempt_is_listening(const struct attempt *attempt)
{
        for (int i = 0; i < STREAM_COUNT; i++)
                if (attempt->streams[i].fd >= 0)
                        return true;
        return false;
}

int64_t attempt_wait_ms(const struct attempt *attempt)
{
        int64_t grace_us = attempt->interrupted ? RUNNER_INTERRUPT_GRACE_MS * 1000LL : 0;
        int64_t left_us = attempt->deadline_us + grace_us - clock_monotonic_us();
        return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

void attempt_keep_time(struct attempt *attempt)
{
        if (attempt->killed || attempt_wait_ms(attempt) > 0)
                return;
        if (attempt->interrupted) {
                attempt_kill(attempt);
        } else {
                send_signal(&attempt->worker, WORKER_STOP_SIGNAL);
                attempt->interrupted = true;
        }
}

void attempt_judge_end(struct attempt *attempt)
{
        struct error *failure = &attempt->failure;
        const struct limits *limits = &attempt->request->limits;
        int signal = WIFSIGNALED(attempt->status) ? WTERMSIG(attempt->status) : 0;
        bool near_limit = attempt->peak_kb / 1024 >= limits->memory_mb * 3 / 4;
        if (attempt->killed || signal == SIGXCPU)
                (void)error_set(failure, ERROR_RUNNER_TIMEOUT,
                                "the query was stopped at its deadline of %lld ms; ask for less, "
                                "or raise --timeout-ms",
                                (long long)limits->timeout_ms);
        else if (signal == SIGKILL)
                (void)error_set(failure, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                "the sandboxed process was killed from outside, most likely as the "
                                "machine ran out of memory; ask for less, or give it more");
        else if (signal != 0 && near_limit)
                (void)error_set(failure, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                "the query used more memory than it may (limit %lld MB); raise "
                                "--memory-mb or ask for less",
                                (long long)limits->memory_mb);
        else if (signal != 0)
                (void)error_set(failure, ERROR_RUNNER_INTERNAL,
                                "the engine crashed on this query (signal %d)", signal);
        else
                (void)error_set(failure, ERROR_RUNNER_INTERNAL,
                                "the sandboxed process ended without an answer (exit status %d)",
                                WEXITSTATUS(attempt->status));
}

bool attempt_take_words(struct attempt *attempt)
{
        response_done(&attempt->response); /* of what was there before its end was heard of */
        attempt->response = (struct response){
                .request = attempt->request,
                .files = attempt->files,
                .said = &attempt->streams[STREAM_WORDS].text,
                .out = &attempt->streams[STREAM_STDOUT].text,
                .err = &attempt->streams[STREAM_STDERR].text,
                .described = attempt->described,
                .values = attempt->values,
                .failure = &attempt->failure,
        };
        attempt->is_whole = response_take_words(&attempt->response);
        if (attempt->is_whole)
                attempt->peak_kb = response_peak_kb(&attempt->response);
        return attempt->is_whole;
}

void attempt_set_end(struct attempt *attempt, int status, long peak_kb)
{
        attempt->status = status;
        if (!attempt->is_whole)
                attempt->peak_kb = peak_kb;
}

int attempt_put_response(struct attempt *attempt, struct buf *out, struct error *err)
{
        if (attempt->failure.type == ERROR_NONE && !attempt->is_whole)
                attempt_judge_end(attempt);
        attempt->response.peak_kb = attempt->peak_kb;
        return response_put(&attempt->response, out, err);
}
