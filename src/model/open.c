/* The settings of a model, checked before anything is sent. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "model/wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define URL_MAX 2048
#define TIMEOUT_MAX_MS ((int64_t)86400 * 1000)

static bool is_printable(const char *text)
{
        for (; *text; text++)
                if (*text <= ' ' || *text > '~')
                        return false;
        return true;
}

/* A URL that is one, without user, password, query and fragment. */
static bool is_base(const char *text)
{
        static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                             CURLUPART_FRAGMENT};
        CURLU *url = curl_url();
        bool ok = url && !strpbrk(text, "?#") &&
                  curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
        for (size_t i = 0; ok && i < ARRAY_SIZE(unwanted); i++) {
                char *part = NULL;
                ok = curl_url_get(url, unwanted[i], &part, 0) != CURLUE_OK;
                curl_free(part);
        }
        curl_url_cleanup(url);
        return ok;
}

/* Not quoted: what stands there may be a password. */
static int check_base(const struct wire *wire, const char *text, struct error *err)
{
        bool is_http =
                strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
        if (is_http && strlen(text) <= URL_MAX && is_printable(text) && is_base(text))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "%s_base_url is not a URL of a server; write it like %s, without user, "
                         "password and query",
                         wire->name, wire->default_url);
}

static int check_key(const struct wire *wire, const char *key, struct error *err)
{
        if (!key || (strlen(key) <= MODEL_KEY_MAX && is_printable(key)))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "%s_key is not a key: it has more than %d characters, or blanks, line "
                         "feeds or others that no key has",
                         wire->name, MODEL_KEY_MAX);
}

static int check_numbers(const struct model_options *options, struct error *err)
{
        const int64_t times[] = {options->connect_timeout_ms, options->idle_timeout_ms,
                                 options->total_timeout_ms};
        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                if (times[i] < 1 || times[i] > TIMEOUT_MAX_MS)
                        return error_set(err, ERROR_USAGE,
                                         "a timeout of a model is %lld ms; it may be 1 to %lld",
                                         (long long)times[i], (long long)TIMEOUT_MAX_MS);
        if (options->retries_max < 0 || options->tokens_max < 0)
                return error_set(err, ERROR_USAGE, "retries and tokens of a model are 0 or more");
        return 0;
}

static bool is_utf8(const char *text)
{
        uint32_t c = 0;
        size_t n = strlen(text);
        for (size_t at = 0, length; at < n; at += length) {
                length = utf8_decode(text + at, n - at, &c);
                if (c == 0xFFFD && length == 1)
                        return false;
        }
        return true;
}

static bool is_proxy(const char *text)
{
        static const char *const schemes[] = {"http",    "https",  "socks4",
                                              "socks4a", "socks5", "socks5h"};
        char *scheme = NULL;
        bool ok = false;
        CURLU *url = curl_url();
        if (url && is_printable(text) &&
            curl_url_set(url, CURLUPART_URL, text,
                         CURLU_DEFAULT_SCHEME | CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) ==
                    CURLUE_OK &&
            curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
                for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                        ok = ok || strcmp(scheme, schemes[i]) == 0;
        curl_free(scheme);
        curl_url_cleanup(url);
        return ok;
}

static const char *text_or_null(const char *text)
{
        return text && *text ? text : NULL;
}

static int check_rest(const struct wire *wire, const struct model_options *options,
                      struct error *err)
{
        const char *proxy = text_or_null(options->proxy);
        const char *ca_file = text_or_null(options->ca_file);
        if (!text_or_null(options->model) || !is_utf8(options->model))
                return error_set(err, ERROR_USAGE, "%s_model is not the name of a model",
                                 wire->name);
        if (proxy && !is_proxy(proxy))
                return error_set(err, ERROR_USAGE,
                                 "proxy is not the URL of a proxy; write it like "
                                 "http://proxy.example:3128");
        if (ca_file && access(ca_file, R_OK) < 0)
                return error_set(err, ERROR_USAGE, "ca_file %.600s cannot be read: %s", ca_file,
                                 strerror(errno));
        return 0;
}

/* ---- making it ---- */

/* A copy; NULL stays NULL. False when memory is short. */
static bool copy(const char *text, char **ret)
{
        *ret = text ? alloc_strdup(text) : NULL;
        return !text || *ret;
}

/* The base without its slashes, and the whole URL. */
static bool set_urls(struct model *model, const char *base)
{
        const struct wire *wire = model->wire;
        if (!copy(base, &model->base_url))
                return false;
        size_t n = strlen(base);
        while (n > 0 && base[n - 1] == '/')
                n--;
        model->base_url[n] = '\0';
        size_t end = wire->optional_end ? strlen(wire->optional_end) : 0;
        if (end > 0 && n > end && strcmp(model->base_url + n - end, wire->optional_end) == 0)
                model->base_url[n - end] = '\0';
        size_t size = strlen(model->base_url) + strlen(wire->path) + 1;
        model->url = alloc_malloc(size);
        if (model->url)
                (void)snprintf(model->url, size, "%s%s", model->base_url, wire->path);
        return model->url;
}

static int set_all(struct model *model, const struct model_options *options, const char *base,
                   struct error *err)
{
        model->connect_timeout_ms = options->connect_timeout_ms;
        model->idle_timeout_ms = options->idle_timeout_ms;
        model->total_timeout_ms = options->total_timeout_ms;
        model->retries_max = options->retries_max;
        model->tokens_max = options->tokens_max;
        bool ok = set_urls(model, base) && copy(options->model, &model->name) &&
                  copy(text_or_null(options->key), &model->key) &&
                  copy(text_or_null(options->proxy), &model->proxy) &&
                  copy(text_or_null(options->ca_file), &model->ca_file);
        return ok ? 0 : error_oom(err);
}

/* libcurl's own beginning and end are counted, and may happen on any thread. */
void model_free(struct model *model)
{
        if (!model)
                return;
        if (model->key)
                explicit_bzero(model->key, strlen(model->key));
        free(model->base_url);
        free(model->url);
        free(model->name);
        free(model->key);
        free(model->proxy);
        free(model->ca_file);
        free(model);
        curl_global_cleanup();
}

int model_open(const struct model_options *options, struct model **ret, struct error *err)
{
        const struct wire *wire = options->kind == MODEL_OPENAI ? &wire_openai : &wire_anthropic;
        const char *base = text_or_null(options->base_url);
        if (!base)
                base = wire->default_url;
        int r = check_base(wire, base, err);
        if (r == 0)
                r = check_key(wire, options->key, err);
        if (r == 0)
                r = check_numbers(options, err);
        if (r == 0)
                r = check_rest(wire, options, err);
        if (r < 0)
                return r;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return error_set(err, ERROR_INTERNAL, "libcurl cannot be set up");
        struct model *model = alloc_calloc(1, sizeof(*model));
        if (!model) {
                curl_global_cleanup();
                return error_oom(err);
        }
        model->wire = wire;
        r = set_all(model, options, base, err);
        if (r < 0)
                model_free(model);
        else
                *ret = model;
        return r;
}
