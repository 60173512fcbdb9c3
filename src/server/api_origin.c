/* Which pages may use the server. A browser names the origin of the page that a request comes from:
 * the server's own pages may use it, and those of allowed_origins, to whose browsers the headers of
 * CORS say so (https://fetch.spec.whatwg.org/#http-cors-protocol). Who asks is said by a key alone;
 * cookies and the like are not asked for, so Access-Control-Allow-Credentials is never sent. */
#include "server/api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PREFLIGHT_SECONDS "600" /* that a browser may remember the answer */
/* What a page may send and read besides what any page may. The header by which a proxy names the
 * user (trust_user_header) must not be one of them. */
#define MAY_SEND                                                                                   \
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, If-None-Match, X-Request-Id"
#define MAY_READ                                                                                   \
        "ETag, X-Request-Id, Retry-After, X-Stream-Id, Location, X-Result-Hash, "                  \
        "Idempotency-Replayed"

static bool is_own(const struct http_request *request, const char *origin)
{
        const char *host = http_header(request, "Host");
        const char *name = strstr(origin, "://");
        return name && host && strcasecmp(name + 3, host) == 0;
}

void api_vary(struct http_request *request, const struct setup *setup, const char *on)
{
        char text[64];
        if (!setup->origins.list[0])
                (void)snprintf(text, sizeof(text), "%s", on);
        else
                (void)snprintf(text, sizeof(text), "%s%sOrigin", on, *on ? ", " : "");
        if (*text)
                http_set(request, "Vary", text);
}

bool api_admit_origin(struct http_request *request, const struct setup *setup)
{
        const char *origin = http_header(request, "Origin");
        api_vary(request, setup, "");
        if (!origin)
                return true;
        if (!setup_has(&setup->origins, origin))
                return is_own(request, origin);
        http_set(request, "Access-Control-Allow-Origin", origin);
        http_set(request, "Access-Control-Expose-Headers", MAY_READ);
        return true;
}

void reply_options(struct http_request *request, const struct setup *setup, const char *methods)
{
        char allow[96];
        const char *origin = http_header(request, "Origin");
        (void)snprintf(allow, sizeof(allow), "%s, OPTIONS", methods);
        http_set(request, "Allow", allow);
        if (origin && setup_has(&setup->origins, origin) &&
            http_header(request, "Access-Control-Request-Method")) {
                http_set(request, "Access-Control-Allow-Methods", methods);
                http_set(request, "Access-Control-Allow-Headers", MAY_SEND);
                http_set(request, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
        }
        http_reply(request, 204, NULL, NULL, 0);
}
