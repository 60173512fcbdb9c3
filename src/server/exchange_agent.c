#include "server/exchange_parts.h"

#include "agent/record.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SAID_PARTS 50

/* A message that a model answers, on a thread of its own. */
struct talk {
        struct exchange *exchange;
        struct setup *setup; /* of the request; its planners and datasets */
        struct planner_choice choice;
        const struct dataset *dataset;
        char *message;
        json_t *history, *previous; /* as struct agent_question has them */
        int cancel_fd; /* an epoll descriptor: the exchange's cancel_fd, and the server's end */
        bool has_said;
        struct buf unsaid; /* words that wait for more, so that a long answer is not thousands of
                              events */
        size_t said_bytes; /* so far */
        struct agent_answer answer;
};

static void talk_free(struct talk *talk)
{
        agent_answer_done(&talk->answer);
        buf_done(&talk->unsaid);
        json_decref(talk->history);
        json_decref(talk->previous);
        cleanup_close(&talk->cancel_fd);
        setup_release(talk->setup);
        free(talk->message);
        exchange_release(talk->exchange);
        free(talk);
}

/* ---- runs ---- */

static void on_run(struct ticket *ticket, void *data)
{
        struct exchange *exchange = data;
        const uint64_t one = 1;
        struct ticket_view view;
        _cleanup_json_ json_t *body = ticket_body(ticket);
        const json_t *result = json_object_get(body, "result");
        ticket_look(ticket, &view);
        (void)pthread_mutex_lock(&exchange->lock);
        exchange_tell_progress(exchange, &view, body);
        if (view.has_ended && json_is_object(result))
                exchange_tell_result(exchange, result);
        exchange_pump(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        if (!view.has_ended)
                return;
        (void)!write(exchange->run_fd, &one, sizeof(one));
        exchange_release(exchange); /* the ticket's */
}

static struct ticket *hold_ticket(struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchange->lock);
        struct ticket *ticket = ticket_hold(exchange->ticket);
        (void)pthread_mutex_unlock(&exchange->lock);
        return ticket;
}

/* Milliseconds until then, as poll wants them; for 0, which is no deadline, -1. */
static int until(int64_t deadline_us)
{
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000 + 1;
        return deadline_us == 0 ? -1 : left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Until the run has ended, which is soon when nobody wants it any more, or its time is used up. */
static void await_run(const struct talk *talk, struct ticket *ticket, int64_t deadline_us)
{
        struct pollfd fds[] = {{.fd = talk->exchange->run_fd, .events = POLLIN},
                               {.fd = talk->cancel_fd, .events = POLLIN}};
        uint64_t count;
        while (read(talk->exchange->run_fd, &count, sizeof(count)) < 0) {
                int n = poll(fds, ARRAY_SIZE(fds), until(deadline_us));
                if (n == 0 || (n > 0 && fds[1].revents)) {
                        ticket_cancel(ticket);
                        fds[1].fd = -1; /* once is enough */
                        deadline_us = 0;
                }
        }
}

static bool is_unwanted(const struct talk *talk)
{
        struct pollfd fd = {.fd = talk->cancel_fd, .events = POLLIN};
        return poll(&fd, 1, 0) > 0;
}

static int talk_run(const struct agent_query *query, json_t **ret, void *data, struct error *err)
{
        struct talk *talk = data;
        struct exchange *exchange = talk->exchange;
        struct order order = {.setup = talk->setup,
                              .dataset = query->dataset,
                              .owner = exchange->owner,
                              .plan_text = query->plan,
                              .plan_bytes = query->plan_bytes,
                              .sql = query->sql,
                              .sql_bytes = query->sql_bytes,
                              .asked = talk->message,
                              .reading = query->reading,
                              .planner_name = talk->choice.name,
                              .limits = LIMITS_DEFAULT};
        if (is_unwanted(talk))
                return error_set(err, ERROR_CANCELLED, "nobody waits for the answer any more");
        api_cap_limits(talk->setup, &order.limits);
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->told = (struct progress){0};
        (void)pthread_mutex_unlock(&exchange->lock);
        int r = exchange_submit(exchange, &order, on_run, err);
        if (r < 0)
                return r;
        struct ticket_view view;
        struct ticket *ticket = hold_ticket(exchange);
        await_run(talk, ticket, query->deadline_us);
        ticket_look(ticket, &view);
        *ret = json_incref((json_t *)ticket_ended_body(ticket));
        ticket_release(ticket);
        if (*ret)
                return 0;
        *err = view.error;
        return -(int)view.error.type;
}

static int talk_find(const char *run_id, json_t **ret, void *data, struct error *err)
{
        const struct talk *talk = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_store_get(talk->exchange->api->store, run_id, &capsule, err);
        if (r < 0)
                return r;
        /* Of anybody else's not even an administrator's model is told: nobody chose that it is. */
        bool is_own = strcmp(capsule->asker, talk->exchange->owner) == 0;
        if (!is_own || capsule->kind != CAPSULE_RUN || !capsule_is_sealed(capsule))
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "there is no run \"%.60s\" that has ended", run_id);
        *ret = json_incref(capsule->body);
        return 0;
}

