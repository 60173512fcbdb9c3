#include "server/http_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

static bool is_plain(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7F)
                        return false;
        return true;
}

/* Those that say where a reply ends are the library's. */
static bool may_set(const char *name, const char *value)
{
        return *name && is_plain(name) && !strpbrk(name, " :") && is_plain(value) &&
               strcasecmp(name, "Content-Length") != 0 &&
               strcasecmp(name, "Transfer-Encoding") != 0;
}

static void drop(struct http_request *request, const char *name)
{
        struct http_given **at = &request->given;
        while (*at && strcasecmp((*at)->name, name) != 0)
                at = &(*at)->next;
        struct http_given *old = *at;
        if (old)
                *at = old->next;
        free(old);
}

void http_set(struct http_request *request, const char *name, const char *value)
{
        if (!may_set(name, value))
                return;
        size_t n = strlen(name) + 1;
        size_t m = strlen(value) + 1;
        struct http_given *given = alloc_malloc(sizeof(*given) + n + m);
        if (given) {
                memcpy(given->name, name, n);
                given->value = given->name + n;
                memcpy(given->value, value, m);
        }
        (void)pthread_mutex_lock(&request->mutex);
        drop(request, name);
        if (given) {
                given->next = request->given;
                request->given = given;
        }
        request->failed |= !given;
        (void)pthread_mutex_unlock(&request->mutex);
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
        return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Request->mutex is held. The two forms of a compressed answer are not the same bytes, so that its
 * entity tag can only be a weak one (RFC 9110 8.8.3.3). */
static bool add_given(struct http_request *request, struct MHD_Response *response, bool zipped)
{
        bool added = add(response, "X-Request-Id", request->head.id);
        for (struct http_given *g = request->given; g; g = g->next) {
                _cleanup_free_ char *weak = NULL;
                if (zipped && strcasecmp(g->name, "ETag") == 0 && g->value[0] == '"') {
                        struct buf tag = {0};
                        buf_init(&tag, strlen(g->value) + 2);
                        buf_puts(&tag, "W/");
                        buf_puts(&tag, g->value);
                        weak = buf_steal(&tag);
                        added &= weak != NULL;
                }
                added &= add(response, g->name, weak ? weak : g->value);
        }
        return added;
}

bool http_publish(struct http_request *request, int status, struct MHD_Response *response,
                  size_t bytes)
{
        bool zipped = response && MHD_get_response_header(response, "Content-Encoding");
        (void)pthread_mutex_lock(&request->mutex);
        bool first = request->status == 0 && request->state != HTTP_ENDED;
        if (first) {
                request->status = status;
                request->reply_bytes = bytes;
                /* Without a reply the connection is closed as soon as it goes on. */
                if (response && !request->failed && add_given(request, response, zipped))
                        request->response = steal_ptr(&response);
                http_unpark(request);
        }
        (void)pthread_mutex_unlock(&request->mutex);
        if (response)
                MHD_destroy_response(response);
        return first;
}

static bool wants_reply(struct http_request *request)
{
        (void)pthread_mutex_lock(&request->mutex);
        bool wants = request->status == 0 && request->state != HTTP_ENDED;
        (void)pthread_mutex_unlock(&request->mutex);
        return wants;
}

static char *copy_of(const void *body, size_t bytes)
{
        char *copy = alloc_malloc(bytes + 1);
        if (copy && bytes > 0)
                memcpy(copy, body, bytes);
        return copy;
}

/* A response with the body, compressed or copied; *bytes becomes its length. NULL: no memory. */
static struct MHD_Response *make(const struct http_request *request, const char *type,
                                 const void *body, size_t *bytes)
{
        bool either = http_compressible(type) && *bytes >= HTTP_COMPRESS_FROM;
        _cleanup_free_ char *data = NULL;
        if (either && request->head.takes_gzip)
                data = http_compress(body, *bytes, bytes);
        bool zipped = data != NULL;
        if (!data)
                data = copy_of(body, *bytes);
        struct MHD_Response *response =
                data ? MHD_create_response_from_buffer_with_free_callback(*bytes, data, free)
                     : NULL;
        if (!response)
                return NULL;
        data = NULL;
        if ((!type || add(response, "Content-Type", type)) &&
            (!either || add(response, "Vary", "Accept-Encoding")) &&
            (!zipped || add(response, "Content-Encoding", "gzip")))
                return response;
        MHD_destroy_response(response);
        return NULL;
}

void http_reply(struct http_request *request, int status, const char *type, const void *body,
                size_t bytes)
{
        if (!wants_reply(request))
                return;
        struct MHD_Response *response = make(request, body ? type : NULL, body, &bytes);
        (void)http_publish(request, status, response, bytes);
}

void http_reply_file(struct http_request *request, int status, const struct http_file *file)
{
        if (!wants_reply(request))
                return;
        bool zipped = file->zipped && request->head.takes_gzip;
        const unsigned char *bytes = zipped ? file->zipped : file->bytes;
        size_t size = zipped ? file->zipped_size : file->size;
        struct MHD_Response *response =
                MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_PERSISTENT);
        if (response && (!add(response, "Content-Type", file->type) ||
                         (file->zipped && !add(response, "Vary", "Accept-Encoding")) ||
                         (zipped && !add(response, "Content-Encoding", "gzip")))) {
                MHD_destroy_response(response);
                response = NULL;
        }
        (void)http_publish(request, status, response, size);
}
