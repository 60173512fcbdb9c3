/* Clients that ask at the same time, each run timed. bench/run starts one program for each way of
 * getting an answer and tells it line by line what to do, so that the ways can take turns while
 * what they hold open (tables, hosts) stays warm.
 *
 * A line is a JSON object, and so is its answer:
 *   first         what the way's open() takes       {"ready":true, ...}
 *   {"show":J}    the answer of job J               what the way's show() writes
 *   {"jobs":[J...],"clients":N,"each":K}            each job K times, or
 *   {"jobs":[J...],"clients":N,"ms":T}              in turn for T milliseconds:
 *                 {"wall_us":,"failed":,"error":,"samples":[[J,us,us_inner],...]}
 * A run that failed is counted and is no sample. */
#ifndef ASKCSV_BENCH_CLIENTS_H
#define ASKCSV_BENCH_CLIENTS_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTS_MAX 256
#define CLIENTS_ANSWER_MAX ((size_t)256 * 1024 * 1024)

struct way {
        /* Takes setup, which outlives *ret, and may add members to said ({"ready":true}). */
        int (*open)(const json_t *setup, void **ret, json_t *said, struct error *err);
        void (*close)(void *way);

        /* One more client; run() is called for it by one thread at a time. */
        int (*join)(void *way, void **ret_client, struct error *err);
        void (*leave)(void *way, void *client);

        /* The timed part. *inner_us (0 before): what of it was spent in the thing measured itself,
         * if the way can tell. */
        int (*run)(void *way, void *client, size_t job, int64_t *inner_us, struct error *err);

        /* One JSON object. */
        int (*show)(void *way, void *client, size_t job, struct buf *out, struct error *err);
};

/* The main() of a way's program; returns its exit status. The setup's "jobs" says how many jobs
 * there are; run() and show() get no others. */
int clients_main(const struct way *way);

#endif
