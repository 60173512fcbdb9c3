/* Times in a question: "last 30 days", "in January 2026", "since 2020", "between May 3 and May 9",
 * "yesterday", "on weekends". Dates are the proleptic Gregorian calendar's, UTC. */
#include "planner/atom.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct date {
        int year, month, day; /* month 0: a whole year; day 0: a whole month */
};

static int64_t days_of(struct date date)
{
        return clock_days_from_civil(date.year, date.month, date.day);
}

static struct date date_of(int64_t days)
{
        struct date date;
        clock_civil_from_days(days, &date.year, &date.month, &date.day);
        return date;
}

static int days_in_month(int year, int month)
{
        struct date first = {year, month, 1};
        struct date next = {month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1};
        return (int)(days_of(next) - days_of(first));
}

static void write_date(struct date date, char *out, size_t size)
{
        (void)snprintf(out, size, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static struct date first_of(struct date date)
{
        if (date.month == 0)
                return (struct date){date.year, 1, 1};
        if (date.day == 0)
                return (struct date){date.year, date.month, 1};
        return date;
}

static struct date last_of(struct date date)
{
        if (date.month == 0)
                return (struct date){date.year, 12, 31};
        if (date.day == 0)
                return (struct date){date.year, date.month, days_in_month(date.year, date.month)};
        return date;
}

static const struct token *token_at(const struct question *question, size_t i)
{
        return i < question->n_tokens ? &question->tokens[i] : NULL;
}

static bool is_word(const struct question *question, size_t i, const char *word)
{
        const struct token *token = token_at(question, i);
        return token && (token->kind == TOKEN_WORD || token->kind == TOKEN_SIGN) &&
               strcmp(token->text, word) == 0;
}

static bool is_any(const struct question *question, size_t i, const char *const *words)
{
        for (; *words; words++)
                if (is_word(question, i, *words))
                        return true;
        return false;
}

static int year_at(const struct question *question, size_t i)
{
        const struct token *token = token_at(question, i);
        if (!token || token->kind != TOKEN_NUMBER || strlen(token->text) != 4 || token->money ||
            token->percent || token->ordinal || token->number < 1500 || token->number > 2200 ||
            strlen(token->said) != 4)
                return 0;
        return (int)token->number;
}

static int day_at(const struct question *question, size_t i)
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
                {"january", "jan", NULL},   {"february", "feb", NULL},
                {"march", "mar", NULL},     {"april", "apr", NULL},
                {"may", NULL},              {"june", "jun", NULL},
                {"july", "jul", NULL},      {"august", "aug", NULL},
                {"september", "sep", "sept", NULL}, {"october", "oct", NULL},
                {"november", "nov", NULL},  {"december", "dec", NULL},
        };
        const struct token *token = token_at(question, i);
        if (token && strcmp(token->text, "may") == 0 && !token->capital &&
            !year_at(question, i + 1) && !day_at(question, i + 1))
                return 0; /* the verb */
        for (size_t m = 0; m < ARRAY_SIZE(names); m++)
                if (is_any(question, i, names[m]))
                        return (int)m + 1;
        return 0;
}

