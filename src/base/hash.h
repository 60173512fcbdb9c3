/* SHA-256 (FIPS 180-4), by libcrypto. */
#ifndef ASKCSV_BASE_HASH_H
#define ASKCSV_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES 32
#define HASH_HEX_SIZE (2 * HASH_BYTES + 1) /* lower-case hexadecimal and a NUL */

struct hash; /* a digest under way */

struct hash *hash_new(void); /* NULL when memory is short */
void hash_free(struct hash *hash);
void hash_update(struct hash *hash, const void *bytes, size_t n);
/* Ends the digest; hash may then only be freed. */
void hash_final(struct hash *hash, unsigned char out[HASH_BYTES]);
void hash_final_hex(struct hash *hash, char out[HASH_HEX_SIZE]);

/* All at once. 0 or a negative code. */
int hash_bytes(const void *bytes, size_t n, unsigned char out[HASH_BYTES], struct error *err);
int hash_bytes_hex(const void *bytes, size_t n, char out[HASH_HEX_SIZE], struct error *err);

/* Everything from fd's current position to its end; *ret_bytes (may be NULL) is how much. */
int hash_fd_hex(int fd, char out[HASH_HEX_SIZE], uint64_t *ret_bytes, struct error *err);

#endif
