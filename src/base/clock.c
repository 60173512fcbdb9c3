#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_monotonic_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_utc_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil: years start
 * in March, so that the leap day comes last. */
int64_t clock_days_from_civil(int year, int month, int day)
{
        int64_t y = (int64_t)year - (month <= 2);
        int64_t era = (y >= 0 ? y : y - 399) / 400;
        int64_t year_of_era = y - era * 400;
        int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        return era * 146097 + day_of_era - 719468;
}

void clock_civil_from_days(int64_t days, int *year, int *month, int *day)
{
        int64_t z = days + 719468;
        int64_t era = (z >= 0 ? z : z - 146096) / 146097;
        int64_t doe = z - era * 146097;
        int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        int64_t mp = (5 * doy + 2) / 153;
        *day = (int)(doy - (153 * mp + 2) / 5 + 1);
        *month = (int)(mp < 10 ? mp + 3 : mp - 9);
        *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

static int format_seconds(int64_t utc_s, char out[CLOCK_TEXT_SIZE])
{
        int year;
        int month;
        int day;
        int64_t days = floor_div(utc_s, 86400);
        int rest = (int)(utc_s - days * 86400);
        clock_civil_from_days(days, &year, &month, &day);
        return snprintf(out, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", year % 10000, month,
                        day, rest / 3600, rest / 60 % 60, rest % 60);
}

void clock_format_s(int64_t utc_s, char out[CLOCK_TEXT_SIZE])
{
        int n = format_seconds(utc_s, out);
        (void)snprintf(out + n, CLOCK_TEXT_SIZE - (size_t)n, "Z");
}

void clock_format_ms(int64_t utc_ms, char out[CLOCK_TEXT_SIZE])
{
        int64_t s = floor_div(utc_ms, 1000);
        int n = format_seconds(s, out);
        (void)snprintf(out + n, CLOCK_TEXT_SIZE - (size_t)n, ".%03dZ", (int)(utc_ms - s * 1000));
}

/* Exactly `digits` decimal digits at *text. */
static bool take_number(const char **text, int digits, int *ret)
{
        int value = 0;
        for (int i = 0; i < digits; i++) {
                char c = (*text)[i];
                if (c < '0' || c > '9')
                        return false;
                value = value * 10 + (c - '0');
        }
        *text += digits;
        *ret = value;
        return true;
}

static bool take_char(const char **text, char c)
{
        if (**text != c)
                return false;
        (*text)++;
        return true;
}

static bool take_date(const char **p, int *year, int *month, int *day)
{
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        if (!take_number(p, 4, year) || !take_char(p, '-') || !take_number(p, 2, month) ||
            !take_char(p, '-') || !take_number(p, 2, day))
                return false;
        if (*year < 1 || *month < 1 || *month > 12)
                return false;
        bool leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
        return *day >= 1 && *day <= lengths[*month - 1] + (*month == 2 && leap);
}

bool clock_parse(const char *text, int64_t *ret_utc_s)
{
        const char *p = text;
        int year;
        int month;
        int day;
        int hour = 0;
        int minute = 0;
        int second = 0;
        if (!take_date(&p, &year, &month, &day))
                return false;
        if (*p) {
                if (!take_char(&p, 'T') && !take_char(&p, ' '))
                        return false;
                if (!take_number(&p, 2, &hour) || !take_char(&p, ':') ||
                    !take_number(&p, 2, &minute) || !take_char(&p, ':') ||
                    !take_number(&p, 2, &second))
                        return false;
                (void)take_char(&p, 'Z');
        }
        if (*p || hour > 23 || minute > 59 || second > 59)
                return false;
        *ret_utc_s = clock_days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 +
                     second;
        return true;
}
