#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "dataset/csv_out.h"
#include "dataset/generate.h"
#include "dataset/generators.h"
#include "dataset/random.h"
#include "dataset/registry.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int folder_make(void **state)
{
        char template[] = "/tmp/askcsv-test-XXXXXX";
        char *path = mkdtemp(template);
        *state = path ? strdup(path) : NULL;
        return *state ? 0 : -1;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st;
        (void)flag;
        (void)ftw;
        return remove(path);
}

static int folder_remove(void **state)
{
        int r = nftw(*state, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
        free(*state);
        return r;
}

/* The first outputs of the reference implementation's demo (pcg32-demo of pcg-c-basic 0.9), which
 * seeds with 42 and 54. */
static void test_pcg32(void **state)
{
        (void)state;
        static const uint32_t expected[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                            0x83d2f293, 0xbfa4784b, 0xcbed606e};
        struct random random;
        random_init(&random, 42, 54);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_int_equal(random_next(&random), expected[i]);
}

static void test_draws(void **state)
{
        (void)state;
        static const uint32_t weights[] = {0, 3, 0, 1, 0};
        uint32_t picked[ARRAY_SIZE(weights)] = {0};
        struct random random;
        random_init(&random, 1, 1);
        for (int i = 0; i < 4000; i++) {
                int value = random_range(&random, -3, 3);
                assert_in_range(value + 3, 0, 6);
                assert_in_range(random_middle(&random, -100, 100) + 100, 0, 200);
                assert_int_equal(random_below(&random, 1), 0);
                assert_false(random_chance(&random, 0, 10));
                assert_true(random_chance(&random, 10, 10));
                picked[random_pick(&random, weights, ARRAY_SIZE(weights))]++;
        }
        assert_int_equal(picked[0] + picked[2] + picked[4], 0);
        assert_in_range(picked[1], 2800, 3200);
        uint32_t order[100];
        bool seen[100] = {false};
        random_order(&random, order, 100);
        for (size_t i = 0; i < 100; i++) {
                assert_in_range(order[i], 0, 99);
                assert_false(seen[order[i]]);
                seen[order[i]] = true;
        }
}

static void test_csv(void **state)
{
        (void)state;
        _cleanup_csv_out_ struct csv_out csv = {0};
        csv_out_init(&csv, "a,b");
        csv_out_int(&csv, -7);
        csv_out_null(&csv);
        csv_out_bool(&csv, true);
        csv_out_bool(&csv, false);
        csv_out_end(&csv);
        csv_out_text(&csv, "plain");
        csv_out_text(&csv, "a,b");
        csv_out_text(&csv, "27\" wide");
        csv_out_text(&csv, "two\nlines");
        csv_out_text(&csv, "");
        csv_out_end(&csv);
        csv_out_fixed(&csv, -5, 2);
        csv_out_fixed(&csv, 123456, 3);
        csv_out_fixed(&csv, 0, 1);
        csv_out_date(&csv, 20484);
        csv_out_time(&csv, 20484 * INT64_C(86400) - 1);
        csv_out_time(&csv, -1);
        csv_out_end(&csv);
        assert_string_equal(buf_text(&csv.text),
                            "a,b\n-7,,true,false\n"
                            "plain,\"a,b\",\"27\"\" wide\",\"two\nlines\",\"\"\n"
                            "-0.05,123.456,0.0,2026-01-31,2026-01-30 23:59:59,"
                            "1969-12-31 23:59:59\n");
}

static void test_as_of(void **state)
{
        (void)state;
        assert_int_equal(clock_days_from_civil(2026, 1, 31), GENERATE_AS_OF_DAY);
        assert_int_equal(weekday_of(GENERATE_AS_OF_DAY), 6); /* a Saturday */
}

static size_t lines_of(const char *text)
{
        size_t n = 0;
        for (; *text; text++)
                n += *text == '\n';
        return n;
}

/* The header line is the registry's columns, each row has as many commas, and so on. */
static void check_file(const char *folder, const struct dataset *dataset, const struct table *table,
                       size_t rows)
{
        struct error err = {0};
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, dataset->id, table->path);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, CSV_OUT_BYTES_MAX);
        assert_int_equal(fd_read_file(path, &text, &err), 0);
        assert_int_equal(lines_of(buf_text(&text)), rows + 1);
        assert_null(strchr(text.data, '\r'));
        assert_int_equal(text.data[text.len - 1], '\n');

        _cleanup_buf_ struct buf header = {0};
        buf_init(&header, 4096);
        for (size_t i = 0; i < table->n_columns; i++)
                buf_printf(&header, "%s%s", i ? "," : "", table->columns[i].name);
        buf_putc(&header, '\n');
        assert_int_equal(strncmp(text.data, buf_text(&header), header.len), 0);

        char sha256[HASH_HEX_SIZE];
        assert_int_equal(hash_bytes_hex(text.data, text.len, sha256, &err), 0);
        if (strcmp(sha256, table->sha256) != 0)
                fail_msg("%s is not what the registry says: %s", path, sha256);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
}

