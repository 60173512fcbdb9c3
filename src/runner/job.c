#include "runner/job.h"

#include "runner/response.h"
#include "runner/signals.h"
#include "runner/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_OUT = STREAM_COUNT, WAIT_REQUEST, WAIT_IN, WAIT_COUNT };

void job_init(struct job *job, const struct runner_options *options, struct engine *engine,
              int out_fd)
{
        *job = (struct job){
                .options = options, .engine = engine, .out_fd = out_fd, .request_fd = -1};
        attempt_init(&job->attempt);
        signals_while_waiting(&job->while_waiting);
}

void job_set_request(struct job *job, const struct request *request, int64_t submitted_us)
{
        job->request = request;
        attempt_set_request(&job->attempt, request, &job->files, submitted_us);
}

static void close_request(struct job *job)
{
        if (job->request_fd >= 0)
                (void)close(job->request_fd);
        job->request_fd = -1;
}

void job_done(struct job *job)
{
        if (!job->options)
                return;
        close_request(job);
        attempt_done(&job->attempt);
        files_close(&job->files);
}

/* The child's half: its ends of the pipes become 1, 2 and the pipe for words. */
_Noreturn static void become_worker(struct job *job, struct sandbox_spec *spec,
                                    const int ends[STREAM_COUNT], int request_fd)
{
        int words = ends[STREAM_WORDS];
        const int keep[] = {words, request_fd};
        if (dup2(ends[STREAM_STDOUT], STDOUT_FILENO) < 0 ||
            dup2(ends[STREAM_STDERR], STDERR_FILENO) < 0)
                _exit(WORKER_EXIT_MUTE);
        close_request(job); /* or it would never see the end of its request */
        spec->keep_fds = keep;
        spec->n_keep_fds = request_fd >= 0 ? 2 : 1;
        worker_main(job->request, &job->options->walls, job->engine, spec, &job->walls, words,
                    request_fd);
}

