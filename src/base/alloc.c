#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned long fail_countdown; /* 0: never; 1: the next fails, and all after */

static bool alloc_must_fail(void)
{
        if (fail_countdown == 0)
                return false;
        if (fail_countdown == 1)
                return true;
        fail_countdown--;
        return false;
}

void *alloc_malloc(size_t size)
{
        return alloc_must_fail() ? NULL : malloc(size);
}

void *alloc_calloc(size_t count, size_t size)
{
        return alloc_must_fail() ? NULL : calloc(count, size);
}

void *alloc_realloc(void *p, size_t size)
{
        return alloc_must_fail() ? NULL : realloc(p, size);
}

char *alloc_strdup(const char *text)
{
        size_t n = strlen(text) + 1;
        char *copy = alloc_malloc(n);
        if (copy)
                memcpy(copy, text, n);
        return copy;
}

void alloc_fail_after(unsigned long n)
{
        fail_countdown = n;
}
