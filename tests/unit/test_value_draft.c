/* Which texts a value index keeps, and that its text is what a client takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/schema.h"
#include "dataset/values.h"
#include "runner/distinct_guess.h"
#include "runner/value_draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_100                                                                                   \
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
        "890123456789"

/* One table of n text columns, "c0", "c1", ... */
struct fixture {
        struct value_draft draft;
        struct table table;
        struct dataset dataset;
        struct column *columns;
        char (*names)[16];
};

static void fixture_init(struct fixture *it, size_t n)
{
        *it = (struct fixture){.columns = calloc(n, sizeof(*it->columns)),
                               .names = calloc(n, sizeof(*it->names))};
        it->draft.tables = calloc(1, sizeof(*it->draft.tables));
        it->draft.n_tables = 1;
        struct draft_table *table = &it->draft.tables[0];
        *table = (struct draft_table){.name = "t", .n_rows = 10000000, .n_columns = n};
        table->columns = calloc(n, sizeof(*table->columns));
        for (size_t i = 0; i < n; i++) {
                (void)snprintf(it->names[i], sizeof(it->names[i]), "c%zu", i);
                table->columns[i] = (struct draft_column){.name = it->names[i], .is_text = true};
                it->columns[i] = (struct column){
                        .name = it->names[i], .type = "VARCHAR", .kind = COLUMN_TEXT};
        }
        it->table = (struct table){.name = "t", .columns = it->columns, .n_columns = n};
}

static void fixture_done(struct fixture *it)
{
        value_draft_done(&it->draft);
        value_draft_done(&it->draft);
        free(it->columns);
        free(it->names);
}

static struct draft_column *column_of(struct fixture *it, size_t i)
{
        return &it->draft.tables[0].columns[i];
}

static void add(struct fixture *it, size_t i, const char *text, int64_t count)
{
        struct error err = {0};
        assert_int_equal(draft_column_add(column_of(it, i), text, strlen(text), count, &err), 0);
}

/* n texts of `bytes` bytes; text number k is held by count(k) rows. */
static void add_many(struct fixture *it, size_t i, size_t n, int bytes, int64_t (*count)(size_t k))
{
        for (size_t k = 0; k < n; k++) {
                char text[256];
                (void)snprintf(text, sizeof(text), "%0*zu", bytes, (k * 7919) % n);
                add(it, i, text, count((k * 7919) % n));
        }
        draft_column_rank(column_of(it, i));
}

static int64_t same(size_t k)
{
        (void)k;
        return 1;
}

static int64_t rising(size_t k)
{
        return (int64_t)k + 1;
}

/* Written, parsed and taken apart as a client does it. */
static struct value_index *written(struct fixture *it, size_t *ret_bytes)
{
        static const struct json_limits limits = {.max_bytes = VALUES_BYTES_MAX, .max_depth = 8};
        struct error err = {0};
        struct value_index *index = NULL;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *json = NULL;
        it->dataset = (struct dataset){.id = "d", .tables = &it->table, .n_tables = 1};
        if (value_draft_put(&it->draft, &text, &err) < 0 ||
            json_parse(buf_text(&text), text.len, &limits, ERROR_VALIDATION, &json, &err) < 0 ||
            value_index_from_json(json, &it->dataset, &index, &err) < 0)
                fail_msg("%s", err.message);
        assert_true(json_is_closed_object(buf_text(&text), text.len));
        if (ret_bytes)
                *ret_bytes = text.len;
        return index;
}

static void test_small(void **state)
{
        (void)state;
        struct error err = {0};
        struct fixture it;
        fixture_init(&it, 3);
        add(&it, 0, "old", 5);
        add(&it, 0, "new", 7);
        add(&it, 0, "\"\\\n\x01", 1);
        draft_column_rank(column_of(&it, 0));
        column_of(&it, 0)->n_nulls = 9;
        column_of(&it, 1)->is_text = false;
        column_of(&it, 1)->n_distinct = -1;
        assert_int_equal(draft_end_set(&column_of(&it, 1)->min, "1", 1, &err), 0);
        assert_int_equal(draft_end_set(&column_of(&it, 1)->min, "-5", 2, &err), 0);
        assert_int_equal(draft_end_set(&column_of(&it, 1)->max, "7", 1, &err), 0);
        struct value_index *index = written(&it, NULL);
        const struct column_values *text = &index->tables[0].columns[0];
        assert_int_equal(index->tables[0].n_rows, 10000000);
        assert_int_equal(text->n_nulls, 9);
        assert_int_equal(text->n_distinct, 3);
        assert_true(text->complete);
        assert_string_equal(text->values[0], "\"\\\n\x01");
        assert_string_equal(text->values[1], "new");
        assert_string_equal(text->values[2], "old");
        assert_string_equal(text->min, "\"\\\n\x01");
        assert_string_equal(text->max, "old");
        const struct column_values *number = &index->tables[0].columns[1];
        assert_int_equal(number->n_distinct, -1);
        assert_string_equal(number->min, "-5");
        assert_string_equal(number->max, "7");
        assert_false(number->complete);
        assert_true(index->tables[0].columns[2].complete); /* there is nothing */
        value_index_free(index);
        fixture_done(&it);
}

