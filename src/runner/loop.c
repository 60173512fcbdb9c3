#include "runner/loop.h"

#include <errno.h>
#include <unistd.h>

int loop_init(struct loop *loop, struct error *err)
{
        *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
        return loop->epoll_fd < 0 ? error_errno(err, errno, "preparing to wait") : 0;
}

void loop_done(struct loop *loop)
{
        if (loop->epoll_fd >= 0)
                (void)close(loop->epoll_fd);
        loop->epoll_fd = -1;
}

int loop_add(struct loop *loop, struct watch *watch, int fd, uint32_t events, struct error *err)
{
        struct epoll_event event = {.events = events, .data.ptr = watch};
        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return error_errno(err, errno, "preparing to wait");
        watch->fd = fd;
        return 0;
}

void loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = watch};
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_remove(struct loop *loop, struct watch *watch)
{
        if (watch->fd >= 0)
                (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
        loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, struct watch *watch)
{
        for (int i = 0; i < loop->n_events; i++)
                if (loop->events[i].data.ptr == watch)
                        loop->events[i].data.ptr = NULL;
        watch->fd = -1;
}

void loop_run(struct loop *loop, int wait_ms, const sigset_t *while_waiting)
{
        int n = epoll_pwait(loop->epoll_fd, loop->events, LOOP_EVENTS_MAX, wait_ms, while_waiting);
        loop->n_events = n > 0 ? n : 0;
        for (int i = 0; i < loop->n_events; i++) {
                struct watch *watch = loop->events[i].data.ptr;
                if (watch)
                        watch->on_event(watch, loop->events[i].events);
        }
        loop->n_events = 0;
}