/* ---- words ---- */

static void tell_delta(struct talk *talk, json_t *data)
{
        (void)pthread_mutex_lock(&talk->exchange->lock);
        exchange_tell(talk->exchange, "message.delta", data);
        exchange_pump(talk->exchange);
        (void)pthread_mutex_unlock(&talk->exchange->lock);
}

static void flush(struct talk *talk)
{
        if (talk->unsaid.len > 0)
                tell_delta(talk, json_pack("{s:s%}", "text", talk->unsaid.data, talk->unsaid.len));
        buf_clear(&talk->unsaid);
}

/* At once at first; the longer it gets, the larger the pieces (2 % of what was said), so that some
 * hundred events hold any answer and a client that lost its stream finds them all. */
static void talk_say(const char *text, size_t n, void *data)
{
        struct talk *talk = data;
        talk->has_said = true;
        talk->said_bytes += n;
        buf_append(&talk->unsaid, text, n);
        if (talk->unsaid.len >= talk->said_bytes / SAID_PARTS)
                flush(talk);
}

static void talk_unsay(void *data)
{
        struct talk *talk = data;
        talk->has_said = false;
        buf_clear(&talk->unsaid);
        tell_delta(talk, json_pack("{s:s, s:b}", "text", "", "reset", 1));
}

static void talk_repair(const json_t *error, void *data)
{
        struct talk *talk = data;
        struct api *api = talk->exchange->api;
        metrics_count(api->metrics, METRIC_REPAIRS, NULL, 1);
        (void)pthread_mutex_lock(&talk->exchange->lock);
        exchange_tell(talk->exchange, "repair", json_deep_copy(error));
        exchange_pump(talk->exchange);
        (void)pthread_mutex_unlock(&talk->exchange->lock);
}

/* ---- the end ---- */

/* The run that the answer shows: the last that succeeded, else the last. */
static const json_t *shown_run(const json_t *runs)
{
        const json_t *shown = NULL;
        for (size_t i = json_array_size(runs); i > 0; i--) {
                const json_t *run = json_array_get(runs, i - 1);
                const char *status = json_get_string(run, "status");
                if (status && strcmp(status, "succeeded") == 0)
                        return run;
                shown = shown ? shown : run;
        }
        return shown;
}

static void end_talk(struct talk *talk, const char *answer_id, const struct error *why)
{
        struct agent_answer *answer = &talk->answer;
        const json_t *run = shown_run(answer->runs);
        if (why->type != ERROR_NONE) {
                exchange_fail(talk->exchange, why);
                return;
        }
        struct exchange_message message = {
                .words = json_string(answer->text),
                .run_ids = json_incref(answer->run_ids),
                .run = run,
                .status = run || answer->end == AGENT_ANSWERED ? NULL : "failed",
                .planner = talk->choice.name,
                .answer_id = answer_id,
                .end = agent_end_name(answer->end),
                .grounding = answer->grounding,
                .was_told = talk->has_said,
        };
        exchange_end(talk->exchange, &message);
}

