#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "protocol/result_hash.h"

#include <stdlib.h>
#include <string.h>

/* The expected hashes were computed once with Python's hashlib and json, by the rule in
 * result_hash.h. */
static void check_hash(const char *text, bool ordered, const char *expected)
{
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        _cleanup_json_ json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        assert_int_equal(result_hash_json(json_object_get(json, "columns"),
                                          json_object_get(json, "types"),
                                          json_object_get(json, "rows"), ordered, hex, &err),
                         0);
        assert_string_equal(hex, expected);
}

#define TWO_ROWS(rows)                                                                             \
        "{\"columns\":[\"a\",\"b\"],\"types\":[\"INTEGER\",\"VARCHAR\"],\"rows\":" rows "}"
#define NUMBERS(rows) "{\"columns\":[\"n\"],\"types\":[\"BIGINT\"],\"rows\":" rows "}"

static void test_known(void **state)
{
        (void)state;
        check_hash(TWO_ROWS("[[1,\"é\"],[2.5,null]]"), true,
                   "0602bc6059b80117488648996e8a341c4597b406be037b32ce3a6e72ba86c382");
        check_hash(TWO_ROWS("[[1,\"é\"],[2.5,null]]"), false,
                   "90d1d50eafcf23263b87f1c407d4c9d47e66ca9484608899e82cebc00b1d5cd0");
        check_hash(NUMBERS("[]"), true,
                   "348e6c02e622d16c5a9154205639039fb736f6d89f5106f145e36e437fb97bd6");
        check_hash(NUMBERS("[]"), false,
                   "8a002c93c57d761aaa801855aec3aad99ab8c5832729d5952ae9e1c397fa22c3");
        check_hash(NUMBERS("[[1],[1],[2]]"), true,
                   "790fb05ff80c1528176fd08a3f010cba73533d7c1625df829c5d6ba8fe1eda5a");
}

/* A multiset: the order does not count, how often a row is there does. */
static void test_multiset(void **state)
{
        (void)state;
        static const char expected[] =
                "5db9de4b9ebd84f4a141667f28a4a4039bca4743685c673686a19a6c7138a739";
        struct error err = {0};
        char hex[HASH_HEX_SIZE];
        check_hash(NUMBERS("[[1],[1],[2]]"), false, expected);
        check_hash(NUMBERS("[[2],[1],[1]]"), false, expected);
        _cleanup_json_ json_t *json = json_loads(NUMBERS("[[2],[2],[1]]"), 0, NULL);
        assert_int_equal(result_hash_json(json_object_get(json, "columns"),
                                          json_object_get(json, "types"),
                                          json_object_get(json, "rows"), false, hex, &err),
                         0);
        assert_string_not_equal(hex, expected);
}

/* Every part of the answer counts: names, types, order, values. */
static void test_everything_counts(void **state)
{
        (void)state;
        static const char *const documents[] = {
                TWO_ROWS("[[1,\"a\"],[2,\"b\"]]"),
                TWO_ROWS("[[2,\"b\"],[1,\"a\"]]"),
                TWO_ROWS("[[1,\"a\"]]"),
                TWO_ROWS("[[1,\"a\"],[2,\"c\"]]"),
                TWO_ROWS("[[1,\"a\"],[2,null]]"),
                TWO_ROWS("[[1,\"a\",2,\"b\"]]"),
                "{\"columns\":[\"a\",\"c\"],\"types\":[\"INTEGER\",\"VARCHAR\"],"
                "\"rows\":[[1,\"a\"],[2,\"b\"]]}",
                "{\"columns\":[\"a\",\"b\"],\"types\":[\"BIGINT\",\"VARCHAR\"],"
                "\"rows\":[[1,\"a\"],[2,\"b\"]]}",
        };
        char hex[ARRAY_SIZE(documents)][HASH_HEX_SIZE];
        for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
                struct error err = {0};
                _cleanup_json_ json_t *json = json_loads(documents[i], 0, NULL);
                assert_int_equal(result_hash_json(json_object_get(json, "columns"),
                                                  json_object_get(json, "types"),
                                                  json_object_get(json, "rows"), true, hex[i],
                                                  &err),
                                 0);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(hex[i], hex[j]);
        }
}

/* Row by row, as the runner does, gives the same as all at once; more rows than one block. */
static void test_incremental(void **state)
{
        (void)state;
        for (int ordered = 0; ordered < 2; ordered++) {
                struct error err = {0};
                char once[HASH_HEX_SIZE];
                char stepped[HASH_HEX_SIZE];
                _cleanup_json_ json_t *columns = json_pack("[s]", "n");
                _cleanup_json_ json_t *types = json_pack("[s]", "BIGINT");
                _cleanup_json_ json_t *rows = json_array();
                struct result_hash *hash = result_hash_new(columns, types, ordered, &err);
                assert_non_null(hash);
                for (int i = 0; i < 300; i++) {
                        char text[32];
                        int n = snprintf(text, sizeof(text), "[%d]", i * 7 % 31);
                        json_array_append_new(rows, json_pack("[i]", i * 7 % 31));
                        assert_int_equal(result_hash_add(hash, text, (size_t)n, &err), 0);
                }
                result_hash_final(hash, stepped);
                result_hash_free(hash);
                assert_int_equal(result_hash_json(columns, types, rows, ordered, once, &err), 0);
                assert_string_equal(once, stepped);
        }
}

static void test_out_of_memory(void **state)
{
        (void)state;
        _cleanup_json_ json_t *json = json_loads(NUMBERS("[[1],[{\"a\":[2]}]]"), 0, NULL);
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1;; n++) {
                struct error err = {0};
                char hex[HASH_HEX_SIZE];
                alloc_fail_after(n);
                int r = result_hash_json(json_object_get(json, "columns"),
                                         json_object_get(json, "types"),
                                         json_object_get(json, "rows"), false, hex, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        assert_true(n > 5);
                        break;
                }
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_true(n < 1000);
        }
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_multiset),
                cmocka_unit_test(test_everything_counts),
                cmocka_unit_test(test_incremental),
                cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
