/* The table of metrics, for metrics.c and its test. */
#ifndef ASKCSV_SERVER_METRICS_TABLE_H
#define ASKCSV_SERVER_METRICS_TABLE_H

#include "server/metrics.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
        const char *name;
        const char *const *values; /* NULL: the routes that metrics_new is given */
        size_t n;
};

struct metric_row {
        const char *name;
        const char *help; /* one line without a backslash */
        enum metric_kind kind;
        const struct metric_label *labels[METRIC_LABELS_MAX]; /* NULL behind the last */
};

extern const struct metric_row metric_rows[METRIC_COUNT_];

/* The upper bounds of every histogram, ascending; one bucket more has none. */
struct metric_bound {
        int64_t us;
        const char *seconds; /* the same as text */
};

#define METRIC_BOUNDS 16
extern const struct metric_bound metric_bounds[METRIC_BOUNDS];

/* Of this process; NAN when /proc does not tell. data is not used. */
double process_start_time_s(void); /* since 1970-01-01T00:00:00Z */
double process_resident_bytes(void *data);
double process_open_fds(void *data);

#endif
