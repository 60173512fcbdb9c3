/* What names, types and values tell about a column: what it identifies, whether it is added up,
 * which column is a table's key. */
#ifndef ASKCSV_PLANNER_FACTS_H
#define ASKCSV_PLANNER_FACTS_H

#include "planner/concept.h"

/* Cuts a column's name into at most PHRASE_WORDS_MAX words, those left out that only say what kind
 * of column it is ("flag"); the last *n_unit of them are its unit. 0 for no memory too. */
size_t facts_split_name(struct arena *arena, const char *name, const char **words, size_t *n_unit);

/* From the column's type and values; column, values and the table's n_rows are set. */
void facts_learn_type(struct column_facts *facts, const struct table_facts *table);
/* From the n words of its name, the unit's left out; after facts_learn_type. */
void facts_learn_name(struct column_facts *facts, const struct table_facts *table,
                      const char *const *words, size_t n);

/* A column of the table whose columns are all learnt, or -1. The first that no two rows share, ids
 * before others; */
int facts_infer_key(const struct table_facts *facts);
/* what people call a row; */
int facts_infer_label(const struct table_facts *facts);
/* and the first date or moment, births last. */
int facts_infer_time(const struct table_facts *facts);
/* The text that says that there is nothing ("None"), where no value is NULL; or NULL. */
const char *facts_value_of_nothing(const struct column_facts *facts);

#endif
