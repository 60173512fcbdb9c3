/* What must hold in the datasets that ship (datasets/rules.json, built into the program): data,
 * not code. `askcsv datasets validate` runs each rule's query in the sandbox like any other. */
#ifndef ASKCSV_DATASET_RULES_H
#define ASKCSV_DATASET_RULES_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

struct dataset_rule {
        const char *id;    /* "orders-total" */
        const char *table; /* that the lines belong to */
        const char *text;  /* the rule in plain words */
        /* One SELECT over the dataset's tables that gives what offends: line BIGINT (of the
         * table's CSV file, the header being line 1, each row one line; NULL when the rule is
         * about the whole table) and detail VARCHAR. No rows: the rule holds. */
        const char *sql;
};

struct dataset_rules {
        const struct dataset_rule *rules;
        size_t n; /* 0 for a dataset that has none */
        struct arena *arena;
};

/* The rules of the dataset with that id. Release with dataset_rules_free. */
int dataset_rules_open(const char *dataset_id, struct dataset_rules **ret, struct error *err);
void dataset_rules_free(struct dataset_rules *rules); /* NULL is fine */

/* The same out of a text of that form; for tests. ERROR_DATASET_INVALID when it has another. */
int dataset_rules_parse(const char *text, size_t n, const char *dataset_id,
                        struct dataset_rules **ret, struct error *err);

#endif
