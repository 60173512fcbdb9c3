#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/pretty.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/table.h"

#include <string.h>

#define JSON_WIDTH 60 /* columns; so that every setting has a line */

static const char show_help[] =
        "askcsv config show [--format table|json] [--SETTING VALUE...]\n"
        "\n"
        "The server's settings and where each has its value from: the default, the file\n"
        "($ASKCSV_HOME/config.json, or that of --config FILE or ASKCSV_CONFIG), the environment,\n"
        "or a flag; the later one wins. Of keys it says only whether they are set.\n"
        "\n"
        "  askcsv config show\n"
        "  askcsv config show --config other.json --port 9000 --format json\n"
        "\n"
        "Exit status: 0 the server could start with them, 2 it could not (and why).\n";

static const char file_help[] =
        "askcsv config file\n"
        "\n"
        "Prints a configuration file with every setting at its default, and on standard error\n"
        "what each one is.\n"
        "\n"
        "  askcsv config file > ~/.local/share/askcsv/config.json\n";

static const char help[] =
        "askcsv config show    the server's settings, and where they come from\n"
        "askcsv config file    an example of the file, and what can be set\n"
        "\n"
        "  askcsv config show --format json\n"
        "  askcsv config file > my.json && askcsv config show --config my.json\n";

static int run_show(const struct surface *surface, int argc, char **argv);
static int run_file(const struct surface *surface, int argc, char **argv);

static const struct command parts[] = {
        {.name = "show", .help = show_help, .run = run_show},
        {.name = "file", .help = file_help, .run = run_file},
};

static void free_config(struct config **config)
{
        config_free(*config);
}

/* Draws rows, arrays of three texts, and takes them. */
static int put_table(const char *const heads[3], json_t *rows, const struct style *style,
                     struct buf *out, struct error *err)
{
        _cleanup_json_ json_t *owned = rows;
        _cleanup_json_ json_t *columns = json_pack("[s,s,s]", heads[0], heads[1], heads[2]);
        _cleanup_json_ json_t *types = json_pack("[s,s,s]", "VARCHAR", "VARCHAR", "VARCHAR");
        if (!owned || !columns || !types)
                return error_oom(err);
        table_draw(out, columns, types, owned, style);
        return 0;
}

static json_t *show_rows(const json_t *shown)
{
        _cleanup_json_ json_t *rows = json_array();
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(shown, "settings"), i, one)
        {
                json_t *row =
                        json_pack("[O,O,O]", json_object_get(one, "name"),
                                  json_object_get(one, "value"), json_object_get(one, "source"));
                if (json_array_append_new(rows, row) < 0)
                        return NULL;
        }
        return steal_ptr(&rows);
}

static int put_settings(const struct config *config, bool as_json, const struct style *style,
                        struct buf *out, struct error *err)
{
        static const char *const heads[3] = {"setting", "value", "from"};
        _cleanup_json_ json_t *shown = config_to_json(config);
        if (!shown)
                return error_oom(err);
        if (!as_json)
                return put_table(heads, show_rows(shown), style, out, err);
        int r = json_put(shown, out, err);
        buf_putc(out, '\n');
        return r;
}

/* What is wrong with them is said after they were shown. */
static int show(const struct settings *settings, bool as_json, const struct style *style,
                struct error *err)
{
        _cleanup_(free_config) struct config *config = NULL;
        _cleanup_free_ char *home = NULL;
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = home_path(&home, err);
        if (r == 0)
                r = settings_load(settings, home, &config, err);
        if (r == 0)
                r = put_settings(config, as_json, style, &out, err);
        if (r < 0)
                return r;
        int status = output_write(&out, 0);
        r = config_check(config, err);
        return r < 0 ? r : status;
}

static int run_show(const struct surface *surface, int argc, char **argv)
{
        static const char *const formats[] = {"table", "json", NULL};
        struct arguments arguments;
        struct settings settings;
        struct error err = {0};
        const char *format = NULL;
        const struct option_spec own[] = {
                {.name = "--format", .text = &format, .choices = formats},
        };
        settings_options(own, ARRAY_SIZE(own), &settings);
        int r = options_parse(settings.specs, settings.n_specs, 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "config show");
        if (arguments.help)
                return command_help(&parts[0]);
        r = show(&settings, format && strcmp(format, "json") == 0, &surface->out, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

/* What the setting may be. */
static void put_range(const struct config_setting *setting, struct buf *out)
{
        static const char *const words[] = {
                [CONFIG_KIND_TEXT] = "text",
                [CONFIG_KIND_BOOL] = "true or false",
                [CONFIG_KIND_PATH] = "path",
                [CONFIG_KIND_URL] = "URL",
                [CONFIG_KIND_SECRET] = "secret; no flag",
        };
        if (setting->kind == CONFIG_KIND_NUMBER)
                buf_printf(out, "%lld to %lld", (long long)setting->min, (long long)setting->max);
        else if (setting->kind == CONFIG_KIND_CHOICE)
                for (size_t i = 0; setting->choices[i]; i++)
                        buf_printf(out, "%s%s", i > 0 ? ", " : "", setting->choices[i]);
        else
                buf_puts(out, words[setting->kind]);
}

static json_t *file_rows(void)
{
        _cleanup_json_ json_t *rows = json_array();
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                const struct config_setting *setting = config_setting(id);
                _cleanup_buf_ struct buf range = {0};
                buf_init(&range, 256);
                put_range(setting, &range);
                json_t *row = json_pack("[s,s,s]", setting->name, buf_text(&range), setting->help);
                if (json_array_append_new(rows, row) < 0)
                        return NULL;
        }
        return steal_ptr(&rows);
}

/* The settings for which a running server has to be started anew. */
static void put_restarts(struct buf *out)
{
        size_t n = 0;
        for (enum config_id id = 0; id < CONFIG_COUNT; id++)
                if (!config_setting(id)->live)
                        buf_printf(out, "%s%s",
                                   n++ == 0     ? ""
                                   : n % 6 == 1 ? ",\n"
                                                : ", ",
                                   config_setting(id)->name);
        buf_puts(out, ".\n");
}

static int show_file(const struct style *style, struct error *err)
{
        static const char *const heads[3] = {"setting", "values", "what it is"};
        _cleanup_json_ json_t *example = config_example();
        _cleanup_buf_ struct buf out = {0};
        _cleanup_buf_ struct buf explained = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_init(&explained, OUTPUT_BYTES_MAX);
        int r = example ? pretty_put(&out, example, JSON_WIDTH, err) : error_oom(err);
        buf_putc(&out, '\n');
        if (r == 0)
                r = put_table(heads, file_rows(), style, &explained, err);
        if (r < 0)
                return r;
        buf_puts(
                &explained,
                "A setting's environment variable is ASKCSV_ and its name in capitals "
                "(ASKCSV_PORT),"
                "\nits flag the name with hyphens (--port, --tls-key). The environment wins over "
                "the file,\na flag over both.\n\nA server that runs reads the file again on SIGHUP "
                "and takes over all settings but these,\nwhich want a restart:\n");
        put_restarts(&explained);
        int status = output_write(&out, 0);
        report_text(&explained);
        return status;
}

static int run_file(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        int r = options_parse(NULL, 0, 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "config file");
        if (arguments.help)
                return command_help(&parts[1]);
        r = show_file(&surface->err, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_config = {
        .name = "config",
        .summary = "the server's settings, and where they come from",
        .help = help,
        .parts = parts,
        .n_parts = ARRAY_SIZE(parts),
};