static int weekday_at(const struct question *question, size_t i)
{
        static const char *const names[] = {"monday", "tuesday", "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};
        const struct token *token = token_at(question, i);
        for (size_t d = 0; token && d < ARRAY_SIZE(names); d++) {
                size_t n = strlen(names[d]);
                if (strncmp(token->text, names[d], n) == 0 &&
                    (!token->text[n] || strcmp(token->text + n, "s") == 0))
                        return (int)d + 1;
        }
        return 0;
}

static size_t year_behind(const struct question *question, size_t i, int *year)
{
        size_t comma = is_word(question, i, ",") ? 1 : 0;
        if (is_word(question, i, "of"))
                comma = 1;
        *year = year_at(question, i + comma);
        return *year ? comma + 1 : 0;
}

/* The latest year in which the month is not after as_of. */
static int year_meant(const struct question *question, int month, int day)
{
        struct date now = date_of(question->as_of_s / 86400 - (question->as_of_s % 86400 < 0));
        if (month > now.month || (month == now.month && day > now.day))
                return now.year - 1;
        return now.year;
}

/* A date at i: how many tokens it takes, or 0. *open_year: no year was said. */
static size_t date_at(const struct question *question, size_t i, struct date *date,
                      bool *open_year)
{
        const struct token *token = token_at(question, i);
        int month = month_at(question, i);
        *open_year = false;
        if (!token)
                return 0;
        if (token->kind == TOKEN_DATE) {
                *date = (struct date){token->year, token->month, token->day};
                return date->day <= days_in_month(token->year, token->month) ? 1 : 0;
        }
        if (month) {
                size_t n = 1;
                int day = day_at(question, i + n);
                int year = 0;
                if (day)
                        n++;
                size_t more = year_behind(question, i + n, &year);
                *open_year = more == 0;
                if (!year)
                        year = year_meant(question, month, day);
                *date = (struct date){year, month, day};
                return day <= days_in_month(year, month) ? n + more : 0;
        }
        int day = day_at(question, i);
        if (day && (month = month_at(question, i + 1 + is_word(question, i + 1, "of")))) {
                size_t n = 2 + (size_t)is_word(question, i + 1, "of");
                int year;
                size_t more = year_behind(question, i + n, &year);
                *open_year = more == 0;
                if (!year)
                        year = year_meant(question, month, day);
                *date = (struct date){year, month, day};
                return day <= days_in_month(year, month) ? n + more : 0;
        }
        if (is_word(question, i, "today") || is_word(question, i, "yesterday")) {
                int64_t now = question->as_of_s / 86400 - (question->as_of_s % 86400 < 0);
                *date = date_of(is_word(question, i, "today") ? now : now - 1);
                return 1;
        }
        size_t the = is_word(question, i, "the") && is_word(question, i + 1, "year") ? 2
                     : is_word(question, i, "year")                                  ? 1
                                                                                     : 0;
        int year = year_at(question, i + the);
        *date = (struct date){year, 0, 0};
        return year ? the + 1 : 0;
}

static struct atom *add_time(struct question *question, size_t i, size_t n, struct timex time)
{
        struct atom *atom = atom_add(question, ATOM_TIME, i, n, 0.3);
        atom->time = time;
        return atom;
}

static struct timex range(struct date from, struct date to)
{
        struct timex time = {.kind = TIME_RANGE};
        time.is_year = from.month == 0 && to.month == 0;
        write_date(first_of(from), time.from, sizeof(time.from));
        write_date(last_of(to), time.to, sizeof(time.to));
        return time;
}

static enum plan_unit unit_at(const struct question *question, size_t i)
{
        static const struct {
                const char *words[4];
                enum plan_unit unit;
        } units[] = {
                {{"minute", "minutes", NULL}, UNIT_MINUTE}, {{"hour", "hours", "h", NULL}, UNIT_HOUR},
                {{"day", "days", NULL}, UNIT_DAY},          {{"week", "weeks", NULL}, UNIT_WEEK},
                {{"month", "months", NULL}, UNIT_MONTH},
                {{"quarter", "quarters", NULL}, UNIT_QUARTER},
                {{"year", "years", NULL}, UNIT_YEAR},
        };
        for (size_t u = 0; u < ARRAY_SIZE(units); u++)
                if (is_any(question, i, units[u].words))
                        return units[u].unit;
        return UNIT_NONE;
}

static int count_at(const struct question *question, size_t i)
{
        static const char *const words[] = {"one", "two", "three", "four", "five", "six", "seven",
                                            "eight", "nine", "ten", "eleven", "twelve"};
        const struct token *token = token_at(question, i);
        if (token && token->kind == TOKEN_NUMBER && token->number >= 1 &&
            token->number <= PLAN_LAST_MAX && !strchr(token->text, '.') && !token->money)
                return (int)token->number;
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (is_word(question, i, words[w]))
                        return (int)w + 1;
        if (is_word(question, i, "couple") || is_word(question, i, "few"))
                return 0;
        return 0;
}

/* "last month" is the last 30 days, "last year" the last 365. */
static void set_last(struct timex *time, int n, enum plan_unit unit, bool counted)
{
        *time = (struct timex){.kind = TIME_LAST, .n = n, .unit = unit};
        if (!counted && unit == UNIT_MONTH)
                *time = (struct timex){.kind = TIME_LAST, .n = 30, .unit = UNIT_DAY};
        if (!counted && unit == UNIT_WEEK)
                *time = (struct timex){.kind = TIME_LAST, .n = 7, .unit = UNIT_DAY};
        if (!counted && unit == UNIT_YEAR)
                *time = (struct timex){.kind = TIME_LAST, .n = 365, .unit = UNIT_DAY};
        if (!counted && unit == UNIT_DAY)
                *time = (struct timex){.kind = TIME_LAST, .n = 24, .unit = UNIT_HOUR};
        if (!counted && (unit == UNIT_MONTH || unit == UNIT_YEAR))
                time->supposed = unit;
}

/* The calendar's unit that holds as_of, or the one before. */
static bool calendar_unit(const struct question *question, enum plan_unit unit, int back,
                          struct timex *ret)
{
        int64_t today = question->as_of_s / 86400 - (question->as_of_s % 86400 < 0);
        struct date now = date_of(today);
        if (unit == UNIT_DAY) {
                *ret = range(date_of(today - back), date_of(today - back));
        } else if (unit == UNIT_WEEK) {
                int64_t monday = today - ((today + 3) % 7 + 7) % 7 - (int64_t)7 * back;
                *ret = range(date_of(monday), date_of(monday + 6));
        } else if (unit == UNIT_MONTH || unit == UNIT_QUARTER) {
                int span = unit == UNIT_MONTH ? 1 : 3;
                int index = now.year * 12 + (now.month - 1) / span * span - back * span;
                struct date from = {index / 12, index % 12 + 1, 0};
                struct date to = {(index + span - 1) / 12, (index + span - 1) % 12 + 1, 0};
                *ret = range(from, to);
        } else if (unit == UNIT_YEAR) {
                *ret = range((struct date){now.year - back, 0, 0},
                             (struct date){now.year - back, 0, 0});
        } else {
                return false;
        }
        return true;
}

/* "last 30 days", "the past week", "this month", "previous quarter". */
static size_t relative_at(struct question *question, size_t i, struct timex *ret)
{
        static const char *const lasts[] = {"last", "past", "recent", NULL};
        static const char *const befores[] = {"previous", "preceding", "prior", NULL};
        static const char *const nows[] = {"this", "current", NULL};
        size_t at = i;
        if (is_word(question, at, "the"))
                at++;
        bool last = is_any(question, at, lasts);
        bool before = is_any(question, at, befores);
        bool now = is_any(question, at, nows);
        if (!last && !before && !now)
                return 0;
        at++;
        int n = count_at(question, at);
        if (n > 0)
                at++;
        else if (is_word(question, at, "full") || is_word(question, at, "calendar")) {
                at++;
                before = before || last; /* "last full month" */
                last = false;
        }
        enum plan_unit unit = unit_at(question, at);
        if (unit == UNIT_NONE || (now && n > 0))
                return 0;
        at++;
        if (is_word(question, at, "s"))
                at++;
        if (last || n > 0) {
                set_last(ret, n > 0 ? n : 1, unit, n > 0);
                return at - i;
        }
        return calendar_unit(question, unit, before ? 1 : 0, ret) ? at - i : 0;
}

/* "Q1 2020", "first quarter of 2020". */
static size_t quarter_at(struct question *question, size_t i, struct timex *ret)
{
        static const char *const names[][4] = {{"q1", "first", "1st", NULL},
                                               {"q2", "second", "2nd", NULL},
                                               {"q3", "third", "3rd", NULL},
                                               {"q4", "fourth", "4th", NULL}};
        size_t at = i;
        if (is_word(question, at, "the"))
                at++;
        for (int q = 0; q < 4; q++) {
                size_t n = 0;
                const struct token *token = token_at(question, at);
                if (is_word(question, at, names[q][0]))
                        n = 1;
                else if (token && unit_at(question, at + 1) == UNIT_QUARTER &&
                         (is_word(question, at, names[q][1]) ||
                          (token->ordinal && (int)token->number == q + 1)))
                        n = 2;
                if (n == 0)
                        continue;
                int year;
                size_t more = year_behind(question, at + n, &year);
                if (!more)
                        year = year_meant(question, q * 3 + 1, 0);
                *ret = range((struct date){year, q * 3 + 1, 0}, (struct date){year, q * 3 + 3, 0});
                return at + n + more - i;
        }
        return 0;
}

static size_t weekdays_at(struct question *question, size_t i, struct timex *ret)
{
        int day = weekday_at(question, i);
        *ret = (struct timex){.kind = TIME_WEEKDAYS};
        if (is_word(question, i, "weekend") || is_word(question, i, "weekends")) {
                ret->first = 6;
                ret->last = 7;
                return 1;
        }
        if (is_word(question, i, "weekdays") || is_word(question, i, "workdays")) {
                ret->first = 1;
                ret->last = 5;
                return 1;
        }
        ret->first = day;
        ret->last = day;
        return day ? 1 : 0;
}

/* "between D and D", "from D to D", "D to D". */
static size_t between_at(struct question *question, size_t i, struct timex *ret)
{
        static const char *const froms[] = {"between", "from", "starting", NULL};
        static const char *const tos[] = {"and", "to", "until", "till", "through", "-", NULL};
        struct date from;
        struct date to;
        bool open_from;
        bool open_to;
        size_t at = i;
        bool begins = is_any(question, at, froms);
        if (begins)
                at++;
        if (is_word(question, at, "the"))
                at++;
        size_t n = date_at(question, at, &from, &open_from);
        if (n == 0 && day_at(question, at) && is_any(question, at + 1, tos) &&
            date_at(question, at + 2, &to, &open_to) > 0 && to.day > 0) {
                from = (struct date){to.year, to.month, day_at(question, at)};
                open_from = open_to; /* "10 to 12 January" */
                n = 1;
        }
        if (n == 0 || !is_any(question, at + n, tos) ||
            (!begins && is_word(question, at + n, "and")) ||
            (!begins && is_word(question, at + n, "-") && from.day == 0))
                return 0;
        at += n + 1;
        if (is_word(question, at, "the"))
                at++;
        n = date_at(question, at, &to, &open_to);
        int day = n == 0 ? day_at(question, at) : 0;
        if (n == 0 && day > 0 && from.day > 0) { /* January 10 to 12 */
                to = (struct date){from.year, from.month, day};
                n = 1;
                int year;
                size_t more = year_behind(question, at + 1, &year);
                if (more)
                        from.year = to.year = year;
                n += more;
        }
        if (n == 0)
                return 0;
        if (open_from && !open_to)
                from.year = to.year - (from.month > to.month);
        if (!open_from && open_to)
                to.year = from.year + (from.month > to.month);
        if (open_from && open_to && days_of(first_of(from)) > days_of(first_of(to)))
                from.year--;
        *ret = range(from, to);
        return at + n - i;
}

/* "since D", "after D", "before D", "until D", "in D", "on D" or D alone. */
static size_t bounded_at(struct question *question, size_t i, struct timex *ret)
{
        static const char *const sinces[] = {"since", "from", "starting", NULL};
        static const char *const afters[] = {"after", "following", NULL};
        static const char *const befores[] = {"before", NULL};
        static const char *const untils[] = {"until", "till", "through", "by", NULL};
        static const char *const ins[] = {"in", "on", "during", "of", "for", NULL};
        size_t at = i;
        bool since = is_any(question, at, sinces);
        bool after = is_any(question, at, afters);
        bool before = is_any(question, at, befores);
        bool until = is_any(question, at, untils);
        bool in = is_any(question, at, ins);
        struct date date;
        bool open_year;
        if (after && is_word(question, at, "following"))
                return 0;
        if (since || after || before || until || in)
                at++;
        if ((since && is_word(question, at, "from")) || is_word(question, at, "on"))
                at++;
        if (is_word(question, at, "the") && !is_word(question, at + 1, "year"))
                at++;
        size_t n = date_at(question, at, &date, &open_year);
        if (n == 0)
                return 0;
        at += n;
        *ret = range(date, date);
        bool bare = !since && !after && !before && !until && !in;
        if (bare && date.month == 0 && (date.year < 1800 || date.year > 2100))
                return 0;
        bool later = is_word(question, at, "or") && (is_word(question, at + 1, "later") ||
                                                     is_word(question, at + 1, "after") ||
                                                     is_word(question, at + 1, "newer"));
        bool earlier = is_word(question, at, "or") && (is_word(question, at + 1, "earlier") ||
                                                       is_word(question, at + 1, "before") ||
                                                       is_word(question, at + 1, "older"));
        if (later || earlier)
                at += 2;
        bool onwards = later || is_word(question, at, "on") || is_word(question, at, "onwards") ||
                       is_word(question, at, "onward");
        if (since && onwards && !later)
                at++;
        since = since || later; /* "2024 or later" */
        until = until || earlier;
        if (!onwards && is_word(question, i, "from"))
                since = false; /* "orders from October" */
        if (since)
                ret->to[0] = '\0';
        if (until)
                ret->from[0] = '\0';
        if (after) {
                (void)memcpy(ret->from, ret->to, sizeof(ret->from));
                ret->to[0] = '\0';
                ret->from_open = true;
        }
        if (before) {
                (void)memcpy(ret->to, ret->from, sizeof(ret->to));
                ret->from[0] = '\0';
                ret->to_open = true;
        }
        if (open_year && date.month > 0 && date.day == 0 && !since && !after && !before && !until) {
                ret->kind = TIME_MONTH; /* which year is for the data to say */
                ret->first = date.month;
        }
        return at - i;
}

void time_link(struct question *question, size_t i)
{
        struct timex time;
        size_t n;
        if ((n = relative_at(question, i, &time)) > 0)
                add_time(question, i, n, time);
        if ((n = quarter_at(question, i, &time)) > 0)
                add_time(question, i, n, time);
        if ((n = weekdays_at(question, i, &time)) > 0)
                add_time(question, i, n, time);
        if ((n = between_at(question, i, &time)) > 0)
                add_time(question, i, n, time);
        if ((n = bounded_at(question, i, &time)) > 0)
                add_time(question, i, n, time)->cost +=
                        n == 1 && question->tokens[i].kind == TOKEN_NUMBER ? 0.5 : 0;
        if (is_word(question, i, "on") && (n = weekdays_at(question, i + 1, &time)) > 0)
                add_time(question, i, n + 1, time);
        if (is_word(question, i, "in") || is_word(question, i, "during") ||
            is_word(question, i, "over") || is_word(question, i, "within") ||
            is_word(question, i, "from") || is_word(question, i, "of") ||
            is_word(question, i, "for")) {
                if ((n = relative_at(question, i + 1, &time)) > 0)
                        add_time(question, i, n + 1, time);
                if ((n = quarter_at(question, i + 1, &time)) > 0)
                        add_time(question, i, n + 1, time);
        }
}
