/* The supervisor: opens an empty engine, starts the worker, hashes the files meanwhile, keeps the
 * time, writes the response. It parses nothing of the worker's but two short lines of JSON. */
#include "runner/runner.h"

#include "runner/files.h"
#include "runner/response.h"
#include "runner/worker.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_ARENA_MAX (16 * 1024 * 1024)
#define CAPTURE_MAX 4096 /* bytes of the worker's stdout, and of its stderr, that are kept */
#define WORKER_ROWS_SLACK (64 * 1024)

static volatile sig_atomic_t ending_signal; /* SIGTERM, SIGINT or SIGHUP came */

static void note_signal(int signal)
{
        ending_signal = signal;
}

/* One stream from the worker. */
struct stream {
        int fd; /* -1 once it has ended */
        struct buf text;
        bool drop; /* what does not fit is read and forgotten, not an error */
};

enum { STREAM_WORDS, STREAM_STDOUT, STREAM_STDERR, STREAM_COUNT };

struct job {
        const struct request *request;
        struct engine *engine; /* empty; the worker's copy is what gets used */
        struct files files;
        struct sandbox_walls walls;
        struct stream streams[STREAM_COUNT];
        pid_t pid;
        int out_fd;
        int64_t deadline_us;
        bool interrupted; /* the worker was asked to stop */
        bool killed;      /* and then was killed */
        int status;       /* of waitpid(2) */
        long peak_kb;
        struct error failure; /* found by the supervisor itself; type NONE while there is none */
};

