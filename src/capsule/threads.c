#include "capsule/threads.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "capsule/store_ops.h"
#include "capsule/thread_ops.h"

#include <stdio.h>
#include <string.h>

#define META_DEPTH_MAX 100
#define RUN_IDS_BYTES (THREAD_RUNS_MAX * (UUID_TEXT_SIZE + 3) + 2)

const char *thread_role_name(enum thread_role role)
{
        return role == THREAD_USER ? "user" : "assistant";
}

int thread_not_found(const char *id, struct error *err)
{
        return error_set(err, ERROR_THREAD_NOT_FOUND, "there is no thread %.64s", id);
}

int thread_parse(const char *text, size_t n, enum error_type type, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {THREAD_META_MAX + RUN_IDS_BYTES,
                                                  META_DEPTH_MAX + 1};
        return json_parse(text, n, &limits, type, ret, err);
}

/* ---- texts ---- */

static bool is_control(uint32_t c)
{
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

/* What a title shows as a blank. */
static bool is_space(uint32_t c)
{
        return c == ' ' || c == 0xA0 || c == 0x3000 || is_control(c);
}

/* U+FFFD itself has three bytes. */
static bool is_bad(uint32_t c, size_t bytes)
{
        return c == 0xFFFD && bytes == 1;
}

static bool is_utf8(const char *text, size_t n)
{
        for (size_t i = 0; i < n;) {
                uint32_t c;
                size_t bytes = utf8_decode(text + i, n - i, &c);
                if (is_bad(c, bytes))
                        return false;
                i += bytes;
        }
        return true;
}

/* The beginning of a message on one line: runs of blanks become one, and behind THREAD_TITLE_MAX
 * characters it is cut. text is UTF-8. */
static void make_title(const char *text, char out[THREAD_TITLE_SIZE])
{
        size_t left = strlen(text);
        size_t n = 0;
        size_t characters = 0;
        bool blank = false;
        while (left > 0) {
                uint32_t c;
                size_t bytes = utf8_decode(text, left, &c);
                if (is_space(c)) {
                        blank = n > 0;
                } else {
                        if (characters + blank >= THREAD_TITLE_MAX)
                                break;
                        if (blank)
                                out[n++] = ' ';
                        memcpy(out + n, text, bytes);
                        n += bytes;
                        characters += 1 + blank;
                        blank = false;
                }
                text += bytes;
                left -= bytes;
        }
        out[n] = '\0';
}

static int check_title(const char *title, struct error *err)
{
        size_t n = strlen(title);
        size_t characters = 0;
        bool is_blank = true;
        for (size_t i = 0; i < n; characters++) {
                uint32_t c;
                size_t bytes = utf8_decode(title + i, n - i, &c);
                if (is_bad(c, bytes))
                        return error_set(err, ERROR_INVALID_REQUEST,
                                         "the title is not valid UTF-8");
                if (is_control(c))
                        return error_set(err, ERROR_INVALID_REQUEST,
                                         "the title holds a control character (U+%04X) at "
                                         "character %zu; a title is one line of text",
                                         (unsigned)c, characters + 1);
                if (characters == THREAD_TITLE_MAX)
                        return error_set(err, ERROR_INVALID_REQUEST,
                                         "the title has more than %d characters", THREAD_TITLE_MAX);
                is_blank = is_blank && is_space(c);
                i += bytes;
        }
        return is_blank ? error_set(err, ERROR_INVALID_REQUEST, "the title is empty") : 0;
}

static int check_owner(const char *owner, struct error *err)
{
        return strlen(owner) <= THREAD_OWNER_MAX
                       ? 0
                       : error_set(err, ERROR_INTERNAL, "an owner's id has more than %d bytes",
                                   THREAD_OWNER_MAX);
}

static int check_text(const struct thread_message *message, struct error *err)
{
        size_t n = strlen(message->text);
        if (n == 0 && message->role == THREAD_USER)
                return error_set(err, ERROR_INVALID_REQUEST, "the message is empty");
        if (n > THREAD_TEXT_MAX)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the message has %zu bytes; a thread keeps at most %d of one", n,
                                 THREAD_TEXT_MAX);
        if (!is_utf8(message->text, n))
                return error_set(err, ERROR_INVALID_REQUEST, "the message is not valid UTF-8");
        return 0;
}

/* ---- calls ---- */

/* Checks what all of them have; the id is not looked for when it cannot be one. */
static int call(struct capsule_store *store, const struct thread_call *what, struct error *err)
{
        int r = what->owner ? check_owner(what->owner, err) : 0;
        if (r == 0 && what->id && !uuid_is_valid(what->id))
                r = thread_not_found(is_utf8(what->id, strlen(what->id)) ? what->id : "", err);
        return r < 0 ? r : store->ops->threads(store, what, err);
}

