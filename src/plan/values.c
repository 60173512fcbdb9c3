#include "plan/query.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* Reads count digits; false when they are not there. */
static bool digits_read(const char **p, int count, int *ret)
{
        int value = 0;
        for (int i = 0; i < count; i++, (*p)++) {
                if (**p < '0' || **p > '9')
                        return false;
                value = value * 10 + (**p - '0');
        }
        *ret = value;
        return true;
}

/* "2026-01-31"; the day exists. */
static bool date_read(const char **p, int64_t *ret_days)
{
        int y;
        int m;
        int d;
        if (!digits_read(p, 4, &y) || *(*p)++ != '-' || !digits_read(p, 2, &m) || *(*p)++ != '-' ||
            !digits_read(p, 2, &d))
                return false;
        if (y < 1 || m < 1 || m > 12 || d < 1 || d > 31)
                return false;
        *ret_days = clock_days_from_civil(y, m, d);
        int back_y;
        int back_m;
        int back_d;
        clock_civil_from_days(*ret_days, &back_y, &back_m, &back_d);
        return back_y == y && back_m == m && back_d == d;
}

/* "14:05", "14:05:00" or "14:05:00.5" to six decimals; out gets "14:05:00[.ffffff]". */
static bool time_read(const char **p, char out[MOMENT_SIZE])
{
        int h;
        int m;
        int s = 0;
        if (!digits_read(p, 2, &h) || *(*p)++ != ':' || !digits_read(p, 2, &m))
                return false;
        int fraction = 0;
        const char *start = *p;
        if (**p == ':') {
                (*p)++;
                if (!digits_read(p, 2, &s))
                        return false;
                start = *p;
                if (**p == '.') {
                        (*p)++;
                        fraction = (int)strspn(*p, "0123456789");
                        if (fraction < 1 || fraction > 6)
                                return false;
                        *p += fraction;
                }
        }
        if (h > 23 || m > 59 || s > 59)
                return false;
        (void)snprintf(out, MOMENT_SIZE, "%02d:%02d:%02d%.*s", h, m, s, fraction ? fraction + 1 : 0,
                       start);
        return true;
}

void moment_format(int64_t moment_s, bool with_time, char out[MOMENT_SIZE])
{
        char text[CLOCK_TEXT_SIZE];
        clock_format_s(moment_s, text); /* 2026-01-31T00:00:00Z */
        if (with_time)
                (void)snprintf(out, MOMENT_SIZE, "%.10s %.8s", text, text + 11);
        else
                (void)snprintf(out, MOMENT_SIZE, "%.10s", text);
}

/* A date, or a date and a time with "T" or a blank between and perhaps a "Z" behind; out gets the
 * normal form. */
static bool moment_read(const char *text, char out[MOMENT_SIZE], bool *ret_has_time)
{
        const char *p = text;
        int64_t days;
        if (!date_read(&p, &days))
                return false;
        moment_format(days * 86400, false, out);
        *ret_has_time = *p != '\0';
        if (!*p)
                return true;
        if (*p != 'T' && *p != ' ')
                return false;
        p++;
        char time[MOMENT_SIZE];
        if (!time_read(&p, time))
                return false;
        if (*p == 'Z')
                p++;
        (void)snprintf(out + 10, MOMENT_SIZE - 10, " %.20s", time);
        return *p == '\0';
}

static struct type value_unknown(struct query *q, const struct expr *literal)
{
        struct type unknown = {.state = TYPE_UNKNOWN};
        query_info(q, literal)->type = unknown;
        return unknown;
}

static struct type moment_fit(struct query *q, struct expr *literal, struct type wanted)
{
        struct info *info = query_info(q, literal);
        const char *text = json_string_value(literal->value);
        char normal[MOMENT_SIZE];
        bool has_time;
        if (!text || !moment_read(text, normal, &has_time)) {
                report_fault(&q->report, literal->at, "%s is no %s; write it like \"2026-01-31\"%s",
                             text ? report_quote(&q->report, text) : "this value",
                             wanted.kind == COLUMN_DATE ? "date" : "date or timestamp",
                             wanted.kind == COLUMN_DATE ? "" : " or \"2026-01-31 14:05:00\"");
                return value_unknown(q, literal);
        }
        if (wanted.kind == COLUMN_DATE && has_time) {
                normal[10] = '\0';
                report_near(&q->report, literal->at, normal,
                            "this is compared with a date, which has no time; write \"%s\"",
                            normal);
                return value_unknown(q, literal);
        }
        info->moment = arena_strdup(q->arena, normal);
        if (!info->moment)
                q->report.no_memory = true;
        info->type = (struct type){.state = TYPE_KNOWN, .kind = wanted.kind};
        info->type.date_only = !has_time && wanted.kind == COLUMN_TIMESTAMP;
        return info->type;
}

