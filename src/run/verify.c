#include "run/run.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "run/describe.h"
#include "run/record.h"
#include "run/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERIFY_PLANNER "verify "

const char *run_verdict_name(enum run_verdict verdict)
{
        static const char *const names[] = {
                [RUN_SAME] = "same",
                [RUN_DIFFERS] = "differs",
                [RUN_DATA_CHANGED] = "data changed",
                [RUN_TAMPERED] = "tampered",
                [RUN_NOT_REPEATABLE] = "not repeatable",
        };
        return (size_t)verdict < ARRAY_SIZE(names) ? names[verdict] : "unknown";
}

__attribute__((format(printf, 3, 4))) static int
judge(struct run_verification *ret, enum run_verdict verdict, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(ret->message, sizeof(ret->message), format, args);
        va_end(args);
        ret->verdict = verdict;
        return 0;
}

static void source_freep(struct source **source)
{
        source_free(*source);
}

static void executor_freep(struct executor **executor)
{
        executor_free(*executor);
}

static const char *text_of(const struct capsule *capsule, const char *member)
{
        return json_get_string(capsule->body, member);
}

static const char *error_type_of(const struct capsule *capsule)
{
        const char *type = json_get_string(json_object_get(capsule->body, "error"), "type");
        return type ? type : "NONE";
}

/* The files of a run on files, as the capsule names them. */
static int source_of_files(const struct capsule *capsule, struct source **ret, struct error *err)
{
        struct source_file files[DATASET_TABLES_MAX];
        const json_t *tables = json_object_get(capsule->body, "tables");
        size_t n = json_array_size(tables);
        for (size_t i = 0; i < n && i < DATASET_TABLES_MAX; i++) {
                const json_t *table = json_array_get(tables, i);
                files[i] = (struct source_file){.path = json_get_string(table, "path"),
                                                .name = json_get_string(table, "name"),
                                                .sha256 = json_get_string(table, "sha256"),
                                                .format = json_get_string(table, "format")};
                if (!files[i].path || !files[i].name || !files[i].format)
                        return error_set(err, ERROR_STORE,
                                         "the capsule does not say which files it read");
        }
        return source_open_files(files, n, false, ret, err);
}

/* The same data, or why it is not there any more: then *ret stays NULL and the verdict is in. */
static int source_of_run(const struct run_surroundings *around, const struct capsule *capsule,
                         struct source **ret, struct run_verification *verification,
                         struct error *err)
{
        const char *id = text_of(capsule, "dataset_id");
        const char *version = text_of(capsule, "dataset_version");
        const struct dataset *dataset = id ? registry_find(around->registry, id) : NULL;
        char now[HASH_HEX_SIZE];
        if (!id)
                return judge(verification, RUN_NOT_REPEATABLE, "the run had no dataset");
        if (!dataset && strcmp(id, SOURCE_FILES_ID) != 0)
                return judge(verification, RUN_DATA_CHANGED,
                             "there is no dataset %s any more in the registry", id);
        if (dataset && version && dataset_is_described(dataset)) {
                int r = dataset_version(dataset, now, err);
                if (r < 0)
                        return r;
                if (strcmp(now, version) != 0)
                        return judge(verification, RUN_DATA_CHANGED,
                                     "the run was on version %.16s... of the dataset %s; the "
                                     "registry now has version %.16s...",
                                     version, id, now);
        }
        int r = dataset ? source_open_registered(dataset, around->datasets_folder, false, ret, err)
                        : source_of_files(capsule, ret, err);
        if (r == -(int)ERROR_DATASET_NOT_FOUND || r == -(int)ERROR_IO)
                return judge(verification, RUN_DATA_CHANGED, "%s", err->message);
        return r;
}

