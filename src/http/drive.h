/* Waiting for libcurl, so that who waits can be stopped. */
#ifndef ASKCSV_HTTP_DRIVE_H
#define ASKCSV_HTTP_DRIVE_H

#include "base/error.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

enum http_end {
        HTTP_ENDED,     /* the transfer is over; its code says how */
        HTTP_LATE,      /* until_us has come */
        HTTP_CANCELLED, /* cancel_fd is readable, or its other end is closed */
        HTTP_ENOUGH,    /* *enough was set by a callback of the transfer */
};

struct http_patience {
        int64_t until_us;   /* of clock_monotonic_us() */
        int cancel_fd;      /* or -1 */
        const bool *enough; /* or NULL */
        const char *whom;   /* for messages: "the Docker daemon" */
};

/* Lets the one transfer of multi go on until something of the above; it may go on later unless it
 * has ended. *ret_code is set with HTTP_ENDED. ERROR_INTERNAL: libcurl itself failed. */
int http_drive(CURLM *multi, const struct http_patience *patience, enum http_end *ret,
               CURLcode *ret_code, struct error *err);

/* True once it can be read from, or is at its end. -1: never. */
bool http_is_cancelled(int cancel_fd);

/* Lets that much time pass; true when it was cut short, because of cancel_fd. */
bool http_wait(int cancel_fd, int64_t ms);

#endif
