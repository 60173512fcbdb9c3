/* Names out of files: a table's name from the file's, columns' names from the header line. Total
 * functions: any bytes in, valid names out. */
#ifndef ASKCSV_DATASET_NAME_H
#define ASKCSV_DATASET_NAME_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_BYTES 63 /* of a table name that name_table makes */
#define COLUMN_NAME_MAX_BYTES 255
#define NAME_COLUMNS_MAX 100000

/* True for [A-Za-z_][A-Za-z0-9_]* of at most NAME_MAX_BYTES bytes. */
bool name_is_table(const char *name);

/* "/tmp/Sales 2024-Q1.csv" -> "Sales_2024_Q1": the stem (everything before the last dot of the
 * last path part; a second ending .csv, .tsv, .txt, .json or .parquet, as in "a.csv.gz", goes
 * too), every run of characters other than ASCII letters and digits one underscore, none at the
 * ends, "t_" before a leading digit, "table" for nothing, cut to NAME_MAX_BYTES. */
void name_table(const char *path, char out[NAME_MAX_BYTES + 1]);

/* Gives each of n headers (UTF-8, or not) a column name of its own, in order, in arena: without
 * byte order marks, control and direction characters, and white space at the ends; inner white
 * space (NBSP too) one blank; U+FFFD for each byte that is not UTF-8; at most
 * COLUMN_NAME_MAX_BYTES; an empty one is "column_N" (N from 1); one that equals an earlier one
 * (ASCII case apart) gets _2, _3 ... .
 * headers[i] has lengths[i] bytes. Fails when n is above NAME_COLUMNS_MAX
 * (ERROR_DATASET_INVALID) or memory is short. */
int name_columns(const char *const *headers, const size_t *lengths, size_t n, struct arena *arena,
                 const char ***ret, struct error *err);

#endif
