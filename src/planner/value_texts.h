/* The values of a column as questions are compared with them: folded, once for each question. */
#ifndef ASKCSV_PLANNER_VALUE_TEXTS_H
#define ASKCSV_PLANNER_VALUE_TEXTS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDED_MAX 256 /* bytes of a folded value; the rest of a longer one is cut off */

struct value_text {
        const char *value; /* as the data has it */
        const char *folded;
        uint32_t n_folded; /* bytes */
        uint32_t letters;  /* text_letters(folded) */
};

/* In the arena; NULL for no memory. */
const struct value_text *value_texts_make(struct arena *arena, const char *const *values, size_t n);

/* Which letters of a to z the text has, a bit each: what is quick to see before texts are
 * compared. */
uint32_t text_letters(const char *text, size_t n);

#endif
