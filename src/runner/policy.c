#include "runner/policy.h"

#include "runner/policy_exact.h"
#include "runner/policy_text.h"
#include "runner/policy_walk.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

static int set_position(struct error *err, int r, const char *sql, size_t n, size_t offset)
{
        if (err)
                err->position = policy_text_position(sql, n, offset);
        return r;
}

/* Depth of brackets outside of strings, and whether a bare word such as Infinity is there, which
 * DuckDB writes for 1e400 although JSON has no such number. */
static size_t tree_depth(const char *json, size_t n, bool *ret_infinite)
{
        size_t depth = 0;
        size_t deepest = 0;
        bool in_string = false;
        for (size_t i = 0; i < n; i++) {
                char c = json[i];
                if (in_string && c == '\\') {
                        i++;
                } else if (c == '"') {
                        in_string = !in_string;
                } else if (!in_string && (c == '[' || c == '{')) {
                        if (++depth > deepest)
                                deepest = depth;
                } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
                        depth--;
                } else if (!in_string && (c == 'I' || c == 'N')) {
                        *ret_infinite = true;
                }
        }
        return deepest;
}

int policy_tree_parse(const char *json, size_t n, json_t **ret, struct error *err)
{
        bool infinite = false;
        if (n > POLICY_TREE_BYTES_MAX)
                return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                 "the SQL is too large: its parse tree has %zu bytes and the limit "
                                 "is %d; write it shorter",
                                 n, POLICY_TREE_BYTES_MAX);
        if (tree_depth(json, n, &infinite) > JSON_DEPTH_CEILING)
                return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                 "the SQL is nested too deeply; write it flatter");
        if (infinite)
                return error_set(err, ERROR_VALIDATION,
                                 "a number in the SQL is too large for DOUBLE; for infinity write "
                                 "'inf'::DOUBLE");
        /* Integers as doubles: DuckDB writes 2^64 - 1 for a position that it does not know. */
        json_error_t said;
        json_t *tree = json_loadb(
                json, n, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_DECODE_ANY, &said);
        if (!tree && json_error_code(&said) == json_error_out_of_memory)
                return error_oom(err);
        if (!tree) {
                policy_text_repair(said.text);
                return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                 "the engine's parse tree cannot be read (%s)", said.text);
        }
        *ret = tree;
        return 0;
}

static int refuse_several(const char *sql, size_t n, struct error *err)
{
        int r = error_set(err, ERROR_SQL_POLICY_VIOLATION,
                          "there is more than one statement; send one SELECT");
        return set_position(err, r, sql, n, policy_text_statement(sql, n, 1));
}

static const char *const pivots[] = {"pivot", "pivot_wider"};

static int refuse_pivot(const char *sql, size_t n, size_t at, struct error *err)
{
        int r = error_set(err, ERROR_SQL_POLICY_VIOLATION,
                          "PIVOT must list its values as constants; write ON column IN ('a', "
                          "'b')");
        return set_position(err, r, sql, n, at);
}

/* DuckDB makes several statements of a PIVOT without values. */
static int refuse_statement(const char *sql, size_t n, struct error *err)
{
        struct policy_lexer lexer = {.sql = sql, .n = n};
        struct policy_token first;
        do {
                first = policy_lexer_next(&lexer);
        } while (first.kind == POLICY_TOKEN_SEMICOLON || first.kind == POLICY_TOKEN_OPEN);
        static const char *const queries[] = {"select", "with", "from", "values", "table"};
        bool is_query = first.kind != POLICY_TOKEN_WORD;
        for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
                is_query |= policy_token_is(&lexer, first, queries[i]);
        if (policy_text_statement(sql, n, 1) < n && is_query)
                return refuse_several(sql, n, err);
        size_t pivot = policy_text_find(sql, n, pivots, ARRAY_SIZE(pivots));
        if (pivot < n && (is_query || pivot == first.start))
                return refuse_pivot(sql, n, pivot, err);
        int length = (int)(first.end - first.start > 32 ? 32 : first.end - first.start);
        int r = is_query ? error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                     "only one SELECT statement is allowed")
                         : error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                     "the statement \"%.*s\" is not allowed; only SELECT is",
                                     length, sql + first.start);
        if (err)
                policy_text_repair(err->message);
        return set_position(err, r, sql, n, first.start);
}

