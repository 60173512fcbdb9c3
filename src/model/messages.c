#include "model/messages.h"

#include "base/json.h"

#include <string.h>

static int fault(const char *where, size_t i, const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID_REQUEST, "%s %zu of the call of a model %s", where, i,
                         what);
}

static bool is_call(const json_t *json)
{
        const json_t *arguments = json_object_get(json, "arguments");
        return json_get_string(json, "id") && json_get_string(json, "name") &&
               (json_is_object(arguments) || json_is_string(arguments));
}

static int check_message(const json_t *message, size_t i, struct error *err)
{
        const char *role = json_get_string(message, "role");
        const json_t *text = json_object_get(message, "text");
        const json_t *calls = json_object_get(message, "tool_calls");
        if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 &&
                      strcmp(role, "assistant") != 0 && strcmp(role, "tool") != 0))
                return fault("message", i, "has no role that is known", err);
        bool is_tool = strcmp(role, "tool") == 0;
        bool is_assistant = strcmp(role, "assistant") == 0;
        if (text ? !json_is_string(text) : !is_assistant)
                return fault("message", i, "has no text", err);
        if (is_tool && !json_get_string(message, "tool_call_id"))
                return fault("message", i, "has no tool_call_id", err);
        if (calls && !(is_assistant && json_is_array(calls)))
                return fault("message", i, "may not have such tool_calls", err);
        const json_t *provider = json_object_get(message, "provider");
        if (provider && !(is_assistant && json_is_array(provider)))
                return fault("message", i, "may not have such a provider's part", err);
        for (size_t k = 0; k < json_array_size(calls); k++)
                if (!is_call(json_array_get(calls, k)))
                        return fault("message", i, "has a tool call without its members", err);
        return 0;
}

int messages_check(const struct model_call *call, struct error *err)
{
        if (!json_is_array(call->messages) || json_array_size(call->messages) == 0)
                return error_set(err, ERROR_INVALID_REQUEST, "a call of a model has no messages");
        if (call->tools && !json_is_array(call->tools))
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the tools of a call of a model are no array");
        for (size_t i = 0; i < json_array_size(call->messages); i++) {
                int r = check_message(json_array_get(call->messages, i), i, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < json_array_size(call->tools); i++) {
                const json_t *tool = json_array_get(call->tools, i);
                if (!json_get_string(tool, "name") || !json_get_string(tool, "description") ||
                    !json_is_object(json_object_get(tool, "parameters")))
                        return fault("tool", i, "lacks name, description or parameters", err);
        }
        return 0;
}

json_t *messages_arguments(const json_t *tool_call)
{
        json_t *arguments = json_object_get(tool_call, "arguments");
        return json_is_object(arguments) ? json_incref(arguments)
                                         : json_pack("{s:O}", "malformed_arguments", arguments);
}
