#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/uuid.h"
#include "capsule/capsule.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLE "tests/examples/capsule.succeeded.json"
/* Of the example, computed once with Python's hashlib and json by the rule in docs/CAPSULE.md. */
#define EXAMPLE_HASH "3bca436d48d6a67608efc7ee1b61f6e8bcee607b141506cecdcc13a3357aeff2"
#define OLD_EXAMPLE "tests/examples/capsule.old.json" /* kept before there were questions */
#define OLD_EXAMPLE_HASH "10523b4ab8bb1774bdce0a2eb89c030e7b2d57df009c83725c651bd536c4292d"
#define EXAMPLE_RESULT_HASH "0602bc6059b80117488648996e8a341c4597b406be037b32ce3a6e72ba86c382"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const char *const member_names[] = {
        "capsule",    "run_id",          "created_at", "started_at", "finished_at",
        "dataset_id", "dataset_version", "tables",     "question",   "planner",
        "reading",    "query_mode",      "plan",       "sql",        "as_of",
        "executor",   "limits",          "status",     "result",     "result_hash",
        "error",      "abstention",      "timings",    "engine",     "sandbox",
        "prev_hash",  "capsule_hash",
};

static void read_text(const char *path, struct buf *text)
{
        struct error err = {0};
        buf_init(text, 65536);
        if (fd_read_file(path, text, &err) < 0)
                fail_msg("%s", err.message);
        while (text->len > 0 && text->data[text->len - 1] == '\n')
                text->data[--text->len] = '\0';
}

static void read_example(struct buf *text)
{
        read_text(EXAMPLE, text);
}

static struct capsule *parse_example(void)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf text = {0};
        read_example(&text);
        if (capsule_parse(buf_text(&text), text.len, &capsule, &err) < 0)
                fail_msg("%s", err.message);
        return capsule;
}

static void test_new(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule->state, RUN_PENDING);
        assert_true(uuid_is_valid(capsule_run_id(capsule)));
        assert_int_equal(json_object_size(capsule->body), ARRAY_SIZE(member_names));
        assert_string_equal(json_get_string(capsule->body, "status"), "pending");
        assert_int_equal(strlen(json_get_string(capsule->body, "created_at")), 24);
        assert_true(json_is_null(json_object_get(capsule->body, "sql")));
        assert_false(capsule_is_sealed(capsule));
        /* The order of the contract. */
        size_t i = 0;
        const char *key;
        json_t *value;
        json_object_foreach(capsule->body, key, value)
        {
                assert_string_equal(key, member_names[i++]);
        }
}

static void test_known_hash(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_capsule_ struct capsule *capsule = parse_example();
        assert_true(capsule_is_sealed(capsule));
        assert_int_equal(capsule->state, RUN_SUCCEEDED);
        assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
        assert_string_equal(hex, EXAMPLE_HASH);
        assert_string_equal(json_get_string(capsule->body, "capsule_hash"), EXAMPLE_HASH);
        assert_int_equal(capsule_compute_result_hash(capsule, hex, &err), 0);
        assert_string_equal(hex, EXAMPLE_RESULT_HASH);
}

/* The other documents that the schema is tested with. */
static void test_examples(void **state)
{
        (void)state;
        static const char *const names[] = {"rejected", "abstained", "pending", "answer",
                                            "retention"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct error err = {0};
                char path[64];
                char hex[HASH_HEX_SIZE];
                _cleanup_capsule_ struct capsule *capsule = NULL;
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, 65536);
                (void)snprintf(path, sizeof(path), "tests/examples/capsule.%s.json", names[i]);
                assert_int_equal(fd_read_file(path, &text, &err), 0);
                if (capsule_parse(buf_text(&text), text.len, &capsule, &err) < 0)
                        fail_msg("%s: %s", path, err.message);
                if (capsule->kind == CAPSULE_RUN)
                        assert_string_equal(run_state_name(capsule->state), names[i]);
                else
                        assert_string_equal(capsule_kind_name(capsule->kind), names[i]);
                assert_int_equal(capsule_is_sealed(capsule), run_state_is_final(capsule->state));
                assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
                if (capsule_is_sealed(capsule))
                        assert_string_equal(hex, json_get_string(capsule->body, "capsule_hash"));
        }
}

