/* A dataset's tables, columns and relationships as JSON, as the API and language models get them.
 */
#ifndef ASKCSV_DATASET_SCHEMA_OUT_H
#define ASKCSV_DATASET_SCHEMA_OUT_H

#include "dataset/schema.h"

/* {"name","type","nullable","description","unit","values"?}; what is unknown is null. These all
 * give a new reference, or NULL for no memory. */
json_t *column_to_json(const struct column *column);

/* {"name","description","format","columns":[...]} */
json_t *table_to_json(const struct table *table);

/* [{"from":"table.column","to":"table.column"}] */
json_t *relationships_to_json(const struct dataset *dataset);

#endif
