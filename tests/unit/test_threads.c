#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "capsule/threads.h"
#include "test_store_fixture.h"

#include <pthread.h>

#define NOBODY "01890a5d-ac96-774b-bcce-b302099a8057" /* an id that no thread has */
#define APPENDS 100
#define WRITERS 2

static struct thread new_thread(struct capsule_store *store, const char *owner)
{
        struct error err = {0};
        struct thread thread;
        if (thread_new(store, owner, NULL, &thread, &err) < 0)
                fail_msg("%s", err.message);
        return thread;
}

static int append_text(struct capsule_store *store, const struct thread *thread,
                       enum thread_role role, const char *text, struct error *err)
{
        struct thread_message message = {.role = role, .text = text};
        return thread_append(store, thread->id, thread->owner, &message, err);
}

static void say(struct capsule_store *store, const struct thread *thread, enum thread_role role,
                const char *text)
{
        struct error err = {0};
        if (append_text(store, thread, role, text, &err) < 0)
                fail_msg("%s", err.message);
}

static struct thread get(struct capsule_store *store, const struct thread *thread)
{
        struct error err = {0};
        struct thread found;
        if (thread_get(store, thread->id, thread->owner, &found, &err) < 0)
                fail_msg("%s", err.message);
        assert_string_equal(found.id, thread->id);
        assert_string_equal(found.owner, thread->owner);
        return found;
}

/* A line for each: seq, role, text. */
static int write_message(const struct thread_message *message, void *data)
{
        buf_printf(data, "%lld %s %s|", (long long)message->seq, thread_role_name(message->role),
                   message->text);
        assert_true(uuid_is_valid(message->id));
        assert_true(uuid_is_valid(message->thread_id));
        assert_true(clock_parse(message->created_at, &(int64_t){0}) ||
                    strlen(message->created_at) == 24);
        return 0;
}

static void check_messages(struct capsule_store *store, const struct thread *thread, int64_t after,
                           int64_t limit, const char *expected)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 65536);
        if (thread_messages(store, thread->id, thread->owner, after, limit, write_message, &out,
                            &err) < 0)
                fail_msg("%s", err.message);
        assert_string_equal(buf_text(&out), expected);
}

static void test_life(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct thread thread = new_thread(store, "key-1");
        assert_true(uuid_is_valid(thread.id));
        assert_string_equal(thread.title, "");
        assert_string_equal(thread.created_at, thread.updated_at);
        assert_int_equal(thread.messages, 0);
        check_messages(store, &thread, 0, 0, "");
        say(store, &thread, THREAD_ASSISTANT, "Hello.");
        assert_string_equal(get(store, &thread).title, "");
        say(store, &thread, THREAD_USER, "How many orders?");
        say(store, &thread, THREAD_ASSISTANT, "");
        say(store, &thread, THREAD_USER, "And last year?");
        struct thread found = get(store, &thread);
        assert_string_equal(found.title, "How many orders?");
        assert_string_equal(found.created_at, thread.created_at);
        assert_true(strcmp(found.updated_at, thread.updated_at) >= 0);
        assert_int_equal(found.messages, 4);
        check_messages(store, &thread, 0, 0,
                       "1 assistant Hello.|2 user How many orders?|3 assistant |4 user And last "
                       "year?|");
        check_messages(store, &thread, 1, 2, "2 user How many orders?|3 assistant |");
        check_messages(store, &thread, 4, 2, "");
        check_messages(store, &thread, -7, 1, "1 assistant Hello.|");
        assert_int_equal(thread_rename(store, thread.id, "key-1", "Orders \xc3\xa9", &err), 0);
        assert_string_equal(get(store, &thread).title, "Orders \xc3\xa9");
        assert_string_equal(get(store, &thread).updated_at, found.updated_at);
        say(store, &thread, THREAD_USER, "Again");
        assert_string_equal(get(store, &thread).title, "Orders \xc3\xa9");
        assert_int_equal(thread_new(store, "", "Named", &thread, &err), 0);
        say(store, &thread, THREAD_USER, "Again");
        assert_string_equal(get(store, &thread).title, "Named");
}

