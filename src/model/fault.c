#include "model/fault.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/wire.h"

#include <stdio.h>
#include <string.h>

#define SAID_MAX 400 /* bytes of a provider's message that are repeated */

struct meaning {
        long status;
        const char *type; /* of the error object; both wire formats have such words */
        enum error_type error;
        bool is_passing;
        const char *what;
        const char *settings[2]; /* to look at; behind "openai_" or so, but for the proxy */
};

/* The first row that fits counts; those with status 0 are found by type alone. */
static const struct meaning meanings[] = {
        {0,
         "insufficient_quota",
         ERROR_MODEL_REFUSED,
         false,
         "says that its quota is used up",
         {"key"}},
        {0,
         "billing_error",
         ERROR_MODEL_REFUSED,
         false,
         "says that there is a fault in the billing",
         {"key"}},
        {400,
         "invalid_request_error",
         ERROR_MODEL_REFUSED,
         false,
         "does not take the request",
         {"model", "base_url"}},
        {401,
         "authentication_error",
         ERROR_MODEL_REFUSED,
         false,
         "does not take the key",
         {"key", "key_file"}},
        {403,
         "permission_error",
         ERROR_MODEL_REFUSED,
         false,
         "does not allow this with the key",
         {"key", "model"}},
        {404,
         "not_found_error",
         ERROR_MODEL_REFUSED,
         false,
         "does not have this model or path",
         {"model", "base_url"}},
        {407,
         NULL,
         ERROR_MODEL_REFUSED,
         false,
         "is behind a proxy that wants a password",
         {"proxy"}},
        {413,
         "request_too_large",
         ERROR_MODEL_REFUSED,
         false,
         "finds the request too large",
         {"model"}},
        {408, "timeout_error", ERROR_MODEL_UNAVAILABLE, false, "gave up waiting", {NULL}},
        {429, "rate_limit_error", ERROR_MODEL_UNAVAILABLE, true, "is asked too often", {NULL}},
        {500, "api_error", ERROR_MODEL_UNAVAILABLE, true, "failed", {NULL}},
        {500, "server_error", ERROR_MODEL_UNAVAILABLE, true, "failed", {NULL}},
        {502,
         NULL,
         ERROR_MODEL_UNAVAILABLE,
         true,
         "is not reached by what stands before it",
         {NULL}},
        {503, "service_unavailable", ERROR_MODEL_UNAVAILABLE, true, "is not available", {NULL}},
        {504,
         NULL,
         ERROR_MODEL_UNAVAILABLE,
         true,
         "took too long for what stands before it",
         {NULL}},
        {529, "overloaded_error", ERROR_MODEL_UNAVAILABLE, true, "has too much to do", {NULL}},
};
static const struct meaning redirected = {.error = ERROR_MODEL_REFUSED,
                                          .what = "sends us elsewhere, where the key is not to go",
                                          .settings = {"base_url"}};
static const struct meaning refused = {.error = ERROR_MODEL_REFUSED,
                                       .what = "does not take the request",
                                       .settings = {"base_url", "model"}};
static const struct meaning failed = {.error = ERROR_MODEL_UNAVAILABLE, .what = "failed"};

static const struct meaning *meaning_of_type(const char *type, bool of_any_status)
{
        for (size_t i = 0; type && i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].type && (of_any_status || meanings[i].status == 0) &&
                    strcmp(meanings[i].type, type) == 0)
                        return &meanings[i];
        return NULL;
}

static const struct meaning *meaning_of_status(long status)
{
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].status == status)
                        return &meanings[i];
        return status < 400 ? &redirected : status < 500 ? &refused : &failed;
}

/* ---- the provider's message ---- */

/* {"error": {"message"}}, {"error": "..."}, {"message"}, {"detail": "..."}: what servers send. */
static const char *message_in(const json_t *said)
{
        const json_t *error = json_object_get(said, "error");
        if (error)
                return json_is_string(error) ? json_string_value(error)
                                             : json_get_string(error, "message");
        const char *message =
                json_is_string(said) ? json_string_value(said) : json_get_string(said, "message");
        return message ? message : json_get_string(said, "detail");
}

/* One line of at most SAID_MAX bytes, valid UTF-8, without the key. The key goes before the text is
 * cut, or a part of it could stay. */
