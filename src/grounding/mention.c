/* Which numbers a text mentions: dates first, then names with digits, then numbers. */
#include "grounding/number.h"
#include "grounding/text.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct scan {
        const struct tokens *tokens;
        size_t at;     /* the next token */
        size_t marker; /* the last list item's number */
        size_t rank;   /* the last table row's */
        struct mentions *mentions;
        struct mention before; /* the last one */
        bool any;
};

static const struct token *token_at(const struct scan *scan, size_t i)
{
        return &scan->tokens->items[i];
}

static bool has(const struct scan *scan, size_t i)
{
        return i < scan->tokens->n;
}

/* True when exactly one of the texts (a list that ends with NULL) stands between tokens i and i
 * + 1. */
static bool gap_is(const struct scan *scan, size_t i, const char *const *texts)
{
        if (!has(scan, i + 1))
                return false;
        const char *gap = scan->tokens->text + token_at(scan, i)->end;
        size_t n = token_at(scan, i + 1)->start - token_at(scan, i)->end;
        for (; *texts; texts++)
                if (strlen(*texts) == n && memcmp(gap, *texts, n) == 0)
                        return true;
        return false;
}

static const char *const spaces[] = {" ", "\xC2\xA0", "\xE2\x80\xAF", NULL};
static const char *const hyphens[] = {"-", "_", NULL};
static const char *const dashes[] = {"-", "\xE2\x80\x93", " - ", " \xE2\x80\x93 ", NULL};

/* Token i as digits alone, at most `max` of them; -1 for others. An ordinal's ending is passed
 * over. */
static int int_at(const struct scan *scan, size_t i, size_t max, bool ordinal)
{
        int value = 0;
        if (!has(scan, i))
                return -1;
        const char *text = scan->tokens->text + token_at(scan, i)->start;
        size_t n = token_at(scan, i)->end - token_at(scan, i)->start;
        if (ordinal && n > 2 &&
            (strncasecmp(text + n - 2, "st", 2) == 0 || strncasecmp(text + n - 2, "nd", 2) == 0 ||
             strncasecmp(text + n - 2, "rd", 2) == 0 || strncasecmp(text + n - 2, "th", 2) == 0))
                n -= 2;
        if (n > max)
                return -1;
        for (size_t k = 0; k < n; k++) {
                if (!isdigit((unsigned char)text[k]))
                        return -1;
                value = value * 10 + (text[k] - '0');
        }
        return value;
}

static int day_at(const struct scan *scan, size_t i)
{
        int day = int_at(scan, i, 2, true);
        return day >= 1 && day <= 31 ? day : 0;
}

static int year_at(const struct scan *scan, size_t i)
{
        int year = int_at(scan, i, 4, false);
        return year >= 1000 ? year : 0;
}

/* "may" and "march" are words too; a month has a capital. */
static int month_at(const struct scan *scan, size_t i)
{
        if (!has(scan, i) || !token_at(scan, i)->upper)
                return 0;
        const struct token *token = token_at(scan, i);
        return date_month(scan->tokens->text + token->start, token->end - token->start);
}

static int quarter_at(const struct scan *scan, size_t i)
{
        if (!has(scan, i) || token_at(scan, i)->end - token_at(scan, i)->start != 2)
                return 0;
        const char *text = scan->tokens->text + token_at(scan, i)->start;
        return text[0] == 'Q' && text[1] >= '1' && text[1] <= '4' ? text[1] - '0' : 0;
}

/* Takes a year behind token i - 1 when there is one. Returns where to go on. */
static size_t take_year(const struct scan *scan, size_t i, const char *const *gaps,
                        struct date *date)
{
        static const char *const of[] = {"of", NULL};
        if (tokens_is(scan->tokens, i, of) && gap_is(scan, i - 1, spaces))
                i++;
        int year = gap_is(scan, i - 1, gaps) ? year_at(scan, i) : 0;
        /* "On 5 January 1,200 orders": a group of three behind it makes it no year. */
        if (!year)
                return tokens_is(scan->tokens, i - 1, of) ? i - 1 : i;
        date->year = year;
        return i + 1;
}

static const char *const year_gaps[] = {" ", ", ", ",", "\xC2\xA0", NULL};

