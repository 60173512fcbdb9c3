#include "server/config.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_set(const struct config *config, enum config_id id)
{
        return *config_text(config, id) != '\0';
}

static int check_address(const struct config *config, struct error *err)
{
        const char *text = config_text(config, CONFIG_ADDRESS);
        struct in6_addr address;
        if (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1)
                return 0;
        return error_set(err, ERROR_USAGE,
                         "address (%s) is \"%.100s\"; it wants a numeric address, such as "
                         "127.0.0.1, 0.0.0.0 or ::1",
                         config_source(config, CONFIG_ADDRESS), text);
}

bool config_is_loopback(const struct config *config)
{
        const char *text = config_text(config, CONFIG_ADDRESS);
        struct in_addr v4;
        struct in6_addr v6;
        if (inet_pton(AF_INET, text, &v4) == 1)
                return ntohl(v4.s_addr) >> 24 == 127;
        if (inet_pton(AF_INET6, text, &v6) != 1)
                return false;
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

static int check_tls(const struct config *config, struct error *err)
{
        bool certificate = is_set(config, CONFIG_TLS_CERTIFICATE);
        if (certificate == is_set(config, CONFIG_TLS_KEY))
                return 0;
        enum config_id there = certificate ? CONFIG_TLS_CERTIFICATE : CONFIG_TLS_KEY;
        enum config_id missing = certificate ? CONFIG_TLS_KEY : CONFIG_TLS_CERTIFICATE;
        return error_set(err, ERROR_USAGE, "%s is set (%s), but %s is not; HTTPS wants both",
                         config_setting(there)->name, config_source(config, there),
                         config_setting(missing)->name);
}

static int check_key(const struct config *config, enum config_id key, enum config_id file,
                     struct error *err)
{
        if (!is_set(config, key) || !is_set(config, file))
                return 0;
        return error_set(err, ERROR_USAGE, "%s (%s) and %s (%s) are both set; only one may be",
                         config_setting(key)->name, config_source(config, key),
                         config_setting(file)->name, config_source(config, file));
}

static bool starts_with(const char *text, const char *const *beginnings)
{
        for (size_t i = 0; beginnings[i]; i++)
                if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0 &&
                    text[strlen(beginnings[i])])
                        return true;
        return false;
}

/* The value is not repeated: it may hold a password. */
static int check_base_url(const struct config *config, enum config_id id, struct error *err)
{
        static const char *const schemes[] = {"http://", "https://", NULL};
        const char *text = config_text(config, id);
        if (!*text || (starts_with(text, schemes) && !strpbrk(text, "?# ")))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "%s (%s) wants an http:// or https:// URL without \"?\" and \"#\"",
                         config_setting(id)->name, config_source(config, id));
}

static int check_proxy(const struct config *config, struct error *err)
{
        static const char *const schemes[] = {"http://",   "https://",   "socks4://", "socks4a://",
                                              "socks5://", "socks5h://", NULL};
        const char *text = config_text(config, CONFIG_PROXY);
        if (!*text || (starts_with(text, schemes) && !strpbrk(text, "?# ")))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "proxy (%s) wants a URL that begins with http://, https://, socks5:// or "
                         "socks5h://",
                         config_source(config, CONFIG_PROXY));
}

static int check_store(const struct config *config, struct error *err)
{
        static const char *const schemes[] = {"postgresql://", "postgres://", "sqlite:", NULL};
        const char *text = config_text(config, CONFIG_STORE);
        if (!*text || starts_with(text, schemes))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "store (%s) wants postgresql://USER:PASSWORD@HOST:PORT/DATABASE or "
                         "sqlite:PATH",
                         config_source(config, CONFIG_STORE));
}

int config_store_url(const struct config *config, const char *home, char **ret, struct error *err)
{
        const char *text = config_text(config, CONFIG_STORE);
        int r = check_store(config, err);
        if (r < 0)
                return r;
        int n = *text ? asprintf(ret, "%s", text) : asprintf(ret, "sqlite:%s/capsules.db", home);
        return n < 0 ? error_oom(err) : 0;
}

bool config_has_provider(const struct config *config, enum config_id model)
{
        bool is_openai = model == CONFIG_OPENAI_MODEL;
        enum config_id others[] = {is_openai ? CONFIG_OPENAI_BASE_URL : CONFIG_ANTHROPIC_BASE_URL,
                                   is_openai ? CONFIG_OPENAI_KEY : CONFIG_ANTHROPIC_KEY,
                                   is_openai ? CONFIG_OPENAI_KEY_FILE : CONFIG_ANTHROPIC_KEY_FILE};
        bool is_reachable = false;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                is_reachable |= is_set(config, others[i]);
        return is_set(config, model) && is_reachable;
}

/* A planner that is asked for by name must be there. */
static int check_planner(const struct config *config, struct error *err)
{
        const char *planner = config_text(config, CONFIG_PLANNER);
        bool is_openai = strcmp(planner, "openai") == 0;
        if (!is_openai && strcmp(planner, "anthropic") != 0)
                return 0;
        if (config_has_provider(config, is_openai ? CONFIG_OPENAI_MODEL : CONFIG_ANTHROPIC_MODEL))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "planner (%s) is %s, which wants %s_model and either %s_key, "
                         "%s_key_file or %s_base_url",
                         config_source(config, CONFIG_PLANNER), planner, planner, planner, planner,
                         planner);
}

static size_t span(const char *text, const char *more)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t n = 0;
        while (text[n] && (strchr(letters, text[n]) || strchr(more, text[n])))
                n++;
        return n;
}

