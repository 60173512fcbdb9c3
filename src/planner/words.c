#include "planner/words.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <libstemmer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stemmer {
        struct sb_stemmer *snowball;
        struct arena *arena;
};

/* What headers shorten, and plurals that no rule of stems gives. */
static const char *const written_out[][2] = {
        {"acct", "account"},   {"addr", "address"},      {"amt", "amount"},
        {"avg", "average"},    {"bought", "buy"},        {"children", "child"},
        {"ctry", "country"},   {"cust", "customer"},     {"cyl", "cylinder"},
        {"dept", "department"}, {"depts", "department"}, {"emp", "employee"},
        {"exp", "experience"}, {"hr", "hour"},           {"hrs", "hour"},
        {"lang", "language"},  {"loc", "location"},      {"max", "maximum"},
        {"men", "man"},        {"mgr", "manager"},       {"min", "minimum"},
        {"mins", "minute"},    {"nr", "number"},         {"num", "number"},
        {"paid", "pay"},       {"pct", "percent"},       {"people", "person"},
        {"perc", "percent"},   {"persons", "person"},    {"pop", "population"},
        {"prod", "product"},   {"qtr", "quarter"},       {"qty", "quantity"},
        {"rev", "revenue"},    {"sal", "salary"},        {"secs", "second"},
        {"sold", "sell"},      {"spent", "spend"},       {"temp", "temperature"},
        {"temps", "temperature"}, {"women", "woman"},    {"wt", "weight"},
        {"yr", "year"},        {"yrs", "year"},          {"won", "win"},
        {"built", "build"},    {"lent", "lend"},         {"held", "hold"},
        {"dir", "direction"}, {"dr", "doctor"}, {"mkt", "market"}, {"nbr", "number"}, {"hp", "horsepower"},  {"sqft", "squarefeet"},   {"born", "birth"},
        {"died", "death"},     {"grew", "grow"},         {"left", "leave"},
};

struct stemmer *stemmer_new(struct arena *arena)
{
        struct stemmer *stemmer = calloc(1, sizeof(*stemmer));
        if (!stemmer)
                return NULL;
        stemmer->arena = arena;
        stemmer->snowball = sb_stemmer_new("english", NULL);
        if (!stemmer->snowball) {
                free(stemmer);
                return NULL;
        }
        return stemmer;
}

void stemmer_free(struct stemmer *stemmer)
{
        if (!stemmer)
                return;
        sb_stemmer_delete(stemmer->snowball);
        free(stemmer);
}

