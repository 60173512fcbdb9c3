#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET "sk-not-to-be-seen"

static char home[64];

static void release(struct config **config)
{
        config_free(*config);
}

#define _cleanup_config_ _cleanup_(release)

static const char *path_of(const char *name)
{
        static char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", home, name);
        return path;
}

static void write_file(const char *name, const char *text)
{
        FILE *file = fopen(path_of(name), "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
        (void)state;
        (void)snprintf(home, sizeof(home), "/tmp/askcsv-config-XXXXXX");
        for (enum config_id id = 0; id < CONFIG_COUNT; id++)
                (void)unsetenv(config_setting(id)->environment);
        (void)unsetenv(CONFIG_FILE_ENVIRONMENT);
        return mkdtemp(home) ? 0 : -1;
}

static int tear_down(void **state)
{
        static const char *const names[] = {CONFIG_FILE_NAME, "other.json", "key", "pipe"};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)unlink(path_of(names[i]));
        return rmdir(home);
}

static struct config *load(const struct config_flag *flags, size_t n)
{
        struct config *config = NULL;
        struct error err = {0};
        if (config_load(flags, n, home, &config, &err) < 0)
                fail_msg("%s", err.message);
        return config;
}

static void assert_fails(const struct config_flag *flags, size_t n, const char *words)
{
        struct config *config = NULL;
        struct error err = {0};
        assert_true(config_load(flags, n, home, &config, &err) < 0);
        assert_null(config);
        if (!strstr(err.message, words))
                fail_msg("\"%s\" is not in \"%s\"", words, err.message);
        assert_null(strstr(err.message, SECRET));
}

static void assert_file_fails(const char *text, const char *words)
{
        write_file(CONFIG_FILE_NAME, text);
        assert_fails(NULL, 0, words);
}

/* The names in the table are one word in three spellings, and each default is a valid value. */
static void test_table(void **state)
{
        (void)state;
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                const struct config_setting *setting = config_setting(id);
                size_t n = strlen(setting->name);
                assert_true(strncmp(setting->environment, "ASKCSV_", 7) == 0);
                assert_int_equal(strlen(setting->environment), n + 7);
                assert_true(!setting->flag == (setting->kind == CONFIG_KIND_SECRET));
                for (size_t i = 0; i < n; i++) {
                        char c = setting->name[i];
                        char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
                        assert_int_equal(setting->environment[7 + i], upper);
                        if (setting->flag)
                                assert_int_equal(setting->flag[2 + i], c == '_' ? '-' : c);
                }
                assert_non_null(setting->help);
        }
}

static void test_defaults(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_config_ struct config *config = load(NULL, 0);
        assert_null(config_file(config));
        assert_string_equal(config_text(config, CONFIG_ADDRESS), "127.0.0.1");
        assert_int_equal(config_number(config, CONFIG_PORT), 8080);
        assert_string_equal(config_text(config, CONFIG_PORT), "8080");
        assert_true(config_bool(config, CONFIG_CACHE));
        assert_string_equal(config_text(config, CONFIG_PLANNER), "auto");
        assert_string_equal(config_source(config, CONFIG_PORT), "default");
        assert_int_equal(config_check(config, &err), 0);
        assert_true(config_is_loopback(config));
}

static void test_later_wins(void **state)
{
        (void)state;
        char source[160];
        const struct config_flag flags[] = {{"--waiting", "7"}, {"--cache", "true"}};
        write_file(CONFIG_FILE_NAME, "{\"port\": 1, \"threads\": 3, \"waiting\": 4, "
                                     "\"cache\": false, \"log_level\": \"warn\"}");
        (void)setenv("ASKCSV_THREADS", "5", 1);
        (void)setenv("ASKCSV_WAITING", "6", 1);
        (void)setenv("ASKCSV_PORT", "", 1);
        _cleanup_config_ struct config *config = load(flags, ARRAY_SIZE(flags));
        (void)snprintf(source, sizeof(source), "file %s", path_of(CONFIG_FILE_NAME));
        assert_int_equal(config_number(config, CONFIG_PORT), 1);
        assert_string_equal(config_source(config, CONFIG_PORT), source);
        assert_string_equal(config_file(config), path_of(CONFIG_FILE_NAME));
        assert_int_equal(config_number(config, CONFIG_THREADS), 5);
        assert_string_equal(config_source(config, CONFIG_THREADS), "environment ASKCSV_THREADS");
        assert_int_equal(config_number(config, CONFIG_WAITING), 7);
        assert_string_equal(config_source(config, CONFIG_WAITING), "flag --waiting");
        assert_true(config_bool(config, CONFIG_CACHE));
        assert_string_equal(config_text(config, CONFIG_LOG_LEVEL), "warn");
}

