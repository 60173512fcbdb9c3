/* The measures behind warm_memory.h, one file each, so that bench/fork_cost can tell what each of
 * them pays. Memory belongs to the process, and so does what these files remember of it. */
#ifndef ASKCSV_RUNNER_WARM_MEMORY_PARTS_H
#define ASKCSV_RUNNER_WARM_MEMORY_PARTS_H

#include <features.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define SMALL_PAGE ((size_t)4 << 10)

/* They know glibc's malloc, and nothing of a sanitizer's. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
        __has_feature(memory_sanitizer)
#define WARM_MEMORY 0
#endif
#endif
#if !defined(WARM_MEMORY) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define WARM_MEMORY 0
#endif
#if !defined(WARM_MEMORY) && defined(__GLIBC__) && defined(__LP64__)
#if __GLIBC_PREREQ(2, 33)
#define WARM_MEMORY 1 /* mallinfo2 */
#endif
#endif
#ifndef WARM_MEMORY
#define WARM_MEMORY 0
#endif

/* size: a power of two. */
static inline char *page_up(const void *p, size_t size)
{
        return (char *)(((uintptr_t)p + size - 1) & ~(uintptr_t)(size - 1));
}

static inline char *page_down(const void *p, size_t size)
{
        return (char *)((uintptr_t)p & ~(uintptr_t)(size - 1));
}

/* The engine's text and constants, into huge pages. */
void warm_text_copy(void);

/* The engine's state: the mappings that it made while it was opened, and the heap since then. */
void warm_state_note(void);   /* once it is open; needs /proc */
void warm_state_settle(void); /* notes which pages of it are in use; needs mincore */
void warm_state_own(void);    /* in a child: copies these */

/* What malloc(3) hands out: the engine's C++ objects. */
void warm_heap_collapse(void); /* what is in use, into huge pages */
void warm_heap_settle(void);   /* no holes, and fresh memory at the end */
void warm_heap_unsettle(void); /* the holes are back */
/* In a child: allocates from fresh memory on. The first n bytes of it are the caller's, in a huge
 * page with what comes next; NULL: there is no such memory. */
void *warm_heap_turn(size_t n);

/* What the engine's own allocator hands out: tables, vectors, hash tables. */
/* Early: makes the other two possible and, if `huge`, puts what is allocated from now on into huge
 * pages. */
void warm_buffers_open(bool huge);
void warm_buffers_spare(void); /* what is freed is given back at once, to the last page */
/* Fresh memory of their own for the children; `threads`: of their first thread, the others' comes
 * from what is free here, so that is given back to the last page. */
void warm_buffers_settle(bool threads);
/* In a child: allocates from that memory on; these n bytes come first, if they are not NULL. */
void warm_buffers_turn(void *first, size_t n);
void warm_buffers_touch(void);

/* Of the first huge page of a child's memory; the rest of it is the heap's, which needs less. */
#define WARM_SHARED_BYTES (HUGE_PAGE - ((size_t)256 << 10))

#endif