static int open_request(struct job *job, int *ret_end, struct error *err)
{
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_errno(err, errno, "making a pipe");
        (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
        *ret_end = fds[0];
        job->request_fd = fds[1];
        return 0;
}

static int start_worker(struct job *job, bool waits, struct error *err)
{
        const struct limits *limits = &job->request->limits;
        struct sandbox_file files[REQUEST_TABLES_MAX] = {0};
        struct sandbox_spec spec = {
                .role = job->request->op == REQUEST_EXPORT ? SANDBOX_WRITER : SANDBOX_WORKER,
                .out_bytes = limits->max_output_bytes,
                .files = files,
                .n_files = job->files.n,
                .memory_mb = limits->memory_mb,
                /* Who waits loads in one time, and runs in another. */
                .cpu_s = worker_cpu_s(limits, limits->threads) * (waits ? 2 : 1),
                .threads = limits->threads,
                .parent = getpid(),
                .uid = geteuid(),
                .gid = getegid(),
        };
        int ends[STREAM_COUNT] = {-1, -1, -1};
        _cleanup_close_ int request_fd = -1;
        for (size_t i = 0; i < job->files.n; i++) {
                files[i].path = job->files.items[i].table->path;
                files[i].fd = job->files.items[i].fd;
        }
        int r = attempt_open_streams(&job->attempt, ends, err);
        if (r == 0 && waits)
                r = open_request(job, &request_fd, err);
        if (r == 0)
                r = job->attempt.worker.pid =
                        sandbox_clone(&job->walls, job->options->walls.os_sandbox, err);
        if (r == 0)
                become_worker(job, &spec, ends, request_fd);
        for (int i = 0; i < STREAM_COUNT; i++)
                if (ends[i] >= 0)
                        (void)close(ends[i]);
        return r < 0 ? r : 0;
}

int job_start(struct job *job, bool waits)
{
        struct error *failure = &job->attempt.failure;
        int r = files_open(job->request, job->options->data_root, &job->files, failure);
        return r < 0 ? r : start_worker(job, waits, failure);
}

/* As much of the request as the pipe takes. A worker that is gone is found out by its words. */
static void send_request(struct job *job)
{
        ssize_t n = write(job->request_fd, job->text + job->sent, job->text_bytes - job->sent);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        job->sent += n > 0 ? (size_t)n : 0;
        if (n < 0 || job->sent == job->text_bytes)
                close_request(job);
}

/* Negative when the reader is gone. */
static int take_events(struct job *job, const struct pollfd fds[WAIT_COUNT], struct job_wait *wait)
{
        if (fds[WAIT_OUT].revents & (POLLERR | POLLNVAL))
                return -(int)ERROR_CANCELLED;
        for (int i = 0; i < STREAM_COUNT; i++)
                if (fds[i].revents)
                        attempt_read(&job->attempt, i);
        if (fds[WAIT_REQUEST].revents)
                send_request(job);
        wait->came = fds[WAIT_IN].revents != 0;
        return 0;
}

int job_wait(struct job *job, struct job_wait *wait, struct error *err)
{
        struct pollfd fds[WAIT_COUNT];
        struct timespec timeout = {.tv_sec = wait->ms / 1000, .tv_nsec = wait->ms % 1000 * 1000000};
        for (int i = 0; i < STREAM_COUNT; i++)
                fds[i] = (struct pollfd){.fd = job->attempt.streams[i].fd, .events = POLLIN};
        /* No events: only "the reader is gone" is of interest. */
        fds[WAIT_OUT] = (struct pollfd){.fd = job->out_fd};
        fds[WAIT_REQUEST] =
                (struct pollfd){.fd = job->text ? job->request_fd : -1, .events = POLLOUT};
        fds[WAIT_IN] = (struct pollfd){.fd = wait->in_fd, .events = POLLIN};
        int n = ppoll(fds, WAIT_COUNT, wait->ms < 0 ? NULL : &timeout, &job->while_waiting);
        wait->came = false;
        int r = n > 0 ? take_events(job, fds, wait) : 0;
        if (r < 0 || signals_ending())
                return error_set(err, ERROR_CANCELLED, "stopped");
        return 0;
}

/* Its word for it is taken away; what is left is what any worker says. */
static void hear_ready(struct job *job)
{
        struct buf *words = &job->attempt.streams[STREAM_WORDS].text;
        const char *end = memchr(buf_text(words), '\n', words->len);
        if (!end || job->said_ready > 0 || strcmp(end + 1, WORKER_READY) != 0)
                return;
        words->len = (size_t)(end + 1 - words->data);
        words->data[words->len] = '\0';
        job->said_ready = words->len;
}

/* Who is only getting ready is not asked to stop: it might be ready by then, and stop its query. */
static void keep_time(struct attempt *attempt, bool until_ready)
{
        if (!until_ready)
                attempt_keep_time(attempt);
        else if (!attempt->killed && attempt_wait_ms(attempt) <= 0)
                attempt_kill(attempt);
}

bool job_is_ready(const struct job *job)
{
        const struct stream *words = &job->attempt.streams[STREAM_WORDS];
        return job->said_ready > 0 && words->fd >= 0 && words->text.len == job->said_ready &&
               job->attempt.failure.type == ERROR_NONE;
}

int job_attend(struct job *job, bool until_ready, struct error *err)
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
                if (hashing == 0 && until_ready && job_is_ready(job))
                        return 0;
                struct job_wait wait = {.in_fd = -1};
                wait.ms = hashing > 0 ? 0 : attempt->killed ? 1000 : attempt_wait_ms(attempt);
                int r = job_wait(job, &wait, err);
                if (r < 0)
                        return r;
                if (until_ready)
                        hear_ready(job);
                keep_time(attempt, until_ready);
        }
        return 0;
}

void job_feed(struct job *job, const struct request *request, const char *text, size_t n,
              int64_t submitted_us)
{
        job_set_request(job, request, submitted_us);
        job->said_ready = 0;
        job->text = text;
        job->text_bytes = n;
        send_request(job);
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

int job_respond(struct job *job, struct error *err)
{
        struct attempt *attempt = &job->attempt;
        _cleanup_buf_ struct buf out = {0};
        /* Who has said all there is to say needs no waiting for; job_done() sees to its end. */
        if (!attempt_take_words(attempt))
                reap_worker(attempt);
        if (attempt->failure.type == ERROR_NONE)
                (void)files_check_unchanged(&job->files, &attempt->failure);
        int r = attempt_put_response(attempt, &out, err);
        return r < 0 ? r : response_send(&out, job->options->framed, job->out_fd, err);
}

int job_run(struct job *job, struct error *err)
{
        if (job_start(job, false) == 0) {
                int r = job_attend(job, false, err);
                if (r < 0)
                        return r;
        }
        return job_respond(job, err);
}

int job_refuse(const struct job *job, const struct error *why, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        int r = response_put_refusal(why, &out, err);
        return r < 0 ? r : response_send(&out, job->options->framed, job->out_fd, err);
}