/* It has neither reading nor abstention, is written back as it was, and its hash still holds. */
static void test_old_capsule(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf out = {0};
        read_text(OLD_EXAMPLE, &text);
        buf_init(&out, 65536);
        if (capsule_parse(buf_text(&text), text.len, &capsule, &err) < 0)
                fail_msg("%s", err.message);
        assert_null(json_object_get(capsule->body, "reading"));
        assert_null(json_object_get(capsule->body, "abstention"));
        assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
        assert_string_equal(hex, OLD_EXAMPLE_HASH);
        assert_int_equal(capsule_write(capsule, &out, &err), 0);
        assert_string_equal(buf_text(&out), buf_text(&text));
}

/* Taking both away from a newer one makes an old one of it, whose hash does not hold. */
static void test_late_members_are_hashed(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_capsule_ struct capsule *whole = parse_example();
        _cleanup_capsule_ struct capsule *less = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        json_object_del(whole->body, "reading");
        json_object_del(whole->body, "abstention");
        assert_int_equal(capsule_write(whole, &text, &err), 0);
        assert_int_equal(capsule_parse(buf_text(&text), text.len, &less, &err), 0);
        assert_int_equal(capsule_compute_hash(less, hex, &err), 0);
        assert_string_not_equal(hex, EXAMPLE_HASH);
}

/* Members in any order are read; written they are in the contract's order. */
static void test_round_trip(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_json_ json_t *mixed = json_object();
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf other = {0};
        _cleanup_buf_ struct buf out = {0};
        read_example(&text);
        buf_init(&other, 65536);
        buf_init(&out, 65536);
        _cleanup_json_ json_t *json = json_loads(buf_text(&text), 0, NULL);
        for (size_t i = ARRAY_SIZE(member_names); i-- > 0;)
                json_object_set(mixed, member_names[i], json_object_get(json, member_names[i]));
        assert_int_equal(json_put(mixed, &other, &err), 0);
        assert_int_equal(capsule_parse(buf_text(&other), other.len, &capsule, &err), 0);
        assert_int_equal(capsule_write(capsule, &out, &err), 0);
        assert_string_equal(buf_text(&out), buf_text(&text));
}

static void test_moves(void **state)
{
        (void)state;
        static const char *const allowed[] = {
                "pending running",   "pending rejected",  "pending failed",    "pending cancelled",
                "pending abstained", "pending timed_out", "running succeeded", "running failed",
                "running rejected",  "running timed_out", "running cancelled",
        };
        for (enum run_state from = RUN_PENDING; from < RUN_STATE_COUNT_; from++) {
                assert_int_equal(run_state_from_name(run_state_name(from)), from);
                assert_int_equal(run_state_is_final(from), from > RUN_RUNNING);
                for (enum run_state to = RUN_PENDING; to < RUN_STATE_COUNT_; to++) {
                        struct error err = {0};
                        char pair[64];
                        bool may = false;
                        _cleanup_capsule_ struct capsule *capsule = NULL;
                        (void)snprintf(pair, sizeof(pair), "%s %s", run_state_name(from),
                                       run_state_name(to));
                        for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
                                may |= strcmp(pair, allowed[i]) == 0;
                        assert_int_equal(capsule_new(&capsule, &err), 0);
                        capsule->state = from;
                        int r = run_move(capsule, to, &err);
                        assert_int_equal(r, may ? 0 : -(int)ERROR_INTERNAL);
                        assert_int_equal(capsule->state, may ? to : from);
                        assert_string_equal(json_get_string(capsule->body, "status"),
                                            may ? run_state_name(to) : "pending");
                        assert_int_equal(
                                json_is_string(json_object_get(capsule->body, "started_at")),
                                may && to == RUN_RUNNING);
                        assert_int_equal(
                                json_is_string(json_object_get(capsule->body, "finished_at")),
                                may && to != RUN_RUNNING);
                }
        }
        assert_int_equal(run_state_from_name("done"), RUN_STATE_COUNT_);
        assert_false(run_state_is_final(RUN_STATE_COUNT_));
}