/* "31 January 2026", "31st of January", "1–31 January": the tokens taken. */
static size_t scan_day_month(const struct scan *scan, size_t i, struct date *date)
{
        static const char *const of[] = {"of", NULL};
        int day = day_at(scan, i);
        size_t at = i + 1;
        if (!day || !gap_is(scan, i, spaces))
                return 0;
        if (tokens_is(scan->tokens, at, of) && gap_is(scan, at, spaces))
                at++;
        int month = month_at(scan, at);
        if (!month)
                return 0;
        *date = (struct date){.day = day, .month = month};
        return take_year(scan, at + 1, year_gaps, date) - i;
}

/* The first day of "1–31 January" and "1 to 31 January": one token taken. */
static size_t scan_day_range(const struct scan *scan, size_t i, struct date *date)
{
        static const char *const to[] = {"to", "and", "until", "through", NULL};
        int day = day_at(scan, i);
        struct date last;
        if (!day)
                return 0;
        bool word = gap_is(scan, i, spaces) && tokens_is(scan->tokens, i + 1, to) &&
                    gap_is(scan, i + 1, spaces);
        if (!word && !gap_is(scan, i, dashes))
                return 0;
        if (scan_day_month(scan, i + (word ? 2 : 1), &last) == 0)
                return 0;
        *date = last;
        date->day = day;
        return 1;
}

/* "January 31, 2026", "January 2026". */
static size_t scan_month(const struct scan *scan, size_t i, struct date *date)
{
        int month = month_at(scan, i);
        if (!month ||
            !(gap_is(scan, i, spaces) || gap_is(scan, i, hyphens) || gap_is(scan, i, year_gaps)))
                return 0;
        *date = (struct date){.month = month};
        if (year_at(scan, i + 1)) {
                date->year = year_at(scan, i + 1);
                return 2;
        }
        if (!gap_is(scan, i, spaces) || !day_at(scan, i + 1))
                return 0;
        date->day = day_at(scan, i + 1);
        return take_year(scan, i + 2, year_gaps, date) - i;
}

/* The second day of "January 5–9, 2026": the last mention was the first. */
static size_t scan_day_after(const struct scan *scan, size_t i, struct date *date)
{
        static const char *const to[] = {"to", "and", "through", NULL};
        const struct mention *before = &scan->before;
        if (!scan->any || before->kind != MENTION_DATE || !before->date.day ||
            !before->date.month || before->date.step_s || int_at(scan, before->last, 2, true) < 0 ||
            !day_at(scan, i))
                return 0;
        bool next = before->last + 1 == i && gap_is(scan, i - 1, dashes);
        bool word = before->last + 2 == i && tokens_is(scan->tokens, i - 1, to);
        if (!next && !word)
                return 0;
        *date = before->date;
        date->day = day_at(scan, i);
        return take_year(scan, i + 1, year_gaps, date) - i;
}

/* "Q3", "Q3 2025", "2025 Q3", "2025-Q3". */
static size_t scan_quarter(const struct scan *scan, size_t i, struct date *date)
{
        static const char *const gaps[] = {" ", "-", "/", "\xC2\xA0", ", ", NULL};
        *date = (struct date){0};
        if (quarter_at(scan, i)) {
                date->quarter = quarter_at(scan, i);
                return take_year(scan, i + 1, gaps, date) - i;
        }
        if (!year_at(scan, i) || !gap_is(scan, i, gaps) || !quarter_at(scan, i + 1))
                return 0;
        date->year = year_at(scan, i);
        date->quarter = quarter_at(scan, i + 1);
        return 2;
}

/* "31.01.2026" and "01/31/2026": whichever of day and month comes first. */
static size_t scan_numeric_date(const struct scan *scan, size_t i, struct date *date,
                                struct date *other)
{
        static const char *const gaps[] = {".", "/", NULL};
        int a = int_at(scan, i, 2, false);
        int b = int_at(scan, i + 1, 2, false);
        if (!gap_is(scan, i, gaps) || !gap_is(scan, i + 1, gaps) || !year_at(scan, i + 2) ||
            a < 1 || b < 1 || a > 31 || b > 31 || (a > 12 && b > 12))
                return 0;
        *date = (struct date){.year = year_at(scan, i + 2), .day = a, .month = b};
        *other = (struct date){.year = date->year, .day = b, .month = a};
        if (b > 12)
                *date = *other;
        if (a > 12)
                *other = *date;
        return 3;
}

