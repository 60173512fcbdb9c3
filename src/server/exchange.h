/* One message of a chat and its answer: the run that answers it, the events on the way, and the
 * thread that both are kept in. */
#ifndef ASKCSV_SERVER_EXCHANGE_H
#define ASKCSV_SERVER_EXCHANGE_H

#include "server/api.h"

struct exchange; /* opaque; counted references */

/* What is asked; copied. */
struct exchange_input {
        struct setup *setup;
        const struct dataset *dataset;
        const char *owner;     /* a key's id, or "" */
        bool sees_all;         /* may go on from anybody's run */
        const char *thread_id; /* or NULL: a new one */
        const char *message;
        size_t message_bytes;
        const char *planner; /* as planners_choose takes it; NULL: as the settings say */
        const char
                *after; /* the run whose plan the message goes on from; NULL: the thread's last */
};

/* Keeps the message in its thread and orders what answers it. Waits for the disk. Failures:
 * ERROR_THREAD_NOT_FOUND, ERROR_RUN_NOT_FOUND, ERROR_QUEUE_FULL, ERROR_INVALID_REQUEST, ... The
 * caller releases *ret. */
int exchange_start(struct api *api, const struct exchange_input *input, struct exchange **ret,
                   struct error *err);
void exchange_release(struct exchange *exchange); /* NULL is fine */

const char *exchange_owner(const struct exchange *exchange);

/* Ends the request with the whole answer, when there is one. */
void exchange_answer(struct exchange *exchange, struct http_request *request);
/* Ends the request with the events behind after_id, and those to come, as a stream. When no
 * stream is left for EXCHANGE_PATIENCE_MS, nobody waits for the run, and it is stopped. */
void exchange_stream(struct exchange *exchange, struct http_request *request, uint64_t after_id);
#define EXCHANGE_PATIENCE_MS 10000

/* Streams that go on, or ended less than a minute ago; of the latter the newest 500. */
struct exchanges;
int exchanges_new(struct exchanges **ret, struct error *err);
void exchanges_free(struct exchanges *exchanges); /* NULL is fine */
/* From now on a client that lost its stream finds it again. */
void exchanges_add(struct exchanges *exchanges, struct exchange *exchange);
/* The caller releases it; NULL when there is none of that id. */
struct exchange *exchanges_find(struct exchanges *exchanges, const char *id);

#endif
