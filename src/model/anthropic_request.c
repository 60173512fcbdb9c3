/* Anthropic's messages: how a call is written. System texts stand apart; users and the assistant
 * take turns; results of tools are a part of the user's turn; no text may be empty. */
#include "model/anthropic.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "model/messages.h"

#include <string.h>

#define TOKENS_MAX_DEFAULT 8192 /* the format wants a number; models that think use it up, too */

static bool has_role(const json_t *message, const char *role)
{
        return strcmp(json_get_string(message, "role"), role) == 0;
}

/* The content of the turn that messages end with, or of a new one. NULL when memory is short. */
static json_t *turn_of(json_t *messages, const char *role)
{
        size_t n = json_array_size(messages);
        json_t *last = n ? json_array_get(messages, n - 1) : NULL;
        if (!last || !has_role(last, role)) {
                last = json_pack("{s:s,s:[]}", "role", role, "content");
                if (!last || json_array_append_new(messages, last) < 0)
                        return NULL;
        }
        return json_object_get(last, "content");
}

static bool put_text(json_t *content, const char *text)
{
        return !text || !*text ||
               json_array_append_new(content,
                                     json_pack("{s:s,s:s}", "type", "text", "text", text)) == 0;
}

static bool put_call(json_t *content, const json_t *call)
{
        return json_array_append_new(content, json_pack("{s:s,s:s,s:s,s:o}", "type", "tool_use",
                                                        "id", json_get_string(call, "id"), "name",
                                                        json_get_string(call, "name"), "input",
                                                        messages_arguments(call))) == 0;
}

static bool put_result(json_t *content, const json_t *message)
{
        return json_array_append_new(
                       content, json_pack("{s:s,s:s,s:s}", "type", "tool_result", "tool_use_id",
                                          json_get_string(message, "tool_call_id"), "content",
                                          json_get_string(message, "text"))) == 0;
}

static const json_t *call_of(const json_t *calls, const char *id)
{
        for (size_t i = 0; id && i < json_array_size(calls); i++)
                if (strcmp(json_get_string(json_array_get(calls, i), "id"), id) == 0)
                        return json_array_get(calls, i);
        return NULL;
}

static bool is_type(const json_t *block, const char *type)
{
        const char *its = json_get_string(block, "type");
        return its && strcmp(its, type) == 0;
}

/* What was kept of the answer is of use if it names the message's calls, all and no others. */
static bool fits(const json_t *kept, const json_t *calls)
{
        size_t found = 0;
        for (size_t i = 0; i < json_array_size(kept); i++) {
                const json_t *block = json_array_get(kept, i);
                if (!is_type(block, "tool_use"))
                        continue;
                if (!call_of(calls, json_get_string(block, "id")))
                        return false;
                found++;
        }
        return json_array_size(kept) > 0 && found == json_array_size(calls);
}

/* Thoughts go back as they came, between the texts and calls where they stood. */
static bool put_kept(json_t *content, json_t *kept, const json_t *calls)
{
        bool ok = true;
        for (size_t i = 0; ok && i < json_array_size(kept); i++) {
                json_t *block = json_array_get(kept, i);
                ok = is_type(block, "tool_use")
                             ? put_call(content, call_of(calls, json_get_string(block, "id")))
                             : json_array_append(content, block) == 0;
        }
        return ok;
}

/* A message with nothing in it is left out, as a turn may not be empty. */
static bool put_message(json_t *messages, const json_t *message)
{
        const char *text = json_get_string(message, "text");
        const json_t *calls = json_object_get(message, "tool_calls");
        bool is_tool = has_role(message, "tool");
        if (has_role(message, "system") ||
            (!is_tool && !(text && *text) && !json_array_size(calls)))
                return true;
        json_t *content = turn_of(messages, has_role(message, "assistant") ? "assistant" : "user");
        if (!content)
                return false;
        if (is_tool)
                return put_result(content, message);
        json_t *kept = json_object_get(message, "provider");
        if (fits(kept, calls))
                return put_kept(content, kept, calls);
        bool ok = put_text(content, text);
        for (size_t i = 0; ok && i < json_array_size(calls); i++)
                ok = put_call(content, json_array_get(calls, i));
        return ok;
}

static bool put_messages(json_t *body, const json_t *messages)
{
        json_t *out = json_array();
        if (!out || json_object_set_new(body, "messages", out) < 0)
                return false;
        for (size_t i = 0; i < json_array_size(messages); i++)
                if (!put_message(out, json_array_get(messages, i)))
                        return false;
        return true;
}

static int put_system(json_t *body, const json_t *messages, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, MODEL_REQUEST_MAX);
        for (size_t i = 0; i < json_array_size(messages); i++) {
                const json_t *message = json_array_get(messages, i);
                if (!has_role(message, "system"))
                        continue;
                if (text.len > 0)
                        buf_puts(&text, "\n\n");
                buf_puts(&text, json_get_string(message, "text"));
        }
        if (text.state == BUF_TOO_LARGE)
                return error_set(err, ERROR_INVALID_REQUEST, "the call of a model is too large");
        if (text.state == BUF_OK && text.len == 0)
                return 0;
        json_t *json = text.state == BUF_OK ? json_stringn(text.data, text.len) : NULL;
        return json_object_set_new(body, "system", json) == 0 ? 0 : error_oom(err);
}

static bool put_tools(json_t *body, const json_t *tools)
{
        if (json_array_size(tools) == 0)
                return true;
        json_t *out = json_array();
        if (!out || json_object_set_new(body, "tools", out) < 0)
                return false;
        for (size_t i = 0; i < json_array_size(tools); i++) {
                const json_t *tool = json_array_get(tools, i);
                json_t *written = json_pack("{s:s,s:s,s:O}", "name", json_get_string(tool, "name"),
                                            "description", json_get_string(tool, "description"),
                                            "input_schema", json_object_get(tool, "parameters"));
                if (json_array_append_new(out, written) < 0)
                        return false;
        }
        return true;
}

int anthropic_request(const struct model *model, const struct model_call *call, json_t **ret,
                      struct error *err)
{
        int64_t tokens = model->tokens_max > 0 ? model->tokens_max : TOKENS_MAX_DEFAULT;
        int r = messages_check(call, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *body = json_pack("{s:s,s:I,s:b}", "model", model->name, "max_tokens",
                                                (json_int_t)tokens, "stream", 1);
        if (!body)
                return error_oom(err);
        r = put_system(body, call->messages, err);
        if (r < 0)
                return r;
        if (!put_messages(body, call->messages) || !put_tools(body, call->tools))
                return error_oom(err);
        *ret = steal_ptr(&body);
        return 0;
}
