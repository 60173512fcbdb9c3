/* Follow-ups: a few words that change the plan before them. */
#ifndef ASKCSV_PLANNER_FOLLOWUP_H
#define ASKCSV_PLANNER_FOLLOWUP_H

#include "planner/candidate.h"
#include "planner/planner.h"

/* True when the words can only be about the question before: "only ...", "... instead". */
bool followup_is(const struct question *question);

/* True when they say so outright: "what about ...", "... instead". */
bool followup_needs(const struct question *question);

/* Adds the changed plan to the candidates, if the intent changes it. */
int followup_build(const struct question *question, const struct intent *intent,
                   const struct planner_input *input, double cost, struct candidates *candidates,
                   struct error *err);

#endif
