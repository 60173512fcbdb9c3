#include "runner/sandbox.h"

#include "runner/sandbox_parts.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Outside: many users' home; inside: nobody. One id is enough, as no file has to be owned. */
#define SANDBOX_INNER_ID 65534

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* fork(2) cannot make a PID namespace whose first process is the child itself, so the raw call:
 * with a NULL stack it behaves as fork does. glibc's handlers do not run, which is fine for a
 * process of one thread. */
static pid_t clone_with(unsigned long flags)
{
        return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t sandbox_clone(struct sandbox_walls *walls, bool namespaces, struct error *err)
{
        static const unsigned long tries[] = {CLONE_NEWUSER | NAMESPACES, NAMESPACES, 0};
        *walls = (struct sandbox_walls){0};
        for (size_t i = namespaces ? 0 : ARRAY_SIZE(tries) - 1; i < ARRAY_SIZE(tries); i++) {
                pid_t pid = clone_with(tries[i]);
                if (pid < 0 && tries[i] != 0)
                        continue;
                if (pid < 0)
                        return error_errno(err, errno, "starting the sandboxed process");
                walls->user_namespace = tries[i] & CLONE_NEWUSER;
                walls->pid_namespace = walls->network_namespace = walls->ipc_namespace =
                        walls->uts_namespace = tries[i] != 0;
                return pid;
        }
        return error_set(err, ERROR_INTERNAL, "no way to start a process");
}

/* Descriptors and room of a parent, and what each of its children takes. */
#define PARENT_FILES_MAX 1024
#define WORKER_FILES_MAX 256

pid_t sandbox_clone_child(const struct sandbox_walls *parents, bool namespaces,
                          struct sandbox_walls *walls, int *ret_pidfd, struct error *err)
{
        static const unsigned long tries[] = {SANDBOX_CHILD_NAMESPACES, 0};
        *walls = *parents;
        for (size_t i = namespaces ? 0 : 1; i < ARRAY_SIZE(tries); i++) {
                unsigned long flags = tries[i] | CLONE_PIDFD | SIGCHLD;
                pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, ret_pidfd, NULL, NULL);
                if (pid < 0 && tries[i] != 0)
                        continue;
                if (pid < 0)
                        return error_errno(err, errno, "starting the sandboxed process");
                if (tries[i] != 0)
                        walls->user_namespace = walls->pid_namespace = walls->ipc_namespace =
                                walls->uts_namespace = true;
                return pid;
        }
        return error_set(err, ERROR_INTERNAL, "no way to start a process");
}

static int write_proc_file(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, strlen(text));
        return n == (ssize_t)strlen(text) ? 0 : -errno;
}

/* A process may map its own id, once it has given up setgroups(2): user_namespaces(7). */
static int map_ids(uid_t uid, gid_t gid, struct error *err)
{
        char text[64];
        int r = write_proc_file("/proc/self/setgroups", "deny");
        (void)snprintf(text, sizeof(text), "%d %u 1", SANDBOX_INNER_ID, (unsigned int)uid);
        if (r >= 0)
                r = write_proc_file("/proc/self/uid_map", text);
        (void)snprintf(text, sizeof(text), "%d %u 1", SANDBOX_INNER_ID, (unsigned int)gid);
        if (r >= 0)
                r = write_proc_file("/proc/self/gid_map", text);
        if (r < 0)
                return error_errno(err, -r, "mapping the ids of the user namespace");
        return 0;
}

static bool drop_capabilities(void)
{
        for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
                        return false;
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[2] = {{0}};
        return syscall(SYS_capset, &header, none) == 0;
}

