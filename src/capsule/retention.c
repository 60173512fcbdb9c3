#include "capsule/retention.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "capsule/store_ops.h"
#include "capsule/walk.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* One capsule of the chain. */
struct mark {
        int64_t seq; /* 0: none */
        char run_id[UUID_TEXT_SIZE], created_at[CLOCK_TEXT_SIZE], hash[HASH_HEX_SIZE];
};

/* What is to go: from the beginning of the chain to `through`. */
struct sweep {
        struct walk walk;
        char until[CLOCK_TEXT_SIZE]; /* made before that, it is too old; "" for no such rule */
        int64_t excess;              /* so many are too many */
        int64_t rows_max;
        size_t bytes_max;
        int64_t rows; /* looked at */
        size_t bytes;
        bool is_full;        /* there may be more */
        struct mark last;    /* of those that were looked at, and are sound */
        struct mark through; /* the last one that is to go */
};

static bool is_due(const struct stored_row *row, const struct sweep *sweep)
{
        return (sweep->until[0] && strcmp(row->created_at, sweep->until) < 0) || sweep->excess > 0;
}

static void mark(struct mark *mark, const struct stored_row *row, const struct walk *walk)
{
        mark->seq = row->seq;
        (void)snprintf(mark->run_id, sizeof(mark->run_id), "%s", row->run_id);
        (void)snprintf(mark->created_at, sizeof(mark->created_at), "%s", row->created_at);
        memcpy(mark->hash, walk->hash, HASH_HEX_SIZE);
}

/* 1: here it ends. A retention capsule goes only when one behind it does: else each would be
 * removed in favour of the next. (If there is nothing but them as far as a batch goes, they go.) */
static int sweep_row(const struct stored_row *row, void *data)
{
        struct sweep *sweep = data;
        bool is_retention = strcmp(row->kind, capsule_kind_name(CAPSULE_RETENTION)) == 0;
        if (!is_retention && !is_due(row, sweep))
                return 1;
        if (sweep->rows == sweep->rows_max ||
            (sweep->rows > 0 && sweep->bytes + row->body_bytes > sweep->bytes_max)) {
                sweep->is_full = true;
                if (sweep->through.seq == 0)
                        sweep->through = sweep->last;
                return 1;
        }
        sweep->rows++;
        sweep->bytes += row->body_bytes;
        int r = walk_row(row, &sweep->walk);
        if (r != 0)
                return r;
        mark(&sweep->last, row, &sweep->walk);
        if (is_retention)
                return 0;
        sweep->excess--;
        sweep->through = sweep->last;
        return 0;
}

static int find_excess(struct capsule_store *store, const struct retention_rule *rule,
                       struct sweep *sweep, struct error *err)
{
        const struct chain_head *head = &sweep->walk.head;
        int64_t retentions;
        int64_t newest;
        if (rule->count <= 0)
                return 0;
        int r = store->ops->retentions(store, &retentions, &newest, err);
        if (r == 0)
                sweep->excess = head->count - head->removed - retentions - rule->count;
        return r;
}

static int altered(const struct sweep *sweep, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "nothing more is removed, as the record was altered there and removing it "
                         "would remove the evidence: %s; see \"askcsv capsules check\"",
                         sweep->walk.finding.message);
}

static int find_due(struct capsule_store *store, const struct retention_rule *rule,
                    struct sweep *sweep, struct error *err)
{
        if (rule->days > 0)
                clock_format_ms(clock_utc_ms() - rule->days * DAY_MS, sweep->until);
        int r = store->ops->snapshot_begin(store, err);
        if (r < 0)
                return r;
        r = walk_begin(store, &sweep->walk, err);
        if (r == 0)
                r = find_excess(store, rule, sweep, err);
        if (r == 0)
                r = store->ops->sealed(store, 1, INT64_MAX, sweep_row, sweep, err);
        store->ops->snapshot_end(store);
        if (r < 0)
                return r;
        /* What is sound before a fault may go. */
        return sweep->walk.finding.fault != CAPSULE_INTACT && sweep->through.seq == 0
                       ? altered(sweep, err)
                       : 0;
}

static json_t *number_or_null(int64_t number)
{
        return number > 0 ? json_integer(number) : json_null();
}

/* The record of it, in its final state. */
static int make_capsule(const struct sweep *sweep, const struct retention_rule *rule,
                        struct capsule **ret, struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        const struct mark *last = &sweep->through;
        int64_t now = last->seq - sweep->walk.head.removed;
        int r = capsule_new_kind(CAPSULE_RETENTION, &capsule, err);
        if (r == 0)
                r = run_move(capsule, RUN_RUNNING, err);
        if (r == 0)
                r = capsule_set(capsule, "rule",
                                json_pack("{s:o, s:o}", "days", number_or_null(rule->days), "count",
                                          number_or_null(rule->count)),
                                err);
        if (r == 0)
                r = capsule_set(capsule, "removed",
                                json_pack("{s:I, s:I, s:s, s:s, s:s}", "total",
                                          (json_int_t)last->seq, "now", (json_int_t)now, "run_id",
                                          last->run_id, "created_at", last->created_at,
                                          "capsule_hash", last->hash),
                                err);
        if (r == 0)
                r = run_move(capsule, RUN_SUCCEEDED, err);
        if (r == 0)
                *ret = steal_ptr(&capsule);
        return r;
}

int retention_prune(struct capsule_store *store, const struct retention_rule *rule,
                    struct retention_outcome *ret, struct error *err)
{
        struct error local = {0};
        char message[ERROR_MESSAGE_MAX] = "";
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct sweep sweep = {
                .walk.finding = {.message = message, .err = err ? err : &local},
                .rows_max = RETENTION_BATCH,
                .bytes_max = RETENTION_BATCH_BYTES,
        };
        *ret = (struct retention_outcome){0};
        int r = find_due(store, rule, &sweep, err);
        if (r < 0 || sweep.through.seq == 0)
                return r;
        r = make_capsule(&sweep, rule, &capsule, err);
        if (r == 0)
                r = store->ops->remove(store, capsule, sweep.walk.head.removed, sweep.through.seq,
                                       err);
        if (r < 0)
                return error_prefix(err, r, "removing old capsules");
        /* Who was faster (r is 0) may have left some. */
        ret->more = r == 0 || sweep.is_full || sweep.walk.finding.fault != CAPSULE_INTACT;
        if (r > 0) {
                ret->removed = sweep.through.seq - sweep.walk.head.removed;
                (void)snprintf(ret->run_id, sizeof(ret->run_id), "%s", capsule_run_id(capsule));
        }
        return 0;
}

int retention_count(struct capsule_store *store, const struct retention_rule *rule, int64_t *ret,
                    struct error *err)
{
        struct error local = {0};
        char message[ERROR_MESSAGE_MAX] = "";
        struct sweep sweep = {
                .walk.finding = {.message = message, .err = err ? err : &local},
                .rows_max = INT64_MAX,
                .bytes_max = SIZE_MAX,
        };
        int r = find_due(store, rule, &sweep, err);
        if (r < 0)
                return r;
        *ret = sweep.through.seq > 0 ? sweep.through.seq - sweep.walk.head.removed : 0;
        return 0;
}