/* Counted and left out: what is too long, and what has U+0000 in it. */
static void test_left_out(void **state)
{
        (void)state;
        struct error err = {0};
        struct fixture it;
        fixture_init(&it, 2);
        add(&it, 0, TEXT_100 TEXT_100, 1);
        add(&it, 0, TEXT_100 TEXT_100 "0", 1);
        add(&it, 0, "a", 1);
        assert_int_equal(draft_column_add(column_of(&it, 1), "b\0c", 3, 1, &err), 0);
        assert_int_equal(draft_column_add(column_of(&it, 1), "b", 1, 1, &err), 0);
        assert_int_equal(draft_column_add(column_of(&it, 1), "a\0c", 3, 1, &err), 0);
        struct value_index *index = written(&it, NULL);
        const struct column_values *a = &index->tables[0].columns[0];
        const struct column_values *b = &index->tables[0].columns[1];
        assert_int_equal(a->n_distinct, 3);
        assert_int_equal(a->n_values, 2);
        assert_false(a->complete);
        assert_string_equal(a->min, TEXT_100 TEXT_100);
        assert_string_equal(a->max, "a");
        assert_int_equal(b->n_distinct, 3);
        assert_int_equal(b->n_values, 1);
        assert_false(b->complete);
        assert_null(b->min);
        assert_null(b->max);
        value_index_free(index);
        fixture_done(&it);
}

static void test_empty_text(void **state)
{
        (void)state;
        struct fixture it;
        fixture_init(&it, 1);
        add(&it, 0, "", 1);
        add(&it, 0, "a", 1);
        struct value_index *index = written(&it, NULL);
        assert_string_equal(index->tables[0].columns[0].min, "");
        assert_string_equal(index->tables[0].columns[0].values[0], "");
        value_index_free(index);
        fixture_done(&it);
}

/* Of a large column the most frequent stay, whatever the order in which they came. */
static void test_most_frequent(void **state)
{
        (void)state;
        enum { N = 160000 };
        struct fixture it;
        fixture_init(&it, 2);
        add_many(&it, 0, N, 6, rising);
        add_many(&it, 1, N, 6, same);
        struct value_index *index = written(&it, NULL);
        const struct column_values *a = &index->tables[0].columns[0];
        const struct column_values *b = &index->tables[0].columns[1];
        assert_int_equal(a->n_distinct, N);
        assert_int_equal(a->n_values, VALUES_COLUMN_MAX);
        assert_false(a->complete);
        assert_string_equal(a->values[0], "110000");
        assert_string_equal(a->values[VALUES_COLUMN_MAX - 1], "159999");
        assert_string_equal(a->min, "000000");
        assert_string_equal(b->values[0], "000000");
        assert_string_equal(b->values[VALUES_COLUMN_MAX - 1], "049999");
        value_index_free(index);
        fixture_done(&it);
}

/* Small columns whole, large ones alike; and it does not matter when the draft shrinks. */
static void test_shares(void **state)
{
        (void)state;
        enum { COLUMNS = 12 };
        for (int often = 0; often < 2; often++) {
                struct error err = {0};
                struct fixture it;
                size_t bytes = 0;
                size_t sum = 0;
                fixture_init(&it, COLUMNS);
                for (size_t i = 0; i < COLUMNS; i++) {
                        add_many(&it, i, i == 5 ? 300 : 50000, i % 2 ? 6 : 150, rising);
                        if (often)
                                assert_int_equal(value_draft_shrink(&it.draft, &err), 0);
                }
                struct value_index *index = written(&it, &bytes);
                const struct column_values *columns = index->tables[0].columns;
                for (size_t i = 0; i < COLUMNS; i++)
                        sum += columns[i].n_values;
                assert_true(columns[5].complete);
                assert_int_equal(columns[0].n_values, columns[2].n_values);
                assert_int_equal(columns[1].n_values, columns[3].n_values);
                /* A long text takes more of its column's share. */
                assert_true(columns[1].n_values > columns[0].n_values);
                assert_int_equal(columns[1].n_values, 18126);
                assert_false(columns[0].complete);
                assert_string_equal(columns[1].values[columns[1].n_values - 1], "049999");
                assert_true(sum <= VALUES_DATASET_MAX && bytes <= VALUES_BYTES_MAX);
                assert_true(bytes > VALUES_BYTES_MAX / 2);
                value_index_free(index);
                fixture_done(&it);
        }
}

/* Escapes take six bytes each, and the ceiling is that of the bytes. */
static void test_bytes(void **state)
{
        (void)state;
        struct error err = {0};
        struct fixture it;
        size_t bytes = 0;
        char text[VALUES_TEXT_MAX + 1];
        fixture_init(&it, 1);
        memset(text, 1, sizeof(text));
        for (int k = 0; k < VALUES_COLUMN_MAX; k++) {
                for (int bit = 0; bit < 16; bit++)
                        text[bit] = (char)(1 + (k >> bit & 1));
                assert_int_equal(
                        draft_column_add(column_of(&it, 0), text, VALUES_TEXT_MAX, 1, &err), 0);
        }
        draft_column_rank(column_of(&it, 0));
        struct value_index *index = written(&it, &bytes);
        assert_true(bytes <= VALUES_BYTES_MAX && bytes > VALUES_BYTES_MAX - 5000);
        assert_int_equal(index->tables[0].columns[0].n_values, 13944);
        value_index_free(index);
        fixture_done(&it);
}