static const char *outcome_of(const struct agent_answer *answer, const struct error *why)
{
        return why->type != ERROR_NONE ? error_type_name(why->type) : agent_end_name(answer->end);
}

static bool is_models(const struct error *err)
{
        return err->type == ERROR_MODEL_UNAVAILABLE || err->type == ERROR_MODEL_REFUSED ||
               err->type == ERROR_MODEL_ANSWER;
}

/* What it took, for who has to answer for it; nothing of what was said. */
static void note_end(const struct talk *talk, const char *answer_id, double took_ms,
                     const struct error *why)
{
        const struct api *api = talk->exchange->api;
        const json_t *usage = talk->answer.usage;
        const char *provider = talk->choice.provider;
        json_int_t in = json_get_int(usage, "tokens_in", 0);
        json_int_t out = json_get_int(usage, "tokens_out", 0);
        const struct error *failure =
                why->type != ERROR_NONE ? why : &talk->answer.failure; /* of the last call */
        metrics_count(api->metrics, METRIC_PLANNER_TOKENS, METRIC_LABELS(provider, "input"),
                      (uint64_t)in);
        metrics_count(api->metrics, METRIC_PLANNER_TOKENS, METRIC_LABELS(provider, "output"),
                      (uint64_t)out);
        metrics_count(api->metrics, METRIC_PLANNER_CALLS, METRIC_LABELS(provider, "ok"),
                      (uint64_t)json_get_int(usage, "steps", 0));
        metrics_count(api->metrics, METRIC_PLANNER_CALLS, METRIC_LABELS(provider, "error"),
                      is_models(failure));
        log_info(api->log, "answer", log_text("answer_id", answer_id),
                 log_text("thread_id", talk->exchange->thread_id),
                 log_text("planner", talk->choice.name),
                 log_text("outcome", outcome_of(&talk->answer, why)),
                 log_number("runs", (int64_t)json_array_size(talk->answer.runs)),
                 log_number("steps", json_get_int(usage, "steps", 0)),
                 log_number("repairs", json_get_int(usage, "repairs", 0)),
                 log_number("tokens_in", in), log_number("tokens_out", out),
                 log_number("took_ms", (int64_t)took_ms),
                 log_text("error", failure->type == ERROR_NONE ? NULL : failure->message));
}

static int begin_record(const struct talk *talk, struct capsule **ret, struct error *err)
{
        const struct answer_origin origin = {.dataset = talk->dataset,
                                             .asker = talk->exchange->owner,
                                             .question = talk->message,
                                             .planner = talk->choice.name,
                                             .thread_id = talk->exchange->thread_id};
        return answer_record_begin(talk->exchange->api->store, &origin, ret, err);
}

/* What is kept for clients that come back needs no descriptors. */
static void close_events(struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchange->lock);
        struct ticket *ticket = steal_ptr(&exchange->ticket);
        cleanup_close(&exchange->cancel_fd);
        exchange->cancel_fd = -1;
        cleanup_close(&exchange->run_fd);
        exchange->run_fd = -1;
        (void)pthread_mutex_unlock(&exchange->lock);
        ticket_release(ticket);
}

/* What could not be sealed at its end is sealed as what it was when the store can be written. */
static void seal_late(const struct api *api, struct capsule **capsule)
{
        if (*capsule && run_state_is_final((*capsule)->state) && !capsule_is_sealed(*capsule))
                runs_seal_late(api->runs, steal_ptr(capsule));
}

