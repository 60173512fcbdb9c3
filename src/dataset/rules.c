#include "dataset/rules.h"

#include "base/json.h"

#include <string.h>

#define RULES_BYTES_MAX (1024 * 1024)
#define RULE_SQL_MAX (64 * 1024)

static const struct json_limits rules_limits = {.max_bytes = RULES_BYTES_MAX, .max_depth = 8};

/* Made by tools/embed from datasets/rules.json. */
extern const char rules_text[];
extern const unsigned long rules_text_size;

void dataset_rules_free(struct dataset_rules *rules)
{
        if (rules)
                arena_free(rules->arena);
}

static int rule_bad(struct error *err, size_t index, const char *key)
{
        return error_set(err, ERROR_DATASET_INVALID,
                         "rule %zu of the dataset's rules has no valid \"%s\"", index, key);
}

static int rule_string(const json_t *json, size_t index, const char *key, struct arena *arena,
                       const char **ret, struct error *err)
{
        const char *text = json_get_string(json, key);
        if (!text || !*text)
                return rule_bad(err, index, key);
        *ret = arena_strdup(arena, text);
        return *ret ? 0 : error_oom(err);
}

/* The query is an array of lines, so that the file can be read. */
static int rule_sql(const json_t *json, size_t index, struct arena *arena, const char **ret,
                    struct error *err)
{
        const json_t *lines = json_object_get(json, "sql");
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, RULE_SQL_MAX);
        for (size_t i = 0; i < json_array_size(lines); i++) {
                const char *line = json_string_value(json_array_get(lines, i));
                if (!line)
                        return rule_bad(err, index, "sql");
                buf_puts(&sql, i ? "\n" : "");
                buf_puts(&sql, line);
        }
        int r = buf_error(&sql, err, "the query of a rule");
        if (r < 0)
                return r;
        if (sql.len == 0)
                return rule_bad(err, index, "sql");
        *ret = arena_strndup(arena, sql.data, sql.len);
        return *ret ? 0 : error_oom(err);
}

static int rules_read(const json_t *array, struct dataset_rules *rules, struct error *err)
{
        size_t n = json_array_size(array);
        struct dataset_rule *all = arena_array(rules->arena, n, sizeof(*all));
        if (!all)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                const json_t *json = json_array_get(array, i);
                int r = rule_string(json, i, "id", rules->arena, &all[i].id, err);
                if (r == 0)
                        r = rule_string(json, i, "table", rules->arena, &all[i].table, err);
                if (r == 0)
                        r = rule_string(json, i, "rule", rules->arena, &all[i].text, err);
                if (r == 0)
                        r = rule_sql(json, i, rules->arena, &all[i].sql, err);
                if (r < 0)
                        return r;
        }
        rules->rules = all;
        rules->n = n;
        return 0;
}

/* The rules array of the dataset, or NULL. */
static const json_t *rules_of(const json_t *json, const char *dataset_id)
{
        size_t i;
        json_t *dataset;
        json_array_foreach(json_object_get(json, "datasets"), i, dataset)
        {
                const char *id = json_get_string(dataset, "id");
                if (id && strcmp(id, dataset_id) == 0)
                        return json_object_get(dataset, "rules");
        }
        return NULL;
}

int dataset_rules_parse(const char *text, size_t n, const char *dataset_id,
                        struct dataset_rules **ret, struct error *err)
{
        _cleanup_json_ json_t *json = NULL;
        int r = json_parse(text, n, &rules_limits, ERROR_DATASET_INVALID, &json, err);
        if (r < 0)
                return r;
        if (!json_is_array(json_object_get(json, "datasets")))
                return error_set(err, ERROR_DATASET_INVALID,
                                 "the datasets' rules have no array \"datasets\"");
        struct arena *arena = arena_new(4 * RULES_BYTES_MAX);
        struct dataset_rules *rules = arena ? arena_alloc(arena, sizeof(*rules)) : NULL;
        if (!rules) {
                arena_free(arena);
                return error_oom(err);
        }
        rules->arena = arena;
        r = rules_read(rules_of(json, dataset_id), rules, err);
        if (r < 0) {
                dataset_rules_free(rules);
                return r;
        }
        *ret = rules;
        return 0;
}

int dataset_rules_open(const char *dataset_id, struct dataset_rules **ret, struct error *err)
{
        return dataset_rules_parse(rules_text, rules_text_size, dataset_id, ret, err);
}
