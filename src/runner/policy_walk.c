#include "runner/policy_walk.h"

#include "runner/policy_function.h"
#include "runner/policy_text.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNKNOWN_PLACE 9007199254740992.0 /* 2^53; the engine writes 2^64 - 1 for "unknown" */

int policy_refuse(const struct policy_walk *walk, struct error *err, const char *format, ...)
{
        char said[ERROR_MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(said, sizeof(said), format, args);
        va_end(args);
        policy_text_repair(said);
        int r = error_set(err, ERROR_SQL_POLICY_VIOLATION, "%s", said);
        if (err) {
                size_t at = walk->place == POLICY_NO_PLACE
                                    ? policy_text_statement(walk->sql, walk->sql_n, 0)
                                    : policy_text_offset(walk->sql, walk->sql_n, walk->place);
                err->position = policy_text_position(walk->sql, walk->sql_n, at);
        }
        return r;
}

int policy_refuse_unknown(const struct policy_walk *walk, struct error *err, const char *what,
                          const char *name)
{
        return policy_refuse(walk, err,
                             "this SQL uses something that is not known to be safe (%s \"%.64s\"); "
                             "write it in another way",
                             what, name ? name : "");
}

bool policy_json_is_empty(const json_t *json)
{
        switch (json ? json_typeof(json) : JSON_NULL) {
        case JSON_NULL:
        case JSON_FALSE:
                return true;
        case JSON_STRING:
                return json_string_length(json) == 0;
        case JSON_ARRAY:
                return json_array_size(json) == 0;
        case JSON_OBJECT:
                return json_object_size(json) == 0;
        default:
                return false;
        }
}

static bool shape_lists(const struct policy_shape *shape, const char *name)
{
        for (const struct policy_member *member = shape->members; member->name; member++)
                if (strcmp(member->name, name) == 0)
                        return true;
        return false;
}

static int check_unlisted(const struct policy_walk *walk, const json_t *node,
                          const struct policy_shape *shape, struct error *err)
{
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)node, key, value)
        {
                if (!shape_lists(shape, key) && !policy_json_is_empty(value))
                        return policy_refuse_unknown(walk, err, "the parse tree's member", key);
        }
        return 0;
}

static int check_choice(const struct policy_walk *walk, const json_t *value,
                        const struct policy_member *member, struct error *err)
{
        const char *text = json_string_value(value);
        for (size_t i = 0; text && member->choices[i]; i++)
                if (strcmp(text, member->choices[i]) == 0)
                        return 0;
        return policy_refuse_unknown(walk, err, member->name, text);
}

static int refuse_depth(const struct policy_walk *walk, struct error *err)
{
        return policy_refuse(walk, err,
                             "the query is nested more than %d levels deep; write it flatter",
                             POLICY_DEPTH_MAX);
}

static size_t place_of(const json_t *node)
{
        const json_t *location = json_object_get(node, "query_location");
        double place = json_number_value(location);
        bool known = json_is_number(location) && place >= 0 && place < UNKNOWN_PLACE;
        return known ? (size_t)place : POLICY_NO_PLACE;
}

/* The first place known inside of a node, looking a few levels down. */
static size_t place_inside(const json_t *json, int levels)
{
        size_t place = place_of(json);
        const char *key;
        const json_t *value;
        size_t i;
        if (place != POLICY_NO_PLACE || levels == 0)
                return place;
        json_object_foreach((json_t *)json, key, value)
        {
                place = place_inside(value, levels - 1);
                if (place != POLICY_NO_PLACE)
                        return place;
        }
        json_array_foreach(json, i, value)
        {
                place = place_inside(value, levels - 1);
                if (place != POLICY_NO_PLACE)
                        return place;
        }
        return POLICY_NO_PLACE;
}

/* Goes one node deeper, at the place that the node knows of itself. DuckDB gives none to casts
 * and collations, for instance: their operand's is near, and so is that of what is around. */
static int walk_enter(struct policy_walk *walk, const json_t *node, struct error *err)
{
        size_t place = place_inside(node, 4);
        if (place != POLICY_NO_PLACE)
                walk->place = place;
        return ++walk->depth > POLICY_DEPTH_MAX ? refuse_depth(walk, err) : 0;
}

