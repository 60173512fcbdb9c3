#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "server/config.h"
#include "server/keys.h"

#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX 4096

static const char add_help[] =
        "askcsv keys add NAME [--scope read|run|admin] [--key-file FILE]\n"
        "\n"
        "Makes an API key for the server and prints it, once: only its hash is kept. A running\n"
        "server knows it at once.\n"
        "\n"
        "  --scope read     may look at datasets, runs and threads\n"
        "          run      also start runs and chats (the default)\n"
        "          admin    also what belongs to other keys\n"
        "  --key-file FILE  the key is the file's first line, made elsewhere, and is not printed;\n"
        "                   one that is there already stays as it is, so this may be done at\n"
        "                   every start of a server. Such a key is\n"
        "                   \"ak_$(openssl rand -base64 32 | tr '+/' '-_' | tr -d =)\"\n"
        "\n"
        "  askcsv keys add ann\n"
        "  askcsv keys add grafana --scope read > grafana.key\n";

static const char list_help[] = "askcsv keys list [--format table|json]\n"
                                "\n"
                                "The keys there are, the revoked ones too; never their text.\n";

static const char revoke_help[] =
        "askcsv keys revoke ID\n"
        "\n"
        "The key is no key any more, for a running server too. It stays in the list.\n"
        "\n"
        "  askcsv keys list && askcsv keys revoke 0a1b2c3d\n";

static const char help[] = "askcsv keys add NAME     make an API key for the server\n"
                           "askcsv keys list         the keys there are\n"
                           "askcsv keys revoke ID    make one useless\n"
                           "\n"
                           "  askcsv keys add ann --scope run\n";

static int run_add(const struct surface *surface, int argc, char **argv);
static int run_list(const struct surface *surface, int argc, char **argv);
static int run_revoke(const struct surface *surface, int argc, char **argv);

static const struct command parts[] = {
        {.name = "add", .help = add_help, .run = run_add},
        {.name = "list", .help = list_help, .run = run_list},
        {.name = "revoke", .help = revoke_help, .run = run_revoke},
};

static void free_keys(struct keys **keys)
{
        keys_free(*keys);
}

#define _cleanup_keys_ _cleanup_(free_keys)

static int open_keys(struct keys **ret, struct error *err)
{
        _cleanup_free_ char *home = NULL;
        struct config *config = NULL;
        int r = home_path(&home, err);
        if (r == 0)
                r = config_load(NULL, 0, home, &config, err);
        if (r == 0)
                r = keys_open_configured(config, home, ret, err);
        config_free(config);
        return r;
}

/* The key alone on standard output, so that it can be piped to where it belongs. */
static int add(const char *name, enum key_scope scope, struct error *err)
{
        _cleanup_keys_ struct keys *keys = NULL;
        struct key key = {.scope = scope};
        char text[KEY_TEXT_SIZE] = "";
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, sizeof(text) + 1);
        int r = open_keys(&keys, err);
        if (r == 0)
                r = keys_add(keys, name, scope, &key, text, err);
        if (r < 0)
                return r;
        buf_printf(&out, "%s\n", text);
        explicit_bzero(text, sizeof(text));
        int status = output_write(&out, 0);
        if (out.data)
                explicit_bzero(out.data, out.len);
        report_note("key %s (%s, %s) was made; it is shown only now, as only its hash is kept",
                    key.id, key.name, key_scope_name(key.scope));
        return status;
}

/* The file's first line, which the caller wipes. */
static int read_key_file(const char *path, char text[KEY_TEXT_SIZE], struct error *err)
{
        _cleanup_close_ int fd = -1;
        _cleanup_buf_ struct buf read = {0};
        buf_init(&read, KEY_FILE_MAX);
        int r = fd_open_regular(path, &fd, err);
        if (r == 0)
                r = fd_read_all(fd, &read, path, err);
        const char *line = r == 0 ? buf_text(&read) : "";
        size_t n = strcspn(line, "\r\n");
        /* One that is too long is none, and is cut off such that this shows. */
        (void)snprintf(text, KEY_TEXT_SIZE, "%s", n < KEY_TEXT_SIZE ? line : "");
        text[strcspn(text, "\r\n")] = '\0';
        if (read.data)
                explicit_bzero(read.data, read.len);
        return r;
}

static int add_given(const char *name, enum key_scope scope, const char *path, struct error *err)
{
        _cleanup_keys_ struct keys *keys = NULL;
        struct key_entry entry = {0};
        char text[KEY_TEXT_SIZE] = "";
        int r = read_key_file(path, text, err);
        if (r == 0)
                r = open_keys(&keys, err);
        if (r == 0)
                r = keys_add_given(keys, name, scope, text, &entry, err);
        explicit_bzero(text, sizeof(text));
        if (r < 0)
                return error_prefix(err, r, "the key in %s", path);
        /* A key that somebody revoked is no reason for a server not to start. */
        report_note("key %s (%s, %s) %s", entry.key.id, entry.key.name,
                    key_scope_name(entry.key.scope),
                    r == 0                ? "was made"
                    : entry.revoked_at[0] ? "was revoked earlier, and stays so"
                                          : "is there already");
        return 0;
}

