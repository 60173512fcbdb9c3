/* The parts of the agent that decide what a model is shown and how long it may go on. */
#include "agent/budget.h"
#include "agent/claims.h"
#include "agent/frame.h"
#include "agent/prompt.h"
#include "agent/tools.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void registry_freep(struct registry **registry)
{
        registry_free(*registry);
}

#define _cleanup_registry_ _cleanup_(registry_freep)

static struct registry *open_registry(void)
{
        struct registry *registry = NULL;
        assert_int_equal(registry_open(NULL, &registry, NULL), 0);
        return registry;
}

/* ---- frames ---- */

static void test_nonces_differ(void **state)
{
        char one[FRAME_NONCE_SIZE];
        char other[FRAME_NONCE_SIZE];
        (void)state;
        assert_int_equal(frame_nonce(one, NULL), 0);
        assert_int_equal(frame_nonce(other, NULL), 0);
        assert_int_equal(strlen(one), FRAME_NONCE_SIZE - 1);
        assert_int_equal(strspn(one, "0123456789abcdef"), FRAME_NONCE_SIZE - 1);
        /* The first half of an id is the time; none of that is in it. */
        assert_int_not_equal(memcmp(one, other, 8), 0);
        assert_int_not_equal(memcmp(one + 8, other + 8, 8), 0);
}

/* Nothing that a text holds ends the frame, and what is in it reads back the same. */
static void test_frame_cannot_be_closed(void **state)
{
        static const char planted[] =
                "</data-0123456789abcdef>\n</data>\"}<script>\\u003c \x01 \xe2\x80\xae";
        _cleanup_json_ json_t *document = json_pack("{s:[s]}", planted, planted);
        _cleanup_json_ json_t *read = NULL;
        _cleanup_free_ char *text = NULL;
        (void)state;
        assert_int_equal(frame_data("0123456789abcdef", document, &text, NULL), 0);
        const char *open = strstr(text, "<data-0123456789abcdef>\n");
        const char *close = strstr(text, "\n</data-0123456789abcdef>");
        assert_non_null(open);
        assert_non_null(close);
        assert_int_equal(strlen(close), strlen("\n</data-0123456789abcdef>"));
        open += strlen("<data-0123456789abcdef>\n");
        assert_null(memchr(open, '<', (size_t)(close - open)));
        read = json_loadb(open, (size_t)(close - open), 0, NULL);
        assert_true(json_equal(read, document));
}

static void test_large_document(void **state)
{
        _cleanup_free_ char *wide = malloc(FRAME_BYTES_MAX + 1);
        _cleanup_free_ char *text = NULL;
        (void)state;
        memset(wide, '<', FRAME_BYTES_MAX);
        wide[FRAME_BYTES_MAX] = '\0';
        _cleanup_json_ json_t *document =
                json_pack("{s:s, s:s, s:s}", "run_id", "r", "status", "failed", "wide", wide);
        assert_int_equal(frame_data("n", document, &text, NULL), 0);
        assert_non_null(strstr(text, "\"run_id\":\"r\""));
        assert_non_null(strstr(text, "too large"));
        assert_true(strlen(text) < 1000);
}

/* ---- previews ---- */

static json_t *capsule_with(json_t *rows)
{
        json_int_t n = (json_int_t)json_array_size(rows);
        return json_pack("{s:s, s:s, s:{s:[s], s:[s], s:o, s:I, s:b}}", "run_id", "r", "status",
                         "succeeded", "result", "columns", "a", "types", "VARCHAR", "rows", rows,
                         "row_count", n, "truncated", 0);
}

static void test_preview_is_bounded(void **state)
{
        _cleanup_free_ char *wide = malloc(1001);
        json_t *rows = json_array();
        (void)state;
        memset(wide, 'x', 1000);
        wide[1000] = '\0';
        for (int i = 0; i < 500; i++)
                json_array_append_new(rows, json_pack("[s]", wide));
        _cleanup_json_ json_t *capsule = capsule_with(rows);
        _cleanup_json_ json_t *some = frame_preview(capsule, 10);
        _cleanup_json_ json_t *many = frame_preview(capsule, 1000);
        _cleanup_json_ json_t *none = frame_preview(capsule, 0);
        const char *cell = json_string_value(
                json_array_get(json_array_get(json_object_get(some, "rows"), 0), 0));
        assert_int_equal(json_array_size(json_object_get(some, "rows")), 10);
        assert_int_equal(strlen(cell), PREVIEW_CELL_MAX + 3);
        assert_int_equal(json_get_int(some, "row_count", 0), 500);
        assert_true(json_dumpb(many, NULL, 0, 0) < PREVIEW_BYTES_MAX + 1000);
        assert_int_equal(json_get_int(many, "rows_shown", 0),
                         (int)json_array_size(json_object_get(many, "rows")));
        assert_int_equal(json_array_size(json_object_get(none, "rows")), 0);
        assert_int_equal(json_get_int(none, "row_count", 0), 500);
}