static struct type time_fit(struct query *q, struct expr *literal, struct type wanted)
{
        struct info *info = query_info(q, literal);
        const char *p = json_string_value(literal->value);
        char normal[MOMENT_SIZE];
        if (!p || !time_read(&p, normal) || *p) {
                report_fault(&q->report, literal->at,
                             "this is compared with a time of day; write it like \"14:05:00\"");
                return value_unknown(q, literal);
        }
        info->moment = arena_strdup(q->arena, normal);
        if (!info->moment)
                q->report.no_memory = true;
        info->type = (struct type){.state = TYPE_KNOWN, .kind = wanted.kind};
        return info->type;
}

static const char *fit_hint(struct type wanted, const struct expr *literal)
{
        if (type_is_number(wanted))
                return json_is_string(literal->value) ? "write a number without quotes"
                                                      : "write a number";
        if (wanted.kind == COLUMN_BOOLEAN)
                return "write true or false without quotes";
        return "write a text in quotes";
}

struct type value_fit(struct query *q, struct expr *literal, struct type wanted,
                      const char *wanted_by)
{
        struct info *info = query_info(q, literal);
        info->type.state = TYPE_KNOWN;
        if (type_is_moment(wanted))
                return moment_fit(q, literal, wanted);
        if (wanted.kind == COLUMN_TIME)
                return time_fit(q, literal, wanted);
        bool fits = (type_is_number(wanted) && json_is_number(literal->value)) ||
                    (wanted.kind == COLUMN_TEXT && json_is_string(literal->value)) ||
                    (wanted.kind == COLUMN_BOOLEAN && json_is_boolean(literal->value));
        if (!fits) {
                report_fault(&q->report, literal->at, "\"%s\" needs %s here; %s", wanted_by,
                             type_words(wanted.kind), fit_hint(wanted, literal));
                return value_unknown(q, literal);
        }
        if (json_is_number(literal->value))
                info->type = number_of_literal(literal->value);
        else
                info->type.kind = wanted.kind;
        return info->type;
}

static int days_of_month(int year, int month)
{
        int64_t next = month == 12 ? clock_days_from_civil(year + 1, 1, 1)
                                   : clock_days_from_civil(year, month + 1, 1);
        return (int)(next - clock_days_from_civil(year, month, 1));
}

/* As a calendar goes back: 31 March less one month is the last day of February. */
static int64_t months_before(int64_t moment_s, int64_t months)
{
        int64_t days = moment_s / 86400 - (moment_s % 86400 < 0);
        int y;
        int m;
        int d;
        clock_civil_from_days(days, &y, &m, &d);
        int64_t month = (int64_t)y * 12 + (m - 1) - months;
        if (month < 12)
                return clock_days_from_civil(1, 1, 1) * 86400;
        y = (int)(month / 12);
        m = (int)(month % 12) + 1;
        if (d > days_of_month(y, m))
                d = days_of_month(y, m);
        return clock_days_from_civil(y, m, d) * 86400 + (moment_s - days * 86400);
}

int64_t moment_before(int64_t moment_s, int n, enum plan_unit unit)
{
        static const int64_t seconds[] = {
                [UNIT_SECOND] = 1,  [UNIT_MINUTE] = 60,   [UNIT_HOUR] = 3600,
                [UNIT_DAY] = 86400, [UNIT_WEEK] = 604800,
        };
        if (unit == UNIT_MONTH || unit == UNIT_QUARTER || unit == UNIT_YEAR)
                return months_before(moment_s, (int64_t)n * (unit == UNIT_MONTH     ? 1
                                                             : unit == UNIT_QUARTER ? 3
                                                                                    : 12));
        int64_t first = clock_days_from_civil(1, 1, 1) * 86400;
        int64_t before = moment_s - n * seconds[unit];
        return before < first ? first : before;
}
