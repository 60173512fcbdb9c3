/* The operating system's wall, tried from inside with real system calls: of a worker, of a warm
 * parent, of its child, of a builder, of a writer; whole, without namespaces (as in a container
 * that forbids them), and each of its parts alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "runner/sandbox.h"
#include "runner/sandbox_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define REPORT_FD 100 /* where the child says what went wrong; nothing: all is well */

static pid_t test_pid; /* of the test itself: outside every sandbox */
static uid_t test_uid; /* outside: inside a new user namespace they read as nobody's */
static gid_t test_gid;
static char data_path[64];   /* a file that the sandbox may read */
static char secret_path[64]; /* one that it may not */
static char out_path[64];    /* the folder that a builder may write to */

#define OUT_BYTES ((size_t)1024 * 1024) /* the ceiling of a file there */

/* Each try gives true when the forbidden thing worked. */
struct attempt {
        const char *name;
        bool (*works)(const struct sandbox_file *file);
};

static bool opens(const char *path, int flags)
{
        int fd = open(path, flags, 0600);
        if (fd >= 0)
                (void)close(fd);
        return fd >= 0;
}

static bool try_passwd(const struct sandbox_file *file)
{
        (void)file;
        return opens("/etc/passwd", O_RDONLY) || opens("/proc/self/environ", O_RDONLY) ||
               opens("/proc/1/root/etc/passwd", O_RDONLY) || opens("/", O_RDONLY | O_DIRECTORY);
}

static bool try_secret(const struct sandbox_file *file)
{
        (void)file;
        return opens(secret_path, O_RDONLY);
}

static bool try_write_data(const struct sandbox_file *file)
{
        return opens(file->inside, O_WRONLY) || opens(file->inside, O_RDWR | O_TRUNC);
}

static bool try_create_file(const struct sandbox_file *file)
{
        (void)file;
        return opens("/tmp/askcsv-escape", O_WRONLY | O_CREAT) ||
               opens("/data/x", O_WRONLY | O_CREAT) || opens("escape", O_WRONLY | O_CREAT) ||
               mkdir("/data/d", 0700) == 0 || symlink("/etc/passwd", "/data/l") == 0;
}

static bool try_unlink(const struct sandbox_file *file)
{
        return unlink(file->inside) == 0 || unlink(secret_path) == 0 ||
               rename(file->inside, "/data/y") == 0 || chmod(file->inside, 0666) == 0;
}

static bool try_inet_socket(const struct sandbox_file *file)
{
        (void)file;
        return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}

static bool try_unix_socket(const struct sandbox_file *file)
{
        int pair[2];
        (void)file;
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
               socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}

static bool try_connect(const struct sandbox_file *file)
{
        (void)file;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
        (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        int r = connect(2, (struct sockaddr *)&to, sizeof(to));
        return r == 0 || errno == ECONNREFUSED || errno == ENOTSOCK;
}

static bool try_fork(const struct sandbox_file *file)
{
        (void)file;
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        if (pid > 0)
                return true;
        pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0)
                _exit(0);
        return pid > 0;
}

static bool try_exec(const struct sandbox_file *file)
{
        char *const none[] = {NULL};
        (void)execve("/bin/true", none, none);
        if (errno != EPERM && errno != EACCES && errno != ENOENT)
                return true;
        (void)execve(file->inside, none, none);
        return errno != EPERM && errno != EACCES && errno != ENOENT;
}

static bool try_ptrace(const struct sandbox_file *file)
{
        (void)file;
        char byte;
        struct iovec here = {&byte, 1};
        struct iovec there = {(void *)(uintptr_t)&test_pid, 1};
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ||
               ptrace(PTRACE_ATTACH, test_pid, NULL, NULL) == 0 ||
               syscall(SYS_process_vm_readv, test_pid, &here, 1, &there, 1, 0) > 0;
}

static bool try_kill(const struct sandbox_file *file)
{
        (void)file;
        return kill(test_pid, 0) == 0 || kill(getppid(), 0) == 0 || kill(-1, 0) == 0 ||
               kill(1, 0) == 0 || syscall(SYS_tgkill, test_pid, test_pid, 0) == 0 ||
               syscall(SYS_pidfd_open, test_pid, 0) >= 0;
}

