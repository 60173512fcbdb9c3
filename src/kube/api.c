#include "kube/api.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_MAX 700 /* bytes of the server's own words in a message */
#define TOKEN_MAX ((size_t)64 * 1024)
#define REPLY_DEPTH_MAX 100
#define CONNECT_MS 10000L
#define AGAIN_FIRST_MS 100 /* then twice as long each time */
#define AGAIN_MAX_MS 5000

struct kube_client {
        const struct kube_server *server;
        CURLM *multi; /* keeps the connection */
};

void kube_reply_done(struct kube_reply *reply)
{
        json_decref(reply->body);
        buf_done(&reply->text);
        *reply = (struct kube_reply){0};
}

int kube_client_new(const struct kube_server *server, struct kube_client **ret, struct error *err)
{
        struct kube_client *client = alloc_calloc(1, sizeof(*client));
        if (!client)
                return error_oom(err);
        client->server = server;
        client->multi = curl_multi_init();
        if (!client->multi) {
                free(client);
                return error_oom(err);
        }
        *ret = client;
        return 0;
}

void kube_client_free(struct kube_client *client)
{
        if (client)
                (void)curl_multi_cleanup(client->multi);
        free(client);
}

/* ---- how it may fail ---- */

int kube_unreached(const struct kube_server *server, CURLcode code, const char *said,
                   const char *doing, struct error *err)
{
        const char *why = *said ? said : curl_easy_strerror(code);
        if (code == CURLE_OUT_OF_MEMORY)
                return error_oom(err);
        if (code == CURLE_PEER_FAILED_VERIFICATION)
                return error_set(err, ERROR_IO,
                                 "the Kubernetes API server at %s is not trusted (%.300s); look at "
                                 "certificate-authority-data in %s",
                                 server->url, why, server->source);
        if (code == CURLE_SSL_CERTPROBLEM)
                return error_set(err, ERROR_IO,
                                 "the client certificate in %s cannot be used: %.300s",
                                 server->source, why);
        return error_set(err, ERROR_IO,
                         "the Kubernetes API server at %s (from %s) is not reached (%s): %.300s",
                         server->url, server->source, doing, why);
}

static const char *said_by(const struct kube_reply *reply)
{
        const char *message = json_get_string(reply->body, "message");
        return message && *message ? message : "it does not say why";
}

int kube_refused(const struct kube_client *client, const struct kube_call *call,
                 const struct kube_reply *reply, struct error *err)
{
        const struct kube_server *server = client->server;
        if (reply->status == 401)
                return error_set(err, ERROR_IO,
                                 "the Kubernetes API server at %s does not know who we are (%s); "
                                 "look at the user in %s: its token or certificate may have "
                                 "expired",
                                 server->url, call->doing, server->source);
        return error_set(
                err, ERROR_IO, "the Kubernetes API server at %s refused (%s, status %ld): %.*s%s",
                server->url, call->doing, reply->status, SAID_MAX, said_by(reply),
                reply->status == 403 ? "; docs/DEPLOY.md lists the rights that are needed" : "");
}

/* ---- one handle ---- */

/* Of the file anew each time: the kubelet replaces a pod's token long before it ends. */
static int add_token(const struct kube_server *server, struct curl_slist **headers,
                     struct error *err)
{
        static const char start[] = "Authorization: Bearer ";
        _cleanup_buf_ struct buf line = {0};
        buf_init(&line, TOKEN_MAX);
        if (!server->token && !server->token_file)
                return 0;
        buf_puts(&line, start);
        int r = 0;
        if (server->token_file)
                r = fd_read_file(server->token_file, &line, err);
        else
                buf_puts(&line, server->token);
        if (r < 0)
                return error_prefix(err, r, "the token of the Kubernetes user");
        while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]))
                line.data[--line.len] = '\0';
        struct curl_slist *longer = NULL;
        bool is_one_line = strcspn(buf_text(&line), "\r\n") == line.len;
        if (is_one_line && line.len > strlen(start))
                longer = curl_slist_append(*headers, buf_text(&line));
        if (longer)
                *headers = longer;
        if (line.data)
                explicit_bzero(line.data, line.len);
        if (!is_one_line)
                return error_set(err, ERROR_USAGE, "the token in %s is no token", server->source);
        return longer ? 0 : error_oom(err);
}

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_pem(CURL *easy, CURLoption option, const char *pem)
{
        struct curl_blob blob = {
                .data = (void *)pem, .len = pem ? strlen(pem) : 0, .flags = CURL_BLOB_COPY};
        return !pem || SET(option, &blob);
}

