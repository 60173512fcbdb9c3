/* Random numbers that are the same everywhere: PCG32 (O'Neill, "PCG: A Family of Simple Fast
 * Space-Efficient Statistically Good Algorithms for Random Number Generation", 2014, the
 * XSH RR 64/32 variant), and what the generators draw with it. Integers only: floating point may
 * differ in its last bit from one compiler to the next. */
#ifndef ASKCSV_DATASET_RANDOM_H
#define ASKCSV_DATASET_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
        uint64_t state;
        uint64_t increment; /* odd; the stream */
};

void random_init(struct random *random, uint64_t seed, uint64_t stream);
uint32_t random_next(struct random *random);

/* 0 .. bound-1, each as likely; bound is at least 1. */
uint32_t random_below(struct random *random, uint32_t bound);

/* low .. high, both included; high - low is below 2^32 - 1. */
int random_range(struct random *random, int low, int high);

/* low .. high, likelier in the middle (the mean of three draws). */
int random_middle(struct random *random, int low, int high);

/* True in part of whole cases. */
bool random_chance(struct random *random, uint32_t part, uint32_t whole);

/* An index into weights, as likely as its weight says; their sum is 1 .. 2^32-1. */
size_t random_pick(struct random *random, const uint32_t *weights, size_t n);

/* 0 .. n-1 in a random order. */
void random_order(struct random *random, uint32_t *order, uint32_t n);

#endif