static int check_lent(const struct thread_message *message, void *data)
{
        const struct thread_message *expected = data;
        assert_string_equal(message->id, expected->id);
        assert_string_equal(message->thread_id, expected->thread_id);
        assert_string_equal(message->created_at, expected->created_at);
        assert_string_equal(message->text, expected->text);
        assert_int_equal(message->seq, expected->seq);
        assert_true(json_equal(message->run_ids, expected->run_ids));
        assert_true(json_equal(message->meta, expected->meta));
        return 7;
}

static void test_members(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct thread thread = new_thread(store, "");
        _cleanup_json_ json_t *run_ids = json_pack("[s,s]", NOBODY, NOBODY);
        _cleanup_json_ json_t *meta = json_pack("{s:{s:[i,f,n]},s:s}", "marks", "at", 3, 2.5,
                                                "text", "a\"\xe2\x82\xac\n");
        struct thread_message message = {.role = THREAD_ASSISTANT,
                                         .text = "\"; DROP TABLE messages; -- \xf0\x9f\x98\x80\n",
                                         .run_ids = run_ids,
                                         .meta = meta};
        assert_int_equal(thread_append(store, thread.id, "", &message, &err), 0);
        assert_int_equal(message.seq, 1);
        assert_string_equal(message.thread_id, thread.id);
        /* What each returns ends the list and is its result. */
        assert_int_equal(thread_messages(store, thread.id, "", 0, 0, check_lent, &message, &err),
                         7);
        struct thread_message plain = {.role = THREAD_USER, .text = "x"};
        assert_int_equal(thread_append(store, thread.id, "", &plain, &err), 0);
        _cleanup_json_ json_t *none = json_array();
        _cleanup_json_ json_t *nothing = json_object();
        plain.run_ids = none;
        plain.meta = nothing;
        assert_int_equal(thread_messages(store, thread.id, "", 1, 0, check_lent, &plain, &err), 7);
}

static void check_title(struct capsule_store *store, const char *text, const char *expected)
{
        struct thread thread = new_thread(store, "");
        say(store, &thread, THREAD_USER, text);
        assert_string_equal(get(store, &thread).title, expected);
}

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static void test_titles(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        char text[100 * 4 + 1] = "";
        char expected[THREAD_TITLE_SIZE] = "";
        check_title(store,
                    "  a \t\r\n b\x01"
                    "c\xc2\xa0\xe2\x80\xa8 ",
                    "a b c");
        check_title(store, " \n\t ", "");
        check_title(store, SEVENTY TEN, SEVENTY TEN);
        check_title(store, SEVENTY TEN "x", SEVENTY TEN);
        check_title(store, SEVENTY "012345678 x", SEVENTY "012345678");
        check_title(store, SEVENTY "01234567 xy", SEVENTY "01234567 x");
        for (size_t i = 0; i < 100; i++)
                memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 5);
        memcpy(expected, text, THREAD_TITLE_SIZE - 1);
        check_title(store, text, expected);
        /* A title that says nothing leaves its place to the next. */
        struct thread thread = new_thread(store, "");
        say(store, &thread, THREAD_USER, " ");
        say(store, &thread, THREAD_USER, "so");
        assert_string_equal(get(store, &thread).title, "so");
}

static int never(const struct thread *thread, void *data)
{
        (void)data;
        fail_msg("%s", thread->id);
        return 0;
}

static int never_a_message(const struct thread_message *message, void *data)
{
        (void)data;
        fail_msg("%s", message->id);
        return 0;
}

static void check_not_there(struct capsule_store *store, const char *id, const char *owner)
{
        const int not_found = -(int)ERROR_THREAD_NOT_FOUND;
        struct error err = {0};
        struct thread thread;
        struct thread_message message = {.role = THREAD_USER, .text = "x"};
        assert_int_equal(thread_get(store, id, owner, &thread, &err), not_found);
        assert_int_equal(err.type, ERROR_THREAD_NOT_FOUND);
        assert_int_equal(thread_append(store, id, owner, &message, &err), not_found);
        assert_int_equal(message.seq, 0);
        assert_int_equal(thread_messages(store, id, owner, 0, 0, never_a_message, NULL, &err),
                         not_found);
        assert_int_equal(thread_rename(store, id, owner, "mine", &err), not_found);
        assert_int_equal(thread_delete(store, id, owner, &err), not_found);
}

