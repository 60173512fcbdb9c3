#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "dataset/random.h"
#include "runner/csv_block.h"
#include "runner/csv_types.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static int file_of(const char *bytes, size_t n)
{
        struct error err = {0};
        int fd = memfd_create("csv", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, bytes, n, &err), 0);
        return fd;
}

static struct csv_types find(const char *bytes, size_t n, const struct csv_scan *how)
{
        _cleanup_close_ int fd = file_of(bytes, n);
        struct error err = {0};
        struct csv_types types = {0};
        struct csv_scan scan = *how;
        scan.fd = fd;
        assert_int_equal(csv_types_find(&scan, &types, &err), 0);
        return types;
}

static const struct csv_scan one_part = {
        .separator = ',', .threads = 1, .part_bytes = CSV_PART_BYTES, .read_bytes = CSV_READ_BYTES};

/* Values of a file's only column, one to a line, and its type. */
static const struct {
        const char *values;
        const char *type;
} type_cases[] = {
        {"", "VARCHAR"},
        {"\n\n\"\"\n", "VARCHAR"},
        {"1\n\n-20\n0\n-0", "BIGINT"},
        {"\"1\"\n2\n", "BIGINT"},
        {" \"1\"\n\"2\"  \n", "BIGINT"},
        {"999999999999999999\n", "BIGINT"},
        {"-1000000000000000000\n1", "HUGEINT"},
        {"9999999999999999999999999999999999999\n", "HUGEINT"},
        {"99999999999999999999999999999999999999\n", "VARCHAR"},
        {"01\n", "VARCHAR"},
        {"00\n", "VARCHAR"},
        {"+1\n", "VARCHAR"},
        {"-\n", "VARCHAR"},
        {"1 \n", "VARCHAR"},
        {" 1\n", "VARCHAR"},
        {"  \"1\"\n", "VARCHAR"},
        {"1.\n", "VARCHAR"},
        {".5\n", "VARCHAR"},
        {"1.5\n2\n", "DECIMAL(18,1)"},
        {"0.25\n-10.5\n", "DECIMAL(18,2)"},
        {"1234567890.12345678\n", "DECIMAL(18,8)"},
        {"-1234567890.12345678\n", "DECIMAL(38,8)"},
        {"1234567890\n0.123456789\n", "DECIMAL(38,9)"},
        {"999999999999999999.999999999999999999\n", "DECIMAL(38,18)"},
        {"1000000000000000000.5\n", "VARCHAR"},
        {"1.5\n1000000000000000000\n", "VARCHAR"},
        {"0.0123456789012345678\n", "VARCHAR"},
        {"0.012345678901234\n1e5\n", "DOUBLE"},
        {"0.0123456789012345\n1e5\n", "VARCHAR"},
        {"1.5e-7\n2.5E+07\n3\n", "DOUBLE"},
        {"1.5e\n", "VARCHAR"},
        {"1.5e+\n", "VARCHAR"},
        {"1.5e100\n", "VARCHAR"},
        {"1.5e5 \n", "VARCHAR"},
        {"1e5\n2\n", "VARCHAR"},
        {"true\nFALSE\nTrue\n", "BOOLEAN"},
        {"true\n1\n", "VARCHAR"},
        {"t\n", "VARCHAR"},
        {"yes\n", "VARCHAR"},
        {"2026-01-31\n2024-02-29\n2000-02-29\n", "DATE"},
        {"2026-02-29\n", "VARCHAR"},
        {"1900-02-29\n", "VARCHAR"},
        {"2026-04-31\n", "VARCHAR"},
        {"2026-13-01\n", "VARCHAR"},
        {"2026-00-01\n", "VARCHAR"},
        {"2026-01-00\n", "VARCHAR"},
        {"0000-01-01\n9999-12-31\n", "DATE"},
        {"2026-01-31\n\n", "DATE"},
        {"10:00:00\n\"\"\n", "TIME"},
        {"true\n\n", "BOOLEAN"},
        {"26-01-31\n", "VARCHAR"},
        {"2026-1-31\n", "VARCHAR"},
        {"2026/01/31\n", "VARCHAR"},
        {"2026-01-3x\n", "VARCHAR"},
        {"2026-01-31\n2026-01-31 10:00:00\n", "VARCHAR"},
        {"2026-01-31 10:00\n2026-01-31T10:00:59\n2026-01-31 23:59:59.999999\n", "TIMESTAMP"},
        {"2026-01-31 24:00:00\n2026-01-31 24:00\n2026-01-31 24:00:00.000\n", "TIMESTAMP"},
        {"2026-01-31 24:00:01\n", "VARCHAR"},
        {"2026-01-31 24:00:00.001\n", "VARCHAR"},
        {"2026-01-31 23:60\n", "VARCHAR"},
        {"2026-01-31 23:59:60\n", "VARCHAR"},
        {"2026-01-31 10:00:00.1234567\n", "VARCHAR"},
        {"2026-01-31 10:00:00.\n", "VARCHAR"},
        {"2026-01-31 10:00:00Z\n", "VARCHAR"},
        {"2026-01-31 10:00:0\n", "VARCHAR"},
        {"2026-01-31 10\n", "VARCHAR"},
        {"2026-01-31t10:00:00\n", "VARCHAR"},
        {"10:00:00\n24:00:00\n23:59:59.5\n", "TIME"},
        {"10:00\n", "VARCHAR"},
        {"25:00:00\n", "VARCHAR"},
        {"10:00:00\ntrue\n", "VARCHAR"},
        {"\"1\"\"\"\n", "VARCHAR"},
        {"\"1\n2\"\n", "VARCHAR"},
};