/* What the parser itself refuses to take for a query, and the words to look for. */
static const struct {
        const char *said;
        const char *words[5];
        size_t n_words;
} writes[] = {
        {"A CTE needs a SELECT", {"insert", "update", "delete", "merge", "truncate"}, 5},
        {"SELECT INTO not supported", {"into"}, 1},
        {"SELECT locking clause is not supported", {"update", "share"}, 2},
};

static int refuse_write(const char *sql, size_t n, size_t i, struct error *err)
{
        int r = error_set(err, ERROR_SQL_POLICY_VIOLATION,
                          "the query would change or lock data (%s); only SELECT is allowed",
                          writes[i].said);
        size_t at = policy_text_find(sql, n, writes[i].words, writes[i].n_words);
        return at < n ? set_position(err, r, sql, n, at) : r;
}

/* Unlike the tree's places, the parser's count characters, from 0. */
static int refuse_parse(const json_t *tree, const char *said, const char *sql, size_t n,
                        struct error *err)
{
        static const char *const deep[] = {"Max expression depth limit", "memory exhausted"};
        for (size_t i = 0; i < ARRAY_SIZE(deep); i++)
                if (strncmp(said, deep[i], strlen(deep[i])) == 0)
                        return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                         "the SQL is nested too deeply; write it flatter");
        const char *position = json_get_string(tree, "position");
        int r = error_set(err, ERROR_VALIDATION, "the SQL cannot be parsed: %.200s", said);
        char *end = NULL;
        long long place = position ? strtoll(position, &end, 10) : 0;
        if (err)
                policy_text_repair(err->message);
        if (err && position && end != position && place >= 0 &&
            place < policy_text_position(sql, n, n))
                err->position = place + 1;
        return r;
}

/* {"error":true,"error_type","error_message","position"}: the text is not a query. */
static int refuse_error(const json_t *tree, const char *sql, size_t n, struct error *err)
{
        const char *type = json_get_string(tree, "error_type");
        const char *said = json_get_string(tree, "error_message");
        if (!type || !said)
                return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                                 "the engine gave no parse tree for the SQL");
        if (strncmp(said, "Only SELECT statements", 22) == 0)
                return refuse_statement(sql, n, err);
        size_t pivot = policy_text_find(sql, n, pivots, ARRAY_SIZE(pivots));
        if (strstr(said, "in pivot list") && pivot < n)
                return refuse_pivot(sql, n, pivot, err);
        for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
                if (strncmp(said, writes[i].said, strlen(writes[i].said)) == 0)
                        return refuse_write(sql, n, i, err);
        if (strcmp(type, "parser") == 0 || strcmp(type, "not implemented") == 0)
                return refuse_parse(tree, said, sql, n, err);
        return error_set(err, ERROR_SQL_POLICY_VIOLATION,
                         "the SQL uses something that cannot be checked; write it in another way");
}

static int check_query(struct policy_walk *walk, const json_t *statement,
                       struct policy_verdict *ret, struct error *err)
{
        if (!json_is_object(statement))
                return policy_refuse_unknown(walk, err, "the parse tree's", "statement");
        int r = policy_walk_object(walk, statement, &policy_shape_statement, err);
        if (r < 0)
                return r;
        /* Values that a collation takes for equal may still differ. */
        const json_t *query = json_object_get(statement, "node");
        *ret = (struct policy_verdict){.total_order =
                                               !walk->collated && policy_order_is_total(query),
                                       .random_sample = walk->random_sample,
                                       .asks_time = walk->asks_time,
                                       .names_dataset = walk->names_dataset};
        if (walk->collated || walk->random_sample)
                return 0;
        return policy_is_order_free(statement, walk->scope, &ret->order_free, err);
}

int policy_check(const json_t *tree, const char *sql, const struct policy_scope *scope,
                 struct policy_verdict *ret, struct error *err)
{
        size_t n = strlen(sql);
        const json_t *statements = json_object_get(tree, "statements");
        const json_t *failed = json_object_get(tree, "error");
        if (!json_is_false(failed) || !json_is_array(statements))
                return refuse_error(tree, sql, n, err);
        if (json_array_size(statements) == 0)
                return error_set(err, ERROR_VALIDATION,
                                 "the SQL is empty; write one SELECT statement");
        if (json_array_size(statements) > 1)
                return refuse_several(sql, n, err);
        _cleanup_free_ struct policy_walk *walk = alloc_calloc(1, sizeof(*walk));
        if (!walk)
                return error_oom(err);
        walk->sql = sql;
        walk->sql_n = n;
        walk->scope = scope;
        walk->place = POLICY_NO_PLACE;
        return check_query(walk, json_array_get(statements, 0), ret, err);
}
