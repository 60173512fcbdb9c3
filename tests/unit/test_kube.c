/* YAML, and which cluster a kubeconfig means. What a server does is tested with a real one
 * (tests/cluster). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "kube/from_yaml.h"
#include "kube/server.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- YAML ---- */

/* Of a copy on the heap of just that size, so that a byte too far is found. */
static int parse(const char *text, size_t n, json_t **ret, struct error *err)
{
        char *copy = test_malloc(n > 0 ? n : 1);
        memcpy(copy, text, n);
        int r = yaml_parse(copy, n, ERROR_USAGE, ret, err);
        test_free(copy);
        return r;
}

static void check_same(const char *yaml, const char *json)
{
        struct error err = {0};
        _cleanup_json_ json_t *it = NULL;
        _cleanup_json_ json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
        assert_non_null(wanted);
        if (parse(yaml, strlen(yaml), &it, &err) < 0)
                fail_msg("%s: %s", yaml, err.message);
        if (!json_equal(it, wanted)) {
                _cleanup_free_ char *is = json_dumps(it, JSON_ENCODE_ANY);
                fail_msg("%s is %s, not %s", yaml, is, json);
        }
}

static void test_yaml(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"a: 1", "{\"a\": 1}"},
                {"a:\n  - b\n  - c: d\n", "{\"a\": [\"b\", {\"c\": \"d\"}]}"},
                {"{a: [1, 2.5, -3, +4, 1e3], \"b\": {}}",
                 "{\"a\": [1, 2.5, -3, 4, 1000.0], \"b\": {}}"},
                {"{\"a\": [true, null, \"x\"]}", "{\"a\": [true, null, \"x\"]}"},
                {"[true, True, TRUE, false, False, FALSE]",
                 "[true, true, true, false, false, false]"},
                {"[yes, no, on, off, y, n, tRue]",
                 "[\"yes\", \"no\", \"on\", \"off\", \"y\", \"n\", \"tRue\"]"},
                {"[null, ~, Null, NULL, '', \"null\"]", "[null, null, null, null, \"\", \"null\"]"},
                {"a:\nb: ''\n", "{\"a\": null, \"b\": \"\"}"},
                {"['1', \"true\", 1.20.2, 1_000, 0x1F, 0b1, 1e, ., -, .inf, .nan, 12h]",
                 "[\"1\", \"true\", \"1.20.2\", \"1_000\", \"0x1F\", \"0b1\", \"1e\", \".\", "
                 "\"-\", "
                 "\".inf\", \".nan\", \"12h\"]"},
                {"[0644, 0, 00, 09, 0o17]", "[420, 0, 0, 9, \"0o17\"]"},
                {"[9223372036854775807, 9223372036854775808, 1e999]",
                 "[9223372036854775807, 9223372036854775808.0, \"1e999\"]"},
                {"1: a\ntrue: b\n", "{\"1\": \"a\", \"true\": \"b\"}"},
                {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\": \"x\\ny\\n\", \"b\": \"x y\"}"},
                {"a: &x {k: 1}\nb: *x\n", "{\"a\": {\"k\": 1}, \"b\": {\"k\": 1}}"},
                {"a: &x {k: 1}\n<<: *x\n", "{\"a\": {\"k\": 1}, \"<<\": {\"k\": 1}}"},
                {"--- # with a comment\na: 1 # and one more\n...\n---\nb: 2\n", "{\"a\": 1}"},
                {"# nothing else\n---\nword", "\"word\""},
                {"\xef\xbb\xbf"
                 "a: \xc3\xa4",
                 "{\"a\": \"\xc3\xa4\"}"},
                {"a: \"\\u00e4\\n\"", "{\"a\": \"\xc3\xa4\\n\"}"},
                {"!!str 1", "1"}, /* tags are not looked at */
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                check_same(cases[i][0], cases[i][1]);
}

