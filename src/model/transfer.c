#include "model/transfer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/wire.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define POLL_MAX_MS 1000

/* Of one run. */
struct way {
        struct transfer *transfer;
        CURLM *multi;
        CURL *easy;
        struct curl_slist *headers;
        char said[CURL_ERROR_SIZE]; /* by libcurl; may name the proxy with its password */
        int64_t last_us;            /* when the server was last heard */
        size_t bytes;
        int r; /* of take, as soon as it is not 0 */
        struct error *err;
};

/* ---- the reply's head ---- */

/* The header's value when the line has that name: without blanks around it, cut to fit. */
static bool header_value(const char *line, size_t n, const char *name, char *out, size_t size)
{
        size_t length = strlen(name);
        if (n <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
                return false;
        const char *from = line + length + 1;
        const char *to = line + n;
        while (from < to && isspace((unsigned char)*from))
                from++;
        while (to > from && isspace((unsigned char)to[-1]))
                to--;
        (void)snprintf(out, size, "%.*s", (int)(to - from), from);
        return true;
}

/* Seconds, or a date (RFC 9110 10.2.3). -1: it is neither. */
static int64_t retry_after_ms(const char *value)
{
        int64_t most_s = TRANSFER_RETRY_AFTER_MAX_MS / 1000;
        int64_t s = 0;
        if (strspn(value, "0123456789") == strlen(value) && *value) {
                for (; *value && s < most_s; value++)
                        s = s * 10 + (*value - '0');
        } else {
                time_t at = curl_getdate(value, NULL);
                if (at == (time_t)-1)
                        return -1;
                s = (int64_t)at - clock_utc_ms() / 1000;
        }
        if (s < 0)
                s = 0;
        return (s > most_s ? most_s : s) * 1000;
}

static void set_type(char type[128], char *value)
{
        value[strcspn(value, "; \t")] = '\0';
        for (char *p = value; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        (void)snprintf(type, 128, "%s", value);
}

/* An interim reply (1xx) has a head of its own, and no part in what follows. */
static size_t on_header(char *line, size_t size, size_t count, void *data)
{
        struct way *way = data;
        struct transfer_head *head = &way->transfer->head;
        char value[128];
        size_t n = size * count;
        way->last_us = clock_monotonic_us();
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                long status = 0;
                (void)curl_easy_getinfo(way->easy, CURLINFO_RESPONSE_CODE, &status);
                *head = (struct transfer_head){.status = status >= 200 ? status : 0,
                                               .retry_after_ms = -1};
        } else if (header_value(line, n, "content-type", value, sizeof(value))) {
                set_type(head->type, value);
        } else if (header_value(line, n, "retry-after", value, sizeof(value))) {
                head->retry_after_ms = retry_after_ms(value);
        }
        return n;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
        struct way *way = data;
        struct transfer *transfer = way->transfer;
        size_t n = size * count;
        way->last_us = clock_monotonic_us();
        way->bytes += n;
        way->r = way->bytes > MODEL_BODY_MAX
                         ? error_set(way->err, ERROR_MODEL_ANSWER,
                                     "the model's answer is too long: it has more than %zu bytes",
                                     MODEL_BODY_MAX)
                         : transfer->take(&transfer->head, bytes, n, transfer->data, way->err);
        return way->r == 0 ? n : CURL_WRITEFUNC_ERROR;
}

/* ---- setting it up ---- */

static bool add_header(struct way *way, const char *line)
{
        struct curl_slist *longer = curl_slist_append(way->headers, line);
        if (longer)
                way->headers = longer;
        return longer;
}

static bool add_headers(struct way *way)
{
        const struct model *model = way->transfer->model;
        char line[MODEL_KEY_MAX + 64];
        bool ok = add_header(way, "Content-Type: application/json") &&
                  add_header(way, "Accept: text/event-stream, application/json") &&
                  add_header(way, "User-Agent: askcsv/" ASKCSV_VERSION) &&
                  add_header(way, "Expect:"); /* no waiting for leave to send the body */
        for (const char *const *other = model->wire->headers; ok && other && *other; other++)
                ok = add_header(way, *other);
        if (ok && model->key) {
                (void)snprintf(line, sizeof(line), model->wire->key_header, model->key);
                ok = add_header(way, line);
        }
        explicit_bzero(line, sizeof(line));
        return ok;
}

#define SET(option, value) (curl_easy_setopt(way->easy, (option), (value)) == CURLE_OK)

/* The key stays with the base URL: no redirects, no other protocols, and no proxy sees it but
 * before a server that is asked by plain HTTP. */
static bool set_ways(struct way *way)
{
        const struct model *model = way->transfer->model;
        return SET(CURLOPT_URL, model->url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
               SET(CURLOPT_REDIR_PROTOCOLS_STR, "https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
               SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) &&
               SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) && SET(CURLOPT_HTTPHEADER, way->headers) &&
               SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
               SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
               (!model->proxy || SET(CURLOPT_PROXY, model->proxy)) &&
               (!model->ca_file ||
                (SET(CURLOPT_CAINFO, model->ca_file) && SET(CURLOPT_PROXY_CAINFO, model->ca_file)));
}

/* Quick exit: who cancels does not wait for a name server. */
static bool set_rest(struct way *way)
{
        const struct transfer *transfer = way->transfer;
        return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_POST, 1L) &&
               SET(CURLOPT_POSTFIELDS, transfer->body) &&
               SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_bytes) &&
               SET(CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->model->connect_timeout_ms) &&
               SET(CURLOPT_ERRORBUFFER, way->said) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
               SET(CURLOPT_HEADERDATA, way) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
               SET(CURLOPT_WRITEDATA, way) &&
               (!transfer->only_connect || SET(CURLOPT_CONNECT_ONLY, 1L));
}

