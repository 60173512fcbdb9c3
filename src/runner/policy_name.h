/* Names as DuckDB compares them, and the nearest of several to a misspelt one. */
#ifndef ASKCSV_RUNNER_POLICY_NAME_H
#define ASKCSV_RUNNER_POLICY_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define POLICY_NAME_MAX 64 /* bytes; nothing is near to a longer name */

bool policy_name_equal(const char *a, const char *b); /* without regard to ASCII case */
bool policy_name_in(const char *name, const char *const *list, size_t n);

/* How far two names are apart: single characters to add, drop, change or swap, ASCII case
 * apart. SIZE_MAX when one is longer than POLICY_NAME_MAX. */
size_t policy_name_distance(const char *a, const char *b);

/* Whether a name at that distance is worth suggesting. */
bool policy_name_is_near(const char *name, size_t distance);

#endif
