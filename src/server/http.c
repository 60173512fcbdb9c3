#include "server/http_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define POOL_BYTES_MIN ((size_t)16 * 1024)

static void server_free(struct http_server *server)
{
        if (!server)
                return;
        http_certificate_release(server->certificate);
        cleanup_close(&server->quiet_fd);
        (void)pthread_mutex_destroy(&server->mutex);
        free(server);
}

/* Memory of a connection, by the library: request line and headers, what it makes of them, the
 * headers of the reply. Above header_max, so that it is we who refuse what is too long. */
static size_t pool_bytes(const struct http_options *options)
{
        size_t bytes = 2 * options->header_max + 4096;
        return bytes < POOL_BYTES_MIN ? POOL_BYTES_MIN : bytes;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd)
{
        const struct http_options *o = &server->options;
        unsigned threads = o->threads < o->connections_max ? o->threads : o->connections_max;
        struct MHD_OptionItem items[] = {
                {MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
                {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_on_target, server},
                {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_on_completed, server},
                {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_on_connection, server},
                {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->connections_max, NULL},
                {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)o->per_address_max, NULL},
                {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)o->idle_timeout_s, NULL},
                {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)pool_bytes(o), NULL},
                /* A pool of one is no pool. */
                {MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? (intptr_t)threads : 0, NULL},
                {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->tls_certificate},
                {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->tls_key},
                {MHD_OPTION_END, 0, NULL},
        };
        if (!server->tls)
                items[ARRAY_SIZE(items) - 3].option = MHD_OPTION_END;
        /* Without MHD_USE_ERROR_LOG: it would write to stderr. */
        unsigned flags = (unsigned)MHD_USE_EPOLL_INTERNAL_THREAD |
                         (unsigned)MHD_ALLOW_SUSPEND_RESUME | (unsigned)MHD_USE_ITC |
                         (server->tls ? (unsigned)MHD_USE_TLS : 0U);
        return MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, server, MHD_OPTION_ARRAY,
                                items, MHD_OPTION_END);
}

static int start(struct http_server *server, struct error *err)
{
        _cleanup_close_ int fd = http_listen(&server->options, &server->port, err);
        if (fd < 0)
                return fd;
        int r = http_watch_start(server, err);
        if (r < 0)
                return r;
        server->daemon = start_daemon(server, fd);
        if (!server->daemon)
                return error_set(err, ERROR_IO, "%s",
                                 server->tls ? "the HTTP server did not start; are certificate and "
                                               "key a pair, both in PEM?"
                                             : "the HTTP server did not start");
        (void)steal_fd(&fd); /* the daemon closes it */
        server->options.tls_certificate = server->options.tls_key = NULL;
        server->options.address = NULL;
        return 0;
}

int http_start(const struct http_options *options, struct http_server **ret, struct error *err)
{
        struct http_server *server = alloc_calloc(1, sizeof(*server));
        if (!server)
                return error_oom(err);
        server->options = *options;
        server->tls = options->tls_certificate && options->tls_key;
        server->quiet_fd = server->epoll_fd = server->wake_fd = -1;
        if (pthread_mutex_init(&server->mutex, NULL) != 0) {
                free(server);
                return error_oom(err);
        }
        int r = start(server, err);
        if (r < 0) {
                http_watch_stop(server);
                server_free(server);
                return r;
        }
        *ret = server;
        return 0;
}

uint16_t http_port(const struct http_server *server)
{
        return server->port;
}

/* The library gives the socket back, but its threads may still look at it. Shut, it refuses
 * connections at once; it is closed at the end. */
void http_quiesce(struct http_server *server)
{
        if (server->quiet_fd >= 0)
                return;
        server->quiet_fd = MHD_quiesce_daemon(server->daemon);
        if (server->quiet_fd >= 0)
                (void)shutdown(server->quiet_fd, SHUT_RDWR);
}

unsigned http_open(const struct http_server *server)
{
        return atomic_load(&server->open);
}

/* The library wants no connection to be suspended when it stops. */
void http_stop(struct http_server *server)
{
        if (!server)
                return;
        http_cut_all(server);
        http_watch_stop(server);
        MHD_stop_daemon(server->daemon);
        server_free(server);
}