static void check_set(struct capsule *capsule, const char *member, json_t *value,
                      enum error_type type, const char *said)
{
        struct error err = {0};
        assert_int_equal(capsule_set(capsule, member, value, &err), -(int)type);
        if (type != ERROR_NONE && !strstr(err.message, said))
                fail_msg("%s: \"%s\" does not say \"%s\"", member, err.message, said);
}

static json_t *nested(int depth)
{
        json_t *json = json_array();
        while (--depth > 0) {
                json_t *outer = json_array();
                json_array_append_new(outer, json);
                json = outer;
        }
        return json;
}

static void test_set(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        assert_int_equal(capsule_new(&capsule, &err), 0);
        static const char *const own[] = {"capsule",     "run_id", "created_at", "started_at",
                                          "finished_at", "status", "prev_hash",  "capsule_hash"};
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                check_set(capsule, own[i], json_string(ZEROS), ERROR_INTERNAL, "not a capsule's");
        check_set(capsule, "color", json_string("red"), ERROR_INTERNAL, "not a capsule's");
        check_set(capsule, "sql", NULL, ERROR_INTERNAL, "out of memory");
        check_set(capsule, "sql", json_integer(1), ERROR_INTERNAL, "type or form");
        check_set(capsule, "query_mode", json_string("guess"), ERROR_INTERNAL, "type or form");
        check_set(capsule, "result_hash", json_string("abc"), ERROR_INTERNAL, "type or form");
        check_set(capsule, "limits", json_array(), ERROR_INTERNAL, "type or form");
        check_set(capsule, "reading", json_string("a"), ERROR_INTERNAL, "type or form");
        check_set(capsule, "abstention", json_array(), ERROR_INTERNAL, "type or form");
        check_set(capsule, "plan", json_integer(9007199254740992), ERROR_VALIDATION, "2^53");
        check_set(capsule, "plan", json_pack("{s:[{s:I}]}", "a", "b", (json_int_t)INT64_MIN),
                  ERROR_VALIDATION, "2^53");
        check_set(capsule, "plan", json_stringn("a\0b", 3), ERROR_VALIDATION, "U+0000");
        check_set(capsule, "plan", nested(CAPSULE_DEPTH_MAX + 1), ERROR_VALIDATION, "levels");
        assert_true(json_is_null(json_object_get(capsule->body, "plan")));
        check_set(capsule, "plan", nested(CAPSULE_DEPTH_MAX), ERROR_NONE, "");
        check_set(capsule, "plan", json_string("{not json"), ERROR_NONE, "");
        check_set(capsule, "plan", json_integer(-9007199254740991), ERROR_NONE, "");
        check_set(capsule, "sql", json_string("SELECT 1"), ERROR_NONE, "");
        check_set(capsule, "sql", json_null(), ERROR_NONE, "");
}

static void check_members(const struct capsule *capsule, const char *const *names)
{
        const char *key;
        json_t *value;
        json_object_foreach(capsule->body, key, value)
        {
                assert_non_null(*names);
                assert_string_equal(key, *names++);
        }
        assert_null(*names);
}

static json_t *run_named(const char *run_id, const char *hash)
{
        return json_pack("[{s:s, s:s}]", "run_id", run_id, "capsule_hash", hash);
}