static bool way_start(struct way *way)
{
        way->easy = curl_easy_init();
        way->multi = curl_multi_init();
        return way->easy && way->multi && add_headers(way) && set_ways(way) && set_rest(way) &&
               curl_multi_add_handle(way->multi, way->easy) == CURLM_OK;
}

static void way_end(struct way *way)
{
        if (way->multi && way->easy)
                (void)curl_multi_remove_handle(way->multi, way->easy);
        curl_easy_cleanup(way->easy);
        (void)curl_multi_cleanup(way->multi);
        curl_slist_free_all(way->headers);
}

/* ---- how it may fail ---- */

static const char *reason(const struct way *way, CURLcode code)
{
        long errnum = 0;
        (void)curl_easy_getinfo(way->easy, CURLINFO_OS_ERRNO, &errnum);
        if (code == CURLE_PEER_FAILED_VERIFICATION && way->said[0])
                return way->said;
        if (code == CURLE_COULDNT_CONNECT && errnum > 0)
                return strerror((int)errnum);
        return curl_easy_strerror(code);
}

/* The settings that decide about it. */
static const char *advice(CURLcode code)
{
        switch (code) {
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_PROXY:
                return "proxy";
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
                return "ca_file";
        default:
                return NULL;
        }
}

static bool is_passing(CURLcode code)
{
        switch (code) {
        case CURLE_COULDNT_CONNECT:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
                return true;
        default:
                return false;
        }
}