static void test_owners(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct thread thread = new_thread(store, "key-1");
        say(store, &thread, THREAD_USER, "mine");
        check_not_there(store, thread.id, "key-2");
        check_not_there(store, thread.id, "key-");
        check_not_there(store, thread.id, "KEY-1");
        check_not_there(store, thread.id, "");
        check_not_there(store, NOBODY, "key-1");
        check_not_there(store, "", "key-1");
        check_not_there(store, "%", "key-1");
        check_not_there(store, "\xff", "key-1");
        assert_int_equal(thread_list(store, "key-2", NULL, 0, never, NULL, &err), 0);
        assert_int_equal(thread_list(store, "", NULL, 0, never, NULL, &err), 0);
        check_messages(store, &thread, 0, 0, "1 user mine|");
        assert_string_equal(get(store, &thread).title, "mine");
}

static int keep_cursor(const struct thread *thread, void *data)
{
        struct thread_cursor *cursor = data;
        assert_true(!*cursor->updated_at || strcmp(thread->updated_at, cursor->updated_at) < 0 ||
                    (strcmp(thread->updated_at, cursor->updated_at) == 0 &&
                     strcmp(thread->id, cursor->id) < 0));
        memcpy(cursor->updated_at, thread->updated_at, sizeof(cursor->updated_at));
        memcpy(cursor->id, thread->id, sizeof(cursor->id));
        return 0;
}

static int count(const struct thread *thread, void *data)
{
        (void)thread;
        return (++*(int *)data, 0);
}

static int first_title(const struct thread *thread, void *data)
{
        (void)snprintf(data, THREAD_TITLE_SIZE, "%s", thread->title);
        return 1;
}

/* Page by page each comes once, also when many have the same time. */
static void test_pages(void **state)
{
        struct error err = {0};
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread oldest = new_thread(store, "a");
        for (int i = 1; i < 23; i++)
                (void)new_thread(store, "a");
        (void)new_thread(store, "b");
        fixture_sql(fixture, "UPDATE threads SET updated_at = '2026-01-01T00:00:00.000Z' "
                             "WHERE substr(id, 36) > '4'");
        struct thread_cursor cursor = {"", ""};
        int total = 0;
        for (int page = -1; page != 0; total += page) {
                struct thread_cursor before = cursor;
                page = 0;
                const struct thread_cursor *from = *before.id ? &before : NULL;
                assert_int_equal(thread_list(store, "a", from, 5, count, &page, &err), 0);
                assert_in_range(page, 0, 5);
                assert_int_equal(thread_list(store, "a", from, 5, keep_cursor, &cursor, &err), 0);
        }
        assert_int_equal(total, 23);
        char title[THREAD_TITLE_SIZE] = "";
        /* Those of one millisecond go by their ids. */
        fixture_sql(fixture, "UPDATE threads SET updated_at = '2026-01-01T00:00:00.000Z'");
        say(store, &oldest, THREAD_USER, "newest");
        assert_int_equal(thread_list(store, "a", NULL, 0, first_title, title, &err), 1);
        assert_string_equal(title, "newest");
}

static void refuse_text(struct capsule_store *store, const struct thread *thread,
                        enum thread_role role, const char *text, const char *says)
{
        struct error err = {0};
        assert_int_equal(append_text(store, thread, role, text, &err), -(int)ERROR_INVALID_REQUEST);
        assert_non_null(strstr(err.message, says));
}

static void refuse_title(struct capsule_store *store, const struct thread *thread,
                         const char *title, const char *says)
{
        struct error err = {0};
        struct thread other;
        assert_int_equal(thread_rename(store, thread->id, "", title, &err),
                         -(int)ERROR_INVALID_REQUEST);
        assert_non_null(strstr(err.message, says));
        assert_int_equal(thread_new(store, "", title, &other, &err), -(int)ERROR_INVALID_REQUEST);
}

static void refuse_member(struct capsule_store *store, const struct thread *thread, json_t *run_ids,
                          json_t *meta)
{
        struct error err = {0};
        struct thread_message message = {
                .role = THREAD_USER, .text = "x", .run_ids = run_ids, .meta = meta};
        assert_true(thread_append(store, thread->id, "", &message, &err) < 0);
        assert_true(err.type == ERROR_INTERNAL || err.type == ERROR_INVALID_REQUEST);
        json_decref(run_ids);
        json_decref(meta);
}

