#include "cli/server_probe.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <curl/curl.h>
#include <string.h>

#define PROBE_MS 10000
#define REPLY_MAX 65536
#define HTTP_OK 200

static void free_easy(CURL **easy)
{
        curl_easy_cleanup(*easy);
}

static size_t take(char *bytes, size_t size, size_t n, void *data)
{
        struct buf *reply = data;
        buf_append(reply, bytes, size * n);
        return reply->state == BUF_OK ? size * n : 0;
}

/* The first check that failed, in the words of the server. */
static int tell_missing(const char *url, const struct buf *reply, long status, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = REPLY_MAX, .max_depth = 16};
        struct error ignored = {0};
        _cleanup_json_ json_t *json = NULL;
        const char *name;
        json_t *check;
        if (json_parse(buf_text(reply), reply->len, &limits, ERROR_IO, &json, &ignored) < 0)
                return error_set(err, ERROR_IO, "%s answers with HTTP %ld, and not as askcsv does",
                                 url, status);
        json_object_foreach(json_object_get(json, "checks"), name, check)
        {
                const char *why = json_get_string(check, "detail");
                if (!json_is_true(json_object_get(check, "ok")))
                        return error_set(err, ERROR_IO, "%s is not ready: %s: %s", url, name,
                                         why ? why : "it does not say why");
        }
        return error_set(err, ERROR_IO, "%s is not ready (HTTP %ld)", url, status);
}

static int ask(CURL *easy, const char *url, struct buf *reply, struct error *err)
{
        char said[CURL_ERROR_SIZE] = "";
        _cleanup_buf_ struct buf whole = {0};
        long status = 0;
        buf_init(&whole, 4096);
        buf_printf(&whole, "%s/readyz", url);
        int r = buf_error(&whole, err, "the server's URL");
        if (r < 0)
                return r;
        /* No proxy: what is to be known is whether this server answers. */
        if (curl_easy_setopt(easy, CURLOPT_URL, buf_text(&whole)) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)PROBE_MS) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, said) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply) != CURLE_OK)
                return error_oom(err);
        CURLcode code = curl_easy_perform(easy);
        if (code != CURLE_OK)
                return error_set(err, ERROR_IO, "%s is not reached: %s", url,
                                 *said ? said : curl_easy_strerror(code));
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        return status == HTTP_OK ? 0 : tell_missing(url, reply, status, err);
}

int server_probe(const char *url, struct error *err)
{
        _cleanup_buf_ struct buf reply = {0};
        buf_init(&reply, REPLY_MAX);
        if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
                return error_set(err, ERROR_USAGE,
                                 "\"%.200s\" is no URL of a server; one is http://127.0.0.1:8080",
                                 url);
        _cleanup_(free_easy) CURL *easy = curl_easy_init();
        return easy ? ask(easy, url, &reply, err) : error_oom(err);
}
