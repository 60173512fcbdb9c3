/* Chat completions as OpenAI has them (POST {base}/chat/completions), and as Ollama, vLLM,
 * llama.cpp and gateways do, which leave out ids, indexes and usage, or give all in one piece. */
#include "model/wire.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "model/fault.h"
#include "model/messages.h"

#include <string.h>

/* ---- the request ---- */

static json_t *write_call(const json_t *call)
{
        _cleanup_json_ json_t *arguments = messages_arguments(call);
        _cleanup_free_ char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
        return text ? json_pack("{s:s,s:s,s:{s:s,s:s}}", "id", json_get_string(call, "id"), "type",
                                "function", "function", "name", json_get_string(call, "name"),
                                "arguments", text)
                    : NULL;
}

static json_t *write_calls(const json_t *calls)
{
        json_t *out = json_array();
        for (size_t i = 0; out && i < json_array_size(calls); i++) {
                if (json_array_append_new(out, write_call(json_array_get(calls, i))) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

static json_t *write_message(const json_t *message)
{
        const char *role = json_get_string(message, "role");
        const char *text = json_get_string(message, "text");
        const json_t *calls = json_object_get(message, "tool_calls");
        if (json_array_size(calls) > 0)
                return json_pack("{s:s,s:s*,s:o}", "role", role, "content",
                                 text && *text ? text : NULL, "tool_calls", write_calls(calls));
        if (strcmp(role, "tool") == 0)
                return json_pack("{s:s,s:s,s:s}", "role", role, "tool_call_id",
                                 json_get_string(message, "tool_call_id"), "content", text);
        return json_pack("{s:s,s:s}", "role", role, "content", text ? text : "");
}

static json_t *write_tool(const json_t *tool)
{
        return json_pack("{s:s,s:{s:s,s:s,s:O}}", "type", "function", "function", "name",
                         json_get_string(tool, "name"), "description",
                         json_get_string(tool, "description"), "parameters",
                         json_object_get(tool, "parameters"));
}

/* each(item) of all items, under that name in body. */
static bool put_all(json_t *body, const char *name, const json_t *items,
                    json_t *(*each)(const json_t *item))
{
        json_t *out = json_array();
        if (!out || json_object_set_new(body, name, out) < 0)
                return false;
        for (size_t i = 0; i < json_array_size(items); i++)
                if (json_array_append_new(out, each(json_array_get(items, i))) < 0)
                        return false;
        return true;
}

/* OpenAI itself has renamed it, and refuses the old name for newer models; the others know the old
 * one. */
static const char *tokens_name(const struct model *model)
{
        return strcmp(model->base_url, MODEL_OPENAI_URL) == 0 ? "max_completion_tokens"
                                                              : "max_tokens";
}

static int openai_request(const struct model *model, const struct model_call *call, json_t **ret,
                          struct error *err)
{
        int r = messages_check(call, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *body = json_pack("{s:s,s:b,s:{s:b}}", "model", model->name, "stream",
                                                1, "stream_options", "include_usage", 1);
        bool ok = body && put_all(body, "messages", call->messages, write_message);
        if (ok && json_array_size(call->tools) > 0)
                ok = put_all(body, "tools", call->tools, write_tool);
        if (ok && model->tokens_max > 0)
                ok = json_object_set_new(body, tokens_name(model),
                                         json_integer(model->tokens_max)) == 0;
        if (!ok)
                return error_oom(err);
        *ret = steal_ptr(&body);
        return 0;
}

/* ---- the answer ---- */

/* A text, or an array of parts of which some are text. */
static int read_content(struct answer *answer, const json_t *content, struct error *err)
{
        if (json_is_string(content))
                return answer_add_text(answer, json_string_value(content),
                                       json_string_length(content), err);
        int r = 0;
        for (size_t i = 0; r == 0 && i < json_array_size(content); i++) {
                const json_t *part = json_array_get(content, i);
                const json_t *text = json_object_get(part, "text");
                if (json_is_string(text))
                        r = answer_add_text(answer, json_string_value(text),
                                            json_string_length(text), err);
        }
        return r;
}

/* Which call a piece belongs to; NULL: a new one begins. Some servers number all calls 0, or none;
 * then another id, or a name behind complete arguments, begins the next. */
static struct answer_call *call_of(struct answer *answer, int64_t index, const char *id,
                                   const char *name)
{
        struct answer_call *last = answer->calls_n ? &answer->calls[answer->calls_n - 1] : NULL;
        struct answer_call *call =
                index != ANSWER_NO_INDEX ? answer_find_call(answer, index) : last;
        if (!call)
                return NULL;
        if (id && call->id[0] && strcmp(id, call->id) != 0)
                return NULL;
        bool is_named_again = !id && name && call->name[0];
        if (is_named_again && (index == ANSWER_NO_INDEX ||
                               json_is_closed_object(call->arguments.data, call->arguments.len)))
                return NULL;
        return call;
}

static int read_arguments(struct answer_call *call, const json_t *arguments, struct error *err)
{
        if (json_is_string(arguments))
                return answer_add_arguments(call, json_string_value(arguments),
                                            json_string_length(arguments), err);
        return json_is_object(arguments) ? answer_set_arguments(call, arguments, err) : 0;
}

static const char *text_or_null(const char *text)
{
        return text && *text ? text : NULL;
}

static int read_call(struct answer *answer, const json_t *piece, struct error *err)
{
        const json_t *function = json_object_get(piece, "function");
        const char *id = text_or_null(json_get_string(piece, "id"));
        const char *name = text_or_null(json_get_string(function, "name"));
        int64_t index = json_get_int(piece, "index", ANSWER_NO_INDEX);
        struct answer_call *call = call_of(answer, index, id, name);
        int r = call ? 0 : answer_add_call(answer, index, &call, err);
        if (r == 0 && id)
                r = answer_set_id(call, id, err);
        if (r == 0 && name)
                r = answer_set_name(call, name, err);
        if (r == 0)
                r = read_arguments(call, json_object_get(function, "arguments"), err);
        return r;
}

static void read_finish(struct answer *answer, const json_t *choice)
{
        static const struct answer_stop_word stops[] = {{"stop", MODEL_STOP_END},
                                                        {"tool_calls", MODEL_STOP_TOOLS},
                                                        {"function_call", MODEL_STOP_TOOLS},
                                                        {"length", MODEL_STOP_LENGTH},
                                                        {"content_filter", MODEL_STOP_REFUSED}};
        const char *reason = text_or_null(json_get_string(choice, "finish_reason"));
        if (!reason)
                return;
        if (answer->stop != MODEL_STOP_REFUSED)
                answer_stop(answer, answer_stop_of(stops, ARRAY_SIZE(stops), reason));
        answer->is_stopped = true;
}

/* message: whole, or a delta. */
static int read_message(struct answer *answer, const json_t *message, struct error *err)
{
        const json_t *calls = json_object_get(message, "tool_calls");
        const char *refusal = text_or_null(json_get_string(message, "refusal"));
        int r = read_content(answer, json_object_get(message, "content"), err);
        if (r == 0 && refusal) {
                r = answer_add_text(answer, refusal, strlen(refusal), err);
                answer->stop = MODEL_STOP_REFUSED;
        }
        for (size_t i = 0; r == 0 && i < json_array_size(calls); i++)
                r = read_call(answer, json_array_get(calls, i), err);
        return r;
}

static int read_body(struct answer *answer, const json_t *body, const char *member,
                     struct error *err)
{
        const json_t *error = json_object_get(body, "error");
        const json_t *usage = json_object_get(body, "usage");
        const json_t *choices = json_object_get(body, "choices");
        if (error && !json_is_null(error))
                return fault_of_event(answer->model, error, &answer->fault, err);
        if (choices && !json_is_null(choices) && !json_is_array(choices))
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer is not one of chat completions: its choices "
                                 "are no array");
        answer_set_tokens(&answer->tokens_in, json_object_get(usage, "prompt_tokens"));
        answer_set_tokens(&answer->tokens_out, json_object_get(usage, "completion_tokens"));
        const json_t *choice = json_array_get(choices, 0);
        int r = read_message(answer, json_object_get(choice, member), err);
        if (r == 0)
                read_finish(answer, choice);
        return r;
}

static int openai_event(struct answer *answer, const json_t *event, struct error *err)
{
        return read_body(answer, event, "delta", err);
}

static int openai_whole(struct answer *answer, const json_t *body, struct error *err)
{
        int r = read_body(answer, body, "message", err);
        if (r == 0 && json_array_size(json_object_get(body, "choices")) == 0)
                r = error_set(err, ERROR_MODEL_ANSWER,
                              "the model's answer is not one of chat completions: it has no "
                              "choices; look at openai_base_url");
        answer->is_stopped = r == 0;
        return r;
}

const struct wire wire_openai = {.name = "openai",
                                 .default_url = MODEL_OPENAI_URL,
                                 .path = "/chat/completions",
                                 .key_header = "Authorization: Bearer %s",
                                 .request = openai_request,
                                 .event = openai_event,
                                 .whole = openai_whole};
