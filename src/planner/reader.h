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
        int n_either; /* groups of conditions joined by "or" so far */
        size_t share_at;  /* where "share of" stands, or n */
        size_t share_noun; /* what it is a share of, or n */
        size_t rate_at;    /* the condition that a rate is of, or n */
};

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
bool reader_is_number(const struct reader *r, const struct atom *atom); /* a column to compute with */
bool reader_is_flag(const struct reader *r, const struct atom *atom);

struct cond *reader_cond(struct reader *r, enum cond_kind kind, size_t at);
struct want *reader_want(struct reader *r, enum want_kind kind);

/* read_numbers.c: numbers with what they are compared to. */
void read_numbers(struct reader *r);
/* read_conds.c */
void read_absences(struct reader *r); /* without, missing, never */
void read_patterns(struct reader *r); /* contains, starts with */
void read_conditions(struct reader *r); /* values, flags, segments, times */
void read_joints(struct reader *r);   /* and, or, versus between them */
/* read_wants.c */
void read_ranks(struct reader *r);  /* top 10, the most, the cheapest */
void read_shares(struct reader *r);
void read_share_conditions(struct reader *r); /* which of the conditions a share is of */
void read_groups(struct reader *r); /* by, per, for each */
void read_wants(struct reader *r);  /* how many, average, revenue */
void read_nouns(struct reader *r);  /* what is left */
/* One thing to be counted or computed at i, without "how many" or a function before it: fills *want
 * and marks the atoms; false when there is none. */
bool read_operand(struct reader *r, size_t i, enum plan_func func, struct want *want,
                  size_t *end);

#endif
