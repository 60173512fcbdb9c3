/* Whether the numbers in a text are those of the runs that it is about.
 *
 * A language model answers in words after its runs; each number of these words is looked for in
 * what the runs gave. That shows where a number comes from, and which come from nowhere. It does
 * not show that the sentence around a number is true (docs/GROUNDING.md says what is checked, how,
 * and how well).
 *
 * What is a number: digits with groups of three and a decimal point or comma ("1,234.56", "1
 * 234,56", "1'234"), ½ ¼ ¾, exponents ("1e6"), a sign (- or U+2212; parentheses are none),
 * magnitudes ("1.2M", "€3k", "1.2 million"), currencies and percents as part of it; English number
 * words ("twelve", "two million"); dates, times, months, quarters and years; and names with digits
 * ("SEN-104", "sensor_7"), which are compared as words. What is none: ordinals ("1st"), "one",
 * "half", "twice", a list's markers, and the first column of a Markdown table when it counts the
 * rows. Digits are ASCII's.
 *
 * A small cardinal in words ("three regions") counts when it is more than the rows of every result,
 * as a text may count rows by what they have in common, which is not looked into; it is then found
 * or unsupported as any other. Otherwise it is in `numbers` only when it was found.
 */
#ifndef ASKCSV_AGENT_GROUNDING_H
#define ASKCSV_AGENT_GROUNDING_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define GROUNDING_TEXT_MAX ((size_t)1024 * 1024) /* bytes; of the question too */
#define GROUNDING_NUMBERS_MAX 500                /* that are checked */
#define GROUNDING_CELLS_MAX 100000               /* of all sources; whole rows, the first ones */
#define GROUNDING_SOURCES_MAX 64
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
 *    "numbers": [{"text": "1,750", "start": 13, "end": 18, "how": "cell", "run_id": "...",
 * "column": "orders", "row": 0}, {"text": "12.4%", ..., "how": null, "run_id": null, ...}]}
 *
 * start and end count code points, as JavaScript's [...text] and Python do (a byte that is not
 * UTF-8 is one). row counts from 0; it, column and run_id are null where they mean nothing. how is
 * one of cell        a cell's value exactly          rounded     a cell's, as precisely as it is
 * written date        a date or time of a cell        text        words of a text cell or a
 * column's name row_count   the rows of a result            distinct    the different values of a
 * column question    a number of the question        query       one of the plan or the SQL sum of
 * a column, of its first rows, or of the rows that the sentence names mean        of a column
 * difference  of two cells ratio       of two cells ("2.9 times")      percent     the same, or the
 * change between two, in percent share       of a column's sum, in percent or null when it was not
 * found. unsupported has the texts of those, each once. Numbers beyond GROUNDING_NUMBERS_MAX are
 * only counted, as unchecked: a text with such is not supported.
 *
 * A number is found when a value, rounded to its last place, equals it; exactly for cells (38
 * digits), to 1e-15 of the value for what is computed. "about" allows half of the last place that
 * is not zero, at most 5 %; "over", "more than", "at least", "nearly", "less than", "up to" a whole
 * one on their side, at most 10 %; both only for cells, sums, means and shares. Where a sentence
 * names rows by their text cells, cells of other rows do not count, unless it has words such as
 * "highest" or "others". Pairs of cells are looked at in the rows that a sentence names, else in
 * few (grounding_pairs.c).
 *
 * Fails with ERROR_MODEL_ANSWER when the text or the question is too long, ERROR_INTERNAL for too
 * many sources or want of memory; *ret is then untouched. */
int grounding_check(const struct grounding_input *input, json_t **ret, struct error *err);

#endif
