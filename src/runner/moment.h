/* Dates and times as responses write them (docs/PROTOCOL.md, "Values"), read back exactly. */
#ifndef ASKCSV_RUNNER_MOMENT_H
#define ASKCSV_RUNNER_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-01-31", "0044-03-15 (BC)", "infinity": days since 1970-01-01, as DuckDB keeps them. False:
 * it is none, or not in the range. */
bool moment_take_date(const char *text, int32_t *ret_days);

/* "14:05:00.25" up to "24:00:00", in units of which a second has per_second, a power of ten. */
bool moment_take_time(const char *text, int64_t per_second, int64_t *ret);

/* "2026-01-31 14:05:00", with zone ("+00", or "") behind the seconds: units since 1970-01-01. */
bool moment_take_timestamp(const char *text, const char *zone, int64_t per_second, int64_t *ret);

#endif
