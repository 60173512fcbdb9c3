#include "server/config.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/utf8.h"
#include "plan/report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_DEPTH_MAX 4

struct value {
        char *text;
        char *source;   /* NULL: the default */
        int64_t number; /* of a number; 0 or 1 of a bool */
};

struct config {
        char *file; /* NULL: none was read */
        struct value values[CONFIG_COUNT];
};

void config_free(struct config *config)
{
        if (!config)
                return;
        for (size_t i = 0; i < CONFIG_COUNT; i++) {
                free(config->values[i].text);
                free(config->values[i].source);
        }
        free(config->file);
        free(config);
}

static void config_release(struct config **config)
{
        config_free(*config);
}

const char *config_text(const struct config *config, enum config_id id)
{
        return config->values[id].text;
}

int64_t config_number(const struct config *config, enum config_id id)
{
        return config->values[id].number;
}

bool config_bool(const struct config *config, enum config_id id)
{
        return config->values[id].number != 0;
}

const char *config_source(const struct config *config, enum config_id id)
{
        const char *source = config->values[id].source;
        return source ? source : "default";
}

const char *config_file(const struct config *config)
{
        return config->file;
}

/* Values end up in logs, headers and JSON. */
static bool is_plain(const char *text)
{
        size_t n = strnlen(text, CONFIG_TEXT_MAX + 1);
        if (n > CONFIG_TEXT_MAX)
                return false;
        for (size_t i = 0; i < n;) {
                uint32_t c;
                size_t step = utf8_decode(text + i, n - i, &c);
                if (c < 0x20 || c == 0x7F || (c == 0xFFFD && step == 1))
                        return false;
                i += step;
        }
        return true;
}

static int read_number(const struct config_setting *setting, const char *text, int64_t *ret,
                       const char *source, struct error *err)
{
        char *end = NULL;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || number < setting->min ||
            number > setting->max)
                return error_set(err, ERROR_USAGE,
                                 "%s (%s) is \"%.60s\"; it wants a whole number from %lld to %lld",
                                 setting->name, source, text, (long long)setting->min,
                                 (long long)setting->max);
        *ret = number;
        return 0;
}

static int read_choice(const struct config_setting *setting, const char *text, const char *source,
                       struct error *err)
{
        char known[256] = "";
        for (size_t i = 0; setting->choices[i]; i++) {
                if (strcmp(setting->choices[i], text) == 0)
                        return 0;
                strncat(known, i > 0 ? ", " : "", sizeof(known) - strlen(known) - 1);
                strncat(known, setting->choices[i], sizeof(known) - strlen(known) - 1);
        }
        return error_set(err, ERROR_USAGE, "%s (%s) is \"%.60s\"; it wants one of %s",
                         setting->name, source, text, known);
}

static int read_bool(const struct config_setting *setting, const char *text, int64_t *ret,
                     const char *source, struct error *err)
{
        *ret = strcmp(text, "true") == 0;
        if (*ret || strcmp(text, "false") == 0)
                return 0;
        return error_set(err, ERROR_USAGE, "%s (%s) is \"%.60s\"; it wants true or false",
                         setting->name, source, text);
}

/* The text of a URL or a secret is in no message. */
static int read_value(const struct config_setting *setting, const char *text, int64_t *ret,
                      const char *source, struct error *err)
{
        *ret = 0;
        if (!is_plain(text))
                return error_set(err, ERROR_USAGE,
                                 "%s (%s) is too long, not UTF-8, or has control characters",
                                 setting->name, source);
        switch (setting->kind) {
        case CONFIG_KIND_NUMBER:
                return read_number(setting, text, ret, source, err);
        case CONFIG_KIND_BOOL:
                return read_bool(setting, text, ret, source, err);
        case CONFIG_KIND_CHOICE:
                return read_choice(setting, text, source, err);
        case CONFIG_KIND_TEXT:
        case CONFIG_KIND_PATH:
        case CONFIG_KIND_URL:
        case CONFIG_KIND_SECRET:
                break;
        }
        return 0;
}

