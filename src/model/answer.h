/* An answer that is coming in: text and tool calls, in pieces, each bounded. */
#ifndef ASKCSV_MODEL_ANSWER_H
#define ASKCSV_MODEL_ANSWER_H

#include "base/buf.h"
#include "model/kept.h"
#include "model/private.h"

#include <stdint.h>

#define ANSWER_NO_INDEX (-1)

struct answer_call {
        int64_t index; /* the server's number for it, or ANSWER_NO_INDEX */
        char id[MODEL_NAME_MAX + 1], name[MODEL_NAME_MAX + 1];
        struct buf arguments; /* a JSON text, once it is complete */
};

struct answer {
        const struct model *model;
        const struct model_call *call;
        struct buf text;
        struct answer_call calls[MODEL_CALLS_MAX];
        size_t calls_n;
        int64_t tokens_in, tokens_out; /* -1: not known */
        int64_t tokens_in_parts[3]; /* where tokens_in comes in parts: each as it was last said */
        enum model_stop stop;
        bool is_stopped;    /* it said why it ended: nothing is missing but perhaps tokens */
        bool is_told;       /* on_text was called */
        struct kept kept;   /* of what is to come back */
        struct fault fault; /* of an error that came instead of the rest */
};

void answer_init(struct answer *answer, const struct model *model, const struct model_call *call);
void answer_done(struct answer *answer); /* safe on a zeroed struct and twice */

/* All: 0, or ERROR_MODEL_ANSWER beyond a bound. Texts are valid UTF-8 without NUL. */
int answer_add_text(struct answer *answer, const char *text, size_t n, struct error *err);
int answer_add_call(struct answer *answer, int64_t index, struct answer_call **ret,
                    struct error *err);
int answer_set_id(struct answer_call *call, const char *id, struct error *err);
int answer_set_name(struct answer_call *call, const char *name, struct error *err);
int answer_add_arguments(struct answer_call *call, const char *text, size_t n, struct error *err);
/* Arguments that came as JSON and not as a text. */
int answer_set_arguments(struct answer_call *call, const json_t *arguments, struct error *err);
/* The call with that number, or NULL. */
struct answer_call *answer_find_call(struct answer *answer, int64_t index);
/* Tokens as the server gave them: a number that is there replaces what was known. */
void answer_set_tokens(int64_t *tokens, const json_t *number);
void answer_stop(struct answer *answer, enum model_stop stop);
/* A wire format's word for why it stopped, and what it means. */
struct answer_stop_word {
        const char *reason;
        enum model_stop stop;
};
/* MODEL_STOP_OTHER for a word that is not among the n. */
enum model_stop answer_stop_of(const struct answer_stop_word *words, size_t n, const char *reason);

/* Moves it into *ret. Calls without an id get one that no call in the conversation has. */
int answer_finish(struct answer *answer, struct model_reply *ret, struct error *err);

#endif
