#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "dataset/name.h"

#include <stdio.h>
#include <string.h>

#define LONG_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void test_is_table(void **state)
{
        (void)state;
        static const char *const good[] = {"a", "_", "Orders_2024", "A1", LONG_63};
        static const char *const bad[] = {"",         "1a",        "a-b", "a b", "a.b",
                                          "\xC3\xA9", LONG_63 "x", "a\"", "a;"};
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(name_is_table(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(name_is_table(bad[i]));
}

static void test_table(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"/tmp/Sales 2024-Q1.csv", "Sales_2024_Q1"},
                {"orders.csv", "orders"},
                {"orders", "orders"},
                {"a.b/c", "c"},
                {"a.csv.gz", "a"},
                {"a.Parquet.zst", "a"},
                {"sales.2024.csv", "sales_2024"},
                {"a.csv.csv.csv", "a_csv"},
                {"2024.csv", "t_2024"},
                {"-2024.csv", "t_2024"},
                {"__x__y__.csv", "x_y"},
                {"  a  ", "a"},
                {"", "table"},
                {"/", "table"},
                {".csv", "table"},
                {"..", "table"},
                {".csv.gz", "table"},
                {"\xD0\xB4\xD0\xB0.csv", "table"},
                {"caf\xC3\xA9 M\xFCller.csv", "caf_M_ller"},
                {"a\"; DROP TABLE b; --.csv", "a_DROP_TABLE_b"},
                {"a\nb\tc.csv", "a_b_c"},
                {LONG_63 "lmnop.csv", LONG_63},
                {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij-k.csv",
                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char out[NAME_MAX_BYTES + 1];
                name_table(cases[i][0], out);
                assert_string_equal(out, cases[i][1]);
                assert_true(name_is_table(out));
        }
}

/* Every path of up to three bytes out of a hard alphabet gives a valid name. */
static void test_table_is_total(void **state)
{
        (void)state;
        static const char alphabet[] = "a9_./- \xC3\xFF\n";
        size_t n = sizeof(alphabet); /* the NUL too: shorter paths */
        for (size_t i = 0; i < n * n * n; i++) {
                char path[4] = {alphabet[i % n], alphabet[i / n % n], alphabet[i / n / n], '\0'};
                char out[NAME_MAX_BYTES + 1];
                name_table(path, out);
                assert_true(name_is_table(out));
        }
}

static int name_texts(const char *const *headers, size_t n, struct arena *arena, const char ***ret)
{
        struct error err = {0};
        size_t lengths[64];
        for (size_t i = 0; i < n; i++)
                lengths[i] = strlen(headers[i]);
        int r = name_columns(headers, lengths, n, arena, ret, &err);
        assert_true(r == 0 || err.message[0]);
        return r;
}

static void check_columns(const char *const *headers, const char *const *expected, size_t n)
{
        struct arena *arena = arena_new(1024 * 1024);
        const char **names = NULL;
        assert_int_equal(name_texts(headers, n, arena, &names), 0);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(names[i], expected[i]);
        arena_free(arena);
}

#define CHECK(...)                                                                                 \
        do {                                                                                       \
                static const char *const cases_[][2] = {__VA_ARGS__};                              \
                const char *in_[ARRAY_SIZE(cases_)];                                               \
                const char *out_[ARRAY_SIZE(cases_)];                                              \
                for (size_t i_ = 0; i_ < ARRAY_SIZE(cases_); i_++) {                               \
                        in_[i_] = cases_[i_][0];                                                   \
                        out_[i_] = cases_[i_][1];                                                  \
                }                                                                                  \
                check_columns(in_, out_, ARRAY_SIZE(cases_));                                      \
        } while (0)

static void test_columns_clean(void **state)
{
        (void)state;
        CHECK({"id", "id"}, {"  Order Date ", "Order Date"}, {"a\"b'c", "a\"b'c"},
              {"\xEF\xBB\xBFname", "name"}, {"a\t \n b", "a b"}, {"a\xC2\xA0\xC2\xA0z", "a z"},
              {"\xE3\x80\x80wide\xE2\x80\x8B", "wide"}, {"be\x01ll\x07\x7F", "bell"},
              {"x\xE2\x80\xAEy", "xy"}, {"created_at", "created_at"},
              {"Gr\xC3\xB6\xC3\x9F", "Gr\xC3\xB6\xC3\x9F"},
              {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"}, {"select", "select"});
}

static void test_columns_not_utf8(void **state)
{
        (void)state;
#define R "\xEF\xBF\xBD"
        CHECK({"\xFF", R}, {"a\x80z", "a" R "z"}, {"\xC3", R "_2"}, {"\xC0\xAF", R R},
              {"\xE0\x80\xAF", R R R}, {"\xED\xA0\x80", R R R "_2"}, {"\xF4\x90\x80\x80", R R R R},
              {"\xF0\x9F\x98", R R R "_3"}, {"\xE2(\xA1", R "(" R},
              {"\xF8\x88\x80\x80\x80", R R R R R});
#undef R
}

static void test_columns_unique(void **state)
{
        (void)state;
        CHECK({"a", "a"}, {"A", "A_2"}, {"a", "a_3"}, {"a_2", "a_2_2"}, {"a_2", "a_2_3"},
              {"a", "a_4"});
        CHECK({"", "column_1"}, {"", "column_2"}, {"\xEF\xBB\xBF ", "column_3"},
              {"column_5", "column_5"}, {"", "column_5_2"}, {"Column_6", "Column_6"},
              {"", "column_7"});
        CHECK({"x", "x"}, {"x_2", "x_2"}, {"x_3", "x_3"}, {"x", "x_4"}, {"x", "x_5"});
        CHECK({"\xC3\x89", "\xC3\x89"}, {"\xC3\xA9", "\xC3\xA9"}); /* as the engine: ASCII only */
}

static void test_columns_nul(void **state)
{
        (void)state;
        struct error err = {0};
        struct arena *arena = arena_new(4096);
        const char *headers[] = {"a\0b", NULL};
        size_t lengths[] = {3, 0};
        const char **names;
        assert_int_equal(name_columns(headers, lengths, 2, arena, &names, &err), 0);
        assert_string_equal(names[0], "ab");
        assert_string_equal(names[1], "column_2");
        assert_int_equal(name_columns(NULL, NULL, 0, arena, &names, &err), 0);
        arena_free(arena);
}

/* Long names are cut at a character's start, doubles at the right place for their number. */
static void test_columns_long(void **state)
{
        (void)state;
        char text[600];
        for (size_t i = 0; i < 300; i++)
                memcpy(text + 2 * i, "\xC3\xA9", 2);
        struct error err = {0};
        struct arena *arena = arena_new(4096);
        const char *headers[] = {text, text, text + 2};
        size_t lengths[] = {600, 598, 500};
        const char **names;
        assert_int_equal(name_columns(headers, lengths, 3, arena, &names, &err), 0);
        assert_int_equal(strlen(names[0]), 254);
        assert_int_equal(strlen(names[1]), 254);
        assert_string_equal(names[1] + 250, "\xC3\xA9_2");
        assert_string_equal(names[2] + 250, "\xC3\xA9_3");
        arena_free(arena);
}

static void test_columns_many(void **state)
{
        (void)state;
        enum { N = 5000 };
        static const char *headers[N];
        static size_t lengths[N];
        for (size_t i = 0; i < N; i++) {
                headers[i] = i % 2 ? "same" : "";
                lengths[i] = strlen(headers[i]);
        }
        struct error err = {0};
        struct arena *arena = arena_new(4 * 1024 * 1024);
        const char **names;
        assert_int_equal(name_columns(headers, lengths, N, arena, &names, &err), 0);
        assert_string_equal(names[1], "same");
        assert_string_equal(names[3], "same_2");
        assert_string_equal(names[N - 1], "same_2500");
        assert_string_equal(names[N - 2], "column_4999");
        assert_true(name_columns(headers, lengths, NAME_COLUMNS_MAX + 1, arena, &names, &err) < 0);
        assert_int_equal(err.type, ERROR_DATASET_INVALID);
        arena_free(arena);
}

static void test_columns_out_of_memory(void **state)
{
        (void)state;
        const char *headers[] = {"a", "a", ""};
        size_t lengths[] = {1, 1, 0};
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                const char **names = NULL;
                alloc_fail_after(n);
                struct arena *arena = arena_new(4096);
                r = arena ? name_columns(headers, lengths, 3, arena, &names, &err) : -1;
                alloc_fail_after(0);
                assert_true(r == 0 || !names);
                assert_true(r == 0 || !arena || err.type == ERROR_INTERNAL);
                arena_free(arena);
                assert_true(n < 50);
        }
        assert_true(n > 3);
        struct error err = {0};
        const char **names = NULL;
        struct arena *tiny = arena_new(64); /* the ceiling, not the memory, is reached */
        assert_true(name_columns(headers, lengths, 3, tiny, &names, &err) < 0);
        arena_free(tiny);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_is_table),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_table_is_total),
                cmocka_unit_test(test_columns_clean),
                cmocka_unit_test(test_columns_not_utf8),
                cmocka_unit_test(test_columns_unique),
                cmocka_unit_test(test_columns_nul),
                cmocka_unit_test(test_columns_long),
                cmocka_unit_test(test_columns_many),
                cmocka_unit_test(test_columns_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