/* "2026-01-31 14:30", "14:30:05": by bytes, as a token may hold the T between them. */
static size_t scan_iso(const struct scan *scan, size_t i, struct date *date)
{
        const struct tokens *tokens = scan->tokens;
        size_t start = token_at(scan, i)->start;
        size_t taken = date_read(tokens->text + start, tokens->n_bytes - start, date);
        size_t end = i;
        while (has(scan, end) && token_at(scan, end)->start < start + taken)
                end++;
        return end - i;
}

/* "2 pm", "2:30 p.m." behind what was read as a time or as nothing. */
static size_t scan_half_day(const struct scan *scan, size_t i, size_t taken, struct date *date)
{
        static const char *const am[] = {"am", NULL};
        static const char *const pm[] = {"pm", NULL};
        const char *text = scan->tokens->text + token_at(scan, i)->start;
        size_t n = token_at(scan, i)->end - token_at(scan, i)->start;
        bool attached = taken == 0 && n > 2 && n < 5 &&
                        tolower((unsigned char)text[n - 1]) == 'm' && strchr("apAP", text[n - 2]) &&
                        isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[n - 3]);
        size_t at = i + (taken ? taken : 1);
        int hour = taken      ? date->time_s / 3600
                   : attached ? text[0] - '0'
                              : int_at(scan, i, 2, false);
        if (attached && n == 4)
                hour = hour * 10 + text[1] - '0';
        bool after = !attached && gap_is(scan, at - 1, spaces);
        bool morning = attached ? tolower((unsigned char)text[n - 2]) == 'a'
                                : after && tokens_is(scan->tokens, at, am);
        bool evening = attached ? !morning : after && tokens_is(scan->tokens, at, pm);
        if ((!morning && !evening) || hour < 1 || hour > 12 || (taken && !date->step_s))
                return taken;
        if (!taken)
                *date = (struct date){.step_s = 3600, .time_s = hour * 3600};
        date->time_s += evening && hour < 12 ? 12 * 3600 : 0;
        date->time_s -= morning && hour == 12 ? 12 * 3600 : 0;
        return at + (attached ? 0 : 1) - i;
}

/* A time behind a day: "31 January 2026 at 14:30". */
static size_t scan_time_after(const struct scan *scan, size_t i, struct date *date)
{
        static const char *const at[] = {"at", NULL};
        static const char *const gaps[] = {" ", ", ", NULL};
        size_t from = i;
        struct date time = {0};
        if (!date->day || date->step_s || !has(scan, i) || i == 0)
                return 0;
        if (tokens_is(scan->tokens, i, at))
                from++;
        if (!has(scan, from) || !gap_is(scan, from - 1, gaps))
                return 0;
        size_t taken = scan_iso(scan, from, &time);
        taken = time.year ? 0 : scan_half_day(scan, from, taken, &time);
        if (taken == 0)
                return 0;
        date->step_s = time.step_s;
        date->time_s = time.time_s;
        return from + taken - i;
}

static bool scan_date(struct scan *scan, size_t i, struct mention *mention)
{
        struct date date = {0};
        struct date other = {0};
        size_t taken = 0;
        bool digit = token_at(scan, i)->digit;
        if (!taken && digit)
                taken = scan_numeric_date(scan, i, &date, &other);
        if (!taken && digit)
                taken = scan_iso(scan, i, &date);
        if (digit && (!taken || date.step_s))
                taken = scan_half_day(scan, i, taken, &date);
        if (!taken && digit)
                taken = scan_day_month(scan, i, &date);
        if (!taken && digit)
                taken = scan_day_range(scan, i, &date);
        if (!taken && digit)
                taken = scan_day_after(scan, i, &date);
        if (!taken)
                taken = scan_month(scan, i, &date);
        if (!taken && digit)
                taken = scan_quarter(scan, i, &date);
        if (!taken)
                return false;
        taken += scan_time_after(scan, i + taken, &date);
        *mention = (struct mention){.kind = MENTION_DATE,
                                    .start = token_at(scan, i)->start,
                                    .end = token_at(scan, i + taken - 1)->end,
                                    .first = i,
                                    .last = i + taken - 1,
                                    .date = date,
                                    .date_other = other.year ? other : date};
        return true;
}

/* What is passed over. */

/* True when nothing but these characters stands between the line's start and token i; *ret_first is
 * the first of them. Looks no further back than the token before. */
