#include "planner/dates.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <string.h>

#define SECONDS_A_DAY 86400
#define YEAR_MIN 1500 /* numbers outside are no years */
#define YEAR_MAX 2200

int64_t date_to_days(struct date date)
{
        return clock_days_from_civil(date.year, date.month, date.day);
}

struct date date_from_days(int64_t days)
{
        struct date date;
        clock_civil_from_days(days, &date.year, &date.month, &date.day);
        return date;
}

static int days_in_month(int year, int month)
{
        struct date first = {year, month, 1};
        struct date next = {month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1};
        return (int)(date_to_days(next) - date_to_days(first));
}

struct date date_first_day(struct date date)
{
        if (date.month == 0)
                return (struct date){date.year, 1, 1};
        if (date.day == 0)
                return (struct date){date.year, date.month, 1};
        return date;
}

struct date date_last_day(struct date date)
{
        if (date.month == 0)
                return (struct date){date.year, 12, 31};
        if (date.day == 0)
                return (struct date){date.year, date.month, days_in_month(date.year, date.month)};
        return date;
}

const struct token *token_at(const struct question *question, size_t i)
{
        return i < question->n_tokens ? &question->tokens[i] : NULL;
}

bool says(const struct question *question, size_t i, const char *word)
{
        const struct token *token = token_at(question, i);
        return token && (token->kind == TOKEN_WORD || token->kind == TOKEN_SIGN) &&
               strcmp(token->text, word) == 0;
}

bool says_any(const struct question *question, size_t i, const char *const *words)
{
        for (; *words; words++)
                if (says(question, i, *words))
                        return true;
        return false;
}

static int year_at(const struct question *question, size_t i)
{
        const struct token *token = token_at(question, i);
        if (!token || token->kind != TOKEN_NUMBER || strlen(token->text) != 4 || token->money ||
            token->percent || token->ordinal || token->number < YEAR_MIN ||
            token->number > YEAR_MAX || strlen(token->said) != 4)
                return 0;
        return (int)token->number;
}

int day_at(const struct question *question, size_t i)
{
        const struct token *token = token_at(question, i);
        if (!token || token->kind != TOKEN_NUMBER || token->number < 1 || token->number > 31 ||
            token->money || token->percent || strlen(token->text) > 2)
                return 0;
        return (int)token->number;
}

static int month_at(const struct question *question, size_t i)
{
        static const char *const names[][4] = {
                {"january", "jan", NULL},
                {"february", "feb", NULL},
                {"march", "mar", NULL},
                {"april", "apr", NULL},
                {"may", NULL},
                {"june", "jun", NULL},
                {"july", "jul", NULL},
                {"august", "aug", NULL},
                {"september", "sep", "sept", NULL},
                {"october", "oct", NULL},
                {"november", "nov", NULL},
                {"december", "dec", NULL},
        };
        const struct token *token = token_at(question, i);
        if (token && strcmp(token->text, "may") == 0 && !token->capital &&
            !year_at(question, i + 1) && !day_at(question, i + 1))
                return 0; /* the verb */
        for (size_t m = 0; m < ARRAY_SIZE(names); m++)
                if (says_any(question, i, names[m]))
                        return (int)m + 1;
        return 0;
}

size_t year_behind(const struct question *question, size_t i, int *year)
{
        size_t comma = says(question, i, ",") ? 1 : 0;
        if (says(question, i, "of"))
                comma = 1;
        *year = year_at(question, i + comma);
        return *year ? comma + 1 : 0;
}

int64_t days_of_as_of(const struct question *question)
{
        int64_t s = question->as_of_s;
        return s / SECONDS_A_DAY - (s % SECONDS_A_DAY < 0);
}

int year_meant(const struct question *question, int month, int day)
{
        struct date now = date_from_days(days_of_as_of(question));
        if (month > now.month || (month == now.month && day > now.day))
                return now.year - 1;
        return now.year;
}

/* The month and day get the year behind them at i or the one that is meant; *more is how many
 * tokens that takes. False for the 31st of a month without one. */
static bool complete_date(const struct question *question, size_t i, struct date *date,
                          bool *open_year, size_t *more)
{
        *more = year_behind(question, i, &date->year);
        *open_year = *more == 0;
        if (!date->year)
                date->year = year_meant(question, date->month, date->day);
        return date->day <= days_in_month(date->year, date->month);
}

/* "January 31, 2026", "January". */
static size_t month_first_at(const struct question *question, size_t i, struct date *date,
                             bool *open_year)
{
        *date = (struct date){0, month_at(question, i), day_at(question, i + 1)};
        size_t n = date->day ? 2 : 1;
        size_t more;
        return complete_date(question, i + n, date, open_year, &more) ? n + more : 0;
}

/* "31 January 2026", "31st of January". */
static size_t day_first_at(const struct question *question, size_t i, struct date *date,
                           bool *open_year)
{
        size_t of = says(question, i + 1, "of") ? 1 : 0;
        *date = (struct date){0, month_at(question, i + 1 + of), day_at(question, i)};
        size_t n = 2 + of;
        size_t more;
        return complete_date(question, i + n, date, open_year, &more) ? n + more : 0;
}

/* "2026", "the year 2026". */
static size_t year_alone_at(const struct question *question, size_t i, struct date *date)
{
        size_t n = 0;
        if (says(question, i, "the") && says(question, i + 1, "year"))
                n = 2;
        else if (says(question, i, "year"))
                n = 1;
        *date = (struct date){year_at(question, i + n), 0, 0};
        return date->year ? n + 1 : 0;
}

size_t date_at(const struct question *question, size_t i, struct date *ret, bool *open_year)
{
        const struct token *token = token_at(question, i);
        *open_year = false;
        if (!token)
                return 0;
        if (token->kind == TOKEN_DATE) {
                *ret = (struct date){token->year, token->month, token->day};
                return ret->day <= days_in_month(token->year, token->month) ? 1 : 0;
        }
        if (month_at(question, i))
                return month_first_at(question, i, ret, open_year);
        if (day_at(question, i) &&
            month_at(question, i + 1 + (says(question, i + 1, "of") ? 1 : 0)))
                return day_first_at(question, i, ret, open_year);
        if (says(question, i, "today") || says(question, i, "yesterday")) {
                int64_t today = days_of_as_of(question);
                *ret = date_from_days(says(question, i, "today") ? today : today - 1);
                return 1;
        }
        return year_alone_at(question, i, ret);
}
