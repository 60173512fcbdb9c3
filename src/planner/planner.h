/* The contract of planners: a question about a dataset in, a query plan or an abstention out. The
 * built-in one (builtin.h) needs no model, no key and no network. */
#ifndef ASKCSV_PLANNER_PLANNER_H
#define ASKCSV_PLANNER_PLANNER_H

#include "base/error.h"
#include "dataset/schema.h"
#include "dataset/values.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define QUESTION_BYTES_MAX (100 * 1024) /* beyond it: ERROR_VALIDATION */

struct planner_input {
        const char *question; /* any bytes */
        size_t question_bytes;
        const struct dataset *dataset;    /* described: every table has its columns */
        const struct value_index *values; /* or NULL: nothing is known of the values */
        const json_t *previous;           /* the plan that a follow-up changes, or NULL; one that
                                           * does not compile: ERROR_VALIDATION */
        int64_t as_of_s;                  /* seconds since 1970 UTC */
};

enum planner_outcome {
        PLANNER_PLAN,      /* plan, reading and assumptions are set */
        PLANNER_ABSTAINED, /* abstention is set */
};

/* What an abstention is about; its word goes into the capsule. */
enum abstention_reason {
        ABSTAIN_NOT_UNDERSTOOD, /* "words_not_understood": some words mean nothing here */
        ABSTAIN_AMBIGUOUS,      /* "ambiguous": several readings; choices lists them */
        ABSTAIN_UNSUPPORTED,    /* "unsupported": understood, but no plan can say it (causes,
                                 * predictions, opinions, writing) */
        ABSTAIN_NOT_A_QUESTION, /* "not_a_question": nothing is asked for */
};

struct planner_output {
        enum planner_outcome outcome;
        json_t *plan;        /* checked: plan_compile takes it */
        char *reading;       /* one sentence, made from the plan (reading.h) */
        json_t *assumptions; /* array of sentences; may be empty */
        /* {"reason": word, "message": a sentence that says what to do,
         *  "words": [not understood],
         *  "nearest": [{"word", "suggestions": ["category = Books", "column price"]}],
         *  "choices": [{"reading", "plan"}],
         *  "questions": [three that can be answered]} */
        json_t *abstention;
};

/* Releases what *output holds; {0} is fine. */
void planner_output_done(struct planner_output *output);

const char *abstention_reason_word(enum abstention_reason reason);

struct planner {
        const char *name; /* "builtin": what the capsule's "planner" says */
        /* 0 with *output set (the caller's to release), or a negative code: no memory,
         * ERROR_VALIDATION for more than QUESTION_BYTES_MAX. A question without words is an
         * abstention, "not_a_question". The same input gives the same output. */
        int (*plan)(const struct planner_input *input, struct planner_output *output,
                    struct error *err);
};

#endif
