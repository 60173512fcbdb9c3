#include "agent/agent.h"

#include "agent/budget.h"
#include "agent/claims.h"
#include "agent/frame.h"
#include "agent/prompt.h"
#include "agent/tools.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "grounding/grounding.h"
#include "planner/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX (AGENT_TEXT_MAX + 65536)
#define WHY_MAX (ERROR_MESSAGE_MAX + 200)
#define MARKED_MAX 20 /* figures that are named in the text */

/* One answer under way. */
struct agent {
        const struct model *model;
        const struct agent_bounds *bounds;
        const struct agent_world *world;
        const struct agent_question *question;
        struct agent_answer *answer;
        char nonce[FRAME_NONCE_SIZE];
        struct budget budget;
        struct toolbox box;
        json_t *schema; /* of the question's dataset, as frame_schema has it */
        json_t *messages, *tools;
        size_t bytes;   /* of messages and tools, about */
        bool is_warned; /* that its words do not fit the results */
        bool has_said;  /* words were handed out that may not count */
        bool is_cut;    /* they were longer than is kept */
        bool is_done;
};

const char *agent_end_name(enum agent_end end)
{
        static const char *const names[] = {
                [AGENT_ANSWERED] = "answered", [AGENT_CUT] = "cut", [AGENT_WITHHELD] = "withheld"};
        return names[end];
}

void agent_answer_done(struct agent_answer *answer)
{
        free(answer->text);
        json_decref(answer->runs);
        json_decref(answer->run_ids);
        json_decref(answer->grounding);
        json_decref(answer->usage);
        *answer = (struct agent_answer){0};
}

static void agent_done(struct agent *agent)
{
        toolbox_done(&agent->box);
        json_decref(agent->schema);
        json_decref(agent->messages);
        json_decref(agent->tools);
}

/* ---- words as they come ---- */

static const json_t *status_of(const json_t *capsule)
{
        return json_object_get(capsule, "status");
}

static bool has_succeeded(const json_t *capsule)
{
        const char *status = json_string_value(status_of(capsule));
        return status && strcmp(status, "succeeded") == 0;
}

/* The question may also go on from a run that failed, which gives nothing to speak of. */
static bool has_previous(const struct agent *agent)
{
        const json_t *previous = agent->question->previous;
        return has_succeeded(previous) && json_is_object(json_object_get(previous, "result"));
}

/* Before anything was run, words may claim what is not so: they wait until they were checked. */
static bool has_result(const struct agent *agent)
{
        return has_previous(agent) || json_array_size(agent->box.seen) > 0 ||
               toolbox_success(&agent->box);
}

static void on_text(const char *text, size_t n, void *data)
{
        struct agent *agent = data;
        if (!agent->world->say || !has_result(agent))
                return;
        agent->has_said = true;
        agent->world->say(text, n, agent->world->data);
}

static void take_back(struct agent *agent)
{
        if (agent->has_said && agent->world->unsay)
                agent->world->unsay(agent->world->data);
        agent->has_said = false;
}

/* ---- the end ---- */

static bool put_run_id(json_t *ids, const json_t *capsule)
{
        json_t *id = json_object_get(capsule, "run_id");
        for (size_t i = 0; i < json_array_size(ids); i++)
                if (json_equal(json_array_get(ids, i), id))
                        return true;
        return !id || json_array_append(ids, id) == 0;
}

/* Those that succeeded and those that were looked up, or the one that the question went on from if
 * the words rest on it. */
static int set_run_ids(struct agent *agent, bool previous_counts, struct error *err)
{
        json_t *ids = json_array();
        bool ok = ids != NULL;
        for (size_t i = 0; ok && i < json_array_size(agent->box.runs); i++) {
                const json_t *run = json_array_get(agent->box.runs, i);
                if (has_succeeded(run))
                        ok = put_run_id(ids, run);
        }
        for (size_t i = 0; ok && i < json_array_size(agent->box.seen); i++)
                ok = put_run_id(ids, json_array_get(agent->box.seen, i));
        if (ok && previous_counts && has_previous(agent) && json_array_size(ids) == 0)
                ok = put_run_id(ids, agent->question->previous);
        json_decref(agent->answer->run_ids);
        agent->answer->run_ids = ids;
        return ok ? 0 : error_oom(err);
}

