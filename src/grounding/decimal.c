#include "grounding/decimal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads "[e|E][+-]digits" at the end of a number; false when it is too large or none. */
static bool parse_exponent(const char *text, size_t n, int *exponent)
{
        bool negative = false;
        int value = 0;
        size_t i = 1;
        if (n > 1 && (text[1] == '-' || text[1] == '+')) {
                negative = text[1] == '-';
                i = 2;
        }
        if (i >= n)
                return false;
        for (; i < n; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return false;
                value = value * 10 + (text[i] - '0');
                if (value > DECIMAL_EXPONENT_MAX)
                        return false;
        }
        *exponent += negative ? -value : value;
        return true;
}

bool decimal_parse(const char *text, size_t n, struct decimal *ret)
{
        struct decimal made = {0};
        bool negative = n > 0 && text[0] == '-';
        bool behind_point = false;
        bool any = false;
        int digits = 0; /* from the first that is not zero */
        size_t i = n > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
        for (; i < n; i++) {
                if (text[i] == '.' && !behind_point) {
                        behind_point = true;
                        continue;
                }
                if (!isdigit((unsigned char)text[i]))
                        break;
                any = true;
                if ((made.units != 0 || text[i] != '0') && ++digits > DECIMAL_DIGITS_MAX)
                        return false;
                made.units = made.units * 10 + (text[i] - '0');
                made.exponent -= behind_point;
                if (made.exponent < -DECIMAL_EXPONENT_MAX)
                        return false;
        }
        if (!any)
                return false;
        if (i < n && (tolower((unsigned char)text[i]) != 'e' ||
                      !parse_exponent(text + i, n - i, &made.exponent)))
                return false;
        if (negative)
                made.units = -made.units;
        *ret = made;
        return true;
}

bool decimal_from_json(const json_t *json, struct decimal *ret)
{
        char text[40];
        if (json_is_integer(json)) {
                *ret = (struct decimal){.units = json_integer_value(json)};
                return true;
        }
        if (!json_is_real(json) || !isfinite(json_real_value(json)))
                return false;
        for (int precision = 15; precision <= 17; precision++) {
                (void)snprintf(text, sizeof(text), "%.*g", precision, json_real_value(json));
                if (strtod(text, NULL) == json_real_value(json))
                        break;
        }
        return decimal_parse(text, strlen(text), ret);
}

long double decimal_power(int exponent)
{
        return powl(10.0L, exponent);
}

long double decimal_value(const struct decimal *decimal)
{
        if (decimal->units == 0) /* or zero times infinity */
                return 0;
        return decimal->exponent < 0
                       ? (long double)decimal->units / decimal_power(-decimal->exponent)
                       : (long double)decimal->units * decimal_power(decimal->exponent);
}

/* False when the product has too many digits. */
static bool shift_up(decimal_units *units, int places)
{
        if (*units == 0)
                return true;
        if (places > DECIMAL_DIGITS_MAX)
                return false;
        for (int i = 0; i < places; i++)
                if (__builtin_mul_overflow(*units, 10, units))
                        return false;
        return true;
}

bool decimal_equal(const struct decimal *a, const struct decimal *b)
{
        const struct decimal *high = a->exponent >= b->exponent ? a : b;
        const struct decimal *low = high == a ? b : a;
        decimal_units units = high->units;
        return shift_up(&units, high->exponent - low->exponent) && units == low->units;
}

bool decimal_rounds_to(const struct decimal *value, const struct decimal *written)
{
        int places = written->exponent - value->exponent;
        decimal_units units = written->units;
        decimal_units unit = 1; /* of written's last place, in value's units */
        decimal_units off = 0;
        if (places <= 0)
                return decimal_equal(value, written);
        if (!shift_up(&unit, places))
                return written->units == 0; /* nothing but zeros is left of it */
        if (!shift_up(&units, places) || __builtin_sub_overflow(value->units, units, &off))
                return false;
        return off <= unit / 2 && off >= -(unit / 2);
}
