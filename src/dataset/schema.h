/* What is known of a dataset: its tables, their columns and how they relate. Planners, the plan
 * compiler and the command line read it; the registry or the runner's description fills it. */
#ifndef ASKCSV_DATASET_SCHEMA_H
#define ASKCSV_DATASET_SCHEMA_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define DATASET_ID_MAX 64 /* bytes; [A-Za-z_][A-Za-z0-9_-]* */
#define DATASET_TABLES_MAX 64
#define DATASET_COLUMNS_MAX 4096 /* of one table */
#define DATASET_LIST_MAX 4096    /* of a dataset's relationships, prompts; of a column's values */
#define DATASET_WORDS_MAX 100    /* synonyms, shown columns, ordered values: what a plan takes */
#define DATASET_TEXT_MAX 4096    /* bytes of a description, a name, a value */
#define DATASET_ARENA_MAX (64 * 1024 * 1024)

/* The classes of types that a plan's rules distinguish. */
enum column_kind {
        COLUMN_INTEGER,   /* TINYINT .. HUGEINT, signed and unsigned */
        COLUMN_DECIMAL,   /* DECIMAL(w,s) */
        COLUMN_FLOAT,     /* FLOAT, DOUBLE */
        COLUMN_TEXT,      /* VARCHAR */
        COLUMN_BOOLEAN,   /* BOOLEAN */
        COLUMN_DATE,      /* DATE */
        COLUMN_TIMESTAMP, /* TIMESTAMP and its relatives */
        COLUMN_TIME,      /* TIME */
        COLUMN_OTHER,     /* anything else: may be selected and tested for NULL only */
};

/* Texts, in the order in which the registry has them. */
struct words {
        const char *const *items;
        size_t n;
};

struct column {
        const char *name;
        const char *type; /* as DuckDB spells it: "DECIMAL(10,2)" */
        enum column_kind kind;
        bool nullable;
        const char *description;   /* or NULL; so are the next two */
        const char *unit;          /* "USD", "hours", "percent" */
        const char *const *values; /* the enumerated values, or NULL */
        size_t n_values;
        struct words synonyms; /* other names for the column */
        struct words order;    /* values as people list them: Critical, High, Medium, Low */
        struct words show;  /* columns ("name", "inventory.name") shown beside what it identifies */
        const char *entity; /* what the column identifies, singular ("customer"), or NULL */
};

struct table {
        const char *name;        /* [A-Za-z_][A-Za-z0-9_]* */
        const char *path;        /* registry: relative to the dataset's folder; files: absolute */
        const char *shown;       /* the path as records name it; NULL: as it is */
        const char *format;      /* "csv" or "parquet" */
        const char *description; /* or NULL */
        char sha256[HASH_HEX_SIZE]; /* of the file's bytes; "" while unknown */
        const struct column *columns;
        size_t n_columns;      /* 0 while unknown: the runner sniffs */
        struct words synonyms; /* other names for its rows: "purchase" */
        struct words show;     /* columns that matter when rows are listed */
        const char *row;   /* what a row is, singular ("reading"), or NULL; so are the next three */
        const char *key;   /* the column that identifies a row */
        const char *label; /* the column that names what the key identifies */
        const char *time;  /* the column meant by "last week"; may be "orders.order_date" */
        const json_t *with; /* select items shown beside a count of its rows, or NULL */
};

/* A number that the dataset's owner defined: "revenue is price times quantity". The JSON is of
 * the plan's language (docs/PLAN.md) and of the shape that a plan has at that place; it is
 * borrowed from dataset.vocabulary. */
struct measure {
        const char *name;
        struct words synonyms;
        const char *description; /* or NULL; so are unit and the JSON but item */
        const char *unit;
        size_t table;          /* whose rows it is over */
        const json_t *item;    /* a select item with an alias */
        const json_t *filters; /* the rows that it is over */
        const json_t *with;    /* select items shown beside it */
        bool per_row;          /* its item has no aggregate: one number a row */
        bool ascending;        /* small ones come first */
};

/* Rows that have a name: "dangerous vibration". JSON as above. */
struct segment {
        const char *name;
        struct words synonyms;
        const char *description; /* or NULL; so is all below but table and filters */
        size_t table;
        const json_t *filters;
        const char *time;       /* the column meant by "last week" among these rows */
        const json_t *show;     /* select items when they are listed */
        const json_t *order_by; /* and their order */
        const json_t *with;     /* select items shown beside their count */
        int limit;              /* and how many at most; 0: no limit of its own */
};

/* Many to one: each row of from_table has at most one row of to_table. */
struct relationship {
        size_t from_table; /* index into dataset.tables */
        size_t from_column;
        size_t to_table;
        size_t to_column;
};

/* A question that the dataset answers, with the id of its golden plan. */
struct prompt {
        const char *id; /* "ecommerce-1" */
        const char *text;
};

struct dataset {
        const char *id;
        const char *name;
        const char *description;
        const char *as_of; /* "2026-01-31T00:00:00Z", or NULL: the moment of the run */
        struct table *tables;
        size_t n_tables;
        const struct relationship *relationships;
        size_t n_relationships;
        const struct prompt *prompts;
        size_t n_prompts;
        const struct measure *measures;
        size_t n_measures;
        const struct segment *segments;
        size_t n_segments;
        json_t *vocabulary;  /* what owns the JSON of measures, segments and tables, or NULL */
        struct arena *arena; /* owns everything above and the dataset itself */
};

/* The class of a DuckDB type name, in any case, with parameters. */
enum column_kind column_kind_of(const char *type);

/* Index of the table, or of the column in it, compared without regard to ASCII case as DuckDB
 * does; -1 when there is none. */
int dataset_find_table(const struct dataset *dataset, const char *name);
int table_find_column(const struct table *table, const char *name);

/* The version: SHA-256 over the RFC 8785 form of {"tables":[{"name","sha256","columns":[{"name",
 * "type"}]}],"relationships":[{"from","to"}]}, tables in name order, the rest in the order in
 * which the dataset has it. Every table's sha256 and columns must be known. */
int dataset_version(const struct dataset *dataset, char out[HASH_HEX_SIZE], struct error *err);

/* Reads one dataset out of its registry entry (schemas/registry.v1.json describes it) into memory
 * of its own. A "version" must be what dataset_version gives. Errors are ERROR_DATASET_INVALID
 * and carry a JSON Pointer into entry. Release with dataset_free. */
int dataset_from_json(const json_t *entry, struct dataset **ret, struct error *err);
void dataset_free(struct dataset *dataset); /* NULL is fine */

#endif
