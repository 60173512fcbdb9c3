/* A capsule that has ended, shown. */
#ifndef ASKCSV_CLI_ANSWER_H
#define ASKCSV_CLI_ANSWER_H

#include "capsule/capsule.h"
#include "cli/command.h"

#include <stdbool.h>

enum answer_format { ANSWER_TABLE, ANSWER_JSON, ANSWER_CSV };
extern const char *const answer_format_names[]; /* ends with NULL */
enum answer_format answer_format_of(const char *name);

/* How the question was read, and the answer or the abstention, on standard output (the whole
 * capsule for ANSWER_JSON, the bare table for ANSWER_CSV); what went wrong and the run's id on
 * standard error. Returns the exit status. */
int answer_show(const struct capsule *capsule, enum answer_format format, bool explain,
                const struct surface *surface);

/* What a language model said: before the table, or on standard error beside json and csv. Returns
 * the exit status, 0 unless it could not be written. */
int answer_show_words(const char *text, enum answer_format format);

/* The table of a result alone. */
void answer_put_table(struct buf *out, const json_t *result, const struct style *style);

/* The capsule's error, with faults and caret, on standard error. */
void answer_report_error(const struct capsule *capsule);

#endif