int thread_new(struct capsule_store *store, const char *owner, const char *title,
               struct thread *ret, struct error *err)
{
        struct thread thread = {0};
        int r = check_owner(owner, err);
        if (r == 0 && title)
                r = check_title(title, err);
        if (r == 0)
                r = uuid_v7(thread.id, err);
        if (r < 0)
                return r;
        (void)snprintf(thread.owner, sizeof(thread.owner), "%s", owner);
        (void)snprintf(thread.title, sizeof(thread.title), "%s", title ? title : "");
        clock_format_ms(clock_utc_ms(), thread.created_at);
        memcpy(thread.updated_at, thread.created_at, sizeof(thread.updated_at));
        const struct thread_call what = {.op = THREAD_NEW, .thread = &thread};
        r = call(store, &what, err);
        if (r == 0)
                *ret = thread;
        return r;
}

int thread_get(struct capsule_store *store, const char *id, const char *owner, struct thread *ret,
               struct error *err)
{
        const struct thread_call what = {.op = THREAD_GET, .id = id, .owner = owner, .found = ret};
        return call(store, &what, err);
}

int thread_list(struct capsule_store *store, const char *owner, const struct thread_cursor *before,
                int64_t limit, int (*each)(const struct thread *thread, void *data), void *data,
                struct error *err)
{
        const struct thread_call what = {.op = THREAD_LIST,
                                         .owner = owner,
                                         .before = before,
                                         .limit = limit > 0 ? limit : -1,
                                         .each_thread = each,
                                         .data = data};
        return call(store, &what, err);
}

static int write_run_ids(const json_t *run_ids, struct buf *out, struct error *err)
{
        size_t i;
        const json_t *id;
        if (!run_ids) {
                buf_puts(out, "[]");
                return buf_error(out, err, "the list of runs");
        }
        if (!json_is_array(run_ids) || json_array_size(run_ids) > THREAD_RUNS_MAX)
                return error_set(err, ERROR_INTERNAL,
                                 "run_ids of a message is an array of at most %d", THREAD_RUNS_MAX);
        json_array_foreach(run_ids, i, id)
        {
                if (!json_is_string(id) || !uuid_is_valid(json_string_value(id)))
                        return error_set(err, ERROR_INTERNAL,
                                         "run_ids of a message holds what is not a run's id");
        }
        return json_put(run_ids, out, err);
}

static int write_meta(const json_t *meta, struct buf *out, struct error *err)
{
        if (meta && !json_is_object(meta))
                return error_set(err, ERROR_INTERNAL, "meta of a message is an object");
        if (meta)
                return json_put(meta, out, err);
        buf_puts(out, "{}");
        return buf_error(out, err, "what is noted of the message");
}

/* What was written must be readable again: depth and size are what thread_parse takes. */
static int check_meta(const struct buf *meta, struct error *err)
{
        _cleanup_json_ json_t *again = NULL;
        int r = buf_error(meta, err, "what is noted of the message");
        return r < 0 ? r : thread_parse(buf_text(meta), meta->len, ERROR_INTERNAL, &again, err);
}

int thread_append(struct capsule_store *store, const char *id, const char *owner,
                  struct thread_message *message, struct error *err)
{
        char title[THREAD_TITLE_SIZE] = "";
        struct thread_message kept = *message;
        _cleanup_buf_ struct buf run_ids = {0};
        _cleanup_buf_ struct buf meta = {0};
        buf_init(&run_ids, RUN_IDS_BYTES);
        buf_init(&meta, THREAD_META_MAX);
        int r = check_text(message, err);
        if (r == 0)
                r = write_run_ids(message->run_ids, &run_ids, err);
        if (r == 0)
                r = write_meta(message->meta, &meta, err);
        if (r == 0)
                r = check_meta(&meta, err);
        if (r == 0)
                r = uuid_v7(kept.id, err);
        if (r < 0)
                return r;
        if (message->role == THREAD_USER)
                make_title(message->text, title);
        clock_format_ms(clock_utc_ms(), kept.created_at);
        (void)snprintf(kept.thread_id, sizeof(kept.thread_id), "%s", id);
        const struct thread_call what = {.op = THREAD_APPEND,
                                         .id = id,
                                         .owner = owner,
                                         .message = &kept,
                                         .title = title,
                                         .run_ids = buf_text(&run_ids),
                                         .meta = buf_text(&meta)};
        r = call(store, &what, err);
        if (r == 0)
                *message = kept;
        return r;
}

int thread_messages(struct capsule_store *store, const char *id, const char *owner,
                    int64_t after_seq, int64_t limit,
                    int (*each)(const struct thread_message *message, void *data), void *data,
                    struct error *err)
{
        const struct thread_call what = {.op = THREAD_MESSAGES,
                                         .id = id,
                                         .owner = owner,
                                         .after_seq = after_seq,
                                         .limit = limit > 0 ? limit : -1,
                                         .each_message = each,
                                         .data = data};
        return call(store, &what, err);
}

int thread_rename(struct capsule_store *store, const char *id, const char *owner, const char *title,
                  struct error *err)
{
        const struct thread_call what = {
                .op = THREAD_RENAME, .id = id, .owner = owner, .title = title};
        int r = check_title(title, err);
        return r < 0 ? r : call(store, &what, err);
}

int thread_delete(struct capsule_store *store, const char *id, const char *owner, struct error *err)
{
        const struct thread_call what = {.op = THREAD_DELETE, .id = id, .owner = owner};
        return call(store, &what, err);
}
