/* The three datasets that ship, made anew: the same bytes on every machine and compiler. */
#ifndef ASKCSV_DATASET_GENERATE_H
#define ASKCSV_DATASET_GENERATE_H

#include "dataset/schema.h"

/* Writes each table of the dataset to folder/ID/FILE (whole or not at all, mode 0644; folders
 * are made). The dataset's id chooses the generator: ecommerce, support or sensors. */
int dataset_generate(const struct dataset *dataset, const char *folder, struct error *err);

/* True when a generator exists for that id. */
bool dataset_is_generated(const char *id);

#endif