static bool begins_line(const struct scan *scan, size_t i, const char *passed, char *ret_first)
{
        const char *text = scan->tokens->text;
        size_t before = i ? token_at(scan, i - 1)->end : 0;
        size_t at = token_at(scan, i)->start;
        for (; at > before && text[at - 1] != '\n'; at--)
                if (!text[at - 1] || !strchr(passed, text[at - 1]))
                        return false;
        *ret_first = text[at];
        return at == 0 || text[at - 1] == '\n';
}

/* "1. " or "2) " at the beginning of a line: the first, or the next after the one before. */
static bool is_list_marker(struct scan *scan, size_t i)
{
        const struct tokens *tokens = scan->tokens;
        char first;
        size_t end = token_at(scan, i)->end;
        int value = int_at(scan, i, 3, false);
        if (value < 1 || end + 2 >= tokens->n_bytes || !strchr(".)", tokens->text[end]) ||
            !strchr(" *", tokens->text[end + 1]) || !begins_line(scan, i, " \t>*-#", &first))
                return false;
        if (value != 1 && (size_t)value != scan->marker + 1)
                return false;
        scan->marker = (size_t)value;
        return true;
}

/* The first cell of a table's row, when it counts the rows: 1, then 2, and so on. */
static bool is_table_rank(struct scan *scan, size_t i)
{
        const struct tokens *tokens = scan->tokens;
        int value = int_at(scan, i, 4, false);
        size_t end = token_at(scan, i)->end;
        char first;
        if (value < 1 || !begins_line(scan, i, "| \t*", &first) || first != '|')
                return false;
        while (end < tokens->n_bytes && strchr(" \t*", tokens->text[end]))
                end++;
        if (end >= tokens->n_bytes || tokens->text[end] != '|')
                return false;
        if (value != 1 && (size_t)value != scan->rank + 1)
                return false;
        scan->rank = (size_t)value;
        return true;
}

static bool is_ordinal(const struct scan *scan, size_t i)
{
        return int_at(scan, i, 9, false) < 0 && int_at(scan, i, 9, true) >= 0;
}

/* Names. */

/* Where the word of hyphens that token i is in begins: "Factory-Floor-2" at Factory. */
static size_t word_start(const struct scan *scan, size_t i)
{
        size_t first = scan->any ? scan->before.last + 1 : 0;
        while (i > first && gap_is(scan, i - 1, hyphens))
                i--;
        return i;
}

static bool scan_name(struct scan *scan, size_t i, struct mention *mention)
{
        const struct tokens *tokens = scan->tokens;
        size_t first = word_start(scan, i);
        size_t last = i;
        if (isdigit((unsigned char)tokens->text[token_at(scan, first)->start]) ||
            !token_at(scan, first)->letter)
                return false;
        while (gap_is(scan, last, hyphens))
                last++;
        *mention = (struct mention){.kind = MENTION_NAME,
                                    .start = token_at(scan, first)->start,
                                    .end = token_at(scan, last)->end,
                                    .first = first,
                                    .last = last};
        /* "top-10", "mid-2025": a name of a table perhaps, or else that number. */
        if (first + 1 == i && last == i && !token_at(scan, i)->letter &&
            !token_at(scan, first)->upper) {
                struct number number;
                number_read(tokens->text, token_at(scan, i)->end, token_at(scan, i)->start,
                            &number);
                mention->readable = number.readable;
                mention->value = number.value;
                mention->year = year_at(scan, i) > 0;
        }
        return true;
}

/* Numbers: what stands before and behind them. */

static bool ends_with(const struct scan *scan, size_t end, const char *what)
{
        size_t n = strlen(what);
        return end >= n && memcmp(scan->tokens->text + end - n, what, n) == 0;
}

static bool starts_with(const struct scan *scan, size_t at, const char *what)
{
        size_t n = strlen(what);
        return at + n <= scan->tokens->n_bytes && memcmp(scan->tokens->text + at, what, n) == 0;
}

static size_t sign_before(const struct scan *scan, size_t start, size_t least)
{
        size_t n = ends_with(scan, start, "-") ? 1 : ends_with(scan, start, "\xE2\x88\x92") ? 3 : 0;
        size_t at = start - n;
        /* Between digits it is a range, behind a word a hyphen. */
        return n && at >= least &&
                               (at == 0 ||
                                strchr(" \t\n([{|:,;=~>*\"'", scan->tokens->text[at - 1]) ||
                                ends_with(scan, at, "\xC2\xA0"))
                       ? n
                       : 0;
}