static int run_add(const struct surface *surface, int argc, char **argv)
{
        static const char *const scopes[] = {"read", "run", "admin", NULL};
        struct arguments arguments;
        struct error err = {0};
        const char *named = "run";
        const char *file = NULL;
        enum key_scope scope = KEY_RUN;
        const struct option_spec specs[] = {
                {.name = "--scope", .text = &named, .choices = scopes},
                {.name = "--key-file", .text = &file},
        };
        (void)surface;
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, &err);
        if (r == 0 && !arguments.help && arguments.n == 0)
                r = error_set(&err, ERROR_USAGE, "keys add needs a NAME: who the key is for");
        if (r < 0)
                return report_usage(&err, "keys add");
        if (arguments.help)
                return command_help(&parts[0]);
        (void)key_scope_parse(named, &scope);
        r = file ? add_given(arguments.items[0], scope, file, &err)
                 : add(arguments.items[0], scope, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int add_row(const struct key_entry *entry, void *data, struct error *err)
{
        json_t *rows = data;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s?}", "id", entry->key.id, "name",
                                entry->key.name, "scope", key_scope_name(entry->key.scope),
                                "created_at", entry->created_at, "revoked_at",
                                entry->revoked_at[0] ? entry->revoked_at : NULL);
        return json_array_append_new(rows, row) < 0 ? error_oom(err) : 0;
}

/* The members of each object as a row. */
static json_t *rows_of(const json_t *list)
{
        _cleanup_json_ json_t *rows = json_array();
        size_t i;
        json_t *one;
        json_array_foreach(list, i, one)
        {
                json_t *revoked = json_object_get(one, "revoked_at");
                json_t *row = json_pack("[O,O,O,O,s]", json_object_get(one, "id"),
                                        json_object_get(one, "name"), json_object_get(one, "scope"),
                                        json_object_get(one, "created_at"),
                                        json_is_string(revoked) ? json_string_value(revoked) : "");
                if (json_array_append_new(rows, row) < 0)
                        return NULL;
        }
        return steal_ptr(&rows);
}

static int put_table(const json_t *list, const struct style *style, struct buf *out,
                     struct error *err)
{
        _cleanup_json_ json_t *columns =
                json_pack("[s,s,s,s,s]", "id", "name", "scope", "made", "revoked");
        _cleanup_json_ json_t *types =
                json_pack("[s,s,s,s,s]", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR");
        _cleanup_json_ json_t *rows = rows_of(list);
        if (!columns || !types || !rows)
                return error_oom(err);
        table_draw(out, columns, types, rows, style);
        return 0;
}

static int list(bool as_json, const struct style *style, struct error *err)
{
        _cleanup_keys_ struct keys *keys = NULL;
        _cleanup_json_ json_t *entries = json_array();
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = entries ? open_keys(&keys, err) : error_oom(err);
        if (r == 0)
                r = keys_list(keys, add_row, entries, err);
        if (r == 0 && as_json) {
                r = json_put(entries, &out, err);
                buf_putc(&out, '\n');
        } else if (r == 0) {
                r = put_table(entries, style, &out, err);
        }
        return r < 0 ? r : output_write(&out, 0);
}

static int run_list(const struct surface *surface, int argc, char **argv)
{
        static const char *const formats[] = {"table", "json", NULL};
        struct arguments arguments;
        struct error err = {0};
        const char *format = "table";
        const struct option_spec specs[] = {
                {.name = "--format", .text = &format, .choices = formats},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "keys list");
        if (arguments.help)
                return command_help(&parts[1]);
        r = list(strcmp(format, "json") == 0, &surface->out, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int revoke_key(const char *id, struct error *err)
{
        _cleanup_keys_ struct keys *keys = NULL;
        int r = open_keys(&keys, err);
        if (r == 0)
                r = keys_revoke(keys, id, err);
        if (r < 0)
                return r;
        report_note(r > 0 ? "key %s was revoked before" : "key %s is revoked", id);
        return 0;
}

static int run_revoke(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        int r = options_parse(NULL, 0, 1, argc, argv, &arguments, &err);
        if (r == 0 && !arguments.help && arguments.n == 0)
                r = error_set(&err, ERROR_USAGE,
                              "keys revoke needs an ID (askcsv keys list shows them)");
        if (r < 0)
                return report_usage(&err, "keys revoke");
        if (arguments.help)
                return command_help(&parts[2]);
        r = revoke_key(arguments.items[0], &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_keys = {
        .name = "keys",
        .summary = "who may call the server",
        .help = help,
        .parts = parts,
        .n_parts = ARRAY_SIZE(parts),
};
