#include "model/attempt.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "model/event_stream.h"
#include "model/fault.h"
#include "model/transfer.h"
#include "model/wire.h"

#include <string.h>

#define EVENT_DEPTH_MAX 256

struct attempt {
        const struct wire *wire;
        struct answer answer;
        struct event_stream events;
        struct buf body; /* of what is no stream */
        bool is_ended;   /* the stream said so */
};

static bool is_good(const struct transfer_head *head)
{
        return head->status >= 200 && head->status <= 299;
}

static bool is_stream(const struct transfer_head *head)
{
        return is_good(head) && strcmp(head->type, "text/event-stream") == 0;
}

static int parse(const char *text, size_t n, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = MODEL_LINE_MAX,
                                                  .max_depth = EVENT_DEPTH_MAX};
        int r = json_parse(text, n, &limits, ERROR_MODEL_ANSWER, ret, err);
        return r < 0 ? error_prefix(err, r, "the model's answer cannot be read") : 0;
}

static int take_event(const char *name, const char *data, size_t n, void *user, struct error *err)
{
        struct attempt *attempt = user;
        _cleanup_json_ json_t *event = NULL;
        (void)name; /* what it says stands in the data, too */
        if (n == strlen("[DONE]") && memcmp(data, "[DONE]", n) == 0) {
                attempt->is_ended = true;
                return 1;
        }
        int r = parse(data, n, &event, err);
        if (r == 0)
                r = attempt->wire->event(&attempt->answer, event, err);
        if (r == 1)
                attempt->is_ended = true;
        return r;
}

static int take_body(struct attempt *attempt, const struct transfer_head *head, const char *bytes,
                     size_t n, struct error *err)
{
        bool good = is_good(head);
        size_t most = good ? MODEL_LINE_MAX : FAULT_BODY_MAX;
        size_t room = most - attempt->body.len;
        if (n > room && good)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer is too long: it has more than %zu bytes",
                                 most);
        buf_append(&attempt->body, bytes, n < room ? n : room);
        return attempt->body.state == BUF_OK ? n > room : error_oom(err);
}

static int take(const struct transfer_head *head, const char *bytes, size_t n, void *data,
                struct error *err)
{
        struct attempt *attempt = data;
        return is_stream(head) ? event_stream_feed(&attempt->events, bytes, n, err)
                               : take_body(attempt, head, bytes, n, err);
}

static int cut_off(const struct model *model, struct error *err)
{
        return error_set(err, ERROR_MODEL_ANSWER,
                         "the answer of the model's server at %.300s was cut off; ask again",
                         model->base_url);
}

/* Asked for a stream, some servers answer in one piece, or do not say that it is a stream. */
static int read_whole(struct attempt *attempt, const struct transfer *transfer, struct error *err)
{
        const struct model *model = transfer->model;
        const char *text = buf_text(&attempt->body);
        size_t n = attempt->body.len;
        size_t blank = strspn(text, " \t\r\n");
        _cleanup_json_ json_t *json = NULL;
        if (transfer->is_cut)
                return cut_off(model, err);
        if (strncmp(text + blank, "data:", 5) == 0 || strncmp(text + blank, "event:", 6) == 0 ||
            text[blank] == ':') {
                int r = event_stream_feed(&attempt->events, text, n, err);
                return r < 0 ? r : 0;
        }
        if (text[blank] != '{' && strcmp(transfer->head.type, "application/json") != 0)
                return error_set(
                        err, ERROR_MODEL_ANSWER,
                        "what answers at %.300s is no model's server: it sends %s; look at "
                        "%s_base_url",
                        model->url,
                        transfer->head.type[0] ? transfer->head.type : "no type of content",
                        model->wire->name);
        int r = parse(text, n, &json, err);
        return r < 0 ? r : attempt->wire->whole(&attempt->answer, json, err);
}

/* All bytes are there. */
static int read_reply(struct attempt *attempt, const struct transfer *transfer, struct error *err)
{
        struct answer *answer = &attempt->answer;
        int r = 0;
        if (!is_good(&transfer->head))
                return fault_of_status(transfer->model, transfer->head.status,
                                       buf_text(&attempt->body), attempt->body.len, &answer->fault,
                                       err);
        if (!is_stream(&transfer->head))
                r = read_whole(attempt, transfer, err);
        if (r < 0)
                return r;
        bool has_something = answer->text.len > 0 || answer->calls_n > 0;
        if (!answer->is_stopped && !(attempt->is_ended && has_something))
                return cut_off(transfer->model, err);
        return 0;
}

int attempt_run(const struct model *model, const struct model_call *call, const char *body,
                size_t body_bytes, int64_t deadline_us, struct model_reply *ret,
                struct fault *fault, struct error *err)
{
        struct attempt attempt = {.wire = model->wire};
        struct transfer transfer = {.model = model,
                                    .body = body,
                                    .body_bytes = body_bytes,
                                    .cancel_fd = call->cancel_fd,
                                    .deadline_us = deadline_us,
                                    .take = take,
                                    .data = &attempt};
        answer_init(&attempt.answer, model, call);
        event_stream_init(&attempt.events, MODEL_LINE_MAX, take_event, &attempt);
        buf_init(&attempt.body, MODEL_LINE_MAX);
        int r = transfer_run(&transfer, err);
        attempt.answer.fault.retry_after_ms = transfer.head.retry_after_ms;
        if (r == 0)
                r = read_reply(&attempt, &transfer, err);
        if (r == 0)
                r = answer_finish(&attempt.answer, ret, err);
        *fault = attempt.answer.fault;
        fault->is_passing = (fault->is_passing || transfer.is_passing) && !attempt.answer.is_told;
        answer_done(&attempt.answer);
        event_stream_done(&attempt.events);
        buf_done(&attempt.body);
        return r;
}
