/* The numbers of a text against a result: the input is a text, a line of dashes, and JSON. The
 * outcome adds up, and every number stands where it is said to. */
#include "fuzz.h"

#include "base/utf8.h"
#include "grounding/grounding.h"

/* The bytes that so many code points take. */
static size_t bytes_of(const char *text, size_t n, json_int_t points)
{
        size_t at = 0;
        for (; points > 0; points--) {
                uint32_t c;
                FUZZ_CHECK(at < n);
                at += utf8_decode(text + at, n - at, &c);
        }
        return at;
}

static void check_numbers(const char *text, size_t n, const json_t *outcome)
{
        const json_t *numbers = json_object_get(outcome, "numbers");
        json_int_t found = 0;
        json_int_t before = 0;
        for (size_t i = 0; i < json_array_size(numbers); i++) {
                const json_t *number = json_array_get(numbers, i);
                const json_t *said = json_object_get(number, "text");
                json_int_t start = json_integer_value(json_object_get(number, "start"));
                json_int_t end = json_integer_value(json_object_get(number, "end"));
                FUZZ_CHECK(before <= start && start < end);
                size_t from = bytes_of(text, n, start);
                size_t to = bytes_of(text, n, end);
                FUZZ_CHECK(to - from >= json_string_length(said));
                FUZZ_CHECK(memcmp(text + from, json_string_value(said), json_string_length(said)) ==
                           0);
                before = start;
                found += json_is_string(json_object_get(number, "how"));
        }
        FUZZ_CHECK(json_integer_value(json_object_get(outcome, "found")) == found);
        FUZZ_CHECK(json_integer_value(json_object_get(outcome, "checked")) ==
                   (json_int_t)json_array_size(numbers));
        FUZZ_CHECK((json_array_size(json_object_get(outcome, "unsupported")) > 0) ==
                   (json_array_size(numbers) > (size_t)found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char line[] = "\n----\n";
        const char *text = (const char *)data;
        const char *cut = size ? memmem(data, size, line, sizeof(line) - 1) : NULL;
        size_t n = cut ? (size_t)(cut - text) : size;
        json_t *given =
                cut ? json_loadb(cut + sizeof(line) - 1, size - n - sizeof(line) + 1, 0, NULL)
                    : NULL;
        struct grounding_source source = {.run_id = "r",
                                          .result = json_object_get(given, "result"),
                                          .plan = json_object_get(given, "plan"),
                                          .sql = json_string_value(json_object_get(given, "sql"))};
        const struct grounding_input input = {
                .text = text,
                .n = n,
                .question = json_string_value(json_object_get(given, "question")),
                .sources = &source,
                .n_sources = 1};
        struct error err = {0};
        json_t *outcome = NULL;
        int r = grounding_check(&input, &outcome, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK((r == 0) == (outcome != NULL));
        if (outcome)
                check_numbers(text, n, outcome);
        json_decref(outcome);
        json_decref(given);
        return 0;
}
