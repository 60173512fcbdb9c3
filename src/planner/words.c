#include "planner/words.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "planner/letters.h"

#include <libstemmer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AND_BYTES 6 /* room for " and", a blank and the end */

struct stemmer {
        struct sb_stemmer *snowball;
        struct arena *arena;
};

/* What headers shorten, and plurals that no rule of stems gives. */
static const char *const written_out[][2] = {
        {"acct", "account"},      {"addr", "address"},     {"amt", "amount"},
        {"avg", "average"},       {"bought", "buy"},       {"children", "child"},
        {"ctry", "country"},      {"cust", "customer"},    {"cyl", "cylinder"},
        {"dept", "department"},   {"depts", "department"}, {"emp", "employee"},
        {"exp", "experience"},    {"hr", "hour"},          {"hrs", "hour"},
        {"lang", "language"},     {"loc", "location"},     {"max", "maximum"},
        {"men", "man"},           {"mgr", "manager"},      {"min", "minimum"},
        {"mins", "minute"},       {"nr", "number"},        {"num", "number"},
        {"paid", "pay"},          {"pct", "percent"},      {"people", "person"},
        {"perc", "percent"},      {"persons", "person"},   {"pop", "population"},
        {"prod", "product"},      {"qtr", "quarter"},      {"qty", "quantity"},
        {"rev", "revenue"},       {"sal", "salary"},       {"secs", "second"},
        {"sold", "sell"},         {"spent", "spend"},      {"temp", "temperature"},
        {"temps", "temperature"}, {"women", "woman"},      {"wt", "weight"},
        {"yr", "year"},           {"yrs", "year"},         {"won", "win"},
        {"built", "build"},       {"lent", "lend"},        {"held", "hold"},
        {"dir", "direction"},     {"dr", "doctor"},        {"mkt", "market"},
        {"nbr", "number"},        {"hp", "horsepower"},    {"sqft", "squarefeet"},
        {"born", "birth"},        {"died", "death"},       {"grew", "grow"},
        {"left", "leave"},        {"ext", "extension"},
};

struct stemmer *stemmer_new(struct arena *arena)
{
        struct stemmer *stemmer = alloc_calloc(1, sizeof(*stemmer));
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

struct arena *stemmer_arena(const struct stemmer *stemmer)
{
        return stemmer->arena;
}

bool word_among(const char *word, const char *const *list)
{
        for (; *list; list++)
                if (strcmp(word, *list) == 0)
                        return true;
        return false;
}

static const char *write_out(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(written_out); i++)
                if (strcmp(word, written_out[i][0]) == 0)
                        return written_out[i][1];
        return word;
}

const char *stem_of(struct stemmer *stemmer, const char *word)
{
        word = write_out(word);
        const sb_symbol *stem =
                sb_stemmer_stem(stemmer->snowball, (const sb_symbol *)word, (int)strlen(word));
        if (!stem)
                return NULL;
        size_t n = (size_t)sb_stemmer_length(stemmer->snowball);
        return arena_strndup(stemmer->arena, (const char *)stem, n);
}

/* C3 80 to C3 9E are the capitals, but for the sign C3 97; the small ones are 20 (hex) above. */
void lower_latin(char *text, size_t n)
{
        for (size_t i = 0; i + 1 < n; i++)
                if (text[i] == (char)0xc3 && (unsigned char)text[i + 1] >= 0x80 &&
                    (unsigned char)text[i + 1] <= 0x9e && (unsigned char)text[i + 1] != 0x97)
                        text[i + 1] = (char)(text[i + 1] + 0x20);
}

/* True when what stands at `at`, no plain letter or digit, stands for itself in a folded word:
 * letters beyond ASCII, a point between digits, the signs of "C++". */
static bool is_folded_sign(const char *start, const char *at, const char *end)
{
        if (plain_sign(at, end))
                return false;
        if (is_letter(*at) || is_word_sign(start, at, end))
                return true;
        return *at == '.' && at > start && is_digit(at[-1]) && at + 1 < end && is_digit(at[1]);
}

/* O'Brien; 1,000. */
static bool is_inside_word(const char *start, const char *at, const char *end)
{
        if (at == start)
                return false;
        if (*at == '\'')
                return is_letter(at[-1]);
        return *at == ',' && is_digit(at[-1]) && end - at >= 4 && is_digit(at[1]) &&
               is_digit(at[2]) && is_digit(at[3]);
}

static bool is_plain(char c)
{
        return is_small(c) || is_capital(c) || is_digit(c);
}

size_t fold_text(const char *text, char *out, size_t size)
{
        const char *end = text + strlen(text);
        size_t n = 0;
        bool gap = false;
        for (const char *at = text; at < end && n + AND_BYTES < size; at++) {
                if (is_plain(*at) || is_folded_sign(text, at, end)) {
                        if (gap && n > 0)
                                out[n++] = ' ';
                        gap = false;
                        out[n++] = lower(*at);
                } else if (*at == '&') {
                        n += (size_t)snprintf(out + n, size - n, n ? " and" : "and");
                        gap = true;
                } else if (!is_inside_word(text, at, end)) {
                        if (plain_sign(at, end))
                                at += PLAIN_SIGN_BYTES - 1;
                        gap = true;
                }
        }
        out[n] = '\0';
        lower_latin(out, n);
        return n;
}

/* A word of a name ends at what is no letter, and where "MonthlyCharges" and "HTTPStatus" begin
 * their second words. */
static const char *name_word_end(const char *at)
{
        const char *end = at + 1;
        while (is_word_char(*end)) {
                bool last_capital = is_capital(end[-1]) && is_small(end[1]);
                if (is_capital(*end) && (is_small(end[-1]) || last_capital))
                        break;
                end++;
        }
        return end;
}

static char *lower_copy(struct arena *arena, const char *text, size_t n)
{
        char *copy = arena_strndup(arena, text, n);
        if (!copy)
                return NULL;
        for (char *c = copy; *c; c++)
                *c = lower(*c);
        lower_latin(copy, n);
        return copy;
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
                const char *end = name_word_end(at);
                words[n] = lower_copy(arena, at, (size_t)(end - at));
                if (!words[n++])
                        return 0;
                *n_unit = in_brackets ? *n_unit + 1 : 0;
                at = end;
        }
        return n;
}
