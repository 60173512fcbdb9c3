/* A stored or exported capsule: what is accepted can be written, read again, and hashes the same.
 */
#include "fuzz.h"

#include "capsule/capsule.h"

#define CAPSULE_MAX ((size_t)64 * 1024 * 1024)

static void check_rewrite(const struct capsule *capsule)
{
        struct error err = {0};
        struct buf text;
        buf_init(&text, CAPSULE_MAX);
        FUZZ_CHECK(capsule_write(capsule, &text, &err) == 0);

        struct capsule *again = NULL;
        FUZZ_CHECK(capsule_parse(buf_text(&text), text.len, &again, &err) == 0);
        FUZZ_CHECK(again->state == capsule->state);
        char first[HASH_HEX_SIZE];
        char second[HASH_HEX_SIZE];
        /* An integer beyond 2^53 has no canonical form: then neither hashes. */
        int r = capsule_compute_hash(capsule, first, &err);
        fuzz_check_error(r, &err);
        int s = capsule_compute_hash(again, second, &err);
        FUZZ_CHECK(r == s);
        FUZZ_CHECK(r < 0 || strcmp(first, second) == 0);
        fuzz_check_error(capsule_compute_result_hash(again, second, &err), &err);
        capsule_free(again);
        buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        int r = capsule_parse((const char *)data, size, &capsule, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK((r == 0) == (capsule != NULL));
        if (r == 0) {
                FUZZ_CHECK(capsule_run_id(capsule));
                check_rewrite(capsule);
        }
        capsule_free(capsule);
        return 0;
}
