/* Where a value stands in a JSON document, as a chain of keys and indexes up to the document
 * itself, which is NULL. Cheap to make on the way down; spelt out as a JSON Pointer (RFC 6901) only
 * when something is wrong. */
#ifndef ASKCSV_BASE_PLACE_H
#define ASKCSV_BASE_PLACE_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>

struct place {
        const struct place *up;
        const char *key; /* NULL: an array's element */
        size_t index;
};

struct place place_key(const struct place *up, const char *key);
struct place place_index(const struct place *up, size_t index);

/* "/tables/0/name"; nothing for the document. */
void place_put(const struct place *place, struct buf *out);

/* Sets err->pointer; a pointer that does not fit is cut back to the nearest place above that does.
 */
void place_to_error(const struct place *place, struct error *err);

#endif
