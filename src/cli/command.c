#include "cli/command.h"

#include "base/buf.h"
#include "cli/options.h"
#include "cli/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COMMANDS_MAX 32

int command_help(const struct command *command)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_puts(&out, command->help);
        return output_write(&out, 0);
}

const struct command *command_find(const struct command *commands, size_t n, const char *before,
                                   const char *typed)
{
        const char *names[COMMANDS_MAX];
        struct error err = {0};
        size_t i = 0;
        for (; i < n && i < COMMANDS_MAX; i++) {
                if (strcmp(commands[i].name, typed) == 0)
                        return &commands[i];
                names[i] = commands[i].name;
        }
        const char *nearest = name_nearest(names, i, typed);
        const char *space = *before ? " " : "";
        if (nearest)
                (void)error_set(&err, ERROR_USAGE,
                                "there is no command \"%s%s%.100s\"; did you mean \"%s%s%s\"?",
                                before, space, typed, before, space, nearest);
        else
                (void)error_set(&err, ERROR_USAGE, "there is no command \"%s%s%.100s\"", before,
                                space, typed);
        (void)report_usage(&err, before);
        return NULL;
}

static bool is_help(const char *word)
{
        return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* A command that is a family: its first argument names the part. */
static int call_part(const struct command *command, const struct surface *surface, int argc,
                     char **argv)
{
        struct error err = {0};
        if (argc > 1 && is_help(argv[1]))
                return command_help(command);
        if (argc > 1)
                return command_call(command->parts, command->n_parts, command->name, surface,
                                    argc - 1, argv + 1);
        char names[256] = "";
        for (size_t i = 0; i < command->n_parts; i++) {
                strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
                strncat(names, command->parts[i].name, sizeof(names) - strlen(names) - 1);
        }
        (void)error_set(&err, ERROR_USAGE, "%s needs one of %s", command->name, names);
        return report_usage(&err, command->name);
}

int command_call(const struct command *commands, size_t n, const char *before,
                 const struct surface *surface, int argc, char **argv)
{
        const struct command *command = command_find(commands, n, before, argv[0]);
        if (!command)
                return error_exit_status(ERROR_USAGE);
        return command->run ? command->run(surface, argc, argv)
                            : call_part(command, surface, argc, argv);
}