static void test_generate(void **state)
{
        const char *folder = *state;
        static const size_t rows[3][3] = {{4018, 9008, 500}, {6417, 0, 0}, {49950, 0, 0}};
        struct error err = {0};
        struct registry *registry = NULL;
        assert_int_equal(registry_open(NULL, &registry, &err), 0);
        assert_non_null(registry);
        assert_int_equal(registry->n_datasets, ARRAY_SIZE(rows));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct dataset *dataset = registry->datasets[i];
                assert_true(dataset_is_generated(dataset->id));
                assert_int_equal(dataset_generate(dataset, folder, &err), 0);
                assert_int_equal(dataset_generate(dataset, folder, &err), 0); /* over it */
                assert_int_equal(dataset->n_tables, i == 0 ? 3 : 1);
                for (size_t k = 0; k < ARRAY_SIZE(rows[i]) && rows[i][k]; k++)
                        check_file(folder, dataset, &dataset->tables[k], rows[i][k]);
        }
        registry_free(registry);
}

static void test_generate_elsewhere(void **state)
{
        const char *folder = *state;
        struct error err = {0};
        char deeper[256];
        char file[256];
        (void)snprintf(deeper, sizeof(deeper), "%s/a/b", folder);
        (void)snprintf(file, sizeof(file), "%s/file", folder);
        struct registry *registry = NULL;
        assert_int_equal(registry_open(NULL, &registry, &err), 0);
        assert_non_null(registry);
        struct dataset *support = registry->datasets[1];
        support->tables[0].path = "year/2026/tickets.csv";
        assert_int_equal(dataset_generate(support, deeper, &err), 0);
        check_file(deeper, support, &support->tables[0], 6417);

        assert_int_equal(fd_write_file(file, "x", 1, 0600, &err), 0);
        assert_true(dataset_generate(support, file, &err) < 0);
        assert_int_equal(err.type, ERROR_IO);

        support->tables[0].name = "calls";
        assert_true(dataset_generate(support, folder, &err) < 0);
        assert_int_equal(err.type, ERROR_DATASET_INVALID);
        assert_non_null(strstr(err.message, "tickets"));

        assert_false(dataset_is_generated("shop"));
        support->id = "shop";
        assert_true(dataset_generate(support, folder, &err) < 0);
        assert_int_equal(err.type, ERROR_DATASET_NOT_FOUND);
        registry_free(registry);
}

/* The first allocations of each generator, one after the other; there are thousands. */
static void test_generate_out_of_memory(void **state)
{
        (void)state;
        int (*const generators[])(struct csv_out *, struct error *) = {
                generate_ecommerce, generate_support, generate_sensors};
        for (size_t i = 0; i < ARRAY_SIZE(generators); i++) {
                for (unsigned long n = 1; n <= 12; n++) {
                        struct csv_out tables[3] = {0};
                        struct error err = {0};
                        alloc_fail_after(n);
                        int r = generators[i](tables, &err);
                        alloc_fail_after(0);
                        bool failed = r < 0;
                        for (size_t k = 0; k < ARRAY_SIZE(tables); k++) {
                                failed = failed || tables[k].text.state != BUF_OK;
                                csv_out_done(&tables[k]);
                        }
                        assert_true(failed);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pcg32),
                cmocka_unit_test(test_draws),
                cmocka_unit_test(test_csv),
                cmocka_unit_test(test_as_of),
                cmocka_unit_test_setup_teardown(test_generate, folder_make, folder_remove),
                cmocka_unit_test_setup_teardown(test_generate_elsewhere, folder_make,
                                                folder_remove),
                cmocka_unit_test(test_generate_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
