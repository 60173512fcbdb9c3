/* Times in a question, as of some moment: what each expression is taken for, and that nothing else
 * is taken for a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "planner/atom.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)

/* "last 30 day"; "2026-01-31..2026-02-28", with a bracket when the end itself is not meant and
 * "years" when years were said; "month 2"; "weekdays 6-7". */
static void describe(const struct timex *time, char *out, size_t size)
{
        switch (time->kind) {
        case TIME_LAST:
                (void)snprintf(out, size, "last %d %s", time->n, unit_word(time->unit));
                break;
        case TIME_RANGE:
                (void)snprintf(out, size, "%s%s..%s%s%s", time->from_open ? "(" : "", time->from,
                               time->to, time->to_open ? ")" : "", time->is_year ? " years" : "");
                break;
        case TIME_MONTH:
                (void)snprintf(out, size, "month %d", time->first);
                break;
        case TIME_WEEKDAYS:
                (void)snprintf(out, size, "weekdays %d-%d", time->first, time->last);
                break;
        default:
                fail_msg("a time of kind %d", (int)time->kind);
        }
}

static void link_times(struct question *question, struct stemmer *stemmer, const char *text)
{
        question->tokens = tokens_of(stemmer, text, strlen(text), &question->n_tokens);
        question->atoms = arena_array(question->arena, ATOMS_MAX, sizeof(*question->atoms));
        assert_non_null(question->tokens);
        assert_non_null(question->atoms);
        assert_true(question->n_tokens <= TOKENS_MAX);
        for (size_t i = 0; i < question->n_tokens; i++)
                time_link(question, i);
}

/* The longest one, the cheapest of those; NULL when there is none. */
static const struct atom *best_time(const struct question *question)
{
        const struct atom *best = NULL;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                assert_int_equal(atom->kind, ATOM_TIME);
                assert_true(atom->n > 0 && atom->first + atom->n <= question->n_tokens);
                if (!best || atom->n > best->n || (atom->n == best->n && atom->cost < best->cost))
                        best = atom;
        }
        return best;
}

/* The time in the text, or "". *rest is how many tokens it leaves. */
static void read_time(const char *text, const char *as_of, char *out, size_t size, size_t *rest)
{
        struct question question = {.arena = arena_new(ARENA_BYTES)};
        struct stemmer *stemmer = stemmer_new(question.arena);
        assert_non_null(stemmer);
        assert_true(clock_parse(as_of, &question.as_of_s));
        link_times(&question, stemmer, text);
        const struct atom *best = best_time(&question);
        *rest = question.n_tokens - (best ? best->n : 0);
        out[0] = '\0';
        if (best)
                describe(&best->time, out, size);
        stemmer_free(stemmer);
        arena_free(question.arena);
}

struct sample {
        const char *text;
        const char *meant; /* "": there is no time in it */
};

static void check(const struct sample *samples, size_t n, const char *as_of)
{
        for (size_t i = 0; i < n; i++) {
                char found[100];
                size_t rest;
                read_time(samples[i].text, as_of, found, sizeof(found), &rest);
                if (strcmp(found, samples[i].meant) != 0)
                        fail_msg("\"%s\" as of %s is \"%s\" and not \"%s\"", samples[i].text, as_of,
                                 found, samples[i].meant);
                if (*found && rest > 0)
                        fail_msg("\"%s\": %zu tokens are left", samples[i].text, rest);
        }
}

/* A Saturday. */
#define AS_OF "2026-01-31T00:00:00Z"

