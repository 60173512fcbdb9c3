/* A planner that did not know, shown, and asked again on a terminal. */
#ifndef ASKCSV_CLI_ABSTENTION_H
#define ASKCSV_CLI_ABSTENTION_H

#include "base/buf.h"
#include "base/error.h"
#include "cli/style.h"

#include <jansson.h>
#include <stddef.h>

/* "I don't know: ...", the words that were not understood, what is near them, the choices by
 * number, questions that can be answered. abstention is a capsule's. */
void abstention_put(struct buf *out, const json_t *abstention, const struct style *style);

/* How many choices there are. */
size_t abstention_choices(const json_t *abstention);

/* Asks on the terminal which of the n choices is meant, until an answer is one. *ret is its number
 * from 1, or 0 for none. */
int abstention_choose(size_t n, size_t *ret, struct error *err);

#endif
