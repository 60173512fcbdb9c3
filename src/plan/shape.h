/* Reading the plan's JSON piece by piece: each reader takes what it understands and reports the
 * rest, so that one pass finds every fault of shape. */
#ifndef ASKCSV_PLAN_SHAPE_H
#define ASKCSV_PLAN_SHAPE_H

#include "plan/report.h"

struct shape {
        struct plan *plan;
        struct arena *arena;
        struct report report;
        size_t nesting; /* expressions and filters around the present one */
        size_t nodes;   /* so far; PLAN_NODES_MAX */
        size_t work_left;
        bool is_too_large; /* reported once */
};

/* Zeroed memory of the plan; NULL (and report.no_memory) when there is none. */
void *shape_alloc(struct shape *s, size_t count, size_t size);

const struct place *shape_member(struct shape *s, const struct place *up, const char *key);
const struct place *shape_element(struct shape *s, const struct place *up, size_t index);

/* False with a fault when json is no object ("what" is "a filter", "example" a right one). */
bool shape_object(struct shape *s, const json_t *json, const struct place *at, const char *what,
                  const char *example);

/* Reports every key of object that is not in the NULL-terminated list. */
void shape_keys(struct shape *s, const json_t *object, const struct place *at,
                const char *const *keys);

/* The members of one array. n is 0 when the key is absent or the array is unusable (reported). */
struct shape_list {
        const json_t *json;
        const struct place *at;
        size_t n;
};
struct shape_list shape_list(struct shape *s, const json_t *object, const struct place *at,
                             const char *key, size_t min, size_t max);

/* An integer member in min..max, or the fallback when it is absent or wrong (reported). */
int shape_integer(struct shape *s, const json_t *object, const struct place *at, const char *key,
                  int min, int max, int fallback);
bool shape_bool(struct shape *s, const json_t *object, const struct place *at, const char *key);

/* 0 or 1 for "asc" or "desc" (or whatever the two words are), -1 when absent or wrong. */
int shape_choice(struct shape *s, const json_t *object, const struct place *at, const char *key,
                 const char *zero, const char *one);

/* A string of 1..max characters without control characters, or NULL (reported). */
const char *shape_text(struct shape *s, const json_t *json, const struct place *at, size_t max,
                       const char *what);

/* A member that must be one of the words; NULL when it is absent or not (reported). */
const char *shape_word(struct shape *s, const json_t *object, const struct place *at,
                       const char *key, const char *const *words);

/* "a, b, c" for messages. */
const char *shape_join(struct shape *s, const char *const *words);

/* Enters one more expression or filter; false (reported) when there are too many or they nest
 * too deep. shape_leave() after each success. */
bool shape_enter(struct shape *s, const struct place *at);
void shape_leave(struct shape *s);

/* A node with an id; NULL when memory is short. */
struct expr *shape_expr(struct shape *s, enum expr_op op, const struct place *at);

/* parse_expr.c: NULL when it is none (reported). */
struct expr *parse_expr(struct shape *s, const json_t *json, const struct place *at);
/* {"func": ..., "column"|"expr": ..., "where"?}; the caller has checked the keys. */
struct expr *parse_aggregate(struct shape *s, const json_t *object, const struct place *at);
/* A name as an expression, or NULL (reported). */
struct expr *parse_name(struct shape *s, const json_t *json, const struct place *at);
/* A string, number or boolean as an expression, or NULL (reported). */
struct expr *parse_scalar(struct shape *s, const json_t *json, const struct place *at);

/* parse_filter.c: the list of filters under key; 0 of them when it is absent. */
struct filters parse_filters(struct shape *s, const json_t *object, const struct place *at,
                             const char *key, size_t min);

#endif
