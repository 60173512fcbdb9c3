#include "model/answer.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENTS_DEPTH_MAX 64

void answer_init(struct answer *answer, const struct model *model, const struct model_call *call)
{
        *answer = (struct answer){.model = model,
                                  .call = call,
                                  .tokens_in = -1,
                                  .tokens_out = -1,
                                  .stop = MODEL_STOP_OTHER,
                                  .fault = {.retry_after_ms = -1}};
        buf_init(&answer->text, MODEL_TEXT_MAX);
        kept_init(&answer->kept);
}

void answer_done(struct answer *answer)
{
        buf_done(&answer->text);
        kept_done(&answer->kept);
        for (size_t i = 0; i < answer->calls_n; i++)
                buf_done(&answer->calls[i].arguments);
        answer->calls_n = 0;
}

static int check(const struct buf *buf, const char *what, struct error *err)
{
        if (buf->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer is too long: %s may have %zu bytes", what,
                                 buf->max);
        return buf->state == BUF_OK ? 0 : error_oom(err);
}

int answer_add_text(struct answer *answer, const char *text, size_t n, struct error *err)
{
        const struct model_call *call = answer->call;
        if (n == 0)
                return 0;
        buf_append(&answer->text, text, n);
        int r = check(&answer->text, "the text", err);
        if (r == 0 && call->on_text) {
                answer->is_told = true;
                call->on_text(text, n, call->data);
        }
        return r;
}

int answer_add_call(struct answer *answer, int64_t index, struct answer_call **ret,
                    struct error *err)
{
        if (answer->calls_n == MODEL_CALLS_MAX)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer has more than %d tool calls", MODEL_CALLS_MAX);
        struct answer_call *call = &answer->calls[answer->calls_n++];
        *call = (struct answer_call){.index = index};
        buf_init(&call->arguments, MODEL_ARGUMENTS_MAX);
        *ret = call;
        return 0;
}

static int set_word(char word[MODEL_NAME_MAX + 1], const char *text, const char *what,
                    struct error *err)
{
        size_t n = strlen(text);
        if (n > MODEL_NAME_MAX)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the %s of a tool call in the model's answer is longer than %d "
                                 "bytes",
                                 what, MODEL_NAME_MAX);
        memcpy(word, text, n + 1);
        return 0;
}

int answer_set_id(struct answer_call *call, const char *id, struct error *err)
{
        return set_word(call->id, id, "id", err);
}

int answer_set_name(struct answer_call *call, const char *name, struct error *err)
{
        return set_word(call->name, name, "name", err);
}

int answer_add_arguments(struct answer_call *call, const char *text, size_t n, struct error *err)
{
        buf_append(&call->arguments, text, n);
        return check(&call->arguments, "a tool call's arguments", err);
}

int answer_set_arguments(struct answer_call *call, const json_t *arguments, struct error *err)
{
        _cleanup_free_ char *text = json_dumps(arguments, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!text)
                return error_oom(err);
        buf_clear(&call->arguments);
        return answer_add_arguments(call, text, strlen(text), err);
}

struct answer_call *answer_find_call(struct answer *answer, int64_t index)
{
        for (size_t i = answer->calls_n; i > 0; i--)
                if (answer->calls[i - 1].index == index)
                        return &answer->calls[i - 1];
        return NULL;
}

void answer_set_tokens(int64_t *tokens, const json_t *number)
{
        if (json_is_integer(number) && json_integer_value(number) >= 0 &&
            json_integer_value(number) < INT32_MAX) /* more is none: sums stay in range */
                *tokens = json_integer_value(number);
}

void answer_stop(struct answer *answer, enum model_stop stop)
{
        answer->stop = stop;
        answer->is_stopped = true;
}

enum model_stop answer_stop_of(const struct answer_stop_word *words, size_t n, const char *reason)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i].reason, reason) == 0)
                        return words[i].stop;
        return MODEL_STOP_OTHER;
}

/* ---- to a reply ---- */

/* No text at all means no arguments. */
static int parse_arguments(const struct buf *text, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = MODEL_ARGUMENTS_MAX,
                                                  .max_depth = ARGUMENTS_DEPTH_MAX};
        json_t *json = NULL;
        int r = text->len == 0 ? 0
                               : json_parse(text->data, text->len, &limits, ERROR_MODEL_ANSWER,
                                            &json, err);
        if (r < 0 && r != -(int)ERROR_MODEL_ANSWER)
                return r;
        if (text->len == 0)
                json = json_object();
        else if (!json_is_object(json)) {
                json_decref(json);
                json = json_stringn(text->data, text->len);
        }
        if (!json)
                return error_oom(err);
        *ret = json;
        return 0;
}

/* Of the calls in the conversation before, so that made-up ids do not repeat. */
static size_t count_calls(const json_t *messages)
{
        size_t n = 0;
        for (size_t i = 0; i < json_array_size(messages); i++)
                n += json_array_size(json_object_get(json_array_get(messages, i), "tool_calls"));
        return n;
}

static int finish_call(const struct answer_call *call, size_t number, json_t *to, struct error *err)
{
        char made[32];
        json_t *arguments = NULL;
        if (call->name[0] == '\0')
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "a tool call in the model's answer names no tool");
        (void)snprintf(made, sizeof(made), "call_%zu", number);
        int r = parse_arguments(&call->arguments, &arguments, err);
        if (r < 0)
                return r;
        bool is_malformed = json_is_string(arguments);
        json_t *json = json_pack("{s:s,s:s,s:o}", "id", call->id[0] ? call->id : made, "name",
                                 call->name, "arguments", arguments);
        if (json && is_malformed && json_object_set_new(json, "malformed", json_true()) < 0) {
                json_decref(json);
                json = NULL;
        }
        return json && json_array_append_new(to, json) == 0 ? 0 : error_oom(err);
}

/* Servers do not agree on why an answer with tool calls stopped. */
static enum model_stop finish_stop(const struct answer *answer)
{
        if (answer->calls_n > 0)
                return answer->stop == MODEL_STOP_LENGTH || answer->stop == MODEL_STOP_REFUSED
                               ? answer->stop
                               : MODEL_STOP_TOOLS;
        return answer->stop == MODEL_STOP_TOOLS ? MODEL_STOP_OTHER : answer->stop;
}

int answer_finish(struct answer *answer, struct model_reply *ret, struct error *err)
{
        _cleanup_json_ json_t *calls = json_array();
        size_t before = count_calls(answer->call->messages);
        int r = calls ? 0 : error_oom(err);
        for (size_t i = 0; r == 0 && i < answer->calls_n; i++)
                r = finish_call(&answer->calls[i], before + i, calls, err);
        if (r < 0)
                return r;
        char *text = answer->text.len > 0 ? buf_steal(&answer->text) : alloc_strdup("");
        if (!text)
                return error_oom(err);
        *ret = (struct model_reply){.text = text,
                                    .tool_calls = steal_ptr(&calls),
                                    .provider = kept_take(&answer->kept),
                                    .tokens_in = answer->tokens_in,
                                    .tokens_out = answer->tokens_out,
                                    .stop = finish_stop(answer)};
        return 0;
}
