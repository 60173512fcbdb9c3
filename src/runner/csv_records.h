/* Splits a CSV file into records and fields as the engine does with strict_mode, quote and escape
 * '"', and lets each column see its values. What the engine's reader is known to take, beyond
 * RFC 4180: blank lines (in a file of one column they are rows), one blank before an opening quote
 * and any number behind a closing one, quotes inside an unquoted field, and empty fields beyond
 * the last column. Everything else is not regular, and neither is `"a" "b"`, of which the engine
 * makes one value. */
#ifndef ASKCSV_RUNNER_CSV_RECORDS_H
#define ASKCSV_RUNNER_CSV_RECORDS_H

#include "runner/csv_value.h"

#define CSV_RECORDS_READ_AHEAD 64 /* zeros that must stand behind the bytes */

/* A file has one kind of line end, the first one's, outside quotes. */
enum csv_newline {
        CSV_LF,
        CSV_CR,
        CSV_CRLF,
};

struct csv_records {
        char separator;
        enum csv_newline newline;
        size_t n_columns;
        struct csv_column *columns; /* n_columns; the caller's */
        bool irregular;             /* the record at the offset that was returned */
        bool quoted_line_ends;      /* there was one inside quotes */
        int64_t rows;
};

/* Reads the records that begin in the first `stop` of n bytes and end among all n. Returns where
 * the next record begins: before `stop` when the record there is not whole or not regular. A field
 * of such a record may have been seen: its columns mean nothing until the record is read. */
size_t csv_records_read(struct csv_records *records, const char *bytes, size_t n, size_t stop);

/* The header line, in the same way: 0 when it is not whole or not regular. Its fields are not
 * values, nor is it a row. There must be n_columns of them. */
size_t csv_records_skip_header(struct csv_records *records, const char *bytes, size_t n);

#endif
