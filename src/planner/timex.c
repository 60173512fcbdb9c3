/* Times in a question: "last 30 days", "in January 2026", "since 2020", "between May 3 and May 9",
 * "yesterday", "on weekends". */
#include "planner/dates.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define COST_TIME 0.3
#define COST_BARE_YEAR 0.5 /* more, for a number alone that may be a year */
#define YEAR_SAID_MIN 1800 /* numbers outside are no years when nothing else says so */
#define YEAR_SAID_MAX 2100

static int weekday_at(const struct question *question, size_t i)
{
        static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
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

static void write_date(struct date date, char *out, size_t size)
{
        (void)snprintf(out, size, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static struct atom *add_time(struct question *question, size_t i, size_t n, struct timex time)
{
        struct atom *atom = atom_add(question, ATOM_TIME, i, n, COST_TIME);
        atom->time = time;
        return atom;
}

static struct timex range(struct date from, struct date to)
{
        struct timex time = {.kind = TIME_RANGE};
        time.is_year = from.month == 0 && to.month == 0;
        write_date(date_first_day(from), time.from, sizeof(time.from));
        write_date(date_last_day(to), time.to, sizeof(time.to));
        return time;
}

static enum plan_unit unit_at(const struct question *question, size_t i)
{
        static const struct {
                const char *words[4];
                enum plan_unit unit;
        } units[] = {
                {{"minute", "minutes", NULL}, UNIT_MINUTE},
                {{"hour", "hours", "h", NULL}, UNIT_HOUR},
                {{"day", "days", NULL}, UNIT_DAY},
                {{"week", "weeks", NULL}, UNIT_WEEK},
                {{"month", "months", NULL}, UNIT_MONTH},
                {{"quarter", "quarters", NULL}, UNIT_QUARTER},
                {{"year", "years", NULL}, UNIT_YEAR},
        };
        for (size_t u = 0; u < ARRAY_SIZE(units); u++)
                if (says_any(question, i, units[u].words))
                        return units[u].unit;
        return UNIT_NONE;
}

static int count_at(const struct question *question, size_t i)
{
        static const char *const words[] = {"one",   "two",   "three", "four", "five",   "six",
                                            "seven", "eight", "nine",  "ten",  "eleven", "twelve"};
        const struct token *token = token_at(question, i);
        if (token && token->kind == TOKEN_NUMBER && token->number >= 1 &&
            token->number <= PLAN_LAST_MAX && !strchr(token->text, '.') && !token->money)
                return (int)token->number;
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (says(question, i, words[w]))
                        return (int)w + 1;
        return 0;
}

/* The last n units, or the last one of them: "last month" is the last 30 days, "last year" the last
 * 365. */
static void set_last(struct timex *time, int n, enum plan_unit unit)
{
        static const struct {
                enum plan_unit unit;
                int n;
                enum plan_unit of;
                bool supposed;
        } singles[] = {
                {UNIT_DAY, 24, UNIT_HOUR, false},
                {UNIT_WEEK, 7, UNIT_DAY, false},
                {UNIT_MONTH, 30, UNIT_DAY, true},
                {UNIT_YEAR, 365, UNIT_DAY, true},
        };
        *time = (struct timex){.kind = TIME_LAST, .n = n > 0 ? n : 1, .unit = unit};
        for (size_t i = 0; n == 0 && i < ARRAY_SIZE(singles); i++)
                if (singles[i].unit == unit)
                        *time = (struct timex){.kind = TIME_LAST,
                                               .n = singles[i].n,
                                               .unit = singles[i].of,
                                               .supposed = singles[i].supposed ? unit : UNIT_NONE};
}

/* The calendar's unit that holds as_of, or the one before. */
static bool calendar_unit(const struct question *question, enum plan_unit unit, int back,
                          struct timex *ret)
{
        int64_t today = days_of_as_of(question);
        struct date now = date_from_days(today);
        if (unit == UNIT_DAY) {
                *ret = range(date_from_days(today - back), date_from_days(today - back));
        } else if (unit == UNIT_WEEK) {
                int64_t monday = today - ((today + 3) % 7 + 7) % 7 - (int64_t)7 * back;
                *ret = range(date_from_days(monday), date_from_days(monday + 6));
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
static size_t relative_at(const struct question *question, size_t i, struct timex *ret)
{
        static const char *const lasts[] = {"last", "past", "recent", NULL};
        static const char *const befores[] = {"previous", "preceding", "prior", NULL};
        static const char *const nows[] = {"this", "current", NULL};
        size_t at = i;
        if (says(question, at, "the"))
                at++;
        bool last = says_any(question, at, lasts);
        bool before = says_any(question, at, befores);
        bool now = says_any(question, at, nows);
        if (!last && !before && !now)
                return 0;
        at++;
        int n = count_at(question, at);
        if (n > 0)
                at++;
        else if (says(question, at, "full") || says(question, at, "calendar")) {
                at++;
                before = before || last; /* "last full month" */
                last = false;
        }
        enum plan_unit unit = unit_at(question, at);
        if (unit == UNIT_NONE || (now && n > 0))
                return 0;
        at++;
        if (says(question, at, "s"))
                at++;
        if (last || n > 0) {
                set_last(ret, n, unit);
                return at - i;
        }
        return calendar_unit(question, unit, before ? 1 : 0, ret) ? at - i : 0;
}

/* "Q1 2020", "first quarter of 2020". */
static size_t quarter_at(const struct question *question, size_t i, struct timex *ret)
{
        static const char *const names[][4] = {{"q1", "first", "1st", NULL},
                                               {"q2", "second", "2nd", NULL},
                                               {"q3", "third", "3rd", NULL},
                                               {"q4", "fourth", "4th", NULL}};
        size_t at = i;
        if (says(question, at, "the"))
                at++;
        for (int q = 0; q < 4; q++) {
                size_t n = 0;
                const struct token *token = token_at(question, at);
                if (says(question, at, names[q][0]))
                        n = 1;
                else if (token && unit_at(question, at + 1) == UNIT_QUARTER &&
                         (says(question, at, names[q][1]) ||
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

static size_t weekdays_at(const struct question *question, size_t i, struct timex *ret)
{
        int day = weekday_at(question, i);
        *ret = (struct timex){.kind = TIME_WEEKDAYS};
        if (says(question, i, "weekend") || says(question, i, "weekends")) {
                ret->first = 6;
                ret->last = 7;
                return 1;
        }
        if (says(question, i, "weekdays") || says(question, i, "workdays")) {
                ret->first = 1;
                ret->last = 5;
                return 1;
        }
        ret->first = day;
        ret->last = day;
        return day ? 1 : 0;
}

/* Two dates that a question names as the ends of a time. */
struct ends {
        struct date from, to;
        bool open_from, open_to; /* no year was said */
};

static size_t pass_the(const struct question *question, size_t i)
{
        return says(question, i, "the") ? i + 1 : i;
}

/* The date that a time begins with: how many tokens it takes. */
static size_t begin_at(const struct question *question, size_t i, const char *const *tos,
                       struct ends *ends)
{
        size_t n = date_at(question, i, &ends->from, &ends->open_from);
        int day = day_at(question, i);
        if (n > 0 || !day || !says_any(question, i + 1, tos) ||
            !date_at(question, i + 2, &ends->to, &ends->open_to) || ends->to.day == 0)
                return n;
        ends->from = (struct date){ends->to.year, ends->to.month, day}; /* 10 to 12 January */
        ends->open_from = ends->open_to;
        return 1;
}

/* The date that it ends with. */
static size_t end_at(const struct question *question, size_t i, struct ends *ends)
{
        size_t n = date_at(question, i, &ends->to, &ends->open_to);
        int day = day_at(question, i);
        if (n > 0 || !day || ends->from.day == 0)
                return n;
        ends->to = (struct date){ends->from.year, ends->from.month, day}; /* January 10 to 12 */
        int year;
        size_t more = year_behind(question, i + 1, &year);
        if (more)
                ends->from.year = ends->to.year = year;
        return 1 + more;
}

/* A year that was said of one end holds for the other. */
static void share_year(struct ends *ends)
{
        struct date *from = &ends->from;
        struct date *to = &ends->to;
        if (ends->open_from && !ends->open_to)
                from->year = to->year - (from->month > to->month);
        if (!ends->open_from && ends->open_to)
                to->year = from->year + (from->month > to->month);
        if (ends->open_from && ends->open_to &&
            date_to_days(date_first_day(*from)) > date_to_days(date_first_day(*to)))
                from->year--;
}

/* "between D and D", "from D to D", "D to D". */
static size_t between_at(const struct question *question, size_t i, struct timex *ret)
{
        static const char *const froms[] = {"between", "from", "starting", NULL};
        static const char *const tos[] = {"and", "to", "until", "till", "through", "-", NULL};
        struct ends ends = {0};
        bool begins = says_any(question, i, froms);
        size_t at = pass_the(question, begins ? i + 1 : i);
        size_t n = begin_at(question, at, tos, &ends);
        at += n;
        if (n == 0 || !says_any(question, at, tos))
                return 0;
        if (!begins &&
            (says(question, at, "and") || (says(question, at, "-") && ends.from.day == 0)))
                return 0;
        at = pass_the(question, at + 1);
        n = end_at(question, at, &ends);
        if (n == 0)
                return 0;
        share_year(&ends);
        *ret = range(ends.from, ends.to);
        return at + n - i;
}

/* Which side of a date is meant. */
enum bound { BOUND_NONE, BOUND_SINCE, BOUND_AFTER, BOUND_BEFORE, BOUND_UNTIL, BOUND_IN };

static enum bound bound_at(const struct question *question, size_t i)
{
        static const struct {
                const char *words[6];
                enum bound bound;
        } bounds[] = {
                {{"since", "from", "starting", NULL}, BOUND_SINCE},
                {{"after", NULL}, BOUND_AFTER},
                {{"before", NULL}, BOUND_BEFORE},
                {{"until", "till", "through", "by", NULL}, BOUND_UNTIL},
                {{"in", "on", "during", "of", "for", NULL}, BOUND_IN},
        };
        for (size_t b = 0; b < ARRAY_SIZE(bounds); b++)
                if (says_any(question, i, bounds[b].words))
                        return bounds[b].bound;
        return BOUND_NONE;
}

/* "or later", "or earlier"; BOUND_NONE otherwise. */
static enum bound open_end_at(const struct question *question, size_t i)
{
        static const char *const laters[] = {"later", "after", "newer", NULL};
        static const char *const earliers[] = {"earlier", "before", "older", NULL};
        if (!says(question, i, "or"))
                return BOUND_NONE;
        if (says_any(question, i + 1, laters))
                return BOUND_SINCE;
        return says_any(question, i + 1, earliers) ? BOUND_UNTIL : BOUND_NONE;
}

static void set_bound(struct timex *time, enum bound bound)
{
        if (bound == BOUND_AFTER)
                (void)memcpy(time->from, time->to, sizeof(time->from));
        if (bound == BOUND_BEFORE)
                (void)memcpy(time->to, time->from, sizeof(time->to));
        if (bound == BOUND_SINCE || bound == BOUND_AFTER)
                time->to[0] = '\0';
        if (bound == BOUND_UNTIL || bound == BOUND_BEFORE)
                time->from[0] = '\0';
        time->from_open = bound == BOUND_AFTER;
        time->to_open = bound == BOUND_BEFORE;
}

/* What stands behind the date: "or later", "onwards". Moves *at behind it. */
static enum bound bound_behind(const struct question *question, size_t first, size_t *at,
                               enum bound bound)
{
        static const char *const onwards[] = {"on", "onwards", "onward", NULL};
        enum bound open_end = open_end_at(question, *at);
        bool goes_on = says_any(question, *at, onwards);
        if (open_end != BOUND_NONE) {
                *at += 2;
                return open_end;
        }
        if (bound == BOUND_SINCE && goes_on)
                (*at)++;
        else if (bound == BOUND_SINCE && says(question, first, "from"))
                return BOUND_IN; /* orders from October */
        return bound;
}

/* "since D", "after D", "before D", "until D", "in D", "on D" or D alone. */
static size_t bounded_at(const struct question *question, size_t i, struct timex *ret)
{
        struct date date;
        bool open_year;
        enum bound bound = bound_at(question, i);
        size_t at = bound == BOUND_NONE ? i : i + 1;
        if ((bound == BOUND_SINCE && says(question, at, "from")) || says(question, at, "on"))
                at++; /* starting from, starting on */
        if (says(question, at, "the") && !says(question, at + 1, "year"))
                at++;
        size_t n = date_at(question, at, &date, &open_year);
        if (n == 0 || (bound == BOUND_NONE && date.month == 0 &&
                       (date.year < YEAR_SAID_MIN || date.year > YEAR_SAID_MAX)))
                return 0;
        at += n;
        bound = bound_behind(question, i, &at, bound);
        *ret = range(date, date);
        set_bound(ret, bound);
        bool whole = bound == BOUND_NONE || bound == BOUND_IN;
        if (whole && open_year && date.month > 0 && date.day == 0) {
                ret->kind = TIME_MONTH; /* which year is for the data to say */
                ret->first = date.month;
        }
        return at - i;
}

/* Each gives how many tokens from i on are a time, or 0. */
typedef size_t time_reader(const struct question *question, size_t i, struct timex *ret);

/* The time behind the first `before` tokens from i on, with them. */
static void link_behind(struct question *question, size_t i, size_t before, time_reader *reader)
{
        struct timex time;
        size_t n = reader(question, i + before, &time);
        if (n > 0)
                add_time(question, i, before + n, time);
}

static void link_bounded(struct question *question, size_t i)
{
        struct timex time;
        size_t n = bounded_at(question, i, &time);
        if (n == 0)
                return;
        bool bare = n == 1 && question->tokens[i].kind == TOKEN_NUMBER;
        add_time(question, i, n, time)->cost += bare ? COST_BARE_YEAR : 0;
}

void time_link(struct question *question, size_t i)
{
        static const char *const befores[] = {"in",   "during", "over", "within",
                                              "from", "of",     "for",  NULL};
        link_behind(question, i, 0, relative_at);
        link_behind(question, i, 0, quarter_at);
        link_behind(question, i, 0, weekdays_at);
        link_behind(question, i, 0, between_at);
        link_bounded(question, i);
        if (says(question, i, "on"))
                link_behind(question, i, 1, weekdays_at);
        if (says_any(question, i, befores)) {
                link_behind(question, i, 1, relative_at);
                link_behind(question, i, 1, quarter_at);
        }
}
