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
                rules.handled_access_fs |= 1ULL << 14; /* TRUNCATE */
        if (abi >= 5)
                rules.handled_access_fs |= 1ULL << 15; /* IOCTL_DEV */
        if (abi >= 4)
                rules.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
        if (abi >= 6)
                rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
        return rules;
}

static bool allow_reading(int ruleset_fd, int fd)
{
        struct landlock_path_beneath_attr rule = {
                .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                .parent_fd = fd,
        };
        return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ==
               0;
}

static bool allow_files(int ruleset_fd, const struct sandbox_file *files, size_t n_files,
                        bool own_root)
{
        if (own_root) {
                _cleanup_close_ int data = open("/data", O_PATH | O_DIRECTORY | O_CLOEXEC);
                return data >= 0 && allow_reading(ruleset_fd, data);
        }
        for (size_t i = 0; i < n_files; i++)
                if (!allow_reading(ruleset_fd, files[i].fd))
                        return false;
        return true;
}

int sandbox_restrict_files(const struct sandbox_file *files, size_t n_files, bool own_root)
{
        int abi =
                (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (abi <= 0)
                return 0;
        struct ruleset rules = ruleset_for(abi);
        size_t size = abi >= 6 ? sizeof(rules) : abi >= 4 ? 16 : 8;
        _cleanup_close_ int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
        if (fd < 0 || !allow_files(fd, files, n_files, own_root))
                return 0;
        return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? abi : 0;
}
