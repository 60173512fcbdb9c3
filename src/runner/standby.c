/* A runner that is there before its request: it loads the tables that one is expected for, in a
 * worker that then waits behind all its walls, and serves one request. Whatever makes that worker
 * the wrong one for the request that comes, the request gets a new one, as if nobody had waited. */
#include "runner/runner.h"

#include "runner/job.h"
#include "runner/response.h"
#include "runner/signals.h"

#include "base/clock.h"
#include "protocol/frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct standby {
        struct job job; /* the worker that gets ready, and waits */
        int in_fd;
        struct buf text; /* of the stream, as much of it as came */
        size_t at;       /* where in it the next frame begins */
        struct arena *arena;
};

/* 1: more bytes; 0: the stream has ended. The worker, if there is one, is heard meanwhile. */
static int read_more(struct standby *standby, struct error *err)
{
        char chunk[CHUNK_BYTES];
        struct job_wait wait = {.ms = -1, .in_fd = standby->in_fd};
        while (!wait.came) {
                int r = job_wait(&standby->job, &wait, err);
                if (r < 0)
                        return r;
        }
        ssize_t n = read(standby->in_fd, chunk, sizeof(chunk));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (n < 0)
                return error_errno(err, errno, "reading standard input");
        buf_append(&standby->text, chunk, (size_t)n);
        int r = buf_error(&standby->text, err, "the frame");
        return r < 0 ? r : n > 0;
}

/* Waits for one whole frame of that name. 1: *ret, valid until the next call; 0: the stream ended
 * before its first byte. ERROR_CANCELLED: nobody is to be told anything. */
static int await_frame(struct standby *standby, const char *name, size_t max_bytes,
                       struct frame *ret, struct error *err)
{
        int r;
        while ((r = frame_parse(buf_text(&standby->text) + standby->at,
                                standby->text.len - standby->at, max_bytes, ERROR_INVALID_REQUEST,
                                ret, err)) == 0) {
                r = read_more(standby, err);
                if (r < 0)
                        return r;
                if (r == 0 && standby->text.len == standby->at)
                        return 0;
                if (r == 0)
                        return error_set(err, ERROR_INVALID_REQUEST,
                                         "standard input ended inside a frame");
        }
        if (r < 0)
                return r;
        standby->at += ret->end;
        if (strcmp(ret->name, name) != 0)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the frame \"%s\" came where \"%s\" was expected", ret->name,
                                 name);
        return 1;
}

/* Into the job. 1, or negative. */
static int take_prepare(struct standby *standby, struct error *err)
{
        struct frame frame;
        struct request *request;
        int r = await_frame(standby, "prepare", REQUEST_BYTES_MAX, &frame, err);
        if (r == 0)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "standard input ended before the frame \"prepare\" came");
        if (r > 0)
                r = prepare_parse(frame.body, frame.body_bytes, standby->arena, &request, err);
        if (r < 0)
                return r;
        job_set_request(&standby->job, request, clock_monotonic_us());
        return 1;
}

static int say_ready(struct job *job, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        int r = response_put_ready(job->request, &job->files, &out, err);
        return r < 0 ? r : response_send_frame("ready", &out, job->out_fd, err);
}

/* 1: ready, and said so; 0: it failed, and that was said. */
static int get_ready(struct standby *standby, struct error *err)
{
        struct job *job = &standby->job;
        int r = job_start(job, true);
        if (r == 0) {
                r = job_attend(job, true, err);
                if (r < 0)
                        return r;
        }
        if (!job_is_ready(job))
                return job_respond(job, err);
        r = say_ready(job, err);
        return r < 0 ? r : 1;
}

/* What was hashed is what the request wants, whether or not a hash was known before. */
static bool same_tables(const struct job *job, const struct request *request)
{
        const struct request *ready = job->request;
        if (strcmp(ready->dataset_id, request->dataset_id) != 0 ||
            ready->n_tables != request->n_tables)
                return false;
        for (size_t i = 0; i < request->n_tables; i++) {
                const struct request_table *a = &ready->tables[i];
                const struct request_table *b = &request->tables[i];
                if (strcmp(a->name, b->name) != 0 || strcmp(a->path, b->path) != 0 ||
                    strcmp(a->format, b->format) != 0 || !request_same_columns(a, b) ||
                    (b->sha256 && strcmp(job->files.items[i].sha256, b->sha256) != 0))
                        return false;
        }
        return true;
}

