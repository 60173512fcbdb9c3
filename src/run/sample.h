/* The first rows of each table, to show what is in it. */
#ifndef ASKCSV_RUN_SAMPLE_H
#define ASKCSV_RUN_SAMPLE_H

#include "base/error.h"
#include "dataset/schema.h"
#include "executor/executor.h"

#include <jansson.h>

#define SAMPLE_ROWS 5
#define SAMPLE_CELL_MAX                                                                            \
        200 /* code points of a text; of one that is longer U+2026 stands for the rest */

/* [[row, ...], ...]: of each table, in the dataset's order, its first SAMPLE_ROWS rows as the files
 * have them; a row is an array in the order of the table's columns, values are as in a response.
 * The runner runs one SELECT of ours for each table, behind the walls of every run; there is no
 * capsule, as nobody asked anything. dataset is as source_open_registered makes it. The caller owns
 * *ret. */
int dataset_sample(struct executor *executor, const struct dataset *dataset, int cancel_fd,
                   json_t **ret, struct error *err);

#endif
