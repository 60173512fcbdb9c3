/* Fewer page faults for a process that is about to be forked many times. A child of a warm
 * process spends most of a short query on faults: pages of the engine's text, pages of the
 * heap that are copied because the allocator reuses holes in them, fresh pages one by one. These
 * calls arrange the parent's memory so that a child needs few of them. They change nothing but
 * speed, none may fail, and each does nothing where the kernel or the engine's allocator has no
 * such thing. What was measured, and what did not pay, is in docs/PERFORMANCE.md. */
#ifndef ASKCSV_RUNNER_WARM_MEMORY_H
#define ASKCSV_RUNNER_WARM_MEMORY_H

#include <stdbool.h>

/* Copies the engine's text into huge pages, before any filter forbids it (needs mmap and mprotect
 * with PROT_EXEC, and mremap), and has the tables that are loaded from now on put into huge pages.
 * One thread only. */
void warm_memory_text(void);

/* From now on the engine's allocator keeps nothing of what is freed: slower by a tenth where much
 * is, but then the process has little more memory than the engine counts. */
void warm_memory_spare(void);

/* Once the tables are loaded and the engine is warmed up: collapses what is in use into huge pages,
 * fills the holes of the heap, and lays fresh memory by for the children. What the parent
 * allocates afterwards costs each child a little. `threads`: the children may have some. A page
 * that one of them copies interrupts the others' cores, which costs ten times the copy, so the
 * children get to know what to copy beforehand (warm_memory_own), and less is left to be copied. */
void warm_memory_settle(bool threads);

/* Gives the parent its holes back, before it allocates much again; then it settles again. Without
 * this each new settling would find new holes, and the heap would grow. */
void warm_memory_unsettle(void);

/* In a child, before it does anything else: allocates from the fresh memory from now on, and
 * touches the first of it. One thread only. */
void warm_memory_touch(void);

/* In a child, when it has time and before it has threads: its own copies of what the engine writes
 * to in every query. Does nothing unless the parent settled for threads. */
void warm_memory_own(void);

#endif