const char *stem_of(struct stemmer *stemmer, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(written_out); i++)
                if (strcmp(word, written_out[i][0]) == 0)
                        word = written_out[i][1];
        const sb_symbol *stem = sb_stemmer_stem(stemmer->snowball, (const sb_symbol *)word,
                                                (int)strlen(word));
        if (!stem)
                return NULL;
        size_t n = (size_t)sb_stemmer_length(stemmer->snowball);
        return arena_strndup(stemmer->arena, (const char *)stem, n);
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static bool is_word_char(char c)
{
        return is_letter(c) || is_digit(c);
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Latin-1's capitals, two bytes in UTF-8, C3 80 to C3 9E but the sign C3 97. */
static void lower_latin(char *text, size_t n)
{
        for (size_t i = 0; i + 1 < n; i++)
                if (text[i] == (char)0xc3 && (unsigned char)text[i + 1] >= 0x80 &&
                    (unsigned char)text[i + 1] <= 0x9e && (unsigned char)text[i + 1] != 0x97)
                        text[i + 1] = (char)(text[i + 1] + 0x20);
}

/* U+2018 and U+2019 are written as apostrophes, U+201C and U+201D as quotes, U+2013 and U+2014 as
 * hyphens; their three bytes begin with E2 80. Gives the ASCII sign, or 0. */
static char plain_sign(const char *at, const char *end)
{
        if (end - at < 3 || at[0] != (char)0xe2 || at[1] != (char)0x80)
                return 0;
        switch ((unsigned char)at[2]) {
        case 0x98:
        case 0x99:
                return '\'';
        case 0x9c:
        case 0x9d:
                return '"';
        case 0x93:
        case 0x94:
                return '-';
        default:
                return 0;
        }
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

/* "C#", "C++", "B+": a sign that ends a word and belongs to it. */
static bool is_word_sign(const char *start, const char *at, const char *end)
{
        if (at == start || (*at != '#' && *at != '+'))
                return false;
        char before = at[-1];
        const char *next = at + 1;
        while (next < end && *next == *at)
                next++;
        return (is_letter(before) || before == *at) && (next >= end || !is_word_char(*next));
}

/* How many bytes at `at` stand for themselves in a folded word: letters, digits, a point between
 * digits; nothing else. */
static size_t folded_char(const char *start, const char *at, const char *end)
{
        if (plain_sign(at, end))
                return 0;
        if (is_word_char(*at) || is_word_sign(start, at, end))
                return 1;
        if (*at == '.' && at > start && is_digit(at[-1]) && at + 1 < end && is_digit(at[1]))
                return 1;
        return 0;
}

size_t fold_text(const char *text, char *out, size_t size)
{
        const char *end = text + strlen(text);
        size_t n = 0;
        bool gap = false;
        for (const char *at = text; at < end && n + 6 < size; at++) {
                if (*at == '\'' && at > text && is_letter(at[-1]))
                        continue; /* O'Brien */
                if (*at == ',' && at > text && is_digit(at[-1]) && end - at >= 4 &&
                    is_digit(at[1]) && is_digit(at[2]) && is_digit(at[3]))
                        continue;
                if (*at == '&') {
                        n += (size_t)snprintf(out + n, size - n, n ? " and" : "and");
                        gap = true;
                } else if (folded_char(text, at, end)) {
                        if (gap && n > 0)
                                out[n++] = ' ';
                        gap = false;
                        out[n++] = lower(*at);
                } else {
                        if (plain_sign(at, end))
                                at += 2;
                        gap = true;
                }
        }
        out[n] = '\0';
        lower_latin(out, n);
        return n;
}

size_t name_words(struct arena *arena, const char *name, const char **words, size_t max,
                  size_t *n_unit)
{
        size_t n = 0;
        bool in_brackets = false;
        *n_unit = 0;
        for (const char *at = name; *at && n < max;) {
                if (*at == '(' || *at == '[')
                        in_brackets = true;
                if (*at == ')' || *at == ']')
                        in_brackets = false;
                if (!is_word_char(*at)) {
                        at++;
                        continue;
                }
                const char *end = at + 1;
                while (is_word_char(*end)) {
                        bool small_before = end[-1] >= 'a' && end[-1] <= 'z';
                        bool capital = *end >= 'A' && *end <= 'Z';
                        if (capital && (small_before || (end[1] >= 'a' && end[1] <= 'z' &&
                                                         end[-1] >= 'A' && end[-1] <= 'Z')))
                                break;
                        end++;
                }
                char *word = arena_strndup(arena, at, (size_t)(end - at));
                if (!word)
                        return 0;
                for (char *c = word; *c; c++)
                        *c = lower(*c);
                lower_latin(word, strlen(word));
                words[n++] = word;
                *n_unit = in_brackets ? *n_unit + 1 : 0;
                at = end;
        }
        return n;
}

/* A question while it is cut. */
struct cutter {
        struct stemmer *stemmer;
        const char *start, *at, *end;
        struct token *tokens;
        size_t n;
        bool no_memory;
};

static struct token *add(struct cutter *cutter, enum token_kind kind, const char *from,
                         const char *to)
{
        static struct token beyond; /* nobody reads it */
        if (cutter->n >= TOKENS_MAX) {
                cutter->n = TOKENS_MAX + 1;
                return &beyond;
        }
        struct token *token = &cutter->tokens[cutter->n++];
        size_t n = (size_t)(to - from);
        token->kind = kind;
        token->said = arena_strndup(cutter->stemmer->arena, from, n);
        token->text = token->said;
        token->stem = token->said;
        if (!token->said)
                cutter->no_memory = true;
        return token;
}

static void add_sign(struct cutter *cutter, const char *sign, size_t bytes)
{
        struct token *token = add(cutter, TOKEN_SIGN, cutter->at, cutter->at + bytes);
        token->text = sign;
        token->stem = sign;
        cutter->at += bytes;
}

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

static void set_date(struct token *token, int year, int month, int day)
{
        token->year = year;
        token->month = month;
        token->day = day;
}

/* 2026-01-31, 2026/01/31, 2026-01; 31.01.2026; 01/31/2026. */
static bool cut_date(struct cutter *cutter)
{
        const char *at = cutter->at;
        const char *end = cutter->end;
        int year = digits_at(at, end, 4);
        int first = digits_at(at, end, 2);
        char sign = end - at > 4 ? at[4] : 0;
        if (year > 0 && (sign == '-' || sign == '/')) {
                int month = digits_at(at + 5, end, 2);
                int day = end - at > 7 && at[7] == sign ? digits_at(at + 8, end, 2) : 0;
                size_t n = day > 0 ? 10 : 7;
                bool ends = end - at == (long)n || !is_word_char(at[n]);
                if (month < 1 || month > 12 || day > 31 || day < 0 || !ends ||
                    (day == 0 && sign == '/'))
                        return false;
                set_date(add(cutter, TOKEN_DATE, at, at + n), year, month, day);
                cutter->at += n;
                return true;
        }
        sign = end - at > 2 ? at[2] : 0;
        if (first > 0 && (sign == '.' || sign == '/') && end - at >= 10 && at[5] == sign) {
                int second = digits_at(at + 3, end, 2);
                year = digits_at(at + 6, end, 4);
                int month = sign == '/' ? first : second;
                int day = sign == '/' ? second : first;
                if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
                        return false;
                set_date(add(cutter, TOKEN_DATE, at, at + 10), year, month, day);
                cutter->at += 10;
                return true;
        }
        return false;
}

/* The digits without their groups, as JSON writes them: no zeros in front. */
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
        return arena_strdup(cutter->stemmer->arena, text);
}

static bool ends_word(const struct cutter *cutter, const char *at)
{
        return at >= cutter->end || !is_word_char(*at);
}

/* False when it is not a number but a word that begins with digits ("3rd" is one, "4x4" is not). */
static bool cut_number(struct cutter *cutter, bool money)
{
        const char *from = cutter->at;
        size_t n = number_length(from, cutter->end);
        const char *after = from + n;
        double times = 1;
        bool ordinal = false;
        if (after < cutter->end && (*after == 'k' || *after == 'K') && ends_word(cutter, after + 1))
                times = 1000;
        else if (after < cutter->end && (*after == 'm' || *after == 'M') && money &&
                 ends_word(cutter, after + 1))
                times = 1000000;
        else if (cutter->end - after >= 2 && ends_word(cutter, after + 2) &&
                 (strncasecmp(after, "st", 2) == 0 || strncasecmp(after, "nd", 2) == 0 ||
                  strncasecmp(after, "rd", 2) == 0 || strncasecmp(after, "th", 2) == 0))
                ordinal = true;
        else if (!ends_word(cutter, after))
                return false;
        const char *end = times > 1 ? after + 1 : ordinal ? after + 2 : after;
        struct token *token = add(cutter, TOKEN_NUMBER, from, end);
        token->text = plain_digits(cutter, from, n, times);
        token->stem = token->text;
        if (!token->text) {
                cutter->no_memory = true;
                return true;
        }
        token->number = strtod(token->text, NULL);
        token->money = money;
        token->ordinal = ordinal;
        if (end < cutter->end && *end == '%') {
                token->percent = true;
                end++;
        }
        cutter->at = end;
        return true;
}

/* "-10" behind a blank. */
static bool cut_negative(struct cutter *cutter, size_t bytes)
{
        const char *from = cutter->at;
        cutter->at += bytes;
        if (!cut_number(cutter, false)) {
                cutter->at = from;
                return false;
        }
        if (cutter->n > TOKENS_MAX || cutter->no_memory)
                return true;
        struct token *token = &cutter->tokens[cutter->n - 1];
        token->text = arena_printf(cutter->stemmer->arena, "-%s", token->text);
        token->stem = token->text;
        token->number = -token->number;
        if (!token->text)
                cutter->no_memory = true;
        return true;
}

static void cut_word(struct cutter *cutter)
{
        const char *from = cutter->at;
        char word[WORD_BYTES_MAX];
        size_t n = 0;
        bool possessive = false;
        const char *at = from;
        while (at < cutter->end) {
                char sign = plain_sign(at, cutter->end);
                size_t step = sign ? 3 : 1;
                if (sign == '\'' || *at == '\'') {
                        const char *next = at + step;
                        if (next >= cutter->end || !is_letter(*next))
                                break;
                        if (lower(*next) == 's' && ends_word(cutter, next + 1)) {
                                possessive = true;
                                at = next + 1;
                                break;
                        }
                        at = next;
                        continue;
                }
                if (sign || !(is_word_char(*at) || is_word_sign(from, at, cutter->end)))
                        break;
                if (n + 1 < sizeof(word))
                        word[n++] = lower(*at);
                at++;
        }
        if (n >= 3 && at - from == (long)n && at[-1] == 's' && from[0] >= 'A' && from[0] <= 'Z' &&
            at[-2] >= 'A' && at[-2] <= 'Z')
                n--; /* "SLAs" */
        word[n] = '\0';
        lower_latin(word, n);
        struct token *token = add(cutter, TOKEN_WORD, from, at);
        token->capital = *from >= 'A' && *from <= 'Z' && cutter->n > 1;
        token->possessive = possessive;
        token->text = arena_strdup(cutter->stemmer->arena, word);
        token->stem = token->text ? stem_of(cutter->stemmer, token->text) : NULL;
        if (!token->stem)
                cutter->no_memory = true;
        cutter->at = at;
}

/* A text in quotes; false when the quote does not end, or is an apostrophe. */
static bool cut_quoted(struct cutter *cutter, char quote, size_t bytes)
{
        const char *from = cutter->at + bytes;
        for (const char *at = from; at < cutter->end; at++) {
                char sign = plain_sign(at, cutter->end);
                if ((sign ? sign : *at) != quote)
                        continue;
                const char *after = at + (sign ? 3 : 1);
                if (quote == '\'' && after < cutter->end && is_word_char(*after))
                        continue;
                if (at == from)
                        return false;
                struct token *token = add(cutter, TOKEN_QUOTED, from, at);
                char folded[512];
                (void)fold_text(token->said ? token->said : "", folded, sizeof(folded));
                token->text = arena_strdup(cutter->stemmer->arena, folded);
                token->stem = token->text;
                if (!token->text)
                        cutter->no_memory = true;
                cutter->at = after;
                return true;
        }
        return false;
}

static bool cut_comparison(struct cutter *cutter)
{
        static const char *const signs[] = {"<=", ">=", "!=", "<>", "==", "<", ">", "="};
        static const char *const meant[] = {"<=", ">=", "!=", "!=", "=", "<", ">", "="};
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                size_t n = strlen(signs[i]);
                if ((size_t)(cutter->end - cutter->at) >= n &&
                    memcmp(cutter->at, signs[i], n) == 0) {
                        add_sign(cutter, meant[i], n);
                        return true;
                }
        }
        return false;
}

