/* A path while it is read: each pass takes the atoms that it understands; what nobody took makes
 * the path senseless. */
#ifndef ASKCSV_PLANNER_READER_H
#define ASKCSV_PLANNER_READER_H

#include "planner/intent.h"

struct reader {
        const struct question *question;
        const struct atom *const *atoms;
        size_t n;
        bool used[PATH_MAX_ATOMS];
        struct intent *intent;
        int n_either;      /* groups of conditions joined by "or" so far */
        size_t share_at;   /* where "share of" stands, or n */
        size_t share_noun; /* what it is a share of, or n */
        size_t ratio_part; /* "ratio of men to women": the conditions */
        size_t ratio_whole;
        size_t rate_at; /* the condition that a rate is of, or n */
};

/* What is supposed makes a reading dearer; the cheapest one of all that make sense is taken. */
#define COST_TOO_MUCH 100      /* more conditions or numbers than there is room for */
#define COST_SENSELESS 60      /* it cannot be meant like that: more than COST_MAX */
#define COST_MAX 50            /* of a reading that makes sense */
#define COST_RARELY_MEANT 0.8  /* rows that are counted where a sum was said */
#define COST_DOUBLE_NOUN 0.6   /* the first of two nouns side by side says nothing */
#define COST_SUPPOSED 0.5      /* what a noun is there for is supposed */
#define COST_CONTEXT 0.4       /* a noun that may be a group, or what must be there */
#define COST_FLAG 0.3          /* a flag alone, as a condition */
#define COST_ONLY_NUMBER 0.3   /* the only number that a table has is meant */
#define COST_AGE 0.2           /* a number of nothing is an age */
#define COST_BY_UNIT 0.1       /* a column is found by its unit */
#define GAIN_SAME_COLUMN 0.5   /* a column stands beside its own value */
#define GAIN_TWO_OF_A_KIND 0.3 /* "A or B" are values of one column */

#define NO_ATOM ((size_t)-1)

/* Atoms that may stand between two that belong together. */
bool atom_is_soft(const struct atom *atom);
bool atom_is(const struct atom *atom, enum word word);
bool atom_is_noun(const struct atom *atom); /* TABLE, ENTITY, COLUMN */
/* The next atom after i that is not soft, used or not; r->n when there is none. The one before i:
 * NO_ATOM. */
size_t reader_next(const struct reader *r, size_t i);
size_t reader_before(const struct reader *r, size_t i);
/* i + 1 unless soft atoms follow; r->n at the end. */
const struct atom *reader_atom(const struct reader *r, size_t i); /* NULL outside */
bool reader_is(const struct reader *r, size_t i, enum word word);

const struct column_facts *reader_facts(const struct reader *r, const struct refs *refs);
bool reader_may_be_empty(const struct reader *r, const struct refs *refs); /* some rows are */
bool reader_is_number(const struct reader *r,
                      const struct atom *atom); /* a column to compute with */
bool reader_is_flag(const struct reader *r, const struct atom *atom);
bool reader_is_moment(const struct reader *r, const struct atom *atom); /* a date or a time */

struct cond *reader_cond(struct reader *r, enum cond_kind kind, size_t at);
struct want *reader_want(struct reader *r, enum want_kind kind);

/* read_numbers.c: numbers with what they are compared to. */
void read_numbers(struct reader *r);

/* A number with what stands around it. */
struct comparison {
        size_t number;                /* the atom; or a date's */
        size_t second;                /* of "between"; NO_ATOM */
        enum filter_op op;            /* FILTER_NONE: nothing said */
        const struct atom *adjective; /* "older": its columns are meant */
        size_t left, right;           /* the atoms beside it all, or NO_ATOM and r->n */
        const char *a, *b;
        const char *more[8]; /* "1, 2 or 3": the others */
        size_t n_more;
        bool money, percent;
        size_t unit;           /* an atom that is a unit: hours, percent; or r->n */
        const char *unit_stem; /* of a unit that some column has: "hPa" */
};

/* read_comparisons.c: the condition that a number makes; its atom stays unused when nobody knows
 * what it is a number of. */