static void talk_work(void *data)
{
        struct talk *talk = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct api *api = talk->exchange->api;
        struct error why = {0};
        struct error err = {0};
        int64_t start_us = clock_monotonic_us();
        const struct agent_world world = {.registry = talk->setup->registry,
                                          .run = talk_run,
                                          .find = talk_find,
                                          .say = talk_say,
                                          .unsay = talk_unsay,
                                          .repair = talk_repair,
                                          .data = talk,
                                          .cancel_fd = talk->cancel_fd};
        const struct agent_question question = {.dataset = talk->dataset,
                                                .text = talk->message,
                                                .history = talk->history,
                                                .previous = talk->previous};
        if (begin_record(talk, &capsule, &why) == 0)
                (void)agent_answer(talk->choice.model, planners_bounds(talk->setup->planners),
                                   &world, &question, &talk->answer, &why);
        double took_ms = (double)(clock_monotonic_us() - start_us) / 1000;
        if (capsule &&
            answer_record_end(api->store, capsule, &talk->answer, &why, took_ms, &err) < 0 &&
            why.type == ERROR_NONE)
                why = err; /* what is not recorded is not said */
        const char *answer_id = capsule ? capsule_run_id(capsule) : NULL;
        note_end(talk, answer_id, took_ms, &why);
        if (why.type != ERROR_NONE && talk->has_said)
                talk_unsay(talk); /* it could not be recorded */
        flush(talk);
        close_events(talk->exchange);
        exchange_leave(talk->exchange); /* before anybody is told that it has ended */
        end_talk(talk, answer_id, &why);
        seal_late(api, &capsule);
        talk_free(talk);
}

/* ---- the beginning ---- */

static int watch(int epoll, int fd, struct error *err)
{
        struct epoll_event event = {.events = EPOLLIN};
        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0
                       ? error_errno(err, errno, "watching a descriptor")
                       : 0;
}

static int open_events(struct talk *talk, struct error *err)
{
        struct exchange *exchange = talk->exchange;
        exchange->run_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        exchange->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        talk->cancel_fd = epoll_create1(EPOLL_CLOEXEC);
        if (exchange->run_fd < 0 || exchange->cancel_fd < 0 || talk->cancel_fd < 0)
                return error_errno(err, errno, "making an event descriptor");
        int r = watch(talk->cancel_fd, exchange->cancel_fd, err);
        return r < 0 ? r : watch(talk->cancel_fd, exchange->api->chats_stop_fd, err);
}

int exchange_enter(struct exchange *exchange, struct error *err)
{
        int64_t retry_after_ms = 0;
        if (!*exchange->owner ||
            limits_enter(exchange->api->chat_limits, exchange->owner, clock_monotonic_us(),
                         &retry_after_ms) == LIMITS_ENTERED)
                return 0;
        int r = error_set(err, ERROR_QUEUE_FULL,
                          "this key has as many chats with a model under way as it may "
                          "(key_chats_max); ask again when one has ended");
        err->retry_after_ms = retry_after_ms;
        return r;
}

void exchange_leave(struct exchange *exchange)
{
        if (*exchange->owner)
                limits_leave(exchange->api->chat_limits, exchange->owner);
}

int exchange_ask(struct exchange *exchange, const struct exchange_input *input,
                 const struct planner_choice *choice, const json_t *history, const json_t *previous,
                 struct error *err)
{
        struct talk *talk = alloc_calloc(1, sizeof(*talk));
        if (!talk)
                return error_oom(err);
        talk->exchange = exchange_hold(exchange);
        talk->setup = setup_hold(input->setup);
        talk->choice = *choice;
        talk->dataset = input->dataset;
        talk->message = alloc_strdup(input->message);
        talk->history = json_deep_copy(history);
        talk->previous = previous ? json_deep_copy(previous) : NULL;
        talk->cancel_fd = -1;
        buf_init(&talk->unsaid, MODEL_TEXT_MAX);
        int r = talk->message && talk->history && (!previous || talk->previous) ? 0
                                                                                : error_oom(err);
        if (r == 0)
                r = open_events(talk, err);
        if (r == 0)
                r = chores_add(exchange->api->chats, talk_work, talk, err);
        if (r < 0)
                talk_free(talk);
        return r;
}