static void test_which_file(void **state)
{
        (void)state;
        const struct config_flag flag[] = {{"--config", path_of("other.json")}};
        const struct config_flag missing[] = {{"--config", "/nowhere/config.json"}};
        write_file(CONFIG_FILE_NAME, "{\"port\": 1}");
        write_file("other.json", "{\"port\": 2, \"tls_key\": \"key.pem\", \"ca_file\": \"/ca\"}");
        (void)setenv(CONFIG_FILE_ENVIRONMENT, "/nowhere/config.json", 1);
        assert_fails(NULL, 0, "/nowhere/config.json");
        _cleanup_config_ struct config *config = load(flag, 1);
        assert_int_equal(config_number(config, CONFIG_PORT), 2);
        assert_string_equal(config_text(config, CONFIG_TLS_KEY), path_of("key.pem"));
        assert_string_equal(config_text(config, CONFIG_CA_FILE), "/ca");
        (void)unsetenv(CONFIG_FILE_ENVIRONMENT);
        assert_fails(missing, 1, "No such file");
}

static void test_bad_files(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"", "empty"},
                {"[]", "wants an object"},
                {"{\"prot\": 1}", "did you mean \"port\""},
                {"{\"idle_timeout\": 1}", "did you mean \"idle_timeout_s\""},
                {"{\"elephant\": 1}", "there is no setting \"elephant\" (askcsv config file"},
                {"{\"port\": \"1\"}", "wants a whole number"},
                {"{\"port\": 1.0}", "wants a whole number"},
                {"{\"port\": 65536}", "from 0 to 65535"},
                {"{\"port\": -1}", "from 0 to 65535"},
                {"{\"port\": null}", "wants a whole number"},
                {"{\"cache\": 1}", "true or false"},
                {"{\"log_level\": \"loud\"}", "one of debug, info, warn, error"},
                {"{\"address\": 1}", "wants a string"},
                {"{\"address\": \"a\\nb\"}", "control characters"},
                {"{\"port\": 1, \"port\": 2}", "duplicate"},
                {"{\"openai_key\": 1}", "wants a string"},
                {"{\"openai_key\": \"" SECRET "\\u0007\"}", "control characters"},
                {"{\"openai_key\" \"" SECRET "\"}", "at line 1, column"},
                {"{\"openai_key\": " SECRET "}", "at line 1, column"},
                {"{\"openai_key\": \"" SECRET " at line 1 near x\" \"" SECRET "\"}", "at line 1"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_file_fails(cases[i][0], cases[i][1]);
}

static void test_not_a_file(void **state)
{
        (void)state;
        assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
        const struct config_flag flags[] = {{"--config", path_of("pipe")}};
        assert_fails(flags, 1, "named pipe");
}

static void test_bad_values(void **state)
{
        (void)state;
        static const char *const numbers[] = {
                "", "x", "1x", " 1", "+1", "-1", "65536", "0x10", "99999999999999999999"};
        const struct config_flag unknown[] = {{"--prot", "1"}};
        const struct config_flag secret[] = {{"--openai-key", SECRET}};
        assert_fails(unknown, 1, "did you mean \"--port\"");
        assert_fails(secret, 1, "there is no setting \"--openai-key\"");
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                const struct config_flag flags[] = {{"--port", numbers[i]}};
                assert_fails(flags, 1, "port (flag --port)");
        }
        (void)setenv("ASKCSV_CACHE", "yes", 1);
        assert_fails(NULL, 0, "cache (environment ASKCSV_CACHE) is \"yes\"");
        (void)setenv("ASKCSV_CACHE", "false", 1);
        (void)setenv("ASKCSV_ADDRESS", "\xFF", 1);
        assert_fails(NULL, 0, "not UTF-8");
}

static void assert_check(const char *flag, const char *value, const char *words)
{
        const struct config_flag flags[] = {{flag, value}};
        struct error err = {0};
        _cleanup_config_ struct config *config = load(flags, 1);
        assert_int_equal(config_check(config, &err) < 0, words != NULL);
        if (words && !strstr(err.message, words))
                fail_msg("\"%s\" is not in \"%s\"", words, err.message);
        assert_null(strstr(err.message, SECRET));
}

