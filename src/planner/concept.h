/* What can be spoken of: the tables, columns, measures and segments of a dataset under all their
 * names, and what names, types and values tell about each column. */
#ifndef ASKCSV_PLANNER_CONCEPT_H
#define ASKCSV_PLANNER_CONCEPT_H

#include "dataset/schema.h"
#include "dataset/values.h"
#include "planner/value_texts.h"
#include "planner/words.h"

#include <stdint.h>

#define REFS_MAX 8
#define PHRASE_WORDS_MAX 8

/* One column, or columns of the same name in several tables: which is meant is decided when the
 * table is known that the question is about. */
struct colref {
        int table;
        int column;
};

struct refs {
        struct colref at[REFS_MAX];
        size_t n;
};

/* Whether its numbers are added up (money, pieces) or averaged (prices, temperatures, shares). */
/* Dates that are kept as text, by where their month stands. */
enum text_date {
        TEXT_DATE_NONE,
        TEXT_DATE_YEAR,  /* "04/05/2025": which of them is the month is not to be seen */
        TEXT_DATE_MONTH, /* "04/25/2025" */
        TEXT_DATE_DAY,   /* "25.04.2025" */
};

enum nature { NATURE_UNKNOWN, NATURE_ADDED, NATURE_AVERAGED };

struct column_facts {
        const struct column *column;
        const struct column_values *values; /* or NULL */
        const struct value_text *texts;     /* of the value index, else of the schema */
        size_t n_texts;
        const char *words[PHRASE_WORDS_MAX]; /* stems of the name, the unit's last */
        size_t n_words;
        size_t n_unit;
        const char *entity;      /* stem of what it identifies ("custom"), or NULL */
        const char *entity_said; /* the word itself */
        bool is_id;              /* it identifies something */
        bool is_key;             /* of its table's rows */
        bool is_unique;          /* no value twice */
        bool is_number;
        bool is_moment;       /* DATE or TIMESTAMP */
        bool is_year;         /* a number that is a calendar year */
        bool is_dimension;    /* rows are grouped by it */
        bool is_flag;         /* two values that mean yes and no */
        const char *yes, *no; /* of a flag that is text; NULL otherwise */
        int64_t n_distinct;   /* -1: not known */
        enum nature nature;
        enum text_date text_date;
        char date_sign; /* "/", "." or "-" between the parts of such dates */
};

struct table_facts {
        const struct table *table;
        struct column_facts *columns;
        int key, label, time; /* columns, or -1 */
        int64_t n_rows;       /* -1: not known */
        const char *row;      /* what a row is, singular: "ticket" */
};

enum phrase_kind {
        PHRASE_TABLE, /* its rows */
        PHRASE_COLUMN,
        PHRASE_ENTITY, /* the things that a column identifies */
        PHRASE_MEASURE,
        PHRASE_SEGMENT,
};

/* A name: stems in order, and what it names. */
struct phrase {
        enum phrase_kind kind;
        const char *stems[PHRASE_WORDS_MAX];
        size_t n_stems;
        double cost;
        int index; /* table, measure, segment */
        struct refs refs;
};

struct concepts {
        const struct dataset *dataset;
        const struct value_index *values; /* or NULL */
        struct table_facts *tables;
        struct phrase *phrases;
        size_t n_phrases;
        size_t phrases_max;
        struct arena *arena;
        struct stemmer *stemmer;
        bool no_memory;
};

/* Everything is in arena. 0 or ERROR_INTERNAL. */
int concepts_make(const struct dataset *dataset, const struct value_index *values,
                  struct arena *arena, struct stemmer *stemmer, struct concepts *ret,
                  struct error *err);

const struct column_facts *concept_column(const struct concepts *concepts, struct colref ref);

/* True when the two have a column in common. */
bool refs_meet(const struct refs *a, const struct refs *b);
void refs_add(struct refs *refs, int table, int column);

/* How a column is named in a plan that starts from table: "price", "orders.status". In the
 * arena; NULL for no memory. */
const char *concept_name(const struct concepts *concepts, int base, struct colref ref);

#endif
