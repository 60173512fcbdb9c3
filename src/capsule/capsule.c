#include "capsule/capsule.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPSULE_FORMAT 1
#define SAFE_INTEGER 9007199254740991LL /* 2^53 - 1: beyond it RFC 8785 has no form */

#define IS(type) (1u << (type))
#define TEXT (IS(JSON_STRING) | IS(JSON_NULL))
#define OBJECT (IS(JSON_OBJECT) | IS(JSON_NULL))
#define LIST (IS(JSON_ARRAY) | IS(JSON_NULL))
#define ANY (~0u)

#define OF(kind) (1u << (kind))
#define OF_RUN OF(CAPSULE_RUN)
#define OF_ANSWER OF(CAPSULE_ANSWER)
#define OF_RETENTION OF(CAPSULE_RETENTION)
#define OF_ALL (OF_RUN | OF_ANSWER | OF_RETENTION)

static const char *const kind_names[CAPSULE_KIND_COUNT_] = {
        [CAPSULE_RUN] = "run",
        [CAPSULE_ANSWER] = "answer",
        [CAPSULE_RETENTION] = "retention",
};

const char *capsule_kind_name(enum capsule_kind kind)
{
        return (size_t)kind < CAPSULE_KIND_COUNT_ ? kind_names[kind] : "unknown";
}

enum capsule_kind capsule_kind_from_name(const char *name)
{
        size_t i = 0;
        while (i < CAPSULE_KIND_COUNT_ && strcmp(kind_names[i], name) != 0)
                i++;
        return (enum capsule_kind)i;
}

static bool is_format(const json_t *value)
{
        return json_integer_value(value) == CAPSULE_FORMAT;
}

static bool is_run_id(const json_t *value)
{
        return uuid_is_valid(json_string_value(value));
}

static bool is_hash(const json_t *value)
{
        const char *text = json_string_value(value);
        return !text || (strlen(text) == HASH_HEX_SIZE - 1 &&
                         strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1);
}

static bool is_mode(const json_t *value)
{
        const char *text = json_string_value(value);
        return !text || strcmp(text, "plan") == 0 || strcmp(text, "sql") == 0;
}

static bool is_status(const json_t *value)
{
        return run_state_from_name(json_string_value(value)) != RUN_STATE_COUNT_;
}

/* A run says it by having no kind. */
static bool is_kind(const json_t *value)
{
        enum capsule_kind kind = capsule_kind_from_name(json_string_value(value));
        return kind != CAPSULE_RUN && kind != CAPSULE_KIND_COUNT_;
}

/* [{"run_id","capsule_hash"}]: the runs that an answer rests on, each with the hash it had. */
static bool is_runs(const json_t *value)
{
        size_t i;
        json_t *run;
        json_array_foreach((json_t *)value, i, run)
        {
                const json_t *id = json_object_get(run, "run_id");
                const json_t *hash = json_object_get(run, "capsule_hash");
                if (json_object_size(run) != 2 || !json_is_string(id) || !is_run_id(id) ||
                    !json_is_string(hash) || !is_hash(hash))
                        return false;
        }
        return true;
}

enum member_kind {
        MEMBER_PLAIN,
        MEMBER_OWN,  /* only this folder's functions set it */
        MEMBER_LATE, /* capsules that were kept before there were questions have none of these */
        MEMBER_RARE, /* only there when it applies */
};

