/* Time. Durations are taken from the monotonic clock; records carry UTC. */
#ifndef ASKCSV_BASE_CLOCK_H
#define ASKCSV_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 32

int64_t clock_monotonic_us(void); /* microseconds since some fixed moment */
int64_t clock_utc_ms(void);       /* milliseconds since 1970-01-01T00:00:00Z */

/* RFC 3339 with milliseconds, "2026-01-31T00:00:00.000Z", and without, "...:00Z". */
void clock_format_ms(int64_t utc_ms, char out[CLOCK_TEXT_SIZE]);
void clock_format_s(int64_t utc_s, char out[CLOCK_TEXT_SIZE]);

/* Reads "2026-01-31T00:00:00Z" (RFC 3339 UTC, seconds, years 0001 to 9999; a blank for the T, a
 * missing Z, and a date alone are accepted). Seconds since 1970-01-01T00:00:00Z in *ret. */
bool clock_parse(const char *text, int64_t *ret_utc_s);

/* Days since 1970-01-01 in the proleptic Gregorian calendar, and back. month 1..12, day 1..31. */
int64_t clock_days_from_civil(int year, int month, int day);
void clock_civil_from_days(int64_t days, int *year, int *month, int *day);

#endif
