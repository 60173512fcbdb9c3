/* One value of a result out of its JSON form, as value_put wrote it, into the engine. The JSON
 * comes from outside: what does not fit the shape is an error, never another value. */
#ifndef ASKCSV_RUNNER_VALUE_TAKE_H
#define ASKCSV_RUNNER_VALUE_TAKE_H

#include "runner/shape.h"

#include <jansson.h>

/* Sets row `row` of a vector of the type shape_file_type(shape), in ascending order of rows.
 * ERROR_INVALID_REQUEST: the value is none of that type. ERROR_SQL_EXECUTION: it is one, and a
 * Parquet file has no place for it. */
int value_take(const struct shape *shape, const json_t *json, duckdb_vector vector, idx_t row,
               struct error *err);

#endif
