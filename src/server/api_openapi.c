/* GET /openapi.json: the API's description. It is schemas/openapi.v1.json, in which two components
 * only name the files beside it that are schemas of their own; they are put in once, when the
 * server starts, so that what is served needs no other document. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#define DOCUMENT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define POINTER_MAX 256

/* Made from schemas/ by tools/embed. */
extern const char openapi_json[];
extern const char capsule_schema_json[];

static int parse(const char *text, json_t **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = DOCUMENT_BYTES_MAX,
                                                  .max_depth = JSON_DEPTH_CEILING};
        return json_parse(text, strlen(text), &limits, ERROR_INTERNAL, ret, err);
}

static int move_references(json_t *json, const char *place, struct error *err);

/* "#/$defs/name", within a schema of its own, is "#/components/schemas/Capsule/$defs/name" in the
 * document. */
static int move_member(json_t *object, const char *key, json_t *value, const char *place,
                       struct error *err)
{
        char pointer[POINTER_MAX];
        const char *to = json_string_value(value);
        if (strcmp(key, "$ref") != 0 || !to || to[0] != '#')
                return move_references(value, place, err);
        (void)snprintf(pointer, sizeof(pointer), "#%s%s", place, to + 1);
        return json_object_set_new(object, key, json_string(pointer)) < 0 ? error_oom(err) : 0;
}

static int move_references(json_t *json, const char *place, struct error *err)
{
        const char *key;
        json_t *value;
        size_t i;
        int r = 0;
        json_object_foreach(json, key, value)
        {
                if (r == 0)
                        r = move_member(json, key, value, place, err);
        }
        json_array_foreach(json, i, value)
        {
                if (r == 0)
                        r = move_references(value, place, err);
        }
        return r;
}

/* Puts the schema in as that component. */
static int put_in(json_t *components, const char *name, const char *schema_text, struct error *err)
{
        _cleanup_json_ json_t *schema = NULL;
        char place[64];
        (void)snprintf(place, sizeof(place), "/components/schemas/%s", name);
        int r = parse(schema_text, &schema, err);
        if (r == 0)
                r = move_references(schema, place, err);
        if (r < 0)
                return r;
        /* A part of the document has no name and no dialect of its own. */
        (void)json_object_del(schema, "$id");
        (void)json_object_del(schema, "$schema");
        return json_object_set(components, name, schema) < 0 ? error_oom(err) : 0;
}

int api_openapi_make(char **ret, struct error *err)
{
        _cleanup_json_ json_t *document = NULL;
        _cleanup_buf_ struct buf text = {0};
        int r = parse(openapi_json, &document, err);
        json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
        if (r == 0)
                r = put_in(schemas, "Capsule", capsule_schema_json, err);
        if (r == 0)
                r = put_in(schemas, "QueryPlan", plan_schema_text(), err);
        buf_init(&text, DOCUMENT_BYTES_MAX);
        if (r == 0)
                r = json_put(document, &text, err);
        buf_putc(&text, '\n');
        if (r == 0)
                r = buf_error(&text, err, "the API's description");
        if (r < 0)
                return error_prefix(err, r, "making the API's description");
        *ret = buf_steal(&text);
        return *ret ? 0 : error_oom(err);
}

void api_openapi(struct call *call)
{
        const char *text = call->api->openapi;
        http_set(call->request, "Cache-Control", "no-cache");
        http_reply(call->request, 200, "application/json", text, strlen(text));
}
