/* Anthropic's messages (POST {base}/v1/messages): how an answer is read. */
#include "model/wire.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "model/anthropic.h"
#include "model/fault.h"

#include <string.h>

/* What was read from a cache or written to one was sent as well. Each member is the total so far:
 * it replaces what was known of it, and one that is left out or null stays as it was. */
static void read_tokens(struct answer *answer, const json_t *usage)
{
        static const char *const names[] = {"input_tokens", "cache_creation_input_tokens",
                                            "cache_read_input_tokens"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                json_int_t n = json_get_int(usage, names[i], -1);
                if (n < 0 || n >= INT32_MAX)
                        continue;
                answer->tokens_in = (answer->tokens_in > 0 ? answer->tokens_in : 0) -
                                    answer->tokens_in_parts[i] + n;
                answer->tokens_in_parts[i] = n;
        }
        answer_set_tokens(&answer->tokens_out, json_object_get(usage, "output_tokens"));
}

static void read_stop(struct answer *answer, const char *reason)
{
        static const struct answer_stop_word stops[] = {
                {"end_turn", MODEL_STOP_END},
                {"stop_sequence", MODEL_STOP_END},
                {"tool_use", MODEL_STOP_TOOLS},
                {"max_tokens", MODEL_STOP_LENGTH},
                {"model_context_window_exceeded", MODEL_STOP_LENGTH},
                {"refusal", MODEL_STOP_REFUSED}};
        if (!reason)
                return;
        answer_stop(answer, answer_stop_of(stops, ARRAY_SIZE(stops), reason));
}

static int read_text(struct answer *answer, const json_t *object, struct error *err)
{
        const json_t *text = json_object_get(object, "text");
        return json_is_string(text) ? answer_add_text(answer, json_string_value(text),
                                                      json_string_length(text), err)
                                    : 0;
}

/* Whole, or as a stream begins it: then its input is empty, and comes in pieces. */
static int read_block(struct answer *answer, int64_t index, const json_t *block, struct error *err)
{
        const char *type = json_get_string(block, "type");
        const char *id = json_get_string(block, "id");
        const char *name = json_get_string(block, "name");
        const json_t *input = json_object_get(block, "input");
        struct answer_call *call = NULL;
        int r = kept_begin(&answer->kept, block, err);
        if (r < 0)
                return r;
        if (!type || strcmp(type, "tool_use") != 0)
                return type && strcmp(type, "text") == 0 ? read_text(answer, block, err) : 0;
        r = answer_add_call(answer, index, &call, err);
        if (r == 0 && id)
                r = answer_set_id(call, id, err);
        if (r == 0 && name)
                r = answer_set_name(call, name, err);
        if (r == 0 && json_is_object(input) && json_object_size(input) > 0)
                r = answer_set_arguments(call, input, err);
        return r;
}

static int read_delta(struct answer *answer, int64_t index, const json_t *delta, struct error *err)
{
        const char *type = json_get_string(delta, "type");
        const json_t *piece = json_object_get(delta, "partial_json");
        int r = kept_add(&answer->kept, delta, err);
        if (r < 0)
                return r;
        if (type && strcmp(type, "text_delta") == 0)
                return read_text(answer, delta, err);
        if (!type || strcmp(type, "input_json_delta") != 0 || !json_is_string(piece))
                return 0;
        struct answer_call *call = answer_find_call(answer, index);
        if (!call)
                return error_set(
                        err, ERROR_MODEL_ANSWER,
                        "the model's answer has a piece of a tool call that did not begin");
        return answer_add_arguments(call, json_string_value(piece), json_string_length(piece), err);
}

/* Events that are not known, and pings, are passed over, as the format's description asks for. */
static int anthropic_event(struct answer *answer, const json_t *event, struct error *err)
{
        const char *type = json_get_string(event, "type");
        int64_t index = json_get_int(event, "index", ANSWER_NO_INDEX);
        const json_t *delta = json_object_get(event, "delta");
        if (!type)
                return 0;
        if (strcmp(type, "message_start") == 0)
                read_tokens(answer, json_object_get(json_object_get(event, "message"), "usage"));
        else if (strcmp(type, "content_block_start") == 0)
                return read_block(answer, index, json_object_get(event, "content_block"), err);
        else if (strcmp(type, "content_block_delta") == 0)
                return read_delta(answer, index, delta, err);
        else if (strcmp(type, "content_block_stop") == 0)
                return kept_end(&answer->kept, err);
        else if (strcmp(type, "message_delta") == 0) {
                read_tokens(answer, json_object_get(event, "usage"));
                read_stop(answer, json_get_string(delta, "stop_reason"));
        } else if (strcmp(type, "error") == 0)
                return fault_of_event(answer->model, json_object_get(event, "error"),
                                      &answer->fault, err);
        return strcmp(type, "message_stop") == 0;
}

static int anthropic_whole(struct answer *answer, const json_t *body, struct error *err)
{
        const char *type = json_get_string(body, "type");
        const json_t *content = json_object_get(body, "content");
        if (type && strcmp(type, "error") == 0)
                return fault_of_event(answer->model, json_object_get(body, "error"), &answer->fault,
                                      err);
        if (!json_is_array(content))
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer is not one of the messages API: it has no "
                                 "content; look at anthropic_base_url");
        int r = 0;
        for (size_t i = 0; r == 0 && i < json_array_size(content); i++)
                r = read_block(answer, (int64_t)i, json_array_get(content, i), err);
        if (r == 0)
                r = kept_end(&answer->kept, err);
        read_tokens(answer, json_object_get(body, "usage"));
        read_stop(answer, json_get_string(body, "stop_reason"));
        answer->is_stopped = r == 0;
        return r;
}

/* The newest version that its documentation names, and asks for. What changed with it concerns
 * nothing that is sent here. */
static const char *const headers[] = {"anthropic-version: 2026-10-21", NULL};

const struct wire wire_anthropic = {.name = "anthropic",
                                    .default_url = MODEL_ANTHROPIC_URL,
                                    .path = "/v1/messages",
                                    .optional_end = "/v1",
                                    .key_header = "x-api-key: %s",
                                    .headers = headers,
                                    .request = anthropic_request,
                                    .event = anthropic_event,
                                    .whole = anthropic_whole};
