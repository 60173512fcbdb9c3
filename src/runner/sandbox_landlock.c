#include "runner/sandbox_parts.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's <linux/landlock.h> ends at ABI 2. The kernel's own, from
 * Documentation/userspace-api/landlock.rst: */
struct ruleset {
        uint64_t handled_access_fs;
        uint64_t handled_access_net; /* since ABI 4 */
        uint64_t scoped;             /* since ABI 6 */
};
#define ACCESS_FS_TRUNCATE (1ULL << 14)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

/* All that the ABI knows is handled, and so forbidden unless a rule allows it. */
static struct ruleset ruleset_for(int abi)
{
        struct ruleset rules = {.handled_access_fs = (1ULL << 13) - 1}; /* ABI 1: 13 rights */
        if (abi >= 2)
                rules.handled_access_fs |= 1ULL << 13; /* REFER */
        if (abi >= 3)
                rules.handled_access_fs |= ACCESS_FS_TRUNCATE;
        if (abi >= 5)
                rules.handled_access_fs |= 1ULL << 15; /* IOCTL_DEV */
        if (abi >= 4)
                rules.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
        if (abi >= 6)
                rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
        return rules;
}

static bool allow(int ruleset_fd, int fd, uint64_t rights)
{
        struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
        return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ==
               0;
}

static bool allow_reading(int ruleset_fd, int fd)
{
        return allow(ruleset_fd, fd, LANDLOCK_ACCESS_FS_READ_FILE);
}

/* Whole files, made, written and removed; nothing that is not a file. */
static bool allow_writing(int ruleset_fd, const struct sandbox_spec *spec, bool own_root, int abi)
{
        uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                          LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                          (abi >= 3 ? ACCESS_FS_TRUNCATE : 0);
        /* Without a root of our own the path is still the one from outside. */
        const char *path = own_root ? spec->out_inside : spec->out_path;
        if (!path) /* a memfd is not in the file system */
                return true;
        _cleanup_close_ int out = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return out >= 0 && allow(ruleset_fd, out, rights);
}

static bool allow_files(int ruleset_fd, const struct sandbox_spec *spec, bool own_root)
{
        if (own_root) {
                _cleanup_close_ int data = open("/data", O_PATH | O_DIRECTORY | O_CLOEXEC);
                return data >= 0 && allow_reading(ruleset_fd, data);
        }
        for (size_t i = 0; i < spec->n_files; i++)
                if (!allow_reading(ruleset_fd, spec->files[i].fd))
                        return false;
        return true;
}

static int ruleset_new(int abi)
{
        struct ruleset rules = ruleset_for(abi);
        size_t size = abi >= 6 ? sizeof(rules) : abi >= 4 ? 16 : 8;
        return (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
}

static int abi_of_kernel(void)
{
        return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int sandbox_restrict_files(const struct sandbox_spec *spec, bool own_root)
{
        int abi = abi_of_kernel();
        if (abi <= 0)
                return 0;
        _cleanup_close_ int fd = ruleset_new(abi);
        if (fd < 0 || !allow_files(fd, spec, own_root) || !allow_writing(fd, spec, own_root, abi))
                return 0;
        return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? abi : 0;
}

int sandbox_restrict_all_files(void)
{
        int abi = abi_of_kernel();
        _cleanup_close_ int fd = abi > 0 ? ruleset_new(abi) : -1;
        return fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? abi : 0;
}
