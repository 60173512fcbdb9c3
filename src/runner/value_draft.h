/* A value index in the making (dataset/values.h): what the engine counted of each column goes in,
 * JSON text of a bounded size comes out. Where not all texts fit, those of small columns stay
 * whole, large ones share what is left alike, and of one column the most frequent stay. The same
 * counts give the same bytes, in whatever order they came. */
#ifndef ASKCSV_RUNNER_VALUE_DRAFT_H
#define ASKCSV_RUNNER_VALUE_DRAFT_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draft_text;

/* The smallest value, or the largest. */
struct draft_end {
        char *text; /* free(3); NULL: there is none */
        size_t n;
};

struct draft_column {
        const char *name; /* lent, as is a table's */
        bool is_text;
        int64_t n_nulls;
        int64_t n_distinct; /* -1: not counted */
        struct draft_end min;
        struct draft_end max;
        struct draft_text **texts; /* the most frequent, once they are ranked */
        size_t n_texts;
        size_t room;
        size_t cost; /* of all of texts; value_draft.c says of what */
        bool is_cut; /* texts has had its ceiling, and all others are below its last */
};

struct draft_table {
        const char *name;
        int64_t n_rows;
        struct draft_column *columns; /* free(3) */
        size_t n_columns;
};

struct value_draft {
        struct draft_table *tables; /* free(3) */
        size_t n_tables;
};

void value_draft_done(struct value_draft *draft); /* safe on {0}, and twice */

/* Replaces an end by a copy of the text. */
int draft_end_set(struct draft_end *end, const char *text, size_t n, struct error *err);

/* One more distinct text of the column, which `count` rows hold. UTF-8; a text that an index cannot
 * hold (too long, or with U+0000 in it) is counted and left out. */
int draft_column_add(struct draft_column *column, const char *text, size_t n, int64_t count,
                     struct error *err);

/* After the last one. */
void draft_column_rank(struct draft_column *column);

/* As it was before the first one. */
void draft_column_clear(struct draft_column *column);

/* Lets go of texts that will not fit, whatever else comes, once there are many. To be called after
 * each column. */
int value_draft_shrink(struct value_draft *draft, struct error *err);

/* {"tables":[...]}, at most VALUES_BYTES_MAX bytes, into out, which is initialised here. The draft
 * keeps only what is written. */
int value_draft_put(struct value_draft *draft, struct buf *out, struct error *err);

#endif
