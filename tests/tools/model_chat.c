/* Asks a model once and prints what came of it: the client of src/model as a program, for
 * tests/blackbox/test_model.py.
 *
 *   model_chat < order > outcome
 *
 * The order is one line of JSON: {"options": {"kind", "base_url", "model", "key", "proxy",
 * "ca_file", "connect_timeout_ms", "idle_timeout_ms", "total_timeout_ms", "retries_max",
 * "tokens_max"}, "messages": [...], "tools": [...], "deadline_ms": N, "cancel": true, "threads":
 * N}. With "cancel", anything behind that line, the end of the input included, stops the call. With
 * "threads", as many threads ask at once. Each thread's outcome is a line: {"reply": {...}} or
 * {"error": {...}}, and beside it "told" (the pieces of text as they came) and "took_ms". */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/model.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ORDER_MAX ((size_t)32 * 1024 * 1024)
#define THREADS_MAX 32

struct asking {
        const struct model *model;
        json_t *order;
        json_t *told;
        json_t *outcome;
        bool failed; /* memory */
};

/* Byte by byte: what is behind the line is for the call. */
static int read_order(json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = ORDER_MAX, .max_depth = 256};
        _cleanup_buf_ struct buf line = {0};
        char c;
        buf_init(&line, ORDER_MAX);
        while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
                buf_putc(&line, c);
        int r = buf_error(&line, err, "the order");
        return r < 0 ? r : json_parse(buf_text(&line), line.len, &limits, ERROR_USAGE, ret, err);
}

static int open_model(const json_t *order, struct model **ret, struct error *err)
{
        const json_t *given = json_object_get(order, "options");
        const char *kind = json_get_string(given, "kind");
        const struct model_options options = {
                .kind = kind && strcmp(kind, "anthropic") == 0 ? MODEL_ANTHROPIC : MODEL_OPENAI,
                .base_url = json_get_string(given, "base_url"),
                .model = json_get_string(given, "model"),
                .key = json_get_string(given, "key"),
                .proxy = json_get_string(given, "proxy"),
                .ca_file = json_get_string(given, "ca_file"),
                .connect_timeout_ms = json_get_int(given, "connect_timeout_ms", 5000),
                .idle_timeout_ms = json_get_int(given, "idle_timeout_ms", 10000),
                .total_timeout_ms = json_get_int(given, "total_timeout_ms", 30000),
                .retries_max = (int)json_get_int(given, "retries_max", 0),
                .tokens_max = json_get_int(given, "tokens_max", 0)};
        return model_open(&options, ret, err);
}

static void on_text(const char *text, size_t n, void *data)
{
        struct asking *asking = data;
        if (json_array_append_new(asking->told, json_stringn(text, n)) < 0)
                asking->failed = true;
}

static json_t *show_error(const struct error *err)
{
        return json_pack("{s:{s:s,s:s,s:I}}", "error", "type", error_type_name(err->type),
                         "message", err->message, "retry_after_ms",
                         (json_int_t)err->retry_after_ms);
}

static json_t *show_reply(const struct model_reply *reply)
{
        static const char *const stops[] = {[MODEL_STOP_END] = "end",
                                            [MODEL_STOP_TOOLS] = "tools",
                                            [MODEL_STOP_LENGTH] = "length",
                                            [MODEL_STOP_REFUSED] = "refused",
                                            [MODEL_STOP_OTHER] = "other"};
        return json_pack("{s:{s:s,s:O,s:O*,s:I,s:I,s:s}}", "reply", "text", reply->text,
                         "tool_calls", reply->tool_calls, "provider", reply->provider, "tokens_in",
                         (json_int_t)reply->tokens_in, "tokens_out", (json_int_t)reply->tokens_out,
                         "stop", stops[reply->stop]);
}

static void *ask(void *data)
{
        struct asking *asking = data;
        struct error err = {0};
        struct model_reply reply = {0};
        int64_t began_us = clock_monotonic_us();
        json_int_t deadline_ms = json_get_int(asking->order, "deadline_ms", 0);
        struct model_call call = {
                .messages = json_object_get(asking->order, "messages"),
                .tools = json_object_get(asking->order, "tools"),
                .on_text = on_text,
                .data = asking,
                .cancel_fd = json_get_bool(asking->order, "cancel", false) ? STDIN_FILENO : -1,
                .deadline_us = deadline_ms > 0 ? began_us + deadline_ms * 1000 : 0};
        asking->told = json_array();
        int r = model_chat(asking->model, &call, &reply, &err);
        asking->outcome = r < 0 ? show_error(&err) : show_reply(&reply);
        model_reply_done(&reply);
        if (json_object_set_new(asking->outcome, "told", asking->told) < 0 ||
            json_object_set_new(asking->outcome, "took_ms",
                                json_integer((clock_monotonic_us() - began_us) / 1000)) < 0)
                asking->failed = true;
        return NULL;
}

static int ask_all(const struct model *model, json_t *order)
{
        struct asking askings[THREADS_MAX] = {0};
        pthread_t threads[THREADS_MAX];
        json_int_t wanted = json_get_int(order, "threads", 1);
        size_t n = wanted > 0 && wanted <= THREADS_MAX ? (size_t)wanted : 1;
        int status = 0;
        for (size_t i = 0; i < n; i++) {
                askings[i] = (struct asking){.model = model, .order = order};
                if (pthread_create(&threads[i], NULL, ask, &askings[i]) != 0)
                        abort();
        }
        for (size_t i = 0; i < n; i++) {
                (void)pthread_join(threads[i], NULL);
                _cleanup_free_ char *text = json_dumps(askings[i].outcome, JSON_COMPACT);
                if (!text || askings[i].failed || puts(text) < 0)
                        status = 1;
                json_decref(askings[i].outcome);
        }
        return status;
}

int main(void)
{
        struct error err = {0};
        struct model *model = NULL;
        _cleanup_json_ json_t *order = NULL;
        (void)signal(SIGPIPE, SIG_IGN);
        int r = read_order(&order, &err);
        if (r == 0)
                r = open_model(order, &model, &err);
        if (r < 0) {
                _cleanup_json_ json_t *shown = show_error(&err);
                return shown && json_dumpf(shown, stdout, JSON_COMPACT) == 0 ? 0 : 1;
        }
        int status = ask_all(model, order);
        model_free(model);
        return status;
}
