#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/store.h"
#include "capsule/store_ops.h"
#include "capsule/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *capsule_fault_name(enum capsule_fault fault)
{
        static const char *const names[] = {
                [CAPSULE_INTACT] = "intact",
                [CAPSULE_HASH_DIFFERS] = "hash_differs",
                [CAPSULE_RESULT_DIFFERS] = "result_differs",
                [CAPSULE_CHAIN_BROKEN] = "chain_broken",
                [CAPSULE_MISSING] = "missing",
        };
        return (size_t)fault < ARRAY_SIZE(names) ? names[fault] : "unknown";
}

__attribute__((format(printf, 3, 4))) static int
found(struct finding *finding, enum capsule_fault fault, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(finding->message, ERROR_MESSAGE_MAX, format, args);
        va_end(args);
        finding->fault = fault;
        return 1;
}

static const char *text_of(const struct capsule *capsule, const char *member)
{
        const char *text = json_get_string(capsule->body, member);
        return text ? text : "";
}

/* What the store keeps beside the body, to find it by, says what the body says. */
static bool columns_agree(const struct stored_row *row, const struct capsule *capsule)
{
        const char *dataset_id = json_get_string(capsule->body, "dataset_id");
        return strcmp(row->run_id, capsule_run_id(capsule)) == 0 &&
               strcmp(row->created_at, text_of(capsule, "created_at")) == 0 &&
               strcmp(row->status, run_state_name(capsule->state)) == 0 &&
               strcmp(row->kind, capsule_kind_name(capsule->kind)) == 0 &&
               (row->dataset_id && dataset_id ? strcmp(row->dataset_id, dataset_id) == 0
                                              : !row->dataset_id && !dataset_id);
}

static int check_hash(const struct stored_row *row, const struct capsule *capsule,
                      struct finding *finding)
{
        char hex[HASH_HEX_SIZE];
        if (!columns_agree(row, capsule))
                return found(finding, CAPSULE_HASH_DIFFERS,
                             "the store's index says other than the capsule of run %s itself; one "
                             "of the two was altered",
                             row->run_id);
        int r = capsule_compute_hash(capsule, hex, finding->err);
        if (r < 0)
                return r;
        if (strcmp(hex, text_of(capsule, "capsule_hash")) == 0)
                return 0;
        return found(finding, CAPSULE_HASH_DIFFERS,
                     "the capsule of run %s was altered: capsule_hash is %.16s..., but what is "
                     "stored hashes to %.16s...",
                     row->run_id, text_of(capsule, "capsule_hash"), hex);
}

static int check_result(const struct stored_row *row, const struct capsule *capsule,
                        struct finding *finding)
{
        char hex[HASH_HEX_SIZE] = "";
        const char *said = json_get_string(capsule->body, "result_hash");
        bool has_result = json_is_object(json_object_get(capsule->body, "result"));
        if (!has_result && !said)
                return 0;
        int r = has_result ? capsule_compute_result_hash(capsule, hex, finding->err) : 0;
        if (r < 0 && finding->err->type == ERROR_INTERNAL)
                return r;
        if (r == 0 && said && strcmp(hex, said) == 0)
                return 0;
        return found(finding, CAPSULE_RESULT_DIFFERS,
                     "the rows of run %s are not those of its answer: result_hash is %.16s..., but "
                     "the stored rows hash to %.16s...",
                     row->run_id, said ? said : "missing", hex[0] ? hex : "nothing");
}

/* The row by itself; 0: sound, and *ret is its capsule. 1: a fault was found. */
static int check_row(const struct stored_row *row, struct capsule **ret, struct finding *finding)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_parse(row->body, row->body_bytes, &capsule, finding->err);
        if (r == -(int)ERROR_STORE)
                return found(finding, CAPSULE_HASH_DIFFERS, "the capsule of run %s was altered: %s",
                             row->run_id, finding->err->message);
        if (r < 0)
                return r;
        if (!capsule_is_sealed(capsule))
                return found(finding, CAPSULE_HASH_DIFFERS,
                             "the capsule of run %s has lost its hashes", row->run_id);
        r = check_hash(row, capsule, finding);
        if (r == 0)
                r = check_result(row, capsule, finding);
        if (r == 0)
                *ret = steal_ptr(&capsule);
        return r;
}

