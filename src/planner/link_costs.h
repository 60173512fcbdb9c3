/* What it costs to take words for something: the cheapest way to cut a question is the likeliest.
 * A name said in full costs least, a word without a meaning most. */
#ifndef ASKCSV_PLANNER_LINK_COSTS_H
#define ASKCSV_PLANNER_LINK_COSTS_H

#define COST_NAME 0.2         /* a name said in full */
#define COST_ROWS_FIRST 0.6   /* a part of a column's name that is also what rows are called */
#define COST_PART 0.3         /* a part of a column's name */
#define COST_PART_MISSING 0.4 /* for each word of it that was left out */
#define COST_LAST_MISSING 0.2 /* when its last word is one of them */
#define COST_TABLE_PART 0.5   /* one word of a table's name */
#define COST_PLURAL 0.5       /* "properties" are no property types */
#define COST_ONGOING 1        /* "returning customers" have not returned anything */
#define COST_UNIT 0.4         /* "days" are a unit sooner than a part of a name */
#define COST_VERB 0.9         /* "ordered" names no orders */
#define COST_OWNERS 0.4       /* the owner gave the same words a meaning */
#define COST_OWNERS_WORD 0.1  /* saved by that meaning */
#define NEAR 0.45             /* costs that near are about the same */
#define COST_SYNONYM 0.4      /* another word for it */
#define COST_GOOD 0.65        /* a name that costs no more needs no other word for it */
#define COST_SIGN 0.5         /* a sign that means nothing */
#define COST_UNKNOWN 20       /* a word that means nothing */
#define COST_APART 0.8        /* small words stand between those of a name */
#define COST_GLOSSED 1.0      /* a word that the brackets behind it explain */

#endif
