/* An intent becomes a query plan. */
#ifndef ASKCSV_PLANNER_BUILD_H
#define ASKCSV_PLANNER_BUILD_H

#include "planner/intent.h"

#include <jansson.h>

#define ASSUMPTIONS_MAX 6

struct built {
        json_t *plan; /* the caller's; NULL: it cannot be said */
        double cost;  /* of what had to be supposed, over the intent's own */
        const char *assumptions[ASSUMPTIONS_MAX]; /* in the question's arena */
        size_t n_assumptions;
        bool senseless; /* it was understood, and the data cannot say it */
        bool unsure;    /* the plan holds a guess that another reading would not */
};

/* The plan that starts from that table; ret->plan stays NULL when there is none. 0, or
 * ERROR_INTERNAL for no memory. choice is 0, or what an ambiguous number is to be made of: 1 a
 * sum, 2 an average. */
int intent_build(const struct question *question, const struct intent *intent, int base, int choice,
                 struct built *ret, struct error *err);

#endif
