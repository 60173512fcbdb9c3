/* Connections, to cut off clients that send their request byte by byte: each byte counts as a sign
 * of life for the idle timeout, but a request must be complete in twice that time. */
#include "server/http_private.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdint.h>
#include <sys/socket.h>

#define BODY_BYTES_PER_S 4096 /* a longer body has as much more time */

struct http_peer {
        struct http_peer *next, **back; /* under server->mutex */
        int fd;
        struct http_certificate *certificate; /* of its handshake; or NULL */
        atomic_llong due_us;                  /* when the next request must be complete */
};

static int64_t due_from_now(const struct http_server *server)
{
        int64_t idle_us = (int64_t)server->options.idle_timeout_s * 1000000;
        return idle_us == 0 ? INT64_MAX : clock_monotonic_us() + 2 * idle_us;
}

static void peer_add(struct http_server *server, struct MHD_Connection *connection, void **context)
{
        struct http_peer *peer = alloc_calloc(1, sizeof(*peer));
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = peer;
        if (!peer)
                return; /* it is served without this limit */
        peer->fd = info ? info->connect_fd : -1;
        atomic_init(&peer->due_us, due_from_now(server));
        peer->certificate = http_certify(server, connection);
        (void)pthread_mutex_lock(&server->mutex);
        peer->next = server->peers;
        peer->back = &server->peers;
        if (peer->next)
                peer->next->back = &peer->next;
        server->peers = peer;
        (void)pthread_mutex_unlock(&server->mutex);
}

static void peer_remove(struct http_server *server, struct http_peer *peer)
{
        if (!peer)
                return;
        (void)pthread_mutex_lock(&server->mutex);
        *peer->back = peer->next;
        if (peer->next)
                peer->next->back = peer->back;
        (void)pthread_mutex_unlock(&server->mutex);
        http_certificate_release(peer->certificate);
        free(peer);
}

void http_on_connection(void *server, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
        if (what == MHD_CONNECTION_NOTIFY_STARTED)
                peer_add(server, connection, context);
        else
                peer_remove(server, *context); /* before the library closes the socket */
}

static struct http_peer *peer_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        return info ? info->socket_context : NULL;
}

void http_peer_sends(struct MHD_Connection *connection, size_t body_bytes)
{
        struct http_peer *peer = peer_of(connection);
        if (peer && atomic_load(&peer->due_us) != INT64_MAX)
                (void)atomic_fetch_add(&peer->due_us,
                                       (int64_t)body_bytes * (1000000 / BODY_BYTES_PER_S));
}

void http_peer_waits(struct MHD_Connection *connection)
{
        struct http_peer *peer = peer_of(connection);
        if (peer)
                atomic_store(&peer->due_us, INT64_MAX);
}

/* A client that closes its half of the connection together with its request wants nothing more. The
 * library's loop (edge-triggered epoll) is told of both at once, reads the request, and would wait
 * for another until the idle timeout. */
static void hang_up_if_closed(const struct http_server *server, int fd)
{
        char next;
        if (!server->tls && recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
                (void)shutdown(fd, SHUT_RDWR); /* after what is still to be sent */
}

void http_peer_next(struct http_server *server, struct MHD_Connection *connection)
{
        struct http_peer *peer = peer_of(connection);
        if (!peer)
                return;
        atomic_store(&peer->due_us, due_from_now(server));
        hang_up_if_closed(server, peer->fd);
}

void http_peers_cut(struct http_server *server, int64_t now_us)
{
        (void)pthread_mutex_lock(&server->mutex);
        for (struct http_peer *peer = server->peers; peer; peer = peer->next)
                if (atomic_load(&peer->due_us) < now_us)
                        (void)shutdown(peer->fd, SHUT_RDWR);
        (void)pthread_mutex_unlock(&server->mutex);
}
