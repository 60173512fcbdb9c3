/* Who asks. As long as there is no key, and nobody but this machine can connect, whoever asks is
 * its owner; from the first key on, every request needs one. */
#include "server/api.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define USER_PREFIX "user:" /* of a proxy's users, who are no keys */

/* The key's text behind "Bearer ", or NULL. */
static const char *bearer_of(const struct http_request *request)
{
        const char *header = http_header(request, "Authorization");
        if (!header || strncasecmp(header, "Bearer ", 7) != 0)
                return NULL;
        return header + 7 + strspn(header + 7, " ");
}

static bool refuse(struct call *call, const char *why)
{
        http_set(call->request, "WWW-Authenticate", "Bearer realm=\"askcsv\"");
        reply_own(call->request, PROBLEM_UNAUTHORIZED, "%s", why);
        return false;
}

/* A proxy in front has asked already. */
static bool take_user(struct call *call)
{
        const char *user = http_header(call->request, call->api->user_header);
        if (!user || !*user || strlen(user) + sizeof(USER_PREFIX) > sizeof(call->owner))
                return refuse(call, "the proxy in front of this server did not say who asks");
        (void)snprintf(call->owner, sizeof(call->owner), USER_PREFIX "%s", user);
        call->scope = KEY_RUN;
        return true;
}

static bool take_key(struct call *call, const char *text)
{
        struct error err = {0};
        struct key key;
        int r = keys_find(call->api->keys, text, &key, &err);
        if (r < 0) {
                reply_error(call->request, &err, NULL);
                return false;
        }
        if (r == 0)
                return refuse(call, "the key is not known, or was revoked");
        (void)snprintf(call->owner, sizeof(call->owner), "%s", key.id);
        call->scope = key.scope;
        return true;
}

static bool take_nobody(struct call *call)
{
        struct error err = {0};
        int r = call->api->keys_needed ? 1 : keys_any(call->api->keys, &err);
        if (r < 0) {
                reply_error(call->request, &err, NULL);
                return false;
        }
        if (r > 0)
                return refuse(call, "send a key: Authorization: Bearer ak_...");
        call->scope = KEY_ADMIN;
        return true;
}

bool call_authorize(struct call *call, enum key_scope needed)
{
        const char *text = bearer_of(call->request);
        if (needed == 0)
                return true;
        bool known = text                      ? take_key(call, text)
                     : *call->api->user_header ? take_user(call)
                                               : take_nobody(call);
        if (known && call->scope < needed) {
                reply_own(call->request, PROBLEM_FORBIDDEN,
                          "the key's scope is %s, and this needs %s", key_scope_name(call->scope),
                          key_scope_name(needed));
                return false;
        }
        return known;
}

bool call_enter(struct call *call)
{
        int64_t retry_after_ms;
        const char *owner = call->owner;
        if (!*owner)
                return true;
        enum limits_verdict verdict = limits_enter(call->api->client_limits, owner,
                                                   clock_monotonic_us(), &retry_after_ms);
        if (verdict == LIMITS_ENTERED)
                http_set_user(call->request, owner);
        else if (verdict == LIMITS_TOO_OFTEN)
                reply_later(call->request, retry_after_ms,
                            "this key asks too often (the settings key_rate and key_burst)");
        else if (verdict == LIMITS_TOO_MANY)
                reply_later(call->request, retry_after_ms,
                            "this key has as many requests under way as it may (the setting "
                            "key_requests_max)");
        else
                reply_later(call->request, retry_after_ms, "too many keys ask at once");
        return verdict == LIMITS_ENTERED;
}

bool call_owns(const struct call *call, const char *asker)
{
        return call->scope >= KEY_ADMIN || strcmp(call->owner, asker) == 0;
}
