#include "server/http_private.h"

#include "base/cleanup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 1024
#define DEAD_AFTER_S 60 /* a client whose machine does not answer any more */

static void set_option(int fd, int level, int name, int value)
{
        (void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Connections have these from the socket that accepted them. */
static void set_options(int fd)
{
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, DEAD_AFTER_S / 2);
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, DEAD_AFTER_S / 6);
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_AFTER_S * 1000);
}

static int listen_error(const struct http_options *options, int errnum, struct error *err)
{
        const char *what =
                errnum == EADDRINUSE      ? "another program listens there; stop it, or choose "
                                            "another port"
                : errnum == EACCES        ? "ports below 1024 need privileges; choose another"
                : errnum == EADDRNOTAVAIL ? "this machine does not have the address; choose another"
                                          : NULL;
        if (what)
                return error_set(err, ERROR_IO, "cannot listen on %s, port %u: %s",
                                 options->address, options->port, what);
        return error_errno(err, errnum, "cannot listen on %s, port %u", options->address,
                           options->port);
}

static uint16_t port_of(int fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } name = {0};
        socklen_t n = sizeof(name);
        if (getsockname(fd, &name.any, &n) < 0)
                return 0;
        return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

int http_listen(const struct http_options *options, uint16_t *ret_port, struct error *err)
{
        char port[8];
        (void)snprintf(port, sizeof(port), "%u", options->port);
        const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                       .ai_socktype = SOCK_STREAM};
        struct addrinfo *found = NULL;
        if (getaddrinfo(options->address, port, &hints, &found) != 0)
                return error_set(err, ERROR_IO,
                                 "cannot listen on %s: it is not a numeric address such as "
                                 "127.0.0.1 or ::1",
                                 options->address);
        _cleanup_close_ int fd =
                socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int errnum = fd < 0 ? errno : 0;
        if (fd >= 0) {
                set_options(fd);
                if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                        errnum = errno;
        }
        freeaddrinfo(found);
        if (errnum)
                return listen_error(options, errnum, err);
        *ret_port = port_of(fd);
        return steal_fd(&fd);
}