static bool try_mount(const struct sandbox_file *file)
{
        (void)file;
        return mount("none", "/", "tmpfs", 0, NULL) == 0 || umount2("/", MNT_DETACH) == 0 ||
               mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 || chroot("/") == 0;
}

static bool try_namespaces(const struct sandbox_file *file)
{
        (void)file;
        return unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0 ||
               unshare(CLONE_NEWNET) == 0 || setns(2, 0) == 0;
}

static bool try_identity(const struct sandbox_file *file)
{
        (void)file;
        uint32_t header[2] = {0x20080522, 0};
        uint32_t data[6] = {~0U, ~0U, ~0U, ~0U, ~0U, ~0U};
        return setuid(0) == 0 || setgid(0) == 0 || syscall(SYS_capset, header, data) == 0 ||
               prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 || prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0;
}

static bool try_kernel_interfaces(const struct sandbox_file *file)
{
        (void)file;
        struct io_uring_params ring = {0};
        struct perf_event_attr event = {.size = sizeof(event), .type = PERF_TYPE_SOFTWARE};
        return syscall(SYS_bpf, 0, NULL, 0) >= 0 || syscall(SYS_io_uring_setup, 1, &ring) >= 0 ||
               syscall(SYS_perf_event_open, &event, 0, -1, -1, 0) >= 0 ||
               syscall(SYS_userfaultfd, 0) >= 0 || syscall(SYS_keyctl, 0, -3, 1) > 0 ||
               syscall(SYS_add_key, "user", "a", "b", 1, -3) > 0;
}

static bool try_memory_files(const struct sandbox_file *file)
{
        (void)file;
        return memfd_create("x", 0) >= 0 || shm_open("/askcsv-x", O_RDWR | O_CREAT, 0600) >= 0 ||
               syscall(SYS_shmget, 1, 4096, 01600) >= 0;
}

static bool try_executable_memory(const struct sandbox_file *file)
{
        (void)file;
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        if (p != MAP_FAILED)
                return true;
        p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool try_limits(const struct sandbox_file *file)
{
        (void)file;
        struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
        return setrlimit(RLIMIT_AS, &more) == 0 || setrlimit(RLIMIT_NOFILE, &more) == 0 ||
               prlimit(0, RLIMIT_CPU, &more, NULL) == 0;
}

static bool try_memory(const struct sandbox_file *file)
{
        (void)file;
        enum { STEP = 16 << 20, STEPS = 128 };
        void *taken[STEPS];
        int n = 0;
        for (; n < STEPS; n++) {
                taken[n] = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                                0);
                if (taken[n] == MAP_FAILED)
                        break;
        }
        for (int i = 0; i < n; i++)
                (void)munmap(taken[i], STEP);
        return n == STEPS;
}

/* fstat(2), as fcntl(2) is not allowed for long. Without a root of its own, the data file's
 * descriptor stays. */
static bool try_descriptors(const struct sandbox_file *file)
{
        bool has_own_root = strncmp(file->inside, "/data/", 6) == 0;
        struct stat st;
        for (int fd = 3; fd < 200; fd++)
                if (fstat(fd, &st) == 0 && fd != REPORT_FD && (has_own_root || fd != file->fd))
                        return true;
        return read(STDIN_FILENO, &(char){0}, 1) >= 0;
}

static bool try_loosen_filter(const struct sandbox_file *file)
{
        (void)file;
        return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0 ||
               prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ||
               prctl(PR_SET_SECCOMP, 0, 0, 0, 0) == 0;
}

static bool try_terminal(const struct sandbox_file *file)
{
        (void)file;
        return opens("/dev/tty", O_RDWR) || opens("/dev/null", O_WRONLY) ||
               syscall(SYS_ioctl, 2, 0x5412 /* TIOCSTI */, "x") == 0;
}

static const struct attempt attempts[] = {
        {"open /etc/passwd", try_passwd},
        {"open a neighbour file", try_secret},
        {"write the dataset", try_write_data},
        {"create a file", try_create_file},
        {"unlink and rename", try_unlink},
        {"socket inet", try_inet_socket},
        {"socket unix", try_unix_socket},
        {"connect", try_connect},
        {"fork", try_fork},
        {"execve", try_exec},
        {"ptrace", try_ptrace},
        {"kill", try_kill},
        {"mount", try_mount},
        {"new namespaces", try_namespaces},
        {"setuid, capset", try_identity},
        {"bpf, io_uring, perf, keys", try_kernel_interfaces},
        {"memfd, shm", try_memory_files},
        {"executable memory", try_executable_memory},
        {"raise limits", try_limits},
        {"2 GiB of memory", try_memory},
        {"inherited descriptors", try_descriptors},
        {"loosen the walls", try_loosen_filter},
        {"terminal and devices", try_terminal},
};

