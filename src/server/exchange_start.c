#include "server/exchange_parts.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/threads.h"
#include "planner/planner.h"
#include "server/smalltalk.h"

#include <string.h>

#define LOOK_BACK 200 /* messages in which the last run is looked for */

/* What is known of a thread before the message is put into it. */
struct past {
        json_t *history; /* as struct agent_question has it */
        size_t history_max;
        char last_run[UUID_TEXT_SIZE]; /* that succeeded, or "" */
};

static bool has_succeeded(const struct thread_message *message)
{
        const char *status = json_get_string(message->meta, "status");
        return status && strcmp(status, "succeeded") == 0;
}

/* As struct agent_question has it. */
static json_t *history_of(const struct thread_message *message)
{
        const char *end = json_get_string(message->meta, "end");
        const char *status = json_get_string(message->meta, "status");
        bool quotes = message->role == THREAD_ASSISTANT && !(end && strcmp(end, "answered") == 0);
        bool failed = quotes && status && strcmp(status, "succeeded") != 0;
        return json_pack("{s:s, s:s, s:b, s:b}", "role", thread_role_name(message->role), "text",
                         message->text, "quotes", quotes, "failed", failed);
}

static int note_message(const struct thread_message *message, void *data)
{
        struct past *past = data;
        size_t n = json_array_size(message->run_ids);
        const char *run_id = n ? json_string_value(json_array_get(message->run_ids, n - 1)) : NULL;
        if (run_id && has_succeeded(message))
                (void)strncpy(past->last_run, run_id, sizeof(past->last_run) - 1);
        if (past->history_max == 0)
                return 0;
        if (json_array_size(past->history) == past->history_max)
                (void)json_array_remove(past->history, 0);
        return json_array_append_new(past->history, history_of(message));
}

static int read_past(const struct exchange *exchange, const struct exchange_input *input,
                     struct past *past, struct error *err)
{
        struct thread thread;
        if (!input->thread_id)
                return 0;
        int r = thread_get(exchange->api->store, input->thread_id, input->owner, &thread, err);
        if (r < 0)
                return r;
        int64_t after = thread.messages > LOOK_BACK ? thread.messages - LOOK_BACK : 0;
        return thread_messages(exchange->api->store, input->thread_id, input->owner, after, 0,
                               note_message, past, err);
}

/* The run that the message goes on from: the one that was named, else the thread's last one that
 * succeeded, of the same dataset. *ret stays NULL when there is none. */
static int find_previous(const struct exchange *exchange, const struct exchange_input *input,
                         const struct past *past, struct capsule **ret, struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        const char *run_id = input->after ? input->after : past->last_run;
        int r = 0;
        if (!*run_id)
                return 0;
        if (!uuid_is_valid(run_id))
                return error_set(err, ERROR_RUN_NOT_FOUND, "there is no run \"%.60s\"", run_id);
        r = capsule_store_get(exchange->api->store, run_id, &capsule, err);
        if (r == 0 && !input->sees_all && strcmp(capsule->asker, input->owner) != 0)
                r = error_set(err, ERROR_RUN_NOT_FOUND, "there is no run \"%.60s\"", run_id);
        if (r < 0)
                return input->after ? r : 0;
        if (capsule->kind != CAPSULE_RUN) /* of an answer, say */
                return input->after ? error_set(err, ERROR_RUN_NOT_FOUND,
                                                "\"%.60s\" is no run, but a record of another kind",
                                                run_id)
                                    : 0;
        const char *dataset_id = json_get_string(capsule->body, "dataset_id");
        if (dataset_id && strcmp(dataset_id, input->dataset->id) == 0)
                *ret = steal_ptr(&capsule);
        return 0;
}

