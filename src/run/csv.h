/* A result as CSV. */
#ifndef ASKCSV_RUN_CSV_H
#define ASKCSV_RUN_CSV_H

#include "base/buf.h"

#include <jansson.h>

/* RFC 4180 with one header line, UTF-8, lines ended by \n as in the datasets. NULL is an empty
 * field (but "" in a table of one column, where it would be an empty line), an empty string is "",
 * lists and structs are JSON text. Cells are what they are: one that starts with =, +, - or @ is a
 * formula to a spreadsheet program, and is left alone here because the file is data; import it as
 * text. */
void csv_write(struct buf *out, const json_t *columns, const json_t *rows);

#endif
