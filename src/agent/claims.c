#include "agent/claims.h"

#include "base/cleanup.h"

#include <stddef.h>
#include <string.h>

bool claims_a_run(const char *text)
{
        static const char *const phrases[] = {"i ran ",
                                              "i have run ",
                                              "i've run ",
                                              "i executed",
                                              "i've executed",
                                              "i have executed",
                                              "i queried",
                                              "i've queried",
                                              "i have queried",
                                              "i just ran",
                                              "i computed",
                                              "i calculated",
                                              "i counted",
                                              "i checked the data",
                                              "i looked at the data",
                                              "query returned",
                                              "query returns",
                                              "query shows",
                                              "query showed",
                                              "query gave",
                                              "query found",
                                              "results show",
                                              "result shows",
                                              "results indicate",
                                              "according to the",
                                              "the data shows",
                                              "the data show ",
                                              "data indicates",
                                              "based on the data",
                                              "based on the results",
                                              "was executed",
                                              "were executed",
                                              "has been executed",
                                              "after running",
                                              "running the query",
                                              "run_id",
                                              "run id"};
        for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
                if (strcasestr(text, phrases[i]))
                        return true;
        return false;
}
