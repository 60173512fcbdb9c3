/* Commands: a table of them, and how one is found and called. */
#ifndef ASKCSV_CLI_COMMAND_H
#define ASKCSV_CLI_COMMAND_H

#include "base/error.h"
#include "cli/style.h"

#include <stddef.h>

/* Where the program writes to. */
struct surface {
        struct style out;
        struct style err;
};

struct command {
        const char *name;
        const char *summary;         /* one line; NULL: not listed */
        const char *help;            /* the whole text of --help, with examples */
        const struct command *parts; /* "generate" of "datasets generate", or NULL */
        size_t n_parts;
        /* argv[0] is the command's name; returns the exit status. NULL when it has parts. */
        int (*run)(const struct surface *surface, int argc, char **argv);
};

/* Finds argv[0] among the commands and calls it. before is what was typed until here ("datasets",
 * or ""). Returns the exit status. */
int command_call(const struct command *commands, size_t n, const char *before,
                 const struct surface *surface, int argc, char **argv);

/* The command (and its part) that the words name, or NULL after saying what is wrong. */
const struct command *command_find(const struct command *commands, size_t n, const char *before,
                                   const char *typed);

/* Prints the command's help on standard output; returns 0. */
int command_help(const struct command *command);

extern const struct command cmd_ask;
extern const struct command cmd_run;
extern const struct command cmd_check;
extern const struct command cmd_plan;
extern const struct command cmd_datasets;
extern const struct command cmd_capsules;
extern const struct command cmd_verify;
extern const struct command cmd_serve;
extern const struct command cmd_config;
extern const struct command cmd_keys;
extern const struct command cmd_doctor;

#endif