static int repeat(const struct run_surroundings *around, const struct capsule *capsule,
                  const struct source *source, struct capsule **ret, struct error *err)
{
        _cleanup_(executor_freep) struct executor *executor = NULL;
        _cleanup_buf_ struct buf plan = {0};
        char planner[UUID_TEXT_SIZE + 16];
        const char *sql = text_of(capsule, "sql");
        const json_t *stored_plan = json_object_get(capsule->body, "plan");
        struct executor_settings settings = *around->executor;
        settings.cold = true;
        int r = executor_open_as(&settings, source->data_root, &executor, err);
        if (r < 0)
                return r;
        (void)snprintf(planner, sizeof(planner), VERIFY_PLANNER "%s", capsule_run_id(capsule));
        struct run_input input = {
                .dataset = source->dataset,
                .asker = around->asker,
                .question = text_of(capsule, "question"),
                .planner = planner,
                .sql = sql,
                .sql_bytes = sql ? strlen(sql) : 0,
                .as_of = text_of(capsule, "as_of"),
                .limits = record_limits_read(json_object_get(capsule->body, "limits")),
                .cancel_fd = around->cancel_fd,
        };
        buf_init(&plan, CAPSULE_BYTES_MAX);
        if (!sql && json_is_string(stored_plan))
                buf_puts(&plan, json_string_value(stored_plan));
        else if (!sql)
                r = json_put(stored_plan, &plan, err);
        if (r == 0)
                r = buf_error(&plan, err, "the plan");
        if (r < 0)
                return r;
        if (!sql) {
                input.plan_text = buf_text(&plan);
                input.plan_bytes = plan.len;
        }
        return run_execute(around->store, executor, &input, ret, err);
}

static int compare_ends(const struct capsule *before, const struct capsule *after,
                        struct run_verification *ret)
{
        if (before->state != after->state ||
            strcmp(error_type_of(before), error_type_of(after)) != 0)
                return judge(ret, RUN_DIFFERS, "the run %s (%s); repeated, it %s (%s)",
                             run_state_name(before->state), error_type_of(before),
                             run_state_name(after->state), error_type_of(after));
        return judge(ret, RUN_SAME, "repeated, the run %s with %s again",
                     run_state_name(after->state), error_type_of(after));
}

static const char *engine_version(const struct capsule *capsule)
{
        const char *version = json_get_string(json_object_get(capsule->body, "engine"), "version");
        return version ? version : "unknown";
}

static int compare_results(const struct capsule *before, const struct capsule *after,
                           struct run_verification *ret)
{
        const char *first = text_of(before, "result_hash");
        const char *second = text_of(after, "result_hash");
        const json_t *result = json_object_get(before->body, "result");
        if (first && second && strcmp(first, second) == 0)
                return judge(ret, RUN_SAME,
                             "the capsule's hashes hold, and the same query on the same data gave "
                             "the same answer (rows: %lld, result_hash %.16s...)",
                             (long long)json_get_int(result, "row_count", 0), second);
        bool loose = json_get_bool(result, "truncated", false) &&
                     !json_get_bool(result, "ordered", false);
        bool other_engine = strcmp(engine_version(before), engine_version(after)) != 0;
        return judge(ret, RUN_DIFFERS,
                     "the same query on the same data gave another answer: result_hash was "
                     "%.16s..., is %.16s...%s%s%s%s",
                     first ? first : "missing", second ? second : "missing",
                     loose ? " (the query does not fix the order of its rows, and only some of "
                             "them were kept)"
                           : "",
                     other_engine ? " (the engine was " : "",
                     other_engine ? engine_version(before) : "", other_engine ? ")" : "");
}

static int compare(const struct capsule *before, const struct capsule *after,
                   struct run_verification *ret, struct error *err)
{
        const json_t *error = json_object_get(after->body, "error");
        const char *message = json_get_string(error, "message");
        if (after->state == RUN_CANCELLED)
                return error_set(err, ERROR_CANCELLED, "the verification was stopped");
        if (strcmp(error_type_of(after), error_type_name(ERROR_DATASET_CHANGED)) == 0)
                return judge(ret, RUN_DATA_CHANGED, "%s", message ? message : "the files changed");
        if (strcmp(error_type_of(before), error_type_name(ERROR_DATASET_CHANGED)) == 0)
                return judge(ret, RUN_DATA_CHANGED,
                             "the run failed because the files were not those of the dataset; now "
                             "they are");
        if (before->state == RUN_SUCCEEDED && after->state == RUN_SUCCEEDED)
                return compare_results(before, after, ret);
        return compare_ends(before, after, ret);
}

