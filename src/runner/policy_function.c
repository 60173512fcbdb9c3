#include "runner/policy_function.h"

#include "runner/policy.h"
#include "runner/policy_name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int function_compare(const void *key, const void *entry)
{
        return strcmp(key, ((const struct policy_function *)entry)->name);
}

const struct policy_function *policy_function_find(const char *name)
{
        char key[POLICY_NAME_MAX];
        size_t n = strnlen(name, sizeof(key));
        if (n == sizeof(key))
                return NULL;
        for (size_t i = 0; i <= n; i++)
                key[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
        return bsearch(key, policy_functions, policy_functions_n, sizeof(*policy_functions),
                       function_compare);
}

const char *policy_function_nearest(const char *name)
{
        const char *nearest = NULL;
        size_t least = SIZE_MAX;
        for (size_t i = 0; i < policy_functions_n; i++) {
                if (policy_functions[i].kind == POLICY_FUNCTION_REFUSE)
                        continue;
                size_t distance = policy_name_distance(name, policy_functions[i].name);
                if (distance < least) {
                        least = distance;
                        nearest = policy_functions[i].name;
                }
        }
        return nearest && policy_name_is_near(name, least) ? nearest : NULL;
}

bool policy_function_is_allowed(const char *name)
{
        const struct policy_function *function = policy_function_find(name);
        return function && function->kind != POLICY_FUNCTION_REFUSE;
}