static int set_text(struct agent *agent, enum agent_end end, struct buf *words, struct error *err)
{
        int r = buf_error(words, err, "the answer");
        if (r < 0)
                return r;
        agent->answer->end = end;
        agent->answer->text = buf_steal(words);
        agent->is_done = true;
        return agent->answer->text ? 0 : error_oom(err);
}

/* Our own words, where the model has none that count. */
static int close_with(struct agent *agent, enum agent_end end, const char *why, struct error *err)
{
        const json_t *result = json_object_get(toolbox_success(&agent->box), "result");
        const char *failure = agent->box.last;
        _cleanup_buf_ struct buf words = {0};
        buf_init(&words, WORDS_MAX);
        take_back(agent);
        if (result) {
                long long rows = json_get_int(result, "row_count", 0);
                buf_printf(&words, "The query returned %lld row%s.", rows, rows == 1 ? "" : "s");
        } else {
                buf_puts(&words, "There is no answer.");
        }
        buf_printf(&words, " %s", why);
        if (!result && *failure)
                buf_printf(&words, " The last query failed: %s", failure);
        int r = set_run_ids(agent, false, err);
        return r < 0 ? r : set_text(agent, end, &words, err);
}

/* ---- what the words rest on ---- */

static struct grounding_source source_of(const json_t *capsule)
{
        return (struct grounding_source){.run_id = json_get_string(capsule, "run_id"),
                                         .result = json_object_get(capsule, "result"),
                                         .plan = json_object_get(capsule, "plan"),
                                         .sql = json_get_string(capsule, "sql")};
}

/* The question and what was said before it: figures that the user gave are no claims. */
static int put_told(const struct agent *agent, struct buf *out, struct error *err)
{
        buf_puts(out, agent->question->text);
        const json_t *history = agent->question->history;
        for (size_t i = prompt_first(history); i < json_array_size(history); i++) {
                const json_t *message = json_array_get(history, i);
                const char *role = json_get_string(message, "role");
                const char *text = json_get_string(message, "text");
                if (role && text && strcmp(role, "user") == 0)
                        buf_printf(out, "\n%.*s", (int)HISTORY_TEXT_MAX, text);
        }
        buf_putc(out, '\n');
        int r = json_put(agent->schema, out, err);
        return r < 0 ? r : buf_error(out, err, "what the model was told");
}

static int ground(const struct agent *agent, const char *text, json_t **ret, struct error *err)
{
        struct grounding_source sources[AGENT_RUNS_MAX + TOOLBOX_SEEN_MAX + 1];
        _cleanup_buf_ struct buf told = {0};
        size_t n = 0;
        buf_init(&told, PROMPT_TEXT_MAX * 2);
        int r = put_told(agent, &told, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_array_size(agent->box.runs) && n < AGENT_RUNS_MAX; i++)
                sources[n++] = source_of(json_array_get(agent->box.runs, i));
        for (size_t i = 0; i < json_array_size(agent->box.seen) && i < TOOLBOX_SEEN_MAX; i++)
                sources[n++] = source_of(json_array_get(agent->box.seen, i));
        if (has_previous(agent))
                sources[n++] = source_of(agent->question->previous);
        const struct grounding_input input = {.text = text,
                                              .n = strlen(text),
                                              .question = buf_text(&told),
                                              .sources = sources,
                                              .n_sources = n};
        return grounding_check(&input, ret, err);
}

/* Words that do not fit go back once, with what does not. */
static int send_back(struct agent *agent, const json_t *unsupported, struct error *err)
{
        _cleanup_free_ char *text = prompt_ungrounded(unsupported, has_result(agent));
        agent->is_warned = true;
        agent->budget.repairs++;
        take_back(agent);
        if (!text || json_array_append_new(agent->messages, json_pack("{s:s, s:s}", "role", "user",
                                                                      "text", text)) < 0)
                return error_oom(err);
        agent->bytes += strlen(text);
        return 0;
}

static void put_marks(struct buf *words, const json_t *grounding)
{
        const json_t *unsupported = json_object_get(grounding, "unsupported");
        long long unchecked = json_get_int(grounding, "unchecked", 0);
        size_t n = json_array_size(unsupported);
        if (unchecked > 0)
                buf_printf(words, "\n\n%lld figures were not looked for in the results.",
                           unchecked);
        if (n == 0)
                return;
        buf_puts(words, "\n\nNot found in the results: ");
        for (size_t i = 0; i < n && i < MARKED_MAX; i++)
                buf_printf(words, "%s%s", i ? ", " : "",
                           json_string_value(json_array_get(unsupported, i)));
        if (n > MARKED_MAX)
                buf_printf(words, " and %zu more", n - MARKED_MAX);
        buf_putc(words, '.');
}

