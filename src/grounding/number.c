#include "grounding/number.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WRITTEN_MAX 64 /* digits of a number; DECIMAL_DIGITS_MAX may have zeros before them */

/* Collects the digits as decimal_parse wants them. */
struct writing {
        const char *text;
        size_t n;
        char digits[WRITTEN_MAX];
        size_t n_digits;
        bool full;
};

static bool digit_at(const struct writing *w, size_t i)
{
        return i < w->n && isdigit((unsigned char)w->text[i]);
}

static void put(struct writing *w, char c)
{
        if (w->n_digits < sizeof(w->digits))
                w->digits[w->n_digits++] = c;
        else
                w->full = true;
}

static size_t digits_at(const struct writing *w, size_t i)
{
        size_t n = 0;
        while (digit_at(w, i + n))
                n++;
        return n;
}

static size_t take_digits(struct writing *w, size_t i)
{
        for (; digit_at(w, i); i++)
                put(w, w->text[i]);
        return i;
}

/* The bytes of the separator at i, and which it is; 0 for none. */
static size_t separator_at(const struct writing *w, size_t i, char *ret)
{
        static const struct {
                const char *text;
                char kind;
        } known[] = {{",", ','}, {".", '.'},        {"'", '\''},           {"\xE2\x80\x99", '\''},
                     {" ", ' '}, {"\xC2\xA0", 'n'}, {"\xE2\x80\xAF", 'n'}, {"\xE2\x80\x89", 'n'}};
        for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
                size_t length = strlen(known[k].text);
                if (w->n - i >= length && memcmp(w->text + i, known[k].text, length) == 0) {
                        *ret = known[k].kind;
                        return length;
                }
        }
        return 0;
}

/* How many groups of exactly three digits follow, all behind the same separator. */
static size_t count_groups(const struct writing *w, size_t i, char *ret_kind, size_t *ret_end)
{
        size_t groups = 0;
        char kind = 0;
        *ret_kind = 0;
        for (;;) {
                size_t length = i < w->n ? separator_at(w, i, &kind) : 0;
                if (length == 0 || (groups > 0 && kind != *ret_kind) ||
                    digits_at(w, i + length) != 3)
                        break;
                *ret_kind = kind;
                i += length + 3;
                groups++;
        }
        *ret_end = i;
        return groups;
}

/* A decimal comma has one or two digits behind it, and no other comma; behind a zero any. */
static bool has_decimal_comma(const struct writing *w, size_t i, bool behind_zero)
{
        if (i >= w->n || w->text[i] != ',')
                return false;
        size_t digits = digits_at(w, i + 1);
        size_t after = i + 1 + digits;
        bool again = after < w->n && w->text[after] == ',' && digit_at(w, after + 1);
        return digits > 0 && !again && (digits <= 2 || behind_zero);
}

static bool has_decimal_point(const struct writing *w, size_t i)
{
        return i < w->n && w->text[i] == '.' && digit_at(w, i + 1);
}

/* Whether those groups are groups, by what separates them. */
static bool are_groups(const struct writing *w, size_t groups, char kind, size_t end)
{
        bool comma = has_decimal_comma(w, end, false);
        if (kind == '.' || kind == ' ')
                return groups > 1 || (groups == 1 && comma);
        return groups > 0;
}

static size_t take_groups(struct writing *w, size_t i, size_t end)
{
        for (; i < end; i++)
                if (digit_at(w, i))
                        put(w, w->text[i]);
        return end;
}

static size_t take_fraction(struct writing *w, size_t i, char kind, bool behind_zero)
{
        if ((kind != '.' && has_decimal_point(w, i)) ||
            (kind != ',' && has_decimal_comma(w, i, behind_zero))) {
                put(w, '.');
                i = take_digits(w, i + 1);
        }
        return i;
}

static size_t take_exponent(struct writing *w, size_t i)
{
        if (i >= w->n || tolower((unsigned char)w->text[i]) != 'e')
                return i;
        size_t at = i + 1;
        bool sign = at < w->n && (w->text[at] == '-' || w->text[at] == '+');
        size_t end = at + sign + digits_at(w, at + sign);
        if (end == at + sign || (end < w->n && isalpha((unsigned char)w->text[end])))
                return i;
        for (; i < end; i++)
                put(w, w->text[i]);
        return end;
}

/* "½" and its kin, alone or behind an integer. */
static size_t take_vulgar(struct writing *w, size_t i)
{
        static const char *const fractions[] = {".25", ".5", ".75"};
        if (w->n - i < 2 || (unsigned char)w->text[i] != 0xC2)
                return i;
        unsigned char c = (unsigned char)w->text[i + 1];
        if (c < 0xBC || c > 0xBE)
                return i;
        for (const char *p = fractions[c - 0xBC]; *p; p++)
                put(w, *p);
        return i + 2;
}

/* 1.234 as 1234. */
static void read_other(const struct writing *w, size_t start, size_t end, struct number *ret)
{
        struct writing other = {.text = w->text, .n = end};
        (void)take_groups(&other, start, end);
        ret->has_other = decimal_parse(other.digits, other.n_digits, &ret->other);
}

