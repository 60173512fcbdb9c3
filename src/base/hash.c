#include "base/hash.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#define HASH_READ_BYTES (256 * 1024)

struct hash {
        EVP_MD_CTX *context;
};

struct hash *hash_new(void)
{
        struct hash *hash = alloc_calloc(1, sizeof(*hash));
        if (!hash)
                return NULL;
        hash->context = EVP_MD_CTX_new();
        if (!hash->context || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
                hash_free(hash);
                return NULL;
        }
        return hash;
}

void hash_free(struct hash *hash)
{
        if (!hash)
                return;
        EVP_MD_CTX_free(hash->context);
        free(hash);
}

static void hash_freep(struct hash **hash)
{
        hash_free(*hash);
}

void hash_update(struct hash *hash, const void *bytes, size_t n)
{
        (void)EVP_DigestUpdate(hash->context, bytes, n); /* cannot fail for SHA-256 */
}

void hash_final(struct hash *hash, unsigned char out[HASH_BYTES])
{
        (void)EVP_DigestFinal_ex(hash->context, out, NULL);
}

static void hash_to_hex(const unsigned char digest[HASH_BYTES], char out[HASH_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        for (size_t i = 0; i < HASH_BYTES; i++) {
                out[2 * i] = digits[digest[i] >> 4];
                out[2 * i + 1] = digits[digest[i] & 15];
        }
        out[HASH_HEX_SIZE - 1] = '\0';
}

void hash_final_hex(struct hash *hash, char out[HASH_HEX_SIZE])
{
        unsigned char digest[HASH_BYTES];
        hash_final(hash, digest);
        hash_to_hex(digest, out);
}

int hash_bytes(const void *bytes, size_t n, unsigned char out[HASH_BYTES], struct error *err)
{
        _cleanup_(hash_freep) struct hash *hash = hash_new();
        if (!hash)
                return error_oom(err);
        hash_update(hash, bytes, n);
        hash_final(hash, out);
        return 0;
}

int hash_bytes_hex(const void *bytes, size_t n, char out[HASH_HEX_SIZE], struct error *err)
{
        unsigned char digest[HASH_BYTES];
        int r = hash_bytes(bytes, n, digest, err);
        if (r < 0)
                return r;
        hash_to_hex(digest, out);
        return 0;
}

int hash_fd_hex(int fd, char out[HASH_HEX_SIZE], uint64_t *ret_bytes, struct error *err)
{
        _cleanup_(hash_freep) struct hash *hash = hash_new();
        _cleanup_free_ char *chunk = alloc_malloc(HASH_READ_BYTES);
        if (!hash || !chunk)
                return error_oom(err);
        uint64_t total = 0;
        for (;;) {
                ssize_t n = read(fd, chunk, HASH_READ_BYTES);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_errno(err, errno, "reading a file to hash it");
                if (n == 0)
                        break;
                hash_update(hash, chunk, (size_t)n);
                total += (uint64_t)n;
        }
        hash_final_hex(hash, out);
        if (ret_bytes)
                *ret_bytes = total;
        return 0;
}