static void *thread_main(void *data)
{
        *(int *)data = 42;
        return NULL;
}

/* What must go on working, or nothing that the tests show means anything. */
static const char *check_use(const struct sandbox_file *file, bool sealed)
{
        char text[16] = "";
        int fd = open(file->inside, O_RDONLY);
        if (sealed && fd >= 0)
                return "the data file still opens after the seal";
        if (!sealed && (fd < 0 || read(fd, text, sizeof(text)) != 5 || memcmp(text, "a,b\n1", 5)))
                return "the data file cannot be read";
        if (fd >= 0)
                (void)close(fd);
        int seen = 0;
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_main, &seen) || pthread_join(thread, NULL) ||
            seen != 42)
                return "no thread can be started";
        char *memory = malloc(32 << 20);
        if (!memory)
                return "no memory";
        memset(memory, 1, 32 << 20);
        free(memory);
        return NULL;
}

static void say(int fd, const char *text)
{
        if (write(fd, text, strlen(text)) < 0 || write(fd, "\n", 1) < 0)
                _exit(9);
}

_Noreturn static void child(struct sandbox_walls *walls, struct sandbox_file *file)
{
        struct error err = {0};
        int report = REPORT_FD;
        struct sandbox_spec spec = {.files = file,
                                    .n_files = 1,
                                    .keep_fds = &report,
                                    .n_keep_fds = 1,
                                    .memory_mb = 256,
                                    .cpu_s = 60,
                                    .threads = 4,
                                    .parent = test_pid,
                                    .uid = test_uid,
                                    .gid = test_gid};
        (void)setenv("ASKCSV_TEST_SECRET", "s3cret", 1);
        if (sandbox_enter(&spec, walls, &err) < 0) {
                say(REPORT_FD, err.message);
                _exit(1);
        }
        if (walls->user_namespace && !walls->mount_namespace)
                say(REPORT_FD, "no root of its own");
        for (int sealed = 0; sealed < 2; sealed++) {
                const char *broken = check_use(file, sealed);
                if (broken)
                        say(REPORT_FD, broken);
                for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                        if (attempts[i].works(file))
                                say(REPORT_FD, attempts[i].name);
                if (!sealed && sandbox_seal(&err) < 0)
                        say(REPORT_FD, err.message);
        }
        if (getenv("ASKCSV_TEST_SECRET"))
                say(REPORT_FD, "the environment");
        _exit(0);
}

static void check_child(pid_t pid, int from)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        int status = 0;
        buf_init(&text, 65536);
        assert_int_equal(fd_read_all(from, &text, "the report", &err), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (text.len || status != 0)
                fail_msg("status %x, from inside:\n%s", (unsigned int)status, buf_text(&text));
}

static void run_inside(bool namespaces)
{
        struct error err = {0};
        struct sandbox_walls walls;
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        struct sandbox_file file = {.path = data_path, .fd = open(data_path, O_RDONLY)};
        pid_t pid = sandbox_clone(&walls, namespaces, &err);
        if (pid == 0) {
                if (dup2(fds[1], REPORT_FD) < 0)
                        _exit(8);
                child(&walls, &file);
        }
        assert_true(pid > 0);
        (void)close(fds[1]);
        check_child(pid, fds[0]);
        (void)close(fds[0]);
        (void)close(file.fd);
}

static void test_all_walls(void **state)
{
        (void)state;
        run_inside(true);
}

static void test_without_namespaces(void **state)
{
        (void)state;
        run_inside(false);
}

/* In the parent: clones a child, tries everything in it, and hears of its end; its report goes
 * where the parent's goes. */
