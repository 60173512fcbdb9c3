/* Parts of link.c in files of their own. */
#ifndef ASKCSV_PLANNER_LINK_H
#define ASKCSV_PLANNER_LINK_H

#include "planner/atom.h"

/* link_values.c: stretches of the question that are a value of the data. */
void values_link(struct question *question);
/* True when the dataset's owner gave those words a meaning: a measure or a segment. */
bool question_owners_words(const struct question *question, size_t first, size_t n);

/* link_parts.c: then those words without any other meaning that are a part of some values. */
void values_link_parts(struct question *question);

/* link_names.c: names of tables, columns, measures and segments, and parts of them. */
/* Names that the n stems from token i on begin with; ends[k] is how many tokens k + 1 stems take.
 */
void phrases_link(struct question *question, size_t i, const char **stems, const size_t *ends,
                  size_t n, size_t least);
/* Columns whose names hold all of the n stems, which take that many tokens. */
void columns_link(struct question *question, size_t i, const char **stems, size_t n, size_t tokens);
void tables_link(struct question *question, size_t i, const char *stem);
/* The atom of that kind over those tokens for a column of the same name, or NULL. */
struct atom *atom_find_column(struct question *question, enum atom_kind kind, size_t first,
                              size_t n, const struct column *column);
/* Adds the column to such an atom, or to a new one. */
void atom_add_column(struct question *question, enum atom_kind kind, size_t first, size_t n,
                     int table, int column, double cost);
bool stem_is_filler(const char *stem);
size_t column_words_said(const struct column_facts *facts, const char *const *stems, size_t n,
                         bool *with_last);
double column_cost(const struct column_facts *facts, size_t said, bool with_last);

/* link_hints.c: columns that are meant without their name being said. */
void hints_link(struct question *question, size_t i);
void derived_link(struct question *question, size_t i);

/* link_synonyms.c, link_adjectives.c, link_numbers.c */
void synonyms_link(struct question *question, size_t i);
void adjectives_link(struct question *question, size_t i);
void number_link(struct question *question, size_t i);
void text_link(struct question *question, size_t i);

/* link.c: every atom from the one numbered `from` on costs more. */
void atoms_raise_cost(struct question *question, size_t from, double by);

#endif
