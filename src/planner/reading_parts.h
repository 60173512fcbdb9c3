/* What the files of the reading share: reading.c writes the sentence, reading_item.c,
 * reading_filter.c, reading_expr.c and reading_order.c its parts, reading_words.c names and values;
 * reading_scope.c finds out what a name stands for. Writers write to out; what has an unexpected
 * shape is left out and remembered in wrong. */
#ifndef ASKCSV_PLANNER_READING_PARTS_H
#define ASKCSV_PLANNER_READING_PARTS_H

#include "base/buf.h"
#include "dataset/schema.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define READING_DEPTH_MAX 64  /* expressions and filters inside each other; plans have 16 */
#define READING_VALUES_MAX 10 /* of a list; the rest is counted */

struct reading {
        const json_t *plan;
        const json_t *select; /* an array, or NULL: every column */
        const struct dataset *dataset;
        const struct table *table; /* the plan's, or NULL when the dataset has none of that name */
        struct buf *out;
        size_t start;    /* of the sentence in out */
        size_t given_at; /* in out: where the plan's first own word stands, or SIZE_MAX */
        int depth;
        bool in_having;       /* names may be those of select items */
        int lone;             /* the only item that is no key, if it needs no name, or -1 */
        const char *between;  /* what goes before the next part of the sentence */
        size_t n_orders_said; /* of order_by */
        const char *wrong;    /* what is not as plans are: the first such thing, or NULL */
};

/* How tightly a phrase holds together; a looser one inside gets parentheses. */
enum reading_bind {
        READ_CLAUSE, /* number of rows where a is b */
        READ_PHRASE, /* sum of price */
        READ_SUM,
        READ_PRODUCT,
        READ_ATOM,
};

void reading_wrong(struct reading *r, const char *what);
/* One level down; false (and wrong is set) when there are too many. Pair with reading_leave. */
bool reading_enter(struct reading *r);
void reading_leave(struct reading *r);

/* reading_words.c */
void reading_name(struct reading *r, const char *name);
/* A string, number or boolean. A text that some column is called like gets quotes; beside a text
 * only if that is a column of texts. unit may be NULL. */
void reading_value(struct reading *r, const json_t *value, bool is_beside_text, const char *unit);
/* "a, b or c": at most READING_VALUES_MAX of the list, then "or 5 more"; last is " or " or the
 * like. */
void reading_values(struct reading *r, const json_t *list, const char *last, const char *unit);
/* True when a text needs no quotes. */
bool reading_is_plain(const char *text);
/* Whole numbers may be written 10.0. */
json_int_t reading_integer(const json_t *value, json_int_t fallback);

/* reading_scope.c */
/* The column of that name as the plan compiler finds it, or NULL. */
const struct column *reading_column(const struct reading *r, const char *name);
/* The expression of a select item: the item itself when it is a column or an aggregate. */
const json_t *reading_item_expr(const json_t *item);
/* True when the item is called so without its alias. */
bool reading_item_derives(const struct reading *r, const json_t *item, const char *name);
/* Index of the select item of that name, or -1. */
int reading_find_item(const struct reading *r, const char *name);
bool reading_is_temporal(enum column_kind kind);
/* What the values of an expression are, about: numbers, texts, ... */
enum column_kind reading_kind(struct reading *r, const json_t *expr);
/* The unit of the expression's numbers, or NULL. */
const char *reading_unit(struct reading *r, const json_t *expr);

/* reading_expr.c */
void reading_expr(struct reading *r, const json_t *expr, enum reading_bind least);
/* "rounded to 2 decimals"; expr is a {"round": ...}. */
void reading_rounded(struct reading *r, const json_t *expr);
/* True when there is an aggregate anywhere in json. */
bool reading_has_aggregate(struct reading *r, const json_t *json);

/* reading_filter.c: "a is b and c > 5". */
void reading_filters(struct reading *r, const json_t *filters);

/* reading_item.c */
const json_t *reading_item(const struct reading *r, size_t i);
/* Index of the select item that a name of group_by means, or -1: that of the name, or one that
 * shows the same column under another. */
int reading_find_group_item(const struct reading *r, const char *name);
/* The alias if it is to be said behind what was written from `from` on, else NULL. */
const char *reading_alias(const struct reading *r, const json_t *item, size_t from);
/* One select item, an alone one without parentheses around it; true when its alias was not said. */
bool reading_put_item(struct reading *r, const json_t *item, bool is_alone);
/* What is called name: a select item, or a column that is not shown. */
void reading_reference(struct reading *r, const char *name);
/* " and " before the last of n, ", " before the others. */
void reading_comma(struct reading *r, size_t i, size_t n);
/* What the table's rows are, in the plural: "tickets"; "rows" when nobody said. */
void reading_rows_word(struct reading *r);

/* reading_order.c */
void reading_begin_part(struct reading *r);
/* "by priority" + " in the order Critical, High": an explicit order of the only key, said with it.
 */
void reading_key_order(struct reading *r);
/* "top", "order_by", "limit" and "offset". */
void reading_order(struct reading *r);

#endif
