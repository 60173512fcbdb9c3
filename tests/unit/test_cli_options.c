#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/options.h"

#include <string.h>

static const char *const formats[] = {"table", "json", NULL};

struct seen {
        const char *sql;
        const char *format;
        int64_t rows;
        bool explain;
        struct arguments arguments;
        struct error err;
};

/* words ends with NULL and does not hold the command's name. */
static int parse(struct seen *seen, const char *const *words)
{
        char *argv[32] = {(char *)"run"};
        int argc = 1;
        const struct option_spec specs[] = {
                {.name = "--sql", .text = &seen->sql},
                {.name = "--format", .text = &seen->format, .choices = formats},
                {.name = "--max-rows", .number = &seen->rows},
                {.name = "--explain", .flag = &seen->explain},
        };
        *seen = (struct seen){.rows = -1};
        for (; words[argc - 1]; argc++)
                argv[argc] = (char *)words[argc - 1];
        return options_parse(specs, ARRAY_SIZE(specs), 2, argc, argv, &seen->arguments, &seen->err);
}

#define PARSE(seen, ...) parse(seen, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_order_and_forms(void **state)
{
        (void)state;
        struct seen seen;
        assert_int_equal(PARSE(&seen, "--sql", "SELECT 1", "a.csv", "--max-rows=7", "--explain"),
                         0);
        assert_string_equal(seen.sql, "SELECT 1");
        assert_string_equal(seen.arguments.items[0], "a.csv");
        assert_int_equal(seen.arguments.n, 1);
        assert_int_equal(seen.rows, 7);
        assert_true(seen.explain);
        assert_int_equal(PARSE(&seen, "-", "--", "--sql"), 0);
        assert_string_equal(seen.arguments.items[0], "-");
        assert_string_equal(seen.arguments.items[1], "--sql");
        assert_int_equal(PARSE(&seen, "--sql", "--explain"), 0); /* a value is a value */
        assert_string_equal(seen.sql, "--explain");
        assert_false(seen.explain);
        assert_int_equal(PARSE(&seen, "--sql="), 0);
        assert_string_equal(seen.sql, "");
}

static void test_help_comes_first(void **state)
{
        (void)state;
        struct seen seen;
        assert_int_equal(PARSE(&seen, "--nonsense", "-h"), 0);
        assert_true(seen.arguments.help);
        assert_int_equal(PARSE(&seen, "--", "--help"), 0);
        assert_false(seen.arguments.help);
}

#define REFUSED(said, ...)                                                                         \
        do {                                                                                       \
                struct seen seen_;                                                                 \
                assert_int_equal(PARSE(&seen_, __VA_ARGS__), -(int)ERROR_USAGE);                   \
                if (!strstr(seen_.err.message, said))                                              \
                        fail_msg("\"%s\" does not say \"%s\"", seen_.err.message, said);           \
        } while (0)

static void test_refuses(void **state)
{
        (void)state;
        REFUSED("did you mean --format?", "--fromat", "json");
        REFUSED("did you mean --max-rows?", "--maxrows=3");
        REFUSED("there is no option --xyzzy", "--xyzzy");
        REFUSED("there is no option -x", "-x");
        REFUSED("needs a value", "--sql");
        REFUSED("given twice", "--sql", "a", "--sql=b");
        REFUSED("takes no value", "--explain=yes");
        REFUSED("one of table, json", "--format", "xml");
        REFUSED("whole number", "--max-rows", "ten");
        REFUSED("whole number", "--max-rows", "1e3");
        REFUSED("whole number", "--max-rows", " 1");
        REFUSED("whole number", "--max-rows", "+1");
        REFUSED("whole number", "--max-rows", "-1");
        REFUSED("whole number", "--max-rows", "");
        REFUSED("whole number", "--max-rows", "9223372036854775808");
        REFUSED("too many", "a", "b", "c");
}

static void test_nearest(void **state)
{
        (void)state;
        static const char *const names[] = {"run", "check", "capsules", "verify"};
        char long_word[500];
        memset(long_word, 'x', sizeof(long_word) - 1);
        long_word[sizeof(long_word) - 1] = '\0';
        assert_string_equal(name_nearest(names, 4, "rnu"), "run");
        assert_string_equal(name_nearest(names, 4, "capsule"), "capsules");
        assert_string_equal(name_nearest(names, 4, "verfy"), "verify");
        assert_null(name_nearest(names, 4, "elephant"));
        assert_null(name_nearest(names, 4, long_word));
        assert_null(name_nearest(names, 0, "run"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order_and_forms),
                cmocka_unit_test(test_help_comes_first),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_nearest),
        };
        return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}