static void test_bounds(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct thread thread = new_thread(store, "");
        _cleanup_free_ char *text = malloc(THREAD_TEXT_MAX + 2);
        assert_non_null(text);
        memset(text, 'x', THREAD_TEXT_MAX + 1);
        text[THREAD_TEXT_MAX + 1] = '\0';
        refuse_text(store, &thread, THREAD_USER, text, "has 262145 bytes");
        refuse_text(store, &thread, THREAD_USER, "", "is empty");
        refuse_text(store, &thread, THREAD_USER, "a\xff", "UTF-8");
        refuse_text(store, &thread, THREAD_ASSISTANT, "\xed\xa0\x80", "UTF-8");
        text[THREAD_TEXT_MAX] = '\0';
        say(store, &thread, THREAD_USER, text);
        refuse_title(store, &thread, "", "is empty");
        refuse_title(store, &thread, " \xc2\xa0", "is empty");
        refuse_title(store, &thread, "a\nb", "U+000A) at character 2");
        refuse_title(store, &thread, "a\xff", "UTF-8");
        refuse_title(store, &thread, SEVENTY TEN "x", "more than 80");
        json_t *many = json_array();
        for (int i = 0; i <= THREAD_RUNS_MAX; i++)
                assert_int_equal(json_array_append_new(many, json_string(NOBODY)), 0);
        json_t *deep = json_object();
        for (int i = 0; i < 150; i++)
                deep = json_pack("{s:o}", "a", deep);
        refuse_member(store, &thread, many, NULL);
        refuse_member(store, &thread, json_pack("[s]", "x"), NULL);
        refuse_member(store, &thread, json_pack("[i]", 1), NULL);
        refuse_member(store, &thread, json_object(), NULL);
        refuse_member(store, &thread, NULL, json_array());
        refuse_member(store, &thread, NULL, json_pack("{s:s}", "a", text));
        refuse_member(store, &thread, NULL, deep);
        char owner[THREAD_OWNER_MAX + 2];
        memset(owner, 'k', sizeof(owner));
        owner[THREAD_OWNER_MAX + 1] = '\0';
        assert_int_equal(thread_new(store, owner, NULL, &thread, &err), -(int)ERROR_INTERNAL);
        owner[THREAD_OWNER_MAX] = '\0';
        thread = new_thread(store, owner);
        assert_int_equal(get(store, &thread).messages, 0);
}

static void test_full_thread(void **state)
{
        struct error err = {0};
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread thread = new_thread(store, "");
        fixture_sql(fixture, "UPDATE threads SET last_seq = 9999");
        say(store, &thread, THREAD_USER, "x");
        assert_int_equal(append_text(store, &thread, THREAD_USER, "y", &err),
                         -(int)ERROR_INVALID_REQUEST);
        assert_non_null(strstr(err.message, "begin a new thread"));
        check_messages(store, &thread, 0, 0, "10000 user x|");
        assert_int_equal(get(store, &thread).messages, 10000);
        struct thread other = new_thread(store, ""); /* no transaction is left open */
        say(store, &other, THREAD_USER, "x");
}

/* updated_at does not follow a clock that was put back. */
static void test_clock(void **state)
{
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread thread = new_thread(store, "");
        fixture_sql(fixture, "UPDATE threads SET updated_at = '2999-01-01T00:00:00.000Z'");
        say(store, &thread, THREAD_USER, "x");
        assert_string_equal(get(store, &thread).updated_at, "2999-01-01T00:00:00.000Z");
}

static void test_delete(void **state)
{
        struct error err = {0};
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_capsule_ struct capsule *stored = NULL;
        assert_int_equal(keep_run(store, 1, &capsule, &err), 0);
        struct thread gone = new_thread(store, "");
        struct thread stays = new_thread(store, "");
        _cleanup_json_ json_t *run_ids = json_pack("[s]", capsule_run_id(capsule));
        struct thread_message message = {.role = THREAD_ASSISTANT, .text = "x", .run_ids = run_ids};
        assert_int_equal(thread_append(store, gone.id, "", &message, &err), 0);
        say(store, &stays, THREAD_USER, "y");
        assert_int_equal(thread_delete(store, gone.id, "", &err), 0);
        check_not_there(store, gone.id, "");
        check_messages(store, &stays, 0, 0, "1 user y|");
        assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM messages"), 1);
        assert_int_equal(capsule_store_get(store, capsule_run_id(capsule), &stored, &err), 0);
        check_chain(store, CAPSULE_INTACT, 1);
}

