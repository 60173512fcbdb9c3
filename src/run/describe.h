/* Requests out of datasets, and datasets out of what the runner said of their files. */
#ifndef ASKCSV_RUN_DESCRIBE_H
#define ASKCSV_RUN_DESCRIBE_H

#include "dataset/schema.h"
#include "dataset/values.h"
#include "executor/executor.h"
#include "protocol/request.h"

#include <jansson.h>

/* True when every table's columns and hash are known. */
bool dataset_is_described(const struct dataset *dataset);

/* A copy of dataset with hashes, and columns where they were unknown, from a response's tables
 * (checked by response_parse). It borrows from dataset. Release with dataset_free. */
int dataset_with_tables(const struct dataset *dataset, const json_t *tables, struct dataset **ret,
                        struct error *err);

/* Asks the runner for columns, types and hashes of the dataset's files. Release as above. */
int dataset_describe(struct executor *executor, const struct dataset *dataset, const char *run_id,
                     const struct limits *limits, int cancel_fd, struct dataset **ret,
                     struct error *err);

/* The same, and which values the columns hold: {"tables": [...], "values": {...}} as a response has
 * them, for dataset_take_values. The caller json_decrefs *ret. */
int dataset_ask_values(struct executor *executor, const struct dataset *dataset, const char *run_id,
                       const struct limits *limits, int cancel_fd, json_t **ret, struct error *err);

/* The caller frees *described (dataset_free), which borrows from dataset, and *index
 * (value_index_free), which stands on its own; on failure neither is set. */
int dataset_take_values(const struct dataset *dataset, const json_t *values,
                        struct dataset **described, struct value_index **index, struct error *err);

/* The request's tables for a dataset, in its arena; columns of `dataset` (unknown ones are found
 * again), hashes of `described`, or of dataset when that is NULL. */
int request_set_tables(struct request *request, const struct dataset *dataset,
                       const struct dataset *described, struct arena *arena, struct error *err);

#endif
