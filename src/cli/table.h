/* A result drawn as a table. */
#ifndef ASKCSV_CLI_TABLE_H
#define ASKCSV_CLI_TABLE_H

#include "base/buf.h"
#include "cli/style.h"

#include <jansson.h>

/* Appends the table: columns and types are arrays of strings of one length, rows arrays of that
 * length. On a terminal with lines around the cells, fitted to its width (cells are cut with an
 * ellipsis; columns that do not fit at all are left out, and a line says so); else plain text
 * with aligned columns, whole. Numbers are right-aligned, NULL is written NULL, and nothing in a
 * cell can reach the terminal as a control character. */
void table_draw(struct buf *out, const json_t *columns, const json_t *types, const json_t *rows,
                const struct style *style);

/* A value as text in a cell: strings as they are, everything else as JSON; NULL for null. */
void table_put_value(struct buf *out, const json_t *value);

#endif
