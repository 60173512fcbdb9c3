/* Memory that lives as long as one piece of work: allocate as you go, free it all at once. */
#ifndef ASKCSV_BASE_ARENA_H
#define ASKCSV_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* max_bytes is the ceiling over all allocations. NULL when memory is short. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena); /* NULL is fine */

/* Zeroed, aligned for any type; NULL when memory is short or the ceiling is reached. A request
 * of 0 bytes gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t size); /* NULL on overflow too */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
