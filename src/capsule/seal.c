#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/capsule.h"
#include "protocol/result_hash.h"

#include <string.h>

bool capsule_is_sealed(const struct capsule *capsule)
{
        return json_is_string(json_object_get(capsule->body, "capsule_hash"));
}

int capsule_compute_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE], struct error *err)
{
        _cleanup_json_ json_t *hashed = json_copy(capsule->body);
        if (!hashed)
                return error_oom(err);
        (void)json_object_del(hashed, "capsule_hash");
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, CAPSULE_BYTES_MAX);
        int r = json_canonical(hashed, &text, err);
        return r < 0 ? r : hash_bytes_hex(buf_text(&text), text.len, out, err);
}

int capsule_compute_result_hash(const struct capsule *capsule, char out[HASH_HEX_SIZE],
                                struct error *err)
{
        const json_t *result = json_object_get(capsule->body, "result");
        const json_t *columns = json_object_get(result, "columns");
        const json_t *types = json_object_get(result, "types");
        const json_t *rows = json_object_get(result, "rows");
        if (!json_is_array(columns) || !json_is_array(types) || !json_is_array(rows))
                return error_set(err, ERROR_STORE,
                                 "the capsule has no result with columns, types and rows");
        return result_hash_json(columns, types, rows, json_get_bool(result, "ordered", false), out,
                                err);
}

int capsule_seal(struct capsule *capsule, const char *prev_hash, struct error *err)
{
        char hex[HASH_HEX_SIZE];
        if (capsule_is_sealed(capsule) || !run_state_is_final(capsule->state))
                return error_set(err, ERROR_INTERNAL, "a capsule that is %s cannot be sealed",
                                 capsule_is_sealed(capsule) ? "sealed"
                                                            : run_state_name(capsule->state));
        if (strlen(prev_hash) != HASH_HEX_SIZE - 1 ||
            strspn(prev_hash, "0123456789abcdef") != HASH_HEX_SIZE - 1)
                return error_set(err, ERROR_INTERNAL, "\"%s\" is not a hash", prev_hash);
        json_t *before = json_string(prev_hash);
        if (!before)
                return error_oom(err);
        (void)json_object_set_new(capsule->body, "prev_hash", before);
        int r = capsule_compute_hash(capsule, hex, err);
        json_t *hash = r == 0 ? json_string(hex) : NULL;
        if (!hash) {
                (void)json_object_set_new(capsule->body, "prev_hash", json_null());
                return r < 0 ? r : error_oom(err);
        }
        (void)json_object_set_new(capsule->body, "capsule_hash", hash);
        return 0;
}