static void put_said(const struct model *model, const char *text, struct buf *out)
{
        size_t n = strlen(text);
        size_t key = model->key ? strlen(model->key) : 0;
        size_t from = out->len;
        uint32_t c;
        for (size_t at = 0, length; at < n && out->len - from < SAID_MAX; at += length) {
                if (key > 0 && n - at >= key && memcmp(text + at, model->key, key) == 0) {
                        buf_puts(out, "***");
                        length = key;
                        continue;
                }
                length = utf8_decode(text + at, n - at, &c);
                if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029)
                        buf_putc(out, ' ');
                else if (c == 0xFFFD)
                        buf_putc(out, '?');
                else
                        buf_append(out, text + at, length);
        }
}

static void put_settings(const struct model *model, const struct meaning *meaning, struct buf *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(meaning->settings); i++) {
                const char *setting = meaning->settings[i];
                if (!setting)
                        break;
                bool is_common = strcmp(setting, "proxy") == 0;
                buf_printf(out, "%s%s%s%s", i == 0 ? "; look at " : " and ",
                           is_common ? "" : model->wire->name, is_common ? "" : "_", setting);
        }
}

static int fault_set(const struct model *model, const struct meaning *meaning, const char *label,
                     const char *said, struct fault *fault, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        bool no_key = meaning->status == 401 && !model->key;
        buf_init(&text, ERROR_MESSAGE_MAX);
        put_settings(model, meaning, &text);
        if (said && *said) {
                buf_puts(&text, ". It says: ");
                put_said(model, said, &text);
        }
        fault->is_passing = meaning->is_passing;
        int r = error_set(err, meaning->error, "the model's server at %.300s %s (%s)%s",
                          model->base_url, no_key ? "wants a key, and none is set" : meaning->what,
                          label, buf_text(&text));
        if (err && meaning->error == ERROR_MODEL_UNAVAILABLE && fault->retry_after_ms > 0)
                err->retry_after_ms = fault->retry_after_ms;
        return r;
}

/* What is no JSON is repeated only if it is a text for people, not a page. */
static const char *plain_text(const char *body, size_t n, struct buf *out)
{
        buf_append(out, body, strnlen(body, n));
        const char *text = buf_text(out);
        text += strspn(text, " \t\r\n");
        return *text == '<' || *text == '{' || *text == '[' ? NULL : text;
}

int fault_of_status(const struct model *model, long status, const char *body, size_t n,
                    struct fault *fault, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = FAULT_BODY_MAX, .max_depth = 32};
        struct error ignored = {0};
        char label[32];
        _cleanup_json_ json_t *json = NULL;
        _cleanup_buf_ struct buf plain = {0};
        buf_init(&plain, FAULT_BODY_MAX);
        (void)snprintf(label, sizeof(label), "status %ld", status);
        const char *said = NULL;
        const struct meaning *meaning = NULL;
        if (n > 0 && json_parse(body, n, &limits, ERROR_MODEL_ANSWER, &json, &ignored) == 0) {
                const json_t *error = json_object_get(json, "error");
                said = message_in(json_is_array(json) ? json_array_get(json, 0) : json);
                meaning = meaning_of_type(json_get_string(error, "type"), false);
                if (!meaning)
                        meaning = meaning_of_type(json_get_string(error, "code"), false);
        } else if (n > 0) {
                said = plain_text(body, n, &plain);
        }
        if (!meaning)
                meaning = meaning_of_status(status);
        return fault_set(model, meaning, label, said, fault, err);
}

int fault_of_event(const struct model *model, const json_t *said, struct fault *fault,
                   struct error *err)
{
        const char *type = json_get_string(said, "type");
        const char *code = json_get_string(said, "code");
        json_int_t status = json_get_int(said, "code", 0);
        char label[64] = "an error in its answer";
        const struct meaning *meaning = meaning_of_type(code, true);
        if (!meaning)
                meaning = meaning_of_type(type, true);
        if (!meaning && status >= 400 && status <= 599)
                meaning = meaning_of_status((long)status);
        if (meaning && meaning->type)
                (void)snprintf(label, sizeof(label), "%s", meaning->type);
        return fault_set(model, meaning ? meaning : &failed, label, message_in(said), fault, err);
}
