/* Texts from outside as they are shown: UTF-8, whatever they are. */
#ifndef ASKCSV_PLANNER_PRINTABLE_H
#define ASKCSV_PLANNER_PRINTABLE_H

#include <jansson.h>
#include <stddef.h>

/* Writes as many whole characters of the text as fit into `size` bytes, always ended; '?' for each
 * byte that is not UTF-8. Gives the length. */
size_t printable(const char *text, char *out, size_t size);

/* All of it as a JSON string; NULL for no memory. */
json_t *printable_json(const char *text);

#endif