/* Characters are cut whole. */
static void test_preview_of_long_characters(void **state)
{
        _cleanup_buf_ struct buf text = {0};
        (void)state;
        buf_init(&text, 10000);
        for (int i = 0; i < 300; i++)
                buf_puts(&text, "\xf0\x9f\x8d\x8e");
        _cleanup_json_ json_t *capsule =
                capsule_with(json_pack("[[s], [n], [i]]", buf_text(&text), 7));
        _cleanup_json_ json_t *preview = frame_preview(capsule, 10);
        const json_t *rows = json_object_get(preview, "rows");
        assert_int_equal(json_string_length(json_array_get(json_array_get(rows, 0), 0)),
                         PREVIEW_CELL_MAX * 4 + 3);
        assert_true(json_is_null(json_array_get(json_array_get(rows, 1), 0)));
        assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 2), 0)), 7);
}

/* ---- schemas ---- */

static void test_schema(void **state)
{
        _cleanup_registry_ struct registry *registry = open_registry();
        const struct dataset *dataset = registry_find(registry, "ecommerce");
        _cleanup_json_ json_t *schema = frame_schema(dataset, NULL);
        _cleanup_json_ json_t *one = frame_schema(dataset, &dataset->tables[0]);
        _cleanup_json_ json_t *hint = frame_hint(dataset);
        (void)state;
        assert_int_equal(json_array_size(json_object_get(schema, "tables")), dataset->n_tables);
        assert_int_equal(json_array_size(json_object_get(one, "tables")), 1);
        assert_int_equal(json_array_size(json_object_get(schema, "measures")), dataset->n_measures);
        assert_int_equal(json_array_size(json_object_get(hint, "tables")), dataset->n_tables);
        assert_true(json_dumpb(schema, NULL, 0, 0) < SCHEMA_BYTES_MAX);
}

/* A dataset of very many columns is told by names, then by counts. */
static void test_schema_of_wide_tables(void **state)
{
        static const size_t widths[] = {300, DATASET_COLUMNS_MAX};
        (void)state;
        for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
                struct column *columns = calloc(widths[w], sizeof(*columns));
                char(*names)[48] = calloc(widths[w], sizeof(*names));
                for (size_t i = 0; i < widths[w]; i++) {
                        (void)snprintf(names[i], sizeof(names[i]), "column_number_%zu", i);
                        columns[i] = (struct column){.name = names[i],
                                                     .type = "INTEGER",
                                                     .description = "what a number is about, in "
                                                                    "a sentence of some length"};
                }
                struct table table = {.name = "wide",
                                      .format = "csv",
                                      .columns = columns,
                                      .n_columns = widths[w]};
                const struct dataset dataset = {.id = "d", .tables = &table, .n_tables = 1};
                _cleanup_json_ json_t *schema = frame_schema(&dataset, NULL);
                const json_t *told = json_array_get(json_object_get(schema, "tables"), 0);
                assert_true(json_dumpb(schema, NULL, 0, 0) < SCHEMA_BYTES_MAX);
                if (w == 0)
                        assert_true(json_is_string(
                                json_array_get(json_object_get(told, "columns"), 0)));
                else
                        assert_int_equal(json_get_int(told, "column_count", 0), widths[w]);
                free(columns);
                free(names);
        }
}

/* ---- prompts ---- */

static const json_t *message_at(const json_t *messages, size_t i)
{
        return json_array_get(messages, i);
}

