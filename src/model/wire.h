/* A wire format: what is sent for a call, and how what comes back is read. */
#ifndef ASKCSV_MODEL_WIRE_H
#define ASKCSV_MODEL_WIRE_H

#include "model/answer.h"
#include "model/private.h"

struct wire {
        const char *name; /* of the settings, too: "openai" is before "_key" */
        const char *default_url;
        const char *path;           /* behind the base URL */
        const char *optional_end;   /* of a base URL: may stand there and is in path; or NULL */
        const char *key_header;     /* a format for the key */
        const char *const *headers; /* others, up to NULL */
        /* The request's body, the caller's. ERROR_INVALID_REQUEST when the call is not one. */
        int (*request)(const struct model *model, const struct model_call *call, json_t **ret,
                       struct error *err);
        /* One event of a stream: 0, 1 when it was the last, or a negative code. */
        int (*event)(struct answer *answer, const json_t *event, struct error *err);
        /* An answer in one piece: 0 or a negative code. */
        int (*whole)(struct answer *answer, const json_t *body, struct error *err);
};

extern const struct wire wire_openai, wire_anthropic;

#endif
