/* What is sent and read by the two wire formats when memory is short at any place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "model/wire.h"

#include <string.h>

#define ALLOCATIONS_MAX 2000

static const struct wire *const wires[] = {&wire_openai, &wire_anthropic};

static json_t *read_json(const char *text)
{
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        return json;
}

static struct model model_of(const struct wire *wire)
{
        static char name[] = "m";
        static char base[] = "http://127.0.0.1";
        return (struct model){
                .wire = wire, .name = name, .base_url = base, .url = base, .tokens_max = 5};
}

static void on_text(const char *text, size_t n, void *data)
{
        (void)text;
        *(size_t *)data += n;
}

static void check_request(const struct wire *wire)
{
        struct model model = model_of(wire);
        json_t *request = NULL;
        unsigned long n = 1;
        for (; !request && n < ALLOCATIONS_MAX; n++) {
                struct error err = {0};
                _cleanup_json_ json_t *messages = read_json(
                        "[{\"role\":\"system\",\"text\":\"s\"},{\"role\":\"user\",\"text\":\"u\"},"
                        "{\"role\":\"assistant\",\"text\":\"a\",\"provider\":[{\"type\":"
                        "\"thinking\"},"
                        "{\"type\":\"tool_use\",\"id\":\"1\"},{\"type\":\"tool_use\",\"id\":\"2\"}]"
                        ","
                        "\"tool_calls\":[{\"id\":\"1\","
                        "\"name\":\"t\",\"arguments\":{\"x\":[1]}},{\"id\":\"2\",\"name\":\"t\","
                        "\"arguments\":\"{\"}]},{\"role\":\"tool\",\"tool_call_id\":\"1\","
                        "\"text\":\"r\"},{\"role\":\"tool\",\"tool_call_id\":\"2\",\"text\":\"\"}"
                        "]");
                _cleanup_json_ json_t *tools = read_json(
                        "[{\"name\":\"t\",\"description\":\"d\",\"parameters\":{\"a\":{}}}]");
                const struct model_call call = {.messages = messages, .tools = tools};
                alloc_fail_after(n);
                int r = wire->request(&model, &call, &request, &err);
                alloc_fail_after(0);
                assert_int_equal(r < 0, !request);
                assert_true(r == 0 || err.type == ERROR_INTERNAL);
                json_decref(request);
        }
        assert_in_range(n, 20, ALLOCATIONS_MAX - 1);
}

static void test_requests(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wires); i++)
                check_request(wires[i]);
}

/* Reads the events and makes a reply. */
static int read_all(struct answer *answer, const json_t *events, struct model_reply *reply,
                    struct error *err)
{
        int r = 0;
        for (size_t i = 0; r == 0 && i < json_array_size(events); i++)
                r = answer->model->wire->event(answer, json_array_get(events, i), err);
        return r < 0 ? r : answer_finish(answer, reply, err);
}

static void check_answer(const struct wire *wire, const char *const *texts)
{
        struct model model = model_of(wire);
        _cleanup_json_ json_t *events = json_array();
        for (; *texts; texts++)
                assert_int_equal(json_array_append_new(events, read_json(*texts)), 0);
        _cleanup_json_ json_t *messages = read_json("[{\"role\":\"user\",\"text\":\"u\"}]");
        int r = -1;
        unsigned long n = 1;
        for (; r < 0 && n < ALLOCATIONS_MAX; n++) {
                struct error err = {0};
                struct model_reply reply = {0};
                struct answer answer;
                size_t told = 0;
                const struct model_call call = {
                        .messages = messages, .on_text = on_text, .data = &told};
                answer_init(&answer, &model, &call);
                alloc_fail_after(n);
                r = read_all(&answer, events, &reply, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || err.type == ERROR_INTERNAL);
                if (r == 0) {
                        assert_string_equal(reply.text, "Hello");
                        assert_int_equal(told, 5);
                        assert_int_equal(json_array_size(reply.tool_calls), 2);
                        assert_int_equal(reply.stop, MODEL_STOP_TOOLS);
                        assert_int_equal(reply.tokens_in, 3);
                }
                model_reply_done(&reply);
                model_reply_done(&reply);
                answer_done(&answer);
        }
        assert_in_range(n, 20, ALLOCATIONS_MAX - 1);
}

static void test_answers(void **state)
{
        (void)state;
        static const char *const openai[] = {
                "{\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}",
                "{\"choices\":[{\"delta\":{\"content\":\"lo\",\"tool_calls\":[{\"index\":0,"
                "\"function\":"
                "{\"name\":\"t\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}",
                "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
                "\"arguments\":"
                "\":1}\"}},{\"index\":1,\"function\":{\"name\":\"t\",\"arguments\":{\"b\":2}}}]},"
                "\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3}}",
                NULL};
        static const char *const anthropic[] = {
                "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}",
                "{\"type\":\"content_block_start\",\"index\":9,\"content_block\":{\"type\":"
                "\"thinking\",\"thinking\":\"\"}}",
                "{\"type\":\"content_block_delta\",\"index\":9,\"delta\":{\"type\":"
                "\"thinking_delta\",\"thinking\":\"hm\"}}",
                "{\"type\":\"content_block_stop\",\"index\":9}",
                "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
                "\"text\","
                "\"text\":\"Hello\"}}",
                "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_"
                "use\","
                "\"id\":\"i\",\"name\":\"t\",\"input\":{}}}",
                "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
                "\"input_json_delta\",\"partial_json\":\"{no\"}}",
                "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_"
                "use\","
                "\"id\":\"k\",\"name\":\"t\",\"input\":{\"b\":2}}}",
                "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}",
                NULL};
        check_answer(&wire_openai, openai);
        check_answer(&wire_anthropic, anthropic);
}

static void test_open(void **state)
{
        (void)state;
        struct model *model = NULL;
        for (unsigned long n = 1; !model && n < ALLOCATIONS_MAX; n++) {
                struct error err = {0};
                const struct model_options options = {.kind = MODEL_ANTHROPIC,
                                                      .model = "m",
                                                      .key = "k",
                                                      .connect_timeout_ms = 1,
                                                      .idle_timeout_ms = 1,
                                                      .total_timeout_ms = 1};
                alloc_fail_after(n);
                int r = model_open(&options, &model, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || err.type == ERROR_INTERNAL);
        }
        assert_non_null(model);
        assert_string_equal(model->url, MODEL_ANTHROPIC_URL "/v1/messages");
        model_free(model);
        model_free(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_open),
        };
        json_set_alloc_funcs(alloc_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
