#include "agent/tools.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/uuid.h"
#include "plan/plan.h"
#include "planner/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_SHOWN_MAX ((size_t)16 * 1024)

struct tool {
        const char *name;
        const char *description;
        const char *parameters; /* JSON Schema; NULL: that of a plan */
        /* *ret is a document for the model. */
        int (*call)(struct toolbox *box, const json_t *arguments, json_t **ret, struct error *err);
};

/* A call that makes no sense, or a query that came to nothing. */
static void note_failure(struct toolbox *box, const char *message)
{
        box->failures++;
        (void)snprintf(box->last, sizeof(box->last), "%s", message);
}

static int give(json_t **ret, json_t *document, struct error *err)
{
        *ret = document;
        return document ? 0 : error_oom(err);
}

/* It goes back to the model, and counts. */
static int fault(struct toolbox *box, json_t **ret, const struct error *what, struct error *err)
{
        json_t *error = json_pack("{s:s, s:s}", "type", error_type_name(what->type), "message",
                                  what->message);
        note_failure(box, what->message);
        if (error && what->pointer[0])
                (void)json_object_set_new(error, "pointer", json_string(what->pointer));
        if (error && box->world->repair)
                box->world->repair(error, box->world->data);
        return error ? give(ret, json_pack("{s:o}", "error", error), err) : error_oom(err);
}

static const struct dataset *find_dataset(const struct toolbox *box, const char *id,
                                          struct error *what)
{
        const struct registry *registry = box->world->registry;
        const struct dataset *own = box->question->dataset;
        if (strcmp(own->id, id) == 0)
                return own;
        const struct dataset *dataset = registry ? registry_find(registry, id) : NULL;
        const char *nearest = registry ? registry_nearest(registry, id) : NULL;
        if (!dataset)
                (void)error_set(what, ERROR_DATASET_NOT_FOUND,
                                "there is no dataset \"%.60s\"%s%s%s; list_datasets lists them", id,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                                nearest ? "\"?" : "");
        return dataset;
}

/* The dataset that the arguments name, or the question's. */
static const struct dataset *dataset_of(const struct toolbox *box, const json_t *arguments,
                                        struct error *what)
{
        const json_t *id = json_object_get(arguments, "dataset_id");
        if (!id || json_is_null(id))
                return box->question->dataset;
        if (json_is_string(id))
                return find_dataset(box, json_string_value(id), what);
        (void)error_set(what, ERROR_VALIDATION, "dataset_id must be a string");
        (void)snprintf(what->pointer, sizeof(what->pointer), "/dataset_id");
        return NULL;
}

/* ---- what there is ---- */

static json_t *summary_of(const struct dataset *dataset)
{
        _cleanup_json_ json_t *tables = json_array();
        for (size_t i = 0; tables && i < dataset->n_tables; i++)
                if (json_array_append_new(tables, json_string(dataset->tables[i].name)) < 0)
                        return NULL;
        return tables ? json_pack("{s:s, s:s?, s:s?, s:O}", "dataset_id", dataset->id, "name",
                                  dataset->name, "description", dataset->description, "tables",
                                  tables)
                      : NULL;
}

static int list_datasets(struct toolbox *box, const json_t *arguments, json_t **ret,
                         struct error *err)
{
        const struct registry *registry = box->world->registry;
        json_t *list = json_array();
        (void)arguments;
        if (list && (!registry || !registry_find(registry, box->question->dataset->id)))
                (void)json_array_append_new(list, summary_of(box->question->dataset));
        for (size_t i = 0; list && registry && i < registry->n_datasets; i++)
                (void)json_array_append_new(list, summary_of(registry->datasets[i]));
        return list ? give(ret, json_pack("{s:o}", "datasets", list), err) : error_oom(err);
}

static int get_dataset_schema(struct toolbox *box, const json_t *arguments, json_t **ret,
                              struct error *err)
{
        struct error what = {0};
        const struct dataset *dataset = dataset_of(box, arguments, &what);
        const char *name = json_get_string(arguments, "table");
        const struct table *only = NULL;
        if (dataset && name) {
                int i = dataset_find_table(dataset, name);
                only = i < 0 ? NULL : &dataset->tables[i];
                if (!only)
                        (void)error_set(&what, ERROR_VALIDATION,
                                        "the dataset %s has no table \"%.60s\"", dataset->id, name);
        }
        if (what.type != ERROR_NONE)
                return fault(box, ret, &what, err);
        return give(ret, frame_schema(dataset, only), err);
}

