#include "grounding/date.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool digit_at(const char *text, size_t n, size_t i)
{
        return i < n && isdigit((unsigned char)text[i]);
}

/* Exactly `digits` digits at i, with no digit behind them; -1 for others. */
static int number_at(const char *text, size_t n, size_t i, size_t digits)
{
        int value = 0;
        for (size_t k = 0; k < digits; k++) {
                if (!digit_at(text, n, i + k))
                        return -1;
                value = value * 10 + (text[i + k] - '0');
        }
        return digit_at(text, n, i + digits) ? -1 : value;
}

/* "14:30", "14:30:05", "14:30:05.25" at i; its length or 0. */
static size_t read_time(const char *text, size_t n, size_t i, struct date *date)
{
        size_t digits = digit_at(text, n, i + 1) ? 2 : 1;
        int hour = number_at(text, n, i, digits);
        size_t at = i + digits;
        if (hour < 0 || hour > 24 || at >= n || text[at] != ':')
                return 0;
        int minute = number_at(text, n, at + 1, 2);
        if (minute < 0 || minute > 59)
                return 0;
        at += 3;
        date->time_s = hour * 3600 + minute * 60;
        date->step_s = 60;
        int second = at < n && text[at] == ':' ? number_at(text, n, at + 1, 2) : -1;
        if (second < 0 || second > 60)
                return at - i;
        at += 3;
        date->time_s += second;
        date->step_s = 1;
        if (at < n && text[at] == '.' && digit_at(text, n, at + 1))
                for (at++; digit_at(text, n, at); at++)
                        ;
        return at - i;
}

/* The year, month and day; 7 bytes for a month, 10 for a day. */
static size_t read_day(const char *text, size_t n, struct date *date)
{
        int year = number_at(text, n, 0, 4);
        if (year < 1 || n < 7 || (text[4] != '-' && text[4] != '/'))
                return 0;
        int month = number_at(text, n, 5, 2);
        if (month < 1 || month > 12)
                return 0;
        date->year = year;
        date->month = month;
        if (n < 8 || text[7] != text[4] || !digit_at(text, n, 8))
                return text[4] == '-' ? 7 : 0;
        int day = number_at(text, n, 8, 2);
        if (day < 1 || day > 31)
                return 0;
        date->day = day;
        return 10;
}

size_t date_read(const char *text, size_t n, struct date *ret)
{
        struct date date = {0};
        size_t at = read_day(text, n, &date);
        size_t more = 0;
        if (at == 0)
                at = read_time(text, n, 0, &date);
        else if (date.day && at < n && (text[at] == ' ' || text[at] == 'T'))
                more = read_time(text, n, at + 1, &date);
        if (more)
                at += 1 + more;
        if (at)
                *ret = date;
        return at;
}

int date_month(const char *text, size_t n)
{
        static const char *const names[] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if ((n == 3 || n == strlen(names[i])) && strncasecmp(text, names[i], n) == 0)
                        return (int)i + 1;
        return n == 4 && strncasecmp(text, "sept", n) == 0 ? 9 : 0;
}

bool date_fits(const struct date *said, const struct date *known)
{
        int quarter = known->month ? (known->month + 2) / 3 : known->quarter;
        return (!said->year || said->year == known->year) &&
               (!said->month || said->month == known->month) &&
               (!said->day || said->day == known->day) &&
               (!said->quarter || said->quarter == quarter) &&
               (!said->step_s || (known->step_s && known->step_s <= said->step_s &&
                                  known->time_s / said->step_s == said->time_s / said->step_s));
}

bool date_before(const struct date *date, struct date *ret)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
        struct date before = {.year = date->year, .month = date->month, .day = date->day - 1};
        if (!date->year || !date->month || !date->day)
                return false;
        if (before.day == 0 && --before.month == 0) {
                before.month = 12;
                before.year--;
        }
        if (before.day == 0)
                before.day = days[before.month - 1] + (before.month == 2 && leap);
        *ret = before;
        return before.year > 0;
}
