/* Datasets: what there is to ask. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "dataset/schema_out.h"
#include "run/describe.h"
#include "run/sample.h"
#include "run/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static json_t *prompts_of(const struct dataset *dataset)
{
        json_t *prompts = json_array();
        for (size_t i = 0; i < dataset->n_prompts; i++)
                (void)json_array_append_new(prompts,
                                            json_pack("{s:s, s:s}", "id", dataset->prompts[i].id,
                                                      "text", dataset->prompts[i].text));
        return prompts;
}

/* Of all files together; null when one cannot be looked at. */
static json_t *bytes_of(const struct dataset *dataset)
{
        json_int_t bytes = 0;
        struct stat file;
        for (size_t i = 0; i < dataset->n_tables; i++) {
                if (stat(dataset->tables[i].path, &file) < 0)
                        return json_null();
                bytes += file.st_size;
        }
        return json_integer(bytes);
}

static json_t *version_of(const struct dataset *dataset)
{
        char version[HASH_HEX_SIZE];
        return dataset_is_described(dataset) && dataset_version(dataset, version, NULL) == 0
                       ? json_string(version)
                       : json_null();
}

/* What the files tell: whether they are there, and how large they are. */
static void add_files(const struct call *call, const struct dataset *dataset, json_t *to)
{
        struct error err = {0};
        char detail[ERROR_MESSAGE_MAX];
        struct source *source = NULL;
        bool there = source_open_registered(dataset, call->api->datasets_folder, false, &source,
                                            &err) == 0;
        (void)json_object_set_new(to, "available", json_boolean(there));
        (void)json_object_set_new(to, "bytes", there ? bytes_of(source->dataset) : json_null());
        if (!there) {
                problem_detail(err.type, err.message, detail);
                (void)json_object_set_new(to, "unavailable_because", json_string(detail));
        }
        source_free(source);
}

static json_t *summary_of(const struct call *call, const struct dataset *dataset)
{
        json_t *tables = json_array();
        for (size_t i = 0; i < dataset->n_tables; i++)
                (void)json_array_append_new(tables, json_string(dataset->tables[i].name));
        json_t *json = json_pack("{s:s, s:s?, s:s?, s:s?, s:o, s:o, s:o}", "id", dataset->id,
                                 "name", dataset->name, "description", dataset->description,
                                 "as_of", dataset->as_of, "version", version_of(dataset), "tables",
                                 tables, "prompts", prompts_of(dataset));
        if (json)
                add_files(call, dataset, json);
        return json;
}

void api_datasets(struct call *call)
{
        const struct registry *registry = call->setup->registry;
        json_t *list = json_array();
        for (size_t i = 0; i < registry->n_datasets; i++)
                (void)json_array_append_new(list, summary_of(call, registry->datasets[i]));
        reply_json(call->request, 200, json_pack("{s:o}", "datasets", list));
}

void api_dataset(struct call *call)
{
        const struct dataset *dataset;
        if (call_dataset(call, call->part[0], &dataset))
                reply_json(call->request, 200, summary_of(call, dataset));
}

/* With its sample rows, if there are any. */
static json_t *table_of(const struct table *table, json_t *rows)
{
        json_t *json = table_to_json(table);
        if (json && rows)
                (void)json_object_set(json, "sample_rows", rows);
        return json;
}

/* samples are those of run/sample.h; or NULL, and `why` says why there are none. */
static void reply_schema(const struct call *call, const struct dataset *dataset,
                         const json_t *samples, const struct error *why)
{
        json_t *tables = json_array();
        char detail[ERROR_MESSAGE_MAX] = "";
        if (!samples && why->type == ERROR_NONE)
                (void)snprintf(detail, sizeof(detail), "%s", why->message);
        else if (!samples)
                problem_detail(why->type, why->message, detail);
        for (size_t i = 0; i < dataset->n_tables; i++)
                (void)json_array_append_new(
                        tables, table_of(&dataset->tables[i], json_array_get(samples, i)));
        reply_json(call->request, 200,
                   json_pack("{s:s, s:s?, s:s?, s:o, s:o, s:o, s:s*}", "id", dataset->id, "name",
                             dataset->name, "description", dataset->description, "tables", tables,
                             "relationships", relationships_to_json(dataset), "prompts",
                             prompts_of(dataset), "sample_rows_unavailable_because",
                             samples ? NULL : detail));
}

static int take_samples(const struct call *call, const struct source *source, json_t **ret,
                        struct error *err)
{
        struct executor *executor = NULL;
        int r = executor_open_as(&call->api->executor, source->data_root, &executor, err);
        if (r == 0)
                r = dataset_sample(executor, source->dataset, call->api->stop_fd, ret, err);
        executor_free(executor);
        return r;
}

/* What is known of the samples, or why there can be none. False: somebody has to look. */
static bool find_samples(const struct call *call, const struct dataset *dataset,
                         struct source **source, struct buf *key, json_t **ret, struct error *why)
{
        /* Who may not ask may not see what is in the files. */
        if (call->scope < KEY_RUN) {
                (void)error_set(why, ERROR_NONE, "they need a key of the scope run");
                return true;
        }
        if (source_open_registered(dataset, call->api->datasets_folder, false, source, why) < 0 ||
            samples_key((*source)->dataset, key, why) < 0)
                return true;
        return samples_find(call->api->samples, dataset->id, buf_text(key), ret, why);
}

static void sample_schema(struct call *call);

/* may_wait: this thread may, for the runner; else one that may goes on when somebody has to look.
 */
static void answer_schema(struct call *call, bool may_wait)
{
        _cleanup_json_ json_t *samples = NULL;
        _cleanup_buf_ struct buf key = {0};
        struct source *source = NULL;
        struct error why = {0};
        const struct dataset *dataset;
        if (!call_dataset(call, call->part[0], &dataset))
                return;
        bool known = find_samples(call, dataset, &source, &key, &samples, &why);
        if (!known && may_wait) {
                (void)take_samples(call, source, &samples, &why);
                samples_keep(call->api->samples, dataset->id, buf_text(&key), samples, &why);
        }
        if (known || may_wait || call_try_later(call, sample_schema, &why) < 0)
                reply_schema(call, dataset, samples, &why);
        source_free(source);
}

static void sample_schema(struct call *call)
{
        answer_schema(call, true);
}

void api_schema(struct call *call)
{
        answer_schema(call, false);
}