/* The last capsule's hash and the number of them against what the store keeps apart. */
static int check_end(int64_t count, const char *hash, const struct chain_head *head,
                     struct finding *finding)
{
        if (count < head->count)
                return found(finding, CAPSULE_MISSING,
                             "the chain counts %lld capsules, but number %lld is missing",
                             (long long)head->count, (long long)count + 1);
        if (count > head->count)
                return found(finding, CAPSULE_CHAIN_BROKEN,
                             "the chain counts %lld capsules, but there are more: number %lld was "
                             "not sealed by askcsv",
                             (long long)head->count, (long long)head->count + 1);
        if (strcmp(hash, head->hash) != 0)
                return found(finding, CAPSULE_CHAIN_BROKEN,
                             "the chain ends with the hash %.16s..., but the newest capsule's is "
                             "%.16s...",
                             head->hash, hash);
        return 0;
}

/* ---- what retention has left ---- */

static void read_removal(const struct capsule *capsule, struct removal *ret)
{
        const json_t *removed = json_object_get(capsule->body, "removed");
        const char *hash = json_get_string(removed, "capsule_hash");
        ret->total = json_get_int(removed, "total", 0);
        (void)snprintf(ret->hash, sizeof(ret->hash), "%s", hash ? hash : "");
}

struct newest {
        struct finding *finding;
        struct removal *removal;
};

static int newest_row(const struct stored_row *row, void *data)
{
        const struct newest *newest = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_parse(row->body, row->body_bytes, &capsule, newest->finding->err);
        if (r == -(int)ERROR_STORE)
                return found(newest->finding, CAPSULE_HASH_DIFFERS,
                             "the retention capsule %s was altered: %s", row->run_id,
                             newest->finding->err->message);
        if (r == 0)
                read_removal(capsule, newest->removal);
        return r;
}

/* Where the chain begins. What the newest retention capsule says is believed here; that it is sound
 * itself, the walk finds when it comes to it. *ret_seq is its place, 0 when nothing was removed. */
static int read_beginning(struct capsule_store *store, const struct chain_head *head,
                          struct removal *ret, int64_t *ret_seq, struct finding *finding)
{
        int64_t n;
        struct newest newest = {finding, ret};
        *ret = (struct removal){.hash = CAPSULE_NO_HASH};
        *ret_seq = 0;
        if (head->removed == 0)
                return 0;
        int r = store->ops->retentions(store, &n, ret_seq, finding->err);
        if (r == 0 && *ret_seq > 0)
                r = store->ops->sealed(store, *ret_seq, *ret_seq, newest_row, &newest,
                                       finding->err);
        if (r != 0 || ret->total == head->removed)
                return r;
        return found(finding, CAPSULE_MISSING,
                     "the chain begins with number %lld, but the newest retention capsule says "
                     "that %lld were removed: others were removed besides, or that capsule",
                     (long long)head->removed + 1, (long long)ret->total);
}

/* Each retention capsule goes on where the one before it ended. */
static int check_retention(const struct stored_row *row, const struct capsule *capsule,
                           struct walk *walk)
{
        struct removal removal;
        if (capsule->kind != CAPSULE_RETENTION)
                return 0;
        read_removal(capsule, &removal);
        if (removal.total <= walk->said.total || removal.total >= row->seq)
                return found(&walk->finding, CAPSULE_CHAIN_BROKEN,
                             "the retention capsule %s says that %lld capsules were removed, which "
                             "cannot be",
                             row->run_id, (long long)removal.total);
        walk->said = removal;
        return 0;
}

/* ---- the whole chain ---- */