/* Memory and threads are set in the engine and in the sandbox, and locked; so is the CPU time that
 * a timeout allows. The others come with the request. */
static bool same_limits(const struct limits *ready, const struct limits *wanted)
{
        return ready->memory_mb == wanted->memory_mb && ready->threads == wanted->threads &&
               ready->timeout_ms >= wanted->timeout_ms;
}

/* The files at those paths are the ones that were read, and as they were. */
static bool same_files(const struct job *job, const struct request *request)
{
        struct error ignored = {0};
        struct files now;
        if (files_open(request, job->options->data_root, &now, &ignored) < 0)
                return false;
        bool same = files_are_same(&job->files, &now);
        files_close(&now);
        return same;
}

/* A "check" opens no file, and an "export" has a sandbox of another kind. */
static bool is_expected(const struct job *job, const struct request *request)
{
        return job_is_ready(job) && request->op != REQUEST_CHECK && request->op != REQUEST_EXPORT &&
               same_limits(&job->request->limits, &request->limits) && same_tables(job, request) &&
               same_files(job, request);
}

static int serve_cold(struct standby *standby, const struct request *request, int64_t arrived_us,
                      struct error *err)
{
        const struct job *old = &standby->job;
        _cleanup_(job_done) struct job job = {0};
        job_init(&job, old->options, old->engine, old->out_fd);
        job_done(&standby->job);
        job_set_request(&job, request, arrived_us);
        return job_run(&job, err);
}

static int serve_request(struct standby *standby, const struct frame *frame, struct error *err)
{
        struct job *job = &standby->job;
        int64_t arrived_us = clock_monotonic_us();
        struct request *request;
        struct error why = {0};
        if (request_parse(frame->body, frame->body_bytes, standby->arena, &request, &why) < 0)
                return job_refuse(job, &why, err);
        if (!is_expected(job, request))
                return serve_cold(standby, request, arrived_us, err);
        job_feed(job, request, frame->body, frame->body_bytes, arrived_us);
        int r = job_attend(job, false, err);
        return r < 0 ? r : job_respond(job, err);
}

/* From the first byte of the stream to the last of the response. */
static int stand_by(struct standby *standby, struct error *err)
{
        struct error why = {0};
        struct frame frame;
        struct job *job = &standby->job;
        int r = engine_open(&job->engine, &why); /* while the frame may still be on its way */
        if (r == 0)
                r = take_prepare(standby, &why);
        if (r > 0) {
                r = get_ready(standby, err);
                if (r <= 0)
                        return r;
                r = await_frame(standby, "request", REQUEST_EXPORT_BYTES_MAX, &frame, &why);
        }
        if (r == -(int)ERROR_CANCELLED)
                return error_set(err, why.type, "%s", why.message);
        if (r < 0)
                return job_refuse(job, &why, err);
        return r == 0 ? 0 : serve_request(standby, &frame, err);
}

static void standby_done(struct standby *standby)
{
        job_done(&standby->job);
        buf_done(&standby->text);
        arena_free(standby->arena);
}

int runner_stand_by(const struct runner_options *options, int in_fd, int out_fd, struct error *err)
{
        struct runner_options framed = *options;
        framed.framed = true;
        _cleanup_(standby_done) struct standby standby = {
                .in_fd = in_fd, .arena = arena_new(REQUEST_ARENA_MAX + REQUEST_EXPORT_ARENA_MAX)};
        signals_catch();
        job_init(&standby.job, &framed, NULL, out_fd);
        buf_init(&standby.text, FRAME_SIZE(REQUEST_BYTES_MAX) +
                                        FRAME_SIZE(REQUEST_EXPORT_BYTES_MAX) + CHUNK_BYTES);
        if (!standby.arena)
                return error_oom(err);
        return stand_by(&standby, err);
}
