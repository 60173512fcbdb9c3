/* What is spelled like a word that nothing is known of. */
#ifndef ASKCSV_PLANNER_SUGGEST_H
#define ASKCSV_PLANNER_SUGGEST_H

#include "planner/atom.h"

#include <jansson.h>

/* The nearest names, columns, values and words of the grammar, as an array of texts: "table
 * orders", "category = Books". NULL for no memory. */
json_t *suggestions_for(const struct question *question, size_t token);

#endif
