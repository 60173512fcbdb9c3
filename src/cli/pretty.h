/* JSON for people. */
#ifndef ASKCSV_CLI_PRETTY_H
#define ASKCSV_CLI_PRETTY_H

#include "base/buf.h"

#include <jansson.h>
#include <stddef.h>

/* Appends json over as many lines as it needs: what fits into `width` columns stays on one. There
 * is no line end behind it. */
int pretty_put(struct buf *out, const json_t *json, size_t width, struct error *err);

#endif
