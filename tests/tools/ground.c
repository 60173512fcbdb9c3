/* Checks the numbers of texts: src/grounding as a program, for tests/grounding.
 *
 *   ground < orders > outcomes
 *
 * Each line is one order, {"text", "question", "sources": [{"run_id", "result", "plan", "sql"}]},
 * and gives one line: what grounding_check gives, with "took_us", or {"error": {"type",
 * "message"}}. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "grounding/grounding.h"

#include <stdio.h>
#include <string.h>

#define ORDER_MAX ((size_t)64 * 1024 * 1024)

static int check(const json_t *order, json_t **ret, struct error *err)
{
        struct grounding_source sources[GROUNDING_SOURCES_MAX] = {0};
        const json_t *given = json_object_get(order, "sources");
        const json_t *text = json_object_get(order, "text");
        struct grounding_input input = {.text = json_string_value(text),
                                        .n = json_string_length(text),
                                        .question = json_get_string(order, "question"),
                                        .sources = sources,
                                        .n_sources = json_array_size(given)};
        if (!input.text || input.n_sources > ARRAY_SIZE(sources))
                return error_set(err, ERROR_USAGE, "an order has a text and at most %zu sources",
                                 ARRAY_SIZE(sources));
        for (size_t i = 0; i < input.n_sources; i++) {
                const json_t *source = json_array_get(given, i);
                sources[i] = (struct grounding_source){.run_id = json_get_string(source, "run_id"),
                                                       .result = json_object_get(source, "result"),
                                                       .plan = json_object_get(source, "plan"),
                                                       .sql = json_get_string(source, "sql")};
        }
        int64_t began_us = clock_monotonic_us();
        int r = grounding_check(&input, ret, err);
        json_int_t took_us = clock_monotonic_us() - began_us;
        if (r == 0 && json_object_set_new(*ret, "took_us", json_integer(took_us)) < 0)
                return error_oom(err);
        return r;
}

static int answer(const char *line, size_t n)
{
        static const struct json_limits limits = {.max_bytes = ORDER_MAX, .max_depth = 256};
        struct error err = {0};
        _cleanup_json_ json_t *order = NULL;
        _cleanup_json_ json_t *outcome = NULL;
        int r = json_parse(line, n, &limits, ERROR_USAGE, &order, &err);
        if (r == 0)
                r = check(order, &outcome, &err);
        if (r < 0)
                outcome = json_pack("{s:{s:s,s:s}}", "error", "type", error_type_name(err.type),
                                    "message", err.message);
        if (!outcome || json_dumpf(outcome, stdout, JSON_COMPACT) < 0)
                return 1;
        return putchar('\n') == EOF || fflush(stdout) != 0;
}

int main(void)
{
        _cleanup_free_ char *line = NULL;
        size_t capacity = 0;
        ssize_t n;
        while ((n = getline(&line, &capacity, stdin)) > 0)
                if (answer(line, (size_t)n) != 0)
                        return 1;
        return 0;
}
