#include "runner/moment.h"

#include "base/clock.h"

#include <stddef.h>
#include <string.h>

#define ERA " (BC)"
#define SECONDS_A_DAY INT64_C(86400)

/* From `least` to `most` digits. */
static bool take_digits(const char **at, int least, int most, int64_t *ret)
{
        int n = 0;
        *ret = 0;
        for (; n < most && (*at)[n] >= '0' && (*at)[n] <= '9'; n++)
                *ret = *ret * 10 + ((*at)[n] - '0');
        *at += n;
        return n >= least;
}

static bool take_text(const char **at, const char *text)
{
        size_t n = strlen(text);
        if (strncmp(*at, text, n) != 0)
                return false;
        *at += n;
        return true;
}

struct date {
        int64_t year; /* as it is written: without the era */
        int64_t month;
        int64_t day;
};

static bool take_date(const char **at, struct date *ret)
{
        return take_digits(at, 4, 7, &ret->year) && take_text(at, "-") &&
               take_digits(at, 2, 2, &ret->month) && take_text(at, "-") &&
               take_digits(at, 2, 2, &ret->day);
}

static bool days_of(const struct date *date, bool before_christ, int64_t *ret)
{
        int year = (int)(before_christ ? 1 - date->year : date->year);
        int same[3];
        if (date->year < 1 || date->month < 1 || date->month > 12 || date->day < 1)
                return false;
        *ret = clock_days_from_civil(year, (int)date->month, (int)date->day);
        clock_civil_from_days(*ret, &same[0], &same[1], &same[2]);
        return same[0] == year && same[1] == date->month && same[2] == date->day;
}

/* 1 and -1: it is the one or the other infinity; 0: neither. */
static int infinity_of(const char *text)
{
        return strcmp(text, "infinity") == 0 ? 1 : strcmp(text, "-infinity") == 0 ? -1 : 0;
}

bool moment_take_date(const char *text, int32_t *ret_days)
{
        struct date date;
        int64_t days;
        int infinity = infinity_of(text);
        *ret_days = infinity * INT32_MAX;
        if (infinity)
                return true;
        if (!take_date(&text, &date) || !days_of(&date, take_text(&text, ERA), &days))
                return false;
        *ret_days = (int32_t)days;
        return !*text && days > -INT32_MAX && days < INT32_MAX;
}

/* The digits behind the point, as a count of units. */
static bool take_fraction(const char **at, int64_t per_second, int64_t *ret)
{
        *ret = 0;
        if (!take_text(at, "."))
                return true;
        const char *start = *at;
        for (int64_t unit = per_second / 10; **at >= '0' && **at <= '9'; unit /= 10) {
                if (unit == 0)
                        return false;
                *ret += unit * (*(*at)++ - '0');
        }
        return *at > start;
}

static bool take_time(const char **at, int64_t per_second, int64_t *ret)
{
        int64_t hour;
        int64_t minute;
        int64_t second;
        int64_t fraction;
        if (!take_digits(at, 2, 2, &hour) || !take_text(at, ":") ||
            !take_digits(at, 2, 2, &minute) || !take_text(at, ":") ||
            !take_digits(at, 2, 2, &second) || !take_fraction(at, per_second, &fraction))
                return false;
        *ret = (hour * 3600 + minute * 60 + second) * per_second + fraction;
        return minute < 60 && second < 60 && *ret <= SECONDS_A_DAY * per_second;
}

bool moment_take_time(const char *text, int64_t per_second, int64_t *ret)
{
        return take_time(&text, per_second, ret) && !*text;
}

bool moment_take_timestamp(const char *text, const char *zone, int64_t per_second, int64_t *ret)
{
        struct date date;
        int64_t days;
        int64_t time;
        int64_t day_start;
        int infinity = infinity_of(text);
        *ret = infinity * INT64_MAX;
        if (infinity)
                return true;
        if (!take_date(&text, &date) || !take_text(&text, " ") ||
            !take_time(&text, per_second, &time) || !take_text(&text, zone) ||
            !days_of(&date, take_text(&text, ERA), &days))
                return false;
        return !*text && !__builtin_mul_overflow(days, SECONDS_A_DAY * per_second, &day_start) &&
               !__builtin_add_overflow(day_start, time, ret);
}