static void job_done(struct job *job)
{
        if (job->pid > 0) {
                (void)kill(job->pid, SIGKILL);
                while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        for (int i = 0; i < STREAM_COUNT; i++) {
                if (job->streams[i].fd >= 0)
                        (void)close(job->streams[i].fd);
                buf_done(&job->streams[i].text);
        }
        files_close(&job->files);
}

/* The child's half: its ends of the pipes become 1, 2 and the pipe for words. */
_Noreturn static void become_worker(struct job *job, const struct runner_walls *wanted,
                                    struct sandbox_spec *spec, const int ends[STREAM_COUNT])
{
        int words = ends[STREAM_WORDS];
        if (dup2(ends[STREAM_STDOUT], STDOUT_FILENO) < 0 ||
            dup2(ends[STREAM_STDERR], STDERR_FILENO) < 0)
                _exit(WORKER_EXIT_MUTE);
        spec->keep_fds = &words;
        spec->n_keep_fds = 1;
        worker_main(job->request, wanted, job->engine, spec, &job->walls, words);
}

static int open_pipes(struct job *job, int ends[STREAM_COUNT], struct error *err)
{
        for (int i = 0; i < STREAM_COUNT; i++) {
                int fds[2];
                /* Above 2, whatever of 0, 1 and 2 our caller left closed. */
                if (pipe2(fds, O_CLOEXEC) < 0)
                        return error_errno(err, errno, "making a pipe");
                job->streams[i].fd = fds[0];
                ends[i] = fds[1];
        }
        return 0;
}

static int start_worker(struct job *job, const struct runner_options *options, struct error *err)
{
        struct sandbox_file files[REQUEST_TABLES_MAX] = {0};
        struct sandbox_spec spec = {
                .files = files,
                .n_files = job->files.n,
                .memory_mb = job->request->limits.memory_mb,
                .cpu_s =
                        (job->request->limits.timeout_ms / 1000 + 2) * job->request->limits.threads,
                .threads = job->request->limits.threads,
                .parent = getpid(),
                .uid = geteuid(),
                .gid = getegid(),
        };
        int ends[STREAM_COUNT] = {-1, -1, -1};
        for (size_t i = 0; i < job->files.n; i++) {
                files[i].path = job->files.items[i].table->path;
                files[i].fd = job->files.items[i].fd;
        }
        int r = open_pipes(job, ends, err);
        if (r == 0)
                r = job->pid = sandbox_clone(&job->walls, options->walls.os_sandbox, err);
        if (r == 0)
                become_worker(job, &options->walls, &spec, ends);
        for (int i = 0; i < STREAM_COUNT; i++)
                if (ends[i] >= 0)
                        (void)close(ends[i]);
        return r < 0 ? r : 0;
}

/* Takes in what is there; a stream that ends is closed. */
static void read_stream(struct stream *stream)
{
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
}

static void kill_worker(struct job *job)
{
        (void)kill(job->pid, SIGKILL);
        job->killed = true;
}

/* The next moment at which something has to happen, in milliseconds from now; never negative. */
static int64_t next_wait_ms(struct job *job)
{
        int64_t grace_us = job->interrupted ? RUNNER_INTERRUPT_GRACE_MS * 1000LL : 0;
        int64_t left_us = job->deadline_us + grace_us - clock_monotonic_us();
        return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

/* At the deadline the engine is asked to stop; 250 ms later the worker is killed, and with it,
 * as the first process of its PID namespace, all that it may have started. */
static void keep_time(struct job *job)
{
        if (job->killed || next_wait_ms(job) > 0)
                return;
        if (job->interrupted) {
                kill_worker(job);
        } else {
                (void)kill(job->pid, WORKER_STOP_SIGNAL);
                job->interrupted = true;
        }
}

static bool has_open_stream(const struct job *job)
{
        for (int i = 0; i < STREAM_COUNT; i++)
                if (job->streams[i].fd >= 0)
                        return true;
        return false;
}

/* One wait for whatever comes first. Negative when the run is to be given up without a word. */
static int wait_once(struct job *job, bool hashing, const sigset_t *while_waiting)
{
        struct pollfd fds[STREAM_COUNT + 1];
        for (int i = 0; i < STREAM_COUNT; i++)
                fds[i] = (struct pollfd){.fd = job->streams[i].fd, .events = POLLIN};
        /* No events: only "the reader is gone" is of interest. */
        fds[STREAM_COUNT] = (struct pollfd){.fd = job->out_fd};
        int64_t ms = hashing ? 0 : job->killed ? 1000 : next_wait_ms(job);
        struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        int n = ppoll(fds, STREAM_COUNT + 1, &timeout, while_waiting);
        if (ending_signal || (n > 0 && fds[STREAM_COUNT].revents & (POLLERR | POLLNVAL)))
                return -(int)ERROR_CANCELLED;
        for (int i = 0; n > 0 && i < STREAM_COUNT; i++)
                if (fds[i].revents)
                        read_stream(&job->streams[i]);
        return 0;
}

/* Until every stream has ended and every file is hashed, or there is no point in going on. */
static int attend(struct job *job, const sigset_t *while_waiting)
{
        int hashing = 1;
        while (has_open_stream(job) || hashing > 0) {
                if (hashing > 0)
                        hashing = files_hash_some(&job->files, &job->failure);
                if (hashing < 0) {
                        kill_worker(job);
                        return 0;
                }
                if (job->streams[STREAM_WORDS].text.state != BUF_OK) {
                        (void)error_set(&job->failure, ERROR_RUNNER_INTERNAL,
                                        "the worker said more than it may");
                        kill_worker(job);
                        return 0;
                }
                int r = wait_once(job, hashing > 0, while_waiting);
                if (r < 0)
                        return r;
                keep_time(job);
        }
        return 0;
}

static void reap_worker(struct job *job)
{
        struct rusage usage = {0};
        while (wait4(job->pid, &job->status, 0, &usage) < 0 && errno == EINTR)
                ;
        job->pid = 0;
        job->peak_kb = usage.ru_maxrss;
}

/* How a worker that did not finish its words came to its end. */
static void judge_end(struct job *job)
{
        struct error *failure = &job->failure;
        int signal = WIFSIGNALED(job->status) ? WTERMSIG(job->status) : 0;
        bool near_limit = job->peak_kb / 1024 >= job->request->limits.memory_mb * 3 / 4;
        if (job->killed || signal == SIGXCPU)
                (void)error_set(failure, ERROR_RUNNER_TIMEOUT,
                                "the query was stopped at its deadline of %lld ms; ask for less, "
                                "or raise --timeout-ms",
                                (long long)job->request->limits.timeout_ms);
        else if (signal == SIGKILL)
                (void)error_set(failure, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                "the sandboxed process was killed from outside, most likely as the "
                                "machine ran out of memory; ask for less, or give it more");
        else if (signal != 0 && near_limit)
                (void)error_set(failure, ERROR_RUNNER_RESOURCE_EXCEEDED,
                                "the query used more memory than it may (limit %lld MB); raise "
                                "--memory-mb or ask for less",
                                (long long)job->request->limits.memory_mb);
        else if (signal != 0)
                (void)error_set(failure, ERROR_RUNNER_INTERNAL,
                                "the engine crashed on this query (signal %d)", signal);
        else
                (void)error_set(failure, ERROR_RUNNER_INTERNAL,
                                "the sandboxed process ended without an answer (exit status %d)",
                                WEXITSTATUS(job->status));
}

static int respond(struct job *job, struct error *err)
{
        struct response response = {
                .request = job->request,
                .files = &job->files,
                .said = &job->streams[STREAM_WORDS].text,
                .out = &job->streams[STREAM_STDOUT].text,
                .err = &job->streams[STREAM_STDERR].text,
                .failure = &job->failure,
        };
        bool whole = response_take_words(&response);
        /* Who has said all there is to say needs no waiting for; job_done() sees to its end. */
        if (!whole && job->pid > 0)
                reap_worker(job);
        if (job->failure.type == ERROR_NONE)
                (void)files_check_unchanged(&job->files, &job->failure);
        if (job->failure.type == ERROR_NONE && !whole)
                judge_end(job);
        response.peak_kb = whole ? response_peak_kb(&response) : job->peak_kb;
        int r = response_write(&response, job->out_fd, err);
        response_done(&response);
        return r;
}

static void job_init(struct job *job, const struct request *request, struct engine *engine,
                     int out_fd)
{
        *job = (struct job){.request = request, .engine = engine, .out_fd = out_fd};
        job->deadline_us = clock_monotonic_us() + request->limits.timeout_ms * 1000;
        for (int i = 0; i < STREAM_COUNT; i++) {
                job->streams[i].fd = -1;
                job->streams[i].drop = i != STREAM_WORDS;
        }
        buf_init(&job->streams[STREAM_WORDS].text,
                 (size_t)request->limits.max_output_bytes + WORKER_HEAD_MAX + WORKER_ROWS_SLACK);
        buf_init(&job->streams[STREAM_STDOUT].text, CAPTURE_MAX);
        buf_init(&job->streams[STREAM_STDERR].text, CAPTURE_MAX);
}

static int run_job(struct job *job, const struct runner_options *options, struct error *err)
{
        sigset_t while_waiting;
        (void)sigprocmask(SIG_SETMASK, NULL, &while_waiting);
        (void)sigdelset(&while_waiting, SIGTERM);
        (void)sigdelset(&while_waiting, SIGINT);
        (void)sigdelset(&while_waiting, SIGHUP);
        int r = files_open(job->request, options->data_root, &job->files, &job->failure);
        if (r == 0)
                r = start_worker(job, options, &job->failure);
        if (r == 0) {
                r = attend(job, &while_waiting);
                if (r < 0)
                        return error_set(err, ERROR_CANCELLED, "stopped");
        }
        return respond(job, err);
}

static void catch_signals(void)
{
        struct sigaction action = {.sa_handler = note_signal};
        sigset_t blocked;
        (void)sigemptyset(&blocked);
        static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
                (void)sigaction(ending[i], &action, NULL);
                (void)sigaddset(&blocked, ending[i]);
        }
        (void)sigprocmask(SIG_BLOCK, &blocked, NULL); /* they come in ppoll(2) only */
        (void)signal(SIGPIPE, SIG_IGN);
}

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

int runner_serve(const struct runner_options *options, int in_fd, int out_fd, struct error *err)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(REQUEST_ARENA_MAX);
        struct engine *engine = NULL; /* not freed: the process ends, and freeing takes 2 ms */
        _cleanup_buf_ struct buf text = {0};
        struct request *request = NULL;
        struct error why = {0};
        buf_init(&text, REQUEST_BYTES_MAX);
        if (!arena)
                return error_oom(err);
        int r = engine_open(&engine, &why); /* while the request may still be on its way */
        if (r == 0)
                r = fd_read_all(in_fd, &text, "the request", &why);
        if (r == 0)
                r = request_parse(buf_text(&text), text.len, arena, &request, &why);
        if (r < 0)
                return response_write_refusal(&why, out_fd, err);
        catch_signals();
        _cleanup_(job_done) struct job job = {0};
        job_init(&job, request, engine, out_fd);
        return run_job(&job, options, err);
}
