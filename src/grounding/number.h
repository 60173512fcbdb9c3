/* Numbers as people write them: the digits alone, without sign, currency and unit. */
#ifndef ASKCSV_GROUNDING_NUMBER_H
#define ASKCSV_GROUNDING_NUMBER_H

#include "grounding/text.h"

struct number {
        size_t end; /* in bytes, from the beginning of the text */
        struct decimal value;
        struct decimal other; /* with has_other */
        bool has_other;
        bool readable; /* false: too many digits, or more points than a number has */
        bool plain;    /* digits alone */
};

/* Reads at `start`, where a digit or one of ½ ¼ ¾ stands. Groups of three are told apart by a
 * comma, a point, an apostrophe, a narrow or non-breaking space, or, when there are two groups or a
 * decimal comma behind them, by a space. "1,234" has a group, "12,5" and "0,345" a decimal comma;
 * "1.234" is read as a fraction, and 1234 is `other`. */
void number_read(const char *text, size_t n, size_t start, struct number *ret);

/* An English number in words from token i on: "twenty-one", "two hundred and five", "a dozen", "3
 * million" is none. Returns how many tokens it took, 0 for none: "one" and "a" alone are none. */
size_t number_read_words(const struct tokens *tokens, size_t i, struct decimal *ret);

/* 3 for thousand, 6, 9, 12; 0 when token i is none of these. Abbreviations count too ("bn"). */
int number_magnitude(const struct tokens *tokens, size_t i);

#endif