static void test_last(void **state)
{
        static const struct sample samples[] = {
                {"last 30 days", "last 30 day"},
                {"the last 30 days", "last 30 day"},
                {"in the last 24 hours", "last 24 hour"},
                {"past two weeks", "last 2 week"},
                {"the past twelve months", "last 12 month"},
                {"over the past 3 years", "last 3 year"},
                {"within the last 6 hours", "last 6 hour"},
                {"for the last 45 minutes", "last 45 minute"},
                {"last one month", "last 1 month"},
                {"Last 2 Quarters", "last 2 quarter"},
                {"last week", "last 7 day"},
                {"the past week", "last 7 day"},
                {"last month", "last 30 day"},
                {"last year", "last 365 day"},
                {"in the last year", "last 365 day"},
                {"previous 3 months", "last 3 month"},
                {"last 100000 days", "last 100000 day"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_calendar(void **state)
{
        static const struct sample samples[] = {
                {"today", "2026-01-31..2026-01-31"},
                {"yesterday", "2026-01-30..2026-01-30"},
                {"since yesterday", "2026-01-30.."},
                {"this week", "2026-01-26..2026-02-01"},
                {"previous week", "2026-01-19..2026-01-25"},
                {"this month", "2026-01-01..2026-01-31"},
                {"in the current month", "2026-01-01..2026-01-31"},
                {"the previous month", "2025-12-01..2025-12-31"},
                {"this quarter", "2026-01-01..2026-03-31"},
                {"previous quarter", "2025-10-01..2025-12-31"},
                {"this year", "2026-01-01..2026-12-31 years"},
                {"preceding year", "2025-01-01..2025-12-31 years"},
                {"previous calendar year", "2025-01-01..2025-12-31 years"},
                {"previous day", "2026-01-30..2026-01-30"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_months_and_days(void **state)
{
        static const struct sample samples[] = {
                {"in January 2026", "2026-01-01..2026-01-31"},
                {"January 2026", "2026-01-01..2026-01-31"},
                {"January, 2026", "2026-01-01..2026-01-31"},
                {"in January of 2026", "2026-01-01..2026-01-31"},
                {"during Jan 2026", "2026-01-01..2026-01-31"},
                {"Sept 2025", "2025-09-01..2025-09-30"},
                {"in May 2025", "2025-05-01..2025-05-31"},
                {"in February", "month 2"},
                {"January", "month 1"},
                {"december", "month 12"},
                {"in May", "month 5"},
                {"for March", "month 3"},
                {"3rd January", "2026-01-03..2026-01-03"},
                {"the 3rd of January 2026", "2026-01-03..2026-01-03"},
                {"January 3rd, 2026", "2026-01-03..2026-01-03"},
                {"on Jan 3", "2026-01-03..2026-01-03"},
                {"march 5", "2025-03-05..2025-03-05"},
                {"on 24 December 2025", "2025-12-24..2025-12-24"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_dates(void **state)
{
        static const struct sample samples[] = {
                {"2026-01-31", "2026-01-31..2026-01-31"},
                {"on 2026-01-31", "2026-01-31..2026-01-31"},
                {"2026/01/31", "2026-01-31..2026-01-31"},
                {"31.01.2026", "2026-01-31..2026-01-31"},
                {"01/31/2026", "2026-01-31..2026-01-31"},
                {"in 2026-01", "2026-01-01..2026-01-31"},
                {"in 2025", "2025-01-01..2025-12-31 years"},
                {"2025", "2025-01-01..2025-12-31 years"},
                {"in the year 2025", "2025-01-01..2025-12-31 years"},
                {"in 1912", "1912-01-01..1912-12-31 years"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_ends(void **state)
{
        static const struct sample samples[] = {
                {"since May 2025", "2025-05-01.."},
                {"since March", "2025-03-01.."},
                {"since 2025", "2025-01-01.. years"},
                {"since 3 March 2025", "2025-03-03.."},
                {"from 2025 on", "2025-01-01.. years"},
                {"from March 2025 onwards", "2025-03-01.."},
                {"starting from March 2025", "2025-03-01.."},
                {"after May 2025", "(2025-05-31.."},
                {"after 2025-05-03", "(2025-05-03.."},
                {"after May 3", "(2025-05-03.."},
                {"before 2025", "..2025-01-01) years"},
                {"before May 2025", "..2025-05-01)"},
                {"before the 3rd of May", "..2025-05-03)"},
                {"until 2025-12-24", "..2025-12-24"},
                {"till June", "..2025-06-30"},
                {"through June 2025", "..2025-06-30"},
                {"by 2024", "..2024-12-31 years"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_between(void **state)
{
        static const struct sample samples[] = {
                {"between Jan 3 and Jan 9, 2026", "2026-01-03..2026-01-09"},
                {"between Jan 3 and Jan 9", "2026-01-03..2026-01-09"},
                {"from January 10 to 12", "2026-01-10..2026-01-12"},
                {"January 10 to 12", "2026-01-10..2026-01-12"},
                {"January 10 to 12, 2025", "2025-01-10..2025-01-12"},
                {"from Nov 2025 to Jan 2026", "2025-11-01..2026-01-31"},
                {"between November and January", "2025-11-01..2026-01-31"},
                {"from 2010 to 2015", "2010-01-01..2015-12-31 years"},
                {"2010 to 2015", "2010-01-01..2015-12-31 years"},
                {"between Dec 20 and Jan 5, 2026", "2025-12-20..2026-01-05"},
                {"between Dec 20 and Jan 5", "2025-12-20..2026-01-05"},
                {"between the 3rd of May and the 9th of June 2025", "2025-05-03..2025-06-09"},
                {"from 2025-12-01 through 2025-12-24", "2025-12-01..2025-12-24"},
                {"from February 2024 until February 2025", "2024-02-01..2025-02-28"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_quarters_and_weekdays(void **state)
{
        static const struct sample samples[] = {
                {"Q1 2025", "2025-01-01..2025-03-31"},
                {"q4 2025", "2025-10-01..2025-12-31"},
                {"Q1", "2026-01-01..2026-03-31"},
                {"in Q3", "2025-07-01..2025-09-30"},
                {"the first quarter of 2025", "2025-01-01..2025-03-31"},
                {"the 2nd quarter", "2025-04-01..2025-06-30"},
                {"4th quarter 2024", "2024-10-01..2024-12-31"},
                {"on weekends", "weekdays 6-7"},
                {"weekend", "weekdays 6-7"},
                {"weekdays", "weekdays 1-5"},
                {"on Monday", "weekdays 1-1"},
                {"Mondays", "weekdays 1-1"},
                {"on sundays", "weekdays 7-7"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

static void test_leap_days(void **state)
{
        static const struct sample samples[] = {
                {"February 2024", "2024-02-01..2024-02-29"},
                {"February 2025", "2025-02-01..2025-02-28"},
                {"Feb 29, 2024", "2024-02-29..2024-02-29"},
                {"29 February 2024", "2024-02-29..2024-02-29"},
                {"2024-02-29", "2024-02-29..2024-02-29"},
                {"2000-02-29", "2000-02-29..2000-02-29"},
                {"2025-02-29", ""},
                {"1900-02-29", ""},
        };
        static const struct sample on_it[] = {
                {"today", "2024-02-29..2024-02-29"},
                {"yesterday", "2024-02-28..2024-02-28"},
                {"February 29", "2024-02-29..2024-02-29"},
                {"this month", "2024-02-01..2024-02-29"},
                {"since February", "2024-02-01.."},
                {"previous year", "2023-01-01..2023-12-31 years"},
                {"last year", "last 365 day"},
                {"previous week", "2024-02-19..2024-02-25"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
        check(on_it, ARRAY_SIZE(on_it), "2024-02-29T12:00:00Z");
}

/* The first moment of a year, which is a Thursday. */
static void test_new_year(void **state)
{
        static const struct sample samples[] = {
                {"today", "2026-01-01..2026-01-01"},
                {"yesterday", "2025-12-31..2025-12-31"},
                {"this week", "2025-12-29..2026-01-04"},
                {"previous month", "2025-12-01..2025-12-31"},
                {"this quarter", "2026-01-01..2026-03-31"},
                {"previous quarter", "2025-10-01..2025-12-31"},
                {"previous year", "2025-01-01..2025-12-31 years"},
                {"Q4", "2025-10-01..2025-12-31"},
                {"since January", "2026-01-01.."},
                {"since February", "2025-02-01.."},
                {"on January 1", "2026-01-01..2026-01-01"},
                {"on January 2", "2025-01-02..2025-01-02"},
                {"last month", "last 30 day"},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), "2026-01-01T00:00:00Z");
}

/* A week begins on Monday, at midnight. */
static void test_week_ends(void **state)
{
        static const struct sample sunday[] = {
                {"this week", "2025-12-29..2026-01-04"},
                {"previous week", "2025-12-22..2025-12-28"},
        };
        static const struct sample monday[] = {
                {"this week", "2026-01-05..2026-01-11"},
                {"previous week", "2025-12-29..2026-01-04"},
        };
        (void)state;
        check(sunday, ARRAY_SIZE(sunday), "2026-01-04T23:59:59Z");
        check(monday, ARRAY_SIZE(monday), "2026-01-05T00:00:00Z");
}

static void test_before_1970(void **state)
{
        static const struct sample eve[] = {
                {"today", "1969-12-31..1969-12-31"},
                {"yesterday", "1969-12-30..1969-12-30"},
                {"this week", "1969-12-29..1970-01-04"},
                {"previous month", "1969-11-01..1969-11-30"},
                {"this year", "1969-01-01..1969-12-31 years"},
                {"this quarter", "1969-10-01..1969-12-31"},
                {"on Dec 31", "1969-12-31..1969-12-31"},
        };
        static const struct sample old[] = {
                {"today", "1900-01-01..1900-01-01"},
                {"yesterday", "1899-12-31..1899-12-31"},
                {"this week", "1900-01-01..1900-01-07"},
                {"previous week", "1899-12-25..1899-12-31"},
                {"previous quarter", "1899-10-01..1899-12-31"},
        };
        (void)state;
        check(eve, ARRAY_SIZE(eve), "1969-12-31T23:59:59Z");
        check(old, ARRAY_SIZE(old), "1900-01-01T00:00:01Z");
}

static void test_no_times(void **state)
{
        static const struct sample samples[] = {
                {"", ""},
                {"may", ""}, /* the verb */
                {"last 0 days", ""},
                {"last 2.5 days", ""},
                {"last $3 days", ""},
                {"last 99999999999 days", ""},
                {"last thing", ""},
                {"next week", ""},
                {"tomorrow", ""},
                {"monthly", ""},
                {"a month", ""},
                {"sun", ""},
                {"soon", ""},
                {"the second", ""},
                {"1990s", ""},
                {"1,999", ""},
                {"$2025", ""},
                {"2025%", ""},
                {"2025th", ""},
                {"1400", ""},
                {"2300", ""},
                {"20250", ""},
                {"-2025", ""},
                {"between 9 and 12", ""},
                {"2026-02-30", ""},
                {"2026-04-31", ""},
                {"30.02.2025", ""},
                {"02/30/2025", ""},
                {"last", ""},
                {"since", ""},
                {"between", ""},
                {"from to", ""},
        };
        (void)state;
        check(samples, ARRAY_SIZE(samples), AS_OF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last),
                cmocka_unit_test(test_calendar),
                cmocka_unit_test(test_months_and_days),
                cmocka_unit_test(test_dates),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_between),
                cmocka_unit_test(test_quarters_and_weekdays),
                cmocka_unit_test(test_leap_days),
                cmocka_unit_test(test_new_year),
                cmocka_unit_test(test_week_ends),
                cmocka_unit_test(test_before_1970),
                cmocka_unit_test(test_no_times),
        };
        return cmocka_run_group_tests_name("planner_time", tests, NULL, NULL);
}
