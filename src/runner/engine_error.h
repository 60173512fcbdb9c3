/* From the engine's errors to ours. */
#ifndef ASKCSV_RUNNER_ENGINE_ERROR_H
#define ASKCSV_RUNNER_ENGINE_ERROR_H

#include "base/error.h"

/* said is the engine's message: JSON when errors_as_json is on, plain text before that. sql is
 * the text that positions count in, or NULL. An error of the engine's own making (INTERNAL,
 * FATAL) carries code addresses and is not repeated. */
int engine_error(struct error *err, const char *said, const char *sql);

/* For an error while a table was loaded: names the file by `name`, the line and the column. */
int engine_load_error(struct error *err, const char *said, const char *name, const char *path);

#endif