static void test_damaged(void **state)
{
        static const char *const damages[] = {"UPDATE messages SET meta = 'x'",
                                              "UPDATE messages SET meta = '[]'",
                                              "UPDATE messages SET meta = '{}', run_ids = '{}'"};
        struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread thread = new_thread(store, "");
        say(store, &thread, THREAD_USER, "x");
        for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
                struct error err = {0};
                fixture_sql(fixture, damages[i]);
                assert_int_equal(
                        thread_messages(store, thread.id, "", 0, 0, never_a_message, NULL, &err),
                        -(int)ERROR_STORE);
                assert_non_null(strstr(err.message, fixture->path));
        }
        struct error err = {0};
        struct thread found;
        fixture_sql(fixture, fixture->is_postgres
                                     ? "UPDATE threads SET title = repeat('x', 5000)"
                                     : "UPDATE threads SET title = printf('%.*c', 5000, 'x')");
        assert_int_equal(thread_get(store, thread.id, "", &found, &err), -(int)ERROR_STORE);
}

/* ---- many at once ---- */

struct writer {
        struct capsule_store *store;
        const struct thread *thread;
        struct error err;
};

static void *append_many(void *data)
{
        struct writer *writer = data;
        for (int i = 0; i < APPENDS; i++)
                if (append_text(writer->store, writer->thread, THREAD_USER, "x", &writer->err) < 0)
                        return data;
        return NULL;
}

static int check_order(const struct thread_message *message, void *data)
{
        int64_t *seq = data;
        assert_int_equal(message->seq, ++*seq);
        return 0;
}

static void append_at_once(struct writer writers[WRITERS])
{
        struct error err = {0};
        pthread_t threads[WRITERS];
        int64_t seq = 0;
        for (size_t i = 0; i < WRITERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, append_many, &writers[i]), 0);
        for (size_t i = 0; i < WRITERS; i++) {
                void *failed;
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                if (failed)
                        fail_msg("%s", writers[i].err.message);
        }
        const struct thread *thread = writers[0].thread;
        assert_int_equal(thread_messages(writers[0].store, thread->id, thread->owner, 0, 0,
                                         check_order, &seq, &err),
                         0);
        assert_int_equal(seq, WRITERS * APPENDS);
}

static void test_two_connections(void **state)
{
        _cleanup_store_ struct capsule_store *one = open_store(*state);
        _cleanup_store_ struct capsule_store *two = open_store(*state);
        struct thread thread = new_thread(one, "");
        struct writer writers[WRITERS] = {{.store = one, .thread = &thread},
                                          {.store = two, .thread = &thread}};
        append_at_once(writers);
        /* What one removes is gone for the other. */
        struct error err = {0};
        assert_int_equal(get(two, &thread).messages, WRITERS * APPENDS);
        assert_int_equal(thread_delete(two, thread.id, "", &err), 0);
        check_not_there(one, thread.id, "");
}

/* A reader in the middle of a list sees what was there when it began, and holds nobody up. */
struct intruder {
        struct capsule_store *other;
        const struct thread *thread;
        int seen;
};

static int remove_meanwhile(const struct thread_message *message, void *data)
{
        struct intruder *intruder = data;
        struct error err = {0};
        (void)message;
        if (intruder->seen++ == 0)
                assert_int_equal(thread_delete(intruder->other, intruder->thread->id, "", &err), 0);
        return 0;
}

static void test_remove_while_read(void **state)
{
        struct error err = {0};
        _cleanup_store_ struct capsule_store *one = open_store(*state);
        _cleanup_store_ struct capsule_store *two = open_store(*state);
        struct thread thread = new_thread(one, "");
        struct intruder intruder = {.other = two, .thread = &thread};
        for (int i = 0; i < 5; i++)
                say(one, &thread, THREAD_USER, "x");
        assert_int_equal(
                thread_messages(one, thread.id, "", 0, 0, remove_meanwhile, &intruder, &err), 0);
        assert_int_equal(intruder.seen, 5);
        check_not_there(one, thread.id, "");
}