/* ---- queries ---- */

static bool has_succeeded(const json_t *capsule)
{
        const char *status = json_get_string(capsule, "status");
        return status && strcmp(status, "succeeded") == 0;
}

/* All results stay in memory until the answer is there. */
static size_t result_bytes(const json_t *capsule)
{
        return json_dumpb(json_object_get(capsule, "result"), NULL, 0, JSON_COMPACT);
}

/* What the model is told of a run: the result, or what was wrong and what there would be. */
static int tell_run(struct toolbox *box, const struct dataset *dataset, const json_t *capsule,
                    json_t **ret, struct error *err)
{
        json_t *document = frame_preview(capsule, box->rows_max);
        json_t *error = json_object_get(document, "error");
        if (!document || has_succeeded(capsule))
                return give(ret, document, err);
        const char *message = json_get_string(error, "message");
        note_failure(box, message ? message : "the run did not succeed");
        if (box->world->repair)
                box->world->repair(document, box->world->data);
        if (json_object_set_new(document, "schema", frame_hint(dataset)) < 0) {
                json_decref(document);
                return error_oom(err);
        }
        return give(ret, document, err);
}

static int run_query(struct toolbox *box, const struct agent_query *query, json_t **ret,
                     struct error *err)
{
        struct error what = {0};
        json_t *capsule = NULL;
        if (clock_monotonic_us() >= box->deadline_us) {
                (void)error_set(&what, ERROR_QUEUE_FULL,
                                "the time for an answer was used up before it was run");
                return fault(box, ret, &what, err);
        }
        if (toolbox_is_closed(box)) {
                (void)error_set(&what, ERROR_QUEUE_FULL,
                                "no more queries may be run for this question: answer with what "
                                "there is, or say what did not work");
                return fault(box, ret, &what, err);
        }
        int r = box->world->run(query, &capsule, box->world->data, err);
        if (r < 0)
                return r;
        if (json_array_append_new(box->runs, capsule) < 0)
                return error_oom(err);
        box->bytes += result_bytes(capsule);
        return tell_run(box, query->dataset, capsule, ret, err);
}

static void plan_freep(struct plan **plan)
{
        plan_free(*plan);
}

/* What the plan says, by what it is and not by what the model says of it; NULL when it is none. */
static json_t *reading_of(const char *text, size_t n, const struct dataset *dataset,
                          const char *as_of)
{
        _cleanup_(plan_freep) struct plan *plan = NULL;
        _cleanup_buf_ struct buf sql = {0};
        _cleanup_buf_ struct buf sentence = {0};
        struct plan_faults faults;
        int64_t as_of_s = clock_utc_ms() / 1000;
        as_of = as_of ? as_of : dataset->as_of;
        (void)(as_of && clock_parse(as_of, &as_of_s));
        buf_init(&sql, (size_t)4 * 1024 * 1024);
        buf_init(&sentence, 65536);
        plan_faults_init(&faults);
        bool sound = plan_parse(text, n, &plan, &faults, NULL) == 0 &&
                     plan_compile(plan, dataset, as_of_s, &sql, &faults, NULL) == 0 &&
                     reading_write(plan_json(plan), dataset, &sentence, NULL) == 0;
        plan_faults_done(&faults);
        return sound ? json_pack("{s:s, s:[]}", "sentence", buf_text(&sentence), "assumptions")
                     : NULL;
}

/* Models wrap it now and then. */
static json_t *unwrap(const json_t *arguments)
{
        json_t *inner = json_object_get(arguments, "plan");
        return json_is_object(inner) && !json_object_get(arguments, "table")
                       ? json_deep_copy(inner)
                       : json_deep_copy(arguments);
}