static size_t currency_before(const struct scan *scan, size_t start)
{
        static const char *const signs[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5",
                                            "\xE2\x82\xB9"};
        size_t space = ends_with(scan, start, " ") ? 1 : 0;
        for (size_t k = 0; k < ARRAY_SIZE(signs); k++)
                if (ends_with(scan, start - space, signs[k]))
                        return strlen(signs[k]) + space;
        return 0;
}

static void negate(struct mention *mention)
{
        mention->value.units = -mention->value.units;
        mention->other.units = -mention->other.units;
}

/* Sign and currency in either order, "#", "~". */
static void look_before(const struct scan *scan, struct mention *mention)
{
        size_t least = mention->first ? token_at(scan, mention->first - 1)->end : 0;
        size_t sign = sign_before(scan, mention->start, least);
        /* $-5 */
        if (!sign && ends_with(scan, mention->start, "-") &&
            currency_before(scan, mention->start - 1))
                sign = 1;
        size_t currency = currency_before(scan, mention->start - sign);
        mention->start -= sign + currency;
        mention->currency = currency > 0;
        if (!sign && currency) {
                sign = sign_before(scan, mention->start, least);
                mention->start -= sign;
        }
        if (sign)
                negate(mention);
        mention->rank = ends_with(scan, mention->start, "#");
        if (ends_with(scan, mention->start, "~") ||
            ends_with(scan, mention->start, "\xE2\x89\x88") ||
            ends_with(scan, mention->start, "~ ") ||
            ends_with(scan, mention->start, "\xE2\x89\x88 "))
                mention->hedge = HEDGE_ABOUT;
}

/* The words before it: "about", "more than", "nearly". */
static enum mention_hedge hedge_before(const struct scan *scan, size_t first)
{
        static const char *const about[] = {"about",  "around",  "approximately",
                                            "approx", "roughly", "some",
                                            "circa",  "ca",      NULL};
        static const char *const over[] = {"over", "above", "exceeding", "exceeds", "exceed", NULL};
        static const char *const under[] = {"nearly", "almost", "under", "below", NULL};
        static const char *const than[] = {"than", NULL};
        static const char *const least[] = {"least", NULL};
        static const char *const most[] = {"most", NULL};
        static const char *const to[] = {"to", NULL};
        static const char *const more[] = {"more", "greater", "higher", "larger", "longer", NULL};
        static const char *const less[] = {"less", "fewer", "lower", "smaller", "shorter", NULL};
        const struct tokens *tokens = scan->tokens;
        if (first == 0 || token_at(scan, first - 1)->sentence != token_at(scan, first)->sentence)
                return HEDGE_NONE;
        size_t i = first - 1;
        bool two = i > 0;
        if (tokens_is(tokens, i, about) ||
            (two && tokens_is(tokens, i, to) &&
             tokens_is(tokens, i - 1, (const char *const[]){"close", "near", NULL})))
                return HEDGE_ABOUT;
        if (tokens_is(tokens, i, over) ||
            (two && tokens_is(tokens, i, than) && tokens_is(tokens, i - 1, more)) ||
            (two && tokens_is(tokens, i, least) &&
             tokens_is(tokens, i - 1, (const char *const[]){"at", NULL})))
                return HEDGE_OVER;
        if (tokens_is(tokens, i, under) ||
            (two && tokens_is(tokens, i, than) && tokens_is(tokens, i - 1, less)) ||
            (two && tokens_is(tokens, i, most) &&
             tokens_is(tokens, i - 1, (const char *const[]){"at", NULL})) ||
            (two && tokens_is(tokens, i, to) &&
             tokens_is(tokens, i - 1, (const char *const[]){"up", NULL})))
                return HEDGE_UNDER;
        return HEDGE_NONE;
}

static void scale(struct mention *mention, int places)
{
        mention->value.exponent += places;
        mention->other.exponent += places;
}

