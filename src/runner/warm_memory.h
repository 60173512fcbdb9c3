/* Fewer page faults for a process that is about to be forked many times. A child of a warm
 * process spends most of a short query on faults: pages of the engine's text, pages of the
 * heap that are copied because the allocator reuses holes in them, fresh pages one by one. These
 * calls arrange the parent's memory so that a child needs few of them. They change nothing but speed,
 * none may fail, and each does nothing where the kernel or the engine's allocator has no such thing. What
 * was measured, and what did not pay, is in docs/PERFORMANCE.md. */
#ifndef ASKCSV_RUNNER_WARM_MEMORY_H
#define ASKCSV_RUNNER_WARM_MEMORY_H

/* Copies the engine's text into huge pages, before any filter forbids it (needs mmap with
 * PROT_EXEC and mremap). One thread only. */
void warm_memory_text(void);

/* Once the tables are loaded and the engine is warmed up: collapses what is in use into huge pages, fills
 * the holes of the heap, and gives all that is allocated from now on fresh huge pages. Then the parent
 * should allocate nothing more before it forks. May be called again after it did. */
void warm_memory_settle(void);

/* In a child that waits for its run: touches the first of those fresh pages. */
void warm_memory_touch(void);

#endif