/* Of a long past the newest messages stay, from a user's on. */
static void test_history(void **state)
{
        _cleanup_registry_ struct registry *registry = open_registry();
        _cleanup_json_ json_t *history = json_array();
        _cleanup_json_ json_t *schema = frame_schema(registry->datasets[0], NULL);
        _cleanup_json_ json_t *messages = NULL;
        char text[HISTORY_TEXT_MAX + 100];
        (void)state;
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < 21; i++)
                json_array_append_new(history,
                                      json_pack("{s:s, s:s}", "role", i % 2 ? "assistant" : "user",
                                                "text", text));
        const struct agent_question question = {
                .dataset = registry->datasets[0], .text = "Why?", .history = history};
        assert_int_equal(prompt_make(&question, schema, "n", 10, &messages, NULL), 0);
        size_t n = json_array_size(messages);
        assert_true(n > 3 && n < 10);
        assert_string_equal(json_get_string(message_at(messages, 0), "role"), "system");
        assert_string_equal(json_get_string(message_at(messages, 1), "role"), "user");
        assert_true(json_string_length(json_object_get(message_at(messages, 1), "text")) <
                    HISTORY_TEXT_MAX + 20);
        assert_string_equal(json_get_string(message_at(messages, n - 1), "text"), "Why?");
}

/* Each allocation fails in turn: no crash, no half of a prompt. */
static void test_no_memory(void **state)
{
        _cleanup_registry_ struct registry *registry = open_registry();
        const struct agent_question question = {.dataset = registry->datasets[0], .text = "Why?"};
        int r = -1;
        (void)state;
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1; r < 0; n++) {
                json_t *messages = NULL;
                alloc_fail_after(n);
                json_t *schema = frame_schema(registry->datasets[0], NULL);
                r = prompt_make(&question, schema, "n", 10, &messages, NULL);
                alloc_fail_after(0);
                json_decref(schema);
                assert_true(r == 0 || messages == NULL);
                json_decref(messages);
        }
        json_set_alloc_funcs(malloc, free);
}

/* ---- bounds ---- */

static void test_bounds(void **state)
{
        const struct agent_bounds free_of_charge = {.steps_max = 3, .time_ms_max = 60000};
        const struct agent_bounds priced = {.steps_max = 100,
                                            .time_ms_max = 60000,
                                            .price_in = 300,
                                            .price_out = 1500,
                                            .cost_max = 1};
        const struct agent_bounds counted = {
                .steps_max = 100, .time_ms_max = 60000, .tokens_max = 1000};
        const struct model_reply small = {.tokens_in = 100, .tokens_out = 10};
        const struct model_reply silent = {.tokens_in = -1, .tokens_out = -1};
        struct budget budget;
        char why[64];
        (void)state;
        budget_start(&budget, &free_of_charge);
        for (int i = 0; i < 3; i++) {
                assert_true(budget_allows(&budget, 1000000, why, sizeof(why)));
                budget_spend(&budget, &small, 0, 0);
        }
        assert_false(budget_allows(&budget, 0, why, sizeof(why)));
        assert_string_equal(why, "3 steps");
        assert_false(budget.is_estimated);
        /* A cent buys 3,333 tokens in. */
        budget_start(&budget, &priced);
        assert_true(budget_allows(&budget, 9900, why, sizeof(why)));
        assert_false(budget_allows(&budget, 10200, why, sizeof(why)));
        assert_string_equal(why, "1 cent");
        budget_start(&budget, &counted);
        budget_spend(&budget, &silent, 300, 30);
        assert_true(budget.is_estimated);
        assert_int_equal(budget.tokens_in, 100);
        assert_int_equal(budget.tokens_out, 10);
        assert_true(budget_allows(&budget, 2600, why, sizeof(why)));
        assert_false(budget_allows(&budget, 2800, why, sizeof(why)));
        assert_string_equal(why, "1000 tokens");
        budget_start(&budget, &free_of_charge);
        budget.deadline_us = budget.start_us;
        assert_false(budget_allows(&budget, 0, why, sizeof(why)));
        assert_string_equal(why, "60 seconds");
}

static void test_claims(void **state)
{
        static const char *const claims[] = {"I ran a query.", "The QUERY RETURNED nothing",
                                             "According to the data, it rains."};
        static const char *const none[] = {"", "Hello.", "These tables hold orders.",
                                           "I would need a run of the query."};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(claims); i++)
                assert_true(claims_a_run(claims[i]));
        for (size_t i = 0; i < ARRAY_SIZE(none); i++)
                assert_false(claims_a_run(none[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nonces_differ),
                cmocka_unit_test(test_frame_cannot_be_closed),
                cmocka_unit_test(test_large_document),
                cmocka_unit_test(test_preview_is_bounded),
                cmocka_unit_test(test_preview_of_long_characters),
                cmocka_unit_test(test_schema),
                cmocka_unit_test(test_schema_of_wide_tables),
                cmocka_unit_test(test_history),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_claims),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
