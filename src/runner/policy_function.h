/* The table of functions that policy_functions.txt makes. Inside src/runner/policy*.c only. */
#ifndef ASKCSV_RUNNER_POLICY_FUNCTION_H
#define ASKCSV_RUNNER_POLICY_FUNCTION_H

#include <stddef.h>

enum policy_function_kind {
        POLICY_FUNCTION_ALLOW,   /* may be called */
        POLICY_FUNCTION_AS_OF,   /* may be called without schema and catalog */
        POLICY_FUNCTION_BY_NAME, /* calls the aggregate that its second argument names */
        POLICY_FUNCTION_TABLE,   /* may be called, and stand in FROM */
        POLICY_FUNCTION_REFUSE,  /* text says why not */
};

struct policy_function {
        const char *name; /* in lower case */
        enum policy_function_kind kind;
        const char *text; /* the category, or the reason to refuse */
};

/* Sorted by strcmp on name. */
extern const struct policy_function policy_functions[];
extern const size_t policy_functions_n;

/* The entry of that name in any case; NULL when there is none. */
const struct policy_function *policy_function_find(const char *name);

/* The allowed function whose name is nearest to a misspelt one; NULL when none is near. */
const char *policy_function_nearest(const char *name);

#endif