/* What is attached: "5K", "1.2M", "€3m", "3x". */
static void take_suffix(const struct scan *scan, struct mention *mention)
{
        static const struct {
                const char *text;
                int places;
                bool money; /* only of money: 5m is rather five metres */
        } known[] = {{"k", 3, false},  {"K", 3, false},  {"M", 6, false},  {"B", 9, false},
                     {"T", 12, true},  {"bn", 9, false}, {"Bn", 9, false}, {"mn", 6, false},
                     {"Mn", 6, false}, {"m", 6, true},   {"b", 9, true},   {"MM", 6, true}};
        const char *text = scan->tokens->text + mention->end;
        size_t n = token_at(scan, mention->last)->end - mention->end;
        for (size_t k = 0; n > 0 && k < ARRAY_SIZE(known); k++) {
                if (strlen(known[k].text) != n || memcmp(text, known[k].text, n) != 0 ||
                    (known[k].money && !mention->currency))
                        continue;
                scale(mention, known[k].places);
                mention->end += n;
                return;
        }
        if (n == 1 && (*text == 'x' || *text == 'X')) {
                mention->times = true;
                mention->end += n;
        }
}

/* Where the next thing begins, behind one space or hyphen or none. */
static size_t behind(const struct scan *scan, const struct mention *mention)
{
        size_t at = mention->end;
        for (size_t k = 0; k < ARRAY_SIZE(spaces) - 1; k++)
                if (starts_with(scan, at, spaces[k]))
                        return at + strlen(spaces[k]);
        return starts_with(scan, at, "-") ? at + 1 : at;
}

/* Token `last + 1`, when it stands there. */
static bool next_is(const struct scan *scan, const struct mention *mention,
                    const char *const *words)
{
        return has(scan, mention->last + 1) &&
               token_at(scan, mention->last + 1)->start == behind(scan, mention) &&
               tokens_is(scan->tokens, mention->last + 1, words);
}

static void take_token(const struct scan *scan, struct mention *mention)
{
        mention->last++;
        mention->end = token_at(scan, mention->last)->end;
}

static void take_percent(const struct scan *scan, struct mention *mention)
{
        static const char *const percent[] = {"percent", "pct", NULL};
        static const char *const per[] = {"per", NULL};
        static const char *const cent[] = {"cent", NULL};
        static const char *const percentage[] = {"percentage", NULL};
        static const char *const points[] = {"points", "point", "pp", "pps", NULL};
        if (starts_with(scan, behind(scan, mention), "%")) {
                mention->end = behind(scan, mention) + 1;
                mention->percent = true;
        } else if (next_is(scan, mention, percent)) {
                take_token(scan, mention);
                mention->percent = true;
        } else if (next_is(scan, mention, per) &&
                   tokens_is(scan->tokens, mention->last + 2, cent)) {
                take_token(scan, mention);
                take_token(scan, mention);
                mention->percent = true;
        } else if (next_is(scan, mention, percentage) &&
                   tokens_is(scan->tokens, mention->last + 2, points)) {
                take_token(scan, mention);
                mention->percent = true;
        }
        if (next_is(scan, mention, points)) {
                take_token(scan, mention);
                mention->points = true;
                mention->percent = true;
        }
}

static void look_behind(const struct scan *scan, struct mention *mention)
{
        static const char *const times[] = {"times", "fold", "x", NULL};
        static const char *const money[] = {"dollars", "dollar", "usd", "euros", "euro",
                                            "eur",     "pounds", "gbp", NULL};
        if (mention->end == token_at(scan, mention->last)->end && has(scan, mention->last + 1)) {
                int places = number_magnitude(scan->tokens, mention->last + 1);
                if (places && token_at(scan, mention->last + 1)->start == behind(scan, mention)) {
                        scale(mention, places);
                        take_token(scan, mention);
                }
        }
        take_percent(scan, mention);
        mention->times |= next_is(scan, mention, times) ||
                          starts_with(scan, behind(scan, mention), "\xC3\x97");
        if (next_is(scan, mention, money) ||
            starts_with(scan, behind(scan, mention), "\xE2\x82\xAC")) {
                mention->currency = true;
        }
        if (starts_with(scan, mention->end, "+"))
                mention->hedge = HEDGE_OVER;
}