/* A whole life: no run's members, those of its own, and what is written is read back. */
static void test_answer(void **state)
{
        (void)state;
        static const char *const names[] = {
                "capsule",    "kind",        "run_id",       "created_at",
                "started_at", "finished_at", "dataset_id",   "dataset_version",
                "question",   "planner",     "thread_id",    "status",
                "runs",       "answer",      "usage",        "error",
                "timings",    "prev_hash",   "capsule_hash", NULL,
        };
        struct error err = {0};
        _cleanup_capsule_ struct capsule *answer = NULL;
        _cleanup_capsule_ struct capsule *again = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        assert_int_equal(capsule_new_kind(CAPSULE_ANSWER, &answer, &err), 0);
        assert_int_equal(answer->kind, CAPSULE_ANSWER);
        check_members(answer, names);
        check_set(answer, "kind", json_string("answer"), ERROR_INTERNAL, "not a capsule's");
        check_set(answer, "sql", json_string("SELECT 1"), ERROR_INTERNAL, "not a capsule's");
        check_set(answer, "cached_from", json_string(capsule_run_id(answer)), ERROR_INTERNAL,
                  "not a capsule's");
        check_set(answer, "removed", json_object(), ERROR_INTERNAL, "not a capsule's");
        check_set(answer, "runs", json_object(), ERROR_INTERNAL, "type or form");
        check_set(answer, "runs", run_named("x", ZEROS), ERROR_INTERNAL, "type or form");
        check_set(answer, "runs", run_named(capsule_run_id(answer), "0"), ERROR_INTERNAL,
                  "type or form");
        check_set(answer, "runs", json_pack("[{s:s}]", "run_id", capsule_run_id(answer)),
                  ERROR_INTERNAL, "type or form");
        check_set(answer, "answer", json_string("42"), ERROR_INTERNAL, "type or form");
        check_set(answer, "runs", json_array(), ERROR_NONE, "");
        check_set(answer, "runs", run_named(capsule_run_id(answer), ZEROS), ERROR_NONE, "");
        check_set(answer, "answer", json_pack("{s:s, s:[f]}", "text", "42", "grounding", 0.5),
                  ERROR_NONE, "");
        check_set(answer, "thread_id", json_string(capsule_run_id(answer)), ERROR_NONE, "");
        assert_int_equal(run_move(answer, RUN_RUNNING, &err), 0);
        assert_int_equal(run_move(answer, RUN_SUCCEEDED, &err), 0);
        assert_int_equal(capsule_seal(answer, ZEROS, &err), 0);
        check_members(answer, names);
        assert_int_equal(capsule_write(answer, &text, &err), 0);
        if (capsule_parse(buf_text(&text), text.len, &again, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_equal(again->kind, CAPSULE_ANSWER);
        assert_true(json_equal(again->body, answer->body));
}

/* A run is what has no kind; nothing says that it is one, and nothing can be both. */
static void test_kinds_are_not_mixed(void **state)
{
        (void)state;
        static const char *const kinds[] = {"run", "answer", "retention", "color", ""};
        _cleanup_buf_ struct buf whole = {0};
        read_example(&whole);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                struct error err = {0};
                struct capsule *capsule = NULL;
                _cleanup_json_ json_t *json = json_loads(buf_text(&whole), 0, NULL);
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, 65536);
                json_object_set_new(json, "kind", json_string(kinds[i]));
                assert_int_equal(json_put(json, &text, &err), 0);
                assert_int_equal(capsule_parse(buf_text(&text), text.len, &capsule, &err),
                                 -(int)ERROR_STORE);
                assert_null(capsule);
        }
        for (enum capsule_kind kind = CAPSULE_RUN; kind < CAPSULE_KIND_COUNT_; kind++)
                assert_int_equal(capsule_kind_from_name(capsule_kind_name(kind)), kind);
        assert_int_equal(capsule_kind_from_name("color"), CAPSULE_KIND_COUNT_);
}

/* The deepest plan that can be set is read back too. */
static void test_depth_round_trip(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_capsule_ struct capsule *again = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        check_set(capsule, "plan", nested(CAPSULE_DEPTH_MAX), ERROR_NONE, "");
        assert_int_equal(capsule_write(capsule, &text, &err), 0);
        if (capsule_parse(buf_text(&text), text.len, &again, &err) < 0)
                fail_msg("%s", err.message);
        assert_true(json_equal(capsule->body, again->body));
}

