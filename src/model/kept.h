/* The blocks of an answer as Anthropic wants them back: a model that thought before it called a
 * tool goes on thinking only if its thoughts, which are signed, come back with the call, in their
 * order. Texts are kept beside them, and tool calls by their ids. */
#ifndef ASKCSV_MODEL_KEPT_H
#define ASKCSV_MODEL_KEPT_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct kept {
        json_t *blocks;
        struct buf text, signature; /* of the block that is open */
        const char *open;           /* "text" or "thinking"; NULL: none */
        bool has_thoughts;          /* else nothing of it is needed */
        size_t bytes;
};

void kept_init(struct kept *kept);
void kept_done(struct kept *kept); /* safe on a zeroed struct and twice */

/* A block begins, with what is in it already; a piece of it; its end. 0, ERROR_MODEL_ANSWER beyond
 * a bound, or ERROR_INTERNAL. */
int kept_begin(struct kept *kept, const json_t *block, struct error *err);
int kept_add(struct kept *kept, const json_t *delta, struct error *err);
int kept_end(struct kept *kept, struct error *err);

/* The blocks, the caller's; NULL when there were no thoughts. */
json_t *kept_take(struct kept *kept);

#endif