static void run_child(const struct sandbox_spec *parents, const struct sandbox_walls *parents_walls,
                      const struct sandbox_file *file, bool namespaces)
{
        struct error err = {0};
        struct sandbox_walls walls;
        struct sandbox_spec spec = *parents;
        struct sandbox_file gone = *file; /* no descriptor of it may be there */
        int status = 0;
        int pidfd = -1;
        gone.fd = -1;
        spec.role = SANDBOX_WORKER;
        spec.n_files = 0;
        spec.parent = getpid();
        pid_t pid = sandbox_clone_child(parents_walls, namespaces, &walls, &pidfd, &err);
        if (pid == 0) {
                if (sandbox_enter_child(&spec, &walls, &err) < 0) {
                        say(REPORT_FD, err.message);
                        _exit(1);
                }
                if (walls.user_namespace != namespaces || walls.pid_namespace != namespaces)
                        say(REPORT_FD, "not the namespaces that were asked for");
                const char *broken = check_use(&gone, true);
                if (broken)
                        say(REPORT_FD, broken);
                for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                        if (attempts[i].works(&gone))
                                say(REPORT_FD, attempts[i].name);
                _exit(0);
        }
        if (pid < 0)
                say(REPORT_FD, err.message);
        else if (waitpid(pid, &status, 0) != pid || status != 0)
                say(REPORT_FD, "its child did not end well");
}

/* What a parent may do that a worker may not: bound its children, change its own attributes. That
 * gives it nothing, as it has no capability and its filter stays. */
