#include "protocol/host.h"

#include "base/cleanup.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LISTEN_BACKLOG 512

int host_socket_name(const char *runner, char ret[HOST_SOCKET_NAME_SIZE], struct error *err)
{
        struct stat program;
        char text[256];
        char hex[HASH_HEX_SIZE];
        if (stat(runner, &program) < 0)
                return error_errno(err, errno, "looking at %s", runner);
        int n = snprintf(text, sizeof(text), "%s %llx %llx %lld %lld.%09ld", ASKCSV_VERSION,
                         (unsigned long long)program.st_dev, (unsigned long long)program.st_ino,
                         (long long)program.st_size, (long long)program.st_mtim.tv_sec,
                         program.st_mtim.tv_nsec);
        int r = hash_bytes_hex(text, (size_t)n, hex, err);
        if (r == 0)
                (void)snprintf(ret, HOST_SOCKET_NAME_SIZE, "%.16s.sock", hex);
        return r;
}

/* sun_path has room for 107 bytes; through the folder's descriptor any folder fits. */
static int address_of(int folder_fd, const char *name, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", folder_fd,
                         name);
        return n < (int)sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

int host_connect(int folder_fd, const char *name)
{
        struct sockaddr_un address;
        int r = address_of(folder_fd, name, &address);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (r < 0 || fd < 0)
                return r < 0 ? r : -errno;
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return -errno;
        return steal_fd(&fd);
}

int host_listen(int folder_fd, const char *name)
{
        struct sockaddr_un address;
        int r = address_of(folder_fd, name, &address);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (r < 0 || fd < 0)
                return r < 0 ? r : -errno;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, LISTEN_BACKLOG) < 0)
                return -errno;
        return steal_fd(&fd);
}
