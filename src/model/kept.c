#include "model/kept.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "model/model.h"

#include <string.h>

void kept_init(struct kept *kept)
{
        *kept = (struct kept){0};
        buf_init(&kept->text, MODEL_TEXT_MAX);
        buf_init(&kept->signature, MODEL_TEXT_MAX);
}

void kept_done(struct kept *kept)
{
        json_decref(steal_ptr(&kept->blocks));
        buf_done(&kept->text);
        buf_done(&kept->signature);
}

static int put(struct kept *kept, struct buf *to, const char *text, struct error *err)
{
        if (!text)
                return 0;
        kept->bytes += strlen(text);
        buf_puts(to, text);
        if (kept->bytes > 2 * MODEL_TEXT_MAX || to->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_MODEL_ANSWER,
                                 "the model's answer is too long: thoughts and text may have %zu "
                                 "bytes",
                                 MODEL_TEXT_MAX);
        return to->state == BUF_OK ? 0 : error_oom(err);
}

/* Takes over block. */
static int keep(struct kept *kept, json_t *block, struct error *err)
{
        if (!kept->blocks)
                kept->blocks = json_array();
        if (!kept->blocks) {
                json_decref(block);
                return error_oom(err);
        }
        return json_array_append_new(kept->blocks, block) == 0 ? 0 : error_oom(err);
}

int kept_end(struct kept *kept, struct error *err)
{
        const char *open = kept->open;
        kept->open = NULL;
        if (!open)
                return 0;
        if (strcmp(open, "thinking") == 0)
                return keep(kept,
                            json_pack("{s:s,s:s,s:s}", "type", open, open, buf_text(&kept->text),
                                      "signature", buf_text(&kept->signature)),
                            err);
        return kept->text.len == 0
                       ? 0
                       : keep(kept,
                              json_pack("{s:s,s:s}", "type", open, open, buf_text(&kept->text)),
                              err);
}

static int keep_redacted(struct kept *kept, const json_t *block, struct error *err)
{
        const char *data = json_get_string(block, "data");
        kept->has_thoughts = true;
        buf_clear(&kept->text);
        int r = put(kept, &kept->text, data, err);
        return r < 0 ? r
                     : keep(kept,
                            json_pack("{s:s,s:s}", "type", "redacted_thinking", "data",
                                      buf_text(&kept->text)),
                            err);
}

int kept_begin(struct kept *kept, const json_t *block, struct error *err)
{
        const char *type = json_get_string(block, "type");
        const char *id = json_get_string(block, "id");
        int r = kept_end(kept, err);
        if (r < 0 || !type)
                return r;
        if (strcmp(type, "redacted_thinking") == 0)
                return keep_redacted(kept, block, err);
        if (strcmp(type, "tool_use") == 0 && id)
                return keep(kept, json_pack("{s:s,s:s}", "type", type, "id", id), err);
        if (strcmp(type, "thinking") == 0) {
                kept->open = "thinking";
                kept->has_thoughts = true;
        } else if (strcmp(type, "text") == 0) {
                kept->open = "text";
        } else {
                return 0;
        }
        buf_clear(&kept->text);
        buf_clear(&kept->signature);
        return kept_add(kept, block, err);
}

int kept_add(struct kept *kept, const json_t *delta, struct error *err)
{
        if (!kept->open)
                return 0;
        const char *signature = json_get_string(delta, "signature");
        int r = put(kept, &kept->text, json_get_string(delta, kept->open), err);
        if (r < 0 || !signature)
                return r;
        buf_clear(&kept->signature); /* it comes whole, and never in pieces as texts do */
        return put(kept, &kept->signature, signature, err);
}

json_t *kept_take(struct kept *kept)
{
        return kept->has_thoughts ? steal_ptr(&kept->blocks) : NULL;
}
