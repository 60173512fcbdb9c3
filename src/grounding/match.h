/* Where one number of a text comes from. */
#ifndef ASKCSV_GROUNDING_MATCH_H
#define ASKCSV_GROUNDING_MATCH_H

#include "grounding/context.h"

struct match {
        const char *how; /* one of grounding.h's words, or NULL: not found */
        struct fact_place place;
        bool has_table; /* place.table is one: there is a run */
        bool has_column;
        bool has_row;
};

/* A number that is looked for. */
struct target {
        const struct context *context;
        const struct mention *mention;
        struct decimal decimal;
        long double value;
        long double half; /* of the last place that is written */
        long double low;  /* with what "about" and its kin allow */
        long double high;
        struct match *match;
};

/* True, and noted in target->match, when x is the number as precisely as it is written; with
 * `loosely`, as "about" and its kin have it. */
bool target_takes(struct target *target, long double x, bool loosely, const char *how,
                  const struct fact_place *place);

/* The number in the cells, the sums, the question and so on. */
void match_find(const struct context *context, const struct mention *mention, struct match *ret);

/* Sums, means and shares of a column: sums.c. */
bool match_sums(struct target *target);

/* Numbers of rows: counts.c. */
bool match_rows(struct target *target);

/* A time in another unit: units.c. */
bool match_units(struct target *target);

/* Differences, ratios and changes between two cells: pairs.c. */
bool match_pairs(struct target *target);

#endif