static void scan_number(struct scan *scan, size_t i, struct mention *mention)
{
        struct number number;
        number_read(scan->tokens->text, scan->tokens->n_bytes, token_at(scan, i)->start, &number);
        *mention = (struct mention){.kind = MENTION_NUMBER,
                                    .start = token_at(scan, i)->start,
                                    .end = number.end,
                                    .first = i,
                                    .last = i,
                                    .readable = number.readable,
                                    .value = number.value,
                                    .other = number.other,
                                    .has_other = number.has_other};
        while (has(scan, mention->last + 1) &&
               token_at(scan, mention->last + 1)->start < number.end)
                mention->last++;
        look_before(scan, mention);
        take_suffix(scan, mention);
        look_behind(scan, mention);
        mention->plain = number.plain && number.end - token_at(scan, i)->start >= 4;
        mention->year =
                number.plain && year_at(scan, i) && mention->last == i && !mention->currency;
}

/* "one in ten", "one reading in ten", "nine out of ten": how often, roughly. */
static bool is_part(const struct scan *scan, size_t i, size_t end)
{
        static const char *const in[] = {"in", NULL};
        static const char *const of[] = {"in", "of", NULL};
        static const char *const out[] = {"out", NULL};
        static const char *const few[] = {"one",   "two",   "three", "four", "five",  "six",
                                          "seven", "eight", "nine",  "out",  "every", NULL};
        static const char *const one[] = {"one", "every", NULL};
        struct decimal value;
        bool behind = i > 1 && tokens_is(scan->tokens, i - 1, of) && gap_is(scan, i - 1, spaces) &&
                      (tokens_is(scan->tokens, i - 2, few) ||
                       (i > 2 && tokens_is(scan->tokens, i - 3, one)));
        size_t next = tokens_is(scan->tokens, end, in)    ? end + 1
                      : tokens_is(scan->tokens, end, out) ? end + 2
                                                          : 0;
        return behind || (next && next < scan->tokens->n &&
                          number_read_words(scan->tokens, next, &value) > 0);
}

static bool scan_words(struct scan *scan, size_t i, struct mention *mention)
{
        struct decimal value;
        size_t taken = number_read_words(scan->tokens, i, &value);
        if (taken == 0 || is_part(scan, i, i + taken))
                return false;
        *mention = (struct mention){.kind = MENTION_NUMBER,
                                    .start = token_at(scan, i)->start,
                                    .end = token_at(scan, i + taken - 1)->end,
                                    .first = i,
                                    .last = i + taken - 1,
                                    .readable = true,
                                    .value = value,
                                    .spelled = true};
        take_percent(scan, mention);
        static const char *const times[] = {"times", "fold", NULL};
        mention->times = next_is(scan, mention, times);
        return true;
}

static void add(struct scan *scan, struct mention *mention)
{
        if (mention->kind == MENTION_NUMBER && mention->hedge == HEDGE_NONE)
                mention->hedge = hedge_before(scan, mention->first);
        scan->mentions->items[scan->mentions->n++] = *mention;
        scan->before = *mention;
        scan->any = true;
        scan->at = mention->last + 1;
}

/* What there is no room for is not read, only counted, word by word. */
static size_t count_rest(const struct tokens *tokens, size_t from)
{
        struct decimal value;
        size_t n = 0;
        for (size_t i = from; i < tokens->n; i++)
                n += tokens->items[i].digit || number_read_words(tokens, i, &value) > 0;
        return n;
}

int mentions_find(const struct tokens *tokens, size_t max, struct arena *arena,
                  struct mentions *ret, struct error *err)
{
        struct mentions mentions = {.items = arena_array(arena, max, sizeof(*mentions.items))};
        struct scan scan = {.tokens = tokens, .mentions = &mentions};
        if (!mentions.items)
                return error_oom(err);
        while (scan.at < tokens->n && mentions.n < max) {
                struct mention mention;
                size_t i = scan.at++;
                bool digit = tokens->items[i].digit;
                if (digit && (is_list_marker(&scan, i) || is_table_rank(&scan, i)))
                        continue;
                if (scan_date(&scan, i, &mention)) {
                        add(&scan, &mention);
                } else if (digit && is_ordinal(&scan, i)) {
                        continue;
                } else if (digit) {
                        if (!scan_name(&scan, i, &mention))
                                scan_number(&scan, i, &mention);
                        add(&scan, &mention);
                } else if (scan_words(&scan, i, &mention)) {
                        add(&scan, &mention);
                }
        }
        mentions.n_more = count_rest(tokens, scan.at);
        *ret = mentions;
        return 0;
}