static void test_types(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(type_cases); i++) {
                char text[256];
                char type[CSV_TYPE_TEXT_SIZE];
                struct csv_scan scan = one_part;
                scan.n_columns = 1;
                (void)snprintf(text, sizeof(text), "a\n%s", type_cases[i].values);
                struct csv_types types = find(text, strlen(text), &scan);
                assert_true(types.regular);
                csv_column_type(types.columns, type);
                if (strcmp(type, type_cases[i].type) != 0)
                        fail_msg("\"%s\" is %s, not %s", text, type, type_cases[i].type);
                free(types.columns);
        }
}

static const struct {
        const char *text;
        size_t n_columns;
        int64_t rows; /* -1: not regular */
} record_cases[] = {
        {"a,b\n1,2\n3,4", 2, 2},
        {"a,b", 2, 0},
        {"a,b\n", 2, 0},
        {"\xEF\xBB\xBF\"a\",b\n1,2\n", 2, 1},
        {"a,b\r\n1,2\r\n3,4", 2, 2},
        {"a,b\r\n1,2\r\n3,4\r", 2, 2},
        {"a,b\r1,2\r3,4\r", 2, 2},
        {"a,b\n\n1,2\n\n\n", 2, 1},
        {"a\n\n1\n\n", 1, 3},
        {"a\r\n\r\n1\r\n", 1, 2},
        {"a,b\n1,\"x\ny\r\n\"\n", 2, 1},
        {"\"a\nb\",c\n1,2\n", 2, 1},
        {"a,b\n1,\"x\"\"y,\"\"\"\n", 2, 1},
        {"a,b\n1,x\"y\n2,\"\n", 2, -1},
        {"a,b\n1,x\"y\n2,y\"\"\n", 2, 2},
        {"a,b\n \"1,2\" , \"3\"\n", 2, 1},
        {"a,b\n  \"1,2\"\n", 2, 1},
        {"a,b\n1,2,\n3,4,,\"\"\n", 2, 2},
        {"a,b\n1,2,3\n", 2, -1},
        {"a,b\n1,2, \n", 2, -1},
        {"a,b\n1\n", 2, -1},
        {"a,b\n1,2\n ", 2, -1},
        {"a,b\n\"\"\n", 2, -1},
        {"a,b,c\n1,2\n", 2, -1},
        {"a\n1,2\n", 2, -1},
        {"a,b\n1,\"x\"y\n", 2, -1},
        {"a,b\n1,\"x\" \"y\"\n", 2, -1},
        {"a,b\n1,\"x\n", 2, -1},
        {"a,b\n1,\"", 2, -1},
        {"a,b\n1,2\r\n", 2, -1},
        {"a,b\n1,2\r3,4\n", 2, -1},
        {"a,b\r\n1,2\n", 2, -1},
        {"a,b\r\n1,2\r3,4\r\n", 2, -1},
        {"a,b\r1,2\n", 2, -1},
        {"\"a\nb\",c\r\n1,2\r\n", 2, -1},
        {"\"a,b\n1,2\n", 2, -1},
};

static void test_records(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(record_cases); i++) {
                const char *text = record_cases[i].text;
                for (size_t step = 1; step < 70; step++) {
                        struct csv_scan scan = one_part;
                        scan.n_columns = record_cases[i].n_columns;
                        scan.read_bytes = step;
                        struct csv_types types = find(text, strlen(text), &scan);
                        int64_t rows = types.regular ? types.rows : -1;
                        free(types.columns);
                        if (rows != record_cases[i].rows)
                                fail_msg("\"%s\" has %lld rows, not %lld", text, (long long)rows,
                                         (long long)record_cases[i].rows);
                }
        }
}

static void test_blocks(void **state)
{
        (void)state;
        struct random random;
        random_init(&random, 1, 2);
        for (size_t round = 0; round < 20000; round++) {
                char bytes[CSV_BLOCK];
                for (size_t i = 0; i < CSV_BLOCK; i++)
                        bytes[i] = random_chance(&random, 1, 2)
                                           ? ",\"\n\r\t\v\f!-"[random_below(&random, 9)]
                                           : (char)random_below(&random, 256);
                uint64_t want = 0;
                for (size_t i = 0; i < CSV_BLOCK; i++)
                        want |= (uint64_t)(bytes[i] && strchr(",\"\n\r", bytes[i])) << i;
                assert_true(csv_block_marks(bytes, ',') == want);
                assert_true(csv_block_marks_portable(bytes, ',') == want);
        }
}