static bool set_up(CURL *easy, const struct kube_server *server, const char *url)
{
        return SET(CURLOPT_URL, url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
               SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOSIGNAL, 1L) &&
               SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_QUICK_EXIT, 1L) &&
               SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
               SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
               SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) && SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
               SET(CURLOPT_TCP_KEEPIDLE, 30L) && SET(CURLOPT_TCP_KEEPINTVL, 10L) &&
               set_pem(easy, CURLOPT_CAINFO_BLOB, server->ca_pem) &&
               set_pem(easy, CURLOPT_SSLCERT_BLOB, server->cert_pem) &&
               set_pem(easy, CURLOPT_SSLKEY_BLOB, server->key_pem);
}

int kube_handle(const struct kube_server *server, const char *path, CURL **ret,
                struct curl_slist **ret_headers, struct error *err)
{
        char url[KUBE_PATH_MAX + 1024];
        CURL *easy = curl_easy_init();
        struct curl_slist *headers = curl_slist_append(NULL, "User-Agent: askcsv/" ASKCSV_VERSION);
        if (snprintf(url, sizeof(url), "%s%s", server->url, path) >= (int)sizeof(url)) {
                curl_slist_free_all(headers);
                curl_easy_cleanup(easy);
                return error_set(err, ERROR_USAGE, "the URL of the server in %s is too long",
                                 server->source);
        }
        int r = easy && headers && set_up(easy, server, url) ? 0 : error_oom(err);
        if (r == 0)
                r = add_token(server, &headers, err);
        if (r < 0) {
                curl_slist_free_all(headers);
                curl_easy_cleanup(easy);
                return r;
        }
        *ret = easy;
        *ret_headers = headers;
        return 0;
}

/* ---- one attempt ---- */

struct way {
        struct kube_client *client;
        const struct kube_call *call;
        CURL *easy;
        struct curl_slist *headers;
        struct kube_reply *reply;
        char said[CURL_ERROR_SIZE];
};

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
        struct way *way = data;
        buf_append(&way->reply->text, bytes, size * count);
        return way->reply->text.state == BUF_OK ? size * count : CURL_WRITEFUNC_ERROR;
}

static bool set_call(struct way *way)
{
        const struct kube_call *call = way->call;
        CURL *easy = way->easy;
        const char *type = strcmp(call->method, "PATCH") == 0
                                   ? "Content-Type: application/merge-patch+json"
                                   : "Content-Type: application/json";
        struct curl_slist *longer = curl_slist_append(way->headers, type);
        if (longer)
                way->headers = longer;
        struct curl_slist *unexpecting = longer ? curl_slist_append(longer, "Expect:") : NULL;
        return unexpecting && SET(CURLOPT_CUSTOMREQUEST, call->method) &&
               (!call->body || (SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body)) &&
                                SET(CURLOPT_POSTFIELDS, call->body))) &&
               SET(CURLOPT_HTTPHEADER, way->headers) && SET(CURLOPT_ERRORBUFFER, way->said) &&
               SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, way);
}

static int take_reply(struct way *way)
{
        static const struct json_limits limits = {.max_bytes = KUBE_REPLY_MAX,
                                                  .max_depth = REPLY_DEPTH_MAX};
        struct kube_reply *reply = way->reply;
        struct error ignored = {0};
        (void)curl_easy_getinfo(way->easy, CURLINFO_RESPONSE_CODE, &reply->status);
        if (reply->text.len > 0 && reply->text.len <= KUBE_REPLY_MAX && *reply->text.data == '{')
                (void)json_parse(reply->text.data, reply->text.len, &limits, ERROR_IO, &reply->body,
                                 &ignored);
        return 0;
}

