/* Collects faults while a plan is read or checked, so that all come at once. */
#ifndef ASKCSV_PLAN_REPORT_H
#define ASKCSV_PLAN_REPORT_H

#include "plan/model.h"

struct report {
        struct plan_faults *faults;
        bool no_memory; /* sticks; whoever started the work asks once, at the end */
};

/* The names to choose a suggestion from; starts from {.wanted, .work_left}. */
struct nearest {
        const char *wanted;
        const char *name;  /* the best so far, or NULL */
        size_t distance;   /* of it */
        size_t *work_left; /* bounds the time over all searches of one plan */
};

#define NEAREST_WORK_MAX 2000000 /* cells of the distance table over one plan */

/* Adds a fault at place. suggestion may be NULL and need not live on; the message is printf's. */
void report_add(struct report *report, enum error_type type, const struct place *at,
                const char *suggestion, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* ERROR_VALIDATION without and with a suggestion. */
#define report_fault(report, at, ...) report_add(report, ERROR_VALIDATION, at, NULL, __VA_ARGS__)
#define report_near(report, at, near, ...)                                                         \
        report_add(report, ERROR_VALIDATION, at, near, __VA_ARGS__)

/* Sorts the faults into the order of the plan's text. */
void report_sort(struct report *report, const json_t *plan);

/* text as a JSON string, clipped when long, for use in messages. Never NULL; the memory belongs to
 * the faults' arena. */
const char *report_quote(struct report *report, const char *text);

/* Offers one name; keeps it when it is the nearest by edit distance (case apart, a swap of
 * neighbours counts once) and within a third of the wanted name's length. */
void nearest_offer(struct nearest *nearest, const char *name);

#endif
