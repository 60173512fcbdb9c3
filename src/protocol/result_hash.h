/* result_hash: what makes two answers the same. It is SHA-256 over
 *   the RFC 8785 form of {"columns":[...],"ordered":bool,"types":[...]}, a newline, and then
 *   for each row the 32 bytes of SHA-256 over the RFC 8785 form of its array,
 * rows in their order when the query orders them totally, else sorted by those 32 bytes, so that
 * rows without an order hash as a multiset. */
#ifndef ASKCSV_PROTOCOL_RESULT_HASH_H
#define ASKCSV_PROTOCOL_RESULT_HASH_H

#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct result_hash; /* a hash under way */

/* columns and types are arrays of strings, of one length. NULL with err set on failure. */
struct result_hash *result_hash_new(const json_t *columns, const json_t *types, bool ordered,
                                    struct error *err);
void result_hash_free(struct result_hash *result);

/* row is the RFC 8785 text of one row's array. */
int result_hash_add(struct result_hash *result, const char *row, size_t n, struct error *err);
void result_hash_final(struct result_hash *result, char out[HASH_HEX_SIZE]);

/* All at once, over rows as an array of arrays. */
int result_hash_json(const json_t *columns, const json_t *types, const json_t *rows, bool ordered,
                     char out[HASH_HEX_SIZE], struct error *err);

#endif
