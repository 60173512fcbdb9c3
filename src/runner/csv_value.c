#include "runner/csv_value.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BIGINT_DIGITS 18 /* all numbers of so many digits fit 64 bits, and 37 fit 128 */
#define HUGEINT_DIGITS 37
#define FRACTION_DIGITS 18
#define DOUBLE_CHARACTERS 17 /* sign and point among them: at most so many digits come back */
#define SECOND_DIGITS 6

#define EACH_BYTE(b) (0x0101010101010101ULL * (b))

/* Eight bytes, the first one lowest. */
static inline uint64_t load_8(const char *p)
{
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        return le64toh(word);
}

/* Each byte of the word is a digit's value or has a bit of this set. A byte over 0xF9 carries into
 * the ones behind it, but then it is no digit itself. */
static inline uint64_t not_digits(uint64_t word)
{
        return ((word + EACH_BYTE(0x06)) | word) & EACH_BYTE(0xF0);
}

static inline const char *skip_digits(const char *p, const char *end)
{
        while (p < end) {
                uint64_t others = not_digits(load_8(p) ^ EACH_BYTE('0'));
                if (others != 0) {
                        p += __builtin_ctzll(others) / 8;
                        break;
                }
                p += 8;
        }
        return p < end ? p : end;
}

static inline bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* [eE][-+]?[0-9]{1,2} */
static bool is_exponent(const char *p, const char *end)
{
        if (*p != 'e' && *p != 'E')
                return false;
        p++;
        if (p < end && (*p == '-' || *p == '+'))
                p++;
        return (end - p == 1 || end - p == 2) && skip_digits(p, end) == end;
}

static unsigned whole_number(struct csv_column *column, size_t n, size_t digits)
{
        unsigned classes = n <= DOUBLE_CHARACTERS ? CSV_DOUBLE : 0;
        if (digits > HUGEINT_DIGITS)
                return classes;
        classes |= CSV_HUGEINT;
        if (digits > BIGINT_DIGITS)
                return classes;
        if (n > column->int_max)
                column->int_max = (uint8_t)n;
        return classes | CSV_BIGINT | CSV_DECIMAL;
}

/* What is left of a number behind its whole part, which ends at p. */
static unsigned broken_number(struct csv_column *column, const char *value, const char *p,
                              const char *end)
{
        size_t before = (size_t)(p - value);
        size_t digits = before - (*value == '-');
        size_t fraction = 0;
        unsigned classes = 0;
        if (*p == '.') {
                const char *start = p + 1;
                p = skip_digits(start, end);
                fraction = (size_t)(p - start);
                if (fraction == 0)
                        return 0;
        }
        if (p - value <= DOUBLE_CHARACTERS && (p == end || is_exponent(p, end))) {
                classes |= CSV_DOUBLE;
                column->has_point |= fraction > 0;
        }
        if (p != end || digits > BIGINT_DIGITS || fraction > FRACTION_DIGITS)
                return classes;
        if (before > column->int_max)
                column->int_max = (uint8_t)before;
        if (fraction > column->frac_max)
                column->frac_max = (uint8_t)fraction;
        return classes | CSV_DECIMAL;
}

/* -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]{1,2})? */
static inline unsigned number_classes(struct csv_column *column, const char *value, size_t n)
{
        const char *end = value + n;
        const char *first = value + (*value == '-');
        const char *p = skip_digits(first, end);
        if (p == first || (*first == '0' && p != first + 1))
                return 0;
        return p == end ? whole_number(column, n, (size_t)(p - first))
                        : broken_number(column, value, p, end);
}

static bool is_boolean(const char *value, size_t n)
{
        return (n == 4 && strncasecmp(value, "true", n) == 0) ||
               (n == 5 && strncasecmp(value, "false", n) == 0);
}

static inline unsigned byte_of(uint64_t word, unsigned i)
{
        return (unsigned)(word >> (8 * i)) & 0xFF;
}

static inline unsigned pair_of(uint64_t word, unsigned i)
{
        return byte_of(word, i) * 10 + byte_of(word, i + 1);
}