static void test_shared(void **state)
{
        struct error err = {0};
        const struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = NULL;
        assert_int_equal(capsule_store_open_shared(fixture->url, &store, &err), 0);
        struct thread thread = new_thread(store, "key-1");
        struct writer writers[WRITERS] = {{.store = store, .thread = &thread},
                                          {.store = store, .thread = &thread}};
        append_at_once(writers);
        assert_int_equal(thread_rename(store, thread.id, "key-1", "t", &err), 0);
        assert_string_equal(get(store, &thread).title, "t");
        check_not_there(store, thread.id, "key-2");
        assert_int_equal(thread_delete(store, thread.id, "key-1", &err), 0);
        check_not_there(store, thread.id, "key-1");
}

static void test_locked(void **state)
{
        struct error err = {0};
        const struct fixture *fixture = *state;
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread thread = new_thread(store, "");
        void *lock = fixture_lock(fixture);
        capsule_store_set_wait(store, 0);
        assert_int_equal(append_text(store, &thread, THREAD_USER, "x", &err), -(int)ERROR_STORE);
        assert_non_null(strstr(err.message, "locked"));
        assert_int_equal(get(store, &thread).messages, 0); /* reading goes on */
        fixture_unlock(fixture, lock);
        say(store, &thread, THREAD_USER, "x");
}

/* ---- from the version before ---- */

/* Version 1 as it was, text for text: first the tables, then, when they are filled, the triggers.
 */
static const char version_1_tables[] =
        "PRAGMA application_id = 1634954083;"
        "CREATE TABLE capsules (  id INTEGER PRIMARY KEY AUTOINCREMENT,  run_id TEXT NOT NULL "
        "UNIQUE,  created_at TEXT NOT NULL,  dataset_id TEXT,  status TEXT NOT NULL,  owner TEXT,  "
        "seq INTEGER UNIQUE,  body TEXT NOT NULL,  CHECK ((owner IS NULL) = (seq IS NOT NULL))) "
        "STRICT;"
        "CREATE INDEX capsules_created ON capsules (created_at);"
        "CREATE INDEX capsules_dataset ON capsules (dataset_id);"
        "CREATE INDEX capsules_status ON capsules (status);"
        "CREATE INDEX capsules_open ON capsules (owner) WHERE seq IS NULL;"
        "CREATE TABLE chain (  one INTEGER PRIMARY KEY CHECK (one = 1),  count INTEGER NOT NULL,  "
        "head TEXT NOT NULL) STRICT;";
static const char version_1_triggers[] =
        "CREATE TRIGGER capsules_insert BEFORE INSERT ON capsules"
        "  WHEN NEW.seq IS NOT NULL OR EXISTS (SELECT 1 FROM capsules WHERE run_id = NEW.run_id"
        "                                      OR id = NEW.id)"
        "  BEGIN SELECT RAISE(ABORT, 'a capsule is inserted open and once'); END;"
        "CREATE TRIGGER capsules_update BEFORE UPDATE ON capsules"
        "  WHEN OLD.seq IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.run_id IS NOT OLD.run_id"
        "    OR EXISTS (SELECT 1 FROM capsules WHERE seq = NEW.seq)"
        "  BEGIN SELECT RAISE(ABORT, 'a sealed capsule never changes'); END;"
        "CREATE TRIGGER capsules_delete BEFORE DELETE ON capsules"
        "  BEGIN SELECT RAISE(ABORT, 'a capsule is never removed'); END;"
        "CREATE TRIGGER chain_insert BEFORE INSERT ON chain"
        "  BEGIN SELECT RAISE(ABORT, 'there is one chain'); END;"
        "CREATE TRIGGER chain_update BEFORE UPDATE ON chain"
        "  WHEN NEW.count IS NOT OLD.count + 1"
        "  BEGIN SELECT RAISE(ABORT, 'the chain grows by one capsule at a time'); END;"
        "CREATE TRIGGER chain_delete BEFORE DELETE ON chain"
        "  BEGIN SELECT RAISE(ABORT, 'the chain is never removed'); END;"
        "PRAGMA user_version = 1;";
