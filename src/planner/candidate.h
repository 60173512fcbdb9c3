/* Plans that a question may mean. */
#ifndef ASKCSV_PLANNER_CANDIDATE_H
#define ASKCSV_PLANNER_CANDIDATE_H

#include "planner/build.h"

#define CANDIDATES_MAX 32
#define COST_BEYOND_ALL 1e9           /* more than any reading costs */
#define READING_BYTES_MAX (64 * 1024) /* of the sentence that says a plan */

struct candidate {
        struct built built;
        double cost; /* the lower, the likelier */
};

struct candidates {
        struct candidate items[CANDIDATES_MAX];
        size_t n;
        double senseless; /* cost of the likeliest reading that asks for what the data cannot say */
};

/* Takes over the plan of built. It becomes a candidate if it compiles and none gives the same rows;
 * of two that do, the cheaper one stays. */
void candidates_add(struct candidates *candidates, const struct dataset *dataset, int64_t as_of_s,
                    struct built *built, double cost);
void candidates_sort(struct candidates *candidates); /* the likeliest first */
double candidates_best_cost(const struct candidates *candidates);
void candidates_done(struct candidates *candidates);

/* 0 when the plan compiles, a negative code with the first fault otherwise. */
int plan_check(const struct dataset *dataset, const json_t *plan, int64_t as_of_s,
               struct error *err);
bool plan_holds(const struct dataset *dataset, const json_t *plan, int64_t as_of_s);

#endif
