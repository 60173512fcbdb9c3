/* Where the bytes that divide a CSV file are, 64 bytes at a time. */
#ifndef ASKCSV_RUNNER_CSV_BLOCK_H
#define ASKCSV_RUNNER_CSV_BLOCK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CSV_BLOCK 64

/* Bit i is set when byte i is the separator, a quote, LF or CR. This one runs everywhere. */
static inline uint64_t csv_block_marks_portable(const char *bytes, char separator)
{
        static const uint64_t ones = 0x0101010101010101ULL;
        static const uint64_t low = 0x7F7F7F7F7F7F7F7FULL;
        const uint64_t marks[] = {ones * (unsigned char)separator, ones * '"', ones * '\n',
                                  ones * '\r'};
        uint64_t ret = 0;
        for (unsigned i = 0; i < CSV_BLOCK / 8; i++) {
                uint64_t word;
                uint64_t hits = 0;
                memcpy(&word, bytes + 8 * (size_t)i, sizeof(word));
                word = le64toh(word);
                for (unsigned k = 0; k < 4; k++) {
                        uint64_t x = word ^ marks[k];
                        hits |= ~(((x & low) + low) | x | low); /* bit 7 of each byte that is 0 */
                }
                /* The eight bits 7, side by side. */
                ret |= (((hits >> 7) * 0x0102040810204080ULL) >> 56) << (8 * i);
        }
        return ret;
}

#ifdef __SSE2__
static inline uint64_t csv_block_marks(const char *bytes, char separator)
{
        uint64_t ret = 0;
        for (unsigned i = 0; i < CSV_BLOCK / 16; i++) {
                __m128i part = _mm_loadu_si128((const __m128i *)(bytes + 16 * (size_t)i));
                __m128i hits =
                        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8(separator)),
                                                  _mm_cmpeq_epi8(part, _mm_set1_epi8('"'))),
                                     _mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8('\n')),
                                                  _mm_cmpeq_epi8(part, _mm_set1_epi8('\r'))));
                ret |= (uint64_t)(unsigned)_mm_movemask_epi8(hits) << (16 * i);
        }
        return ret;
}
#else
#define csv_block_marks csv_block_marks_portable
#endif

#endif