/* Lines that make a cut in them look like what it is not: line ends and quotes within quotes. */
static size_t misleading_file(struct random *random, char *out, size_t size)
{
        static const char *const lines[] = {
                "1,2\n",       "\"a\n1,2\n\",3\n",        "\"\"\"\n\",\"\n\"\n",
                "x\"y,\n",     "2026-01-31,\"\n\n\n\"\n", "\n",
                "1.5,\"2\" \n"};
        size_t n = (size_t)snprintf(out, size, "a,b\n");
        uint32_t count = random_below(random, 40);
        for (uint32_t i = 0; i < count; i++)
                n += (size_t)snprintf(out + n, size - n, "%s",
                                      lines[random_below(random, ARRAY_SIZE(lines))]);
        if (random_chance(random, 1, 8))
                out[random_below(random, (uint32_t)n)] = '"';
        return n;
}

static void check_same(const struct csv_types *a, const struct csv_types *b, size_t n_columns,
                       const char *text)
{
        if (a->regular != b->regular || (a->regular && a->rows != b->rows) ||
            (a->regular && a->quoted_line_ends != b->quoted_line_ends))
                fail_msg("one part: %d, %lld rows; more: %d, %lld rows\n%s", a->regular,
                         (long long)a->rows, b->regular, (long long)b->rows, text);
        for (size_t i = 0; a->regular && i < n_columns; i++) {
                char first[CSV_TYPE_TEXT_SIZE];
                char second[CSV_TYPE_TEXT_SIZE];
                csv_column_type(&a->columns[i], first);
                csv_column_type(&b->columns[i], second);
                assert_string_equal(first, second);
                assert_int_equal(a->columns[i].spaced, b->columns[i].spaced);
        }
}

/* The header is the first part's, even when the next part begins with it. */
static void test_header_behind_the_limit(void **state)
{
        (void)state;
        static const char text[] = "\xEF\xBB\xBFno";
        struct csv_scan scan = one_part;
        scan.n_columns = 1;
        scan.threads = 2;
        scan.part_bytes = 2;
        scan.read_bytes = 1;
        struct csv_types types = find(text, sizeof(text) - 1, &scan);
        assert_true(types.regular && types.rows == 0);
        free(types.columns);
}

static void test_parts(void **state)
{
        (void)state;
        struct random random;
        random_init(&random, 3, 4);
        for (size_t round = 0; round < 1000; round++) {
                char text[2048];
                size_t n = misleading_file(&random, text, sizeof(text));
                struct csv_scan scan = one_part;
                scan.n_columns = 2;
                struct csv_types alone = find(text, n, &scan);
                scan.threads = 2 + random_below(&random, 12);
                scan.part_bytes = 1 + random_below(&random, 100);
                scan.read_bytes = 1 + random_below(&random, 100);
                struct csv_types together = find(text, n, &scan);
                check_same(&alone, &together, 2, text);
                free(alone.columns);
                free(together.columns);
        }
}

/* A quote that is not closed: everything behind it is one field, longer than any line may be. */
static void test_record_without_end(void **state)
{
        (void)state;
        size_t n = 3 * CSV_RECORD_MAX;
        _cleanup_free_ char *text = malloc(n);
        assert_non_null(text);
        memset(text, '\n', n);
        memcpy(text, "a,b\n1,\"", 7);
        struct csv_scan scan = one_part;
        scan.n_columns = 2;
        struct csv_types types = find(text, n, &scan);
        assert_false(types.regular);
        free(types.columns);
        memset(text + 7, 'x', CSV_RECORD_MAX / 2);
        text[7 + CSV_RECORD_MAX / 2] = '"';
        types = find(text, n, &scan);
        assert_true(types.regular && types.rows == 1);
        free(types.columns);
}

static void test_files_that_cannot_be_read(void **state)
{
        (void)state;
        _cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const int fds[] = {-1, folder};
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                struct error err = {0};
                struct csv_types types = {0};
                struct csv_scan scan = one_part;
                scan.fd = fds[i];
                scan.n_columns = 1;
                assert_int_equal(csv_types_find(&scan, &types, &err), -(int)ERROR_DATASET_INVALID);
                assert_non_null(strstr(err.message, "cannot be read"));
                assert_null(types.columns);
        }
}

static void test_out_of_memory(void **state)
{
        (void)state;
        static const char text[] = "a,b\n1,2\n3,4\n5,6\n";
        _cleanup_close_ int fd = file_of(text, sizeof(text) - 1);
        struct csv_scan scan = one_part;
        scan.fd = fd;
        scan.n_columns = 2;
        scan.threads = 2;
        scan.part_bytes = 4;
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                struct csv_types types = {0};
                alloc_fail_after(n);
                int r = csv_types_find(&scan, &types, &err);
                alloc_fail_after(0);
                free(types.columns);
                if (r == 0)
                        break;
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_true(n < 100);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_blocks),
                cmocka_unit_test(test_header_behind_the_limit),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_record_without_end),
                cmocka_unit_test(test_files_that_cannot_be_read),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests_name("csv_types", tests, NULL, NULL);
}
