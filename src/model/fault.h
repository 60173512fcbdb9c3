/* What a server said instead of an answer, as an error that says what to do. */
#ifndef ASKCSV_MODEL_FAULT_H
#define ASKCSV_MODEL_FAULT_H

#include "model/private.h"

#include <stddef.h>

#define FAULT_BODY_MAX ((size_t)64 * 1024) /* bytes that are looked at */

/* For a reply of HTTP with a status other than 2xx and its body. Sets fault->is_passing and
 * err->retry_after_ms; returns the negative code. */
int fault_of_status(const struct model *model, long status, const char *body, size_t n,
                    struct fault *fault, struct error *err);

/* For the error object (or text) in a reply or stream whose status was good. */
int fault_of_event(const struct model *model, const json_t *said, struct fault *fault,
                   struct error *err);

#endif
