#include "dataset/random.h"

#include <assert.h>

void random_init(struct random *random, uint64_t seed, uint64_t stream)
{
        random->state = 0;
        random->increment = stream << 1 | 1;
        (void)random_next(random);
        random->state += seed;
        (void)random_next(random);
}

uint32_t random_next(struct random *random)
{
        uint64_t old = random->state;
        random->state = old * 6364136223846793005u + random->increment;
        uint32_t shifted = (uint32_t)((old >> 18 ^ old) >> 27);
        uint32_t turn = (uint32_t)(old >> 59);
        return shifted >> turn | shifted << (-turn & 31);
}

uint32_t random_below(struct random *random, uint32_t bound)
{
        assert(bound > 0);
        uint32_t least = -bound % bound; /* 2^32 mod bound: below it some values come too often */
        uint32_t drawn;
        do {
                drawn = random_next(random);
        } while (drawn < least);
        return drawn % bound;
}

int random_range(struct random *random, int low, int high)
{
        return low + (int)random_below(random, (uint32_t)(high - low) + 1);
}

int random_middle(struct random *random, int low, int high)
{
        int64_t sum = 0;
        for (int i = 0; i < 3; i++)
                sum += random_range(random, 0, high - low);
        return low + (int)(sum / 3);
}

bool random_chance(struct random *random, uint32_t part, uint32_t whole)
{
        return random_below(random, whole) < part;
}

size_t random_pick(struct random *random, const uint32_t *weights, size_t n)
{
        uint32_t sum = 0;
        for (size_t i = 0; i < n; i++)
                sum += weights[i];
        uint32_t drawn = random_below(random, sum);
        size_t i = 0;
        while (i + 1 < n && drawn >= weights[i])
                drawn -= weights[i++];
        return i;
}

void random_order(struct random *random, uint32_t *order, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                order[i] = i;
        for (uint32_t i = n; i > 1; i--) { /* Fisher and Yates */
                uint32_t k = random_below(random, i);
                uint32_t moved = order[i - 1];
                order[i - 1] = order[k];
                order[k] = moved;
        }
}
