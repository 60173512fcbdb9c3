/* What the columns of an unknown CSV file are: every value is looked at, not a sample, as a type
 * that fits the first lines may alter the last. */
#ifndef ASKCSV_RUNNER_CSV_TYPES_H
#define ASKCSV_RUNNER_CSV_TYPES_H

#include "runner/csv_value.h"

#include "base/error.h"

#define CSV_RECORD_MAX ((size_t)4 * 1024 * 1024) /* twice what the engine takes as one line */
#define CSV_PARTS_MAX 8                          /* of a file that several threads read */
#define CSV_PART_BYTES ((size_t)32 * 1024 * 1024)
#define CSV_READ_BYTES ((size_t)256 * 1024) /* at once: they stay in the processor's cache */

struct csv_scan {
        int fd; /* a regular file's; its offset does not matter and stays */
        char separator;
        size_t n_columns;  /* at least 1: those of the header line */
        unsigned threads;  /* at most; 1 starts none */
        size_t part_bytes; /* at least so many for each thread; CSV_PART_BYTES but in tests */
        size_t read_bytes; /* CSV_READ_BYTES but in tests */
};

struct csv_types {
        bool regular; /* false: the engine's reader will not take the file, or not as it stands */
        int64_t rows; /* this and the columns mean nothing when it is not regular */
        bool quoted_line_ends;      /* there are some */
        struct csv_column *columns; /* n_columns of the scan; free(3) */
};

/* Reads the whole file. ERROR_DATASET_INVALID when it cannot be read, without its name. */
int csv_types_find(const struct csv_scan *scan, struct csv_types *ret, struct error *err);

#endif
