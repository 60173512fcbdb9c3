/* Datasets as text and as JSON. */
#ifndef ASKCSV_CLI_DATASETS_SHOW_H
#define ASKCSV_CLI_DATASETS_SHOW_H

#include "base/buf.h"
#include "dataset/registry.h"

#include <jansson.h>
#include <stdbool.h>

/* True when every file of the dataset is in folder/ID. */
bool dataset_is_generated_in(const char *folder, const struct dataset *dataset);

/* [{"id","name","description","as_of","version","tables":[names],"generated"}]; NULL: no memory. */
json_t *datasets_list_json(const struct registry *registry, const char *folder);

/* The whole of one dataset; NULL for no memory. */
json_t *dataset_show_json(const struct dataset *dataset, const char *folder);

/* The same for people. */
void dataset_put(struct buf *out, const struct dataset *dataset, const char *folder);

#endif
