/* Dates and times of which only parts may be known: "2026-01-31", "January 2026", "Q3", "14:30". */
#ifndef ASKCSV_AGENT_GROUNDING_DATE_H
#define ASKCSV_AGENT_GROUNDING_DATE_H

#include <stdbool.h>
#include <stddef.h>

struct date {
        int year;    /* 1..9999, or 0: not said; likewise below */
        int quarter; /* 1..4 */
        int month;   /* 1..12 */
        int day;     /* 1..31 */
        int step_s;  /* of the time: 60 when only minutes are said, 1 with seconds, 3600, 0 without
                      */
        int time_s;  /* since midnight */
};

/* Reads "2026-01-31", "2026/01/31", "2026-01", each with a time behind it or not, or "14:30[:05]"
 * from the beginning of text. Returns how many bytes it took, 0 for none. */
size_t date_read(const char *text, size_t n, struct date *ret);

/* The month's number when the text is its English name or three letters of it, else 0. */
int date_month(const char *text, size_t n);

/* True when all that is said of `said` is known of `known` and the same. The time is compared as
 * precisely as it was said. */
bool date_fits(const struct date *said, const struct date *known);

/* The day before, of a whole date; false for others. */
bool date_before(const struct date *date, struct date *ret);

#endif
