/* What an answer's numbers may come from: the runs' cells, and what their queries and the question
 * name. Made once, then asked for each number. */
#ifndef ASKCSV_GROUNDING_FACTS_H
#define ASKCSV_GROUNDING_FACTS_H

#include "grounding/grounding.h"
#include "grounding/text.h"

enum fact_origin { FACT_CELL, FACT_COLUMN, FACT_QUERY, FACT_QUESTION };

struct fact_place {
        enum fact_origin origin;
        uint32_t table;  /* of all but FACT_QUESTION */
        uint32_t column; /* of FACT_CELL and FACT_COLUMN */
        uint32_t row;    /* of FACT_CELL */
};

struct fact_column {
        const char *name;
        size_t n; /* cells that are numbers */
        long double sum;
        long double min;
        long double max;
        size_t min_row; /* the first of those */
        size_t max_row;
        size_t distinct; /* different values; NULL is none */
        size_t *counts;  /* in how many rows each of them is, when they are few */
        size_t n_counts;
        bool whole;    /* the numbers are integers */
        bool id;       /* they only tell things apart */
        bool percent;  /* they may be percentages, by name or size */
        bool fraction; /* none is beyond 1: they may be written as percentages */
        bool additive; /* their sum means something: no rate, average or id */
};

struct fact_table {
        const struct grounding_source *source;
        size_t n_columns;
        size_t n_rows; /* that were read */
        size_t row_count;
        bool whole; /* all rows of the answer were read: sums and counts are right */
        struct fact_column *columns;
        long double *values; /* of row r, column c: values[r * n_columns + c]; NaN for others */
};

struct fact_cell {
        long double value;
        struct decimal decimal;
        struct fact_place place;
};

struct fact_gram { /* a few words in a row, one with a digit */
        uint64_t hash;
        struct fact_place place;
};

struct fact_label { /* what a row is called in the text */
        uint64_t hash;
        bool upper; /* begins with a capital, there too */
        struct fact_place place;
};

struct fact_literal {
        struct decimal value;
        struct fact_place place;
};

struct fact_date {
        struct date date;
        struct fact_place place;
};

struct facts {
        struct arena *arena; /* the caller's */
        struct fact_table *tables;
        size_t n_tables;
        struct fact_cell *cells; /* by value */
        size_t n_cells;
        struct fact_gram *grams; /* by hash */
        size_t n_grams;
        struct fact_label *labels; /* by hash */
        size_t n_labels;
        struct fact_literal *literals;
        size_t n_literals;
        struct fact_date *dates;
        size_t n_dates;
        size_t capacities[5]; /* of the arrays above */
        size_t n_looked_at;   /* cells of all tables */
};

#define FACT_LABEL_TOKENS_MAX 8 /* of a text cell that is a row's label */
#define FACT_GRAM_TOKENS_MAX 4  /* of words that are kept together */

/* arena must live as long as ret. Release with facts_done, also after a failure. */
int facts_make(const struct grounding_input *input, struct arena *arena, struct facts *ret,
               struct error *err);
void facts_done(struct facts *facts);

/* The first with that hash, and how many; NULL for none. */
const struct fact_gram *facts_find_gram(const struct facts *facts, uint64_t hash);
const struct fact_label *facts_find_labels(const struct facts *facts, uint64_t hash, size_t *ret_n);

/* The index of the first cell whose value is not below `value`. */
size_t facts_first_cell(const struct facts *facts, long double value);

/* What a plan and its SQL name, and the question: query.c. */
int facts_add_query(struct facts *facts, uint32_t table, struct error *err);
int facts_add_question(struct facts *facts, const char *question, struct error *err);

/* For the parts of facts_make. */
int facts_add_gram(struct facts *facts, uint64_t hash, const struct fact_place *place,
                   struct error *err);
int facts_add_literal(struct facts *facts, const struct decimal *value,
                      const struct fact_place *place, struct error *err);
int facts_add_date(struct facts *facts, const struct date *date, const struct fact_place *place,
                   struct error *err);
/* Its words with digits, each with up to FACT_GRAM_TOKENS_MAX - 1 of its neighbours. */
int facts_add_text(struct facts *facts, const char *text, size_t n, const struct fact_place *place,
                   struct error *err);

#endif