static void check_refused(const char *text, size_t n, const char *said)
{
        struct error err = {0};
        json_t *it = (json_t *)&err;
        if (parse(text, n, &it, &err) != -(int)ERROR_USAGE)
                fail_msg("taken: %s", text);
        assert_ptr_equal(it, &err);
        if (!strstr(err.message, said))
                fail_msg("\"%s\" does not say \"%s\": %s", err.message, said, text);
}

static void test_yaml_refused(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"", "empty"},
                {"# only a comment\n", "empty"},
                {"a: [1, 2", "line 2"},
                {"a: 1\n  b: 2\n", "line 2, column 4"},
                {"a: 1\nb: 'x\n", "line 3"},
                {"a: 1\n\tb: 2\n", "line 2"},
                {"a: *nothing", "line 1, column 4"},
                {"a: 1\nb: 2\na: 3\n", "line 3, column 1: a key is there twice"},
                {"? [a]\n: 1\n", "line 1, column 3: a key that is no text"},
                {"a: \"x\\0y\"", "line 1, column 4: a text has a NUL"},
                {"\"x\\0y\": 1", "a key that is no text"},
                {"a: \xff", "line 1"},
                {"a: \"\\ud800\"", "line 1"},
                {"&a [*a]", "within one another"},
                {"&a {b: *a}", "within one another"},
                {"%YAML 3.0\n---\na: 1\n", "line 1"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                check_refused(cases[i][0], strlen(cases[i][0]), cases[i][1]);
        check_refused("a: x\0y", 6, "line 1");
}

static void test_yaml_depth(void **state)
{
        (void)state;
        char text[2048];
        for (size_t depth = 1; depth <= 900; depth++) {
                struct error err = {0};
                _cleanup_json_ json_t *it = NULL;
                memset(text, '[', depth);
                memset(text + depth, ']', depth);
                int r = parse(text, 2 * depth, &it, &err);
                assert_int_equal(r, depth <= 65 ? 0 : -(int)ERROR_USAGE);
                assert_true(r == 0 || strstr(err.message, "within one another"));
        }
}

