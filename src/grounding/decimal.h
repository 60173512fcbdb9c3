/* Decimal numbers of up to 38 digits, compared without rounding errors. */
#ifndef ASKCSV_AGENT_GROUNDING_DECIMAL_H
#define ASKCSV_AGENT_GROUNDING_DECIMAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define DECIMAL_DIGITS_MAX 38      /* what a DECIMAL or HUGEINT of the engine has */
#define DECIMAL_EXPONENT_MAX 10000 /* more in a text is no number; a double ends at 308 */

/* clang and gcc have it on every machine with 64 bits; it is in no standard. */
__extension__ typedef __int128 decimal_units;

struct decimal {
        decimal_units units;
        int exponent; /* the value is units * 10^exponent */
};

/* "-12.50", "1e6", "+.5", all n bytes of it. Zeros behind the point are kept: they say how
 * precisely it was written. False when it is something else, or has more than DECIMAL_DIGITS_MAX
 * digits. */
bool decimal_parse(const char *text, size_t n, struct decimal *ret);

/* A JSON number; a real by the shortest digits that read back the same. False for NaN and infinity.
 */
bool decimal_from_json(const json_t *json, struct decimal *ret);

/* The nearest long double; on x86-64 that keeps 19 digits. May be infinite. */
long double decimal_value(const struct decimal *decimal);

/* 10^exponent, likewise. */
long double decimal_power(int exponent);

bool decimal_equal(const struct decimal *a, const struct decimal *b);

/* True when value lies within half a unit of written's last place; a tie goes both ways, as 2.5 is
 * written as 3 and as 2. */
bool decimal_rounds_to(const struct decimal *value, const struct decimal *written);

#endif
