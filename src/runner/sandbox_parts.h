/* The walls that sandbox.c raises one after the other, each in a file of its own. */
#ifndef ASKCSV_RUNNER_SANDBOX_PARTS_H
#define ASKCSV_RUNNER_SANDBOX_PARTS_H

#include "runner/sandbox.h"

#include <stdbool.h>
#include <stddef.h>

/* In a new mount namespace: an empty, read-only root whose only content is /data/0, /data/1, ...,
 * the files bound read-only, which become their `inside`. 1 when it stands; 0 when the kernel
 * refuses, and the old root is still there; ERROR_DATASET_CHANGED when a path no longer leads to
 * the file that the supervisor opened. */
int sandbox_make_root(struct sandbox_file *files, size_t n_files, struct error *err);

/* Landlock: reading the files is all that is left of the file system, no TCP, no signal or
 * abstract socket across the wall. Gives the ABI that was used, 0 for none. */
int sandbox_restrict_files(const struct sandbox_file *files, size_t n_files, bool own_root);

enum sandbox_calls {
        SANDBOX_CALLS_LOADING, /* may open files for reading, and set the next filter */
        SANDBOX_CALLS_RUNNING, /* may not */
};

/* seccomp: everything that is not on the list fails with EPERM, for all threads. */
bool sandbox_filter_calls(enum sandbox_calls calls);

#endif
