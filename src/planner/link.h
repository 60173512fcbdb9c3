/* Parts of link.c in files of their own. */
#ifndef ASKCSV_PLANNER_LINK_H
#define ASKCSV_PLANNER_LINK_H

#include "planner/atom.h"

/* link_values.c: stretches of the question that are a value of the data, whole; then those words
 * without any other meaning that are a part of some. */
void values_link(struct question *question);
void values_link_parts(struct question *question);

#endif
