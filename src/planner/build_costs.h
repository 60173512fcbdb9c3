/* What it costs to suppose something while a plan is built, over the cost of the words: the reading
 * with the least to suppose wins. */
#ifndef ASKCSV_PLANNER_BUILD_COSTS_H
#define ASKCSV_PLANNER_BUILD_COSTS_H

/* Tables. */
#define COST_JOIN 0.2         /* for each join to what is meant */
#define COST_JOIN_BACK 1.0    /* a way that multiplies rows */
#define COST_OUT_OF_REACH 1.5 /* what the owner defined for rows that these do not lead to */
#define COST_OTHER_TABLE 0.35 /* tables were named, and not the one that it starts from */
#define COST_OTHER_ROWS 0.3   /* another table's rows are counted, or its segment is meant */
#define COST_KEY_AWAY 0.6     /* things are counted in a table that is not the first */
#define COST_NOT_ABOUT 0.4    /* every condition is about another table */
#define COST_OTHER_RANK 2.0   /* what ranks them is in another table than they are */

/* Kinds of answers. */
#define COST_ROWS_UNSAID 0.5  /* nobody said that rows are counted */
#define COST_HOW_MUCH 0.8     /* "how much" counts no rows */
#define COST_TIME_ASKED 0.8   /* "when" asks for a time, and not for a segment */
#define COST_NUMBER_ASKED 0.4 /* it begins with a number, and rows are listed */
#define COST_END 0.3          /* "the hottest" is about a minimum; less for a maximum */
#define COST_SHOWN_RANK 0.3   /* saved when what ranks the rows is shown anyway */

#endif
