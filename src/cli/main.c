#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/style.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

static const char usage_head[] =
        "askcsv answers questions about tables: in plain English, as a query plan, or in SQL. All\n"
        "runs in a sandbox, and every answer comes with a record from which it can be repeated.\n"
        "\n"
        "  askcsv datasets generate\n"
        "  askcsv ask ecommerce \"What were the 3 best months by revenue?\"\n"
        "  askcsv ask sales.csv \"How many rows are there per region?\"\n"
        "  askcsv run ecommerce --sql 'SELECT status, count(*) FROM orders GROUP BY status'\n"
        "  askcsv run sales.csv --sql 'SELECT * FROM sales LIMIT 5'\n"
        "  askcsv verify last\n"
        "\n"
        "Commands:\n";

static const char usage_tail[] =
        "\n"
        "\"askcsv help COMMAND\" and \"askcsv COMMAND --help\" teach each of them. State is kept "
        "in\n"
        "$ASKCSV_HOME, by default $XDG_DATA_HOME/askcsv (~/.local/share/askcsv).\n";

static const struct command *const commands[] = {
        &cmd_ask,    &cmd_run,   &cmd_check,  &cmd_plan, &cmd_datasets, &cmd_capsules,
        &cmd_verify, &cmd_serve, &cmd_config, &cmd_keys, &cmd_doctor,
};

/* 0, 1 and 2 are open from here on: no file or pipe of ours may come to stand for one of them. */
static int open_standard_streams(void)
{
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
                    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
                        return -1;
        return 0;
}

static void put_usage(struct buf *out)
{
        buf_puts(out, usage_head);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                buf_printf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
        buf_puts(out, usage_tail);
}

static int show_usage(void)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        put_usage(&out);
        return output_write(&out, 0);
}

static int show_version(void)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_puts(&out, "askcsv " ASKCSV_VERSION "\n");
        return output_write(&out, 0);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* askcsv help [COMMAND [PART]] */
static int show_help(const struct command *table, int argc, char **argv)
{
        if (argc < 2)
                return show_usage();
        const struct command *command = command_find(table, ARRAY_SIZE(commands), "", argv[1]);
        if (command && argc > 2 && command->parts)
                command = command_find(command->parts, command->n_parts, command->name, argv[2]);
        return command ? command_help(command) : error_exit_status(ERROR_USAGE);
}

int main(int argc, char **argv)
{
        struct command table[ARRAY_SIZE(commands)];
        struct surface surface;
        struct error err = {0};
        if (open_standard_streams() < 0)
                return 1;
        (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error code, not death */
        bool unicode = style_set_locale();
        style_of_fd(STDOUT_FILENO, unicode, &surface.out);
        style_of_fd(STDERR_FILENO, unicode, &surface.err);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                table[i] = *commands[i];
        if (argc < 2) {
                (void)error_set(
                        &err, ERROR_USAGE,
                        "which command? There are ask, run, check, plan, datasets, capsules, "
                        "verify, config, keys and doctor");
                return report_usage(&err, "");
        }
        if (is_one_of(argv[1], "--help", "-h"))
                return show_usage();
        if (is_one_of(argv[1], "--version", "-V"))
                return show_version();
        if (strcmp(argv[1], "help") == 0)
                return show_help(table, argc - 1, argv + 1);
        return command_call(table, ARRAY_SIZE(table), "", &surface, argc - 1, argv + 1);
}
