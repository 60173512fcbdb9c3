/* A result as a Parquet file. */
#ifndef ASKCSV_RUN_EXPORT_H
#define ASKCSV_RUN_EXPORT_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

/* Has a runner of its own, without the host, write the file out of a capsule's result (columns,
 * types, rows) in a sandbox; docs/PROTOCOL.md, "Export", says what becomes of each type. run_id is
 * that of the capsule, and stands in the file. file is initialised here; the caller ends it with
 * buf_done. Takes a tenth of a second, and at most LIMITS_DEFAULT's timeout. Errors: those of
 * executor_run; ERROR_RUNNER_OUTPUT_EXCEEDED and ERROR_SQL_EXECUTION, when the result is too large
 * or holds what Parquet cannot (the message says what to do); ERROR_STORE, when its rows are not of
 * its types. */
int result_export(const char *run_id, const json_t *result, int cancel_fd, struct buf *file,
                  struct error *err);

#endif
