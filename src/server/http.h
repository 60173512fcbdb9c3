/* HTTP/1.1 over libmicrohttpd: requests with their whole body in memory, replies at once or later
 * from any thread, and event streams. Knows nothing of runs, keys or JSON. */
#ifndef ASKCSV_SERVER_HTTP_H
#define ASKCSV_SERVER_HTTP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ID_SIZE 65 /* of a request's id, with its NUL */
#define HTTP_USER_SIZE 160

struct http_server;  /* opaque */
struct http_request; /* opaque; counted references */

struct http_options {
        const char *address; /* "127.0.0.1", "::1", "0.0.0.0": a numeric address */
        uint16_t port;       /* 0: a free one, see http_port */
        unsigned threads;    /* event loops; each serves many connections */
        unsigned connections_max;
        unsigned per_address_max; /* connections of one client address; 0: no limit */
        size_t body_max;          /* bytes; a longer body is 413 before handle is called */
        size_t header_max;        /* bytes of request line and headers; more is 431 */
        unsigned idle_timeout_s;  /* a client that neither reads nor writes; streams get a comment
                                   * line now and then and are not cut off by it */
        const char *tls_certificate, *tls_key; /* PEM texts, or NULL: plain HTTP */

        /* Called on a server thread for every request that is complete. It must see to it that
         * exactly one of http_reply, http_stream follows, now or later, from any thread. */
        void (*handle)(struct http_request *request, void *data);
        /* A request that never reaches handle (too large, not HTTP): makes the reply's body, JSON
         * of problem+json, into a new string of malloc, and may http_set. NULL: a plain text. */
        char *(*refuse)(struct http_request *request, int status, void *data);
        /* After a request's end: everything was sent, or the client went away (status 0 then when
         * there was no reply). May be NULL. */
        void (*ended)(const struct http_request *request, int status, uint64_t bytes_sent,
                      int64_t took_us, void *data);
        void *data;
};

/* Starts listening; the strings are not kept. ERROR_IO when the address cannot be had (and what to
 * do). */
int http_start(const struct http_options *options, struct http_server **ret, struct error *err);
uint16_t http_port(const struct http_server *server);
/* Another certificate and key than those that the server was started with: PEM texts, not kept.
 * ERROR_IO when they are no pair. The caller releases *ret. */
struct http_certificate;
int http_certificate_new(const char *certificate, const char *key, struct http_certificate **ret,
                         struct error *err);
void http_certificate_release(struct http_certificate *certificate); /* NULL is fine */
/* For the TLS handshakes to come, of a server that was started with TLS; takes certificate over. */
void http_set_certificate(struct http_server *server, struct http_certificate *certificate);
/* No new connection is accepted; those that are there are served. */
void http_quiesce(struct http_server *server);
/* Requests that are being answered (parked ones and streams, too). */
unsigned http_open(const struct http_server *server);
/* Ends everything at once and frees the server; NULL is fine. Requests that others hold stay valid
 * until they are released; replies to them go nowhere. */
void http_stop(struct http_server *server);

/* What was asked. Strings live as long as the request. */
const char *http_method(const struct http_request *request); /* "GET"; HEAD is given as GET */
const char *http_path(const struct http_request *request);   /* percent-decoded, without query; a
                                                              * path with "%00" or that is not UTF-8
                                                              * was refused with 400 */
const char *http_query(const struct http_request *request, const char *name);  /* or NULL */
const char *http_header(const struct http_request *request, const char *name); /* or NULL */
const char *http_body(const struct http_request *request, size_t *ret_bytes);
void *http_data(const struct http_request *request); /* http_options.data; as long as the server */
/* Who asks, as the application found out: kept with the request, "" until it is set. A longer
 * text is cut. Only within handle(). */
void http_set_user(struct http_request *request, const char *user);
const char *http_user(const struct http_request *request);
const char *http_client(const struct http_request *request); /* the peer's address as text */
/* What the client gave as X-Request-Id, if it is 1 to 64 of [A-Za-z0-9._-]; else one of ours. It is
 * sent back with every reply. */
const char *http_request_id(const struct http_request *request);

/* References: whoever keeps a request beyond handle() holds it. Any thread. */
struct http_request *http_hold(struct http_request *request);
void http_release(struct http_request *request); /* NULL is fine */
/* Calls gone(data) once, on a server thread, if the client goes away before its reply was complete;
 * at once when it is gone already. done(data) (or NULL) is called when the request is freed, in any
 * case: data is not used any more. */
void http_on_gone(struct http_request *request, void (*gone)(void *data), void (*done)(void *data),
                  void *data);
bool http_is_gone(const struct http_request *request);

/* For the reply to come; a name that was set is replaced. Not after http_reply or http_stream. */
void http_set(struct http_request *request, const char *name, const char *value);
/* Sends body (copied; NULL for none) with its type, gzip-compressed when the client takes that and
 * it pays (1 KiB or more, types text and JSON). Any thread. The first reply counts, others are
 * dropped. */
void http_reply(struct http_request *request, int status, const char *type, const void *body,
                size_t bytes);
/* Bytes that live as long as the program, in up to two forms; neither is copied. */
struct http_file {
        const char *type;
        const unsigned char *bytes;
        size_t size;
        const unsigned char *zipped; /* by gzip; NULL: there is none */
        size_t zipped_size;
};
/* As http_reply, with the form that the client takes. */
void http_reply_file(struct http_request *request, int status, const struct http_file *file);

/* An event stream (text/event-stream): headers are sent at once, with status 200. */
void http_stream(struct http_request *request);
/* Queues bytes for the stream; any thread. False when the client is gone or has not read the last
 * HTTP_BACKLOG_MAX bytes: then the stream was ended. */
bool http_stream_send(struct http_request *request, const char *text, size_t bytes);
void http_stream_end(struct http_request *request); /* after what was queued */
#define HTTP_BACKLOG_MAX ((size_t)4 * 1024 * 1024)

#endif