/* The order is the order in which a capsule is written. */
static const struct member {
        const char *name;
        unsigned int types;
        bool (*fits)(const json_t *value); /* or NULL */
        enum member_kind kind;
        unsigned int of; /* the kinds of capsules that have it */
} members[] = {
        {"capsule", IS(JSON_INTEGER), is_format, MEMBER_OWN, OF_ALL},
        {"kind", IS(JSON_STRING), is_kind, MEMBER_OWN, OF_ANSWER | OF_RETENTION},
        {"run_id", IS(JSON_STRING), is_run_id, MEMBER_OWN, OF_ALL},
        {"created_at", IS(JSON_STRING), NULL, MEMBER_OWN, OF_ALL},
        {"started_at", TEXT, NULL, MEMBER_OWN, OF_ALL},
        {"finished_at", TEXT, NULL, MEMBER_OWN, OF_ALL},
        {"dataset_id", TEXT, NULL, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"dataset_version", TEXT, is_hash, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"tables", LIST, NULL, MEMBER_PLAIN, OF_RUN},
        {"question", TEXT, NULL, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"planner", TEXT, NULL, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"thread_id", TEXT, NULL, MEMBER_PLAIN, OF_ANSWER},
        {"reading", OBJECT, NULL, MEMBER_LATE, OF_RUN},
        {"query_mode", TEXT, is_mode, MEMBER_PLAIN, OF_RUN},
        {"plan", ANY, NULL, MEMBER_PLAIN, OF_RUN},
        {"sql", TEXT, NULL, MEMBER_PLAIN, OF_RUN},
        {"as_of", TEXT, NULL, MEMBER_PLAIN, OF_RUN},
        {"executor", TEXT, NULL, MEMBER_PLAIN, OF_RUN},
        {"limits", OBJECT, NULL, MEMBER_PLAIN, OF_RUN},
        {"status", IS(JSON_STRING), is_status, MEMBER_OWN, OF_ALL},
        {"runs", LIST, is_runs, MEMBER_PLAIN, OF_ANSWER},
        {"answer", OBJECT, NULL, MEMBER_PLAIN, OF_ANSWER},
        {"usage", OBJECT, NULL, MEMBER_PLAIN, OF_ANSWER},
        {"rule", OBJECT, NULL, MEMBER_PLAIN, OF_RETENTION},
        {"removed", OBJECT, NULL, MEMBER_PLAIN, OF_RETENTION},
        {"result", OBJECT, NULL, MEMBER_PLAIN, OF_RUN},
        {"result_hash", TEXT, is_hash, MEMBER_PLAIN, OF_RUN},
        {"error", OBJECT, NULL, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"abstention", OBJECT, NULL, MEMBER_LATE, OF_RUN},
        {"timings", OBJECT, NULL, MEMBER_PLAIN, OF_RUN | OF_ANSWER},
        {"engine", OBJECT, NULL, MEMBER_PLAIN, OF_RUN},
        {"sandbox", OBJECT, NULL, MEMBER_PLAIN, OF_RUN},
        {"prev_hash", TEXT, is_hash, MEMBER_OWN, OF_ALL},
        {"capsule_hash", TEXT, is_hash, MEMBER_OWN, OF_ALL},
        {"cached_from", IS(JSON_STRING), is_run_id, MEMBER_RARE, OF_RUN},
};

static const struct member *member_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (strcmp(members[i].name, name) == 0)
                        return &members[i];
        return NULL;
}

static bool member_fits(const struct member *member, const json_t *value)
{
        return (member->types & IS(json_typeof(value))) && (!member->fits || member->fits(value));
}

/* What can be hashed, and read back from a store as it was. */
static int check_value(const json_t *value, const char *member, size_t depth, struct error *err)
{
        size_t i;
        const char *key;
        json_t *inner;
        int r = 0;
        if (depth > CAPSULE_DEPTH_MAX)
                return error_set(err, ERROR_VALIDATION,
                                 "the run's %s nests more than %d levels deep", member,
                                 CAPSULE_DEPTH_MAX);
        if (json_is_integer(value) &&
            (json_integer_value(value) > SAFE_INTEGER || json_integer_value(value) < -SAFE_INTEGER))
                return error_set(err, ERROR_VALIDATION,
                                 "the run's %s holds the integer %lld, which JSON readers do not "
                                 "agree on (it is beyond 2^53 - 1); write it as a string",
                                 member, (long long)json_integer_value(value));
        if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
                return error_set(err, ERROR_VALIDATION,
                                 "the run's %s holds the character U+0000; remove it", member);
        json_array_foreach((json_t *)value, i, inner)
        {
                if (r == 0)
                        r = check_value(inner, member, depth + 1, err);
        }
        json_object_foreach((json_t *)value, key, inner)
        {
                if (r == 0)
                        r = check_value(inner, member, depth + 1, err);
        }
        return r;
}

