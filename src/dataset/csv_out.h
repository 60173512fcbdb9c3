/* Writes CSV as the shipped datasets have it: RFC 4180, UTF-8, "\n", an empty field for NULL. A
 * field is written by one call; csv_out_end() ends the line. */
#ifndef ASKCSV_DATASET_CSV_OUT_H
#define ASKCSV_DATASET_CSV_OUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define CSV_OUT_BYTES_MAX (64 * 1024 * 1024)

struct csv_out {
        struct buf text; /* release with csv_out_done */
        bool started;    /* the line has a field */
};

/* header is the first line, without its end. */
void csv_out_init(struct csv_out *csv, const char *header);
void csv_out_done(struct csv_out *csv);

void csv_out_null(struct csv_out *csv);
void csv_out_int(struct csv_out *csv, int64_t value);
void csv_out_bool(struct csv_out *csv, bool value);
void csv_out_text(struct csv_out *csv, const char *text); /* quoted where it must be */
/* value * 10^-decimals, as in "-0.05". decimals is 1 .. 9. */
void csv_out_fixed(struct csv_out *csv, int64_t value, int decimals);
void csv_out_date(struct csv_out *csv, int64_t days);  /* since 1970-01-01 */
void csv_out_time(struct csv_out *csv, int64_t utc_s); /* "2026-01-31 14:05:00" */
void csv_out_end(struct csv_out *csv);

#define _cleanup_csv_out_ _cleanup_(csv_out_done)

#endif