/* What version 2 had besides; its triggers were the same. */
static const char version_2_tables[] =
        "ALTER TABLE capsules ADD COLUMN asker TEXT;"
        "CREATE INDEX capsules_asker ON capsules (asker) WHERE asker IS NOT NULL;"
        "ALTER TABLE capsules ADD COLUMN request_key TEXT;"
        "ALTER TABLE capsules ADD COLUMN request_hash TEXT;"
        "CREATE UNIQUE INDEX capsules_request ON capsules (request_key)"
        "  WHERE request_key IS NOT NULL;"
        "CREATE TABLE threads (  id TEXT NOT NULL PRIMARY KEY,  owner TEXT NOT NULL,  title TEXT "
        "NOT NULL,  created_at TEXT NOT NULL,  updated_at TEXT NOT NULL,  last_seq INTEGER NOT "
        "NULL) STRICT;"
        "CREATE INDEX threads_recent ON threads (owner, updated_at, id);"
        "CREATE TABLE messages (  id TEXT NOT NULL PRIMARY KEY,  thread_id TEXT NOT NULL,  seq "
        "INTEGER NOT NULL,  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),  text TEXT "
        "NOT NULL,  created_at TEXT NOT NULL,  run_ids TEXT NOT NULL,  meta TEXT NOT NULL,  UNIQUE "
        "(thread_id, seq)) STRICT;";

/* Three sealed capsules and one that is open, in a database of that version. */
static void make_version(struct fixture *fixture, int version)
{
        struct error err = {0};
        char sql[512];
        char newer[128];
        if (fixture->is_postgres)
                skip();
        struct capsule_store *store = open_store(fixture);
        struct capsule *capsule = NULL;
        for (int i = 0; i < 3; i++)
                assert_int_equal(keep_run(store, i, NULL, &err), 0);
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule_store_insert(store, capsule, &err), 0);
        capsule_free(capsule);
        capsule_store_free(store);
        (void)snprintf(newer, sizeof(newer), "%s.newer", fixture->path);
        assert_int_equal(rename(fixture->path, newer), 0);
        fixture_sql(fixture, version_1_tables);
        (void)snprintf(sql, sizeof(sql),
                       "ATTACH '%s' AS newer; INSERT INTO capsules SELECT id, run_id, created_at, "
                       "dataset_id, status, owner, seq, body FROM newer.capsules ORDER BY id; "
                       "INSERT INTO chain SELECT one, count, head FROM newer.chain",
                       newer);
        fixture_sql(fixture, sql);
        if (version == 2)
                fixture_sql(fixture, version_2_tables);
        fixture_sql(fixture, version_1_triggers);
        if (version == 2)
                fixture_sql(fixture, "PRAGMA user_version = 2");
        assert_int_equal(unlink(newer), 0);
        assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM capsules"), 4);
        assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), version);
}

static void make_version_1(struct fixture *fixture)
{
        make_version(fixture, 1);
}

static void check_migrated(const struct fixture *fixture, struct capsule_store *store)
{
        size_t recovered = 0;
        struct error err = {0};
        assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), 3);
        assert_int_equal(
                fixture_number(fixture, "SELECT count(*) FROM capsules WHERE kind = 'run'"), 4);
        assert_int_equal(fixture_number(fixture, "SELECT removed FROM chain"), 0);
        check_chain(store, CAPSULE_INTACT, 3);
        assert_int_equal(capsule_store_recover(store, &recovered, &err), 0);
        assert_int_equal(recovered, 1);
        assert_int_equal(keep_run(store, 7, NULL, &err), 0);
        check_chain(store, CAPSULE_INTACT, 5);
        struct thread thread = new_thread(store, "");
        say(store, &thread, THREAD_USER, "x");
        check_messages(store, &thread, 0, 0, "1 user x|");
}

static void test_migration(void **state)
{
        struct fixture *fixture = *state;
        make_version_1(fixture);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        check_migrated(fixture, store);
        _cleanup_store_ struct capsule_store *again = open_store(fixture);
        check_chain(again, CAPSULE_INTACT, 5);
}

/* From version 2: its conversations and its requests that are done once are what they were. */
static void test_migration_from_2(void **state)
{
        struct fixture *fixture = *state;
        make_version(fixture, 2);
        fixture_sql(fixture,
                    "UPDATE capsules SET asker = 'ann', request_key = 'k' WHERE seq IS NULL;"
                    "INSERT INTO threads VALUES ('" NOBODY "', 'ann', 'Old', "
                    "'2026-01-31T00:00:00.000Z', '2026-01-31T00:00:00.000Z', 1);"
                    "INSERT INTO messages VALUES ('" NOBODY "', '" NOBODY "', 1, 'user', 'hello', "
                    "'2026-01-31T00:00:00.000Z', '[]', '{}')");
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        struct thread old = {.id = NOBODY, .owner = "ann"};
        check_messages(store, &old, 0, 0, "1 user hello|");
        assert_int_equal(fixture_number(fixture,
                                        "SELECT count(*) FROM capsules WHERE request_key = 'k' "
                                        "AND asker = 'ann'"),
                         1);
        check_migrated(fixture, store);
}

