/* Pipes of the host's to its clones: what it writes, and what it reads. */
#include "runner/host_private.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int pipe_open(struct host *host, struct watch *pipe, void *owner,
              void (*on_event)(struct watch *, uint32_t), int *ret_theirs, struct error *err)
{
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(err, errno, "making a pipe");
        (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
        pipe->owner = owner;
        pipe->on_event = on_event;
        int r = loop_add(&host->loop, pipe, ends[1], 0, err);
        if (r < 0) {
                (void)close(ends[0]);
                (void)close(ends[1]);
                return r;
        }
        *ret_theirs = ends[0];
        return 0;
}

void pipe_close(struct host *host, struct watch *pipe)
{
        int fd = pipe->fd;
        loop_remove(&host->loop, pipe);
        cleanup_close(&fd);
}

int pipe_feed(struct host *host, struct watch *pipe, const char *text, size_t n, size_t *sent)
{
        while (pipe->fd >= 0 && *sent < n) {
                ssize_t written = write(pipe->fd, text + *sent, n - *sent);
                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0 && errno == EAGAIN) {
                        loop_change(&host->loop, pipe, EPOLLOUT);
                        return 0;
                }
                if (written < 0)
                        break; /* the reader is gone, and its end is told elsewhere */
                *sent += (size_t)written;
        }
        pipe_close(host, pipe);
        return 1;
}

void streams_watch(struct host *host, struct attempt *attempt, struct watch watches[STREAM_COUNT],
                   void *owner, void (*on_event)(struct watch *, uint32_t), struct error *err)
{
        for (int i = 0; i < STREAM_COUNT; i++) {
                watches[i].owner = owner;
                watches[i].on_event = on_event;
                if (loop_add(&host->loop, &watches[i], attempt->streams[i].fd, EPOLLIN, err) < 0)
                        return;
        }
}

void streams_take(struct host *host, struct attempt *attempt, struct watch watches[STREAM_COUNT],
                  struct watch *one)
{
        int i = (int)(one - watches);
        attempt_read(attempt, i);
        if (attempt->streams[i].fd < 0)
                loop_forget(&host->loop, one);
}