static int execute_query_plan(struct toolbox *box, const json_t *arguments, json_t **ret,
                              struct error *err)
{
        _cleanup_json_ json_t *plan = unwrap(arguments);
        _cleanup_json_ json_t *reading = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct error what = {0};
        const struct dataset *dataset = plan ? dataset_of(box, plan, &what) : NULL;
        buf_init(&text, MODEL_ARGUMENTS_MAX * 2);
        if (what.type != ERROR_NONE)
                return fault(box, ret, &what, err);
        if (!dataset || json_object_set_new(plan, "dataset_id", json_string(dataset->id)) < 0)
                return error_oom(err);
        int r = json_put(plan, &text, err);
        if (text.state == BUF_TOO_LARGE) {
                (void)error_set(&what, ERROR_VALIDATION, "the plan is too large");
                return fault(box, ret, &what, err);
        }
        if (r < 0)
                return r;
        reading = reading_of(buf_text(&text), text.len, dataset, box->question->as_of);
        const struct agent_query query = {.dataset = dataset,
                                          .plan = buf_text(&text),
                                          .plan_bytes = text.len,
                                          .reading = reading,
                                          .deadline_us = box->deadline_us};
        return run_query(box, &query, ret, err);
}

static int execute_sql(struct toolbox *box, const json_t *arguments, json_t **ret,
                       struct error *err)
{
        struct error what = {0};
        const struct dataset *dataset = dataset_of(box, arguments, &what);
        const json_t *sql = json_object_get(arguments, "sql");
        if (dataset && !json_is_string(sql)) {
                (void)error_set(&what, ERROR_VALIDATION, "execute_sql wants sql, a string");
                (void)snprintf(what.pointer, sizeof(what.pointer), "/sql");
        }
        if (what.type != ERROR_NONE)
                return fault(box, ret, &what, err);
        const struct agent_query query = {.dataset = dataset,
                                          .sql = json_string_value(sql),
                                          .sql_bytes = json_string_length(sql),
                                          .deadline_us = box->deadline_us};
        return run_query(box, &query, ret, err);
}

/* What the words may rest on from now on; not more of them than memory is to hold. */
static int keep_seen(struct toolbox *box, json_t *capsule)
{
        if (json_array_size(box->seen) >= TOOLBOX_SEEN_MAX || box->bytes > TOOLBOX_BYTES_MAX)
                return 0;
        box->bytes += result_bytes(capsule);
        return json_array_append(box->seen, capsule);
}

static int get_run(struct toolbox *box, const json_t *arguments, json_t **ret, struct error *err)
{
        const char *run_id = json_get_string(arguments, "run_id");
        _cleanup_json_ json_t *capsule = NULL;
        struct error what = {0};
        if (!run_id || !uuid_is_valid(run_id))
                (void)error_set(&what, ERROR_VALIDATION, "get_run wants run_id, a run's whole id");
        else
                (void)box->world->find(run_id, &capsule, box->world->data, &what);
        if (!capsule)
                return fault(box, ret, &what, err);
        if (has_succeeded(capsule) && keep_seen(box, capsule) < 0)
                return error_oom(err);
        json_t *document = frame_preview(capsule, box->rows_max);
        const char *sql = json_get_string(capsule, "sql");
        if (document && sql && strlen(sql) <= SQL_SHOWN_MAX)
                (void)json_object_set_new(document, "sql", json_string(sql));
        return give(ret, document, err);
}

/* ---- the table ---- */

static const char no_parameters[] = "{\"type\":\"object\",\"properties\":{}}";
static const char schema_parameters[] =
        "{\"type\":\"object\",\"properties\":{\"dataset_id\":{\"type\":\"string\"},"
        "\"table\":{\"type\":\"string\",\"description\":\"Only this table.\"}},"
        "\"required\":[\"dataset_id\"]}";
static const char sql_parameters[] =
        "{\"type\":\"object\",\"properties\":{\"dataset_id\":{\"type\":\"string\"},"
        "\"sql\":{\"type\":\"string\",\"description\":\"One SELECT in DuckDB's SQL.\"}},"
        "\"required\":[\"dataset_id\",\"sql\"]}";
static const char run_parameters[] =
        "{\"type\":\"object\",\"properties\":{\"run_id\":{\"type\":\"string\"}},"
        "\"required\":[\"run_id\"]}";

