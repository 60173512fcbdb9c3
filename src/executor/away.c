#include "executor/away.h"

#define MEMORY_SLACK_MB 384
#define MEMORY_MAX_MB ((int64_t)1 << 21)
#define GRACE_MS 5000
#define PROBE_MS 30000

int64_t away_memory_mb(const struct executor_call *call)
{
        int64_t mb = call->memory_mb + call->memory_mb / 4 + MEMORY_SLACK_MB;
        return mb < MEMORY_MAX_MB ? mb : MEMORY_MAX_MB;
}

int64_t away_patience_ms(const struct executor_call *call)
{
        return call->timeout_ms + EXECUTOR_GRACE_MS + GRACE_MS;
}

struct executor_call away_probe(const struct buf *answer)
{
        return (struct executor_call){.request = "",
                                      .timeout_ms = PROBE_MS,
                                      .max_response_bytes = (int64_t)answer->max,
                                      .cancel_fd = -1,
                                      .memory_mb = 256,
                                      .threads = 1};
}