/* A migrated store is the same as a new one, to the letter. */
static void check_migrated_schema(struct fixture *fixture, int version)
{
        static const char schema[] = "SELECT count(*), group_concat(name || sql, ';') FROM "
                                     "(SELECT name, sql FROM %s.sqlite_schema ORDER BY name)";
        struct fixture fresh = *fixture;
        char sql[1024];
        (void)snprintf(fresh.path, sizeof(fresh.path), "%s/fresh.db", fixture->dir);
        (void)snprintf(fresh.url, sizeof(fresh.url), "sqlite:%s", fresh.path);
        make_version(fixture, version);
        capsule_store_free(open_store(fixture));
        capsule_store_free(open_store(&fresh));
        sqlite3 *db = NULL;
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        (void)snprintf(sql, sizeof(sql), "ATTACH '%s' AS fresh", fresh.path);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        char texts[2][16384];
        for (size_t i = 0; i < 2; i++) {
                (void)snprintf(sql, sizeof(sql), schema, i ? "fresh" : "main");
                assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
                assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
                (void)snprintf(texts[i], sizeof(texts[i]), "%s",
                               (const char *)sqlite3_column_text(statement, 1));
                assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
        }
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_string_equal(texts[0], texts[1]);
}

static void test_migrated_schema(void **state)
{
        check_migrated_schema(*state, 1);
}

static void test_migrated_schema_of_2(void **state)
{
        check_migrated_schema(*state, 2);
}

static void child_open(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        capsule_store_free(store);
        _exit(0);
}

static void test_migration_at_once(void **state)
{
        struct fixture *fixture = *state;
        pid_t children[6];
        make_version_1(fixture);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                if ((children[i] = fork_child()) == 0)
                        child_open(fixture);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                assert_int_equal(exit_status(children[i]), 0);
        _cleanup_store_ struct capsule_store *store = open_store(fixture);
        check_migrated(fixture, store);
}

/* ---- no memory ---- */

static int ignore_message(const struct thread_message *message, void *data)
{
        (void)message;
        (void)data;
        return 0;
}

static int torture(struct capsule_store *store, const char *id, struct error *err)
{
        struct thread thread;
        _cleanup_json_ json_t *meta = json_pack("{s:s}", "a", "b");
        struct thread_message message = {.role = THREAD_USER, .text = "x", .meta = meta};
        if (!meta)
                return error_oom(err);
        int r = thread_append(store, id, "", &message, err);
        if (r == 0)
                r = thread_messages(store, id, "", message.seq - 1, 0, ignore_message, NULL, err);
        return r < 0 ? r : thread_get(store, id, "", &thread, err);
}

static void test_out_of_memory(void **state)
{
        _cleanup_store_ struct capsule_store *store = open_store(*state);
        struct thread thread = new_thread(store, "");
        unsigned long n = 1;
        int kept = 0;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                alloc_fail_after(n);
                r = torture(store, thread.id, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || err.message[0]);
                assert_true(n < 10000);
                kept = (int)get(store, &thread).messages;
        }
        json_set_alloc_funcs(malloc, free);
        assert_in_range(n, 10, 10000);
        int64_t seq = 0;
        struct error err = {0};
        assert_int_equal(thread_messages(store, thread.id, "", 0, 0, check_order, &seq, &err), 0);
        assert_int_equal(seq, kept);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_life),
                STORE_TEST(test_members),
                STORE_TEST(test_titles),
                STORE_TEST(test_owners),
                STORE_TEST(test_pages),
                STORE_TEST(test_bounds),
                STORE_TEST(test_full_thread),
                STORE_TEST(test_clock),
                STORE_TEST(test_delete),
                STORE_TEST(test_damaged),
                STORE_TEST(test_two_connections),
                STORE_TEST(test_remove_while_read),
                STORE_TEST(test_shared),
                STORE_TEST(test_locked),
                STORE_TEST(test_migration),
                STORE_TEST(test_migration_from_2),
                STORE_TEST(test_migrated_schema),
                STORE_TEST(test_migrated_schema_of_2),
                STORE_TEST(test_migration_at_once),
                STORE_TEST(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
