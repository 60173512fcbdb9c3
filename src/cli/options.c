#include "cli/options.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 64

/* Levenshtein's distance; both are shorter than NAME_BYTES_MAX. */
static size_t distance(const char *a, const char *b)
{
        size_t row[NAME_BYTES_MAX];
        size_t n = strlen(b);
        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 0; a[i]; i++) {
                size_t diagonal = row[0];
                row[0] = i + 1;
                for (size_t j = 0; j < n; j++) {
                        size_t replaced = diagonal + (a[i] != b[j]);
                        size_t least = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
                        diagonal = row[j + 1];
                        row[j + 1] = replaced < least ? replaced : least;
                }
        }
        return row[n];
}

const char *name_nearest(const char *const *names, size_t n, const char *typed)
{
        const char *nearest = NULL;
        size_t typed_bytes = strlen(typed);
        size_t best = typed_bytes / 3 + 2; /* farther than this is another word */
        if (typed_bytes >= NAME_BYTES_MAX)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                size_t d = strlen(names[i]) < NAME_BYTES_MAX ? distance(typed, names[i]) : best;
                if (d < best) {
                        best = d;
                        nearest = names[i];
                }
        }
        return nearest;
}

static int unknown_option(const struct option_spec *specs, size_t n, const char *typed,
                          struct error *err)
{
        const char *names[OPTIONS_MAX];
        size_t n_names = 0;
        for (; n_names < n && n_names < OPTIONS_MAX - 1; n_names++)
                names[n_names] = specs[n_names].name;
        names[n_names++] = "--help";
        char bare[NAME_BYTES_MAX] = "";
        size_t length = strcspn(typed, "=");
        memcpy(bare, typed, length < sizeof(bare) - 1 ? length : sizeof(bare) - 1);
        const char *nearest = name_nearest(names, n_names, bare);
        return error_set(err, ERROR_USAGE, "there is no option %s%s%s%s", bare,
                         nearest ? "; did you mean " : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

/* The option that the word names; *value is what stands behind "=", or NULL. */
static const struct option_spec *find_option(const struct option_spec *specs, size_t n,
                                             const char *word, const char **value)
{
        size_t length = strcspn(word, "=");
        *value = word[length] ? word + length + 1 : NULL;
        for (size_t i = 0; i < n; i++)
                if (strncmp(specs[i].name, word, length) == 0 && specs[i].name[length] == '\0')
                        return &specs[i];
        return NULL;
}

static int set_number(const struct option_spec *spec, const char *value, struct error *err)
{
        char *end;
        errno = 0;
        long long number = strtoll(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || errno == ERANGE)
                return error_set(err, ERROR_USAGE, "%s takes a whole number, not \"%.60s\"",
                                 spec->name, value);
        *spec->number = number;
        return 0;
}

static int set_text(const struct option_spec *spec, const char *value, struct error *err)
{
        char known[256] = "";
        *spec->text = value;
        if (!spec->choices)
                return 0;
        for (size_t i = 0; spec->choices[i]; i++) {
                if (strcmp(spec->choices[i], value) == 0)
                        return 0;
                if (i > 0)
                        strncat(known, ", ", sizeof(known) - strlen(known) - 1);
                strncat(known, spec->choices[i], sizeof(known) - strlen(known) - 1);
        }
        return error_set(err, ERROR_USAGE, "%s takes one of %s, not \"%.60s\"", spec->name, known,
                         value);
}

static int set_option(const struct option_spec *spec, const char *value, struct error *err)
{
        if (spec->flag) {
                if (value)
                        return error_set(err, ERROR_USAGE, "%s takes no value", spec->name);
                *spec->flag = true;
                return 0;
        }
        return spec->number ? set_number(spec, value, err) : set_text(spec, value, err);
}

struct parser {
        const struct option_spec *specs;
        size_t n_specs;
        size_t max_arguments;
        bool seen[OPTIONS_MAX];
        struct arguments *ret;
};

static int take_argument(struct parser *parser, const char *word, struct error *err)
{
        struct arguments *ret = parser->ret;
        if (ret->n == parser->max_arguments || ret->n == ARGUMENTS_MAX)
                return error_set(err, ERROR_USAGE, "there is one argument too many: \"%.200s\"",
                                 word);
        ret->items[ret->n++] = word;
        return 0;
}

/* Takes the option at argv[*i] and its value. */
static int take_option(struct parser *parser, int argc, char **argv, int *i, struct error *err)
{
        const char *value;
        const struct option_spec *spec =
                find_option(parser->specs, parser->n_specs, argv[*i], &value);
        if (!spec)
                return unknown_option(parser->specs, parser->n_specs, argv[*i], err);
        bool *seen = &parser->seen[spec - parser->specs];
        if (*seen)
                return error_set(err, ERROR_USAGE, "%s was given twice", spec->name);
        *seen = true;
        if (!spec->flag && !value) {
                if (++*i == argc)
                        return error_set(err, ERROR_USAGE, "%s needs a value", spec->name);
                value = argv[*i];
        }
        return set_option(spec, value, err);
}

static bool asks_for_help(int argc, char **argv)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        return true;
        return false;
}

int options_parse(const struct option_spec *specs, size_t n_specs, size_t max_arguments, int argc,
                  char **argv, struct arguments *ret, struct error *err)
{
        struct parser parser = {
                .specs = specs, .n_specs = n_specs, .max_arguments = max_arguments, .ret = ret};
        *ret = (struct arguments){.help = asks_for_help(argc, argv)};
        bool only_arguments = false;
        int r = 0;
        for (int i = 1; r == 0 && !ret->help && i < argc; i++) {
                const char *word = argv[i];
                if (!only_arguments && strcmp(word, "--") == 0)
                        only_arguments = true;
                else if (!only_arguments && word[0] == '-' && word[1])
                        r = take_option(&parser, argc, argv, &i, err);
                else
                        r = take_argument(&parser, word, err);
        }
        return r;
}