static void test_seal(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_capsule_ struct capsule *capsule = NULL;
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_true(capsule_seal(capsule, ZEROS, &err) < 0);
        assert_int_equal(run_move(capsule, RUN_REJECTED, &err), 0);
        assert_true(capsule_seal(capsule, "0", &err) < 0);
        assert_true(capsule_seal(capsule, ZEROS "0", &err) < 0);
        assert_false(capsule_is_sealed(capsule));
        assert_true(json_is_null(json_object_get(capsule->body, "prev_hash")));
        assert_int_equal(capsule_seal(capsule, ZEROS, &err), 0);
        assert_true(capsule_is_sealed(capsule));
        assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
        assert_string_equal(hex, json_get_string(capsule->body, "capsule_hash"));
        /* Nothing changes it any more. */
        assert_true(capsule_seal(capsule, ZEROS, &err) < 0);
        check_set(capsule, "sql", json_string("x"), ERROR_INTERNAL, "sealed");
        assert_true(run_move(capsule, RUN_FAILED, &err) < 0);
}

/* The hash covers every member but itself. */
static void test_every_member_is_hashed(void **state)
{
        (void)state;
        for (size_t i = 0; i + 1 < ARRAY_SIZE(member_names); i++) {
                struct error err = {0};
                char hex[HASH_HEX_SIZE];
                _cleanup_capsule_ struct capsule *capsule = parse_example();
                json_object_set_new(capsule->body, member_names[i], json_string("other"));
                assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
                assert_string_not_equal(hex, EXAMPLE_HASH);
        }
}

static void check_parse_refused(const char *member, const char *value, const char *said)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf text = {0};
        read_example(&text);
        _cleanup_json_ json_t *json = json_loads(buf_text(&text), 0, NULL);
        if (value)
                json_object_set_new(json, member, json_loads(value, JSON_DECODE_ANY, NULL));
        else
                json_object_del(json, member);
        buf_clear(&text);
        assert_int_equal(json_put(json, &text, &err), 0);
        if (capsule_parse(buf_text(&text), text.len, &capsule, &err) == 0)
                fail_msg("%s = %s was taken", member, value);
        assert_null(capsule);
        assert_int_equal(err.type, ERROR_STORE);
        if (!strstr(err.message, said))
                fail_msg("%s: \"%s\" does not say \"%s\"", member, err.message, said);
}

static void test_parse_refuses(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(member_names); i++)
                check_parse_refused(member_names[i], NULL, "missing");
        check_parse_refused("color", "1", "28 members");
        check_parse_refused("capsule", "2", "wrong type or form");
        check_parse_refused("run_id", "\"x\"", "wrong type or form");
        check_parse_refused("created_at", "null", "wrong type or form");
        check_parse_refused("status", "\"done\"", "wrong type or form");
        check_parse_refused("status", "null", "wrong type or form");
        check_parse_refused("status", "\"running\"", "sealed, but running");
        check_parse_refused("tables", "{}", "wrong type or form");
        check_parse_refused("result", "[]", "wrong type or form");
        check_parse_refused("reading", "\"x\"", "wrong type or form");
        check_parse_refused("abstention", "[]", "wrong type or form");
        check_parse_refused("prev_hash", "\"" ZEROS "0\"", "wrong type or form");
        check_parse_refused("prev_hash", "null", "one of its two");
        check_parse_refused("capsule_hash", "null", "one of its two");
        check_parse_refused("plan", "{\"a\":9007199254740993}", "2^53");
        struct error err = {0};
        struct capsule *capsule = NULL;
        assert_int_equal(capsule_parse("[]", 2, &capsule, &err), -(int)ERROR_STORE);
        assert_int_equal(capsule_parse("{}", 2, &capsule, &err), -(int)ERROR_STORE);
        assert_int_equal(capsule_parse("", 0, &capsule, &err), -(int)ERROR_STORE);
}

