#include "agent/record.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "run/record.h"

#include <stdio.h>

static int set_origin(struct capsule *capsule, const struct answer_origin *origin,
                      struct error *err)
{
        char version[HASH_HEX_SIZE];
        int r = dataset_version(origin->dataset, version, err);
        if (r == 0)
                r = capsule_set(capsule, "dataset_id", json_string(origin->dataset->id), err);
        if (r == 0)
                r = capsule_set(capsule, "dataset_version", json_string(version), err);
        if (r == 0)
                r = capsule_set(capsule, "question", record_text(origin->question), err);
        if (r == 0)
                r = capsule_set(capsule, "planner", record_text(origin->planner), err);
        if (r == 0 && origin->thread_id)
                r = capsule_set(capsule, "thread_id", json_string(origin->thread_id), err);
        return r;
}

int answer_record_begin(struct capsule_store *store, const struct answer_origin *origin,
                        struct capsule **ret, struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = capsule_new_kind(CAPSULE_ANSWER, &capsule, err);
        if (r < 0)
                return r;
        (void)snprintf(capsule->asker, sizeof(capsule->asker), "%s", origin->asker);
        r = set_origin(capsule, origin, err);
        if (r == 0)
                r = run_move(capsule, RUN_RUNNING, err);
        if (r == 0) /* in one write: nothing open is left behind when the disk is full */
                r = capsule_store_insert(store, capsule, err);
        if (r == 0)
                *ret = steal_ptr(&capsule);
        return r;
}

/* [{"run_id","capsule_hash"}]: whoever has this record can tell whether those are the same. */
static json_t *runs_of(const json_t *runs)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < json_array_size(runs); i++) {
                const json_t *run = json_array_get(runs, i);
                if (json_array_append_new(list,
                                          json_pack("{s:s?, s:s?}", "run_id",
                                                    json_get_string(run, "run_id"), "capsule_hash",
                                                    json_get_string(run, "capsule_hash"))) < 0)
                        return NULL;
        }
        return steal_ptr(&list);
}

static json_t *answer_of(const struct agent_answer *answer)
{
        return json_pack("{s:s, s:o, s:O, s:O?}", "end", agent_end_name(answer->end), "text",
                         record_text(answer->text), "run_ids", answer->run_ids, "grounding",
                         answer->grounding);
}

static json_t *error_of(const struct error *why)
{
        return json_pack("{s:s, s:o}", "type", error_type_name(why->type), "message",
                         record_text(why->message));
}

static enum run_state state_of(const struct error *why)
{
        return why->type == ERROR_NONE        ? RUN_SUCCEEDED
               : why->type == ERROR_CANCELLED ? RUN_CANCELLED
                                              : RUN_FAILED;
}

int answer_record_end(struct capsule_store *store, struct capsule *capsule,
                      const struct agent_answer *answer, const struct error *why, double took_ms,
                      struct error *err)
{
        int r = capsule_set(capsule, "runs", runs_of(answer->runs), err);
        if (r == 0 && answer->usage)
                r = capsule_set(capsule, "usage", json_incref(answer->usage), err);
        if (r == 0 && why->type == ERROR_NONE)
                r = capsule_set(capsule, "answer", answer_of(answer), err);
        else if (r == 0)
                r = capsule_set(capsule, "error", error_of(why), err);
        if (r == 0)
                r = record_timing(capsule, "total", took_ms, err);
        if (r == 0)
                r = run_move(capsule, state_of(why), err);
        return r < 0 ? r : capsule_store_seal(store, capsule, err);
}
