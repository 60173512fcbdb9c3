#include "cli/settings.h"

_Static_assert(CONFIG_COUNT + 1 + SETTINGS_MORE_MAX < OPTIONS_MAX, "a command can have them all");

void settings_options(const struct option_spec *more, size_t n_more, struct settings *ret)
{
        *ret = (struct settings){0};
        for (size_t i = 0; i < n_more && i < SETTINGS_MORE_MAX; i++)
                ret->specs[ret->n_specs++] = more[i];
        ret->specs[ret->n_specs++] =
                (struct option_spec){.name = CONFIG_FILE_FLAG, .text = &ret->file};
        for (enum config_id id = 0; id < CONFIG_COUNT; id++)
                if (config_setting(id)->flag)
                        ret->specs[ret->n_specs++] = (struct option_spec){
                                .name = config_setting(id)->flag, .text = &ret->values[id]};
}

int settings_load(const struct settings *settings, const char *home, struct config **ret,
                  struct error *err)
{
        struct config_flag flags[CONFIG_COUNT + 1];
        size_t n = 0;
        if (settings->file)
                flags[n++] = (struct config_flag){CONFIG_FILE_FLAG, settings->file};
        for (enum config_id id = 0; id < CONFIG_COUNT; id++)
                if (settings->values[id])
                        flags[n++] = (struct config_flag){config_setting(id)->flag,
                                                          settings->values[id]};
        return config_load(flags, n, home, ret, err);
}