/* Nine lists, each with nine of the one before; and a text that is there a thousand times. */
static void test_yaml_bombs(void **state)
{
        (void)state;
        char laughs[2048] = "a: &a [x, x, x, x, x, x, x, x, x]\n";
        for (int c = 'b'; c < 'j'; c++) {
                size_t n = strlen(laughs);
                (void)snprintf(laughs + n, sizeof(laughs) - n,
                               "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c,
                               c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        }
        check_refused(laughs, strlen(laughs), "too much of it");
        size_t size = 1 << 20;
        char *text = test_malloc(size);
        int n = snprintf(text, size, "- &a ");
        memset(text + n, 'x', size / 2);
        for (size_t at = (size_t)n + size / 2; at + 6 < size; at += 5)
                memcpy(text + at, "\n- *a", 6);
        check_refused(text, strlen(text), "too much text");
        test_free(text);
        char *large = test_malloc(YAML_BYTES_MAX + 1);
        memset(large, ' ', YAML_BYTES_MAX + 1);
        check_refused(large, YAML_BYTES_MAX + 1, "more than");
        test_free(large);
}

static const char kubeconfig[] = "apiVersion: v1\n"
                                 "kind: Config\n"
                                 "clusters:\n"
                                 "- {name: c, cluster: {server: 'https://h:6443/'}}\n"
                                 "users: [{name: u, user: {token: secret}}]\n"
                                 "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                                 "current-context: x\n";

/* libyaml has its own allocator; ours and jansson's fail. */
static void test_yaml_no_memory(void **state)
{
        (void)state;
        unsigned long n = 1;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                json_t *it = NULL;
                alloc_fail_after(n);
                r = yaml_parse(kubeconfig, strlen(kubeconfig), ERROR_USAGE, &it, &err);
                alloc_fail_after(0);
                json_decref(it);
                assert_true(r == 0 || r == -(int)ERROR_INTERNAL || r == -(int)ERROR_USAGE);
                assert_true(r == 0 || (!it && err.message[0]));
                assert_true(n < 1000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 20);
}

static void test_yaml_cut(void **state)
{
        (void)state;
        for (size_t n = 0; n < strlen(kubeconfig); n++) {
                struct error err = {0};
                _cleanup_json_ json_t *it = NULL;
                int r = parse(kubeconfig, n, &it, &err);
                assert_true(r == 0 || (err.message[0] && !it));
        }
}

/* ---- kubeconfigs ---- */

struct fixture {
        char folder[64];
        char path[96];
        struct kube_server *server;
        struct error err;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/askcsv-kube-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/config", f->folder);
        (void)unsetenv("KUBERNETES_SERVICE_HOST");
        (void)unsetenv("KUBECONFIG");
        *state = f;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
        (void)st;
        (void)type;
        (void)where;
        return remove(path);
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        kube_server_free(f->server);
        assert_int_equal(nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(f);
        return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static int open_with(struct fixture *f, const char *context, const char *namespace_)
{
        const struct kube_settings settings = {
                .config = f->path, .context = context, .namespace_ = namespace_};
        kube_server_free(f->server);
        f->server = NULL;
        f->err = (struct error){0};
        return kube_server_open(&settings, &f->server, &f->err);
}

/* A cluster with these members, and a user with those. */
static int open_of(struct fixture *f, const char *cluster, const char *user)
{
        char text[4096];
        (void)snprintf(text, sizeof(text),
                       "clusters: [{name: c, cluster: {%s}}]\n"
                       "users: [{name: u, user: {%s}}]\n"
                       "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                       "current-context: x\n",
                       cluster, user);
        write_file(f, "config", text);
        return open_with(f, NULL, NULL);
}

#define SERVER "server: 'https://h:6443'"

static void check_broken(struct fixture *f, int r, const char *said)
{
        assert_int_equal(r, -(int)f->err.type);
        assert_true(f->err.type == ERROR_USAGE || f->err.type == ERROR_IO);
        assert_null(f->server);
        if (!strstr(f->err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", f->err.message, said);
        if (strstr(f->err.message, "c2VjcmV0") || strstr(f->err.message, "hush"))
                fail_msg("it tells a secret: %s", f->err.message);
}

static void test_token(void **state)
{
        struct fixture *f = *state;
        write_file(f, "config", kubeconfig);
        assert_int_equal(open_with(f, "", ""), 0);
        assert_string_equal(f->server->url, "https://h:6443");
        assert_string_equal(f->server->token, "secret");
        assert_string_equal(f->server->namespace_, "default");
        assert_string_equal(f->server->source, f->path);
        assert_null(f->server->ca_pem);
        assert_null(f->server->cert_pem);
        assert_null(f->server->token_file);
}

static void test_certificates(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(open_of(f, SERVER ", certificate-authority-data: Y2E=",
                                 "client-certificate-data: Y2VydA==, client-key-data: a2V5"),
                         0);
        assert_string_equal(f->server->ca_pem, "ca");
        assert_string_equal(f->server->cert_pem, "cert");
        assert_string_equal(f->server->key_pem, "key");
        /* As files, from the kubeconfig's folder on. */
        char pki[160];
        (void)snprintf(pki, sizeof(pki), "%s/pki", f->folder);
        assert_int_equal(mkdir(pki, 0700), 0);
        write_file(f, "pki/ca.crt", "its ca\n");
        write_file(f, "pki/me.crt", "my cert\n");
        write_file(f, "pki/me.key", "my key\n");
        assert_int_equal(open_of(f, SERVER ", certificate-authority: pki/ca.crt",
                                 "client-certificate: pki/me.crt, client-key: pki/me.key, "
                                 "tokenFile: pki/token"),
                         0);
        assert_string_equal(f->server->ca_pem, "its ca");
        assert_string_equal(f->server->cert_pem, "my cert");
        assert_string_equal(f->server->key_pem, "my key");
        (void)snprintf(pki, sizeof(pki), "%s/pki/token", f->folder);
        assert_string_equal(f->server->token_file, pki);
        (void)snprintf(pki, sizeof(pki), "%s, certificate-authority: %s/pki/ca.crt", SERVER,
                       f->folder);
        assert_int_equal(open_of(f, pki, "tokenFile: /run/token"), 0);
        assert_string_equal(f->server->ca_pem, "its ca");
        assert_string_equal(f->server->token_file, "/run/token");
}

static void test_contexts(void **state)
{
        struct fixture *f = *state;
        static const char text[] =
                "clusters:\n"
                "- {name: one, cluster: {server: 'https://one'}}\n"
                "- {name: two, cluster: {server: 'https://two/k8s/c1/'}}\n"
                "users: [{name: u, user: {token: t1}}, {name: v, user: {token: t2}}]\n"
                "contexts:\n"
                "- {name: one, context: {cluster: one, user: u, namespace: apps}}\n"
                "- {name: two, context: {cluster: two, user: v}}\n"
                "- {name: nobody, context: {cluster: two}}\n"
                "- {name: lost, context: {cluster: three, user: u}}\n"
                "- {name: stranger, context: {cluster: two, user: w}}\n"
                "- {name: odd, context: {cluster: two, user: v, namespace: 'A_b'}}\n"
                "- {name: empty}\n"
                "current-context: one\n";
        write_file(f, "config", text);
        assert_int_equal(open_with(f, NULL, NULL), 0);
        assert_string_equal(f->server->url, "https://one");
        assert_string_equal(f->server->namespace_, "apps");
        assert_int_equal(open_with(f, NULL, "other"), 0);
        assert_string_equal(f->server->namespace_, "other");
        assert_int_equal(open_with(f, "two", NULL), 0);
        assert_string_equal(f->server->url, "https://two/k8s/c1");
        assert_string_equal(f->server->token, "t2");
        assert_string_equal(f->server->namespace_, "default");
        assert_int_equal(open_with(f, "nobody", NULL), 0);
        assert_null(f->server->token);
        check_broken(f, open_with(f, "three", NULL), "no context three");
        check_broken(f, open_with(f, "lost", NULL), "no cluster three");
        check_broken(f, open_with(f, "stranger", NULL), "no user w");
        check_broken(f, open_with(f, "empty", NULL), "no context empty");
        check_broken(f, open_with(f, "odd", NULL), "kubernetes_namespace");
        check_broken(f, open_with(f, NULL, "../x"), "kubernetes_namespace");
        check_broken(f, open_with(f, NULL, "-x"), "kubernetes_namespace");
}

static void test_broken(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *cluster;
                const char *user;
                const char *said;
        } cases[] = {
                {"x: 1", "", "names no server"},
                {"server: 'h:6443'", "", "https://HOST:PORT"},
                {"server: 'ftp://h'", "", "https://HOST:PORT"},
                {"server: 5", "", "https://HOST:PORT"},
                {SERVER ", insecure-skip-tls-verify: true", "", "insecure-skip-tls-verify"},
                {SERVER ", proxy-url: 'http://p'", "", "proxy-url"},
                {SERVER ", tls-server-name: x", "", "tls-server-name"},
                {SERVER ", certificate-authority-data: '%%%'", "", "certificate-authority-data"},
                {SERVER ", certificate-authority-data: ''", "", "certificate-authority-data"},
                {SERVER ", certificate-authority: nothing.crt", "", "nothing.crt"},
                {SERVER, "client-certificate-data: Y2VydA==", "wants its key"},
                {SERVER, "client-key-data: c2VjcmV0", "wants its key"},
                {SERVER, "client-key-data: 'hush hush!'", "client-key-data"},
                {SERVER, "exec: {command: aws}", "kubectl create token"},
                {SERVER, "auth-provider: {name: gcp}", "kubectl create token"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                check_broken(f, open_of(f, cases[i].cluster, cases[i].user), cases[i].said);
                assert_non_null(strstr(f->err.message, f->path));
        }
        write_file(f, "config", "");
        check_broken(f, open_with(f, NULL, NULL), "empty");
        write_file(f, "config", "a: [");
        check_broken(f, open_with(f, NULL, NULL), "line 2, column 1");
        write_file(f, "config", "5");
        check_broken(f, open_with(f, NULL, NULL), "no context");
        write_file(f, "config", "contexts: 5\ncurrent-context: [x]\n");
        check_broken(f, open_with(f, NULL, NULL), "none is current");
        (void)snprintf(f->path, sizeof(f->path), "%s/nothing", f->folder);
        check_broken(f, open_with(f, NULL, NULL), "kubernetes_config");
        (void)snprintf(f->path, sizeof(f->path), "%s", f->folder);
        check_broken(f, open_with(f, NULL, NULL), "kubernetes_config");
}

static void test_which_file(void **state)
{
        struct fixture *f = *state;
        char home[128];
        char several[256];
        char path[96];
        write_file(f, "config", kubeconfig);
        (void)snprintf(path, sizeof(path), "%s", f->path);
        f->path[0] = '\0';
        assert_int_equal(setenv("KUBECONFIG", path, 1), 0);
        assert_int_equal(open_with(f, NULL, NULL), 0);
        (void)snprintf(several, sizeof(several), "%s:%s", path, path);
        assert_int_equal(setenv("KUBECONFIG", several, 1), 0);
        check_broken(f, open_with(f, NULL, NULL), "several files");
        assert_int_equal(setenv("KUBECONFIG", "", 1), 0);
        const char *now = getenv("HOME");
        _cleanup_free_ char *before = strdup(now ? now : "/");
        assert_int_equal(setenv("HOME", f->folder, 1), 0);
        check_broken(f, open_with(f, NULL, NULL), "/.kube/config");
        (void)snprintf(home, sizeof(home), "%s/.kube", f->folder);
        assert_int_equal(mkdir(home, 0700), 0);
        write_file(f, ".kube/config", kubeconfig);
        assert_int_equal(open_with(f, NULL, NULL), 0);
        assert_int_equal(setenv("HOME", before, 1), 0);
}

static void test_server_no_memory(void **state)
{
        struct fixture *f = *state;
        unsigned long n = 1;
        write_file(f, "token", "x\n");
        assert_int_equal(open_of(f, SERVER ", certificate-authority-data: Y2E=",
                                 "client-certificate-data: Y2VydA==, client-key-data: a2V5, "
                                 "token: secret, tokenFile: token"),
                         0);
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n++) {
                kube_server_free(f->server);
                f->server = NULL;
                f->err = (struct error){0};
                const struct kube_settings settings = {.config = f->path};
                alloc_fail_after(n);
                r = kube_server_open(&settings, &f->server, &f->err);
                alloc_fail_after(0);
                assert_true(r == 0 || (f->err.message[0] && !f->server));
                assert_true(n < 1000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 30);
}

static void test_labels(void **state)
{
        (void)state;
        char longest[65];
        memset(longest, 'a', 64);
        longest[64] = '\0';
        assert_false(kube_is_label(longest));
        longest[63] = '\0';
        assert_true(kube_is_label(longest));
        assert_true(kube_is_label("ask-1"));
        static const char *const wrong[] = {"",    "-",   "a-",  "-a",      "A",
                                            "a.b", "a/b", "a b", "\xc3\xa4"};
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_false(kube_is_label(wrong[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_yaml),
                cmocka_unit_test(test_yaml_refused),
                cmocka_unit_test(test_yaml_depth),
                cmocka_unit_test(test_yaml_bombs),
                cmocka_unit_test(test_yaml_no_memory),
                cmocka_unit_test(test_yaml_cut),
                cmocka_unit_test_setup_teardown(test_token, setup, teardown),
                cmocka_unit_test_setup_teardown(test_certificates, setup, teardown),
                cmocka_unit_test_setup_teardown(test_contexts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
                cmocka_unit_test_setup_teardown(test_which_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_server_no_memory, setup, teardown),
                cmocka_unit_test(test_labels),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