static void test_check(void **state)
{
        (void)state;
        assert_check("--address", "::1", NULL);
        assert_check("--address", "0.0.0.0", NULL);
        assert_check("--address", "localhost", "numeric address");
        assert_check("--address", "", "numeric address");
        assert_check("--tls-certificate", "/c", "tls_key is not");
        assert_check("--tls-key", "/k", "tls_certificate is not");
        assert_check("--openai-base-url", "http://127.0.0.1:11434/v1", NULL);
        assert_check("--openai-base-url", "ftp://host", "openai_base_url (flag");
        assert_check("--anthropic-base-url", "https://host/?key=" SECRET, "anthropic_base_url");
        assert_check("--proxy", "socks5h://ann:" SECRET "@host:1080", NULL);
        assert_check("--allowed-origins", "https://app.example, http://localhost:5173", NULL);
        assert_check("--allowed-origins",
                     "http://[::1]:3000,http://10.0.0.1:8000,tauri://localhost", NULL);
        static const char *const bad[] = {"*",
                                          "null",
                                          "app.example",
                                          "https://*.example",
                                          "https://app.example/",
                                          "https://app.example/page",
                                          "https://app.example?x",
                                          "https://App.example",
                                          "HTTPS://app.example",
                                          "https://app.example:443",
                                          "http://app.example:80",
                                          "http://app.example:0",
                                          "http://app.example:08000",
                                          "http://app.example:65536",
                                          "http://app.example:99999999999999999999",
                                          "http://app.example:",
                                          "http://app.example:80a",
                                          "https://ann@app.example",
                                          "https://",
                                          "://app.example",
                                          "http://[::1",
                                          "http://[]:1",
                                          "http://::1",
                                          "https://\xC3\xA4.example",
                                          "https://app.example;https://b.example"};
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_check("--allowed-origins", bad[i], "allowed_origins (flag");
        assert_check("--allowed-origins", "https://app.example,null", "\"null\"");
        char many[4 * (CONFIG_NAMES_MAX + 1) + 1] = "";
        for (size_t i = 0; i <= CONFIG_NAMES_MAX; i++)
                memcpy(many + 4 * i, "h.x,", 4);
        assert_check("--allowed-hosts", many, "at most 64");
        many[strlen(many) - 4] = '\0';
        assert_check("--allowed-hosts", many, NULL);
        assert_check("--proxy", "ann:" SECRET "@host:1080", "proxy (flag --proxy)");
        (void)setenv("ASKCSV_ANTHROPIC_KEY", SECRET, 1);
        assert_check("--anthropic-key-file", "/k", "both set");
}

static void test_loopback(void **state)
{
        (void)state;
        static const struct {
                const char *address;
                bool is;
        } cases[] = {{"127.0.0.1", true}, {"127.9.9.9", true},        {"::1", true},
                     {"0.0.0.0", false},  {"::ffff:127.0.0.1", true}, {"::", false},
                     {"10.0.0.1", false}, {"localhost", false}};
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct config_flag flags[] = {{"--address", cases[i].address}};
                _cleanup_config_ struct config *config = load(flags, 1);
                assert_int_equal(config_is_loopback(config), cases[i].is);
        }
}

static void assert_key(const char *want, const char *words)
{
        struct error err = {0};
        _cleanup_free_ char *key = NULL;
        _cleanup_config_ struct config *config = load(NULL, 0);
        int r = config_key(config, CONFIG_OPENAI_KEY, &key, &err);
        assert_int_equal(r < 0, words != NULL);
        if (words)
                assert_non_null(strstr(err.message, words));
        else if (want)
                assert_string_equal(key, want);
        else
                assert_null(key);
        assert_null(strstr(err.message, SECRET));
}

static void test_key(void **state)
{
        (void)state;
        assert_key(NULL, NULL);
        (void)setenv("ASKCSV_OPENAI_KEY_FILE", path_of("key"), 1);
        assert_key(NULL, "No such file");
        write_file("key", SECRET "\r\nnot this\n");
        assert_key(SECRET, NULL);
        write_file("key", "\n");
        assert_key(NULL, "does not hold a key");
        write_file("key", SECRET " " SECRET);
        assert_key(NULL, "does not hold a key");
        (void)setenv("ASKCSV_OPENAI_KEY", "k1", 1);
        assert_key("k1", NULL);
}

static const json_t *shown_value(const json_t *shown, enum config_id id)
{
        const json_t *one = json_array_get(json_object_get(shown, "settings"), (size_t)id);
        assert_string_equal(json_get_string(one, "name"), config_setting(id)->name);
        return json_object_get(one, "value");
}