static void cut_next(struct cutter *cutter)
{
        static const char *const signs[] = {",", ";", ":", "?", "!", "(", ")",
                                            "-", "+", "%", "/", ".", "*"};
        char sign = plain_sign(cutter->at, cutter->end);
        char c = sign ? sign : *cutter->at;
        bool word_before = cutter->at > cutter->start && is_word_char(cutter->at[-1]);
        if ((c == '"' || (c == '\'' && !word_before)) && cut_quoted(cutter, c, sign ? 3 : 1))
                return;
        if (c == '$' && cutter->at + 1 < cutter->end && is_digit(cutter->at[1])) {
                cutter->at++;
                if (cut_number(cutter, true))
                        return;
        }
        bool apart = cutter->at == cutter->start || cutter->at[-1] == ' ' || cutter->at[-1] == '(';
        if (c == '-' && apart && cutter->at + (sign ? 3 : 1) < cutter->end &&
            is_digit(cutter->at[sign ? 3 : 1]) && cut_negative(cutter, sign ? 3 : 1))
                return;
        if (!sign && is_digit(c) && (cut_date(cutter) || cut_number(cutter, false)))
                return;
        if (!sign && is_word_char(c)) {
                cut_word(cutter);
                return;
        }
        if (!sign && cut_comparison(cutter))
                return;
        if (c == '&') {
                add_sign(cutter, "and", 1);
                cutter->tokens[cutter->n > TOKENS_MAX ? 0 : cutter->n - 1].kind = TOKEN_WORD;
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                if (c == *signs[i]) {
                        add_sign(cutter, signs[i], sign ? 3 : 1);
                        return;
                }
        cutter->at += sign ? 3 : 1; /* blanks, and what no question needs */
}

struct token *tokens_of(struct stemmer *stemmer, const char *text, size_t bytes, size_t *n)
{
        struct cutter cutter = {
                .stemmer = stemmer, .start = text, .at = text, .end = text + bytes};
        cutter.tokens = arena_array(stemmer->arena, TOKENS_MAX, sizeof(*cutter.tokens));
        if (!cutter.tokens)
                return NULL;
        while (cutter.at < cutter.end && cutter.n <= TOKENS_MAX)
                cut_next(&cutter);
        *n = cutter.n;
        return cutter.no_memory ? NULL : cutter.tokens;
}
