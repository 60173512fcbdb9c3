/* How a question is cut into tokens. */
#include "planner/words.h"

#include "base/cleanup.h"
#include "planner/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define QUOTED_BYTES_MAX 512 /* of a folded text in quotes; the rest is cut off */
#define THOUSAND 1000        /* 5k */
#define MILLION 1000000      /* $5m */

/* A question while it is cut. */
struct cutter {
        struct stemmer *stemmer;
        struct arena *arena;
        const char *start, *at, *end;
        struct token *tokens;
        struct token *last;
        struct token beyond; /* the one too many; nobody reads it */
        size_t n;
        bool no_memory;
};

/* The text, or "" when there is no memory for it. */
static const char *checked(struct cutter *cutter, const char *text)
{
        if (text)
                return text;
        cutter->no_memory = true;
        return "";
}

static struct token *add(struct cutter *cutter, enum token_kind kind, const char *from,
                         const char *to)
{
        struct token *token = cutter->n < TOKENS_MAX ? &cutter->tokens[cutter->n] : &cutter->beyond;
        cutter->n++;
        cutter->last = token;
        token->kind = kind;
        token->said = checked(cutter, arena_strndup(cutter->arena, from, (size_t)(to - from)));
        token->text = token->said;
        token->stem = token->said;
        return token;
}

static void set_text(struct cutter *cutter, struct token *token, const char *text)
{
        token->text = checked(cutter, text);
        token->stem = token->text;
}

static void add_sign(struct cutter *cutter, const char *sign, size_t bytes)
{
        struct token *token = add(cutter, TOKEN_SIGN, cutter->at, cutter->at + bytes);
        token->text = sign;
        token->stem = sign;
        cutter->at += bytes;
}

static bool ends_word(const struct cutter *cutter, const char *at)
{
        return at >= cutter->end || !is_word_char(*at);
}

/* The number that n digits make, or -1. */
static int digits_at(const char *at, const char *end, int n)
{
        int value = 0;
        for (int i = 0; i < n; i++) {
                if (at + i >= end || !is_digit(at[i]))
                        return -1;
                value = value * 10 + (at[i] - '0');
        }
        return value;
}

static void add_date(struct cutter *cutter, size_t bytes, int year, int month, int day)
{
        struct token *token = add(cutter, TOKEN_DATE, cutter->at, cutter->at + bytes);
        token->year = year;
        token->month = month;
        token->day = day;
        cutter->at += bytes;
}

/* 2026-01-31, 2026/01/31, 2026-01. */
static bool cut_date_year_first(struct cutter *cutter)
{
        static const size_t month_bytes = sizeof("2026-01") - 1;
        static const size_t day_bytes = sizeof("2026-01-31") - 1;
        const char *at = cutter->at;
        const char *end = cutter->end;
        char sign = at[4];
        int year = digits_at(at, end, 4);
        int month = digits_at(at + 5, end, 2);
        int day = end - at > 7 && at[7] == sign ? digits_at(at + 8, end, 2) : 0;
        size_t n = day > 0 ? day_bytes : month_bytes;
        if (month < 1 || month > 12 || day < 0 || day > 31 || (day == 0 && sign == '/') ||
            !ends_word(cutter, at + n))
                return false;
        add_date(cutter, n, year, month, day);
        return true;
}

/* 31.01.2026; 01/31/2026. */
static bool cut_date_year_last(struct cutter *cutter)
{
        static const size_t bytes = sizeof("31.01.2026") - 1;
        const char *at = cutter->at;
        const char *end = cutter->end;
        int first = digits_at(at, end, 2);
        int second = digits_at(at + 3, end, 2);
        int year = digits_at(at + 6, end, 4);
        int month = at[2] == '/' ? first : second;
        int day = at[2] == '/' ? second : first;
        if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
                return false;
        add_date(cutter, bytes, year, month, day);
        return true;
}

static bool cut_date(struct cutter *cutter)
{
        const char *at = cutter->at;
        long left = cutter->end - at;
        if (left > 4 && (at[4] == '-' || at[4] == '/') && digits_at(at, cutter->end, 4) > 0)
                return cut_date_year_first(cutter);
        if (left >= 10 && (at[2] == '.' || at[2] == '/') && at[5] == at[2] &&
            digits_at(at, cutter->end, 2) > 0)
                return cut_date_year_last(cutter);
        return false;
}

/* The length of the number at text: digits, with groups ("1,000") and a fraction ("2.5"). */
static size_t number_length(const char *text, const char *end)
{
        const char *at = text;
        while (at < end && is_digit(*at))
                at++;
        while (end - at >= 4 && *at == ',' && is_digit(at[1]) && is_digit(at[2]) &&
               is_digit(at[3]) && (end - at == 4 || !is_digit(at[4])))
                at += 4;
        if (end - at >= 2 && *at == '.' && is_digit(at[1]))
                for (at++; at < end && is_digit(*at);)
                        at++;
        return (size_t)(at - text);
}

