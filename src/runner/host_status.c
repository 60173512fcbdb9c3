/* What a host says of itself. */
#include "runner/host_private.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <stdio.h>
#include <unistd.h>

#define STATUS_MAX (4 * 1024 * 1024)

/* proc_pid_fdinfo(5): a pidfd's pid as we see it; 0 when it is gone. */
static long long pid_of(int pidfd)
{
        char path[64];
        char line[256];
        long long pid = 0;
        (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
        _cleanup_fclose_ FILE *f = pidfd >= 0 ? fopen(path, "re") : NULL;
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "Pid: %lld", &pid) == 1)
                        break;
        return pid > 0 ? pid : 0;
}

static json_t *children_of(const struct warm *warm)
{
        json_t *list = json_array();
        for (struct link *link = warm->children; list && link; link = link->next) {
                const struct child *child = (struct child *)link;
                (void)json_array_append_new(
                        list, json_pack("{s:I,s:b}", "pid",
                                        (json_int_t)pid_of(child->attempt.worker.pidfd), "idle",
                                        !child->call));
        }
        return list;
}

static json_t *warms_of(const struct host *host)
{
        static const char *const states[] = {"checking", "building", "starting", "ready"};
        json_t *list = json_array();
        for (struct link *link = host->warms; list && link; link = link->next) {
                const struct warm *warm = (struct warm *)link;
                (void)json_array_append_new(
                        list, json_pack("{s:s,s:s,s:I,s:I,s:o}", "key", warm->key, "state",
                                        states[warm->state], "parent_pid",
                                        (json_int_t)pid_of(warm->parent_pidfd), "calls",
                                        (json_int_t)warm->n_calls, "children", children_of(warm)));
        }
        return list;
}

int host_put_status(struct host *host, struct buf *out, struct error *err)
{
        _cleanup_json_ json_t *status =
                json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "pid", (json_int_t)getpid(), "seed_pid",
                          (json_int_t)host->seed_pid, "calls", (json_int_t)host->n_calls, "waiting",
                          (json_int_t)queue_waiting(host->queue), "running",
                          (json_int_t)queue_running(host->queue), "runs", (json_int_t)host->runs,
                          "warm", warms_of(host));
        buf_init(out, STATUS_MAX);
        int r = status ? json_put(status, out, err) : error_oom(err);
        buf_putc(out, '\n');
        return r < 0 ? r : buf_error(out, err, "the status");
}
