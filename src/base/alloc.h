/* Where askcsv's own parsers take memory from, so that the tests can fail each allocation in
 * turn. jansson is pointed at the same pair by the tests. Nothing else differs from libc. */
#ifndef ASKCSV_BASE_ALLOC_H
#define ASKCSV_BASE_ALLOC_H

#include <stddef.h>

void *alloc_malloc(size_t size);
void *alloc_calloc(size_t count, size_t size);
void *alloc_realloc(void *p, size_t size);
char *alloc_strdup(const char *text);
/* What these return is released with free(3). */

/* For tests only: the n-th allocation from now (1 is the next) and every later one fails;
 * 0 switches this off. */
void alloc_fail_after(unsigned long n);

#endif
