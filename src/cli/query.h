/* The parts that run, check and plan compile have in common. */
#ifndef ASKCSV_CLI_QUERY_H
#define ASKCSV_CLI_QUERY_H

#include "base/buf.h"
#include "base/error.h"
#include "run/source.h"

#define QUERY_INPUT_MAX                                                                            \
        (64 * 1024 * 1024) /* bytes read; what is too long is told by its reader                   \
                            */

/* Tells, on standard error, which file became which table. Nothing for a registered dataset. */
void query_tell_tables(const struct source *source);

/* Text from a file, "-" being standard input. */
int query_read(const char *path, struct buf *out, struct error *err);

#endif
