/* Types in casts, and constants. */
#include "runner/policy_walk.h"

#include "runner/policy_name.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

/* TIME WITH TIME ZONE is not here: its offset in a named zone depends on today's date. */
static const char *const type_ids[] = {"ARRAY",        "BIGINT",       "BIGNUM",
                                       "BIT",          "BLOB",         "BOOLEAN",
                                       "DATE",         "DECIMAL",      "DOUBLE",
                                       "FLOAT",        "HUGEINT",      "INTEGER",
                                       "INTERVAL",     "LIST",         "MAP",
                                       "NULL",         "SMALLINT",     "STRUCT",
                                       "TIME",         "TIMESTAMP",    "TIMESTAMP WITH TIME ZONE",
                                       "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S",
                                       "TIME_NS",      "TINYINT",      "UBIGINT",
                                       "UHUGEINT",     "UINTEGER",     "USMALLINT",
                                       "UTINYINT",     "UUID",         "VARCHAR"};

static const struct policy_shape struct_field = {
        .members = (const struct policy_member[]){{.name = "first", .kind = POLICY_TEXT},
                                                  {.name = "second", .kind = POLICY_TYPE},
                                                  {.name = NULL}},
};

/* alias and extension_info are not listed: a type of an extension, such as GEOMETRY, has them. */
static const struct policy_shape type_infos[] = {
        {.name = "ARRAY_TYPE_INFO",
         .members = (const struct policy_member[]){{.name = "type", .kind = POLICY_CHECKED},
                                                   {.name = "child_type", .kind = POLICY_TYPE},
                                                   {.name = "size", .kind = POLICY_NUMBER},
                                                   {.name = NULL}}},
        {.name = "DECIMAL_TYPE_INFO",
         .members = (const struct policy_member[]){{.name = "type", .kind = POLICY_CHECKED},
                                                   {.name = "width", .kind = POLICY_NUMBER},
                                                   {.name = "scale", .kind = POLICY_NUMBER},
                                                   {.name = NULL}}},
        {.name = "LIST_TYPE_INFO",
         .members = (const struct policy_member[]){{.name = "type", .kind = POLICY_CHECKED},
                                                   {.name = "child_type", .kind = POLICY_TYPE},
                                                   {.name = NULL}}},
        {.name = "STRUCT_TYPE_INFO",
         .members =
                 (const struct policy_member[]){
                         {.name = "type", .kind = POLICY_CHECKED},
                         {.name = "child_types", .kind = POLICY_OBJECTS, .shape = &struct_field},
                         {.name = NULL}}},
        /* catalog and schema are not listed: a type of one's own would have them. */
        {.name = "UNBOUND_TYPE_INFO",
         .members = (const struct policy_member[]){{.name = "type", .kind = POLICY_CHECKED},
                                                   {.name = "name", .kind = POLICY_CHECKED},
                                                   {.name = "user_type_modifiers",
                                                    .kind = POLICY_VALUES},
                                                   {.name = NULL}}},
};

static int refuse_type(const struct policy_walk *walk, const char *name, struct error *err)
{
        if (policy_name_equal(name, "TIME WITH TIME ZONE"))
                return policy_refuse(walk, err,
                                     "the type TIME WITH TIME ZONE is not allowed, as its value "
                                     "depends on the day of the run; use TIME or TIMESTAMPTZ");
        return policy_refuse(walk, err,
                             "the type \"%.64s\" is not allowed; cast to a built-in type such as "
                             "INTEGER, DECIMAL(10,2), VARCHAR, DATE or TIMESTAMP",
                             name);
}

static int check_type_info(struct policy_walk *walk, const json_t *info, const char *id,
                           struct error *err)
{
        const char *type = json_get_string(info, "type");
        const char *name = json_get_string(info, "name");
        static const char *const unbound[] = {"JSON", "ENUM"};
        for (size_t i = 0; type && i < ARRAY_SIZE(type_infos); i++) {
                if (strcmp(type_infos[i].name, type) != 0)
                        continue;
                bool is_unbound = strcmp(type, "UNBOUND_TYPE_INFO") == 0;
                bool qualified = !policy_json_is_empty(json_object_get(info, "schema")) ||
                                 !policy_json_is_empty(json_object_get(info, "catalog"));
                if (is_unbound != (strcmp(id, "UNBOUND") == 0))
                        break;
                if (is_unbound &&
                    (!name || qualified || !policy_name_in(name, unbound, ARRAY_SIZE(unbound))))
                        return refuse_type(walk, name ? name : "", err);
                return policy_walk_object(walk, info, &type_infos[i], err);
        }
        const char *alias = json_get_string(info, "alias");
        return refuse_type(walk, alias && *alias ? alias : id, err);
}

int policy_check_type(struct policy_walk *walk, const json_t *type, struct error *err)
{
        const char *id = json_get_string(type, "id");
        const json_t *info = json_object_get(type, "type_info");
        if (!id || json_object_size(type) > (info ? 2 : 1))
                return policy_refuse_unknown(walk, err, "type", id);
        bool unbound = strcmp(id, "UNBOUND") == 0;
        if (!unbound && !policy_name_in(id, type_ids, ARRAY_SIZE(type_ids)))
                return refuse_type(walk, id, err);
        if (!info || json_is_null(info))
                return unbound ? policy_refuse_unknown(walk, err, "type", id) : 0;
        if (++walk->depth > POLICY_DEPTH_MAX)
                return policy_refuse(walk, err, "a type is nested too deeply");
        int r = check_type_info(walk, info, id, err);
        walk->depth--;
        return r;
}

/* A scalar, or {"upper","lower"} of a HUGEINT, or {"children"} of a list. */
static int check_value_content(struct policy_walk *walk, const json_t *content, struct error *err)
{
        if (!json_is_object(content))
                return json_is_array(content) ? policy_refuse_unknown(walk, err, "constant", "[]")
                                              : 0;
        const char *key;
        const json_t *value;
        json_object_foreach((json_t *)content, key, value)
        {
                bool half = strcmp(key, "upper") == 0 || strcmp(key, "lower") == 0;
                if (half && json_is_number(value))
                        continue;
                if (strcmp(key, "children") != 0 || !json_is_array(value))
                        return policy_refuse_unknown(walk, err, "constant", key);
                size_t i;
                const json_t *child;
                json_array_foreach(value, i, child)
                {
                        int r = policy_check_value(walk, child, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static const struct policy_shape constant = {
        .members = (const struct policy_member[]){{.name = "type", .kind = POLICY_TYPE},
                                                  {.name = "is_null", .kind = POLICY_FLAG},
                                                  {.name = "value", .kind = POLICY_CHECKED},
                                                  {.name = NULL}},
};

int policy_check_value(struct policy_walk *walk, const json_t *value, struct error *err)
{
        if (++walk->depth > POLICY_DEPTH_MAX)
                return policy_refuse(walk, err, "a constant is nested too deeply");
        int r = policy_walk_object(walk, value, &constant, err);
        if (r == 0)
                r = check_value_content(walk, json_object_get(value, "value"), err);
        walk->depth--;
        return r;
}
