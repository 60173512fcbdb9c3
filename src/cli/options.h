/* A command's options and arguments, by a table. Options may stand before and after arguments;
 * "--name value" and "--name=value" are the same; what follows "--" is an argument; "-" too. */
#ifndef ASKCSV_CLI_OPTIONS_H
#define ASKCSV_CLI_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One option; exactly one of the first three targets is set. */
struct option_spec {
        const char *name;           /* "--format" */
        bool *flag;                 /* takes no value */
        const char **text;          /* any value, or one of choices */
        int64_t *number;            /* digits */
        const char *const *choices; /* ends with NULL; or NULL */
};

#define ARGUMENTS_MAX 64
#define OPTIONS_MAX 96

struct arguments {
        const char *items[ARGUMENTS_MAX];
        size_t n;
        bool help; /* --help or -h was there; nothing else was looked at */
};

/* argv[0] is the command's name; n_specs is below OPTIONS_MAX. ERROR_USAGE for an unknown option
 * (with the nearest one), one without its value or given twice, a value that does not fit, too many
 * arguments. */
int options_parse(const struct option_spec *specs, size_t n_specs, size_t max_arguments, int argc,
                  char **argv, struct arguments *ret, struct error *err);

/* The name in names that is nearest to what was typed, or NULL when none is near. */
const char *name_nearest(const char *const *names, size_t n, const char *typed);

#endif
