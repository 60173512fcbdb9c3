#include "model/model.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/attempt.h"
#include "model/transfer.h"
#include "model/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 20000
#define RETRY_AFTER_MAX_MS 60000

static int write_request(const struct model *model, const struct model_call *call, struct buf *out,
                         struct error *err)
{
        _cleanup_json_ json_t *request = NULL;
        int r = model->wire->request(model, call, &request, err);
        if (r < 0)
                return r;
        r = json_put(request, out, err);
        if (out->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the call of a model has more than %zu bytes", out->max);
        return r;
}

/* Full jitter: anything up to a ceiling that doubles, so that clients do not come back together. */
static int64_t backoff_ms(int attempt)
{
        uint32_t random = 0;
        int64_t ceiling_ms = BACKOFF_MAX_MS;
        if (attempt < 6 && (int64_t)BACKOFF_FIRST_MS << attempt < BACKOFF_MAX_MS)
                ceiling_ms = (int64_t)BACKOFF_FIRST_MS << attempt;
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
                random = (uint32_t)clock_monotonic_us();
        return (int64_t)(random % (uint64_t)(ceiling_ms + 1));
}

/* How long to wait before the next attempt; -1: there is none. */
static int64_t pause_ms(const struct model *model, int attempt, const struct fault *fault,
                        int64_t deadline_us)
{
        if (!fault->is_passing || attempt >= model->retries_max ||
            fault->retry_after_ms > RETRY_AFTER_MAX_MS)
                return -1;
        int64_t ms = backoff_ms(attempt);
        if (fault->retry_after_ms >= 0)
                ms = fault->retry_after_ms + ms / 10;
        return clock_monotonic_us() + ms * 1000 < deadline_us ? ms : -1;
}

/* True when it was not cancelled. */
static bool pause_for(int64_t ms, int cancel_fd)
{
        int64_t until_us = clock_monotonic_us() + ms * 1000;
        for (int64_t left_us; (left_us = until_us - clock_monotonic_us()) > 0;) {
                struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
                if (poll(&fd, 1, (int)(left_us / 1000 + 1)) > 0)
                        return false;
        }
        return true;
}

int model_chat(const struct model *model, const struct model_call *call, struct model_reply *ret,
               struct error *err)
{
        _cleanup_buf_ struct buf body = {0};
        int64_t deadline_us = clock_monotonic_us() + model->total_timeout_ms * 1000;
        if (call->deadline_us > 0 && call->deadline_us < deadline_us)
                deadline_us = call->deadline_us;
        buf_init(&body, MODEL_REQUEST_MAX);
        int r = write_request(model, call, &body, err);
        if (r < 0)
                return r;
        for (int attempt = 0;; attempt++) {
                struct fault fault = {0};
                r = attempt_run(model, call, body.data, body.len, deadline_us, ret, &fault, err);
                if (r == 0)
                        return 0;
                int64_t ms = pause_ms(model, attempt, &fault, deadline_us);
                if (ms < 0)
                        return r;
                if (!pause_for(ms, call->cancel_fd))
                        return error_set(err, ERROR_CANCELLED,
                                         "the question to the model was stopped");
        }
}

int model_reach(const struct model *model, int64_t timeout_ms, struct error *err)
{
        struct transfer transfer = {.model = model,
                                    .cancel_fd = -1,
                                    .body = "",
                                    .deadline_us = clock_monotonic_us() + timeout_ms * 1000,
                                    .only_connect = true};
        return transfer_run(&transfer, err);
}

void model_reply_done(struct model_reply *reply)
{
        free(steal_ptr(&reply->text));
        json_decref(steal_ptr(&reply->tool_calls));
        json_decref(steal_ptr(&reply->provider));
}
