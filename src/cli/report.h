/* What the program says: answers on standard output, everything else on standard error. */
#ifndef ASKCSV_CLI_REPORT_H
#define ASKCSV_CLI_REPORT_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

#define OUTPUT_BYTES_MAX (1024UL * 1024 * 1024)

/* Writes the buffer to standard output. A reader that has gone (| head) is no error. Returns the
 * exit status: `status`, or 1 with a message when it could not be written. */
int output_write(const struct buf *out, int status);

/* "askcsv: ..." on standard error, made safe for a terminal. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text that is safe already, on standard error, as it is. */
void report_text(const struct buf *text);

/* "askcsv: TYPE: message", where in the plan, and for a position in the SQL (sql may be NULL) that
 * line with a caret under it. Returns the exit status for it. */
int report_error(const struct error *err, const char *sql);

/* A wrong command line: the message, and which help to read. Returns 2. */
int report_usage(const struct error *err, const char *command);

/* The line of sql that holds the 1-based character position, and a caret under it. */
void report_caret(struct buf *out, const char *sql, long long position);

/* One line for each of a plan's faults ([{type, pointer, message, suggestion?}]). */
void report_faults(const json_t *faults);

#endif
