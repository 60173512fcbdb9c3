/* The two halves of Anthropic's wire format. */
#ifndef ASKCSV_MODEL_ANTHROPIC_H
#define ASKCSV_MODEL_ANTHROPIC_H

#include "model/private.h"

/* As struct wire has it. */
int anthropic_request(const struct model *model, const struct model_call *call, json_t **ret,
                      struct error *err);

#endif
