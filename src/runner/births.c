#include "runner/births.h"

#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NO_HOST 0

union fd_room {
        char room[CMSG_SPACE(BIRTHS_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
};

/* 0, or an errno. */
static int send_message(int socket_fd, const void *bytes, size_t n, const int *fds, size_t n_fds,
                        int flags)
{
        struct iovec text = {.iov_base = (void *)bytes, .iov_len = n};
        union fd_room control = {0};
        struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
        if (n_fds > 0) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
        }
        while (sendmsg(socket_fd, &message, MSG_NOSIGNAL | flags) < 0)
                if (errno != EINTR)
                        return errno;
        return 0;
}

/* The bytes read: 0 at the end, -errno for a failure. */
static ssize_t take_message(int socket_fd, void *bytes, size_t n, int fds[BIRTHS_FDS_MAX],
                            size_t *ret_n_fds, int flags)
{
        struct iovec text = {.iov_base = bytes, .iov_len = n};
        union fd_room control;
        struct msghdr message = {.msg_iov = &text,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control.room)};
        ssize_t got;
        *ret_n_fds = 0;
        while ((got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | flags)) < 0)
                if (errno != EINTR)
                        return -errno;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
                *ret_n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(fds, CMSG_DATA(header), *ret_n_fds * sizeof(int));
        }
        return got;
}

static void note_child(int signal)
{
        (void)signal; /* it only interrupts ppoll(2) */
}

void births_init(struct births *births, int control_fd, sigset_t *while_waiting)
{
        static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM};
        struct sigaction action = {.sa_handler = note_child};
        sigset_t blocked;
        births->control_fd = control_fd;
        (void)sigaction(SIGCHLD, &action, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
        (void)sigemptyset(while_waiting);
        (void)sigemptyset(&blocked);
        (void)sigaddset(&blocked, SIGCHLD);
        (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

void births_say(const struct births *births, const struct birth_word *word, int fd)
{
        static const struct timespec moment = {.tv_nsec = 5000000};
        int errnum;
        /* The descriptors on their way count for each user: others of theirs may fill that up. */
        while ((errnum = send_message(births->control_fd, word, sizeof(*word), &fd, fd >= 0, 0)) ==
               ETOOMANYREFS)
                (void)nanosleep(&moment, NULL);
        if (errnum != 0)
                _exit(EXIT_NO_HOST);
}

void births_say_failure(const struct births *births, enum birth_saying saying, uint64_t id,
                        const struct error *err)
{
        struct birth_word word = {.saying = saying, .id = id, .error = err->type};
        (void)snprintf(word.message, sizeof(word.message), "%.*s", (int)sizeof(word.message) - 1,
                       err->message);
        births_say(births, &word, -1);
}

static void bury(struct births *births)
{
        struct rusage usage;
        int status;
        pid_t pid;
        while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
                for (size_t i = 0; i < BIRTHS_ALIVE_MAX; i++) {
                        if (births->alive[i].pid != pid)
                                continue;
                        births->alive[i].pid = 0;
                        births_say(births,
                                   &(struct birth_word){.saying = BIRTH_DEAD,
                                                        .id = births->alive[i].id,
                                                        .status = status,
                                                        .peak_kb = usage.ru_maxrss},
                                   -1);
                        break;
                }
        }
}

int births_await(struct births *births, int wait_ms, const sigset_t *while_waiting)
{
        struct pollfd order = {.fd = births->control_fd, .events = POLLIN};
        struct timespec timeout = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
        int n;
        do {
                n = ppoll(&order, 1, wait_ms < 0 ? NULL : &timeout, while_waiting);
                bury(births);
        } while (n < 0 && wait_ms < 0);
        if (n > 0 && !(order.revents & POLLIN))
                _exit(EXIT_NO_HOST);
        return n > 0;
}

void births_take(struct births *births, void *order, size_t size, int fds[BIRTHS_FDS_MAX],
                 size_t *ret_n_fds)
{
        if (take_message(births->control_fd, order, size, fds, ret_n_fds, 0) != (ssize_t)size)
                _exit(EXIT_NO_HOST);
}

bool births_has_room(const struct births *births)
{
        for (size_t i = 0; i < BIRTHS_ALIVE_MAX; i++)
                if (births->alive[i].pid == 0)
                        return true;
        return false;
}

void births_note(struct births *births, pid_t pid, uint64_t id, int pidfd)
{
        for (size_t i = 0; i < BIRTHS_ALIVE_MAX; i++) {
                if (births->alive[i].pid != 0)
                        continue;
                births->alive[i].pid = pid;
                births->alive[i].id = id;
                break;
        }
        births_say(births, &(struct birth_word){.saying = BIRTH_BORN, .id = id}, pidfd);
}

int births_send(int control_fd, const void *order, size_t size, const int *fds, size_t n_fds,
                struct error *err)
{
        /* One that does not read its orders must not hold up the others. */
        int errnum = send_message(control_fd, order, size, fds, n_fds, MSG_DONTWAIT);
        if (errnum != 0)
                return error_errno(err, errnum, "talking to a warm process");
        return 0;
}

int births_hear(int control_fd, struct birth_word *ret, int *ret_fd)
{
        int fds[BIRTHS_FDS_MAX];
        size_t n_fds;
        ssize_t n = take_message(control_fd, ret, sizeof(*ret), fds, &n_fds, MSG_DONTWAIT);
        *ret_fd = n_fds > 0 ? fds[0] : -1;
        for (size_t i = 1; i < n_fds; i++)
                (void)close(fds[i]);
        if (n == -EAGAIN)
                return 0;
        if (n != sizeof(*ret)) {
                cleanup_close(ret_fd);
                return -1;
        }
        ret->message[sizeof(ret->message) - 1] = '\0';
        return 1;
}
