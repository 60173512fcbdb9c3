/* The narrowest type that loses nothing of any value of a CSV column: numbers without leading
 * zeros, dates and times as ISO 8601 writes them, true and false. All else, codes and dates of
 * other forms among it, stays text. */
#ifndef ASKCSV_RUNNER_CSV_VALUE_H
#define ASKCSV_RUNNER_CSV_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_TYPE_TEXT_SIZE 16 /* of a type as SQL spells it, with its NUL */

/* What the values seen so far leave possible. Start from CSV_COLUMN_INIT. */
struct csv_column {
        uint8_t possible; /* a set of enum csv_class; empty: text */
        bool seen;        /* there was a value */
        bool has_point;   /* in a number */
        bool spaced;      /* blanks behind a closing quote; the splitter's business */
        uint8_t int_max;  /* characters before a decimal's point, with the sign */
        uint8_t frac_max; /* digits behind it */
};

enum csv_class {
        CSV_BIGINT = 1,  /* up to 18 digits */
        CSV_HUGEINT = 2, /* up to 37 */
        CSV_DECIMAL = 4, /* up to 18 digits before and 18 behind the point */
        CSV_DOUBLE = 8,  /* up to 17 characters, then perhaps an exponent */
        CSV_BOOLEAN = 16,
        CSV_DATE = 32,
        CSV_TIMESTAMP = 64,
        CSV_TIME = 128,
};
#define CSV_NUMBERS (CSV_BIGINT | CSV_HUGEINT | CSV_DECIMAL | CSV_DOUBLE)
#define CSV_COLUMN_INIT ((struct csv_column){.possible = 0xFF})

/* Takes the value into account: n bytes, at least 1, without the field's quotes. Up to 8 bytes
 * behind it may be read, and mean nothing. */
void csv_column_see(struct csv_column *column, const char *value, size_t n);

/* As if `into` had seen the other's values too. */
void csv_column_join(struct csv_column *into, const struct csv_column *other);

/* "BIGINT", "DECIMAL(18,2)" and so on; "VARCHAR" when there was no value at all. */
void csv_column_type(const struct csv_column *column, char ret[CSV_TYPE_TEXT_SIZE]);

#endif
