/* A plan in one sentence of plain English. */
#ifndef ASKCSV_PLANNER_READING_H
#define ASKCSV_PLANNER_READING_H

#include "base/buf.h"
#include "base/error.h"
#include "dataset/schema.h"

#include <jansson.h>

/* Writes how the plan is to be read ("Average of discount over order_items where discount > 0, by
 * category, highest first"), from the plan alone, so that it cannot say anything else than what
 * is run. The dataset gives units and table names; plan is one that plan_compile takes.
 *
 * The sentence is one line of UTF-8, the same for the same plan, and whole: plans that mean
 * different things read differently. Two things are left out: of more than 10 values in a list
 * the rest is counted ("or 990 more"), and an alias that only repeats its expression
 * ("average_discount") is not said. Names that are not plain identifiers stand in 'single
 * quotes', values that could be taken for something else in "double quotes".
 *
 * Nothing is written when it fails: the buffer's ceiling, no memory, or ERROR_INTERNAL for JSON
 * that is no plan. */
int reading_write(const json_t *plan, const struct dataset *dataset, struct buf *out,
                  struct error *err);

#endif
