/* The first record of a CSV file: it is the header line, always, and it says what divides fields.
 */
#ifndef ASKCSV_RUNNER_CSV_HEAD_H
#define ASKCSV_RUNNER_CSV_HEAD_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define CSV_HEAD_MAX (1024 * 1024) /* bytes of the header line */

struct csv_head {
        char separator; /* "," ";" tab or "|": the most frequent outside quotes; U+001F: none */
        const char **fields; /* without their quotes; may be empty */
        size_t *lengths;
        size_t n; /* at least 1 */
};

/* Reads the head of n bytes (a byte order mark is skipped), into arena. is_whole: there is nothing
 * behind them. ERROR_DATASET_INVALID when the first line is empty, too long, or ends inside quotes;
 * the message does not name the file. */
int csv_head_read(const char *bytes, size_t n, bool is_whole, struct arena *arena,
                  struct csv_head *ret, struct error *err);

#endif