/* Whether a run that an answer names is what it was: 0 also when it is not, then the verdict is in.
 */
static int check_named_run(const struct run_surroundings *around, const json_t *named,
                           struct run_verification *ret, struct error *err)
{
        const char *run_id = json_get_string(named, "run_id");
        const char *hash = json_get_string(named, "capsule_hash");
        _cleanup_capsule_ struct capsule *run = NULL;
        enum capsule_fault fault = CAPSULE_INTACT;
        char found[ERROR_MESSAGE_MAX] = "";
        if (!run_id || !hash)
                return judge(ret, RUN_TAMPERED, "the answer does not say which runs it is made of");
        int r = capsule_store_check(around->store, run_id, &fault, found, err);
        if (r == 0 && fault == CAPSULE_INTACT)
                r = capsule_store_get(around->store, run_id, &run, err);
        if (r == -(int)ERROR_RUN_NOT_FOUND)
                return judge(ret, RUN_DATA_CHANGED, "of the runs that the answer names, %s is gone",
                             run_id);
        if (r < 0)
                return r;
        if (fault != CAPSULE_INTACT)
                return judge(ret, RUN_TAMPERED, "a run that the answer names: %s", found);
        const char *now = text_of(run, "capsule_hash");
        return now && strcmp(now, hash) == 0
                       ? 0
                       : judge(ret, RUN_TAMPERED,
                               "the run %s that the answer names is not the one that it was made "
                               "of",
                               run_id);
}

/* A model's words cannot be had a second time, but what they were made of can be looked at. */
static int verify_answer(const struct run_surroundings *around, const struct capsule *capsule,
                         struct run_verification *ret, struct error *err)
{
        const json_t *runs = json_object_get(capsule->body, "runs");
        int r = judge(ret, RUN_SAME,
                      "the capsule's hashes hold, and so do those of the %zu run%s that the answer "
                      "was made of (verify these to repeat them); a language model's words are not "
                      "asked for again",
                      json_array_size(runs), json_array_size(runs) == 1 ? "" : "s");
        for (size_t i = 0; r == 0 && ret->verdict == RUN_SAME && i < json_array_size(runs); i++)
                r = check_named_run(around, json_array_get(runs, i), ret, err);
        return r;
}

static int verify_again(const struct run_surroundings *around, const struct capsule *capsule,
                        struct run_verification *ret, struct error *err)
{
        _cleanup_(source_freep) struct source *source = NULL;
        _cleanup_capsule_ struct capsule *again = NULL;
        if (capsule->kind == CAPSULE_ANSWER)
                return verify_answer(around, capsule, ret, err);
        if (capsule->kind != CAPSULE_RUN)
                return judge(ret, RUN_NOT_REPEATABLE,
                             "the capsule's hashes hold; it is the record of capsules that were "
                             "removed, which cannot be repeated as a run can");
        if (capsule->state == RUN_CANCELLED)
                return judge(ret, RUN_NOT_REPEATABLE,
                             "the capsule's hashes hold, but the run was stopped by its user, so "
                             "there is no answer to compare");
        if (capsule->state == RUN_ABSTAINED)
                return judge(
                        ret, RUN_NOT_REPEATABLE,
                        "the capsule's hashes hold, but the planner abstained: nothing ran, so "
                        "there is no answer to repeat");
        if (!text_of(capsule, "sql") && json_is_null(json_object_get(capsule->body, "plan")))
                return judge(ret, RUN_NOT_REPEATABLE, "%s",
                             text_of(capsule, "question")
                                     ? "the capsule's hashes hold, but the run ended before there "
                                       "was a plan, so there is nothing to repeat"
                                     : "the capsule's hashes hold, but what was asked could not be "
                                       "read, so it cannot be asked again");
        int r = source_of_run(around, capsule, &source, ret, err);
        if (r < 0 || !source)
                return r;
        r = repeat(around, capsule, source, &again, err);
        if (r < 0)
                return r;
        (void)snprintf(ret->rerun_id, sizeof(ret->rerun_id), "%s", capsule_run_id(again));
        return compare(capsule, again, ret, err);
}

