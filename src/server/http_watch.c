/* A suspended connection does not notice that its client went away: its socket is in no loop. So
 * one thread watches those sockets; and once a second it writes the comment lines of silent streams
 * and cuts off who is too slow. */
#include "server/http_private.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64
#define TICK_MS 1000

bool http_park(struct http_request *request, enum http_state state)
{
        struct http_server *server = request->server;
        struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = request};
        (void)pthread_mutex_lock(&server->mutex);
        bool parked = !server->stopping &&
                      epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, request->fd, &event) == 0;
        (void)pthread_mutex_unlock(&server->mutex);
        if (!parked)
                return false;
        request->state = state;
        MHD_suspend_connection(request->connection);
        return true;
}

void http_unpark(struct http_request *request)
{
        if (request->state != HTTP_PARKED && request->state != HTTP_STARVED)
                return;
        struct http_server *server = request->server;
        (void)pthread_mutex_lock(&server->mutex);
        (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, request->fd, NULL);
        (void)pthread_mutex_unlock(&server->mutex);
        request->state = request->state == HTTP_PARKED ? HTTP_HANDLED : HTTP_SENDING;
        MHD_resume_connection(request->connection);
}

/* Its connection goes on, to be closed. */
static void give_up(struct http_request *request)
{
        (void)pthread_mutex_lock(&request->mutex);
        if (request->state != HTTP_ENDED) {
                request->gone = true;
                http_unpark(request);
        }
        (void)pthread_mutex_unlock(&request->mutex);
        http_release(request);
}

/* epoll_wait under the lock that guards the set: what it gives is in the set, thus alive. */
static void look_for_gone(struct http_server *server)
{
        struct epoll_event events[EVENTS_AT_ONCE];
        int n = 0;
        do {
                (void)pthread_mutex_lock(&server->mutex);
                n = epoll_wait(server->epoll_fd, events, EVENTS_AT_ONCE, 0);
                for (int i = 0; i < n; i++)
                        (void)http_hold(events[i].data.ptr);
                (void)pthread_mutex_unlock(&server->mutex);
                for (int i = 0; i < n; i++)
                        give_up(events[i].data.ptr);
        } while (n == EVENTS_AT_ONCE);
}

/* Some requests that were not told to stop yet, or (now_us > 0) whose comment line is due; held. */
static size_t collect(struct http_server *server, int64_t now_us,
                      struct http_request *found[EVENTS_AT_ONCE])
{
        size_t n = 0;
        (void)pthread_mutex_lock(&server->mutex);
        for (struct http_request *r = server->requests; r && n < EVENTS_AT_ONCE; r = r->next) {
                if (now_us > 0 ? atomic_load(&r->comment_due_us) > now_us : r->told_to_stop)
                        continue;
                r->told_to_stop = now_us == 0;
                found[n++] = http_hold(r);
        }
        (void)pthread_mutex_unlock(&server->mutex);
        return n;
}

static void comment(struct http_server *server, int64_t now_us)
{
        struct http_request *found[EVENTS_AT_ONCE];
        size_t n = 0;
        do {
                n = collect(server, now_us, found);
                for (size_t i = 0; i < n; i++) {
                        atomic_store(&found[i]->comment_due_us, now_us + HTTP_COMMENT_EVERY_US);
                        (void)http_stream_send(found[i], ":\n\n", 3);
                        http_release(found[i]);
                }
        } while (n == EVENTS_AT_ONCE);
}

void http_cut_all(struct http_server *server)
{
        (void)pthread_mutex_lock(&server->mutex);
        server->stopping = true;
        (void)pthread_mutex_unlock(&server->mutex);
        struct http_request *found[EVENTS_AT_ONCE];
        size_t n = 0;
        do {
                n = collect(server, 0, found);
                for (size_t i = 0; i < n; i++)
                        give_up(found[i]);
        } while (n > 0);
}

static void *watch(void *data)
{
        struct http_server *server = data;
        struct pollfd fds[2] = {{.fd = server->epoll_fd, .events = POLLIN},
                                {.fd = server->wake_fd, .events = POLLIN}};
        int64_t tick_us = clock_monotonic_us();
        while (!fds[1].revents) {
                (void)poll(fds, 2, TICK_MS);
                if (fds[0].revents)
                        look_for_gone(server);
                int64_t now_us = clock_monotonic_us();
                if (now_us >= tick_us) {
                        comment(server, now_us);
                        http_peers_cut(server, now_us);
                        tick_us = now_us + TICK_MS * 1000;
                }
        }
        return NULL;
}

int http_watch_start(struct http_server *server, struct error *err)
{
        server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (server->epoll_fd < 0 || server->wake_fd < 0)
                return error_errno(err, errno, "starting the HTTP server");
        int r = pthread_create(&server->watcher, NULL, watch, server);
        if (r != 0) {
                (void)close(server->wake_fd);
                server->wake_fd = -1;
                return error_errno(err, r, "starting the HTTP server");
        }
        return 0;
}

void http_watch_stop(struct http_server *server)
{
        if (server->wake_fd >= 0) {
                (void)eventfd_write(server->wake_fd, 1);
                (void)pthread_join(server->watcher, NULL);
                (void)close(server->wake_fd);
        }
        if (server->epoll_fd >= 0)
                (void)close(server->epoll_fd);
}