/* More columns than there is room for their ends: the ends go. */
static void test_no_room_for_ends(void **state)
{
        (void)state;
        enum { COLUMNS = 9000 };
        struct error err = {0};
        struct fixture it;
        char text[VALUES_TEXT_MAX];
        fixture_init(&it, COLUMNS);
        memset(text, 1, sizeof(text));
        for (size_t i = 0; i < COLUMNS; i++)
                assert_int_equal(draft_column_add(column_of(&it, i), text, sizeof(text), 1, &err),
                                 0);
        struct value_index *index = written(&it, NULL);
        assert_null(index->tables[0].columns[0].min);
        assert_null(index->tables[0].columns[COLUMNS - 1].max);
        value_index_free(index);
        fixture_done(&it);
}

static void test_clear(void **state)
{
        (void)state;
        struct fixture it;
        fixture_init(&it, 1);
        add(&it, 0, "a", 1);
        draft_column_clear(column_of(&it, 0));
        add(&it, 0, "b", 1);
        struct value_index *index = written(&it, NULL);
        assert_int_equal(index->tables[0].columns[0].n_values, 1);
        assert_string_equal(index->tables[0].columns[0].min, "b");
        value_index_free(index);
        fixture_done(&it);
}

static int fill_and_put(struct fixture *it, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        int r = 0;
        for (int k = 0; r == 0 && k < 40; k++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "%d", k * 7 % 40);
                r = draft_column_add(column_of(it, 0), text, strlen(text), k, err);
        }
        draft_column_rank(column_of(it, 0));
        return r < 0 ? r : value_draft_put(&it->draft, &out, err);
}

static void test_out_of_memory(void **state)
{
        (void)state;
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                struct fixture it;
                fixture_init(&it, 1);
                alloc_fail_after(n);
                r = fill_and_put(&it, &err);
                alloc_fail_after(0);
                if (r < 0) {
                        assert_int_equal(err.type, ERROR_INTERNAL);
                        assert_true(n < 1000);
                }
                fixture_done(&it);
        }
        assert_true(n > 40);
}

/* --- guesses ------------------------------------------------------------------------------- */

/* A table of `rows` rows whose row number k holds text(k). */
static double guessed(size_t rows, size_t (*text)(size_t k))
{
        struct distinct_guess *guess = calloc(1, sizeof(*guess));
        assert_non_null(guess);
        for (unsigned window = 0; window < GUESS_WINDOWS; window++) {
                size_t from = (rows - GUESS_WINDOW_ROWS) / (GUESS_WINDOWS - 1) * window;
                for (size_t i = 0; i < GUESS_WINDOW_ROWS; i++) {
                        char bytes[32];
                        int n = snprintf(bytes, sizeof(bytes), "%zu", text(from + i));
                        distinct_guess_add(guess, window, bytes, (size_t)n);
                }
        }
        distinct_guess_add(guess, 0, "no room", 7);
        double total = distinct_guess_total(guess);
        free(guess);
        return total;
}

/* A number that looks drawn, the same for the same k. */
static size_t mixed(size_t k)
{
        uint64_t x = k + 0x9E3779B97F4A7C15ULL;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
        return (size_t)(x ^ x >> 31);
}

static size_t unique(size_t k)
{
        return k;
}
static size_t few(size_t k)
{
        return mixed(k) % 400;
}
static size_t thousands(size_t k)
{
        return mixed(k) % 50000;
}
static size_t million(size_t k)
{
        return mixed(k) % 1000000;
}
static size_t sorted_few(size_t k)
{
        return k / 25000;
}
static size_t sorted_many(size_t k)
{
        return k / 3;
}
static size_t mostly_one(size_t k)
{
        return mixed(k) % 5 ? k : 0;
}

static void test_guess(void **state)
{
        (void)state;
        static const struct {
                size_t (*text)(size_t);
                double least, most;
        } cases[] = {
                {unique, 1e6, 1e12},        {few, 400, 401},       {thousands, 45000, 55000},
                {million, 500000, 2e6},     {sorted_few, 8, 1000}, {sorted_many, 1e6, 1e12},
                {mostly_one, 200001, 1e12},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                double total = guessed(10000000, cases[i].text);
                if (total < cases[i].least || total > cases[i].most)
                        fail_msg("%zu: %f", i, total);
        }
        struct distinct_guess *none = calloc(1, sizeof(*none));
        assert_true(distinct_guess_total(none) < 0.5);
        free(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_small),
                cmocka_unit_test(test_left_out),
                cmocka_unit_test(test_empty_text),
                cmocka_unit_test(test_most_frequent),
                cmocka_unit_test(test_shares),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_no_room_for_ends),
                cmocka_unit_test(test_clear),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_guess),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