/* No reply has begun. */
static int failed(struct way *way, CURLcode code)
{
        struct transfer *transfer = way->transfer;
        const struct model *model = transfer->model;
        const char *setting = advice(code);
        long proxy_status = 0;
        (void)curl_easy_getinfo(way->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
        if (code == CURLE_OUT_OF_MEMORY)
                return error_oom(way->err);
        if (proxy_status >= 300)
                return error_set(way->err, ERROR_MODEL_UNAVAILABLE,
                                 "the proxy on the way to the model's server at %.300s refused the "
                                 "connection (status %ld); look at proxy",
                                 model->base_url, proxy_status);
        transfer->is_passing = is_passing(code);
        if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
                return error_set(way->err, ERROR_MODEL_ANSWER,
                                 "what answers at %.300s does not speak HTTP; look at %s_base_url",
                                 model->base_url, model->wire->name);
        return error_set(way->err, ERROR_MODEL_UNAVAILABLE,
                         "the model's server at %.300s is not reached: %.300s; look at %s%s",
                         model->base_url, reason(way, code), setting ? "" : model->wire->name,
                         setting ? setting : "_base_url");
}

static bool is_cancelled(const struct transfer *transfer)
{
        struct pollfd fd = {.fd = transfer->cancel_fd, .events = POLLIN};
        return transfer->cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* *ret_wait_ms: until the next of the times. */
static int check_times(struct way *way, int *ret_wait_ms)
{
        const struct transfer *transfer = way->transfer;
        const struct model *model = transfer->model;
        int64_t now_us = clock_monotonic_us();
        curl_off_t connected_us = 0;
        (void)curl_easy_getinfo(way->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        if (connected_us <= 0)
                way->last_us = now_us; /* there is a time of its own for that */
        int64_t left_us = transfer->deadline_us - now_us;
        int64_t silent_us = way->last_us + model->idle_timeout_ms * 1000 - now_us;
        if (left_us <= 0)
                return error_set(way->err, ERROR_MODEL_UNAVAILABLE,
                                 "the model's server at %.300s did not end its answer in time",
                                 model->base_url);
        if (silent_us <= 0)
                return error_set(way->err, ERROR_MODEL_UNAVAILABLE,
                                 "the model's server at %.300s sent nothing for %lld ms",
                                 model->base_url, (long long)model->idle_timeout_ms);
        int64_t wait_ms = (left_us < silent_us ? left_us : silent_us) / 1000 + 1;
        *ret_wait_ms = wait_ms < POLL_MAX_MS ? (int)wait_ms : POLL_MAX_MS;
        return 0;
}

/* 1: the transfer goes on. */
static int wait_more(struct way *way)
{
        struct transfer *transfer = way->transfer;
        struct curl_waitfd cancel = {.fd = transfer->cancel_fd, .events = CURL_WAIT_POLLIN};
        int wait_ms = 0;
        int r = check_times(way, &wait_ms);
        if (r < 0)
                return r;
        CURLMcode code = curl_multi_poll(way->multi, &cancel, transfer->cancel_fd >= 0 ? 1 : 0,
                                         wait_ms, NULL);
        if (code != CURLM_OK)
                return error_set(way->err, ERROR_INTERNAL, "waiting for the model's server: %s",
                                 curl_multi_strerror(code));
        /* libcurl would not tell of a pipe that is only at its end. */
        if (is_cancelled(transfer))
                return error_set(way->err, ERROR_CANCELLED,
                                 "the question to the model was stopped");
        return 1;
}

/* Nothing runs any more. */
static int conclude(struct way *way)
{
        struct transfer *transfer = way->transfer;
        int left = 0;
        const CURLMsg *message = curl_multi_info_read(way->multi, &left);
        CURLcode code = message ? message->data.result : CURLE_RECV_ERROR;
        if (way->r != 0)
                return way->r < 0 ? way->r : 0;
        if (code == CURLE_OK && (transfer->head.status != 0 || transfer->only_connect))
                return 0;
        if (transfer->head.status == 0)
                return failed(way, code);
        if (code == CURLE_OUT_OF_MEMORY)
                return error_oom(way->err);
        transfer->is_cut = true;
        return 0;
}

static int way_run(struct way *way)
{
        int r = 1;
        int running = 1;
        while (r > 0) {
                CURLMcode code = curl_multi_perform(way->multi, &running);
                if (code != CURLM_OK)
                        return error_set(way->err, ERROR_INTERNAL, "asking the model's server: %s",
                                         curl_multi_strerror(code));
                r = running && way->r == 0 ? wait_more(way) : conclude(way);
                if (!running || way->r != 0)
                        break;
        }
        return r;
}

int transfer_run(struct transfer *transfer, struct error *err)
{
        struct error own = {0};
        struct way way = {
                .transfer = transfer, .err = err ? err : &own, .last_us = clock_monotonic_us()};
        transfer->head = (struct transfer_head){.retry_after_ms = -1};
        transfer->is_cut = transfer->is_passing = false;
        if (is_cancelled(transfer))
                return error_set(err, ERROR_CANCELLED, "the question to the model was stopped");
        int r = way_start(&way) ? way_run(&way) : error_oom(err);
        way_end(&way);
        return r;
}
