/* Whether the numbers in a text are those of the runs that it is about.
 *
 * A language model answers in words after its runs; each number of these words is looked for in
 * what the runs gave. That shows where a number comes from, and which come from nowhere. It does
 * not show that the sentence around a number is true (docs/GROUNDING.md: what is checked, how, and
 * how well).
 *
 * What is a number: digits with groups of three and a decimal point or comma ("1,234.56",
 * "1 234,56", "1'234"), fractions as one character (U+00BC to U+00BE), exponents ("1e6"), a sign
 * (- or U+2212; parentheses are none), magnitudes ("1.2M", "3k", "1.2 million"), currencies and
 * percents as part of it; English number words ("twelve", "two million"); dates, times, months,
 * quarters and years; and names with digits ("SEN-104", "sensor_7"), which are compared as words.
 * What is none: ordinals ("1st"), "one", "half", "twice", "one in ten", a list's markers, and the
 * first column of a Markdown table when it counts the rows. Digits are ASCII's.
 *
 * A small cardinal in words ("three regions") is unsupported only when it is more than the rows of
 * every result: below that it may count rows by what they have in common, which is not looked into.
 * It is then left out of `numbers` when it was not found. */
#ifndef ASKCSV_GROUNDING_GROUNDING_H
#define ASKCSV_GROUNDING_GROUNDING_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define GROUNDING_TEXT_MAX ((size_t)1024 * 1024) /* bytes; of the question too */
#define GROUNDING_NUMBERS_MAX 500                /* that are checked */
#define GROUNDING_CELLS_MAX 100000               /* of all sources; whole rows, the first ones */
#define GROUNDING_SOURCES_MAX 64
#define GROUNDING_PAIRS_MAX                                                                        \
        5000000               /* of cells, that are looked at for all numbers; then no more        \
                               */
#define GROUNDING_SAID_MAX 64 /* bytes of a number in the outcome; longer ones are cut there */

struct grounding_source {
        const char *run_id;   /* may be NULL */
        const json_t *result; /* a capsule's (docs/CAPSULE.md); anything else has no cells */
        const json_t *plan;   /* or NULL */
        const char
                *sql; /* or NULL; of a plan's SQL only dates count, as it has a LIMIT of its own */
};

struct grounding_input {
        const char *text; /* n bytes; should be UTF-8 */
        size_t n;
        const char *question; /* or NULL */
        const struct grounding_source *sources;
        size_t n_sources;
};

/* Looks for each number of the text. The caller owns *ret:
 *
 *   {"checked": 2, "found": 1, "unchecked": 0, "unsupported": ["12.4%"],
 *    "numbers": [{"text": "1,750", "start": 13, "end": 18, "how": "cell",
 *                 "run_id": "...", "column": "orders", "row": 0},
 *                {"text": "12.4%", ..., "how": null, "run_id": null, ...}]}
 *
 * start and end count code points, as Python and JavaScript's [...text] do (a byte that is not
 * UTF-8 is one). row counts from 0; it, column and run_id are null where they mean nothing. how is
 *
 *   cell        a cell's value exactly
 *   rounded     a cell's, as precisely as it is written
 *   unit        a time of a cell in another unit: 171 hours as 7 days
 *   date        a date or time of a cell
 *   text        words of a text cell or of a column's name
 *   row_count   the rows of a result, or a place among them ("top 3", "#3")
 *   distinct    the different values of a column
 *   count       the rows that the sentence names, that share a value, or that are above or below
 *               another number of the sentence; or their part of all rows, in percent
 *   question    a number of the question
 *   query       a number of the plan or the SQL
 *   sum         of a column, of its first rows, or of the rows that the sentence names
 *   mean        of a column
 *   share       a part of a column's sum, in percent; also what is left of 100 %
 *   difference  of two cells
 *   ratio       of two cells ("2.9 times")
 *   percent     the same in percent, or the change from one to the other
 *
 * or null when it was not found. unsupported has the texts of those, each once. Numbers beyond
 * GROUNDING_NUMBERS_MAX are only counted, word by word, as unchecked: a text with such is not
 * supported.
 *
 * A number is found when a value, rounded to its last place, equals it: exactly for cells (38
 * digits), up to 18 digits for what is computed. "about" allows half a unit of the last place
 * that is not zero, at most 5 %; "over", "more than", "at least", "nearly", "less than", "up to" a
 * whole unit on their side, at most 10 %; both for all but pairs of cells. Where a sentence
 * names rows by their text cells, cells of other rows do not count, unless words such as "next" or
 * "others" lead away from them. Pairs of cells are looked at in the rows that a sentence names,
 * else in few (pairs.c). Sums, means, shares and counts need the whole result: they are
 * not made
 * of one that is truncated.
 *
 * Fails with ERROR_MODEL_ANSWER when the text or the question is too long, ERROR_INTERNAL for too
 * many sources or want of memory; *ret is then untouched. */
int grounding_check(const struct grounding_input *input, json_t **ret, struct error *err);

#endif