void number_read(const char *text, size_t n, size_t start, struct number *ret)
{
        struct writing w = {.text = text, .n = n};
        struct number number = {0};
        size_t first = digits_at(&w, start);
        size_t i = start + first;
        size_t end = i;
        char kind = 0;
        bool may_group = first > 0 && first <= 3 && text[start] != '0';
        size_t groups = may_group ? count_groups(&w, i, &kind, &end) : 0;
        bool grouped = are_groups(&w, groups, kind, end);
        (void)take_digits(&w, start);
        if (grouped)
                i = take_fraction(&w, take_groups(&w, i, end), kind, false);
        else
                i = take_fraction(&w, i, 0, first == 1 && text[start] == '0');
        if (!grouped && groups == 1 && kind == '.')
                read_other(&w, start, i, &number);
        number.plain = i == start + first;
        if (i < n && number.plain)
                i = take_vulgar(&w, i);
        i = take_exponent(&w, i);
        number.readable = !w.full && decimal_parse(w.digits, w.n_digits, &number.value);
        for (; i + 1 < n && text[i] == '.' && digit_at(&w, i + 1); number.readable = false)
                i += 1 + digits_at(&w, i + 1); /* 1.2.3 */
        number.end = i;
        *ret = number;
}

/* The value of a number word, or -1. */
static int word_value(const struct tokens *tokens, size_t i)
{
        static const char *const words[] = {
                "zero",     "one",     "two",     "three",     "four",     "five",    "six",
                "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
        static const char *const tens[] = {"twenty", "thirty",  "forty",  "fifty",
                                           "sixty",  "seventy", "eighty", "ninety"};
        for (size_t k = 0; k < ARRAY_SIZE(words); k++)
                if (tokens_is(tokens, i, (const char *const[]){words[k], NULL}))
                        return (int)k;
        for (size_t k = 0; k < ARRAY_SIZE(tens); k++)
                if (tokens_is(tokens, i, (const char *const[]){tens[k], NULL}))
                        return (int)k * 10 + 20;
        return -1;
}

int number_magnitude(const struct tokens *tokens, size_t i)
{
        static const char *const thousand[] = {"thousand", "thousands", "k", NULL};
        static const char *const million[] = {"million", "millions", "mn", "mio", NULL};
        static const char *const billion[] = {"billion", "billions", "bn", NULL};
        static const char *const trillion[] = {"trillion", "trillions", "tn", NULL};
        return tokens_is(tokens, i, thousand)   ? 3
               : tokens_is(tokens, i, million)  ? 6
               : tokens_is(tokens, i, billion)  ? 9
               : tokens_is(tokens, i, trillion) ? 12
                                                : 0;
}

/* Two number words belong together with a space or a hyphen between them. */
static bool joins(const struct tokens *tokens, size_t i)
{
        if (i + 1 >= tokens->n)
                return false;
        size_t end = tokens->items[i].end;
        return tokens->items[i + 1].start == end + 1 && strchr(" -", tokens->text[end]);
}

struct words {
        long long total;
        long long current; /* below a thousand */
        int magnitude;     /* of the last word, when it was one */
};

/* Adds token i; false when it does not go on from what was read. */
static bool add_word(const struct tokens *tokens, size_t i, struct words *words)
{
        static const char *const hundred[] = {"hundred", NULL};
        static const char *const dozen[] = {"dozen", NULL};
        int value = word_value(tokens, i);
        int magnitude = number_magnitude(tokens, i);
        bool first = words->current == 0;
        if (value >= 0 &&
            (first ||
             (value > 0 && value < 10 && words->current % 10 == 0 && words->current % 100 >= 20) ||
             (value > 0 && words->current % 100 == 0))) {
                words->current += value;
                words->magnitude = 0;
        } else if (tokens_is(tokens, i, hundred) && words->current < 100) {
                words->current = (first ? 1 : words->current) * 100;
                words->magnitude = 0;
        } else if (tokens_is(tokens, i, dozen) && words->current < 100) {
                words->current = (first ? 1 : words->current) * 12;
                words->magnitude = 0;
        } else if (magnitude && !first && words->magnitude == 0 && words->total < 1000000000) {
                for (int k = 0; k < magnitude; k++)
                        words->current *= 10;
                words->total += words->current;
                words->current = 0;
                words->magnitude = magnitude;
        } else {
                return false;
        }
        return true;
}

size_t number_read_words(const struct tokens *tokens, size_t i, struct decimal *ret)
{
        static const char *const article[] = {"a", "one", NULL};
        static const char *const and[] = {"and", NULL};
        static const char *const parts[] = {"third", "thirds", "quarter",  "quarters",
                                            "half",  "halves", "fifth",    "fifths",
                                            "tenth", "tenths", "hundreds", NULL};
        struct words words = {0};
        size_t at = i;
        size_t end = i;
        if (tokens_is(tokens, i, article) && joins(tokens, i)) {
                words.current = 1;
                at = i + 1;
                if (!add_word(tokens, at, &words) || words.current + words.total < 12)
                        return 0;
                end = ++at;
        } else if (word_value(tokens, i) < 0 || word_value(tokens, i) == 1) {
                return 0;
        }
        while (at < tokens->n && (at == i || joins(tokens, at - 1))) {
                bool bridge = at > i && tokens_is(tokens, at, and) && joins(tokens, at) &&
                              word_value(tokens, at + 1) > 0 &&
                              (words.magnitude || words.current % 100 == 0);
                if (!bridge && !add_word(tokens, at, &words))
                        break;
                at++;
                end = bridge ? end : at;
        }
        if (end == i || (joins(tokens, end - 1) && tokens_is(tokens, end, parts)))
                return 0;
        decimal_units value = words.total + words.current;
        ret->exponent = words.magnitude;
        for (int k = 0; k < words.magnitude; k++)
                value /= 10;
        ret->units = value;
        return end - i;
}