/* The digits without their groups. */
static const char *plain_digits(struct cutter *cutter, const char *from, size_t n, double times)
{
        char text[WORD_BYTES_MAX];
        size_t used = 0;
        for (size_t i = 0; i < n && used + 1 < sizeof(text); i++)
                if (from[i] != ',')
                        text[used++] = from[i];
        text[used] = '\0';
        if (times > 1)
                (void)snprintf(text, sizeof(text), "%.15g", strtod(text, NULL) * times);
        return arena_strdup(cutter->arena, text);
}

/* How often the letter behind a number says to take it: 1 without one. */
static double times_at(const struct cutter *cutter, const char *at, bool money)
{
        if (at >= cutter->end || !ends_word(cutter, at + 1))
                return 1;
        if (lower(*at) == 'k')
                return THOUSAND;
        return lower(*at) == 'm' && money ? MILLION : 1;
}

/* 1st, 10th. */
static bool is_ordinal(const struct cutter *cutter, const char *at)
{
        return cutter->end - at >= 2 && ends_word(cutter, at + 2) &&
               (strncasecmp(at, "st", 2) == 0 || strncasecmp(at, "nd", 2) == 0 ||
                strncasecmp(at, "rd", 2) == 0 || strncasecmp(at, "th", 2) == 0);
}

/* False when it is not a number but a word that begins with digits ("3rd" is one, "4x4" is not). */
static bool cut_number(struct cutter *cutter, bool money)
{
        const char *from = cutter->at;
        size_t n = number_length(from, cutter->end);
        const char *end = from + n;
        double times = times_at(cutter, end, money);
        bool ordinal = times == 1 && is_ordinal(cutter, end);
        if (times > 1)
                end++;
        else if (ordinal)
                end += 2;
        else if (!ends_word(cutter, end))
                return false;
        struct token *token = add(cutter, TOKEN_NUMBER, from, end);
        set_text(cutter, token, plain_digits(cutter, from, n, times));
        token->number = strtod(token->text, NULL);
        token->money = money;
        token->ordinal = ordinal;
        token->percent = end < cutter->end && *end == '%';
        cutter->at = token->percent ? end + 1 : end;
        return true;
}

/* "-10" behind a blank; the sign has that many bytes. */
static bool cut_negative(struct cutter *cutter, size_t bytes)
{
        const char *from = cutter->at;
        cutter->at += bytes;
        if (!cut_number(cutter, false)) {
                cutter->at = from;
                return false;
        }
        struct token *token = cutter->last;
        set_text(cutter, token, arena_printf(cutter->arena, "-%s", token->text));
        token->number = -token->number;
        return true;
}

/* A word while it is spelled out. */
struct spelling {
        char text[WORD_BYTES_MAX];
        size_t n;
        const char *at;
        bool possessive;
};

/* The word goes on behind an apostrophe ("don't"); false when it ends there, before or behind
 * its "'s". */
static bool pass_apostrophe(const struct cutter *cutter, struct spelling *word, size_t bytes)
{
        const char *next = word->at + bytes;
        if (next >= cutter->end || !is_letter(*next))
                return false;
        word->possessive = lower(*next) == 's' && ends_word(cutter, next + 1);
        word->at = word->possessive ? next + 1 : next;
        return !word->possessive;
}

static void spell(const struct cutter *cutter, struct spelling *word)
{
        while (word->at < cutter->end) {
                char sign = plain_sign(word->at, cutter->end);
                if (sign == '\'' || *word->at == '\'') {
                        if (!pass_apostrophe(cutter, word, sign ? PLAIN_SIGN_BYTES : 1))
                                return;
                        continue;
                }
                if (sign ||
                    !(is_word_char(*word->at) || is_word_sign(cutter->at, word->at, cutter->end)))
                        return;
                if (word->n + 1 < sizeof(word->text))
                        word->text[word->n++] = lower(*word->at);
                word->at++;
        }
}

/* "SLAs" */
static bool is_plural_of_capitals(const char *from, const char *to)
{
        return to - from >= 3 && to[-1] == 's' && is_capital(from[0]) && is_capital(to[-2]);
}

