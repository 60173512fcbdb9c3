/* The built-in planner: a grammar over the schema and the values. docs/PLANNER.md says how it
 * reads a question. */
#ifndef ASKCSV_PLANNER_BUILTIN_H
#define ASKCSV_PLANNER_BUILTIN_H

#include "planner/planner.h"

extern const struct planner planner_builtin;

#endif
