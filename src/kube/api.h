/* Calls of a Kubernetes API server (https://kubernetes.io/docs/reference/using-api/). */
#ifndef ASKCSV_KUBE_API_H
#define ASKCSV_KUBE_API_H

#include "base/buf.h"
#include "base/error.h"
#include "http/drive.h"
#include "kube/server.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define KUBE_PATH_MAX 1024 /* of a call, with its query */

/* A connection that is kept between calls; of one thread at a time. */
struct kube_client;

/* server is lent. The caller frees *ret. */
int kube_client_new(const struct kube_server *server, struct kube_client **ret, struct error *err);
void kube_client_free(struct kube_client *client); /* NULL is fine */

struct kube_call {
        const char *method; /* "GET", "POST", "PATCH" (a merge patch, RFC 7396), "DELETE" */
        const char *path;   /* from "/api" on, already escaped */
        const char *body;   /* JSON, or NULL */
        const char *doing;  /* for messages: "making a Job" */
        int64_t timeout_ms; /* of all attempts until the whole reply is here */
        int cancel_fd;      /* as an executor_call's */
        size_t max_bytes;   /* of the reply; 0: KUBE_REPLY_MAX */
};
#define KUBE_REPLY_MAX ((size_t)8 * 1024 * 1024)

struct kube_reply {
        long status; /* of HTTP */
        struct buf text;
        json_t *body;  /* NULL: text is no JSON */
        bool is_sent;  /* the call, or some of it: the server may have done what it says */
        bool is_again; /* an earlier attempt was sent and got no answer, or a 5xx */
};

void kube_reply_done(struct kube_reply *reply); /* safe on a zeroed struct */

/* Sends it and waits for the reply, whatever its status, trying again when the server is not
 * reached, has too much to do (429), or fails (500, 502, 503, 504), as long as there is time.
 * ERROR_IO: it is not reached, or not trusted; the message says what to do. ERROR_CANCELLED.
 * Release *ret with kube_reply_done in any case. */
int kube_ask(struct kube_client *client, const struct kube_call *call, struct kube_reply *ret,
             struct error *err);

/* The error that a reply other than 2xx is: ERROR_IO with what the server says; of 403 for want of
 * a right, with which. */
int kube_refused(const struct kube_client *client, const struct kube_call *call,
                 const struct kube_reply *reply, struct error *err);

/* Both: anything but 2xx is an error. */
int kube_do(struct kube_client *client, const struct kube_call *call, struct kube_reply *ret,
            struct error *err);

/* A handle of libcurl that is set up for that server but for what is asked: its certificate, who we
 * are, no proxy, no redirect. *ret_headers are to be added to (curl_slist_append) and given as
 * CURLOPT_HTTPHEADER; both are the caller's. path is appended to the server's URL. */
int kube_handle(const struct kube_server *server, const char *path, CURL **ret,
                struct curl_slist **ret_headers, struct error *err);

/* Why the server was not reached. said: CURLOPT_ERRORBUFFER's text, or "". */
int kube_unreached(const struct kube_server *server, CURLcode code, const char *said,
                   const char *doing, struct error *err);

#endif