static void cut_word(struct cutter *cutter)
{
        const char *from = cutter->at;
        struct spelling word = {.at = from};
        spell(cutter, &word);
        if (word.at - from == (long)word.n && is_plural_of_capitals(from, word.at))
                word.n--;
        word.text[word.n] = '\0';
        lower_latin(word.text, word.n);
        struct token *token = add(cutter, TOKEN_WORD, from, word.at);
        token->capital = is_capital(*from) && cutter->n > 1;
        token->possessive = word.possessive;
        set_text(cutter, token, arena_strdup(cutter->arena, word.text));
        token->stem = checked(cutter, stem_of(cutter->stemmer, token->text));
        cutter->at = word.at;
}

static void add_quoted(struct cutter *cutter, const char *from, const char *to)
{
        char folded[QUOTED_BYTES_MAX];
        struct token *token = add(cutter, TOKEN_QUOTED, from, to);
        (void)fold_text(token->said, folded, sizeof(folded));
        set_text(cutter, token, arena_strdup(cutter->arena, folded));
}

/* A text in quotes of that many bytes; false when the quote does not end, or is an apostrophe. */
static bool cut_quoted(struct cutter *cutter, char quote, size_t bytes)
{
        const char *from = cutter->at + bytes;
        for (const char *at = from; at < cutter->end; at++) {
                char sign = plain_sign(at, cutter->end);
                if ((sign ? sign : *at) != quote)
                        continue;
                const char *after = at + (sign ? PLAIN_SIGN_BYTES : 1);
                if (quote == '\'' && !ends_word(cutter, after))
                        continue;
                if (at == from)
                        return false;
                add_quoted(cutter, from, at);
                cutter->at = after;
                return true;
        }
        return false;
}

static bool cut_comparison(struct cutter *cutter)
{
        static const struct {
                const char *sign, *meant;
        } comparisons[] = {
                {"<=", "<="}, {">=", ">="}, {"!=", "!="}, {"<>", "!="},
                {"==", "="},  {"<", "<"},   {">", ">"},   {"=", "="},
        };
        for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
                size_t n = strlen(comparisons[i].sign);
                if ((size_t)(cutter->end - cutter->at) >= n &&
                    memcmp(cutter->at, comparisons[i].sign, n) == 0) {
                        add_sign(cutter, comparisons[i].meant, n);
                        return true;
                }
        }
        return false;
}

/* A text in quotes, or a number with a sign before it; c is the sign, of that many bytes. */
static bool cut_signed(struct cutter *cutter, char c, size_t bytes)
{
        const char *next = cutter->at + bytes;
        bool first = cutter->at == cutter->start;
        char before = first ? ' ' : cutter->at[-1];
        bool digit_next = next < cutter->end && is_digit(*next);
        if (c == '"' || (c == '\'' && !is_word_char(before)))
                return cut_quoted(cutter, c, bytes);
        if (c == '-' && digit_next && (before == ' ' || before == '('))
                return cut_negative(cutter, bytes);
        if (c != '$' || !digit_next)
                return false;
        cutter->at++;
        return cut_number(cutter, true);
}

/* Blanks, and what no question needs, are passed over. */
static void cut_sign(struct cutter *cutter, char c, size_t bytes)
{
        static const char *const signs[] = {",", ";", ":", "?", "!", "(", ")",
                                            "-", "+", "%", "/", ".", "*"};
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (c == *signs[i]) {
                        add_sign(cutter, signs[i], bytes);
                        return;
                }
        cutter->at += bytes;
}

static void cut_next(struct cutter *cutter)
{
        char sign = plain_sign(cutter->at, cutter->end);
        size_t bytes = sign ? PLAIN_SIGN_BYTES : 1;
        if (cut_signed(cutter, sign ? sign : *cutter->at, bytes))
                return;
        char c = sign ? sign : *cutter->at;
        if (!sign && is_digit(c) && (cut_date(cutter) || cut_number(cutter, false)))
                return;
        if (!sign && is_word_char(c)) {
                cut_word(cutter);
        } else if (c == '&') {
                add_sign(cutter, "and", 1);
                cutter->last->kind = TOKEN_WORD;
        } else if (sign || !cut_comparison(cutter)) {
                cut_sign(cutter, c, bytes);
        }
}

struct token *tokens_of(struct stemmer *stemmer, const char *text, size_t bytes, size_t *n)
{
        struct cutter cutter = {.stemmer = stemmer,
                                .arena = stemmer_arena(stemmer),
                                .start = text,
                                .at = text,
                                .end = text + bytes};
        cutter.tokens = arena_array(cutter.arena, TOKENS_MAX, sizeof(*cutter.tokens));
        if (!cutter.tokens)
                return NULL;
        while (cutter.at < cutter.end && cutter.n <= TOKENS_MAX)
                cut_next(&cutter);
        *n = cutter.n;
        return cutter.no_memory ? NULL : cutter.tokens;
}