/* Puts text into the setting; origin is "file", "environment" or "flag", NULL for the default. */
static int set_value(struct config *config, enum config_id id, const char *text, const char *origin,
                     const char *name, struct error *err)
{
        struct value *value = &config->values[id];
        _cleanup_free_ char *source = NULL;
        int64_t number = 0;
        if (origin && asprintf(&source, "%s %s", origin, name) < 0) {
                source = NULL;
                return error_oom(err);
        }
        int r = read_value(config_setting(id), text, &number, source ? source : "default", err);
        if (r < 0)
                return r;
        char *copy = alloc_strdup(text);
        if (!copy)
                return error_oom(err);
        free(value->text);
        free(value->source);
        *value = (struct value){.text = copy, .source = steal_ptr(&source), .number = number};
        return 0;
}

static const char *spelling(const struct config_setting *setting, bool flag)
{
        return flag ? setting->flag : setting->name;
}

/* The setting of that name (or flag), or CONFIG_COUNT. */
static enum config_id find_setting(const char *name, bool flag)
{
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                const char *own = spelling(config_setting(id), flag);
                if (own && strcmp(own, name) == 0)
                        return id;
        }
        return CONFIG_COUNT;
}

static int unknown_setting(const char *name, bool flag, const char *where, struct error *err)
{
        size_t work_left = NEAREST_WORK_MAX;
        struct nearest nearest = {.wanted = name, .work_left = &work_left};
        for (enum config_id id = 0; id < CONFIG_COUNT; id++)
                if (spelling(config_setting(id), flag))
                        nearest_offer(&nearest, spelling(config_setting(id), flag));
        if (nearest.name)
                return error_set(err, ERROR_USAGE,
                                 "%s: there is no setting \"%.100s\"; did you mean \"%s\"?", where,
                                 name, nearest.name);
        return error_set(err, ERROR_USAGE,
                         "%s: there is no setting \"%.100s\" (askcsv config file lists them)",
                         where, name);
}

/* The default file, which may be missing, unless a flag or the environment names another. */
static int find_file(const struct config_flag *flags, size_t n_flags, const char *home, char **ret,
                     bool *required, struct error *err)
{
        const char *named = getenv(CONFIG_FILE_ENVIRONMENT);
        _cleanup_free_ char *path = NULL;
        for (size_t i = 0; i < n_flags; i++)
                if (strcmp(flags[i].name, CONFIG_FILE_FLAG) == 0)
                        named = flags[i].value;
        *required = named && *named;
        if (!*required && asprintf(&path, "%s/" CONFIG_FILE_NAME, home) < 0)
                path = NULL;
        else if (*required)
                path = alloc_strdup(named);
        if (!path)
                return error_oom(err);
        *ret = steal_ptr(&path);
        return 0;
}

/* A path that is not absolute counts from the folder of the file that it is written in. */
static int put_path(const char *file, const char *path, struct buf *out, struct error *err)
{
        const char *slash = strrchr(file, '/');
        if (*path && path[0] != '/' && slash)
                buf_append(out, file, (size_t)(slash - file) + 1);
        buf_puts(out, path);
        return buf_error(out, err, "a path");
}

/* A JSON value as the text that it would be in the environment. */
static int put_json_text(const struct config_setting *setting, const char *file,
                         const json_t *value, struct buf *out, struct error *err)
{
        static const char *const wanted[] = {
                [CONFIG_KIND_TEXT] = "a string",      [CONFIG_KIND_NUMBER] = "a whole number",
                [CONFIG_KIND_BOOL] = "true or false", [CONFIG_KIND_CHOICE] = "a string",
                [CONFIG_KIND_PATH] = "a string",      [CONFIG_KIND_URL] = "a string",
                [CONFIG_KIND_SECRET] = "a string",
        };
        bool number = setting->kind == CONFIG_KIND_NUMBER;
        bool truth = setting->kind == CONFIG_KIND_BOOL;
        if (number  ? !json_is_integer(value)
            : truth ? !json_is_boolean(value)
                    : !json_is_string(value))
                return error_set(err, ERROR_USAGE, "%s (file %s) wants %s", setting->name, file,
                                 wanted[setting->kind]);
        if (number)
                buf_printf(out, "%lld", (long long)json_integer_value(value));
        else if (truth)
                buf_puts(out, json_is_true(value) ? "true" : "false");
        else if (setting->kind == CONFIG_KIND_PATH)
                return put_path(file, json_string_value(value), out, err);
        else
                buf_puts(out, json_string_value(value));
        return buf_error(out, err, setting->name);
}