static bool is_a_parents(const char *name)
{
        static const char *const names[] = {"2 GiB of memory", "raise limits", "setuid, capset",
                                            "loosen the walls", "inherited descriptors"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* And these of the same calls are none of its business either. */
static bool try_more_power(void)
{
        uint32_t header[2] = {0x20080522, 0};
        uint32_t data[6] = {~0U, ~0U, ~0U, ~0U, ~0U, ~0U};
        struct rlimit more = {1 << 20, 1 << 20};
        return setuid(0) == 0 || setgid(0) == 0 || syscall(SYS_capset, header, data) == 0 ||
               setrlimit(RLIMIT_NOFILE, &more) == 0 || prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

static void try_as_parent(const struct sandbox_file *file, bool sealed)
{
        const char *broken = check_use(file, sealed);
        if (broken)
                say(REPORT_FD, broken);
        for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                if (!is_a_parents(attempts[i].name) && attempts[i].works(file))
                        say(REPORT_FD, attempts[i].name);
        if (try_more_power())
                say(REPORT_FD, "more power");
}

_Noreturn static void parent(struct sandbox_spec *spec, struct sandbox_walls *walls,
                             struct sandbox_file *file, bool namespaces)
{
        struct error err = {0};
        spec->role = SANDBOX_PARENT;
        if (sandbox_enter(spec, walls, &err) < 0 || sandbox_prepare_children(walls, &err) < 0) {
                say(REPORT_FD, err.message);
                _exit(1);
        }
        try_as_parent(file, false);
        if (sandbox_seal_parent(&err) < 0)
                say(REPORT_FD, err.message);
        try_as_parent(file, true);
        for (int i = 0; i < 2; i++)
                run_child(spec, walls, file, namespaces);
        try_as_parent(file, true);
        _exit(0);
}

static bool writes(const char *path, size_t n)
{
        static const char block[4096];
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT, 0600);
        for (; fd >= 0 && n > 0; n -= sizeof(block))
                if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
                        return false;
        return fd >= 0;
}

/* What a builder does, and what it must not do even in its own folder. */
static void try_folder(const char *folder)
{
        char a[96];
        char b[96];
        char out[96];
        (void)snprintf(a, sizeof(a), "%s/a", folder);
        (void)snprintf(b, sizeof(b), "%s/b", folder);
        (void)snprintf(out, sizeof(out), "%s/../askcsv-escape", folder);
        if (!writes(a, OUT_BYTES) || rename(a, b) != 0 || !opens(b, O_RDONLY) || unlink(b) != 0)
                say(REPORT_FD, "it cannot write its own file");
        if (writes(a, OUT_BYTES + 4096))
                say(REPORT_FD, "a file larger than allowed");
        if (writes(out, 4096) || rename(a, out) == 0)
                say(REPORT_FD, "a file beside its folder");
        if (mkdir(b, 0700) == 0 || symlink("/etc/passwd", b) == 0 || link(a, b) == 0 ||
            mkfifo(b, 0600) == 0 || mknod(b, S_IFREG | 0600, 0) == 0)
                say(REPORT_FD, "something that is no file");
        if (chmod(a, 0777) == 0 || chown(a, 0, 0) == 0)
                say(REPORT_FD, "its file's mode or owner");
        (void)unlink(a);
}

_Noreturn static void builder(struct sandbox_spec *spec, struct sandbox_walls *walls,
                              struct sandbox_file *file)
{
        struct error err = {0};
        char a[96];
        spec->role = SANDBOX_BUILDER;
        spec->out_path = out_path;
        spec->out_fd = open(out_path, O_PATH | O_DIRECTORY);
        spec->out_bytes = OUT_BYTES;
        (void)signal(SIGXFSZ, SIG_IGN);
        if (sandbox_enter(spec, walls, &err) < 0) {
                say(REPORT_FD, err.message);
                _exit(1);
        }
        try_folder(spec->out_inside);
        (void)snprintf(a, sizeof(a), "%s/a", spec->out_inside);
        for (int sealed = 0; sealed < 2; sealed++) {
                const char *broken = check_use(file, sealed);
                if (broken)
                        say(REPORT_FD, broken);
                for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                        if (attempts[i].works(file))
                                say(REPORT_FD, attempts[i].name);
                if (!sealed && sandbox_seal(&err) < 0)
                        say(REPORT_FD, err.message);
        }
        if (writes(a, 4096))
                say(REPORT_FD, "a file after the seal");
        _exit(0);
}

/* Its memory has room for one file of the largest size, and not for two. */
static void try_memory_folder(const struct sandbox_spec *spec)
{
        char second[96];
        try_folder(spec->out_inside);
        (void)snprintf(second, sizeof(second), "%s/second", spec->out_inside);
        if (!writes(spec->out_file, OUT_BYTES))
                say(REPORT_FD, "it cannot write its file");
        if (writes(second, OUT_BYTES))
                say(REPORT_FD, "more memory than allowed");
        (void)unlink(second);
}

/* A memfd, which is in no file system; the descriptor is the one thing that stays besides. */
static void try_memory_file(const struct sandbox_spec *spec, const struct sandbox_file *file)
{
        struct stat st;
        if (!writes(spec->out_file, OUT_BYTES) ||
            !opens(spec->out_file, O_RDWR | O_CREAT | O_TRUNC))
                say(REPORT_FD, "it cannot write its file");
        if (writes(spec->out_file, OUT_BYTES + 4096))
                say(REPORT_FD, "a file larger than allowed");
        for (int fd = 3; fd < 200; fd++)
                if (fstat(fd, &st) == 0 && fd != REPORT_FD && fd != file->fd && fd != spec->out_fd)
                        say(REPORT_FD, "a descriptor");
}

_Noreturn static void writer(struct sandbox_spec *spec, struct sandbox_walls *walls,
                             struct sandbox_file *file)
{
        struct error err = {0};
        spec->role = SANDBOX_WRITER;
        spec->out_bytes = OUT_BYTES;
        (void)signal(SIGXFSZ, SIG_IGN);
        if (sandbox_enter(spec, walls, &err) < 0) {
                say(REPORT_FD, err.message);
                _exit(1);
        }
        if (walls->mount_namespace)
                try_memory_folder(spec);
        else
                try_memory_file(spec, file);
        const char *broken = check_use(file, false);
        if (broken)
                say(REPORT_FD, broken);
        for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
                if ((walls->mount_namespace || attempts[i].works != try_descriptors) &&
                    attempts[i].works(file))
                        say(REPORT_FD, attempts[i].name);
        _exit(0);
}

/* A clone in one of the other roles; `namespaces` likewise for its children. */
static void run_role(enum sandbox_role role, bool namespaces)
{
        struct error err = {0};
        struct sandbox_walls walls;
        int fds[2];
        int report = REPORT_FD;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        struct sandbox_file file = {.path = data_path, .fd = open(data_path, O_RDONLY)};
        struct sandbox_spec spec = {.files = &file,
                                    .n_files = 1,
                                    .keep_fds = &report,
                                    .n_keep_fds = 1,
                                    .memory_mb = 256,
                                    .cpu_s = 60,
                                    .threads = 4,
                                    .parent = test_pid,
                                    .uid = test_uid,
                                    .gid = test_gid,
                                    .statm_fd = -1};
        pid_t pid = sandbox_clone(&walls, namespaces, &err);
        if (pid == 0) {
                if (dup2(fds[1], REPORT_FD) < 0)
                        _exit(8);
                if (role == SANDBOX_PARENT)
                        parent(&spec, &walls, &file, namespaces && walls.user_namespace);
                if (role == SANDBOX_WRITER)
                        writer(&spec, &walls, &file);
                builder(&spec, &walls, &file);
        }
        assert_true(pid > 0);
        (void)close(fds[1]);
        check_child(pid, fds[0]);
        (void)close(fds[0]);
        (void)close(file.fd);
}

static void test_warm_parent_and_child(void **state)
{
        (void)state;
        run_role(SANDBOX_PARENT, true);
}

static void test_warm_parent_and_child_without_namespaces(void **state)
{
        (void)state;
        run_role(SANDBOX_PARENT, false);
}

static void test_builder(void **state)
{
        (void)state;
        run_role(SANDBOX_BUILDER, true);
}

static void test_builder_without_namespaces(void **state)
{
        (void)state;
        run_role(SANDBOX_BUILDER, false);
}

static void test_writer(void **state)
{
        (void)state;
        run_role(SANDBOX_WRITER, true);
}

static void test_writer_without_namespaces(void **state)
{
        (void)state;
        run_role(SANDBOX_WRITER, false);
}

/* A part of the wall alone: `raise` in a forked child, then the attempts that it must stop. */
static void run_part(bool (*raise)(struct sandbox_file *file), const char *const *names, size_t n)
{
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        struct sandbox_file file = {.path = data_path, .fd = open(data_path, O_RDONLY)};
        pid_t pid = fork();
        if (pid == 0) {
                if (dup2(fds[1], REPORT_FD) < 0)
                        _exit(8);
                if (!raise(&file))
                        say(REPORT_FD, "it could not be raised");
                for (size_t i = 0; i < n; i++)
                        for (size_t j = 0; j < ARRAY_SIZE(attempts); j++)
                                if (strcmp(names[i], attempts[j].name) == 0 &&
                                    attempts[j].works(&file))
                                        say(REPORT_FD, attempts[j].name);
                const char *broken = check_use(&file, false);
                if (broken)
                        say(REPORT_FD, broken);
                _exit(0);
        }
        (void)close(fds[1]);
        check_child(pid, fds[0]);
        (void)close(fds[0]);
        (void)close(file.fd);
}

static bool raise_landlock(struct sandbox_file *file)
{
        (void)snprintf(file->inside, sizeof(file->inside), "/proc/self/fd/%d", file->fd);
        const struct sandbox_spec spec = {.files = file, .n_files = 1};
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               sandbox_restrict_files(&spec, false) > 0;
}

static void test_landlock_alone(void **state)
{
        (void)state;
        static const char *const names[] = {"open /etc/passwd", "open a neighbour file",
                                            "write the dataset", "create a file"};
        run_part(raise_landlock, names, ARRAY_SIZE(names));
}

static bool raise_seccomp(struct sandbox_file *file)
{
        (void)snprintf(file->inside, sizeof(file->inside), "/proc/self/fd/%d", file->fd);
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               sandbox_filter_calls(SANDBOX_CALLS_LOADING);
}

static void test_seccomp_alone(void **state)
{
        (void)state;
        static const char *const names[] = {"write the dataset",
                                            "create a file",
                                            "unlink and rename",
                                            "socket inet",
                                            "socket unix",
                                            "connect",
                                            "fork",
                                            "execve",
                                            "ptrace",
                                            "kill",
                                            "mount",
                                            "new namespaces",
                                            "setuid, capset",
                                            "bpf, io_uring, perf, keys",
                                            "memfd, shm",
                                            "executable memory",
                                            "raise limits",
                                            "loosen the walls"};
        run_part(raise_seccomp, names, ARRAY_SIZE(names));
}

static bool write_text(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY);
        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool raise_root(struct sandbox_file *file)
{
        struct error err = {0};
        struct sandbox_spec spec = {.files = file, .n_files = 1};
        char uid_map[32];
        char gid_map[32];
        (void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned int)geteuid());
        (void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned int)getegid());
        return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
               write_text("/proc/self/setgroups", "deny") &&
               write_text("/proc/self/uid_map", uid_map) &&
               write_text("/proc/self/gid_map", gid_map) && sandbox_make_root(&spec, &err) == 1;
}

