/* Words: how texts are cut into them, folded and stemmed, so that a question, a column's name and
 * a value meet. */
#ifndef ASKCSV_PLANNER_WORDS_H
#define ASKCSV_PLANNER_WORDS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define TOKENS_MAX 100    /* of a question; a longer one is not read */
#define WORD_BYTES_MAX 64 /* of a folded word; the rest of a longer one is cut off */

enum token_kind {
        TOKEN_WORD,
        TOKEN_NUMBER,
        TOKEN_DATE,   /* 2026-01-31, 2026-01: day is 0 */
        TOKEN_QUOTED, /* 'text' or "text": said holds what is inside */
        TOKEN_SIGN,   /* one of , ; : ? ! ( ) - = < > <= >= != + % */
};

struct token {
        enum token_kind kind;
        const char *text; /* folded: "books", "1000", ">=" */
        const char *stem; /* of a word; else text */
        const char *said; /* as it was typed */
        double number;    /* TOKEN_NUMBER */
        int year, month, day;
        bool percent;    /* 20% */
        bool money;      /* $20 */
        bool ordinal;    /* 10th */
        bool capital;    /* typed with a capital letter, and not as the first word */
        bool possessive; /* customer's */
};

struct stemmer;
struct stemmer *stemmer_new(struct arena *arena); /* NULL: no memory */
void stemmer_free(struct stemmer *stemmer);       /* NULL is fine */
struct arena *stemmer_arena(const struct stemmer *stemmer);
/* The stem of a folded word, abbreviations written out ("qty" is "quantiti"); in the stemmer's
 * arena, or NULL for no memory. */
const char *stem_of(struct stemmer *stemmer, const char *word);

/* True when it is one of the list, which ends with NULL. */
bool word_among(const char *word, const char *const *list);

/* tokens.c: cuts text into tokens; *n is at most TOKENS_MAX, and TOKENS_MAX + 1 says that there
 * were more. NULL for no memory. */
struct token *tokens_of(struct stemmer *stemmer, const char *text, size_t bytes, size_t *n);

/* Folds a value or a name: words in lower case with one blank between, "Factory-Floor-1" becomes
 * "factory floor 1". Cut off at `size` bytes, always ended. Gives the length. */
size_t fold_text(const char *text, char *out, size_t size);

/* Turns Latin-1's capitals beyond ASCII, two bytes each in UTF-8, into small letters. */
void lower_latin(char *text, size_t n);

/* Cuts a column's or table's name into folded words, also at changes from small to capital
 * letters ("MonthlyCharges"). What stands in brackets is given apart, as the unit. Returns how many
 * were written to words (at most max); *n_unit of the last ones are the bracketed ones. */
size_t name_words(struct arena *arena, const char *name, const char **words, size_t max,
                  size_t *n_unit);

#endif