static int failed(struct way *way, CURLcode code, struct error *err)
{
        if (way->reply->text.state == BUF_NO_MEMORY)
                return error_oom(err);
        if (way->reply->text.state == BUF_TOO_LARGE)
                return error_set(err, ERROR_RUNNER_OUTPUT_EXCEEDED,
                                 "the reply of the Kubernetes API server is too long (%s)",
                                 way->call->doing);
        return kube_unreached(way->client->server, code, way->said, way->call->doing, err);
}

static int way_run(struct way *way, int64_t until_us, CURLcode *code, struct error *err)
{
        enum http_end end = HTTP_ENDED;
        const struct http_patience patience = {.until_us = until_us,
                                               .cancel_fd = way->call->cancel_fd,
                                               .whom = "the Kubernetes API server"};
        if (curl_multi_add_handle(way->client->multi, way->easy) != CURLM_OK)
                return error_oom(err);
        int r = http_drive(way->client->multi, &patience, &end, code, err);
        (void)curl_multi_remove_handle(way->client->multi, way->easy);
        if (r == 0 && end == HTTP_CANCELLED)
                return error_set(err, ERROR_CANCELLED, "the run was stopped");
        if (r == 0 && end == HTTP_LATE)
                *code = CURLE_OPERATION_TIMEDOUT;
        if (r == 0 && *code != CURLE_OK)
                return failed(way, *code, err);
        return r < 0 ? r : take_reply(way);
}

static int try_once(struct kube_client *client, const struct kube_call *call, int64_t until_us,
                    struct kube_reply *reply, CURLcode *code, struct error *err)
{
        struct way way = {.client = client, .call = call, .reply = reply};
        long sent_bytes = 0;
        *code = CURLE_OK;
        int r = kube_handle(client->server, call->path, &way.easy, &way.headers, err);
        if (r < 0)
                return r;
        r = set_call(&way) ? way_run(&way, until_us, code, err) : error_oom(err);
        (void)curl_easy_getinfo(way.easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
        reply->is_sent = sent_bytes > 0;
        curl_easy_cleanup(way.easy);
        curl_slist_free_all(way.headers);
        return r;
}

/* ---- trying again ---- */

static bool is_passing(CURLcode code, long status)
{
        switch (code) {
        case CURLE_OK:
                return status == 429 || status == 500 || (status >= 502 && status <= 504);
        case CURLE_COULDNT_CONNECT:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
                return true;
        default:
                return false;
        }
}

/* Waits before the next attempt. Half of it is chance, so that those who failed together do not
 * come back together. False when there is no time for one, or no wish. */
static bool pause_for(int attempt, int64_t until_us, int cancel_fd)
{
        int64_t ms = AGAIN_FIRST_MS << (attempt < 6 ? attempt : 6);
        ms = ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS;
        ms = ms / 2 + clock_monotonic_us() % (ms / 2 + 1);
        if (clock_monotonic_us() + ms * 1000 >= until_us)
                return false;
        return !http_wait(cancel_fd, ms);
}

int kube_ask(struct kube_client *client, const struct kube_call *call, struct kube_reply *ret,
             struct error *err)
{
        int64_t until_us = clock_monotonic_us() + call->timeout_ms * 1000;
        bool was_sent = false;
        for (int attempt = 0;; attempt++) {
                CURLcode code;
                *ret = (struct kube_reply){0};
                buf_init(&ret->text, call->max_bytes > 0 ? call->max_bytes : KUBE_REPLY_MAX);
                int r = try_once(client, call, until_us, ret, &code, err);
                ret->is_again = was_sent;
                ret->is_sent |= was_sent;
                was_sent = ret->is_sent;
                if ((r < 0 && r != -(int)ERROR_IO) || !is_passing(code, ret->status) ||
                    !pause_for(attempt, until_us, call->cancel_fd))
                        return r;
                kube_reply_done(ret);
        }
}

int kube_do(struct kube_client *client, const struct kube_call *call, struct kube_reply *ret,
            struct error *err)
{
        int r = kube_ask(client, call, ret, err);
        if (r == 0 && ret->status / 100 != 2)
                r = kube_refused(client, call, ret, err);
        return r;
}
