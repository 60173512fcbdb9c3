/* bench_policy DATASET < TREES: policy checks per second. Standard input has the engine's parse
 * trees of the dataset's golden questions, one a line, as sql_trees prints them; each must pass. A
 * check is what the runner does: the text is read as JSON, then the tree is walked. */
#include "base/cleanup.h"
#include "base/fd.h"
#include "dataset/registry.h"
#include "rate.h"
#include "runner/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define TREES_MAX 1024

struct trees {
        struct policy_scope scope;
        const char *lines[TREES_MAX];
        size_t lengths[TREES_MAX];
        size_t n;
};

_Noreturn static void die(const char *what)
{
        (void)fprintf(stderr, "bench_policy: %s\n", what);
        exit(1);
}

static void check_all(void *data)
{
        const struct trees *trees = data;
        for (size_t i = 0; i < trees->n; i++) {
                struct error err = {0};
                struct policy_verdict verdict = {0};
                _cleanup_json_ json_t *tree = NULL;
                if (policy_tree_parse(trees->lines[i], trees->lengths[i], &tree, &err) < 0 ||
                    policy_check(tree, "", &trees->scope, &verdict, &err) < 0)
                        die(err.message);
        }
}

static void split_lines(struct trees *trees, const char *at)
{
        for (const char *end; (end = strchr(at, '\n')); at = end + 1) {
                if (trees->n == TREES_MAX)
                        die("there are too many trees");
                trees->lines[trees->n] = at;
                trees->lengths[trees->n++] = (size_t)(end - at);
        }
        if (trees->n == 0)
                die("there is no tree on standard input");
}

int main(int argc, char **argv)
{
        struct error err = {0};
        struct registry *registry = NULL;
        if (registry_open(NULL, &registry, &err) < 0)
                die(err.message);
        const struct dataset *dataset = argc == 2 ? registry_find(registry, argv[1]) : NULL;
        if (!dataset)
                die("usage: bench_policy DATASET");
        const char *names[DATASET_TABLES_MAX];
        for (size_t i = 0; i < dataset->n_tables; i++)
                names[i] = dataset->tables[i].name;

        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, INPUT_MAX);
        if (fd_read_all(STDIN_FILENO, &text, "the trees", &err) < 0)
                die(err.message);
        static struct trees trees;
        trees.scope = (struct policy_scope){
                .dataset_id = dataset->id, .tables = names, .n_tables = dataset->n_tables};
        split_lines(&trees, buf_text(&text));
        rate_print("policy check", trees.n, check_all, &trees);
        registry_free(registry);
        return 0;
}
