#include "runner/sandbox_parts.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIPE_INSTRUCTIONS_MAX 4096 /* of a filter; a pipe holds twice as many */

/* What an engine needs to compute: memory, threads, time, and the descriptors that it has. */
static const int computing[] = {
        SCMP_SYS(read),
        SCMP_SYS(pread64),
        SCMP_SYS(readv),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(lseek),
        SCMP_SYS(close),
        SCMP_SYS(fstat),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(get_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sched_setaffinity),
        SCMP_SYS(getcpu),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(getuid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getegid),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getrandom),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(getrusage),
        SCMP_SYS(times),
        SCMP_SYS(sysinfo),
        SCMP_SYS(uname),
        SCMP_SYS(membarrier),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
};

/* What reading a file by its path takes beside opening it. */
static const int reading_files[] = {
        SCMP_SYS(stat),       SCMP_SYS(lstat),     SCMP_SYS(newfstatat), SCMP_SYS(statx),
        SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
        SCMP_SYS(readlinkat), SCMP_SYS(getcwd),    SCMP_SYS(fstatfs),    SCMP_SYS(fcntl),
        SCMP_SYS(fadvise64),  SCMP_SYS(seccomp),
};

/* And writing one; the flags of opening are looked at below. */
static const int writing_files[] = {
        SCMP_SYS(open),      SCMP_SYS(openat), SCMP_SYS(pwrite64),  SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate), SCMP_SYS(fsync),  SCMP_SYS(fdatasync), SCMP_SYS(unlink),
        SCMP_SYS(unlinkat),  SCMP_SYS(rename), SCMP_SYS(renameat),  SCMP_SYS(renameat2),
};

/* What it takes to keep children, and what these do before their own filter stands. */
static const int keeping_children[] = {
        SCMP_SYS(sendmsg),
        SCMP_SYS(recvmsg),
        SCMP_SYS(wait4),
        SCMP_SYS(waitid),
        SCMP_SYS(dup2),
        SCMP_SYS(dup3),
        SCMP_SYS(close_range),
        SCMP_SYS(setsid),
        SCMP_SYS(getppid),
        SCMP_SYS(capset),
        SCMP_SYS(setrlimit),
        SCMP_SYS(getrlimit),
        SCMP_SYS(landlock_create_ruleset),
        SCMP_SYS(landlock_restrict_self),
        SCMP_SYS(seccomp),
        SCMP_SYS(pipe2),
        SCMP_SYS(mincore),
};

#define CHILD_FLAGS ((scmp_datum_t)(CLONE_PIDFD | SIGCHLD))
#define THREAD_FLAGS                                                                               \
        (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define WRITING_FLAGS (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_TMPFILE)

static bool allow_all(scmp_filter_ctx filter, const int *calls, size_t n)
{
        for (size_t i = 0; i < n; i++)
                /* A call that this architecture does not have is nothing to allow. */
                if (calls[i] >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
                        return false;
        return true;
}

static bool allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
        return call < 0 || seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
}

/* Memory is never both made and run; a thread is not a process; a signal goes to ourselves. */
static bool allow_with_conditions(scmp_filter_ctx filter, pid_t pid)
{
        return allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
               allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
               allow_if(filter, SCMP_SYS(clone),
                        SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD_FLAGS | CLONE_NEWUSER | CLONE_NEWNS,
                                THREAD_FLAGS)) &&
               allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)pid, 0)) &&
               allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)) &&
               /* glibc asks for clone3 first and takes clone when there is none. */
               seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool allow_loading(scmp_filter_ctx filter)
{
        return allow_all(filter, reading_files, ARRAY_SIZE(reading_files)) &&
               allow_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0)) &&
               allow_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
}

static bool allow_children(scmp_filter_ctx filter)
{
        static const scmp_datum_t options[] = {PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS,
                                               PR_SET_DUMPABLE,  PR_CAPBSET_READ,
                                               PR_CAPBSET_DROP,  PR_CAP_AMBIENT};
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (!allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, options[i], 0)))
                        return false;
        /* Its own limits only: without namespaces it could see others of the user's. */
        return allow_if(filter, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0, 0)) &&
               allow_all(filter, keeping_children, ARRAY_SIZE(keeping_children)) &&
               allow_if(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_EQ, CHILD_FLAGS, 0)) &&
               allow_if(filter, SCMP_SYS(clone),
                        SCMP_A0(SCMP_CMP_EQ, CHILD_FLAGS | SANDBOX_CHILD_NAMESPACES, 0));
}

static bool fill_filter(scmp_filter_ctx filter, unsigned int calls, pid_t pid)
{
        /* The engine's threads too, those that run already. */
        return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
               /* It is set already, and the second filter may not ask for it again. */
               seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0 &&
               allow_all(filter, computing, ARRAY_SIZE(computing)) &&
               allow_with_conditions(filter, pid) &&
               (!(calls & SANDBOX_CALLS_LOADING) || allow_loading(filter)) &&
               (!(calls & SANDBOX_CALLS_WRITING) ||
                allow_all(filter, writing_files, ARRAY_SIZE(writing_files))) &&
               (!(calls & SANDBOX_CALLS_CHILDREN) || allow_children(filter));
}

bool sandbox_filter_calls(unsigned int calls)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return false;
        bool loaded = fill_filter(filter, calls, getpid()) && seccomp_load(filter) == 0;
        seccomp_release(filter);
        return loaded;
}

struct sandbox_filter {
        struct sock_fprog program;
        struct sock_filter code[];
};

/* Through a pipe: this libseccomp can give the program to a descriptor only. */
static struct sandbox_filter *export_filter(scmp_filter_ctx filter)
{
        int ends[2];
        struct sandbox_filter *ret = NULL;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return NULL;
        struct sock_filter code[PIPE_INSTRUCTIONS_MAX];
        ssize_t n = -1;
        if (seccomp_export_bpf(filter, ends[1]) == 0)
                n = read(ends[0], code, sizeof(code));
        if (n > 0 && (size_t)n < sizeof(code))
                ret = alloc_malloc(sizeof(*ret) + (size_t)n);
        if (ret) {
                memcpy(ret->code, code, (size_t)n);
                ret->program = (struct sock_fprog){
                        .len = (unsigned short)((size_t)n / sizeof(code[0])), .filter = ret->code};
        }
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ret;
}

struct sandbox_filter *sandbox_filter_new(unsigned int calls, pid_t pid)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return NULL;
        struct sandbox_filter *ret = fill_filter(filter, calls, pid) ? export_filter(filter) : NULL;
        seccomp_release(filter);
        return ret;
}

bool sandbox_filter_apply(const struct sandbox_filter *filter)
{
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                       &filter->program) == 0;
}