int walk_begin(struct capsule_store *store, struct walk *walk, struct error *err)
{
        int64_t seq;
        int r = store->ops->head(store, &walk->head, err);
        if (r == 0)
                r = read_beginning(store, &walk->head, &walk->before, &seq, &walk->finding);
        walk->said = (struct removal){.hash = CAPSULE_NO_HASH};
        walk->seq = walk->head.removed;
        memcpy(walk->hash, walk->before.hash, HASH_HEX_SIZE);
        return r;
}

static int check_place(const struct stored_row *row, struct walk *walk)
{
        if (row->seq == walk->seq + 1)
                return 0;
        if (row->seq <= walk->head.removed)
                return found(&walk->finding, CAPSULE_CHAIN_BROKEN,
                             "number %lld of the chain, run %s, was removed by retention, but is "
                             "there",
                             (long long)row->seq, row->run_id);
        return found(&walk->finding, CAPSULE_MISSING,
                     "number %lld of the chain is missing; the next one there is run %s",
                     (long long)walk->seq + 1, row->run_id);
}

int walk_row(const struct stored_row *row, void *data)
{
        struct walk *walk = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = check_place(row, walk);
        if (r == 0)
                r = check_row(row, &capsule, &walk->finding);
        if (r != 0)
                return r;
        if (strcmp(text_of(capsule, "prev_hash"), walk->hash) != 0)
                return found(&walk->finding, CAPSULE_CHAIN_BROKEN,
                             "the capsule of run %s does not follow the one before it: prev_hash "
                             "is %.16s..., that one's hash is %.16s...",
                             row->run_id, text_of(capsule, "prev_hash"), walk->hash);
        r = check_retention(row, capsule, walk);
        if (r != 0)
                return r;
        memcpy(walk->hash, text_of(capsule, "capsule_hash"), HASH_HEX_SIZE);
        walk->seq = row->seq;
        return 0;
}

static int walk_all(struct capsule_store *store, struct walk *walk, struct error *err)
{
        int r = walk_begin(store, walk, err);
        if (r == 0)
                r = store->ops->sealed(store, 1, INT64_MAX, walk_row, walk, err);
        if (r == 0)
                r = check_end(walk->seq, walk->hash, &walk->head, &walk->finding);
        if (r != 0 || (walk->said.total == walk->before.total &&
                       strcmp(walk->said.hash, walk->before.hash) == 0))
                return r;
        return found(&walk->finding, CAPSULE_CHAIN_BROKEN,
                     "the chain begins with number %lld, but the last retention capsule in it says "
                     "that %lld were removed",
                     (long long)walk->before.total + 1, (long long)walk->said.total);
}

int capsule_store_check_all(struct capsule_store *store, enum capsule_fault *ret, char *message,
                            size_t *ret_checked, struct error *err)
{
        struct error local = {0};
        struct walk walk = {.finding = {.message = message, .err = err ? err : &local}};
        message[0] = '\0';
        int r = store->ops->snapshot_begin(store, err);
        if (r < 0)
                return r;
        r = walk_all(store, &walk, walk.finding.err);
        store->ops->snapshot_end(store);
        if (r < 0)
                return r;
        *ret = walk.finding.fault;
        *ret_checked = (size_t)(walk.seq - walk.head.removed);
        return 0;
}

/* One capsule between its neighbours. The one behind it matters as much as the one before: an
 * altered capsule whose own hash was made anew shows only in the next one's prev_hash. */
struct look {
        struct finding finding;
        int64_t seq;
        struct removal beginning; /* set when this is the first one that is there */
        bool has_before;
        bool has_after;
        char before[HASH_HEX_SIZE]; /* capsule_hash of the one before; "" when it has none */
        char prev[HASH_HEX_SIZE];   /* prev_hash and capsule_hash of the one itself */
        char hash[HASH_HEX_SIZE];
        char after[HASH_HEX_SIZE]; /* prev_hash of the one behind; "" when it has none */
};

/* A member of a neighbour, which need not be sound in itself. */
static int neighbour_hash(const struct stored_row *row, const char *member, char out[HASH_HEX_SIZE],
                          struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_parse(row->body, row->body_bytes, &capsule, err);
        if (r == 0)
                (void)snprintf(out, HASH_HEX_SIZE, "%s", text_of(capsule, member));
        return r == -(int)ERROR_STORE ? 0 : r;
}

