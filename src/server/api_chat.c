/* Chat: messages in, answers out, at once or as events. */
#include "server/api.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "server/exchange.h"
#include "server/sse.h"

#include <stdio.h>
#include <string.h>

/* Reads the body and starts the exchange; NULL: it was answered. */
static struct exchange *start(struct call *call)
{
        static const char *const names[] = {"dataset_id", "message", "thread_id",
                                            "after",      "planner", NULL};
        _cleanup_json_ json_t *body = NULL;
        struct exchange *exchange = NULL;
        struct error err = {0};
        char pointer[32];
        struct exchange_input input = {
                .setup = call->setup, .owner = call->owner, .sees_all = call->scope >= KEY_ADMIN};
        if (!call_body(call, names, &body))
                return NULL;
        const json_t *message = json_object_get(body, "message");
        const char *id = json_get_string(body, "dataset_id");
        input.message = json_string_value(message);
        input.message_bytes = json_string_length(message);
        input.thread_id = json_get_string(body, "thread_id");
        input.after = json_get_string(body, "after");
        input.planner = json_get_string(body, "planner");
        if (!input.message || !id) {
                (void)error_set(&err, ERROR_INVALID_REQUEST,
                                "a chat has dataset_id and message, both strings");
                reply_error(call->request, &err, NULL);
                return NULL;
        }
        for (size_t i = 2; names[i]; i++) {
                const json_t *value = json_object_get(body, names[i]);
                if (value && !json_is_string(value)) {
                        (void)snprintf(pointer, sizeof(pointer), "/%s", names[i]);
                        reply_invalid(call->request, pointer,
                                      "thread_id, after and planner must be strings");
                        return NULL;
                }
        }
        if (!call_dataset(call, id, &input.dataset))
                return NULL;
        if (exchange_start(call->api, &input, &exchange, &err) < 0) {
                reply_error(call->request, &err, NULL);
                return NULL;
        }
        return exchange;
}

static void chat(struct call *call)
{
        struct exchange *exchange = start(call);
        if (exchange)
                exchange_answer(exchange, call->request);
        exchange_release(exchange);
}

void api_chat(struct call *call)
{
        call_later(call, chat);
}

static void chat_stream(struct call *call)
{
        struct exchange *exchange = start(call);
        if (exchange) {
                exchanges_add(call->api->exchanges, exchange);
                exchange_stream(exchange, call->request, 0);
        }
        exchange_release(exchange);
}

void api_chat_stream(struct call *call)
{
        call_later(call, chat_stream);
}

/* For a client that lost the connection. */
void api_chat_resume(struct call *call)
{
        struct exchange *exchange = exchanges_find(call->api->exchanges, call->part[0]);
        if (exchange && strcmp(exchange_owner(exchange), call->owner) == 0)
                exchange_stream(exchange, call->request,
                                sse_last_id(http_header(call->request, "Last-Event-ID")));
        else
                reply_own(call->request, PROBLEM_NOT_FOUND,
                          "there is no such stream, or it ended a while ago; the "
                          "thread's messages have the answer");
        exchange_release(exchange);
}
