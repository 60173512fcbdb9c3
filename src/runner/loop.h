/* Waiting for many descriptors at once: epoll(7), with what to do beside each. */
#ifndef ASKCSV_RUNNER_LOOP_H
#define ASKCSV_RUNNER_LOOP_H

#include "base/error.h"

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

/* One descriptor that is waited for; embedded in its owner. fd -1: none. */
struct watch {
        int fd;
        void (*on_event)(struct watch *watch, uint32_t events); /* EPOLLIN and so on */
        void *owner;
};

#define LOOP_EVENTS_MAX 64

struct loop {
        int epoll_fd;
        struct epoll_event events[LOOP_EVENTS_MAX]; /* those of the present round */
        int n_events;
};

int loop_init(struct loop *loop, struct error *err);
void loop_done(struct loop *loop);

/* The descriptor stays the caller's. */
int loop_add(struct loop *loop, struct watch *watch, int fd, uint32_t events, struct error *err);
void loop_change(struct loop *loop, struct watch *watch, uint32_t events);

/* Also in the middle of a round: an event of it that is still to come does not. */
void loop_remove(struct loop *loop, struct watch *watch);

/* The same when the descriptor is closed already, which took it out. */
void loop_forget(struct loop *loop, struct watch *watch);

/* One round: waits at most wait_ms (-1: for ever), with that signal mask, and calls everybody. */
void loop_run(struct loop *loop, int wait_ms, const sigset_t *while_waiting);

#endif
