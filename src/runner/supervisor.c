/* The supervisor of one request: opens an empty engine, reads the request, has the job done. */
#include "runner/runner.h"

#include "runner/job.h"
#include "runner/signals.h"

#include "base/clock.h"

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
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
        _cleanup_(job_done) struct job job = {0};
        signals_catch();
        job_init(&job, options, engine, out_fd);
        if (r < 0)
                return job_refuse(&job, &why, err);
        job_set_request(&job, request, clock_monotonic_us());
        return job_run(&job, err);
}