/* A body with every member of the kind null, in order, but for the rare ones. */
static json_t *body_new(enum capsule_kind kind)
{
        _cleanup_json_ json_t *body = json_object();
        for (size_t i = 0; body && i < ARRAY_SIZE(members); i++)
                if (members[i].kind != MEMBER_RARE && (members[i].of & OF(kind)) &&
                    json_object_set_new(body, members[i].name, json_null()) < 0)
                        return NULL;
        return steal_ptr(&body);
}

int capsule_new(struct capsule **ret, struct error *err)
{
        return capsule_new_kind(CAPSULE_RUN, ret, err);
}

int capsule_new_as(const struct capsule *earlier, struct capsule **ret, struct error *err)
{
        static const char *const kept[] = {"run_id", "created_at"};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_new(&capsule, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (json_object_set(capsule->body, kept[i],
                                    json_object_get(earlier->body, kept[i])) < 0)
                        return error_oom(err);
        memcpy(capsule->asker, earlier->asker, sizeof(capsule->asker));
        memcpy(capsule->request_key, earlier->request_key, sizeof(capsule->request_key));
        memcpy(capsule->request_hash, earlier->request_hash, sizeof(capsule->request_hash));
        *ret = steal_ptr(&capsule);
        return 0;
}

int capsule_new_kind(enum capsule_kind kind, struct capsule **ret, struct error *err)
{
        char run_id[UUID_TEXT_SIZE];
        char now[CLOCK_TEXT_SIZE];
        int r = uuid_v7(run_id, err);
        if (r < 0)
                return r;
        clock_format_ms(clock_utc_ms(), now);
        struct capsule *capsule = alloc_calloc(1, sizeof(*capsule));
        if (capsule)
                capsule->body = body_new(kind);
        if (!capsule || !capsule->body ||
            (kind != CAPSULE_RUN &&
             json_object_set_new(capsule->body, "kind", json_string(capsule_kind_name(kind))) <
                     0) ||
            json_object_set_new(capsule->body, "capsule", json_integer(CAPSULE_FORMAT)) < 0 ||
            json_object_set_new(capsule->body, "run_id", json_string(run_id)) < 0 ||
            json_object_set_new(capsule->body, "created_at", json_string(now)) < 0 ||
            json_object_set_new(capsule->body, "status", json_string(run_state_name(RUN_PENDING))) <
                    0) {
                capsule_free(capsule);
                return error_oom(err);
        }
        capsule->kind = kind;
        capsule->state = RUN_PENDING;
        *ret = capsule;
        return 0;
}

void capsule_free(struct capsule *capsule)
{
        if (!capsule)
                return;
        json_decref(capsule->body);
        free(capsule);
}

const char *capsule_run_id(const struct capsule *capsule)
{
        return json_get_string(capsule->body, "run_id");
}

int capsule_set(struct capsule *capsule, const char *member, json_t *value, struct error *err)
{
        _cleanup_json_ json_t *owned = value;
        const struct member *known = member_find(member);
        if (!value)
                return error_oom(err);
        if (!known || known->kind == MEMBER_OWN || !(known->of & OF(capsule->kind)))
                return error_set(err, ERROR_INTERNAL, "\"%s\" is not a capsule's to set", member);
        if (capsule_is_sealed(capsule))
                return error_set(err, ERROR_INTERNAL, "the capsule %s is sealed and cannot change",
                                 capsule_run_id(capsule));
        if (!member_fits(known, value))
                return error_set(err, ERROR_INTERNAL,
                                 "a capsule's \"%s\" cannot be of this type or form", member);
        int r = check_value(value, member, 1, err);
        if (r < 0)
                return r;
        return json_object_set_new(capsule->body, member, steal_ptr(&owned)) < 0 ? error_oom(err)
                                                                                 : 0;
}

/* Says which member the error r is about, and returns r. */
static int at_member(struct error *err, const char *member, int r)
{
        if (err)
                (void)snprintf(err->pointer, sizeof(err->pointer), "/%s", member);
        return r;
}

static int take_member(const struct member *member, json_t *value, json_t *body, struct error *err)
{
        const char *name = member->name;
        if (!value)
                return at_member(err, name,
                                 error_set(err, ERROR_STORE,
                                           "this is not a capsule: the member \"%s\" is missing",
                                           name));
        if (!member_fits(member, value))
                return at_member(err, name,
                                 error_set(err, ERROR_STORE,
                                           "this is not a capsule of version 1: the member \"%s\" "
                                           "has the wrong type or form",
                                           name));
        if (check_value(value, name, 1, err) < 0) {
                if (err)
                        err->type = ERROR_STORE;
                return at_member(err, name, -(int)ERROR_STORE);
        }
        return json_object_set(body, name, value) < 0 ? error_oom(err) : 0;
}

static bool has_late_members(const json_t *json)
{
        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (members[i].kind == MEMBER_LATE && json_object_get(json, members[i].name))
                        return true;
        return false;
}

/* What it says of itself; runs have no kind. */
static int take_kind(const json_t *json, enum capsule_kind *ret, struct error *err)
{
        const json_t *value = json_object_get(json, "kind");
        if (!json_is_object(json))
                return error_set(err, ERROR_STORE, "this is not a capsule: it is no JSON object");
        if (value && (!json_is_string(value) || !is_kind(value)))
                return at_member(err, "kind",
                                 error_set(err, ERROR_STORE,
                                           "this is not a capsule of a kind that this askcsv "
                                           "knows"));
        *ret = value ? capsule_kind_from_name(json_string_value(value)) : CAPSULE_RUN;
        return 0;
}

/* Moves the members of json into body, which gives them their order. What an older capsule does not
 * have is not added: its hash is over the members that it has. */
static int take_members(const json_t *json, enum capsule_kind kind, json_t *body, struct error *err)
{
        bool is_old = kind == CAPSULE_RUN && !has_late_members(json);
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                json_t *value = json_object_get(json, members[i].name);
                if (!(members[i].of & OF(kind)) || (is_old && members[i].kind == MEMBER_LATE))
                        continue;
                if (!value && members[i].kind == MEMBER_RARE)
                        continue;
                int r = take_member(&members[i], value, body, err);
                if (r < 0)
                        return r;
        }
        if (json_object_size(json) != json_object_size(body))
                return error_set(err, ERROR_STORE,
                                 "this is not a capsule of version 1: it has %zu members, not %zu",
                                 json_object_size(json), json_object_size(body));
        return 0;
}

