#include "http/drive.h"

#include "base/clock.h"

#include <poll.h>

#define POLL_MAX_MS 1000

bool http_is_cancelled(int cancel_fd)
{
        struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
        return cancel_fd >= 0 && poll(&fd, 1, 0) > 0;
}

bool http_wait(int cancel_fd, int64_t ms)
{
        struct pollfd fd = {.fd = cancel_fd, .events = POLLIN};
        int64_t until_us = clock_monotonic_us() + ms * 1000;
        for (;;) {
                int64_t left_ms = (until_us - clock_monotonic_us() + 999) / 1000;
                if (left_ms <= 0)
                        return false;
                if (poll(&fd, 1, left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS) > 0)
                        return true;
        }
}

static int failed(const struct http_patience *patience, CURLMcode code, struct error *err)
{
        return error_set(err, ERROR_INTERNAL, "waiting for %s: %s", patience->whom,
                         curl_multi_strerror(code));
}

/* 1: go on. */
static int wait_more(CURLM *multi, const struct http_patience *patience, enum http_end *ret,
                     struct error *err)
{
        struct curl_waitfd cancel = {.fd = patience->cancel_fd, .events = CURL_WAIT_POLLIN};
        int64_t left_ms = (patience->until_us - clock_monotonic_us() + 999) / 1000;
        if (left_ms <= 0) {
                *ret = HTTP_LATE;
                return 0;
        }
        CURLMcode code = curl_multi_poll(multi, &cancel, patience->cancel_fd >= 0 ? 1 : 0,
                                         left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS, NULL);
        if (code != CURLM_OK)
                return failed(patience, code, err);
        /* libcurl would not tell of a pipe that is only at its end. */
        if (!http_is_cancelled(patience->cancel_fd))
                return 1;
        *ret = HTTP_CANCELLED;
        return 0;
}

int http_drive(CURLM *multi, const struct http_patience *patience, enum http_end *ret,
               CURLcode *ret_code, struct error *err)
{
        int running = 1;
        int r = 1;
        while (r > 0) {
                CURLMcode code = curl_multi_perform(multi, &running);
                if (code != CURLM_OK)
                        return failed(patience, code, err);
                if (patience->enough && *patience->enough) {
                        *ret = HTTP_ENOUGH;
                        return 0;
                }
                if (!running)
                        break;
                r = wait_more(multi, patience, ret, err);
        }
        if (r <= 0)
                return r;
        int left = 0;
        const CURLMsg *message = curl_multi_info_read(multi, &left);
        *ret = HTTP_ENDED;
        *ret_code = message ? message->data.result : CURLE_RECV_ERROR;
        return 0;
}
