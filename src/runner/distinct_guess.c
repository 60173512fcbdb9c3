#include "runner/distinct_guess.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* FNV-1a. Two texts of one hash are taken for one, which a guess can bear. */
static uint64_t hash_of(const char *text, size_t n)
{
        uint64_t hash = 14695981039346656037ULL;
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
        return hash;
}

void distinct_guess_add(struct distinct_guess *guess, unsigned window, const char *text, size_t n)
{
        if (guess->n == ARRAY_SIZE(guess->seen))
                return;
        guess->seen[guess->n].hash = hash_of(text, n);
        guess->seen[guess->n++].window = window;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *p = a; /* a hash, and the window behind it */
        const uint64_t *q = b;
        if (p[0] != q[0])
                return p[0] < q[0] ? -1 : 1;
        return (p[1] > q[1]) - (p[1] < q[1]);
}

/* Chao's estimator for incidences, bias-corrected (A. Chao, Biometrics 43, 1987): from the texts
 * that one window has and those that two have follows how many no window has. */
double distinct_guess_total(struct distinct_guess *guess)
{
        double in_one = 0;
        double in_two = 0;
        double in_any = 0;
        if (guess->n == 0)
                return 0;
        qsort(guess->seen, guess->n, sizeof(guess->seen[0]), compare);
        for (size_t i = 0; i < guess->n;) {
                size_t windows = 1;
                size_t from = i++;
                for (; i < guess->n && guess->seen[i].hash == guess->seen[from].hash; i++)
                        windows += guess->seen[i].window != guess->seen[i - 1].window;
                in_any++;
                in_one += windows == 1;
                in_two += windows == 2;
        }
        double unseen = in_one * (in_one - 1) / (2 * (in_two + 1));
        return in_any + unseen * (GUESS_WINDOWS - 1) / GUESS_WINDOWS;
}
