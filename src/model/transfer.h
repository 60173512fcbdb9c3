/* One POST over libcurl, with its times and its ways to end. */
#ifndef ASKCSV_MODEL_TRANSFER_H
#define ASKCSV_MODEL_TRANSFER_H

#include "model/private.h"

#include <stddef.h>
#include <stdint.h>

/* What is known of the reply before its body. */
struct transfer_head {
        long status;            /* 0: no reply has begun */
        char type[128];         /* Content-Type, without parameters, in lower case; or "" */
        int64_t retry_after_ms; /* -1: not said; at most TRANSFER_RETRY_AFTER_MAX_MS */
};
#define TRANSFER_RETRY_AFTER_MAX_MS ((int64_t)86400 * 1000)

struct transfer {
        const struct model *model;
        const char *body; /* JSON */
        size_t body_bytes;
        int cancel_fd;       /* or -1 */
        int64_t deadline_us; /* of clock_monotonic_us() */
        bool only_connect;   /* name, connection, TLS; nothing is sent, and there is no reply */
        /* The next bytes of the reply's body. 0: go on; 1: that was all; or a negative code. */
        int (*take)(const struct transfer_head *head, const char *bytes, size_t n, void *data,
                    struct error *err);
        void *data;
        /* Out: */
        struct transfer_head head;
        bool is_cut;     /* the connection broke within the body */
        bool is_passing; /* of a failure: the next attempt may succeed */
};

/* 0 when there is a reply, also one that is_cut; else ERROR_MODEL_UNAVAILABLE, ERROR_MODEL_ANSWER
 * (not HTTP, or too much), ERROR_CANCELLED, or what take returned. Redirects are not followed. */
int transfer_run(struct transfer *transfer, struct error *err);

#endif