/* The newest run that is not itself a verification. */
static int find_last(const struct capsule *capsule, void *data)
{
        const char *planner = text_of(capsule, "planner");
        char *run_id = data;
        if (planner && strncmp(planner, VERIFY_PLANNER, strlen(VERIFY_PLANNER)) == 0)
                return 0;
        (void)snprintf(run_id, UUID_TEXT_SIZE, "%s", capsule_run_id(capsule));
        return 1;
}

int run_last(struct capsule_store *store, char out[UUID_TEXT_SIZE], struct error *err)
{
        const struct capsule_filter all = {0};
        int r = capsule_store_list(store, &all, find_last, out, err);
        if (r == 0)
                return error_set(err, ERROR_RUN_NOT_FOUND,
                                 "there is no run yet; make one with askcsv ask or askcsv run");
        return r < 0 ? r : 0;
}

/* "last" is the last run, and not the repetition that the last verification made of it; that one
 * is looked at too, as it may have been altered like any other. */
static int resolve_last(const struct run_surroundings *around, struct run_verification *ret,
                        struct error *err)
{
        enum capsule_fault fault = CAPSULE_INTACT;
        struct error other = {0};
        if (capsule_store_check(around->store, "last", &fault, ret->message, &other) == 0 &&
            fault != CAPSULE_INTACT) {
                ret->verdict = RUN_TAMPERED;
                (void)snprintf(ret->run_id, sizeof(ret->run_id), "last");
                return 0;
        }
        return run_last(around->store, ret->run_id, err);
}

/* A capsule that can no longer be read may be one that was altered. */
static int verify_unreadable(const struct run_surroundings *around, const char *run_id,
                             struct run_verification *ret, int r, struct error *err)
{
        enum capsule_fault fault = CAPSULE_INTACT;
        struct error other = {0};
        if (r != -(int)ERROR_STORE ||
            capsule_store_check(around->store, run_id, &fault, ret->message, &other) < 0 ||
            fault == CAPSULE_INTACT)
                return r;
        ret->verdict = RUN_TAMPERED;
        if (run_id != ret->run_id)
                (void)snprintf(ret->run_id, sizeof(ret->run_id), "%s", run_id);
        *err = (struct error){0};
        return 0;
}

int run_verify(const struct run_surroundings *around, const char *run_id,
               struct run_verification *ret, struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        enum capsule_fault fault = CAPSULE_INTACT;
        *ret = (struct run_verification){0};
        int r = 0;
        if (strcmp(run_id, "last") == 0) {
                r = resolve_last(around, ret, err);
                run_id = ret->run_id;
        }
        if (r < 0 || ret->verdict == RUN_TAMPERED)
                return r;
        r = capsule_store_get(around->store, run_id, &capsule, err);
        if (r < 0)
                return verify_unreadable(around, run_id, ret, r, err);
        if (run_id != ret->run_id)
                (void)snprintf(ret->run_id, sizeof(ret->run_id), "%s", capsule_run_id(capsule));
        if (!run_state_is_final(capsule->state))
                return judge(ret, RUN_NOT_REPEATABLE, "the run is still %s",
                             run_state_name(capsule->state));
        r = capsule_store_check(around->store, ret->run_id, &fault, ret->message, err);
        if (r < 0)
                return r;
        if (fault != CAPSULE_INTACT) {
                ret->verdict = RUN_TAMPERED;
                return 0;
        }
        return verify_again(around, capsule, ret, err);
}