/* Behind the host: nothing, or a port that does not go without saying. */
static bool is_port(const char *text, size_t n, const char *scheme)
{
        char digits[8] = "";
        if (n == 0)
                return true;
        if (text[0] != ':' || n < 2 || n > 6 || text[1] == '0' || span(text + 1, "") != n - 1 ||
            strspn(text + 1, "0123456789") < n - 1)
                return false;
        memcpy(digits, text + 1, n - 1);
        long port = strtol(digits, NULL, 10);
        return port <= 65535 && !(port == 80 && strncmp(scheme, "http:", 5) == 0) &&
               !(port == 443 && strncmp(scheme, "https:", 6) == 0);
}

/* As browsers write it (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin), since it
 * is compared byte by byte: "https://app.example", "http://localhost:5173", "http://[::1]:3000". */
static bool is_origin(const char *text, size_t n)
{
        size_t scheme = span(text, "+-.");
        const char *host = text + scheme + 3;
        if (scheme == 0 || scheme + 3 >= n || strncmp(text + scheme, "://", 3) != 0)
                return false;
        bool bracket = *host == '[';
        size_t length = bracket ? span(host + 1, ":.") : span(host, "-.");
        if (length == 0 || (bracket && host[1 + length] != ']'))
                return false;
        length += bracket ? 2 : 0;
        if (scheme + 3 + length > n)
                return false;
        return is_port(host + length, n - scheme - 3 - length, text);
}

static size_t next_name(const char **text)
{
        *text += strspn(*text, ", ");
        return strcspn(*text, ", ");
}

static int check_names(const struct config *config, enum config_id id, struct error *err)
{
        const char *text = config_text(config, id);
        size_t count = 0;
        for (size_t n; (n = next_name(&text)) > 0; text += n)
                count++;
        if (count <= CONFIG_NAMES_MAX)
                return 0;
        return error_set(err, ERROR_USAGE, "%s (%s) lists %zu; at most %d are possible",
                         config_setting(id)->name, config_source(config, id), count,
                         CONFIG_NAMES_MAX);
}

static int check_origins(const struct config *config, struct error *err)
{
        const char *text = config_text(config, CONFIG_ALLOWED_ORIGINS);
        for (size_t n; (n = next_name(&text)) > 0; text += n)
                if (!is_origin(text, n))
                        return error_set(err, ERROR_USAGE,
                                         "allowed_origins (%s) has \"%.*s\"; it wants origins as "
                                         "browsers write them, such as https://app.example or "
                                         "http://localhost:5173: in lower case, without a path, "
                                         "\"*\" or the port that goes without saying",
                                         config_source(config, CONFIG_ALLOWED_ORIGINS),
                                         (int)(n < 100 ? n : 100), text);
        return check_names(config, CONFIG_ALLOWED_ORIGINS, err);
}

int config_check(const struct config *config, struct error *err)
{
        int r = check_address(config, err);
        if (r == 0)
                r = check_planner(config, err);
        if (r == 0)
                r = check_tls(config, err);
        if (r == 0)
                r = check_key(config, CONFIG_OPENAI_KEY, CONFIG_OPENAI_KEY_FILE, err);
        if (r == 0)
                r = check_key(config, CONFIG_ANTHROPIC_KEY, CONFIG_ANTHROPIC_KEY_FILE, err);
        if (r == 0)
                r = check_base_url(config, CONFIG_OPENAI_BASE_URL, err);
        if (r == 0)
                r = check_base_url(config, CONFIG_ANTHROPIC_BASE_URL, err);
        if (r == 0)
                r = check_names(config, CONFIG_ALLOWED_HOSTS, err);
        if (r == 0)
                r = check_origins(config, err);
        if (r == 0)
                r = check_store(config, err);
        return r < 0 ? r : check_proxy(config, err);
}

/* A key goes into a header: no line end, no blank, nothing beyond ASCII. */
static bool is_key(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (text[i] <= ' ' || text[i] > '~')
                        return false;
        return n > 0;
}

static int read_key_file(const struct config *config, enum config_id file, struct buf *out,
                         struct error *err)
{
        const char *path = config_text(config, file);
        _cleanup_close_ int fd = -1;
        buf_init(out, CONFIG_SECRET_FILE_MAX);
        int r = fd_open_regular(path, &fd, err);
        if (r == 0)
                r = fd_read_all(fd, out, path, err);
        return r < 0 ? error_prefix(err, r, "%s", config_setting(file)->name) : 0;
}

int config_key(const struct config *config, enum config_id key, char **ret, struct error *err)
{
        enum config_id file =
                key == CONFIG_OPENAI_KEY ? CONFIG_OPENAI_KEY_FILE : CONFIG_ANTHROPIC_KEY_FILE;
        enum config_id from = is_set(config, key) ? key : file;
        _cleanup_buf_ struct buf read = {0};
        if (!is_set(config, from)) {
                *ret = NULL;
                return 0;
        }
        const char *text = config_text(config, key);
        if (from == file) {
                int r = read_key_file(config, file, &read, err);
                if (r < 0)
                        return r;
                text = buf_text(&read);
        }
        size_t n = strcspn(text, "\r\n");
        if (!is_key(text, n))
                return error_set(err, ERROR_USAGE,
                                 "%s (%s) does not hold a key: it wants one line of printable "
                                 "ASCII without blanks",
                                 config_setting(from)->name, config_source(config, from));
        *ret = strndup(text, n);
        return *ret ? 0 : error_oom(err);
}
