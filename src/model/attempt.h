/* One attempt at a call: the request goes out, the answer is read as it comes. */
#ifndef ASKCSV_MODEL_ATTEMPT_H
#define ASKCSV_MODEL_ATTEMPT_H

#include "model/private.h"

#include <stddef.h>

/* body is the request. On failure *fault says whether another attempt makes sense; it does not once
 * text was handed to the caller. */
int attempt_run(const struct model *model, const struct model_call *call, const char *body,
                size_t body_bytes, int64_t deadline_us, struct model_reply *ret,
                struct fault *fault, struct error *err);

#endif