static bool is_day(unsigned year, unsigned month, unsigned day)
{
        static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        if (month < 1 || month > 12 || day < 1)
                return false;
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

/* A real day, as 2026-01-31: 10 bytes. */
static inline bool is_date(const char *value)
{
        uint64_t word = load_8(value) ^ 0x2D30302D30303030ULL; /* 0000-00- */
        if (not_digits(word) != 0 || byte_of(word, 4) != 0 || byte_of(word, 7) != 0 ||
            !is_digit(value[8]) || !is_digit(value[9]))
                return false;
        unsigned day = (unsigned)(value[8] - '0') * 10 + (unsigned)(value[9] - '0');
        return is_day(pair_of(word, 0) * 100 + pair_of(word, 2), pair_of(word, 5), day);
}

/* What follows the seconds: nothing, or a point and one to six digits; 24:00:00 takes only zeros.
 */
static bool is_fraction(const char *p, const char *end, bool zeros)
{
        if (p == end)
                return true;
        if (*p != '.' || end - p < 2 || end - p > 1 + SECOND_DIGITS ||
            skip_digits(p + 1, end) != end)
                return false;
        while (zeros && ++p < end)
                if (*p != '0')
                        return false;
        return true;
}

/* HH:MM:SS and a fraction, or HH:MM alone when that is enough. 24:00:00 is a time for the engine:
 * the end of the day. */
static bool is_clock(const char *value, size_t n, bool minutes_do)
{
        if (n < 5 || (n < 8 && !(minutes_do && n == 5)))
                return false;
        uint64_t word = load_8(value) ^ 0x30303A30303A3030ULL; /* 00:00:00 */
        if (n == 5)
                word &= 0xFFFFFFFFFFULL;
        if (not_digits(word) != 0 || byte_of(word, 2) != 0 || byte_of(word, 5) != 0)
                return false;
        unsigned hour = pair_of(word, 0);
        unsigned minute = pair_of(word, 3);
        unsigned second = pair_of(word, 6);
        bool is_end = hour == 24 && minute == 0 && second == 0;
        if ((hour > 23 && !is_end) || minute > 59 || second > 59)
                return false;
        return n == 5 || is_fraction(value + 8, value + n, is_end);
}

static inline bool is_timestamp(const char *value, size_t n)
{
        return n > 11 && (value[10] == ' ' || value[10] == 'T') && is_date(value) &&
               is_clock(value + 11, n - 11, true);
}

/* No text has two of the forms number, boolean, date, timestamp and time. */
static unsigned other_classes(unsigned possible, const char *value, size_t n)
{
        if ((possible & CSV_DATE) && n == 10 && is_date(value))
                return CSV_DATE;
        if ((possible & CSV_TIMESTAMP) && is_timestamp(value, n))
                return CSV_TIMESTAMP;
        if ((possible & CSV_BOOLEAN) && is_boolean(value, n))
                return CSV_BOOLEAN;
        if ((possible & CSV_TIME) && is_clock(value, n, false))
                return CSV_TIME;
        return 0;
}

void csv_column_see(struct csv_column *column, const char *value, size_t n)
{
        unsigned possible = column->possible;
        unsigned classes = possible & CSV_NUMBERS ? number_classes(column, value, n) : 0;
        if (classes == 0)
                classes = other_classes(possible, value, n);
        column->possible = (uint8_t)(possible & classes);
        column->seen = true;
}

void csv_column_join(struct csv_column *into, const struct csv_column *other)
{
        into->possible &= other->possible;
        into->seen |= other->seen;
        into->has_point |= other->has_point;
        into->spaced |= other->spaced;
        if (other->int_max > into->int_max)
                into->int_max = other->int_max;
        if (other->frac_max > into->frac_max)
                into->frac_max = other->frac_max;
}

static const char *plain_type(unsigned possible, bool has_point)
{
        static const struct {
                enum csv_class class;
                const char *name;
        } names[] = {{CSV_BIGINT, "BIGINT"}, {CSV_HUGEINT, "HUGEINT"},
                     {CSV_DOUBLE, "DOUBLE"}, {CSV_BOOLEAN, "BOOLEAN"},
                     {CSV_DATE, "DATE"},     {CSV_TIMESTAMP, "TIMESTAMP"},
                     {CSV_TIME, "TIME"}};
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                /* Exponents alone are as likely codes: 12e4 and the like. */
                if ((possible & names[i].class) && (names[i].class != CSV_DOUBLE || has_point))
                        return names[i].name;
        return "VARCHAR";
}

void csv_column_type(const struct csv_column *column, char ret[CSV_TYPE_TEXT_SIZE])
{
        unsigned possible = column->seen ? column->possible : 0;
        if ((possible & CSV_DECIMAL) && !(possible & (CSV_BIGINT | CSV_HUGEINT)))
                (void)snprintf(ret, CSV_TYPE_TEXT_SIZE, "DECIMAL(%d,%d)",
                               column->int_max + column->frac_max <= 18 ? 18 : 38,
                               column->frac_max);
        else
                (void)snprintf(ret, CSV_TYPE_TEXT_SIZE, "%s",
                               plain_type(possible, column->has_point));
}
