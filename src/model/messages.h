/* The neutral form of a conversation, looked at before it is put into a wire format. */
#ifndef ASKCSV_MODEL_MESSAGES_H
#define ASKCSV_MODEL_MESSAGES_H

#include "model/model.h"

/* 0 when messages and tools are of the form that model.h gives, else ERROR_INVALID_REQUEST. */
int messages_check(const struct model_call *call, struct error *err);

/* A tool call's arguments as an object, a new reference: those that were malformed are put into
 * one, as no server takes them as they are. NULL when memory is short. */
json_t *messages_arguments(const json_t *tool_call);

#endif
