#include "planner/planner.h"

#include "base/cleanup.h"

#include <stdlib.h>

void planner_output_done(struct planner_output *output)
{
        json_decref(output->plan);
        json_decref(output->assumptions);
        json_decref(output->abstention);
        free(output->reading);
        *output = (struct planner_output){0};
}

const char *abstention_reason_word(enum abstention_reason reason)
{
        static const char *const words[] = {
                [ABSTAIN_NOT_UNDERSTOOD] = "words_not_understood",
                [ABSTAIN_AMBIGUOUS] = "ambiguous",
                [ABSTAIN_UNSUPPORTED] = "unsupported",
                [ABSTAIN_NOT_A_QUESTION] = "not_a_question",
        };
        return words[reason];
}
