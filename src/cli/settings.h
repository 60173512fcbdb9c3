/* The server's settings as options of a command: one flag for each, and --config FILE. */
#ifndef ASKCSV_CLI_SETTINGS_H
#define ASKCSV_CLI_SETTINGS_H

#include "cli/options.h"
#include "server/config.h"

#define SETTINGS_MORE_MAX 8 /* options that a command has besides */

struct settings {
        struct option_spec specs[CONFIG_COUNT + 1 + SETTINGS_MORE_MAX];
        size_t n_specs;
        const char *file;                 /* --config */
        const char *values[CONFIG_COUNT]; /* what the flags gave; NULL: not given */
};

/* Fills specs for options_parse: the settings' flags and the command's own, of which there are at
 * most SETTINGS_MORE_MAX. ret must stay where it is until settings_load. */
void settings_options(const struct option_spec *more, size_t n_more, struct settings *ret);

/* After options_parse: config_load with the flags that were given. */
int settings_load(const struct settings *settings, const char *home, struct config **ret,
                  struct error *err);

#endif
