/* The types of an unknown CSV file. The first bytes say how to read it: separator, columns, and
 * how it is cut. Read in one part or in many, in large or in small pieces, it must be the same;
 * and what has a type must be its whole. */
#include "fuzz.h"

#include "runner/csv_types.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD_BYTES 5
#define COLUMNS_MAX 8

static struct csv_types find(int fd, const struct csv_scan *how)
{
        struct error err = {0};
        struct csv_types types = {0};
        struct csv_scan scan = *how;
        scan.fd = fd;
        FUZZ_CHECK(csv_types_find(&scan, &types, &err) == 0);
        FUZZ_CHECK(types.columns && types.rows >= 0);
        return types;
}

static void check_type(const struct csv_column *column, char type[CSV_TYPE_TEXT_SIZE])
{
        csv_column_type(column, type);
        FUZZ_CHECK(strlen(type) > 0 && strlen(type) < CSV_TYPE_TEXT_SIZE);
        FUZZ_CHECK(column->seen || strcmp(type, "VARCHAR") == 0);
        if (strncmp(type, "DECIMAL", strlen("DECIMAL")) == 0)
                FUZZ_CHECK(column->frac_max >= 1 && column->frac_max <= 18 &&
                           column->int_max >= 1 && column->int_max <= 19);
}

static void check_same(const struct csv_types *a, const struct csv_types *b, size_t n_columns)
{
        FUZZ_CHECK(a->regular == b->regular);
        for (size_t i = 0; a->regular && i < n_columns; i++) {
                char first[CSV_TYPE_TEXT_SIZE];
                char second[CSV_TYPE_TEXT_SIZE];
                check_type(&a->columns[i], first);
                check_type(&b->columns[i], second);
                FUZZ_CHECK(strcmp(first, second) == 0);
                FUZZ_CHECK(a->columns[i].spaced == b->columns[i].spaced);
        }
        FUZZ_CHECK(!a->regular ||
                   (a->rows == b->rows && a->quoted_line_ends == b->quoted_line_ends));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < HEAD_BYTES)
                return 0;
        struct csv_scan scan = {.separator = ",;\t|\x1f"[data[0] % 5],
                                .n_columns = 1 + data[1] % COLUMNS_MAX,
                                .threads = 1,
                                .part_bytes = CSV_PART_BYTES,
                                .read_bytes = CSV_READ_BYTES};
        int fd = memfd_create("csv", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0);
        size_t n = size - HEAD_BYTES;
        FUZZ_CHECK(write(fd, data + HEAD_BYTES, n) == (ssize_t)n);
        struct csv_types whole = find(fd, &scan);
        scan.read_bytes = 1 + (size_t)data[4];
        struct csv_types pieces = find(fd, &scan);
        scan.threads = 2 + data[2] % 3U;
        scan.part_bytes = 1 + (size_t)data[3];
        struct csv_types parts = find(fd, &scan);
        check_same(&whole, &pieces, scan.n_columns);
        check_same(&whole, &parts, scan.n_columns);
        free(whole.columns);
        free(pieces.columns);
        free(parts.columns);
        (void)close(fd);
        return 0;
}
