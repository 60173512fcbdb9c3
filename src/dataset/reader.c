#include "dataset/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reader_bad(struct reader *reader, const struct place *place, const char *format, ...)
{
        char message[ERROR_MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        int r = error_set(reader->err, ERROR_DATASET_INVALID, "%s", message);
        place_to_error(place, reader->err);
        return r;
}

int reader_object(struct reader *reader, const struct place *place, const json_t *json,
                  const char *const *allowed)
{
        if (!json_is_object(json))
                return reader_bad(reader, place, "this should be an object");
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                const char *const *a = allowed;
                while (*a && strcmp(*a, key) != 0)
                        a++;
                if (!*a) {
                        struct place here = place_key(place, key);
                        return reader_bad(reader, &here,
                                          "the key \"%.100s\" is not known here; remove it", key);
                }
        }
        return 0;
}

static int take_text(struct reader *reader, const struct place *here, const json_t *value,
                     const char *what, const char **ret)
{
        size_t n = json_string_length(value);
        if (!json_is_string(value) || n == 0 || n > DATASET_TEXT_MAX)
                return reader_bad(reader, here, "%s should be a text of 1 to %d bytes", what,
                                  DATASET_TEXT_MAX);
        if (memchr(json_string_value(value), '\0', n))
                return reader_bad(reader, here, "%s holds the character U+0000; remove it", what);
        *ret = arena_strndup(reader->arena, json_string_value(value), n);
        return *ret ? 0 : error_oom(reader->err);
}

int reader_text(struct reader *reader, const struct place *place, const json_t *json,
                const char *key, bool required, const char **ret)
{
        struct place here = place_key(place, key);
        const json_t *value = json_object_get(json, key);
        char what[64];
        if (!value && !required)
                return 0;
        if (!value)
                return reader_bad(reader, &here, "\"%s\" is missing", key);
        (void)snprintf(what, sizeof(what), "\"%s\"", key);
        return take_text(reader, &here, value, what, ret);
}

int reader_array(struct reader *reader, const struct place *here, const json_t *json, size_t min,
                 size_t max, const json_t **ret)
{
        const json_t *value = json_object_get(json, here->key);
        if (!value && min == 0)
                return 0;
        if (!value)
                return reader_bad(reader, here, "\"%s\" is missing", here->key);
        size_t n = json_array_size(value);
        if (!json_is_array(value) || n < min || n > max)
                return reader_bad(reader, here, "\"%s\" should be an array of %zu to %zu elements",
                                  here->key, min, max);
        *ret = value;
        return 0;
}

int reader_words(struct reader *reader, const struct place *place, const json_t *json,
                 const char *key, struct words *ret)
{
        struct place here = place_key(place, key);
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 0, DATASET_WORDS_MAX, &array);
        if (r < 0 || !array)
                return r;
        size_t n = json_array_size(array);
        const char **items = arena_array(reader->arena, n, sizeof(*items));
        if (!items)
                return error_oom(reader->err);
        if (n == 0)
                return reader_bad(reader, &here, "\"%s\" is empty; fill it or remove the key", key);
        for (size_t i = 0; i < n; i++) {
                struct place element = place_index(&here, i);
                r = take_text(reader, &element, json_array_get(array, i), "this", &items[i]);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(items[k], items[i]) == 0)
                                return reader_bad(reader, &element, "\"%.100s\" is there twice",
                                                  items[i]);
        }
        *ret = (struct words){.items = items, .n = n};
        return 0;
}

int reader_objects(struct reader *reader, const struct place *place, const json_t *json,
                   const char *key, const json_t **ret)
{
        struct place here = place_key(place, key);
        const json_t *array = NULL;
        int r = reader_array(reader, &here, json, 0, DATASET_WORDS_MAX, &array);
        if (r < 0 || !array)
                return r;
        if (json_array_size(array) == 0)
                return reader_bad(reader, &here, "\"%s\" is empty; fill it or remove the key", key);
        for (size_t i = 0; i < json_array_size(array); i++) {
                struct place element = place_index(&here, i);
                if (!json_is_object(json_array_get(array, i)))
                        return reader_bad(reader, &element, "this should be an object");
        }
        *ret = array;
        return 0;
}
