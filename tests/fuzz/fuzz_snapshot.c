/* A snapshot's manifest, and the memo of file hashes: both read the same bytes, and what a manifest
 * says that is accepted can be relied on. */
#include "fuzz.h"

#include "base/json.h"
#include "dataset/values.h"
#include "runner/file_memo.h"
#include "snapshot/manifest.h"
#include "snapshot/snapshot.h"

#define MANIFEST_TEXT_MAX (4 * MANIFEST_BYTES_MAX)

static void check_files(const json_t *manifest)
{
        const json_t *files = json_object_get(manifest, "files");
        FUZZ_CHECK(json_array_size(files) == json_array_size(json_object_get(manifest, "tables")));
        for (size_t i = 0; i < json_array_size(files); i++) {
                const json_t *file = json_array_get(files, i);
                FUZZ_CHECK(json_get_string(file, "path")[0] == '/');
                FUZZ_CHECK(manifest_is_sha256(json_get_string(file, "sha256")));
        }
}

static void check_manifest(const char *text, size_t n)
{
        struct error err = {0};
        json_t *manifest = NULL;
        int r = manifest_parse(text, n, &manifest, &err);
        fuzz_check_error(r, &err);
        FUZZ_CHECK((r == 0) == (manifest != NULL));
        if (r < 0)
                return;
        FUZZ_CHECK(manifest_is_sha256(json_get_string(manifest, "key")));
        FUZZ_CHECK(manifest_is_sha256(json_get_string(manifest, "sha256")));
        FUZZ_CHECK(json_get_string(manifest, "engine") && json_get_string(manifest, "dataset_id"));
        FUZZ_CHECK(json_get_int(manifest, "bytes", -1) >= 0);
        const json_t *values = json_object_get(manifest, "values");
        FUZZ_CHECK(manifest_is_sha256(json_get_string(values, "sha256")));
        FUZZ_CHECK(json_get_int(values, "bytes", -1) >= 0 &&
                   json_get_int(values, "bytes", 0) <= (json_int_t)VALUES_BYTES_MAX);
        FUZZ_CHECK(manifest_rows(manifest) >= 0);
        check_files(manifest);

        struct buf written;
        json_t *again = NULL;
        buf_init(&written, MANIFEST_TEXT_MAX);
        FUZZ_CHECK(json_put(manifest, &written, &err) == 0);
        FUZZ_CHECK(manifest_parse(buf_text(&written), written.len, &again, &err) == 0);
        FUZZ_CHECK(manifest_rows(again) == manifest_rows(manifest));
        json_decref(again);
        json_decref(manifest);
        buf_done(&written);
}

static void check_memo(const char *text, size_t n)
{
        struct error err = {0};
        struct file_memo *memo = NULL;
        FUZZ_CHECK(file_memo_open(NULL, &memo, &err) == 0);
        int r = file_memo_parse(memo, text, n, &err);
        fuzz_check_error(r, &err);
        size_t count = file_memo_count(memo);
        FUZZ_CHECK(count <= FILE_MEMO_ENTRIES_MAX && (r == 0 || count == 0));
        /* Reading it once more adds nothing. */
        FUZZ_CHECK(file_memo_parse(memo, text, n, &err) == r && file_memo_count(memo) == count);
        file_memo_free(memo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_manifest((const char *)data, size);
        check_memo((const char *)data, size);
        return 0;
}
