/* The supervisor: opens an empty engine, starts the worker, hashes the files meanwhile, keeps the
 * time, writes the response. */
#include "runner/runner.h"

#include "runner/attempt.h"
#include "runner/files.h"
#include "runner/response.h"
#include "runner/signals.h"
#include "runner/worker.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct job {
        const struct request *request;
        struct engine *engine; /* empty; the worker's copy is what gets used */
        struct files files;
        struct sandbox_walls walls;
        struct attempt attempt;
        int out_fd;
        bool framed;
};

static void job_done(struct job *job)
{
        attempt_done(&job->attempt);
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

static int start_worker(struct job *job, const struct runner_options *options, struct error *err)
{
        struct sandbox_file files[REQUEST_TABLES_MAX] = {0};
        struct sandbox_spec spec = {
                .role = job->request->op == REQUEST_EXPORT ? SANDBOX_WRITER : SANDBOX_WORKER,
                .out_bytes = job->request->limits.max_output_bytes,
                .files = files,
                .n_files = job->files.n,
                .memory_mb = job->request->limits.memory_mb,
                .cpu_s = worker_cpu_s(&job->request->limits, job->request->limits.threads),
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
        int r = attempt_open_streams(&job->attempt, ends, err);
        if (r == 0)
                r = job->attempt.worker.pid =
                        sandbox_clone(&job->walls, options->walls.os_sandbox, err);
        if (r == 0)
                become_worker(job, &options->walls, &spec, ends);
        for (int i = 0; i < STREAM_COUNT; i++)
                if (ends[i] >= 0)
                        (void)close(ends[i]);
        return r < 0 ? r : 0;
}

/* One wait for whatever comes first. Negative when the run is to be given up without a word. */
static int wait_once(struct job *job, bool hashing, const sigset_t *while_waiting)
{
        struct attempt *attempt = &job->attempt;
        struct pollfd fds[STREAM_COUNT + 1];
        for (int i = 0; i < STREAM_COUNT; i++)
                fds[i] = (struct pollfd){.fd = attempt->streams[i].fd, .events = POLLIN};
        /* No events: only "the reader is gone" is of interest. */
        fds[STREAM_COUNT] = (struct pollfd){.fd = job->out_fd};
        int64_t ms = hashing ? 0 : attempt->killed ? 1000 : attempt_wait_ms(attempt);
        struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        int n = ppoll(fds, STREAM_COUNT + 1, &timeout, while_waiting);
        if (signals_ending() || (n > 0 && fds[STREAM_COUNT].revents & (POLLERR | POLLNVAL)))
                return -(int)ERROR_CANCELLED;
        for (int i = 0; n > 0 && i < STREAM_COUNT; i++)
                if (fds[i].revents)
                        attempt_read(attempt, i);
        return 0;
}

/* Until every stream has ended and every file is hashed, or there is no point in going on. */
static int attend(struct job *job, const sigset_t *while_waiting)
{
        struct attempt *attempt = &job->attempt;
        int hashing = 1;
        while (attempt_is_listening(attempt) || hashing > 0) {
                if (hashing > 0)
                        hashing = files_hash_some(&job->files, &attempt->failure);
                if (hashing < 0)
                        attempt_kill(attempt);
                if (attempt->failure.type != ERROR_NONE)
                        return 0;
                if (hashing == 0 && !attempt_is_listening(attempt))
                        return 0; /* nothing would come to wake us */
                int r = wait_once(job, hashing > 0, while_waiting);
                if (r < 0)
                        return r;
                attempt_keep_time(attempt);
        }
        return 0;
}

static void reap_worker(struct attempt *attempt)
{
        struct rusage usage = {0};
        int status = 0;
        if (attempt->worker.pid == 0)
                return;
        while (wait4(attempt->worker.pid, &status, 0, &usage) < 0 && errno == EINTR)
                ;
        attempt->worker.pid = 0;
        attempt_set_end(attempt, status, usage.ru_maxrss);
}

static int respond(struct job *job, struct error *err)
{
        struct attempt *attempt = &job->attempt;
        _cleanup_buf_ struct buf out = {0};
        /* Who has said all there is to say needs no waiting for; job_done() sees to its end. */
        if (!attempt_take_words(attempt))
                reap_worker(attempt);
        if (attempt->failure.type == ERROR_NONE)
                (void)files_check_unchanged(&job->files, &attempt->failure);
        int r = attempt_put_response(attempt, &out, err);
        return r < 0 ? r : response_send(&out, job->framed, job->out_fd, err);
}

static int run_job(struct job *job, const struct runner_options *options, struct error *err)
{
        sigset_t while_waiting;
        signals_while_waiting(&while_waiting);
        int r = files_open(job->request, options->data_root, &job->files, &job->attempt.failure);
        if (r == 0)
                r = start_worker(job, options, &job->attempt.failure);
        if (r == 0) {
                r = attend(job, &while_waiting);
                if (r < 0)
                        return error_set(err, ERROR_CANCELLED, "stopped");
        }
        return respond(job, err);
}

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

static int refuse(const struct error *why, bool framed, int out_fd, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        int r = response_put_refusal(why, &out, err);
        return r < 0 ? r : response_send(&out, framed, out_fd, err);
}

int runner_serve(const struct runner_options *options, int in_fd, int out_fd, struct error *err)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(REQUEST_EXPORT_ARENA_MAX);
        struct engine *engine = NULL; /* not freed: the process ends, and freeing takes 2 ms */
        _cleanup_buf_ struct buf text = {0};
        struct request *request = NULL;
        struct error why = {0};
        buf_init(&text, REQUEST_EXPORT_BYTES_MAX);
        if (!arena)
                return error_oom(err);
        bool is_stream = !options->intake.env && !options->intake.dir;
        /* A stream's request may still be on its way; any other is read before the engine, which
         * has no business in the environment, is there. */
        int r = is_stream ? 0 : intake_read(&options->intake, -1, &text, &why);
        if (r == 0)
                r = engine_open(&engine, &why);
        if (r == 0 && is_stream)
                r = intake_read(&options->intake, in_fd, &text, &why);
        if (r == 0)
                r = request_parse(buf_text(&text), text.len, arena, &request, &why);
        if (r < 0)
                return refuse(&why, options->framed, out_fd, err);
        signals_catch();
        _cleanup_(job_done) struct job job = {
                .request = request, .engine = engine, .out_fd = out_fd, .framed = options->framed};
        attempt_init(&job.attempt);
        attempt_set_request(&job.attempt, request, &job.files, clock_monotonic_us());
        return run_job(&job, options, err);
}
