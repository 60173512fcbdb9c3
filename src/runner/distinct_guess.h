/* How many different texts a column of a large table holds, guessed from a sample: good enough to
 * tell a few thousand from millions, and the same for the same sample. The sample is a few windows
 * of rows far from each other. Within a window a text counts once, so that rows of the same text
 * side by side, as in a sorted file, do not look like few texts. */
#ifndef ASKCSV_RUNNER_DISTINCT_GUESS_H
#define ASKCSV_RUNNER_DISTINCT_GUESS_H

#include <stddef.h>
#include <stdint.h>

#define GUESS_WINDOWS 8
#define GUESS_WINDOW_ROWS 2048

struct distinct_guess {
        struct {
                uint64_t hash;
                uint64_t window;
        } seen[GUESS_WINDOWS * GUESS_WINDOW_ROWS];
        size_t n;
};

/* One row of a window, 0 .. GUESS_WINDOWS - 1. More than there is room for are passed over. */
void distinct_guess_add(struct distinct_guess *guess, unsigned window, const char *text, size_t n);

/* The estimate. */
double distinct_guess_total(struct distinct_guess *guess);

#endif
