/* The walls that sandbox.c raises one after the other, each in a file of its own. */
#ifndef ASKCSV_RUNNER_SANDBOX_PARTS_H
#define ASKCSV_RUNNER_SANDBOX_PARTS_H

#include "runner/sandbox.h"

#include <linux/sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In a new mount namespace: an empty, read-only root whose only content is /data/0, /data/1, ...,
 * the files bound read-only, which become their `inside`, and /out: a builder's folder, or a
 * writer's memory. 1
 * when it stands; 0 when the kernel refuses, and the old root is still there; ERROR_DATASET_CHANGED
 * when a path no longer leads to the file that the supervisor opened. */
int sandbox_make_root(struct sandbox_spec *spec, struct error *err);

/* Landlock: reading the files is all that is left of the file system, no TCP, no signal or
 * abstract socket across the wall. Gives the ABI that was used, 0 for none. */
int sandbox_restrict_files(const struct sandbox_spec *spec, bool own_root);

/* The same with no file at all. */
int sandbox_restrict_all_files(void);

/* What a process may call beside computing, which is always allowed; may be or-ed. */
enum sandbox_calls {
        SANDBOX_CALLS_RUNNING = 0,
        SANDBOX_CALLS_LOADING = 1,  /* opening files for reading, setting the next filter */
        SANDBOX_CALLS_WRITING = 2,  /* making and writing files */
        SANDBOX_CALLS_CHILDREN = 4, /* cloning a child, and what the child does to enter */
};

/* The flags of clone(2) for a child of a sandboxed parent, besides CLONE_PIDFD and SIGCHLD; or none
 * of them. */
#define SANDBOX_CHILD_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

/* seccomp: everything that is not on the list fails with EPERM, for all threads. */
bool sandbox_filter_calls(unsigned int calls);

/* A filter made beforehand, as making one takes a while. */
struct sandbox_filter;                                                    /* opaque */
struct sandbox_filter *sandbox_filter_new(unsigned int calls, pid_t pid); /* NULL: failed */
bool sandbox_filter_apply(const struct sandbox_filter *filter);

#endif
