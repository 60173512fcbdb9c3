/* The third wall: what the operating system takes away from the process that reads untrusted
 * bytes. A child is cloned into namespaces of its own, enters, and from then on can compute, read
 * the dataset's files, and write to the descriptors it was given; nothing else.
 *
 * A parent (SANDBOX_PARENT) is such a child that may besides clone children: each of those is in
 * the parent's mount, network and user namespaces' reach no further than the parent, gets PID, IPC,
 * UTS and user namespaces of its own, and all the other walls of a worker. */
#ifndef ASKCSV_RUNNER_SANDBOX_H
#define ASKCSV_RUNNER_SANDBOX_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What stood when untrusted bytes were read. */
struct sandbox_walls {
        bool user_namespace;
        bool mount_namespace; /* an empty root, the dataset's files read-only, nothing else */
        bool pid_namespace;
        bool network_namespace;
        bool ipc_namespace;
        bool uts_namespace;
        int landlock; /* the kernel's Landlock ABI; 0: none */
        bool seccomp;
        bool no_new_privs;
        bool no_capabilities;
        bool rlimits;
};

/* One file that the sandboxed process may read. */
struct sandbox_file {
        const char *path; /* absolute, as the supervisor resolved it */
        int fd;           /* open for reading; the inode that counts */
        char inside[64];  /* set by sandbox_enter: the path that opens it from inside */
};

/* What the process is for, and so what it keeps. */
enum sandbox_role {
        SANDBOX_WORKER,  /* nothing but what the head of this file says */
        SANDBOX_BUILDER, /* writes files into one folder besides */
        SANDBOX_WRITER,  /* writes one file besides, in memory that ends with it */
        SANDBOX_PARENT,  /* clones children; its memory and time are bounded by nothing here */
};

struct sandbox_spec {
        enum sandbox_role role;
        struct sandbox_file *files;
        size_t n_files;
        const int *keep_fds; /* descriptors that stay open, beside 1 and 2 */
        size_t n_keep_fds;
        int64_t memory_mb; /* ceiling of the process's memory, over what it has at entry */
        int64_t cpu_s;     /* ceiling of its CPU time in seconds */
        int64_t threads;   /* it may have so many, and a few of the engine's own */
        pid_t parent;      /* it dies when this process does */
        uid_t uid;         /* the effective ids outside, to be mapped inside */
        gid_t gid;
        /* Of a builder: */
        const char *out_path;   /* the folder, absolute, resolved */
        int out_fd;             /* the same, open with O_PATH */
        int64_t out_bytes;      /* ceiling of each file in it; of a writer, of its file */
        const char *out_inside; /* set by sandbox_enter: its path from inside */
        /* Of a writer, beside out_bytes: set by sandbox_enter, the file's path from inside. With a
         * root of its own a tmpfs is mounted for it; else it is a memfd, out_fd. */
        char out_file[64];
        /* Of a parent: set by sandbox_enter, for sandbox_enter_child. */
        int statm_fd;
};

/* Like fork(2), but the child is in new namespaces: all of them, or all but the user namespace
 * where only that one is forbidden and we are privileged, or none. *walls says which. Returns the
 * pid, 0 in the child, or a negative code. The caller must have one thread only. Without
 * `namespaces` (for tests of the other walls) it tries none. */
pid_t sandbox_clone(struct sandbox_walls *walls, bool namespaces, struct error *err);

/* In the child: raises all the other walls. Fails with ERROR_SANDBOX_UNAVAILABLE unless
 * seccomp stands and either Landlock or the namespaces do. No way back. */
int sandbox_enter(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err);

/* In a parent, when its tables are loaded: as sandbox_seal, but it may clone children. */
int sandbox_seal_parent(struct error *err);

/* In a sealed parent: like sandbox_clone, with PID, IPC, UTS and user namespaces. *ret_pidfd
 * (close-on-exec) is of the child. */
pid_t sandbox_clone_child(const struct sandbox_walls *parents, bool namespaces,
                          struct sandbox_walls *walls, int *ret_pidfd, struct error *err);

/* In a parent, before it is sealed: gets ready what sandbox_enter_child needs. */
int sandbox_prepare_children(const struct sandbox_walls *walls, struct error *err);

/* In the child of a parent: sandbox_enter and sandbox_seal in one. spec is the parent's with the
 * child's limits and descriptors. */
int sandbox_enter_child(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err);

/* For the tests of the other two walls: raises none, and makes the files' inside paths. */
int sandbox_stay_out(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err);

/* Once the files are read: no file can be opened, looked at or listed any more. */
int sandbox_seal(struct error *err);

/* {"user_namespace":true, ..., "landlock":7, ...}; NULL for no memory. */
json_t *sandbox_walls_to_json(const struct sandbox_walls *walls);

/* The rule that sandbox_enter applies. */
bool sandbox_walls_suffice(const struct sandbox_walls *walls);

#endif
