/* What the files of the HTTP server share; nobody else includes it.
 *
 * Who may touch what. A request's head and body are written by the loop thread of its connection
 * before handle() is called, and only read afterwards. Everything about its reply is under
 * request->mutex. The list of requests and the set of watched sockets are under server->mutex.
 * Order of locks: request->mutex, then server->mutex, then those inside of libmicrohttpd.
 * A callback of the application is called with none of them held. */
#ifndef ASKCSV_SERVER_HTTP_PRIVATE_H
#define ASKCSV_SERVER_HTTP_PRIVATE_H

#include "server/http.h"

#include "base/buf.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* Of a body that is refused, as much more than body_max is read and thrown away, so that the client
 * is there to read the refusal; of a longer one the connection is closed. */
#define HTTP_DRAIN_MAX ((size_t)16 * 1024 * 1024)
#define HTTP_COMMENT_EVERY_US (15 * INT64_C(1000000)) /* of silence in a stream */

/* What may follow: HEAD > BODY > HANDLED > SENDING > ENDED; HANDLED <> PARKED; SENDING <> STARVED;
 * and ENDED from everywhere. */
enum http_state {
        HTTP_HEAD,    /* the request line was read */
        HTTP_BODY,    /* the headers were; the body comes */
        HTTP_HANDLED, /* handle() was called, or it is refused; its connection is being served */
        HTTP_PARKED,  /* no reply yet: its connection is suspended, its socket watched */
        HTTP_SENDING, /* the library has the reply */
        HTTP_STARVED, /* a stream with nothing to send: suspended and watched, too */
        HTTP_ENDED,   /* connection and server are not touched any more */
};

struct http_field {
        const char *name, *value;
};

struct http_fields {
        struct http_field *list; /* names and values point into text */
        size_t count;
        char *text;
};

/* One that http_set gave. */
struct http_given {
        struct http_given *next;
        char *value; /* behind the name, in the same memory */
        char name[];
};

struct http_head {
        char *target; /* of the request line; decoded in place */
        const char *path;
        char method[32];
        struct http_fields query, headers;
        char client[64];
        char id[HTTP_ID_SIZE];
        bool is_head; /* though method says GET */
        bool takes_gzip;
};

struct http_stream {
        bool open;       /* http_stream was called, http_stream_end was not */
        bool broken;     /* the client does not keep up, or memory is short */
        struct buf data; /* not yet taken by the library: from taken on */
        size_t taken;
        uint64_t sent; /* bytes */
};

struct http_request {
        atomic_uint references;
        struct http_server *server;
        struct MHD_Connection *connection;
        int fd;
        int64_t started_us;

        void *data; /* of the options: the server may be gone before the request */
        struct http_head head;
        char user[HTTP_USER_SIZE];
        int refusal; /* status with which it will be refused once its body was read; 0: none */
        size_t body_seen;
        struct buf body;

        pthread_mutex_t mutex;
        enum http_state state;
        bool gone;   /* the client went away, or the server ends */
        bool failed; /* no memory for the reply */
        bool is_stream;
        int status;                    /* of the reply; 0: none yet */
        struct MHD_Response *response; /* until the library has it */
        size_t reply_bytes;
        struct http_given *given;
        struct http_stream stream;
        void (*on_gone)(void *data);
        void (*on_free)(void *data); /* when the request is freed */
        void *free_data;
        void *on_gone_data;

        atomic_llong comment_due_us; /* of a stream: when it was silent for too long */
        /* Under server->mutex. */
        struct http_request *next, **back; /* back is NULL: not in the list */
        bool told_to_stop;
};

struct http_server {
        struct http_options options;
        struct MHD_Daemon *daemon;
        uint16_t port;
        int quiet_fd; /* the listening socket, once it does not listen any more; else -1 */
        bool tls;
        atomic_uint open;

        pthread_mutex_t mutex;
        bool stopping;
        struct http_request *requests;        /* that are being answered */
        struct http_peer *peers;              /* all connections */
        struct http_certificate *certificate; /* NULL: the one of the start */

        int epoll_fd; /* sockets of suspended connections */
        int wake_fd;  /* eventfd: the watcher ends */
        pthread_t watcher;
};

/* http_listen.c: the listening socket, or a negative code. */
int http_listen(const struct http_options *options, uint16_t *ret_port, struct error *err);

/* http_head.c */
void http_fields_done(struct http_fields *fields);
const char *http_fields_get(const struct http_fields *fields, const char *name);
/* Reads request line and headers. 0, or the status with which the request is refused; then all that
 * could be read is there nevertheless. */
int http_head_read(struct http_head *head, struct MHD_Connection *connection, const char *method,
                   size_t max_bytes);
void http_head_done(struct http_head *head);

/* http_request.c: what the library calls. */
void *http_on_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **context);
void http_on_completed(void *server, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why);

/* http_tls.c: makes the connection that begins shake hands with the server's present certificate,
 * which must not be released before the connection ends. NULL: with the one of the start. */
struct http_certificate *http_certify(struct http_server *server,
                                      struct MHD_Connection *connection);

/* http_peer.c. All but the last are called on the connection's loop thread. */
struct http_peer;
void http_on_connection(void *server, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode what);
void http_peer_sends(struct MHD_Connection *connection, size_t body_bytes);
void http_peer_waits(struct MHD_Connection *connection); /* its request is complete */
void http_peer_next(struct http_server *server, struct MHD_Connection *connection);
void http_peers_cut(struct http_server *server, int64_t now_us); /* those that take too long */

/* http_watch.c. park suspends the connection (request->mutex held, on its loop thread); false when
 * that cannot be. unpark lets it go on (request->mutex held, any thread). */
bool http_park(struct http_request *request, enum http_state state);
void http_unpark(struct http_request *request);
int http_watch_start(struct http_server *server, struct error *err);
void http_watch_stop(struct http_server *server);
/* Makes every request end soon; none can be parked from now on. */
void http_cut_all(struct http_server *server);

/* http_reply.c. Takes over response; NULL: memory was short. False when there was a reply before,
 * or the client is gone. */
bool http_publish(struct http_request *request, int status, struct MHD_Response *response,
                  size_t bytes);
#define HTTP_COMPRESS_FROM 1024 /* bytes; below, an answer fits a packet anyway */
/* http_compress.c. gzip of body into a new memory of malloc, or NULL when it does not pay. */
char *http_compress(const void *body, size_t bytes, size_t *ret_bytes);
bool http_compressible(const char *type);
bool http_takes_gzip(const char *accept_encoding); /* NULL is fine */

#endif
