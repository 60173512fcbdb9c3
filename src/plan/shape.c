#include "plan/shape.h"

#include <math.h>
#include <string.h>

void *shape_alloc(struct shape *s, size_t count, size_t size)
{
        void *p = arena_array(s->arena, count, size);
        if (!p)
                s->report.no_memory = true;
        return p;
}

/* Places outlive a failed allocation as the place above: the work stops soon anyway. */
const struct place *shape_member(struct shape *s, const struct place *up, const char *key)
{
        struct place *place = shape_alloc(s, 1, sizeof(*place));
        if (!place)
                return up;
        *place = place_key(up, key);
        return place;
}

const struct place *shape_element(struct shape *s, const struct place *up, size_t index)
{
        struct place *place = shape_alloc(s, 1, sizeof(*place));
        if (!place)
                return up;
        *place = place_index(up, index);
        return place;
}

static const char *type_words(const json_t *json)
{
        switch (json_typeof(json)) {
        case JSON_OBJECT:
                return "an object";
        case JSON_ARRAY:
                return "a list";
        case JSON_STRING:
                return "a string";
        case JSON_INTEGER:
        case JSON_REAL:
                return "a number";
        case JSON_TRUE:
        case JSON_FALSE:
                return "true or false";
        case JSON_NULL:
        default:
                return "null";
        }
}

bool shape_object(struct shape *s, const json_t *json, const struct place *at, const char *what,
                  const char *example)
{
        if (json_is_object(json))
                return true;
        report_fault(&s->report, at, "%s must be an object such as %s, not %s", what, example,
                     type_words(json));
        return false;
}

static bool word_is_in(const char *const *words, const char *word)
{
        for (; *words; words++)
                if (strcmp(*words, word) == 0)
                        return true;
        return false;
}

static const char *word_nearest(struct shape *s, const char *const *words, const char *wanted)
{
        const char *meant = word_meant(wanted);
        if (meant && word_is_in(words, meant))
                return meant;
        struct nearest nearest = {.wanted = wanted, .work_left = &s->work_left};
        for (; *words; words++)
                nearest_offer(&nearest, *words);
        return nearest.name;
}

const char *shape_join(struct shape *s, const char *const *words)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 1000);
        for (size_t i = 0; words[i]; i++)
                buf_printf(&text, "%s%s", i ? ", " : "", words[i]);
        const char *copy = arena_strdup(s->arena, buf_text(&text));
        if (!copy)
                s->report.no_memory = true;
        return copy ? copy : "";
}

void shape_keys(struct shape *s, const json_t *object, const struct place *at,
                const char *const *keys)
{
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)object, key, value)
        {
                if (word_is_in(keys, key))
                        continue;
                const char *near = word_nearest(s, keys, key);
                const char *quoted = report_quote(&s->report, key);
                const struct place *place = shape_member(s, at, key);
                if (near)
                        report_near(&s->report, place, near,
                                    "%s is not a key here; did you mean \"%s\"?", quoted, near);
                else
                        report_fault(&s->report, place,
                                     "%s is not a key here; the keys are: %s. Remove it", quoted,
                                     shape_join(s, keys));
        }
}

struct shape_list shape_list(struct shape *s, const json_t *object, const struct place *at,
                             const char *key, size_t min, size_t max)
{
        struct shape_list list = {.json = json_object_get(object, key)};
        if (!list.json)
                return list;
        list.at = shape_member(s, at, key);
        if (!json_is_array(list.json)) {
                report_fault(&s->report, list.at, "\"%s\" must be a list, not %s", key,
                             type_words(list.json));
                return list;
        }
        size_t n = json_array_size(list.json);
        if (n < min)
                report_fault(&s->report, list.at, "\"%s\" needs at least %zu element%s, not %zu",
                             key, min, min == 1 ? "" : "s", n);
        else if (n > max)
                report_fault(&s->report, list.at, "\"%s\" has %zu elements; the most is %zu", key,
                             n, max);
        else
                list.n = n;
        return list;
}

/* JSON does not tell 10.0 from 10; neither does JSON Schema. */
static bool integer_of(const json_t *json, double *ret)
{
        *ret = json_number_value(json);
        return json_is_number(json) && *ret == floor(*ret);
}

