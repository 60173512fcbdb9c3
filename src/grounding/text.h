/* A text as words, and the numbers that it mentions. */
#ifndef ASKCSV_GROUNDING_TEXT_H
#define ASKCSV_GROUNDING_TEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "grounding/date.h"
#include "grounding/decimal.h"

#include <stdint.h>

/* A run of letters and digits. */
struct token {
        size_t start; /* in bytes */
        size_t end;
        uint64_t hash;     /* ASCII letters folded */
        uint32_t sentence; /* which of the text's; a line is at least one */
        bool digit;        /* has one */
        bool letter;
        bool upper; /* begins with an ASCII capital */
};

/* The next token at or behind *at, which moves behind it; false at the end. sentence is not set. */
bool token_next(const char *text, size_t n, size_t *at, struct token *ret);

/* The hash of a sequence, one token at a time; start from 0. */
uint64_t token_chain(uint64_t chain, const struct token *token);

struct tokens {
        const char *text;
        size_t n_bytes;
        struct token *items; /* in the arena */
        size_t n;
};

int tokens_make(const char *text, size_t n, struct arena *arena, struct tokens *ret,
                struct error *err);

/* True when token i is one of the words, a list that ends with NULL, all in lower case. */
bool tokens_is(const struct tokens *tokens, size_t i, const char *const *words);

enum mention_kind {
        MENTION_NUMBER,
        MENTION_DATE, /* or a time, or parts of them */
        MENTION_NAME, /* "SEN-104", sensor_7: letters and digits as one word */
};

enum mention_hedge { HEDGE_NONE, HEDGE_ABOUT, HEDGE_OVER, HEDGE_UNDER };

struct mention {
        enum mention_kind kind;
        size_t start; /* in bytes; with its sign, currency and unit */
        size_t end;
        size_t first; /* its tokens */
        size_t last;
        bool readable;        /* value is set: it has not too many digits */
        struct decimal value; /* the exponent is that of the last place written */
        struct decimal other; /* with has_other: what it may mean as well, "1.234" as 1234 */
        bool has_other;
        bool percent;
        bool points; /* percentage points */
        bool currency;
        bool times;   /* "2.9 times" */
        bool spelled; /* as a word */
        bool rank;    /* "#3" */
        bool plain;   /* four digits or more and nothing else: ids are written so */
        bool year;    /* four digits and nothing else: it may be one */
        enum mention_hedge hedge;
        struct date date;       /* of MENTION_DATE */
        struct date date_other; /* 01/02/2026 is in two months; the same as date for others */
};

struct mentions {
        struct mention *items; /* in the arena */
        size_t n;
        size_t n_more; /* words that are numbers behind the last, when there was no room for more */
};

/* The first `max` numbers of the text, in their order. What is no number is left out (grounding.h).
 */
int mentions_find(const struct tokens *tokens, size_t max, struct arena *arena,
                  struct mentions *ret, struct error *err);

#endif
