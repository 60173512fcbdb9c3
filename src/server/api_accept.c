/* Which form of an answer the client likes best: the header Accept (RFC 9110 12.5.1). */
#include "server/api.h"

#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000

/* "0.25" as thousandths. */
static int weight_of(const char *text, const char *end)
{
        int weight = 0;
        int unit = WEIGHT_MAX;
        for (; text < end && unit > 0; text++) {
                if (*text == '.')
                        continue;
                if (*text < '0' || *text > '9')
                        break;
                weight += (*text - '0') * unit;
                unit /= 10;
        }
        return weight < WEIGHT_MAX ? weight : WEIGHT_MAX;
}

/* Of a range such as "text/csv;q=0.5", up to end: how exactly it names the type, from 0 (not at
 * all) to 3, and its weight. */
static int match(const char *range, const char *end, const char *type, int *ret_weight)
{
        size_t length = strcspn(range, "; \t,");
        size_t family = strcspn(type, "/") + 1;
        *ret_weight = WEIGHT_MAX;
        for (const char *at = range + length; at < end; at++)
                if (*at == ';' && strncasecmp(at + 1 + strspn(at + 1, " \t"), "q=", 2) == 0)
                        *ret_weight = weight_of(at + 1 + strspn(at + 1, " \t") + 2, end);
        if (length == strlen(type) && strncasecmp(range, type, length) == 0)
                return 3;
        if (length == family + 1 && strncasecmp(range, type, family) == 0 && range[family] == '*')
                return 2;
        return length == 3 && strncmp(range, "*/*", 3) == 0 ? 1 : 0;
}

/* The weight of the range that names the type most exactly; 0: the client does not take it. */
static int weight_in(const char *accept, const char *type)
{
        int best = 0;
        int weight = 0;
        for (const char *at = accept; *at;) {
                int own;
                at += strspn(at, ", \t");
                const char *end = at + strcspn(at, ",");
                int exact = match(at, end, type, &own);
                if (exact > best) {
                        best = exact;
                        weight = own;
                }
                at = end;
        }
        return weight;
}

const char *call_prefers(const struct call *call, const char *const *types)
{
        const char *accept = http_header(call->request, "Accept");
        const char *found = NULL;
        int weight = 0;
        if (!accept || !*accept)
                return types[0];
        for (; *types; types++) {
                int own = weight_in(accept, *types);
                if (own > weight) {
                        weight = own;
                        found = *types;
                }
        }
        return found;
}