static const struct tool tools[] = {
        {"list_datasets", "The datasets that there are, with their tables.", no_parameters,
         list_datasets},
        {"get_dataset_schema",
         "A dataset's tables, columns with types and units, relationships, measures and named "
         "rows.",
         schema_parameters, get_dataset_schema},
        {"execute_query_plan",
         "Runs a query plan and gives the result. Preferred: it is checked, joins by itself along "
         "the declared relationships, and is shown to the reader.",
         NULL, execute_query_plan},
        {"execute_sql",
         "Runs one SELECT and gives the result. Only for what no plan can say. Functions that read "
         "files or the network are refused.",
         sql_parameters, execute_sql},
        {"get_run", "The result of an earlier run of this user, by its run_id.", run_parameters,
         get_run},
};

/* A schema inside a request has no name of its own. */
static int parameters_of(const struct tool *tool, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = 1024 * 1024,
                                                  .max_depth = JSON_DEPTH_CEILING};
        const char *text = tool->parameters ? tool->parameters : plan_schema_text();
        int r = json_parse(text, strlen(text), &limits, ERROR_INTERNAL, ret, err);
        if (r == 0 && !tool->parameters) {
                (void)json_object_del(*ret, "$schema");
                (void)json_object_del(*ret, "$id");
        }
        return r;
}

int tools_describe(json_t **ret, struct error *err)
{
        _cleanup_json_ json_t *list = json_array();
        for (size_t i = 0; list && i < ARRAY_SIZE(tools); i++) {
                json_t *parameters = NULL;
                int r = parameters_of(&tools[i], &parameters, err);
                if (r < 0)
                        return r;
                if (json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", tools[i].name,
                                                          "description", tools[i].description,
                                                          "parameters", parameters)) < 0)
                        return error_oom(err);
        }
        *ret = steal_ptr(&list);
        return *ret ? 0 : error_oom(err);
}

/* ---- the box ---- */

int toolbox_init(struct toolbox *box, const struct agent_world *world,
                 const struct agent_question *question, const char *nonce, size_t rows_max,
                 int64_t deadline_us, struct error *err)
{
        *box = (struct toolbox){.world = world,
                                .question = question,
                                .nonce = nonce,
                                .rows_max = rows_max,
                                .deadline_us = deadline_us,
                                .runs = json_array(),
                                .seen = json_array()};
        return box->runs && box->seen ? 0 : error_oom(err);
}

void toolbox_done(struct toolbox *box)
{
        json_decref(steal_ptr(&box->runs));
        json_decref(steal_ptr(&box->seen));
}

bool toolbox_is_closed(const struct toolbox *box)
{
        return box->failures > AGENT_REPAIRS_MAX || json_array_size(box->runs) >= AGENT_RUNS_MAX ||
               box->bytes > TOOLBOX_BYTES_MAX;
}

const json_t *toolbox_success(const struct toolbox *box)
{
        for (size_t i = json_array_size(box->runs); i > 0; i--)
                if (has_succeeded(json_array_get(box->runs, i - 1)))
                        return json_array_get(box->runs, i - 1);
        return NULL;
}

static const struct tool *find_tool(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
                if (strcmp(tools[i].name, name) == 0)
                        return &tools[i];
        return NULL;
}

static int dispatch(struct toolbox *box, const json_t *call, json_t **ret, struct error *err)
{
        const char *name = json_get_string(call, "name");
        const json_t *arguments = json_object_get(call, "arguments");
        const struct tool *tool = name ? find_tool(name) : NULL;
        struct error what = {0};
        if (tool && json_is_object(arguments))
                return tool->call(box, arguments, ret, err);
        if (tool)
                (void)error_set(&what, ERROR_VALIDATION,
                                "the arguments of %s are not a JSON object", tool->name);
        else
                (void)error_set(&what, ERROR_VALIDATION,
                                "there is no tool \"%.60s\"; the tools are list_datasets, "
                                "get_dataset_schema, execute_query_plan, execute_sql and get_run",
                                name ? name : "");
        return fault(box, ret, &what, err);
}

int toolbox_call(struct toolbox *box, const json_t *call, char **ret, struct error *err)
{
        _cleanup_json_ json_t *document = NULL;
        int r = dispatch(box, call, &document, err);
        return r < 0 ? r : frame_data(box->nonce, document, ret, err);
}