static int take_member(struct config *config, const char *key, const json_t *value,
                       struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, CONFIG_FILE_MAX);
        enum config_id id = find_setting(key, false);
        if (id == CONFIG_COUNT)
                return unknown_setting(key, false, config->file, err);
        int r = put_json_text(config_setting(id), config->file, value, &text, err);
        return r < 0 ? r : set_value(config, id, buf_text(&text), "file", config->file, err);
}

/* What is not JSON may be a key without its quotes: the message keeps the place, not the text. */
static void hide_text(struct error *err)
{
        char *text = strstr(err->message, " near ");
        char *place = text;
        for (char *p = text; p; p = strstr(p + 1, " at line "))
                place = p;
        if (text && place != text)
                memmove(text, place, strlen(place) + 1);
}

static int read_file(struct config *config, const char *text, size_t n, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = CONFIG_FILE_MAX,
                                                  .max_depth = CONFIG_DEPTH_MAX};
        _cleanup_json_ json_t *json = NULL;
        const char *key;
        json_t *value;
        int r = json_parse(text, n, &limits, ERROR_USAGE, &json, err);
        if (r < 0) {
                hide_text(err);
                return error_prefix(err, r, "the configuration file %s", config->file);
        }
        if (!json_is_object(json))
                return error_set(err, ERROR_USAGE,
                                 "the configuration file %s wants an object (askcsv config file "
                                 "prints one)",
                                 config->file);
        json_object_foreach(json, key, value)
        {
                r = r < 0 ? r : take_member(config, key, value, err);
        }
        return r;
}

static int load_file(struct config *config, const struct config_flag *flags, size_t n_flags,
                     const char *home, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_close_ int fd = -1;
        bool required = false;
        buf_init(&text, CONFIG_FILE_MAX);
        int r = find_file(flags, n_flags, home, &path, &required, err);
        if (r < 0)
                return r;
        errno = 0;
        if (!required && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        r = fd_open_regular(path, &fd, err);
        if (r == 0)
                r = fd_read_all(fd, &text, path, err);
        if (r < 0)
                return error_prefix(err, r, "the configuration file");
        config->file = steal_ptr(&path);
        return read_file(config, buf_text(&text), text.len, err);
}

static int load_defaults(struct config *config, struct error *err)
{
        int r = 0;
        for (enum config_id id = 0; r == 0 && id < CONFIG_COUNT; id++)
                r = set_value(config, id, config_setting(id)->initial, NULL, NULL, err);
        return r;
}

static int load_environment(struct config *config, struct error *err)
{
        int r = 0;
        for (enum config_id id = 0; r == 0 && id < CONFIG_COUNT; id++) {
                const char *name = config_setting(id)->environment;
                const char *text = getenv(name);
                if (text && *text)
                        r = set_value(config, id, text, "environment", name, err);
        }
        return r;
}

static int load_flags(struct config *config, const struct config_flag *flags, size_t n,
                      struct error *err)
{
        int r = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (strcmp(flags[i].name, CONFIG_FILE_FLAG) == 0)
                        continue;
                enum config_id id = find_setting(flags[i].name, true);
                r = id == CONFIG_COUNT
                            ? unknown_setting(flags[i].name, true, "the command line", err)
                            : set_value(config, id, flags[i].value, "flag", flags[i].name, err);
        }
        return r;
}

int config_load(const struct config_flag *flags, size_t n_flags, const char *home,
                struct config **ret, struct error *err)
{
        _cleanup_(config_release) struct config *config = alloc_calloc(1, sizeof(*config));
        if (!config)
                return error_oom(err);
        int r = load_defaults(config, err);
        if (r == 0)
                r = load_file(config, flags, n_flags, home, err);
        if (r == 0)
                r = load_environment(config, err);
        if (r == 0)
                r = load_flags(config, flags, n_flags, err);
        if (r == 0)
                *ret = steal_ptr(&config);
        return r;
}