/* The thread, with the message in it. Appending fails when it is not there (any more). */
static int keep_question(struct exchange *exchange, const struct exchange_input *input,
                         struct error *err)
{
        struct thread thread;
        struct thread_message message = {.role = THREAD_USER, .text = input->message};
        const char *id = input->thread_id;
        if (!id) {
                int r = thread_new(exchange->api->store, input->owner, NULL, &thread, err);
                if (r < 0)
                        return r;
                id = thread.id;
        }
        int r = thread_append(exchange->api->store, id, input->owner, &message, err);
        if (r == 0)
                memcpy(exchange->thread_id, message.thread_id, sizeof(exchange->thread_id));
        return r;
}

/* A message that could not be answered now is not kept: whoever sends it again would find it
 * twice. */
static int check_room(const struct api *api, const struct exchange_input *input,
                      const struct planner_choice *choice, struct error *err)
{
        int r = runs_check_room(api->runs, input->owner, err);
        return r == 0 && choice->model ? chores_check_room(api->chats, err) : r;
}

static int answer_by_run(struct exchange *exchange, const struct exchange_input *input,
                         const struct past *past, struct error *err)
{
        _cleanup_capsule_ struct capsule *previous = NULL;
        const struct planner_choice nobody = {0};
        int r = exchange_is_direct(input->message)
                        ? 0
                        : find_previous(exchange, input, past, &previous, err);
        if (r == 0)
                r = check_room(exchange->api, input, &nobody, err);
        if (r == 0)
                r = keep_question(exchange, input, err);
        const json_t *plan = previous ? json_object_get(previous->body, "plan") : NULL;
        return r < 0 ? r : exchange_order(exchange, input, json_is_object(plan) ? plan : NULL, err);
}

static int answer_by_model(struct exchange *exchange, const struct exchange_input *input,
                           const struct planner_choice *choice, const struct past *past,
                           struct error *err)
{
        _cleanup_capsule_ struct capsule *previous = NULL;
        if (input->message_bytes > QUESTION_BYTES_MAX) /* before it is kept */
                return error_set(err, ERROR_VALIDATION, "a question may have at most %d bytes",
                                 QUESTION_BYTES_MAX);
        int r = find_previous(exchange, input, past, &previous, err);
        if (r == 0)
                r = check_room(exchange->api, input, choice, err);
        if (r == 0)
                r = exchange_enter(exchange, err);
        if (r < 0)
                return r;
        r = keep_question(exchange, input, err);
        if (r == 0)
                r = exchange_ask(exchange, input, choice, past->history,
                                 previous ? previous->body : NULL, err);
        if (r < 0)
                exchange_leave(exchange);
        return r;
}

static int answer_at_once(struct exchange *exchange, const struct exchange_input *input,
                          const char *words, struct error *err)
{
        int r = keep_question(exchange, input, err);
        if (r < 0)
                return r;
        struct exchange_message message = {.words = json_string(words)};
        exchange_end(exchange, &message);
        return 0;
}

static int answer(struct exchange *exchange, const struct exchange_input *input, struct past *past,
                  struct error *err)
{
        struct planner_choice choice;
        const struct planners *planners = input->setup->planners;
        _cleanup_free_ char *words = smalltalk_answer(input->dataset, input->message);
        int r = planners_choose(planners, input->planner, &choice, err);
        if (r < 0)
                return r;
        if (words)
                return answer_at_once(exchange, input, words, err);
        past->history_max = choice.model ? (size_t)planners_context_messages(planners) : 0;
        r = read_past(exchange, input, past, err);
        if (r < 0)
                return r;
        return choice.model && !exchange_is_direct(input->message)
                       ? answer_by_model(exchange, input, &choice, past, err)
                       : answer_by_run(exchange, input, past, err);
}

int exchange_start(struct api *api, const struct exchange_input *input, struct exchange **ret,
                   struct error *err)
{
        struct exchange *exchange = NULL;
        struct past past = {.history = json_array()};
        if (!past.history)
                return error_oom(err);
        int r = exchange_new(api, input, &exchange, err);
        if (r == 0)
                r = answer(exchange, input, &past, err);
        json_decref(past.history);
        if (r < 0)
                exchange_release(exchange);
        else
                *ret = exchange;
        return r;
}
