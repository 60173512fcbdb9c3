#include "server/http_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define PARAMETERS_MAX 256 /* of a query */

void http_fields_done(struct http_fields *fields)
{
        free(fields->list);
        free(fields->text);
        *fields = (struct http_fields){0};
}

const char *http_fields_get(const struct http_fields *fields, const char *name)
{
        for (size_t i = 0; i < fields->count; i++)
                if (strcmp(fields->list[i].name, name) == 0)
                        return fields->list[i].value;
        return NULL;
}

static int digit_of(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                return (c | 0x20) - 'a' + 10;
        return -1;
}

/* Decodes "%41" to "A" in place. False when what comes out is not UTF-8, holds a control character,
 * or an escape is broken. */
static bool decode(char *text, bool plus_is_blank)
{
        char *out = text;
        for (const char *in = text; *in; in++) {
                char c = *in;
                if (c == '%') {
                        int high = digit_of(in[1]);
                        int low = high < 0 ? -1 : digit_of(in[2]);
                        if (low < 0 || (high == 0 && low == 0))
                                return false;
                        c = (char)(high * 16 + low);
                        in += 2;
                } else if (c == '+' && plus_is_blank) {
                        c = ' ';
                }
                *out++ = c;
        }
        *out = '\0';
        for (size_t at = 0, n = (size_t)(out - text), step; at < n; at += step) {
                uint32_t point = 0;
                step = utf8_decode(text + at, n - at, &point);
                if ((step == 1 && point == 0xFFFD) || (!plus_is_blank && point < 0x20))
                        return false;
        }
        return true;
}

/* "a=1&b" into fields; they point into text. */
static int read_query(struct http_fields *fields, char *text)
{
        size_t n = 1;
        for (const char *at = text; *at; at++)
                n += *at == '&';
        if (n > PARAMETERS_MAX)
                return 400;
        fields->list = alloc_calloc(n, sizeof(*fields->list));
        if (!fields->list)
                return 503;
        char *left = text;
        for (char *name = strsep(&left, "&"); name; name = strsep(&left, "&")) {
                if (!*name)
                        continue;
                char *value = strchr(name, '=');
                if (value)
                        *value++ = '\0';
                if (!decode(name, true) || (value && !decode(value, true)))
                        return 400;
                fields->list[fields->count++] = (struct http_field){name, value ? value : ""};
        }
        return 0;
}

/* "/a%20b?c=d", or "http://host/a%20b?c=d" (RFC 9112 3.2.2), or "*". */
static int read_target(struct http_head *head)
{
        char *path = head->target;
        if (strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0)
                path = strpbrk(strchr(path, '/') + 2, "/?");
        if (!path || (*path != '/' && strcmp(path, "*") != 0))
                return 400;
        char *query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        if (!decode(path, false))
                return 400;
        head->path = path;
        return query ? read_query(&head->query, query) : 0;
}

/* How the headers are copied: counted first, then written. */
struct copy {
        struct http_fields *fields;
        size_t room;
        size_t bytes, used;
        unsigned hosts, origins, lengths, codings;
};

static enum MHD_Result count_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
        (void)kind;
        struct copy *copy = cls;
        copy->room++;
        copy->bytes += strlen(name) + (value ? strlen(value) : 0) + 2;
        copy->hosts += strcasecmp(name, "Host") == 0;
        copy->origins += strcasecmp(name, "Origin") == 0;
        copy->lengths += strcasecmp(name, "Content-Length") == 0;
        copy->codings += strcasecmp(name, "Transfer-Encoding") == 0;
        return MHD_YES;
}

static const char *copy_text(struct copy *copy, const char *text)
{
        size_t n = strlen(text) + 1;
        char *to = copy->fields->text + copy->used;
        memcpy(to, text, n);
        copy->used += n;
        return to;
}

static enum MHD_Result copy_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
        (void)kind;
        struct copy *copy = cls;
        struct http_fields *fields = copy->fields;
        if (fields->count == copy->room)
                return MHD_NO;
        struct http_field *field = &fields->list[fields->count++];
        field->name = copy_text(copy, name);
        field->value = copy_text(copy, value ? value : "");
        return MHD_YES;
}

/* Also refuses what a proxy before us may have read otherwise than the library does (RFC 9112 6.3):
 * where the body ends must be beyond doubt, and so must host and origin. */
static int read_headers(struct http_head *head, struct MHD_Connection *connection,
                        size_t *ret_bytes)
{
        struct copy copy = {.fields = &head->headers};
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_field, &copy);
        *ret_bytes = copy.bytes + 2 * copy.room;
        head->headers.list = alloc_calloc(copy.room + 1, sizeof(struct http_field));
        head->headers.text = alloc_malloc(copy.bytes + 1);
        if (!head->headers.list || !head->headers.text)
                return 503;
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, copy_field, &copy);
        return copy.hosts > 1 || copy.origins > 1 || copy.lengths + copy.codings > 1 ? 400 : 0;
}

static void read_client(struct http_head *head, struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *peer = info ? info->client_addr : NULL;
        const char *text = NULL;
        if (peer && peer->sa_family == AF_INET)
                text = inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr,
                                 head->client, sizeof(head->client));
        if (peer && peer->sa_family == AF_INET6) {
                const struct in6_addr *address = &((const struct sockaddr_in6 *)peer)->sin6_addr;
                bool is_v4 = IN6_IS_ADDR_V4MAPPED(address);
                text = inet_ntop(is_v4 ? AF_INET : AF_INET6, address->s6_addr + (is_v4 ? 12 : 0),
                                 head->client, sizeof(head->client));
        }
        if (!text)
                head->client[0] = '\0';
}

static void read_id(struct http_head *head, const char *given)
{
        size_t n = given ? strlen(given) : 0;
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789._-";
        if (n > 0 && n < HTTP_ID_SIZE && strspn(given, allowed) == n)
                memcpy(head->id, given, n + 1);
        else if (uuid_v7(head->id, NULL) < 0)
                (void)snprintf(head->id, sizeof(head->id), "none");
}

static const char *header_of(const struct http_head *head, const char *name)
{
        for (size_t i = 0; i < head->headers.count; i++)
                if (strcasecmp(head->headers.list[i].name, name) == 0)
                        return head->headers.list[i].value;
        return NULL;
}

int http_head_read(struct http_head *head, struct MHD_Connection *connection, const char *method,
                   size_t max_bytes)
{
        head->is_head = strcmp(method, "HEAD") == 0;
        (void)snprintf(head->method, sizeof(head->method), "%s", head->is_head ? "GET" : method);
        size_t bytes = strlen(head->target) + strlen(method);
        size_t header_bytes = 0;
        int refusal = read_headers(head, connection, &header_bytes);
        read_client(head, connection);
        read_id(head, header_of(head, "X-Request-Id"));
        head->takes_gzip = http_takes_gzip(header_of(head, "Accept-Encoding"));
        if (bytes + header_bytes > max_bytes)
                return 431;
        if (refusal)
                return refusal;
        return strlen(method) >= sizeof(head->method) ? 400 : read_target(head);
}

void http_head_done(struct http_head *head)
{
        free(head->target);
        http_fields_done(&head->query);
        http_fields_done(&head->headers);
}
