/* "I don't know", and what would help. */
#ifndef ASKCSV_PLANNER_ABSTAIN_H
#define ASKCSV_PLANNER_ABSTAIN_H

#include "planner/candidate.h"
#include "planner/planner.h"

#define WORDS_UNKNOWN_MAX 8

/* Why no way to cut the question made sense, from the likeliest one. */
struct misreading {
        size_t words[WORDS_UNKNOWN_MAX]; /* tokens that nothing is known of */
        size_t n_words;
        const struct atom *stuck; /* an atom that has no place */
        int refused;              /* enum refusal, or -1 */
        bool has_path;
};

void misreading_add(struct misreading *why, const struct path *path, const struct misread *misread);

/* Each sets output to an abstention: 0, or ERROR_INTERNAL for no memory. */
int abstain_not_understood(const struct question *question, const struct misreading *why,
                           struct planner_output *output, struct error *err);
/* The first n candidates are as likely as each other. */
int abstain_ambiguous(const struct planner_input *input, const struct question *question,
                      const struct candidates *candidates, size_t n, struct planner_output *output,
                      struct error *err);
/* The words change a question, and there is none before them. */
int abstain_fragment(const struct question *question, struct planner_output *output,
                     struct error *err);
/* There are no words, or too many. */
int abstain_no_question(const struct question *question, struct planner_output *output,
                        struct error *err);

#endif