static const char *remark_of(enum model_stop stop)
{
        return stop == MODEL_STOP_LENGTH    ? "\n\n(The model stopped here: its limit is reached.)"
               : stop == MODEL_STOP_REFUSED ? "\n\n(The model declined to answer.)"
                                            : "";
}

/* Words without end are kept by no thread and read by nobody. */
static void cut_words(struct agent *agent, char *text)
{
        size_t n = strnlen(text, AGENT_TEXT_MAX + 1);
        agent->is_cut = n > AGENT_TEXT_MAX;
        if (!agent->is_cut)
                return;
        n = AGENT_TEXT_MAX;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) /* within a character */
                n--;
        text[n] = '\0';
}

static int accept(struct agent *agent, const struct model_reply *reply, struct error *err)
{
        _cleanup_buf_ struct buf words = {0};
        buf_init(&words, WORDS_MAX);
        buf_puts(&words, reply->text);
        if (agent->is_cut)
                buf_puts(&words, "...\n\n(The rest of this long answer is left out.)");
        buf_puts(&words, remark_of(reply->stop));
        put_marks(&words, agent->answer->grounding);
        int r = set_run_ids(agent, true, err);
        if (json_array_size(agent->answer->run_ids) == 0)
                buf_puts(&words, json_array_size(agent->box.runs) == 0
                                         ? "\n\n(No query was run for this answer.)"
                                         : "\n\n(No query of this answer has given a result.)");
        return r < 0 ? r : set_text(agent, AGENT_ANSWERED, &words, err);
}

/* The model says that this is its answer. */
static int conclude(struct agent *agent, struct model_reply *reply, struct error *err)
{
        cut_words(agent, reply->text);
        if (!reply->text[strspn(reply->text, " \t\r\n")])
                return close_with(agent, AGENT_CUT,
                                  reply->stop == MODEL_STOP_REFUSED
                                          ? "The model declined to answer."
                                          : "The model said nothing.",
                                  err);
        json_decref(agent->answer->grounding);
        agent->answer->grounding = NULL;
        int r = ground(agent, reply->text, &agent->answer->grounding, err);
        if (r < 0)
                return r;
        const json_t *unsupported = json_object_get(agent->answer->grounding, "unsupported");
        bool baseless = !has_result(agent) &&
                        (claims_a_run(reply->text) || json_array_size(unsupported) > 0);
        if ((baseless || json_array_size(unsupported) > 0) && !agent->is_warned &&
            !toolbox_is_closed(&agent->box))
                return send_back(agent, unsupported, err);
        if (!baseless)
                return accept(agent, reply, err);
        json_decref(agent->answer->grounding);
        agent->answer->grounding = NULL;
        return close_with(agent, AGENT_WITHHELD,
                          "The model spoke of results, but nothing was run, so its words are "
                          "withheld.",
                          err);
}

/* ---- the loop ---- */

static size_t bytes_of(const json_t *json)
{
        return json_dumpb(json, NULL, 0, JSON_COMPACT);
}

static int call_model(struct agent *agent, struct model_reply *reply, struct error *err)
{
        const struct model_call call = {.messages = agent->messages,
                                        .tools = agent->tools,
                                        .on_text = on_text,
                                        .data = agent,
                                        .cancel_fd = agent->world->cancel_fd,
                                        .deadline_us = agent->budget.deadline_us};
        int r = model_chat(agent->model, &call, reply, err);
        if (r < 0)
                return r;
        size_t bytes_out = strlen(reply->text) + bytes_of(reply->tool_calls);
        budget_spend(&agent->budget, reply, agent->bytes, bytes_out);
        agent->bytes += bytes_out;
        return 0;
}

/* What the model said becomes a part of the conversation, with what its provider wants back. */
static int keep_reply(struct agent *agent, const struct model_reply *reply, struct error *err)
{
        json_t *message = json_pack("{s:s, s:s, s:O*, s:O*}", "role", "assistant", "text",
                                    reply->text, "tool_calls",
                                    json_array_size(reply->tool_calls) ? reply->tool_calls : NULL,
                                    "provider", reply->provider);
        return json_array_append_new(agent->messages, message) < 0 ? error_oom(err) : 0;
}