/* Every prefix and every byte changed: a refusal, a hash that differs, or the same content. */
static void test_mutations(void **state)
{
        (void)state;
        _cleanup_buf_ struct buf text = {0};
        read_example(&text);
        for (size_t i = 0; i < text.len; i++) {
                struct error err = {0};
                char hex[HASH_HEX_SIZE];
                struct capsule *cut = NULL;
                _cleanup_capsule_ struct capsule *changed = NULL;
                assert_true(capsule_parse(text.data, i, &cut, &err) < 0);
                assert_null(cut);
                text.data[i] ^= 0x01;
                if (capsule_parse(text.data, text.len, &changed, &err) == 0) {
                        assert_int_equal(capsule_compute_hash(changed, hex, &err), 0);
                        if (strcmp(hex, json_get_string(changed->body, "capsule_hash")) == 0)
                                fail_msg("byte %zu was changed and the hash still fits", i);
                }
                text.data[i] ^= 0x01;
        }
}

static int make_parse_and_seal(const char *text, size_t n, struct error *err)
{
        _cleanup_capsule_ struct capsule *parsed = NULL;
        _cleanup_capsule_ struct capsule *made = NULL;
        _cleanup_buf_ struct buf out = {0};
        char hex[HASH_HEX_SIZE];
        buf_init(&out, 65536);
        int r = capsule_parse(text, n, &parsed, err);
        if (r == 0)
                r = capsule_compute_hash(parsed, hex, err);
        if (r == 0)
                r = capsule_write(parsed, &out, err);
        if (r == 0)
                r = capsule_new(&made, err);
        if (r == 0)
                r = capsule_set(made, "sql", json_string("SELECT 1"), err);
        if (r == 0)
                r = run_move(made, RUN_RUNNING, err);
        if (r == 0)
                r = run_move(made, RUN_FAILED, err);
        if (r == 0) {
                r = capsule_seal(made, ZEROS, err);
                assert_int_equal(capsule_is_sealed(made), r == 0);
                assert_int_equal(json_is_null(json_object_get(made->body, "prev_hash")), r < 0);
        }
        return r;
}

static void test_out_of_memory(void **state)
{
        (void)state;
        _cleanup_buf_ struct buf text = {0};
        read_example(&text);
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                alloc_fail_after(n);
                int r = make_parse_and_seal(text.data, text.len, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        assert_true(n > 100);
                        break;
                }
                assert_true(err.message[0]);
                assert_true(n < 5000);
        }
        json_set_alloc_funcs(malloc, free);
}

/* Only there when it applies; then it is kept, in its place, and hashed. */
static void test_rare_member(void **state)
{
        (void)state;
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_capsule_ struct capsule *capsule = parse_example();
        _cleanup_capsule_ struct capsule *back = NULL;
        _cleanup_buf_ struct buf text = {0};
        assert_null(json_object_get(capsule->body, "cached_from"));
        assert_int_equal(json_object_set_new(capsule->body, "cached_from",
                                             json_string("019a3c51-7d20-7000-8000-000000000000")),
                         0);
        assert_int_equal(capsule_compute_hash(capsule, hex, &err), 0);
        assert_string_not_equal(hex, EXAMPLE_HASH);
        buf_init(&text, 65536);
        assert_int_equal(capsule_write(capsule, &text, &err), 0);
        assert_int_equal(capsule_parse(buf_text(&text), text.len, &back, &err), 0);
        assert_true(json_equal(back->body, capsule->body));
        check_set(back, "cached_from", json_null(), ERROR_INTERNAL, "sealed");
        check_parse_refused("cached_from", "null", "wrong type or form");
        check_parse_refused("cached_from", "\"last\"", "wrong type or form");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_known_hash),
                cmocka_unit_test(test_examples),
                cmocka_unit_test(test_old_capsule),
                cmocka_unit_test(test_late_members_are_hashed),
                cmocka_unit_test(test_rare_member),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_moves),
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_kinds_are_not_mixed),
                cmocka_unit_test(test_depth_round_trip),
                cmocka_unit_test(test_seal),
                cmocka_unit_test(test_every_member_is_hashed),
                cmocka_unit_test(test_parse_refuses),
                cmocka_unit_test(test_mutations),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
