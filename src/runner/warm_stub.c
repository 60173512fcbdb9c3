#include "runner/warm_memory.h"
void warm_memory_text(void) {}
void warm_memory_settle(void) {}
void warm_memory_touch(void) {}