static const char *choice_of(const struct policy_shape *shape, const char *type)
{
        for (size_t i = 0; shape->types && type && shape->types[i]; i++)
                if (strcmp(type, shape->types[i]) == 0)
                        return type;
        return NULL;
}

/* A node of one of the families that may hold each other. */
static int walk_node(struct policy_walk *walk, const json_t *node, const char *what,
                     const struct policy_shape *shape, struct error *err)
{
        const char *class_name = json_get_string(node, "class");
        const char *type = json_get_string(node, "type");
        if (!shape)
                return policy_refuse_unknown(walk, err, what, class_name ? class_name : type);
        if (shape->refused)
                return policy_refuse(walk, err, "%s", shape->refused);
        if (shape->types && !choice_of(shape, type))
                return policy_refuse_unknown(walk, err, what, type);
        return policy_walk_object(walk, node, shape, err);
}

static int walk_expression(struct policy_walk *walk, const json_t *node, struct error *err)
{
        size_t place = walk->place;
        const char *name = json_get_string(node, "class");
        int r = walk_enter(walk, node, err);
        if (r == 0 && ++walk->expression_depth > POLICY_EXPRESSION_DEPTH_MAX)
                r = policy_refuse(walk, err,
                                  "an expression is nested more than %d levels deep; shorten the "
                                  "chain of operators or calls",
                                  POLICY_EXPRESSION_DEPTH_MAX);
        if (r == 0)
                r = walk_node(walk, node, "expression", name ? policy_shape_expression(name) : NULL,
                              err);
        walk->expression_depth--;
        walk->depth--;
        walk->place = place;
        return r;
}

static int walk_ref(struct policy_walk *walk, const json_t *node, struct error *err)
{
        static const char *const shows[] = {"describe", "desc", "show", "summarize"};
        size_t place = walk->place;
        const char *type = json_get_string(node, "type");
        int r = walk_enter(walk, node, err);
        if (type && strcmp(type, "SHOW_REF") == 0) {
                size_t at = policy_text_find(walk->sql, walk->sql_n, shows, ARRAY_SIZE(shows));
                if (at < walk->sql_n)
                        walk->place = at;
        }
        if (r == 0)
                r = walk_node(walk, node, "table reference", type ? policy_shape_ref(type) : NULL,
                              err);
        walk->depth--;
        walk->place = place;
        return r;
}

static int walk_query(struct policy_walk *walk, const json_t *node, struct error *err)
{
        size_t n_ctes = walk->n_ctes;
        const char *type = json_get_string(node, "type");
        int r = ++walk->depth > POLICY_DEPTH_MAX ? refuse_depth(walk, err) : 0;
        if (r == 0)
                r = walk_node(walk, node, "query", type ? policy_shape_query(type) : NULL, err);
        walk->n_ctes = n_ctes;
        walk->depth--;
        return r;
}

static int walk_modifier(struct policy_walk *walk, const json_t *node, struct error *err)
{
        const char *type = json_get_string(node, "type");
        return walk_node(walk, node, "clause", type ? policy_shape_modifier(type) : NULL, err);
}

static int walk_table_function(struct policy_walk *walk, const json_t *node, struct error *err)
{
        size_t place = walk->place;
        int r = walk_enter(walk, node, err);
        if (r == 0)
                r = policy_check_table_function(walk, node, err);
        walk->depth--;
        walk->place = place;
        return r < 0 ? r : walk_expression(walk, node, err);
}

static int push_cte(struct policy_walk *walk, const json_t *name, bool recursive, struct error *err)
{
        if (!json_is_string(name))
                return policy_refuse_unknown(walk, err, "the parse tree's member", "cte_map");
        if (walk->n_ctes == POLICY_CTES_MAX)
                return policy_refuse(walk, err, "there are more than %d tables in WITH; use fewer",
                                     POLICY_CTES_MAX);
        walk->ctes[walk->n_ctes++] =
                (struct policy_cte){.name = json_string_value(name), .recursive = recursive};
        return 0;
}

