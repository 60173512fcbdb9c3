/* A plan while it is made. A failed allocation is remembered and ends it all at the end. */
#ifndef ASKCSV_PLANNER_BUILDER_H
#define ASKCSV_PLANNER_BUILDER_H

#include "planner/build.h"

struct builder {
        const struct question *question;
        const struct concepts *concepts;
        const struct intent *intent;
        int base;
        int choice;
        json_t *select, *filters, *group_by, *having, *order_by, *top;
        json_t *with; /* select items to come behind all others */
        int limit;
        bool distinct;
        struct built *built;
        bool failed; /* it cannot be said */
        bool no_memory;
};

/* Releases the lists that it holds. */
void builder_done(struct builder *b);
const struct table_facts *builder_table(const struct builder *b);
/* True when each row from here has at most one of that table. */
bool builder_leads(const struct builder *b, int table);
/* The column of refs that is meant from here; false (and b->failed) when none can be reached. */
bool builder_resolve(struct builder *b, const struct refs *refs, struct colref *ret);
/* The select item and the group_by entry of a group. */
void builder_add_group(struct builder *b, const struct group *group);
/* What stands in with, unless it is selected already. */
void builder_append_with(struct builder *b);
const char *builder_name(struct builder *b, struct colref ref);
/* The default time column; false when there is none. */
bool builder_time(struct builder *b, struct colref *ret);
/* {"column": name} */
json_t *builder_column(struct builder *b, struct colref ref);
/* json_pack and json_array_append_new that remember failures. */
json_t *builder_json(struct builder *b, json_t *json);
void builder_append(struct builder *b, json_t *array, json_t *value);
void builder_set(struct builder *b, json_t *object, const char *key, json_t *value);
void builder_assume(struct builder *b, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
const char *builder_plural(struct builder *b, const char *noun);
/* "The hottest" is about "Temp Max" sooner than about "Temp Min". */
void builder_prefer_end(struct builder *b, struct colref ref, bool high);
/* A name for an output that no other has. */
const char *builder_alias(struct builder *b, const char *wanted);
/* A deep copy of the owner's JSON with its columns named from here. */
json_t *builder_qualified(struct builder *b, const json_t *json, size_t table);

/* build_filters.c */
/* The filters of the conditions of that role, appended to array. */
void build_filters(struct builder *b, enum cond_role role, json_t *array);
void build_time(struct builder *b, const struct cond *cond, json_t *array);
/* Appends unless an equal one is there. */
void builder_add_filter(struct builder *b, json_t *array, json_t *filter);

/* build_wants.c */
/* A select item with an alias for the want; its filters and what is shown beside it go to *filters
 * and *with (arrays) when those are not NULL. */
json_t *build_want(struct builder *b, const struct want *want, json_t *filters, json_t *with);
/* What a want computes of two columns of one row, and a select item of it; NULL when a column
 * cannot be reached. */
json_t *build_computed(struct builder *b, const struct want *want);
json_t *build_computed_item(struct builder *b, const struct want *want);
/* The expression of a select item, as a new reference: the item without its alias. */
json_t *item_expr(struct builder *b, const json_t *item);
/* Adds the filters to every aggregate inside. */
void expr_add_where(struct builder *b, json_t *expr, const json_t *filters);
/* The owner's measure whose item is that function of that column, or -1. */
int find_measure(const struct builder *b, enum plan_func func, struct colref ref);
json_t *rounded(struct builder *b, json_t *expr);
json_t *percent_of(struct builder *b, json_t *part, json_t *whole);

/* True unless all the conditions are about other tables' columns. */
bool builder_is_about(const struct builder *b);

/* build_groups.c */
/* What the rows of the answer are, when numbers are asked for of each; the persons for "who". */
void build_head_group(struct builder *b);
void build_who_group(struct builder *b);
/* Groups that something is asked of are there: no rows without. */
void build_required_groups(struct builder *b);
void order_groups(struct builder *b, const char *number);
/* The best of all, or of each group. */
void rank_groups(struct builder *b, const char *number);
/* More groups than a plan without a limit shows. */
bool may_be_many(struct builder *b);
/* How many of the best are shown; what had to be supposed is said. */
int builder_ranked(struct builder *b);
/* The n best by that number or column, of each of per or of all; per stays the caller's. */
void builder_rank(struct builder *b, int n, json_t *per, const char *by, bool each);
void builder_require_value(struct builder *b, const struct refs *refs);
bool builder_find_persons(const struct builder *b, struct refs *ret);
void builder_add_order(struct builder *b, const char *by, bool descending);

/* build_numbers.c */
void build_numbers(struct builder *b);
/* A superlative over a column, where what is ranked is not a row: its sum, or its best. */
void build_ranked_things(struct builder *b);
bool builder_has_having(const struct intent *intent);
/* "" when there is none. */
const char *item_alias(const json_t *item);

/* build_rows.c: rows, or things, without numbers. */
void build_rows(struct builder *b);
void build_entities(struct builder *b);

#endif
