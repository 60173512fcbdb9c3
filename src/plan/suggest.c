#include "plan/report.h"

#include <string.h>

#define NEAREST_NAME_MAX 64 /* bytes; a longer name is not compared */

static char fold(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m)
{
        size_t rows[3][NEAREST_NAME_MAX + 1];
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *row = rows[i % 3];
                const size_t *before = rows[(i + 2) % 3];
                const size_t *before2 = rows[(i + 1) % 3];
                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        char x = fold(a[i - 1]);
                        char y = fold(b[j - 1]);
                        row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + (x != y));
                        if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]))
                                row[j] = least(row[j], before2[j - 2] + 1);
                }
        }
        return rows[n % 3][m];
}

void nearest_offer(struct nearest *nearest, const char *name)
{
        size_t n = strnlen(nearest->wanted, NEAREST_NAME_MAX + 1);
        size_t m = strnlen(name, NEAREST_NAME_MAX + 1);
        if (n == 0 || n > NEAREST_NAME_MAX || m > NEAREST_NAME_MAX)
                return;
        size_t allowed = n / 3;
        if ((n > m ? n - m : m - n) > allowed || *nearest->work_left < n * m)
                return;
        *nearest->work_left -= n * m;
        size_t distance = edit_distance(nearest->wanted, n, name, m);
        if (distance > allowed || distance >= n || (nearest->name && distance >= nearest->distance))
                return;
        nearest->name = name;
        nearest->distance = distance;
}
