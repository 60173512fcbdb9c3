/* Removes old capsules while the server runs, on a thread and a connection to the store of its own:
 * a batch at a time, at the start and then in intervals, so that no request waits for more than one
 * batch. */
#ifndef ASKCSV_SERVER_SWEEP_H
#define ASKCSV_SERVER_SWEEP_H

#include "capsule/retention.h"
#include "server/log.h"
#include "server/metrics.h"

#define SWEEP_INTERVAL_MS (INT64_C(60) * 1000)

struct sweep_options {
        const char *store_url; /* not kept */
        struct retention_rule rule;
        int64_t interval_ms; /* from the end of one sweep to the beginning of the next */
        struct metrics
                *metrics; /* lent until sweep_stop; METRIC_CAPSULES_REMOVED, _RETENTION_FAILED */
        struct log *log;  /* likewise */
};

struct sweep; /* opaque */

/* The caller ends it with sweep_stop(). A rule that is off removes nothing. */
int sweep_start(const struct sweep_options *options, struct sweep **ret, struct error *err);

/* From now on this rule holds; it is looked at once. */
void sweep_set_rule(struct sweep *sweep, const struct retention_rule *rule);

/* Waits for the batch that is under way. NULL is fine. */
void sweep_stop(struct sweep *sweep);

#endif
