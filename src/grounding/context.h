/* What the sentence around a number says of where the number comes from: the rows that it names,
 * and words such as "highest", "together", "more than". The words are English. */
#ifndef ASKCSV_GROUNDING_CONTEXT_H
#define ASKCSV_GROUNDING_CONTEXT_H

#include "grounding/facts.h"

#define CONTEXT_TOKENS_MAX 120 /* of a sentence, around the number when it is longer */
#define CONTEXT_NAMED_MAX 12   /* rows of a table that are paired */

enum cue {
        CUE_COMPARE = 1 << 0, /* more, fell, difference, than */
        CUE_COMBINE = 1 << 1, /* together, top, total */
        CUE_REST = 1 << 2,    /* others, remaining */
        CUE_MEAN = 1 << 3,    /* average, per */
        CUE_EXTREME = 1 << 4, /* highest, least */
        CUE_OTHER = 1 << 5,   /* next, second, whereas: another row than the one named before */
};

struct context_table {
        uint64_t *columns; /* of each row: the columns whose text the sentence has, modulo 64 */
        bool *allowed;     /* rows that fit all that is named; set when any is named */
        bool any;          /* names a row */
        uint32_t named[CONTEXT_NAMED_MAX]; /* the first of them */
        size_t n_named;
};

struct context {
        const struct facts *facts;
        const struct tokens *tokens;
        const struct mentions *mentions;
        struct context_table *tables; /* as many as the facts have */
        size_t first; /* the sentence's tokens that were looked at, and where they end */
        size_t end;
        bool made;
        size_t *pairs_left;  /* GROUNDING_PAIRS_MAX less those that were looked at */
        bool is_table;       /* a line of a Markdown table */
        unsigned int cues;   /* of the whole sentence */
        unsigned int nearer; /* of what stands between the last name before the number and it */
};

int context_init(const struct facts *facts, const struct tokens *tokens,
                 const struct mentions *mentions, struct context *ret, struct error *err);

/* Looks around one number. */
void context_look(struct context *context, const struct mention *mention);

/* True when a word of the sentence begins with one of the words of that name. */
bool context_names(const struct context *context, const char *name);

#endif
