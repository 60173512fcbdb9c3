/* Plans that a question may mean. */
#ifndef ASKCSV_PLANNER_CANDIDATE_H
#define ASKCSV_PLANNER_CANDIDATE_H

#include "base/json.h"
#include "plan/plan.h"
#include "planner/build.h"

#define CANDIDATES_MAX 32

struct candidate {
        struct built built;
        double cost; /* the lower, the likelier */
};

struct candidates {
        struct candidate items[CANDIDATES_MAX];
        size_t n;
        double senseless; /* cost of the likeliest reading that asks for what the data cannot say */
};

void candidates_done(struct candidates *candidates);

/* True when the plan compiles. */
bool plan_holds(const struct dataset *dataset, const json_t *plan, int64_t as_of_s);

#endif
