/* YAML out of outside bytes: what is accepted is within its bounds, and read again as JSON is the
 * same. */
#include "fuzz.h"

#include "kube/from_yaml.h"

#define TEXT_MAX 65536

/* Numbers that JSON has not are texts, so that all of it can be written. */
static size_t count(const json_t *json, size_t depth)
{
        size_t n = 1;
        size_t i;
        const char *key;
        json_t *one;
        FUZZ_CHECK(depth < 100);
        json_array_foreach((json_t *)json, i, one)
        {
                n += count(one, depth + 1);
        }
        json_object_foreach((json_t *)json, key, one)
        {
                n += count(one, depth + 1);
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct error err = {0};
        json_t *json = NULL;
        json_t *again = NULL;
        if (size > TEXT_MAX)
                return 0;
        int r = yaml_parse((const char *)data, size, ERROR_USAGE, &json, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK((r == 0) == (json != NULL));
        if (r < 0)
                return 0;
        FUZZ_CHECK(count(json, 0) <= YAML_NODES_MAX);
        char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
        FUZZ_CHECK(text);
        json_decref(json);
        json = json_loads(text, JSON_DECODE_ANY, NULL);
        FUZZ_CHECK(json);
        /* JSON's escapes of 0x7f and the like are not YAML 1.1's. */
        if (strlen(text) < TEXT_MAX && !strchr(text, '\\') &&
            yaml_parse(text, strlen(text), ERROR_USAGE, &again, &err) == 0)
                FUZZ_CHECK(json_equal(json, again));
        free(text);
        json_decref(json);
        json_decref(again);
        return 0;
}