static void test_empty_root_alone(void **state)
{
        (void)state;
        static const char *const names[] = {"open a neighbour file", "write the dataset",
                                            "create a file"};
        run_part(raise_root, names, ARRAY_SIZE(names));
}

/* A path that leads elsewhere by the time it is mounted must not be used. */
static void test_replaced_file(void **state)
{
        (void)state;
        struct sandbox_file file = {.path = secret_path, .fd = open(data_path, O_RDONLY)};
        struct sandbox_spec spec = {.files = &file, .n_files = 1};
        pid_t pid = fork();
        if (pid == 0) {
                struct error err = {0};
                if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                        _exit(1);
                int r = sandbox_make_root(&spec, &err);
                _exit(r == -(int)ERROR_DATASET_CHANGED ? 0 : 2);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        (void)close(file.fd);
}

static void test_walls_that_suffice(void **state)
{
        (void)state;
        struct sandbox_walls walls = {.seccomp = true, .no_new_privs = true};
        assert_false(sandbox_walls_suffice(&walls));
        walls.landlock = 1;
        assert_true(sandbox_walls_suffice(&walls));
        walls.seccomp = false;
        assert_false(sandbox_walls_suffice(&walls));
        walls = (struct sandbox_walls){.seccomp = true,
                                       .no_new_privs = true,
                                       .mount_namespace = true,
                                       .pid_namespace = true,
                                       .network_namespace = true,
                                       .ipc_namespace = true};
        assert_true(sandbox_walls_suffice(&walls));
        walls.network_namespace = false;
        assert_false(sandbox_walls_suffice(&walls));
}

/* The attempts themselves must be able to succeed, or they show nothing. */
static void test_attempts_work_outside(void **state)
{
        (void)state;
        static const char *const names[] = {"open /etc/passwd",
                                            "open a neighbour file",
                                            "write the dataset",
                                            "create a file",
                                            "socket inet",
                                            "socket unix",
                                            "connect",
                                            "fork",
                                            "kill",
                                            "memfd, shm",
                                            "executable memory",
                                            "2 GiB of memory",
                                            "loosen the walls",
                                            "terminal and devices"};
        struct sandbox_file file = {.path = data_path, .fd = -1};
        (void)snprintf(file.inside, sizeof(file.inside), "%s", secret_path);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        for (size_t j = 0; j < ARRAY_SIZE(attempts); j++)
                                if (strcmp(attempts[j].name, names[i]) == 0)
                                        _exit(attempts[j].works(&file) ? 0 : 1);
                        _exit(2);
                }
                int status = 0;
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (status != 0)
                        fail_msg("\"%s\" fails even outside", names[i]);
        }
        (void)unlink("/tmp/askcsv-escape");
        (void)unlink("escape");
        (void)shm_unlink("/askcsv-x");
}

