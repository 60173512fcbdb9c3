#include "protocol/result_hash.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_ROW_TEXT_MAX (256 * 1024 * 1024)

struct result_hash {
        struct hash *hash;
        bool ordered;
        unsigned char (*digests)[HASH_BYTES]; /* of the rows so far, when they are not ordered */
        size_t n;
        size_t capacity;
};

struct result_hash *result_hash_new(const json_t *columns, const json_t *types, bool ordered,
                                    struct error *err)
{
        struct result_hash *result = alloc_calloc(1, sizeof(*result));
        _cleanup_json_ json_t *head =
                json_pack("{s:O,s:b,s:O}", "columns", columns, "ordered", ordered, "types", types);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, RESULT_ROW_TEXT_MAX);
        if (result)
                result->hash = hash_new();
        if (!result || !result->hash || !head) {
                result_hash_free(result);
                (void)error_oom(err);
                return NULL;
        }
        result->ordered = ordered;
        if (json_canonical(head, &text, err) < 0) {
                result_hash_free(result);
                return NULL;
        }
        hash_update(result->hash, buf_text(&text), text.len);
        hash_update(result->hash, "\n", 1);
        return result;
}

void result_hash_free(struct result_hash *result)
{
        if (!result)
                return;
        hash_free(result->hash);
        free(result->digests);
        free(result);
}

static void result_hash_freep(struct result_hash **result)
{
        result_hash_free(*result);
}

static int keep_digest(struct result_hash *result, const unsigned char digest[HASH_BYTES],
                       struct error *err)
{
        if (result->n == result->capacity) {
                size_t capacity = result->capacity ? 2 * result->capacity : 64;
                void *digests = alloc_realloc(result->digests, capacity * HASH_BYTES);
                if (!digests)
                        return error_oom(err);
                result->digests = digests;
                result->capacity = capacity;
        }
        memcpy(result->digests[result->n++], digest, HASH_BYTES);
        return 0;
}

int result_hash_add(struct result_hash *result, const char *row, size_t n, struct error *err)
{
        unsigned char digest[HASH_BYTES];
        int r = hash_bytes(row, n, digest, err);
        if (r < 0)
                return r;
        if (!result->ordered)
                return keep_digest(result, digest, err);
        hash_update(result->hash, digest, HASH_BYTES);
        return 0;
}

static int digest_compare(const void *a, const void *b)
{
        return memcmp(a, b, HASH_BYTES);
}

void result_hash_final(struct result_hash *result, char out[HASH_HEX_SIZE])
{
        if (result->n > 0) {
                qsort(result->digests, result->n, HASH_BYTES, digest_compare);
                hash_update(result->hash, result->digests, result->n * HASH_BYTES);
        }
        hash_final_hex(result->hash, out);
}

int result_hash_json(const json_t *columns, const json_t *types, const json_t *rows, bool ordered,
                     char out[HASH_HEX_SIZE], struct error *err)
{
        _cleanup_(result_hash_freep) struct result_hash *result =
                result_hash_new(columns, types, ordered, err);
        if (!result)
                return -(int)ERROR_INTERNAL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, RESULT_ROW_TEXT_MAX);
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row)
        {
                buf_clear(&text);
                int r = json_canonical(row, &text, err);
                if (r == 0)
                        r = result_hash_add(result, buf_text(&text), text.len, err);
                if (r < 0)
                        return r;
        }
        result_hash_final(result, out);
        return 0;
}