static int walk_array(struct policy_walk *walk, const json_t *array,
                      int (*each)(struct policy_walk *, const json_t *, struct error *),
                      struct error *err)
{
        size_t i;
        const json_t *value;
        if (!json_is_array(array))
                return policy_refuse_unknown(walk, err, "the parse tree's", "array");
        json_array_foreach(array, i, value)
        {
                int r = each(walk, value, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_text(struct policy_walk *walk, const json_t *value, struct error *err)
{
        return json_is_string(value) ? 0
                                     : policy_refuse_unknown(walk, err, "the parse tree's", "text");
}

static int check_number(struct policy_walk *walk, const json_t *value, struct error *err)
{
        return json_is_number(value)
                       ? 0
                       : policy_refuse_unknown(walk, err, "the parse tree's", "number");
}

static int check_numbers(struct policy_walk *walk, const json_t *value, struct error *err)
{
        return walk_array(walk, value, check_number, err);
}

static int walk_expressions(struct policy_walk *walk, const json_t *value, struct error *err)
{
        return walk_array(walk, value, walk_expression, err);
}

static int walk_objects(struct policy_walk *walk, const json_t *array,
                        const struct policy_shape *shape, struct error *err)
{
        size_t i;
        const json_t *value;
        if (!json_is_array(array))
                return policy_refuse_unknown(walk, err, "the parse tree's", "array");
        json_array_foreach(array, i, value)
        {
                int r = policy_walk_object(walk, value, shape, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int walk_member(struct policy_walk *walk, const json_t *value,
                       const struct policy_member *member, struct error *err)
{
        switch (member->kind) {
        case POLICY_TEXT:
                return check_text(walk, value, err);
        case POLICY_FLAG:
                return json_is_boolean(value)
                               ? 0
                               : policy_refuse_unknown(walk, err, "the member", member->name);
        case POLICY_NUMBER:
                return check_number(walk, value, err);
        case POLICY_NUMBERS:
                return check_numbers(walk, value, err);
        case POLICY_SETS:
                return walk_array(walk, value, check_numbers, err);
        case POLICY_NAMES:
                return walk_array(walk, value, check_text, err);
        case POLICY_CHOICE:
                return check_choice(walk, value, member, err);
        case POLICY_EXPRESSION:
                return walk_expression(walk, value, err);
        case POLICY_EXPRESSIONS:
                return walk_expressions(walk, value, err);
        case POLICY_ROWS:
                return walk_array(walk, value, walk_expressions, err);
        case POLICY_QUERY:
                return walk_query(walk, value, err);
        case POLICY_REF:
                return walk_ref(walk, value, err);
        case POLICY_MODIFIERS:
                return walk_array(walk, value, walk_modifier, err);
        case POLICY_OBJECT:
                return policy_walk_object(walk, value, member->shape, err);
        case POLICY_OBJECTS:
                return walk_objects(walk, value, member->shape, err);
        case POLICY_CTE:
                return push_cte(walk, value, false, err);
        case POLICY_SELF:
                return push_cte(walk, value, true, err);
        case POLICY_TYPE:
                return policy_check_type(walk, value, err);
        case POLICY_VALUE:
                return policy_check_value(walk, value, err);
        case POLICY_VALUES:
                return walk_array(walk, value, policy_check_value, err);
        case POLICY_TABLE_FUNCTION:
                return walk_table_function(walk, value, err);
        case POLICY_CHECKED:
                return 0;
        }
        return policy_refuse_unknown(walk, err, "the member", member->name);
}

/* Without one of these the engine would fill in something that the walk has not seen. */
static bool is_required(enum policy_member_kind kind)
{
        return kind == POLICY_QUERY || kind == POLICY_REF || kind == POLICY_TYPE ||
               kind == POLICY_VALUE || kind == POLICY_TABLE_FUNCTION || kind == POLICY_CTE ||
               kind == POLICY_SELF;
}

int policy_walk_object(struct policy_walk *walk, const json_t *node,
                       const struct policy_shape *shape, struct error *err)
{
        if (!json_is_object(node))
                return policy_refuse_unknown(walk, err, "the parse tree's", "object");
        int r = shape->check ? shape->check(walk, node, err) : 0;
        if (r == 0)
                r = check_unlisted(walk, node, shape, err);
        for (const struct policy_member *member = shape->members; r == 0 && member->name;
             member++) {
                const json_t *value = json_object_get(node, member->name);
                if (value && !json_is_null(value))
                        r = walk_member(walk, value, member, err);
                else if (is_required(member->kind))
                        r = policy_refuse_unknown(walk, err, "a node without", member->name);
        }
        return r;
}