static int write_temporary(char path[64], const char *name, const char *text)
{
        (void)snprintf(path, 64, "/tmp/askcsv-%s-XXXXXX", name);
        int fd = mkstemp(path);
        ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
        return n == (ssize_t)strlen(text) ? close(fd) : -1;
}

static int set_up(void **state)
{
        (void)state;
        test_pid = getpid();
        test_uid = geteuid();
        test_gid = getegid();
        (void)snprintf(out_path, sizeof(out_path), "/tmp/askcsv-out-XXXXXX");
        return !mkdtemp(out_path) || write_temporary(data_path, "data", "a,b\n1") ||
               write_temporary(secret_path, "secret", "secret\n");
}

static int tear_down(void **state)
{
        (void)state;
        return unlink(data_path) || unlink(secret_path) || rmdir(out_path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attempts_work_outside),
                cmocka_unit_test(test_all_walls),
                cmocka_unit_test(test_without_namespaces),
                cmocka_unit_test(test_warm_parent_and_child),
                cmocka_unit_test(test_warm_parent_and_child_without_namespaces),
                cmocka_unit_test(test_builder),
                cmocka_unit_test(test_builder_without_namespaces),
                cmocka_unit_test(test_writer),
                cmocka_unit_test(test_writer_without_namespaces),
                cmocka_unit_test(test_landlock_alone),
                cmocka_unit_test(test_seccomp_alone),
                cmocka_unit_test(test_empty_root_alone),
                cmocka_unit_test(test_replaced_file),
                cmocka_unit_test(test_walls_that_suffice),
        };
        return cmocka_run_group_tests_name("sandbox", tests, set_up, tear_down);
}
