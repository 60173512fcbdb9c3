#include "runner/policy_name.h"

#include <stdint.h>
#include <string.h>

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool policy_name_equal(const char *a, const char *b)
{
        while (*a && lower(*a) == lower(*b)) {
                a++;
                b++;
        }
        return lower(*a) == lower(*b);
}

bool policy_name_in(const char *name, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (policy_name_equal(name, list[i]))
                        return true;
        return false;
}

static size_t min3(size_t a, size_t b, size_t c)
{
        size_t least = a < b ? a : b;
        return least < c ? least : c;
}

/* The optimal string alignment distance, three rows of its table at a time. */
size_t policy_name_distance(const char *a, const char *b)
{
        size_t n = strlen(a);
        size_t m = strlen(b);
        if (n > POLICY_NAME_MAX || m > POLICY_NAME_MAX)
                return SIZE_MAX;
        size_t rows[3][POLICY_NAME_MAX + 1];
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *row = rows[i % 3];
                const size_t *up = rows[(i + 2) % 3];
                const size_t *up2 = rows[(i + 1) % 3];
                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        bool same = lower(a[i - 1]) == lower(b[j - 1]);
                        row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + !same);
                        if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                            lower(a[i - 2]) == lower(b[j - 1]) && up2[j - 2] + 1 < row[j])
                                row[j] = up2[j - 2] + 1;
                }
        }
        return rows[n % 3][m];
}

bool policy_name_is_near(const char *name, size_t distance)
{
        size_t n = strlen(name);
        return distance <= (n <= 3 ? 1 : n <= 7 ? 2 : 3) && distance < n;
}
