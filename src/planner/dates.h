/* Dates in a question, and its words as times are read from them. The calendar is the proleptic
 * Gregorian one, UTC. */
#ifndef ASKCSV_PLANNER_DATES_H
#define ASKCSV_PLANNER_DATES_H

#include "planner/atom.h"

struct date {
        int year, month, day; /* month 0: a whole year; day 0: a whole month */
};

struct date date_first_day(struct date date);
struct date date_last_day(struct date date);
int64_t date_to_days(struct date date); /* since 1970; of a single day */
struct date date_from_days(int64_t days);
int64_t days_of_as_of(const struct question *question);

/* Token i, NULL behind the last. */
const struct token *token_at(const struct question *question, size_t i);
/* True when token i is that word or sign, or one of the list, which ends with NULL. */
bool says(const struct question *question, size_t i, const char *word);
bool says_any(const struct question *question, size_t i, const char *const *words);

/* Each gives how many tokens from i on it takes, or 0. Of a date without a year *open_year is true,
 * and the year is the latest in which it is not after as_of. */
size_t date_at(const struct question *question, size_t i, struct date *ret, bool *open_year);
/* ", 2025", "of 2025" behind a month. */
size_t year_behind(const struct question *question, size_t i, int *year);
/* The number at i when it may be a day of a month, or 0. */
int day_at(const struct question *question, size_t i);
/* The latest year in which the day, or all of the month up to then, is not after as_of. */
int year_meant(const struct question *question, int month, int day);

#endif