void compare_number(struct reader *r, const struct comparison *c);
void read_columns_compared(struct reader *r,
                           size_t i); /* "sale price above list price", at "above" */

/* Conditions, each in a file of its name, and read_conds.c. */
void read_absences(struct reader *r);   /* without, missing, never */
void read_patterns(struct reader *r);   /* contains, starts with */
void read_conditions(struct reader *r); /* values, flags, segments, times */
void read_joints(struct reader *r);     /* and, or, versus between them */

/* read_ranks.c */
void read_ranks(struct reader *r); /* top 10, the most, the cheapest */

/* read_heads.c: what is ranked. */
/* The noun that is asked for: behind the superlative ("top 10 products"), behind "which", or before
 * "with the most". Sets intent->head if it is there. */
void find_head(struct reader *r, const struct rank *rank, size_t behind, size_t superlative);
bool find_time_head(struct reader *r, size_t superlative); /* "which month had" */
int count_of_head(struct reader *r); /* "5 products with the highest stock"; 0: not said */
bool reader_is_row_count(const struct reader *r, size_t i); /* a number that may be how many rows */

/* read_counts.c: one thing that is counted or computed. */
/* One thing to be counted or computed at i, without "how many" or a function before it: fills *want
 * and marks the atoms; *end is the last of them; false when there is none. */
bool read_operand(struct reader *r, size_t i, enum plan_func func, struct want *want, size_t *end);
/* What is counted behind i ("how many"): its noun, or the rows that are described. *want counts all
 * rows when false is returned. */
bool read_count(struct reader *r, size_t i, struct want *want, size_t *end);
/* The noun itself, counted, or a number added up. */
void read_noun_count(struct reader *r, const struct atom *atom, bool distinct, struct want *want);
/* The last noun of several side by side ("customer orders"), from i on; marks those before it. */
size_t reader_last_noun(struct reader *r, size_t i);
/* "difference between the highest and the lowest temperature". */
void read_spreads(struct reader *r);
/* The column at i, or two of them with a sign between ("price times quantity"). */
void take_column(struct reader *r, size_t i, enum plan_func func, struct want *want, size_t *end);

/* read_shares.c */
void read_shares(struct reader *r);
void read_share_noun(struct reader *r);       /* what a share is of: the noun behind "share of" */
void read_share_conditions(struct reader *r); /* which of the conditions a share is of */

/* read_groups.c */
void read_groups(struct reader *r); /* by, per, for each */

/* read_sorts.c */
void read_sort(struct reader *r, size_t i);      /* i is "sorted" */
void read_direction(struct reader *r, size_t i); /* i is "ascending", "newest first" */
/* "by price": an order and no groups, when it is a number; false when it is none. */
bool read_by_number(struct reader *r, size_t i, size_t at);

void read_first(struct reader *r); /* "lowest total first": an order, and nothing ranked */

/* read_ratios.c: per is the atom "per", noun the one that it is followed by. */
bool reads_as_ratio(struct reader *r, size_t per, size_t noun);
bool averages_rows(const struct reader *r, size_t per, size_t noun);
void average_number(struct reader *r, size_t per);
void take_ratio_noun(struct reader *r, size_t per);
void ratio_set_per(struct reader *r, size_t i);
void read_average_of_counts(struct reader *r);
void read_quotients(struct reader *r);

/* read_functions.c */
void read_function(struct reader *r, size_t i);
void read_named_functions(struct reader *r); /* of a column that is called "Total Cost" */
void read_extremes(struct reader *r);        /* "the highest and the lowest fare" */
void read_whole(struct reader *r);           /* functions that are said of the whole */
/* "how much does X cost" asks for what one row says, and not for a sum. */
bool reader_asks_one_row(const struct reader *r);

/* read_wants.c */
void read_wants(struct reader *r); /* how many, average, revenue */
/* True when i is one of several things that are asked for: "revenue and orders by month". */
bool reader_is_joined(const struct reader *r, size_t i);

/* read_nouns.c */
void read_nouns(struct reader *r); /* what is left */

#endif
