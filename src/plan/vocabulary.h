/* Whether what a dataset's owner wrote for planners - measures, segments, items shown beside
 * counts - is of the plan's language. src/dataset reads it but does not know that language. */
#ifndef ASKCSV_PLAN_VOCABULARY_H
#define ASKCSV_PLAN_VOCABULARY_H

#include "base/error.h"
#include "dataset/schema.h"

#include <stddef.h>

/* Compiles each as a plan of its own: a measure with what is shown beside it, a segment's rows as
 * they are listed and as they are counted, the count of a table's rows. tell is called with the
 * fault of each that does not compile; its pointer is one into the dataset's registry entry:
 * "/measures/3/item/column". Returns 0 and how many plans that were, or ERROR_INTERNAL (no
 * memory). */
int vocabulary_check(const struct dataset *dataset,
                     void (*tell)(void *context, const struct error *fault), void *context,
                     size_t *n_checked, struct error *err);

#endif