static int use_tools(struct agent *agent, const struct model_reply *reply, struct error *err)
{
        int r = 0;
        take_back(agent);
        for (size_t i = 0; r == 0 && i < json_array_size(reply->tool_calls); i++) {
                const json_t *call = json_array_get(reply->tool_calls, i);
                _cleanup_free_ char *text = NULL;
                int failures = agent->box.failures;
                r = toolbox_call(&agent->box, call, &text, err);
                if (r < 0)
                        return r;
                agent->budget.repairs += agent->box.failures - failures;
                agent->bytes += strlen(text);
                if (json_array_append_new(agent->messages,
                                          json_pack("{s:s, s:s, s:s}", "role", "tool",
                                                    "tool_call_id", json_get_string(call, "id"),
                                                    "text", text)) < 0)
                        r = error_oom(err);
        }
        return r;
}

/* The model failed, or a further query could not be run. What was run before is not lost by it. */
static int give_up(struct agent *agent, int r, const char *cause, struct error *err)
{
        char why[WHY_MAX];
        struct error what = *err;
        if (what.type == ERROR_CANCELLED || what.type == ERROR_INTERNAL)
                return r;
        bool is_late = clock_monotonic_us() >= agent->budget.deadline_us;
        if (!toolbox_success(&agent->box) && !is_late)
                return r;
        if (is_late)
                (void)snprintf(why, sizeof(why),
                               "The time for an answer, %lld seconds, is used up.",
                               (long long)agent->bounds->time_ms_max / 1000);
        else
                (void)snprintf(why, sizeof(why), "%s: %s", cause, what.message);
        agent->answer->failure = what;
        return close_with(agent, AGENT_CUT, why, err);
}

static int step(struct agent *agent, struct error *err)
{
        _cleanup_(model_reply_done) struct model_reply reply = {0};
        bool was_closed = toolbox_is_closed(&agent->box);
        char bound[64];
        char why[WHY_MAX];
        if (!budget_allows(&agent->budget, agent->bytes, bound, sizeof(bound))) {
                (void)snprintf(why, sizeof(why),
                               "What one answer may cost is used up before the model had answered "
                               "(%s).",
                               bound);
                return close_with(agent, AGENT_CUT, why, err);
        }
        int r = call_model(agent, &reply, err);
        if (r < 0)
                return give_up(agent, r,
                               "The language model failed before it could put that into words",
                               err);
        r = keep_reply(agent, &reply, err);
        if (r < 0)
                return r;
        if (json_array_size(reply.tool_calls) == 0)
                return conclude(agent, &reply, err);
        if (was_closed)
                return close_with(agent, AGENT_CUT,
                                  "The model went on asking for queries after its last attempt.",
                                  err);
        r = use_tools(agent, &reply, err);
        return r < 0 ? give_up(agent, r, "What the model asked for next could not be run", err) : 0;
}

static int prepare(struct agent *agent, struct error *err)
{
        if (strlen(agent->question->text) > QUESTION_BYTES_MAX)
                return error_set(err, ERROR_VALIDATION, "a question may have at most %d bytes",
                                 QUESTION_BYTES_MAX);
        int r = frame_nonce(agent->nonce, err);
        if (r == 0)
                r = toolbox_init(&agent->box, agent->world, agent->question, agent->nonce,
                                 agent->bounds->rows_max, agent->budget.deadline_us, err);
        if (r == 0)
                r = tools_describe(&agent->tools, err);
        agent->schema = frame_schema(agent->question->dataset, NULL);
        if (r == 0)
                r = prompt_make(agent->question, agent->schema, agent->nonce,
                                agent->bounds->rows_max, &agent->messages, err);
        if (r == 0)
                agent->bytes = bytes_of(agent->messages) + bytes_of(agent->tools);
        return r;
}

int agent_answer(const struct model *model, const struct agent_bounds *bounds,
                 const struct agent_world *world, const struct agent_question *question,
                 struct agent_answer *ret, struct error *err)
{
        struct agent agent = {.model = model,
                              .bounds = bounds,
                              .world = world,
                              .question = question,
                              .answer = ret};
        *ret = (struct agent_answer){0};
        budget_start(&agent.budget, bounds);
        int r = prepare(&agent, err);
        while (r == 0 && !agent.is_done)
                r = step(&agent, err);
        if (r < 0)
                take_back(&agent);
        else
                *err = (struct error){0}; /* of attempts that failed on the way */
        ret->runs = json_incref(agent.box.runs);
        ret->usage = budget_to_json(&agent.budget);
        agent_done(&agent);
        return r;
}
