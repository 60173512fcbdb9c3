#include "server/config.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Numbers and bools as JSON has them. */
static json_t *plain_json(const struct config_setting *setting, const char *text)
{
        if (setting->kind == CONFIG_KIND_NUMBER)
                return json_integer(strtoll(text, NULL, 10));
        if (setting->kind == CONFIG_KIND_BOOL)
                return json_boolean(strcmp(text, "true") == 0);
        return json_string(text);
}

/* Where a user and a password end: at the last "@" of the authority, or, as some write them with a
 * "/", of what is before the "?". NULL: there are none. */
static const char *user_end(const char *authority)
{
        size_t n = strcspn(authority, "?");
        const char *at = memrchr(authority, '@', strcspn(authority, "/?#"));
        return at ? at : memrchr(authority, '@', n);
}

/* Of http, ann:secret@proxy:3128 shows as ***@proxy:3128. Behind a "?" there may be a password too
 * (https://www.postgresql.org/docs/current/libpq-connect.html). */
static json_t *url_json(const char *text)
{
        const char *scheme = strstr(text, "://");
        const char *authority = scheme ? scheme + 3 : text;
        const char *at = user_end(authority);
        const char *query = strchr(authority, '?');
        _cleanup_buf_ struct buf shown = {0};
        if (!at && !query)
                return json_string(text);
        buf_init(&shown, CONFIG_TEXT_MAX + 8);
        buf_append(&shown, text, (size_t)(authority - text));
        if (at)
                buf_puts(&shown, "***");
        const char *rest = at ? at : authority;
        if (query && strchr(query, '@')) /* it may belong to a password: nothing more is shown */
                buf_puts(&shown, at ? "" : "***");
        else
                buf_append(&shown, rest, query ? (size_t)(query - rest) : strlen(rest));
        if (query)
                buf_puts(&shown, "?***");
        return shown.state == BUF_OK ? json_string(buf_text(&shown)) : NULL;
}

static json_t *value_json(const struct config *config, enum config_id id)
{
        const struct config_setting *setting = config_setting(id);
        const char *text = config_text(config, id);
        if (setting->kind == CONFIG_KIND_SECRET)
                return json_string(*text ? "set" : "not set");
        return setting->kind == CONFIG_KIND_URL ? url_json(text) : plain_json(setting, text);
}

json_t *config_to_json(const struct config *config)
{
        _cleanup_json_ json_t *list = json_array();
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                json_t *value = value_json(config, id);
                json_t *one = value ? json_pack("{s:s, s:o, s:s}", "name", config_setting(id)->name,
                                                "value", value, "source", config_source(config, id))
                                    : NULL;
                if (!one || json_array_append_new(list, one) < 0)
                        return NULL;
        }
        return json_pack("{s:s?, s:O}", "file", config_file(config), "settings", list);
}

json_t *config_example(void)
{
        _cleanup_json_ json_t *object = json_object();
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                const struct config_setting *setting = config_setting(id);
                if (json_object_set_new(object, setting->name,
                                        plain_json(setting, setting->initial)) < 0)
                        return NULL;
        }
        return steal_ptr(&object);
}
