/* How often and how many at once each client may ask. Of a client there are a bucket of tokens, of
 * which each request takes one and which fills up at a fixed rate, and a count of the requests that
 * are under way. */
#ifndef ASKCSV_SERVER_LIMITS_H
#define ASKCSV_SERVER_LIMITS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_CLIENTS_MAX 10000
#define LIMITS_ID_MAX 255     /* bytes of a client's id that count; what is behind them does not */
#define LIMITS_RETRY_MS 1000  /* when nobody can know better */
#define LIMITS_RATE_MIN 0.001 /* requests a second */
#define LIMITS_RATE_MAX 1000000.0
#define LIMITS_BURST_MAX 1000000

struct client_limits; /* opaque; any thread. (struct limits are those of a run.) */

/* per_second: what the bucket gains; 0: no limit, and burst is not looked at. burst: what it holds,
 * 1 .. LIMITS_BURST_MAX. concurrent_max: requests of one client under way; 0: no limit. ERROR_USAGE
 * for others. The caller frees *ret. */
int limits_new(double per_second, unsigned burst, unsigned concurrent_max,
               struct client_limits **ret, struct error *err);
void limits_free(struct client_limits *limits); /* NULL is fine */
/* Other limits from now on, as limits_new takes them. Who owes the bucket n tokens still owes them,
 * as far as the new bucket holds so many; what is under way stays. */
int limits_change(struct client_limits *limits, double per_second, unsigned burst,
                  unsigned concurrent_max, int64_t now_us, struct error *err);

enum limits_verdict {
        LIMITS_ENTERED,   /* limits_leave must follow */
        LIMITS_TOO_OFTEN, /* no token */
        LIMITS_TOO_MANY,  /* as many are under way as may be */
        LIMITS_NO_ROOM,   /* LIMITS_CLIENTS_MAX others are active, or memory is short */
};

/* now_us is of the monotonic clock. When it is not LIMITS_ENTERED, nothing was taken, and
 * *retry_after_ms says after how many ms (1 or more) it is worth trying again; else it is 0. A
 * client with a full bucket and nothing under way may be forgotten, which makes no difference to
 * it. */
enum limits_verdict limits_enter(struct client_limits *limits, const char *client, int64_t now_us,
                                 int64_t *retry_after_ms);
void limits_leave(struct client_limits *limits, const char *client);

/* ---- the same limits over several servers ---- */

/* What a client took here that the others do not know of, in the time that its tokens take to come;
 * and afterwards, what it owes to all servers together. */
struct limits_share {
        char client[LIMITS_ID_MAX + 1];
        int64_t taken_us, owed_us;
};

/* *ret are those that took something since the last call, *ret_n of them; the caller frees *ret. */
int limits_share(struct client_limits *limits, struct limits_share **ret, size_t *ret_n,
                 struct error *err);
/* owed_us is set now; or, with is_known false, nobody could be told, and what they took is told
 * with the next call. */
void limits_settle(struct client_limits *limits, const struct limits_share *shares, size_t n,
                   bool is_known, int64_t now_us);

/* Clients that are remembered just now. */
size_t limits_clients(struct client_limits *limits);

#endif
