#include "kube/from_yaml.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 64

struct reader {
        yaml_document_t document;
        size_t nodes; /* made so far */
        enum error_type type;
        struct error *err;
};

static json_t *refuse(struct reader *reader, const yaml_node_t *node, const char *what)
{
        (void)error_set(reader->err, reader->type, "line %zu, column %zu: %s",
                        node->start_mark.line + 1, node->start_mark.column + 1, what);
        return NULL;
}

static json_t *made(struct reader *reader, json_t *json)
{
        if (!json)
                (void)error_oom(reader->err);
        return json;
}

static bool is_one_of(const char *text, const char *const *words)
{
        for (; *words; words++)
                if (strcmp(text, *words) == 0)
                        return true;
        return false;
}

/* Digits with an optional sign; what an integer has not is left to strtod. */
static bool is_number(const char *text)
{
        const char *p = text + (*text == '-' || *text == '+');
        return (*p >= '0' && *p <= '9') || (*p == '.' && p[1] >= '0' && p[1] <= '9');
}

static json_t *number_of(const char *text)
{
        char *end = NULL;
        errno = 0;
        long long integer = strtoll(text, &end, 10);
        if (errno == 0 && !*end)
                return json_integer(integer);
        errno = 0;
        double real = strtod(text, &end);
        return errno == 0 && !*end && strpbrk(text, "xX") == NULL ? json_real(real) : NULL;
}

/* 10.3.2 of YAML 1.2: the core schema, without octal and hexadecimal integers. */
static json_t *plain_of(struct reader *reader, const char *text, size_t n)
{
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
        static const char *const trues[] = {"true", "True", "TRUE", NULL};
        static const char *const falses[] = {"false", "False", "FALSE", NULL};
        if (is_one_of(text, nulls))
                return json_null();
        if (is_one_of(text, trues))
                return json_true();
        if (is_one_of(text, falses))
                return json_false();
        json_t *number = is_number(text) ? number_of(text) : NULL;
        return number ? number : made(reader, json_stringn(text, n));
}

static json_t *scalar_of(struct reader *reader, const yaml_node_t *node)
{
        const char *text = (const char *)node->data.scalar.value;
        size_t n = node->data.scalar.length;
        if (strlen(text) != n)
                return refuse(reader, node, "a text has a NUL in it");
        return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
                       ? plain_of(reader, text, n)
                       : made(reader, json_stringn(text, n));
}

static json_t *node_of(struct reader *reader, int index, size_t depth);

static json_t *list_of(struct reader *reader, const yaml_node_t *node, size_t depth)
{
        _cleanup_json_ json_t *list = json_array();
        if (!list)
                return made(reader, NULL);
        for (const yaml_node_item_t *item = node->data.sequence.items.start;
             item < node->data.sequence.items.top; item++) {
                json_t *value = node_of(reader, *item, depth + 1);
                if (!value)
                        return NULL;
                if (json_array_append_new(list, value) < 0)
                        return made(reader, NULL);
        }
        return steal_ptr(&list);
}

static json_t *object_of(struct reader *reader, const yaml_node_t *node, size_t depth)
{
        _cleanup_json_ json_t *object = json_object();
        if (!object)
                return made(reader, NULL);
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++) {
                const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
                const char *name = (const char *)key->data.scalar.value;
                if (key->type != YAML_SCALAR_NODE || strlen(name) != key->data.scalar.length)
                        return refuse(reader, key, "a key that is no text");
                if (json_object_get(object, name))
                        return refuse(reader, key, "a key is there twice");
                json_t *value = node_of(reader, pair->value, depth + 1);
                if (!value)
                        return NULL;
                if (json_object_set_new(object, name, value) < 0)
                        return refuse(reader, key, "a key that is no text");
        }
        return steal_ptr(&object);
}

static json_t *node_of(struct reader *reader, int index, size_t depth)
{
        const yaml_node_t *node = yaml_document_get_node(&reader->document, index);
        if (depth > DEPTH_MAX || ++reader->nodes > YAML_NODES_MAX)
                return refuse(reader, node, "too much within one another, or too much of it");
        switch (node->type) {
        case YAML_SCALAR_NODE:
                return scalar_of(reader, node);
        case YAML_SEQUENCE_NODE:
                return list_of(reader, node, depth);
        case YAML_MAPPING_NODE:
                return object_of(reader, node, depth);
        default:
                return refuse(reader, node, "nothing that is known");
        }
}

static int cannot_parse(const yaml_parser_t *parser, enum error_type type, struct error *err)
{
        if (parser->error == YAML_MEMORY_ERROR)
                return error_oom(err);
        return error_set(err, type, "line %zu, column %zu: %s", parser->problem_mark.line + 1,
                         parser->problem_mark.column + 1,
                         parser->problem ? parser->problem : "no YAML");
}

int yaml_parse(const char *text, size_t n, enum error_type type, json_t **ret, struct error *err)
{
        yaml_parser_t parser;
        struct reader reader = {.type = type, .err = err};
        int r = -(int)type;
        if (n > YAML_BYTES_MAX)
                return error_set(err, type, "it has more than %zu bytes", YAML_BYTES_MAX);
        if (!yaml_parser_initialize(&parser))
                return error_oom(err);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
        if (!yaml_parser_load(&parser, &reader.document)) {
                r = cannot_parse(&parser, type, err);
        } else {
                json_t *json = NULL;
                if (!yaml_document_get_root_node(&reader.document))
                        r = error_set(err, type, "it is empty");
                else
                        json = node_of(&reader, 1, 0);
                if (json) {
                        *ret = json;
                        r = 0;
                }
                yaml_document_delete(&reader.document);
        }
        yaml_parser_delete(&parser);
        return r;
}
