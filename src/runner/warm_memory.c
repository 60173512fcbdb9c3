#include "runner/warm_memory.h"

#include "runner/warm_memory_parts.h"

void warm_memory_text(void)
{
        warm_text_copy();
        warm_buffers_open(true);
        warm_state_note();
}

void warm_memory_spare(void)
{
        warm_buffers_spare();
}

void warm_memory_settle(bool threads)
{
        warm_buffers_settle(threads);
        warm_heap_collapse();
        if (threads)
                warm_state_settle();
        warm_heap_settle(); /* the last: whatever allocates would use what it laid by */
}

void warm_memory_unsettle(void)
{
        warm_heap_unsettle();
}

void warm_memory_touch(void)
{
        void *first = warm_heap_turn(WARM_SHARED_BYTES);
        warm_buffers_turn(first, first ? WARM_SHARED_BYTES : 0);
        warm_buffers_touch();
}

void warm_memory_own(void)
{
        warm_state_own();
}
