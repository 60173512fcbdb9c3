/* What the files of this folder share; nobody else includes it. */
#ifndef ASKCSV_MODEL_PRIVATE_H
#define ASKCSV_MODEL_PRIVATE_H

#include "model/model.h"

#include <stdbool.h>
#include <stdint.h>

struct wire;

struct model {
        const struct wire *wire;
        char *base_url; /* without a slash at its end */
        char *url;      /* where calls go */
        char *name;
        char *key;     /* or NULL */
        char *proxy;   /* or NULL */
        char *ca_file; /* or NULL */
        int64_t connect_timeout_ms, idle_timeout_ms, total_timeout_ms;
        int retries_max;
        int64_t tokens_max;
};

/* How an attempt failed. */
struct fault {
        bool is_passing;        /* the next attempt may find it gone */
        int64_t retry_after_ms; /* as the server said; -1: it did not */
};

#endif