static int fd_compare(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

/* Everything from 3 upwards that nobody asked to keep, and 0. */
static int close_others(const struct sandbox_spec *spec, bool keep_files, struct error *err)
{
        int keep[256];
        size_t n = 0;
        if (spec->n_keep_fds + spec->n_files + 1 > ARRAY_SIZE(keep))
                return error_set(err, ERROR_INTERNAL, "too many descriptors");
        for (size_t i = 0; i < spec->n_keep_fds; i++)
                keep[n++] = spec->keep_fds[i];
        for (size_t i = 0; keep_files && i < spec->n_files; i++)
                keep[n++] = spec->files[i].fd;
        if (spec->role == SANDBOX_PARENT && spec->statm_fd >= 0)
                keep[n++] = spec->statm_fd;
        if (spec->role == SANDBOX_WRITER && keep_files)
                keep[n++] = spec->out_fd;
        qsort(keep, n, sizeof(keep[0]), fd_compare);
        unsigned int from = 3;
        for (size_t i = 0; i < n; i++) {
                unsigned int fd = (unsigned int)keep[i];
                if (fd > from && syscall(SYS_close_range, from, fd - 1, 0) < 0)
                        return error_errno(err, errno, "closing descriptors");
                from = fd + 1;
        }
        if (syscall(SYS_close_range, from, ~0U, 0) < 0)
                return error_errno(err, errno, "closing descriptors");
        /* A parent gets descriptors later on, and none of them may become 0. */
        if (spec->role != SANDBOX_PARENT)
                (void)close(STDIN_FILENO);
        else if (dup2(STDOUT_FILENO, STDIN_FILENO) < 0)
                return error_errno(err, errno, "closing descriptors");
        return 0;
}

#define STATM_PATH "/proc/self/statm"

/* Bytes of one field of statm_fd: [0] is the size of the address space, [5] data + stack. The
 * descriptor shows the process that opened it; a child that was just cloned is of the same size. */
static int64_t process_bytes(int statm_fd, int field)
{
        char text[256];
        ssize_t n = pread(statm_fd, text, sizeof(text) - 1, 0);
        long long pages = 0;
        char *at = text;
        if (n <= 0)
                return 0;
        text[n] = '\0';
        for (int i = 0; i <= field; i++)
                pages = strtoll(at, &at, 10);
        return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static bool limit_resource(__rlimit_resource_t resource, int64_t value)
{
        struct rlimit now;
        if (getrlimit(resource, &now) < 0)
                return false;
        rlim_t wanted = (rlim_t)value;
        if (now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max)
                wanted = now.rlim_max;
        return setrlimit(resource, &(struct rlimit){.rlim_cur = wanted, .rlim_max = wanted}) == 0;
}

/* A thread's stack and glibc's heap for it; most of that is never touched. */
#define THREAD_SPACE_MB 160

/* The engine counts most of its memory itself (memory_limit); these hold when it does not. The
 * slack is for what it does not count: code, the allocator's reserve, the answer. */
static bool limit_computing(const struct sandbox_spec *spec, bool user_namespace)
{
        int64_t mb = 1024 * 1024;
        int64_t slack_mb = 256 + spec->memory_mb / 4;
        int64_t data = process_bytes(spec->statm_fd, 5) + (spec->memory_mb + slack_mb) * mb;
        int64_t space = process_bytes(spec->statm_fd, 0) +
                        (spec->memory_mb + slack_mb + 512 + spec->threads * THREAD_SPACE_MB) * mb;
        return limit_resource(RLIMIT_NOFILE, WORKER_FILES_MAX) &&
               limit_resource(RLIMIT_CPU, spec->cpu_s) && limit_resource(RLIMIT_DATA, data) &&
               limit_resource(RLIMIT_AS, space) &&
               /* Counted per user: only in a user namespace is the count ours alone. */
               (!user_namespace || limit_resource(RLIMIT_NPROC, spec->threads + 8));
}

static bool limit_resources(const struct sandbox_spec *spec, bool user_namespace)
{
        bool writes = spec->role == SANDBOX_BUILDER || spec->role == SANDBOX_WRITER;
        int64_t file_bytes = writes ? spec->out_bytes : 0;
        return limit_resource(RLIMIT_CORE, 0) && limit_resource(RLIMIT_FSIZE, file_bytes) &&
               limit_resource(RLIMIT_MSGQUEUE, 0) && limit_resource(RLIMIT_MEMLOCK, 0) &&
               limit_resource(RLIMIT_STACK, 64 * 1024 * 1024) &&
               /* What a parent is denied, its children could not have. */
               (spec->role == SANDBOX_PARENT ? limit_resource(RLIMIT_NOFILE, PARENT_FILES_MAX)
                                             : limit_computing(spec, user_namespace));
}

bool sandbox_walls_suffice(const struct sandbox_walls *walls)
{
        bool namespaces = walls->mount_namespace && walls->pid_namespace &&
                          walls->network_namespace && walls->ipc_namespace;
        return walls->seccomp && walls->no_new_privs && (walls->landlock > 0 || namespaces);
}

/* Where there is no root of our own, the way to an inode that cannot be swapped under us is the
 * descriptor that the supervisor opened. */
static void use_descriptors(struct sandbox_spec *spec)
{
        for (size_t i = 0; i < spec->n_files; i++)
                (void)snprintf(spec->files[i].inside, sizeof(spec->files[i].inside),
                               "/proc/self/fd/%d", spec->files[i].fd);
}

/* Of a writer that gets no root of its own. */
static int use_memory(struct sandbox_spec *spec, struct error *err)
{
        if (spec->role != SANDBOX_WRITER)
                return 0;
        spec->out_fd = memfd_create("result", MFD_CLOEXEC);
        if (spec->out_fd < 0)
                return error_errno(err, errno, "making memory for the file");
        (void)snprintf(spec->out_file, sizeof(spec->out_file), "/proc/self/fd/%d", spec->out_fd);
        return 0;
}

/* Emptied, and its text overwritten: it lies at the bottom of the stack. */
static void scrub_environment(void)
{
        for (char **entry = environ; entry && *entry; entry++)
                explicit_bzero(*entry, strlen(*entry));
        (void)clearenv();
}

/* Dies with its parent. A parent that is gone already would leave us behind; in a PID namespace
 * of our own it cannot be seen, and then the pipe that nobody reads ends us. */
static int tie_to_parent(const struct sandbox_spec *spec, bool pid_namespace, struct error *err)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return error_errno(err, errno, "tying the sandboxed process to its parent");
        if (!pid_namespace && getppid() != spec->parent)
                return error_set(err, ERROR_INTERNAL, "the parent process is gone");
        return 0;
}

/* Namespaces: what they are good for is set up from inside. */
static int settle_namespaces(struct sandbox_spec *spec, struct sandbox_walls *walls,
                             struct error *err)
{
        use_descriptors(spec);
        spec->out_inside = spec->out_path;
        int r = use_memory(spec, err);
        if (r < 0 || !walls->pid_namespace)
                return r;
        r = walls->user_namespace ? map_ids(spec->uid, spec->gid, err) : 0;
        if (r < 0)
                return r;
        if (sethostname("askcsv", strlen("askcsv")) < 0)
                walls->uts_namespace = false;
        /* A kernel without mount_setattr(2), say: the descriptors and Landlock remain. */
        r = sandbox_make_root(spec, err);
        walls->mount_namespace = r > 0;
        if (r == 0)
                use_descriptors(spec);
        return r < 0 ? r : 0;
}

static int judge_walls(const struct sandbox_walls *walls, struct error *err)
{
        if (!sandbox_walls_suffice(walls))
                return error_set(err, ERROR_SANDBOX_UNAVAILABLE,
                                 "this machine gives too few walls to run untrusted SQL behind: "
                                 "seccomp is needed, and Landlock or namespaces with it; "
                                 "`askcsv doctor` says what is missing");
        return 0;
}

static void drop_privileges(struct sandbox_walls *walls)
{
        walls->no_capabilities = drop_capabilities();
        walls->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody traces it or reads its memory */
}

static unsigned int calls_of(enum sandbox_role role)
{
        switch (role) {
        case SANDBOX_BUILDER:
        case SANDBOX_WRITER:
                return SANDBOX_CALLS_LOADING | SANDBOX_CALLS_WRITING;
        case SANDBOX_PARENT:
                return SANDBOX_CALLS_LOADING | SANDBOX_CALLS_CHILDREN;
        default:
                return SANDBOX_CALLS_LOADING;
        }
}

int sandbox_enter(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err)
{
        int r = tie_to_parent(spec, walls->pid_namespace, err);
        if (r < 0)
                return r;
        scrub_environment();
        (void)setsid(); /* no terminal, and ^C reaches the supervisor only */
        spec->statm_fd = open(STATM_PATH, O_RDONLY | O_CLOEXEC); /* while /proc is there */
        walls->rlimits = limit_resources(spec, walls->user_namespace);
        r = settle_namespaces(spec, walls, err);
        if (r == 0)
                r = close_others(spec, !walls->mount_namespace, err);
        if (r < 0)
                return r;
        drop_privileges(walls);
        /* Landlock before seccomp: the filter forbids landlock_*(2). */
        walls->landlock = sandbox_restrict_files(spec, walls->mount_namespace);
        r = tie_to_parent(spec, walls->pid_namespace, err); /* new credentials may have untied it */
        if (r < 0)
                return r;
        walls->seccomp = walls->no_new_privs && sandbox_filter_calls(calls_of(spec->role));
        return judge_walls(walls, err);
}

/* Of a child, made in its parent. */
static struct sandbox_filter *child_filter;

int sandbox_prepare_children(const struct sandbox_walls *walls, struct error *err)
{
        /* In a PID namespace of its own each child is the first process. Where there is none, a
         * child that aborts ends by another signal. */
        child_filter = sandbox_filter_new(SANDBOX_CALLS_RUNNING, walls->pid_namespace ? 1 : 0);
        if (!child_filter)
                return error_set(err, ERROR_SANDBOX_UNAVAILABLE,
                                 "the children's system call filter could not be made");
        return 0;
}

int sandbox_enter_child(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err)
{
        int r = tie_to_parent(spec, walls->pid_namespace, err);
        if (r < 0)
                return r;
        (void)setsid();
        walls->rlimits = limit_computing(spec, walls->user_namespace);
        r = close_others(spec, false, err);
        if (r < 0)
                return r;
        drop_privileges(walls);
        int landlock = sandbox_restrict_all_files();
        if (landlock > 0)
                walls->landlock = landlock;
        r = tie_to_parent(spec, walls->pid_namespace, err);
        if (r < 0)
                return r;
        walls->seccomp = walls->no_new_privs && sandbox_filter_apply(child_filter);
        return judge_walls(walls, err);
}

int sandbox_stay_out(struct sandbox_spec *spec, struct sandbox_walls *walls, struct error *err)
{
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a test must leave none behind either */
        *walls = (struct sandbox_walls){0};
        use_descriptors(spec);
        spec->out_inside = spec->out_path;
        return use_memory(spec, err);
}

int sandbox_seal(struct error *err)
{
        if (!sandbox_filter_calls(SANDBOX_CALLS_RUNNING))
                return error_set(err, ERROR_SANDBOX_UNAVAILABLE,
                                 "the second system call filter could not be put in place");
        return 0;
}

int sandbox_seal_parent(struct error *err)
{
        if (!sandbox_filter_calls(SANDBOX_CALLS_CHILDREN))
                return error_set(err, ERROR_SANDBOX_UNAVAILABLE,
                                 "the parent's second system call filter could not be put in "
                                 "place");
        return 0;
}

json_t *sandbox_walls_to_json(const struct sandbox_walls *walls)
{
        return json_pack("{s:b,s:b,s:b,s:b,s:b,s:b,s:i,s:b,s:b,s:b,s:b}", "user_namespace",
                         walls->user_namespace, "mount_namespace", walls->mount_namespace,
                         "pid_namespace", walls->pid_namespace, "network_namespace",
                         walls->network_namespace, "ipc_namespace", walls->ipc_namespace,
                         "uts_namespace", walls->uts_namespace, "landlock", walls->landlock,
                         "seccomp", walls->seccomp, "no_new_privs", walls->no_new_privs,
                         "no_capabilities", walls->no_capabilities, "rlimits", walls->rlimits);
}
