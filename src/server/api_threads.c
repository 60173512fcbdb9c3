/* Conversations that are kept. */
#include "server/api.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/threads.h"

#include <stdio.h>
#include <string.h>

#define PAGE_MAX 200
#define PAGE_DEFAULT 50

static json_t *thread_json(const struct thread *thread)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:I}", "thread_id", thread->id, "title",
                         thread->title, "created_at", thread->created_at, "updated_at",
                         thread->updated_at, "messages", (json_int_t)thread->messages);
}

struct page {
        json_t *list;
        struct thread_cursor last;
};

static int add_thread(const struct thread *thread, void *data)
{
        struct page *page = data;
        memcpy(page->last.updated_at, thread->updated_at, sizeof(page->last.updated_at));
        memcpy(page->last.id, thread->id, sizeof(page->last.id));
        return json_array_append_new(page->list, thread_json(thread));
}

/* "2026-01-31T00:00:00.000Z_<id>", as next_before gave it. */
static bool read_cursor(struct call *call, struct thread_cursor *ret, bool *given)
{
        const char *text = http_query(call->request, "before");
        const char *line = text ? strchr(text, '_') : NULL;
        struct error err = {0};
        *given = text != NULL;
        if (!text)
                return true;
        if (line && (size_t)(line - text) < sizeof(ret->updated_at) && uuid_is_valid(line + 1)) {
                (void)snprintf(ret->updated_at, sizeof(ret->updated_at), "%.*s", (int)(line - text),
                               text);
                (void)snprintf(ret->id, sizeof(ret->id), "%s", line + 1);
                return true;
        }
        (void)error_set(&err, ERROR_INVALID_REQUEST,
                        "\"before\" must be what next_before of the page before was");
        reply_error(call->request, &err, NULL);
        return false;
}

void api_threads(struct call *call)
{
        struct page page = {.list = json_array()};
        struct thread_cursor before = {0};
        struct error err = {0};
        int64_t limit;
        bool given;
        if (!call_number(call, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) ||
            !read_cursor(call, &before, &given)) {
                json_decref(page.list);
                return;
        }
        if (thread_list(call->api->store, call->owner, given ? &before : NULL, limit, add_thread,
                        &page, &err) < 0) {
                json_decref(page.list);
                reply_error(call->request, &err, NULL);
                return;
        }
        bool more = (int64_t)json_array_size(page.list) == limit;
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200,
                   json_pack("{s:o, s:o}", "threads", page.list, "next_before",
                             more ? json_sprintf("%s_%s", page.last.updated_at, page.last.id)
                                  : json_null()));
}

void api_thread(struct call *call)
{
        struct thread thread;
        struct error err = {0};
        http_set(call->request, "Cache-Control", "no-store");
        if (thread_get(call->api->store, call->part[0], call->owner, &thread, &err) < 0)
                reply_error(call->request, &err, NULL);
        else
                reply_json(call->request, 200, thread_json(&thread));
}

static int add_message(const struct thread_message *message, void *data)
{
        return json_array_append_new(
                data, json_pack("{s:s, s:I, s:s, s:s, s:s, s:O, s:O}", "id", message->id, "seq",
                                (json_int_t)message->seq, "role", thread_role_name(message->role),
                                "text", message->text, "created_at", message->created_at, "run_ids",
                                message->run_ids, "meta", message->meta));
}

void api_thread_messages(struct call *call)
{
        struct error err = {0};
        int64_t limit;
        int64_t after;
        if (!call_number(call, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) ||
            !call_number(call, "after", 0, INT32_MAX, 0, &after))
                return;
        json_t *list = json_array();
        if (thread_messages(call->api->store, call->part[0], call->owner, after, limit, add_message,
                            list, &err) < 0) {
                json_decref(list);
                reply_error(call->request, &err, NULL);
                return;
        }
        http_set(call->request, "Cache-Control", "no-store");
        reply_json(call->request, 200, json_pack("{s:o}", "messages", list));
}

void api_thread_rename(struct call *call)
{
        static const char *const names[] = {"title", NULL};
        _cleanup_json_ json_t *body = NULL;
        struct error err = {0};
        if (!call_body(call, names, &body))
                return;
        const char *title = json_get_string(body, "title");
        int r = title ? thread_rename(call->api->store, call->part[0], call->owner, title, &err)
                      : error_set(&err, ERROR_INVALID_REQUEST, "title must be a string");
        if (r < 0)
                reply_error(call->request, &err, NULL);
        else
                api_thread(call);
}

void api_thread_delete(struct call *call)
{
        struct error err = {0};
        if (thread_delete(call->api->store, call->part[0], call->owner, &err) < 0)
                reply_error(call->request, &err, NULL);
        else
                http_reply(call->request, 204, NULL, NULL, 0);
}