static int look_row(const struct stored_row *row, void *data)
{
        struct look *look = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        if (row->seq < look->seq) {
                look->has_before = true;
                return neighbour_hash(row, "capsule_hash", look->before, look->finding.err);
        }
        if (row->seq > look->seq) {
                look->has_after = true;
                return neighbour_hash(row, "prev_hash", look->after, look->finding.err);
        }
        int r = check_row(row, &capsule, &look->finding);
        if (r == 0) {
                memcpy(look->prev, text_of(capsule, "prev_hash"), HASH_HEX_SIZE);
                memcpy(look->hash, text_of(capsule, "capsule_hash"), HASH_HEX_SIZE);
        }
        return r;
}

static int check_links(struct look *look, const struct chain_head *head)
{
        struct finding *finding = &look->finding;
        if (look->seq == head->removed + 1)
                memcpy(look->before, look->beginning.hash, HASH_HEX_SIZE);
        else if (!look->has_before)
                return found(finding, CAPSULE_MISSING,
                             "the capsule before this one, number %lld of the chain, is missing",
                             (long long)look->seq - 1);
        if (strcmp(look->prev, look->before) != 0)
                return found(finding, CAPSULE_CHAIN_BROKEN,
                             "the capsule does not follow the one before it: prev_hash is "
                             "%.16s..., that one's hash is %.16s...",
                             look->prev, look->before[0] ? look->before : "unreadable");
        if (!look->has_after)
                return check_end(look->seq, look->hash, head, finding);
        if (strcmp(look->after, look->hash) != 0)
                return found(finding, CAPSULE_CHAIN_BROKEN,
                             "the next capsule does not follow this one: its prev_hash is "
                             "%.16s..., this one's hash is %.16s...",
                             look->after[0] ? look->after : "unreadable", look->hash);
        return 0;
}

/* The one at look->seq and its links, but where the chain begins. */
static int look_between(struct capsule_store *store, const struct chain_head *head,
                        struct look *look, struct error *err)
{
        int r = store->ops->sealed(store, look->seq > 1 ? look->seq - 1 : 1, look->seq + 1,
                                   look_row, look, err);
        return r != 0 ? r : check_links(look, head);
}

/* For the first one that is there, what is before it is what the newest retention capsule says;
 * which must be sound, and in its place. */
static int look_at_beginning(struct capsule_store *store, const struct chain_head *head,
                             struct look *look, struct error *err)
{
        int64_t seq;
        int r = read_beginning(store, head, &look->beginning, &seq, &look->finding);
        if (r != 0 || seq == 0 || seq == look->seq)
                return r;
        struct look other = {.finding = look->finding, .seq = seq};
        r = look_between(store, head, &other, err);
        look->finding = other.finding;
        return r;
}

static int look_at(struct capsule_store *store, const char *run_id, struct look *look,
                   struct error *err)
{
        struct chain_head head;
        int r = store->ops->place(store, run_id, &look->seq, err);
        if (r == 0 && look->seq == 0)
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "the run %s has not ended yet, so there is nothing to check; try "
                                 "again when it has",
                                 run_id);
        if (r == 0)
                r = store->ops->head(store, &head, err);
        if (r == 0 && look->seq == head.removed + 1)
                r = look_at_beginning(store, &head, look, err);
        return r != 0 ? r : look_between(store, &head, look, err);
}

int capsule_store_check(struct capsule_store *store, const char *run_id, enum capsule_fault *ret,
                        char *message, struct error *err)
{
        struct error local = {0};
        struct look look = {.finding = {.message = message, .err = err ? err : &local}};
        message[0] = '\0';
        int r = store->ops->snapshot_begin(store, err);
        if (r < 0)
                return r;
        r = look_at(store, run_id, &look, look.finding.err);
        store->ops->snapshot_end(store);
        if (r < 0)
                return r;
        *ret = look.finding.fault;
        return 0;
}