/* Both hashes or neither; and only a run that has ended has them. */
static int check_seal(const struct capsule *capsule, struct error *err)
{
        bool sealed = capsule_is_sealed(capsule);
        if (sealed == json_is_null(json_object_get(capsule->body, "prev_hash")))
                return at_member(err, "prev_hash",
                                 error_set(err, ERROR_STORE,
                                           "this is not a capsule: it has only one of its two "
                                           "hashes"));
        if (sealed && !run_state_is_final(capsule->state))
                return at_member(err, "status",
                                 error_set(err, ERROR_STORE,
                                           "this is not a capsule: it is sealed, but %s",
                                           run_state_name(capsule->state)));
        return 0;
}

/* jansson does not always tell no memory from a text that is none, and a record must not be called
 * altered because memory ran out: is there room for the text? */
static bool memory_is_short(size_t n)
{
        void *probe = alloc_malloc(n + 1);
        free(probe);
        return !probe;
}

int capsule_parse(const char *text, size_t n, struct capsule **ret, struct error *err)
{
        static const struct json_limits bounds = {.max_bytes = CAPSULE_BYTES_MAX,
                                                  .max_depth = CAPSULE_DEPTH_MAX + 1};
        _cleanup_json_ json_t *json = NULL;
        int r = json_parse(text, n, &bounds, ERROR_STORE, &json, err);
        if (r < 0)
                return memory_is_short(n) ? error_oom(err) : r;
        struct capsule *capsule = alloc_calloc(1, sizeof(*capsule));
        if (capsule)
                capsule->body = json_object();
        if (!capsule || !capsule->body)
                r = error_oom(err);
        else
                r = take_kind(json, &capsule->kind, err);
        if (r == 0)
                r = take_members(json, capsule->kind, capsule->body, err);
        if (r == 0) {
                capsule->state = run_state_from_name(json_get_string(capsule->body, "status"));
                r = check_seal(capsule, err);
        }
        if (r < 0)
                capsule_free(capsule);
        else
                *ret = capsule;
        return r;
}

int capsule_write(const struct capsule *capsule, struct buf *out, struct error *err)
{
        return json_put(capsule->body, out, err);
}
