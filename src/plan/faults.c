#include "plan/report.h"

#include "base/alloc.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_ARENA_MAX (1024 * 1024)
#define MESSAGE_MAX 700
#define QUOTE_MAX 60       /* bytes of outside text that a message repeats */
#define POINTER_KEY_MAX 64 /* bytes of a key that a pointer repeats */
#define POINTER_MAX ERROR_POINTER_MAX

void plan_faults_init(struct plan_faults *faults)
{
        *faults = (struct plan_faults){0};
}

void plan_faults_done(struct plan_faults *faults)
{
        arena_free(faults->arena);
        plan_faults_init(faults);
}

int plan_faults_to_error(const struct plan_faults *faults, struct error *err)
{
        if (faults->n == 0)
                return error_set(err, ERROR_INTERNAL, "no fault was recorded");
        const struct plan_fault *first = &faults->items[0];
        size_t more = faults->n - 1 + faults->n_more;
        int r;
        if (more)
                r = error_set(err, first->type, "%s (and %zu more fault%s)", first->message, more,
                              more == 1 ? "" : "s");
        else
                r = error_set(err, first->type, "%s", first->message);
        if (err)
                (void)snprintf(err->pointer, sizeof(err->pointer), "%s", first->pointer);
        return r;
}

static json_t *fault_to_json(const struct plan_fault *fault)
{
        _cleanup_json_ json_t *object =
                json_pack("{s:s, s:s, s:s}", "type", error_type_name(fault->type), "pointer",
                          fault->pointer, "message", fault->message);
        if (!object)
                return NULL;
        if (fault->suggestion &&
            json_object_set_new(object, "suggestion", json_string(fault->suggestion)) < 0)
                return NULL;
        return steal_ptr(&object);
}

json_t *plan_faults_to_json(const struct plan_faults *faults)
{
        _cleanup_json_ json_t *array = json_array();
        if (!array)
                return NULL;
        for (size_t i = 0; i < faults->n; i++)
                if (json_array_append_new(array, fault_to_json(&faults->items[i])) < 0)
                        return NULL;
        return steal_ptr(&array);
}

static bool faults_ready(struct plan_faults *faults)
{
        if (!faults->arena)
                faults->arena = arena_new(FAULTS_ARENA_MAX);
        if (faults->arena && !faults->items)
                faults->items = arena_array(faults->arena, PLAN_FAULTS_MAX, sizeof(*faults->items));
        return faults->items != NULL;
}

static const char *pointer_text(struct plan_faults *faults, const struct place *at)
{
        /* A key that is far too long (it is unknown, then) is pointed to by its object. */
        while (at && at->key && strlen(at->key) > POINTER_KEY_MAX)
                at = at->up;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 64 * (2 * POINTER_KEY_MAX + 1));
        place_put(at, &text);
        return text.state == BUF_OK ? arena_strdup(faults->arena, buf_text(&text)) : NULL;
}

void report_add(struct report *report, enum error_type type, const struct place *at,
                const char *suggestion, const char *format, ...)
{
        struct plan_faults *faults = report->faults;
        if (faults->n == PLAN_FAULTS_MAX) {
                faults->n_more++;
                return;
        }
        if (!faults_ready(faults)) {
                report->no_memory = true;
                return;
        }
        char message[MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        struct plan_fault fault = {
                .type = type,
                .pointer = pointer_text(faults, at),
                .message = arena_strdup(faults->arena, message),
                .suggestion = suggestion ? arena_strdup(faults->arena, suggestion) : NULL,
        };
        if (!fault.pointer || !fault.message || (suggestion && !fault.suggestion)) {
                report->no_memory = true;
                return;
        }
        faults->items[faults->n++] = fault;
}

/* The end of the longest prefix of text that has at most max bytes and no half character. */
static size_t utf8_clip(const char *text, size_t max)
{
        size_t n = strnlen(text, max + 1);
        if (n <= max)
                return n;
        n = max;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
                n--;
        return n;
}

const char *report_quote(struct report *report, const char *text)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 8 * QUOTE_MAX);
        size_t n = utf8_clip(text, QUOTE_MAX);
        json_put_string(&out, text, n);
        if (text[n])
                buf_puts(&out, "...");
        const char *copy = NULL;
        if (out.state == BUF_OK && faults_ready(report->faults))
                copy = arena_strdup(report->faults->arena, buf_text(&out));
        if (!copy)
                report->no_memory = true;
        return copy ? copy : "\"\"";
}

/* A fault and where it stands: the ordinals of the members on the way to it. */
struct ranked {
        struct plan_fault fault;
        size_t n; /* of path */
        size_t path[PLAN_DEPTH_MAX + 1];
        size_t found; /* keeps the sort stable */
};

static size_t member_ordinal(const json_t *object, const char *name)
{
        size_t i = 0;
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)object, key, value)
        {
                if (strcmp(key, name) == 0)
                        break;
                i++;
        }
        return i;
}

/* Reads one token of a pointer into key; what follows it. */
static const char *pointer_next(const char *p, char key[POINTER_KEY_MAX + 1])
{
        size_t n = 0;
        for (p++; *p && *p != '/'; p++) {
                char c = *p;
                if (c == '~')
                        c = *++p == '1' ? '/' : '~';
                if (n < POINTER_KEY_MAX)
                        key[n++] = c;
        }
        key[n] = '\0';
        return p;
}

static void rank_fault(struct ranked *ranked, const json_t *json)
{
        const char *p = ranked->fault.pointer;
        while (*p && json && ranked->n <= PLAN_DEPTH_MAX) {
                char key[POINTER_KEY_MAX + 1];
                p = pointer_next(p, key);
                size_t ordinal;
                if (json_is_array(json)) {
                        ordinal = (size_t)strtoul(key, NULL, 10);
                        json = json_array_get(json, ordinal);
                } else {
                        ordinal = member_ordinal(json, key);
                        json = json_object_get(json, key);
                }
                ranked->path[ranked->n++] = ordinal;
        }
}

static int ranked_compare(const void *a, const void *b)
{
        const struct ranked *x = a;
        const struct ranked *y = b;
        for (size_t i = 0; i < x->n && i < y->n; i++)
                if (x->path[i] != y->path[i])
                        return x->path[i] < y->path[i] ? -1 : 1;
        if (x->n != y->n)
                return x->n < y->n ? -1 : 1;
        return x->found < y->found ? -1 : 1;
}

void report_sort(struct report *report, const json_t *plan)
{
        struct plan_faults *faults = report->faults;
        if (faults->n < 2)
                return;
        _cleanup_free_ struct ranked *ranked = alloc_calloc(faults->n, sizeof(*ranked));
        if (!ranked) {
                report->no_memory = true;
                return;
        }
        for (size_t i = 0; i < faults->n; i++) {
                ranked[i].fault = faults->items[i];
                ranked[i].found = i;
                rank_fault(&ranked[i], plan);
        }
        qsort(ranked, faults->n, sizeof(*ranked), ranked_compare);
        for (size_t i = 0; i < faults->n; i++)
                faults->items[i] = ranked[i].fault;
}