static void test_shown(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        (void)setenv("ASKCSV_OPENAI_KEY", SECRET, 1);
        (void)setenv("ASKCSV_PROXY", "http://ann:" SECRET "@proxy:3128/@", 1);
        _cleanup_config_ struct config *config = load(NULL, 0);
        _cleanup_json_ json_t *shown = config_to_json(config);
        assert_int_equal(json_integer_value(shown_value(shown, CONFIG_PORT)), 8080);
        assert_true(json_is_true(shown_value(shown, CONFIG_CACHE)));
        assert_string_equal(json_string_value(shown_value(shown, CONFIG_OPENAI_KEY)), "set");
        assert_string_equal(json_string_value(shown_value(shown, CONFIG_ANTHROPIC_KEY)), "not set");
        assert_string_equal(json_string_value(shown_value(shown, CONFIG_PROXY)),
                            "http://***@proxy:3128/@");
        assert_true(json_is_null(json_object_get(shown, "file")));
        buf_init(&text, 65536);
        assert_int_equal(json_put(shown, &text, &err), 0);
        assert_null(strstr(buf_text(&text), SECRET));
}

/* Wherever somebody puts the password of the store, it is not shown. */
static void test_store(void **state)
{
        (void)state;
        static const char *const urls[][2] = {
                {"postgresql://ann:" SECRET "@db:5432/x", "postgresql://***@db:5432/x"},
                {"postgres://ann@db/x?password=" SECRET, "postgres://***@db/x?***"},
                {"postgresql:///x?password=" SECRET, "postgresql:///x?***"},
                {"postgresql://ann:a/" SECRET "@db/x", "postgresql://***@db/x"},
                {"postgresql://ann:a?" SECRET "@db/x", "postgresql://***?***"},
                {"postgresql://db/x?password=a@" SECRET, "postgresql://***?***"},
                {"postgresql://db/x", "postgresql://db/x"},
                {"sqlite:/a/b.db", "sqlite:/a/b.db"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
                struct error err = {0};
                _cleanup_free_ char *url = NULL;
                (void)setenv("ASKCSV_STORE", urls[i][0], 1);
                _cleanup_config_ struct config *config = load(NULL, 0);
                _cleanup_json_ json_t *shown = config_to_json(config);
                assert_string_equal(json_string_value(shown_value(shown, CONFIG_STORE)),
                                    urls[i][1]);
                assert_int_equal(config_store_url(config, "/home", &url, &err), 0);
                assert_string_equal(url, urls[i][0]);
        }
        struct error err = {0};
        _cleanup_free_ char *url = NULL;
        (void)setenv("ASKCSV_STORE", "mysql://ann:" SECRET "@db/x", 1);
        _cleanup_config_ struct config *other = load(NULL, 0);
        assert_int_equal(config_check(other, &err), -(int)ERROR_USAGE);
        assert_int_equal(config_store_url(other, "/home", &url, &err), -(int)ERROR_USAGE);
        assert_non_null(strstr(err.message, "sqlite:PATH"));
        assert_null(strstr(err.message, SECRET));
        (void)unsetenv("ASKCSV_STORE");
        _cleanup_config_ struct config *none = load(NULL, 0);
        assert_int_equal(config_store_url(none, "/home", &url, &err), 0);
        assert_string_equal(url, "sqlite:/home/capsules.db");
}

/* The example can be read, and says what holds without it. */
static void test_example(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_json_ json_t *example = config_example();
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 65536);
        assert_int_equal(json_put(example, &text, &err), 0);
        _cleanup_config_ struct config *plain = load(NULL, 0);
        write_file(CONFIG_FILE_NAME, buf_text(&text));
        _cleanup_config_ struct config *config = load(NULL, 0);
        assert_int_equal(config_check(config, &err), 0);
        for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
                assert_string_equal(config_text(config, id), config_text(plain, id));
                assert_true(strncmp(config_source(config, id), "file ", 5) == 0);
        }
}

static void test_no_memory(void **state)
{
        (void)state;
        const struct config_flag flags[] = {{"--port", "1"}};
        write_file(CONFIG_FILE_NAME, "{\"threads\": 3}");
        for (unsigned long n = 1;; n++) {
                _cleanup_config_ struct config *config = NULL;
                struct error err = {0};
                alloc_fail_after(n);
                int r = config_load(flags, 1, home, &config, &err);
                alloc_fail_after(0);
                if (r == 0)
                        break;
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_null(config);
                assert_true(n < 1000);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_table),      TEST(test_defaults),  TEST(test_later_wins),
                TEST(test_which_file), TEST(test_bad_files), TEST(test_not_a_file),
                TEST(test_bad_values), TEST(test_check),     TEST(test_loopback),
                TEST(test_key),        TEST(test_shown),     TEST(test_store),
                TEST(test_example),    TEST(test_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