int shape_integer(struct shape *s, const json_t *object, const struct place *at, const char *key,
                  int min, int max, int fallback)
{
        const json_t *json = json_object_get(object, key);
        if (!json)
                return fallback;
        double value;
        if (integer_of(json, &value) && value >= min && value <= max)
                return (int)value;
        report_fault(&s->report, shape_member(s, at, key),
                     "\"%s\" must be a whole number from %d to %d", key, min, max);
        return fallback;
}

bool shape_bool(struct shape *s, const json_t *object, const struct place *at, const char *key)
{
        const json_t *json = json_object_get(object, key);
        if (json && !json_is_boolean(json))
                report_fault(&s->report, shape_member(s, at, key),
                             "\"%s\" must be true or false, not %s", key, type_words(json));
        return json_is_true(json);
}

int shape_choice(struct shape *s, const json_t *object, const struct place *at, const char *key,
                 const char *zero, const char *one)
{
        const json_t *json = json_object_get(object, key);
        if (!json)
                return -1;
        const char *word = json_string_value(json);
        if (word && strcmp(word, zero) == 0)
                return 0;
        if (word && strcmp(word, one) == 0)
                return 1;
        report_fault(&s->report, shape_member(s, at, key), "\"%s\" must be \"%s\" or \"%s\"", key,
                     zero, one);
        return -1;
}

static size_t utf8_length(const char *text)
{
        size_t n = 0;
        for (; *text; text++)
                n += ((unsigned char)*text & 0xC0) != 0x80;
        return n;
}

static bool has_control_character(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7F)
                        return true;
        return false;
}

const char *shape_text(struct shape *s, const json_t *json, const struct place *at, size_t max,
                       const char *what)
{
        const char *text = json_string_value(json);
        if (!text)
                report_fault(&s->report, at, "%s must be a string, not %s", what, type_words(json));
        else if (!*text)
                report_fault(&s->report, at, "%s must not be empty", what);
        else if (utf8_length(text) > max)
                report_fault(&s->report, at, "%s has %zu characters; the most is %zu", what,
                             utf8_length(text), max);
        else if (has_control_character(text))
                report_fault(&s->report, at, "%s must not hold control characters", what);
        else
                return text;
        return NULL;
}

const char *shape_word(struct shape *s, const json_t *object, const struct place *at,
                       const char *key, const char *const *words)
{
        const json_t *json = json_object_get(object, key);
        if (!json) {
                report_fault(&s->report, at, "\"%s\" is missing; it is one of: %s", key,
                             shape_join(s, words));
                return NULL;
        }
        const char *word = json_string_value(json);
        if (word && word_is_in(words, word))
                return word;
        const struct place *place = shape_member(s, at, key);
        if (word)
                report_near(&s->report, place, word_nearest(s, words, word),
                            "%s is not a known \"%s\"; write one of: %s",
                            report_quote(&s->report, word), key, shape_join(s, words));
        else
                report_fault(&s->report, place, "\"%s\" must be one of the strings: %s", key,
                             shape_join(s, words));
        return NULL;
}

bool shape_enter(struct shape *s, const struct place *at)
{
        if (s->nesting == PLAN_NESTING_MAX) {
                report_fault(&s->report, at,
                             "expressions and filters nest more than %d deep here; simplify",
                             PLAN_NESTING_MAX);
                return false;
        }
        if (s->nodes == PLAN_NODES_MAX) {
                if (!s->is_too_large)
                        report_fault(&s->report, at,
                                     "the plan has more than %d expressions and filters; simplify",
                                     PLAN_NODES_MAX);
                s->is_too_large = true;
                return false;
        }
        s->nesting++;
        s->nodes++;
        return true;
}

void shape_leave(struct shape *s)
{
        s->nesting--;
}

struct expr *shape_expr(struct shape *s, enum expr_op op, const struct place *at)
{
        struct expr *expr = shape_alloc(s, 1, sizeof(*expr));
        if (!expr)
                return NULL;
        expr->op = op;
        expr->at = at;
        expr->id = s->plan->n_nodes++;
        return expr;
}
